"""What a jitted function returns: arrays and tensors of the caller's own, without history."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator

import numpy as np

from ..engine.operation import NotDifferentiable, Operation
from ..engine.recording import TENSORS, wrap
from ..engine.tape import CONST, new_node
from .instruction import View
from .places import SCALARS
from .reach import Reach
from .record import Tape
from .refusing import refuse
from .stand_in import StandIn

ndarray = np.ndarray


class Sealed(Operation):
    """The operation of a result that depends on parameters: without history, going back is refused."""

    name = "a jitted function"
    kind = "sealed"

    def pull_all(self, node, ct, lift):
        raise NotDifferentiable(
            "backward through the result of a jitted function, which keeps no history; call backward "
            "inside it, or jit the gradient: tg.jit(tg.grad(f))"
        )


SEALED = Sealed()


class Output:
    """One leaf of what f returned: a view of memory, or a value that is always the same."""

    def __init__(self, kind: str, view: View | None = None, thing=None, sealed: bool = False):
        self.kind, self.view, self.thing, self.sealed = kind, view, thing, sealed

    def value(self, array: ndarray):
        """What the caller gets of what a replay gave."""
        if self.kind == "array":
            return array
        if self.kind == "scalar":
            return array[()]
        return wrap(array, new_node(SEALED, (), (), array.shape, array.dtype) if self.sealed else CONST)


def output(value, tape: Tape, reach: Reach) -> Output:
    """What one leaf of the result is made from at each replay; `reach` is what f has reached, where arrays may stay."""
    if type(value) in TENSORS:
        return Output("tensor", tape.operand(value._array), sealed=value._node.tracked)
    if type(value) is StandIn:
        if value.number is not None:
            refuse("a number of a host function was returned; return it from outside")
        return Output("scalar" if value.scalar else "array", tape.operand(value))
    if isinstance(value, ndarray):  # made by f without its arguments
        return Output("array", tape.operand(value))
    if not isinstance(value, SCALARS) and id(value) not in reach.seen and holds_arrays(value, reach):
        refuse(
            f"a {type(value).__name__} was returned, which a replay would return again as it is; return arrays, "
            "tensors and numbers, in lists, tuples, dicts or dataclasses"
        )
    return Output("static", thing=value)


def holds_arrays(value, reach: Reach) -> bool:
    """Whether an object has in it, or will give, what has just been computed."""
    seen, stack = {id(value)}, [value]
    while stack:
        value = stack.pop()
        if type(value) is StandIn or isinstance(value, Iterator):
            return True
        for below in gc.get_referents(value):
            if id(below) not in seen and id(below) not in reach.seen and not isinstance(below, HOLDERS_OF_NOTHING):
                seen.add(id(below))
                stack.append(below)
    return False


HOLDERS_OF_NOTHING = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.FrameType,
    types.CodeType,
)  # what nothing is kept in

"""What f is given while it is recorded: stand-ins for the arrays and streams among its arguments."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from .reach import ARRAYS
from .record import Tape
from .refusing import refuse
from .replay import memory
from .stand_in import RecordedGenerator, StandIn

ndarray = np.ndarray


def array_like(leaf) -> bool:
    """Whether a stand-in takes the place of an argument."""
    return isinstance(leaf, (ndarray, np.generic, np.random.Generator)) or type(leaf) in TENSORS


def borrowed(array: ndarray) -> ndarray:
    """The same memory as an array that has no base: an argument may be a piece of anything."""
    alias = np.ndarray(array.shape, array.dtype, memory(array))
    alias.flags.writeable = array.flags.writeable
    return alias


class Arguments:
    """What f is given: stand-ins for arrays; the caller's own Tensors, with stand-ins inside, while it runs."""

    def __init__(self, leaves: list, tape: Tape):
        self.tape = tape
        self.leaves = leaves
        self.inputs: list[tuple[int, str]] = []  # input number -> which leaf, and what of it
        self.keep: list[tuple[ndarray, ndarray, ndarray]] = []  # itself, in C order, and as it was
        self.tensors: dict[int, int] = {}  # a Tensor, by id -> its leaf
        self.saved: list[tuple] = []
        self.streams: list[tuple[np.random.Generator, Any]] = []  # and where they were
        self.stand_ins: list[Any] = list(leaves)

    def stand_in(self, array, leaf: int, what: str) -> Any:
        if isinstance(array, ndarray) and type(array) not in ARRAYS:
            refuse(f"argument {leaf} is a {type(array).__name__}, whose arithmetic is its own; pass an ndarray")
        if array.dtype.hasobject:
            refuse(f"argument {leaf} is an array of Python objects; pass one of numbers")
        scalar, array = isinstance(array, np.generic), np.asarray(array)
        dense = np.ascontiguousarray(array).reshape(array.shape)
        alias = borrowed(dense)
        self.keep.append((array, dense, dense.copy()))
        self.inputs.append((leaf, what))
        self.tape.view(alias, "input", len(self.inputs) - 1)
        return StandIn(alias, self.tape, scalar=scalar)

    def __enter__(self) -> None:
        try:
            self.forth()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def forth(self) -> None:
        """Put the stand-ins where f will find them."""
        for i, leaf in enumerate(self.leaves):
            if type(leaf) in TENSORS:
                if id(leaf) in self.tensors:
                    continue
                if type(leaf.array) is StandIn:  # also part of the state, see State.among
                    continue
                node = leaf.node
                self.tensors[id(leaf)] = i
                self.saved.append((leaf, leaf.array, node, node.exposed, node.grad if type(node) is Leaf else None))
                leaf.array = self.stand_in(leaf.array, i, "array")
                if type(node) is Leaf:
                    node.exposed = None
                    if node.grad is not None:
                        node.grad = self.stand_in(node.grad, i, "grad")
            elif isinstance(leaf, np.random.Generator):
                self.stand_ins[i] = RecordedGenerator(leaf, self.tape)
                self.streams.append((leaf, leaf.bit_generator.state))
            elif array_like(leaf):
                self.stand_ins[i] = self.stand_in(leaf, i, "array")

    def lost(self) -> bool:
        """Whether f has written to an argument that is not in C order: to a copy of it."""
        pairs = (self.keep[n][:2] for n in self.tape.written_inputs())
        return any(not np.may_share_memory(array, dense) for array, dense in pairs)

    def __exit__(self, *exc) -> None:
        written = self.tape.written_inputs()
        for number in written if exc[0] is not None else ():
            array, dense, was = self.keep[number]
            np.copyto(dense, was)
        for stream, state in self.streams if exc[0] is not None else ():
            stream.bit_generator.state = state
        self.grads = [(self.tensors[id(t)], t.node.grad) for t, _, node, _, _ in self.saved if type(node) is Leaf]
        assigned = False
        for tensor, array, node, exposed, grad in self.saved:
            assigned |= tensor.node is not node
            tensor.array, tensor.node = array, node
            if type(node) is Leaf:
                node.exposed, node.grad = exposed, grad
        if assigned and exc[0] is None:
            refuse("a Tensor argument was assigned to; assign to a copy, and return it")

    def first(self) -> bool:
        """Leave the gradients that the recording call gave to Tensor arguments; whether replays will, too."""
        replayable = True
        for i, g in self.grads:
            leaf = self.leaves[i].node
            if g is None:
                replayable &= leaf.grad is None
                leaf.grad = None
            elif self.tape.storages[self.tape.operand(g).storage].kind != "input":
                leaf.grad = np.array(g.value)
        return replayable

"""What a node notes for pictures alone: its small value, what its call was given, and who made the call.

No derivative reads it, so it outlives the residuals: `1 - z` still says 1 after backward. It keeps no array of more
than `SMALL` elements alive: of others there is a weak reference to the memory, by which the same array is known again.
"""

from __future__ import annotations

import weakref
from operator import itemgetter
from typing import Any
from weakref import ref

import numpy as np

from .arrays import owner
from .tape import SMALL, Node

ndarray = np.ndarray

NUMBER_TYPES = frozenset(
    (
        int,
        float,
        complex,
        bool,
        str,
        type(None),
        type(np._NoValue),
        type(Ellipsis),
        *(kind for kind in np.sctypeDict.values() if issubclass(kind, (np.number, np.bool_))),
    )
)
PLAIN_NUMBERS = frozenset((bool, int, float))


class Given(tuple[Any, ...]):
    """An array that was an argument: (owner, copy) of a small one, (owner, None, shape, dtype) of another.

    `owner` is a weak reference to the memory that it looks at.
    """

    __slots__ = ()
    owner: weakref.ref[Any] = property(itemgetter(0))  # type: ignore[assignment]
    copy: np.ndarray | None = property(itemgetter(1))  # type: ignore[assignment]

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self[2] if self[1] is None else self[1].shape

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype."""
        return self[3] if self[1] is None else self[1].dtype


def noted(value: Any) -> Any:
    """An argument as a node may remember it: numbers, slices and short tuples of them as they are, arrays weakly.

    None for what is nothing of these.
    """
    kind = type(value)
    if kind is ndarray:
        return Given(noted_operand(value, value))
    if kind in NUMBER_TYPES or kind is slice:  # a slice can hold no more than three numbers
        return value
    if kind is tuple or kind is list:
        if len(value) <= 8:
            return tuple([v if type(v) in NUMBER_TYPES else noted(v) for v in value])
        return noted(np.array(value)) if {type(v) for v in value} <= PLAIN_NUMBERS else None
    return value if isinstance(value, (np.dtype, type)) else None


def noted_operand(operand: Any, array: ndarray) -> tuple[Any, ...]:
    """What `Given` is made of, for an operand without history: a tuple is quicker to make. `array` is its values.

    A small array that its user may write to is copied, unless `array` is a copy already. A tensor's own is copied by
    the tensor, before it changes.
    """
    of = operand if type(operand) is ndarray else array
    memory = ref(of if of.base is None else owner(of))
    if array.size > SMALL:
        return memory, None, array.shape, array.dtype
    return memory, array.copy() if array is operand or array.base is not None else array


def given_to(node: Node) -> tuple[Any, ...] | None:
    """What the call of a node was given, in the order of the row's names, None for what was tracked.

    None if it was not noted. Compiled forms leave bare tuples for arrays in the places of operands. Where one parameter
    is a list of operands, its place has a tuple with one entry for each.
    """
    given = getattr(node, "given", None)
    if given is None or len(node.parents) > len(node.op.positions):
        return given
    places = node.op.positions
    return tuple([Given(v) if type(v) is tuple and i in places else v for i, v in enumerate(given)])


def small_memory(base: Any) -> bool:
    """Whether what a view looks at is an array that may be kept for pictures; some of SciPy's results own no array."""
    return type(base) is np.ndarray and base.size <= SMALL


def see(node: Node, out: Any) -> None:
    """Keep the value of a node, if it is small and no view of something large."""
    if type(out) is np.ndarray and out.size <= SMALL and (out.base is None or small_memory(out.base)):
        node.value = out


def see_leaf(tensor: Any) -> None:
    """Let a leaf find its array: in its tensor while that lives, else what it was made of, if that is small."""
    array = tensor.array
    tensor.node.value = weakref.ref(tensor), array.copy() if array.size <= SMALL else None


def see_call(row: Any, node: Node, values: Any) -> None:
    """Keep what the call of a node was given, in the order of the row's names, None for what is tracked."""
    parents = node.parents
    if len(parents) > len(row.positions):
        (place,), values = row.positions, list(values)
        operands = [None if p.tracked else noted(v) for v, p in zip(values[place], parents)]
        node.given = tuple([tuple(operands) if i == place else noted(v) for i, v in enumerate(values)])
        return
    tracked = {i for i, parent in zip(row.positions, parents) if parent.tracked}
    node.given = tuple([None if i in tracked else noted(v) for i, v in enumerate(values)])


_last = -1  # the serial number of the node whose origin was noted last


def note_origin(maker: Any, start: int, out: Any) -> None:
    """Leave (maker, start, what was left there before) on the node of `out`, a tensor or several.

    What was recorded after serial number `start`, up to that node, was made by `maker`: a weak reference to a module,
    a composed row, or the order of a derivative. So nothing is paid for each operation, the note goes with the graph,
    and a graph keeps no module alive.
    """
    global _last
    node: Any = getattr(out, "node", out)
    if type(node) is Node:
        serial = node.serial
        if serial > start:
            node.origin = maker, start, node.origin if _last == serial else None
            _last = serial
    elif type(out) is tuple or type(out) is list:
        for part in out:
            note_origin(maker, start, part)

"""What a node notes for pictures alone: what its call was given, who made the call, and what cannot be had again.

No derivative reads it, so it outlives the residuals: `1 - z` still says 1 after backward. Values of the library's own
operations are not kept: a picture computes them again. No array of more than `SMALL` elements is kept alive: there is
a weak reference to its memory, by which the same array is known again.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any
from weakref import ref

import numpy as np

from .arrays import owner
from .tape import CONST, SMALL, Node

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


def is_plain(value: Any) -> bool:
    """Whether a value is a slice, or a short tuple, of numbers alone: a shape, axes or an index that stays as it is.

    >>> is_plain((slice(None, 3), -1)), is_plain((0, [1]))
    (True, False)
    """
    kind = type(value)
    if kind is slice:
        return (
            type(value.start) in NUMBER_TYPES and type(value.stop) in NUMBER_TYPES and type(value.step) in NUMBER_TYPES
        )
    if kind is not tuple or len(value) > 8:
        return False
    for v in value:
        if type(v) not in NUMBER_TYPES and not (type(v) is slice and is_plain(v)):
            return False
    return True


class Given(tuple[Any, ...]):
    """An array that was an argument: (owner, copy) of a small one, (owner, None, shape, dtype) of another.

    `owner` is a weak reference to the memory that it looks at.
    """

    __slots__ = ()
    owner: ref[Any] = property(itemgetter(0))  # type: ignore[assignment]
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
        if value.size <= SMALL and value.base is None:  # see noted_operand
            return value
        memory = ref(value if value.base is None else owner(value))
        return Given((memory, value.copy()) if value.size <= SMALL else (memory, None, value.shape, value.dtype))
    if kind in NUMBER_TYPES or kind is slice:  # a slice can hold no more than three numbers
        return value
    if kind is tuple or kind is list:
        if len(value) <= 8:
            return kind([v if type(v) in NUMBER_TYPES else noted(v) for v in value])
        return noted(np.array(value)) if {type(v) for v in value} <= PLAIN_NUMBERS else None
    return value if isinstance(value, (np.dtype, type)) else None


def noted_operand(operand: Any, array: ndarray) -> Any:
    """What a compiled form leaves of an operand without history that is no small array of its own, nor a number.

    Those it leaves as they are: a tensor copies its array before it changes; what a user does to theirs, a picture
    finds out. `given_to` makes a `Given` of either.
    """
    if array.size <= SMALL:
        return ref(owner(array)), array.copy()
    return ref(array if array.base is None else owner(array)), None, array.shape, array.dtype


def given_to(node: Node) -> tuple[Any, ...] | None:
    """What the call of a node was given, in the order of the row's names, None for an operand whose own node tells.

    None if all but the operands was at its default. Where one parameter is a list of operands, its place has a tuple
    with one entry for each.
    """
    given = getattr(node, "given", None)
    if given is None:
        return None
    places = node.op.positions
    if len(node.parents) > len(places):
        return as_given(given)
    if is_pair(node.op):
        given = (given, None) if node.parents[0] is CONST else (None, given)
    return tuple([Given(v) if type(v) is tuple and i in places else as_given(v) for i, v in enumerate(given)])


def is_pair(op: Any) -> bool:
    """Whether an operation has two operands and no other argument: then a node keeps the one that is constant alone."""
    return not op.joint and len(op.names) == len(op.diff) == 2


def as_given(value: Any) -> Any:
    """What was left of an argument, with arrays as `Given`, also those in a tuple."""
    if type(value) is tuple:
        return tuple(map(as_given, value))
    return Given((ref(owner(value)), value)) if type(value) is ndarray else value


def small_memory(base: Any) -> bool:
    """Whether what a view looks at is an array that may be kept for pictures; some of SciPy's results own no array."""
    return type(base) is np.ndarray and base.size <= SMALL


def see(node: Node, out: Any) -> None:
    """Keep the value of a node, if it is small and no view of something large."""
    if type(out) is np.ndarray and out.size <= SMALL and (out.base is None or small_memory(out.base)):
        node.value = out


def see_leaf(tensor: Any) -> None:
    """Let a leaf find its array: in its tensor while that lives, else what it was made of, if that is small."""
    array = tensor._array
    tensor._node.value = ref(tensor), array.copy() if array.size <= SMALL else None


def see_call(row: Any, node: Node, values: Any) -> None:
    """Keep what the call of a node was given, in the order of the row's names, None for what is tracked."""
    parents = node.parents
    if len(parents) > len(row.positions):
        (place,), values = row.positions, list(values)
        operands = [None if p.tracked else noted(v) for v, p in zip(values[place], parents)]
        node.given = tuple([tuple(operands) if i == place else noted(v) for i, v in enumerate(values)])
        return
    if is_pair(row):
        if CONST in parents:
            node.given = noted(list(values)[parents.index(CONST)])
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
    node: Any = getattr(out, "_node", out)
    if type(node) is Node:
        serial = node.serial
        if serial > start:
            node.origin = maker, start, node.origin if _last == serial else None
            _last = serial
    elif type(out) is tuple or type(out) is list:
        for part in out:
            note_origin(maker, start, part)

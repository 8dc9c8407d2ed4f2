"""A program as data: instructions, what they read and write, and which bytes that is."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

ndarray = np.ndarray


class View(NamedTuple):
    """An operand: the memory of storage `storage` from byte `offset` on, seen in this layout."""

    storage: int
    offset: int
    shape: tuple
    strides: tuple
    dtype: np.dtype


class Number(NamedTuple):
    """An operand: entry `entry` of what host call `call` returned."""

    call: int
    entry: int


class Storage:
    """A piece of memory: a temporary, an input, part of the state outside, or a constant."""

    __slots__ = ("kind", "array", "where", "seen", "nbytes", "layout")
    array: Any
    seen: bytes | None  # what was in a constant that came from elsewhere when it was read

    def __init__(self, kind: str, array: ndarray, where=None):
        self.kind = kind  # "temporary", "input", "state", "constant", or "unread": a constant that was not needed
        self.array = array  # its owner while recording
        self.seen = None
        self.where = where  # which input, which place of the state, or the constant's value
        self.nbytes = array.nbytes
        self.layout = array.shape, array.strides, array.dtype


class Instruction:
    """One NumPy call: `fun(*args, **kwargs)`, whose result goes to `out`; `writes` are operands that it changes."""

    __slots__ = ("kind", "fun", "args", "kwargs", "out", "writes", "line", "_operands")

    def __init__(self, kind: str, fun, args: tuple, kwargs: dict, out: tuple[View, ...], writes=(), line=""):
        self.kind, self.fun, self.args, self.kwargs = kind, fun, args, kwargs
        self.out, self.writes, self.line = out, tuple(writes), line
        self._operands: list[View] | None = None

    def operands(self) -> list[View]:
        """What it reads."""
        if self._operands is None:
            self._operands = list(views_in((*self.args, *self.kwargs.values())))
        return self._operands

    def changed(self) -> tuple[View, ...]:
        """What it writes."""
        return self.out + self.writes

    def changing(self, change: Callable) -> Instruction:
        """The same call on other views: `change` is applied to every operand."""
        return Instruction(
            self.kind,
            self.fun,
            replaced(self.args, change),
            replaced(self.kwargs, change),
            tuple(map(change, self.out)),
            map(change, self.writes),
            self.line,
        )

    pure = property(lambda self: self.kind not in ("random", "host", "guard"))


SURE = ("elementwise", "copy", "product", "host", "guard")  # these give a result for all values; guards come first


def may_fail(i: Instruction) -> bool:
    """Whether a call may raise for some values, or give a result of another shape."""
    if i.fun is np.power and i.out and i.out[0].dtype.kind in "iu":  # negative powers of integers
        return True
    owner = getattr(i.fun, "__self__", None)
    return i.kind not in SURE and not (isinstance(owner, np.ufunc) and i.fun.__name__ == "reduce")


class Step:
    """One or more instructions: element by element in tiles of a loop, or large products side by side."""

    def __init__(self, instructions: list[Instruction], tile: int = 0, length: int = 0):
        self.instructions = instructions
        self.tile, self.length = tile, length  # rows or elements of a tile, and of the loop; 0 for plain calls


def views_in(tree):
    """The views among nested arguments."""
    for item in tree:
        if type(item) is View:
            yield item
        elif type(item) in (tuple, list):
            yield from views_in(item)
        elif type(item) is slice:
            yield from views_in((item.start, item.stop, item.step))


NESTED = {tuple, list, slice, dict}


def replaced(tree, change: Callable):
    """The same nested arguments with `change` applied to what is not a container."""
    kind = type(tree)
    if kind in NESTED and not tree:
        return tree
    if kind is tuple or kind is list:
        return kind([replaced(item, change) if type(item) in NESTED else change(item) for item in tree])
    if kind is slice:
        return slice(*[replaced(item, change) for item in (tree.start, tree.stop, tree.step)])
    if kind is dict:
        return {key: replaced(item, change) for key, item in tree.items()}
    return change(tree)


def bytes_of(array: ndarray) -> ndarray:
    """The memory of an array without gaps, in the order in which it lies."""
    array = array[tuple([slice(None, None, -1) if s < 0 else slice(None) for s in array.strides])]
    axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return array.transpose(axes).reshape(-1).view(np.uint8)


def memory(array: ndarray) -> Any:
    """The bytes of an array as a buffer that holds no reference to it.

    The engine knows by reference counts whether somebody still needs an array; a program must not count. It checks
    before each run that the array is alive and in its place.
    """
    low, high = np.lib.array_utils.byte_bounds(array)
    return (ctypes.c_char * (high - low)).from_address(low)


# ---- who touches what -------------------------------------------------------------------------------------


def span(view: View) -> tuple[int, int]:
    """The bytes that a view lies in, from the first to after the last."""
    low = high = view.offset
    for n, stride in zip(view.shape, view.strides):
        if n == 0:
            return low, low
        if stride < 0:
            low += (n - 1) * stride
        else:
            high += (n - 1) * stride
    return low, high + view.dtype.itemsize


@lru_cache(1 << 14)
def overlap(a: View, b: View) -> bool:
    """Whether two views have a byte in common; views that interleave, like windows of an image, have none."""
    if a.storage != b.storage:
        return False
    (low, high), (start, end) = span(a), span(b)
    if not (low < end and start < high):
        return False
    if a.strides != b.strides or a.offset == b.offset:
        return True  # nearly always
    room = np.empty(max(high, end), np.uint8)  # never touched
    one, two = (ndarray(v.shape, v.dtype, room, v.offset, v.strides) for v in (a, b))
    effort: Any = 10_000  # NumPy's annotation knows only the names of limits
    try:
        return np.shares_memory(one, two, effort)
    except np.exceptions.TooHardError:
        return True


def nbytes(view: View) -> int:
    """The bytes of its elements."""
    return prod(view.shape) * view.dtype.itemsize


def same_layout(a: View, b: View) -> bool:
    """Whether two views order their elements alike in memory, axes of length one aside."""
    return (
        a.shape == b.shape
        and a.dtype == b.dtype
        and all(s == t or n == 1 for n, s, t in zip(a.shape, a.strides, b.strides))
    )


def covers(view: View, storage: Storage) -> bool:
    """Whether a view is all of a storage."""
    return span(view) == (0, storage.nbytes) and nbytes(view) == storage.nbytes


def touches(instruction: Instruction) -> list[View]:
    return [*instruction.operands(), *instruction.changed()]


def conflict(first: Instruction, second: Instruction) -> bool:
    """Whether two instructions may not change places."""
    if first.kind == "host":
        return any(type(a) is Number and a.call == first.args[0] for a in second.args)
    return any(overlap(a, b) for a in first.changed() for b in touches(second)) or any(
        overlap(a, b) for a in first.operands() for b in second.changed()
    )


class Touching:
    """Instructions by the storages that they touch: who comes into conflict is looked for among those alone."""

    def __init__(self):
        self.by_storage: dict[int, list[Instruction]] = {}
        self.hosts: list[Instruction] = []

    def add(self, i: Instruction) -> None:
        if i.kind == "host":
            self.hosts.append(i)
        for storage in {v.storage for v in touches(i)}:
            self.by_storage.setdefault(storage, []).append(i)

    def beside(self, i: Instruction):
        """Those that have a storage in common with an instruction, the latest first; and the calls of the host."""
        yield from self.hosts
        for storage in {v.storage for v in touches(i)}:
            yield from reversed(self.by_storage.get(storage, ()))

    def conflicts(self, i: Instruction) -> bool:
        """Whether one of them and a later instruction may not change places."""
        return any(conflict(j, i) for j in self.beside(i))


def temporary(storages, view: View) -> bool:
    return storages[view.storage].kind == "temporary"


def renamed(program, outputs, aliases: dict[int, tuple[int, int]]):
    """Put storages in the place of others: {old: (new, offset there)}."""

    def change(value):
        while type(value) is View and value.storage in aliases:
            storage, shift = aliases[value.storage]
            value = value._replace(storage=storage, offset=value.offset + shift)
        return value

    if not aliases:
        return program, outputs
    return [i.changing(change) for i in program], [change(o) for o in outputs]


def positions_of(program, storages) -> tuple[list[list[int]], list[list[int]]]:
    """The positions at which each storage is read, and written."""
    reads: list[list[int]] = [[] for _ in storages]
    writes: list[list[int]] = [[] for _ in storages]
    for position, instruction in enumerate(program):
        for view in instruction.operands():
            reads[view.storage].append(position)
        for view in instruction.changed():
            writes[view.storage].append(position)
    return reads, writes


def last_reads(reads, outputs, end: int) -> list[int]:
    """The position at which each storage is needed for the last time; results are needed at the end."""
    last = [max(r, default=-1) for r in reads]
    for view in outputs:
        if type(view) is View:
            last[view.storage] = end
    return last


def contiguous(view: View) -> bool:
    """Whether a view is one run of memory in C order."""
    expected = view.dtype.itemsize
    for n, stride in zip(reversed(view.shape), reversed(view.strides)):
        if n != 1 and stride != expected:
            return False
        expected *= n
    return True

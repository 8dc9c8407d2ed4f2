"""Bands: where a batch does not fit into the cache, a stretch of calls runs on some thousand of its rows at a time.

What is read forward and again backward, such as the data, then comes from memory once, and what lies between stays
in the cache. Sums over the batch are gathered piece by piece, in an order that does not depend on the cores.
"""

from __future__ import annotations

import numpy as np

from ..parallel.cores import PIECES
from .instruction import (
    Instruction,
    Number,
    Step,
    Storage,
    Touching,
    View,
    covers,
    nbytes,
    overlap,
    temporary,
    touches,
)

BAND_BYTES = 1 << 22  # that a band touches: those of two cores fit into a last-level cache
FEWEST = 2 * PIECES  # bands
TOTAL_BYTES = 1 << 19  # of sums over the rows, which every band adds to


class Band(Step):
    """Instructions that run from the first to the last for `tile` of `length` rows at a time."""

    def __init__(self, instructions: list[Instruction], length: int, storages: list[Storage]):
        views = [v for i in instructions for v in touches(i)]
        widths = {v.storage: nbytes(v) // length for v in views if length in v.shape}
        bands = -(-length * sum(widths.values()) // BAND_BYTES)
        self.count = min(-(-bands // PIECES) * PIECES, length)
        super().__init__(instructions, -(-length // self.count), length)
        written = {i.out[0].storage for i in instructions}
        entire = {v.storage for v in views if not rows_apart(v, length, storages)}
        # {temporary: bytes of a row}: where nobody else uses it, room for the rows of a band is enough
        self.inner = {s: widths[s] for s in written - entire if storages[s].kind == "temporary"}


def rows_apart(view: View, length: int, storages) -> bool:
    """Whether a view is all of a storage, so that its rows are the bytes at which another such view has them."""
    return length in view.shape and covers(view, storages[view.storage]) and min(view.strides) >= 0


def row_stride(view: View, length: int) -> int:
    """The bytes from a row to the next."""
    return view.strides[view.shape.index(length)]


def sums(i: Instruction, length: int) -> bool:
    """Whether the result is a sum over the rows."""
    return length not in i.out[0].shape


def goes(i: Instruction, length: int) -> bool:
    """Whether an instruction can run on some rows at a time: its result has rows too, or is a sum over them."""
    views = touches(i)
    if i.writes or len(i.out) != 1 or any(type(a) is Number for a in i.args):
        return False
    if any(v.shape.count(length) > 1 or 0 in v.shape for v in views) or not any(length in v.shape for v in views):
        return False
    if sums(i, length) and i.out[0].dtype == np.float16:  # NumPy rounds a sum of those once
        return False
    if i.kind in ("elementwise", "copy"):
        return not sums(i, length)
    if i.kind == "product":
        a, b = i.args
        return len(a.shape) <= 2 and len(b.shape) <= 2 and (a.shape[-1] == length) == sums(i, length)
    owner = getattr(i.fun, "__self__", None)
    if i.kind == "call" and isinstance(owner, np.ufunc) and i.fun.__name__ == "reduce":
        return len(i.args) == 1 and {*i.kwargs} <= {"axis", "keepdims"} and (owner is np.add or not sums(i, length))
    return False


def beside(old: Instruction, new: Instruction, length: int, storages) -> bool:
    """Whether two instructions can take turns: what one writes, the other touches on the same rows only."""

    def same_rows(v: View, w: View) -> bool:
        if length not in v.shape or length not in w.shape or row_stride(v, length) != row_stride(w, length):
            return False
        return v == w or rows_apart(v, length, storages) and rows_apart(w, length, storages)

    return not any(
        overlap(writer.out[0], v) and not same_rows(writer.out[0], v)
        for writer, other in ((old, new), (new, old))
        for v in (other.operands() if other is writer else touches(other))
    )


def long_axis(program: list[Instruction]) -> int:
    """The length of the axis, of the largest operand of a product, that most instructions can go along."""
    operands = [v for i in program if i.kind == "product" for v in i.operands()]
    shape = max(operands, key=nbytes).shape if operands else ()
    return max(shape, key=lambda length: sum(goes(i, length) for i in program), default=0)


def in_bands(program: list[Instruction], storages) -> tuple[list[Instruction], list[Band], list[Instruction]]:
    """The instructions before a band, the band if there is one, and the instructions after it."""
    length = long_axis(program)
    sizes = {v.storage: nbytes(v) for i in program for v in touches(i) if length in v.shape}
    if sum(sizes.values()) <= BAND_BYTES * PIECES:  # not worth it, whatever goes into the band
        return program, [], []
    before: list[Instruction] = []
    band: list[Instruction] = []
    after: list[Instruction] = []
    in_band, in_after, checked = Touching(), Touching(), False
    for i in program:
        undoable = all(temporary(storages, v) for v in i.changed())
        free = not in_after.conflicts(i) and (undoable or not checked)
        if free and goes(i, length) and all(beside(j, i, length, storages) for j in [*in_band.beside(i), i]):
            band.append(i)
            in_band.add(i)
        elif free and (i.pure or i.kind == "guard") and not in_band.conflicts(i):
            before.append(i)
        else:
            after.append(i)
            in_after.add(i)
            checked |= i.kind == "guard"
    if sum(i.kind == "product" for i in band) > 1:
        found = Band(band, length, storages)
        if found.count >= FEWEST and sum(nbytes(i.out[0]) for i in band if sums(i, length)) <= TOTAL_BYTES:
            return before, [found], after
    return program, [], []

"""Products of matrices: each as BLAS does it fastest, the large ones in halves on the two cores.

BLAS's own threads wait by spinning, against whoever else wants the core; the worker here sleeps. Long narrow
matrices go in pieces so small that BLAS multiplies them where they are, without packing them first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..cores import Choice
from .instruction import Instruction, View, contiguous

if TYPE_CHECKING:
    from .replay import Source

LARGE = 1 << 23  # multiplications, from which two cores are worth waking
THREADED = 1 << 18  # from which OpenBLAS uses its threads
NARROW = 16  # rows or columns
SMALL = 750_000  # multiplications in a piece; up to a million, OpenBLAS has kernels that do not pack


def turned(view: View) -> View:
    return view._replace(shape=view.shape[::-1], strides=view.strides[::-1])


def oriented(i: Instruction) -> tuple[View, View, View] | None:
    """(a, b, out) with the result in rows, as np.dot wants it; None where it lies otherwise."""
    a, b, out = *i.args, i.out[0]
    if contiguous(out):
        return a, b, out
    if len(out.shape) == 2 and contiguous(turned(out)):
        return turned(b), turned(a), turned(out)
    return None


def work(i: Instruction) -> int:
    """The multiplications of a product of matrices."""
    return int(np.prod(i.out[0].shape)) * i.args[0].shape[-1]


def is_large(i: Instruction) -> bool:
    """Whether a product is done in halves."""
    return i.kind == "product" and len(i.out[0].shape) == 2 and work(i) >= LARGE and oriented(i) is not None


def is_threaded(i: Instruction) -> bool:
    """Whether BLAS may use threads of its own."""
    return i.kind == "product" and work(i) >= THREADED


def line(source: Source, i: Instruction) -> str:
    """The call of a product on one core, or on BLAS's."""
    found = oriented(i)
    if found is None:
        source.names["matmul"] = np.matmul
        return f"matmul({', '.join(source.operand(v) for v in (*i.args, i.out[0]))})"
    source.names["dot"] = np.dot
    return f"dot({', '.join(map(source.operand, found))})"


def shared_lines(source: Source, instructions: list[Instruction], number: int) -> list[str]:
    """The call of large products that do not depend on each other: one half of each on each core."""
    here, there = [], []
    for k, i in enumerate(instructions):
        a, b, out = oriented(i)
        mine, other = halves(source.array(out), a.shape[1])
        source.names |= {f"here{number}_{k}": mine, f"there{number}_{k}": other}
        operands = f"{source.operand(a)}, {source.operand(b)}"
        here.append(f"(here{number}_{k}, {operands})")
        there.append(f"(there{number}_{k}, {operands})")
    source.names |= {"products_of": products_of, f"cores{number}": Choice()}
    return [f"cores{number}.run(products_of, [{', '.join(here)}], [{', '.join(there)}])"]


def halves(out: np.ndarray, depth: int) -> tuple[list, list]:
    """The pieces of a result's halves, each with what it sums over: rows or columns, whichever are more."""
    m, n = out.shape
    length, width = max(m, n), min(m, n)
    narrow = min(m, n, depth) <= NARROW
    found = []
    for start, stop in ((0, length // 2), (length // 2, length)):
        run, sums = stop - start, depth
        if narrow and depth > length:
            sums = max(16, SMALL // (run * width))
        elif narrow:
            run = max(16, SMALL // (depth * width))
        pieces = []
        for s in range(start, stop, run):
            part = slice(s, min(s + run, stop))
            rows, columns = (part, slice(None)) if m >= n else (slice(None), part)
            first, *rest = [slice(d, min(d + sums, depth)) for d in range(0, depth, sums)]
            place = out[rows, columns]
            pieces.append((rows, columns, place, first, rest, np.empty_like(place) if rest else None))
        found.append(pieces)
    return found[0], found[1]


def products_of(jobs: list[tuple]) -> None:
    """What one core does of some products."""
    for pieces, a, b in jobs:
        for rows, columns, place, first, rest, scratch in pieces:
            left, right = a[rows], b[:, columns]
            np.matmul(left[:, first], right[first], place)
            for part in rest:
                np.matmul(left[:, part], right[part], scratch)
                np.add(place, scratch, place)

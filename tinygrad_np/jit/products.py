"""Products of matrices: each as BLAS does it fastest, the large ones in pieces on two cores.

BLAS's own threads wait by spinning, against whoever else wants the core; the worker here sleeps. Long narrow
matrices go in pieces so small that BLAS multiplies them where they are, without packing them first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..cores import cut, share
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
    """Whether a product is done in pieces."""
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
    """The call of large products that do not depend on each other, in pieces that any core may take."""
    operands, pieces = [], []
    for k, i in enumerate(instructions):
        a, b, out = oriented(i)
        operands.append(f"({source.operand(a)}, {source.operand(b)})")
        pieces += [(k, piece) for piece in cut_product(source.array(out), a.shape[1])]
    source.names |= {"product_of": product_of, "share": share, f"pieces{number}": pieces}
    return [
        f"operands = [{', '.join(operands)}]",
        f"share(lambda piece: product_of(*operands[piece[0]], piece[1]), pieces{number})",
    ]


def cut_product(out: np.ndarray, depth: int) -> list[list]:
    """Pieces of a result, down or across, each with what it sums over and as parts that BLAS takes well."""
    m, n = out.shape
    length, width = max(m, n), min(m, n)
    narrow = min(m, n, depth) <= NARROW
    found = []
    for piece in cut(length, 16):
        run, sums = piece.stop - piece.start, depth
        if narrow and depth > length:
            sums = max(16, SMALL // (run * width))
        elif narrow:
            run = max(16, SMALL // (depth * width))
        parts = []
        for s in range(piece.start, piece.stop, run):
            part = slice(s, min(s + run, piece.stop))
            rows, columns = (part, slice(None)) if m >= n else (slice(None), part)
            first, *rest = [slice(d, min(d + sums, depth)) for d in range(0, depth, sums)]
            place = out[rows, columns]
            parts.append((rows, columns, place, first, rest, np.empty_like(place) if rest else None))
        found.append(parts)
    return found


def product_of(a: np.ndarray, b: np.ndarray, parts: list) -> None:
    """One piece of a product."""
    for rows, columns, place, first, rest, scratch in parts:
        left, right = a[rows], b[:, columns]
        np.matmul(left[:, first], right[first], place)
        for more in rest:
            np.matmul(left[:, more], right[more], scratch)
            np.add(place, scratch, place)

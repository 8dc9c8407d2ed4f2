"""Products of matrices: each as BLAS does it fastest, the large ones in pieces on two cores.

BLAS's own threads wait by spinning, against whoever else wants the core; the worker here sleeps. Long narrow
matrices go in pieces so small that BLAS multiplies them where they are, without packing them first.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..parallel.cores import cut, share
from .instruction import Instruction, View, contiguous

if TYPE_CHECKING:
    from .replay import Source

LARGE = 1 << 23  # multiplications, from which two cores are worth waking
BLAS_THREADS_FROM = 1 << 18  # from which OpenBLAS uses its threads
NARROW = 16  # rows or columns
UNPACKED = 750_000  # multiplications in a piece; up to a million, OpenBLAS has kernels that do not pack


def transposed_view(view: View) -> View:
    return view._replace(shape=view.shape[::-1], strides=view.strides[::-1])


def oriented(i: Instruction) -> tuple[View, View, View] | None:
    """(a, b, out) with the result in rows, as np.dot wants it; None where it lies otherwise."""
    a, b, out = *i.args, i.out[0]
    if contiguous(out):
        return a, b, out
    if len(out.shape) == 2 and contiguous(transposed_view(out)):
        return transposed_view(b), transposed_view(a), transposed_view(out)
    return None


def work(i: Instruction) -> int:
    """The multiplications of a product of matrices."""
    return prod(i.out[0].shape) * i.args[0].shape[-1]


def is_large(i: Instruction) -> bool:
    """Whether a product is done in pieces."""
    return i.kind == "product" and len(i.out[0].shape) == 2 and work(i) >= LARGE and oriented(i) is not None


def is_threaded(i: Instruction) -> bool:
    """Whether BLAS may use threads of its own."""
    return i.kind == "product" and work(i) >= BLAS_THREADS_FROM


def product_line(source: Source, i: Instruction) -> str:
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
        operands.append(f"({factors(i, *map(source.operand, i.args))})")
        pieces += [(k, piece) for piece in cut_product(tall(i, source.array(i.out[0])), i.args[0].shape[1])]
    source.names |= {"product_of": product_of, "share": share, f"pieces{number}": pieces}
    return [
        f"operands = [{', '.join(operands)}]",
        f"share(lambda piece: product_of(*operands[piece[0]], piece[1]), pieces{number})",
    ]


def is_tall(i: Instruction) -> bool:
    """Whether a product has at least as many rows as columns; else it is done as that of the transposes."""
    return i.out[0].shape[0] >= i.out[0].shape[1]


def factors(i: Instruction, a: str, b: str) -> str:
    """The names of its operands, in the order in which it is done."""
    return f"{a}, {b}" if is_tall(i) else f"{b}.T, {a}.T"


def tall(i: Instruction, out: np.ndarray) -> np.ndarray:
    """Its result, the way round in which it is done."""
    return out if is_tall(i) else out.T


class Piece(NamedTuple):
    """Some rows of a result: stacks of small products, which NumPy's matmul goes through in one call."""

    rows: slice
    stacks: list[tuple[slice, int, np.ndarray]]  # of these rows, or terms: so many products, their results
    terms: np.ndarray | None  # the results that are to be summed
    place: np.ndarray


def cut_product(out: np.ndarray, depth: int) -> list[Piece]:
    """Pieces of a product's result, for whoever is ready."""
    return [piece_of(out, rows, depth) for rows in cut(len(out), 16)]


def piece_of(out: np.ndarray, rows: slice, depth: int, empty: Callable = np.empty) -> Piece:
    """Some rows of a product's result as stacks of products that BLAS takes well."""
    place, n = out[rows], out.shape[1]
    m = len(place)
    if min(n, depth) > NARROW:
        return Piece(rows, [(slice(None), 1, place[None])], None, place)
    if depth <= len(out):
        small = stacks(m, max(16, UNPACKED // (depth * n)))
        return Piece(rows, [(s, k, place[s].reshape(k, -1, n)) for s, k in small], None, place)
    small = stacks(depth, max(16, UNPACKED // (m * n)))
    terms = empty((sum(k for _, k in small), m, n), out.dtype)
    return Piece(rows, [(s, k, terms[j * small[0][1] :][:k]) for j, (s, k) in enumerate(small)], terms, place)


def stacks(length: int, size: int) -> list[tuple[slice, int]]:
    """A stack of parts of one size, and what is left over, each with the number of parts."""
    even = length - length % size
    return [(slice(0, even), even // size)] * (even > 0) + [(slice(even, length), 1)] * (even < length)


def product_of(a: np.ndarray, b: np.ndarray, piece: Piece) -> None:
    """One piece of a product."""
    rows, stacks, terms, place = piece
    a = a[rows]
    m, n = len(a), b.shape[1]
    for span, count, out in stacks:
        if terms is None:
            np.matmul(a[span].reshape(count, -1, a.shape[1]), b, out)
        else:
            np.matmul(a[:, span].reshape(m, count, -1).transpose(1, 0, 2), b[span].reshape(count, -1, n), out)
    if terms is not None:
        np.add.reduce(terms, 0, out=place)

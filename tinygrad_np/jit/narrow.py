"""Narrow products: a matrix of many rows with a few columns, compiled where Numba is installed.

BLAS copies the rows to where its kernels want them, which takes longer than a product with ten columns. Here each row
is read once, for all columns together. The order of the sums is the compiler's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .instruction import Instruction, contiguous
from .kernels import TYPES, Uncompiled
from .products import transposed_view

if TYPE_CHECKING:
    from .replay import Source

COLUMNS = 16
DEPTH = 64  # shorter rows are left to BLAS
ROWS = {"times": 2, "summed": 4}  # at a time, so that what they share is read once for them


def times_text(n: int, count: int, margin: str) -> list[str]:
    """out[i, j] = sum over k of x[i, k] * w[j, k], for n columns of out and `count` rows."""
    cells = [(r, j) for r in range(count) for j in range(n)]
    return [
        margin + " = ".join(f"s{r}_{j}" for r, j in cells) + " = zero",
        f"{margin}for k in range(x.shape[1]):",
        *(f"{margin}    x{r} = x[i + {r}, k]" for r in range(count)),
        *(f"{margin}    w{j} = rows[{j}, k]" for j in range(n)),
        *(f"{margin}    s{r}_{j} += x{r} * w{j}" for r, j in cells),
        *(f"{margin}out[i + {r}, {j}] = s{r}_{j}" for r, j in cells),
    ]


def narrow_product_text(n: int, count: int, margin: str) -> list[str]:
    """out[j, k] += sum over i of w[i, j] * x[i, k], for n columns of w and `count` rows."""
    rows = range(count)
    return [
        *(f"{margin}w{r}_{j} = w[i + {r}, {j}]" for r in rows for j in range(n)),
        f"{margin}for k in range(x.shape[1]):",
        # Read before out is written: for all the compiler knows, they share memory.
        *(f"{margin}    x{r} = x[i + {r}, k]" for r in rows),
        *(f"{margin}    out[{j}, k] += " + " + ".join(f"w{r}_{j} * x{r}" for r in rows) for j in range(n)),
    ]


def product_text(kind: str, n: int) -> str:
    """A product over all rows: some at a time, then those that are left over."""
    lines, count = {"times": times_text, "summed": narrow_product_text}[kind], ROWS[kind]
    first = {"times": ["rows = np.empty(w.shape, w.dtype)", "rows[:, :] = w"], "summed": ["out[:, :] = zero"]}[kind]
    return "\n".join(
        [
            "def product(x, w, out):",
            *("    " + line for line in first),
            f"    even = x.shape[0] // {count} * {count}",
            f"    for i in range(0, even, {count}):",
            *lines(n, count, "        "),
            "    for i in range(even, x.shape[0]):",
            *lines(n, 1, "        "),
        ]
    )


@lru_cache(64)
def compiled_product(kind: str, n: int, dtype: np.dtype):
    """One of the two products, for x row by row; Uncompiled is raised where that fails."""
    try:
        import numba

        array: Any = numba.types.Array
        names, item = {"np": np, "zero": dtype.type(0)}, numba.from_dtype(dtype)
        exec(compile(product_text(kind, n), "<tinygrad_np.jit>", "exec"), names)
        x, w = (array(item, 2, layout, readonly=True, aligned=False) for layout in "CA")
        out = array(item, 2, "C" if kind == "summed" else "A")
        sums = {"reassoc", "contract"}  # may be in any order; all else is as IEEE has it
        return numba.njit([numba.void(x, w, out)], nogil=True, fastmath=sums)(names["product"])
    except Exception as error:  # whatever another version of Numba, or its compiler, does not manage
        raise Uncompiled from error


def role(i: Instruction, length: int) -> tuple[str, int, str] | None:
    """(which of the two products, for how many columns, its arguments) where i is one over so many rows."""
    if i.kind != "product" or len(i.out[0].shape) != 2:
        return None
    a, b, out = *i.args, i.out[0]
    if out.dtype not in TYPES or out.dtype.kind != "f" or {a.dtype, b.dtype} != {out.dtype}:
        return None
    for kind, x, n, arguments in (
        ("times", a, b.shape[1], "{a}, {b}.T, {out}"),
        ("times", transposed_view(b), a.shape[0], "{b}.T, {a}, {out}.T"),
        ("summed", b, a.shape[0], "{b}, {a}.T, {out}"),
        ("summed", transposed_view(a), b.shape[1], "{a}.T, {b}, {out}.T"),
    ):
        if x.shape[0] == length and x.shape[1] >= DEPTH and n <= COLUMNS and contiguous(x):
            return kind, n, arguments
    return None


def narrow_line(source: Source, i: Instruction, length: int) -> str | None:
    """The call of a product, or None where BLAS does it; a sum must lie as `order` tells."""
    found = role(i, length) if source.compiling else None
    if found is None:
        return None
    kind, n, arguments = found
    try:
        run = source.name((kind, n, i.out[0].dtype), lambda: compiled_product(kind, n, i.out[0].dtype), kind)
    except Uncompiled:
        return None
    a, b, out = map(source.operand, (*i.args, i.out[0]))
    return f"{run}({arguments.format(a=a, b=b, out=out)})"


def order(i: Instruction, length: int) -> Literal["C", "F"]:
    """How a product wants the memory of its result: in rows, or in columns if it writes the transpose."""
    found = role(i, length)
    return "F" if found and found[2].endswith(".T") else "C"

"""Hypothesis strategies for values that finite differences like: arrays, tensors, layouts, cotangents.

Values lie on a grid of eighths, or of 64ths of a bounded domain: x ± h is exact there, ties are exact ties,
and a failing case shrinks to short numbers.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ...engine.table import REAL
from ...engine.tensor import Tensor
from .layouts import MEMORY_LAYOUTS

Domain = tuple[float, float]


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3) -> st.SearchStrategy[tuple]:
    """Shapes; a side of length 0 is rare."""
    return st.integers(min_dims, max_dims).flatmap(lambda n: st.tuples(*[axis_lengths(min_side, max_side)] * n))


def axis_lengths(min_side: int = 0, max_side: int = 3) -> st.SearchStrategy[int]:
    """The length of an axis: mostly above one, rarely zero."""
    usual = list(range(max(min_side, 1), max_side + 1))
    return st.sampled_from(usual + usual[1:] * 5 + [0] * (min_side == 0))


def grid(domain: Domain = REAL, reach: int = 40) -> st.SearchStrategy[float]:
    """Numbers inside an open interval, on a grid; they shrink to 1/2, or to the simplest number there is."""
    lo, hi = domain
    if lo == -np.inf and hi == np.inf:
        return st.integers(-reach - 4, reach - 4).map(lambda k: (k + 4) / 8)
    if hi == np.inf:
        return st.integers(-3, reach).map(lambda k: lo + (k + 4) / 8)
    if lo == -np.inf:
        return st.integers(-3, reach).map(lambda k: hi - (k + 4) / 8)
    return st.integers(-31, 31).map(lambda k: lo + (hi - lo) * (k + 32) / 64)


@st.composite
def arrays(draw, shape=None, domain: Domain = REAL, dtype="float64") -> np.ndarray:
    """Arrays of a shape (or of any) with values from a domain."""
    shape = draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    n = int(np.prod(shape))
    dtype = np.dtype(dtype)
    values = draw(st.lists(grid(domain), min_size=n, max_size=n))
    if dtype.kind == "c":
        imaginary = draw(st.lists(grid(REAL), min_size=n, max_size=n))
        return (np.array(values, float) + 1j * np.array(imaginary, float)).reshape(shape).astype(dtype)
    return np.array(values, float).reshape(shape).astype(dtype)


def layouts() -> st.SearchStrategy[str]:
    """Names of memory layouts, "C" the simplest; `layouts.MEMORY_LAYOUTS[name](array)` gives the array in it."""
    return st.sampled_from(list(MEMORY_LAYOUTS))


@st.composite
def tensors(draw, shape=None, domain: Domain = REAL, dtype="float64", requires_grad: bool = True) -> Tensor:
    """Tensors, by default leaves that require a gradient. `st.from_type(Tensor)` draws these."""
    return Tensor(draw(arrays(shape, domain, dtype)), requires_grad=requires_grad)


@st.composite
def cotangents(draw, like, kinds=("dense", "dense", "onehot", "zero", "constant")) -> np.ndarray:
    """Cotangents of the shape and dtype of `like`: dense, with one entry, zero, or one number with zero
    strides.
    """
    like = like._array if isinstance(like, Tensor) else np.asarray(like)
    kind = draw(st.sampled_from(kinds))
    if kind == "constant":
        return np.broadcast_to(np.asarray(draw(grid()), like.dtype), like.shape)
    if kind == "zero" or (kind == "onehot" and not like.size):
        return np.zeros_like(like)
    if kind == "onehot":
        ct = np.zeros_like(like)
        ct.flat[draw(st.integers(0, like.size - 1))] = 1
        return ct
    return draw(arrays(like.shape, REAL, like.dtype))


@st.composite
def broadcastable(draw, n: int, max_dims: int = 3, max_side: int = 3) -> tuple:
    """n shapes that broadcast against each other: axes dropped in front, axes of length one."""
    full = draw(shapes(0, max_dims, 0, max_side))
    found = []
    for _ in range(n):
        start = draw(st.integers(0, len(full))) if n > 1 else 0
        ones = (
            draw(st.lists(st.sampled_from([False, False, True]), min_size=len(full), max_size=len(full)))
            if n > 1
            else [False] * len(full)
        )
        found.append(tuple(1 if one else side for one, side in zip(ones, full))[start:])
    return tuple(found)

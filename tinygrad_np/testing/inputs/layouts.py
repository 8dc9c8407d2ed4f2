"""The ways in which the same numbers can lie in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def column_order(a: np.ndarray) -> np.ndarray:
    """Column by column."""
    return np.array(a, order="F")


def reversed_(a: np.ndarray) -> np.ndarray:
    """Back to front: negative strides."""
    return np.flip(np.array(np.flip(a), order="C"))[...]  # without axes, flip returns a number


def strided(a: np.ndarray) -> np.ndarray:
    """Every second element of a larger array, whose other elements are NaN."""
    wide = np.full(tuple(2 * n for n in a.shape) + (2,), np.nan, a.dtype)
    view = wide[(slice(None, None, 2),) * a.ndim + (0, ...)]
    view[...] = a
    return view


def offset(a: np.ndarray) -> np.ndarray:
    """In the middle of a longer buffer."""
    buffer = np.full(a.size + 3, np.nan, a.dtype)
    buffer[1 : a.size + 1] = a.reshape(-1)
    return buffer[1 : a.size + 1].reshape(a.shape)


def transposed_memory(a: np.ndarray) -> np.ndarray:
    """The transpose of a contiguous array, its first two axes exchanged in memory."""
    return np.array(a.swapaxes(0, -1), order="C").swapaxes(0, -1) if a.ndim > 1 else a.copy()


def not_writeable(a: np.ndarray) -> np.ndarray:
    """Contiguous, and not to be written."""
    a = a.copy()
    a.flags.writeable = False
    return a


MEMORY_LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": np.copy,
    "F": column_order,
    "reversed": reversed_,
    "strided": strided,
    "offset": offset,
    "transposed": transposed_memory,
    "read-only": not_writeable,
}

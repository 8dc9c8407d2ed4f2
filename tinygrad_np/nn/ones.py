"""Vectors of ones, kept: a sum as a product with them is several times faster than a reduction along a short axis."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=64)
def ones(shape: tuple[int, ...], dtype) -> np.ndarray:
    """A read-only array of ones, the same one each time.

    >>> np.arange(6.0).reshape(2, 3) @ ones((3,), float)
    array([ 3., 12.])
    """
    array = np.ones(shape, dtype)
    array.flags.writeable = False
    return array

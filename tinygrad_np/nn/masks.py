"""Dropout: what is multiplied by zero, element by element or channel by channel, is drawn anew at each call.

`generator` is a NumPy generator or a seed; without one the stream of `nn.manual_seed` is drawn from. `inplace` is
taken, as in PyTorch, and saves nothing here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..engine.tensor import Tensor
from .arguments import array, probability
from .init import as_generator

if TYPE_CHECKING:
    from .init import Seed

    Array = Tensor | np.ndarray


def dropout(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Seed = None
) -> Array:
    """Zero each element with probability p and scale the others by 1 / (1 - p); the identity unless training.

    >>> dropout(np.ones(6), 0.5, generator=0)
    array([2., 0., 0., 0., 2., 2.])
    """
    return _dropped("dropout", input, p, training, generator)


def dropout1d(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Seed = None
) -> Array:
    """`dropout` of whole channels of (N, C, L) or (C, L).

    >>> dropout1d(np.ones((3, 2)), 0.5, generator=0)[:, 0]
    array([2., 0., 0.])
    """
    return _dropped("dropout1d", input, p, training, generator, (3, 2))


def dropout2d(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Seed = None
) -> Array:
    """`dropout` of whole channels of (N, C, H, W).

    >>> dropout2d(np.ones((1, 3, 2, 2)), 0.5, generator=0)[0, :, 0, 0]
    array([2., 0., 0.])
    """
    return _dropped("dropout2d", input, p, training, generator, (4, 0))


def dropout3d(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Seed = None
) -> Array:
    """`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W).

    >>> dropout3d(np.ones((3, 1, 2, 2)), 0.5, generator=0)[:, 0, 0, 0]
    array([2., 0., 0.])
    """
    return _dropped("dropout3d", input, p, training, generator, (5, 4))


def alpha_dropout(
    input: Array, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Seed = None
) -> Array:
    """Set each element to what `selu` saturates at with probability p; mean 0 and variance 1 stay.

    >>> alpha_dropout(np.zeros(3), 0.5, training=True, generator=0).round(4)
    array([ 0.7792, -0.7792, -0.7792])
    """
    return _alpha("alpha_dropout", input, p, training, generator, None)


def feature_alpha_dropout(
    input: Array, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Seed = None
) -> Array:
    """`alpha_dropout` of whole channels of (N, C, ...).

    >>> feature_alpha_dropout(np.zeros((1, 3, 2)), 0.5, training=True, generator=0)[0, :, 0].round(4)
    array([ 0.7792, -0.7792, -0.7792])
    """
    return _alpha("feature_alpha_dropout", input, p, training, generator, (len(np.shape(input)), 0))


def _kept(name: str, input, p: float, generator: Seed, channels: tuple[int, int] | None):
    """The input as an array, and which elements, or channels, stay; `channels` are the numbers of axes that x may have:
    with the axis N and without it."""
    x = array(input)
    if x.dtype.kind not in "fc":
        raise TypeError(f"{name}({x.shape} {x.dtype}): expected floating numbers, as x.astype(float) gives")
    shape, ndim = x.shape, len(x.shape)
    if channels is not None:
        if ndim < 2 and channels != (ndim, 0) or ndim not in (*channels, 3 if channels[0] == 4 else 0):
            expected = " or ".join(str(n) for n in channels if n)
            raise ValueError(f"{name}: found shape {shape}; expected {expected} axes, batch and channels first")
        lead = 1 if ndim == channels[1] else 2
        shape = (*shape[:lead], *(1,) * (ndim - lead))
    return x, as_generator(generator).random(shape, x.dtype if x.dtype == np.float32 else np.float64) >= p


def _dropped(name: str, input, p: float, training: bool, generator: Seed, channels=None):
    probability(name, "p", p)
    if not training or p == 0:
        return input
    x, kept = _kept(name, input, p, generator, channels)
    return x * np.multiply(kept, 0.0 if p == 1 else 1 / (1 - p), dtype=x.dtype)


ALPHA = 1.7580993408473766  # selu(-∞) = -ALPHA


def _alpha(name: str, input, p: float, training: bool, generator: Seed, channels):
    probability(name, "p", p)
    if not training or p == 0:
        return input
    x, kept = _kept(name, input, p, generator, channels)
    if p == 1:
        return x * 0
    scale = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    return x * np.multiply(kept, scale, dtype=x.dtype) + np.where(
        kept, ALPHA * scale * p, ALPHA * scale * (p - 1)
    ).astype(x.dtype)

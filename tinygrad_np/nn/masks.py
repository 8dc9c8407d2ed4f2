"""Dropout: what is multiplied by zero, element by element or channel by channel, is drawn anew at each call.

`generator` is a NumPy generator or a seed; without one the stream of `nn.manual_seed` is drawn from. `inplace` is
taken, as in PyTorch, and saves nothing here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arguments import array, probability
from .init import Seed, as_generator
from .window import in_dimensions

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

ALPHA = 1.7580993408473766  # selu(-∞) = -ALPHA
CHANNELS = {1: (3, 2), 2: (4, None, 3), 3: (5, 4)}  # the numbers of axes of a batch, of one element alone, and others


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None) -> Any:
    """Zero each element with probability p and scale the others by 1 / (1 - p); the identity unless training.

    >>> dropout(np.ones(6), 0.5, generator=0)
    array([2., 0., 0., 0., 2., 2.])
    """
    return _dropped("dropout", input, p, training, generator)


@in_dimensions(1, 2, 3, name="dropout")
def dropout_channels(n, input, p=0.5, training=True, inplace=False, *, generator=None) -> Any:
    """`dropout` of whole channels of (N, C, L), (N, C, H, W) or (N, C, D, H, W), the first and last without N too.

    >>> dropout1d(np.ones((3, 2)), 0.5, generator=0)[:, 0]
    array([2., 0., 0.])
    """
    return _dropped(f"dropout{n}d", input, p, training, generator, CHANNELS[n])


dropout1d, dropout2d, dropout3d = dropout_channels


def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Any = None
) -> Any:
    """Set each element to what `selu` saturates at with probability p; mean 0 and variance 1 stay.

    >>> alpha_dropout(np.zeros(3), 0.5, training=True, generator=0).round(4)
    array([ 0.7792, -0.7792, -0.7792])
    """
    return _dropped("alpha_dropout", input, p, training, generator, alpha=True)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Any = None
) -> Any:
    """`alpha_dropout` of whole channels of (N, C, ...).

    >>> feature_alpha_dropout(np.zeros((1, 3, 2)), 0.5, training=True, generator=0)[0, :, 0].round(4)
    array([ 0.7792, -0.7792, -0.7792])
    """
    axes = (max(len(np.shape(input)), 2), None)
    return _dropped("feature_alpha_dropout", input, p, training, generator, axes, alpha=True)


def _dropped(name: str, input, p: float, training: bool, generator: Seed, axes=None, alpha: bool = False):
    """What is left; whole channels are kept of inputs that have these numbers of axes: with the axis N, and without."""
    probability(name, "p", p)
    if not training or p == 0:
        return input
    x = array(input)
    if x.dtype.kind not in "fc":
        raise TypeError(f"{name}({x.shape} {x.dtype}): expected floating numbers, as x.astype(float) gives")
    shape = x.shape
    if axes is not None:
        if len(shape) not in axes:
            expected = " or ".join(str(n) for n in axes[:2] if n)
            raise ValueError(f"{name}: found shape {shape}; expected {expected} axes, batch and channels first")
        lead = 1 if len(shape) == axes[1] else 2
        shape = (*shape[:lead], *(1,) * (len(shape) - lead))
    kept = as_generator(generator).random(shape, x.dtype if x.dtype == np.float32 else np.float64) >= p
    if not alpha:
        return x * np.multiply(kept, 0.0 if p == 1 else 1 / (1 - p), dtype=x.dtype)
    if p == 1:
        return x * 0
    scale = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    shift = np.where(kept, ALPHA * scale * p, ALPHA * scale * (p - 1)).astype(x.dtype)
    return x * np.multiply(kept, scale, dtype=x.dtype) + shift

"""Layer and batch normalization: rows with mean 0 and variance 1, as one operation; then a scale and a shift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..table import primitive
from ..tensor import Tensor

if TYPE_CHECKING:
    Array = Tensor | np.ndarray


@primitive
def _standardized(x, eps):
    """(x - mean) / √(variance + eps) along the last axis."""
    z = x - x.mean(axis=-1, keepdims=True)
    z *= 1 / np.sqrt(np.mean(z * z, axis=-1, keepdims=True) + eps)
    return z


def _d_standardized(ct, x, out, eps):
    scale = 1 / np.sqrt(np.var(x, axis=-1, keepdims=True) + eps)
    return scale * (ct - ct.mean(axis=-1, keepdims=True) - out * (ct * out).mean(axis=-1, keepdims=True))


_standardized.__name__ = "standardized"
_standardized.defvjp(_d_standardized, cases=[lambda f, A: f(A("m", 3), 0.5)])


def layer_norm(input: Array, normalized_shape: int | tuple[int, ...], weight: Array | None = None,
               bias: Array | None = None, eps: float = 1e-5) -> Tensor:
    """Normalize over the last axes, of shape `normalized_shape`, then scale and shift (Ba et al., 2016).

    >>> layer_norm(np.array([[1.0, 3.0]]), 2).round(4)
    array([[-1.,  1.]])
    """
    shape = normalized_shape if isinstance(normalized_shape, tuple) else (normalized_shape,)
    if tuple(input.shape[-len(shape):]) != shape:
        raise ValueError(f"layer_norm: found shape {input.shape}; expected it to end in {shape}")
    lead = input.shape[:-len(shape)]
    out = _standardized(input.reshape(*lead, math.prod(shape)), eps).reshape(input.shape)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def batch_norm(input: Array, running_mean: np.ndarray | None, running_var: np.ndarray | None,
               weight: Array | None = None, bias: Array | None = None, training: bool = False,
               momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Normalize each channel of (N, C, ...) over all else, then scale and shift (Ioffe & Szegedy, 2015).

    In training the batch's own mean and variance are used, and the running ones move towards them in place by
    `momentum` (the variance unbiased); else the running ones are used.
    """
    x = input.array if isinstance(input, Tensor) else np.asarray(input)
    if x.ndim < 2:
        raise ValueError(f"batch_norm: found shape {x.shape}; expected (N, C, ...)")
    channels = (x.shape[1],) + (1,) * (x.ndim - 2)
    if training or running_mean is None:
        count = x.size // x.shape[1]
        if count < 2:
            raise ValueError(f"batch_norm: training needs more than one value a channel, found shape {x.shape}")
        rows = np.moveaxis(input, 1, 0)
        out = np.moveaxis(_standardized(rows.reshape(x.shape[1], count), eps).reshape(rows.shape), 0, 1)
        if running_mean is not None:
            others = (0, *range(2, x.ndim))
            running_mean += momentum * (x.mean(axis=others) - running_mean)
            running_var += momentum * (x.var(axis=others, ddof=1) - running_var)
    else:
        scale = 1 / np.sqrt(running_var.reshape(channels) + eps)
        out = (input - running_mean.reshape(channels)) * scale
    out = out if weight is None else out * weight.reshape(channels)
    return out if bias is None else out + bias.reshape(channels)

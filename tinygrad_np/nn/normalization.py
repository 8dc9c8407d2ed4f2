"""Layer and batch normalization: rows with mean 0 and variance 1, as one operation; then a scale and a shift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..engine.table import array_of, primitive
from ..engine.tensor import Tensor
from .arguments import floating, same_shapes, whole_number

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


def layer_norm(
    input: Array,
    normalized_shape: int | Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last axes, of shape `normalized_shape`, then scale and shift (Ba et al., 2016).

    `weight` and `bias` have that shape too.

    >>> layer_norm(np.array([[1.0, 3.0]]), 2).round(4)
    array([[-1.,  1.]])
    """
    input, shape = floating("layer_norm", input), as_shape(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ValueError(f"layer_norm: found shape {input.shape}; expected it to end in {shape}, at least one axis")
    same_shapes("layer_norm", shape, weight=weight, bias=bias)
    if len(shape) == 1:
        out = _standardized(input, eps)
    else:
        out = _standardized(input.reshape(*input.shape[: -len(shape)], math.prod(shape)), eps).reshape(input.shape)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def as_shape(lengths: int | Sequence[int]) -> tuple[int, ...]:
    """One length or several as a shape.

    >>> as_shape(3), as_shape([3, 4])
    ((3,), (3, 4))
    """
    several = lengths if isinstance(lengths, Sequence) else (lengths,)
    return tuple(whole_number("layer_norm", "normalized_shape", n) for n in several)


def batch_norm(
    input: Array,
    running_mean: np.ndarray | None,
    running_var: np.ndarray | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of (N, C, ...) over all else, then scale and shift (Ioffe & Szegedy, 2015).

    All others have shape (C,). In training the batch's own mean and variance are used, and the running ones move
    towards them in place by `momentum` (the variance unbiased); else the running ones are used, where there are any.

    >>> batch_norm(np.array([[1.0], [3.0]]), np.array([1.0]), np.array([4.0])).round(4)
    array([[0.],
           [1.]])
    """
    x = floating("batch_norm", input)
    shape = x.shape
    if len(shape) < 2:
        raise ValueError(f"batch_norm: found shape {shape}; expected (N, C, ...)")
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm: found only one of running_mean and running_var; expected both or neither")
    same_shapes("batch_norm", shape[1:2], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if training or running_mean is None:
        count = math.prod(shape[:1] + shape[2:])
        if count < 2:
            raise ValueError(f"batch_norm: training needs more than one value a channel, found shape {shape}")
        rows = np.moveaxis(x, 1, 0)
        out = np.moveaxis(_standardized(rows.reshape(shape[1], count), eps).reshape(rows.shape), 0, 1)
        if running_mean is not None:
            values, others = array_of(x), (0, *range(2, len(shape)))
            running_mean += momentum * (values.mean(axis=others) - running_mean)
            running_var += momentum * (values.var(axis=others, ddof=1) - running_var)
    else:
        scale = 1 / np.sqrt(_channels(running_var, shape) + eps)
        out = (x - _channels(running_mean, shape)) * scale
    out = out if weight is None else out * _channels(weight, shape)
    return out if bias is None else out + _channels(bias, shape)


def _channels(a, shape: tuple[int, ...]):
    """One number a channel, so that it broadcasts against images of `shape`."""
    return a.reshape(shape[1], *(1,) * (len(shape) - 2))

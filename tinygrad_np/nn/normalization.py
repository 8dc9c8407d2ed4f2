"""Normalization: over some axes mean 0 and variance 1, or mean square 1, as one operation; then a scale and a shift.

Batch, layer, group and instance norm differ in nothing but the axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import whole
from .arguments import AnyArray, floating, in_single, numbers, same_shapes, whole_number
from .pieces import PIECE

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


def _sums(axes: tuple[int, ...], *factors):
    """The sums of a product over some axes, which stay, with length one: one pass over memory."""
    if any(hasattr(factor, "_node") for factor in factors):
        return math.prod(factors[1:], start=factors[0]).sum(axis=axes, keepdims=True)
    ndim = factors[0].ndim
    kept = [axis for axis in range(ndim) if axis not in axes and axis - ndim not in axes]
    operands = [part for factor in factors for part in (factor, list(range(ndim)))]
    return np.einsum(*operands, kept).reshape(_kept(factors[0].shape, axes))


def _means(axes: tuple[int, ...], *factors):
    return _sums(axes, *factors) / math.prod(factors[0].shape[axis] for axis in axes)


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with length one along some axes."""
    return tuple(1 if axis in axes or axis - len(shape) in axes else n for axis, n in enumerate(shape))


def _blocks(shape: tuple[int, ...], axes: tuple[int, ...]):
    """Indices that part an array along the first axis that stays, into what the cache holds."""
    first = next((axis for axis in range(len(shape)) if axis not in axes and axis - len(shape) not in axes), None)
    if first is None or not math.prod(shape):
        yield ...
        return
    step = max(1, 4 * PIECE // (math.prod(shape) // shape[first]))
    for start in range(0, shape[first], step):
        yield (*(slice(None),) * first, slice(start, start + step))


def _centered(x, axes: tuple[int, ...], z):
    """(mean, variance) over some axes; z becomes x - mean, twice, since the first mean is rounded."""
    mean = _means(axes, x)
    np.subtract(x, mean, out=z)
    rest = _means(axes, z)
    np.subtract(z, rest, out=z)
    return mean + rest, _means(axes, z, z)


@whole
def mean_and_variance(x, axes: tuple[int, ...]):
    """The mean and the variance over some axes, which stay, with length one."""
    mean, var = (np.empty(_kept(x.shape, axes), x.dtype) for _ in range(2))
    for block in _blocks(x.shape, axes):
        mean[block], var[block] = _centered(x[block], axes, np.empty_like(x[block]))
    return mean, var


@whole
def standardized_and_scale(x, axes: tuple[int, ...], eps: float, mean=None, var=None):
    """What is standardized, and 1 / √(variance + eps): block by block, each step in place."""
    out, scale = np.empty_like(x), np.empty(_kept(x.shape, axes), x.dtype)
    for block in _blocks(x.shape, axes):
        z, part = out[block], scale[block]
        if mean is None:
            _, square = _centered(x[block], axes, z)
        else:
            np.subtract(x[block], mean[block], out=z)
            square = var[block]
        part[...] = 1 / np.sqrt(square + eps)
        np.multiply(z, part, out=z)
    return out, scale


@whole
def d_standardized(ct, z, scale, axes: tuple[int, ...]):
    """scale · (ct - mean(ct) - z · mean(ct · z)): block by block, each step in place."""
    d = np.empty_like(z)
    for block in _blocks(z.shape, axes):
        g, c, z_part = d[block], ct[block], z[block]
        np.multiply(z_part, -_means(axes, c, z_part), out=g)
        np.add(g, c, out=g)
        np.subtract(g, _means(axes, c), out=g)
        np.multiply(g, scale[block], out=g)
    return d


@primitive(name="standardized")
def _standardized(x, axes, eps, mean=None, var=None):
    """(x - mean) / √(variance + eps) over some axes; the two may be given, where they are known already."""
    return standardized_and_scale(x, axes, eps, mean, var)[0]


def _d_standardized(ct, out, aux, axes):
    if hasattr(ct, "_node") or hasattr(out, "_node"):
        return aux * (ct - _means(axes, ct) - out * _means(axes, ct, out))
    return d_standardized(ct, out, aux, axes)


_standardized.defvjp(
    _d_standardized,
    aux=(standardized_and_scale, lambda x, axes, eps: 1 / np.sqrt(np.var(x, axis=axes, keepdims=True) + eps)),
    cases=[lambda f, A: f(A("m", 3), (1,), 0.5), lambda f, A: f(A(2, "m", 2), (0, 2), 0.5)],
)


@primitive(name="scaled")
def _scaled(x, axes, eps):
    """x / √(mean square + eps) over some axes."""
    return x / np.sqrt(_means(axes, x, x) + eps)


_scaled.defvjp(
    lambda ct, x, out, axes, eps: (ct - out * _means(axes, ct, out)) / np.sqrt(_means(axes, x, x) + eps),
    cases=[lambda f, A: f(A("m", 3), (1,), 0.5)],
)


@primitive(name="scaled_and_shifted")
def _scaled_and_shifted(x, weight, bias, shape):
    out = np.multiply(x, weight.reshape(shape))
    return np.add(out, bias.reshape(shape), out=out) if bias.dtype == out.dtype else out + bias.reshape(shape)


def _share(shape: tuple[int, ...], like: tuple[int, ...], *factors):
    """The sums of a product over what weights that broadcast as `shape` are repeated over."""
    full = (1,) * (len(factors[0].shape) - len(shape)) + tuple(shape)
    return _sums(tuple(axis for axis, n in enumerate(full) if n == 1), *factors).reshape(like)


_scaled_and_shifted.defvjp(
    lambda ct, weight, shape: ct * weight.reshape(shape),
    lambda ct, x, weight_shape, shape: _share(shape, weight_shape, ct, x),
    lambda ct, bias_shape, shape: _share(shape, bias_shape, ct),
    cases=[lambda f, A: f(A(2, 3, 2), A(3), A(3), (3, 1)), lambda f, A: f(A(2, 3), A(3), A(3), (3,))],
)


def _affine(x, weight, bias, shape: tuple[int, ...]):
    """x scaled and shifted by numbers that broadcast as `shape`."""
    if weight is not None and bias is not None:
        return _scaled_and_shifted(x, weight, bias, shape)
    x = x if weight is None else x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


# ---- over the last axes -----------------------------------------------------------------------------------


@in_single
def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
    """Normalize over the last axes, of shape `normalized_shape`, then scale and shift (Ba et al., 2016).

    `weight` and `bias` have that shape too.

    >>> layer_norm(np.array([[1.0, 3.0]]), 2).round(4)
    array([[-1.,  1.]])
    """
    x, shape = _last_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return _affine(_standardized(x, tuple(range(-len(shape), 0)), eps), weight, bias, shape)


@in_single
def rms_norm(
    input: AnyArray, normalized_shape: int | Sequence[int], weight: AnyArray | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last axes, then scale (Zhang & Sennrich, 2019).

    `eps` is what the dtype can tell from 1 unless given.

    >>> rms_norm(np.array([[3.0, -3.0]]), 2).round(4)
    array([[ 1., -1.]])
    """
    x, shape = _last_axes("rms_norm", input, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    return _affine(_scaled(x, tuple(range(-len(shape), 0)), eps), weight, None, shape)


def _last_axes(name: str, x: Any, normalized_shape: Any, **arrays: Any):
    x, shape = (numbers if name == "rms_norm" else floating)(name, x), lengths_of(normalized_shape)
    if not shape or tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(f"{name}: found shape {x.shape}; expected it to end in {shape}, at least one axis")
    same_shapes(name, shape, **arrays)
    return x, shape


def lengths_of(lengths: int | Sequence[int]) -> tuple[int, ...]:
    """One length or several as a shape.

    >>> lengths_of(3), lengths_of([3, 4])
    ((3,), (3, 4))
    """
    several = lengths if isinstance(lengths, Sequence) else (lengths,)
    return tuple(whole_number("layer_norm", "normalized_shape", n) for n in several)


# ---- over all but the channels ----------------------------------------------------------------------------


def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:  # fmt: skip
    """Normalize each channel of (N, C, ...) over all else, then scale and shift (Ioffe & Szegedy, 2015).

    All others have shape (C,). In training the batch's own mean and variance are used, and the running ones move
    towards them in place by `momentum` (the variance unbiased); else the running ones are used, where there are any.

    >>> batch_norm(np.array([[1.0], [3.0]]), np.array([1.0]), np.array([4.0])).round(4)
    array([[0.],
           [1.]])
    """
    x = floating("batch_norm", input)
    if x.shape == (0,):
        return x
    if len(x.shape) < 2:
        raise ValueError(f"batch_norm: found shape {x.shape}; expected (N, C, ...)")
    axes = (0, *range(2, len(x.shape)))
    return _by_channel("batch_norm", x, axes, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
                  use_input_stats: Any = True, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:  # fmt: skip
    """Normalize each channel of each of (N, C, ...) over its own places, then scale and shift (Ulyanov et al., 2016).

    The running statistics, of shape (C,), move towards the means over the batch; without `use_input_stats` they are
    used instead.

    >>> instance_norm(np.array([[[1.0, 3.0]]])).round(4)
    array([[[-1.,  1.]]])
    """
    x = floating("instance_norm", input)
    if len(x.shape) < 3:
        raise ValueError(f"instance_norm: found shape {x.shape}; expected (N, C, ...), at least one axis of places")
    if not use_input_stats and running_mean is None:
        raise ValueError("instance_norm: without use_input_stats it needs running_mean and running_var, found None")
    axes = tuple(range(2, len(x.shape)))
    return _by_channel(
        "instance_norm", x, axes, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def _by_channel(name, x, axes, running_mean, running_var, weight, bias, training, momentum, eps):
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{name}: found only one of running_mean and running_var; expected both or neither")
    same_shapes(name, x.shape[1:2], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    dtype, shape = x.dtype, (x.shape[1], *(1,) * (len(x.shape) - 2))
    x = x.astype(np.float32) if dtype == np.float16 else x
    if training or running_mean is None:
        count = math.prod(x.shape[a] for a in axes)
        if count == 1:
            raise ValueError(f"{name}: training needs more than one value a channel, found shape {x.shape}")
        if not count:
            out = x
        elif running_mean is None:
            out = _standardized(x, axes, eps)
        else:
            mean, var = mean_and_variance(array_of(x), axes)
            out = _standardized(x, axes, eps, mean, var)
            others = tuple(a for a in range(len(x.shape)) if a not in (1, *axes))
            running_mean += momentum * (mean.mean(axis=others).reshape(-1) - running_mean)
            running_var += momentum * (var.mean(axis=others).reshape(-1) * (count / (count - 1)) - running_var)
    else:
        out = (x - running_mean.reshape(shape)) * (1 / np.sqrt(running_var.reshape(shape) + eps))
    out = _affine(out, weight, bias, shape)
    return out if out.dtype == dtype else out.astype(dtype)


@in_single
def group_norm(
    input: AnyArray, num_groups: int, weight: AnyArray | None = None, bias: AnyArray | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize groups of the channels of each of (N, C, ...), then scale and shift channels (Wu & He, 2018).

    >>> group_norm(np.array([[1.0, 3.0, 5.0, 5.0]]), 2).round(4)
    array([[-1.,  1.,  0.,  0.]])
    """
    x, groups = floating("group_norm", input), whole_number("group_norm", "num_groups", num_groups, 1)
    if len(x.shape) < 2 or x.shape[1] % groups:
        raise ValueError(f"group_norm: found shape {x.shape}; expected (N, C, ...), C a multiple of {groups}")
    same_shapes("group_norm", x.shape[1:2], weight=weight, bias=bias)
    parts = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    out = _standardized(parts, tuple(range(2, len(parts.shape))), eps).reshape(x.shape)
    return _affine(out, weight, bias, (x.shape[1], *(1,) * (len(x.shape) - 2)))


@in_single
def local_response_norm(input: AnyArray, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean square of `size` neighbouring channels)^beta on (N, C, ...) (Krizhevsky et al., 2012).

    >>> local_response_norm(np.array([[[1.0], [2.0]]]), 2, alpha=2.0, beta=1.0).ravel()
    array([0.5       , 0.33333333])
    """
    x, size = numbers("local_response_norm", input), whole_number("local_response_norm", "size", size, 1)
    if len(x.shape) < 3:
        raise ValueError(
            f"local_response_norm: found shape {x.shape}; expected (N, C, ...), at least one axis of places"
        )
    squares, channels = x * x, x.shape[1]
    border = [(0, 0)] * len(x.shape)
    border[1] = (size // 2, (size - 1) // 2)
    padded = np.pad(squares, border)
    total = sum(padded[:, i : i + channels] for i in range(size))
    return x / (k + alpha / size * total) ** beta

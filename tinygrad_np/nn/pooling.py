"""Pooling: the largest of what a window sees, its mean, or a norm; windows of one size, or as many as are asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import whole
from .arguments import floating, numbers, probability
from .init import as_generator
from .resampling import covering, means
from .window import Window, batch_first, batch_last, batched, fitting, in_dimensions, numbers_of, pooling_window, sizes

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "fractional_max_pool2d",
    "fractional_max_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d",
    "max_pool3d"]  # fmt: skip

# ---- the largest ------------------------------------------------------------------------------------------


@primitive(name="max_pool")
def _largest(x, window):
    places = window.places(x.shape)
    x = window.padded(x, fill=-np.inf)
    best = None
    for _, seen in window.slices(places):
        best = x[seen].copy() if best is None else np.maximum(best, x[seen], out=best)
    return batch_first(best)


def _winners(x, best, window: Window):
    """(slice of the padded grids, where it has the first of the largest) for each entry of the window."""
    if not (best > -np.inf).all():  # the border is -inf too, and a NaN is not equal to itself
        entries = winning_entries(x, window)
        for number, (_, seen) in enumerate(window.slices(best.shape[2:])):
            yield seen, batch_last(entries) == number
        return
    x, best = window.padded(x, fill=-np.inf), batch_last(best)
    free = None
    for _, seen in window.slices(best.shape[1:-1]):
        less = x[seen] < best
        if free is None:
            first, free = ~less, less
        else:
            first = np.greater(free, less)
            free = free & less
        yield seen, first


@whole
def winning_entries(x, window: Window) -> np.ndarray:
    """The number of the entry that has the largest: the first of equals, a NaN before all, never the border."""
    places = window.places(x.shape)
    inside = window.padded(np.ones((1, 1, *x.shape[2:]), bool), fill=False)
    x = window.padded(x, fill=-np.inf)
    best = np.full((len(x), *places, x.shape[-1]), -np.inf, x.dtype)
    entries = np.full(best.shape, -1)
    for number, (_, seen) in enumerate(window.slices(places)):
        wins = inside[seen] & ((x[seen] > best) | np.isnan(x[seen]) | (entries < 0))
        np.copyto(best, x[seen], where=wins)
        np.copyto(entries, number, where=wins)
    return batch_first(entries)


@primitive(name="max_pool_input")
@whole
def _to_winners(ct, x, best, window):
    """Give each window's cotangent to its largest element."""
    size = tuple(n + sum(border) for n, border in zip(x.shape[2:], window.padding))
    ct = np.ascontiguousarray(batch_last(ct))
    apart = window.stride == window.kernel and set(window.dilation) == {1}  # no pixel is in two windows
    filled = apart and all(n == k * p for n, k, p in zip(size, window.kernel, ct.shape[1:-1]))
    g = (np.empty_like if filled else np.zeros_like)(ct, order="C", shape=(len(ct), *size, ct.shape[-1]))
    for seen, first in _winners(x, best, window):
        part = g[seen]
        if apart:
            np.multiply(ct, first, out=part)
        else:
            np.add(part, ct * first, out=part)
    return window.inside(g)


@primitive(name="max_pool_picked")
@whole
def _of_winners(u, x, best, window):
    """What u has where x has each window's largest."""
    u = window.padded(u)
    out = np.zeros_like(u, order="C", shape=(len(u), *best.shape[2:], u.shape[-1]))
    for seen, first in _winners(x, best, window):
        np.copyto(out, u[seen], where=first)
    return batch_first(out)


_CASE = Window((2, 2), (2, 1), ((1, 0), (0, 0)), (1, 1))
_largest.defvjp(
    lambda ct, x, out, window: _to_winners(ct, array_of(x), array_of(out), window),
    cases=[lambda f, A: f(A(2, 1, 3, 3), _CASE)],
)
_SEEN = np.arange(9.0).reshape(1, 1, 3, 3)[..., ::-1]
_to_winners.defvjp(
    lambda u, x, best, window: _of_winners(u, x, best, window),
    cases=[lambda f, A: f(A(1, 1, 2, 2), _SEEN, _largest.fun(_SEEN, _CASE), _CASE)],
)
_of_winners.defvjp(
    lambda ct, x, best, window: _to_winners(ct, x, best, window),
    cases=[lambda f, A: f(A(1, 1, 3, 3), _SEEN, _largest.fun(_SEEN, _CASE), _CASE)],
)


@in_dimensions(1, 2, 3)
def max_pool(n, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False) -> Any:
    """The largest element that a window sees, on images (N, C, H, W); the first of equals gets the gradient.

    oh = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1, or ⌈...⌉ with `ceil_mode`. A pair stands for (down,
    across). `stride` is the size of the window unless given; padding, at most half of that size, never wins. With
    `return_indices` the place of each largest element, counted along its flattened image, comes too. Integers become
    float64. Sequences (N, C, L), volumes (N, C, D, H, W) and grids without the axis N the same.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    name = f"max_pool{n}d"
    x = floating(name, input)
    batch = batched(name, x, n)
    window = fitting(name, pooling_window(name, n, kernel_size, stride, padding, dilation), batch.shape, ceil_mode)
    places = _indices(winning_entries(array_of(batch), window), window) if return_indices else None
    return _given(batch is x, _largest(batch, window), places)


def _indices(entries, window: Window):
    """Where in the flattened grid each window's entry lies."""
    size, total = window.size(entries.shape[2:]), 0
    for d, length in enumerate(size):
        steps = math.prod(window.kernel[d + 1 :])
        start = np.arange(entries.shape[2 + d]) * window.stride[d] - window.padding[d][0]
        along = entries // steps % window.kernel[d] * window.dilation[d]
        total = total * length + along + start.reshape(-1, *(1,) * (len(size) - 1 - d))
    return total


def _given(batch: bool, out, places=None):
    """A result, and its places if there are any, without the axis of a batch that the caller did not give."""
    out, places = (out, places) if batch else (out[0], None if places is None else places[0])
    return out if places is None else (out, places)


# ---- the mean, and norms ----------------------------------------------------------------------------------


@primitive(name="avg_pool")
def _sums(x, window):
    places = window.places(x.shape)
    x = window.padded(x)
    total = None
    for _, seen in window.slices(places):
        total = x[seen].copy() if total is None else np.add(total, x[seen], out=total)
    return batch_first(total)


@primitive(name="avg_pool_input")
def _spread(ct, window):
    ct, places = batch_last(ct), ct.shape[2:]
    g = np.zeros_like(ct, order="C", shape=(len(ct), *window.ends(places), ct.shape[-1]))
    for _, seen in window.slices(places):
        part = g[seen]
        np.add(part, ct, out=part)
    return window.inside(g)


_sums.defvjp(lambda ct, window: _spread(ct, window), cases=[lambda f, A: f(A(2, 1, 3, 3), _CASE)])
_spread.defvjp(lambda u, window: _sums(u, window), cases=[lambda f, A: f(A(2, 1, 2, 2), _CASE)])


@in_dimensions(1, 2, 3)
def avg_pool(
    n, input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
) -> Tensor:
    """The mean of what a window sees, on images (N, C, H, W), padding counted as zeros if `count_include_pad`.

    Shapes are those of `max_pool2d`. `divisor_override` divides the sum instead of the count. Integers become float64.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    name, divisor = f"avg_pool{n}d", divisor_override
    x = numbers(name, input)
    batch = batched(name, x, n)
    window = pooling_window(name, n, kernel_size, stride, padding)
    exact = fitting(name, window, batch.shape, ceil_mode)
    if divisor == 0:
        raise ValueError(f"{name}: divisor_override: expected a number other than 0, found 0")
    if divisor is None:
        divisor = np.ones((), int)
        for d, (places, length) in enumerate(zip(exact.places(batch.shape), batch.shape[2:])):
            border = window.padding[d][0]
            start = np.arange(places) * window.stride[d] - border
            low, high = (-border, length + border) if count_include_pad else (0, length)
            divisor = divisor[..., None] * (np.minimum(start + window.kernel[d], high) - np.maximum(start, low))
        divisor = divisor.flat[0] if (divisor == divisor.flat[0]).all() else divisor
    return _given(batch is x, _sums(batch, exact) * np.asarray(1 / divisor, x.dtype))


@in_dimensions(1, 2, 3)
def lp_pool(n, input, norm_type, kernel_size, stride=None, ceil_mode=False) -> Tensor:
    """(Σ xᵖ)^(1/p) of what a window sees, p = `norm_type`, on images (N, C, H, W).

    As in PyTorch a negative sum, or a fractional power of a negative number, gives NaN; the gradient of what no window
    sees is 0 even there.

    >>> lp_pool2d(np.array([[[3.0, 4.0], [0.0, 0.0]]]), 2, 2)
    array([[[5.]]])
    """
    name = f"lp_pool{n}d"
    powers = avg_pool[n - 1](np.power(numbers(name, input), norm_type), kernel_size, stride, 0, ceil_mode)
    none = array_of(powers) == 0  # where the root has no slope, so that zeros get none
    sums = np.where(none, 1, powers * math.prod(numbers_of(name, "kernel_size", kernel_size, n)))
    out: Any = np.where(none, 0, np.power(sums, 1 / norm_type))
    return out


# ---- as many windows as are asked for ---------------------------------------------------------------------


@in_dimensions(1, 2, 3)
def adaptive_avg_pool(n, input, output_size) -> Tensor:
    """The means of as many windows as `output_size` says, (down, across), that cover images (N, C, H, W).

    Window i goes from ⌊i H / oh⌋ to ⌈(i + 1) H / oh⌉; None keeps a size.

    >>> adaptive_avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 1).item()
    7.5
    """
    name = f"adaptive_avg_pool{n}d"
    x = numbers(name, input)
    out = batched(name, x, n)
    for axis, asked in enumerate(sizes(name, "output_size", output_size, out.shape[2:]), 2):
        out = means(out, axis, asked)
    return _given(len(x.shape) == n + 2, out)


@in_dimensions(1, 2, 3)
def adaptive_max_pool(n, input, output_size, return_indices=False) -> Any:
    """The largest elements of as many windows as `output_size` says that cover images (N, C, H, W).

    The windows are those of `adaptive_avg_pool2d`, `return_indices` is as in `max_pool2d`.

    >>> adaptive_max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), (2, 1)).ravel()
    array([ 7., 15.])
    """
    name = f"adaptive_max_pool{n}d"
    x = floating(name, input)
    batch = batched(name, x, n)
    seen = []
    for length, asked in zip(batch.shape[2:], sizes(name, "output_size", output_size, batch.shape[2:])):
        entries = _entries(*covering(length, asked))
        seen.append(np.broadcast_to(entries, (*batch.shape[:2], *entries.shape)))
    out, places = _picked(batch, seen)
    return _given(batch is x, out, places if return_indices else None)


@in_dimensions(2, 3)
def fractional_max_pool(n, input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                        _random_samples=None, *, generator=None) -> Any:  # fmt: skip
    """The largest elements of windows that lie at random steps on images (N, C, H, W) (Graham, 2015).

    `output_size` says how many, or `output_ratio`, from 0 to 1, a share of the size. `_random_samples` (N, C, 2), from
    0 to 1, decide instead of `generator`.

    >>> fractional_max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2, 2, generator=0).shape
    (1, 1, 2, 2)
    """
    name, ratio, samples = f"fractional_max_pool{n}d", output_ratio, _random_samples
    x = floating(name, input)
    batch = batched(name, x, n)
    kernel, size = numbers_of(name, "kernel_size", kernel_size, n), batch.shape[2:]
    if (output_size is None) == (ratio is None):
        raise ValueError(f"{name}: expected one of output_size and output_ratio")
    if output_size is None:
        ratios = ratio if isinstance(ratio, (tuple, list)) else (ratio,) * n
        output_size = [int(s * probability(name, "output_ratio", r)) for s, r in zip(size, ratios)]
    asked = sizes(name, "output_size", output_size, size)
    if any(a < 1 or a + k - 1 > s for a, k, s in zip(asked, kernel, size)):
        raise ValueError(f"{name}: {asked} windows of {kernel} do not fit on a grid of {tuple(size)}")
    if samples is None:
        samples = as_generator(generator).random((*batch.shape[:2], n))
    samples, seen = np.asarray(samples), []
    for d, (s, a, k) in enumerate(zip(size, asked, kernel)):
        u = samples[..., 1 - d if n == 2 else d, None].astype(float)  # PyTorch draws (across, down) for images
        step = (s - k) / (a - 1) if a > 1 else 0.0
        start = ((np.arange(a) + u) * step).astype(int) - (u * step).astype(int)
        start[..., -1] = s - k
        seen.append(_entries(start, start + k))
    out, places = _picked(batch, seen)
    return _given(batch is x, out, places if return_indices else None)


def _entries(start, stop):
    """The elements of windows along an axis, a row each; a short one sees its last element again."""
    return np.minimum(start[..., None] + np.arange(int((stop - start).max(initial=1))), stop[..., None] - 1)


def _picked(x, seen):
    """The largest elements of windows given by their elements along each axis, and their places in the flat grid."""
    size, n = x.shape[2:], len(seen)
    flat = 0
    for d, (s, length) in enumerate(zip(seen, size)):  # (N, C, places, entries) to (N, C, *places, *entries)
        shape = [1] * (2 * n)
        shape[d], shape[n + d] = s.shape[-2:]
        flat = flat * length + s.reshape(*s.shape[:2], *shape)
    places, entries = (math.prod(s.shape[axis] for s in seen) for axis in (-2, -1))
    flat = flat.reshape(*x.shape[:2], places, entries)
    rows = x.reshape(*x.shape[:2], math.prod(size))
    values = np.take_along_axis(array_of(rows)[..., None, :], flat, -1)
    nan, last = np.isnan(values), values.shape[-1] - 1
    first = np.where(nan.any(-1), last - nan[..., ::-1].argmax(-1), values.argmax(-1))  # of equals, but the last NaN
    best = np.take_along_axis(flat, first[..., None], -1)[..., 0]
    shape = (*x.shape[:2], *(s.shape[-2] for s in seen))
    return np.take_along_axis(rows, best, -1).reshape(shape), best.reshape(shape)


max_pool1d, max_pool2d, max_pool3d = max_pool
avg_pool1d, avg_pool2d, avg_pool3d = avg_pool
lp_pool1d, lp_pool2d, lp_pool3d = lp_pool
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = adaptive_avg_pool
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = adaptive_max_pool
fractional_max_pool2d, fractional_max_pool3d = fractional_max_pool

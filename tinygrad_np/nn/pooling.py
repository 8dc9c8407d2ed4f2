"""Pooling: the largest of what a window sees, or the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.table import array_of, primitive
from ..engine.tensor import Tensor
from .arguments import floating, numbers
from .window import Window, batch_first, batch_last, fitting, images, kernel_and_stride, pair

if TYPE_CHECKING:
    from .window import Pair

    Array = Tensor | np.ndarray


def max_pool2d(
    input: Array, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1
) -> Tensor:
    """The largest element that a window sees, on images (N, C, H, W); the first of equals gets the gradient.

    oh = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1. A pair stands for (down, across). `stride` is the size
    of the window unless given; padding, at most half of that size, never wins. Integers become float64.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    input = floating("max_pool2d", input)
    return _largest(input, _pool_window("max_pool2d", input.shape, kernel_size, stride, padding, dilation))


@primitive
def _largest(x, window):
    places = window.places(x.shape)
    x = window.padded(x, fill=-np.inf)
    best = None
    for _, _, seen in window.slices(places):
        best = x[seen].copy() if best is None else np.maximum(best, x[seen], out=best)
    return batch_first(best)


def _winners(x, best, window: Window):
    """(slice of the padded images, where it has the first of the largest) for each entry of the window."""
    x, best = window.padded(x, fill=-np.inf), batch_last(best)
    free = None
    for _, _, seen in window.slices(best.shape[1:3]):
        less = x[seen] < best  # false for a NaN, which is its window's largest
        if free is None:
            first, free = ~less, less
        else:
            first = np.greater(free, less)
            free = free & less
        yield seen, first


@primitive
def _to_winners(ct, x, best, window):
    """Give each window's cotangent to its largest element."""
    shape = window.wide(x.shape)
    ct = np.ascontiguousarray(batch_last(ct))
    apart = window.stride == window.kernel and window.dilation == (1, 1)  # no pixel is in two windows
    filled = apart and all(n % k == 0 for n, k in zip(shape[1:3], window.kernel, strict=True))
    g = (np.empty_like if filled else np.zeros_like)(ct, order="C", shape=shape)
    for seen, first in _winners(x, best, window):
        part = g[seen]
        if apart:
            np.multiply(ct, first, out=part)
        else:
            np.add(part, ct * first, out=part)
    return window.inside(g)


@primitive
def _of_winners(u, x, best, window):
    """What u has where x has each window's largest."""
    u, out = window.padded(u), 0
    for seen, first in _winners(x, best, window):
        out = out + u[seen] * first
    return batch_first(out)


CASE = Window((2, 2), (2, 1), ((1, 1), (0, 0)), (1, 1))
_largest.__name__ = "max_pool2d"
_to_winners.__name__, _of_winners.__name__ = "max_pool2d_input", "max_pool2d_picked"
_largest.defvjp(
    lambda ct, x, out, window: _to_winners(ct, array_of(x), array_of(out), window),
    cases=[lambda f, A: f(A(2, 1, 3, 3), CASE)],
)
_SEEN = np.arange(9.0).reshape(1, 1, 3, 3)[..., ::-1]
_to_winners.defvjp(
    lambda u, x, best, window: _of_winners(u, x, best, window),
    cases=[lambda f, A: f(A(1, 1, 2, 2), _SEEN, _largest.fun(_SEEN, CASE), CASE)],
)
_of_winners.defvjp(
    lambda ct, x, best, window: _to_winners(ct, x, best, window),
    cases=[lambda f, A: f(A(1, 1, 3, 3), _SEEN, _largest.fun(_SEEN, CASE), CASE)],
)


def avg_pool2d(input: Array, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Tensor:
    """The mean of what a window sees, padding counted as zeros, on images (N, C, H, W).

    Shapes are those of `max_pool2d`. Integers become float64.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    input = numbers("avg_pool2d", input)
    window = _pool_window("avg_pool2d", input.shape, kernel_size, stride, padding, 1)
    return _sums(input, window) * (1 / (window.kernel[0] * window.kernel[1]))


@primitive
def _sums(x, window):
    places = window.places(x.shape)
    x = window.padded(x)
    total = None
    for _, _, seen in window.slices(places):
        total = x[seen].copy() if total is None else np.add(total, x[seen], out=total)
    return batch_first(total)


@primitive
def _spread(ct, shape, window):
    ct = batch_last(ct)
    g = np.zeros_like(ct, order="C", shape=window.wide(shape))
    for _, _, seen in window.slices(ct.shape[1:3]):
        part = g[seen]
        np.add(part, ct, out=part)
    return window.inside(g)


_sums.__name__, _spread.__name__ = "avg_pool2d", "avg_pool2d_input"
_sums.defvjp(lambda ct, x_shape, window: _spread(ct, x_shape, window), cases=[lambda f, A: f(A(2, 1, 3, 3), CASE)])
_spread.defvjp(lambda u, window: _sums(u, window), cases=[lambda f, A: f(A(2, 1, 2, 2), (2, 1, 3, 3), CASE)])


def _pool_window(
    name: str, shape: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> Window:
    """The window of a pooling of images of this shape, or one line that says what is wrong with it."""
    images(name, shape)
    kernel, stride = kernel_and_stride(name, kernel_size, stride)
    down, across = pair(name, "padding", padding, least=0)
    window = Window(kernel, stride, ((down, down), (across, across)), pair(name, "dilation", dilation))
    if 2 * down > kernel[0] or 2 * across > kernel[1]:
        raise ValueError(f"{name}: padding: found {(down, across)}; expected at most half of the kernel_size {kernel}")
    return fitting(name, window, shape)

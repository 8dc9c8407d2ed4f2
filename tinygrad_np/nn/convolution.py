"""Convolution and pooling: one product of the kernel with all patches, and the two transposes of that.

The three functions below are bilinear and each one's derivatives are the other two, so they hold to any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..table import primitive
from ..tensor import Tensor

if TYPE_CHECKING:
    Array = Tensor | np.ndarray
    Pair = int | tuple[int, int]


class Window(NamedTuple):
    """How a kernel moves over an image: (height, width) of each."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    def places(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The number of positions, down and across, on images of shape (..., H, W)."""
        found = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(shape[-2:], *self, strict=True))
        if min(found) < 1:
            raise ValueError(f"a window of {self.kernel} (dilation {self.dilation}) does not fit on images of "
                             f"{shape[-2:]} with padding {self.padding}")
        return found

    def patches(self, x: np.ndarray, fill: float = 0) -> np.ndarray:
        """A view of what the window sees on images (N, C, H, W), as (C, kh, kw, N, oh, ow)."""
        if any(self.padding):
            (ph, pw), (n, c, h, w) = self.padding, x.shape
            padded = np.full((n, c, h + 2 * ph, w + 2 * pw), fill, x.dtype)
            padded[:, :, ph:ph + h, pw:pw + w] = x
            x = padded
        n, c, y, z = x.strides
        (sh, sw), (dh, dw) = self.stride, self.dilation
        places = self._replace(padding=(0, 0)).places(x.shape)
        return as_strided(x, (x.shape[1], *self.kernel, x.shape[0], *places),
                          (c, y * dh, z * dw, n, y * sh, z * sw), writeable=False)

    def put(self, patches: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The transpose of `patches`: images of `shape`, each pixel the sum over the places that saw it."""
        (ph, pw), (n, c, h, w) = self.padding, shape
        (sh, sw), (dh, dw), (oh, ow) = self.stride, self.dilation, patches.shape[-2:]
        x = np.zeros((c, n, h + 2 * ph, w + 2 * pw), patches.dtype)
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                x[:, :, i * dh:i * dh + sh * oh:sh, j * dw:j * dw + sw * ow:sw] += patches[:, i, j]
        return np.ascontiguousarray(x[:, :, ph:ph + h, pw:pw + w].swapaxes(0, 1))


# ---- convolution ------------------------------------------------------------------------------------------

def conv2d(input: Array, weight: Array, bias: Array | None = None, stride: Pair = 1, padding: Pair = 0,
           dilation: Pair = 1, groups: int = 1) -> Tensor:
    """Cross-correlation of images (N, C, H, W) with kernels (O, C / groups, kh, kw); gives (N, O, oh, ow).

    oh = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1. A pair stands for (down, across).

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding=1)[0, 0, 0]
    array([1., 2., 2., 1.])
    """
    if len(input.shape) != 4 or len(weight.shape) != 4:
        raise ValueError(f"conv2d: found images of shape {input.shape} and kernels of shape {weight.shape}; expected "
                         "(N, C, H, W) and (O, C / groups, kh, kw)")
    if groups < 1 or weight.shape[0] % groups or input.shape[1] != weight.shape[1] * groups:
        raise ValueError(f"conv2d: found {input.shape[1]} channels, kernels of shape {weight.shape} and "
                         f"{groups} groups; expected channels = weight.shape[1] * groups, kernels divisible by groups")
    window = Window(weight.shape[2:], pair(stride), pair(padding), pair(dilation))
    out = _conv(input, weight, window, groups)
    return out if bias is None else out + bias[:, None, None]


def pair(value: Pair) -> tuple[int, int]:
    """One number for both directions, or (down, across).

    >>> pair(2)
    (2, 2)
    """
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _columns(x, window: Window, groups: int) -> np.ndarray:
    """The patches as a matrix a group: a column each place, a row each entry of a kernel."""
    patches = window.patches(x)
    return patches.reshape(groups, x.shape[1] // groups * window.kernel[0] * window.kernel[1], -1)


def _by_group(out, groups: int) -> np.ndarray:
    """(N, O, oh, ow) as (groups, O / groups, N oh ow)."""
    return out.swapaxes(0, 1).reshape(groups, out.shape[1] // groups, -1)


@primitive
def _conv(x, weight, window, groups):
    out = weight.reshape(groups, weight.shape[0] // groups, -1) @ _columns(x, window, groups)
    out = out.reshape(weight.shape[0], x.shape[0], *window.places(x.shape))
    return np.ascontiguousarray(out.swapaxes(0, 1))


@primitive
def _conv_input(ct, weight, shape, window, groups):
    """Where each output came from: the images' share."""
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    patches = kernels.swapaxes(1, 2) @ _by_group(ct, groups)
    return window.put(patches.reshape(shape[1], *window.kernel, shape[0], *ct.shape[2:]), shape)


@primitive
def _conv_weight(ct, x, window, groups):
    """Where each output came from: the kernels' share."""
    kernels = _by_group(ct, groups) @ _columns(x, window, groups).swapaxes(1, 2)
    return kernels.reshape(ct.shape[1], x.shape[1] // groups, *window.kernel)


_conv.__name__, _conv_input.__name__, _conv_weight.__name__ = "conv2d", "conv2d_input", "conv2d_weight"
_conv.defvjp(lambda ct, weight, x_shape, window, groups: _conv_input(ct, weight, x_shape, window, groups),
             lambda ct, x, window, groups: _conv_weight(ct, x, window, groups))
_conv_input.defvjp(lambda ct, weight, window, groups: _conv(ct, weight, window, groups),
                   lambda u, ct, window, groups: _conv_weight(ct, u, window, groups))
_conv_weight.defvjp(lambda v, x, window, groups: _conv(x, v, window, groups),
                    lambda v, ct, x_shape, window, groups: _conv_input(ct, v, x_shape, window, groups))


# ---- pooling ----------------------------------------------------------------------------------------------

def max_pool2d(input: Array, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0,
               dilation: Pair = 1) -> Tensor:
    """The largest element that a window sees, on images (N, C, H, W); the first of equals gets the gradient.

    `stride` is the size of the window unless given; padding never wins.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    window = _pool_window("max_pool2d", input, kernel_size, stride, padding, dilation)
    x = input.array if isinstance(input, Tensor) else np.asarray(input)
    n, c, h, w = x.shape
    numbers = np.broadcast_to(np.arange(h * w).reshape(h, w), (1, 1, h, w))
    seen = window.patches(x, fill=-np.inf).reshape(c, -1, n, *window.places(x.shape))
    first = seen.argmax(axis=1)
    places = window.patches(numbers).reshape(-1, *first.shape[2:])
    down, across = np.ogrid[:first.shape[2], :first.shape[3]]
    index = places[first, down, across].swapaxes(0, 1).reshape(n * c, -1)
    picked = input.reshape(n * c, h * w)[np.arange(n * c)[:, None], index]
    return picked.reshape(n, c, *first.shape[2:])


def avg_pool2d(input: Array, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Tensor:
    """The mean of what a window sees, padding counted as zeros, on images (N, C, H, W).

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    window = _pool_window("avg_pool2d", input, kernel_size, stride, padding, 1)
    n, c, h, w = input.shape
    kernel = np.full((1, 1, *window.kernel), 1 / (window.kernel[0] * window.kernel[1]), input.dtype)
    out = _conv(input.reshape(n * c, 1, h, w), kernel, window, 1)
    return out.reshape(n, c, *out.shape[2:])


def _pool_window(name: str, x, kernel_size, stride, padding, dilation) -> Window:
    if len(x.shape) != 4:
        raise ValueError(f"{name}: found shape {x.shape}; expected images (N, C, H, W)")
    window = Window(pair(kernel_size), pair(kernel_size if stride is None else stride), pair(padding), pair(dilation))
    if any(2 * p > k for p, k in zip(window.padding, window.kernel, strict=True)):
        raise ValueError(f"{name}: padding {window.padding} is more than half of the window {window.kernel}")
    return window

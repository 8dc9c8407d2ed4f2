"""Convolution and pooling: one product of the kernel with all patches, and the two transposes of that.

The three functions of convolution are bilinear and each one's derivatives are the other two, so they hold to
any order. In memory the images of a batch lie innermost, as (C, H, W, N): then a row of patches is a few long
runs, and a window moves over whole arrays at a time. What callers see is (N, C, H, W), by strides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..cores import Choice
from ..standin import whole
from ..table import primitive, values_of
from ..tensor import Tensor

if TYPE_CHECKING:
    Array = Tensor | np.ndarray
    Pair = int | tuple[int, int]


CACHE = 1 << 18  # bytes of images that are worked on at a time
CORES: dict[tuple, Choice] = {}  # for each shape, whether two are quicker than one


class Window(NamedTuple):
    """How a kernel moves over an image: (height, width) of each."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    def places(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The number of positions, down and across, on images of shape (..., H, W)."""
        found = tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(shape[-2:], *self, strict=True)
        )
        if min(found) < 1:
            raise ValueError(
                f"a window of {self.kernel} (dilation {self.dilation}) does not fit on images of "
                f"{shape[-2:]} with padding {self.padding}"
            )
        return found

    def slices(self, places: tuple[int, int]) -> Iterator[tuple[int, int, tuple]]:
        """(i, j, index) of what entry (i, j) of the kernel meets in padded images (C, H, W, N)."""
        (sh, sw), (dh, dw), (oh, ow) = self.stride, self.dilation, places
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                yield (
                    i,
                    j,
                    np.s_[
                        :, i * dh : i * dh + sh * (oh - 1) + 1 : sh, j * dw : j * dw + sw * (ow - 1) + 1 : sw
                    ],
                )

    def padded(self, x: np.ndarray, fill: float = 0) -> np.ndarray:
        """Images (N, C, H, W) as (C, H, W, N) with a border."""
        x = np.ascontiguousarray(batch_last(x))
        if not any(self.padding):
            return x
        (ph, pw), (c, h, w, n) = self.padding, x.shape
        wide = np.full_like(x, fill, order="C", shape=(c, h + 2 * ph, w + 2 * pw, n))
        wide[:, ph : ph + h, pw : pw + w] = x
        return wide

    def inside(self, x: np.ndarray) -> np.ndarray:
        """The images without the border, as (N, C, H, W)."""
        (ph, pw), (_, h, w, _) = self.padding, x.shape
        return batch_first(x[:, ph : h - ph, pw : w - pw])


def batch_last(x):
    """(N, C, H, W) as (C, H, W, N)."""
    return x.transpose(1, 2, 3, 0)


def batch_first(x):
    """(C, H, W, N) as (N, C, H, W)."""
    return x.transpose(3, 0, 1, 2)


# ---- convolution ------------------------------------------------------------------------------------------


def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of images (N, C, H, W) with kernels (O, C / groups, kh, kw); gives (N, O, oh, ow).

    oh = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1. A pair stands for (down, across).

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding=1)[0, 0, 0]
    array([1., 2., 2., 1.])
    """
    if len(input.shape) != 4 or len(weight.shape) != 4:
        raise ValueError(
            f"conv2d: found images of shape {input.shape} and kernels of shape {weight.shape}; expected "
            "(N, C, H, W) and (O, C / groups, kh, kw)"
        )
    if groups < 1 or weight.shape[0] % groups or input.shape[1] != weight.shape[1] * groups:
        raise ValueError(
            f"conv2d: found {input.shape[1]} channels, kernels of shape {weight.shape} and "
            f"{groups} groups; expected channels = weight.shape[1] * groups, kernels divisible by groups"
        )
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
    columns = unfold(window.padded(x), window, window.places(x.shape))
    return columns.reshape(groups, x.shape[1] // groups * window.kernel[0] * window.kernel[1], -1)


@whole
def unfold(x, window: Window, places: tuple[int, int], out=None) -> np.ndarray:
    """What each entry of a kernel meets in padded images (C, H, W, N), as (C, kh, kw, oh, ow, N)."""
    if out is None:
        out = np.empty((x.shape[0], *window.kernel, *places, x.shape[3]), x.dtype)
    out = out.reshape(x.shape[0], *window.kernel, *places, x.shape[3])

    def part(block):
        source, target = x[block], out[block]
        for i, j, seen in window.slices(places):
            target[:, i, j] = source[seen]

    _in_blocks(part, x, out.nbytes)
    return out


@whole
def fold(patches, window: Window, shape: tuple, out=None) -> np.ndarray:
    """The transpose of `unfold`: padded images of `shape`, each pixel the sum over the places that saw it."""
    out = np.empty(shape, patches.dtype) if out is None else out

    def part(block):
        source, target = patches[block], out[block]
        target.fill(0)
        for i, j, seen in window.slices(patches.shape[3:5]):
            view = target[seen]
            np.add(view, source[:, i, j], out=view)

    _in_blocks(part, out, patches.nbytes)
    return out


def _in_blocks(part, images, work: int) -> None:
    """A loop over channels, as many at a time as stay in the cache, on both cores if there is much to do."""
    n = len(images)
    threads = 2 if n > 1 and work > 1 << 20 else 1
    size = max(1, min(-(-n // threads), CACHE * n // max(images.nbytes, 1)))
    blocks = [slice(start, start + size) for start in range(0, n, size)]
    if threads == 2:
        CORES.setdefault((part.__qualname__, images.shape, work), Choice()).run(part, blocks)
    else:
        for block in blocks:
            part(block)


def _by_group(out, groups: int) -> np.ndarray:
    """(N, O, oh, ow) as (groups, O / groups, oh ow N)."""
    return batch_last(out).reshape(groups, out.shape[1] // groups, -1)


def _product(a, b):
    """A product of matrices a group; one group needs no loop."""
    return (a[0] @ b[0])[None] if len(a) == 1 else a @ b


@primitive
def _conv(x, weight, window, groups):
    out = _product(weight.reshape(groups, weight.shape[0] // groups, -1), _columns(x, window, groups))
    return batch_first(out.reshape(weight.shape[0], *window.places(x.shape), x.shape[0]))


@primitive
def _conv_input(ct, weight, shape, window, groups):
    """Where each output came from: the images' share."""
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    patches = _product(kernels.swapaxes(1, 2), _by_group(ct, groups))
    patches = patches.reshape(shape[1], *window.kernel, *ct.shape[2:], shape[0])
    (ph, pw), (n, c, h, w) = window.padding, shape
    return window.inside(fold(patches, window, (c, h + 2 * ph, w + 2 * pw, n)))


@primitive
def _conv_weight(ct, x, window, groups):
    """Where each output came from: the kernels' share."""
    kernels = _product(_by_group(ct, groups), _columns(x, window, groups).swapaxes(1, 2))
    return kernels.reshape(ct.shape[1], x.shape[1] // groups, *window.kernel)


_conv.__name__, _conv_input.__name__, _conv_weight.__name__ = "conv2d", "conv2d_input", "conv2d_weight"
CASE = Window((2, 2), (2, 1), (1, 0), (1, 1))  # an uneven window: what is checked of every row
_conv.defvjp(
    lambda ct, weight, x_shape, window, groups: _conv_input(ct, weight, x_shape, window, groups),
    lambda ct, x, window, groups: _conv_weight(ct, x, window, groups),
    cases=[
        lambda f, A: f(A(2, 2, 3, 3), A(4, 1, 2, 2), CASE, 2),
        lambda f, A: f(A(1, 2, 4, 3), A(1, 2, 2, 2), CASE, 1),
    ],
)
_conv_input.defvjp(
    lambda ct, weight, window, groups: _conv(ct, weight, window, groups),
    lambda u, ct, window, groups: _conv_weight(ct, u, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 2), A(4, 1, 2, 2), (2, 2, 3, 3), CASE, 2)],
)
_conv_weight.defvjp(
    lambda v, x, window, groups: _conv(x, v, window, groups),
    lambda v, ct, x_shape, window, groups: _conv_input(ct, v, x_shape, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 2), A(2, 2, 3, 3), CASE, 2)],
)


# ---- pooling ----------------------------------------------------------------------------------------------


def max_pool2d(
    input: Array, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1
) -> Tensor:
    """The largest element that a window sees, on images (N, C, H, W); the first of equals gets the gradient.

    `stride` is the size of the window unless given; padding never wins.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    return _largest(input, _pool_window("max_pool2d", input, kernel_size, stride, padding, dilation))


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
    (ph, pw), (n, c, h, w) = window.padding, x.shape
    shape = c, h + 2 * ph, w + 2 * pw, n
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


POOL = Window((2, 2), (2, 1), (1, 0), (1, 1))
_largest.__name__ = "max_pool2d"
_to_winners.__name__, _of_winners.__name__ = "max_pool2d_input", "max_pool2d_picked"
_largest.defvjp(
    lambda ct, x, out, window: _to_winners(ct, values_of(x), values_of(out), window),
    cases=[lambda f, A: f(A(2, 1, 3, 3), POOL)],
)
_SEEN = np.arange(9.0).reshape(1, 1, 3, 3)[..., ::-1]
_to_winners.defvjp(
    lambda u, x, best, window: _of_winners(u, x, best, window),
    cases=[lambda f, A: f(A(1, 1, 2, 2), _SEEN, _largest.fun(_SEEN, POOL), POOL)],
)
_of_winners.defvjp(
    lambda ct, x, best, window: _to_winners(ct, x, best, window),
    cases=[lambda f, A: f(A(1, 1, 3, 3), _SEEN, _largest.fun(_SEEN, POOL), POOL)],
)


def avg_pool2d(input: Array, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Tensor:
    """The mean of what a window sees, padding counted as zeros, on images (N, C, H, W).

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    window = _pool_window("avg_pool2d", input, kernel_size, stride, padding, 1)
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
    (ph, pw), (n, c, h, w) = window.padding, shape
    ct = batch_last(ct)
    g = np.zeros_like(ct, order="C", shape=(c, h + 2 * ph, w + 2 * pw, n))
    for _, _, seen in window.slices(ct.shape[1:3]):
        part = g[seen]
        np.add(part, ct, out=part)
    return window.inside(g)


_sums.__name__, _spread.__name__ = "avg_pool2d", "avg_pool2d_input"
_sums.defvjp(
    lambda ct, x_shape, window: _spread(ct, x_shape, window), cases=[lambda f, A: f(A(2, 1, 3, 3), POOL)]
)
_spread.defvjp(lambda u, window: _sums(u, window), cases=[lambda f, A: f(A(2, 1, 2, 2), (2, 1, 3, 3), POOL)])


def _pool_window(name: str, x, kernel_size, stride, padding, dilation) -> Window:
    if len(x.shape) != 4:
        raise ValueError(f"{name}: found shape {x.shape}; expected images (N, C, H, W)")
    window = Window(
        pair(kernel_size), pair(kernel_size if stride is None else stride), pair(padding), pair(dilation)
    )
    if any(2 * p > k for p, k in zip(window.padding, window.kernel, strict=True)):
        raise ValueError(f"{name}: padding {window.padding} is more than half of the window {window.kernel}")
    return window

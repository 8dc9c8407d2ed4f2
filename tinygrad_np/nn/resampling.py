"""Images at other places: each is a weighted sum of a few elements along each axis, its taps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import whole
from .arguments import AnyArray, array, floating, in_single, numbers, whole_number
from .window import sizes

__all__ = ["affine_grid", "channel_shuffle", "grid_sample", "interpolate", "pad", "pixel_shuffle", "pixel_unshuffle",
    "upsample", "upsample_bilinear", "upsample_nearest"]  # fmt: skip


@primitive(name="resample")
def _resampled(x, axis, index, weight):
    """Σ weight[t] · x[index[t]] along an axis, for indices and weights (taps, places)."""
    total = 0
    for i, w in zip(index, weight):
        total = total + np.take(x, i, axis) * _along(w.astype(x.dtype), axis, x.ndim)
    return total


@primitive(name="resample_input")
def _gathered(ct, axis, index, weight, length):
    """The transpose: of `length` elements, what each had a share in."""
    matrix = np.zeros((index.shape[1], length))
    np.add.at(matrix, (np.arange(index.shape[1]), index), weight)
    return np.moveaxis(np.moveaxis(ct, axis, -1) @ matrix.astype(ct.dtype), -1, axis)


_TAPS = np.array([[0, 1, 1, 3], [1, 2, 2, 0]]), np.array([[0.25, 0.5, 1.0, 2.0], [0.75, 0.5, -1.0, 1.0]])
_resampled.defvjp(
    lambda ct, x_shape, axis, index, weight: _gathered(ct, axis, index, weight, x_shape[axis]),
    cases=[lambda f, A: f(A(2, 4, 2), 1, *_TAPS)],
)
_gathered.defvjp(
    lambda u, axis, index, weight: _resampled(u, axis, index, weight), cases=[lambda f, A: f(A(2, 4), 1, *_TAPS, 5)]
)


@primitive(name="repeat_each")
@whole
def _each_repeated(x, axis, times):
    """Each element along an axis a number of times: slice by slice, where `np.repeat` goes element by element."""
    out = np.empty((*x.shape[:axis], x.shape[axis], times, *x.shape[axis + 1 :]), x.dtype)
    for k in range(times):
        out[(*[slice(None)] * (axis + 1), k)] = x
    return out.reshape(*x.shape[:axis], x.shape[axis] * times, *x.shape[axis + 1 :])


@primitive(name="sum_each")
@whole
def _each_summed(ct, axis, times):
    """The transpose: the sums of so many neighbors."""
    lead = (slice(None),) * axis
    total = ct[(*lead, slice(0, None, times))] + (ct[(*lead, slice(1, None, times))] if times > 1 else 0)
    for k in range(2, times):
        np.add(total, ct[(*lead, slice(k, None, times))], out=total)
    return total


_each_repeated.defvjp(lambda ct, axis, times: _each_summed(ct, axis, times), cases=[lambda f, A: f(A(2, 3, 2), 1, 3)])
_each_summed.defvjp(lambda u, axis, times: _each_repeated(u, axis, times), cases=[lambda f, A: f(A(2, 6, 2), 1, 3)])


def _along(a, axis: int, ndim: int):
    """A vector that broadcasts along one axis."""
    return a.reshape(-1, *(1,) * (ndim - 1 - axis))


def covering(n: int, asked: int) -> tuple[np.ndarray, np.ndarray]:
    """The starts and ends of so many windows that cover n elements: window i from ⌊i n / asked⌋ to ⌈(i + 1) n / asked⌉.

    >>> [ends.tolist() for ends in covering(5, 2)]
    [[0, 2], [3, 5]]
    """
    if not n:
        raise ValueError("found an axis of length 0; expected none but the batch's")
    return np.arange(asked) * n // max(asked, 1), -(-np.arange(1, asked + 1) * n // max(asked, 1))


def means(x, axis: int, asked: int):
    """The means of windows that cover an axis."""
    n = x.shape[axis]
    if asked == n:
        return x
    start, stop = covering(n, asked)
    if asked and n % asked == 0:
        return x.reshape(*x.shape[:axis], asked, n // asked, *x.shape[axis + 1 :]).mean(axis + 1)
    index = np.minimum(start + np.arange((stop - start).max(initial=1))[:, None], stop - 1)
    weight = 1 / (stop - start) / np.where(index < stop - 1, 1, (index == stop - 1).sum(axis=0))
    return _resampled(x, axis, index, weight)


# ---- interpolate ------------------------------------------------------------------------------------------

LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}
_MODES = ("nearest", "nearest-exact", "area", "bicubic", *LINEAR)


@in_single
def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: Any = None, recompute_scale_factor: Any = None,
                antialias: Any = False) -> Tensor:  # fmt: skip
    """Grids (N, C, *size) in another size: `size`, or `scale_factor` times as large, one number or one a dimension.

    `mode` is "nearest", "nearest-exact", "area", or for one, two and three dimensions "linear", "bilinear" or
    "bicubic", "trilinear". With `align_corners` the outermost elements keep their places; else the outermost borders
    do. `antialias` widens the window where an image shrinks.

    >>> interpolate(np.array([[[0.0, 3.0]]]), 4, mode="linear").tolist()
    [[[0.0, 0.75, 2.25, 3.0]]]
    """
    x = numbers("interpolate", input)
    n = len(x.shape) - 2
    if mode not in _MODES or n not in (1, 2, 3) or n != {**LINEAR, "bicubic": 2}.get(mode, n):
        raise ValueError(f"interpolate: found mode {mode!r} and shape {x.shape}; expected one of {', '.join(_MODES)}")
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise ValueError(f"interpolate: align_corners: mode {mode!r} has none; leave it out")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias: expected mode 'bilinear' or 'bicubic', found {mode!r}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: expected one of size and scale_factor")
    scales: list[float | None] = [None] * n
    if size is None:
        scales = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * n
        size = [math.floor(length * scale) for length, scale in zip(x.shape[2:], scales)]
        scales = [None] * n if recompute_scale_factor else scales
    size = sizes("interpolate", "size", size, x.shape[2:])
    if min(size) < 1 or 0 in x.shape[2:]:
        raise ValueError(f"interpolate: found shape {x.shape} and size {size}; expected lengths of 1 or more")
    for axis in range(n + 1, 1, -1):  # rows are copied quicker than columns
        length, scale = size[axis - 2], scales[axis - 2]
        x = _interpolated(x, axis, length, scale, mode, bool(align_corners), antialias)
    return x


def _interpolated(x, axis: int, out: int, scale: float | None, mode: str, align: bool, antialias: bool):
    n = x.shape[axis]
    if mode == "area":
        return means(x, axis, out)
    step = n / out if scale is None else 1 / scale
    if mode.startswith("nearest"):  # PyTorch counts these places in single precision
        places = (np.arange(out, dtype=np.float32) + np.float32(0.5 * (mode != "nearest"))) * np.float32(step)
        return x if out == n and step == 1 else _repeated(x, axis, np.minimum(places.astype(int), n - 1))
    if align:
        step = (n - 1) / (out - 1) if out > 1 else 0.0
    if antialias:
        return _resampled(x, axis, *_wide_taps(n, out, step, mode))
    if out == n and step == 1:
        return x
    places = np.arange(out) * step if align else (np.arange(out) + 0.5) * step - 0.5
    taps = _cubic_taps(places) if mode == "bicubic" else _linear_taps(np.clip(places, 0, n - 1))
    index, weight = (np.stack(part) for part in zip(*taps))
    return _resampled(x, axis, np.clip(index, 0, n - 1), weight)


def _repeated(x, axis: int, index):
    """x[index] along an axis; a whole number of times each element, which is quicker to sum, where it is that."""
    n, times = x.shape[axis], len(index) // x.shape[axis]
    if times and np.array_equal(index, np.repeat(np.arange(n), times)):
        return _each_repeated(x, axis, times)
    return _resampled(x, axis, index[None], np.ones((1, len(index))))


def _linear_taps(x) -> list[tuple[Any, Any]]:
    """(index, weight) of the elements on both sides of each place."""
    below = np.floor(array_of(x))
    after = x - below
    return [(below.astype(int), 1 - after), (below.astype(int) + 1, after)]


def _cubic_taps(x, a: float = -0.75) -> list[tuple[Any, Any]]:
    """(index, weight) of the four elements around each place (Keys, 1981)."""
    below = np.floor(array_of(x))
    t = x - below
    near, far = (lambda d: ((a + 2) * d - (a + 3)) * d * d + 1), (lambda d: ((a * d - 5 * a) * d + 8 * a) * d - 4 * a)
    weights = far(t + 1), near(t), near(1 - t), far(2 - t)
    return [(below.astype(int) + k - 1, weight) for k, weight in enumerate(weights)]


def _wide_taps(n: int, out: int, step: float, mode: str):
    """The taps of a window that is as wide as what shrinks into one element."""
    width, reach = max(step, 1.0), 2 if mode == "bicubic" else 1
    center = step * (np.arange(out) + 0.5)
    start = np.maximum((center - reach * width + 0.5).astype(int), 0)
    stop = np.minimum((center + reach * width + 0.5).astype(int), n)
    index = start + np.arange((stop - start).max())[:, None]
    d = np.abs((index - center + 0.5) / width)
    weight = np.maximum(1 - d, 0)
    if mode == "bicubic":
        weight = np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((-0.5 * d + 2.5) * d - 4) * d + 2, 0))
    weight = np.where(index < stop, weight, 0)
    return np.minimum(index, n - 1), weight / weight.sum(axis=0)


def upsample_nearest(input: AnyArray, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode "nearest".

    >>> upsample_nearest(np.array([[[1.0, 2.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: AnyArray, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode "bilinear" and aligned corners.

    >>> upsample_bilinear(np.array([[[[1.0, 2.0]]]]), (1, 3)).tolist()
    [[[[1.0, 1.5, 2.0]]]]
    """
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None) -> Tensor:
    """`interpolate` by its old name.

    >>> upsample(np.array([[[1.0, 2.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


# ---- places that are computed -----------------------------------------------------------------------------


def affine_grid(theta: AnyArray, size: Iterable[int], align_corners: bool | None = None) -> Tensor:
    """The places, for `grid_sample`, of a grid of `size` (N, C, *size) under matrices (N, 2, 3) or (N, 3, 4).

    >>> affine_grid(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 2, 2))[0, 0].tolist()
    [[-0.5, -0.5], [0.5, -0.5]]
    """
    theta, size = numbers("affine_grid", theta), tuple(whole_number("affine_grid", "size", s, 1) for s in size)
    n = len(size) - 2
    if n not in (2, 3) or theta.shape != (size[0], n, n + 1):
        raise ValueError(
            f"affine_grid: found matrices of shape {theta.shape} for size {size}; expected (N, 2, 3) or "
            "(N, 3, 4), as many as the size has dimensions"
        )
    axes = [np.linspace(-1, 1, s) if s > 1 else np.zeros(1) for s in size[:1:-1]]
    if not align_corners:
        axes = [axis * (len(axis) - 1) / len(axis) for axis in axes]
    base = np.stack([*np.meshgrid(*axes[::-1], indexing="ij")[::-1], np.ones(size[2:])], axis=-1).astype(theta.dtype)
    return (base.reshape(-1, n + 1) @ np.swapaxes(theta, 1, 2)).reshape(size[0], *size[2:], n)


def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: Any = None
) -> Tensor:
    """Images (N, C, H, W), or volumes, at the places `grid` (N, *out, 2), from -1 to 1, (across, down).

    `mode` is "bilinear", "nearest" or, of images, "bicubic". Outside lie zeros, or `padding_mode` is "border" or
    "reflection". With `align_corners` -1 and 1 are the middles of the outermost elements, else their outer borders.

    >>> grid_sample(np.array([[[[1.0, 2.0]]]]), np.array([[[[0.0, 0.0], [0.5, 0.0]]]])).tolist()
    [[[[1.5, 2.0]]]]
    """
    x, grid = floating("grid_sample", input), floating("grid_sample: grid", grid)
    n = len(x.shape) - 2
    if n not in (2, 3) or grid.shape[:1] + grid.shape[-1:] != (x.shape[0], n) or len(grid.shape) != n + 2:
        raise ValueError(
            f"grid_sample: found images of shape {x.shape} and a grid of shape {grid.shape}; expected "
            "(N, C, H, W) and (N, oh, ow, 2), or (N, C, D, H, W) and (N, od, oh, ow, 3)"
        )
    if mode not in ("bilinear", "nearest", "bicubic") or mode == "bicubic" and n == 3:
        raise ValueError(f"grid_sample: mode: expected 'bilinear', 'nearest' or, of images, 'bicubic', found {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: padding_mode: expected 'zeros', 'border', 'reflection', found {padding_mode!r}")
    if 0 in x.shape[1:]:
        raise ValueError(f"grid_sample: found images of shape {x.shape}; expected no axis of length 0 but the batch")
    taps, size = [], x.shape[2:]
    for d, length in enumerate(size):  # places are (across, down), axes the other way round
        at = grid[..., n - 1 - d].reshape(x.shape[0], -1)
        at = (at + 1) / 2 * (length - 1) if align_corners else ((at + 1) * length - 1) / 2
        inner = at if mode == "bicubic" else _brought_in(at, length, padding_mode, align_corners)
        if mode == "nearest":
            along = [(np.rint(array_of(inner)).astype(int), None)]
        else:
            along = _cubic_taps(inner) if mode == "bicubic" else _linear_taps(inner)
        if mode == "bicubic" and padding_mode != "zeros":
            along = [
                (_brought_in(i.astype(float), length, padding_mode, align_corners).astype(int), w) for i, w in along
            ]
        taps.append(along)
    rows = x.reshape(*x.shape[:2], -1)
    total: Any = 0
    for combination in itertools.product(*taps):
        flat: Any = 0
        weight: Any = 1
        for (i, w), length in zip(combination, size):
            flat = flat * length + np.clip(i, 0, length - 1)
            weight = weight * ((i >= 0) & (i < length))
            weight = weight if w is None else weight * w
        picked = np.take_along_axis(rows, np.broadcast_to(flat[:, None], (*x.shape[:2], flat.shape[1])), -1)
        total = total + picked * weight[:, None]
    return total.reshape(*x.shape[:2], *grid.shape[1:-1]).astype(x.dtype)


def _brought_in(x, length: int, padding_mode: str, align_corners: bool | None):
    """Places outside, as the border or the mirror image has them."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        low, span = (0, length - 1) if align_corners else (-0.5, length)
        if span:
            away = np.abs(x - low)
            turns = np.floor(array_of(away) / span)
            away = away - turns * span
            x = np.where(turns % 2 == 0, away, span - away) + low
        else:
            x = x * 0
    return np.clip(x, 0, length - 1)


# ---- moved elements ---------------------------------------------------------------------------------------


def pixel_shuffle(input: AnyArray, upscale_factor: int) -> Tensor:
    """Channels as pixels: (..., C r², H, W) to (..., C, H r, W r), r = `upscale_factor` (Shi et al., 2016).

    >>> pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2).tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    x, r = array(input), whole_number("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    if len(x.shape) < 3 or x.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: found shape {x.shape}; expected (..., C · {r * r}, H, W)")
    *lead, c, h, w = x.shape
    split = np.moveaxis(x.reshape(*lead, c // (r * r), r, r, h, w), (-4, -3), (-3, -1))
    return split.reshape(*lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input: AnyArray, downscale_factor: int) -> Tensor:
    """Pixels as channels, the inverse of `pixel_shuffle`.

    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2), 2).ravel()
    array([0., 1., 2., 3.])
    """
    x, r = array(input), whole_number("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    if len(x.shape) < 3 or x.shape[-2] % r or x.shape[-1] % r:
        raise ValueError(f"pixel_unshuffle: found shape {x.shape}; expected (..., C, H · {r}, W · {r})")
    *lead, c, h, w = x.shape
    split = np.moveaxis(x.reshape(*lead, c, h // r, r, w // r, r), (-3, -1), (-4, -3))
    return split.reshape(*lead, c * r * r, h // r, w // r)


def channel_shuffle(input: AnyArray, groups: int) -> Tensor:
    """Channels (N, C, *), dealt out one from each group in turn (Zhang et al., 2018).

    >>> channel_shuffle(np.arange(4.0).reshape(1, 4, 1), 2).ravel()
    array([0., 2., 1., 3.])
    """
    x, groups = array(input), whole_number("channel_shuffle", "groups", groups, 1)
    if len(x.shape) < 3 or x.shape[1] % groups:
        raise ValueError(f"channel_shuffle: found shape {x.shape}; expected (N, C, ...), C a multiple of {groups}")
    return np.swapaxes(x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]), 1, 2).reshape(x.shape)


PADDINGS = {"constant": "constant", "reflect": "reflect", "replicate": "", "circular": "wrap"}


def pad(input: AnyArray, pad: Iterable[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Elements around the last axes: `pad` is (before, after) of the last one, then of the one before it, and so on.

    A negative number cuts. `mode` is "constant", with `value` or 0, "reflect", "replicate" or "circular".

    >>> pad(np.array([1.0, 2.0, 3.0]), (1, -1))
    array([0., 1., 2.])
    """
    x, around = array(input), [int(p) for p in pad]
    if mode not in PADDINGS:
        raise ValueError(f"pad: mode: expected one of {', '.join(PADDINGS)}, found {mode!r}")
    if len(around) % 2 or len(around) > 2 * len(x.shape):
        raise ValueError(
            f"pad: found {tuple(around)} for shape {x.shape}; expected two numbers for each of the last axes"
        )
    if mode != "constant" and value is not None and value != 0:
        raise ValueError(f"pad: value: mode {mode!r} has none, found {value!r}")
    pairs = [(0, 0)] * (len(x.shape) - len(around) // 2) + list(zip(around[::2], around[1::2]))[::-1]
    most = {"reflect": 1, "circular": 0}.get(mode)
    for (before, after), n in zip(pairs, x.shape):
        if n + before + after < 0 or most is not None and max(before, after) > max(n - most, 0):
            raise ValueError(f"pad: found {tuple(around)} for shape {x.shape} and mode {mode!r}, which is too much")
    if mode == "replicate":
        for axis, ((before, after), n) in enumerate(zip(pairs, x.shape)):
            if before or after:
                x = np.take(x, np.clip(np.arange(-before, n + after), 0, n - 1), axis)
        return x
    kept = tuple(slice(max(-before, 0), n - max(-after, 0)) for (before, after), n in zip(pairs, x.shape))
    if any(min(pair) < 0 for pair in pairs):
        x = x[kept]
    pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if not any(map(any, pairs)):
        return x
    more: dict[str, Any] = {"constant_values": value or 0} if mode == "constant" else {}
    how: Any = PADDINGS[mode]
    wider: Any = np.pad(x, pairs, how, **more)
    return wider

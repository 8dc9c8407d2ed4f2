"""Images sampled at other places: a whole batch at once, each image at places of its own.

A place outside an image has the value `fill`. The images are framed with it, so that no place needs a condition.
"""

from __future__ import annotations

import threading
from typing import Any, cast

import numpy as np

TILE = 1 << 16  # pixels warped together: fewer cost more in calls, more cost more in memory


def planes(images: Any, caller: str) -> np.ndarray:
    """Images (n, height, width) or (n, channels, height, width) as an array of four axes."""
    array = np.asarray(images)
    if array.ndim not in (3, 4) or array.dtype.kind not in "uif":
        raise ValueError(
            f"{caller}: found {array.dtype} of shape {array.shape}; expected images of real numbers of shape "
            "(n, height, width) or (n, channels, height, width); images.reshape(-1, 28, 28) makes them of rows of 784"
        )
    return array[:, None] if array.ndim == 3 else array


def warp(images: Any, y: Any, x: Any, *, interpolation: str = "bilinear", fill: float = 0.0) -> np.ndarray:
    """The images at the places (y, x), in pixels from the middle of the first pixel.

    `y` and `x` broadcast together to (n, height, width), or (1, height, width) for the same places in all images; the
    images may be of another size. Whole numbers come back rounded.

    >>> image = np.array([[[0.0, 1.0], [2.0, 3.0]]])
    >>> warp(image, np.array([[[0.5]]]), np.array([[[0.5, 2.0]]]))
    array([[[1.5, 0. ]]])
    """
    return _warp(images, (y, 0.0), (x, 0.0), interpolation, fill)


def _warp(images: Any, y: tuple[Any, Any], x: tuple[Any, Any], interpolation: str, fill: float) -> np.ndarray:
    """The images at the places (y[0] + y[1], x[0] + x[1])."""
    if interpolation not in ("bilinear", "nearest"):
        raise ValueError(f"interpolation: expected 'bilinear' or 'nearest', found {interpolation!r}")
    source = planes(images, "warp")
    n, channels, height, width = source.shape
    exact = source.dtype.kind == "f" and source.dtype.itemsize > 2
    dtype = source.dtype if exact else np.dtype(np.float32 if height * width < 1 << 23 else np.float64)
    terms = [np.asarray(v, dtype) for v in (*y, *x)]
    m, rows, columns = np.broadcast_shapes((1, 1, 1), *(v.shape for v in terms))
    if m not in (1, n):
        raise ValueError(f"warp: found places for {m} images, expected {n} or 1")
    out = np.empty((n, channels, rows, columns), source.dtype)
    if m == 1:  # all channels of all images alike
        source, out_planes = source.reshape(n * channels, 1, height, width), out.reshape(n * channels, 1, rows, columns)
    else:
        out_planes = out
    tile = max(1, min(len(source), TILE // max(1, rows * columns * source.shape[1])))
    kind = Together if m == 1 else Apart
    sample = _sampler(kind, tile, source.shape[1:], (rows, columns), dtype, interpolation == "bilinear", fill)
    for begin in range(0, len(source), tile):
        part = slice(begin, begin + tile)
        if m > 1 or begin == 0:
            sample.aim(*(v if v.ndim < 3 or len(v) == 1 else v[part] for v in terms))
        found = sample(source[part])
        if source.dtype.kind != "f":
            limits = np.iinfo(source.dtype)
            found = np.clip(np.rint(found), limits.min, limits.max)
        out_planes[part] = found
    return out.reshape(np.shape(images)[:-2] + out.shape[-2:])


_own = threading.local()  # a thread's sampler: the next batch is often like the last one


def _sampler(kind: Any, *arguments: Any) -> Sampler:
    if getattr(_own, "arguments", None) != (kind, arguments):
        _own.sampler, _own.arguments = kind(*arguments), (kind, arguments)
    return cast(Sampler, _own.sampler)


class Sampler:
    """Samples a few images at a time, always in the same memory: fresh memory costs more than the arithmetic."""

    def __init__(
        self, tile: int, image: tuple[int, ...], out: tuple[int, int], dtype: Any, bilinear: bool, fill: float
    ):
        self.channels, self.height, self.width = image
        self.tile, self.out, self.dtype, self.bilinear, self.fill = tile, out, dtype, bilinear, fill
        self.stride, self.plane = self.width + 3, (self.height + 3) * (self.width + 3)
        self.corners = (0, 1, self.stride, self.stride + 1) if bilinear else (0,)
        self.prepare()

    floats: np.ndarray  # the shares of the pixels below and to the right, and what is temporary
    local: np.ndarray  # where the upper left of the four pixels around each place is

    def prepare(self) -> None:
        """Take memory."""
        raise NotImplementedError

    def __call__(self, source: np.ndarray) -> np.ndarray:
        """A few images at the places that were aimed at."""
        raise NotImplementedError

    def aim(self, *terms: Any) -> None:
        """Set `local` to where the upper left of the four pixels around each place is, and the shares of the others."""
        n = max(1, *(len(v) for v in terms if v.ndim == 3))
        fy, fx, y0, x0 = self.floats[:, :n]
        with np.errstate(invalid="ignore"):
            for a, b, end, f, whole in zip(terms[::2], terms[1::2], (self.height, self.width), (fy, fx), (y0, x0)):
                np.add(a, b, out=f)
                np.clip(f, -1, end, out=f)  # beyond the frame everything is alike
                np.floor(f, out=whole) if self.bilinear else np.rint(f, out=whole)
                f -= whole
            y0 *= self.stride
            y0 += x0
            np.copyto(self.local[:n], y0, casting="unsafe")

    def mix(self, found: list[np.ndarray], fy: np.ndarray, fx: np.ndarray) -> np.ndarray:
        """What lies between the pixels around."""
        if not self.bilinear:
            return found[0]
        return _between(_between(found[0], found[1], fx), _between(found[2], found[3], fx), fy)


# In both, "wrap" is the quickest of the modes: all places are inside, but for those of NaN, which get any value.


class Apart(Sampler):
    """Each image at places of its own."""

    def prepare(self) -> None:
        tile, channels, out = self.tile, self.channels, self.out
        self.framed = np.full((tile, channels, self.height + 3, self.stride), self.fill, self.dtype)
        self.floats, self.local = np.empty((4, tile, *out), self.dtype), np.empty((tile, *out), np.int32)
        self.index = np.empty((tile, channels, *out), np.intp)
        self.starts = np.arange(tile * channels).reshape(tile, channels, 1, 1) * self.plane + self.stride + 1
        self.values = np.empty((len(self.corners), tile, channels, *out), self.dtype)

    def __call__(self, source: np.ndarray) -> np.ndarray:
        n = len(source)
        self.framed[:n, :, 1:-2, 1:-2] = source
        index = np.add(self.local[:n, None], self.starts[:n], out=self.index[:n])
        flat = self.framed.reshape(-1)
        found = [flat[c:].take(index, out=v[:n], mode="wrap") for c, v in zip(self.corners, self.values)]
        return self.mix(found, *self.floats[:2, :n, None])


class Together(Sampler):
    """All images at the same places: the images are the last axis, so that each place is found once."""

    def prepare(self) -> None:
        rows, columns = self.out
        self.framed = np.full((self.height + 3, self.stride, self.tile), self.fill, self.dtype)
        self.values = np.empty((len(self.corners), rows * columns, self.tile), self.dtype)
        self.floats, self.local = np.empty((4, 1, *self.out), self.dtype), np.empty((1, *self.out), np.int32)

    def __call__(self, source: np.ndarray) -> np.ndarray:
        n = len(source)
        self.framed[1:-2, 1:-2, :n] = source[:, 0].transpose(1, 2, 0)
        pixels = self.framed.reshape(-1, self.tile)
        index = np.add(self.local.reshape(-1), self.stride + 1, dtype=np.intp)
        found = [pixels[c:].take(index, axis=0, out=v, mode="wrap") for c, v in zip(self.corners, self.values)]
        mixed = self.mix(found, *self.floats[:2].reshape(2, -1, 1))
        return mixed[:, :n].T.reshape(n, 1, *self.out)


def _between(a: np.ndarray, b: np.ndarray, share: Any) -> np.ndarray:
    """(1 - share) · a + share · b, in place of b."""
    b -= a
    b *= share
    b += a
    return b


def affine(
    images: Any,
    angle: Any = 0.0,
    translate: Any = (0.0, 0.0),
    scale: Any = 1.0,
    shear: Any = (0.0, 0.0),
    *,
    interpolation: str = "bilinear",
    fill: float = 0.0,
) -> np.ndarray:
    """Images sheared, turned, scaled about their middle and moved.

    Everything is a number, or an array of one number for each image: `angle` in degrees, clockwise; `translate` =
    (right, down) in pixels; `scale`; `shear` = (x, y) in degrees. The matrix is that of torchvision's `affine`.

    >>> affine([[[0.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 3.0, 0.0]]], angle=90).round(6)
    array([[[0., 0., 0.],
            [3., 2., 1.],
            [0., 0., 0.]]])
    """
    n, _, height, width = planes(images, "affine").shape
    turn, shear_x, shear_y = (np.radians(np.asarray(v, float)) for v in (angle, *shear))
    right, down = (np.asarray(v, float) for v in translate)
    # Where the output's pixel comes from: the inverse of turning · shearing · scaling.
    c, s, t = np.cos(turn - shear_y) / np.cos(shear_y), np.sin(turn - shear_y) / np.cos(shear_y), np.tan(shear_x)
    inverse = [-s * t + np.cos(turn), c * t + np.sin(turn), -s, c]
    xx, xy, yx, yy = (np.reshape(v / np.asarray(scale, float), (-1, 1, 1)) for v in inverse)
    across, along = (height - 1) / 2, (width - 1) / 2
    i = np.arange(height).reshape(-1, 1) - across - np.reshape(down, (-1, 1, 1))
    j = np.arange(width) - along - np.reshape(right, (-1, 1, 1))
    return _warp(images, (yx * j + across, yy * i), (xx * j + along, xy * i), interpolation, fill)


def smooth(fields: np.ndarray, sigma: float) -> np.ndarray:
    """Fields (..., height, width) blurred by a Gaussian of standard deviation `sigma` pixels, reflected at the edges.

    >>> smooth(np.full((1, 5, 5), 2.0), 1.0).round(6).max()
    np.float64(2.0)
    """
    across, along = (_blur(n, sigma, fields.dtype) for n in fields.shape[-2:])
    blurred: np.ndarray = across @ fields @ along.T
    return blurred


def _blur(n: int, sigma: float, dtype: Any) -> np.ndarray:
    """The matrix that blurs n numbers: torchvision's kernel, of 8 sigma + 1 pixels at most."""
    if not sigma > 0:
        return np.eye(n, dtype=dtype)
    half = int(8 * sigma + 1) // 2
    offsets = np.arange(-half, half + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    period = max(1, 2 * (n - 1))
    sources = (np.arange(n)[:, None] + offsets) % period
    sources = np.where(sources >= n, period - sources, sources)
    matrix = np.zeros((n, n))
    np.add.at(matrix, (np.arange(n)[:, None], sources), weights)
    return matrix.astype(dtype)


def elastic(images: Any, displacement: Any, *, interpolation: str = "bilinear", fill: float = 0.0) -> np.ndarray:
    """Images whose every pixel comes from beside it: displacement (n or 1, 2, height, width) in pixels, down and right.

    >>> elastic([[[1.0, 2.0, 3.0]]], np.array([[[[0, 0, 0]], [[1, 1, 1]]]]))
    array([[[2., 3., 0.]]])
    """
    height, width = planes(images, "elastic").shape[2:]
    moved = np.asarray(displacement)
    if moved.ndim != 4 or moved.shape[1:] != (2, height, width):
        raise ValueError(f"elastic: displacement: found shape {moved.shape}, expected (n, 2, {height}, {width})")
    i, j = np.arange(height).reshape(1, -1, 1), np.arange(width).reshape(1, 1, -1)
    return _warp(images, (moved[:, 0], i), (moved[:, 1], j), interpolation, fill)

"""How a kernel moves over images: its places, and what each of its entries meets there.

In memory the images of a batch lie innermost, as (C, H, W, N): then a row of patches is a few long runs, and a
window moves over whole arrays at a time. What callers see is (N, C, H, W), by strides.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    Pair = int | tuple[int, int]


class Window(NamedTuple):
    """How a kernel moves over an image: (down, across) of each; a border is (before, after) the image."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]

    def __str__(self) -> str:
        """In pictures, without what is as usual.

        >>> str(Window((3, 3), (2, 2), ((0, 1), (1, 1)), (1, 1)))
        '3×3 stride 2 padding 0+1×1'
        """
        borders = [before if before == after else f"{before}+{after}" for before, after in self.padding]
        parts = [("stride", self.stride, 1), ("padding", borders, 0), ("dilation", self.dilation, 1)]
        return " ".join(
            ["×".join(map(str, self.kernel))]
            + [
                f"{what} {down}" if down == across else f"{what} {down}×{across}"
                for what, (down, across), usual in parts
                if not down == across == usual
            ]
        )

    def places(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The number of positions, down and across, on images of shape (..., H, W)."""
        (h, w), (spans, across) = shape[-2:], self.spans()
        (top, bottom), (left, right) = self.padding
        return (h + top + bottom - spans) // self.stride[0] + 1, (w + left + right - across) // self.stride[1] + 1

    def spans(self) -> tuple[int, int]:
        """The height and width of what the kernel sees, gaps included."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    def wide(self, shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """The shape (C, H, W, N) of images (N, C, H, W) with their border."""
        (n, c, h, w), ((top, bottom), (left, right)) = shape, self.padding
        return c, h + top + bottom, w + left + right, n

    def slices(self, places: tuple[int, int]) -> Iterator[tuple[int, int, tuple]]:
        """(i, j, index) of what entry (i, j) of the kernel meets in padded images (C, H, W, N)."""
        (sh, sw), (dh, dw), (oh, ow) = self.stride, self.dilation, places
        for i in range(self.kernel[0]):
            down = slice(i * dh, i * dh + sh * (oh - 1) + 1, sh)
            for j in range(self.kernel[1]):
                yield i, j, (slice(None), down, slice(j * dw, j * dw + sw * (ow - 1) + 1, sw))

    def padded(self, x: np.ndarray, fill: float = 0) -> np.ndarray:
        """Images (N, C, H, W) as (C, H, W, N) with a border."""
        shape = self.wide(x.shape)
        (top, _), (left, _) = self.padding
        x = np.ascontiguousarray(batch_last(x))
        if x.shape == shape:
            return x
        wide = np.full_like(x, fill, order="C", shape=shape)
        wide[:, top : top + x.shape[1], left : left + x.shape[2]] = x
        return wide

    def inside(self, x: np.ndarray) -> np.ndarray:
        """The images without the border, as (N, C, H, W)."""
        (top, bottom), (left, right) = self.padding
        return batch_first(x[:, top : x.shape[1] - bottom, left : x.shape[2] - right])


def batch_last(x):
    """(N, C, H, W) as (C, H, W, N)."""
    return x.transpose(1, 2, 3, 0)


def batch_first(x):
    """(C, H, W, N) as (N, C, H, W)."""
    return x.transpose(3, 0, 1, 2)


# ---- what it is made of -----------------------------------------------------------------------------------


def pair(name: str, what: str, value: Any, least: int = 1) -> tuple[int, int]:
    """One whole number for both directions, or two of them: (down, across).

    >>> pair("conv2d", "stride", 2)
    (2, 2)
    >>> pair("conv2d", "stride", (2, 0))
    Traceback (most recent call last):
    ValueError: conv2d: stride: expected a whole number, 1 or more, or two of them (down, across), found (2, 0)
    """
    try:
        down, across = map(index, value) if isinstance(value, (tuple, list)) else (index(value),) * 2
    except (TypeError, ValueError):
        down = across = least - 1
    if min(down, across) < least:
        raise ValueError(
            f"{name}: {what}: expected a whole number, {least} or more, or two of them (down, across), found {value!r}"
        )
    return down, across


def kernel_and_stride(name: str, kernel_size: Any, stride: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Both of a pooling; its stride is the size of its window unless given."""
    kernel = pair(name, "kernel_size", kernel_size)
    return kernel, kernel if stride is None else pair(name, "stride", stride)


def border(
    name: str, value: Any, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The border that `padding` asks for: numbers, "valid" for none, "same" for as many places as pixels.

    An even kernel needs an odd border for that: the greater half comes after the image, as in PyTorch.

    >>> border("conv2d", "same", (4, 3), (1, 1), (1, 1))
    ((1, 2), (1, 1))
    """
    if not isinstance(value, str):
        down, across = pair(name, "padding", value, least=0)
        return (down, down), (across, across)
    if value == "valid":
        return (0, 0), (0, 0)
    if value != "same":
        raise ValueError(f"{name}: padding: expected numbers, 'same' or 'valid', found {value!r}")
    if stride != (1, 1):
        raise ValueError(f"{name}: padding='same' needs stride 1, found stride {stride}; give the padding in numbers")
    down, across = (d * (k - 1) for k, d in zip(kernel, dilation))
    return (down // 2, down - down // 2), (across // 2, across - across // 2)


def images(name: str, shape: tuple[int, ...]) -> None:
    """Refuse what is not a batch of images."""
    if len(shape) != 4:
        raise ValueError(
            f"{name}: found shape {shape}; expected images (N, C, H, W)"
            + ("; one image is x[None]" if len(shape) == 3 else "")
        )


def fitting(name: str, window: Window, shape: tuple[int, ...]) -> Window:
    """The window, if it finds a place on images of shape (..., H, W)."""
    if min(window.places(shape)) < 1:
        wide = tuple(n + sum(border) for n, border in zip(shape[-2:], window.padding))
        raise ValueError(
            f"{name}: the kernel spans {window.spans()}, which does not fit on images of "
            f"{tuple(shape[-2:])}, with padding {wide}; use a smaller kernel or dilation, or more padding"
        )
    return window

"""What a picture says of an array: its numbers if they are few, else range, distribution and a thumbnail; no array.

`described` makes a `Value`, plain data that a file can keep; the texts of it are in labels.py.
"""

from __future__ import annotations

import math

import numpy as np

from .schema import Value

FEW_ELEMENTS = 64  # elements: of at most so many every number is kept
SIDE = 64  # pixels: the longest side of a thumbnail
LEVELS = "0123456789abcdef"
SPARK_BINS = 12
ACROSS, DOWN = 84, 58  # pixels: of several images side by side


def described(array) -> Value | None:
    """What is known of an array: every number of a small one; range, distribution and pixels of a larger one."""
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        return None
    parts = np.concatenate([array.real.ravel(), array.imag.ravel()]) if array.dtype.kind == "c" else array
    parts = parts.astype(np.float64) if parts.dtype.kind == "f" else parts
    finite = parts[np.isfinite(parts)] if parts.dtype.kind == "f" else parts
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    if array.size <= FEW_ELEMENTS:
        flat = array.ravel().tolist()
        numbers = (
            tuple((plain_number(z.real), plain_number(z.imag)) for z in flat)
            if array.dtype.kind == "c"
            else tuple(map(plain_number, flat))
        )
        return Value(numbers, low, high, parts.size - finite.size, (), *pixels(array, low, high))
    counts = np.histogram(finite, SPARK_BINS)[0].tolist() if finite.size and math.isfinite(high - low) else ()
    return Value((), low, high, parts.size - finite.size, tuple(counts), *pixels(array, low, high))


def plain_number(number) -> float | int:
    """A number as JSON has it."""
    if number != number:
        return math.nan  # the one object, so that equal pictures are equal
    return int(number) if isinstance(number, bool) else number


def pixels(array: np.ndarray, low: float, high: float) -> tuple[int, str]:
    """(columns, levels) of a thumbnail, a hexadecimal digit a pixel row by row; (0, "") where it would say nothing."""
    picture = as_picture(array)
    if picture is None or low == high or not math.isfinite(high - low):
        return 0, ""
    scaled = np.nan_to_num((picture.astype(np.float64) - low) / (high - low))
    digits = np.rint(np.clip(scaled, 0, 1) * 15).astype(int).ravel().tolist()
    return picture.shape[1], "".join(LEVELS[d] for d in digits)


def as_picture(array: np.ndarray) -> np.ndarray | None:
    """The array of pixels that is looked at: a strip, a matrix, or images (k, k) or of k² numbers side by side."""
    if array.dtype.kind == "c" or array.size < 2:
        return None
    a = array
    if a.ndim == 1:
        side = math.isqrt(a.size)
        return a.reshape(side, side) if 8 <= side <= SIDE and side * side == a.size else strip(a)
    if a.ndim > 2:
        a = a.reshape(-1, *a.shape[-2:])
        return montage(a) if a.shape[-1] <= SIDE and a.shape[-2] <= SIDE and a.shape[-1] > 1 else None
    side = math.isqrt(a.shape[1])
    if 5 <= side <= SIDE and side * side == a.shape[1]:
        return montage(a.reshape(len(a), side, side))
    return a if a.size <= FEW_ELEMENTS else None


def strip(a: np.ndarray) -> np.ndarray | None:
    """A short array of one dimension as a strip."""
    return a.reshape(1, -1) if a.size <= SIDE else None


def montage(images: np.ndarray) -> np.ndarray:
    """As many of some images as there is room for, in rows of about twice their height, with lines of zeros between."""
    tall, wide = images.shape[1] + 1, images.shape[2] + 1
    across, down = max(1, ACROSS // wide), max(1, DOWN // tall)
    shown = images[: across * down]
    across = min(across, max(1, math.ceil(len(shown) / min(down, max(1, math.isqrt(len(shown) // 2))))))
    rows = math.ceil(len(shown) / across)
    sheet = np.zeros((rows * tall - 1, across * wide - 1), images.dtype)
    for i, image in enumerate(shown):
        y, x = i // across * tall, i % across * wide
        sheet[y : y + tall - 1, x : x + wide - 1] = image
    return sheet

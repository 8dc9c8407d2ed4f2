"""MNIST's own IDX files: a big-endian header (magic, sizes) and bytes; every promise of the header is checked."""

from __future__ import annotations

import numpy as np

from ..errors import Failure
from .unpack import File

LABELS, IMAGES = 2049, 2051  # magic numbers: unsigned bytes (0x08) of 1 and of 3 dimensions
MAGICS = {LABELS: "labels", IMAGES: "images"}


def magic(raw: bytes) -> int | None:
    """Return the magic number that `raw` begins with where it is an IDX file of bytes, else None."""
    number = int.from_bytes(raw[:4], "big")
    return number if number in MAGICS else None


def read_images(raw: bytes, file: File) -> np.ndarray:
    """Return the images of an IDX file as bytes 0..255, shape (n, 784)."""
    count, height, width = _header(raw, file, IMAGES)
    if (height, width) != (28, 28):
        raise Failure(f"{file}: found images of {height}x{width}, expected 28x28")
    return np.frombuffer(raw, np.uint8, offset=16).reshape(count, 784)


def read_labels(raw: bytes, file: File) -> np.ndarray:
    """Return the labels of an IDX file, integers 0..9 of shape (n,)."""
    _header(raw, file, LABELS)
    labels = np.frombuffer(raw, np.uint8, offset=8)
    if labels.size and labels.max() > 9:
        row = int(np.argmax(labels > 9))
        raise Failure(f"{file}: row {row + 1}: found label {labels[row]}, expected 0..9")
    return labels.astype(np.int64)


def _header(raw: bytes, file: File, expected: int) -> tuple[int, ...]:
    """Return the sizes that the header gives, after checking the magic number and the file's length against it."""
    kind, found = MAGICS[expected], int.from_bytes(raw[:4], "big")
    if found != expected:
        what = f"a file of {MAGICS[found]} (magic number {found})" if found in MAGICS else f"magic number {found}"
        raise Failure(f"{file}: found {what}, expected an IDX file of {kind} (magic number {expected})")
    dimensions = raw[3]
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise Failure(f"{file}: truncated: found {len(raw)} bytes, expected an IDX header of {start}")
    sizes = tuple(int(size) for size in np.frombuffer(raw[4:start], ">u4"))
    length = start + int(np.prod(sizes, dtype=object))
    if len(raw) != length:
        state = "truncated" if len(raw) < length else "too long"
        raise Failure(f"{file}: {state}: found {len(raw):,} bytes, expected {length:,} for {sizes[0]:,} {kind}")
    if not sizes[0]:
        raise Failure(f"{file}: found no {kind}, expected at least one")
    return sizes

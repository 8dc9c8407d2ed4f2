"""What every format is read to: pixels a row an image, labels or none, and the words for the form that was found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import Failure

SIDE, CLASSES = 28, 10
PIXELS = SIDE * SIDE
FAINT = 32  # the largest of all pixels, up to which something may be wrong


class Table(NamedTuple):
    """Pixels (n, 784) as bytes or float32, labels 0..9 (n,) or None, and how they lay in the file."""

    pixels: np.ndarray
    labels: np.ndarray | None
    form: str


def scaled(pixels: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """Return float32 pixels in 0..1 and the range they had: 0..255, or 0..1 where none is larger than 1."""
    top = float(pixels.max(initial=0))
    if not (pixels.min(initial=0) >= 0 and top <= 255):  # false for NaN as well
        row = int(np.argmax(~((pixels >= 0) & (pixels <= 255)).all(axis=1)))
        raise Failure(f"{where}: row {row + 1}: found pixels outside 0..255, expected 0..255 or 0..1")
    images = pixels.astype(np.float32, copy=False)
    if top > 1:
        if not images.flags.writeable:
            images = images.copy()
        images /= 255
        return images, "pixels 0..255" if top > FAINT else f"pixels 0..{top:g}, taken as shades of 255"
    return images, "pixels 0 and 1" if np.isin(pixels, (0, 1)).all() else "pixels 0..1"


def whole_labels(labels: np.ndarray, where: str) -> np.ndarray:
    """Return labels as integers, or fail with the first row that has none of 0..9."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == CLASSES and np.isin(labels, (0, 1)).all():  # one-hot
        if (labels.sum(axis=1) == 1).all():
            labels = labels.argmax(axis=1)
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1 or labels.dtype.kind not in "buif":
        raise Failure(f"{where}: found labels of shape {labels.shape} and dtype {labels.dtype}, expected (n,), 0..9")
    wrong = ~np.isin(labels, np.arange(CLASSES))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Failure(f"{where}: row {row + 1}: found label {labels[row]}, expected 0..9")
    return labels.astype(np.int64)


def flat_images(images: np.ndarray, where: str) -> np.ndarray:
    """Return images (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784) as rows."""
    images = np.asarray(images)
    shape = tuple(size for size in images.shape[1:] if size != 1)
    if images.dtype.kind not in "buif" or shape not in ((SIDE, SIDE), (PIXELS,)):
        raise Failure(
            f"{where}: found an array of shape {images.shape} and dtype {images.dtype}, "
            f"expected images (n, {SIDE}, {SIDE}) or (n, {PIXELS})"
        )
    if not len(images):
        raise Failure(f"{where}: found no images, expected at least one")
    return images.reshape(len(images), PIXELS)

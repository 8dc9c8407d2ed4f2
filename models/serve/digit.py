"""A drawing as an image of the kind that a network was trained on: scaled and centred as MNIST's are.

MNIST's digits were scaled, with their proportions kept, into a box of 20 x 20 pixels, and then placed in 28 x 28 with
their centre of mass in the middle (LeCun, Cortes and Burges, 1998). scikit-learn's of 8 x 8 fill their box.
"""

from __future__ import annotations

import numpy as np

FILLED = {8: 8, 28: 20}  # the image's side -> the digit's longer side


def centred(drawing: np.ndarray, side: int) -> np.ndarray:
    """The image (side, side), from 0 to 1, of a drawing (rows, columns) whose ink is above 0; all 0 for none.

    >>> centred(np.eye(50, dtype=np.float32)[:, :, None].repeat(1, 2)[..., 0], 28).shape
    (28, 28)
    """
    image = np.zeros((side, side), np.float32)
    rows, columns = np.flatnonzero(drawing.max(1) > 0.1), np.flatnonzero(drawing.max(0) > 0.1)
    if not len(rows):
        return image
    ink = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = max(ink.shape)
    box = FILLED.get(side, max(1, round(side * 20 / 28)))
    height, width = (max(1, round(box * n / longest)) for n in ink.shape)
    small = shares(ink.shape[0], height) @ ink @ shares(ink.shape[1], width).T
    small = np.clip(small / max(small.max(), 1e-6), 0, 1)
    total = small.sum()
    top = round(side / 2 - 0.5 - float(small.sum(1) @ np.arange(height) / total))
    left = round(side / 2 - 0.5 - float(small.sum(0) @ np.arange(width) / total))
    top, left = min(max(top, 0), side - height), min(max(left, 0), side - width)
    image[top : top + height, left : left + width] = small
    return image


def shares(many: int, few: int) -> np.ndarray:
    """(few, many): the share of each of many pixels in each of few, so that a line of them is their mean.

    >>> shares(4, 2)
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]], dtype=float32)
    """
    starts = np.arange(few)[:, None] * many / few
    begin, end = np.maximum(np.arange(many), starts), np.minimum(np.arange(many) + 1, starts + many / few)
    return (np.maximum(end - begin, 0) * few / many).astype(np.float32)

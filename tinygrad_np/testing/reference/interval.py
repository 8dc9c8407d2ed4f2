"""What is known of derivatives: intervals, whose ends have an error bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Reference(NamedTuple):
    """Directional derivatives (directions × outputs): any value in [low, high], each end ± error."""

    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    kink: np.ndarray

    @property
    def value(self) -> np.ndarray:
        return (self.low + self.high) / 2

    @property
    def size(self) -> np.ndarray:
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def over(self, by: np.ndarray) -> Reference:
        """The reference for directions divided by a positive number each."""
        return Reference(self.low / by, self.high / by, self.error / by, self.kink)


def tighter(a: Reference, b: Reference) -> Reference:
    """Entry by entry the tighter of two references; a smooth one before a kink."""
    with np.errstate(all="ignore"):
        score = [
            np.where(np.isfinite(r.error), r.error / (r.size + 1e-300), np.inf) + np.where(r.kink, 0.1, 0)
            for r in (a, b)
        ]
    take = score[1] < score[0]
    return Reference(*(np.where(take, y, x) for x, y in zip(a, b)))


def some(ref: Reference, rows) -> Reference:
    return Reference(*(part[rows] for part in ref))


def rows_replaced(ref: Reference, rows, part: Reference) -> Reference:
    """The reference with some of its directions replaced."""
    whole = [array.copy() for array in ref]
    for array, new in zip(whole, part):
        array[rows] = new
    return Reference(*whole)


def projected(ref: Reference, v: np.ndarray) -> Reference:
    """The derivatives of v · f, for each row of v: intervals add up."""
    up, down = np.maximum(v, 0).T, np.minimum(v, 0).T
    with np.errstate(all="ignore"):
        return Reference(
            ref.low @ up + ref.high @ down,
            ref.high @ up + ref.low @ down,
            ref.error @ np.abs(v).T,
            (ref.kink.astype(float) @ np.abs(v).T) > 0,
        )

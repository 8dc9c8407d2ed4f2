"""Which column of numbers is the label, where no header says it: what is not plausible is refused, never guessed."""

from __future__ import annotations

import numpy as np

from .table import CLASSES

CERTAIN = 0.9  # of a pixel in a corner, more are of one value; of labels, fewer


def label_column(first: np.ndarray, last: np.ndarray) -> str | None:
    """Return which of the two outer columns holds the labels, "first" or "last", or None where both may.

    Labels are whole numbers 0..9 of which no single one has nearly all rows: a pixel in a corner has. Where neither
    column is so, the one that is nearer to it is meant, and its first fault will be named.

    >>> label_column(np.array([7, 2, 1, 0]), np.array([0, 0, 0, 0]))
    'first'
    >>> label_column(np.array([0, 0, 0, 0]), np.array([7, 2, 1, 0]))
    'last'
    >>> label_column(np.array([1, 0, 1, 0]), np.array([7, 2, 1, 0]))
    """
    within, common = zip(*map(_likeness, (first, last)), strict=True)
    likely = [share == 1 and most <= CERTAIN for share, most in zip(within, common, strict=True)]
    if all(likely):
        return None
    if any(likely):
        return "first" if likely[0] else "last"
    score = [share * (1 - most) for share, most in zip(within, common, strict=True)]
    if score[0] == score[1]:  # each of one value alone, as in a file of one row: a corner is blank
        return "last" if not first.any() and last.any() and within[1] == 1 else "first"
    return "first" if score[0] > score[1] else "last"


def _likeness(column: np.ndarray) -> tuple[float, float]:
    """Return (share of the rows that hold a whole number 0..9, share of the most common value)."""
    values, counts = np.unique(column, return_counts=True)
    return float(np.isin(column, np.arange(CLASSES)).mean()), float(counts.max() / len(column))

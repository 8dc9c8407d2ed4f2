"""Which column of numbers is the label, where no header says it: what is not plausible is refused, never guessed."""

from __future__ import annotations

import numpy as np

from .table import CLASSES

CERTAIN = 0.9  # of a pixel in a corner, more are of one value; of labels, fewer


def label_column(first: np.ndarray, last: np.ndarray) -> str | None:
    """Return which of the two outer columns holds the labels, "first" or "last", or None where that is not certain.

    Labels are whole numbers 0..9 of which no single one has nearly all rows: a pixel in a corner has. Where neither
    column is so, one that is nearly so is meant, and its first fault will be named; or the labels are of one class,
    other than 0, which a blank corner has.

    >>> label_column(np.array([7, 2, 1, 0]), np.array([0, 0, 0, 0]))
    'first'
    >>> label_column(np.array([0, 0, 0, 0]), np.array([7, 7, 7, 7]))
    'last'
    >>> label_column(np.array([1, 0, 1, 0]), np.array([7, 2, 1, 0]))
    >>> label_column(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 0]))
    """
    columns = {"first": _told(first), "last": _told(last)}
    varied = [name for name, (within, most, _) in columns.items() if within == 1 and most <= CERTAIN]
    if varied:
        return varied[0] if len(varied) == 1 else None
    score = {name: within * (1 - most) for name, (within, most, _) in columns.items()}
    best = max(score, key=score.__getitem__)
    if score[best] > 1 - CERTAIN:
        return best
    alike = [name for name, (within, _, common) in columns.items() if within == 1 and common]
    return alike[0] if len(alike) == 1 else None


def _told(column: np.ndarray) -> tuple[float, float, float]:
    """Return (share of the rows that hold a whole number 0..9, share of the most common value, that value)."""
    values, counts = np.unique(column, return_counts=True)
    return float(np.isin(column, np.arange(CLASSES)).mean()), float(counts.max() / len(column)), values[counts.argmax()]

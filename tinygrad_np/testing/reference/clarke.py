"""Where many kinks meet, the derivative is anything between those at points around (Clarke 1975).

The median of three equal numbers changes with none of them alone, to neither side; yet around that point it is one
of them. Of a smooth function the derivatives along two directions add up; where they do not, points around decide.
"""

from __future__ import annotations

import numpy as np

from .directions import measured
from .finite_differences import reference, scales
from .interval import Reference
from .problem import Problem

DISTANCE, STEP = 2.0**-12, 2.0**-18  # of the points, and of the largest step there, in units of each entry
POINTS_AROUND = 64
EXACT_AROUND = 1e-4  # the largest error, beside the derivative, that a point may have to count
ADDITIVE = 1e-6


def additive(p: Problem, u: np.ndarray, ref: Reference) -> np.ndarray:
    """Of which outputs the derivative along u is the sum of those of `ref`, one an input: all, of a smooth f."""
    whole = measured(p, u[None], careful=True)
    with np.errstate(all="ignore"):
        apart = np.abs(u @ ref.value - whole.value[0])
        size, error = (np.abs(u) @ a + b[0] for a, b in ((ref.size, whole.size), (ref.error, whole.error)))
        return apart <= ADDITIVE * np.maximum(size, 1e-3 * size.max(initial=0)) + 3 * error


def clarke(p: Problem, directions: np.ndarray, claim: np.ndarray, slack: np.ndarray, ref: Reference) -> Reference:
    """The reference, each interval wide enough for the derivatives at points around; as many as the claim needs."""
    rng = np.random.default_rng(6)
    size = scales(p.point, relative=True)
    low, high, error = ref.low, ref.high, ref.error
    for _ in range(POINTS_AROUND):
        near = p.point + DISTANCE * size * rng.uniform(-1, 1, p.point.size)
        there = reference(p.value, near, directions * STEP, p.size_out).over(np.array(STEP))
        with np.errstate(all="ignore"):
            counts = there.error <= EXACT_AROUND * np.maximum(there.size, ref.size.max())
            low = np.where(counts, np.fmin(low, there.value), low)
            high = np.where(counts, np.fmax(high, there.value), high)
            error = np.where(counts, np.fmax(error, there.error), error)
        if ((claim >= low - slack) & (claim <= high + slack)).all():
            break
    wider = (low < ref.low) | (high > ref.high)
    return Reference(low, high, error, ref.kink | wider)

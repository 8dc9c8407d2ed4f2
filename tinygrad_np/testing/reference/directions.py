"""Claimed derivatives along one direction, judged: a quick look, a careful one, and what rounding leaves.

No derivative is asked to be better than what rounding its inputs makes of it.
"""

from __future__ import annotations

import numpy as np

from ...transforms import vjp
from .finite_differences import EPS, WIDE, reference, roundoff, sample, scales
from .interval import Reference, projected, rows_replaced
from .problem import Problem, flat_vector
from .verdict import FAIL, doubtful, judge

TINY = 2e-13  # beside a derivative of size 1 in the same column, this is rounding
FLAT_LEVEL = 10  # the level of the step within which a function is asked whether it changes at all
EXACT_QUICKLY = 1e-7  # the part of a derivative that an estimate of it may be off by
NEARBY_POINTS = (2.0**-10, 2.0**-10, 2.0**-26)


def generic(n: int, rng) -> np.ndarray:
    """A vector of random signs and sizes between 1 and 2, none of them a round number."""
    return rng.choice([-1.0, 1.0], n) * rng.uniform(1, 2, n)


def measured(p: Problem, directions: np.ndarray, careful: bool = False) -> Reference:
    """The reference for derivatives of p along some directions."""
    floor = np.maximum(p.noise, hidden(p, directions)) if careful else p.noise
    return reference(p.value, p.point, directions, p.size_out, careful=careful, floor=floor)


def estimated(p: Problem, columns: np.ndarray | None = None) -> np.ndarray:
    """The Jacobian, or some columns of it, by a quick look, or by a careful one; NaN where that finds none."""
    columns = np.arange(p.point.size) if columns is None else columns
    size = scales(p.point[columns], relative=True)
    steps = np.zeros((len(columns), p.point.size))
    steps[np.arange(len(columns)), columns] = size
    found = measured(p, steps)
    with np.errstate(invalid="ignore"):
        exact = found.error <= EXACT_QUICKLY * np.maximum(found.size, 1e-3 * largest(found.size))
    lost = np.flatnonzero(~exact.all(axis=1))
    if len(lost):
        found = rows_replaced(found, lost, measured(p, steps[lost], careful=True))
    return (np.where(np.isfinite(found.error), found.value, np.nan) / size[:, None]).T


def hidden(p: Problem, directions: np.ndarray) -> float | np.ndarray:
    """The rounding of numbers within f far larger than its value, where f is seen to jump by it, or may: it is flat."""
    height, size = EPS * p.peak, level(p)
    large = height > 8 * EPS * size
    if not large.any():
        return 0.0
    noise = roundoff(p.value, p.point, directions, p.size_out, WIDE, order=6)
    right, left = sample(p.value, p.point, directions, (FLAT_LEVEL,), p.size_out)
    flat_here = (right[0] == left[0]) & (right[0] == flat_vector(p.outputs))
    found = np.maximum(height, np.minimum(noise, 4 * height))
    return np.where(large & ((noise > height / 16) | flat_here), found, 0.0)


def check_direction(p: Problem, probe, claim, rtol, atol, floor, v=None):
    """Judge the claimed derivatives along one direction, carefully where a quick look does not pass."""
    for careful in (False, True):
        ref = measured(p, probe, careful=careful)
        ref = ref if v is None else projected(ref, v)
        status, slack = judge(claim, ref, rtol, atol, floor)
        if not doubtful(status, slack, ref, 1e-2 * largest(claim)).any():
            return status, slack, ref
    if (status == FAIL).any():
        off = input_rounding(p, probe)
        status, slack = judge(claim, ref, rtol, atol + (off if v is None else np.abs(v) @ off), floor)
    return status, slack, ref


def input_rounding(p: Problem, directions: np.ndarray) -> np.ndarray:
    """How far rounding the inputs moves the derivatives along these directions, for each output.

    That is by how much they differ at points nearby, times a few hundred eps. The determinant of a singular
    matrix has derivatives that are exactly zero, and that no algorithm finds better than this. Only f is
    asked, never its rule; at a kink this is 1e-6 of the slopes, no more.
    """
    rng = np.random.default_rng(3)
    here = measured(p, directions)
    moved = np.zeros(p.size_out)
    for distance in NEARBY_POINTS:
        amount = rng.uniform(-2, 2, p.point.size)  # signs alone may keep a symmetry
        near = p.point + distance * amount * scales(p.point, relative=True)
        with np.errstate(all="ignore"):
            there = reference(p.value, near, directions, p.size_out)
            bar = there.error + here.error
            apart = np.abs(there.value - here.value) - np.where(np.isfinite(bar), bar, 0)
        moved = np.maximum(moved, np.where(np.isfinite(apart), apart, 0).max(axis=0) / distance)
    return 256 * EPS * moved


def rule_wobble(p: Problem, cotangents: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """The rounding within a rule: how far its results move when the inputs change in their last digits."""
    rng = np.random.default_rng(4)
    moved = np.zeros(gradients.shape)
    for _ in range(3):
        near = p.point * (1 + 8 * EPS * rng.choice([-1.0, 1.0], p.point.size))
        pullback = vjp(p, *p.arrays(near))[1]
        there = np.array([flat_vector(pullback(p.cut(v))) for v in cotangents])
        with np.errstate(all="ignore"):
            moved = np.maximum(moved, np.nan_to_num(np.abs(there - gradients), posinf=0))
    return 16 * moved


def level(p: Problem, v=None) -> np.ndarray:
    """The size of each output, or of each combination of outputs: a slope far below it is as good as zero."""
    out = np.abs(np.nan_to_num(flat_vector(p.outputs), posinf=0, neginf=0))
    return out if v is None else np.abs(v) @ out


def largest(a: np.ndarray) -> float:
    finite = np.abs(a[np.isfinite(a)])
    return float(finite.max()) if finite.size else 0.0

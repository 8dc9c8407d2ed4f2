"""A Jacobian against finite differences, entry by entry where it is small, along directions where it is large.

Both scales of step are tried, relative to each entry and absolute, and the tighter one decides.
"""

from __future__ import annotations

import numpy as np

from .. import failures
from ..reference.clarke import additive, clarke
from ..reference.directions import TINY, check_direction, input_rounding, largest, level, measured, rule_wobble
from ..reference.finite_differences import scales
from ..reference.interval import rows_replaced, some, tighter
from ..reference.problem import Problem, flat_vector
from ..reference.verdict import FAIL, PASS, RTOL, UNKNOWN, Findings, doubtful, judge, tally, worst
from .probes import compare_probes
from .user_code import as_failure

UNDERFLOW = 2 * float(np.finfo(float).tiny)  # a value below it may be 0, and a derivative of it is nothing
UNSTEADY = 1e-3  # the largest part of a derivative that may be rounding within its rule
WHOLE_JACOBIAN = 4096  # the largest Jacobian that is compared entry by entry


def first_order(problem: Problem, rng, rtol: float, atol: float) -> Findings:
    """Reverse mode against finite differences."""
    found = as_failure(lambda: compare(problem, rng, rtol, atol))
    if found.entry is not None:
        kind = failures.GradientMismatch if np.isfinite(found.entry.yours) else failures.NaNGradient
        failure: failures.CheckFailed = kind()
        failure.found = found
        raise failure
    return found


def compare(
    p: Problem, rng: np.random.Generator, rtol: float = RTOL, atol: float = 0.0, *, brief: bool = False
) -> Findings:
    """Compare p's reverse mode with finite differences; briefly, along one random direction."""
    n, m = p.point.size, p.size_out
    if not n or not m:
        p.pull(np.zeros(m))
        return Findings()
    if n * m <= WHOLE_JACOBIAN and not brief:
        return compare_whole(p, rng, rtol, atol)
    return compare_probes(p, rng, rtol, atol, brief)


def compare_whole(p: Problem, rng, rtol: float, atol: float) -> Findings:
    """Every entry of the Jacobian, and two dense directions, where the policies at ties must add up."""
    n, m = p.point.size, p.size_out
    signs = np.where((np.arange(m) % 2 == 0) == (p.point.sum() < 0), -1.0, 1.0)  # an abs of ct shows
    pulled = np.array([p.pull(v) for v in np.diag(signs)])
    yours = signs[:, None] * pulled
    claim, x = yours.T, p.point
    size = scales(x, relative=True)
    finite = np.where(np.isfinite(claim), np.abs(claim), 0)
    noise = atol + TINY * finite.max(axis=1)[:, None]  # what rounding leaves of a derivative that is 0
    floor = np.maximum(1e-2 * finite.max(), 1e-6 * level(p) / size[:, None])
    ref = measured(p, np.diag(size)).over(size[:, None])
    excused = beside_infinity(p, claim)

    def verdict() -> tuple[np.ndarray, np.ndarray]:
        status, slack = judge(claim, ref, rtol, noise, floor)
        return np.where(excused, UNKNOWN, status), slack

    status, slack = verdict()
    for unit in (size, np.ones(n)):
        again = np.flatnonzero(doubtful(status, slack, ref, 1e-2 * finite.max()).any(axis=1))
        if not len(again):
            break
        better = measured(p, np.diag(unit)[again], careful=True).over(unit[again, None])
        ref = rows_replaced(ref, again, better if unit is size else tighter(some(ref, again), better))
        status, slack = verdict()
    if (status == FAIL).any():
        noise = noise + UNDERFLOW / size[:, None]
        status, slack = verdict()
    if (status == FAIL).any():  # an output is rounded as a whole, whichever input moves
        noise = noise + input_rounding(p, np.array(dense(n, rng)) * size) / size[:, None]
        noise = noise + np.minimum(rule_wobble(p, np.diag(signs), pulled).T, UNSTEADY * finite)
        status, slack = verdict()
    failing = np.flatnonzero((status == FAIL).any(axis=1))
    if len(failing) and n > 1 and not all(additive(p, u * size, ref).all() for u in dense(n, rng)):
        near = clarke(
            p,
            np.diag(size)[failing],
            claim[failing] * size[failing, None],
            slack[failing] * size[failing, None],
            some(ref, failing).over(1 / size[failing, None]),
        )
        ref = rows_replaced(ref, failing, near.over(size[failing, None]))
        status, slack = verdict()
    found = tally(status, slack, ref, claim)
    found.yours, found.expected = yours, ref
    if (status == FAIL).any():
        found.entry = worst(status, slack, ref, claim)
        return found
    ties = ref.kink.any(axis=0)  # each derivative alone may be one of many; together they must be one
    for u in dense(n, rng) if n > 1 and ties.any() else ():
        for relative in (True, False):
            probe = (u * scales(x, relative))[None]
            along = probe @ claim
            allowed = np.abs(probe) @ (atol + rtol * finite + TINY * finite.max(axis=1)[:, None])
            floor = 1e-2 * largest(along) + 1e-6 * level(p)
            part = check_direction(p, probe, along, rtol, allowed, floor)
            if ((part[0] == FAIL) & ties).any():
                near = clarke(p, probe, along, part[1], part[2])
                part = (*judge(along, near, rtol, allowed, floor), near)
            status, slack, ref_along = part
            status = np.where(ties, status, PASS)
            if (status == FAIL).any():
                found.entry = worst(status, slack, ref_along, along, column=-1)
                found.kinks += 1
                return found
    return found


def beside_infinity(p: Problem, claim: np.ndarray) -> np.ndarray:
    """Which claims are NaN for an entry that makes another output infinite, or NaN: 0 · ∞ is no mistake of a rule."""
    lost = ~np.isfinite(flat_vector(p.outputs))
    return ~np.isfinite(claim) & (claim[:, lost] != 0).any(axis=1, keepdims=True)


def dense(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Directions that move every entry: all alike, and by random signs."""
    return [np.ones(n), rng.choice([-1.0, 1.0], n)][: 1 + (n > 1)]

"""Large Jacobians: random directions against random cotangents; a direction that fails is halved until one
entry is left.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..reference.directions import TINY, check_direction, largest, level, measured
from ..reference.finite_differences import scales
from ..reference.interval import projected
from ..reference.problem import Problem
from ..reference.verdict import FAIL, Entry, Findings, tally, worst

FEW_ROWS = 64  # the most outputs that are compared one by one along random directions
PROBES = 3


def compare_probes(p: Problem, rng, rtol: float, atol: float, brief: bool = False) -> Findings:
    """Random directions; where one fails, halve it until a single entry is left."""
    n, m = p.point.size, p.size_out
    v = (
        np.eye(m)
        if m <= FEW_ROWS and not brief
        else rng.choice([-1.0, 1.0], (PROBES, m)) * (1 + rng.integers(0, 8, (PROBES, m)) / 8)
    )
    rows = np.array([p.pull(row) for row in v])
    total = Findings(whole=False)
    for relative in (False,) if brief else (True, False):
        for _ in range(1 if brief else PROBES):
            probe = (rng.choice([-1.0, 1.0], n) * (1 + rng.integers(0, 8, n) / 8) * scales(p.point, relative))[None]
            claim = probe @ rows.T
            floor = 1e-2 * largest(claim) + 1e-6 * level(p, v)
            noise = np.abs(probe) @ (TINY * np.abs(rows.T) + atol)
            status, slack, ref = check_direction(p, probe, claim, rtol, noise, floor, v)
            total.add(tally(status, slack, ref, claim))
            if (status == FAIL).any():
                k = worst(status, slack, ref, claim).row
                total.entry = bisect(p, probe[0], v[k], rtol)
                return total
    return total


def bisect(p: Problem, u: np.ndarray, v: np.ndarray, rtol: float) -> Entry:
    """The input entry, then the output entry, whose derivative is wrong: half the suspects at a time."""
    g = p.pull(v)

    def deviation(entries) -> float:
        mask = np.isin(np.arange(u.size), entries)
        claim = np.array([[g[mask] @ u[mask]]])
        status, slack, ref = check_direction(p, np.where(mask, u, 0)[None], claim, rtol, 0.0, 0.0, v[None])
        off = max(ref.low[0, 0] - claim[0, 0], claim[0, 0] - ref.high[0, 0])
        return off / slack[0, 0] if np.isfinite(off) else np.inf

    j = guiltiest(np.arange(u.size), deviation)
    unit = np.zeros((1, u.size))
    unit[0, j] = scales(p.point, relative=True)[j]
    column = measured(p, unit, careful=True).over(unit[:, j, None])

    def astray(rows) -> float:
        mask = np.zeros_like(v)
        mask[rows] = v[rows]
        part, claim = projected(column, mask[None]), p.pull(mask)[j]
        return max(part.low[0, 0] - claim, claim - part.high[0, 0]) - 3 * part.error[0, 0]

    i = guiltiest(np.flatnonzero(v), astray)
    return Entry(
        i,
        j,
        float(p.pull(np.eye(1, v.size, i)[0])[j]),
        float(column.low[0, i]),
        float(column.high[0, i]),
        3 * float(column.error[0, i]),
    )


def guiltiest(suspects: np.ndarray, deviation: Callable[[np.ndarray], float]) -> int:
    """One of the suspects, by halves: the half that is further off is kept."""
    while len(suspects) > 1:
        halves = np.array_split(suspects, 2)
        suspects = halves[int(np.argmax([deviation(half) for half in halves]))]
    return int(suspects[0])

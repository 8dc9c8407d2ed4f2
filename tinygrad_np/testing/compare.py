"""One derivative against another: pass, kink, inconclusive or fail, an entry at a time, and where the worst
one is.

A small Jacobian is compared whole; a large one along random directions, and a direction that fails is
halved until one entry is left. Both scales of step are tried, relative to each entry and absolute, and the
tighter one decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .finite_differences import Reference, reference, scales
from .problem import Problem, flat

PASS, KINK, UNKNOWN, FAIL = range(4)
WHOLE = 4096  # the largest Jacobian that is compared entry by entry
ROWS = 64  # the most outputs that are compared one by one along random directions
PROBES = 3
RTOL = 1e-8
TINY = 2e-13  # beside a derivative of size 1 in the same column, this is rounding


@dataclass
class Entry:
    """One compared entry: which output, which input, what was found and what was expected."""

    row: int
    column: int
    yours: float
    low: float
    high: float
    error: float

    @property
    def expected(self) -> float:
        return (self.low + self.high) / 2


@dataclass
class Findings:
    """What a comparison found; `entry` is the worst entry that fails."""

    compared: int = 0
    nonzero: int = 0
    kinks: int = 0
    unknown: int = 0
    sensitivity: float = 0.0  # the largest relative error that could hide in any compared derivative
    entry: Entry | None = None
    whole: bool = True  # the whole Jacobian was compared
    yours: np.ndarray | None = field(default=None, repr=False)
    expected: Reference | None = field(default=None, repr=False)

    def add(self, other: Findings) -> None:
        self.compared += other.compared
        self.nonzero += other.nonzero
        self.kinks += other.kinks
        self.unknown += other.unknown
        self.sensitivity = max(self.sensitivity, other.sensitivity)
        self.whole &= other.whole


def judge(
    claim: np.ndarray, ref: Reference, rtol: float, atol: float, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """The verdict on each claimed derivative, and the slack that it was given."""
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(claim), claim, 0)
        size = np.maximum(np.maximum(np.abs(ref.low), np.abs(ref.high)), np.abs(finite))
        bar = 3 * ref.error
        slack = rtol * size + atol + bar
        outside = ~((claim >= ref.low - slack) & (claim <= ref.high + slack))
        vague = ~(bar <= 0.01 * np.maximum(size, floor))
        hopeless = ~np.isfinite(slack) | (~np.isfinite(claim) & vague)
    status = np.where(vague, UNKNOWN, np.where(ref.kink, KINK, PASS))
    return np.where(hopeless, UNKNOWN, np.where(outside, FAIL, status)), slack


def merged(a: Reference, b: Reference) -> Reference:
    """Entry by entry the tighter of two references; a smooth one before a kink."""
    with np.errstate(all="ignore"):
        score = [
            np.where(
                np.isfinite(r.error), r.error / (np.maximum(np.abs(r.low), np.abs(r.high)) + 1e-300), np.inf
            )
            + np.where(r.kink, 0.1, 0)
            for r in (a, b)
        ]
    take = score[1] < score[0]
    return Reference(*(np.where(take, y, x) for x, y in zip(a, b)))


def scaled(ref: Reference, by: np.ndarray) -> Reference:
    """The reference for directions divided by a positive number each."""
    return Reference(ref.low / by, ref.high / by, ref.error / by, ref.kink)


def some(ref: Reference, rows) -> Reference:
    return Reference(*(part[rows] for part in ref))


def placed(ref: Reference, rows, part: Reference) -> Reference:
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


def compare(
    p: Problem, rng: np.random.Generator, rtol: float = RTOL, atol: float = 0.0, *, brief: bool = False
) -> Findings:
    """Compare p's reverse mode with finite differences; briefly, along one random direction."""
    n, m = p.point.size, p.size_out
    if not n or not m:
        for v in np.zeros((1, m)):
            p.pull(v)
        return Findings()
    if n * m <= WHOLE and not brief:
        return compare_whole(p, rng, rtol, atol)
    return compare_probes(p, rng, rtol, atol, brief)


def measured(p: Problem, directions: np.ndarray, careful: bool = False) -> Reference:
    """The reference for derivatives of p along some directions."""
    return reference(p.value, p.point, directions, p.size_out, careful=careful, floor=p.noise)


def compare_whole(p: Problem, rng, rtol: float, atol: float) -> Findings:
    """Every entry of the Jacobian, and two dense directions, where the policies at ties must add up."""
    n, m = p.point.size, p.size_out
    yours = np.array([p.pull(v) for v in np.eye(m)])
    x = p.point
    size = scales(x, relative=True)
    given = atol
    finite = np.where(np.isfinite(yours.T), np.abs(yours.T), 0)
    atol = atol + TINY * finite.max(axis=1)[:, None]  # what rounding leaves of a derivative that is 0
    floor = np.maximum(1e-2 * finite.max(), 1e-6 * level(p) / size[:, None])
    ref = scaled(measured(p, np.diag(size)), size[:, None])
    status, slack = judge(yours.T, ref, rtol, atol, floor)
    for relative in (True, False):
        doubtful = np.flatnonzero(((status == FAIL) | (status == UNKNOWN)).any(axis=1))
        if not len(doubtful):
            break
        unit = size if relative else np.ones(n)
        better = scaled(measured(p, np.diag(unit)[doubtful], careful=True), unit[doubtful, None])
        if not relative:
            better = merged(some(ref, doubtful), better)
        ref = placed(ref, doubtful, better)
        status, slack = judge(yours.T, ref, rtol, atol, floor)
    found = tally(status, slack, ref, yours.T)
    found.yours, found.expected = yours, ref
    if (status == FAIL).any():
        found.entry = worst(status, slack, ref, yours.T)
        return found
    for u in dense(n, rng):
        for relative in (True, False):
            probe = (u * scales(x, relative))[None]
            claim = probe @ yours.T
            part = check_direction(
                p,
                probe,
                claim,
                rtol,
                np.abs(probe) @ (given + rtol * finite + TINY * finite.max(axis=1)[:, None]),
                1e-2 * largest(claim) + 1e-6 * level(p),
            )
            if (part[0] == FAIL).any() and n > 1:
                found.entry = worst(*part, claim, column=-1)
                found.kinks += 1
                return found
    return found


def check_direction(p: Problem, probe, claim, rtol, atol, floor, v=None):
    """Judge the claimed derivatives along one direction, carefully where a quick look does not pass."""
    for careful in (False, True):
        ref = measured(p, probe, careful=careful)
        ref = ref if v is None else projected(ref, v)
        status, slack = judge(claim, ref, rtol, atol, floor)
        if (status == PASS).all():
            break
    return status, slack, ref


def worst(status, slack, ref: Reference, claim, column: int | None = None) -> Entry:
    """The entry that fails by the largest multiple of its slack. Arrays are (inputs, outputs)."""
    off = np.maximum(ref.low - claim, claim - ref.high)
    with np.errstate(all="ignore"):
        off = np.where(np.isfinite(claim), off / (slack + 1e-300), np.inf)
    off = np.where(status == FAIL, off, -1)
    j, i = np.unravel_index(int(np.argmax(off)), off.shape)
    return Entry(
        int(i),
        int(j) if column is None else column,
        float(claim[j, i]),
        float(ref.low[j, i]),
        float(ref.high[j, i]),
        float(ref.error[j, i]),
    )


def level(p: Problem, v=None) -> np.ndarray:
    """The size of each output, or of each combination of outputs: a slope far below it is as good as zero."""
    out = np.abs(np.nan_to_num(flat(p.outputs), posinf=0, neginf=0))
    return out if v is None else np.abs(v) @ out


def largest(a: np.ndarray) -> float:
    finite = np.abs(a[np.isfinite(a)])
    return float(finite.max()) if finite.size else 0.0


def tally(status, slack, ref: Reference, claim) -> Findings:
    """Count the verdicts, and the weakest certificate among those that passed."""
    size = np.maximum(np.abs(ref.low), np.abs(ref.high))
    sure = (status == PASS) & (size > 0) & (size > 10 * ref.error)
    strength = float((slack[sure] / size[sure]).max()) if sure.any() else 0.0
    moved = (status != UNKNOWN) & ((np.abs(claim) > 0) | (size > 3 * ref.error))
    return Findings(
        int(np.sum(status != UNKNOWN)),
        int(moved.sum()),
        int(np.sum(status == KINK)),
        int(np.sum(status == UNKNOWN)),
        strength,
    )


def dense(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Directions that move every entry: all alike, and by random signs."""
    return [np.ones(n), rng.choice([-1.0, 1.0], n)] if n > 1 else []


# ---- large Jacobians --------------------------------------------------------------------------------------


def compare_probes(p: Problem, rng, rtol: float, atol: float, brief: bool = False) -> Findings:
    """Random directions; where one fails, halve it until a single entry is left."""
    n, m = p.point.size, p.size_out
    v = (
        np.eye(m)
        if m <= ROWS and not brief
        else rng.choice([-1.0, 1.0], (PROBES, m)) * (1 + rng.integers(0, 8, (PROBES, m)) / 8)
    )
    rows = np.array([p.pull(row) for row in v])
    total = Findings(whole=False)
    for relative in (False,) if brief else (True, False):
        for _ in range(1 if brief else PROBES):
            probe = (
                rng.choice([-1.0, 1.0], n) * (1 + rng.integers(0, 8, n) / 8) * scales(p.point, relative)
            )[None]
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

    def deviation(mask) -> float:
        claim = np.array([[g[mask] @ u[mask]]])
        status, slack, ref = check_direction(p, np.where(mask, u, 0)[None], claim, rtol, 0.0, 0.0, v[None])
        off = max(ref.low[0, 0] - claim[0, 0], claim[0, 0] - ref.high[0, 0])
        return off / slack[0, 0] if np.isfinite(off) else np.inf

    suspects = np.arange(u.size)
    while len(suspects) > 1:
        halves = np.array_split(suspects, 2)
        off = [deviation(np.isin(np.arange(u.size), half)) for half in halves]
        suspects = halves[int(np.argmax(off))]
    j = int(suspects[0])
    unit = np.zeros((1, u.size))
    unit[0, j] = scales(p.point, relative=True)[j]
    column = scaled(measured(p, unit, careful=True), unit[:, j, None])
    rows = np.flatnonzero(v)
    while len(rows) > 1:
        halves = np.array_split(rows, 2)
        off = []
        for half in halves:
            mask = np.zeros_like(v)
            mask[half] = v[half]
            part = projected(column, mask[None])
            claim = p.pull(mask)[j]
            off.append(max(part.low[0, 0] - claim, claim - part.high[0, 0]) - 3 * part.error[0, 0])
        rows = halves[int(np.argmax(off))]
    i = int(rows[0])
    return Entry(
        i,
        j,
        float(p.pull(np.eye(1, v.size, i)[0])[j]),
        float(column.low[0, i]),
        float(column.high[0, i]),
        float(column.error[0, i]),
    )

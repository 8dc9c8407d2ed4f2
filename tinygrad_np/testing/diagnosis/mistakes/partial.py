"""Only some entries are wrong: a branch, an edge, a batch, one entry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...inputs.thresholds import MOST_THRESHOLDS, written_numbers
from ...reference.directions import measured
from ...reference.finite_differences import scales
from ...reference.problem import Problem
from .block import FIT, Part, off, right, used


def branch(b: Part):
    x = b.x[None, :]
    name = b.problem.slots[b.slot].name
    regions: list[tuple[str, np.ndarray]] = [
        (f"{name} < 0", x < 0),
        (f"{name} > 0", x > 0),
        (f"{name} <= 0", x <= 0),
        (f"{name} >= 0", x >= 0),
    ]
    own = [c for c in written_numbers(b.problem.f)[:MOST_THRESHOLDS] if c != 1]
    for c in reversed(own):  # the narrowest region that fits is the one
        regions += [(f"{name} > {c:.6g}", x > c), (f"{name} < {-c:.6g}", x < -c)]
        regions += [(f"|{name}| > {c:.6g}", np.abs(x) > c), (f"|{name}| < {c:.6g}", np.abs(x) < c)]
        regions.append((f"{name} < {c:.6g}", x < c))
    regions += [
        (f"|{name}| > 1", np.abs(x) > 1),
        (f"|{name}| < 1", np.abs(x) < 1),
        (f"|{name}| <= 1", np.abs(x) <= 1),
        (f"|{name}| >= 1", np.abs(x) >= 1),
        (f"{name} = 0", x == 0),
    ]
    for other, (value, _) in b.others.items():
        if value.size in (1, b.x.size):
            regions += [
                (f"{name} < {other}", x < value[None]),
                (f"{name} > {other}", x > value[None]),
                (f"{other} < 0", (value < 0)[None]),
            ]
    wrong = off(b)
    for name, region in regions:
        region = np.broadcast_to(region, b.expected.shape)
        if (region & used(b) & ~wrong).any():
            continue  # some of it is right there too
        weak = not (~region & ~wrong & used(b)).any()
        yield (
            f"BRANCH FORGOTTEN ({name})",
            f"the gradient is wrong only where {name}",
            np.where(region & wrong, b.yours, b.expected),
            weak,
        )


def scanned(b: Part):
    """Of an elementwise operation of one operand, where on the axis it is wrong: looked for, not guessed."""
    p, n = b.problem, b.x.size
    if len(p.slots) > 1 or not p.bare or len(b.expected) != n or np.any(b.expected * (1 - np.eye(n))):
        return

    def wrong(ts: np.ndarray, near: float = FIT) -> np.ndarray:
        q = Problem(p.f, p.with_arrays([ts])[0])
        yours, expected = q.pull(np.ones(len(ts))), right(q)
        return ~(np.abs(yours - np.diag(expected)) <= near * np.abs(np.diag(expected)) + 1e-9)

    try:
        runs = wrong_stretches(wrong)
    except Exception:  # outside the domain
        return
    name = p.slots[b.slot].name
    if len(runs) == 2 and runs[0] == (-runs[1][1], -runs[1][0]):
        runs, name = runs[1:], f"|{name}|"
    if runs and len(runs) < 3 and runs != [(-np.inf, np.inf)]:
        said = " or ".join(interval_in_words(name, *run) for run in runs)

        def predicted(
            b: Part, runs=runs if name[0] != "|" else [*runs, *((-hi, -lo) for lo, hi in runs)]
        ) -> np.ndarray:
            inside = np.any([(b.x >= low) & (b.x <= high) for low, high in runs], axis=0)
            return np.where(inside & off(b), b.yours, b.expected)

        yield f"BRANCH FORGOTTEN ({said})", f"the gradient is wrong only where {said}", predicted


def wrong_stretches(wrong: Callable) -> list[tuple[float, float]]:
    """The stretches of the axis where something is wrong, their ends to five digits."""
    sizes = np.logspace(-3, 3, 121) * 1.01
    ts = np.concatenate([-sizes[::-1], sizes])
    bad = wrong(ts)
    at = np.flatnonzero(bad[1:] != bad[:-1])
    if len(at) > 4:
        return []
    low, high = ts[at], ts[at + 1]
    for _ in range(24 * (len(at) > 0)):
        middle = (low + high) / 2
        same = wrong(middle) == bad[at]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    inside = np.where(bad[at], low - 0.02 * np.abs(low), high + 0.02 * np.abs(high))
    if len(at) and not wrong(inside, 1e-3).all():
        return []  # it fades, and has no end
    ends = [float(f"{t:.5g}") if abs(t) > 1e-2 else 0.0 for t in high]
    ends = [-np.inf] * bool(bad[0]) + ends
    ends += [np.inf] * (len(ends) % 2)
    return list(zip(ends[::2], ends[1::2]))


def interval_in_words(name: str, low: float, high: float) -> str:
    """An interval in words."""
    if high == np.inf:
        return f"{name} > {low:.6g}"
    return f"{name} < {high:.6g}" if low == -np.inf else f"{low:.6g} < {name} < {high:.6g}"


def not_finite(b: Part):
    """NaN and infinity, and where: 0 / 0, 0 · ∞, or an overflow."""
    lost = ~np.isfinite(b.yours)
    if not lost.any():
        return
    name, x, out = b.problem.slots[b.slot].name, b.x[None, :], b.out[:, None]
    regions = [
        (f"{name} = 0", x == 0),
        (f"{name} <= 0", x <= 0),
        (f"{name} < 0", x < 0),
        ("out = 0", out == 0),
        ("out is 0 or less", out <= 0),
        ("the input is large", np.abs(x) > 8),
    ]
    for what, region in [*regions, ("everywhere", np.ones((1, 1), bool))]:
        where = what if what == "everywhere" else f"where {what}"
        region = np.broadcast_to(region, b.expected.shape)
        if (lost & ~region).any() or not (region & used(b) <= lost).all():
            continue
        yield (
            "NOT FINITE",
            f"NaN or infinity {where}: a division 0/0, or 0 times infinity; np.where on the result is too late, "
            "replace the operand of the division first (or declare a kink that may be NaN: kinks=)",
            np.where(lost, b.yours, b.expected),
        )


def edge_entries(b: Part):
    wrong = off(b)
    for axis, n in enumerate(b.problem.slots[b.slot].array.shape):
        if n < 2:
            continue
        columns = np.asarray(wrong.any(axis=0)).reshape(b.shape)
        lines = np.array([np.take(columns, k, axis).any() for k in range(n)])
        if lines[1:].all() and not lines[0] and n * len(b.shape) > 2 and len(b.expected) > 1:
            yield (
                "FIRST ONLY",
                f"only the first element along axis {axis} is right: a batch of more than one is wrong",
                np.where(wrong, b.yours, b.expected),
            )
        if n < 3:
            continue
        for name, index in (("first", 0), ("last", n - 1)):
            place = np.zeros(b.shape, bool)
            place[(slice(None),) * axis + (index,)] = True
            yield (
                "EDGE",
                f"only the {name} element along axis {axis} is wrong",
                np.where(place.reshape(1, -1) & wrong, b.yours, b.expected),
            )


def first_of_many(b: Part):
    """Only the first (or last) output along an axis sends its cotangent back."""
    used_twice = (used(b).sum(axis=0) > 1).any()
    rows = b.expected.reshape(b.out_shape + (-1,))
    for axis, n in enumerate(b.out_shape if used_twice else ()):
        for name, index in (("first", 0), ("last", n - 1)):
            if n > 1:
                kept = np.zeros_like(rows)
                place = (slice(None),) * axis + (index,)
                kept[place] = rows[place]
                yield (
                    "FIRST ONLY",
                    f"only the {name} of the cotangents along axis {axis} is used: sum over that axis, a batch say",
                    kept.reshape(b.expected.shape),
                )


def single(b: Part):
    wrong = off(b)
    if wrong.sum() == 1 and b.expected.size > 1 and not (b.frame.partial and others_wrong(b, wrong)):
        yield "ONE ENTRY", "one entry is wrong, all others are right", np.where(wrong, b.yours, b.expected)


def others_wrong(b: Part, wrong: np.ndarray) -> bool:
    """Whether entries outside the block are wrong too: one random probe of the whole tells."""
    p, rng = b.frame.whole, np.random.default_rng(9)
    i, j = (int(k[0]) for k in np.nonzero(wrong))
    u, v = (rng.choice([-1.0, 1.0], n) for n in (p.point.size, p.size_out))
    u *= scales(p.point, relative=True)
    apart = p.pull(v) @ u - measured(p, u[None]).value[0] @ v
    column = p.ends[b.frame.slot] + b.frame.entries[j]
    known = v[b.frame.rows[i]] * u[column] * (b.yours - b.expected)[i, j]
    return not np.isclose(apart, known, rtol=1e-3)


SOME_ENTRIES = (not_finite, first_of_many, edge_entries, single)

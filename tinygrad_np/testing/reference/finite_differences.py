"""Derivatives of a function along directions, each with an error bar that it found by itself.

Central differences at many steps 2⁻³ ... 2⁻²⁶ are extrapolated to step zero (Richardson 1911, Ridders
1982); the differences within the table are the error estimate, the rounding noise of the function is its
floor. A difference at the tiny step 2⁻²⁰ widens the bar where an extrapolation was fooled, as by a periodic
function. Differences to one side tell a kink from a wrong derivative. Steps and scales are powers of two,
so that x ± h is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np

from .interval import Reference, rows_replaced, some, tighter

EPS = float(np.finfo(np.float64).eps)
FIRST = tuple(range(3, 9)) + (20,)
ALL = tuple(range(3, 27))
CONFIRM = 20
SPACINGS = (2.0**-36, 2.0**-30, 2.0**-25)
CORNER = 1e-3
WIDE = tuple(1.38 * 2.0**-k for k in (20, 15, 10, 4))  # no multiples of a power of two: stairs are
NOISE_POINTS = 9
LOST = 2.0**-25  # the part of a step that may be lost where x + h is rounded
DEEPER = 2.0**-24  # where steps of all levels leave the domain, those of a ladder below it may not
ENOUGH = 4  # steps, to see whether f is elementwise
FEW_LEVELS = 8  # levels; with fewer inside the domain, the ladder below it is tried too


def scales(x: np.ndarray, relative: bool) -> np.ndarray:
    """The size of a step of each entry: the power of two below |x|, or 1."""
    if not relative:
        return np.ones_like(x)
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log2(np.abs(x)))
    return np.where(np.isfinite(exponent), np.exp2(np.clip(exponent, -1040, 1000)), 1.0)


def sample(f: Callable, x: np.ndarray, directions: np.ndarray, levels, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """f on both sides of x, at every step along every direction: two arrays (steps, directions, outputs)."""
    right = np.full((len(levels), len(directions), n_out), np.nan)
    left = right.copy()
    with np.errstate(all="ignore"):
        sizes = np.exp2(-np.asarray(levels, float))[:, None]
        done: set[int] = set()
        for group in separate(directions, n_out, len(levels)):
            if sample_elementwise(f, x, directions, group, sizes, right, left):
                done.update(group)
        for d in set(range(len(directions))) - done:
            u = directions[d]
            for side, steps in ((right, u * sizes), (left, u * -sizes)):
                places = x + steps
                for k in np.flatnonzero(moved_exactly(places, x, steps).all(axis=1)):
                    y = tried(f, places[k], n_out)
                    if y is not None:
                        side[k, d] = y
    return right, left


def moved_exactly(places: np.ndarray, x: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Which entries have moved by their step: where rounding x changes a step, that says nothing."""
    return np.abs(places - x - steps) <= LOST * np.abs(steps)


def tried(f: Callable, x: np.ndarray, n_out: int) -> np.ndarray | None:
    """f(x); None outside the domain, and where the number of results changes: such a step says nothing."""
    try:
        y = f(x)
    except (ArithmeticError, ValueError, TypeError, IndexError, np.linalg.LinAlgError):
        return None
    return y if y.shape == (n_out,) else None


def separate(directions: np.ndarray, n_out: int, levels: int) -> list[list[int]]:
    """Which directions may be tried at once: those that move one entry each, of an input of the output's size."""
    if directions.shape[1] % max(n_out, 1) or n_out < 3 or levels < ENOUGH:
        return []
    groups: dict[int, list[int]] = {}
    for d in np.flatnonzero((directions != 0).sum(axis=1) == 1):
        groups.setdefault(int(np.flatnonzero(directions[d])[0]) // n_out, []).append(int(d))
    return [group for group in groups.values() if len(group) > 2]


def sample_elementwise(f: Callable, x: np.ndarray, directions, group: list[int], sizes, right, left) -> bool:
    """Sample directions of an elementwise f at once; False, and nothing is known, where it is not elementwise.

    It is where, at every step, moving some entries up, some down and some not at all, chosen at random and twice, gives
    each output what it was when all moved so.
    """
    n_out, entries = right.shape[2], np.abs(directions[group]).argmax(axis=1)
    own, u = entries % n_out, directions[group].sum(axis=0)
    here = tried(f, x, n_out)
    if here is None:
        return False
    rng = np.random.default_rng(n_out)
    found = []
    for size in sizes[:, 0]:
        up, down = (tried(f, x + size * s * u, n_out) for s in (1.0, -1.0))
        if up is None or down is None:
            return False
        found.append((up, down))
        for _ in range(2):
            how = rng.integers(-1, 2, len(group))
            signs, moved = np.zeros(len(x)), np.zeros(n_out)
            signs[entries] = moved[own] = how
            mixed = tried(f, x + size * signs * u, n_out)
            expected = np.where(moved > 0, up, np.where(moved < 0, down, here))
            if mixed is None or not np.array_equal(mixed, expected, equal_nan=True):
                return False
    for k, (size, ends) in enumerate(zip(sizes[:, 0], found)):
        for side, end, s in zip((right, left), ends, (size, -size)):
            kept = moved_exactly(x + s * u, x, s * u)[entries]
            places, rows = np.array(group)[kept], own[kept]
            side[k, places] = here
            side[k, places, rows] = end[rows]
    return True


def extrapolate(rough: np.ndarray, noise: np.ndarray, levels, power: int) -> tuple[np.ndarray, np.ndarray]:
    """The limit of `rough` (steps first, each half the one before) at step zero, and its error.

    Column j of the table removes the error term h^(power·j); an entry's error is its distance to the two
    entries it was made of, and never less than the noise, nor than what a plain difference at a tiny step
    leaves unexplained.
    """
    plain, bar = finest(rough, noise, levels)
    best = np.zeros(rough.shape[1:])
    error = np.full(rough.shape[1:], np.inf)
    for start, stop in level_runs(levels):
        table, floor = rough[start:stop], noise[start:stop]
        for j in range(1, min(stop - start, 6)):
            factor = 2.0 ** (power * j)
            finer = (factor * table[1:] - table[:-1]) / (factor - 1)
            floor = floor[1:]
            spread = np.maximum(np.abs(finer - table[1:]), np.abs(finer - table[:-1])) + floor
            spread = np.fmax(spread, np.abs(finer - plain) - bar)
            spread = np.where(np.isfinite(spread), spread, np.inf)
            k = np.argmin(spread, axis=0)[None]
            found = np.take_along_axis(spread, k, 0)[0]
            better = found < error
            best = np.where(better, np.take_along_axis(finer, k, 0)[0], best)
            error = np.where(better, found, error)
            table = finer
    return best, error


def finest(rough: np.ndarray, noise: np.ndarray, levels) -> tuple[np.ndarray, np.ndarray]:
    """A plain difference at a tiny step, and how far it can be off: the finest one that is not all noise."""
    fine = levels.index(CONFIRM)
    plain, bar = rough[fine:], 4 * noise[fine:]
    if len(plain) > 1:
        bar = bar[:-1] + 2 * np.abs(np.diff(plain, axis=0))
        k = np.argmin(np.where(np.isnan(bar), np.inf, bar), axis=0)[None]
        plain, bar = np.take_along_axis(plain, k, 0), np.take_along_axis(bar, k, 0)
    found = np.isfinite(rough)
    last = len(rough) - 1 - np.argmax(found[::-1], axis=0)[None]  # where steps so small are lost: the finest left
    lost = np.isnan(plain[0])
    return (
        np.where(lost, np.take_along_axis(rough, last, 0)[0], plain[0]),
        np.where(lost, 4 * np.take_along_axis(noise, last, 0)[0], bar[0]),
    )


def level_runs(levels) -> list[tuple[int, int]]:
    """The stretches of consecutive levels, as (start, stop)."""
    cuts = [0] + [i for i in range(1, len(levels)) if levels[i] != levels[i - 1] + 1] + [len(levels)]
    return [(a, b) for a, b in zip(cuts, cuts[1:]) if b - a > 1]


def central(right: np.ndarray, left: np.ndarray, levels, roundoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two-sided derivative and its error."""
    h = np.array([2.0**-level for level in levels])[:, None, None]
    with np.errstate(all="ignore"):
        rough = (right - left) / (2 * h)
        noise = (2 * EPS * np.maximum(np.abs(right), np.abs(left)) + roundoff) / h
        return extrapolate(rough, noise, levels, power=2)


def one_sided(f0: np.ndarray, side: np.ndarray, levels, sign: float, roundoff) -> tuple[np.ndarray, np.ndarray]:
    """The derivative to one side and its error."""
    h = np.array([2.0**-level for level in levels])[:, None, None]
    with np.errstate(all="ignore"):
        rough = sign * (side - f0) / h
        noise = (4 * EPS * np.maximum(np.abs(side), np.abs(f0)) + 2 * roundoff) / h
        return extrapolate(rough, noise, levels, power=1)


def roundoff(f: Callable, x: np.ndarray, directions: np.ndarray, n_out: int, spacings=SPACINGS, order=4) -> np.ndarray:
    """The noise of f along each direction, from fourth differences (or others) of nearly equal arguments
    (Hamming 1971). What grows just as the spacing does is a corner at x, and counts as small as it was seen.
    """
    each = []
    for spacing in spacings:
        levels = [-np.log2(spacing * k) for k in range(1, NOISE_POINTS // 2 + 1)]
        right, left = sample(f, x, directions, levels, n_out)
        with np.errstate(all="ignore"):
            values = np.concatenate([left[::-1], np.broadcast_to(f(x), (1,) + right.shape[1:]), right])
            found = np.max(np.abs(np.diff(values, order, axis=0)), axis=0) / np.sqrt(comb(2 * order, order))
        each.append(np.fmax(0.0, 2 * found))
    with np.errstate(all="ignore"):
        growth = [b / a * near / far for a, b, near, far in zip(each, each[1:], spacings, spacings[1:])]
        grown = [np.abs(g - 1) < CORNER for g in growth]
    return np.where(np.all(grown, axis=0), each[0], np.max(each, axis=0))


def stairs(
    f: Callable, x: np.ndarray, directions: np.ndarray, right: np.ndarray, left: np.ndarray, f0: np.ndarray
) -> np.ndarray:
    """The height of a step, where f goes up in steps because its values are rounded: flat here, and flat
    further out.

    A function that is flat here and slopes further out has a corner nearby instead; its slope here is 0.
    """
    with np.errstate(all="ignore"):
        moved = np.abs(np.concatenate([right, left]) - f0)
        flat = (right[-1] == f0) & (left[-1] == f0) & (np.fmax.reduce(moved) > 0)
    if not flat.any():
        return np.zeros(f0.shape)
    far = FIRST[3]
    beyond = sample(f, x, directions, [-np.log2(2.0**-far + 2.0 ** -ALL[-1])], len(f0))
    k = ALL.index(far)
    also = (beyond[0][0] == right[k]) & (beyond[1][0] == left[k]) & ((right[k] != f0) | (left[k] != f0))
    return np.where(flat & also, np.min(np.where(moved > 0, moved, np.inf), axis=0), 0)


def drowned(noise: np.ndarray, right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """The noise; infinite where it is all that the function does, so that there is no slope to find."""
    with np.errstate(all="ignore"):
        high = np.fmax(np.fmax.reduce(right), np.fmax.reduce(left))
        low = np.fmin(np.fmin.reduce(right), np.fmin.reduce(left))
        lost = (noise > 0.05 * (high - low)) & (noise > 1e-10 * np.maximum(np.abs(high), np.abs(low)))
    return np.where(lost, np.inf, np.where(np.isfinite(noise), noise, 0))


def hidden_kinks(right: np.ndarray, left: np.ndarray, f0: np.ndarray, levels, value: np.ndarray) -> np.ndarray:
    """Where the slopes to both sides differ as much at a tiny step as at a larger one: a kink, which a
    central difference hides.
    """
    tiny, larger = levels.index(CONFIRM), levels.index(CONFIRM) - 1
    with np.errstate(all="ignore"):
        near, far = (np.abs(right[k] + left[k] - 2 * f0) * 2.0 ** levels[k] for k in (tiny, larger))
        noise = 16 * EPS * np.maximum(np.abs(right[tiny]), np.abs(f0)) * 2.0**CONFIRM
        return (near > 0.1 * far) & (near > noise + 1e-6 * np.abs(value))


def jumps(right: np.ndarray, left: np.ndarray, f0: np.ndarray, levels, noise: np.ndarray) -> np.ndarray:
    """Along which directions f is not continuous at x: f(x) stays apart from its neighbors, however near
    they are.

    One output that jumps stands for all: a decomposition that changes a sign at x does so in every entry. One that
    is all noise stands for none.
    """
    with np.errstate(all="ignore"):
        apart = np.abs((right + left) / 2 - f0)
        near, far = apart[-1], apart[levels.index(13)]
        size = np.maximum(np.abs(f0), np.abs(right[-1]))
        ends = np.ptp(right[-4:], axis=0) + np.ptp(left[-4:], axis=0)  # noise moves them, a jump looks like noise
        found = (near > 0.25 * far) & (near > 100 * EPS * size + np.where(near > 8 * ends, 0, 4 * noise))
    return found.any(axis=1, keepdims=True)


def reference(
    f: Callable,
    x: np.ndarray,
    directions: np.ndarray,
    n_out: int,
    *,
    careful: bool = False,
    floor: float | np.ndarray = 0.0,
) -> Reference:
    """The derivative of f at x along each direction (one a row); `floor` is what is known of the noise of f.

    Quickly, 14 calls a direction; `careful` takes all steps, measures the noise of f, and looks at both
    sides. Where most steps leave the domain, the careful look is taken again at a far smaller scale.
    """
    f0 = f(x)
    f0 = f0 if f0.shape == (n_out,) else np.full(n_out, np.nan)
    floor = np.broadcast_to(floor, (len(directions), n_out))
    if not careful:
        right, left = sample(f, x, directions, FIRST, n_out)
        value, error = central(right, left, FIRST, floor)
        error = np.where(np.isfinite(f0), error, np.inf)  # no value, no derivative
        error = np.where(hidden_kinks(right, left, f0, FIRST, value), np.inf, error)
        return Reference(value, value, error, np.zeros(value.shape, bool))
    found, inside = thorough(f, x, f0, directions, floor)
    edge = np.flatnonzero((inside < FEW_LEVELS) & np.isfinite(f0).any())
    if len(edge):
        nearer, _ = thorough(f, x, f0, directions[edge] * DEEPER, floor[edge])
        found = rows_replaced(found, edge, tighter(some(found, edge), nearer.over(np.array(DEEPER))))
    return found


def thorough(
    f: Callable, x: np.ndarray, f0: np.ndarray, directions: np.ndarray, floor: np.ndarray
) -> tuple[Reference, np.ndarray]:
    """All steps, the noise, and both sides; and how many steps of each direction stay in the domain."""
    levels, n_out = ALL, len(f0)
    noise = roundoff(f, x, directions, n_out)
    right, left = sample(f, x, directions, levels, n_out)
    noise = drowned(np.maximum(noise, stairs(f, x, directions, right, left, f0)), right, left) + floor
    value, error = central(right, left, levels, noise)
    error = np.where(np.isfinite(f0), error, np.inf)
    error = np.where(jumps(right, left, f0, levels, noise), np.inf, error)
    from_right, error_right = one_sided(f0, right, levels, 1.0, noise)
    from_left, error_left = one_sided(f0, left, levels, -1.0, noise)
    size = np.maximum(np.abs(from_right), np.abs(from_left))
    bars = error_right + error_left
    with np.errstate(invalid="ignore"):
        kink = (np.abs(from_right - from_left) > 5 * bars + 1e-6 * size) & (bars < 0.05 * size)
    kink &= np.isfinite(f0)
    low = np.where(kink, np.minimum(from_left, from_right), value)
    high = np.where(kink, np.maximum(from_left, from_right), value)
    inside = (np.isfinite(right) & np.isfinite(left)).any(axis=2).sum(axis=0)
    return Reference(low, high, np.where(kink, bars, error), kink), inside

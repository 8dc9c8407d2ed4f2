"""Inputs that chance seldom draws: all magnitudes, both sides of every threshold, zeros, ties, one-hot.

Made of calls that the operation is known to accept, by putting other numbers into their arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .thresholds import MAGNITUDES

BESIDE = 2.0**-6  # how far from a threshold, beside it
LENGTH = 6  # of a vector for an elementwise operation
ODD = 1.17187193  # magnitudes are no round numbers, and no whole ones: a threshold or a step may be one
BLEND = np.array([0.75, -1.25, 0.5, 2.125, -0.625, 1.375])


def points(thresholds: list[float], per_decade: int) -> np.ndarray:
    """Numbers of both signs among all magnitudes, and beside each threshold."""
    low, high = MAGNITUDES
    sizes = [*(ODD * np.logspace(low, high, (high - low) * per_decade + 1)), *both_sides(thresholds)]
    return np.array([sign * size for size in dict.fromkeys(sizes) for sign in (1.0, -1.0)])


def both_sides(thresholds: list[float]) -> Iterator[float]:
    """Both sides of each threshold, near it and not so near."""
    for c in dict.fromkeys(map(abs, thresholds)):
        yield from (c * (1 + BESIDE), c * (1 - BESIDE), c * 1.5, c * 0.625)


def special(arrays: list[np.ndarray], thresholds: list[float], elementwise: bool) -> Iterator[list[np.ndarray]]:
    """Other arrays in place of these, the operands of a call; of any length, where the operation is elementwise."""
    n = len(arrays)
    if elementwise:
        plain = [np.resize(a, LENGTH) if a.size else BLEND for a in arrays]
        chosen = points(thresholds, per_decade=1 if n > 1 else 2)
        for some in all_and_each(n):
            for start in range(0, len(chosen), LENGTH):
                part = np.resize(chosen[start : start + LENGTH], LENGTH)
                yield [np.roll(part, k) if k in some else plain[k] for k in range(n)]
        arrays = plain
    else:
        low, high = MAGNITUDES
        for some in all_and_each(n):
            for k in range(low, high + 1):
                yield [ODD * 10.0**k * a if i in some else a for i, a in enumerate(arrays)]
        for size in both_sides(thresholds):
            for some in all_and_each(n):
                for sign in (1.0, -1.0):
                    yield [sign * size * scattered(a) if i in some else a for i, a in enumerate(arrays)]
                    if any(a.size > 1 for a in arrays):
                        yield [some_set(a, sign * size, slice(1)) if i in some else a for i, a in enumerate(arrays)]
    for some in all_and_each(n):
        for change in CHANGES:
            yield [change(a) if i in some else a for i, a in enumerate(arrays)]


def all_and_each(n: int) -> list[tuple[int, ...]]:
    """All operands together, and each alone."""
    return [tuple(range(n)), *((i,) for i in range(n) if n > 1)]


def scattered(a: np.ndarray) -> np.ndarray:
    """Numbers close to 1, no two alike, so that all stay on one side of a threshold."""
    return (1 + BESIDE / 8 * np.arange(a.size) / max(a.size, 1)).reshape(a.shape)


def some_set(a: np.ndarray, value: float, places: slice) -> np.ndarray:
    """An array with some of its elements, laid flat, changed."""
    out = a.copy()
    out.reshape(-1)[places] = value
    return out


def repeating(a: np.ndarray) -> np.ndarray:
    """The first half of an array, twice."""
    return np.resize(a.reshape(-1)[: max(1, a.size // 2)], a.shape) if a.size else a.copy()


CHANGES: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda a: some_set(a, 0, slice(1)),  # one zero
    lambda a: some_set(a, 0, slice(2)),  # two
    np.zeros_like,
    lambda a: np.full_like(a, a.flat[0] if a.size and a.flat[0] else 0.75),  # a constant
    repeating,
    lambda a: some_set(np.zeros_like(a), 1, slice(a.size - 1, None)),  # one-hot
)

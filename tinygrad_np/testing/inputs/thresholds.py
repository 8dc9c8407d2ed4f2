"""Where an operation changes its mind: numbers written in its code and its rule's, and bends found along rays.

A gradient that forgets a branch is right on one side of a threshold, so both sides have to be drawn. ReLU6 says 6 in
its code, Huber's loss in a default, a closure or an attribute; what a library's function hides shows as a bend or a
jump of the output while one input goes through all magnitudes.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

MAGNITUDES = (-6, 6)  # the decades that are looked through
A_DECADE = 16  # points of a ray
MOST_THRESHOLDS = 24  # thresholds, the most that are tried
SHORT_LIST = 8  # elements of an array that may be a list of thresholds
CALL_DEPTH = 6  # functions that call functions
NOT_READ = ("numpy", "scipy", "torch", "jax", "autograd", "mygrad", "tinygrad_np", "builtins", "math", "functools")
ZOOMS, FINER = 12, 8  # how often a stretch with a bend is cut, into how many pieces
SPIKE = 6.0  # times the curvature around it


def written_numbers(*functions: Any) -> list[float]:
    """The numbers, other than 0, that functions and what they call of their own module have written in them."""
    found: set[float] = set()
    seen: set[int] = set()
    for f in functions:
        gather(f, found, seen, CALL_DEPTH)
    return sorted({abs(c) for c in found if 1e-12 < abs(c) < 1e12})


def gather(value: Any, found: set[float], seen: set[int], depth: int) -> None:
    """Add the numbers within a value: itself, its elements, the code and the surroundings of a function."""
    if isinstance(value, (bool, np.bool_, str, bytes, type(None), types.ModuleType)) or depth < 0:
        return
    if isinstance(value, (int, float, np.integer, np.floating)):
        if np.isfinite(value):
            found.add(float(value))
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    for inner in parts_of_value(value):
        gather(inner, found, seen, depth - 1)


def parts_of_value(value: Any) -> Iterator[Any]:
    """What a value is made of, as far as it may hold a threshold."""
    if isinstance(value, np.ndarray):
        if value.size <= SHORT_LIST and value.dtype.kind in "iuf":
            yield from value.ravel().tolist()
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from list(value)[:SHORT_LIST]
    elif isinstance(value, dict):
        yield from list(value.values())[:SHORT_LIST]
    elif isinstance(value, types.CodeType):
        yield from value.co_consts
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, types.MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, types.FunctionType):
        yield from (value.__code__, value.__defaults__, value.__kwdefaults__)
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not yet filled
                continue
        yield from (value.__globals__[name] for name in names_read(value.__code__) if name in value.__globals__)
    elif users_own(value):
        yield from (a for name, a in list(getattr(value, "__dict__", {}).items()) if not name.startswith("__"))
        if not isinstance(value, type):
            yield from (a for name, a in list(vars(type(value)).items()) if name == "__call__" or name[:2] != "__")
    elif type(value).__module__.startswith("tinygrad_np") and getattr(value, "row", None) is not None:
        yield from (value.fun, *value.row.rules, *value.row.jvps)
    elif hasattr(value, "written_by_the_user"):  # an operation of another framework
        yield from value.written_by_the_user


def names_read(code: types.CodeType) -> Iterator[str]:
    """The names that a function and those inside it read."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from names_read(inner)


def users_own(value: Any) -> bool:
    """Whether an object, or the class of one, was written by a user."""
    cls = value if isinstance(value, type) else type(value)
    return not (getattr(cls, "__module__", "") or "builtins").startswith(NOT_READ)


def rays() -> np.ndarray:
    """The positive points of a ray, evenly spaced among the magnitudes."""
    low, high = MAGNITUDES
    return np.logspace(low, high, (high - low) * A_DECADE + 1) * 1.01  # beside round numbers, not at them


def corners(f: Callable[[float], np.ndarray]) -> list[float]:
    """Where f, of one number, has a corner or a jump, among all magnitudes and on both sides of 0."""
    return corners_of(f, rays()) + [-t for t in corners_of(lambda t: f(-t), rays())]


def corners_of(f: Callable[[float], np.ndarray], ts: np.ndarray) -> list[float]:
    values = sampled(f, ts)
    if values is None:
        return []
    spikes = curvature(ts, values)
    around = np.stack([np.roll(spikes, k) for k in (-4, -3, 3, 4)])
    with np.errstate(all="ignore"):
        usual = np.nanmax(around, axis=0)
    found: list[float] = []
    for i in np.flatnonzero(spikes > SPIKE * np.nan_to_num(usual) + noise(ts, values)):
        if i < 4 or i > len(spikes) - 5 or (found and ts[i] < found[-1] * 1.05):
            continue
        at = zoomed(f, ts[i], ts[i + 2])
        if at is not None:
            found.append(at)
    return found


def sampled(f: Callable[[float], np.ndarray], ts: np.ndarray) -> np.ndarray | None:
    """f at many points, NaN where it cannot be had; None where it never can."""
    rows: list[np.ndarray | None] = []
    for t in ts:
        try:
            rows.append(np.ravel(f(float(t))))
        except Exception:  # outside the domain
            rows.append(None)
    size = next((row.size for row in rows if row is not None and row.size), 0)
    if not size:
        return None
    return np.array([row if row is not None and row.size == size else np.full(size, np.nan) for row in rows])


def curvature(ts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How much the slope changes at each inner point: the size of it among all outputs."""
    with np.errstate(all="ignore"):
        slopes = np.diff(values, axis=0) / np.diff(ts)[:, None]
        return np.nan_to_num(np.abs(np.diff(slopes, axis=0)).max(axis=1), nan=0, posinf=0)


def noise(ts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What rounding makes of it."""
    with np.errstate(all="ignore"):
        size = np.nan_to_num(np.abs(values).max(axis=1), nan=0, posinf=0)
    return 64 * np.finfo(float).eps * np.maximum(size[1:-1], size[2:]) / np.diff(ts)[:-1]


def zoomed(f: Callable[[float], np.ndarray], low: float, high: float) -> float | None:
    """The place of a corner between two points: it stays one however closely it is looked at; None if it does not."""
    kept: float | None = None
    for _ in range(ZOOMS):
        ts = np.linspace(low, high, FINER + 1)
        values = sampled(f, ts)
        if values is None:
            return None
        spikes = curvature(ts, values)
        i = int(np.argmax(spikes))
        rest = np.delete(spikes, [k for k in (i - 1, i, i + 1) if 0 <= k < len(spikes)])
        if spikes[i] <= noise(ts, values)[i]:
            return kept  # as near as rounding lets one see
        if spikes[i] <= SPIKE / 2 * np.median(rest):
            return None
        kept = float(ts[i + 1])
        low, high = ts[i], ts[i + 2]
    return kept

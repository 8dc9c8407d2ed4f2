"""The largest number that a computation makes on its way: its rounding may be far larger than that of the result.

(x + 1e12) - 1e12 is a staircase whose steps are the rounding of 1e12; 1 - cos(x) is flat near 0, for cos(x) is 1.
The value alone does not tell; an array that watches the arithmetic done with it does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class Watched(np.ndarray):
    """An array that keeps, with all that is computed from it, the size of the largest number met so far."""

    met: list[float]

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [np.asarray(a) if isinstance(a, Watched) else a for a in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(a) if isinstance(a, Watched) else a for a in out)
        result = getattr(ufunc, method)(*plain, **options)
        if isinstance(result, tuple):
            return tuple(note_result(r, self.met) for r in result)
        return result if result is None else note_result(result, self.met)

    def __array_finalize__(self, made_from) -> None:
        self.met = getattr(made_from, "met", [])


def watched_array(a, met: list[float]) -> Watched:
    """An array that is watched."""
    found = np.asarray(a).view(Watched)
    found.met = met
    return found


def note_result(a, met: list[float]) -> Watched:
    """A result; the largest number in it is noted."""
    found = watched_array(a, met)
    if found.dtype.kind in "fc" and found.size:
        sizes = np.abs(np.asarray(found))
        met.append(float(sizes[np.isfinite(sizes)].max(initial=0)))
    return found


def peak(f: Callable, arrays: list[np.ndarray]) -> float:
    """The largest result within f's computation from these arrays; where it cannot be watched, that of 1 and x."""
    met: list[float] = []
    try:
        with np.errstate(all="ignore"):
            f([watched_array(a, met) for a in arrays])
    except Exception:  # a function that takes no subclass of ndarray
        return 0.0
    return max(met, default=max([1.0, *(float(np.abs(a).max(initial=0)) for a in arrays)]))

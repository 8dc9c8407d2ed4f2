"""Away from kinks: inputs at a point where a function is declared not to be smooth are moved off it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from ..reference.problem import Problem

NEAR = 1e-3
GOLDEN = (5**0.5 - 1) / 2  # its multiples, modulo 1, keep apart from each other


def declared(kinks, row) -> list[Callable]:
    """The functions, given and of a row, that are zero at kinks."""
    given = (kinks,) if callable(kinks) else tuple(kinks or ())
    return [k for k in (*given, getattr(row, "kinks", None)) if callable(k)]


def off_declared(args: tuple, kwargs: dict, kinks: list, program=None) -> tuple:
    """The call, moved off the declared kinks, a little or generically; (None, None) where that fails."""
    p = Problem(off_declared, args, kwargs)
    for irregular in (
        np.zeros_like,
        lambda i: i * GOLDEN % 1 / 8,
        lambda i: np.random.default_rng(0).random(1 + i.max(initial=0))[i],
    ):
        arrays, start = p.arrays(p.point), 0
        for a in arrays:
            a += np.floor(1024 * irregular(start + np.arange(a.size))).reshape(a.shape) / 1024
            start += a.size
        operands = arrays if program is None else program.operands(arrays)
        if not any(near_kink(k, operands) for k in kinks):
            return p.with_arrays(arrays)
    return None, None


def near_kink(kink: Callable, arrays: list) -> bool:
    """Whether a kink is near these operands."""
    code = getattr(kink, "__code__", None)
    n = len(arrays) if code is None or code.co_flags & inspect.CO_VARARGS else code.co_argcount
    try:
        with np.errstate(all="ignore"):
            return bool(np.any(np.abs(np.asarray(kink(*arrays[:n]))) < NEAR))
    except (ValueError, IndexError, np.linalg.LinAlgError):  # as for an empty array, which has no kinks
        return False

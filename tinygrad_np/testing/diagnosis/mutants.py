"""Which mistakes would these inputs not have noticed? The verified gradient is broken in a dozen ways to
see.

A mutant is noticed if, at one input at least, the broken Jacobian would have failed the comparison that the
right one passed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..reference.verdict import FAIL, judge


class Mutant(NamedTuple):
    """A way to break a gradient, whether any input notices, and which input would."""

    name: str
    noticed: bool
    hint: str


def per_slot(f: Callable) -> Callable:
    """Break the part of every row that belongs to each input, as an array of that input's shape."""

    def broken(case, jacobian: np.ndarray) -> np.ndarray:
        p, out = case.problem, jacobian.copy()
        for slot, a, b in zip(p.slots, p.ends, p.ends[1:]):
            if not slot.is_complex:
                for row in out:
                    row[a:b] = np.asarray(f(row[a:b].reshape(slot.array.shape), slot.array)).reshape(-1)
        return out

    return broken


def last_use(case, jacobian):
    used = np.abs(jacobian) > 1e-9 * np.abs(jacobian).max(initial=0)
    rows = np.arange(len(jacobian))[:, None]
    return np.where(rows == np.where(used, rows, -1).max(axis=0), jacobian, 0)


def ignore_ct(case, jacobian):
    return np.broadcast_to(jacobian.sum(axis=0), jacobian.shape)


def swap_inputs(case, jacobian):
    p = case.problem
    if len(p.slots) < 2 or p.sizes[0] != p.sizes[1]:
        return jacobian
    out, n = jacobian.copy(), p.sizes[0]
    out[:, :n], out[:, n : 2 * n] = jacobian[:, n : 2 * n], jacobian[:, :n]
    return out


def forget_one(which: int):
    def broken(case, jacobian):
        p, out = case.problem, jacobian.copy()
        if which < len(p.slots):
            out[:, p.ends[which] : p.ends[which + 1]] = 0
        return out

    return broken


def diagonal(case, jacobian):
    return np.diag(np.diag(jacobian)) if jacobian.shape[0] == jacobian.shape[1] > 1 else jacobian


MUTANTS: list[tuple[str, Callable, str]] = [
    ("sign flipped", lambda case, j: -j, "the gradient is 0 at every input"),
    ("twice the gradient", lambda case, j: 2 * j, "the gradient is 0 at every input"),
    ("no gradient", lambda case, j: 0 * j, "the gradient is 0 at every input"),
    ("cotangent ignored", ignore_ct, "no input has two outputs that depend on one element, or several outputs"),
    ("last use wins", last_use, "no input uses one element twice: broadcast, repeat an index, or reduce"),
    (
        "transposed",
        per_slot(lambda g, x: g.swapaxes(-1, -2) if g.ndim > 1 and g.shape[-1] == g.shape[-2] else g),
        "no input is a square matrix with different gradients across its diagonal",
    ),
    (
        "off by one",
        per_slot(lambda g, x: np.roll(g, 1, -1) if g.ndim else g),
        "no input has two elements with different gradients",
    ),
    (
        "reversed",
        per_slot(lambda g, x: g[..., ::-1] if g.ndim else g),
        "no input has two elements with different gradients",
    ),
    ("negative branch forgotten", per_slot(lambda g, x: np.where(x < 0, 0, g)), "no input has a negative element"),
    ("positive branch forgotten", per_slot(lambda g, x: np.where(x > 0, 0, g)), "no input has a positive element"),
    (
        "zero treated as one",
        per_slot(lambda g, x: np.where(x == 0, 1.5 * g + 1, g)),
        "no input has an element that is 0",
    ),
    ("gradient clipped", lambda case, j: np.clip(j, -1, 1), "no derivative is larger than 1"),
    ("sign of the gradient lost", lambda case, j: np.abs(j), "no derivative is negative"),
    ("mean for sum", per_slot(lambda g, x: g / max(g.size, 1)), "no input has two elements"),
    ("first input forgotten", forget_one(0), "the gradient of the first input is 0 at every input"),
    ("second input forgotten", forget_one(1), "the gradient of the second input is 0 at every input"),
    ("inputs swapped", swap_inputs, "no two inputs have one shape and different gradients"),
    ("only the diagonal", diagonal, "no Jacobian has an entry off its diagonal: an elementwise operation has none"),
]


def beyond(c: float) -> tuple[str, Callable, str]:
    """A branch forgotten beyond a threshold of the operation."""
    broken = per_slot(lambda g, x: np.where(np.abs(x) > c, 0.5 * g + 1, g))
    return f"wrong beyond {c:.6g}", broken, f"no input has an element beyond {c:.6g}, a threshold of the operation"


def survivors(report) -> list[Mutant]:
    """Each mutant and whether the inputs of this run notice it. Those that cannot apply are left out."""
    results = []
    for name, broken, hint in [*MUTANTS, *map(beyond, report.thresholds)]:
        applies = any_differs = noticed = False
        for case in report.cases:
            yours, ref = case.found.yours, case.found.expected
            if name in ("second input forgotten", "inputs swapped") and len(case.problem.slots) < 2:
                continue
            applies = True
            mutant = broken(case, yours)
            any_differs |= not np.array_equal(mutant, yours)
            scale = 1e-2 * np.abs(yours[np.isfinite(yours)]).max(initial=0)
            status, _ = judge(mutant.T, ref, 1e-8, 0.0, scale)
            if (status == FAIL).any():
                noticed = True
                break
        if applies:
            results.append(Mutant(name, noticed, hint))
    return results

"""The gradient is a function too: its derivative, and the symmetry of the second derivative."""

from __future__ import annotations

import numpy as np

from ...transforms import vjp
from .. import failures
from ..reference.directions import TINY, generic
from ..reference.finite_differences import EPS
from ..reference.problem import Problem
from ..reference.verdict import Findings
from .compare import compare
from .identities import coarseness, natural
from .user_code import guilty

SYMMETRY = 1e-9
OVERFLOWING = 1e290
CANCELED = 1e-4  # of the size of a second derivative where nothing cancels: cos(x, x) is constant
SECOND = 1e-6  # beside the largest second derivative: saturated terms are differences of rounded numbers


def second_order(problem: Problem, rng, rtol: float, atol: float, *, brief: bool = False) -> Findings:
    """The gradient is a function too: its derivative, and the symmetry of the second derivative."""
    v = generic(problem.size_out, rng)
    cts = problem.cut(v)
    k, n = len(problem.slots), problem.point.size

    def gradient(*values):
        return list(vjp(problem, *values[:k])[1](list(values[k:])))

    with np.errstate(all="ignore"):
        smallest = np.abs(problem.point[problem.point != 0]).min(initial=np.inf)
        if np.abs(problem.pull(v)).max(initial=0) / smallest > OVERFLOWING:
            return Findings()  # a second derivative of that size is not a number
    inner = Problem(gradient, (*problem.arrays(problem.point), *cts))
    slope = max(natural(problem), float(np.abs(np.nan_to_num(problem.pull(v))).max(initial=0)))
    inner.noise = 4 * EPS * slope  # a small gradient may be the difference of large numbers
    atol = atol + TINY * slope / (np.abs(problem.point).max(initial=0) + 1e-300)
    try:
        size = np.abs(inner.pull(generic(inner.size_out, rng))).max(initial=0)
        atol = atol + SECOND * float(np.nan_to_num(size, posinf=0))
        found = compare(inner, rng, rtol, atol, brief=brief)
    except failures.Skipped:
        raise
    except Exception as error:
        raise failures.SecondOrderMismatch(
            f"the rule cannot be differentiated: {type(error).__name__}: {error}{guilty(error)}. What it returns is "
            "right; write it with NumPy functions of ct and the operands (np.zeros_like(x), not np.zeros(x.shape)), "
            "or check it with order=1"
        ) from error
    if found.entry is not None:
        e = found.entry
        where = "the cotangent" if e.column >= n else problem.where(e.column) if e.column >= 0 else "a dense direction"
        of = problem.where(e.row) if e.row < n else "the cotangent"
        raise failures.SecondOrderMismatch(
            f"the derivative of the gradient of {of} with respect to {where} is {e.yours:.10g}; expected "
            f"{e.expected:.10g} ± {e.slack:.1g}. The first derivative is right, so something in the "
            "rule is kept as a constant, or the derivative of a function in it is wrong"
        )
    a, b = generic(n, rng), generic(n, rng)
    ha, hb = inner.pull(a)[:n], inner.pull(b)[:n]
    with np.errstate(all="ignore"):
        size = np.abs(b * ha).sum() + np.abs(a * hb).sum() + 1e-4 * np.abs(problem.pull(v)).sum()
        size += CANCELED * natural(problem) / (np.abs(problem.point).max(initial=0) + 1e-300)
        apart = abs(b @ ha - a @ hb)
    if np.isfinite(size) and apart > SYMMETRY * coarseness(problem) * size and not found.kinks:
        raise failures.SecondOrderMismatch(f"the second derivative is not symmetric: {b @ ha:.10g} and {a @ hb:.10g}")
    return found

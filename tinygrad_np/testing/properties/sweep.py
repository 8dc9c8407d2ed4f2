"""The gradient where chance seldom draws: all magnitudes, both sides of the operation's thresholds, zeros, ties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import failures
from ..inputs.discover import domains_of
from ..inputs.kinks import near_kink
from ..inputs.special import BLEND, special
from ..inputs.thresholds import corners, written_numbers
from ..reference.patience import Stopped
from ..reference.problem import Problem, flat_vector, which_of
from .case import Case

CHECKED = ("shapes", "gradient")
BASE_ENTRIES = 64  # of the Jacobian of an input that others are made of
TINY_STEP = 2.0**-32
VANISHED = 1e-40  # beside the derivatives at ordinary inputs, one so small is as good as 0
FAILURES = 8  # known, one mistake can be told from another
OUTLINE = 64  # numbers of an output that a ray looks at


def thresholds_of(op: Callable, case: Case, kwargs: dict) -> list[float]:
    """What is written in the code of an operation, and where its output bends along a ray; rounded, ascending."""
    program = getattr(case.op, "fun", None) if case.op is not op else op
    found = written_numbers(op, program, *(v for v in kwargs.values() if isinstance(v, (int, float))))
    p = case.problem
    for k, slot in enumerate(p.slots):
        if not slot.is_complex and slot.array.size:
            found += map(abs, corners(ray_of(p, k)))
    out: list[float] = []
    for c in sorted(found):
        if not out or c > out[-1] * (1 + 1e-5):
            out.append(float(f"{c:.6g}"))
    return out


def ray_of(p: Problem, k: int) -> Callable[[float], np.ndarray]:
    """The outputs where all of input k is one number."""
    a, b = p.ends[k : k + 2]

    def ray(t: float) -> np.ndarray:
        x = p.point.copy()
        x[a:b] = t
        with np.errstate(all="ignore"):
            return p.value(x)[:OUTLINE]

    return ray


def is_elementwise(case: Case) -> bool:
    """Whether each output depends on one element of each input: all of one shape, and every block diagonal."""
    p, ref = case.problem, case.found.expected
    if ref is None or len(p.outputs) != 1 or p.outputs[0].size < 2 or not p.bare:
        return False
    if any(slot.array.shape != p.outputs[0].shape or slot.is_complex for slot in p.slots):
        return False
    n = p.outputs[0].size
    blocks = ref.value.reshape(len(p.slots), n, n)
    return not np.any(blocks * (1 - np.eye(n))) and case.kwargs == {}


def bases(cases: list[Case]) -> list[Case]:
    """The cases that others are made of: one that is elementwise, or a few of different axes."""
    fit = [
        case
        for case in cases
        if case.problem.point.size * case.problem.size_out <= BASE_ENTRIES
        and not any(slot.is_complex or not slot.array.size for slot in case.problem.slots)
    ]
    for case in fit:
        if is_elementwise(case):
            return [case]
    best: dict[tuple, Case] = {}
    for case in sorted(fit, key=lambda c: (min(c.problem.sizes) < 2, c.problem.point.size)):
        best.setdefault(tuple(slot.array.ndim for slot in case.problem.slots), case)
    return list(best.values())[:2]


def special_calls(case: Case, thresholds: list[float], domain: Any, kinks: list) -> Iterator[tuple]:
    """The calls (args, kwargs) with other numbers in the place of a case's, where the operation is defined."""
    p, simple = case.problem, is_elementwise(case)
    arrays = p.arrays(p.point)
    domains = domains_of(domain, len(arrays)) if domain else ((-np.inf, np.inf),) * len(arrays)
    for found in special(arrays, thresholds, simple):
        inside = [(a > lo) & (a < hi) for a, (lo, hi) in zip(found, domains)]
        if simple:  # what lies outside gives way to what does not
            found = [np.where(ok, a, ordinary_numbers(lo, hi)) for a, ok, (lo, hi) in zip(found, inside, domains)]
        elif not all(ok.all() for ok in inside):
            continue
        operands = case.op.operands(found) if hasattr(case.op, "operands") else found
        if not any(near_kink(k, operands) for k in kinks) and same_size(p, found):
            yield p.with_arrays(found)


def same_size(p: Problem, arrays: list) -> bool:
    """Whether the output keeps its size: where that depends on values, as np.arange's, it might not end at all."""
    try:
        with np.errstate(all="ignore"):
            return p.value(flat_vector(arrays)).size == p.size_out
    except Exception:  # what is wrong with the call, the check says
        return True


def ordinary_numbers(lo: float, hi: float) -> np.ndarray:
    """Ordinary numbers inside an interval."""
    if np.isfinite(lo) and np.isfinite(hi):
        return lo + (hi - lo) * (np.abs(BLEND) % 1 * 0.8 + 0.1)
    if np.isfinite(lo):
        return lo + np.abs(BLEND)
    return hi - np.abs(BLEND) if np.isfinite(hi) else BLEND


def sweep(case: Case, check: Callable, thresholds: list[float], domain: Any, kinks: list) -> tuple[list, bool]:
    """Check the gradient at the special inputs that a case can be made into; the failures, each at a small input,
    and whether a call did not return.
    """
    found: list[failures.CheckFailed] = []
    yours: Any = case.found.yours
    usual = np.abs(yours[np.isfinite(yours)]).max(initial=0)
    for args, kwargs in special_calls(case, thresholds, domain, kinks):
        try:
            check(args, kwargs, case.op, CHECKED)
        except failures.CheckFailed as failure:
            entry = failure.found.entry if failure.found else None
            at: Any = failure.case
            if entry is not None and entry.column < 0 and not ordinary(at):
                continue  # so far out, many kinks may lie within every step
            if entry is not None and max(map(abs, (entry.yours, entry.low, entry.high))) <= VANISHED * usual:
                continue  # a sigmoid that limits its input to keep from overflow, say: nothing is left there
            if entry is not None and entry.yours == 0 and flat_there(at.problem, entry):
                continue  # a step function, whose steps are smaller than those of the reference
            found.append(smaller(failure, check) if is_elementwise(case) else failure)
        except np.linalg.LinAlgError:
            continue
        except Stopped:  # far from where it is used: said, and not tried again
            return found, True
        if len(found) >= FAILURES:
            break
    return found, False


def flat_there(p: Problem, entry) -> bool:
    """Whether an output does not change at all close to the point, at least to one side of an input: a step."""
    if entry.column < 0:
        return False
    step = TINY_STEP * np.abs(p.point) * (np.arange(p.point.size) == entry.column)
    with np.errstate(all="ignore"):
        here, right, left = (p.value(p.point + s * step)[entry.row] for s in (0.0, 1.0, -1.0))
    return bool(step.any() and here in (right, left))


def ordinary(case: Case) -> bool:
    """Whether all numbers are of ordinary size."""
    sizes = np.abs(case.problem.point[case.problem.point != 0])
    return bool(((sizes > 1e-3) & (sizes < 1e2)).all())


def smaller(failure: failures.CheckFailed, check: Callable) -> failures.CheckFailed:
    """The same failure with the one element of each operand that fails."""
    entry, case = failure.found.entry if failure.found else None, failure.case
    if entry is None or entry.column < 0 or case is None:
        return failure
    k = which_of(case.problem.ends, entry.column)[1]
    try:
        check(*case.problem.with_arrays([a.reshape(-1)[k] for a in case.arrays]), case.op, CHECKED)
    except failures.CheckFailed as alone:
        return alone
    return failure

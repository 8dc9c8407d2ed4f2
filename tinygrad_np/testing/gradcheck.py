"""gradcheck: is the gradient of a function right at a point? Three answers, yes, no and cannot tell, and
how sure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import NotDifferentiable
from ..rules import WrongShape as EngineWrongShape
from ..transforms import vjp
from . import failures, ledger
from .compare import RTOL, TINY, Findings, compare
from .finite_differences import EPS
from .problem import Problem, flat, title
from .report import GradReport

ADJOINT = 1e-12
LINEAR = 1e-11
SYMMETRY = 1e-9
SECOND = 1e-6  # beside the largest second derivative: saturated terms are differences of rounded numbers


def gradcheck(
    f: Callable,
    *inputs: Any,
    order: int = 1,
    rtol: float = RTOL,
    atol: float = 0.0,
    raise_on_fail: bool = True,
) -> GradReport:
    """Check reverse and forward mode of `f` at `inputs` against adaptive finite differences.

    Inputs are numbers, arrays, tensors, modules and containers of them. The tensors that require a gradient
    vary; where there are none, all floating ones do. Nothing is changed, no `grad` is written. With
    `order=2` the gradient is checked in the same way. A derivative fails where it is off by more than
    `rtol` of itself, `atol`, and three times the error that the reference found in itself; at a kink,
    anything between the derivatives to either side passes. Returns a report that is true when the check
    passed; raises the failure otherwise.

    >>> bool(gradcheck(np.sin, np.array([0.5, 1.0])))
    True
    """
    report = GradReport(title(f))
    problem = None
    try:
        problem = Problem(f, inputs)
        verify(problem, order, rtol, atol, report)
        as_given(f, inputs, problem)
    except failures.CheckFailed as failure:
        report.fail(failure, problem)
        ledger.note(report)
        if raise_on_fail:
            raise type(failure)(str(report), report) from None
        return report
    ledger.note(report)
    return report


def gradgradcheck(f: Callable, *inputs: Any, **options: Any) -> GradReport:
    """`gradcheck` of the gradient too: the same as `order=2`.

    >>> bool(gradgradcheck(np.sin, np.array([0.5, 1.0])))
    True
    """
    return gradcheck(f, *inputs, order=2, **options)


def verify(problem: Problem, order: int, rtol: float, atol: float, report: GradReport) -> None:
    """The whole check of one problem, in float64; findings go into the report, failures are raised."""
    rng = np.random.default_rng(0)
    if not problem.slots:
        raise failures.VacuousCheck(
            "no input varies: pass floating arrays or tensors (integers have no gradient)"
        )
    attempt(problem.traced)
    if not problem.outputs:
        raise failures.VacuousCheck(
            "the function returned no floating array, so there is nothing to differentiate"
        )
    if problem.point.size and problem.size_out:
        linear(problem, rng)
    found = first_order(problem, rng, rtol, atol)
    report.add(found)
    if problem.point.size and problem.size_out:
        if not found.nonzero:
            raise failures.VacuousCheck(nothing(found))
        adjoint(problem, rng, found)
    if order >= 2 and not found.kinks:
        report.add(second_order(problem, rng, rtol, atol), order=2)


def first_order(problem: Problem, rng, rtol: float, atol: float) -> Findings:
    """Reverse mode against finite differences."""
    found = attempt(lambda: compare(problem, rng, rtol, atol))
    if found.entry is not None:
        kind = failures.GradientMismatch if np.isfinite(found.entry.yours) else failures.NaNGradient
        failure = kind()
        failure.found = found
        raise failure
    return found


def dense(n: int, rng) -> np.ndarray:
    """A vector of random signs and sizes between 1 and 2, none of them a round number."""
    return rng.choice([-1.0, 1.0], n) * rng.uniform(1, 2, n)


def linear(problem: Problem, rng) -> None:
    """Jᵀ(a v + b w) = a Jᵀv + b Jᵀw, and Jᵀ0 = 0."""
    m = problem.size_out
    v, w = dense(m, rng), dense(m, rng)
    gv, gw, none, double, both, back = attempt(
        lambda: [problem.pull(c) for c in (v, w, 0 * v, 2 * v, v - 0.5 * w, -v)]
    )
    with np.errstate(all="ignore"):
        size = np.abs(gv).max(initial=0) + np.abs(gw).max(initial=0) + 1e-2 * natural(problem)
        if not np.isfinite(size):
            return
        near = LINEAR * coarseness(problem) * size
        if (
            np.abs(gv - gw).max(initial=0) <= near < np.abs(gv).max(initial=0)
            and np.abs(double - gv).max(initial=0) <= near
            and np.abs(none - gv).max(initial=0) <= near
        ):
            raise failures.NotLinear(
                "IGNORES THE COTANGENT: every cotangent gives the same gradient; multiply by ct"
            )
        if np.abs(none).max(initial=0) > near:
            raise failures.NotLinear(
                f"a cotangent of zeros gives the gradient {none[np.argmax(np.abs(none))]:.6g}, not 0: a term "
                "that is added is not multiplied by ct"
            )
        if np.abs(double - 2 * gv).max(initial=0) > near:
            j = int(np.argmax(np.abs(double - 2 * gv)))
            ratio = double[j] / gv[j] if gv[j] else np.inf
            how = {1.0: "the cotangent counts only by its sign", 4.0: "the cotangent is squared"}.get(
                round(float(ratio), 6), ""
            )
            raise failures.NotLinear(
                f"twice the cotangent gives {ratio:.6g} times the gradient at {problem.where(j)}"
                + (f": {how}" if how else "")
            )
        if np.abs(back + gv).max(initial=0) > near:
            j = int(np.argmax(np.abs(back + gv)))
            raise failures.NotLinear(
                f"minus the cotangent gives {back[j]:.6g} at {problem.where(j)}, the cotangent "
                f"{gv[j]:.6g}: its sign "
                "is lost, or counts twice, in an abs, a square or a sign"
            )
        if np.abs(both - (gv - 0.5 * gw)).max(initial=0) > near:
            j = int(np.argmax(np.abs(both - (gv - 0.5 * gw))))
            raise failures.NotLinear(
                f"the gradient for v - w/2 is {both[j]:.6g} at {problem.where(j)}, those for v and w make "
                f"{gv[j] - 0.5 * gw[j]:.6g}: ct passes through abs, max, a comparison or a cast"
            )


def natural(problem: Problem) -> float:
    """The size that a derivative here has if nothing cancels: outputs over inputs. Rounding is a part of
    this.
    """
    with np.errstate(all="ignore"):
        size = np.abs(flat(problem.outputs)).max(initial=0) / (
            np.abs(problem.point).max(initial=0) + 1e-300
        )
    return float(np.nan_to_num(size, posinf=0))


def coarseness(problem: Problem) -> float:
    """How much coarser than float64 the outputs are: a function may return float32 whatever it is given."""
    return max((float(np.finfo(out.dtype).eps) for out in problem.outputs), default=0.0) / EPS


def adjoint(problem: Problem, rng, found: Findings) -> None:
    """<v, J u> = <Jᵀ v, u>, which needs no step: forward mode is as right as reverse mode."""
    for _ in range(2):
        u, v = dense(problem.point.size, rng), dense(problem.size_out, rng)
        try:
            forward = problem.push(u)
        except NotDifferentiable:
            raise
        except Exception as error:
            raise failures.NotAdjoint(f"forward mode raised {type(error).__name__}: {error}") from error
        back = problem.pull(v)
        with np.errstate(all="ignore"):
            left, right = v * forward, back * u
            keep_left, keep_right = np.isfinite(left), np.isfinite(right)
        if not keep_left.all() or not keep_right.all():
            if (keep_left.all() or keep_right.all()) and not found.unknown:
                raise failures.NotAdjoint("one mode gives NaN or infinity where the other is finite")
            return
        size = np.abs(left).sum() + np.abs(right).sum() + 1e-2 * natural(problem)
        if (
            abs(left.sum() - right.sum())
            > ADJOINT * coarseness(problem) * size * max(1.0, np.sqrt(problem.point.size) / 8) + 1e-300
        ):
            raise failures.NotAdjoint(
                f"<v, J u> = {left.sum():.10g} in forward mode, <Jᵀ v, u> = {right.sum():.10g} in "
                f"reverse mode, for random "
                "u and v; reverse mode agrees with finite differences, so look at the jvp rule"
            )


def second_order(problem: Problem, rng, rtol: float, atol: float, *, brief: bool = False) -> Findings:
    """The gradient is a function too: its derivative, and the symmetry of the second derivative."""
    v = dense(problem.size_out, rng)
    cts = problem.cut(v)
    k = len(problem.slots)

    def gradient(*values):
        return list(vjp(problem, *values[:k])[1](list(values[k:])))

    inner = Problem(gradient, (*problem.arrays(problem.point), *cts))
    slope = max(natural(problem), float(np.abs(np.nan_to_num(problem.pull(v))).max(initial=0)))
    inner.noise = 4 * EPS * slope  # a small gradient may be the difference of large numbers
    atol = atol + TINY * slope / (np.abs(problem.point).max(initial=0) + 1e-300)
    try:
        size = np.abs(inner.pull(dense(inner.size_out, rng))).max(initial=0)
        atol = atol + SECOND * float(np.nan_to_num(size, posinf=0))
        found = compare(inner, rng, rtol, atol, brief=brief)
    except Exception as error:
        raise failures.SecondOrderMismatch(
            f"the rule cannot be differentiated: {type(error).__name__}: {error}{guilty(error)}"
        ) from error
    if found.entry is not None:
        e = found.entry
        where = inner.where(e.column) if e.column >= 0 else "a dense direction"
        where = where.replace(f"x{k}", "the cotangent")
        of = problem.where(e.row) if e.row < problem.point.size else "the cotangent"
        raise failures.SecondOrderMismatch(
            f"the derivative of the gradient of {of} with respect to {where} is {e.yours:.10g}; expected "
            f"{e.expected:.10g} ± {3 * e.error:.1g}. The first derivative is right, so something in the "
            "rule is kept as a constant, or the derivative of a function in it is wrong"
        )
    n = problem.point.size
    a, b = dense(n, rng), dense(n, rng)
    ha, hb = inner.pull(a)[:n], inner.pull(b)[:n]
    with np.errstate(all="ignore"):
        size = np.abs(b * ha).sum() + np.abs(a * hb).sum() + 1e-4 * np.abs(problem.pull(v)).sum()
        apart = abs(b @ ha - a @ hb)
    if np.isfinite(size) and apart > SYMMETRY * coarseness(problem) * size and not found.kinks:
        raise failures.SecondOrderMismatch(
            f"the second derivative is not symmetric: {b @ ha:.10g} and {a @ hb:.10g}"
        )
    return found


def as_given(f: Callable, inputs: tuple, problem: Problem) -> None:
    """In the dtype that the inputs came in: the gradient of that dtype, near the one verified in float64."""
    if (
        all(np.finfo(d).bits >= 64 for d in problem.dtypes)
        or not problem.point.size
        or not problem.size_out
    ):
        return
    narrow(Problem(f, inputs, dtype=None), problem)


def narrow(low: Problem, problem: Problem) -> None:
    """Compare a float32 (or narrower) run with the verified float64 one."""
    rng = np.random.default_rng(1)
    dtype = min((slot.array.dtype for slot in low.slots), key=lambda d: np.finfo(d).bits)
    eps = float(np.finfo(dtype).eps)
    v = dense(problem.size_out, rng)
    outs, pullback = attempt(low.traced)
    if [o.shape for o in outs] != [o.shape for o in problem.outputs]:
        raise failures.WrongDtype(
            f"in {dtype} the output has shape {outs[0].shape}; expected {problem.outputs[0].shape}"
        )
    gs = attempt(lambda: pullback(low.cut(v)))
    for slot, g in zip(low.slots, gs):
        if g.dtype != slot.array.dtype:
            raise failures.WrongDtype(
                f"the gradient of {slot.name} is {g.dtype}; expected {slot.array.dtype}"
            )
    found = np.concatenate([g.reshape(-1).view(g.real.dtype) for g in map(np.ascontiguousarray, gs)])
    expected = problem.pull(v)
    with np.errstate(all="ignore"):
        size = np.abs(expected).max(initial=0)
        off = np.abs(found - expected)
        near = 0.05 * np.abs(expected) + 2**13 * eps * (size + 0.01 * natural(problem))
        near += 64 * eps * max(1.0, np.abs(problem.point).max())  # what 1 - tanh² loses where it saturates
        bad = off > near
        bad &= (
            np.isfinite(expected)
            & (np.abs(expected) < np.finfo(dtype).max / 16)
            & np.isfinite(flat_of(outs).sum())
        )
    if bad.any():
        j = int(np.argmax(np.where(bad, np.where(np.isfinite(off), off, np.inf), -1)))
        raise failures.WrongDtype(
            f"in {dtype} the gradient at {low.where(j)} is {found[j]:.7g}; the float64 gradient, which "
            f"is verified, is {expected[j]:.7g}"
        )


def flat_of(arrays) -> np.ndarray:
    return np.concatenate([np.abs(a).reshape(-1) for a in arrays]) if arrays else np.zeros(0)


def attempt(step: Callable):
    """Run a step of the user's rule; what it raises becomes a failure that says where."""
    try:
        return step()
    except failures.CheckFailed:
        raise
    except EngineWrongShape as error:
        raise failures.WrongShape(str(error)) from error
    except ValueError as error:
        if "read-only" in str(error):
            raise failures.MutatedInput(
                f"a rule or the operation writes into an array that is not its own{guilty(error)}"
            ) from error
        raise failures.GradientMismatch(
            f"the derivative raised {type(error).__name__}: {error}{guilty(error)}"
        ) from error
    except NotDifferentiable:
        raise
    except (
        ArithmeticError,
        TypeError,
        IndexError,
        AttributeError,
        KeyError,
        NameError,
        AssertionError,
    ) as error:
        raise failures.GradientMismatch(
            f"the derivative raised {type(error).__name__}: {error}{guilty(error)}"
        ) from error


def guilty(error: BaseException) -> str:
    """The innermost line of the traceback outside this package and NumPy, as ` (file:line in name)`."""
    found, tb = "", error.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        inside = tb.tb_frame.f_globals.get("__name__", "")
        if not inside.startswith(
            (
                "numpy",
                "tinygrad_np.testing",
                "tinygrad_np.transforms",
                "tinygrad_np.tape",
                "tinygrad_np.rules",
                "tinygrad_np.tensor",
                "tinygrad_np.table",
                "hypothesis",
            )
        ):
            found = f" ({code.co_filename.rsplit('/', 1)[-1]}:{tb.tb_lineno} in {code.co_name})"
        tb = tb.tb_next
    return found


def nothing(found: Findings) -> str:
    """Why a comparison of nothing is no check."""
    if found.unknown and not found.compared:
        return (
            "no derivative could be estimated here: the function is too noisy, or the point is at the "
            "edge of its domain; "
            "check it at another point"
        )
    return (
        "every derivative compared is 0, so a rule that returns zeros would pass; check it at a point "
        "where the function "
        "changes with its inputs"
    )

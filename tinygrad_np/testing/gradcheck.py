"""gradcheck: is the gradient of a function right at a point? Three answers, yes, no and cannot tell, and
how sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np

from ..nn.module import Module
from . import failures
from . import session as session
from .foreign.adapter import Foreign, as_plain
from .foreign.recognize import as_operation
from .properties.case import Case
from .properties.compare import first_order
from .properties.identities import adjoint, linear, natural
from .properties.precision import precise
from .properties.second_order import second_order
from .properties.side_effects import mutation, steady
from .properties.user_code import as_failure, guilty
from .reference.directions import generic
from .reference.finite_differences import scales
from .reference.patience import PATIENCE, Stopped, patient
from .reference.problem import Problem, flat_vector, title
from .reference.verdict import RTOL, Findings
from .report import GradReport

ROUNDING = 1e-12  # beside the largest number that is met on the way, this is rounding
ZERO = (
    "every derivative is 0, so a rule that returns zeros would pass; check it at a point where the function "
    "changes with its inputs"
)


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    rtol: float = RTOL,
    atol: float = 0.0,
    raise_on_fail: bool = True,
    **unknown: Any,
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
    __tracebackhide__ = True  # pytest shows the report, not this
    if unknown:
        raise TypeError(spelled_here(f, inputs, unknown))
    f = as_operation(f)
    inputs = tuple(map(as_plain, inputs))
    if isinstance(f, Foreign):
        inputs = f.complete(inputs)
    report = GradReport(title(f))
    problem = None
    try:
        with patient(), unchanged(f, inputs):
            problem = Problem(f, inputs)
            if not problem.slots:
                raise failures.VacuousCheck(
                    "no input varies: pass floating arrays or tensors (integers have no gradient)"
                )
            function_runs(problem)
            verify(problem, order, rtol, atol, report)
            in_own_dtype(f, inputs, problem)
    except Stopped:
        stopped = failures.NeverReturned(f"a call did not return within {PATIENCE:.0f} s, and was stopped")
        report.fail(stopped, problem)
        session.note(report)
        if raise_on_fail:
            raise failures.NeverReturned(str(report), report) from None
        return report
    except failures.CheckFailed as failure:
        report.fail(failure, problem)
        session.note(report)
        if raise_on_fail:
            raise type(failure)(str(report), report) from None
        return report
    session.note(report)
    return report


def spelled_here(f: Any, inputs: tuple, unknown: dict) -> str:
    """How a call that was written for another checker is written for this one."""
    name = title(f)
    names = (
        "a, b" if len(inputs) == 1 and isinstance(inputs[0], tuple) else ", ".join("abcdefgh"[: max(1, len(inputs))])
    )
    known = "order, rtol, atol, raise_on_fail"
    text = f"gradcheck: found {', '.join(f'{k}=' for k in unknown)}; it has {known}. "
    if "eps" in unknown or "raise_exception" in unknown or "fast_mode" in unknown:
        theirs, ours = f"gradcheck({name}, ({names}), eps=1e-6)", f"gradcheck({name}, {names})"
        return f"{text}In place of PyTorch's {theirs} write {ours}: it needs no step"
    return text + f"As in gradcheck({name}, {names})"


def gradgradcheck(f: Callable, *inputs: Any, **options: Any) -> GradReport:
    """`gradcheck` of the gradient too: the same as `order=2`.

    >>> bool(gradgradcheck(np.sin, np.array([0.5, 1.0])))
    True
    """
    __tracebackhide__ = True
    return gradcheck(f, *inputs, order=2, **options)


@contextmanager
def unchanged(f: Callable, inputs: tuple) -> Iterator[None]:
    """Whatever the function does, the buffers of the modules that it is given, or closes over, end as they were."""
    cells = [cell.cell_contents for cell in getattr(f, "__closure__", None) or () if cell_filled(cell)]
    code = getattr(f, "__code__", None)
    reached = [f.__globals__.get(name) for name in (code.co_names if code else ())] + [getattr(f, "__self__", None), f]
    modules = [m for thing in (*inputs, *cells, *reached) if isinstance(thing, Module) for m in thing.modules()]
    kept = [(m, name, getattr(m, name)) for m in modules for name in m._buffers if getattr(m, name, None) is not None]
    values = [array.copy() for _, _, array in kept]
    try:
        yield
    finally:
        for (module, name, array), was in zip(kept, values):
            array[...] = was
            setattr(module, name, array)


def function_runs(problem: Problem) -> None:
    """Call the function once: what it raises is its own, and no mistake of its derivative."""
    try:
        problem.value(problem.point)
    except Exception as error:
        raise failures.FunctionRaised(f"{type(error).__name__}: {error}{guilty(error)}") from error


def cell_filled(cell: Any) -> bool:
    """Whether a closure's variable has a value yet."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def never_changes(problem: Problem, rng) -> bool:
    """Whether f does not change at all, but for rounding, and its derivative is 0, but for rounding."""
    v = generic(problem.size_out, rng)
    with np.errstate(all="ignore"):
        g = as_failure(lambda: problem.pull(v))
        size = max(problem.peak, float(np.abs(flat_vector(problem.outputs)).max(initial=0)))
        if (
            not np.isfinite(size)
            or not np.abs(g).max(initial=0) * np.abs(problem.point).max(initial=0) <= ROUNDING * size
        ):
            return False
        here = flat_vector(problem.outputs)
        for relative, far in product((True, False), (2.0**-3, 2.0**-20)):
            step = far * generic(problem.point.size, rng) * scales(problem.point, relative)
            try:
                once = problem.value(problem.point + step)
            except Exception:  # outside the domain
                return False
            if once.shape != here.shape or not np.abs(once - here).max(initial=0) <= ROUNDING * size:
                return False
            if 0 < np.abs(once - here).max(initial=0) < 1e-3 * np.finfo(float).eps * size:
                return False  # a small function: what rounding makes of its largest number is more
    return True


def verify(problem: Problem, order: int, rtol: float, atol: float, report: GradReport) -> None:
    """The whole check of one problem, in float64; findings go into the report, failures are raised."""
    rng = np.random.default_rng(0)
    as_failure(problem.traced)
    if not problem.outputs:
        raise failures.VacuousCheck(
            f"the function returned {problem.returned}, and nothing floating that could be differentiated"
        )
    if problem.point.size and problem.size_out:
        case = Case(problem.f, problem.args, problem.kwargs)
        case.start()
        mutation(case)
        steady(problem, rng)
        if never_changes(problem, rng):
            raise failures.VacuousCheck(ZERO)
        linear(problem, rng)
    found = first_order(problem, rng, rtol, atol)
    report.add(found)
    if problem.point.size and problem.size_out:
        if not found.nonzero:
            raise failures.VacuousCheck(nothing(found, problem))
        try:
            adjoint(problem, rng, found)
        except failures.Skipped:  # what a framework has not, it cannot have wrong
            pass
    if order >= 2 and not found.kinks:
        report.add(second_order(problem, rng, rtol, atol), order=2)


def in_own_dtype(f: Callable, inputs: tuple, problem: Problem) -> None:
    """In the dtype that the inputs came in: the gradient of that dtype, near the one verified in float64."""
    if all(np.finfo(d).bits >= 64 for d in problem.dtypes) or not problem.point.size or not problem.size_out:
        return
    precise(Problem(f, inputs, dtype=None), problem)


def nothing(found: Findings, problem: Problem) -> str:
    """Why a comparison of nothing is no check."""
    if found.unknown and not found.compared:
        size = max(natural(problem), secant(problem))
        if found.yours is None or not np.abs(found.yours).max(initial=0) <= ROUNDING * size:
            return (
                "no derivative could be estimated here: the function is too noisy, or the point is at the "
                "edge of its domain; check it at another point"
            )
    return ZERO


def secant(problem: Problem) -> float:
    """The mean slope over a step of an eighth of the inputs: the size of a derivative that is not 0."""
    step = scales(problem.point, True) * generic(problem.point.size, np.random.default_rng(1)) / 8
    try:
        with np.errstate(all="ignore"):
            apart = np.abs(problem.value(problem.point + step) - flat_vector(problem.outputs)).max(initial=0)
            return float(np.nan_to_num(apart / np.abs(step).max(initial=0), posinf=0))
    except Exception:  # outside the domain
        return 0.0

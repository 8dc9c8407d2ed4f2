"""gradcheck: is the gradient of a function right at a point? Three answers, yes, no and cannot tell, and
how sure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import failures
from . import session as session
from .foreign.adapter import Foreign, plain
from .foreign.recognize import operation
from .properties.case import Case
from .properties.compare import first_order
from .properties.identities import adjoint, linear
from .properties.precision import precise
from .properties.second_order import second_order
from .properties.side_effects import mutation, steady
from .properties.user_code import attempt
from .reference.problem import Problem, title
from .reference.verdict import RTOL, Findings
from .report import GradReport


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
    __tracebackhide__ = True  # pytest shows the report, not this
    f = operation(f)
    inputs = tuple(map(plain, inputs))
    if isinstance(f, Foreign):
        inputs = f.complete(inputs)
    report = GradReport(title(f))
    problem = None
    try:
        problem = Problem(f, inputs)
        verify(problem, order, rtol, atol, report)
        as_given(f, inputs, problem)
    except failures.CheckFailed as failure:
        report.fail(failure, problem)
        session.note(report)
        if raise_on_fail:
            raise type(failure)(str(report), report) from None
        return report
    session.note(report)
    return report


def gradgradcheck(f: Callable, *inputs: Any, **options: Any) -> GradReport:
    """`gradcheck` of the gradient too: the same as `order=2`.

    >>> bool(gradgradcheck(np.sin, np.array([0.5, 1.0])))
    True
    """
    __tracebackhide__ = True
    return gradcheck(f, *inputs, order=2, **options)


def verify(problem: Problem, order: int, rtol: float, atol: float, report: GradReport) -> None:
    """The whole check of one problem, in float64; findings go into the report, failures are raised."""
    rng = np.random.default_rng(0)
    if not problem.slots:
        raise failures.VacuousCheck("no input varies: pass floating arrays or tensors (integers have no gradient)")
    attempt(problem.traced)
    if not problem.outputs:
        raise failures.VacuousCheck(
            f"the function returned {problem.returned}, and nothing floating that could be differentiated"
        )
    if problem.point.size and problem.size_out:
        case = Case(problem.f, problem.args, problem.kwargs)
        case.start()
        mutation(case)
        steady(problem, rng)
        linear(problem, rng)
    found = first_order(problem, rng, rtol, atol)
    report.add(found)
    if problem.point.size and problem.size_out:
        if not found.nonzero:
            raise failures.VacuousCheck(nothing(found))
        try:
            adjoint(problem, rng, found)
        except failures.Skipped:  # what a framework has not, it cannot have wrong
            pass
    if order >= 2 and not found.kinks:
        report.add(second_order(problem, rng, rtol, atol), order=2)


def as_given(f: Callable, inputs: tuple, problem: Problem) -> None:
    """In the dtype that the inputs came in: the gradient of that dtype, near the one verified in float64."""
    if all(np.finfo(d).bits >= 64 for d in problem.dtypes) or not problem.point.size or not problem.size_out:
        return
    precise(Problem(f, inputs, dtype=None), problem)


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

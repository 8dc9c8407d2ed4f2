"""check_op: one call runs the whole battery on an operation, on inputs drawn for it or given."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import numpy as np

from .. import NotDifferentiable
from . import failures
from . import session as session
from .foreign.adapter import Foreign, as_plain
from .foreign.recognize import as_operation
from .inputs.discover import spread_over
from .inputs.source_text import short
from .properties.case import Case
from .properties.checks import CHECKS
from .properties.sweep import CHECKED, bases, sweep, thresholds_of
from .properties.user_code import as_failure
from .reference.patience import PATIENCE, Stopped, patient
from .reference.problem import title
from .report import OpReport

BESIDES = ("vacuity", "magnitudes")  # what is looked at beside the checks of each input
BY_SHAPE = ("memory", "interleaving", "subsets", "twice", "layouts", "extremes", "dtypes", "forward_mode", "second")
MORE, FEW = 8, 4  # inputs that fail, to tell what is wrong with a gradient, or what else fails
OFTEN = 2  # inputs of the same shapes and options that these are run on, while nothing fails


def check_op(
    op: Callable[..., Any],
    inputs: Any = None,
    *,
    ref: Callable[..., Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    domain: tuple[Any, ...] | None = None,
    kinks: Any = (),
    signature: str | None = None,
    order: int = 2,
    dtypes: tuple[str, ...] = ("float64", "float32"),
    errors: Iterable[tuple[Any, ...]] = (),
    skip: dict[str, str] | None = None,
    max_examples: int | None = None,
    mutants: bool = False,
) -> OpReport:
    """Check everything that must hold of a differentiable operation; raise the first failure, at its
    smallest input.

    `inputs` is a hypothesis strategy of argument tuples, a list of argument tuples, or nothing: then
    arguments are drawn from the operation's row of the table, from `signature` (as "(m,k),(k,n)"), or by
    trying what it accepts. `ref` computes the value in plain NumPy; `kwargs` maps option names to values or
    strategies; `domain` is an open interval, or one an operand; `kinks` are functions of the operands that
    are zero where the operation is not smooth; `errors` are (arguments, exception) pairs that must be
    refused; `skip` maps names of checks to the reason. With `mutants`, the gradient is also broken in a
    dozen ways, to report the ones that these inputs would not notice.

    >>> print(check_op(np.tanh, [(np.array([0.5, -1.0]),)]))        # doctest: +ELLIPSIS
    tanh: PASS 15/15 checks, 1 input...
    """
    __tracebackhide__ = True  # pytest shows the report, not this
    op = as_operation(op)
    skip = {**getattr(op, "skips", {}), **(skip or {})}
    report = OpReport(title(op), tuple(name for name in CHECKS if name not in skip), skip)
    unknown = set(skip) - {*CHECKS, *BESIDES}
    if unknown:
        raise ValueError(f"check_op: skip names {sorted(unknown)}; the checks are {', '.join((*CHECKS, *BESIDES))}")
    given = inputs is not None and not hasattr(inputs, "example")
    report.thorough = given
    if given:
        inputs = [tuple(map(as_plain, a)) if isinstance(a, tuple) else (as_plain(a),) for a in inputs]
    if isinstance(op, Foreign):
        max_examples = op.adapter.examples if max_examples is None else max_examples
        inputs = [op.complete(a) for a in inputs] if given else inputs

    def check(args: tuple, options: dict, program: Callable | None = None, names: tuple[str, ...] = ()) -> None:
        settings = dict(ref=ref, order=order, dtypes=dtypes, domain=domain)
        one(program or op, args, options, report, settings, names, given)

    watch = ExitStack()
    try:
        watch.enter_context(patient())
        for arguments, exception in errors:
            must_refuse(op, arguments, exception)
        if given:
            every(check, inputs, kwargs or {})
        else:
            draw_inputs(
                op,
                inputs,
                check,
                report,
                kwargs=kwargs,
                domain=domain,
                signature=signature,
                kinks=kinks,
                dtype=dtypes[0],
                max_examples=max_examples or 100,
            )
        if "vacuity" not in skip:
            vacuity(report, given)
    except (failures.CheckFailed, Stopped) as failure:
        if isinstance(failure, Stopped):
            failure = report.stopped(PATIENCE)
        if not given and signature is None and for_matrices(op, failure):
            report.hint = 'it passes for matrices: if it is for them alone, say signature="(m,n)", one () an operand'
        report.fail(failure)
        session.note(report)
        raise type(failure)(str(report), report) from None
    finally:
        watch.close()
    if mutants:
        from .diagnosis.mutants import survivors

        if not report.thresholds and report.cases:
            report.thresholds = thresholds_of(op, report.cases[0], kwargs or {})
        report.mutants = survivors(report)
    report.cases.clear()
    session.note(report)
    return report


def one(
    op: Callable, args: tuple, kwargs: dict, report: OpReport, options: dict, names: tuple[str, ...], given: bool
) -> None:
    """Run every check on one call, or some by name."""
    if report.vain and not given:
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        case = report.last = Case(op, args, kwargs, **options)
        try:
            if not case.start():
                report.skipped += 1
                return
        except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError, NotDifferentiable) as error:
            if "read-only" not in str(error):
                report.refusals.append(f"{type(error).__name__}: {error}")
                return
            raise
        report.inputs += not names
        report.special += bool(names)
        checks = report.checks[: report.depth]
        todo = [name for name in names if name in checks] or [*checks]
        seldom = set() if names or report.often(case) < OFTEN else set(BY_SHAPE)
        if report.focus and not names:  # what is to be made smaller fails this check
            todo, seldom = todo[: todo.index(report.focus) + 1], set(BY_SHAPE) - {report.focus}
        failure = first_failure(case, report, todo, seldom)
        if failure is not None and not report.thorough:
            report.thorough = True
            if seldom:  # the earliest that fails
                return one(op, args, kwargs, report, options, names, given)
        if failure is not None:
            passed_over = report.smooth and at_kink(failure)
            if not given and not names and not passed_over:
                report.focus = report.focus or failure.check
            if passed_over:
                return
            report.pattern.note(case.problem, False)
            report.earliest = min(report.earliest, report.checks.index(failure.check) + 1)
            if failure.found:
                report.keep(failure)
            raise failure
        if case.found.compared:  # an empty input passes whatever the rule
            report.pattern.note(case.problem, True)
        report.cover(case)
        if names:
            report.apart = max(report.apart, case.found.sensitivity)
            report.cases += [case] * (case.found.yours is not None)
        else:
            report.count(case)


def first_failure(case: Case, report: OpReport, names: Iterable[str], seldom: set) -> failures.CheckFailed | None:
    """The failure of the first check that fails, of those that are run here."""
    for name in names:
        if name not in report.skip and name not in seldom:
            try:
                as_failure(lambda name=name: CHECKS[name](case))
            except failures.Skipped as why:
                report.skip[name] = str(why)
            except failures.CheckFailed as failure:
                failure.case, failure.check = case, name
                return failure
    return None


def for_matrices(op: Callable, failure: failures.CheckFailed) -> bool:
    """Whether an operation that fails for operands of fewer axes passes for matrices."""
    case = failure.case
    if case is None or not case.arrays or any(a.ndim > 1 for a in case.arrays):
        return False
    matrices = case.problem.with_arrays([spread_over(case.rng, (2, 3), 0.0, np.inf) for _ in case.arrays])
    whole = Case(op, *matrices, order=case.order, dtypes=case.dtypes, domain=case.domain)
    try:
        last = max(map(list(CHECKS).index, (failure.check, "gradient")))
        return whole.start() and all(CHECKS[name](whole) is None for name in list(CHECKS)[: last + 1])
    except Exception:  # it fails for them too
        return False


def every(check: Callable, inputs: list[tuple], kwargs: dict) -> None:
    """Check all inputs, also those after a failure, which tell one mistake from another; raise the failure of
    the earliest check, which is the cause.
    """
    found = []
    for arguments in inputs:
        try:
            check(arguments, dict(kwargs))
        except failures.CheckFailed as failure:
            found.append(failure)
    if found:
        raise min(found, key=lambda failure: list(CHECKS).index(failure.check))


def draw_inputs(
    op: Callable[..., Any],
    inputs,
    check: Callable,
    report: OpReport,
    *,
    kwargs,
    domain,
    signature,
    kinks,
    dtype: str,
    max_examples: int,
) -> None:
    """Hypothesis draws inputs and shrinks a failing one."""
    try:
        import hypothesis
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'check_op draws inputs with hypothesis: pip install "tinygrad_np[testing]", or pass inputs=[(args...), ...]'
        ) from None
    from . import strategies
    from .inputs.op_inputs import drawn_for

    if inputs is None:
        found = drawn_for(op, domain=domain, kwargs=kwargs, signature=signature, kinks=kinks, dtype=dtype)
        drawn = found.strategy
    else:
        drawn = strategies.with_options(inputs, kwargs)
    n = max(5, round(max_examples * session.EFFORT["examples"]))

    phases = [hypothesis.Phase.generate, hypothesis.Phase.shrink]

    def over(step: Callable, examples: int, phases: list) -> None:
        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(drawn)
        def run(found):
            step(*found)

        run()

    def collect(*found):  # more inputs tell one mistake from another
        enough = MORE if report.focus in CHECKED else FEW
        if len(report.pattern.failed) < enough:
            try:
                check(*found)
            except failures.CheckFailed:
                pass

    try:
        over(check, n, phases)
    except hypothesis.errors.Flaky as flaky:
        raise flaky_failure(flaky) from None
    except failures.CheckFailed as failure:
        over(collect, min(n, 40), phases[:1])
        again = report.earliest < report.checks.index(failure.check) + 1
        if again or (at_kink(failure) and not all(map(at_kink, report.failing))):
            # the cause: an earlier check that fails at other inputs, a wrong slope where there is no kink
            report.restart(smooth=not again)
            over(check, n, phases)
            over(collect, min(n, 40), phases[:1])
        raise
    if inputs is None and "magnitudes" not in report.skip:
        swept(op, check, report, found, kwargs or {})


def swept(op: Callable, check: Callable, report: OpReport, found, kwargs: dict) -> None:
    """Check the gradient at magnitudes, thresholds, zeros and ties that chance seldom draws."""
    cases = bases(report.cases)
    if cases:
        report.thresholds = thresholds_of(op, cases[0], kwargs)
    wrong: list = []
    for case in cases:
        more, stopped = sweep(case, check, report.thresholds, found.domain, found.kinks)
        wrong += more
        if stopped:
            report.refusals.append(f"stopped: it did not return within {PATIENCE:.0f} s at {short(report.last.args)}")
    if wrong:
        raise min(wrong, key=lambda failure: (at_kink(failure), failure.case.problem.point.size))


def at_kink(failure: failures.CheckFailed) -> bool:
    """Whether a derivative is wrong at a point that is not smooth."""
    entry = failure.found.entry if failure.found else None
    return entry is not None and entry.low < entry.high


def flaky_failure(flaky: BaseException) -> failures.CheckFailed:
    """What failed, and then passed or failed in another way: chance, where the results of one call differ."""
    found = [e for e in getattr(flaky, "exceptions", ()) if isinstance(e, failures.CheckFailed)]
    if found and found[0].case is not None:
        case = found[0].case
        runs = [[a.tobytes() for part in case.run() for a in part] for _ in range(8)]
        if all(run == runs[0] for run in runs):
            return found[0]
    results = dict.fromkeys(f"{e.says} ({type(e).__name__})" for e in found)
    said = "; then ".join(results) or "it failed, and then passed"
    failure = failures.NonDeterministic(
        f"the same input was checked twice with different results: {said}. Is there a random number, or a counter, in "
        "the operation or its rule?"
    )
    if found:
        failure.case, failure.check = found[0].case, found[0].check
    return failure


def must_refuse(op: Callable, arguments, exception) -> None:
    """A bad argument raises what it should, on tensors too."""
    from ..engine.tensor import Tensor

    arguments = arguments if isinstance(arguments, tuple) else (arguments,)
    tensors = tuple(
        Tensor(a, requires_grad=True) if isinstance(a, np.ndarray) and a.dtype.kind in "fc" else a for a in arguments
    )
    for args in (arguments, tensors):
        try:
            op(*args)
        except exception:
            continue
        except Exception as error:
            raise failures.ForwardMismatch(
                f"{arguments!r} raised {type(error).__name__}: {error}; expected "
                f"{getattr(exception, '__name__', exception)}"
            ) from error
        raise failures.ForwardMismatch(
            f"{arguments!r} was accepted; expected {getattr(exception, '__name__', exception)}"
        )


def vacuity(report: OpReport, given: bool) -> None:
    """A run that compared nothing, or only zeros that are not a step function's, checked nothing."""
    if not report.inputs:
        why = f"the last refusal: {report.refusals[-1]}" if report.refusals else "all of them were at declared kinks"
        raise failures.VacuousCheck(f"the operation accepted none of the inputs; {why}")
    if report.returned:
        raise failures.VacuousCheck(
            f"the operation returned {report.returned}, and nothing floating that could be differentiated"
        )
    if not report.entries and not report.compared:
        raise failures.VacuousCheck("no output has an entry that depends on an entry of an input")
    if not report.compared:
        raise failures.VacuousCheck("no derivative could be estimated at any input: is the domain right?")
    if not report.nonzero and (given or report.constant):
        raise failures.VacuousCheck("every derivative compared is 0, so a rule that returns zeros would pass")

"""check_op: how inputs are given or drawn, what a report counts, what is refused, and what it says of
itself.
"""

import numpy as np
import pytest
from hypothesis import strategies as st
from species import op

import tinygrad_np as tg
from tinygrad_np.testing import (
    CheckFailed,
    ForwardMismatch,
    GradientMismatch,
    NonDeterministic,
    VacuousCheck,
    check_op,
    strategies,
)
from tinygrad_np.testing.inputs.discover import find_domain
from tinygrad_np.testing.properties.checks import CHECKS


@tg.primitive
def softplus(x):
    return np.logaddexp(x, 0)


softplus.defvjp(lambda ct, x: ct / (1 + np.exp(-x)))


@tg.primitive
def matvec(a, v):
    if a.ndim != 2 or v.ndim != 1:
        raise ValueError("matvec: a matrix and a vector")
    return a @ v


matvec.defvjp(lambda ct, v: ct[:, None] * v, lambda ct, a: ct @ a)


def test_inputs_are_drawn_from_what_an_operation_accepts():
    for f in (
        softplus,
        matvec,
        lambda x, y: np.tanh(x * y).sum(),
        lambda x: x.reshape(-1)[0] ** 2 if x.size else x.sum(),
    ):
        report = check_op(f, max_examples=12, skip={"magnitudes": "what is drawn is asked here"})
        assert report and report.inputs > 6


def test_the_domain_is_found():
    report = check_op(lambda x: np.log(x) * np.sqrt(x), max_examples=30)
    assert report.inconclusive == 0 and report.nonzero


def positive_log(x):
    if np.any(getattr(x, "_array", x) <= 0):
        raise ValueError("x must be positive")
    return np.log(x)


DOMAINS = {
    "raises outside": (positive_log, [(0, np.inf)]),
    "a bounded interval": (lambda x: np.log(x / (1 - x)), [(0, 1)]),
    "below a bound": (lambda x: np.sqrt(3 - x), [(-np.inf, 3)]),
    "negative numbers": (lambda x: np.log(-x), [(-np.inf, 0)]),
    "one for each operand": (
        lambda x, mu, sigma: -np.log(sigma) - ((x - mu) / sigma) ** 2 / 2,
        [(-np.inf, np.inf), (-np.inf, np.inf), (0, np.inf)],
    ),
    "all numbers": (lambda x: np.sin(x), [(-np.inf, np.inf)]),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_the_domain_of_each_operand_is_found(name):
    op, domain = DOMAINS[name]
    assert find_domain(op, [(2, 3)] * len(domain), {}) == tuple(domain)
    report = check_op(op, max_examples=15)
    assert report.inputs == 15 and not report.inconclusive and report.sensitivity < 1e-6


def test_what_returns_nothing_to_differentiate_is_told():
    with pytest.raises(VacuousCheck, match="returned None"):
        check_op(lambda x: None, [np.ones(2)])
    with pytest.raises(VacuousCheck, match="returned an array of int64"):
        check_op(np.argmax, [np.ones(2)])
    with pytest.raises(TypeError, match="raised ZeroDivisionError"):
        check_op(lambda x: 1 // 0)


def test_a_report_says_what_failing_inputs_have_in_common():
    @tg.primitive
    def running(x, axis):
        return np.cumsum(x, axis)

    running.defvjp(lambda ct, axis: np.flip(np.cumsum(np.flip(ct, axis), axis), axis) if axis >= 0 else ct)
    inputs = st.tuples(strategies.arrays((2, 3)))
    with pytest.raises(GradientMismatch, match="all that failed have axis=-1, none that passed"):
        check_op(running, inputs, kwargs={"axis": st.sampled_from([0, 1, -1])}, max_examples=15)


def test_inputs_in_each_form():
    assert check_op(matvec, [(np.eye(2), np.array([1.0, 2.0]))]).inputs == 1
    assert check_op(softplus, [np.array([1.0, 2.0])]).inputs == 1
    pairs = st.tuples(strategies.arrays((2, 3)), strategies.arrays((3,)))
    assert check_op(matvec, pairs, max_examples=10).inputs == 10
    assert check_op(matvec, signature="(m,n),(n)", max_examples=10).inputs == 10
    assert check_op(
        np.sum,
        strategies.arrays((2, 3)),
        kwargs={"axis": st.sampled_from([0, 1, -1, None])},
        max_examples=10,
    )


def test_values_keep_to_the_domain():
    report = check_op(np.arcsin, domain=(-0.5, 0.5), max_examples=20)
    assert report.inputs and not report.inconclusive


def test_a_report_counts():
    report = check_op(np.maximum, [(np.zeros((0, 3)), np.zeros(3)), (np.array([1.0, 1.0]), np.array([1.0, 2.0]))])
    assert (report.inputs, report.empty, report.kinks, report.ties) == (2, 1, 1, 2)
    assert str(report).startswith(
        "maximum: PASS 15/15 checks, 2 inputs (2 with ties, 1 empty, 1 at kinks); would detect"
    )
    assert len(CHECKS) == 15 == len(report.checks)


def test_the_same_answer_every_time():
    @tg.primitive
    def wrong(x):
        return np.sin(x)

    wrong.defvjp(lambda ct, x: ct * np.cos(x) * np.where(np.abs(x) > 2, 1.001, 1))
    texts = []
    for _ in range(2):
        with pytest.raises(GradientMismatch) as caught:
            check_op(wrong)
        texts.append(str(caught.value))
    assert texts[0] == texts[1] and "x = np.array(" in texts[0]


def test_a_failure_is_shrunk_to_its_smallest_input():
    @tg.primitive
    def wrong(x):
        return x * x

    wrong.defvjp(lambda ct, x: ct * (2 * x + (x.ndim == 2) * (x > 1)))
    with pytest.raises(GradientMismatch) as caught:
        check_op(wrong)
    shape = next(line for line in str(caught.value).splitlines() if line.strip().startswith("input"))
    assert "np.array([[1.125]])" in shape


def test_errors_must_be_raised_on_arrays_and_on_tensors():
    assert check_op(matvec, [(np.eye(2), np.ones(2))], errors=[((np.ones(2), np.ones(2)), ValueError)])
    with pytest.raises(ForwardMismatch, match="was accepted"):
        check_op(softplus, [np.ones(2)], errors=[(np.ones(2), ValueError)])


def test_skipped_checks_stay_visible():
    report = check_op(softplus, [np.ones(2)], skip={"second": "a matter of taste"})
    assert "14/14" in str(report) and "second (a matter of taste)" in str(report)
    with pytest.raises(ValueError, match="the checks are mutation"):
        check_op(softplus, [np.ones(2)], skip={"secnod": ""})


def test_a_step_function_passes_and_a_flat_side_does_not():
    assert "a step function" in str(check_op(np.floor, max_examples=20))
    with pytest.raises(VacuousCheck):
        check_op(np.maximum, [(-np.ones(3), 0.0)])


def test_an_operation_that_refuses_everything_is_not_passed():
    def never(x):
        raise ValueError("no")

    with pytest.raises(TypeError, match="found no arrays that never accepts"):
        check_op(never)
    with pytest.raises(VacuousCheck, match="ValueError: no"):
        check_op(never, [np.ones(2)])


def test_ref_gives_the_value():
    assert check_op(softplus, [np.ones(2)], ref=lambda x: np.log(1 + np.exp(x)))
    with pytest.raises(ForwardMismatch):
        check_op(softplus, [np.ones(2)], ref=np.exp)


def test_mutants_that_inputs_do_not_notice_are_reported():
    report = check_op(softplus, [np.array([1.0, 2.0])], mutants=True)
    found = {m.name: m.noticed for m in report.mutants}
    assert found["sign flipped"] and found["twice the gradient"] and found["off by one"]
    assert not found["negative branch forgotten"] and not found["transposed"]
    assert "no input has a negative element" in str(report)
    drawn = {m.name: m.noticed for m in check_op(np.matmul, max_examples=60, mutants=True).mutants}
    assert sum(drawn.values()) >= len(drawn) - 2


def test_a_failure_carries_its_report():
    with pytest.raises(CheckFailed) as caught:
        check_op(lambda x: np.sin(x.detach() if hasattr(x, "detach") else x), [np.ones(2)])
    assert not caught.value.report and caught.value.report.failure == type(caught.value).__name__


def test_what_is_constant_but_for_rounding_is_vacuous_and_quickly_so():
    share = op(lambda x: (np.exp(x) / np.exp(x).sum(-1, keepdims=True)).sum(-1), lambda ct, x: np.zeros_like(x))
    with pytest.raises(VacuousCheck, match="every derivative compared is 0"):
        check_op(share, signature="(n)")
    step = op(lambda x: np.sign(x), lambda ct: 0 * ct)
    assert check_op(step, [(x,) for x in np.linspace(-2, 2, 8).reshape(4, 2)], skip={"vacuity": "it is a step"})
    assert check_op(step, max_examples=5, skip={"magnitudes": "not asked here"})


def test_a_rule_without_chance_is_never_called_random():
    """It fails in one check or another as the inputs have it, and raises where there are no axes."""

    def power(x, y):
        return np.abs(x) ** y

    slope = op(power, lambda ct, x, y: ct * y * np.abs(x) ** (y - 1), lambda ct, x, out: ct * out * np.log(np.abs(x)))
    inputs = st.tuples(*[strategies.arrays((2,), (-4, 4))] * 2)
    with pytest.raises(CheckFailed) as caught:
        check_op(slope, inputs, max_examples=20)
    assert not isinstance(caught.value, NonDeterministic)

"""A report leads to the mistake: what is wrong in a sum, which term is missing, which permutation is not undone."""

import inspect

import numpy as np
import pytest
from species import A, V, op

from tinygrad_np.testing import CheckFailed, check_op, gradcheck
from tinygrad_np.testing.diagnosis.diagnose import KNOWN_MISTAKES
from tinygrad_np.testing.diagnosis.explain import entry_lines
from tinygrad_np.testing.diagnosis.mistakes import MISTAKES, mistake_names
from tinygrad_np.testing.reference.problem import Problem
from tinygrad_np.testing.reference.verdict import Entry

X = np.array([[0.3, -1.2, 0.8, 2.1], [1.4, 0.2, -0.7, 0.9], [-0.6, 1.1, 0.5, -1.7], [0.1, -0.4, 1.9, 0.6]])
P = [2, 0, 3, 1]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def logistic(w):
    return np.logaddexp(0, X @ w).mean() + 0.05 * (w[1:] ** 2).sum()


def slopes(w):
    return X.T @ sigmoid(X @ w) / 4


def normal(x):
    return (x - x.mean(-1, keepdims=True)) * inverse(x)


def inverse(x):
    return 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def batch(x, g, b):
    """Batch norm as a course writes it: with a cache."""
    h = normal(x.T).T
    return g * h + b, (h, inverse(x.T).T, g)


def batch_back(dout, cache):
    h, scale, g = cache
    d = dout * g
    dx = scale * (d - d.mean(0))  # the variance is taken for a constant
    return dx, (dout * h).sum(0), dout.sum(0)


WRONG = {  # a sentence of the report: the operation, the inputs
    "yours = A - B, expected A + B, where A = np.sin(x), B = x * np.cos(x)": (
        op(lambda x: x * np.sin(x), lambda ct, x: ct * (np.sin(x) - x * np.cos(x))),
        V,
    ),
    "yours = A + B, expected 1/2·A + B, where A = 2 * np.sin(x)": (
        op(lambda x: x * np.sin(x), lambda ct, x: ct * (2 * np.sin(x) + x * np.cos(x))),
        V,
    ),
    "yours = A - B, expected A + B, where A = out / x and B = x·g'(x)": (  # of a rule without a source
        op(lambda x: x * np.sin(x), eval("lambda ct, x: ct * (np.sin(x) - x * np.cos(x))", {"np": np})),
        V,
    ),
    "yours = A + B, expected A - B, where A = ct, B = (ct * out).sum()": (
        op(lambda x: np.exp(x) / np.exp(x).sum(), lambda ct, out: out * (ct + (ct * out).sum())),
        V,
    ),
    "WRONG NUMBER: test_readings.py": (op(lambda x: x**3, lambda ct, x: ct * 3 * x**3), V),
    "CONDITION INVERTED: test_readings.py": (
        op(lambda x: np.where(x > 0, x, 0.1 * x), lambda ct, x: ct * np.where(x < 0, 1.0, 0.1)),
        V,
    ),
    "WRONG THRESHOLD: test_readings.py": (
        op(lambda x: np.clip(x, -1.25, 1.75), lambda ct, x: ct * ((x > -1.25) & (x < 1))),
        np.array([-2.0, 0.5, 1.5, 3.0]),
    ),
    "a term 0.1·w is missing, in all entries but 0": (op(logistic, lambda ct, w: ct * slopes(w)), V),
    "TERM TOO MANY: a term 0.1·w": (op(logistic, lambda ct, w: ct * (slopes(w) + 0.1 * w)), V),
    "a term 0.3·sign(w) is missing": (
        op(lambda w: logistic(w) + 0.3 * np.abs(w).sum(), lambda ct, w: ct * (slopes(w) + 0.1 * w * [0, 1, 1, 1])),
        V,
    ),
    f"PERMUTED: the permutation p = {P} is applied to ct": (op(lambda x: x[P], lambda ct: ct[P]), V),
    f"PERMUTED: along axis 0 entry i of the gradient is that of entry p[i], p = {P}": (
        op(lambda x: x[P] ** 2, lambda ct, x: 2 * ct * x[P]),
        V,
    ),
    "MEAN NOT SUBTRACTED": (
        op(normal, lambda ct, x, out: inverse(x) * (ct - out * (ct * out).mean(-1, keepdims=True))),
        X[:2],
    ),
    "PROJECTION MISSING": (op(normal, lambda ct, x: inverse(x) * (ct - ct.mean(-1, keepdims=True))), X[:2]),
    "VARIANCE HELD CONSTANT: yours differs by multiples of x - mean(x) along axis 0": (
        (batch, batch_back),
        (X[:, :2], V[:2], V[2:]),
    ),
    "STRAIGHT THROUGH": (op(lambda x: np.sign(x), lambda ct, x: ct * (np.abs(x) <= 1)), V),
}


@pytest.mark.parametrize("says", WRONG)
def test_the_mistake_is_read(says):
    f, inputs = WRONG[says]
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    report = gradcheck(f, *inputs, raise_on_fail=False)
    assert says in str(report), str(report)
    assert not any(says.startswith("FIRST ONLY") for says in report.diagnosis)


def test_the_region_that_is_wrong_is_looked_for():
    wrong = op(lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda ct, x: ct / 6 * (np.abs(x) < 2.5 + 0 * x.size))
    report = gradcheck(wrong, np.array([0.5, 2.75, -1.0, 4.0]), raise_on_fail=False)
    assert "wrong only where 2.5 < |x| < 3" in str(report) or "WRONG NUMBER" in str(report), str(report)


def test_a_reading_that_fresh_inputs_contradict_is_not_said():
    """At this input the gradient is back to front and 1.5 times too large; elsewhere it is neither."""
    x = np.array([1.0, 1.5, 1.0])
    report = gradcheck(op(lambda x: x * x, eval("lambda ct, x: 3 * ct", {})), x, raise_on_fail=False)
    assert not report
    for says in report.diagnosis:
        assert not says.startswith(("CONSTANT FACTOR", "REVERSED", "BRANCH", "EDGE", "ONE ENTRY")), says


def test_an_edit_that_inputs_which_pass_contradict_is_not_said():
    """For two numbers the condition looks inverted; for three it is right."""
    spread = op(lambda x: x.sum(), lambda ct, x: ct * np.ones_like(x) * (x.shape[-1] > 2))
    with pytest.raises(CheckFailed) as caught:
        check_op(spread, signature="(n)", order=1, max_examples=30)
    assert not any("CONDITION" in says for says in caught.value.report.diagnosis)


UNTRUE = {
    "DIAGONAL ONLY": (op(lambda z: np.exp(z), lambda ct, out: ct * out.real + 0j), A[0] + 1j * A[1]),
    "LOW PRECISION": (op(lambda x: np.log(np.abs(x) + 1e-4), lambda ct, x: ct / x), V),
}


@pytest.mark.parametrize("says", UNTRUE)
def test_what_is_not_so_is_not_said(says):
    f, x = UNTRUE[says]
    assert says not in str(gradcheck(f, x, raise_on_fail=False))


def test_an_operation_for_matrices_is_told_how_to_say_so():
    rows = op(lambda x: x.sum(axis=-1), lambda ct, x: np.repeat(ct[:, None], x.shape[-1], 1))
    with pytest.raises(CheckFailed, match=r'signature="\(m,n\)"'):
        check_op(rows, max_examples=10)
    assert check_op(rows, signature="(m,n)", max_examples=10)


def test_a_rule_is_as_it_was_after_a_report():
    def rule(ct, x):
        return ct * (np.sin(x) - x * np.cos(x))

    code, names = rule.__code__, set(globals())
    assert "WRONG SIGN" in str(gradcheck(op(lambda x: x * np.sin(x), rule), V, raise_on_fail=False))
    assert rule.__code__ is code and set(globals()) == names


def counted_down(ct, x):
    n, out = 3, np.ones_like(x)
    while n > 1:
        out, n = out * x, n - 1
    return ct * out * 2


def counted_up(ct, x):
    n, out = 0, np.ones_like(x)
    while n != 2:
        out *= x
        n += 1
    return ct * out * 2


def halved(ct, x):
    h, out = 1.0, 0 * x
    while abs(h) > 1e-3:
        out, h = out + h * x * x, h / 2
    return ct * out


@pytest.mark.parametrize("rule", [counted_down, counted_up, halved])
def test_an_edit_that_makes_a_loop_endless_is_given_up(rule):
    report = gradcheck(op(lambda x: x * x * x, rule), V[:2], raise_on_fail=False)
    assert report.failure == "GradientMismatch" and report.diagnosis


def test_digits_are_shown_until_they_differ():
    lines = entry_lines(Problem(np.sin, (V,)), Entry(0, 0, 0.123456789012, 0.123456789011, 0.123456789011, 1e-13))
    assert "0.123456789012" in lines[1] and "0.123456789011" in lines[2] and "1 +8.1e-12" in lines[3]


def test_one_count_of_the_mistakes_that_are_known():
    unknown = op(lambda x: np.sin(x), eval("lambda ct, x: ct * np.arctan(x + 0.123) ** 3", {"np": np}))
    assert f"none of the {KNOWN_MISTAKES} mistakes" in str(gradcheck(unknown, V, raise_on_fail=False))
    assert len(mistake_names(MISTAKES)) < KNOWN_MISTAKES and all(inspect.isfunction(rule) for rule in MISTAKES)

"""What a corpus written without sight of the checker found: mistakes it missed, names it had wrong, false alarms."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np.testing import CheckFailed, check_op, gradcheck


def op(f, *rules, jvp=()):
    made = tg.primitive(f)
    made.defvjp(*rules)
    if jvp:
        made.defjvp(*jvp)
    return made


def raised(check) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        check()
    return caught.value


def add(x, y):
    return x + y


def multiply(x, y):
    return x * y


def own_axes(ct, x_shape):
    return tg.unbroadcast(ct, x_shape)


def test_one_tangent_alone_must_have_the_shape_of_the_output():
    wrong = op(add, own_axes, lambda ct, y_shape: tg.unbroadcast(ct, y_shape), jvp=[lambda t: t, lambda t: t])
    assert type(raised(lambda: check_op(wrong))).__name__ == "NotAdjoint"


def test_a_rule_that_asks_whether_two_arguments_are_one():
    wrong = op(multiply, lambda ct, x, y: ct * y * (0 if x is y else 1), lambda ct, x: ct * x)
    assert "one tensor" in str(raised(lambda: check_op(wrong, signature="(n),(n)")))


def test_a_rule_that_needs_what_the_other_one_left_behind():
    left = {}

    def first(ct, y):
        left["factor"] = 1
        return ct * y

    wrong = op(multiply, first, lambda ct, x: ct * x * left.pop("factor", 2))
    assert "only y needs" in str(raised(lambda: check_op(wrong, signature="(n),(n)")))


def test_one_percent_in_float32_alone():
    wrong = op(lambda x: np.sin(x), lambda ct, x: ct * np.cos(x) * (1 if x.dtype == np.float64 else np.float32(1.01)))
    assert type(raised(lambda: check_op(wrong))).__name__ == "WrongDtype"


def test_gradcheck_sees_state_and_chance():
    kept = {}

    def sine(x):
        kept["x"] = np.array(x)
        return np.sin(x)

    stale = op(sine, lambda ct: ct * np.cos(kept["x"]))
    x = rng.normal(size=4)
    assert type(raised(lambda: gradcheck(lambda x: stale(x) + stale(2 * x), x))).__name__ == "HiddenState"
    dropout = np.random.default_rng(0)
    failure = raised(lambda: gradcheck(lambda x: x * (dropout.random(x.shape) > 0.5), x))
    assert type(failure).__name__ == "NonDeterministic"


def test_a_refusal_in_forward_mode_is_a_failure_with_a_report():
    def refuse(t, x):
        raise tg.NotDifferentiable("no forward mode here")

    made = op(lambda x: np.sin(x), lambda ct, x: ct * np.cos(x), jvp=[refuse])
    assert "no forward mode here" in str(raised(lambda: check_op(made, [(np.array([0.5]),)])))
    assert "no forward mode here" in str(raised(lambda: gradcheck(made, np.array([0.5]))))


@pytest.mark.slow
def test_the_earliest_check_that_fails_is_the_cause():
    wrong = op(lambda x, w: x @ w, lambda ct, w: ct @ w, lambda ct, x: x.T @ ct)  # w.T; symmetric w hide it
    failure = raised(lambda: check_op(wrong, signature="(n,n),(n,n)"))
    assert type(failure).__name__ == "GradientMismatch" and "TRANSPOSE" in failure.report.diagnosis[0]


def layer_norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def batch_of_products(x, w):
    return x @ w


A = rng.normal(size=(3, 3))
NAMED = {
    "ONE OF TWO TERMS": lambda: gradcheck(op(lambda x: x @ A @ x, lambda ct, x: ct * (A @ x)), rng.normal(size=3)),
    "PROJECTION MISSING": lambda: gradcheck(
        op(layer_norm, lambda ct, x: (ct - ct.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)),
        rng.normal(size=(2, 4)),
    ),
    "FIRST ONLY": lambda: gradcheck(
        op(batch_of_products, lambda ct, w: ct @ w.T, lambda ct, x: x[0].T @ ct[0]),
        rng.normal(size=(3, 2, 2)),
        rng.normal(size=(2, 2)),
    ),
    "FUNCTION FOR ITS DERIVATIVE": lambda: check_op(op(lambda x: np.sin(x), lambda ct, x: ct * np.sin(x))),
    "BRANCH FORGOTTEN (x < 0)": lambda: check_op(op(lambda x: np.where(x > 0, x, 0.1 * x), lambda ct: ct * 1.0)),
    "SUM FOR MEAN": lambda: check_op(op(lambda x: np.mean(x), lambda ct, x_shape: np.broadcast_to(ct, x_shape) * 1.0)),
    "CONJUGATE MISSING": lambda: gradcheck(
        op(lambda z: z * np.conj(z) * z, lambda ct, z: ct * z * (2 * np.conj(z) + z)),
        rng.normal(size=3) + 1j * rng.normal(size=3),
    ),
    "LOW PRECISION": lambda: check_op(op(lambda x: np.sin(x), lambda ct, x: (ct * np.cos(x)).astype(np.float32))),
}


@pytest.mark.parametrize("name", NAMED)
def test_named(name):
    assert raised(NAMED[name]).report.diagnosis[0].startswith(name)


RIGHT = {
    "median of three equal numbers": (np.median, [0.5, 0.5, 0.5]),
    "sort of three equal numbers": (np.sort, [1.0, 1.0, 1.0]),
    "trimmed mean of equal numbers": (lambda x: np.sort(x)[1:-1].mean(), [1.0, 1.0, 1.0, 1.0]),
    "largest of smallest": (lambda x: np.max(np.minimum(x[:2], x[1:])), [1.0, 1.0, 1.0]),
    "arccosh at its edge": (np.arccosh, [1 + 1e-8]),
    "log1p at its edge": (np.log1p, [-1 + 1e-8]),
    "arccos at its edge": (np.arccos, [1 - 1e-12]),
    "arcsin at its edge": (np.arcsin, [-1 + 1e-10]),
    "arctanh at its edge": (np.arctanh, [1 - 1e-9]),
    "sqrt of a denormal number": (np.sqrt, [1e-310]),
    "a derivative that is denormal": (lambda x: np.exp(-x * x / 2), [38.0]),
    "steps that x cannot hold": (np.sin, [1e12]),
    "cancellation": (lambda x: (x + 1e12) - 1e12 + x * x, [0.5, 2.0]),
    "cancellation near an extremum": (lambda x: 1 - np.cos(x), [1e-5, 1e-8]),
    "cancellation in the rule": (lambda x: (x + 1) ** 2 - (x - 1) ** 2, [1e6, 1.0]),
    "cancellation in both modes": (lambda x: np.sqrt(x + 1) - np.sqrt(x), [1e10]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_no_false_alarm(name):
    f, x = RIGHT[name]
    assert gradcheck(f, np.array(x))


def test_cancellation_within_a_primitive():
    right = op(lambda x: (x + 1e12) - 1e12 + x * x, lambda ct, x: ct * (1 + 2 * x))
    assert gradcheck(right, np.array([0.5, 2.0]))
    wrong = op(lambda x: (x + 1e12) - 1e12 + x * x, lambda ct, x: ct * (2 + 2 * x))
    assert not gradcheck(wrong, np.array([0.5, 2.0]), raise_on_fail=False)


def test_at_a_point_where_many_kinks_meet_shares_must_add_up():
    """All of it to each of three equal numbers is a derivative of none."""
    for rule in (lambda ct, x: ct * np.ones(3), lambda ct, x: ct * np.array([0.0, 2.0, 0.0])):
        assert not gradcheck(op(lambda x: np.median(x), rule), np.full(3, 0.5), raise_on_fail=False)


def test_the_test_to_paste_runs_and_fails():
    wrong = op(lambda x: x[1:], lambda ct, x: np.concatenate([ct, [0.0]]))
    failure = raised(lambda: gradcheck(wrong, rng.normal(size=100)))
    source = failure.report.reproducer()
    assert "f = ..." in source and "test_outside_corpus.py" in source
    space = {"wrong": wrong}
    exec(source.replace("f = ...", "f = wrong"), space)
    again = raised(space["test_gradient"]).report.entry
    assert (again.row, again.column) == (failure.report.entry.row, failure.report.entry.column)

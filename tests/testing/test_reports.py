"""What a failure says beyond the number: the guilty line, a test to paste that reproduces it, what to do next."""

import numpy as np
import pytest
from species import A, V, op

from tinygrad_np import nn
from tinygrad_np.testing import CheckFailed, check_op, failures, gradcheck


def cosine(x):
    return np.cos(x)


def raised(check, *args, **options) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        check(*args, **options)
    return caught.value


def doubled_in_place(x):
    x *= 2
    return x + 1


def test_the_line_that_writes_into_an_input_is_the_users():
    failure = raised(check_op, op(doubled_in_place, lambda ct: 2 * ct))
    assert isinstance(failure, failures.MutatedInput)
    assert "test_reports.py:" in str(failure) and "in doubled_in_place" in str(failure)


def test_gradcheck_sees_what_a_rule_overwrites():
    def rule(ct, x):
        ct *= -np.sin(x)
        return ct

    assert isinstance(raised(gradcheck, op(cosine, rule), V), failures.MutatedCotangent)


def rebuilt(failure, f):
    """Run the test to paste, with the function filled in."""
    space: dict = {}
    source = failure.report.reproducer().replace("f = ...", "f = given")
    exec(source, {"given": f, "__name__": "pasted"}, space)
    (test,) = (v for k, v in space.items() if k.startswith("test_"))
    test.__globals__.update(space)
    return test


@pytest.mark.parametrize(
    "f, options",
    [
        (op(cosine, lambda ct, x: ct * np.sin(x)), {}),
        (op(cosine, lambda ct, x: (ct.ravel(order="K") * -np.sin(x).ravel()).reshape(x.shape)), {"inputs": [(A,)]}),
        (op(lambda x: x**3, lambda ct, x: ct * 3 * getattr(x, "_array", x) ** 2), {}),
        (op(lambda x, y: x * y, lambda ct, x, y: ct * y * (x is not y), lambda ct, x: ct * x), {"inputs": [(V, V)]}),
        (op(lambda x, n=1: n * np.sin(x), lambda ct, x: ct * np.cos(x)), {"kwargs": {"n": 2}}),
    ],
    ids=["gradient", "layout", "second", "twice", "option"],
)
def test_the_test_to_paste_fails_in_the_same_way(f, options):
    failure = raised(check_op, f, max_examples=12, **options)
    again = raised(rebuilt(failure, f))
    assert type(again) is type(failure)


def test_a_model_is_not_pasted():
    half = op(lambda x: np.maximum(x, 0), lambda ct, x: 0.5 * ct * (x > 0))
    model = nn.Linear(4, 3)
    x = A[:, :1] * np.ones(4)
    report = gradcheck(lambda m: half(m(x)), model, raise_on_fail=False)
    assert "x0 = ...  # the Linear that was passed" in report.reproducer() and "gradcheck(f, x0)" in report.reproducer()


def test_a_rule_that_cannot_be_differentiated_is_right_to_first_order():
    def rule(ct, x):
        g = np.zeros(x.shape)
        g[np.argmax(x)] = ct
        return g

    largest = op(lambda x: np.max(x), rule)
    assert check_op(largest, signature="(n)", order=1, max_examples=20)
    assert gradcheck(largest, V)
    assert "order=1" in str(raised(check_op, largest, signature="(n)", max_examples=20))


def test_any_two_of_three_inputs():
    left: set = set()

    def first(ct, y, z):
        left.add("x")
        return ct * y * z

    def second(ct, x, z):
        left.add("y")
        return ct * x * z

    def third(ct, x, y):
        wrong = left == {"x"}
        left.clear()
        return ct * x * y * (2 if wrong else 1)

    product = op(lambda x, y, z: x * y * z, first, second, third)
    inputs = [(V, V + 1.125, V - 3.25)]
    assert "where only x and z need a gradient" in str(raised(check_op, product, inputs))


def test_nothing_is_asked_outside_a_given_domain():
    def root(x):
        assert np.all(x < 2), "asked outside"
        return np.sqrt(x)

    assert check_op(op(root, lambda ct, out: ct / (2 * out)), domain=(0.25, 1), max_examples=20)


def test_right_code_whose_second_derivative_is_zero_but_for_rounding():
    def cosine_of_the_angle(x, y):
        return (x @ y) / (np.linalg.norm(x) * np.linalg.norm(y))

    assert check_op(cosine_of_the_angle, domain=(0, np.inf), signature="(n),(n)", max_examples=25)


def test_a_kink_where_the_gradient_may_be_nan_can_be_declared():
    def root_of_the_square(x):
        return np.sqrt(x**2)

    assert "NOT FINITE" in str(raised(check_op, root_of_the_square, max_examples=20))
    assert check_op(root_of_the_square, kinks=lambda x: x, max_examples=20)

"""In a Jacobian too large to compare whole, the guilty entry is found and the mistake is named."""

import numpy as np
import pytest
from species import op

from tests.stream import rng
from tinygrad_np import unbroadcast
from tinygrad_np.testing import check_op, failures, gradcheck

M = rng.normal(size=(200, 200))
W = rng.normal(size=(30, 30))
X = np.linspace(-2, 2, 300)
ONE = M.copy()
ONE[17, 113] *= -1
INDEX = rng.integers(0, 100, 300)


def last_wins(ct, x_shape):
    g = np.zeros(x_shape)
    g[INDEX] = ct
    return g


WRONG = {
    "SIGN": (op(lambda x: M @ x, lambda ct: -(M.T @ ct)), X[:200]),
    "CONSTANT FACTOR: yours is 2 times": (op(lambda x: np.tanh(x), lambda ct, out: 2 * ct * (1 - out**2)), X),
    "FACTOR MISSING: a factor x": (op(lambda x: x**3, lambda ct, x: 3 * ct * x), X),
    "JACOBIAN FOR ITS TRANSPOSE": (op(lambda x: M @ x, lambda ct: M @ ct), X[:200]),
    "TRANSPOSED": (op(lambda x, y: x @ y, lambda ct, y: (ct @ y.T).T, lambda ct, x: x.T @ ct), W, W * W),
    "IGNORES THE COTANGENT": (op(lambda x: np.exp(x), lambda ct, out: ct.sum() * out), X),
    "OFF BY ONE: the gradient": (op(lambda x: np.sin(x), lambda ct, x: np.roll(ct * np.cos(x), 1)), X),
    "OFF BY ONE: the cotangent": (op(lambda x: np.sin(x), lambda ct, x: np.roll(ct, -1) * np.cos(x)), X),
    "MISSING SUM": (op(lambda x, b: x + b, lambda ct: ct, lambda ct: ct[0]), M[:40, :40], X[:40]),
    "MEAN INSTEAD OF SUM": (op(lambda x, b: x + b, lambda ct: ct, lambda ct: ct.mean(0)), M[:40, :40], X[:40]),
    "DUPLICATE INDEX OVERWRITTEN": (op(lambda x: x[INDEX], last_wins), X[:100]),
    "NO GRADIENT": (op(lambda x, y: x * y, lambda ct, y: ct * y, lambda ct: 0 * ct), X, X + 3),
    "ARGUMENTS SWAPPED": (op(lambda x, y: x * y, lambda ct, x: ct * x, lambda ct, y: ct * y), X, X + 3),
    "BRANCH FORGOTTEN (x < 0)": (op(lambda x: np.where(x > 0, x, x / 8), lambda ct, x: ct * (x > 0)), X),
    "SUM FOR MEAN": (op(lambda x: x.mean(1), lambda ct, x_shape: np.broadcast_to(ct[:, None], x_shape)), M[:70, :70]),
    "PROJECTION MISSING": (op(lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True), lambda ct, out: ct * out), W),
    "ONE ENTRY": (op(lambda x: M @ x, lambda ct: ONE.T @ ct), X[:200]),
    "REVERSED": (op(lambda x: np.exp(x), lambda ct, out: (ct * out)[::-1]), X),
}


@pytest.mark.parametrize("says", WRONG)
def test_a_mistake_is_named_from_a_part(says):
    f, *inputs = WRONG[says]
    report = gradcheck(f, *inputs, raise_on_fail=False)
    assert report.failure == "GradientMismatch"
    assert report.diagnosis and report.diagnosis[0].startswith(says), report
    assert "as far as a part" in str(report)


def test_two_wrong_entries_are_not_called_one():
    two = ONE.copy()
    two[190, 3] += 1
    f = op(lambda x: M @ x, lambda ct: two.T @ ct)
    report = gradcheck(f, X[:200], raise_on_fail=False)
    assert (report.entry.row, report.entry.column) in ((17, 113), (190, 3))
    assert not any("ONE ENTRY" in name for name in report.diagnosis), report


def test_the_test_to_paste_stays_short():
    f = WRONG["SIGN"][0]
    report = gradcheck(f, X[:200], raise_on_fail=False)
    assert len(str(report)) < 3000


def test_one_shape_of_two_inputs_and_one_output_of_several():
    def both(x, y):
        return x * y, np.sin(y)

    made = op(both, lambda ct, y: ct[0] * y, lambda ct, x, y: ct[0] * x - ct[1] * np.cos(y))
    report = gradcheck(made, X[:60], X[:60] + 3, raise_on_fail=False)
    assert report.failure == "GradientMismatch" and report.entry.row >= 60


def test_a_right_large_jacobian_passes():
    add = op(lambda x, b: x + b, lambda ct: ct, lambda ct, b_shape: unbroadcast(ct, b_shape))
    assert gradcheck(add, M[:40, :40], X[:40])


def test_the_same_mistake_in_an_operation_that_is_given_large_inputs():
    with pytest.raises(failures.GradientMismatch, match="SIGN"):
        check_op(WRONG["SIGN"][0], [(X[:200],)])

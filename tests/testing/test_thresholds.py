"""What lies beyond what chance draws: thresholds are found, both sides are drawn, the certificate says so."""

import itertools
import sys
import threading

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import CheckFailed, check_op, failures, gradcheck
from tinygrad_np.testing.inputs.special import special
from tinygrad_np.testing.inputs.thresholds import corners, written_numbers

PLACES = np.logspace(-6, 6, 20)


def op(f, *rules):
    made = tg.primitive(f)
    made.defvjp(*rules)
    return made


def clipped(t):
    return op(lambda x: np.clip(x, 0, t), lambda ct, x: ct * (x > 0))


def huber(t):
    def loss(x):
        return np.where(np.abs(x) < t, 0.5 * x * x, t * (np.abs(x) - 0.5 * t))

    return op(loss, lambda ct, x: ct * x)


def smooth_with_a_wrong_tail(t):
    return op(lambda x: x * x * x, lambda ct, x: ct * 3 * x * x * np.where(x > t, 1.01, 1))


def bound_of_the_second(t):
    def product(x, y):
        return x * np.minimum(y, t)

    return op(
        product,
        lambda ct, y, x_shape: tg.unbroadcast(ct * np.minimum(y, t), x_shape),
        lambda ct, x, y_shape: tg.unbroadcast(ct * x, y_shape),
    )


def rows(t):
    return op(lambda x: np.minimum(x, t).sum(), lambda ct, x: ct * np.ones_like(x))


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda t: f"{t:.3g}")
@pytest.mark.parametrize("species", [clipped, huber, smooth_with_a_wrong_tail, bound_of_the_second, rows])
def test_a_branch_forgotten_anywhere_is_refused(species, place):
    with pytest.raises(CheckFailed):
        check_op(species(float(place)), max_examples=5, order=1, dtypes=("float64",))


BREAKS = {
    "sign": lambda g: -g,
    "nothing": lambda g: 0 * g,
    "twice": lambda g: 2 * g,
    "a thousandth": lambda g: 1.001 * g,
    "a millionth": lambda g: (1 + 1e-6) * g,
    "not finite": lambda g: g / 0,
    "a constant": lambda g: 0 * g + 0.75,
    "absolute value": np.abs,
    "square": lambda g: g * g,
    "a term more": lambda g: g + 0.125 * np.abs(g),
}
SIDES = {"beyond": np.greater, "below": np.less}


def elementwise(wrong):
    return op(lambda x: -3 * x, lambda ct, x: ct * wrong(-3 + 0 * x, x))


def first_of_two(wrong):
    def rule(ct, x, y):
        return tg.unbroadcast(ct * wrong(y + 0 * x, x), x.shape)

    return op(lambda x, y: x * y, rule, lambda ct, x, y_shape: tg.unbroadcast(ct * x, y_shape))


def summed(wrong):
    return op(lambda x: -2 * x.sum(), lambda ct, x: ct * wrong(np.full_like(x, -2), x))


def matrix(wrong):
    return op(lambda x, w: x @ w, lambda ct, x, w: wrong(ct @ w.T, x), lambda ct, x: x.T @ ct)


def indexed(wrong):
    return op(lambda x: 3 * x[..., ::-1], lambda ct, x: wrong(3 * ct[..., ::-1], x))


OPERANDS = {elementwise: None, first_of_two: None, summed: "(n)", matrix: "(m,k),(k,n)", indexed: "(m,n)"}


def every_place():
    """All breaks at all places on both sides, for every kind of operand; a few are quick."""
    found = itertools.product(OPERANDS, BREAKS, SIDES, PLACES)
    for i, (kind, how, side, place) in enumerate(found):
        quick = i % 803 == 13
        name = f"{kind.__name__}-{how}-{side}-{place:.3g}"
        yield pytest.param(kind, how, side, float(place), id=name, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("kind, how, side, place", list(every_place()))
def test_a_mistake_anywhere_is_refused(kind, how, side, place):
    def wrong(g, x):
        with np.errstate(all="ignore"):
            return np.where(SIDES[side](np.abs(x), place), BREAKS[how](g), g)

    made, options = kind(wrong), {"order": 1, "dtypes": ("float64",), "max_examples": 5}
    with pytest.raises(CheckFailed):
        check_op(made, signature=OPERANDS[kind], **options)


def test_the_sign_of_the_cotangent_counts_also_where_it_is_lost_in_a_corner():
    def wrong(g, x):
        return np.where(np.abs(x) < 1e-4, np.abs(g), g)

    with pytest.raises(CheckFailed):
        check_op(indexed(wrong), signature="(m,n)", order=1, dtypes=("float64",), max_examples=5)


def test_numbers_are_read_from_code_defaults_closures_and_attributes():
    class Layer:
        delta = 7.5

        def __init__(self):
            self.k = 11.0

        def __call__(self, x, a=255.0):
            return np.clip(x, 3e-4, self.k)

    def outer(c):
        return lambda x: np.where(x > c, 1e4, x)

    assert set(written_numbers(Layer())) >= {7.5, 11.0, 255.0, 3e-4} and set(written_numbers(outer(77.0))) == {
        77.0,
        1e4,
    }
    assert written_numbers(clipped(19.0)) == [19.0]


def test_bends_and_jumps_are_found_along_rays():
    assert np.allclose(corners(lambda t: np.clip(t, -1e-5, 2e5)), [2e5, -1e-5], rtol=1e-4)
    assert np.allclose(corners(lambda t: np.where(abs(t) > 0.5, t, 0)), [0.5, -0.5], rtol=1e-4)
    for smooth in (np.sin, np.tanh, lambda t: np.logaddexp(t, 0), lambda t: 1 / (1 + np.exp(-max(t, -500)))):
        assert corners(smooth) == []


def test_special_inputs_have_zeros_and_all_magnitudes():
    found = list(special([np.array([0.5, -1.5, 2.0])], [6.0], elementwise=False))
    zeros = {int((a == 0).sum()) for (a,) in found}
    assert {0, 1, 2, 3} <= zeros
    sizes = np.abs(np.concatenate([a for (a,) in found]))
    assert sizes.max() > 1e6 and sizes[sizes > 0].min() < 1e-6
    assert ((sizes > 6) & (sizes < 6.2)).any() and ((sizes < 6) & (sizes > 5.8)).any()


def test_the_certificate_says_what_was_covered():
    right = op(lambda x: np.clip(x, 0, 6), lambda ct, x: ct * ((x > 0) & (x < 6)))
    report = check_op(right, max_examples=8, order=1)
    assert 6.0 in report.thresholds and report.ranges["x"][1] > 1e6 and report.special
    assert "thresholds 6" in str(report) and "covered: x from" in str(report)


def test_a_norm_that_is_nan_at_zero_is_refused():
    norm = op(lambda x: np.sqrt((x * x).sum()), lambda ct, x, out: ct * x / out)
    with pytest.raises(failures.NaNGradient):
        check_op(norm, max_examples=8, order=1)


def test_an_input_that_is_limited_to_keep_from_overflow_is_no_mistake():
    def sigmoid(x):
        return 1 / (1 + np.exp(-np.clip(x, -500, 500)))

    assert check_op(op(sigmoid, lambda ct, out: ct * out * (1 - out)), max_examples=8, order=1)


KINDS = {
    "0-d": lambda x, y: x.ndim == 0,
    "float16": lambda x, y: x.dtype == np.float16,
    "float32": lambda x, y: x.dtype == y.dtype == np.float32,
    "float32 beside float64": lambda x, y: x.dtype == np.float32 != y.dtype,
    "float64 beside float32": lambda x, y: y.dtype == np.float32 != x.dtype,
    "a NumPy scalar's shape beside an array": lambda x, y: x.ndim == 0 != y.ndim,
}


@pytest.mark.parametrize("wrong", [2.0, -1.0, 0.0], ids=["twice", "sign", "nothing"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_for_one_kind_of_operand_is_refused(kind, wrong):
    def product(x, y):
        return x * y

    def rule(ct, x, y):
        return tg.unbroadcast(ct * y, x.shape).astype(x.dtype) * x.dtype.type(wrong if KINDS[kind](x, y) else 1)

    made = op(product, rule, lambda ct, x, y: tg.unbroadcast(ct * x, y.shape).astype(y.dtype))
    arrays = [np.array([0.5, -1.25, 2.0]), np.array([[1.5, -0.75, 0.625]]), np.array(0.875)]
    inputs = [(arrays[0], arrays[1]), (arrays[2], arrays[0]), (arrays[2], arrays[2] + 1)]
    with pytest.raises(CheckFailed):
        check_op(made, inputs, order=1)


def test_digits_lost_beside_a_narrower_operand():
    def product(x, y):
        return x * y

    wrong = op(product, lambda ct, y: (ct * y).astype(np.result_type(y, np.float16)), lambda ct, x: ct * x)
    with pytest.raises(failures.WrongDtype, match="digits of float32"):
        check_op(wrong, [(np.array([0.5, 1.25]), np.array([2.0, -1.5]))])


def test_a_constant_and_a_minimum_have_no_derivative_to_check():
    x = np.array([[0.5, -1.5], [2.0, 0.25], [1.0, 3.0]])
    for f in (lambda x: (x - x.mean(axis=0)).sum(), lambda x: 0 * x.sum()):
        with pytest.raises(failures.VacuousCheck, match="every derivative is 0"):
            gradcheck(f, x)


@pytest.mark.slow
def test_what_does_not_return_is_stopped(monkeypatch):
    from tinygrad_np.testing.reference import patience

    monkeypatch.setattr(patience, "PATIENCE", 1.0)

    def endless(x):
        while x.sum() > -1:
            pass

    with pytest.raises(failures.NeverReturned):
        gradcheck(endless, np.ones(2))


def test_what_cannot_be_stopped_is_told_while_it_lasts(monkeypatch):
    from tinygrad_np.testing.reference import patience

    monkeypatch.setattr(patience, "PATIENCE", 0.2)
    monkeypatch.setattr(patience, "EVERY", 0.05)
    told, said = threading.Event(), []

    class Stream:
        def write(self, text):
            said.append(text)
            told.set()

        def flush(self):
            pass

    def waits_in_c(x):
        with monkeypatch.context() as inside:
            inside.setattr(sys, "stderr", Stream())
            told.wait(60)
        return x * 2

    with pytest.raises(failures.NeverReturned):
        gradcheck(waits_in_c, np.ones(2))
    assert "cannot be stopped" in said[0]


def test_rules_for_other_libraries_are_refused_when_given():
    def square(x):
        return x * x

    for rules, says in (
        ([lambda ct, x: ct, lambda ct: ct], "found 2 rules"),
        ([lambda x, ct: ct], "the cotangent comes first"),
        ([lambda ans, x: lambda g: g], "HIPS autograd"),
        ([lambda ctx, grad_output: grad_output], "asks for 'grad_output'"),
        ([lambda ct, y: ct], "asks for 'y'"),
    ):
        with pytest.raises(TypeError, match=says):
            op(square, *rules)

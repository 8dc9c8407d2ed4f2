"""Generated code shows itself: tracebacks print its line, and NumPy's warnings name the user's file and line."""

import linecache
import traceback
import unittest
import warnings

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.callers import PACKAGE

ZERO = Tensor([0.0, 1.0], requires_grad=True)
PLAIN = Tensor([0.0, 1.0])
SMALL = Tensor(np.array([0.0, 1.0], np.float32), requires_grad=True)
HUGE = Tensor([1e308, 1e308], requires_grad=True)
LARGE = Tensor([1e200, 1.0], requires_grad=True)


@tg.primitive
def inverse(x):
    warnings.warn("zero", UserWarning, stacklevel=2) if (x == 0).any() else None
    return 1 / np.where(x == 0, 1, x)


inverse.defvjp(lambda ct, out: -ct * out * out)

OPERATIONS = {
    "operator": lambda: 1 / ZERO,
    "operator of two": lambda: ZERO / (ZERO * 1),
    "ufunc": lambda: np.log(ZERO),
    "a function written in C": lambda: np.vecdot(LARGE, LARGE),
    "no history": lambda: np.log(PLAIN),
    "no history, operator": lambda: PLAIN / PLAIN,
    "option": lambda: np.log(ZERO, dtype=np.float32),
    "reduce of a plain": lambda: np.divide.outer(PLAIN, PLAIN),
    "composed": lambda: np.linalg.norm(np.log(ZERO)),
    "stacklevel 2": lambda: inverse(ZERO),
    "by keyword": lambda: inverse(x=ZERO),
    "in a list": lambda: np.stack([1 / ZERO[0], ZERO[1]]),
    "in place": lambda: (ZERO * 1).__itruediv__(0.0),
    "float32": lambda: np.log(SMALL),
    "grad": lambda: tg.grad(lambda x: np.log(x).sum())(np.zeros(2)),
    "no_grad": lambda: tg.no_grad()(lambda: np.log(ZERO))(),
    "debug": lambda: tg.debug(infinity=False)(lambda: np.log(ZERO))(),
    "reduction": lambda: np.sum(HUGE),
    "reduction along an axis": lambda: np.sum(HUGE, 0),
    "method": lambda: HUGE.sum(),
    "compared": lambda: np.log(ZERO) > 0,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_warning_points_at_the_users_line(name):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        OPERATIONS[name]()
    assert found
    line = OPERATIONS[name].__code__.co_firstlineno
    for warning in found:
        assert (warning.filename, warning.lineno) == (__file__, line), str(warning.message)
    assert "registry" not in str(found[0].message)


@pytest.mark.parametrize("name", OPERATIONS)
def test_filters_decide(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((RuntimeWarning, UserWarning)) as caught:
            OPERATIONS[name]()
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("ignore")
        OPERATIONS[name]()
    assert not found


def test_the_default_is_once_a_line():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            np.log(ZERO)
        np.log(ZERO)
    assert [w.lineno for w in found] == [found[0].lineno, found[0].lineno + 1]


def test_the_value_is_numpys_and_no_warning_where_numpy_has_none():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.array_equal(np.log(ZERO).data, [-np.inf, 0]) and np.array_equal((1 / ZERO).data, [np.inf, 1])
    with np.errstate(all="ignore"):
        assert np.array_equal(np.log(ZERO).data, [-np.inf, 0])
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        np.log(ZERO)


def test_nothing_that_resets_registries_breaks_it():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks every loaded module for a registry, and old ones warn: numpy.core
        with unittest.TestCase().assertWarns(RuntimeWarning):
            np.log(ZERO)
    for name in ("ufunc", "no history", "option"):
        test_a_warning_points_at_the_users_line(name)


def test_a_traceback_prints_the_generated_line():
    try:
        ZERO + Tensor(np.ones(3), requires_grad=True)
    except ValueError as error:
        frames = traceback.extract_tb(error.__traceback__)
    generated = [f for f in frames if " for add" in f.filename]
    assert generated and all(f.line and f.filename.startswith(PACKAGE) for f in generated)
    assert "_explained" in generated[-1].line
    linecache.checkcache()
    assert linecache.getline(generated[-1].filename, 1).startswith("def recorded(")


def test_two_forms_of_a_name_have_two_texts():
    forms = []
    for _ in range(2):

        @tg.primitive
        def same(x):
            return x + 1

        same.defvjp(lambda ct: ct)
        same(ZERO)
        forms.append(same.forms[1].__code__.co_filename)
    assert len({*forms}) == 2


@pytest.mark.parametrize("error", [TypeError("no"), TypeError("'registry' is none"), ValueError("'registry' must be")])
def test_an_operation_that_fails_is_tried_once(error):
    calls = []

    @tg.primitive
    def failing(x):
        calls.append(x)
        raise error

    failing.defvjp(lambda ct: ct)
    with pytest.raises(type(error)):
        failing(tg.Tensor([1.0], requires_grad=True))
    assert len(calls) == 1

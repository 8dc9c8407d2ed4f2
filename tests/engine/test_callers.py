"""Whose line it is: a user's faulty rule is blamed on the user, whichever way the call took."""

import linecache

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.callers import blamed
from tinygrad_np.testing import gradcheck


@tg.primitive
def faulty(x):
    return np.sin(x)


faulty.defvjp(lambda ct, x: ct * np.cos(x).missing)  # the fault
LINE = next(i for i in range(1, 99) if "# the fault" in linecache.getline(__file__, i))

WAYS = {
    "backward": lambda x: faulty(Tensor(x, requires_grad=True)).backward(np.ones(2)),
    "grad": lambda x: tg.grad(lambda x: faulty(x).sum())(x),
    "by keyword": lambda x: tg.grad(lambda x: faulty(x=x).sum())(x),
    "jvp": lambda x: tg.jvp(faulty, (x,), (x,)),
    "hessian": lambda x: tg.hessian(lambda x: faulty(x).sum())(x),
    "checkpoint": lambda x: tg.grad(lambda x: tg.checkpoint(faulty)(x).sum())(x),
    "debug": lambda x: tg.debug()(tg.grad(lambda x: faulty(x).sum()))(x),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_faulty_rule_is_blamed_on_its_line(way):
    with pytest.raises(AttributeError, match="missing") as caught:
        WAYS[way](np.array([0.5, 1.0]))
    assert blamed(caught.value) == f"test_callers.py:{LINE} in <lambda>"


def test_the_checker_names_that_line():
    with pytest.raises(tg.testing.GradientMismatch, match=rf"test_callers.py:{LINE} in <lambda>"):
        gradcheck(faulty, np.array([0.5, 1.0]))


def test_an_error_of_numpys_in_a_rule_names_the_rule():
    @tg.primitive
    def f(x):
        return x * 1

    f.defvjp(lambda ct, x: np.reshape(ct, (7,)))  # NumPy raises, in its own file
    with pytest.raises(ValueError) as caught:
        tg.grad(lambda x: f(x).sum())(np.ones(2))
    assert blamed(caught.value).startswith("test_callers.py:")

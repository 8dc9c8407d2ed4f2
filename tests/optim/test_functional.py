"""Optimizers as functions: whole descents, pure steps, nested parameters, derivatives through them."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import optim
from tinygrad_np.optim.functional import adam, rmsprop, sgd
from tinygrad_np.testing import gradcheck

X = np.array([1.0, -2.0, 0.5])


def loss(p):
    return np.sum((p["a"] - X) ** 2) + (p["b"] - 3.0) ** 4


@pytest.mark.parametrize("method", [adam, rmsprop, sgd])
def test_a_descent(method):
    start = {"a": np.zeros(3), "b": 1.0, "name": "kept"}
    seen = []
    end = method(tg.grad(loss), start, callback=lambda p, i, g: seen.append((i, loss(p))), steps=400, step_size=0.05)
    assert [i for i, _ in seen] == list(range(400)) and end["name"] == "kept"
    assert loss(end) < 1e-2 < 1 < seen[0][1] and start["b"] == 1.0
    np.testing.assert_array_equal(start["a"], 0)
    short = method(tg.grad(loss), start, steps=20, step_size=0.05)
    positional = method(lambda p, i: tg.grad(loss)(p), start, None, 20, 0.05)
    np.testing.assert_array_equal(positional["a"], short["a"])
    named = method(tg.grad(loss), start, num_iters=20, step_size=0.05)
    np.testing.assert_array_equal(named["a"], short["a"])


@pytest.mark.parametrize("method", [adam, rmsprop, sgd])
def test_pure_steps_are_the_descent(method):
    params, state = {"a": np.zeros(3), "b": 1.0}, None
    state = method.init(params)
    for _ in range(5):
        params, state = method.update(params, tg.grad(loss)(params), state, step_size=0.05)
    again = method(tg.grad(loss), {"a": np.zeros(3), "b": 1.0}, steps=5, step_size=0.05)
    np.testing.assert_array_equal(params["a"], again["a"])
    step = tg.jit(lambda p: method.update(p, tg.grad(loss)(p), method.init(p))[0])
    np.testing.assert_allclose(step(params)["a"], method(tg.grad(loss), params, steps=1)["a"])


def test_adam_is_the_optimizer_of_that_name():
    w = tg.Tensor(X, requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    for _ in range(7):
        optimizer.zero_grad()
        np.sum(np.cos(w) * w).backward()
        optimizer.step()
    np.testing.assert_allclose(adam(tg.grad(lambda w: np.sum(np.cos(w) * w)), X, steps=7, step_size=0.1), w.data)


def test_a_descent_is_differentiable():
    def end(rate):
        return np.sum(sgd(tg.grad(lambda x: np.sum(np.cos(x) * x)), X, steps=4, step_size=rate))

    assert gradcheck(end, np.array(0.07), order=2)


def test_what_is_wrong_is_said():
    with pytest.raises(TypeError, match="adam: found the option 'lr'"):
        adam(tg.grad(loss), {"a": X, "b": 1.0}, lr=0.1)
    with pytest.raises(ValueError, match="sgd: the gradient has 1 numbers; expected 3"):
        sgd(lambda x: 1.0, X)

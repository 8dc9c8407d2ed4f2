"""Gradients are clipped as PyTorch clips them, in place, recorded or not."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor, nn

SHAPES = ((3, 4), (5,), (), (0, 2))


def leaves(rng, dtype=np.float64, shapes=SHAPES):
    params = [Tensor(np.zeros(shape, dtype), requires_grad=True) for shape in shapes]
    for p in params:
        p.grad = np.asarray(rng.normal(size=p.shape), dtype)
    return params


@pytest.mark.parametrize("order", [2, 1, 3, 0.5, math.inf])
@pytest.mark.parametrize("limit", [0.1, 100.0, 0.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_norm_of_all_is_bounded(rng, order, limit, dtype):
    params = leaves(rng, dtype)
    grads = [p.grad.copy() for p in params]
    whole = np.concatenate([g.ravel() for g in grads])
    norm = np.linalg.norm(whole, order)
    found = nn.utils.clip_grad_norm_(params, limit, order)
    np.testing.assert_allclose(found, norm, rtol=1e-5)
    for p, g in zip(params, grads, strict=True):
        assert p.grad.dtype == dtype and p.grad.shape == g.shape
        np.testing.assert_allclose(p.grad, g * min(1, limit / (norm + 1e-6)), rtol=1e-5)


@pytest.mark.parametrize("order", [2, 1, 3, math.inf])
def test_norms_are_pytorchs(rng, order):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    params = leaves(rng, np.float32, SHAPES[:3])
    theirs = [torch.nn.Parameter(torch.zeros(p.shape)) for p in params]
    for p, q in zip(params, theirs, strict=True):
        q.grad = torch.from_numpy(p.grad.copy())
    a = nn.utils.clip_grad_norm_(params, 1.5, order)
    b = torch.nn.utils.clip_grad_norm_(theirs, 1.5, order)
    np.testing.assert_allclose(a, b.numpy(), rtol=1e-6)
    for p, q in zip(params, theirs, strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-6)


def test_half_precision_is_summed_in_single():
    p = Tensor(np.zeros(1000, np.float16), requires_grad=True)
    p.grad = np.full(1000, 300, np.float16)  # squares beyond float16
    assert nn.utils.clip_grad_norm_([p], 1.0) == pytest.approx(300 * math.sqrt(1000), rel=1e-4)
    np.testing.assert_allclose(p.grad, 1 / math.sqrt(1000), rtol=1e-2)


def test_values_are_bounded(rng):
    params = leaves(rng)
    grads = [p.grad.copy() for p in params]
    homes = [p.grad for p in params]
    nn.utils.clip_grad_value_(params, 0.5)
    for p, g, home in zip(params, grads, homes, strict=True):
        assert np.array_equal(p.grad, np.clip(g, -0.5, 0.5)) and p.grad is home


def test_what_is_given_may_be_a_module_a_tensor_or_without_gradients(rng):
    model = nn.Linear(2, 2)
    assert nn.utils.clip_grad_norm_(model, 1.0) == 0
    model(np.ones((1, 2), np.float32)).sum().backward()
    nn.utils.clip_grad_value_(model, 0.25)
    assert np.abs(model.weight.grad).max() == 0.25
    nn.utils.clip_grad_value_(model.weight, 0.125)
    assert np.abs(model.weight.grad).max() == 0.125
    nn.utils.clip_grad_norm_(model.parameters(), 0.0)
    assert not model.weight.grad.any()


def test_a_read_only_gradient_is_replaced(rng):
    (p, *_) = leaves(rng)
    given = p.grad
    before = given.copy()
    given.flags.writeable = False
    nn.utils.clip_grad_norm_([p], 0.1)
    assert np.array_equal(given, before) and np.linalg.norm(p.grad) == pytest.approx(0.1, rel=1e-4)


def test_a_norm_that_is_not_finite_can_be_an_error(rng):
    params = leaves(rng)
    params[1].grad[2] = np.nan
    before = [p.grad.copy() for p in params]
    with pytest.raises(RuntimeError, match="the norm of the gradients is nan"):
        nn.utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert all(np.array_equal(p.grad, b, equal_nan=True) for p, b in zip(params, before, strict=True))


@pytest.mark.parametrize("order", [2, 1, math.inf])
def test_a_recorded_step_clips(rng, order):
    def run(wrap):
        model = nn.Linear(4, 3, dtype=np.float64, generator=0)
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        @wrap
        def step(x):
            loss = (model(x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0, order)
            nn.utils.clip_grad_value_(model.parameters(), 0.3)
            optimizer.step()
            return norm

        inputs = np.random.default_rng(1).normal(size=(6, 5, 4)) * np.linspace(2, 0.1, 6)[:, None, None]
        return [float(np.asarray(step(x))) for x in inputs], model.weight.numpy().copy()

    eager, jitted = run(lambda f: f), run(tg.jit)
    np.testing.assert_allclose(eager[0], jitted[0], rtol=1e-12)
    np.testing.assert_allclose(eager[1], jitted[1], rtol=1e-12)


def test_bad_arguments_are_refused(rng):
    with pytest.raises(ValueError, match="max_norm and norm_type >= 0, found -1"):
        nn.utils.clip_grad_norm_(leaves(rng), -1.0)
    with pytest.raises(ValueError, match="clip_value: expected a number >= 0, found nan"):
        nn.utils.clip_grad_value_(leaves(rng), math.nan)
    with pytest.raises(TypeError, match="parameter 0: expected a tensor, found ndarray"):
        nn.utils.clip_grad_norm_([np.ones(2)], 1.0)

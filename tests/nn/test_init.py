"""Initial weights: the moments and bounds of their formulas, generators that repeat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_np import Tensor
from tinygrad_np.nn import init

SHAPE = (300, 400)


@pytest.mark.parametrize(
    "fill, low, high, std",
    [
        (lambda w: init.uniform_(w, -2, 4, generator=0), -2, 4, 6 / math.sqrt(12)),
        (
            lambda w: init.xavier_uniform_(w, gain=2, generator=0),
            -2 * math.sqrt(6 / 700),
            2 * math.sqrt(6 / 700),
            2 * math.sqrt(2 / 700),
        ),
        (
            lambda w: init.kaiming_uniform_(w, nonlinearity="relu", generator=0),
            -math.sqrt(6 / 400),
            math.sqrt(6 / 400),
            math.sqrt(2 / 400),
        ),
        (
            lambda w: init.kaiming_uniform_(w, a=math.sqrt(5), mode="fan_out", generator=0),
            -1 / math.sqrt(300),
            1 / math.sqrt(300),
            1 / math.sqrt(900),
        ),
    ],
)
def test_uniform_ones_fill_their_interval(fill, low, high, std):
    w = fill(np.empty(SHAPE))
    assert low <= w.min() < low + (high - low) / 1000 and high - (high - low) / 1000 < w.max() <= high
    assert w.std() == pytest.approx(std, rel=0.01)


@pytest.mark.parametrize(
    "fill, mean, std",
    [
        (lambda w: init.normal_(w, 3, 2, generator=0), 3, 2),
        (lambda w: init.xavier_normal_(w, generator=0), 0, math.sqrt(2 / 700)),
        (lambda w: init.kaiming_normal_(w, nonlinearity="relu", generator=0), 0, math.sqrt(2 / 400)),
        (
            lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh", generator=0),
            0,
            5 / 3 / math.sqrt(300),
        ),
    ],
)
def test_normal_ones_have_their_moments(fill, mean, std):
    w = fill(np.empty(SHAPE))
    assert w.std() == pytest.approx(std, rel=0.01)
    assert w.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(w.size))
    assert np.mean(((w - mean) / std) ** 4) == pytest.approx(3, rel=0.05)


def test_kernels_count_their_places():
    w = init.kaiming_normal_(np.empty((64, 32, 5, 5)), nonlinearity="relu", generator=0)
    assert w.std() == pytest.approx(math.sqrt(2 / (32 * 25)), rel=0.02)


def test_trunc_normal_stays_inside():
    w = init.trunc_normal_(np.empty(SHAPE), 1.0, 2.0, 0.0, 2.0, generator=0)
    assert 0 <= w.min() and w.max() <= 2 and w.mean() == pytest.approx(1, abs=0.01)
    with pytest.raises(ValueError, match="almost nothing"):
        init.trunc_normal_(w, 0, 1, 9, 10)


def test_constants():
    assert init.zeros_(np.ones(3)).tolist() == [0, 0, 0]
    assert init.ones_(np.zeros(2)).tolist() == [1, 1]
    assert init.constant_(np.zeros(2), 0.5).tolist() == [0.5, 0.5]
    assert init.eye_(np.ones((2, 3))).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3)])
def test_orthogonal(shape):
    w = init.orthogonal_(np.empty(shape), gain=2.0, generator=0).reshape(shape[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_tensors_are_filled_in_place_and_streams_repeat():
    t = Tensor(np.zeros((3, 4), np.float32), requires_grad=True)
    assert init.normal_(t, generator=7) is t and t.dtype == np.float32
    assert np.array_equal(t.numpy(), init.normal_(np.zeros((3, 4), np.float32), generator=np.random.default_rng(7)))
    init.manual_seed(1)
    first = init.normal_(np.zeros(5))
    init.manual_seed(1)
    assert np.array_equal(first, init.normal_(np.zeros(5)))


def test_a_tensor_that_a_graph_needs_is_not_filled():
    t = Tensor(np.ones(3), requires_grad=True)
    y = (t * t).sum()
    with pytest.raises(ValueError, match="initialize it before use"):
        init.zeros_(t)
    y.backward()
    assert t.grad.tolist() == [2, 2, 2]


def test_gains_are_pytorchs():
    assert {name: init.calculate_gain(name) for name in ("linear", "sigmoid", "tanh", "relu", "selu")} == {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "selu": 0.75,
    }
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: init.calculate_gain("swoosh"), "unknown nonlinearity 'swoosh'"),
        (lambda: init.kaiming_normal_(np.empty((2, 2)), mode="fan"), "expected 'fan_in' or 'fan_out'"),
        (lambda: init.xavier_normal_(np.empty(3)), r"at least 2 dimensions \(out, in\), found shape \(3,\)"),
        (lambda: init.eye_(np.empty(3)), "expected a matrix"),
        (lambda: init.orthogonal_(np.empty(3)), "at least 2 dimensions"),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()

"""Layers and losses: shapes, dtypes, initial weights, masks that repeat, and a model that learns."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim


def x(*shape, dtype=np.float64):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize(
    "layer, function",
    [
        (nn.ReLU(), F.relu),
        (nn.Tanh(), F.tanh),
        (nn.Sigmoid(), F.sigmoid),
        (nn.GELU(), F.gelu),
        (nn.Softmax(), F.softmax),
        (nn.LeakyReLU(0.3), lambda a: F.leaky_relu(a, 0.3)),
        (nn.GELU("tanh"), lambda a: F.gelu(a, "tanh")),
        (nn.Softmax(0), lambda a: F.softmax(a, 0)),
        (nn.Identity(), lambda a: a),
    ],
)
def test_layers_call_their_functions(layer, function):
    np.testing.assert_array_equal(np.asarray(layer(x(3, 4))), np.asarray(function(x(3, 4))))


@pytest.mark.parametrize(
    "loss, function",
    [
        (
            nn.CrossEntropyLoss(label_smoothing=0.1, reduction="sum"),
            lambda a, b: F.cross_entropy(a, b, label_smoothing=0.1, reduction="sum"),
        ),
        (
            nn.CrossEntropyLoss(weight=np.arange(4.0), ignore_index=0),
            lambda a, b: F.cross_entropy(a, b, weight=np.arange(4.0), ignore_index=0),
        ),
        (nn.NLLLoss(reduction="none"), lambda a, b: F.nll_loss(a, b, reduction="none")),
    ],
)
def test_losses_of_classes_call_their_functions(loss, function):
    y = np.array([1, 0, 3])
    np.testing.assert_array_equal(loss(x(3, 4), y), function(x(3, 4), y))


@pytest.mark.parametrize(
    "loss, function",
    [
        (nn.MSELoss("sum"), lambda a, b: F.mse_loss(a, b, "sum")),
        (nn.L1Loss(), F.l1_loss),
        (nn.BCEWithLogitsLoss(pos_weight=2.0), lambda a, b: F.binary_cross_entropy_with_logits(a, b, pos_weight=2.0)),
    ],
)
def test_losses_of_numbers_call_their_functions(loss, function):
    y = np.random.default_rng(1).random((3, 4))
    np.testing.assert_array_equal(loss(x(3, 4), y), function(x(3, 4), y))


def test_linear_shapes_dtypes_and_repeatable_weights():
    layer = nn.Linear(7, 3, generator=4)
    assert layer.weight.shape == (3, 7) and layer.bias.shape == (3,)
    assert layer.weight.dtype == layer.bias.dtype == np.float32
    assert layer(x(2, 5, 7, dtype=np.float32)).shape == (2, 5, 3)
    assert layer(x(2, 7, dtype=np.float32)).dtype == np.float32
    assert nn.Linear(7, 3, generator=4).weight.numpy().tobytes() == layer.weight.numpy().tobytes()
    assert nn.Linear(7, 3, bias=False).bias is None
    wide = nn.Linear(400, 300, generator=0)
    assert np.abs(wide.weight.numpy()).max() <= 0.05
    assert wide.weight.numpy().std() == pytest.approx(0.05 / 3**0.5, rel=0.01)


def test_manual_seed_repeats_layers():
    nn.manual_seed(3)
    first, mask = nn.Linear(4, 4).weight.numpy(), nn.Dropout()(np.ones(50))
    second = nn.Linear(4, 4).weight.numpy()
    nn.manual_seed(3)
    assert np.array_equal(nn.Linear(4, 4).weight.numpy(), first)
    assert np.array_equal(nn.Dropout()(np.ones(50)), mask)
    assert not np.array_equal(first, second)


def test_dropout_repeats_has_its_own_stream_and_rests_in_eval():
    ones = np.ones((20, 20), np.float32)
    a, b = nn.Dropout(0.5, generator=1), nn.Dropout(0.5, generator=1)
    first = a(ones)
    np.random.default_rng(0).random(100)
    assert np.array_equal(first, b(ones))
    assert not np.array_equal(first, a(ones)), "each call draws a new mask"
    assert a.eval()(ones) is ones
    nn.manual_seed(0)
    assert not np.array_equal(nn.Dropout()(ones), nn.Dropout()(ones)), "two layers do not share their masks"
    with pytest.raises(ValueError, match="expected a probability, from 0 to 1, found 1.5"):
        nn.Dropout(1.5)


def test_flatten_keeps_the_batch():
    assert nn.Flatten()(x(2, 3, 4, 5)).shape == (2, 60)
    assert nn.Flatten(0)(x(2, 3, 4)).shape == (24,)
    assert nn.Flatten(1, 2)(x(2, 3, 4, 5)).shape == (2, 12, 5)
    assert nn.Flatten()(Tensor(x(0, 3, 4))).shape == (0, 12)


def test_sequential_is_a_sequence():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU()).append(nn.Linear(5, 2))
    assert len(model) == 3 and isinstance(model[1], nn.ReLU) and model[-1] is list(model)[2]
    assert len(model[:2]) == 2 and model[:2][0] is model[0]
    with pytest.raises(TypeError, match="module 1: expected a Module, found Primitive"):
        nn.Sequential(nn.ReLU(), F.relu)
    with pytest.raises(TypeError, match="module 3: expected a Module, found ufunc"):
        model.append(np.tanh)
    assert len(model) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.5, momentum=0.9),
        lambda p: optim.Adam(p, lr=0.02),
        lambda p: optim.RMSprop(p, lr=0.01),
    ],
)
def test_a_network_learns_exclusive_or(make):
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (256, 2)).astype(np.float32)
    labels = (points[:, 0] * points[:, 1] > 0).astype(int)
    model = nn.Sequential(nn.Linear(2, 32, generator=rng), nn.Tanh(), nn.Linear(32, 2, generator=rng))
    optimizer, loss_of = make(model.parameters()), nn.CrossEntropyLoss()
    losses = []
    for _ in range(200):
        loss = loss_of(model(points), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    accuracy = (model(points).numpy().argmax(axis=1) == labels).mean()
    assert accuracy > 0.97 and losses[-1] < 0.2 < losses[0]
    assert all(p.dtype == np.float32 for p in model.parameters())

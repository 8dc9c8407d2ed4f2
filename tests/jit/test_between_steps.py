"""Between the steps of a jitted training: weights and state are loaded or edited, parameters frozen, gradients kept."""

import copy

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.stream import rng
from tinygrad_np import nn, optim

from .examples import OPTIMIZERS, network, normal, same, training


def test_gradients_that_are_kept_stay_as_they_were():
    model = network(2)
    step = tg.jit(training(model, optim.SGD(model.parameters(), lr=0.1)))
    weight = next(iter(model.parameters()))
    kept, copies = [], []
    for _ in range(5):
        step(normal(6, 12), rng.integers(0, 5, 6))
        kept.append(weight.grad)
        copies.append(weight.grad.copy())
    for a, b in zip(kept, copies):
        assert np.array_equal(a, b)


def test_weights_may_be_loaded_between_steps():
    models = [network(4), network(4)]
    steps = [training(m, optim.SGD(m.parameters(), lr=0.1)) for m in models]
    steps[1] = tg.jit(steps[1])
    for i in range(6):
        x, y = normal(6, 12), rng.integers(0, 5, 6)
        losses = [s(x, y).numpy() for s in steps]
        same(*losses)
        if i == 2:
            state = network(9).state_dict()
            for m in models:
                m.load_state_dict(state)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizers_state_may_be_loaded_between_steps(name):
    models = [network(4), network(4)]
    optimizers = [OPTIMIZERS[name](m.parameters()) for m in models]
    steps = [training(m, o) for m, o in zip(models, optimizers)]
    steps[1] = tg.jit(steps[1])
    saved = [[o.state_dict() for o in optimizers]]
    for i in range(12):
        x, y = normal(6, 12), rng.integers(0, 5, 6)
        same(*[s(x, y).numpy() for s in steps])
        saved.append([o.state_dict() for o in optimizers])
        if i in (3, 6, 8):  # a later state, the blank one, and one that is a step old
            for o, state in zip(optimizers, saved[{3: 2, 6: 0, 8: 8}[i]]):
                o.load_state_dict(state)
        for p, q in zip(*[m.parameters() for m in models]):
            np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-5, atol=1e-6)
    assert steps[1].recordings <= 4


EDITS = {
    "filled": lambda o: o.state[0]["momentum_buffer"].fill(0),
    "another array": lambda o: o.state[0].update(momentum_buffer=np.ones_like(o.params[0].data)),
    "another dict": lambda o: o.state.update({0: {"momentum_buffer": np.ones_like(o.params[0].data)}}),
    "cleared": lambda o: o.state.clear(),
    "another state": lambda o: setattr(o, "state", {}),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("n", [6, 5])  # a length that has been recorded, and one that has not
def test_an_optimizers_state_may_be_edited(edit, n):
    models = [network(4), network(4)]
    optimizers = [optim.SGD(m.parameters(), lr=0.05, momentum=0.9) for m in models]
    steps = [training(m, o) for m, o in zip(models, optimizers)]
    steps[1] = tg.jit(steps[1])
    for rows in (6, 6, 6, n, n):
        if rows == n:
            for o in optimizers:
                EDITS[edit](o) if len(o.state) else None
        x, y = normal(rows, 12), rng.integers(0, 5, rows)
        same(*[s(x, y).numpy() for s in steps])
        for p, q in zip(*[m.parameters() for m in models]):
            np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-5, atol=1e-6)


def test_a_training_is_resumed_under_jit():
    def resumed(state, jit):
        model = network(5)
        model.load_state_dict(state[0])
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        optimizer.load_state_dict(state[1])
        step = training(model, optimizer)
        return model, optimizer, tg.jit(step) if jit else step

    model, optimizer, step = resumed((network(5).state_dict(), optim.Adam(network(5).parameters()).state_dict()), True)
    for _ in range(3):
        step(normal(6, 12), rng.integers(0, 5, 6))
    state = model.state_dict(), optimizer.state_dict()
    (eager, _, first), (jitted, _, second) = resumed(state, False), resumed(state, True)
    for _ in range(4):
        x, y = normal(6, 12), rng.integers(0, 5, 6)
        same(*[f(x, y).numpy() for f in (first, second)])
        for p, q in zip(eager.parameters(), jitted.parameters()):
            np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["SGD", "momentum", "Adam"])
def test_parameters_may_be_frozen_between_steps(name):
    models = [network(6), network(6)]
    steps = [training(m, OPTIMIZERS[name](m.parameters())) for m in models]
    steps[1] = tg.jit(steps[1])
    for i in range(16):
        for m in models:
            next(m.parameters()).requires_grad = not 3 <= i < 11
        x, y = normal(6, 12), rng.integers(0, 5, 6)
        same(*[s(x, y).numpy() for s in steps])
        for p, q in zip(*[m.parameters() for m in models]):
            np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-5, atol=1e-6)
    assert steps[1].recordings <= 6


def test_a_graph_that_is_still_alive_keeps_the_old_weights():
    models = [network(5), network(5)]
    steps = [training(m, optim.SGD(m.parameters(), lr=0.1)) for m in models]
    steps[1] = tg.jit(steps[1])
    x, y = normal(6, 12), rng.integers(0, 5, 6)
    for _ in range(3):
        [s(x, y) for s in steps]
    losses = [F.cross_entropy(m(x), y) for m in models]
    before = [F.cross_entropy(m(x), y) for m in models]
    for _ in range(2):
        [s(x, y) for s in steps]
    for m in models:
        m.zero_grad()
    for loss in losses:
        loss.backward()
    for p, q in zip(models[0].parameters(), models[1].parameters()):
        same(p.grad, q.grad)
    del before


def test_a_copy_of_a_model_records_for_itself():
    class Model(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(3, 2)
            self.fast = tg.jit(self.slow)

        def slow(self, x):
            return self.layer(x)

    model, x = Model(), normal(4, 3)
    expected = model.fast(x).numpy()
    twin = copy.deepcopy(model)
    twin.layer.weight.data[...] = 0
    for _ in range(2):
        assert not np.array_equal(twin.fast(x).numpy(), expected)
        same(model.fast(x).numpy(), expected)
        same(twin.fast(x).numpy(), twin.slow(x).numpy())

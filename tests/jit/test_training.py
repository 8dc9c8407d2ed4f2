"""A jitted training takes the steps of the function: every optimizer, every layer, heads and optimizers in turns."""

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.stream import rng
from tinygrad_np import Tensor, nn, optim

from .examples import OPTIMIZERS, arrays, network, normal, same, training


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_takes_the_same_steps(name, dropout):
    models = [network(3, dropout), network(3, dropout)]
    optimizers = [OPTIMIZERS[name](m.parameters()) for m in models]
    eager, jitted = training(models[0], optimizers[0]), tg.jit(training(models[1], optimizers[1]))
    for i in range(8):
        x, y = normal(9, 12), rng.integers(0, 5, 9)
        same(jitted(x, y).numpy(), eager(x, y).numpy())
        if i == 4:  # what a scheduler, or a user, does
            for o in optimizers:
                o.param_groups[0]["lr"] *= 0.5
        for p, q in zip(models[0].parameters(), models[1].parameters()):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(p.grad, q.grad, rtol=1e-5, atol=1e-7)
    assert jitted.recordings <= 2
    for a, b in zip(arrays(optimizers[0].state_dict()), arrays(optimizers[1].state_dict()), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_gradients_accumulate_where_the_step_does_not_clear_them():
    model, other = network(1), network(1)

    def step(model, x, y):
        F.cross_entropy(model(x), y).backward()

    jitted = tg.jit(lambda x, y: step(model, x, y))
    for _ in range(4):
        x, y = normal(6, 12), rng.integers(0, 5, 6)
        jitted(x, y)
        step(other, x, y)
        for p, q in zip(model.parameters(), other.parameters()):
            same(p.grad, q.grad)
    for p in (*model.parameters(), *other.parameters()):
        p.grad = None
    jitted(x, y)
    step(other, x, y)
    for p, q in zip(model.parameters(), other.parameters()):
        same(p.grad, q.grad)


def several_steps(x, w, optimizer):
    """Two losses from one state, and what is kept of each step."""
    losses = [(w * x).sum() ** 2, (w * w * x).sum() ** 2]  # the second graph is older than the first update
    kept = [w.detach(), w.T]
    for loss in losses:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        kept += [w.grad, w.detach()]
    return kept


def two_optimizers(x, w, optimizer, *others):
    loss = ((w * x) ** 2).sum()
    for o in (optimizer, *others):
        w.grad = None
        ((w * x) ** 2).sum().backward()
        o.step()
    return loss, w.grad, w.detach()


def looked_at(x, w, optimizer):
    """What shows the parameter's memory goes with it."""
    before, view = w.data.copy(), w.data
    optimizer.zero_grad()
    ((w * x) ** 2).sum().backward()
    optimizer.step()
    return before, view * 1, w.data - before


@pytest.mark.parametrize("step", [several_steps, two_optimizers, looked_at])
def test_a_parameter_that_several_need(step):
    def build():
        w = Tensor(np.random.default_rng(3).standard_normal((2, 3)), requires_grad=True)
        optimizers = [optim.Adam([w], lr=0.1)]
        if step is two_optimizers:
            optimizers.append(optim.SGD([w], lr=0.1, momentum=0.9))
        return lambda x: step(x, w, *optimizers)

    eager, jitted = build(), tg.jit(build())
    for _ in range(5):
        x = normal(2, 3, dtype=np.float64)
        for a, b in zip(jitted(x), eager(x), strict=True):
            np.testing.assert_allclose(*[t.numpy() if isinstance(t, Tensor) else t for t in (a, b)], rtol=1e-12)
    assert jitted.recordings == 2


def test_gradients_may_be_returned():
    def build():
        model = network(7)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        step = training(model, optimizer)
        return lambda x, y: (step(x, y), [p.grad for p in model.parameters()])

    eager, jitted = build(), tg.jit(build())
    kept = []
    for _ in range(5):
        x, y = normal(6, 12), rng.integers(0, 5, 6)
        (loss, grads), (expected, wanted) = jitted(x, y), eager(x, y)
        same(loss.numpy(), expected.numpy())
        kept += [(g, w.copy()) for g, w in zip(grads, wanted, strict=True)]
    for g, w in kept:
        np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-7)


def test_wrong_labels_raise_as_ever_and_change_nothing():
    model = network(6)
    step = tg.jit(training(model, optim.Adam(model.parameters())))
    x, y = normal(6, 12), rng.integers(0, 5, 6)
    for _ in range(3):
        step(x, y)
    before = model.state_dict()
    bad = y.copy()
    bad[2] = 7
    with pytest.raises(ValueError, match="label 7"):
        step(x, bad)
    for k, v in model.state_dict().items():
        assert np.array_equal(v, before[k])
    bad[2] = -100  # ignored: another way through the function
    assert np.isfinite(step(x, bad).item())


def test_running_statistics_and_random_streams_go_on():
    class Layer(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(np.ones(3, np.float32))
            self.register_buffer("mean", np.zeros(3, np.float32))
            self.register_buffer("count", np.zeros((), np.float32))
            self.generator = np.random.default_rng(7)

        def forward(self, x):
            batch = x.mean(axis=0)
            self.mean[...] = 0.9 * self.mean + 0.1 * batch  # in place
            self.count = self.count + 1  # a new array
            noise = self.generator.normal(0, 1, x.shape).astype(np.float32)
            return ((x + noise - batch) * self.weight).sum()

    layers = [Layer(), Layer()]
    eager, jitted = layers[0], tg.jit(layers[1])
    for _ in range(5):
        x = normal(4, 3)
        same(jitted(x).numpy(), eager(x).numpy())
        same(layers[1].mean, layers[0].mean)
        same(layers[1].count, layers[0].count)
    assert layers[0].generator.random() == layers[1].generator.random()


NETWORKS = {
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),  # before a batch norm its gradient is rounding alone
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3),
            nn.AvgPool2d(2, stride=1),
            nn.Flatten(),
            nn.Linear(6 * 9, 5),
        ),
        lambda: normal(7, 1, 12, 12),
    ),
    "embedding": (
        lambda: nn.Sequential(nn.Embedding(11, 6), nn.LayerNorm(6), nn.Flatten(), nn.Linear(24, 5)),
        lambda: rng.integers(0, 11, (7, 4)),
    ),
    "norms": (
        lambda: nn.Sequential(
            nn.Linear(12, 8), nn.BatchNorm1d(8), nn.GELU(), nn.LayerNorm(8), nn.Softmax(), nn.Linear(8, 5)
        ),
        lambda: normal(7, 12),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_every_layer_train_alike(name):
    make, draw = NETWORKS[name]
    models = []
    for _ in range(2):
        nn.init.manual_seed(2)
        models.append(make())
    steps = [training(m, optim.Adam(m.parameters(), lr=0.01)) for m in models]
    steps[1] = tg.jit(steps[1])
    for _ in range(5):
        x, y = draw(), rng.integers(0, 5, 7)
        losses = [s(x, y).numpy() for s in steps]
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    for (key, a), (_, b) in zip(models[0].state_dict().items(), models[1].state_dict().items()):
        np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-5, err_msg=key)
    assert steps[1].recordings <= 2


def test_heads_that_take_turns_are_recorded_a_few_times():
    def build():
        nn.init.manual_seed(2)
        trunk, heads = nn.Linear(12, 4), [nn.Linear(4, 3), nn.Linear(4, 3)]
        layers = [trunk, *heads]
        optimizer = optim.Adam([p for layer in layers for p in layer.parameters()], lr=0.01)
        steps = [training(lambda x, head=head: head(np.tanh(trunk(x))), optimizer) for head in heads]
        return layers, lambda x, y, turn: steps[turn](x, y)

    (mine, step), (theirs, eager) = build(), build()
    jitted = tg.jit(step)
    for i in range(24):
        x, y = normal(6, 12), rng.integers(0, 3, 6)
        same(jitted(x, y, int(i % 3 == 0)).numpy(), eager(x, y, int(i % 3 == 0)).numpy())
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a.weight.numpy(), b.weight.numpy(), rtol=1e-4, atol=1e-6)
    assert jitted.recordings <= 9


def test_optimizers_that_take_turns_are_recorded_a_few_times():
    def build():
        w = Tensor(np.random.default_rng(3).standard_normal(3), requires_grad=True)
        optimizers = [optim.Adam([w], lr=0.1), optim.SGD([w], lr=0.1, momentum=0.9)]

        def step(x, turn):
            w.grad = None
            ((w * x) ** 2).sum().backward()
            optimizers[turn].step()
            return w.detach()

        return step

    eager, jitted = build(), tg.jit(build())
    for i in range(12):
        x = normal(3, dtype=np.float64)
        np.testing.assert_allclose(jitted(x, i % 2).numpy(), eager(x, i % 2).numpy(), rtol=1e-12)
    assert jitted.recordings <= 4

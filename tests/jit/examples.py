"""What several tests of jit use: draws, networks, trainings, and how close is the same."""

import numpy as np

import tinygrad_np.nn.functional as F
from tests.stream import rng
from tinygrad_np import nn, optim


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-6 if np.asarray(a).dtype == np.float32 else 1e-13, atol=1e-30)
    assert np.asarray(a).dtype == np.asarray(b).dtype


def network(seed, dropout=0.0):
    nn.init.manual_seed(seed)
    layers = [nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5)]
    if dropout:
        layers.insert(2, nn.Dropout(dropout))
    return nn.Sequential(*layers)


def training(model, optimizer):
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01, amsgrad=True),
    "RMSprop": lambda p: optim.RMSprop(p, momentum=0.5, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.05),
}


def arrays(tree):
    return [x for k in sorted(tree) for x in arrays(tree[k])] if isinstance(tree, dict) else [np.asarray(tree)]

"""Graphs to draw: random ones whose edges are known without the tape, and models."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn
from tinygrad_np.nn import functional as F
from tinygrad_np.viz.writers import svg

needs_dot = pytest.mark.skipif(not svg.available("dot"), reason="the dot program is not installed")
needs_pygraphviz = pytest.mark.skipif(not svg.available("pygraphviz"), reason="pygraphviz is not installed")
needs_engine = pytest.mark.skipif(
    not svg.available("dot") and not svg.available("pygraphviz"), reason="neither dot nor pygraphviz lays graphs out"
)


def random_graph(seed: int, size: int = 25):
    """(output, expected): a random program, and those of its edges (operand, slot, operation) that reach the output.

    Places count leaves and operations in the order in which they were made.
    """
    rng = np.random.default_rng(seed)
    values, made = [], []  # tensors, and for each the places of its operands (None: a constant)

    def add(value, *operands):
        values.append(value)
        made.append(list(operands))
        return value

    for i in range(rng.integers(1, 4)):
        add(tg.Tensor(rng.normal(size=3), requires_grad=True, name=f"leaf{i}"))
    for _ in range(rng.integers(1, size)):
        i, j, k = (int(n) for n in rng.choice([n for n, v in enumerate(values) if v.shape == (3,)], 3))
        a, b, c = values[i], values[j], values[k]
        kind = rng.integers(0, 9)
        if kind == 0:
            add(a * b, i, j)
        elif kind == 1:
            add(a * a, i, i)
        elif kind == 2:
            add(np.sin(a), i)
        elif kind == 3:
            add(a + 2.0, i, None)
        elif kind == 4:
            joined = add(np.concatenate([a, a, b]), i, i, j)
            add(joined[:3], len(values) - 1)
        elif kind == 5:
            add(np.where(np.array([True, False, True]), a, b), i, j)
        elif kind == 6:
            add(np.ones(3) * c, None, k)
        elif kind == 7:
            add(a - b, i, j)
        else:
            add(np.cumsum(b), j)
    last = len(values) - 1
    needed, edges = {last}, []
    for place in range(last, -1, -1):
        if place in needed:
            needed |= {operand for operand in made[place] if operand is not None}
    for place in sorted(needed):
        edges += [(operand, slot, place) for slot, operand in enumerate(made[place])]
    rank = {place: n for n, place in enumerate(sorted(needed))}
    return values[last], sorted((-1 if a is None else rank[a], slot, rank[b]) for a, slot, b in edges)


def digits(batch: int = 32, seed: int = 0, dtype=np.float32):
    """(model, loss) of the 64-10-10 classifier on random images."""
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(64, 10, generator=rng, dtype=dtype),
        nn.ReLU(),
        nn.Linear(10, 10, generator=rng, dtype=dtype),
    )
    images = tg.Tensor(rng.random((batch, 64)).astype(dtype), name="images")
    return model, F.cross_entropy(model(images), np.arange(batch) % 10)


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int, rng):
        self.up, self.down = (
            nn.Linear(width, 2 * width, generator=rng),
            nn.Linear(2 * width, width, generator=rng),
        )
        self.act = nn.GELU()

    def forward(self, x):
        return x + self.down(self.act(self.up(x)))


class Deep(nn.Module):
    """Twelve alike blocks and a head."""

    def __init__(self, blocks: int = 12, width: int = 8):
        rng = np.random.default_rng(0)
        self.blocks = [Block(width, rng) for _ in range(blocks)]
        self.head = nn.Linear(width, 4, generator=rng)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def deep(blocks: int = 12):
    """(model, loss) of the residual network."""
    model = Deep(blocks)
    x = tg.Tensor(np.random.default_rng(1).random((5, 8)).astype(np.float32), name="x")
    return model, F.cross_entropy(model(x), np.arange(5) % 4)


class Cell(nn.Module):
    """A recurrent cell."""

    def __init__(self, rng):
        self.inner, self.back = nn.Linear(8, 8, generator=rng), nn.Linear(8, 8, generator=rng)

    def forward(self, x, h):
        return np.tanh(self.inner(x) + self.back(h))


class Recurrent(nn.Module):
    """A cell applied step after step."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.cell, self.head = Cell(rng), nn.Linear(8, 3, generator=rng)

    def forward(self, steps):
        h = np.zeros((4, 8), np.float32)
        for x in steps:
            h = self.cell(x, h)
        return self.head(h)


def recurrent(steps: int):
    """(model, loss) of the unrolled network: 4 operations a step."""
    rng = np.random.default_rng(0)
    model = Recurrent()
    return model, F.cross_entropy(
        model([rng.random((4, 8)).astype(np.float32) for _ in range(steps)]), np.arange(4) % 3
    )


def tangle(operations: int, reach: int = 30):
    """A sum over a long random graph without modules."""
    rng = np.random.default_rng(0)
    values = [tg.Tensor(rng.random(4), requires_grad=True, name="x")]
    for _ in range(operations):
        a, b = (values[max(0, len(values) - 1 - int(rng.integers(0, reach)))] for _ in range(2))
        values.append(
            [lambda a, b: np.tanh(a + b), lambda a, b: a - b, lambda a, b: np.sin(a), lambda a, b: b * 0.5][
                rng.integers(0, 4)
            ](a, b)
        )
    return sum(values[-reach:]).sum()


def chain(operations: int):
    """A product of many numbers."""
    y = tg.Tensor(np.ones(3), requires_grad=True, name="x")
    for _ in range(operations):
        y = y * 1.0001
    return y


def expression():
    """The first picture of a lecture: numbers with names."""
    a, b, c, f = (
        tg.Tensor(v, requires_grad=True, name=n) for n, v in zip("abcf", (2.0, -3.0, 10.0, -2.0), strict=True)
    )
    e = a * b
    d = e + c
    e.name, d.name = "e", "d"
    return np.tanh(1 - d * f / 20)

"""One training step of a multi-layer perceptron: ours, NumPy by hand, and whichever peers are installed.

    python -m tests.benchmarks.train_step [--sizes 784-64-64-10] [--batch 64] [--seconds 2]

float32, ReLU, softmax cross-entropy, SGD; every way starts from the same weights and is checked to take the
same steps before it is timed.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable

import numpy as np

from .timing import interleaved, report

LR = 0.01


class Problem:
    """The data, and the weights in layers of (W, b), W of shape (out, in)."""

    def __init__(self, sizes: list[int], batch: int):
        rng = np.random.default_rng(0)
        self.x = rng.random((batch, sizes[0]), np.float32)
        self.y = rng.integers(0, sizes[-1], batch)
        self.layers = [(rng.normal(0, (2 / i) ** 0.5, (o, i)).astype(np.float32), np.zeros(o, np.float32))
                       for i, o in zip(sizes, sizes[1:], strict=False)]

    def copies(self):
        return [(w.copy(), b.copy()) for w, b in self.layers]


def by_hand(problem: Problem):
    """What one writes without a framework: allocating freely, each product in the layout at hand."""
    layers, x, y = problem.copies(), problem.x, problem.y
    n, rows = len(y), np.arange(len(y))

    def step():
        inputs, h = [], x
        for i, (w, b) in enumerate(layers):
            inputs.append(h)
            h = h @ w.T + b
            if i + 1 < len(layers):
                h = np.maximum(h, 0)
        h -= h.max(axis=1, keepdims=True)
        p = np.exp(h)
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[rows, y]).mean()
        d = p
        d[rows, y] -= 1
        d /= n
        for i in range(len(layers) - 1, -1, -1):
            w, b = layers[i]
            dw, db = d.T @ inputs[i], d.sum(axis=0)
            if i:
                d = (d @ w) * (inputs[i] > 0)
            w -= LR * dw
            b -= LR * db
        return loss

    return step, lambda: [a for layer in layers for a in layer]


def ours(problem: Problem, wrap_input: bool = True):
    import tinygrad_np.nn.functional as F
    from tinygrad_np import Tensor, nn, optim

    modules = []
    for w, _ in problem.layers:
        modules += [nn.Linear(w.shape[1], w.shape[0]), nn.ReLU()]
    model = nn.Sequential(*modules[:-1])
    for p, a in zip(model.parameters(), (a for layer in problem.layers for a in layer), strict=True):
        p.data = a
    optimizer = optim.SGD(model.parameters(), lr=LR)
    x = Tensor(problem.x) if wrap_input else problem.x

    def step():
        loss = F.cross_entropy(model(x), problem.y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, lambda: [p.numpy() for p in model.parameters()]


def pytorch(problem: Problem):
    import torch

    modules = []
    for w, _ in problem.layers:
        modules += [torch.nn.Linear(w.shape[1], w.shape[0]), torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1])
    with torch.no_grad():
        for p, a in zip(model.parameters(), (a for layer in problem.copies() for a in layer), strict=True):
            p.copy_(torch.from_numpy(a))
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def step():
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, lambda: [p.detach().numpy() for p in model.parameters()]


def mygrad(problem: Problem):
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    layers = [(mg.tensor(w), mg.tensor(b)) for w, b in problem.copies()]

    def step():
        h = problem.x
        for i, (w, b) in enumerate(layers):
            h = mg.matmul(h, w.T) + b
            if i + 1 < len(layers):
                h = relu(h)
        loss = softmax_crossentropy(h, problem.y)
        loss.backward()
        for layer in layers:
            for p in layer:
                p.data -= LR * p.grad
        return loss

    return step, lambda: [p.data for layer in layers for p in layer]


def hips_autograd(problem: Problem):
    import autograd.numpy as anp
    from autograd import value_and_grad

    layers = problem.copies()
    n, rows = len(problem.y), np.arange(len(problem.y))

    def loss_of(layers):
        h = problem.x
        for i, (w, b) in enumerate(layers):
            h = anp.dot(h, w.T) + b
            if i + 1 < len(layers):
                h = anp.maximum(h, 0)
        h = h - anp.max(h, axis=1, keepdims=True)
        return -anp.sum(h[rows, problem.y] - anp.log(anp.sum(anp.exp(h), axis=1))) / n

    both = value_and_grad(loss_of)

    def step():
        loss, grads = both(layers)
        for (w, b), (dw, db) in zip(layers, grads, strict=True):
            w -= (LR * dw).astype(np.float32)
            b -= (LR * db).astype(np.float32)
        return loss

    return step, lambda: [a for layer in layers for a in layer]


PEERS: dict[str, tuple[str, Callable]] = {"PyTorch eager": ("torch", pytorch), "MyGrad": ("mygrad", mygrad),
                                          "HIPS autograd": ("autograd", hips_autograd)}


def first(make: Callable, sizes: list[int], batch: int) -> Callable:
    """The step of a way, without what tells its weights."""
    return make(Problem(sizes, batch))[0]


def compare(sizes: list[int], batch: int, seconds: float) -> dict[str, float]:
    """Check that every way takes the same five steps, then time them side by side."""
    problem = Problem(sizes, batch)
    makers = {"NumPy by hand": by_hand, "tinygrad_np": ours}
    makers |= {name: make for name, (module, make) in PEERS.items() if importlib.util.find_spec(module)}
    expected = None
    for name, make in makers.items():
        step, weights = make(problem)
        for _ in range(5):
            step()
        expected = weights() if expected is None else expected
        for a, b in zip(weights(), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5, err_msg=name)
    times = interleaved({name: (first, (make, sizes, batch)) for name, make in makers.items()}, seconds=seconds)
    return report(f"one step of {'-'.join(map(str, sizes))}, batch {batch}, SGD, float32", times, "NumPy by hand")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="784-64-64-10")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    compare([int(n) for n in options.sizes.split("-")], options.batch, options.seconds)


if __name__ == "__main__":
    main()

"""One training step of a multi-layer perceptron: ours, NumPy by hand, and whichever peers are installed.

    python -m tests.benchmarks.train_step [--sizes 784-64-64-10] [--batch 64] [--optimizer Adam] [--seconds 2]

float32, ReLU, softmax cross-entropy; every way starts from the same weights and is checked to take the
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
    """The data, the optimizer's name, and the weights in layers of (W, b), W of shape (out, in)."""

    def __init__(self, sizes: list[int], batch: int, optimizer: str = "SGD"):
        self.optimizer = optimizer
        rng = np.random.default_rng(0)
        self.x = rng.random((batch, sizes[0]), np.float32)
        self.y = rng.integers(0, sizes[-1], batch)
        self.layers = [
            (rng.normal(0, (2 / i) ** 0.5, (o, i)).astype(np.float32), np.zeros(o, np.float32))
            for i, o in zip(sizes, sizes[1:], strict=False)
        ]

    def copies(self):
        return [(w.copy(), b.copy()) for w, b in self.layers]


def updater(problem: Problem, arrays: list[np.ndarray]) -> Callable:
    """SGD, or Adam as one writes it down, in place for NumPy arrays."""
    if problem.optimizer == "SGD":

        def sgd(gradients):
            for p, g in zip(arrays, gradients, strict=True):
                p -= LR * g

        return sgd
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in arrays]
    t = 0

    def adam(gradients):
        nonlocal t
        t += 1
        for p, g, (m, v) in zip(arrays, gradients, moments, strict=True):
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            v += 0.001 * g * g
            p -= LR * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

    return adam


# A way to train is (step, weights, ready): step(x, y) takes a batch and gives a loss, weights() the weights, and
# ready(x, y) makes of the whole data what its user would keep them in.


def as_they_are(x: np.ndarray, y: np.ndarray):
    return x, y


def products(problem: Problem):
    """The matrix products of a step alone, into ready buffers: a floor for everybody."""
    layers, n = problem.copies(), len(problem.y)
    inputs = [problem.x] + [np.empty((n, len(b)), np.float32) for _, b in layers]
    cts = [np.ones_like(a) for a in inputs]
    dws = [np.empty_like(w) for w, _ in layers]

    def step(x, y):
        inputs[0] = x
        for i, (w, _) in enumerate(layers):
            np.dot(inputs[i], w.T, inputs[i + 1])
        for i in range(len(layers) - 1, -1, -1):
            np.dot(cts[i + 1].T, inputs[i], dws[i])
            if i:
                np.dot(cts[i + 1], layers[i][0], cts[i])

        return 0.0

    return step, lambda: [], as_they_are


def by_hand(problem: Problem):
    """What one writes without a framework: allocating freely, each product in the layout at hand."""
    layers = problem.copies()
    update = updater(problem, [a for layer in layers for a in layer])
    n, rows = len(problem.y), np.arange(len(problem.y))

    def step(x, y):
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
        gradients = []
        for i in range(len(layers) - 1, -1, -1):
            gradients[:0] = d.T @ inputs[i], d.sum(axis=0)
            if i:
                d = (d @ layers[i][0]) * (inputs[i] > 0)
        update(gradients)
        return loss

    return step, lambda: [a for layer in layers for a in layer], as_they_are


def training_step(model, optimizer, cross_entropy):
    """One step of training, which PyTorch and we say alike."""

    def step(x, y):
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def ours(problem: Problem, jit: bool = False):
    import tinygrad_np as tg
    import tinygrad_np.nn.functional as F
    from tinygrad_np import nn, optim

    modules = []
    for w, _ in problem.layers:
        modules += [nn.Linear(w.shape[1], w.shape[0]), nn.ReLU()]
    model = nn.Sequential(*modules[:-1])
    for p, a in zip(model.parameters(), (a for layer in problem.layers for a in layer), strict=True):
        p.data = a
    optimizer = getattr(optim, problem.optimizer)(model.parameters(), lr=LR)

    step = training_step(model, optimizer, F.cross_entropy)
    return tg.jit(step) if jit else step, lambda: [p.numpy() for p in model.parameters()], as_they_are


def ours_jit(problem: Problem):
    return ours(problem, jit=True)


def pytorch(problem: Problem):
    import torch

    modules = []
    for w, _ in problem.layers:
        modules += [torch.nn.Linear(w.shape[1], w.shape[0]), torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1])
    with torch.no_grad():
        for p, a in zip(model.parameters(), (a for layer in problem.copies() for a in layer), strict=True):
            p.copy_(torch.from_numpy(a))
    optimizer = getattr(torch.optim, problem.optimizer)(model.parameters(), lr=LR)
    step = training_step(model, optimizer, torch.nn.functional.cross_entropy)
    weights = lambda: [p.detach().numpy() for p in model.parameters()]  # noqa: E731
    return step, weights, lambda x, y: (torch.from_numpy(x), torch.from_numpy(y))


def mygrad(problem: Problem):
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    layers = [(mg.tensor(w), mg.tensor(b)) for w, b in problem.copies()]
    update = updater(problem, [p.data for layer in layers for p in layer])

    def step(x, y):
        h = x
        for i, (w, b) in enumerate(layers):
            h = mg.matmul(h, w.T) + b
            if i + 1 < len(layers):
                h = relu(h)
        loss = softmax_crossentropy(h, y)
        loss.backward()
        update([p.grad for layer in layers for p in layer])
        return loss

    return step, lambda: [p.data for layer in layers for p in layer], as_they_are


def hips_autograd(problem: Problem):
    import autograd.numpy as anp
    from autograd import value_and_grad

    layers = problem.copies()
    n, rows = len(problem.y), np.arange(len(problem.y))
    update = updater(problem, [a for layer in layers for a in layer])

    def loss_of(layers, x, y):
        h = x
        for i, (w, b) in enumerate(layers):
            h = anp.dot(h, w.T) + b
            if i + 1 < len(layers):
                h = anp.maximum(h, 0)
        h = h - anp.max(h, axis=1, keepdims=True)
        return -anp.sum(h[rows, y] - anp.log(anp.sum(anp.exp(h), axis=1))) / n

    both = value_and_grad(loss_of)

    def step(x, y):
        loss, grads = both(layers, x, y)
        update([g.astype(np.float32) for layer in grads for g in layer])
        return loss

    return step, lambda: [a for layer in layers for a in layer], as_they_are


def jax_jit(problem: Problem):
    import jax
    import jax.numpy as jnp

    def loss_of(layers, x, y):
        h = x
        for i, (w, b) in enumerate(layers):
            h = h @ w.T + b
            if i + 1 < len(layers):
                h = jax.nn.relu(h)
        return -jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1).mean()

    def update(layers, moments, t, x, y):
        loss, grads = jax.value_and_grad(loss_of)(layers, x, y)
        if problem.optimizer == "SGD":
            return loss, jax.tree.map(lambda p, g: p - LR * g, layers, grads), moments, t
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], grads)
        layers = jax.tree.map(
            lambda p, m, v: p - LR * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), layers, m, v
        )
        return loss, layers, (m, v), t

    compiled = jax.jit(update, donate_argnums=(0, 1))
    layers = jax.tree.map(jnp.asarray, problem.copies())
    zeros = jax.tree.map(jnp.zeros_like, layers)
    state = [layers, (zeros, jax.tree.map(jnp.zeros_like, layers)), jnp.float32(0)]

    def step(x, y):
        loss, *state[:] = compiled(*state, x, y)
        return loss

    return step, lambda: [np.asarray(a) for layer in state[0] for a in layer], as_they_are


PEERS: dict[str, tuple[str, Callable]] = {
    "PyTorch": ("torch", pytorch),
    "JAX jit": ("jax", jax_jit),
    "MyGrad": ("mygrad", mygrad),
    "HIPS autograd": ("autograd", hips_autograd),
}


def repeated(make: Callable, *problem) -> Callable:
    """One step on the same batch again and again, its loss waited for."""
    problem = Problem(*problem)
    step, _, ready = make(problem)
    x, y = ready(problem.x, problem.y)
    return lambda: value(step(x, y))


def value(loss) -> float:
    """The number of a loss, waited for."""
    return loss.item() if hasattr(loss, "item") else float(loss)


def compare(sizes: list[int], batch: int, seconds: float, optimizer: str = "SGD") -> dict[str, list[float]]:
    """Check that every way takes the same five steps, then time them side by side: seconds a step of each."""
    problem = Problem(sizes, batch, optimizer)
    makers = {"NumPy by hand": by_hand, "tinygrad_np": ours, "tinygrad_np jit": ours_jit}
    makers |= {name: make for name, (module, make) in PEERS.items() if importlib.util.find_spec(module)}
    expected = None
    for name, make in makers.items():
        step, weights, ready = make(problem)
        x, y = ready(problem.x, problem.y)
        for _ in range(5):
            step(x, y)
        expected = weights() if expected is None else expected
        for a, b in zip(weights(), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, err_msg=name)
    makers = {"products alone": products} | makers
    return interleaved(
        {name: (repeated, (make, sizes, batch, optimizer)) for name, make in makers.items()}, seconds=seconds
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="784-64-64-10")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--optimizer", default="SGD", choices=["SGD", "Adam"])
    options = parser.parse_args()
    times = compare([int(n) for n in options.sizes.split("-")], options.batch, options.seconds, options.optimizer)
    report(
        f"one step of {options.sizes}, batch {options.batch}, {options.optimizer}, float32",
        times,
        "NumPy by hand",
    )


if __name__ == "__main__":
    main()

"""One training step of a small convolutional network: ours, PyTorch and JAX.

    python -m tests.benchmarks.conv_step [--batch 64] [--seconds 3]

conv 16 5x5, ReLU, max-pool 2, conv 32 5x5, ReLU, max-pool 2, linear; images 28 x 28, float32, Adam. A way is
(step, ready), as in train_step.py.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable

import numpy as np

from .timing import interleaved, report
from .train_step import as_they_are, training_step, value


def data(batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((batch, 1, 28, 28), np.float32), rng.integers(0, 10, batch)


def network(nn, padding: int):
    """The network in the layers of `nn`, which PyTorch and we name alike."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features(padding), 10),
    )


def features(padding: int) -> int:
    """What comes out of the second pooling: 4 x 4 or, padded, 7 x 7 places of 32 channels."""
    return 32 * (4 if padding == 0 else 7) ** 2


def ours(batch: int, jit: bool = False, padding: int = 0) -> tuple[Callable, Callable]:
    import tinygrad_np as tg
    import tinygrad_np.nn.functional as F
    from tinygrad_np import nn, optim

    model = network(nn, padding)
    optimizer = optim.Adam(model.parameters())

    step = training_step(model, optimizer, F.cross_entropy)
    return tg.jit(step) if jit else step, as_they_are


def ours_jit(batch: int, padding: int = 0) -> tuple[Callable, Callable]:
    return ours(batch, True, padding)


def pytorch(batch: int, padding: int = 0) -> tuple[Callable, Callable]:
    import torch
    from torch import nn

    model = network(nn, padding)
    optimizer = torch.optim.Adam(model.parameters())
    step = training_step(model, optimizer, nn.functional.cross_entropy)
    return step, lambda x, y: (torch.from_numpy(x), torch.from_numpy(y))


def jax_jit(batch: int, padding: int = 0) -> tuple[Callable, Callable]:
    import jax
    import jax.numpy as jnp
    from jax import lax

    rng = np.random.default_rng(1)
    shapes = [(16, 1, 5, 5), (16,), (32, 16, 5, 5), (32,), (10, features(padding)), (10,)]
    around = [(padding, padding)] * 2
    params = [jnp.asarray(rng.normal(0, 0.05, shape), jnp.float32) for shape in shapes]

    def block(h, w, b):
        h = lax.conv_general_dilated(h, w, (1, 1), around, dimension_numbers=("NCHW", "OIHW", "NCHW"))
        h = jax.nn.relu(h + b[:, None, None])
        return lax.reduce_window(h, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss_of(params, x, y):
        w1, b1, w2, b2, w3, b3 = params
        h = block(block(x, w1, b1), w2, b2).reshape(len(x), -1) @ w3.T + b3
        return -jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1).mean()

    def update(params, m, v, t, x, y):
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        params = jax.tree.map(
            lambda p, m, v: p - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8),
            params,
            m,
            v,
        )
        return loss, params, m, v, t

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    state = [
        params,
        jax.tree.map(jnp.zeros_like, params),
        jax.tree.map(jnp.zeros_like, params),
        jnp.float32(0),
    ]

    def step(x, y):
        loss, *state[:] = compiled(*state, x, y)
        return loss

    return step, as_they_are


def repeated(make: Callable, batch: int) -> Callable:
    """One step on the same batch again and again, its loss waited for."""
    step, ready = make(batch)
    x, y = ready(*data(batch))
    return lambda: value(step(x, y))


WAYS = {
    "tinygrad_np": (None, ours),
    "tinygrad_np jit": (None, ours_jit),
    "PyTorch": ("torch", pytorch),
    "JAX jit": ("jax", jax_jit),
}


def compare(batch: int, seconds: float) -> dict[str, list[float]]:
    """Seconds a step of each way that is installed."""
    return interleaved(
        {
            name: (repeated, (make, batch))
            for name, (module, make) in WAYS.items()
            if module is None or importlib.util.find_spec(module)
        },
        seconds=seconds,
        turn=0.1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    report(
        f"convolutional network, batch {options.batch}",
        compare(options.batch, options.seconds),
        "tinygrad_np jit",
    )


if __name__ == "__main__":
    main()

"""The price of one recorded operation on four numbers, forward and backward: a tenth of a chain of ten.

python -m tests.benchmarks.one_op [--seconds 1]
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable

import numpy as np

from .timing import interleaved, report

OPS = 10
START, FACTOR = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.9, 1.1, 0.8, 1.2])


def chain(x, factor):
    for _ in range(OPS):
        x = x * factor
    return x


def ours() -> Callable:
    from tinygrad_np import Tensor

    x, factor, ct = Tensor(START, requires_grad=True), Tensor(FACTOR), np.ones(4)

    def step():
        x.grad = None
        chain(x, factor).backward(ct)

    return step


def pytorch() -> Callable:
    import torch

    x, factor, ct = (
        torch.tensor(START, requires_grad=True),
        torch.tensor(FACTOR),
        torch.ones(4, dtype=torch.float64),
    )

    def step():
        x.grad = None
        chain(x, factor).backward(ct)

    return step


def mygrad() -> Callable:
    import mygrad as mg

    x, factor, ct = mg.tensor(START), mg.tensor(FACTOR, constant=True), np.ones(4)

    def step():
        chain(x, factor).backward(ct)

    return step


def hips_autograd() -> Callable:
    from autograd import make_vjp

    f = make_vjp(lambda x: chain(x, FACTOR))
    ct = np.ones(4)
    return lambda: f(START)[0](ct)


def ours_jit() -> Callable:
    import tinygrad_np as tg

    step = tg.jit(tg.grad(lambda x: chain(x, FACTOR).sum()))
    return lambda: step(START)


def jax_jit() -> Callable:
    import jax
    import jax.numpy as jnp

    x, factor = jnp.asarray(START), jnp.asarray(FACTOR)
    step = jax.jit(jax.grad(lambda x: chain(x, factor).sum()))
    return lambda: step(x).block_until_ready()


WAYS = {
    "tinygrad_np": (None, ours),
    "tinygrad_np jit": (None, ours_jit),
    "PyTorch": ("torch", pytorch),
    "JAX jit": ("jax", jax_jit),
    "MyGrad": ("mygrad", mygrad),
    "HIPS autograd": ("autograd", hips_autograd),
}


def compare(seconds: float) -> dict[str, list[float]]:
    """Seconds an operation of each way that is installed."""
    times = interleaved(
        {
            name: (make, ())
            for name, (module, make) in WAYS.items()
            if module is None or importlib.util.find_spec(module)
        },
        seconds=seconds,
    )
    return {name: [t / OPS for t in values] for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    report(
        "one operation",
        compare(parser.parse_args().seconds),
        "PyTorch" if importlib.util.find_spec("torch") else "tinygrad_np",
    )


if __name__ == "__main__":
    main()

"""The price of a transform on small functions: a gradient of ours, eager and jitted, beside HIPS autograd and JAX.

    python -m tests.benchmarks.small [--seconds 1] [--only rosenbrock]

Microseconds a call in float64, each waited for, medians over turns; a ratio is the median of ratios turn by turn.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
from collections.abc import Callable
from typing import Any

import numpy

from .epoch import ratio
from .timing import interleaved


def square(np: Any) -> tuple[Callable, tuple]:
    return lambda x: x**2, (3.0,)


def sum_of_exponentials(np: Any) -> tuple[Callable, tuple]:
    return lambda x: np.sum(np.exp(x)), (numpy.linspace(0, 1, 10),)


def rosenbrock(np: Any) -> tuple[Callable, tuple]:
    return lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), (numpy.linspace(0, 1, 10),)


def logistic_regression(np: Any) -> tuple[Callable, tuple]:
    rng = numpy.random.default_rng(0)
    x, y = rng.standard_normal((100, 5)), rng.integers(0, 2, 100) * 2.0 - 1
    return lambda w: np.mean(np.log(1 + np.exp(-y * np.dot(x, w)))), (rng.standard_normal(5),)


def pendulum(np: Any) -> tuple[Callable, tuple]:
    """One step of Runge and Kutta's method of fourth order."""

    def slope(state):
        return np.stack([state[1], -np.sin(state[0])])

    def step(state, h=0.1):
        a = slope(state)
        b = slope(state + h / 2 * a)
        c = slope(state + h / 2 * b)
        d = slope(state + h * c)
        return np.sum((state + h / 6 * (a + 2 * b + 2 * c + d)) ** 2)

    return step, (numpy.array([1.0, 0.5]),)


def chain(np: Any) -> tuple[Callable, tuple]:
    """300 operations on four numbers."""

    def run(x):
        for _ in range(100):
            x = np.tanh(x * 1.01) + 0.1
        return np.sum(x)

    return run, (numpy.array([0.1, -0.2, 0.3, 0.4]),)


FUNCTIONS = {f.__name__: f for f in (square, sum_of_exponentials, rosenbrock, logistic_regression, pendulum, chain)}


def ours(name: str, jit: bool = False) -> Callable:
    import tinygrad_np as tg

    f, args = FUNCTIONS[name](numpy)
    both = tg.jit(tg.value_and_grad(f)) if jit else tg.value_and_grad(f)
    return lambda: both(*args)


def ours_jit(name: str) -> Callable:
    return ours(name, jit=True)


def hips_autograd(name: str) -> Callable:
    from autograd import value_and_grad

    f, args = FUNCTIONS[name](importlib.import_module("autograd.numpy"))
    both = value_and_grad(f)
    return lambda: both(*args)


def jax_jit(name: str) -> Callable:
    import jax

    jax.config.update("jax_enable_x64", True)
    f, args = FUNCTIONS[name](importlib.import_module("jax.numpy"))
    both = jax.jit(jax.value_and_grad(f))
    return lambda: jax.block_until_ready(both(*args))


WAYS: dict[str, tuple[str | None, Callable]] = {
    "eager": (None, ours),
    "jit": (None, ours_jit),
    "HIPS autograd": ("autograd", hips_autograd),
    "JAX jit": ("jax", jax_jit),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure each way of each function")
    parser.add_argument("--only", default="", help="functions whose name contains this")
    options = parser.parse_args()
    ways = {n: make for n, (module, make) in WAYS.items() if module is None or importlib.util.find_spec(module)}
    bases = [("eager", "HIPS autograd"), ("jit", "JAX jit"), ("jit", "HIPS autograd")]
    print("| µs | " + " | ".join(ways) + " | " + " | ".join(f"{a} / {b}" for a, b in bases) + " |")
    print("|---" * (1 + len(ways) + len(bases)) + "|")
    for name in FUNCTIONS:
        if options.only in name:
            times = interleaved({n: (make, (name,)) for n, make in ways.items()}, seconds=options.seconds)
            cells = [f"{statistics.median(times[n]) * 1e6:,.1f}" for n in ways]
            cells += [ratio(times, *pair) for pair in bases]
            print(f"| {name.replace('_', ' ')} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

"""An epoch as its user writes it: new batches each step, the loss fetched once, at the end.

    python -m tests.benchmarks.epoch [--seconds 2] [--only conv]

What repeating one batch hides is in these times: fetching the next rows, data that are not in the cache yet, and that
JAX's user does not wait after each step. float32; the images are random, four fifths of their pixels black as MNIST's.
Microseconds a step, medians over turns; a ratio is the median of ratios turn by turn.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
from collections.abc import Callable

import numpy as np

from . import conv_step, train_step
from .timing import interleaved
from .train_step import Problem, value

MLPS = [
    ("64-10-10", 1437, "SGD", 5),
    ("784-64-64-10", 64, "SGD", 100),
    ("784-64-64-10", 1, "SGD", 200),
    ("784-128-64-10", 64, "Adam", 50),
    ("784-512-512-10", 128, "Adam", 10),
]
CONV = "conv 16 5x5 pad 2, pool, conv 32 5x5 pad 2, pool, linear, batch 64, Adam"
WAYS = {"products": (None, train_step.products), "by hand": (None, train_step.by_hand)}
WAYS |= {"eager": (None, train_step.ours), "jit": (None, train_step.ours_jit)}
WAYS |= {name: train_step.PEERS[name] for name in ("PyTorch", "JAX jit")}


def pixels(count: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of which four fifths are black, and labels."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.random((count, *shape), np.float32) - 0.8, 0) * 5
    return x, rng.integers(0, 10, count)


def epoch_of(step: Callable, x, y, batch: int) -> Callable[[], float]:
    """Once through the data, in order."""

    def epoch():
        for start in range(0, len(y), batch):
            loss = step(x[start : start + batch], y[start : start + batch])
        return value(loss)

    return epoch


def perceptron(make: Callable, sizes: list[int], batch: int, optimizer: str, steps: int) -> Callable:
    """An epoch of a multi-layer perceptron."""
    step, _, ready = make(Problem(sizes, batch, optimizer))
    return epoch_of(step, *ready(*pixels(steps * batch, sizes[0])), batch)


def convolution(make: Callable, batch: int, steps: int) -> Callable:
    """An epoch of the convolutional network."""
    step, ready = make(batch, padding=2)
    return epoch_of(step, *ready(*pixels(steps * batch, 1, 28, 28)), batch)


def workloads() -> dict[str, tuple[dict, int]]:
    """{title: (the ways to do it, steps an epoch)}."""

    def installed(ways: dict) -> dict:
        return {n: make for n, (module, make) in ways.items() if module is None or importlib.util.find_spec(module)}

    found = {}
    for sizes, batch, optimizer, steps in MLPS:
        layers = [int(n) for n in sizes.split("-")]
        ways = {n: (perceptron, (make, layers, batch, optimizer, steps)) for n, make in installed(WAYS).items()}
        found[f"{sizes}, batch {batch}, {optimizer}"] = ways, steps
    ways = installed(conv_step.WAYS)
    found[CONV] = {n.replace("tinygrad_np jit", "jit").replace("tinygrad_np", "eager"): (convolution, (make, 64, 4))
                   for n, make in ways.items()}, 4  # fmt: skip
    return found


def ratio(times: dict[str, list[float]], way: str, base: str) -> str:
    """The median of way / base, turn by turn."""
    if way not in times or base not in times:
        return ""
    return f"{statistics.median(a / b for a, b in zip(times[way], times[base], strict=True)):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure each way of each workload")
    parser.add_argument("--only", default="", help="workloads whose title contains this")
    options = parser.parse_args()
    columns = [*WAYS]
    bases = [("jit", "PyTorch"), ("jit", "JAX jit"), ("eager", "by hand"), ("eager", "PyTorch")]
    print("| µs a step | " + " | ".join(columns) + " | " + " | ".join(f"{a} / {b}" for a, b in bases) + " |")
    print("|---" * (1 + len(columns) + len(bases)) + "|")
    for title, (ways, steps) in workloads().items():
        if options.only not in title:
            continue
        times = interleaved(ways, seconds=options.seconds, turn=0.1)
        cells = [f"{statistics.median(times[c]) / steps * 1e6:,.0f}" if c in times else "" for c in columns]
        print(f"| {title} | " + " | ".join(cells + [ratio(times, *pair) for pair in bases]) + " |", flush=True)


if __name__ == "__main__":
    main()

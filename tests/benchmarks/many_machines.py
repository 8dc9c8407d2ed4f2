"""Data-parallel training: what a step takes in one and in several processes, and what more machines would take.

usage: [mpiexec -n 2] python -m tests.benchmarks.many_machines [RECIPE]

Each process has its share of a recipe's batch of noise. Prints the quickest of many steps and, apart from it, of many
reductions of as many bytes as the gradients have. From these, docs/many-machines.md predicts.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from models import recipes
from models.data import SIDES
from models.method import Method
from models.networks import build
from models.team import Job, joined
from models.train import step_of

SHARES = (1, 2, 4, 16)  # of a batch that one process has
REPEATS = 60


class Network(NamedTuple):
    """What lies between machines: seconds a message takes to leave, bytes a second."""

    name: str
    latency: float
    bandwidth: float


NETWORKS = (Network("10 Gbit/s Ethernet", 20e-6, 1.25e9), Network("100 Gbit/s InfiniBand", 2e-6, 12.5e9))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", default="mnist-mlp", choices=recipes.RECIPES)
    recipe = recipes.find(parser.parse_args(arguments).recipe)
    with joined() as team:
        inputs, batch = SIDES[recipe.data] ** 2, recipe.batch_size or 1000
        model = build(recipe, inputs).train()
        method = Method(recipe, model, 1000, team)
        rng = np.random.default_rng(0)
        images, labels = rng.random((batch, inputs), np.float32), rng.integers(10, size=batch)
        step = step_of(model, method, recipe, jit=True)
        mine = team.mine(images), team.mine(labels)
        whole = best(lambda: step(*mine))
        count = sum(p.size for p in model.parameters())
        lines = [
            f"{recipe.name}, batch {batch}, {count:,} weights, {team.size} process(es): {whole * 1e3:.2f} ms a step"
        ]
        if isinstance(team, Job):
            sent = np.zeros(count, np.float32)
            total = np.empty_like(sent)
            reduction = best(lambda: team.world.communicator.Allreduce(sent, total))
            lines.append(f"a reduction of {sent.nbytes:,} bytes: {reduction * 1e3:.2f} ms")
        else:
            alone = {
                n: best(lambda n=n: step(images[: batch // n], labels[: batch // n]), time.process_time) for n in SHARES
            }
            lines += [f"a step on a share of 1/{n}: {seconds * 1e3:.2f} ms of CPU" for n, seconds in alone.items()]
            fixed, row = fitted([batch // n for n in SHARES], list(alone.values()))
            compute = fixed + row * batch
            lines.append(f"so a step takes {fixed * 1e3:.2f} ms and {row * 1e6:.1f} µs a row")
            for network in NETWORKS:
                for n in (1, 2, 16, 1024):
                    moved = reduce_seconds(n, 4 * count, network)
                    strong, weak = fixed + row * batch / n + moved, fixed + row * batch + moved
                    lines.append(
                        f"{network.name}, {n} machines: one batch {strong * 1e3:.2f} ms ({compute / strong:.1f} x), "
                        f"{n} times the batch {weak * 1e3:.2f} ms ({n * compute / weak:.1f} x)"
                    )
        if team.rank == 0:
            print("\n".join(lines))
    return 0


def best(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of the quickest call: the others waited for whoever else uses the machine."""
    for _ in range(12):  # recorded, and compiled
        action()
    times = []
    for _ in range(REPEATS):
        began = clock()
        action()
        times.append(clock() - began)
    return min(times)


def fitted(rows: list[int], seconds: list[float]) -> tuple[float, float]:
    """Return (seconds a step, seconds a row) of a straight line through the measured points."""
    row, fixed = np.polyfit(rows, seconds, 1)
    return max(float(fixed), 0.0), float(row)


def reduce_seconds(n: int, size: int, network: Network) -> float:
    """Return what an all-reduce takes that halves and doubles (Rabenseifner, 2004): 2 log₂ n messages, 2 (n-1)/n size.

    >>> reduce_seconds(1, 1000, NETWORKS[0])
    0.0
    """
    return 2 * math.log2(n) * network.latency + 2 * (n - 1) / n * size / network.bandwidth


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What seeing a graph costs: capturing and drawing a long tape, and a training step while nobody looks.

    python -m tests.benchmarks.viz [--seconds 10]

Each bound is what the project promises; the last column is what this machine needed. The hooks' cost is the time of
a training step of 784-64-64-10 (batch 64, SGD, float32) over that of the same step with the hooks taken out.
"""

from __future__ import annotations

import argparse
import functools
import gc
import resource
import time

import numpy as np

import tinygrad_np as tg
from tests.viz.graphs import chain, recurrent, tangle
from tinygrad_np import nn, optim
from tinygrad_np.engine import compiled, tape
from tinygrad_np.engine.table import TABLE
from tinygrad_np.nn import functional as F

from .timing import report


def timed(what: str, bound: float, work) -> object:
    """Run once, print the seconds beside the bound."""
    gc.collect()
    began = time.perf_counter()
    out = work()
    seconds = time.perf_counter() - began
    print(f"  {what:46s} {seconds:7.2f} s   bound {bound:4.1f} s{'' if seconds <= bound else '   TOO SLOW'}")
    return out


def drawing() -> None:
    """Long tapes: capture, collapsed SVG and page, listing."""
    for name, make in (
        ("recurrent network, 10,002 operations", lambda: recurrent(2500)),
        ("random graph, 10,000 operations", lambda: (None, tangle(10_000))),
        ("wide random graph, 10,000 operations", lambda: (None, tangle(10_000, reach=400))),
    ):
        model, loss = make()
        print(name)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        view = timed("capture", 0.5, functools.partial(loss.graph, model))
        timed("collapse and draw as SVG", 3.0, view.to_svg)
        page = timed("collapse and draw as HTML", 5.0, view.to_html)
        timed("check against the tape", 3.0, view.check)
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
        print(f"  page {len(page) / 1e6:.2f} MB, peak memory grew by {more:.0f} MB")
    loss = chain(100_000).sum()
    print("chain, 100,001 operations")
    view = timed("capture", 5.0, loss.graph)
    timed("list as text", 5.0, view.to_text)


def training_step():
    """One training step of 784-64-64-10."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(784, 64, generator=rng),
        nn.ReLU(),
        nn.Linear(64, 64, generator=rng),
        nn.ReLU(),
        nn.Linear(64, 10, generator=rng),
    )
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    x, y = rng.random((64, 784), np.float32), rng.integers(0, 10, 64)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def unseen(seconds: float, turn: int = 20) -> None:
    """The step without hooks, with them, and with every operation noted, in turns of one process.

    Two processes that do the same differ by 2% here, more than what is measured.
    """
    step, hooked = training_step(), nn.Module.__call__
    ways = {
        "without hooks": (lambda self, *args, **kwargs: self.forward(*args, **kwargs), step),
        "with hooks": (hooked, step),
        "recorded": (hooked, tg.record(source=True, time=True)(step)),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        for name, (call, work) in ways.items():
            nn.Module.__call__ = call
            work()
            began = time.perf_counter()
            for _ in range(turn):
                work()
            times[name].append((time.perf_counter() - began) / turn)
    nn.Module.__call__ = hooked
    ratios = report("one training step, 784-64-64-10, batch 64", times, "without hooks")
    print(f"  unused, the hooks cost {100 * (ratios['with hooks'] - 1):+.2f}% (bound: 1%)")


def noted(seconds: float, turn: int = 10) -> None:
    """The step with what nodes note for pictures, and with those lines taken out of the compiled forms and the walk."""
    step, lines, walk = training_step(), compiled.NODE, tape.walk
    start = lines.index("        if type(_out) is _ndarray and _out.size")
    bare = lines[:start] + lines[lines.index("$GIVEN", start) + len("$GIVEN") + 1 :]
    ways = {
        "without notes": (bare, lambda *args: walk(*args[:7])),
        "with notes": (lines, walk),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        for name in list(ways)[:: 1 if len(times["with notes"]) % 2 else -1]:
            compiled.NODE, tape.walk = ways[name]
            for row in TABLE.values():
                getattr(row, "forms", {}).clear()
            step(), step()
            began = time.thread_time()
            for _ in range(turn):
                step()
            times[name].append((time.thread_time() - began) / turn)
    compiled.NODE, tape.walk = lines, walk
    ratios = report("one training step, 784-64-64-10, batch 64", times, "without notes")
    print(f"  unused, the notes cost {100 * (ratios['with notes'] - 1):+.2f}% (bound: 1%)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the training steps are measured")
    args = parser.parse_args()
    drawing()
    unseen(args.seconds)
    noted(args.seconds)


if __name__ == "__main__":
    main()

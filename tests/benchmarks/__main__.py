"""Every workload side by side with whichever peers are installed, in one run.

    python -m tests.benchmarks [--seconds 2] [--only conv] [--markdown]

Each way runs in a process of its own; the ways take turns, so that noise meets all alike. A ratio is the median over
turns of (our time with jit / the best peer's time), with its quartiles; the eager ratio is to NumPy by hand.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable

from . import conv_step, memory, one_op, train_step

MLPS = [
    ("64-10-10", 1437, "SGD"),
    ("784-10-10", 41000, "SGD"),
    ("784-64-64-10", 64, "SGD"),
    ("784-64-64-10", 1, "SGD"),
    ("784-128-64-10", 64, "Adam"),
    ("784-512-512-10", 128, "Adam"),
]
OURS = ("products alone", "NumPy by hand", "tinygrad_np", "tinygrad_np jit")
COLUMNS = [*OURS, *train_step.PEERS]


def rows(seconds: float) -> dict[str, Callable[[], dict[str, list[float]]]]:
    """{title: measure it}."""
    found: dict[str, Callable] = {}
    for sizes, batch, optimizer in MLPS:
        layers = [int(n) for n in sizes.split("-")]
        found[f"{sizes}, batch {batch}, {optimizer}"] = lambda layers=layers, batch=batch, optimizer=optimizer: (
            train_step.compare(layers, batch, seconds, optimizer)
        )
    found["conv 16 5x5, pool, conv 32 5x5, pool, linear, batch 64, Adam"] = lambda: conv_step.compare(64, seconds)
    found["one recorded op on 4 numbers, forward and backward"] = lambda: one_op.compare(seconds)
    return found


def ratio(times: dict[str, list[float]], way: str, base: str) -> str:
    """The median and quartiles of way / base, turn by turn."""
    if way not in times or base not in times:
        return ""
    low, middle, high = statistics.quantiles([a / b for a, b in zip(times[way], times[base], strict=True)], n=4)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def summary(times: dict[str, list[float]]) -> list[str]:
    """jit to the best peer, jit to the products, eager to NumPy by hand or else to the best eager peer."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    peers = [name for name in train_step.PEERS if name in medians]
    best = min(peers, key=medians.__getitem__) if peers else ""
    eager = [name for name in peers if name != "JAX jit"]
    against = "NumPy by hand" if "NumPy by hand" in times else min(eager, key=medians.__getitem__) if eager else ""
    return [
        f"{ratio(times, 'tinygrad_np jit', best)} x {best}" if best else "",
        ratio(times, "tinygrad_np jit", "products alone"),
        f"{ratio(times, 'tinygrad_np', against)} x {against}" if against else "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure each way of each workload")
    parser.add_argument("--only", default="", help="workloads whose title contains this")
    parser.add_argument("--markdown", action="store_true", help="print a table for a README at the end")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of a step")
    options = parser.parse_args()
    table = []
    for title, measure in rows(options.seconds).items():
        if options.only not in title:
            continue
        times = measure()
        print(f"\n{title}")
        for name, values in times.items():
            low, middle, high = statistics.quantiles(values, n=4)
            print(
                f"  {name:16s} {middle * 1e6:10.1f} µs   [{low * 1e6:.1f}, {high * 1e6:.1f}]"
                f"   least {min(values) * 1e6:.1f}"
            )
        found = summary(times)
        for label, text in zip(("jit", "jit / products", "eager"), found, strict=True):
            if text:
                print(f"  {label:16s} {text}")
        cells = [f"{statistics.median(times[c]) * 1e6:,.1f}" if c in times else "" for c in COLUMNS]
        table.append([title, *cells, found[0], found[2]])
        sys.stdout.flush()
    if options.markdown:
        header = ["µs a step", *COLUMNS, "jit / best peer", "eager / by hand"]
        print("\n" + "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *table]))
    if not options.no_memory and not options.only:
        memory.main()


if __name__ == "__main__":
    main()

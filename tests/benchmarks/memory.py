"""The memory of a training step: how far the resident set grows from the import to the peak of five steps.

python -m tests.benchmarks.memory
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import conv_step, train_step

MLP = ([784, 512, 512, 10], 1024, "Adam")


def mlp(make: Callable) -> Callable:
    return train_step.repeated(make, *MLP)


WORKLOADS = {
    f"{'-'.join(map(str, MLP[0]))}, batch {MLP[1]}, {MLP[2]}": {
        "tinygrad_np": (None, partial(mlp, train_step.ours)),
        "tinygrad_np jit": (None, partial(mlp, train_step.ours_jit)),
        "PyTorch": ("torch", partial(mlp, train_step.pytorch)),
    },
    "convolutional network, batch 64": {
        name: (module, partial(conv_step.repeated, make, 64)) for name, (module, make) in conv_step.WAYS.items()
    },
}


def resident(what: str) -> int:
    """Bytes of this process in memory: now ("VmRSS"), or at most since it began ("VmHWM").

    `getrusage` would not do: a process begins with the peak of the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


def _measure(pipe, module: str | None, make: Callable) -> None:
    importlib.import_module(module or "tinygrad_np")
    small = resident("VmRSS")
    step = make()
    for _ in range(5):
        step()
    pipe.send(resident("VmHWM") - small)


def compare() -> dict[str, dict[str, int]]:
    """{workload: {way: bytes}}, each measured in a process of its own."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, dict[str, int]] = {}
    for title, ways in WORKLOADS.items():
        found[title] = {}
        for name, (module, make) in ways.items():
            if module is None or importlib.util.find_spec(module):
                here, there = context.Pipe()
                worker = context.Process(target=_measure, args=(there, module, make))
                worker.start()
                found[title][name] = here.recv()
                worker.join()
    return found


def main() -> None:
    if not sys.platform.startswith("linux"):
        raise SystemExit("memory: reads /proc, which only Linux has")
    for title, ways in compare().items():
        print(f"\n{title}")
        for name, size in ways.items():
            against = f"   {size / ways['PyTorch']:5.2f} x PyTorch" if "PyTorch" in ways else ""
            print(f"  {name:16s} {size / 2**20:8.1f} MB{against}")


if __name__ == "__main__":
    main()

"""Train every recipe over its seeds, as its user does, and print what they reach: the table of the README.

usage: python -m tests.benchmarks.recipes DATA [RECIPE ...]

DATA holds kaggle/train.csv, mnist_train.csv and mnist_test.csv; each seed has its own split and initial weights.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

FILES = {
    "digits-relu10": "",
    "digits-best": "",
    **dict.fromkeys(("mnist-relu10", "mnist-mlp", "mnist-mlp-best", "mnist-cnn", "mnist-cnn-best"), "mnist_train.csv"),
}
KAGGLE = "kaggle/train.csv"


class Goal(NamedTuple):
    """What a recipe must reach on one part of the data: the mean over its seeds, and the worst seed."""

    recipe: str
    seeds: int
    part: str
    mean: float
    worst: float


GOALS = (
    Goal("digits-relu10", 10, "held_out", 0.954, 0.92),
    Goal("kaggle-relu10", 5, "train", 0.88, 0.80),
    Goal("mnist-relu10", 5, "train", 0.846, 0.0),
    Goal("kaggle-adam", 3, "train", 0.988, 0.0),
    Goal("kaggle-adam", 3, "held_out", 0.970, 0.0),
    Goal("kaggle-relu64x2", 3, "held_out", 0.977, 0.0),
    Goal("digits-best", 10, "held_out", 0.990, 0.0),
    Goal("mnist-mlp", 3, "test", 0.986, 0.0),
    Goal("mnist-mlp-best", 3, "test", 0.993, 0.0),
    Goal("mnist-cnn", 3, "test", 0.9945, 0.0),
    Goal("mnist-cnn-best", 1, "test", 0.9970, 0.0),
)


def main(arguments: list[str]) -> int:
    """Print the table; return 1 where a goal is missed."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    folder, chosen = Path(arguments[0]), arguments[1:] or dict.fromkeys(goal.recipe for goal in GOALS)
    print("| recipe | accuracy on | seeds | mean ± spread | worst | must reach | epoch kept | seconds a run |")
    print("|---|---|---|---|---|---|---|---|")
    missed = 0
    for recipe in chosen:
        goals = {goal.part: goal for goal in GOALS if goal.recipe == recipe}
        began, seeds = time.perf_counter(), next(iter(goals.values())).seeds
        runs = [_run(recipe, seed, folder) for seed in range(seeds)]
        seconds = (time.perf_counter() - began) / seeds
        epochs = sorted({run["epoch"] for run in runs})
        for part in ("train", "held_out", "test"):
            values = [run[f"{part}_accuracy"] for run in runs if f"{part}_accuracy" in run]
            if not values:
                continue
            mean, worst, goal = statistics.mean(values), min(values), goals.get(part)
            spread = statistics.pstdev(values)
            good = goal is None or (mean >= goal.mean and worst >= goal.worst)
            missed += not good
            must = f"{goal.mean:.1%}" + (f", none below {goal.worst:.0%}" if goal.worst else "") if goal else ""
            print(
                f"| `{recipe}` | {part.replace('_', '-')} | {seeds} | {mean:.2%} ± {spread:.2%} | {worst:.2%} | {must}"
                f"{'' if good else ' **missed**'} | {', '.join(map(str, epochs))} | {seconds:.1f} |",
                flush=True,
            )
    return int(missed > 0)


def _run(recipe: str, seed: int, folder: Path) -> dict[str, float]:
    """Train once by the command line; return the figures."""
    name = FILES.get(recipe, KAGGLE)
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "models",
                "train",
                recipe,
                "--seed",
                str(seed),
                "--json",
                "--out",
                f"{out}/run",
                *(["--data", str(folder / name)] if name else []),
            ],
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

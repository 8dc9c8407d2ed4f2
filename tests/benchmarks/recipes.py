"""Train every recipe over its seeds and print what they reach: the table of the README.

usage: python -m tests.benchmarks.recipes DATA [RECIPE ...]

DATA holds kaggle/train.csv, mnist_train.csv and mnist_test.csv; each seed has its own split and initial weights.
"""
from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models import data, recipes, train
from models.commands import describe
from models.run import Run

FILES = {"digits": "digits", "kaggle": "kaggle/train.csv", "mnist": "mnist_train.csv"}


class Goal(NamedTuple):
    """What a recipe must reach on one part of the data: the mean over its seeds, and the worst seed."""

    recipe: str
    seeds: int
    part: str
    mean: float
    worst: float


GOALS = (
    Goal("digits-relu10", 10, "held-out", 0.954, 0.92),
    Goal("kaggle-relu10", 5, "train", 0.88, 0.80),
    Goal("mnist-relu10", 5, "train", 0.846, 0.0),
    Goal("kaggle-adam", 3, "train", 0.988, 0.0),
    Goal("kaggle-adam", 3, "held-out", 0.970, 0.0),
    Goal("kaggle-relu64x2", 3, "held-out", 0.977, 0.0),
)


def main(arguments: list[str]) -> int:
    """Print the table; return 1 where a goal is missed."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    folder, chosen = Path(arguments[0]), arguments[1:] or list(dict.fromkeys(goal.recipe for goal in GOALS))
    print("| recipe | accuracy on | seeds | mean | worst | must reach | epochs | seconds a run |")
    print("|---|---|---|---|---|---|---|---|")
    missed = 0
    for name in chosen:
        goals = [goal for goal in GOALS if goal.recipe == name]
        reached, epochs, seconds = _reached(recipes.find(name), goals[0].seeds, folder)
        for part, values in reached.items():
            goal = next((goal for goal in goals if goal.part == part), None)
            good = goal is None or (np.mean(values) >= goal.mean and min(values) >= goal.worst)
            missed += not good
            must = "" if goal is None else f"{goal.mean:.1%}" + (f", none below {goal.worst:.0%}" if goal.worst else "")
            print(f"| `{name}` | {part} | {len(values)} | {np.mean(values):.2%} | {min(values):.2%} "
                  f"| {must}{'' if good else ' **missed**'} | {epochs} | {seconds:.1f} |", flush=True)
    return int(missed > 0)


def _reached(recipe: recipes.Recipe, seeds: int, folder: Path) -> tuple[dict[str, list[float]], str, float]:
    """Return (accuracies by part, epochs that were kept, mean seconds of training) over the seeds 0, 1, ..."""
    where = "digits" if recipe.data == "digits" else str(folder / FILES[recipe.data])
    whole, test = data.load_labelled(where), data.load_test(where)
    accuracies: dict[str, list[float]] = {"train": [], "held-out": [], "test": []}
    kept, began = [], time.perf_counter()
    for seed in range(seeds):
        seeded = recipe.with_options({"seed": str(seed)})
        training, held_out = data.split(whole, seeded.held_out, seeded.rows, seed)
        with tempfile.TemporaryDirectory() as out:
            run = Run.start(Path(out) / "run", describe(seeded, where, whole))
            kept.append(train.train(run, training, held_out, lambda figures: None))
            model = train.build(seeded, whole.images.shape[1])
            run.fill(model, run.weights())
        for part, dataset in (("train", training), ("held-out", held_out), ("test", test)):
            if dataset is not None and dataset.labels is not None:
                accuracies[part].append(train.measure(model, dataset).accuracy)
    epochs = str(kept[0]) if len(set(kept)) == 1 else f"{min(kept)}-{max(kept)}"
    return {part: values for part, values in accuracies.items() if values}, epochs, (time.perf_counter() - began) / seeds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

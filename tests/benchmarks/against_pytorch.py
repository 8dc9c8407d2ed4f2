"""A recipe against the same recipe in PyTorch: whole processes, from start to the end of training, in turns.

usage: python -m tests.benchmarks.against_pytorch DATA RECIPE ... [--epochs N] [--seed S]

DATA is a folder of MNIST's files (for the recipes on MNIST). Prints seconds, CPU seconds, peak memory and accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np

from models import data as data_
from models import recipes
from models.batches import batches
from models.recipes import Recipe


class Cost(NamedTuple):
    """What a process took, and what it printed as JSON."""

    seconds: float
    cpu: float
    megabytes: float
    printed: dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("recipes", nargs="+", choices=recipes.RECIPES)
    parser.add_argument("--epochs", default=None)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        train_in_pytorch(
            _recipe(options.recipes[0], options.epochs, options.seed), _where(*options.recipes, options.data)
        )
        return 0
    print("| recipe | seconds, ours | PyTorch | ratio | CPU s | PyTorch | MB | PyTorch | accuracy | PyTorch |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in options.recipes:
        asked = ["--seed", options.seed, *(["--epochs", options.epochs] if options.epochs else [])]
        with tempfile.TemporaryDirectory() as folder:
            where = _where(name, options.data)
            ours = cost(["-m", "models", "train", name, "--data", where, *asked, "--json", "--out", f"{folder}/run"])
        theirs = cost(["-m", "tests.benchmarks.against_pytorch", options.data, name, *asked, "--child"])
        part = "test_accuracy" if "test_accuracy" in ours.printed else "held_out_accuracy"
        print(
            f"| `{name}` | {ours.seconds:.1f} | {theirs.seconds:.1f} | {ours.seconds / theirs.seconds:.2f}"
            f" | {ours.cpu:.1f} | {theirs.cpu:.1f} | {ours.megabytes:.0f} | {theirs.megabytes:.0f}"
            f" | {ours.printed[part]:.2%} | {theirs.printed[part]:.2%} |",
            flush=True,
        )
    return 0


def cost(arguments: list[str]) -> Cost:
    """Run Python with these arguments; return what it took."""
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}")
        out.seek(0)
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(out.read()))


def train_in_pytorch(recipe: Recipe, where: str) -> None:
    """Train the recipe as one writes it in PyTorch: the same files, batches, network, steps and average."""
    import torch
    from torch import nn

    whole, test = data_.load_labeled(where), data_.load_test(where)
    training, held_out = data_.split(whole, recipe.held_out, recipe.rows, recipe.seed)
    del whole
    torch.manual_seed(recipe.seed)
    model = network(recipe, training.images.shape[1])
    options: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.l2}
    if recipe.optimizer == "sgd":
        options |= {"momentum": recipe.momentum, "nesterov": recipe.momentum > 0}
    names = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
    optimizer = getattr(torch.optim, names[recipe.optimizer])(model.parameters(), **options)
    steps = recipe.epochs * -(-len(training) // (recipe.batch_size or len(training)))
    schedule: Any = None
    if recipe.schedule == "one-cycle":
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, recipe.lr, total_steps=steps + 1, pct_start=recipe.warmup, cycle_momentum=False
        )
    elif recipe.schedule == "cosine":
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    mean = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average), use_buffers=True
    )

    def accuracy(part: data_.Dataset) -> float:
        measured = (mean if recipe.average else model).eval()
        with torch.no_grad():
            found = [measured(torch.from_numpy(part.images[i : i + 512])).argmax(1) for i in range(0, len(part), 512)]
        return float(np.mean(torch.cat(found).numpy() == part.labels))

    for epoch in range(recipe.epochs):
        model.train()
        for images, labels in batches(training, recipe, epoch):
            scores = model(torch.from_numpy(images))
            loss = nn.functional.cross_entropy(scores, torch.from_numpy(labels), label_smoothing=recipe.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
            if recipe.average:
                mean.update_parameters(model)
        held = accuracy(held_out)
    figures = {"held_out_accuracy": held, "train_accuracy": accuracy(training)}
    if test is not None and test.labels is not None:
        figures["test_accuracy"] = accuracy(test)
    print(json.dumps(figures))


def network(recipe: Recipe, inputs: int) -> Any:
    """The recipe's network in PyTorch's layers."""
    from torch import nn

    layers: list[Any] = []
    if recipe.conv:
        side, channels = round(inputs**0.5), 1
        layers.append(nn.Unflatten(1, (1, side, side)))
        for block in recipe.conv:
            width, kernel = map(int, block.rstrip("ps").split("x"))
            padding = kernel // 2 if "s" in block else 0
            layers.append(nn.Conv2d(channels, width, kernel, padding=padding, bias=not recipe.batch_norm))
            side += 2 * padding - kernel + 1
            if "p" in block:
                layers.append(nn.MaxPool2d(2))
                side //= 2
            layers += [nn.BatchNorm2d(width)] * recipe.batch_norm + [nn.ReLU()]
            channels = width
        layers.append(nn.Flatten())
        inputs = channels * side * side
    for width in recipe.hidden:
        layers.append(nn.Linear(inputs, width, bias=not recipe.batch_norm))
        layers += [nn.BatchNorm1d(width)] * recipe.batch_norm + [nn.ReLU()]
        layers += [nn.Dropout(recipe.dropout)] * (recipe.dropout > 0)
        inputs = width
    if recipe.conv and recipe.dropout and not recipe.hidden:
        layers.append(nn.Dropout(recipe.dropout))
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


def _recipe(name: str, epochs: str | None, seed: str) -> Recipe:
    return recipes.find(name).with_options({"seed": seed} | ({"epochs": epochs} if epochs else {}))


def _where(name: str, folder: str) -> str:
    return "digits" if recipes.find(name).data == "digits" else folder


if __name__ == "__main__":
    sys.exit(main())

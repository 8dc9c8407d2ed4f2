"""What a training leaves when it has ended: its description, figures, pictures and predictions."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np.viz import GraphvizMissing

from . import data as data_
from . import plots
from . import run as run_
from . import train as train_
from .batches import batches
from .data import Dataset, Labeled
from .errors import Failure
from .networks import build
from .recipes import Recipe
from .run import Run

SAMPLES = 20  # held-out images in samples.png; up to half as many wrong ones follow them


def describe(
    recipe: Recipe, where: str, whole: Dataset, test: Dataset | None = None, left_aside: str | None = None
) -> dict[str, Any]:
    """Return what is asked of a run, as its run.json keeps it."""
    source = where if data_.is_source(where) else str(Path(where).resolve())
    return {
        "recipe": recipe.name,
        "settings": recipe.settings(),
        "data": {
            "from": source,
            "sha256": whole.fingerprint(),
            **whole.facts(),
            "test": test.facts() if test is not None else left_aside,
        },
        "versions": {"tinygrad_np": tg.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }


def held_out_rows(run: Run) -> Labeled:
    """Return the rows that the run was not trained on, after making sure that the data are the same."""
    asked = run.asked["data"]
    whole = data_.load_labeled(asked["from"])
    if whole.fingerprint() != asked["sha256"]:
        raise Failure(
            f"{whole.origin}: not the data that {run.folder} was trained on (their SHA-256 differs), so its "
            "held-out rows are unknown; give --data"
        )
    return data_.split(whole, run.recipe.held_out, run.recipe.rows, run.recipe.seed)[1]


def trained(run: Run, images: Dataset) -> Any:
    """Return the run's network with its weights, for images of the size that it knows."""
    weights = run.weights()
    first = np.shape(weights.get("0.weight", ()))  # of a perceptron they tell, of convolutions the description does
    inputs = first[1] if len(first) == 2 else run.asked["data"].get("pixels", images.images.shape[1])
    if inputs != images.images.shape[1]:
        side = round(inputs**0.5)
        raise Failure(
            f"{images.origin}: found images of {images.side}x{images.side}, expected {side}x{side}, "
            f"which {run.folder} was trained on"
        )
    model = build(run.recipe, images.images.shape[1])
    run.fill(model, weights)
    return model


def finish(run: Run, training: Labeled, held_out: Labeled, test: Dataset | None) -> dict[str, Any]:
    """Measure the trained weights, draw the pictures, predict the test file; return the figures."""
    recipe, folder = run.recipe, run.folder
    model = trained(run, training)
    parts = {"train": training, "held_out": held_out, "test": None if test is None else test.labeled()}
    figures = {
        f"{part}_{name}": value
        for part, dataset in parts.items()
        if dataset is not None
        for name, value in train_.measure(model, dataset)._asdict().items()
    }
    run_.write_json(folder / "metrics.json", figures)

    logits = train_.scores(model, held_out.images)
    predicted, sure = logits.argmax(axis=1), train_.probabilities(logits).max(axis=1)
    right = f"{recipe.name}: {figures['held_out_accuracy']:.1%} of {len(held_out):,} held-out images right"
    plots.curves(run.history(), folder / "curves.png", right)
    plots.confusion(train_.confusion(held_out.labels, predicted), folder / "confusion.png", right)
    wrong = np.flatnonzero(predicted != held_out.labels)
    chosen = np.concatenate([np.arange(min(SAMPLES, len(held_out))), wrong[wrong >= SAMPLES][: SAMPLES // 2]])
    plots.samples(
        held_out.images[chosen],
        predicted[chosen],
        held_out.labels[chosen],
        sure[chosen],
        folder / "samples.png",
        f"{recipe.name}: what held-out images are taken for, more mistakes last",
    )
    if test is not None and test.labels is None:
        run_.write_submission(folder / "submission.csv", train_.scores(model, test.images).argmax(axis=1))
    images, labels = next(batches(training, recipe, 0))
    try:
        draw_graph(model, recipe, images, labels, folder / "graph.svg")
    except Failure as error:  # the run is whole without its picture
        print(f"note: {error}", file=sys.stderr)
    return figures


def draw_graph(model: Any, recipe: Recipe, images: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Draw the graph of the loss on one batch, as training differentiates it."""
    loss, _ = train_.loss_of(model.train(), recipe, tg.Tensor(images, name="images"), labels)
    try:
        loss.graph(model, names={"loss": loss}).save(path)
    except GraphvizMissing as error:
        raise Failure(f"{path}: not drawn: {error}") from None

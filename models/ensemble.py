"""One answer of many: the mean probabilities of several runs, and of several views of each image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_np import nn

from . import train as train_
from .data import Dataset
from .errors import Failure
from .finish import trained
from .run import Run

# The views of an image: as it is, then moved by a pixel to each side, then to each corner.
MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
VIEWS = (1, 5, 9)


def scores(models: Sequence[nn.Module], images: Dataset, views: int = 1) -> np.ndarray:
    """Return the scores of each image, shape (n, 10): a model's own, or the logarithms of mean probabilities."""
    if len(models) == views == 1:
        return train_.scores(models[0], images.images)
    total = np.zeros((len(images), 10))
    for down, right in MOVES[:views]:
        seen = moved(images.images, images.side, down, right)
        for model in models:
            total += train_.probabilities(train_.scores(model, seen))
    return np.log(np.maximum(total / (len(models) * views), np.finfo(float).tiny))


def moved(images: np.ndarray, side: int, down: int, right: int) -> np.ndarray:
    """Return flat images moved by so many pixels, with paper where nothing was."""
    square = images.reshape(-1, side, side)
    result = np.zeros_like(square)
    result[:, max(down, 0) : side + min(down, 0), max(right, 0) : side + min(right, 0)] = square[
        :, max(-down, 0) : side + min(-down, 0), max(-right, 0) : side + min(-right, 0)
    ]
    return result.reshape(images.shape)


def members(runs: Sequence[Run], images: Dataset) -> list[nn.Module]:
    """Return the trained networks of runs."""
    return [trained(run, images) for run in runs]


def check_held_out(runs: Sequence[Run]) -> None:
    """Fail where the held-out rows of the first run may be rows that another was trained on."""

    def rows(run: Run) -> tuple:
        recipe = run.recipe
        return run.asked["data"]["sha256"], recipe.held_out, recipe.rows, recipe.seed

    for run in runs[1:]:
        if rows(run) != rows(runs[0]):
            raise Failure(
                f"{run.folder}: was trained on other rows than {runs[0].folder} (its data, seed, rows or held_out "
                "differ), so no row is held out from both; give --data"
            )

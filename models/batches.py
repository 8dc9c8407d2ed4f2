"""The batches of an epoch: every row once, in the seed's order, augmented anew, made while the last one is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_np.data import DataLoader, TensorDataset, transforms

from .data import Labeled
from .recipes import Recipe

SHUFFLE = 2  # the random stream of a seed
AHEAD = 4  # batches


def batches(data: Labeled, recipe: Recipe, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (images, labels); the whole dataset at once for full-batch descent.

    What is drawn depends on the seed, the epoch and the batch alone, so that any thread may draw it.
    """
    augment = augmentation(recipe, data.side)
    if recipe.batch_size is None and augment is None:
        yield data.images, data.labels
        return
    yield from DataLoader(
        TensorDataset(data.images, data.labels),
        batch_size=recipe.batch_size or len(data),
        shuffle=True,
        generator=np.random.default_rng([recipe.seed, SHUFFLE, epoch]),
        transform=augment,
        num_workers=int(augment is not None),  # without, there is nothing to do ahead that takes longer than handing on
        prefetch_factor=AHEAD,
    )


def augmentation(recipe: Recipe, side: int) -> Callable[..., Any] | None:
    """Return what changes a batch of flat images as the recipe says, or None where it says nothing."""
    chosen: list[Callable[..., Any]] = []
    if recipe.elastic:
        chosen.append(transforms.ElasticTransform(recipe.elastic, sigma=4.0))
    if recipe.turn or recipe.shift or recipe.zoom:
        chosen.append(
            transforms.RandomAffine(
                recipe.turn,
                translate=(recipe.shift / side, recipe.shift / side),
                scale=(math.exp(-recipe.zoom), math.exp(recipe.zoom)),
            )
        )
    if not chosen and not recipe.noise:
        return None
    bent = transforms.Compose(chosen)

    def apply(images: np.ndarray, labels: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        square = bent(images.reshape(-1, side, side), generator=generator) if chosen else images
        changed = square.reshape(images.shape).astype(images.dtype, copy=False)
        if recipe.noise:
            changed = changed + images.dtype.type(recipe.noise) * generator.standard_normal(images.shape, images.dtype)
        return changed, labels

    return apply

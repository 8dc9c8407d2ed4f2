"""The networks of the zoo: convolutions where the recipe has any, then a perceptron, whose softmax is in the loss."""

from __future__ import annotations

import numpy as np

from tinygrad_np import nn

from .errors import BadUsage
from .recipes import Recipe

WEIGHTS = 1  # the random stream of a seed


def build(recipe: Recipe, inputs: int) -> nn.Sequential:
    """Return the recipe's network for images of that many pixels, with the weights that its seed draws."""
    generator = np.random.default_rng([recipe.seed, WEIGHTS])
    layers: list[nn.Module] = []
    if recipe.conv:
        layers, inputs = _convolutions(recipe, round(inputs**0.5), generator)
    for width in recipe.hidden:
        layers.append(nn.Linear(inputs, width, bias=not recipe.batch_norm, generator=generator))
        layers += [nn.BatchNorm1d(width)] * recipe.batch_norm + [nn.ReLU()]
        layers += [nn.Dropout(recipe.dropout)] if recipe.dropout else []
        inputs = width
    if recipe.conv and recipe.dropout and not recipe.hidden:
        layers.append(nn.Dropout(recipe.dropout))
    return nn.Sequential(*layers, nn.Linear(inputs, 10, generator=generator))


def _convolutions(recipe: Recipe, side: int, generator: np.random.Generator) -> tuple[list[nn.Module], int]:
    """Return convolution, pooling where it is asked, batch norm and ReLU for each, and the numbers that come out.

    Pooling goes before the batch norm and the ReLU, which commute with it up to the sign of a scale: there are a
    quarter of the numbers left.
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (1, side, side))]
    channels = 1
    for block in recipe.conv:
        width, kernel = map(int, block.rstrip("ps").split("x"))
        padding = kernel // 2 if "s" in block else 0
        layers.append(
            nn.Conv2d(channels, width, kernel, padding=padding, bias=not recipe.batch_norm, generator=generator)
        )
        side += 2 * padding - kernel + 1
        if "p" in block:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        if side < 1:
            raise BadUsage(f"option conv: {','.join(recipe.conv)} leaves nothing of the images at {block}")
        layers += [nn.BatchNorm2d(width)] * recipe.batch_norm + [nn.ReLU()]
        channels = width
    return [*layers, nn.Flatten()], channels * side * side

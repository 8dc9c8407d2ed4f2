"""What a network says of an image, and why: probabilities, saliency, first activations, the nearest known images."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np import Tensor, nn

from ..train import probabilities

MAPS = 16  # pictures of the first layer, at most
NEAREST = 5


class Recognizer:
    """A trained network and the images that it was trained on, asked from several threads."""

    def __init__(self, model: nn.Sequential, known: np.ndarray, labels: np.ndarray, name: str):
        self.model, self.known, self.labels, self.name = model, known, labels, name
        self.side = round(known.shape[1] ** 0.5)
        self.squares = (known * known).sum(1)
        model.eval()

    def answer(self, image: np.ndarray) -> dict[str, Any]:
        """All that the page shows of an image (side, side)."""
        row = image.reshape(1, -1).astype(np.float32)
        pixels = Tensor(row, requires_grad=True)
        scores = self.model(pixels)
        digit = int(scores.numpy()[0].argmax())
        slope = tg.grad(lambda x: self.model(x)[0, digit])(row)[0]
        return {
            "digit": digit,
            "probabilities": probabilities(scores.numpy())[0].round(6).tolist(),
            "image": bytes_of(image),
            "saliency": bytes_of(np.abs(slope).reshape(self.side, self.side)),
            "first": self.first(row),
            "nearest": self.nearest(row[0]),
        }

    def first(self, row: np.ndarray) -> list[list[list[int]]]:
        """What the first layer that learns makes of an image, after its rectifier: pictures from 0 to 255."""
        value: Any = row
        with tg.no_grad():
            for layer in self.model:
                value = layer(value)
                if isinstance(layer, nn.ReLU):
                    break
        found = value.numpy()[0] if isinstance(value, Tensor) else value[0]
        if found.ndim == 1:  # a row of units, in lines of twenty
            found = np.pad(found, (0, -len(found) % 20)).reshape(1, -1, 20)
        top = max(float(found.max()), 1e-6)
        return [bytes_of(np.maximum(map_, 0) / top, top=1) for map_ in found[:MAPS]]

    def nearest(self, row: np.ndarray) -> list[dict[str, Any]]:
        """The training images with the least squared distance, the nearest first."""
        order = np.argsort(self.squares - 2 * (self.known @ row), kind="stable")[:NEAREST]
        images = self.known[order].reshape(-1, self.side, self.side)
        return [
            {"label": int(label), "image": bytes_of(i)} for label, i in zip(self.labels[order], images, strict=True)
        ]


def bytes_of(image: np.ndarray, top: float | None = None) -> list[list[int]]:
    """An image as whole numbers from 0 to 255, its largest at 255 or as `top` says.

    >>> bytes_of(np.array([[0.0, 0.5], [1.0, 2.0]]))
    [[0, 64], [128, 255]]
    """
    top = max(float(image.max()), 1e-6) if top is None else top
    return np.rint(255 * np.clip(image / top, 0, 1)).astype(int).tolist()

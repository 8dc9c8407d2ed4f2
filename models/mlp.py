"""The one network of the zoo: a multi-layer perceptron with ReLU, whose softmax lives in the loss."""

from __future__ import annotations

import numpy as np

from tinygrad_np import nn


def mlp(
    inputs: int, hidden: tuple[int, ...], outputs: int = 10, dropout: float = 0.0, *, generator: np.random.Generator
) -> nn.Sequential:
    """Return Linear, ReLU (and Dropout) for each hidden width, then Linear to the scores (logits) of the classes."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width, generator=generator), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs, generator=generator))

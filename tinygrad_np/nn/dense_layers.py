"""Layers of a few parameters: linear and bilinear maps, rows of a table, the slopes of a ReLU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import functional as F
from . import init
from .arguments import whole_number
from .init import Seed
from .module import Layer, Parameter

__all__ = ["Bilinear", "Embedding", "Linear", "PReLU"]


def drawn(shape, bound: float, dtype, generator) -> Parameter:
    """A parameter from U(-bound, bound)."""
    made = Parameter(np.empty(shape, dtype))
    init.uniform_(made, -bound, bound, generator)
    return made


class Linear(Layer):
    """x Wᵀ + b, from (..., in_features) to (..., out_features); `weight` is (out_features, in_features).

    Weights and biases start from U(-k, k), k = 1 / √in_features, as in PyTorch.

    >>> Linear(3, 2)(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = np.float32, generator: Seed = None
    ) -> None:
        self.in_features = whole_number("Linear", "in_features", in_features)
        self.out_features = whole_number("Linear", "out_features", out_features)
        generator = init.as_generator(generator)
        bound = 1 / math.sqrt(max(in_features, 1))
        self.weight = drawn((out_features, in_features), bound, dtype, generator)
        self.bias = drawn(out_features, bound, dtype, generator) if bias else None

    def forward(self, input: Any) -> Any:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Layer):
    """x W[o] y + b[o] from (..., in1) and (..., in2) to (..., out); `weight` is (out, in1, in2).

    >>> Bilinear(3, 4, 2)(np.ones((5, 3), np.float32), np.ones((5, 4), np.float32)).shape
    (5, 2)
    """

    def __init__(self, in1_features: Any, in2_features: Any, out_features: Any, bias: bool = True, *,
                 dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        self.in1_features = whole_number("Bilinear", "in1_features", in1_features, 1)
        self.in2_features = whole_number("Bilinear", "in2_features", in2_features)
        self.out_features = whole_number("Bilinear", "out_features", out_features)
        generator, bound = init.as_generator(generator), 1 / math.sqrt(in1_features)
        self.weight = drawn((out_features, in1_features, in2_features), bound, dtype, generator)
        self.bias = drawn(out_features, bound, dtype, generator) if bias else None

    def forward(self, input1: Any, input2: Any) -> Any:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Embedding(Layer):
    """A learned vector a number: integers (...) to (..., embedding_dim); `weight` starts from N(0, 1).

    The vector of `padding_idx` starts from zeros and stays; the other options are those of `nn.functional.embedding`.

    >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(self, num_embeddings: Any, embedding_dim: Any, padding_idx: Any = None, max_norm: Any = None,
                 norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *,
                 dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        self.num_embeddings = whole_number("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx: found {padding_idx}; expected a row of {num_embeddings}")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = init.normal_(Parameter(np.empty((num_embeddings, embedding_dim), dtype)), generator=generator)
        if padding_idx is not None:
            self.weight.data[padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> Embedding:
        """A layer of given vectors, which are not trained if `freeze`."""
        values = np.asarray(getattr(embeddings, "data", embeddings))
        layer = cls(*values.shape, dtype=values.dtype, **options)
        layer.weight.data = values
        layer.weight.requires_grad = not freeze
        return layer

    def forward(self, input: Any) -> Any:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class PReLU(Layer):
    """x where x > 0, weight · x elsewhere; one learned slope, or one a channel of (N, C, ...).

    >>> PReLU()(np.array([-1.0, 2.0])).numpy()
    array([-0.25,  2.  ])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float32) -> None:
        self.num_parameters = whole_number("PReLU", "num_parameters", num_parameters, 1)
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"

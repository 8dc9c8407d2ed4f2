"""The layers of a multi-layer perceptron; each holds its parameters and calls its function."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import functional as F
from . import init
from .arguments import array, probability, real_number, whole_number
from .module import Layer, Module, Parameter
from .normalization import as_shape

if TYPE_CHECKING:
    from .init import Seed


class Linear(Layer):
    """x Wᵀ + b, from (..., in_features) to (..., out_features); `weight` is (out_features, in_features).

    Weights and biases start from U(-k, k), k = 1 / √in_features, as in PyTorch.

    >>> Linear(3, 2)(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype=np.float32, generator: Seed = None
    ):
        self.in_features = whole_number("Linear", "in_features", in_features)
        self.out_features = whole_number("Linear", "out_features", out_features)
        generator = init.as_generator(generator)
        bound = 1 / math.sqrt(max(in_features, 1))
        self.weight = init.uniform_(Parameter(np.empty((out_features, in_features), dtype)), -bound, bound, generator)
        self.bias = init.uniform_(Parameter(np.empty(out_features, dtype)), -bound, bound, generator) if bias else None

    def forward(self, input):
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class ReLU(Layer):
    """max(x, 0).

    >>> ReLU()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def forward(self, input):
        return F.relu(input)


class LeakyReLU(Layer):
    """x where x > 0, negative_slope · x elsewhere.

    >>> LeakyReLU(0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = real_number("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self):
        return f"negative_slope={self.negative_slope}"


class Tanh(Layer):
    """The hyperbolic tangent.

    >>> Tanh()(np.array([-800.0, 0.0, 800.0]))
    array([-1.,  0.,  1.])
    """

    def forward(self, input):
        return F.tanh(input)


class Sigmoid(Layer):
    """1 / (1 + exp(-x)).

    >>> Sigmoid()(np.array([-800.0, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """

    def forward(self, input):
        return F.sigmoid(input)


class GELU(Layer):
    """x · Φ(x); `approximate` is "none" or "tanh".

    >>> GELU()(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class Softmax(Layer):
    """exp(x) / Σ exp(x) along axis `dim`.

    >>> Softmax()(np.array([[0.0, 0.0, -800.0]]))
    array([[0.5, 0.5, 0. ]])
    """

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input):
        return F.softmax(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class LayerNorm(Layer):
    """The last axes, of shape `normalized_shape`, with mean 0 and variance 1, then scaled and shifted.

    >>> LayerNorm(2)(np.array([[1.0, 3.0], [5.0, 5.0]])).numpy().round(3)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype=np.float32,
    ):
        self.normalized_shape = as_shape(normalized_shape)
        self.eps = real_number("LayerNorm", "eps", eps, least=0)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}"


class Embedding(Layer):
    """A learned vector a number: integers (...) to (..., embedding_dim); `weight` starts from N(0, 1).

    >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, dtype=np.float32, generator: Seed = None):
        shape = (
            whole_number("Embedding", "num_embeddings", num_embeddings),
            whole_number("Embedding", "embedding_dim", embedding_dim),
        )
        self.weight = init.normal_(Parameter(np.empty(shape, dtype)), generator=generator)

    def forward(self, input):
        return F.embedding(input, self.weight)

    def extra_repr(self):
        return ", ".join(map(str, self.weight.shape))


class Flatten(Layer):
    """The axes from start_dim to end_dim as one: images (N, C, H, W) become rows (N, C·H·W).

    >>> Flatten()(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        for what, dim in (("start_dim", start_dim), ("end_dim", end_dim)):
            if not isinstance(dim, int):
                raise ValueError(f"Flatten: {what}: expected the number of an axis, found {dim!r}")
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        input = array(input)
        shape = input.shape
        start, end = (dim + len(shape) if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if not 0 <= start <= end < len(shape):
            raise ValueError(f"Flatten: found shape {shape}, which has no axes from {self.start_dim} to {self.end_dim}")
        return input.reshape(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Layer):
    """Zero each element with probability p and scale the others by 1 / (1 - p) in training; else the identity.

    Masks come from a stream of its own, `generator`, so that a run repeats; set it anew to continue a run.

    >>> Dropout(0.5, generator=0)(np.ones(6)), Dropout(0.5).eval()(np.ones(2))
    (array([2., 0., 0., 0., 2., 2.]), array([1., 1.]))
    """

    def __init__(self, p: float = 0.5, *, generator: Seed = None):
        self.p = probability("Dropout", "p", p)
        self.generator = np.random.default_rng(generator) if generator is not None else init.as_generator().spawn(1)[0]

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.generator)

    def extra_repr(self):
        return f"p={self.p}"


class Identity(Layer):
    """What it is given."""

    def forward(self, input):
        return input


class Sequential(Layer):
    """Modules, each applied to what the one before it returned; their names are "0", "1", ...

    >>> model = Sequential(Linear(4, 3), ReLU(), Linear(3, 2))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Module):
        for module in modules:
            self.append(module)

    def forward(self, input):
        for module in vars(self).values():
            if isinstance(module, Module):
                input = module(input)
        return input

    def append(self, module: Module) -> Sequential:
        """Add a module at the end; return self."""
        number = len(self)
        if not isinstance(module, Module):
            raise TypeError(f"Sequential: module {number}: expected a Module, found {type(module).__name__}")
        setattr(self, str(number), module)
        return self

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index):
        modules = list(self)
        return Sequential(*modules[index]) if isinstance(index, slice) else modules[index]

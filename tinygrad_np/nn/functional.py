"""What the layers compute, as functions of tensors or arrays; PyTorch's names, arguments and meanings.

Linear, the activations, softmax and the losses are one operation each, with a rule of any order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from .arguments import array, floating, probability, whole_number
from .constants import ones, zeros
from .convolution import conv2d as conv2d
from .cross_entropy import cross_entropy as cross_entropy
from .cross_entropy import log_softmax as log_softmax
from .cross_entropy import nll_loss as nll_loss
from .cross_entropy import softmax as softmax
from .erf import erf
from .init import as_generator
from .normalization import batch_norm as batch_norm
from .normalization import layer_norm as layer_norm
from .pooling import avg_pool2d as avg_pool2d
from .pooling import max_pool2d as max_pool2d

if TYPE_CHECKING:
    from .init import Seed

    Array = Tensor | np.ndarray


# ---- linear -----------------------------------------------------------------------------------------------


def linear(input: Array, weight: Array, bias: Array | None = None) -> Tensor:
    """x Wᵀ + b for x of shape (..., in), W of shape (out, in), b of shape (out,); gives shape (..., out).

    >>> linear(np.ones((2, 3)), np.ones((4, 3)), np.zeros(4)).shape
    (2, 4)
    """
    return _product(input, weight) if bias is None else _affine(input, weight, bias)


@primitive
def _affine(x, weight, bias):
    if bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear({x.shape}, {weight.shape}, {bias.shape}): expected a bias of shape {weight.shape[:1]}"
        )
    y = _product.fun(x, weight)
    return np.add(y, bias, out=y) if bias.dtype == y.dtype else y + bias


@primitive
def _product(x, weight):
    x = array(x)
    if weight.ndim != 2 or x.shape[-1:] != weight.shape[1:]:
        raise ValueError(
            f"linear({x.shape}, {weight.shape}): expected an input of shape (..., in) and a weight of shape (out, in)"
        )
    return np.dot(x, weight.T) if x.ndim < 3 else x @ weight.T


def _rows(a):
    """A matrix with the last axis of `a` as its rows' axis."""
    return a if a.ndim == 2 else a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


def _d_input(ct, weight):
    return np.dot(ct, weight) if ct.ndim < 3 else ct @ weight


def _d_weight(ct, x):
    return np.dot(_rows(ct).T, _rows(x))  # of two vectors a dot product is ten times faster than @


def _d_bias(ct):
    ct = _rows(ct)  # its sum over rows, as a product: BLAS is several times faster than a reduction
    return np.dot(ones((ct.shape[0],), ct.dtype), ct)


_affine.__name__ = _product.__name__ = "linear"  # in errors and pictures
_affine.defvjp(
    _d_input,
    _d_weight,
    _d_bias,
    kind="bilinear",
    cases=[lambda f, A: f(A("m", "k"), A("n", "k"), A("n")), lambda f, A: f(A(2, "m", 3), A("n", 3), A("n"))],
)
_product.defvjp(
    _d_input,
    _d_weight,
    kind="bilinear",
    cases=[lambda f, A: f(A("m", "k"), A("n", "k")), lambda f, A: f(A(2, "m", 3), A("n", 3))],
)


# ---- activations ------------------------------------------------------------------------------------------

VECTORIZED = 1 << 16  # elements: up to here a maximum with as many zeros is several times faster than with one


@primitive
def relu(input):
    """max(x, 0), with derivative 0 at 0.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    x = floating("relu", input)
    return np.maximum(x, zeros(x.shape, x.dtype) if type(x) is np.ndarray and x.size <= VECTORIZED else 0)


relu.defvjp(lambda ct, out: ct * (out > 0), kinks=lambda input: input, cases=[lambda f, A: f(A("m", "n"))])


@primitive
def leaky_relu(input, negative_slope=0.01):
    """x where x > 0, negative_slope · x elsewhere.

    >>> leaky_relu(np.array([-1.0, 2.0]), 0.1)
    array([-0.1,  2. ])
    """
    input = floating("leaky_relu", input)
    return np.where(input > 0, input, input * negative_slope)


leaky_relu.defvjp(
    lambda ct, input, negative_slope: np.where(input > 0, ct, ct * negative_slope),
    kinks=lambda input: input,
    cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m"), 0.25)],
)


@primitive
def sigmoid(input):
    """1 / (1 + exp(-x)), accurate and free of overflow for any real x.

    >>> sigmoid(np.array([-800.0, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """
    input = floating("sigmoid", input)
    return np.exp(np.minimum(input, 0)) / (1 + np.exp(-np.abs(input)))


sigmoid.defvjp(lambda ct, out: ct * (out * (1 - out)), cases=[lambda f, A: f(A("m", "n"))])


def tanh(input: Array) -> Tensor:
    """The hyperbolic tangent.

    >>> tanh(np.array([-800.0, 0.0, 800.0]))
    array([-1.,  0.,  1.])
    """
    out: Any = np.tanh(input)  # NumPy's stubs say ndarray; of a tensor it is a tensor
    return out


def silu(input: Array) -> Tensor:
    """x · sigmoid(x), also called swish (Ramachandran et al., 2017).

    >>> silu(np.array([-800.0, 0.0, 800.0])).tolist()
    [-0.0, 0.0, 800.0]
    """
    input = floating("silu", input)
    return input * sigmoid(input)


def softplus(input: Array) -> Tensor:
    """log(1 + exp(x)), free of overflow for any x.

    >>> softplus(np.array([-800.0, 800.0]))
    array([  0., 800.])
    """
    return np.logaddexp(floating("softplus", input), 0)


def gelu(input: Array, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the normal distribution function (Hendrycks & Gimpel, 2016); "tanh" approximates Φ.

    >>> np.round(gelu(np.array([-1.0, 0.0, 1.0])), 4)
    array([-0.1587,  0.    ,  0.8413])
    """
    input = floating("gelu", input)
    if approximate == "none":
        return input * _normal_cdf(input)
    if approximate == "tanh":
        return 0.5 * input * (1 + np.tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * input * input * input)))
    raise ValueError(f"gelu: approximate: expected 'none' or 'tanh', found {approximate!r}")


@primitive
def _normal_cdf(x):
    return 0.5 * (1 + erf(x * math.sqrt(0.5)))


_normal_cdf.__name__ = "normal_cdf"
_normal_cdf.defvjp(
    lambda ct, x: ct * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi), cases=[lambda f, A: f(A("m", "n"))]
)


# ---- losses -------------------------------------------------------------------------------------------------


def mse_loss(input: Array, target: Array, reduction: str = "mean") -> Tensor:
    """(x - y)², averaged ("mean"), summed ("sum") or as it is ("none"); x and y of one shape.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    2.0
    """
    input, target = _pair("mse_loss", input, target)
    return _reduced("mse_loss", np.square(input - target), reduction)


def l1_loss(input: Array, target: Array, reduction: str = "mean") -> Tensor:
    """|x - y|, averaged ("mean"), summed ("sum") or as it is ("none"); x and y of one shape.

    >>> l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    1.0
    """
    input, target = _pair("l1_loss", input, target)
    return _reduced("l1_loss", np.abs(input - target), reduction)


def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", pos_weight: Array | None = None
) -> Tensor:
    """-y log σ(x) - (1 - y) log σ(-x) of logits x and labels or probabilities y, free of overflow for any x.

    `weight` multiplies each loss and `pos_weight` the terms of y; both broadcast against x.

    >>> round(binary_cross_entropy_with_logits(np.array([-800.0, 0.0]), np.array([0.0, 1.0])).item(), 4)
    0.3466
    """
    input, target = _pair("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = np.logaddexp(input, 0) - input * target
    else:
        losses = np.logaddexp(-input, 0) * target * pos_weight + np.logaddexp(input, 0) * (1 - target)
    losses = losses if weight is None else losses * weight
    return _reduced("binary_cross_entropy_with_logits", losses, reduction)


def _pair(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """x and y as numbers that may be subtracted; integers and booleans in y, such as labels, become numbers like x."""
    x, y = floating(name, x), array(y)
    if x.shape != y.shape:
        raise ValueError(f"{name}: input of shape {x.shape} and target of shape {y.shape}; expected one shape")
    return x, y.astype(x.dtype) if y.dtype.kind in "iub" else floating(name, y)


def _reduced(name: str, losses, reduction: str):
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f"{name}: reduction: expected 'mean', 'sum' or 'none', found {reduction!r}")


# ---- the rest -------------------------------------------------------------------------------------------------


def dropout(input: Array, p: float = 0.5, training: bool = True, generator: Seed = None) -> Array:
    """Zero each element with probability p and scale the others by 1 / (1 - p); the identity unless training.

    `generator` is a NumPy generator or a seed; without one the stream of `nn.manual_seed` is drawn from.

    >>> dropout(np.ones(6), 0.5, generator=0)
    array([2., 0., 0., 0., 2., 2.])
    """
    probability("dropout", "p", p)
    if not training or p == 0:
        return input
    input = array(input)
    if input.dtype.kind not in "fc":
        raise TypeError(f"dropout({input.shape} {input.dtype}): expected floating numbers, as x.astype(float) gives")
    dtype = input.dtype
    keep = as_generator(generator).random(input.shape, dtype if dtype == np.float32 else np.float64) >= p
    return input * np.multiply(keep, 0.0 if p == 1 else 1 / (1 - p), dtype=dtype)


def embedding(input: Any, weight: Array) -> Tensor:
    """The rows of `weight` (number, dim) that integer `input` (...) names; gives (..., dim).

    >>> embedding(np.array([1, 1]), np.array([[0.0], [5.0]])).tolist()
    [[5.0], [5.0]]
    """
    rows, weight = np.asarray(input), array(weight)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"embedding: expected integer row numbers, found {rows.dtype}")
    if len(weight.shape) != 2:
        raise ValueError(f"embedding: found a weight of shape {weight.shape}; expected (number, dim)")
    if rows.size and not assume((rows.min() >= 0) & (rows.max() < weight.shape[0])):
        raise ValueError(
            f"embedding: found rows from {rows.min()} to {rows.max()}; expected 0 to {weight.shape[0] - 1}"
        )
    return weight[rows]


def one_hot(input: Any, num_classes: int = -1) -> np.ndarray:
    """Integer labels of shape (...) as an array of 0 and 1 of shape (..., num_classes).

    >>> one_hot(np.array([1, 0]), 3)
    array([[0, 1, 0],
           [1, 0, 0]])
    """
    labels = np.asarray(input)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected integer labels, found {labels.dtype}")
    if num_classes == -1:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    num_classes = whole_number("one_hot", "num_classes", num_classes)
    if labels.size and not assume((labels.min() >= 0) & (labels.max() < num_classes)):
        raise ValueError(
            f"one_hot: found labels from {labels.min()} to {labels.max()}; expected 0 to {num_classes - 1}"
        )
    return (labels[..., None] == np.arange(num_classes)).astype(np.int64)

"""Activations: what is done to each number alone, or to the numbers along one axis.

`inplace` is taken, as in PyTorch, and saves nothing here: the result is always a new tensor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..derivatives.elementwise import sigmoid as logistic
from ..engine.arrays import array_of
from ..engine.table import primitive
from ..engine.tensor import Tensor
from . import pieces
from .arguments import AnyArray, along_axis, floating, numbers, real_number
from .constants import zeros
from .cross_entropy import softmax
from .erf import PIECE, erf
from .init import Seed, as_generator

__all__ = ["celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold"]  # fmt: skip

# ---- rows of their own ------------------------------------------------------------------------------------

VECTORIZED = 1 << 16  # elements: up to here a maximum with as many zeros is several times faster than with one


@primitive
def relu(input: Any, inplace: bool = False):
    """max(x, 0), with derivative 0 at 0.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    x = floating("relu", input)
    return np.maximum(x, zeros(x.shape, x.dtype) if type(x) is np.ndarray and x.size <= VECTORIZED else 0)


relu.defvjp(lambda ct, out: ct * (out > 0), kinks=lambda input: input, cases=[lambda f, A: f(A("m", "n"))])


@primitive
def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False):
    """x where x > 0, negative_slope · x elsewhere.

    >>> leaky_relu(np.array([-1.0, 2.0]), 0.1)
    array([-0.1,  2. ])
    """
    x = floating("leaky_relu", input)
    if 0 < negative_slope <= 1:  # several times quicker than to choose
        return np.maximum(x, x * negative_slope)
    return np.where(x > 0, x, x * negative_slope)


def _slopes(x, negative):
    """1 where x > 0, `negative` elsewhere."""
    return np.multiply(x > 0, x.dtype.type(1 - negative)) + negative


leaky_relu.defvjp(
    lambda ct, input, negative_slope: ct * _slopes(input, negative_slope),
    kinks=lambda input: input,
    cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m"), 0.25)],
)


def sigmoid(input: AnyArray) -> Tensor:
    """1 / (1 + exp(-x)), accurate and free of overflow for any real x, and so is every derivative of it.

    >>> sigmoid(np.array([-800.0, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """
    x = floating("sigmoid", input)
    return _sigmoid(x) if math.prod(x.shape) > PIECE else logistic(x)


@primitive(name="clamp")
def _clamped(x, low, high):
    return np.clip(x, low, high)


_clamped.defvjp(
    lambda ct, x, low, high: ct * ((x > low) & (x < high)),
    kinks=lambda x, low=-0.5, high=0.25: (x - low) * (x - high),  # those of the case
    cases=[lambda f, A: f(A("m", "n"), -0.5, 0.25)],
)


@primitive(name="normal_cdf")
def _normal_cdf(x):
    return 0.5 * (1 + erf(x * math.sqrt(0.5)))


_normal_cdf.defvjp(
    lambda ct, x: ct * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi), cases=[lambda f, A: f(A("m", "n"))]
)

# These are one formula each, worked on in pieces; where a derivative is differentiated, it is its formula.


@primitive(name="sigmoid")
def _sigmoid(x):
    return pieces.sigmoid_and_rest(x)[0]


def _d_sigmoid(ct, out, aux):
    return ct * out * aux if _differentiated(ct, out) else pieces.d_sigmoid(ct, out, aux)


_sigmoid.defvjp(_d_sigmoid, aux=(pieces.sigmoid_and_rest, lambda x: logistic(-x)), cases=[lambda f, A: f(A("m", "n"))])


@primitive(name="silu")
def _silu(x):
    return pieces.silu_and_sigmoid(x)[0]


def _d_silu(ct, x, aux):
    if _differentiated(ct, x):
        return ct * aux * (1 + x * (1 - aux))
    return pieces.d_silu(ct, x, aux)


def _differentiated(*values) -> bool:
    return any(hasattr(value, "_node") for value in values)


_silu.defvjp(_d_silu, aux=(pieces.silu_and_sigmoid, lambda x: logistic(x)), cases=[lambda f, A: f(A("m", "n"))])


@primitive(name="gelu")
def _gelu(x):
    return pieces.gelu_and_cdf(x)[0]


def _d_gelu(ct, x, aux):
    if _differentiated(ct, x):
        return ct * (aux + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))
    return pieces.d_gelu(ct, x, aux)


_gelu.defvjp(_d_gelu, aux=(pieces.gelu_and_cdf, lambda x: _normal_cdf(x)), cases=[lambda f, A: f(A("m", "n"))])


@primitive(name="elu")
def _elu(x, alpha, scale):
    return pieces.elu(x, alpha=alpha, scale=scale)


def _d_elu(ct, x, alpha, scale):
    if _differentiated(ct, x):
        return ct * np.exp(np.where(x > 0, 0, x) * scale) * _slopes(x, alpha * scale)
    return pieces.d_elu(ct, x, alpha=alpha, scale=scale)


_elu.defvjp(_d_elu, kinks=lambda x: x, cases=[lambda f, A: f(A("m", "n"), 1.0, 1.0), lambda f, A: f(A("m"), 2.0, 0.25)])


# ---- smooth -----------------------------------------------------------------------------------------------


def tanh(input: AnyArray) -> Tensor:
    """The hyperbolic tangent.

    >>> tanh(np.array([-800.0, 0.0, 800.0]))
    array([-1.,  0.,  1.])
    """
    out: Any = np.tanh(input)  # NumPy's stubs say ndarray; of a tensor it is a tensor
    return out


def silu(input: AnyArray, inplace: bool = False) -> Tensor:
    """x · sigmoid(x), also called swish (Ramachandran et al., 2017).

    >>> silu(np.array([-800.0, 0.0, 800.0])).tolist()
    [-0.0, 0.0, 800.0]
    """
    x = numbers("silu", input)
    return x / (1 + np.exp(-x)) if x.dtype.kind == "c" else _silu(x)


def softplus(input: AnyArray, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, free of overflow; x itself where beta x > threshold.

    From a threshold of 20 on, the default, the two differ by less than 2e-9 / beta: then nothing is replaced, so that
    the second derivative keeps its tail.

    >>> softplus(np.array([-800.0, 800.0]))
    array([  0., 800.])
    """
    x = floating("softplus", input)
    smooth = np.logaddexp(x * beta, 0) / beta
    return smooth if threshold >= 20 else np.where(x * beta > threshold, x, smooth)


def logsigmoid(input: AnyArray) -> Tensor:
    """log sigmoid(x), free of overflow.

    >>> logsigmoid(np.array([-800.0, 800.0]))
    array([-800.,   -0.])
    """
    return -np.logaddexp(-floating("logsigmoid", input), 0)


def gelu(input: AnyArray, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the normal distribution function (Hendrycks & Gimpel, 2016); "tanh" approximates Φ.

    >>> np.round(gelu(np.array([-1.0, 0.0, 1.0])), 4)
    array([-0.1587,  0.    ,  0.8413])
    """
    input = floating("gelu", input)
    if approximate == "none":
        return _gelu(input)
    if approximate == "tanh":
        return 0.5 * input * (1 + np.tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * input * input * input)))
    raise ValueError(f"gelu: approximate: expected 'none' or 'tanh', found {approximate!r}")


def mish(input: AnyArray, inplace: bool = False) -> Tensor:
    """x · tanh(log(1 + exp(x))) (Misra, 2019).

    >>> mish(np.array([-800.0, 0.0, 800.0])).tolist()
    [-0.0, 0.0, 800.0]
    """
    x = floating("mish", input)
    return x * np.tanh(np.logaddexp(x, 0))


def softsign(input: AnyArray) -> Tensor:
    """x / (1 + |x|).

    >>> softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    x = numbers("softsign", input)
    return x / (1 + np.abs(x))


def tanhshrink(input: AnyArray) -> Tensor:
    """x - tanh(x).

    >>> tanhshrink(np.array([0.0, 800.0]))
    array([  0., 799.])
    """
    x = numbers("tanhshrink", input)
    return x - np.tanh(x)


# ---- in pieces --------------------------------------------------------------------------------------------


def elu(input: AnyArray, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha · (exp(x) - 1) elsewhere (Clevert et al., 2016).

    >>> elu(np.array([-800.0, 2.0]))
    array([-1.,  2.])
    """
    return _elu(floating("elu", input), alpha, 1.0)


def selu(input: AnyArray, inplace: bool = False) -> Tensor:
    """`elu`, scaled so that mean 0 and variance 1 stay (Klambauer et al., 2017).

    >>> selu(np.array([-800.0, 1.0])).round(4)
    array([-1.7581,  1.0507])
    """
    return 1.0507009873554804934193349852946 * _elu(floating("selu", input), 1.6732632423543772848170429916717, 1.0)


def celu(input: AnyArray, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha · (exp(x / alpha) - 1) elsewhere (Barron, 2017).

    >>> celu(np.array([-800.0, 2.0]), 2.0)
    array([-2.,  2.])
    """
    return _elu(floating("celu", input), alpha, 1 / alpha)


def hardtanh(input: AnyArray, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; its derivative is 0 at both.

    >>> hardtanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: found min_val {min_val} > max_val {max_val}")
    return _clamped(floating("hardtanh", input), min_val, max_val)


def relu6(input: AnyArray, inplace: bool = False) -> Tensor:
    """x limited to [0, 6].

    >>> relu6(np.array([-3.0, 0.5, 8.0]))
    array([0. , 0.5, 6. ])
    """
    return _clamped(floating("relu6", input), 0.0, 6.0)


def hardsigmoid(input: AnyArray, inplace: bool = False) -> Tensor:
    """x / 6 + 1/2, limited to [0, 1].

    >>> hardsigmoid(np.array([-3.0, 0.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
    return _clamped(floating("hardsigmoid", input), -3.0, 3.0) / 6 + 0.5


def hardswish(input: AnyArray, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x) (Howard et al., 2019).

    >>> hardswish(np.array([-3.0, 0.0, 3.0])).tolist()
    [-0.0, 0.0, 3.0]
    """
    x = floating("hardswish", input)
    return x * hardsigmoid(x)


def threshold(input: AnyArray, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, value elsewhere.

    >>> threshold(np.array([0.5, 2.0]), 1.0, -1.0)
    array([-1.,  2.])
    """
    x = floating("threshold", input)
    out: Any = np.where(x > threshold, x, value).astype(x.dtype)
    return out


def hardshrink(input: AnyArray, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, 0 elsewhere.

    >>> hardshrink(np.array([-0.5, 2.0]))
    array([0., 2.])
    """
    x = floating("hardshrink", input)
    out: Any = np.where(np.abs(array_of(x)) <= lambd, 0, x)
    return out


def softshrink(input: AnyArray, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 where |x| <= lambd.

    >>> softshrink(np.array([0.5, 2.0]))
    array([0. , 1.5])
    """
    x, lambd = floating("softshrink", input), real_number("softshrink", "lambd", lambd, least=0)
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, x * 0))


def prelu(input: AnyArray, weight: AnyArray) -> Tensor:
    """x where x > 0, weight · x elsewhere, one weight or one a channel of (N, C, ...) (He et al., 2015).

    >>> prelu(np.array([[-1.0, 2.0]]), np.array([0.25]))
    array([[-0.25,  2.  ]])
    """
    x, weight = floating("prelu", input), floating("prelu: weight", weight)
    channels = x.shape[1] if len(x.shape) > 1 else 1
    if len(weight.shape) > 1 or math.prod(weight.shape) not in (1, channels):
        raise ValueError(f"prelu: weight: found shape {weight.shape}; expected (1,) or ({channels},), one a channel")
    slope = weight if math.prod(weight.shape) == 1 else weight.reshape(-1, *(1,) * (len(x.shape) - 2))
    slope = slope.reshape(()) if not len(x.shape) else slope
    return np.where(x > 0, x, slope * x)


def rrelu(input: Any, lower: Any = 1 / 8, upper: Any = 1 / 3, training: bool = False, inplace: bool = False, *,
          generator: Any = None) -> Tensor:  # fmt: skip
    """x where x > 0, a x elsewhere: a is drawn from U(lower, upper) for each in training, else it is their mean.

    >>> rrelu(np.array([-48.0, 2.0]))
    array([-11.,   2.])
    """
    x = floating("rrelu", input)
    if not -math.inf < lower <= upper < math.inf:
        raise ValueError(f"rrelu: found lower {lower} and upper {upper}; expected finite lower <= upper")
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    slope = as_generator(generator).random(x.shape) * (upper - lower) + lower
    return np.where(x > 0, x, x * slope.astype(x.dtype))


# ---- along an axis ----------------------------------------------------------------------------------------


@along_axis
def glu(input: AnyArray, dim: int = -1) -> Tensor:
    """a · sigmoid(b), a and b the halves of x along axis `dim` (Dauphin et al., 2017).

    >>> glu(np.array([3.0, 0.0]))
    array([1.5])
    """
    x = floating("glu", input)
    if not len(x.shape) or x.shape[dim] % 2:
        raise ValueError(f"glu: found shape {x.shape}; expected an even length of axis {dim}")
    a, b = np.split(x, 2, dim)
    out: Any = a * sigmoid(b)
    return out


@along_axis
def softmin(input: AnyArray, dim: int | None = None, dtype: Any = None) -> Tensor:
    """softmax(-x) along axis `dim`.

    >>> softmin(np.array([0.0, 0.0, 800.0]), 0)
    array([0.5, 0.5, 0. ])
    """
    return softmax(-numbers("softmin", input), dim, dtype=dtype)


@along_axis
def gumbel_softmax(
    logits: AnyArray, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, generator: Seed = None
) -> Tensor:
    """A draw from softmax(logits), softened by tau (Jang et al., 2017); `hard` makes it one-hot, for the value alone.

    >>> gumbel_softmax(np.array([0.0, 800.0]), hard=True)
    array([0., 1.])
    """
    x = floating("gumbel_softmax", logits)
    noise = -np.log(as_generator(generator).exponential(size=x.shape)).astype(x.dtype)
    soft = softmax((x + noise) / tau, dim)
    if not hard:
        return soft
    values = array_of(soft)
    one_hot = np.zeros_like(values)
    np.put_along_axis(one_hot, values.argmax(dim, keepdims=True), 1, dim)
    return one_hot - values + soft

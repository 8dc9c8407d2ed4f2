"""Initial weights: PyTorch's functions by PyTorch's names, each filling a tensor or an array in place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..tensor import Tensor

if TYPE_CHECKING:
    Seed = np.random.Generator | int | None
    T = TypeVar("T", Tensor, np.ndarray)

_default: np.random.Generator | None = None


def manual_seed(seed: int) -> None:
    """Restart the random stream that layers draw their weights and masks from unless they get a `generator`.

    The stream starts from seed 0, so that a script gives the same numbers each time it runs.
    """
    global _default
    _default = np.random.default_rng(seed)


def as_generator(generator: Seed = None) -> np.random.Generator:
    """A NumPy generator: the one given, one seeded with the integer given, or the shared one for None."""
    if generator is not None:
        return np.random.default_rng(generator)
    if _default is None:
        manual_seed(0)
    return _default


# ---- distributions ----------------------------------------------------------------------------------------

def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Seed = None) -> T:
    """Fill with draws from U(a, b)."""
    return _fill(tensor, as_generator(generator).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Seed = None) -> T:
    """Fill with draws from N(mean, std²)."""
    return _fill(tensor, as_generator(generator).normal(mean, std, tensor.shape))


def trunc_normal_(tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Seed = None) -> T:
    """Fill with draws from N(mean, std²), each drawn again until it lies in [a, b]."""
    rng = as_generator(generator)
    low, high = (a - mean) / std, (b - mean) / std
    if low > 3 or high < -3 or low >= high:
        raise ValueError(f"trunc_normal_: [{a}, {b}] holds almost nothing of N({mean}, {std}²)")
    draws = rng.normal(mean, std, tensor.shape)
    while (outside := (draws < a) | (draws > b)).any():
        draws[outside] = rng.normal(mean, std, int(outside.sum()))
    return _fill(tensor, draws)


def constant_(tensor: T, val: float) -> T:
    """Fill with one number."""
    return _fill(tensor, val)


def zeros_(tensor: T) -> T:
    """Fill with zeros."""
    return _fill(tensor, 0)


def ones_(tensor: T) -> T:
    """Fill with ones."""
    return _fill(tensor, 1)


def eye_(tensor: T) -> T:
    """Fill a matrix with ones on its diagonal and zeros elsewhere."""
    if len(tensor.shape) != 2:
        raise ValueError(f"eye_: expected a matrix, found shape {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape))


def orthogonal_(tensor: T, gain: float = 1.0, generator: Seed = None) -> T:
    """Fill with a (semi-)orthogonal matrix times `gain` (Saxe et al., 2013); axes after the first are joined."""
    if len(tensor.shape) < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, found shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(as_generator(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # makes the draw uniform over orthogonal matrices
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


# ---- scaled to the layer ----------------------------------------------------------------------------------

def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Seed = None) -> T:
    """Fill with U(-a, a), a = gain · √(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Seed = None) -> T:
    """Fill with N(0, std²), std = gain · √(2 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Seed = None) -> T:
    """Fill with U(-b, b), b = gain · √(3 / fan) (He et al., 2015); `a` is the slope of a leaky ReLU."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Seed = None) -> T:
    """Fill with N(0, std²), std = gain / √fan (He et al., 2015); `a` is the slope of a leaky ReLU."""
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3,
         "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of activations through a nonlinearity; `param` is a leaky slope.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}; "
                         f"expected one of {', '.join(GAINS)}, leaky_relu")
    return GAINS[nonlinearity]


# ---- what they share --------------------------------------------------------------------------------------

def _fill(tensor: T, values) -> T:
    array = tensor.data if isinstance(tensor, Tensor) else tensor
    if not array.flags.writeable:
        raise ValueError(f"a graph still needs the array of this tensor of shape {array.shape}; "
                         "initialize it before use")
    array[...] = values
    return tensor


def _fans(tensor) -> tuple[int, int]:
    """(inputs, outputs) of one unit of a weight of shape (out, in, *kernel)."""
    if len(tensor.shape) < 2:
        raise ValueError(f"fan_in and fan_out need at least 2 dimensions (out, in), found shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return max(tensor.shape[1] * kernel, 1), max(tensor.shape[0] * kernel, 1)


def _kaiming_std(tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode: expected 'fan_in' or 'fan_out', found {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode == "fan_out"])

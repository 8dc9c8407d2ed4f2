"""Initial weights: PyTorch's functions by PyTorch's names, each filling a tensor or an array in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..engine.public import public_names
from ..engine.tensor import Tensor

Seed = np.random.Generator | int | None
_T = TypeVar("_T", Tensor, np.ndarray)
_default: np.random.Generator | None = None


def manual_seed(seed: int) -> None:
    """Restart the random stream that layers draw their weights and masks from unless they get a `generator`.

    The stream starts from seed 0, so that a script gives the same numbers each time it runs.

    >>> from tinygrad_np import nn
    >>> nn.manual_seed(0)
    >>> first = nn.Linear(2, 1).weight
    >>> nn.manual_seed(0)
    >>> (nn.Linear(2, 1).weight == first).all().item()
    True
    """
    global _default
    _default = as_generator(seed)


def as_generator(generator: Seed = None) -> np.random.Generator:
    """A NumPy generator: the one given, one seeded with the integer given, or the shared one for None.

    >>> bool(as_generator(0).integers(10) == as_generator(0).integers(10))
    True
    """
    if generator is not None:
        try:
            return np.random.default_rng(generator)
        except (TypeError, ValueError):
            raise ValueError(
                f"generator: expected a NumPy generator or a whole number, 0 or more, found {generator!r}"
            ) from None
    global _default
    if _default is None:
        _default = np.random.default_rng(0)
    return _default


# ---- distributions ----------------------------------------------------------------------------------------


def uniform_(tensor: _T, a: float = 0.0, b: float = 1.0, generator: Seed = None) -> _T:
    """Fill with draws from U(a, b).

    >>> bool((uniform_(np.empty(100), -1, 1, generator=0) < 1).all())
    True
    """
    if not -math.inf < a <= b < math.inf:
        raise ValueError(f"uniform_: found the interval from {a} to {b}; expected finite a <= b")
    return _fill(tensor, lambda shape: as_generator(generator).uniform(a, b, shape))


def normal_(tensor: _T, mean: float = 0.0, std: float = 1.0, generator: Seed = None) -> _T:
    """Fill with draws from N(mean, std²).

    >>> normal_(np.empty((2, 3)), generator=0).round(2)
    array([[ 0.13, -0.13,  0.64],
           [ 0.1 , -0.54,  0.36]])
    """
    if not 0 <= std < math.inf:
        raise ValueError(f"normal_: std: expected 0 or more, found {std}")
    return _fill(tensor, lambda shape: as_generator(generator).normal(mean, std, shape))


def trunc_normal_(
    tensor: _T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Seed = None
) -> _T:
    """Fill with draws from N(mean, std²), each drawn again until it lies in [a, b].

    >>> bool((np.abs(trunc_normal_(np.empty(1000), generator=0)) <= 2).all())
    True
    """
    if not (std > 0 and a < b and a <= mean + 3 * std and b >= mean - 3 * std):
        raise ValueError(f"trunc_normal_: [{a}, {b}] holds almost nothing of N({mean}, {std}²)")
    rng = as_generator(generator)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        draws = rng.normal(mean, std, shape)
        while (outside := (draws < a) | (draws > b)).any():
            draws[outside] = rng.normal(mean, std, int(outside.sum()))
        return draws

    return _fill(tensor, draw)


def constant_(tensor: _T, val: float) -> _T:
    """Fill with one number.

    >>> constant_(np.empty(2), 0.5)
    array([0.5, 0.5])
    """
    return _fill(tensor, lambda shape: val, val)


def zeros_(tensor: _T) -> _T:
    """Fill with zeros.

    >>> zeros_(np.empty(2))
    array([0., 0.])
    """
    return constant_(tensor, 0)


def ones_(tensor: _T) -> _T:
    """Fill with ones.

    >>> ones_(np.empty(2))
    array([1., 1.])
    """
    return constant_(tensor, 1)


def eye_(tensor: _T) -> _T:
    """Fill a matrix with ones on its diagonal and zeros elsewhere.

    >>> eye_(np.empty((2, 3)))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    if len(tensor.shape) != 2:
        raise ValueError(f"eye_: expected a matrix, found shape {tensor.shape}")
    return _fill(tensor, lambda shape: np.eye(shape[0], shape[1]), 1)


def orthogonal_(tensor: _T, gain: float = 1.0, generator: Seed = None) -> _T:
    """Fill with a (semi-)orthogonal matrix times `gain` (Saxe et al., 2013); axes after the first are joined.

    >>> q = orthogonal_(np.empty((4, 2)), generator=0)
    >>> np.allclose(q.T @ q, np.eye(2))
    True
    """
    if len(tensor.shape) < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, found shape {tensor.shape}")

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(as_generator(generator).normal(size=(max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diagonal(r))  # makes the draw uniform over orthogonal matrices
        return gain * (q if rows >= columns else q.T).reshape(shape)

    return _fill(tensor, draw)


# ---- scaled to the layer ----------------------------------------------------------------------------------


def xavier_uniform_(tensor: _T, gain: float = 1.0, generator: Seed = None) -> _T:
    """Fill with U(-a, a), a = gain · √(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010).

    >>> bool(np.abs(xavier_uniform_(np.empty((300, 200)), generator=0)).max() <= np.sqrt(6 / (300 + 200)))
    True
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: _T, gain: float = 1.0, generator: Seed = None) -> _T:
    """Fill with N(0, std²), std = gain · √(2 / (fan_in + fan_out)) (Glorot & Bengio, 2010).

    >>> round(float(xavier_normal_(np.empty((300, 200)), generator=0).std() / np.sqrt(2 / (300 + 200))), 1)
    1.0
    """
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: _T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Seed = None
) -> _T:
    """Fill with U(-b, b), b = gain · √(3 / fan) (He et al., 2015); `a` is the slope of a leaky ReLU.

    >>> bool(np.abs(kaiming_uniform_(np.empty((300, 200)), generator=0)).max() <= np.sqrt(2 * 3 / 200))
    True
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: _T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Seed = None
) -> _T:
    """Fill with N(0, std²), std = gain / √fan (He et al., 2015); `a` is the slope of a leaky ReLU.

    >>> round(float(kaiming_normal_(np.empty((300, 200)), generator=0).std() / np.sqrt(2 / 200)), 1)
    1.0
    """
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


GAINS = dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0)
GAINS |= {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of activations through a nonlinearity; `param` is a leaky slope.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(
            f"calculate_gain: unknown nonlinearity {nonlinearity!r}; expected one of {', '.join(GAINS)}, leaky_relu"
        )
    return GAINS[nonlinearity]


# ---- what they share --------------------------------------------------------------------------------------


def _fill(tensor: _T, draw: Callable[[tuple[int, ...]], Any], sample: float = 0.5) -> _T:
    """Fill with what `draw` gives for the shape, numbers like `sample`.

    It draws last, so that a refusal leaves the stream of random numbers where it was.
    """
    array = tensor.data if isinstance(tensor, Tensor) else tensor
    if not isinstance(array, np.ndarray):
        raise TypeError(f"nn.init: expected a tensor or an array to fill, found {type(tensor).__name__}")
    if not array.flags.writeable:
        why = (
            "a graph still needs the array of this tensor"
            if isinstance(tensor, Tensor) and tensor.is_leaf
            else "this is no leaf but was computed, or is a read-only array,"
        )
        raise ValueError(f"nn.init: {why} of shape {array.shape}; initialize it before use")
    if not np.can_cast(np.asarray(sample).dtype, array.dtype, "same_kind"):
        raise TypeError(f"nn.init: found an array of dtype {array.dtype}; expected one of floats")
    array[...] = draw(array.shape)
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


def __dir__() -> list[str]:
    return public_names(globals())

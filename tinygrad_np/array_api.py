"""The Array API namespace of tensors: NumPy's own, with creation functions that make tensors.

Libraries written against the standard (https://data-apis.org/array-api) find it through `x.__array_namespace__()`.

>>> import tinygrad_np as tg
>>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
>>> xp = x.__array_namespace__()
>>> xp.sum(xp.asarray(x) * xp.ones(2)).backward()
>>> x.grad
array([1., 1.])
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from .engine.table import array_of
from .engine.tensor import Tensor


def __getattr__(name: str):
    return getattr(np, name)


def __dir__() -> list[str]:
    return sorted({*dir(np), *globals()})


def asarray(obj, /, *, dtype=None, device=None, copy=None) -> Tensor:
    """A tensor of anything array-like; a tensor stays on the tape."""
    if not isinstance(obj, Tensor):
        return Tensor(obj, dtype=dtype)
    out = obj if dtype is None or obj.dtype == dtype else obj.astype(dtype)
    return out.copy() if copy else out


def _making(fun: Callable) -> Callable[..., Tensor]:
    def make(*args, device=None, **kwargs) -> Tensor:
        return Tensor(fun(*args, **kwargs))

    make.__name__, make.__doc__ = fun.__name__, f"A tensor of what np.{fun.__name__} makes."
    return make


zeros, ones, empty, full = _making(np.zeros), _making(np.ones), _making(np.empty), _making(np.full)
arange, eye, from_dlpack = _making(np.arange), _making(np.eye), _making(np.from_dlpack)


def linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True):
    """Evenly spaced numbers, differentiable in both ends."""
    out = np.linspace(start, stop, num, endpoint, dtype=dtype)
    return out if isinstance(out, Tensor) else Tensor(out)


def _frequencies(fun: Callable) -> Callable[..., Tensor]:
    def make(n, /, *, d=1.0, dtype=None, device=None) -> Tensor:
        return asarray(fun(n, d), dtype=dtype)

    make.__name__, make.__doc__ = fun.__name__, f"A tensor of what np.fft.{fun.__name__} makes."
    return make


fft = SimpleNamespace(
    **{name: getattr(np.fft, name) for name in np.fft.__all__}
    | {"fftfreq": _frequencies(np.fft.fftfreq), "rfftfreq": _frequencies(np.fft.rfftfreq)}
)


def argsort(x, /, *, axis=-1, descending=False, stable=True) -> Tensor:
    """The indices that sort an axis; equal elements keep their order, also where the largest comes first."""
    values = array_of(x)
    if not descending:
        return Tensor(np.argsort(values, axis=axis, stable=stable))
    return Tensor(values.shape[axis] - 1 - np.flip(np.argsort(np.flip(values, axis), axis=axis, stable=stable), axis))


def sort(x, /, *, axis=-1, descending=False, stable=True):
    """A sorted copy; the largest comes first where `descending` says so."""
    if not descending:
        return np.sort(x, axis=axis, stable=stable)
    return np.take_along_axis(x, argsort(x, axis=axis, descending=True).array, axis)

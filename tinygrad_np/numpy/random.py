"""numpy.random whose draws of real numbers are tensors, without history: X.dot(w) of an ndarray X would refuse a w.

Streams and values are NumPy's; whole numbers, such as indices, stay in plain arrays.

>>> default_rng(0).normal(size=2), default_rng(0).integers(9, size=2)
(Tensor([ 0.12573022, -0.13210486]), array([7, 5]))
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as _np

from ..engine.recording import TENSORS as _TENSORS
from ..engine.recording import wrap as _wrap
from ..engine.tape import CONST as _CONST
from ..engine.tracing import TRACERS as _TRACERS

globals().update({_name: getattr(_np.random, _name) for _name in _np.random.__all__})


def _drawn(method: Callable) -> Callable:
    """A method, or function, of a random stream that gives tensors."""
    in_place = method.__name__ == "shuffle"

    def draw(*args: Any, **kwargs: Any) -> Any:
        for i, a in enumerate(args):
            if type(a) in _TENSORS and method.__name__ in ("shuffle", "permutation"):
                return reordered(args[:i], a, *args[i + 1 :], **kwargs)
        out = method(*args, **kwargs)
        return _real(out) if kwargs.get("out") is None else out

    def reordered(stream: tuple, x: Any, axis: int = 0) -> Any:
        """The slices of a tensor in the order in which NumPy would leave an array."""
        order = _np.arange(x.shape[axis])
        order = method(*stream, order) if not in_place else (method(*stream, order), order)[1]
        new = _np.take(x, order, axis)
        if not in_place:
            return new
        x[...] = new
        return None

    return wraps(method)(draw) if hasattr(method, "__name__") else draw


def _real(drawn: Any) -> Any:
    """An array of real numbers as a tensor; one number, and whole numbers, as they are."""
    array = drawn if type(drawn) is _np.ndarray or type(drawn) in _TRACERS and not drawn.scalar else None
    return drawn if array is None or array.dtype.kind != "f" else _wrap(array, _CONST)


class Generator(_np.random.Generator):
    """NumPy's Generator, whose real numbers are tensors."""

    __slots__ = ()
    gives = staticmethod(_real)

    def __reduce__(self) -> Any:
        return Generator, (self.bit_generator,)


class RandomState(_np.random.RandomState):
    """NumPy's RandomState, whose real numbers are tensors."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return RandomState, (), self.get_state(legacy=False)


def _by_numpys(kind: Any, name: str) -> Callable:
    """A method that draws by way of another, whose arrays it changes: NumPy's own stream runs it."""

    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        stream: Any = kind(self.bit_generator) if kind is _np.random.Generator else kind()
        if kind is _np.random.RandomState:
            stream.set_state(self.get_state())
        out = _real(getattr(stream, name)(*args, **kwargs))
        if kind is _np.random.RandomState:
            self.set_state(stream.get_state())
        return out

    return wraps(getattr(kind, name))(draw)


def default_rng(seed: Any = None) -> Generator:
    """A Generator, as numpy.random.default_rng makes one."""
    return seed if isinstance(seed, Generator) else Generator(_np.random.default_rng(seed).bit_generator)


_KEPT = {"bytes", "seed", "spawn", "get_state", "set_state", "default_rng", "bit_generator"}
for _name in {*dir(_np.random.Generator), *dir(_np.random.RandomState)} - _KEPT:
    if not _name.startswith("_"):
        for _where, _found in ((Generator, _np.random.Generator), (RandomState, _np.random.RandomState)):
            if hasattr(_found, _name):
                setattr(_where, _name, _drawn(getattr(_found, _name)))
        if hasattr(_np.random, _name):
            globals()[_name] = _drawn(getattr(_np.random, _name))
for _where, _found in ((Generator, _np.random.Generator), (RandomState, _np.random.RandomState)):
    _where.multivariate_normal = _by_numpys(_found, "multivariate_normal")  # type: ignore[method-assign]


def __getattr__(name: str):
    return getattr(_np.random, name)


def __dir__() -> list[str]:
    return [name for name in dir(_np.random) if not name.startswith("_")]

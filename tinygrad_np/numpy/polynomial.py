"""numpy.polynomial for tensors: NumPy's own Python code, with this namespace in the place of NumPy's.

>>> import tinygrad_np as tg
>>> tg.grad(lambda c: Polynomial(c)(2.0) + chebyshev.chebval(0.5, c))(_np.array([1.0, 2.0, 3.0]))
array([2. , 2.5, 3.5])
"""

import builtins as _builtins
import sys as _sys
from inspect import unwrap as _unwrap
from types import FunctionType as _FunctionType
from types import ModuleType as _ModuleType
from typing import Any as _Any

import numpy as _np
import numpy.polynomial as _polynomial

from ..engine.recording import is_tracked as _is_tracked

__all__ = list(_polynomial.__all__)


def _over_tensors(module: _ModuleType, others: dict) -> _ModuleType:
    """A copy of a module of NumPy whose functions and classes find `others` under the names of what they use."""
    made = _ModuleType(f"{__name__}.{module.__name__.rpartition('.')[2]}", module.__doc__)
    space = made.__dict__
    space.update({k: v for k, v in vars(module).items() if not k.startswith("__") or k == "__all__"} | others)
    space["__builtins__"] = _builtins

    def moved(value: _Any) -> _Any:
        if isinstance(value, (staticmethod, classmethod)):
            return type(value)(moved(value.__func__))
        if isinstance(value, property):
            return property(moved(value.fget), moved(value.fset), moved(value.fdel), value.__doc__)
        if isinstance(value, _FunctionType) and value.__module__ == module.__name__:
            new = _FunctionType(value.__code__, space, value.__name__, value.__defaults__, value.__closure__)
            new.__kwdefaults__, new.__doc__, new.__dict__ = value.__kwdefaults__, value.__doc__, value.__dict__
            return new
        if isinstance(value, type) and value.__module__ == module.__name__:
            bases = tuple([others.get(base.__name__, base) for base in value.__bases__])
            body = {k: moved(v) for k, v in vars(value).items() if k not in ("__dict__", "__weakref__")}
            return type(value)(value.__name__, bases, body)
        return value

    functions = {name: _unwrap(value) for name, value in vars(module).items() if callable(value) and name not in others}
    for name in sorted(functions, key=lambda name: isinstance(functions[name], type)):
        space[name] = moved(functions[name])
        if name == "trimseq" or name.endswith("mulx"):
            space[name] = (_untrimmed if name == "trimseq" else _once_more)(space[name])
    _sys.modules[made.__name__] = made
    return made


def _untrimmed(trimseq: _Any) -> _Any:
    """NumPy drops last coefficients that are zero; one that needs a gradient stays, whatever its value."""
    return lambda seq: seq if _is_tracked(seq) else trimseq(seq)


def _once_more(mulx: _Any) -> _Any:
    """A series times x; NumPy returns the series of one zero as it is."""
    return lambda c: mulx(_np.ones(1)) * _np.reshape(c, -1) if _is_tracked(c) and _np.size(c) == 1 else mulx(c)


_shared = {"np": _sys.modules[__package__]}
_shared["pu"] = polyutils = _over_tensors(_polynomial.polyutils, _shared)
_base = _over_tensors(_sys.modules["numpy.polynomial._polybase"], _shared)
_shared["ABCPolyBase"] = _base.ABCPolyBase
for _name in ("polynomial", "chebyshev", "hermite", "hermite_e", "laguerre", "legendre"):
    globals()[_name] = _over_tensors(getattr(_polynomial, _name), _shared)
    globals().update(
        {key: vars(globals()[_name])[key] for key in _polynomial.__all__ if key in globals()[_name].__all__}
    )


def __getattr__(name: str) -> _Any:
    return getattr(_polynomial, name)


def __dir__() -> list[str]:
    return [name for name in dir(_polynomial) if not name.startswith("_")]

"""numpy.linalg, whose functions look into lists and generators for tensors."""

import numpy as _np

from .looking import looking as _looking


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = _looking(getattr(_np.linalg, name))
    return found


def __dir__() -> list[str]:
    return [name for name in dir(_np.linalg) if not name.startswith("_")]


__all__ = list(_np.linalg.__all__)

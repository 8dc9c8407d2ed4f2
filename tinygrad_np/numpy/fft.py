"""numpy.fft, whose functions look into lists and generators for tensors."""

import numpy as _np

from .creators import asarray as _asarray
from .looking import looking as _looking


def fftfreq(n, d=1.0, device=None, *, dtype=None):
    """A tensor of the frequencies of a transform, differentiable in the spacing d."""
    return _asarray(_np.fft.fftfreq(n, d), dtype=dtype)


def rfftfreq(n, d=1.0, device=None, *, dtype=None):
    """A tensor of the frequencies of a transform of real numbers, differentiable in the spacing d."""
    return _asarray(_np.fft.rfftfreq(n, d), dtype=dtype)


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = _looking(getattr(_np.fft, name))
    return found


def __dir__() -> list[str]:
    return [name for name in dir(_np.fft) if not name.startswith("_")]


__all__ = list(_np.fft.__all__)

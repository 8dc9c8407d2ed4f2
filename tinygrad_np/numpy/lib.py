"""numpy.lib, whose as_strided takes a tensor: the elements that it shows are selected, and cannot be written to.

>>> import tinygrad_np as tg
>>> from tinygrad_np import numpy as np
>>> tg.grad(lambda x: stride_tricks.as_strided(x, (2, 2), (8, 8)).sum())(np.array([1.0, 2.0, 3.0]))
array([1., 2., 1.])
"""

from types import ModuleType as _ModuleType
from typing import Any as _Any

import numpy as _np

from ..engine.arrays import read_only as _read_only
from ..engine.recording import TENSORS as _TENSORS
from ..engine.recording import note_view as _note_view
from .looking import namespace as _namespace


def _offsets(shape: _Any, strides: _Any) -> _np.ndarray:
    """How many bytes each element lies behind the first."""
    steps = _np.indices(shape, sparse=True)
    return sum((i * step for i, step in zip(steps, strides)), _np.zeros(shape, int))


def as_strided(x: _Any, shape: _Any = None, strides: _Any = None, subok: bool = False, writeable: bool = True) -> _Any:
    """The elements of x at these strides, in bytes; of a tensor those that are its own, as a read-only tensor."""
    if type(x) not in _TENSORS:
        return _np.lib.stride_tricks.as_strided(x, shape, strides, subok, writeable)
    shape, strides = x.shape if shape is None else tuple(shape), x.strides if strides is None else tuple(strides)
    own, wanted = _offsets(x.shape, x.strides).ravel(), _offsets(shape, strides)
    order = _np.argsort(own)
    places = order[_np.minimum(_np.searchsorted(own, wanted, sorter=order), own.size - 1)]
    if not _np.array_equal(own[places], wanted):
        raise ValueError(f"as_strided: shape {shape} and strides {strides} reach beyond the elements of the tensor")
    shown: _Any = _np.ravel(x)[places]
    shown._array = _read_only(shown._array)
    _note_view(shown, x)  # so that a write is refused
    return shown


stride_tricks: _ModuleType = _namespace(_np.lib.stride_tricks, f"{__name__}.stride_tricks")
stride_tricks.as_strided = as_strided  # type: ignore[attr-defined]


def __getattr__(name: str) -> _Any:
    return getattr(_np.lib, name)


def __dir__() -> list[str]:
    return [name for name in dir(_np.lib) if not name.startswith("_")]

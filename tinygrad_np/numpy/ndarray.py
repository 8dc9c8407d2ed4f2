"""np.ndarray for programs that ask `isinstance(x, np.ndarray)`: a tensor is one here; calling it makes a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .creators import made_tensor


class Asked(type):
    """NumPy's arrays and tensors are instances."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (np.ndarray, Tensor))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, (np.ndarray, Tensor))


class ndarray(metaclass=Asked):
    """NumPy's ndarray, or a tensor.

    >>> isinstance(np.zeros(2), ndarray), isinstance(ndarray((2,)), ndarray), isinstance(2.0, ndarray)
    (True, True, False)
    """

    def __new__(cls, shape, dtype=float, buffer=None, offset=0, strides=None, order=None):
        return made_tensor(np.ndarray(shape, dtype, buffer, offset, strides, order).copy())

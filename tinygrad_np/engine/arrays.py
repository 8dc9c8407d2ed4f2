"""Questions about arrays that are asked everywhere: whose memory, is there a NaN, what does an index take.

Three questions find a tensor, and each has its place. `type(x) in TENSORS` (recording.py) is the quickest and is asked
once an operand; `isinstance(x, Tensor)` is for what a user hands over, where the class is at hand; `hasattr(x,
"_node")` is for rules and for files below the tensor's, which know no class. All three agree: only a tensor has one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .tracing import TRACERS


def array_of(x: Any) -> np.ndarray:
    """The plain values of an operand, to decide something that has no derivative."""
    return x._array if hasattr(x, "_node") else np.asarray(x)


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory a view looks at.

    >>> a = np.zeros((2, 3))
    >>> owner(a[0].T) is a
    True
    """
    while type(array.base) is np.ndarray:
        array = array.base
    return array


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def has_nan(a: Any) -> bool:
    """Whether an array holds a NaN: argmax stops at one, and is the cheapest question."""
    array: Any = a if type(a) is np.ndarray else getattr(a, "_array", a)
    if type(array) in TRACERS:
        return array.may_have_nan()
    if isinstance(array, np.generic):
        return bool(array != array)
    first = array.item(array.argmax()) if array.size else 0
    return first != first


def makes_view(index: Any) -> bool:
    """Whether an index is made of slices and integers alone, so that NumPy answers with a view or an element.

    >>> makes_view((0, slice(2), None)), makes_view([0, 1]), makes_view(True)
    (True, False, False)
    """
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(i, (int, np.integer, slice, type(None), type(...))) and not isinstance(i, bool) for i in parts
    )


def takes_once(index: Any) -> bool:
    """Whether an index takes each element at most once: by slices, integers or one mask."""
    return isinstance(index, np.ndarray) and index.dtype == bool or makes_view(index)

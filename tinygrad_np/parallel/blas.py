"""How many threads BLAS uses: one while two cores already share the work, its own number else.

NumPy's wheels bring OpenBLAS; where another BLAS is found, nothing is changed.
"""

from __future__ import annotations

import ctypes
from importlib import import_module
from typing import Any

try:
    _library: Any = ctypes.PyDLL(import_module("numpy._core._multiarray_umath").__file__)
except (ImportError, OSError):
    _library = None


def _function(action: str):
    for name in (f"scipy_openblas_{action}64_", f"scipy_openblas_{action}", f"openblas_{action}"):
        found = getattr(_library, name, None)
        if found is not None:
            return found
    return None


_get, _set = _function("get_num_threads"), _function("set_num_threads")
KNOWN = _get is not None and _set is not None


def uses_threads() -> bool:
    """Whether BLAS may use more than one thread."""
    return KNOWN and _get() > 1


class one_thread:
    """A context in which products of matrices run on the core that asks for them, if BLAS lets itself be told.

    >>> import numpy as np
    >>> with one_thread():
    ...     np.ones((2, 2)) @ np.ones((2, 2))
    array([[2., 2.],
           [2., 2.]])
    """

    def __enter__(self) -> None:
        if KNOWN:
            self.before = _get()
            if self.before != 1:
                _set(1)

    def __exit__(self, *exc) -> None:
        if KNOWN and self.before != 1:
            _set(self.before)

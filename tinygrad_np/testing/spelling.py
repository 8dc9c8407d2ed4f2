"""Values as source text."""

from __future__ import annotations

import numpy as np


def short(value) -> str:
    """A value as source text, arrays written out where they are small."""
    if hasattr(value, "node"):
        value = value.array
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", threshold=60, floatmode="unique").replace("\n", "")
        dtype = (
            ""
            if value.dtype in (np.float64, np.int64, np.bool_, np.complex128)
            else f", dtype={value.dtype}"
        )
        empty = value.size == 0
        return f"np.zeros({value.shape}{dtype})" if empty else f"np.array({text}{dtype})"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(short, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, np.generic):
        return repr(value.item())
    text = repr(value)
    return text if len(text) < 80 else text[:76] + " ..."

"""Values as source text."""

from __future__ import annotations

import re

import numpy as np

LONGEST_PASTED = 100  # numbers that a test to paste may hold


def short(value, whole: bool = False) -> str:
    """A value as source text, arrays written out where they are small, or whole."""
    if hasattr(value, "_node"):
        value = value._array
    if isinstance(value, np.ndarray):
        if whole and value.size > LONGEST_PASTED:
            return f"np.load('array of shape {value.shape}.npy')"
        limit = LONGEST_PASTED if whole else 60
        text = np.array2string(value, separator=", ", threshold=limit, floatmode="unique")
        text = re.sub(r"(?<=\[) +| +(?=[,\]])|\n", "", text)
        text = re.sub(r" +", " ", text)
        dtype = "" if value.dtype in (np.float64, np.int64, np.bool_, np.complex128) else f", dtype={value.dtype}"
        empty = value.size == 0
        return f"np.zeros({value.shape}{dtype})" if empty else f"np.array({text}{dtype})"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(short(v, whole) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {short(v, whole)}" for k, v in value.items()) + "}"
    if isinstance(value, np.generic):
        return repr(value.item())
    text = " ".join(repr(value).split())
    return text if whole or len(text) < 80 else text[:76] + " ..."


def written_out(value) -> str:
    """A value as source text that is complete: every digit of every number; what is too long is to be saved."""
    return short(value, whole=True)


def can_be_written(value) -> bool:
    """Whether source text can stand for a value: a model or another object has none."""
    if isinstance(value, (list, tuple)):
        return all(map(can_be_written, value))
    if isinstance(value, dict):
        return all(map(can_be_written, value.values()))
    plain = (type(None), bool, int, float, complex, str, bytes, slice, range, type, np.ndarray, np.generic, np.dtype)
    return hasattr(value, "_node") or isinstance(value, plain)

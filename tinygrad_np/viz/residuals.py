"""What one node keeps for backward, and what its residuals tell: arguments, constants, bytes counted once a buffer."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..engine.arrays import owner
from ..engine.tape import FREED, SELECT, Leaf
from .schema import Saved

PYTHON_NUMBERS = frozenset((int, float))  # Python's numbers, which most constants are
FREE_ARGS = (None, False, "K", "C")  # arguments that say nothing, at their usual defaults


class Buffers:
    """Which memory the residuals occupy: each base array is counted once, and a parameter's own never."""

    def __init__(self, parameters: dict[int, np.ndarray]):
        self.leaves = {node: owner(array) for node, array in parameters.items()}
        self.counted = {id(base) for base in self.leaves.values()}

    def count(self, array: np.ndarray, leaf) -> tuple[int, bool]:
        """The bytes that an array keeps alive, and whether this is the first to do so."""
        base = owner(array)
        if leaf is not None and id(leaf) not in self.leaves:  # an unnamed leaf's array is alive anyway
            return base.nbytes, False
        new = id(base) not in self.counted
        self.counted.add(id(base))
        return base.nbytes, new


def read_saved(node, buffers: Buffers) -> tuple[tuple[Saved, ...], dict[str, str], tuple[str, ...], dict[int, tuple]]:
    """What a node keeps for backward, its arguments as text, its operands' names, and facts on its constants."""
    row = node.op
    if row is SELECT:
        return (), {"": f"output {node.saved}"}, ("of",), {}
    operands = row.operand_names(len(node.parents))
    if node.saved is FREED:
        return (), {}, operands, {}
    saved: dict[tuple, Saved] = {}
    args: dict[str, str] = {}
    infos: dict[int, tuple] = {}
    for names, values in zip(row.residuals, node.saved, strict=False):
        for name, value in zip(names, values or (), strict=False):
            parent = leaf = None
            if name in operands:
                slot = operands.index(name)
                parent = node.parents[slot] if slot < len(node.parents) else None
            if parent is not None and not parent.tracked:
                infos[slot] = constant_facts(value)
            elif parent is not None:
                leaf = parent if isinstance(parent, Leaf) else None
            elif name not in row.diff and name != "out" and not name.endswith("_shape") and name != "tracked":
                text = argument(value)
                if text and not (name == "where" and value is True):
                    args[name] = text
            for array in (value,) if type(value) is np.ndarray else arrays_in(value):
                if (name, id(array)) not in saved:
                    nbytes, new = buffers.count(array, leaf)
                    saved[name, id(array)] = Saved(name, array.shape, str(dtype_name(array.dtype)), nbytes, new)
    return tuple(saved.values()), args, operands, infos


def arrays_in(value) -> Iterable[np.ndarray]:
    """The arrays in a residual, also inside lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from arrays_in(v)
    elif isinstance(value, dict):
        yield from arrays_in(tuple(value.values()))
    elif hasattr(value, "_node") and hasattr(value, "_array"):
        yield value._array


def constant_facts(value) -> tuple:
    """(shape, dtype, text of the number) of an operand without gradient, from the residual that holds it."""
    if type(value) in PYTHON_NUMBERS:
        return (), dtype_name(np.dtype(type(value))), number(value)
    shape = np.shape(value) if not isinstance(value, (list, tuple)) else ()
    plain = np.dtype(type(value)) if isinstance(value, (int, float, complex)) else None
    return shape, dtype_name(getattr(value, "dtype", plain)), number(value) if shape == () else ""


def number(value) -> str:
    """A number as text; nothing for what is not one."""
    if type(value) in PYTHON_NUMBERS:
        return f"{value:.6g}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.item()
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(value) if isinstance(value, complex) else ""


def argument(value) -> str:
    """An argument as short text; nothing where it is an array or says nothing."""
    if isinstance(value, slice):
        parts = ["" if p is None else str(p) for p in (value.start, value.stop)]
        return ":".join(parts if value.step is None else [*parts, str(value.step)])
    if isinstance(value, tuple) and type(value).__str__ is not tuple.__str__:
        return str(value)
    if isinstance(value, tuple) and value and all(argument(v) or v is None for v in value):
        return "(" + ", ".join("None" if v is None else argument(v) for v in value) + ")"
    if value is Ellipsis:
        return "..."
    known = isinstance(value, (bool, int, float, str, np.integer, np.floating))
    if not known or any(value is v for v in FREE_ARGS):
        return ""
    return repr(value)[:40] if isinstance(value, (str, bool)) else number(value)


def nbytes_of(shape, dtype) -> int:
    """The bytes of an array of this shape and dtype."""
    return math.prod(shape) * itemsize(dtype) if shape is not None and dtype is not None else 0


@functools.cache
def dtype_name(dtype: Any) -> str | None:
    """The name of a dtype, such as float32."""
    return None if dtype is None else str(np.dtype(dtype))


@functools.cache
def itemsize(dtype: Any) -> int:
    """The bytes of one number."""
    return np.dtype(dtype).itemsize

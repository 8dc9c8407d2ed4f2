"""How a function of NumPy looks into lists and generators: what holds tensors in it is joined to one.

Where there is no list among the arguments this asks for the type of each of them, and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import wraps
from types import FunctionType, GeneratorType, ModuleType
from typing import Any

import numpy as np

from ..derivatives.joining import as_operand
from ..engine.recording import TENSORS

ITERATORS = {type({}.values()), type({}.keys()), GeneratorType, map, zip, filter, deque, type(iter([])), type(iter(()))}
OPENED = {list, tuple, *ITERATORS}  # what may have tensors inside

SEQUENCES = {  # functions of lists of arrays, whose elements are joined each by itself
    "concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "row_stack", "select", "choose",
    "lexsort", "multi_dot", "piecewise", "unstack", "histogramdd",
}  # fmt: skip


def holds_numbers(value) -> bool:
    """Whether there is a tensor in nested lists that is no index or length: one of floating or complex numbers."""
    if type(value) in TENSORS:
        return value.dtype.kind in "fc"
    return (type(value) is list or type(value) is tuple) and any(map(holds_numbers, value))


def as_list(value) -> Any:
    """A generator, or the values of a dict, as a list; also where they are inside of lists."""
    kind = type(value)
    if kind in ITERATORS:
        return [as_list(v) for v in value]
    return kind([as_list(v) for v in value]) if kind is list or kind is tuple else value


def one_tensor(value) -> Any:
    """A list that holds tensors as one tensor; any other value as it is."""
    if type(value) not in OPENED:
        return value
    value = as_list(value)
    return as_operand(value) if holds_numbers(value) else value


def joined_inside(value) -> Any:
    """A list of arrays, each of which may be a list that holds tensors."""
    if type(value) not in OPENED:
        return value
    if type(value) not in ITERATORS and not any(type(v) in OPENED for v in value):
        return value
    return (
        type(value)([one_tensor(v) for v in value]) if type(value) in (list, tuple) else [one_tensor(v) for v in value]
    )


def looking(found: Any, name: str | None = None) -> Any:
    """A function of NumPy that looks into its arguments; anything else as it is."""
    if isinstance(found, type) or not callable(found):
        return found
    join = joined_inside if getattr(found, "__name__", "") in SEQUENCES else one_tensor
    if found is np.block:
        join = as_list
    looks = look(found, join)
    if isinstance(found, np.ufunc):
        for method in ("reduce", "accumulate", "reduceat", "outer", "at"):
            setattr(looks, method, look(getattr(found, method), join))
        for fact in ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature", "resolve_dtypes"):
            setattr(looks, fact, getattr(found, fact))
    return looks


def look(fun: Callable, join: Callable) -> Callable:
    """The function with `join` applied to arguments that may have tensors inside."""

    def call(*args, **kwargs):
        for a in args:
            if type(a) in OPENED:
                args = tuple([join(a) for a in args])
                break
        for a in kwargs.values():
            if type(a) in OPENED:
                kwargs = {name: join(a) for name, a in kwargs.items()}
                break
        return fun(*args, **kwargs)

    return wraps(fun)(call) if isinstance(fun, FunctionType) else told_in_c(call, fun)


def told_in_c(call: Any, fun: Any) -> Callable:
    """The same for what is written in C, which keeps less."""
    call.__name__ = call.__qualname__ = getattr(fun, "__name__", "call")
    call.__doc__, call.__wrapped__ = fun.__doc__, fun
    return call


def namespace(module: ModuleType, name: str) -> ModuleType:
    """A module with the functions of another, which look into their arguments."""
    made = ModuleType(name, module.__doc__)
    for key in dir(module):
        if not key.startswith("_"):
            setattr(made, key, looking(getattr(module, key)))
    return made

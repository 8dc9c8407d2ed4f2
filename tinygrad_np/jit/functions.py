"""What NumPy's functions do, as far as a program must know: which write, which only move, which depend on values."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.arrays import makes_view
from ..engine.facts import ANY
from ..engine.table import facts_of
from ..engine.tracing import TRACERS, concrete

ndarray = np.ndarray


IN_PLACE = {
    ndarray.__setitem__,
    ndarray.sort,
    ndarray.partition,
}  # methods that write where functions of the name do not
LAYOUTS = {"T": np.transpose, "mT": np.matrix_transpose, "real": np.real, "imag": np.imag}


facts_about = lru_cache(1 << 12)(facts_of)  # asked at every call; emptied before each recording


# These have a parameter `out` that is no place for the result: multi_dot refuses most arrays, mean sums in it, which
# overflows in half precision. Of numpy.fft, hfft, ifft2 and irfft2 pass None on in its place, so none is given one.
NOT_FILLED = {np.linalg.multi_dot, np.mean, *(getattr(np.fft, name) for name in np.fft.__all__)}


@lru_cache(None)
def takes_out(fun: Callable) -> bool:
    """Whether a function can put its result into a given array."""
    if isinstance(fun, np.ufunc) or isinstance(getattr(fun, "__self__", None), np.ufunc):
        return getattr(fun, "__name__", "") != "at"
    try:
        return fun not in NOT_FILLED and "out" in inspect.signature(fun).parameters
    except (TypeError, ValueError):
        return False


@lru_cache(None)
def names_from_out(fun: Callable) -> tuple[int, tuple[str, ...]]:
    """Where `out` stands among a function's parameters, and the names from there on."""
    if not takes_out(fun) or isinstance(fun, np.ufunc) or isinstance(getattr(fun, "__self__", None), np.ufunc):
        return sys.maxsize, ()
    parameters = inspect.signature(fun).parameters
    names = tuple(parameters)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return sys.maxsize, ()
    return names.index("out"), names[names.index("out") :]


def root_of(array: ndarray) -> ndarray:
    """The array that owns the memory."""
    while True:
        base = getattr(array.base, "owner", array.base)  # flat parameters lie in memory that says whose it is
        if not isinstance(base, ndarray):
            base = getattr(base, "base", None)  # as_strided puts something in between
        if not isinstance(base, ndarray):
            return array
        array = base


def address_of(array: ndarray) -> int:
    """The address of an array's first element."""
    return array.__array_interface__["data"][0]


def masked_copy(target, source, where) -> None:
    """np.copyto with a mask."""
    np.copyto(target, source, casting="unsafe", where=where)


def canonical(fun, args, kwargs):
    """The same call as the ufunc, or the copy, that it amounts to."""
    reduces = facts_about(fun).reduces
    if reduces is not None and not hasattr(fun, "__objclass__"):
        bound = inspect.signature(fun).bind(*args, **kwargs).arguments
        array = bound.pop("a")
        given = {k: v for k, v in bound.items() if v is not None and v is not np._NoValue or k == "axis"}
        given.setdefault("axis", None)
        if type(array) in TRACERS or isinstance(array, ndarray):
            return reduces.reduce, (array,), given
    at, names = names_from_out(fun)
    if len(args) > at:
        kwargs = {**dict(zip(names, args[at:])), **kwargs}
        args = args[:at]
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    if fun is ndarray.fill:
        return np.copyto, args, {"casting": "unsafe"}
    if fun is ndarray.__setitem__:
        array, index, value = args
        if makes_view(index) and isinstance(concrete(array)[index], ndarray):
            return np.copyto, (array[index], value), {"casting": "unsafe"}
        elif type(array) in TRACERS and makes_view(index):  # a single element
            place = array[(*index, ...) if type(index) is tuple else (index, ...)]
            return np.copyto, (place, value), {"casting": "unsafe"}
    return fun, args, kwargs


def planned_as(fun, values, options) -> str:
    """elementwise, reduction, product or call: what a planner may do with it."""
    if isinstance(fun, np.ufunc) and fun.signature is None and fun.nout == 1 and not options:
        return "elementwise"
    if fun is np.where:
        return "elementwise" if not options else "call"
    if fun in (np.matmul, np.dot) and not options and all(isinstance(v, ndarray) and 0 < v.ndim < 3 for v in values):
        return "product"
    return "call"


def depends_on_values(fun, args: tuple, kwargs: dict, values: tuple) -> str | None:
    """Why a call's result would have another shape, or be complex, for other values of its operands."""
    name = getattr(fun, "__name__", "")
    known = facts_about(fun)
    operand = known.shape_from
    if operand == ANY or fun is np.where and len(args) == 1:
        return f"the shape of np.{name}'s result depends on values; np.where(condition, x, y) keeps a shape"
    if operand is not None:
        at = place_of_operand(fun, operand)
        given: Any = (*args[at : at + 1], kwargs.get(operand))[0]
        if type(given) in TRACERS and not given.is_fixed:
            return (
                f"the shape of np.{name}'s result depends on the values of {operand}; pass a Python number or tuple, "
                "or np.where(condition, x, y) keeps a shape"
            )
    if known.complex_by_values and (fun is np.real_if_close) is any(map(np.iscomplexobj, values)):
        return f"whether np.{name}'s result is complex depends on values; pass x.astype(complex) or x.real"
    return None


@lru_cache(None)
def place_of_operand(fun: Callable, operand: str) -> int:
    """Where an operand stands among a function's arguments; a method of ndarray has its array first."""
    method = hasattr(fun, "__objclass__")
    names = list(inspect.signature(getattr(np, fun.__name__) if method else fun).parameters)
    return names.index(operand) if not method else 1 + [name for name in names if name != "a"].index(operand)


def holds_nan(flat: np.ndarray) -> bool:
    """Whether there is a NaN among real numbers: if and only if their sum of squares is one."""
    total = np.dot(flat, flat)
    return bool(total != total)

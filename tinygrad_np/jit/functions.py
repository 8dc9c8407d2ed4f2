"""What NumPy's functions do, as far as a program must know: which write, which only move, which depend on values."""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable
from functools import lru_cache
from opcode import opname
from pathlib import Path
from typing import NoReturn

import numpy as np

from ..standin import STANDINS, real, recorder
from . import NotReplayable

ndarray = np.ndarray
HERE = tuple(f"{p}/" for p in (Path(__file__).parents[1], Path(np.__file__).parent, Path(inspect.__file__).parent))


REDUCTIONS = {
    np.sum: np.add,
    np.prod: np.multiply,
    np.max: np.maximum,
    np.amax: np.maximum,
    np.min: np.minimum,
    np.amin: np.minimum,
    np.any: np.logical_or,
    np.all: np.logical_and,
}
ABOUT_SHAPES = {
    np.shape,
    np.ndim,
    np.size,
    np.result_type,
    np.can_cast,
    np.iscomplexobj,
    np.isrealobj,
    np.common_type,
    np.min_scalar_type,
    np.may_share_memory,
    np.shares_memory,
    np.broadcast_shapes,
}
SHAPE_FROM_VALUES = {
    np.nonzero,
    np.flatnonzero,
    np.argwhere,
    np.unique,
    np.unique_values,
    np.extract,
    np.trim_zeros,
    np.union1d,
    np.intersect1d,
    np.setdiff1d,
    np.setxor1d,
    np.histogram_bin_edges,
    np.compress,
    np.unique_all,
    np.unique_counts,
    np.unique_inverse,
    np.roots,
    ndarray.compress,
    ndarray.nonzero,
}
TIMES = {np.repeat, ndarray.repeat}  # the length of the result is a sum of their second operand
COMPLEX_BY_VALUES = {
    np.linalg.eig,
    np.linalg.eigvals,
    np.real_if_close,
    *[getattr(np.emath, name) for name in np.emath.__all__],
}
WRITERS = {
    ndarray.__setitem__,
    np.put,
    np.putmask,
    np.place,
    np.put_along_axis,
    np.fill_diagonal,
    ndarray.sort,
    ndarray.partition,
    ndarray.put,
}
LAYOUTS = {"T": np.transpose, "mT": np.matrix_transpose, "real": np.real, "imag": np.imag}


@lru_cache(None)
def takes_out(fun: Callable) -> bool:
    """Whether a function can put its result into a given array."""
    if isinstance(fun, np.ufunc) or isinstance(getattr(fun, "__self__", None), np.ufunc):
        return getattr(fun, "__name__", "") != "at"
    try:
        return fun is not np.mean and "out" in inspect.signature(fun).parameters
    except (TypeError, ValueError):
        return False


@lru_cache(None)
def names_from_out(fun: Callable) -> tuple[int, tuple[str, ...]]:
    """Where `out` stands among a function's parameters, and the names from there on."""
    if (
        not takes_out(fun)
        or isinstance(fun, np.ufunc)
        or isinstance(getattr(fun, "__self__", None), np.ufunc)
    ):
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


def place_of(array: ndarray) -> int:
    """The address of an array's first element."""
    return array.__array_interface__["data"][0]


def masked_copy(target, source, where) -> None:
    """np.copyto with a mask."""
    np.copyto(target, source, casting="unsafe", where=where)


def canonical(fun, args, kwargs):
    """The same call as the ufunc, or the copy, that it amounts to."""
    if fun in REDUCTIONS:
        bound = inspect.signature(fun).bind(*args, **kwargs).arguments
        array = bound.pop("a")
        given = {k: v for k, v in bound.items() if v is not None and v is not np._NoValue or k == "axis"}
        given.setdefault("axis", None)
        if type(array) in STANDINS or isinstance(array, ndarray):
            return REDUCTIONS[fun].reduce, (array,), given
    at, names = names_from_out(fun)
    if len(args) > at:
        kwargs = {**dict(zip(names, args[at:])), **kwargs}
        args = args[:at]
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    if fun is ndarray.fill:
        return np.copyto, args, {"casting": "unsafe"}
    if fun is ndarray.__setitem__:
        array, index, value = args
        if is_basic(index) and isinstance(real(array)[index], ndarray):
            place = array[index] if type(array) in STANDINS else array[index]
            return np.copyto, (place, value), {"casting": "unsafe"}
        elif type(array) in STANDINS and is_basic(index):  # a single element
            place = array[(*index, ...) if type(index) is tuple else (index, ...)]
            return np.copyto, (place, value), {"casting": "unsafe"}
    return fun, args, kwargs


def is_basic(index) -> bool:
    """Whether an index makes a view."""
    return all(
        isinstance(i, (int, np.integer, slice, type(None), type(...))) and not isinstance(i, bool)
        for i in (index if type(index) is tuple else (index,))
    )


def kind_of(fun, values, options) -> str:
    """elementwise, reduction, product or call: what a planner may do with it."""
    if isinstance(fun, np.ufunc) and fun.signature is None and fun.nout == 1 and not options:
        return "elementwise"
    if fun is np.where:
        return "elementwise" if not options else "call"
    if (
        fun in (np.matmul, np.dot)
        and not options
        and all(isinstance(v, ndarray) and 0 < v.ndim < 3 for v in values)
    ):
        return "product"
    return "call"


# ---- refusing, with the line ------------------------------------------------------------------------------


def user_frame():
    """Where the user's code is: not in this package, NumPy or Python's modules, nor in another package if it can."""
    frame, found = sys._getframe(1), None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(HERE):
            found = found or frame
            if "-packages" not in file:
                return frame
        frame = frame.f_back
    return found


def calling_frame():
    """Who called NumPy: a function of the user's or of this package."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((HERE[0] + "jit/", HERE[1])):
        frame = frame.f_back
    return frame


def is_inplace(frame) -> bool:
    """Whether a frame is at x += y or its kin, after which the name x means the result."""
    return operation(frame) == "BINARY_OP" and 13 <= frame.f_code.co_code[frame.f_lasti + 1] < 26


def operation(frame) -> str:
    """The name of the instruction that a frame is at; x[i] has one name in all versions of Python."""
    if frame is None:
        return ""
    code, at = frame.f_code.co_code, frame.f_lasti
    return "BINARY_SUBSCR" if opname[code[at]] == "BINARY_OP" and code[at + 1] == 26 else opname[code[at]]


def user_line() -> str:
    """Where the user's code is, as file:line."""
    frame = user_frame()
    return "" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def definition(f: Callable) -> tuple[str, int, str] | None:
    """The file and line where a function is defined, and its name; None where Python does not tell."""
    f = getattr(f, "func", f)  # of a partial
    if not hasattr(f, "__name__"):  # an object that is called
        f = getattr(type(f), "forward", type(f).__call__)
    code = getattr(inspect.unwrap(f), "__code__", None)
    return code and (code.co_filename, code.co_firstlineno, code.co_name)


def has_nan(flat: np.ndarray) -> bool:
    """Whether there is a NaN among real numbers: if and only if their sum of squares is one."""
    total = np.dot(flat, flat)
    return bool(total != total)


def refuse(why: str) -> NoReturn:
    """Raise NotReplayable with the user's file, line and text; those of the function, once it has run."""
    frame, tape = user_frame(), recorder.get()
    at = None if frame is None else (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
    if tape is not None and tape.ran is not None:
        at = definition(tape.ran) or at
    error = NotReplayable(f"jit: {why}")
    if at is not None:
        text = linecache.getline(*at[:2]).strip()
        error = NotReplayable(f"jit: {at[0]}, line {at[1]}, in {at[2]}: `{text}`: {why}")
    if tape is not None:
        tape.refusal = error
    raise error

"""The options and methods of ufuncs, each said with ordinary calls of functions that have rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .arrays import array_of
from .operation import NotDifferentiable
from .places import scatter
from .signatures import along, axes_of
from .table import TABLE, Plain


@cache
def named_as(fact: str) -> dict[Any, Any]:
    """What NumPy also calls by another name: from a ufunc to the function whose row says so, as np.add to np.sum."""
    found: dict[np.ufunc, Callable[..., Any]] = {}
    for fun, row in TABLE.items():
        ufunc = getattr(row, fact)
        if ufunc is not None and not isinstance(row, Plain):
            found.setdefault(ufunc, fun)
    return found


def ufunc_with_options(
    ufunc: Any,
    *inputs: Any,
    out: Any = None,
    where: Any = True,
    dtype: Any = None,
    casting: Any = None,
    order: Any = None,
    subok: Any = None,
    **options: Any,
) -> Any:
    """ufunc(..., out=, where=, dtype=): convert first, apply, then assign where asked."""
    if dtype is not None:
        inputs = tuple(np.astype(x, dtype) if hasattr(x, "_node") else np.asarray(x, dtype) for x in inputs)
    if where is not True:  # a place that is not computed must not warn: any number of the domain will do
        inputs = tuple(np.where(where, x, np.ones((), array_of(x).dtype)) for x in inputs)
    result = along_axes(ufunc, inputs, **options) if options else ufunc(*inputs)
    target = out[0] if isinstance(out, tuple) else out
    if target is None:
        return result if where is True else np.where(where, result, 0)
    if isinstance(out, tuple) and len(out) > 1:
        raise NotDifferentiable(f"{ufunc.__name__}: several out= arrays are not differentiable; assign the results")
    return assign_out(ufunc, result if where is True else np.where(where, result, target), target)


def assign_out(fun: Callable[..., Any], result: Any, out: Any) -> Any:
    """What out= means: the result is assigned to a tensor, and that is returned."""
    if not hasattr(out, "_node"):
        if not (hasattr(result, "_node") and result._node.tracked):
            out[...] = array_of(result)
            return out
        raise NotDifferentiable(
            f"{fun.__name__}: out= is an ndarray, which would lose the gradient; pass a tensor, as "
            "np.zeros_like of one, or use the returned value"
        )
    out[...] = result
    return out


def along_axes(ufunc: Any, inputs: Any, axes: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """A product of stacks (matmul, vecdot, ...) along other axes than the last: moved there, and the result's back."""
    if axes is None:
        axes = [(-1 if axis is None else axis,)] * len(inputs) + [()]
    axes = [a if isinstance(a, tuple) else (a,) for a in axes]
    moved = [np.moveaxis(x, a, range(-len(a), 0)) for x, a in zip(inputs, axes)]
    result = ufunc(*moved)
    if keepdims:
        return np.expand_dims(result, axes[0])
    back = axes[len(inputs)] if len(axes) > len(inputs) else ()
    return np.moveaxis(result, range(-len(back), 0), back)


def reduce(
    ufunc: Any,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = np._NoValue,
    where: Any = True,
) -> Any:
    """ufunc.reduce: NumPy's reduction of the same meaning, or the function applied along the axis, one by one."""
    array = array if dtype is None else np.astype(array, dtype)
    same = named_as("reduces").get(ufunc)
    if same is not None:
        extra = {} if initial is np._NoValue else {"initial": initial}
        result = same(array, axis=axis, keepdims=keepdims, where=where, **extra)
    else:
        axes = axes_of(axis, array.ndim)
        result = fold_axes(ufunc, array, axes, initial, where)
        result = np.expand_dims(result, axes) if keepdims else result
    return result if out is None else ufunc_with_options(np.positive, result, out=out)


def fold_axes(ufunc: Any, array: Any, axes: tuple[Any, ...], initial: Any, where: Any) -> Any:
    """The function applied from element to element along the axes, as one; those outside `where` change nothing."""
    rest = tuple(n for i, n in enumerate(array.shape) if i not in axes)
    where = where if where is True else np.broadcast_to(where, array.shape)
    array, where = (
        np.reshape(np.moveaxis(a, axes, range(len(axes))), (math.prod(array.shape[i] for i in axes), *rest))
        if a is not True
        else True
        for a in (array, where)
    )
    if initial is np._NoValue and (where is not True or len(array) < 2):  # hypot makes |x| of a single x
        initial = np._NoValue if ufunc.identity is None and len(array) and where is True else ufunc.identity
        if initial is None:
            raise ValueError(
                f"{ufunc.__name__}.reduce: found an empty axis, or where=, and a function without an "
                "identity; pass initial="
            )
    start = initial is np._NoValue
    result = array[0] if start else np.astype(np.broadcast_to(initial, rest), array.dtype)
    for i in range(int(start), len(array)):
        result = ufunc(result, array[i]) if where is True else np.where(where[i], ufunc(result, array[i]), result)
    return result


def accumulate(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """ufunc.accumulate: a running reduction."""
    axis = 0 if axis is None and array.ndim < 2 else axis
    array = array if dtype is None else np.astype(array, dtype)
    same = named_as("accumulates").get(ufunc)
    if same is not None:
        result = same(array, axis=axis)
    else:
        rows = [array[along(0, axis, array.ndim)]] if array.shape[axis] else []
        for i in range(1, array.shape[axis]):
            rows.append(ufunc(rows[-1], array[along(i, axis, array.ndim)]))
        result = np.stack(rows, axis) if rows else array
    return result if out is None else ufunc_with_options(np.positive, result, out=out)


def reduceat(ufunc: Any, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """ufunc.reduceat: reductions of consecutive slices."""
    array = array if dtype is None else np.astype(array, dtype)
    starts = [int(i) for i in indices]
    ends = starts[1:] + [array.shape[axis]]
    parts = [
        reduce(ufunc, array[along(slice(s, e), axis, array.ndim)], axis=axis)
        if e > s
        else array[along(s, axis, array.ndim)]
        for s, e in zip(starts, ends)
    ]
    result = np.stack(parts, axis)
    return result if out is None else ufunc_with_options(np.positive, result, out=out)


def outer(ufunc: Any, a: Any, b: Any, **options: Any) -> Any:
    """ufunc.outer: every pair."""
    a = a if hasattr(a, "_node") else np.asarray(a)
    return ufunc_with_options(ufunc, a[(...,) + (None,) * np.ndim(array_of(b))], b, **options)


def at(ufunc: Any, a: Any, indices: Any, b: Any = None) -> None:
    """ufunc.at: in place and unbuffered, so that a repeated index counts each time."""
    if not hasattr(a, "_node"):
        raise NotDifferentiable(
            f"{ufunc.__name__}.at: the first argument is an ndarray, which would lose the gradient; make it a tensor"
        )
    if ufunc in (np.add, np.subtract):
        place = np.broadcast_to(b, array_of(a)[indices].shape)
        a[...] = ufunc(a, scatter(place if hasattr(place, "_node") else np.asarray(place, a.dtype), indices, a.shape))
        return
    numbers = np.arange(a.size).reshape(a.shape)[indices]  # which element each place is, to take repeats in turn
    flat = np.ravel(numbers)
    seen: dict[int, int] = {}
    turns = np.array([_turn(seen, n) for n in flat.tolist()], int)
    values = None if b is None else np.ravel(np.broadcast_to(b, numbers.shape))
    result = np.ravel(a)
    for turn in range(turns.max(initial=-1) + 1):
        now = np.flatnonzero(turns == turn)
        places = flat[now]
        new = ufunc(result[places]) if values is None else ufunc(result[places], values[now])
        result = np.copy(result)
        result[places] = new
    a[...] = np.reshape(result, a.shape)


def _turn(seen: dict[int, int], n: int) -> int:
    seen[n] = seen.get(n, -1) + 1
    return seen[n]


UFUNC_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": ufunc_with_options,
    "reduce": reduce,
    "accumulate": accumulate,
    "reduceat": reduceat,
    "outer": outer,
    "at": at,
}

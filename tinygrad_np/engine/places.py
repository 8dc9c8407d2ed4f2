"""Places in arrays: x[index], its transpose, x[index] = value, and `moves`, for functions that only move elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import takes_once
from .cotangents import unbroadcast
from .rules import Row
from .signatures import signature_of
from .table import enter, primitive
from .tracing import whole


@primitive
def getitem(x: Any, index: Any) -> Any:
    """x[index], for any index that NumPy takes."""
    return x[index]


@primitive
def scatter(ct: Any, index: Any, shape: Any) -> Any:
    """Zeros of `shape` with `ct` added at `index`, repeated places summed: the transpose of getitem."""
    if not takes_once(index):
        return scatter_add(ct, index, shape)
    out = np.zeros_like(ct, shape=shape)
    out[index] = ct
    return out


@whole
def scatter_add(ct: Any, index: Any, shape: Any) -> Any:
    """The same for any index: repeated places are summed."""
    out = np.zeros(shape, ct.dtype)
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and len(shape) == 1 and ct.dtype.kind == "f":
        out[...] = np.bincount(index.ravel() % max(shape[0], 1), ct.ravel(), shape[0]) if index.size else 0
    else:
        np.add.at(out, index, ct)
    return out


@primitive
def assigned(x: Any, index: Any, value: Any) -> Any:
    """A copy of x with x[index] = value."""
    out = np.array(x)
    out[index] = value
    return out


def last_written(ct: Any, index: Any, x_shape: Any, value_shape: Any) -> Any:
    """The cotangent of an assigned value: where an index repeats, only the last value was kept."""
    g = getitem(ct, index)
    if not takes_once(index):
        numbers = np.arange(g.size).reshape(g.shape)
        board = np.empty(x_shape, int)
        board[index] = numbers
        g = np.where(board[index] == numbers, g, 0)
    lead = len(value_shape) - g.ndim  # NumPy lets a value have more axes of length one than its place
    return np.reshape(unbroadcast(g, value_shape[max(lead, 0) :]), value_shape)


getitem.defvjp(
    lambda ct, x_shape, index: scatter(ct, index, x_shape),
    kind="linear",
    cases=[
        lambda f, A: f(A("m", 4), (slice(None), slice(-1, None, -2))),
        lambda f, A: f(A(3, "n"), ([0, 2, 0, -1],)),
        lambda f, A: f(A(3, 2), np.array([[True, False], [False, True], [True, True]])),
        lambda f, A: f(A(3, 4), ([1, 1], None, slice(1, 3))),
        lambda f, A: f(A(3, 4), (Ellipsis, 0)),
    ],
)
scatter.defvjp(
    lambda ct, index: getitem(ct, index),
    kind="linear",
    cases=[lambda f, A: f(A(3, 2), ([0, 2, 0],), (4, 2)), lambda f, A: f(A(2), slice(1, 3), (4,))],
)
assigned.defvjp(
    lambda ct, index: assigned(ct, index, 0),
    last_written,
    diff=("x", "value"),
    kind="linear",
    cases=[
        lambda f, A: f(A(3, "n"), (slice(0, 2),), A(2, "n")),
        lambda f, A: f(A(4), [1, 0, 1], A(3)),
        lambda f, A: f(A(2, 2), 1, A()),
    ],
)


def moves(fun: Callable[..., Any], **options: Any) -> Row:
    """A function that only moves, repeats or drops elements of its first argument.

    Applied to the element numbers it says where each one went; that is its whole derivative.
    """
    sig = signature_of(fun)
    first, *rest = tuple(p for p in sig.parameters if p != "out")

    def rule(ct: Any, shape: Any, *others: Any) -> Any:
        numbers = np.arange(int(np.prod(shape))).reshape(shape)
        if not numbers.size:  # np.resize fills what it finds nothing for with zeros
            return np.zeros(shape, ct.dtype)
        went = fun(numbers, **{k: v for k, v in zip(rest, others) if v is not None})
        return np.reshape(scatter(np.ravel(ct), went.ravel(), (numbers.size,)), shape)

    return enter(fun, Row(fun, (rule,), (first,), residuals=((f"{first}_shape", *rest),), kind="linear", **options))

"""Indexing and selection: everything that picks elements is an index, and the transpose of an index is a scatter."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.cotangents import unbroadcast
from ..engine.signatures import along, axes_of
from ..engine.table import composed, linear

linear(np.where, lambda ct, condition, x_shape: unbroadcast(np.where(condition, ct, 0), x_shape),
       lambda ct, condition, y_shape: unbroadcast(np.where(condition, 0, ct), y_shape),
       diff=("x", "y"), signature="condition, x=None, y=None", ignores=("condition",),
       cases=[lambda f, A: f(np.arange(3) % 2 == 0, A("m", 3), A(3)),
              lambda f, A: f(np.array([[True], [False]]), A(2, "n"), 0.0)])


@composed(np.take, cases=[lambda f, A: f(A(3, "n"), [[0, 2], [2, -1]], axis=0), lambda f, A: f(A(3, 2), [5, 0, 0]),
                          lambda f, A: f(A("m", 3), [4, -5], axis=1, mode="wrap")])
def take(a, indices, axis=None, mode="raise"):
    if axis is None or not a.ndim:
        a, axis = np.ravel(a), 0
    n, indices = a.shape[axis], np.asarray(indices)
    if mode == "wrap":
        indices = indices % n
    elif mode == "clip":
        indices = np.clip(indices, 0, n - 1)
    return a[along(indices, axis, a.ndim)]


@composed(np.take_along_axis, cases=[lambda f, A: f(A(3, 2), np.array([[0, 2], [0, 0]]), 0),
                                     lambda f, A: f(A(2, 3), np.array([[2, -1], [1, 1]]), axis=1)])
def take_along_axis(arr, indices, axis=-1):
    return np.ravel(arr)[indices] if axis is None else arr[open_grid(indices, axis, arr.shape)]


def open_grid(indices, axis, shape):
    """The index that reads, along one axis of an array of `shape`, the position that `indices` gives everywhere."""
    indices = np.asarray(array_of(indices))
    if indices.dtype.kind not in "iu" or indices.ndim != len(shape):
        raise IndexError(f"found indices of {indices.ndim} axes, {indices.dtype}; "
                         f"expected {len(shape)} axes of integers")
    grid = list(np.ogrid[tuple(slice(n) for n in shape)])
    grid[axes_of(axis, len(shape))[0]] = indices
    return tuple(grid)


@composed(np.compress, shape_from="condition", cases=[lambda f, A: f([True, False, True], A(3, "n"), axis=0)])
def compress(condition, a, axis=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    return a[along(np.flatnonzero(array_of(condition)), axis, a.ndim)]


@composed(np.extract, shape_from="condition", cases=[lambda f, A: f(np.array([[True, False], [True, True]]), A(2, 2))])
def extract(condition, arr):
    return np.ravel(arr)[np.flatnonzero(array_of(condition))]


def distinct(a):
    """Zero where two elements tie, so that their order could change."""
    return np.diff(np.sort(a, axis=None))


@composed(np.sort, cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m", "n"), axis=0),
                          lambda f, A: f(A("m", "n"), None)],
          kinks=distinct)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    order = np.argsort(array_of(a), axis, kind, stable=stable)
    return np.take_along_axis(a, order, axis) if a.size else a


@composed(np.partition, cases=[lambda f, A: f(A(2, 5), 2), lambda f, A: f(A(5, 2), (1, -1), axis=0)], kinks=distinct)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argpartition(array_of(a), kth, axis, kind), axis)


@composed(np.select, cases=[lambda f, A: f([np.array([True, False, False]), np.array([True, True, False])],
                                           [A(2, 3), A(3)], A())])
def select(condlist, choicelist, default=0):
    if len(condlist) != len(choicelist):
        raise ValueError(f"select: found {len(condlist)} conditions and {len(choicelist)} choices; "
                         "expected as many of each")
    out = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        out = np.where(condition, choice, out)
    return out



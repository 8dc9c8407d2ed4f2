"""Functions that change their first argument, and functions that fill a new array: assignments by other names."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.operation import NotDifferentiable
from ..engine.signatures import axes_of
from ..engine.table import composed
from .indexing import open_grid
from .joining import as_operand


def writable_tensor(arr, name: str):
    """The first argument, which must be a tensor: an ndarray has nowhere to keep a gradient."""
    if not hasattr(arr, "_node"):
        raise NotDifferentiable(f"np.{name}: the array to change is an ndarray, which would lose the gradient; "
                                "make it a tensor, as np.zeros_like of one")
    return arr


def changing(fun, cases):
    """Decorate the definition of a function that changes its first argument and returns None."""
    return composed(fun, writes=True, cases=[changed_copy(case) for case in cases])


def changed_copy(case):
    """A case for tests, which want a result: the changed copy of the first argument."""
    def run(f, A):
        kept = []

        def in_place(arr, *args, **kwargs):
            kept.append(arr.copy())
            f(kept[-1], *args, **kwargs)
        case(in_place, A)
        return kept[-1]
    return run


@changing(np.copyto, [lambda f, A: f(A("m", 3), A(3)),
                      lambda f, A: f(A("m", 3), A(3), where=np.array([True, False, True]))])
def copyto(dst, src, casting="same_kind", where=True):
    writable_tensor(dst, "copyto")[...] = src if where is True else np.where(where, src, dst)


@changing(np.put, [lambda f, A: f(A(2, 3), [0, 5, -1], A(3)), lambda f, A: f(A(2, 3), [0, 7, 2], A(2), mode="wrap")])
def put(a, ind, v, mode="raise"):
    places = np.asarray(array_of(ind)).ravel()
    if mode != "raise":
        places = places % a.size if mode == "wrap" else np.clip(places, 0, a.size - 1)
    if places.size and np.size(array_of(v)):
        index = np.unravel_index(np.where(places < 0, places + a.size, places), a.shape) if a.ndim else ...
        writable_tensor(a, "put")[index] = np.resize(v, places.shape if a.ndim else ())


@changing(np.put_along_axis, [lambda f, A: f(A(3, 2), np.array([[0, 2]]), A(1, 2), 0),
                              lambda f, A: f(A(2, 3), np.array([[1], [2]]), 0.5, axis=1)])
def put_along_axis(arr, indices, values, axis=-1):
    if axis is None:
        flat = np.ravel(arr).copy()
        flat[indices] = values
        writable_tensor(arr, "put_along_axis")[...] = np.reshape(flat, arr.shape)
    else:
        writable_tensor(arr, "put_along_axis")[open_grid(indices, axis, arr.shape)] = values


@changing(np.putmask, [lambda f, A: f(A(2, 3), np.array([[True, False, True], [False, True, False]]), A(2))])
def putmask(a, mask, values):
    if np.size(array_of(values)):
        spread = np.reshape(np.resize(values, a.shape), a.shape)
        writable_tensor(a, "putmask")[...] = np.where(array_of(mask), spread, a)


@changing(np.place, [lambda f, A: f(A(2, 3), np.array([[True, False, True], [False, True, False]]), A(2))])
def place(arr, mask, vals):
    where = np.flatnonzero(array_of(mask))
    if where.size and not np.size(array_of(vals)):
        raise ValueError("place: found no values to put where the mask is true")
    if where.size:
        writable_tensor(arr, "place")[np.unravel_index(where, arr.shape)] = np.resize(vals, where.shape)


@changing(np.fill_diagonal, [lambda f, A: f(A(3, 3), A()), lambda f, A: f(A(4, 2), A(2))])
def fill_diagonal(a, val, wrap=False):
    numbers = np.zeros(a.shape, bool)
    np.fill_diagonal(numbers, True, wrap)
    where = np.nonzero(numbers)
    writable_tensor(a, "fill_diagonal")[where] = np.resize(val, where[0].shape)


@composed(np.full_like, cases=[lambda f, A: f(A(2, 3), A(3))])
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    out = np.empty_like(a, dtype, order, shape=shape)
    out[...] = fill_value
    return out


@composed(np.insert, shape_from="obj", cases=[lambda f, A: f(A("m", 2), min(1, A("m", 2).shape[0]), A(2), axis=0),
                            lambda f, A: f(A(3), [0, 2], A(2)), lambda f, A: f(A(2, 3), slice(0, 2), A(2, 2), axis=1),
                            lambda f, A: f(np.arange(3.0), [1, 1], A(2))])
def insert(arr, obj, values, axis=None):
    arr = as_operand(arr)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis, = axes_of(axis, arr.ndim)
    n = arr.shape[axis]
    values = as_operand(values)
    single = not isinstance(obj, slice) and np.size(obj) == 1 and np.asarray(obj).dtype != bool
    if single:      # where several values go to one place
        values = values[(None,) * (arr.ndim - values.ndim)]
        values = values if np.ndim(obj) else np.moveaxis(values, 0, axis)
        obj = np.repeat(np.ravel(obj), values.shape[axis])
    went = np.insert(np.arange(n), obj, -1)         # which old place each new one holds, -1 where a value goes
    more = np.count_nonzero(went < 0)
    went[went < 0] = n + np.arange(more)
    values = np.broadcast_to(np.astype(values, arr.dtype), arr.shape[:axis] + (more,) + arr.shape[axis + 1:])
    return np.take(np.concatenate([arr, values], axis), went, axis)

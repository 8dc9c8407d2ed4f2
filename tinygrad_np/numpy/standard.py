"""What the Array API standard spells in another way than NumPy, and both spellings of it."""

from __future__ import annotations

import numpy as np

from ..engine.arrays import array_of
from .creators import made_tensor
from .looking import one_tensor


def argsort(a, /, axis=-1, kind=None, order=None, *, descending=False, stable=True):
    """The indices that sort an axis; equal elements keep their order, also where the largest comes first."""
    values = array_of(one_tensor(a))
    if not descending:
        return made_tensor(np.argsort(values, axis, kind, order, stable=None if kind else stable))
    return made_tensor(values.shape[axis] - 1 - np.flip(np.argsort(np.flip(values, axis), axis, stable=stable), axis))


def sort(a, /, axis=-1, kind=None, order=None, *, descending=False, stable=None):
    """A sorted copy; the largest comes first where `descending` says so."""
    a = one_tensor(a)
    if not descending:
        return np.sort(a, axis, kind, order, stable=stable)
    return np.take_along_axis(a, array_of(argsort(a, axis, descending=True)), axis)


def clip(x, /, min=None, max=None, out=None, *, a_min=None, a_max=None, **options):
    """The elements limited to [min, max], which NumPy also calls a_min and a_max."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return np.clip(one_tensor(x), one_tensor(low), one_tensor(high), out, **options)


def broadcast_arrays(*args, subok=False):
    """The arrays broadcast against each other, in a list."""
    return list(np.broadcast_arrays(*map(one_tensor, args), subok=subok))


def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Grids of coordinates from the coordinates along each axis, in a list."""
    return list(made_tensor(np.meshgrid(*map(one_tensor, xi), copy=copy, sparse=sparse, indexing=indexing)))


def make_diagonal(D, offset=0, axis1=0, axis2=1):
    """Matrices with D on their diagonals, as HIPS autograd has it; np.diagonal takes them out again."""
    if (offset, axis1, axis2) not in ((0, -1, -2), (0, -2, -1)):
        raise NotImplementedError("make_diagonal: expected offset=0, axis1=-1 and axis2=-2")
    D = one_tensor(D)
    return D[..., None] * np.eye(np.shape(D)[-1])


OF_THE_STANDARD = {f.__name__: f for f in (argsort, sort, clip, broadcast_arrays, meshgrid)}

"""The methods of ndarray, each by NumPy's function of the same meaning; the table does the rest."""

from __future__ import annotations

import sys

import numpy as np


class ArrayMethods:
    """What an ndarray can do that has a derivative, in NumPy's spelling."""

    __slots__ = ()

    # ---- shape --------------------------------------------------------------------------------------------

    T = property(lambda self: np.transpose(self), doc="The axes reversed.")
    mT = property(lambda self: np.matrix_transpose(self), doc="The last two axes swapped.")

    def reshape(self, *shape, order="C", copy=None):
        """The same elements in another shape; one length may be -1."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes):
        """The axes in another order, by default reversed."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def swapaxes(self, axis1, axis2):
        """Two axes exchanged."""
        return np.swapaxes(self, axis1, axis2)

    def ravel(self, order="C"):
        """The elements in one dimension."""
        return np.ravel(self, order)

    def flatten(self, order="C"):
        """The elements in one dimension, as a copy."""
        return apart(np.ravel(self, order))

    def squeeze(self, axis=None):
        """Without the axes of length one."""
        return np.squeeze(self, axis)

    def diagonal(self, offset=0, axis1=0, axis2=1):
        """The diagonal of two axes, as the last axis."""
        return np.diagonal(self, offset, axis1, axis2)

    def repeat(self, repeats, axis=None):
        """Each element several times."""
        return np.repeat(self, repeats, axis)

    def take(self, indices, axis=None, out=None, mode="raise"):
        """The elements at `indices` along an axis."""
        return np.take(self, indices, axis, out, mode)

    def compress(self, condition, axis=None, out=None):
        """The slices along an axis where `condition` holds."""
        return np.compress(condition, self, axis, out)

    def sort(self, axis=-1, kind=None, order=None, *, stable=None):
        """Sort in place."""
        self[...] = np.sort(self, axis, kind, order, stable=stable)

    def choose(self, choices, out=None, mode="raise"):
        """From several arrays, at each place the one that this tensor numbers."""
        return np.choose(self, choices, out, mode)

    def partition(self, kth, axis=-1, kind="introselect", order=None):
        """Partition in place: the element of each position in `kth` is where sorting would put it."""
        self[...] = np.partition(self, kth, axis, kind, order)

    def put(self, indices, values, mode="raise"):
        """Set the elements at flat positions, in place."""
        np.put(self, indices, values, mode)

    @property
    def flat(self):
        """The elements in one dimension, in C order; assigning fills the tensor."""
        return np.ravel(self)

    @flat.setter
    def flat(self, values):
        self[...] = np.reshape(np.resize(values, self.size), self.shape)

    def copy(self, order="C"):
        """A tensor with an array of its own, still on the tape."""
        return np.copy(self, order)

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        """The elements in another dtype; to integers or booleans this leaves the tape."""
        return self if not copy and self.dtype == dtype else np.astype(self, dtype)

    # ---- reductions ---------------------------------------------------------------------------------------

    def sum(self, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
        """The sum over an axis, axes or all elements."""
        return np.sum(self, axis, dtype, out, keepdims, initial, where)

    def prod(self, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
        """The product over an axis, axes or all elements."""
        return np.prod(self, axis, dtype, out, keepdims, initial, where)

    def mean(self, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
        """The mean over an axis, axes or all elements."""
        return np.mean(self, axis, dtype, out, keepdims, where=where)

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True):
        """The variance over an axis, axes or all elements."""
        return np.var(self, axis, dtype, out, ddof, keepdims, where=where)

    def std(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True):
        """The standard deviation over an axis, axes or all elements."""
        return np.std(self, axis, dtype, out, ddof, keepdims, where=where)

    def max(self, axis=None, out=None, keepdims=False, initial=None, where=True):
        """The maximum over an axis, axes or all elements."""
        return np.max(self, axis, out, keepdims, **given(initial=initial, where=where))

    def min(self, axis=None, out=None, keepdims=False, initial=None, where=True):
        """The minimum over an axis, axes or all elements."""
        return np.min(self, axis, out, keepdims, **given(initial=initial, where=where))

    def trace(self, offset=0, axis1=0, axis2=1, dtype=None, out=None):
        """The sum of a diagonal."""
        return np.trace(self, offset, axis1, axis2, dtype, out)

    def cumsum(self, axis=None, dtype=None, out=None):
        """The running sum."""
        return np.cumsum(self, axis, dtype, out)

    def cumprod(self, axis=None, dtype=None, out=None):
        """The running product."""
        return np.cumprod(self, axis, dtype, out)

    # ---- elementwise and products -------------------------------------------------------------------------

    @property
    def real(self):
        """The real part; assigning changes the tensor."""
        return np.real(self)

    @real.setter
    def real(self, value):
        self[...] = value + 1j * apart(np.imag(self)) if self.dtype.kind == "c" else value

    @property
    def imag(self):
        """The imaginary part; assigning changes the tensor."""
        return np.imag(self)

    @imag.setter
    def imag(self, value):
        if self.dtype.kind != "c":
            raise TypeError(f"x.imag = value: x is {self.dtype}, which has no imaginary part")
        self[...] = apart(np.real(self)) + 1j * value

    def conjugate(self):
        """The complex conjugate; a real tensor is its own."""
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conj = conjugate

    def clip(self, min=None, max=None, out=None):
        """The elements limited to [min, max]."""
        return np.clip(self, min, max, out)

    def round(self, decimals=0, out=None):
        """The elements rounded; the derivative is 0."""
        return np.round(self, decimals, out)

    def __round__(self, ndigits=0):
        return np.round(self, ndigits)

    def dot(self, b, out=None):
        """NumPy's dot product."""
        return np.dot(self, b, out)

    # ---- where it lives -----------------------------------------------------------------------------------

    device = property(lambda self: "cpu", doc="Where the elements are: always 'cpu'.")

    def to_device(self, device, /, *, stream=None):
        """The tensor itself: there is one device, 'cpu'."""
        if device != "cpu":
            raise ValueError(f"to_device: found {device!r}; expected 'cpu'")
        return self

    def __array_namespace__(self, *, api_version=None):
        return sys.modules[__package__].array_api

    # ---- answers without a derivative ---------------------------------------------------------------------

    def argmax(self, axis=None, out=None, *, keepdims=False):
        """Where the maximum is, as plain integers."""
        return np.argmax(self, axis, out, keepdims=keepdims)

    def argmin(self, axis=None, out=None, *, keepdims=False):
        """Where the minimum is, as plain integers."""
        return np.argmin(self, axis, out, keepdims=keepdims)

    def argsort(self, axis=-1, kind=None, order=None, *, stable=None):
        """The order that sorts, as plain integers."""
        return np.argsort(self, axis, kind, order, stable=stable)

    def argpartition(self, kth, axis=-1, kind="introselect", order=None):
        """The order that partitions, as plain integers."""
        return np.argpartition(self, kth, axis, kind, order)

    def searchsorted(self, v, side="left", sorter=None):
        """Where to insert, as plain integers."""
        return np.searchsorted(self, v, side, sorter)

    def nonzero(self):
        """Where the elements are not zero, as plain integers."""
        return np.nonzero(self)

    def all(self, axis=None, out=None, keepdims=False, *, where=True):
        """Whether all elements are true."""
        return np.all(self, axis, out, keepdims, where=where)

    def any(self, axis=None, out=None, keepdims=False, *, where=True):
        """Whether any element is true."""
        return np.any(self, axis, out, keepdims, where=where)


def apart(view):
    """A view as a tensor of its own: writing to either leaves the other as it is."""
    if hasattr(view, "views"):
        del view.views
    return view


def given(**options) -> dict:
    """The options that say something: NumPy treats an absent `initial` differently from None."""
    return {k: v for k, v in options.items() if v is not None and v is not True}

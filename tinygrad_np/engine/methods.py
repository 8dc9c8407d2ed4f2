"""The methods of ndarray, each by NumPy's function of the same meaning; the table does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy

from .above import DOORS
from .assignment import Assignment
from .habits import in_one_axis, spelled, values_alone

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import ArrayLike, DTypeLike

    from .tensor import Tensor

    Axes = int | tuple[int, ...] | None

np: Any = numpy  # its own types do not say that a function of tensors returns tensors


class ArrayMethods(Assignment):
    """What an ndarray is and can do that has a derivative, in NumPy's spelling."""

    __slots__ = ()

    # ---- what it is ---------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self._array.shape

    @property
    def dtype(self) -> numpy.dtype:
        """The type of the elements."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements: a plain int, which NumPy needs to keep dtypes, and so nothing to call."""
        return self._array.size

    @property
    def nbytes(self) -> int:
        """The bytes of the elements."""
        return self._array.nbytes

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self._array.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """The bytes from one element to the next along each axis."""
        return self._array.strides

    def __len__(self) -> int:
        return len(self._array)

    # ---- shape --------------------------------------------------------------------------------------------

    @property
    def T(self) -> Tensor:
        """The axes reversed."""
        return np.transpose(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped."""
        return np.matrix_transpose(self)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Tensor:
        """The same elements in another shape; one length may be -1."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, by default reversed."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        return np.swapaxes(self, axis1, axis2)

    def ravel(self, order: str = "C") -> Tensor:
        """The elements in one dimension."""
        return np.ravel(self, order)

    def flatten(self, order: Any = "C", **habits: Any) -> Tensor:
        """The elements in one dimension, as a copy."""
        if habits or isinstance(order, int):
            return owning(in_one_axis(self, **({} if order == "C" else {"start_dim": order}), **habits))
        return owning(np.ravel(self, order))

    def squeeze(self, axis: Axes = None, **habits: Any) -> Tensor:
        """Without the axes of length one."""
        if habits:
            axis, _ = spelled("squeeze", axis, False, habits)
        return np.squeeze(self, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """The diagonal of two axes, as the last axis."""
        return np.diagonal(self, offset, axis1, axis2)

    def repeat(self, repeats: ArrayLike, axis: int | None = None) -> Tensor:
        """Each element several times."""
        return np.repeat(self, repeats, axis)

    def take(self, indices: ArrayLike, axis: int | None = None, out: Any = None, mode: str = "raise") -> Tensor:
        """The elements at `indices` along an axis."""
        return np.take(self, indices, axis, out, mode)

    def compress(self, condition: ArrayLike, axis: int | None = None, out: Any = None) -> Tensor:
        """The slices along an axis where `condition` holds."""
        return np.compress(condition, self, axis, out)

    def sort(
        self,
        axis: int | None = -1,
        kind: str | None = None,
        order: Any = None,
        *,
        stable: bool | None = None,
        **habits: Any,
    ) -> None:
        """Sort in place."""
        if habits:
            values_alone("sort", habits)
        self[...] = np.sort(self, axis, kind, order, stable=stable)

    def choose(self, choices: ArrayLike, out: Any = None, mode: str = "raise") -> Tensor:
        """From several arrays, at each place the one that this tensor numbers."""
        return np.choose(self, choices, out, mode)

    def partition(self, kth: ArrayLike, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> None:
        """Partition in place: the element of each position in `kth` is where sorting would put it."""
        self[...] = np.partition(self, kth, axis, kind, order)

    def put(self, indices: ArrayLike, values: ArrayLike, mode: str = "raise") -> None:
        """Set the elements at flat positions, in place."""
        np.put(self, indices, values, mode)

    def copy(self, order: str = "C") -> Tensor:
        """A tensor with an array of its own, still on the tape."""
        return np.copy(self, order)

    def astype(
        self, dtype: DTypeLike, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
    ) -> Self:
        """The elements in another dtype; to integers or booleans this leaves the tape."""
        return self if not copy and self.dtype == dtype else np.astype(self, dtype)

    # ---- reductions ---------------------------------------------------------------------------------------

    def sum(
        self,
        axis: Axes = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The sum over an axis, axes or all elements."""
        if habits:
            axis, keepdims = spelled("sum", axis, keepdims, habits)
        if dtype is None and out is None and keepdims is False and where is True and initial is None:
            return np.sum(self) if axis is None else np.sum(self, axis)  # the quickest forms
        initial = 0 if initial is None else initial
        return np.sum(self, axis, dtype, out, keepdims, initial, where)

    def prod(
        self,
        axis: Axes = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = 1,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The product over an axis, axes or all elements."""
        if habits:
            axis, keepdims = spelled("prod", axis, keepdims, habits)
        return np.prod(self, axis, dtype, out, keepdims, initial, where)

    def mean(
        self,
        axis: Axes = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        keepdims: bool = False,
        *,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The mean over an axis, axes or all elements."""
        if habits:
            axis, keepdims = spelled("mean", axis, keepdims, habits)
        return np.mean(self, axis, dtype, out, keepdims, where=where)

    def var(
        self,
        axis: Axes = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The variance over an axis, axes or all elements."""
        if habits:
            values_alone("var", habits)
        return np.var(self, axis, dtype, out, ddof, keepdims, where=where)

    def std(
        self,
        axis: Axes = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The standard deviation over an axis, axes or all elements."""
        if habits:
            values_alone("std", habits)
        return np.std(self, axis, dtype, out, ddof, keepdims, where=where)

    def max(
        self,
        axis: Axes = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The maximum over an axis, axes or all elements."""
        if habits:
            values_alone("max", habits)
        return np.max(self, axis, out, keepdims, **stated(initial=initial, where=where))

    def min(
        self,
        axis: Axes = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
        **habits: Any,
    ) -> Tensor:
        """The minimum over an axis, axes or all elements."""
        if habits:
            values_alone("min", habits)
        return np.min(self, axis, out, keepdims, **stated(initial=initial, where=where))

    def trace(
        self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None, out: Any = None
    ) -> Tensor:
        """The sum of a diagonal."""
        return np.trace(self, offset, axis1, axis2, dtype, out)

    def cumsum(self, axis: int | None = None, dtype: DTypeLike | None = None, out: Any = None, **habits: Any) -> Tensor:
        """The running sum."""
        if habits:
            axis, _ = spelled("cumsum", axis, False, habits)
        return np.cumsum(self, axis, dtype, out)

    def cumprod(
        self, axis: int | None = None, dtype: DTypeLike | None = None, out: Any = None, **habits: Any
    ) -> Tensor:
        """The running product."""
        if habits:
            axis, _ = spelled("cumprod", axis, False, habits)
        return np.cumprod(self, axis, dtype, out)

    # ---- elementwise and products -------------------------------------------------------------------------

    @property
    def real(self) -> Tensor:
        """The real part; assigning changes the tensor."""
        return np.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = as_real_part(value) + 1j * owning(np.imag(self)) if self.dtype.kind == "c" else value

    @property
    def imag(self) -> Tensor:
        """The imaginary part; assigning changes the tensor."""
        return np.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError(f"x.imag = value: x is {self.dtype}, which has no imaginary part")
        self[...] = owning(np.real(self)) + 1j * as_real_part(value)

    def conjugate(self) -> Self:
        """The complex conjugate; a real tensor is its own."""
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conj = conjugate

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Tensor:
        """The elements limited to [min, max]."""
        return np.clip(self, min, max, out)

    def round(self, decimals: int = 0, out: Any = None) -> Tensor:
        """The elements rounded; the derivative is 0."""
        return np.round(self, decimals, out)

    def __round__(self, ndigits: int = 0) -> Tensor:
        return np.round(self, ndigits)

    def dot(self, b: ArrayLike, out: Any = None) -> Tensor:
        """NumPy's dot product."""
        return np.dot(self, b) if out is None else np.dot(self, b, out)  # whose signature NumPy 2.1 does not tell

    # ---- where it lives -----------------------------------------------------------------------------------

    @property
    def device(self) -> str:
        """Where the elements are: always 'cpu'."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Self:
        """The tensor itself: there is one device, 'cpu'."""
        if device != "cpu":
            raise ValueError(f"to_device: found {device!r}; expected 'cpu'")
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        return DOORS["namespace"]()

    # ---- answers without a derivative ---------------------------------------------------------------------

    def argmax(self, axis: int | None = None, out: Any = None, *, keepdims: bool = False, **habits: Any) -> Any:
        """Where the maximum is, as plain integers."""
        if habits:
            axis, keepdims = spelled("argmax", axis, keepdims, habits)
        return np.argmax(self, axis, out, keepdims=keepdims)

    def argmin(self, axis: int | None = None, out: Any = None, *, keepdims: bool = False, **habits: Any) -> Any:
        """Where the minimum is, as plain integers."""
        if habits:
            axis, keepdims = spelled("argmin", axis, keepdims, habits)
        return np.argmin(self, axis, out, keepdims=keepdims)

    def argsort(
        self,
        axis: int | None = -1,
        kind: str | None = None,
        order: Any = None,
        *,
        stable: bool | None = None,
        **habits: Any,
    ) -> Any:
        """The order that sorts, as plain integers."""
        if habits:
            axis, _ = spelled("argsort", None if axis == -1 else axis, False, habits)
        return np.argsort(self, axis, kind, order, stable=stable)

    def argpartition(self, kth: ArrayLike, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
        """The order that partitions, as plain integers."""
        return np.argpartition(self, kth, axis, kind, order)

    def searchsorted(self, v: ArrayLike, side: str = "left", sorter: Any = None) -> Any:
        """Where to insert, as plain integers."""
        return np.searchsorted(self, v, side, sorter)

    def nonzero(self) -> tuple[numpy.ndarray, ...]:
        """Where the elements are not zero, as plain integers."""
        return np.nonzero(self)

    def all(
        self, axis: Axes = None, out: Any = None, keepdims: bool = False, *, where: Any = True, **habits: Any
    ) -> Any:
        """Whether all elements are true."""
        if habits:
            axis, keepdims = spelled("all", axis, keepdims, habits)
        return np.all(self, axis, out, keepdims, where=where)

    def any(
        self, axis: Axes = None, out: Any = None, keepdims: bool = False, *, where: Any = True, **habits: Any
    ) -> Any:
        """Whether any element is true."""
        if habits:
            axis, keepdims = spelled("any", axis, keepdims, habits)
        return np.any(self, axis, out, keepdims, where=where)


def as_real_part(value: Any) -> Any:
    """What can be a part of a complex number."""
    if np.iscomplexobj(value):
        raise TypeError("x.real or x.imag = value: the value is complex; take its real part")
    return value


def owning(view: Any) -> Any:
    """A view as a tensor of its own: writing to either leaves the other as it is."""
    if hasattr(view, "_views"):
        del view._views
    return view


def stated(**options: Any) -> dict[str, Any]:
    """The options that say something: NumPy treats an absent `initial` differently from None."""
    return {k: v for k, v in options.items() if v is not None and v is not True}

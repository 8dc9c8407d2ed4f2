"""Assignment: x[i] = v and x += v give the tensor a new value and a new node; what was computed before stays.

The array is written in place when the tensor alone refers to it, which makes filling an array in a loop cheap,
and copied otherwise. Written through a view, the tensor that it is a view of is assigned to, see views.py.
A tensor without axes is a number, as what np.sum(x) and x[0] give: x += v makes another, and who holds it keeps it.
"""

from __future__ import annotations

import sys
from opcode import opmap
from typing import Any, Self

import numpy as np

from .aliasing import ALONE, changed, refs
from .dispatch import UFUNC_FORMS
from .modes import current, mode
from .places import assigned
from .recording import TENSORS, Traced, is_tracked, kept, unwrap, watched_node
from .seen import see, see_call
from .table import TABLE
from .tape import CONST, SMALL, Leaf, new_node
from .tracing import writable
from .views import living, place_of

BINARY_OP = opmap["BINARY_OP"]


class ViewError(ValueError):
    """An assignment would write through a view into a tensor that is no longer where the view was taken."""


class Assignment(Traced):
    """The in-place half of an ndarray, for Tensor."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        if has_living_views(self):
            changed_copy: Any = self.copy()  # type: ignore[attr-defined]
            changed_copy[index] = value
            write_through(self, changed_copy)
            return
        index, amount = unwrap(index), unwrap(value)
        recording = current().recording
        if type(self._node) is Leaf:
            if recording:
                raise refused_leaf(self, "x[...] = ")
            self._array[index] = amount
            changed(self._node)
            return
        tracked = (self._node.tracked, type(value) in TENSORS and value._node.tracked)
        if not tracked[1] and is_tracked(value):
            value = np.stack(value)
            amount, tracked = value._array, (self._node.tracked, True)
        if tracked[1] and self._array.dtype.kind not in "fc":
            raise TypeError(
                f"x[...] = value: the value needs a gradient and x is {self._array.dtype}; make x floating first"
            )
        if tracked[1] and value.dtype.kind == "c" and self._array.dtype.kind != "c":
            raise TypeError(f"x[...] = value: the value is complex and x is {self._array.dtype}")
        self._array = writable(self._array)
        if refs(self) != ALONE or self._array.base is not None or not self._array.flags.writeable:
            self._array = np.array(self._array)
        self._array[index] = amount
        if recording and True in tracked:
            row = TABLE[assigned]
            parents = (self._node, value._node if tracked[1] else CONST)
            index = kept(index)
            saved = row.save((self._array, index, amount), None, tracked)
            self._node = new_node(row, parents, saved, self._array.shape, self._array.dtype)
            see(self._node, np.array(self._array) if self._array.size <= SMALL else self._array)
            see_call(row, self._node, (self._array, index, amount))
            if mode.get() is not None:
                self._node = watched_node(self._node, self._array)
        elif self._node.tracked:
            self._node = CONST
        elif self._node is not CONST:
            self._node.value = None  # what it was made of is no longer what it is

    def _update(self, ufunc: np.ufunc, value: Any) -> Any:
        """self = ufunc(self, value), seen by everyone who holds this tensor, unless it is a number."""
        result: Any = UFUNC_FORMS[ufunc](self, value)
        if result is NotImplemented:  # an array of another library, whose answer the variable gets
            return result
        if not self._array.ndim and type(self._node) is not Leaf and not has_living_views(self):
            return result
        if has_living_views(self) and sys.getrefcount(self) <= TEMPORARY and augments(sys._getframe(2)):
            return result  # the middle of x[i] += v: the assignment that follows writes it
        shape, dtype = self._array.shape, self._array.dtype
        if result.shape != shape:
            raise ValueError(f"x {ufunc.__name__}= value: the result has shape {result.shape}; x has {shape}")
        if not np.can_cast(result.dtype, dtype, "same_kind"):
            raise TypeError(f"x {ufunc.__name__}= value: the result is {result.dtype}; x is {dtype}")
        if type(self._node) is Leaf:
            if current().recording:
                raise refused_leaf(self, "x += ")
            self._array[...] = result._array
            changed(self._node)
            return self
        if result.dtype != dtype:
            result = np.astype(result, dtype)
        if has_living_views(self):
            write_through(self, result)
        else:
            self._array, self._node = result._array, result._node
        return self

    def __iadd__(self, value: Any) -> Self:
        return self._update(np.add, value)

    def __isub__(self, value: Any) -> Self:
        return self._update(np.subtract, value)

    def __imul__(self, value: Any) -> Self:
        return self._update(np.multiply, value)

    def __itruediv__(self, value: Any) -> Self:
        return self._update(np.divide, value)

    def __ifloordiv__(self, value: Any) -> Self:
        return self._update(np.floor_divide, value)

    def __imod__(self, value: Any) -> Self:
        return self._update(np.remainder, value)

    def __ipow__(self, value: Any) -> Self:
        return self._update(np.power, value)

    def __imatmul__(self, value: Any) -> Self:
        return self._update(np.matmul, value)

    def fill(self, value: Any) -> None:
        """Give every element the same value."""
        self[...] = value


def has_living_views(tensor: Any) -> bool:
    """Whether another living tensor has the same memory."""
    return living(tensor) is not None


def write_through(view: Any, value: Any) -> None:
    """Give a view a new value: assign it to its place in the living tensor, and take the view anew."""
    whole = living(view)
    shown = view._array
    if not shown.size:
        return
    repeats = any(step == 0 and n > 1 for step, n in zip(shown.strides, shown.shape))
    if repeats or whole._array.flags.writeable and not shown.flags.writeable:
        raise ViewError("assignment destination is read-only, as NumPy makes it here; assign to a copy: y = y.copy()")
    place = place_of(shown, whole._array)
    if place is None:
        raise ViewError(
            "this tensor is a view of another that was assigned to since; take the view again, as in y = x[i], "
            "assign to the other one, as in x[i] = value, or to a copy: y = y.copy()"
        )
    value = place.turned(value)
    whole[place.index] = value if place.shape is None else value.reshape(whole.shape)
    now = place.of(whole)
    view._array, view._node = now._array, now._node
    view._views = getattr(now, "_views", view._views)


def augments(frame: Any) -> bool:
    """Whether a frame is at an augmented assignment; operator.iadd(x[i], v) is a call, which no assignment follows."""
    return frame.f_code.co_code[frame.f_lasti] == BINARY_OP


def refused_leaf(tensor: Any, what: str) -> RuntimeError:
    return RuntimeError(
        f"{what}...: {tensor.name or 'x'} is a leaf whose gradient is being recorded; assign to a copy "
        "(y = x.copy()), or update it under tinygrad_np.no_grad()"
    )


class _Probe:
    """How many references a left operand of += has when it is only an intermediate result."""

    count: int

    def __iadd__(self, other: Any) -> Any:
        _Probe.count = _measure(self)
        return self

    def __getitem__(self, index: Any) -> Any:
        return _Probe()

    def __setitem__(self, index: Any, value: Any) -> None:
        pass


def _measure(probe: Any) -> int:
    return sys.getrefcount(probe)


_probe = _Probe()
_probe[0] += 1
TEMPORARY = _Probe.count  # `_update` too is called with the operand from inside the operator's method

"""A write through a view is a write to the tensor that it is a view of: where the view lies there, memory tells.

`u = x[1:-1]; u += v` becomes `x[1:-1] = u + v`, and `u` the same part of the new x. So nothing is noted when a view is
taken, and what is recorded is an ordinary assignment. A view that was taken before x got other memory is refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .tracing import concrete


class Place(NamedTuple):
    """Where the elements of a view are in another array: `index`, whose axes are then put in the order `axes`.

    A view of another kind, such as one of other axes or of a diagonal, is a `shape` of the whole, or it is known by
    its elements alone: then nothing else is a view of the same kind, and `index` is one of integers.
    """

    index: Any
    axes: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None

    def of(self, whole: Any) -> Any:
        """The view, of an array or a tensor."""
        part = whole[self.index] if self.shape is None else whole.reshape(self.shape)
        return part if self.axes is None else part.transpose(self.axes)

    def turned(self, value: Any) -> Any:
        """A value for the view as one for the place: its axes in the order of the whole."""
        back = value if self.axes is None else value.transpose(np.argsort(self.axes).tolist())
        return back


def living(tensor: Any) -> Any:
    """The nearest tensor that this one is a view of and that somebody still holds, or None."""
    return next((found for ref in getattr(tensor, "_views", ()) if (found := ref()) is not None), None)


def place_of(view: Any, whole: Any) -> Place | None:
    """Where a view lies in an array, or None if it is not inside it.

    >>> x = np.zeros((4, 6))
    >>> place_of(x[1:3, ::2].T, x)
    Place(index=(slice(1, 3, 1), slice(0, 5, 2)), axes=(1, 0), shape=None)
    """
    view, whole = concrete(view), concrete(whole)
    numbers = elements(view, whole)
    if numbers is None:
        return None
    board = np.arange(whole.size).reshape(whole.shape)
    for guess in (as_slices(view, whole), as_shape(view, whole)):
        if guess is not None and np.array_equal(guess.of(board), numbers):
            return guess
    return Place(tuple(np.unravel_index(numbers, whole.shape)))


def elements(view: np.ndarray, whole: np.ndarray) -> np.ndarray | None:
    """The number of each element of a view in the other array, counted in C order."""
    size = whole.itemsize
    if view.dtype != whole.dtype or not view.size or not np.may_share_memory(view, whole):
        return None
    low, high = np.lib.array_utils.byte_bounds(whole)
    first, last = np.lib.array_utils.byte_bounds(view)
    if first < low or last > high or (first - low) % size:
        return None
    board = np.full((high - low) // size, -1)
    laid(board, whole, low)[...] = np.arange(whole.size).reshape(whole.shape)
    found = laid(board, view, low).copy()
    return None if (found < 0).any() else found


def laid(board: np.ndarray, like: np.ndarray, low: int) -> np.ndarray:
    """A view of a board of numbers, laid out as an array is in memory that begins at `low`."""
    start = (like.__array_interface__["data"][0] - low) // like.itemsize
    strides = [stride // like.itemsize * board.itemsize for stride in like.strides]
    return np.ndarray(like.shape, board.dtype, board, start * board.itemsize, strides)


def as_slices(view: np.ndarray, whole: np.ndarray) -> Place | None:
    """A guess: a slice or a number an axis, the axes in any order."""
    start = view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    index: list[Any] = [0] * whole.ndim
    taken: list[int] = []
    order = sorted(range(whole.ndim), key=lambda i: -abs(whole.strides[i]))
    for i in order:  # the axis with the largest step first: what is left over belongs to the others
        if whole.strides[i]:
            index[i], start = divmod(start, whole.strides[i])
    for n, stride in zip(view.shape, view.strides, strict=True):
        fits = [i for i in order if i not in taken and whole.strides[i] and stride % whole.strides[i] == 0]
        fits = [i for i in fits if n <= whole.shape[i]]
        if not fits:
            return None
        i = next((i for i in fits if n == 1 or abs(stride) >= abs(whole.strides[i])), fits[0])
        step = stride // whole.strides[i] if n > 1 else 1
        stop = index[i] + (n - 1) * step + (1 if step > 0 else -1)
        index[i] = slice(index[i], stop if stop >= 0 else None, step)
        taken.append(i)
    axes = tuple(sorted(taken).index(i) for i in taken)
    return Place(tuple(index), None if axes == tuple(range(len(axes))) else axes)


def as_shape(view: np.ndarray, whole: np.ndarray) -> Place | None:
    """A guess: the whole in another shape, its axes in any order."""
    if view.size != whole.size or 0 in view.strides:
        return None
    axes = sorted(range(view.ndim), key=lambda j: -abs(view.strides[j]))
    back = tuple(axes.index(j) for j in range(view.ndim))
    return Place(..., None if back == tuple(range(view.ndim)) else back, tuple(view.shape[j] for j in axes))

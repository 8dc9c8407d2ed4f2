"""np.pad in every mode: what is copied is an index, what is computed is joined on axis by axis."""

import numpy as np

from ..engine.operation import NotDifferentiable
from ..engine.signatures import along
from ..engine.table import composed
from .reductions import gap

COPIES = ("edge", "reflect", "symmetric", "wrap")
STATISTICS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def widths(pad_width, ndim: int) -> list[tuple[int, int]]:
    """(before, after) for each axis, from any of the spellings that NumPy takes."""
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - ndim, 0)) for i in range(ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    return [(int(before), int(after)) for before, after in np.broadcast_to(pad_width, (ndim, 2))]


def pairs(option, ndim: int) -> list[tuple]:
    """(before, after) for each axis of an option that may hold tensors."""
    rows = list(option) if isinstance(option, (list, tuple)) else [option]
    rows = [tuple(row) if isinstance(row, (list, tuple)) else row for row in rows]
    if len(rows) == 2 and not any(isinstance(row, tuple) for row in rows):
        return [tuple(rows)] * ndim
    rows = [row if isinstance(row, tuple) and len(row) == 2 else (row[0] if isinstance(row, tuple) else row,) * 2
            for row in rows]
    return rows * ndim if len(rows) == 1 else rows


def constant(a, axis, count, value, at_start):
    shape = tuple(count if i == axis else n for i, n in enumerate(a.shape))
    return np.broadcast_to(np.astype(value, a.dtype) if hasattr(value, "_node") else np.asarray(value, a.dtype), shape)


def ramp(a, axis, count, end, at_start):
    """From the edge, exclusive, to `end`."""
    edge = a[along(slice(0, 1) if at_start else slice(-1, None), axis, a.ndim)]
    steps = np.arange(1, count + 1, dtype=a.dtype).reshape((-1,) + (1,) * (a.ndim - axis - 1)) / count
    block = edge + (end - edge) * steps
    return np.flip(block, axis) if at_start else block


def statistic(fun):
    """The definition of a mode that repeats a statistic of the first or last elements."""
    def block(a, axis, count, length, at_start):
        length = a.shape[axis] if length is None else min(int(length), a.shape[axis])
        part = slice(0, length) if at_start else slice(a.shape[axis] - length, None)
        value = fun(a[along(part, axis, a.ndim)], axis=axis, keepdims=True)
        return np.repeat(value, count, axis=axis)
    return block


def mirrored(a, axis, before, after, edge):
    """Reflection at the value of the edge (reflect_type="odd"), in as many turns as the widths need."""
    period = a.shape[axis] - (not edge)
    if not period:
        return np.pad(a, [(before, after) if i == axis else (0, 0) for i in range(a.ndim)], "edge")
    while before or after:
        n = a.shape[axis]
        usable = (n - (not edge)) // period * period
        left, right, skip = min(before, usable), min(after, usable), 0 if edge else 1
        start = np.flip(a[along(slice(skip, skip + left), axis, a.ndim)], axis)
        end = np.flip(a[along(slice(n - skip - right, n - skip), axis, a.ndim)], axis)
        first, last = a[along(slice(0, 1), axis, a.ndim)], a[along(slice(-1, None), axis, a.ndim)]
        a = np.concatenate([2 * first - start, a, 2 * last - end], axis)
        before, after = before - left, after - right
    return a


@composed(np.pad, shape_from="pad_width", cases=[
    lambda f, A: f(A("m", "n"), ((1, 0), (2, 1))),
    lambda f, A: f(A("m", "n"), 1, constant_values=((A(), 0.5), (1.0, A()))),
    lambda f, A: f(A(3, 4), 2, mode="reflect"), lambda f, A: f(A(3, 4), 5, "symmetric"),
    lambda f, A: f(A(3, 4), (1, 2), mode="edge"),
    lambda f, A: f(A(3, 4), 5, mode="wrap"), lambda f, A: f(A(3, 4), (2, 7), "reflect", reflect_type="odd"),
    lambda f, A: f(A(2, 3), 4, "symmetric", reflect_type="odd"),
    lambda f, A: f(A(2, 3), (1, 3), "linear_ramp", end_values=(A(), 2.0)),
    lambda f, A: f(A(2, 3), 1, "mean"), lambda f, A: f(A(2, 3), 2, "mean", stat_length=2),
    lambda f, A: f(A(2, 3), 1, "median")],
    kinks=lambda *arrays: gap(arrays[0]))       # the median changes hands where elements tie
def pad(array, pad_width, mode="constant", *, constant_values=0, end_values=0, stat_length=None, reflect_type="even"):
    if callable(mode):
        raise NotDifferentiable("np.pad: a function as mode writes into an array; join the blocks with np.concatenate")
    if mode in COPIES and reflect_type == "even":
        numbers = np.arange(array.size).reshape(array.shape)
        return np.ravel(array)[np.pad(numbers, pad_width, mode)]
    blocks = {"constant": (constant, constant_values), "empty": (constant, 0), "linear_ramp": (ramp, end_values),
              **{name: (statistic(fun), stat_length) for name, fun in STATISTICS.items()}}
    for axis, (before, after) in enumerate(widths(pad_width, array.ndim)):
        if mode in COPIES:
            array = mirrored(array, axis, before, after, mode == "symmetric")
            continue
        if mode not in blocks:
            raise ValueError(f"pad: mode {mode!r} is not supported; expected {', '.join([*COPIES, *blocks])}")
        block, option = blocks[mode]
        first, last = pairs(option, array.ndim)[axis]
        parts = [block(array, axis, before, first, True)] if before else []
        parts += [array] + ([block(array, axis, after, last, False)] if after else [])
        array = np.concatenate(parts, axis) if len(parts) > 1 else array
    return array

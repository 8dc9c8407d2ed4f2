"""Joining and splitting: one primitive, concatenate; the rest is said with it, with slices and with broadcasting."""

import itertools

import numpy as np

from ..engine.arrays import array_of
from ..engine.signatures import along
from ..engine.table import composed, linear


def cut_at(ct, arrays_shape, axis):
    """The piece of the cotangent that each array became."""
    if isinstance(arrays_shape, tuple) and all(isinstance(n, int) for n in arrays_shape):  # one array, of arrays
        return [np.stack(cut_at(ct, [arrays_shape[1:]] * arrays_shape[0], axis))]
    if axis is None:
        sizes = [int(np.prod(shape)) for shape in arrays_shape]
        ends = list(itertools.accumulate(sizes))
        return [np.reshape(ct[end - size:end], shape) for size, end, shape in zip(sizes, ends, arrays_shape)]
    before = (slice(None),) * (axis % len(arrays_shape[0]))
    ends = list(itertools.accumulate(shape[axis] for shape in arrays_shape))
    return [ct[(*before, slice(end - shape[axis], end))] for shape, end in zip(arrays_shape, ends)]


linear(np.concatenate, cut_at, joint=True, signature="arrays, axis=0, out=None, *, dtype=None, casting='same_kind'",
       cases=[lambda f, A: f([A("m", "n"), A(2, "n")]), lambda f, A: f([A("m", 1), A("m", "n")], axis=-1),
              lambda f, A: f([A("m", 2), A()[None]], axis=None),
              lambda f, A: f(A("m", 2, "n"), axis=-1)])


def unstacked(ct, arrays_shape, axis):
    """The slice of the cotangent that each array became."""
    count = arrays_shape[0] if isinstance(arrays_shape, tuple) else len(arrays_shape)
    parts = [ct[along(i, axis, len(ct.shape))] for i in range(count)]
    return [np.stack(parts)] if isinstance(arrays_shape, tuple) else parts


linear(np.stack, unstacked, joint=True, signature="arrays, axis=0, out=None, *, dtype=None, casting='same_kind'",
       cases=[lambda f, A: f([A("m", "n"), A("m", "n")], axis=-1), lambda f, A: f([A(), A(), A()]),
              lambda f, A: f(A(2, "n"), axis=1)])


@composed(np.vstack, cases=[lambda f, A: f([A("n"), A("n")]), lambda f, A: f((A("m", "n"), A("n")))])
def vstack(tup, *, dtype=None, casting="same_kind"):
    return np.concatenate([np.atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting)


@composed(np.hstack, cases=[lambda f, A: f([A(), A("n")]), lambda f, A: f((A("m", "n"), A("m", 2)))])
def hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = [np.atleast_1d(a) for a in tup]
    return np.concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@composed(np.dstack, cases=[lambda f, A: f([A("n"), A("n")])])
def dstack(tup):
    return np.concatenate([np.atleast_3d(a) for a in tup], 2)


@composed(np.column_stack, cases=[lambda f, A: f([A("m"), A("m", 2)])])
def column_stack(tup):
    return np.concatenate([np.transpose(np.atleast_2d(a)) if a.ndim < 2 else a for a in map(as_operand, tup)], 1)


def as_operand(a):
    """A tensor as it is, nested lists of tensors stacked, anything else as an array."""
    if isinstance(a, (list, tuple)) and holds_tensor(a):
        return np.stack([as_operand(e) for e in a])
    return a if hasattr(a, "_node") else np.asarray(a)


def holds_tensor(a) -> bool:
    """Whether there is a tensor in nested lists."""
    return hasattr(a, "_node") or isinstance(a, (list, tuple)) and any(map(holds_tensor, a))


@composed(np.append, cases=[lambda f, A: f(A("m", 2), A(3)), lambda f, A: f(A("m", 2), A(1, 2), axis=0)])
def append(arr, values, axis=None):
    arr, values = as_operand(arr), as_operand(values)
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis)


@composed(np.block, cases=[lambda f, A: f([[A("m", "n"), A("m", 2)], [A(1, "n"), A(1, 2)]])])
def block(arrays):
    def depth(a):
        return 1 + max(map(depth, a)) if isinstance(a, list) else 0
    levels = depth(arrays)

    def leaves(a):
        return [x for e in a for x in leaves(e)] if isinstance(a, list) else [as_operand(a)]
    ndim = max(levels, max(a.ndim for a in leaves(arrays)))

    def join(a, level):
        if not isinstance(a, list):
            a = as_operand(a)
            return a[(None,) * (ndim - a.ndim)]
        return np.concatenate([join(e, level + 1) for e in a], axis=ndim - levels + level)
    return join(arrays, 0)


@composed(np.meshgrid, cases=[lambda f, A: f(A("m"), A("n")),
                              lambda f, A: f(A("m"), A("n"), indexing="ij", sparse=True)])
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    ndim = len(xi)
    axes = [1 - i if indexing == "xy" and ndim > 1 and i < 2 else i for i in range(ndim)]
    grids = [np.reshape(x, (1,) * axis + (-1,) + (1,) * (ndim - axis - 1)) for x, axis in zip(xi, axes)]
    grids = grids if sparse else np.broadcast_arrays(*grids)
    return tuple([np.copy(grid) for grid in grids] if copy else grids)


# ---- splitting: slices along an axis ----------------------------------------------------------------------

def pieces(split):
    """The definition of a splitting function: NumPy splits the positions, slices do the rest."""
    def definition(ary, indices_or_sections, axis=0):
        parts = split(np.arange(ary.shape[axis]), indices_or_sections)
        starts = [int(p[0]) if len(p) else 0 for p in parts]
        return [ary[along(slice(s, s + len(p)), axis, ary.ndim)] for s, p in zip(starts, parts)]
    return definition


SPLIT_CASES = [lambda f, A: f(A(6, "n"), 3), lambda f, A: f(A(6, "n"), [1, 4])]
split = composed(np.split, cases=SPLIT_CASES)(pieces(np.split))
array_split = composed(np.array_split, cases=[*SPLIT_CASES, lambda f, A: f(A("m", 5), 3, axis=-1)])(
    pieces(np.array_split))


@composed(np.vsplit, cases=SPLIT_CASES)
def vsplit(ary, indices_or_sections):
    return np.split(ary, indices_or_sections, 0)


@composed(np.hsplit, cases=[lambda f, A: f(A("m", 4), 2)])
def hsplit(ary, indices_or_sections):
    return np.split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@composed(np.dsplit, cases=[lambda f, A: f(A("m", "n", 4), 2)])
def dsplit(ary, indices_or_sections):
    return np.split(ary, indices_or_sections, 2)


@composed(np.linspace, shape_from="num", cases=[lambda f, A: f(A("m"), A("m"), 5),
                              lambda f, A: f(A(), A("m"), 4, endpoint=False, axis=-1)])
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    ends = [e if isinstance(e, (int, float, complex)) else array_of(e) for e in (start, stop)]
    kind = np.result_type(*ends, 0.5)       # as NumPy has it: a Python number takes the other end's precision
    start, stop = (np.astype(as_operand(e), kind) for e in np.broadcast_arrays(start, stop))
    along = np.linspace(0, 1, num, endpoint, dtype=kind).reshape((num,) + (1,) * array_of(start).ndim)
    out = np.moveaxis(start * (1 - along) + stop * along, 0, axis)
    out = out if dtype is None else np.astype(out, dtype)
    return (out, (stop - start) / max(num - endpoint, 1)) if retstep else out

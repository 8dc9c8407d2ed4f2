"""Shape: functions that rearrange elements. The transpose puts each one back where it came from."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.cotangents import unbroadcast
from ..engine.operation import NotDifferentiable
from ..engine.places import moves, scatter
from ..engine.table import composed, linear


def inverse(axes, ndim):
    """The permutation that undoes `axes`."""
    return None if axes is None else tuple(np.argsort([i % ndim for i in axes]).tolist())


def reshape_ct(ct, a_shape, order):
    if order not in ("C", "F"):
        raise NotDifferentiable(f"order={order!r} follows the layout of the memory, which has no derivative; "
                                "say 'C' or 'F'")
    return np.reshape(ct, a_shape, order=order)


linear(np.reshape, reshape_ct, cases=[lambda f, A: f(A("m", 2), (2, -1)), lambda f, A: f(A(2, 3), (3, 2), order="F")])
linear(np.ravel, reshape_ct, cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m", "n"), "F")])
linear(np.transpose, lambda ct, axes: np.transpose(ct, inverse(axes, ct.ndim)),
       cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m", 2, "n"), (1, -1, 0))])
if np.permute_dims is not np.transpose:
    linear(np.permute_dims, lambda ct, axes: np.transpose(ct, inverse(axes, ct.ndim)),
           cases=[lambda f, A: f(A("m", 2, "n"), (1, 2, 0))])
linear(np.matrix_transpose, lambda ct: np.matrix_transpose(ct), cases=[lambda f, A: f(A(2, "m", "n"))])
linear(np.swapaxes, lambda ct, axis1, axis2: np.swapaxes(ct, axis1, axis2),
       cases=[lambda f, A: f(A("m", 2, "n"), 0, -1)])
linear(np.moveaxis, lambda ct, source, destination: np.moveaxis(ct, destination, source),
       cases=[lambda f, A: f(A("m", 2, "n"), (0, 1), (-1, 0))])
linear(np.expand_dims, lambda ct, a_shape: np.reshape(ct, a_shape), cases=[lambda f, A: f(A("m", "n"), (0, -1))])
linear(np.squeeze, lambda ct, a_shape: np.reshape(ct, a_shape), cases=[lambda f, A: f(A("m", 1, "n"), 1)])
linear(np.broadcast_to, lambda ct, array_shape: unbroadcast(ct, array_shape),
       cases=[lambda f, A: f(A("m", 1), (2, A("m", 1).shape[0], 3))])
linear(np.flip, lambda ct, axis: np.flip(ct, axis), cases=[lambda f, A: f(A("m", "n")),
                                                           lambda f, A: f(A("m", "n"), (0, -1))])
linear(np.fliplr, lambda ct: np.fliplr(ct), cases=[lambda f, A: f(A("m", "n"))])
linear(np.flipud, lambda ct: np.flipud(ct), cases=[lambda f, A: f(A("m", "n"))])
linear(np.rot90, lambda ct, k, axes: np.rot90(ct, -k, axes), cases=[lambda f, A: f(A("m", "n", 2), k=3, axes=(0, -1))])
linear(np.roll, lambda ct, shift, axis: np.roll(ct, np.negative(shift), axis),
       cases=[lambda f, A: f(A("m", "n"), 2), lambda f, A: f(A("m", "n"), (1, -1), (0, 1))])
linear(np.tril, lambda ct, k: np.tril(ct, k), cases=[lambda f, A: f(A("m", "n"), 1)])
linear(np.triu, lambda ct, k: np.triu(ct, k), cases=[lambda f, A: f(A("m", "n"), -1)])

moves(np.rollaxis, cases=[lambda f, A: f(A("m", 2, "n"), 2, 1)])
moves(np.diagonal, cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m", 2, "n"), 1, 0, -1)])
moves(np.tile, shape_from="reps", cases=[lambda f, A: f(A("m", "n"), (2, 1, 3))])
moves(np.repeat, shape_from="repeats",
      cases=[lambda f, A: f(A("m", "n"), 2), lambda f, A: f(A(3, "n"), [1, 0, 2], axis=0)])
moves(np.lib.stride_tricks.sliding_window_view, cases=[lambda f, A: f(A(5), 3), lambda f, A: f(A(4, "n"), 2, axis=0)])
moves(np.resize, shape_from="new_shape", cases=[lambda f, A: f(A("m", 2), (3, 2))])
moves(np.delete, shape_from="obj", cases=[lambda f, A: f(A(4, "n"), [1, -1], axis=0)])


@composed(np.trace, cases=[lambda f, A: f(A("m", "n")), lambda f, A: f(A("m", 2, "n"), 1, 0, 2)])
def trace(a, offset=0, axis1=0, axis2=1, dtype=None):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@composed(np.diag, cases=[lambda f, A: f(A("m", "n"), 1), lambda f, A: f(A("m"), -1)])
def diag(v, k=0):
    if v.ndim == 2:
        return np.diagonal(v, k)
    n = v.shape[0] + abs(k)
    i = np.arange(v.shape[0])
    return scatter(v, (i + max(-k, 0), i + max(k, 0)), (n, n))


@composed(np.diagflat, cases=[lambda f, A: f(A("m", 2), 1)])
def diagflat(v, k=0):
    return np.diag(np.ravel(v), k)


def at_least(ndim, where):
    """Promote arrays to `ndim` axes; `where` says which index adds the axes."""
    def promote(*arys):
        out = [a[where(a.ndim)] if hasattr(a, "_node") and a.ndim < ndim else a if hasattr(a, "_node")
               else NATIVE[ndim](a) for a in arys]
        return out[0] if len(out) == 1 else tuple(out)
    return promote


NATIVE = {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}
new = np.newaxis
composed(np.atleast_1d, cases=[lambda f, A: f(A()), lambda f, A: f(A("m", 2))])(
    at_least(1, lambda ndim: (new,)))
composed(np.atleast_2d, cases=[lambda f, A: f(A()), lambda f, A: f(A("m"))])(
    at_least(2, lambda ndim: (new,) * (2 - ndim)))
composed(np.atleast_3d, cases=[lambda f, A: f(A()), lambda f, A: f(A("m")), lambda f, A: f(A("m", 2))])(
    at_least(3, lambda ndim: ((new,) * 3, (new, slice(None), new), (slice(None), slice(None), new))[ndim]))


@composed(np.broadcast_arrays, cases=[lambda f, A: f(A("m", 1), A(3))])
def broadcast_arrays(*args, subok=False):
    shape = np.broadcast_shapes(*(np.shape(array_of(a)) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)

"""Functions made of pieces: choosing between arrays, applying functions to parts, splitting numbers into parts."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.cotangents import unbroadcast
from ..engine.facts import ANY
from ..engine.operation import NotDifferentiable
from ..engine.signatures import axes_of
from ..engine.table import composed, function, newer
from .joining import as_operand


@composed(np.choose, cases=[lambda f, A: f(np.array([0, 1, 0]), [A(3), A(2, 3)]),
                            lambda f, A: f(np.array([3, -1]), [A(2), A()], mode="wrap")])
def choose(a, choices, mode="raise"):
    which = array_of(a)
    n = len(choices)
    if mode == "raise" and which.size and not 0 <= which.min() <= which.max() < n:
        wrong = which.max() if which.max() >= n else which.min()
        raise ValueError(f"choose: found the choice {wrong}; expected 0 to {n - 1}")
    which = which % n if mode == "wrap" else np.clip(which, 0, n - 1)
    out = choices[0]
    for i in range(1, n):
        out = np.where(which == i, choices[i], out)
    return np.broadcast_to(out, np.broadcast_shapes(which.shape, *(np.shape(array_of(c)) for c in choices)))


@composed(np.piecewise, cases=[
    lambda f, A: f(A(4), [np.array([True, False, False, True]), np.array([False, True, False, False])],
                   [np.exp, 2.0, np.sin])])
def piecewise(x, condlist, funclist, *args, **kw):
    conditions = np.asarray(condlist, dtype=bool) if not isinstance(condlist, np.ndarray) else condlist.astype(bool)
    if conditions.ndim == x.ndim:
        conditions = conditions[None]
    conditions = list(conditions)
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(funclist) != len(conditions):
        raise ValueError(f"piecewise: found {len(funclist)} functions for {len(conditions)} conditions")
    out = np.zeros_like(x)
    for condition, fun in zip(conditions, funclist):
        if condition.any():
            out[condition] = fun(x[condition], *args, **kw) if callable(fun) else fun
    return out


@composed(np.apply_along_axis, cases=[
    lambda f, A: f(lambda row: row * row[0], 0, A(3, "n")) if A(3, "n").size else A(3, "n") * 1,
    lambda f, A: f(np.sum, -1, A(2, 3))])
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    moved = np.moveaxis(arr, axis, -1)
    parts = [as_operand(func1d(moved[i], *args, **kwargs)) for i in np.ndindex(moved.shape[:-1])]
    if not parts:
        raise ValueError("apply_along_axis: cannot apply a function when any iteration dimension is 0")
    out = np.reshape(np.stack(parts), moved.shape[:-1] + parts[0].shape)
    inner = list(range(moved.ndim - 1, out.ndim))
    return np.moveaxis(out, inner, [axes_of(axis, arr.ndim)[0] + i for i in range(len(inner))])


@composed(np.apply_over_axes, cases=[lambda f, A: f(np.sum, A("m", "n", 2), [0, -1])])
def apply_over_axes(func, a, axes):
    ndim = a.ndim
    for axis in axes_of(axes, ndim):
        out = func(a, axis)
        a = out if out.ndim == ndim else np.expand_dims(out, axis)
    return a


@composed(newer("unstack"), cases=[lambda f, A: f(A(3, "n")), lambda f, A: f(A("m", 2), axis=-1)])
def unstack(x, /, *, axis=0):
    return tuple(np.moveaxis(x, axis, 0))


@composed(np.trim_zeros, shape_from=ANY, cases=[lambda f, A: f(np.concatenate([[0.0], A(3), [0.0]])),
                                lambda f, A: f(np.concatenate([[0.0], A(3)]), "b")])
def trim_zeros(filt, trim="fb", axis=None):
    where = np.argwhere(array_of(filt))
    index = [slice(None)] * filt.ndim
    for i in axes_of(axis, filt.ndim):
        first, last = (where[:, i].min(), where[:, i].max() + 1) if len(where) else (filt.shape[i], 0)
        index[i] = slice(int(first) if "f" in trim.lower() else 0, int(last) if "b" in trim.lower() else filt.shape[i])
    return filt[tuple(index)]


# ---- sets: which elements is decided by the values, the elements themselves are picked ---------------------

def gaps(*arrays):
    """Zero where two elements tie, so that their roles could change."""
    return np.diff(np.sort(np.concatenate([np.ravel(a) for a in arrays])))


@composed(np.unique, shape_from=ANY, kinks=gaps,
          cases=[lambda f, A: f(A(4)), lambda f, A: f(A(2, 3), return_index=True)[0]])
def unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True,
           sorted=True):
    found = np.unique(array_of(ar), True, return_inverse, return_counts, axis, equal_nan=equal_nan)
    first = found[1]
    out = np.ravel(ar)[first] if axis is None else np.take(ar, first, axis)
    rest = (found[1:2] if return_index else ()) + tuple(found[2:])
    return (out, *rest) if rest else out


def with_values(fun):
    """The definition of one of the array API's unique functions, whose result names its values."""
    def definition(x):
        found = fun(array_of(x))
        first = np.unique(array_of(x), return_index=True, equal_nan=False)[1]
        # NumPy's may not be sorted.
        order = np.argsort(np.argsort(found.values if hasattr(found, "_fields") else found))
        values = np.ravel(x)[first[order]]
        return found._replace(values=values) if hasattr(found, "_fields") else values
    return definition


composed(np.unique_values, shape_from=ANY, cases=[lambda f, A: f(A(4))], kinks=gaps)(with_values(np.unique_values))
for several in (np.unique_all, np.unique_counts, np.unique_inverse):
    composed(several, shape_from=ANY, cases=[lambda f, A: f(A(4)).values], kinks=gaps)(with_values(several))


@composed(np.union1d, shape_from=ANY, cases=[lambda f, A: f(A(3), A(2))], kinks=gaps)
def union1d(ar1, ar2):
    return np.unique(np.concatenate([np.ravel(ar1), np.ravel(ar2)]))


@composed(np.intersect1d, shape_from=ANY, kinks=lambda ar1, ar2: gaps(ar1),
          cases=[lambda f, A: (lambda a: f(a, a * 1.0))(A(3))])
def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    _, first, second = np.intersect1d(array_of(ar1), array_of(ar2), assume_unique, return_indices=True)
    out = np.ravel(ar1)[first]
    return (out, first, second) if return_indices else out


@composed(np.setdiff1d, shape_from=ANY, cases=[lambda f, A: f(A(3), A(2))], kinks=gaps)
def setdiff1d(ar1, ar2, assume_unique=False):
    ar1 = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return ar1[~np.isin(array_of(ar1), array_of(ar2))]


@composed(np.setxor1d, shape_from=ANY, cases=[lambda f, A: f(A(3), A(2))], kinks=gaps)
def setxor1d(ar1, ar2, assume_unique=False):
    if not assume_unique:
        ar1, ar2 = np.unique(ar1), np.unique(ar2)
    both = np.sort(np.concatenate([np.ravel(ar1), np.ravel(ar2)]))
    apart = np.concatenate([[True], array_of(both)[1:] != array_of(both)[:-1], [True]])
    return both[apart[1:] & apart[:-1]]


@composed(np.sort_complex, cases=[lambda f, A: f(A(4))], kinks=lambda a: np.diff(np.sort(a)))
def sort_complex(a):
    out = np.sort(a, axis=-1)
    return out if out.dtype.kind == "c" else np.astype(out, np.complex128)


# ---- cumulative functions of the array API standard -------------------------------------------------------

def running(fun, start):
    """The definition of a cumulative function by NumPy's older one."""
    def definition(x, /, *, axis=None, dtype=None, include_initial=False):
        if axis is None:
            if x.ndim > 1:
                raise ValueError("for arrays with more than one dimension, axis is required")
            axis = 0
        out = fun(x, axis=axis, dtype=dtype)
        if not include_initial:
            return out
        shape = tuple(1 if i in axes_of(axis, x.ndim) else n for i, n in enumerate(x.shape))
        return np.concatenate([np.full(shape, start, out.dtype), out], axis=axis)
    return definition


CASES = [lambda f, A: f(A("m", "n"), axis=-1), lambda f, A: f(A("m"), include_initial=True)]
composed(newer("cumulative_sum"), cases=CASES)(running(np.cumsum, 0))
composed(newer("cumulative_prod"), cases=CASES)(running(np.cumprod, 1))

# ---- grids of powers --------------------------------------------------------------------------------------


@composed(np.logspace, cases=[lambda f, A: f(A("m"), A("m"), 5), lambda f, A: f(A(), 1.0, 3, base=2.0),
                             lambda f, A: f(0.0, A(2), 3, base=A("m", 2) ** 2 + 1)])
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    if np.ndim(base):
        start, stop, base = map(as_operand, (start, stop, base))
        ndim = max(start.ndim, stop.ndim, base.ndim)
        start, stop, base = (a[(None,) * (ndim - a.ndim)] for a in (start, stop, base))
        base = np.expand_dims(base, axis)
    out = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return out if dtype is None else np.astype(out, dtype)


@composed(np.geomspace, domain=(0.0, np.inf), cases=[lambda f, A: f(A("m"), A("m"), 5),
                                                     lambda f, A: f(A(), 2.0, 4, endpoint=False)])
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    if any(np.iscomplexobj(array_of(end)) for end in (start, stop)):
        raise NotDifferentiable("geomspace of complex numbers turns in the plane and has no derivative here; "
                                "use np.exp of a linspace")
    sign = np.sign(array_of(start) if hasattr(start, "_node") else start)
    logs = np.linspace(np.log(start * sign), np.log(stop * sign), num, endpoint, axis=axis)
    out = np.expand_dims(sign, axis) * np.exp(logs)
    return np.astype(out, dtype or float)       # as NumPy, also of float32


# ---- numbers in parts -------------------------------------------------------------------------------------


@composed(np.divmod, domain=(0.0, np.inf), kinks=lambda x, y: np.sin(np.pi * x / y),
          cases=[lambda f, A: f(A("m"), A("m"))[1]])
def divmod_(x, y):
    return np.floor_divide(x, y), np.remainder(x, y)


@composed(np.modf, kinks=lambda x: np.sin(np.pi * x), cases=[lambda f, A: f(A("m"))[0]])
def modf(x):
    return np.where(np.isinf(array_of(x)), np.copysign(0.0, array_of(x)), x - np.trunc(x)), np.trunc(x)


@composed(np.frexp, cases=[lambda f, A: f(A("m"))[0]])
def frexp(x):
    exponent = np.frexp(array_of(x))[1]
    return np.ldexp(x, -exponent), exponent


function(np.ldexp, lambda ct, y, x_shape: unbroadcast(np.ldexp(ct, y), x_shape), kind="linear", signature="x, y",
         conj=False, cases=[lambda f, A: f(A("m", 2), np.array([3, -1]))])


@composed(np.fix, kinks=lambda x: np.sin(np.pi * x), cases=[lambda f, A: f(A("m"))])
def fix(x):
    return np.trunc(x)

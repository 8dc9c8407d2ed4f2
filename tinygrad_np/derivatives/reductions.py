"""Reductions and running reductions: each is locally a weighted sum, so its derivative is the weights.

Ties share equally; `prod` and `cumprod` are exact with any number of zeros; `std` of a constant has gradient 0.
"""

import math
from functools import partial

import numpy as np

from ..engine.arrays import array_of
from ..engine.cotangents import expand
from ..engine.signatures import along
from ..engine.table import composed, function, linear, reduction
from .elementwise import over

FLOATS = (np.float64, np.float32)  # what NumPy makes of an array without axes


def spread(ct, a_shape, axis, keepdims, where=True):
    """The transpose of a sum: every element that was summed gets the cotangent of its sum."""
    if axis is None and where is True and (type(ct) is np.ndarray and ct.size == 1 or type(ct) in FLOATS):
        g = np.ndarray(a_shape, ct.dtype, ct, 0, (0,) * len(a_shape))     # broadcast_to, at a tenth of its price
        g.flags.writeable = False
        return g
    g = np.broadcast_to(expand(ct, a_shape, axis, keepdims), a_shape)
    return g if where is True else np.where(where, g, 0)


def count(shape, axis, where=True):
    """How many elements each entry of a reduction sees: a number, or an array under `where`."""
    if where is not True:
        return np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=True)
    if axis is None:
        return math.prod(shape)
    return math.prod([shape[i] for i in (axis if isinstance(axis, tuple) else (axis,))])


AXES = [lambda f, A: f(A("m", "n")), lambda f, A: f(A("m", "n"), axis=-1), lambda f, A: f(A("m", "n"), 0),
        lambda f, A: f(A("m", "n", 2), axis=(0, -1), keepdims=True), lambda f, A: f(A())]
MASKED = [lambda f, A: f(A("m", 3), axis=1, where=np.array([True, False, True]))]


def begun(reduce, join, neutral=None):
    """A reduction that begins at a tensor: that of the elements, joined with it."""
    def definition(a, axis, *rest):
        *dtype, keepdims, initial, where = rest
        if initial.ndim:
            raise ValueError(f"{reduce.__name__}: initial has shape {initial.shape}; expected one number")
        more = {} if neutral is None else {"initial": neutral}
        out = reduce(a, axis, *dtype, keepdims=keepdims, where=where, **more)
        return join(out, np.astype(initial, out.dtype))
    return {"initial": definition}


linear(np.sum, spread, reduces=np.add, cases=AXES + MASKED, when=begun(np.sum, np.add),
       quick={1: partial(np.add.reduce, axis=None), 2: np.add.reduce})


def mean_ct(ct, a_shape, axis, keepdims, where):
    n = count(a_shape, axis, where)
    if where is not True:
        return spread(expand(ct, a_shape, axis, keepdims) / n, a_shape, axis, True, where)
    return spread(np.divide(ct, n) if n < 2**15 else ct * (1 / n), a_shape, axis, keepdims)     # float16 ends at 65504


def mean_of_all(a):
    """np.mean(a), to the last bit, and sooner."""
    if type(a) is np.ndarray and a.dtype.char in "fd" and 0 < a.size < 2**24:
        return np.add.reduce(a, axis=None) / a.size
    return np.mean(a)


linear(np.mean, mean_ct, cases=AXES + MASKED, quick={1: mean_of_all})


def deviations(a, axis, where, mean):
    """a - mean, conjugated as the weights of a sum of squares are."""
    if mean is None:
        mean = np.mean(a, axis=axis, keepdims=True, where=where)
    return (a - mean).conjugate()


def is_constant(a, axis, where):
    """Where all elements are one number, whose mean may be rounded: the spread is then rounding and not exactly 0."""
    a = array_of(a)
    least = np.min(a, axis=axis, keepdims=True, where=where, initial=np.inf)
    return np.max(a, axis=axis, keepdims=True, where=where, initial=-np.inf) <= least


def std_weights(a, out, axis, where, mean, ddof, correction):
    """The deviations over n times the spread; 0 for a constant that has one."""
    n = freedom(a, axis, where, ddof, correction)
    rounding = is_constant(a, axis, where) & np.isfinite(array_of(out))
    return over(deviations(a, axis, where, mean), n * np.where(rounding, 0, out))


def about(finish):
    """The spread about a mean that is itself a tensor, by its definition."""
    def definition(a, axis, dtype, ddof, keepdims, where, mean, correction):
        off = np.where(where, np.astype(a, dtype or a.dtype) - mean, 0)
        n = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)
        return finish(off, axis, keepdims, np.maximum(n - (ddof if correction is None else correction), 0))
    return {"mean": definition}


def mean_square(off, axis, keepdims, n):
    return np.sum(np.real(off * off.conjugate()), axis=axis, keepdims=keepdims) / n.astype(off.real.dtype)


def root_mean_square(off, axis, keepdims, n):
    return np.linalg.vector_norm(off, axis=axis, keepdims=keepdims) / np.sqrt(n.astype(off.real.dtype))


def freedom(a, axis, where, ddof, correction):
    return np.maximum(count(a.shape, axis, where) - (ddof if correction is None else correction), 0)


reduction(np.var, lambda a, axis, where, mean, ddof, correction:
          2 * deviations(a, axis, where, mean) / freedom(a, axis, where, ddof, correction), when=about(mean_square),
          cases=AXES + MASKED + [lambda f, A: f(A("m", 3), axis=1, ddof=1)])
reduction(np.std, std_weights, when=about(root_mean_square), kinks=lambda a: np.ptp(a) if a.size else 1,
          cases=AXES + MASKED + [lambda f, A: f(A("m", 3), axis=1, ddof=1)])


def ties(a, out, axis, where):
    """Each extreme's equal share among those that reach it."""
    a, out = array_of(a), array_of(out)
    reached = ((a == out) | ((a != a) & (out != out))) & where
    return over(reached.astype(a.real.dtype), np.sum(reached, axis=axis, keepdims=True))


def gap(a):
    """Zero where two elements tie."""
    s = np.sort(a, axis=None)
    return np.diff(s)


for extreme in dict.fromkeys((np.max, np.min, np.amax, np.amin)):
    join, least = (np.maximum, -np.inf) if "max" in extreme.__name__ else (np.minimum, np.inf)
    reduction(extreme, ties, reduces=join, kinks=gap, when=begun(extreme, join, least),
              cases=AXES + [lambda f, A: f(A("m", 3), axis=1, initial=-9.0 if "max" in f.__name__ else 9.0)])


def others(a, axis, where):
    """The product of all the other elements along the axis, without a division."""
    a = a if where is True else np.where(where, a, 1)
    if axis is None or isinstance(axis, tuple):
        axes = tuple(range(a.ndim)) if axis is None else tuple(i % a.ndim for i in axis)
        kept = tuple(i for i in range(a.ndim) if i not in axes)
        order = kept + axes
        turned = np.transpose(a, order)
        flat = np.reshape(turned, turned.shape[:len(kept)] + (-1,) if turned.size else turned.shape[:len(kept)] + (0,))
        back = np.reshape(others(flat, -1, True), turned.shape)
        return np.transpose(back, tuple(np.argsort(order)))
    before = shifted(np.cumprod(a, axis=axis), axis)
    after = np.flip(shifted(np.cumprod(np.flip(a, axis), axis=axis), axis), axis)
    return before * after


def shifted(a, axis):
    """One place along the axis, a one coming in: an inclusive running product made exclusive."""
    first = np.ones_like(array_of(a).take([0] if a.shape[axis] else [], axis=axis))
    return np.concatenate([first, a[along(slice(0, -1), axis, a.ndim)]], axis=axis) if a.shape[axis] else a


def product_weights(a, axis, where, initial):
    w = others(a, axis, where) if a.ndim else np.ones_like(array_of(a))
    return w if initial is None else w * initial


reduction(np.prod, product_weights, reduces=np.multiply, cases=AXES + MASKED, when=begun(np.prod, np.multiply))


@composed(np.ptp, cases=AXES, kinks=gap)
def ptp(a, axis=None, keepdims=False):
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# ---- running reductions -----------------------------------------------------------------------------------

RUNNING = [lambda f, A: f(A("m", "n"), axis=0), lambda f, A: f(A("m", "n"), axis=-1), lambda f, A: f(A("m", "n"))]


def backwards(fun, a, axis):
    return np.flip(fun(np.flip(a, axis), axis=axis), axis)


def cumsum_ct(ct, a_shape, axis):
    return np.reshape(backwards(np.cumsum, ct, 0 if axis is None else axis), a_shape)


linear(np.cumsum, cumsum_ct, accumulates=np.add, cases=RUNNING)


def cumprod_ct(ct, a, axis):
    """x̄ᵢ = Π(x before i) · Sᵢ with Sᵢ = ȳᵢ + xᵢ₊₁ Sᵢ₊₁, a recurrence solved by doubling, so without a division."""
    if axis is None or not a.ndim:      # for which NumPy answers with one axis
        return np.reshape(cumprod_ct(ct, np.ravel(a), 0), a.shape)
    n, ndim = a.shape[axis], a.ndim
    if not n:
        return ct
    before = shifted(np.cumprod(a, axis=axis), axis)
    zero = np.zeros_like(array_of(a).take([0], axis=axis))
    total, factor = ct, np.concatenate([a[along(slice(1, None), axis, ndim)], zero], axis=axis)
    d = 1
    while d < n:
        ahead, rest = along(slice(d, None), axis, ndim), along(slice(0, n - d), axis, ndim)
        tail = along(slice(n - d, None), axis, ndim)
        total = np.concatenate([total[rest] + factor[rest] * total[ahead], total[tail]], axis=axis)
        factor = np.concatenate([factor[rest] * factor[ahead], np.zeros_like(array_of(factor)[tail])], axis=axis)
        d *= 2
    return before * total


function(np.cumprod, cumprod_ct, accumulates=np.multiply, cases=RUNNING)

"""Statistics: averages, covariance, quantiles, and the functions that pass over NaN.

A quantile is a weighted mean of two neighbors in sorted order. NumPy itself says which: the quantile of the ranks.
"""

import math

import numpy as np

from ..engine.arrays import array_of
from ..engine.signatures import axes_of
from ..engine.table import composed
from .indexing import distinct
from .joining import as_operand
from .reductions import AXES, MASKED

# ---- averages ---------------------------------------------------------------------------------------------


def laid_along(weights, axes, shape):
    """Weights of these axes, in the order in which they are named, to broadcast against an array of this shape."""
    weights = np.transpose(weights, np.argsort(axes))
    return np.reshape(weights, [n if i in axes else 1 for i, n in enumerate(shape)])


@composed(
    np.average,
    cases=AXES[:4]
    + [
        lambda f, A: f(A("m", 3), -1, A(3) ** 2 + 1),
        lambda f, A: f(A("m", 3), 0, weights=A("m", 3) ** 2 + 1, returned=True),
    ],
)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a = as_operand(a)
    axis = axis if axis is None else axes_of(axis, a.ndim)
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        return (mean, np.full(mean.shape, a.size / max(mean.size, 1), mean.dtype)) if returned else mean
    weights = as_operand(weights)
    if weights.shape != a.shape:
        if axis is None:
            raise TypeError(f"average: found weights of shape {weights.shape} for {a.shape}; say the axis")
        if weights.shape != tuple(a.shape[i] for i in axis):
            raise ValueError(
                f"average: found weights of shape {weights.shape}; expected {tuple(a.shape[i] for i in axis)}"
            )
        weights = laid_along(weights, axis, a.shape)
    dtype = np.result_type(a.dtype, weights.dtype, *([] if a.dtype.kind in "fc" else [float]))
    total = np.sum(np.broadcast_to(weights, a.shape), axis=axis, dtype=dtype, keepdims=keepdims)
    if (array_of(total) == 0).any():
        raise ZeroDivisionError("average: the weights sum to zero")
    mean = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


@composed(
    np.cov,
    cases=[
        lambda f, A: f(A(2, 4)),
        lambda f, A: f(A(4), A(4), bias=True),
        lambda f, A: f(A(4, 2), rowvar=False),
        lambda f, A: f(A(2, 3), fweights=np.array([1, 2, 1]), aweights=A(3) ** 2 + 1),
    ],
)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    m = as_operand(m)
    y = None if y is None else as_operand(y)
    dtype = dtype or np.result_type(m.dtype, np.float64, *([] if y is None else [y.dtype]))
    x = np.atleast_2d(m).astype(dtype)
    x = x if rowvar or m.ndim == 1 else np.transpose(x)
    if y is not None:
        y = np.atleast_2d(y).astype(dtype)
        x = np.concatenate([x, y if rowvar or y.shape[0] == 1 else np.transpose(y)])
    ddof = ddof if ddof is not None else 0 if bias else 1
    f = 1 if fweights is None else np.asarray(fweights, float)
    aweights = None if aweights is None else as_operand(aweights).astype(float)
    w = (
        None
        if fweights is None and aweights is None
        else f * (1 if aweights is None else aweights)
    )
    mean, total = np.average(x, axis=1, weights=w, returned=True) if x.shape[0] else (x[:, 0], [x.shape[1]])
    if w is None or aweights is None or ddof == 0:
        freedom = total[0] - ddof
    else:
        freedom = total[0] - ddof * np.sum(w * aweights) / total[0]
    x = x - mean[:, None]
    c = x @ np.transpose(x if w is None else x * w).conjugate() / np.maximum(freedom, 0)
    return np.squeeze(c)


@composed(
    np.corrcoef,
    cases=[lambda f, A: f(A(2, 4)), lambda f, A: f(A(4), A(4)), lambda f, A: f(A(4, 2), rowvar=False)],
)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    c = np.cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    deviation = np.sqrt(np.real(np.diag(c)))
    return c / deviation[:, None] / deviation[None, :]


# ---- quantiles --------------------------------------------------------------------------------------------

# How fast the position in the sorted order moves with q: n + 1 - (α + β) of Hyndman and Fan (1996); the others step.
ALPHA_PLUS_BETA = {
    "linear": 2,
    "hazen": 1,
    "weibull": 0,
    "median_unbiased": 2 / 3,
    "normal_unbiased": 3 / 4,
    "interpolated_inverted_cdf": 1,
}


def positions(n, q, method):
    """Where between the ranks 0 … n-1 each quantile lies, with its dependence on q."""
    q_is = array_of(q)
    at = np.quantile(np.arange(max(n, 1), dtype=float), q_is, method=method)
    if not hasattr(q, "_node") or method not in ALPHA_PLUS_BETA:
        return at
    slope = np.where((at > 0) & (at < n - 1) | (method == "linear"), n + 1 - ALPHA_PLUS_BETA[method], 0)
    return at + (q - q_is) * slope


def quantiles(a, q, axis, method, keepdims, skip_nan):
    """Quantiles of sorted lines, whose NaN come last: either all count, or only the numbers before them."""
    a = as_operand(a)
    one, plain_q = np.ones(1, a.dtype), q if isinstance(q, (int, float)) else array_of(q)
    dtype = a.dtype if a.dtype.kind == "c" else np.quantile(one, plain_q, method=method).dtype   # median takes complex
    q = as_operand(q)
    lines, rest, axes = lines_of(a, axis)
    shape = lines.shape[:-1]
    if not lines.shape[-1]:  # the quantile of nothing is NaN
        lines = np.concatenate([lines, np.full((*shape, 1), np.nan)], axis=-1)
    lines = np.sort(lines, axis=-1)
    missing = np.isnan(array_of(lines))
    n = np.sum(~missing, axis=-1) if skip_nan else np.full(lines.shape[:-1], lines.shape[-1])
    at = np.zeros(q.shape + lines.shape[:-1])
    spread = (...,) + (None,) * len(rest)
    for size in np.unique(n):
        at = np.where(n == size, positions(int(size), q, method)[spread], at)
    lower = np.floor(array_of(at)).astype(int)
    upper = np.ceil(array_of(at)).astype(int)
    if method in ALPHA_PLUS_BETA and hasattr(at, "_node"):  # at a sample the slope is the one to its right
        upper = np.minimum(lower + 1, np.maximum(n - 1, 0))
    part = (at - lower).astype(dtype)
    index = tuple(np.ogrid[tuple(slice(m) for m in lines.shape[:-1])])
    low, high = lines[(*index, lower)], lines[(*index, upper)]
    out = low + (high - low) * part
    dead = n == 0 if skip_nan else missing.any(axis=-1)
    out = np.where(dead, np.nan, out).astype(dtype)
    return np.expand_dims(out, tuple(q.ndim + i for i in axes)) if keepdims else out


def lines_of(a, axis):
    """An array as lines along its last axis, the axes that are left, and those that were joined."""
    axes = axes_of(axis, a.ndim)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    shape = tuple(a.shape[i] for i in rest)
    return np.reshape(np.transpose(a, rest + axes), (*shape, math.prod(a.shape[i] for i in axes))), rest, axes


def weighted_quantiles(fun, a, q, axis, keepdims, weights, options):
    """A weighted quantile is one of the elements; NumPy says which: the quantile of the ranks, with their weights."""
    a, q, weights = as_operand(a), array_of(q), array_of(weights)
    value = fun(array_of(a), q, axis=axis, weights=weights, **options)
    lines, rest, axes = lines_of(a, axis)
    if weights.shape != a.shape:
        weights = laid_along(weights, axes, a.shape)
    order = np.argsort(array_of(lines), axis=-1, stable=True)
    ordered = np.take_along_axis(lines_of(np.broadcast_to(weights, a.shape), axis)[0], order, -1)
    at = np.zeros(q.shape + order.shape[:-1], int)
    for line in np.ndindex(order.shape[:-1]):
        known = ~np.isnan(np.sort(array_of(lines)[line]))
        if known.any():
            at[(..., *line)] = fun(np.flatnonzero(known).astype(float), q, weights=ordered[line][known], **options)
    index = tuple(np.ogrid[tuple(slice(m) for m in order.shape[:-1])])
    out = lines[(*index, order[(*index, at)])]
    out = np.where(np.isnan(value), value, out).astype(value.dtype)
    return np.expand_dims(out, tuple(q.ndim + i for i in axes)) if keepdims else out


METHODS = [lambda f, A, method=method: f(A("m", 5), 0.3, -1, method=method) for method in ALPHA_PLUS_BETA] + [
    lambda f, A, method=method: f(A(5), 0.3, method=method)
    for method in ("lower", "midpoint", "nearest", "averaged_inverted_cdf")
]
Q = [
    lambda f, A: f(A(2, 4), 0.45),
    lambda f, A: f(A(3, 4, 2), np.array([0.1, 0.7]), axis=(0, 1), keepdims=True),
]


def named_quantile(fun, skip_nan, scale, cases):
    """The definition of a quantile function by the unit of its q."""

    @composed(fun, cases=cases, kinks=distinct)
    def definition(
        a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None
    ):
        if as_operand(a).dtype.kind == "c":     # of which NumPy has a median, but no other quantile
            raise TypeError(f"{fun.__name__}: found complex numbers; expected real ones")
        if weights is not None:
            options = {"method": method}
            return weighted_quantiles(fun, a, as_operand(q), axis, keepdims, as_operand(weights), options)
        return quantiles(a, q if scale == 1 else np.divide(q, scale) if isinstance(q, (list, tuple)) else q / scale,
                         axis, method, keepdims, skip_nan)

    return definition


named_quantile(np.quantile, False, 1, Q + METHODS)
named_quantile(np.nanquantile, True, 1, Q)
named_quantile(np.percentile, False, 100, Q)
named_quantile(np.nanpercentile, True, 100, Q)


@composed(np.median, cases=AXES[:4], kinks=distinct)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return quantiles(a, 0.5, axis, "linear", keepdims, False)


@composed(np.nanmedian, cases=AXES[:4], kinks=distinct)
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return quantiles(a, 0.5, axis, "linear", keepdims, True)


# ---- passing over NaN -------------------------------------------------------------------------------------


def without_nan(fun, reduction, instead):
    """A function that takes `instead` for every NaN."""

    @composed(fun, cases=AXES if fun not in (np.nancumsum, np.nancumprod) else AXES[:3])
    def definition(a, *args, **kwargs):
        return reduction(np.where(np.isnan(array_of(a)), instead, a), *args, **kwargs)

    return definition


without_nan(np.nansum, np.sum, 0)
without_nan(np.nanprod, np.prod, 1)
without_nan(np.nancumsum, np.cumsum, 0)
without_nan(np.nancumprod, np.cumprod, 1)


def where_number(fun, reduction):
    """A function that leaves every NaN out of the count as well."""

    @composed(fun, cases=AXES + MASKED)
    def definition(a, axis=None, dtype=None, *, keepdims=False, where=True, **options):
        a = a if dtype is None else np.astype(a, dtype)
        number = ~np.isnan(array_of(a))
        clean = np.where(number, a, 0)
        return reduction(clean, axis=axis, keepdims=keepdims, where=number & where, **options)

    return definition


where_number(np.nanmean, np.mean)
where_number(np.nanvar, np.var)
where_number(np.nanstd, np.std)


def extreme_number(fun, reduction, worst):
    @composed(fun, cases=AXES, kinks=distinct)
    def definition(a, axis=None, keepdims=False, initial=None, where=True):
        missing = np.isnan(array_of(a))
        known = np.where(missing, worst, a)
        out = reduction(
            known, axis=axis, keepdims=keepdims, initial=worst if initial is None else initial, where=where
        )
        return (
            out
            if initial is not None
            else np.where(np.all(missing, axis=axis, keepdims=keepdims, where=where), np.nan, out)
        )

    return definition


extreme_number(np.nanmax, np.max, -np.inf)
extreme_number(np.nanmin, np.min, np.inf)

"""Differences and integrals along an axis, each said with slices."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.signatures import along, axes_of
from ..engine.table import composed
from .joining import as_operand

LINE = [lambda f, A: f(A(5)), lambda f, A: f(A(4, "n"), axis=0)]


def increasing(a):
    """Numbers in order, apart from each other, whatever was drawn."""
    return np.cumsum(np.abs(a) + 0.5, axis=-1)


@composed(
    np.diff,
    cases=[
        lambda f, A: f(A("m", 4), 2),
        lambda f, A: f(A(4, "n"), axis=0),
        lambda f, A: f(A(2, 3), prepend=A(2, 1), append=A()),
    ],
)
def diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    if n < 0:
        raise ValueError(f"diff: found order {n}; expected 0 or more")
    if n == 0:
        return a
    parts = [as_operand(p) for p in (prepend, a, append) if p is not np._NoValue]
    ndim = max(p.ndim for p in parts)
    if len(parts) > 1:
        shape = list(np.shape(array_of(a)))
        shape[axis] = 1
        a = np.concatenate([p if p.ndim else np.broadcast_to(p, shape) for p in parts], axis)
    for _ in range(n):
        a = a[along(slice(1, None), axis, ndim)] - a[along(slice(None, -1), axis, ndim)]
    return a


@composed(np.ediff1d, cases=[lambda f, A: f(A("m", 3)), lambda f, A: f(A(4), A(2), A())])
def ediff1d(ary, to_end=None, to_begin=None):
    ary = as_operand(ary)
    parts = [as_operand(p) for p in (to_begin, np.diff(np.ravel(ary)), to_end) if p is not None]
    for p in parts:
        if not np.can_cast(p.dtype, ary.dtype, "same_kind"):
            raise TypeError(f"ediff1d: found to_begin or to_end of {p.dtype}; expected the kind of ary, {ary.dtype}")
    return np.concatenate([np.ravel(p) for p in parts], dtype=ary.dtype, casting="same_kind")


@composed(
    np.trapezoid,
    cases=LINE
    + [lambda f, A: f(A(2, 4), A(4)), lambda f, A: f(A(3, 2), A(3), axis=0), lambda f, A: f(A(3), dx=A())],
)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = as_operand(y)
    if x is not None:
        x = as_operand(x)
        dx = np.diff(x, axis=-1 if x.ndim == 1 else axis)
        dx = np.reshape(dx, (-1,) + (1,) * (y.ndim - axes_of(axis, y.ndim)[0] - 1)) if x.ndim == 1 else dx
    return np.sum(
        dx * (y[along(slice(1, None), axis, y.ndim)] + y[along(slice(None, -1), axis, y.ndim)]) / 2, axis=axis
    )


def slopes(f, d, axis, edge_order):
    """Second-order central differences of f along an axis; `d` is one spacing or all n - 1 of them."""
    n, ndim = f.shape[axis], f.ndim
    if n < edge_order + 1:
        raise ValueError(f"gradient: found {n} points along axis {axis}; expected at least {edge_order + 1}")
    column = (-1,) + (1,) * (ndim - axis - 1)

    def at(a, i):
        return a[along(i, axis, ndim)]

    left, mid, right = slice(None, -2), slice(1, -1), slice(2, None)
    if d.ndim == 0:
        inside = (at(f, right) - at(f, left)) / (2 * d)
        first, second = last, before = d, d
    else:
        a, b = np.reshape(d[:-1], column), np.reshape(d[1:], column)
        inside = (
            -b / (a * (a + b)) * at(f, left)
            + (b - a) / (a * b) * at(f, mid)
            + a / (b * (a + b)) * at(f, right)
        )
        first, second, last, before = d[0], d[min(1, n - 2)], d[-1], d[max(-2, 1 - n)]

    def edge(h, k, i, j, m):
        if edge_order == 1:
            return (at(f, [j]) - at(f, [i])) / h
        return (
            -(2 * h + k) / (h * (h + k)) * at(f, [i])
            + (h + k) / (h * k) * at(f, [j])
            - h / (k * (h + k)) * at(f, [m])
        )

    return np.concatenate([edge(first, second, 0, 1, 2), inside, -edge(last, before, -1, -2, -3)], axis)


@composed(
    np.gradient,
    cases=[
        lambda f, A: f(A(5)),
        lambda f, A: f(A(3, 4), 0.5, increasing(A(4)), edge_order=2),
        lambda f, A: f(A(4, "n"), A() + 3, axis=0),
    ],
)
def gradient(f, *varargs, axis=None, edge_order=1):
    f = as_operand(f)
    axes = axes_of(axis, f.ndim)
    spacings = list(varargs) or [1.0]
    spacings = (
        spacings * len(axes) if len(spacings) == 1 and np.ndim(array_of(spacings[0])) == 0 else spacings
    )
    if len(spacings) != len(axes):
        raise TypeError(f"gradient: found {len(spacings)} spacings; expected 1 or {len(axes)}, one an axis")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: found edge_order={edge_order}; expected 1 or 2")
    out = []
    for i, d in zip(axes, spacings):
        d = as_operand(d)
        if d.ndim and d.shape != (f.shape[i],):
            raise ValueError(
                f"gradient: found coordinates of shape {d.shape} for axis {i} of length {f.shape[i]}"
            )
        d = np.diff(d) if d.ndim else d
        fixed = not (hasattr(d, "_node") and d._node.tracked)     # coordinates that vary do not stay even
        if d.ndim and fixed and (array_of(d) == array_of(d)[0]).all():  # even: the simple formula, as NumPy
            d = np.mean(d)
        d = d.astype(f.dtype) if f.dtype.kind == "f" and not hasattr(d, "_node") else d
        slope = slopes(f, d, i, edge_order)
        out.append(slope.astype(f.dtype) if f.dtype.kind in "fc" else slope)
    return out[0] if len(out) == 1 else tuple(out)


@composed(np.unwrap, cases=[lambda f, A: f(4 * A(6)), lambda f, A: f(2 * A(5, "n"), axis=0, period=2.5)])
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    values = array_of(p)
    return p + (np.unwrap(values, discont, axis, period=period) - values).astype(values.dtype)

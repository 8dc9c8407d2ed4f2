"""Differences, integrals, interpolation, convolution and polynomials: each said with slices and products."""

import numpy as np

from ..rules import NotDifferentiable
from ..table import TABLE, composed, elementwise, primitive, values_of
from .elementwise import over
from .joining import as_operand
from .reductions import along

LINE = [lambda f, A: f(A(5)), lambda f, A: f(A(4, "n"), axis=0)]


def increasing(a):
    """Numbers in order, apart from each other, whatever was drawn."""
    return np.cumsum(np.abs(a) + 0.5, axis=-1)


# ---- differences and integrals ----------------------------------------------------------------------------


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
        shape = list(np.shape(values_of(a)))
        shape[axis] = 1
        a = np.concatenate([p if p.ndim else np.broadcast_to(p, shape) for p in parts], axis)
    for _ in range(n):
        a = a[along(slice(1, None), axis, ndim)] - a[along(slice(None, -1), axis, ndim)]
    return a


@composed(np.ediff1d, cases=[lambda f, A: f(A("m", 3)), lambda f, A: f(A(4), A(2), A())])
def ediff1d(ary, to_end=None, to_begin=None):
    parts = [to_begin, np.diff(np.ravel(ary)), to_end]
    return np.concatenate([np.ravel(p) for p in parts if p is not None])


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
        dx = np.reshape(dx, (-1,) + (1,) * (y.ndim - axis % y.ndim - 1)) if x.ndim == 1 else dx
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
    axes = (
        range(f.ndim)
        if axis is None
        else [i % f.ndim for i in (axis if isinstance(axis, tuple) else (axis,))]
    )
    spacings = list(varargs) or [1.0]
    spacings = (
        spacings * len(axes) if len(spacings) == 1 and np.ndim(values_of(spacings[0])) == 0 else spacings
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
        fixed = not (hasattr(d, "node") and d.node.tracked)     # coordinates that vary do not stay even
        if d.ndim and fixed and (values_of(d) == values_of(d)[0]).all():  # even: the simple formula, as NumPy
            d = np.mean(d)
        out.append(
            slopes(
                f, d.astype(f.dtype) if f.dtype.kind == "f" and not hasattr(d, "node") else d, i, edge_order
            )
        )
    return out[0] if len(out) == 1 else tuple(out)


@composed(np.unwrap, cases=[lambda f, A: f(4 * A(6)), lambda f, A: f(2 * A(5, "n"), axis=0, period=2.5)])
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    values = values_of(p)
    return p + (np.unwrap(values, discont, axis, period=period) - values).astype(values.dtype)


# ---- interpolation ----------------------------------------------------------------------------------------


@composed(
    np.interp,
    cases=[
        lambda f, A: f(A("m", 2), increasing(A(4)) - 3, A(4)),
        lambda f, A: f(4 * A(3), increasing(A(4)) - 3, A(4), A(), 0.5),
        lambda f, A: f(9 * A(5), A(3), A(3), period=3.5),
    ],
)
def interp(x, xp, fp, left=None, right=None, period=None):
    x, xp, fp = as_operand(x), as_operand(xp), as_operand(fp)
    if "c" in (x.dtype.kind, xp.dtype.kind):
        raise TypeError(f"interp: found x of {x.dtype} and xp of {xp.dtype}; expected real numbers")
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(
            f"interp: found xp of shape {xp.shape} and fp of shape {fp.shape}; expected one axis of the same length"
        )
    if period is not None:
        x, xp = x % abs(period), xp % abs(period)
        order = np.argsort(values_of(xp))
        xp, fp = xp[order], fp[order]
        xp, fp = (
            np.concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)]),
            np.concatenate([fp[-1:], fp, fp[:1]]),
        )
        left = right = None
    at, knots = values_of(x), values_of(xp)
    i = np.clip(np.searchsorted(knots, at, "right") - 1, 0, max(len(knots) - 2, 0))
    j = np.minimum(i + 1, len(knots) - 1)
    inside = fp[i] + over(fp[j] - fp[i], xp[j] - xp[i]) * (x - xp[i])
    below, above = at < knots[0], at > knots[-1]
    inside = np.where(below, fp[0] if left is None else left, inside)
    return (
        np.where(above | (at == knots[-1]) & (j == i), fp[-1] if right is None else right, inside)
        if above.any() or len(knots) == 1
        else inside
    )


# ---- convolution and polynomials --------------------------------------------------------------------------


@primitive
def convolution(a, v):
    """Every overlap of a with the reversed v."""
    return np.convolve(a, v)


def other_ct(ct, v):
    """The overlaps of ct and v that are complete."""
    return convolution(ct, np.flip(v))[v.size - 1 : ct.size]


convolution.defvjp(
    lambda ct, v: other_ct(ct, v), lambda ct, a: other_ct(ct, a), cases=[lambda f, A: f(A("m"), A(3))]
)
TABLE[convolution].kind = "bilinear"


def overlaps(full, m, n, mode):
    """What a mode keeps of all overlaps: those of the middle (as many as the longer has), or the complete ones."""
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"convolve: found mode {mode!r}; expected 'full', 'same' or 'valid'")
    long, short = max(m, n), min(m, n)
    start = {"full": 0, "same": (short - 1) // 2, "valid": short - 1}[mode]
    return full[start : start + {"full": long + short - 1, "same": long, "valid": long - short + 1}[mode]]


MODES = [lambda f, A, mode=mode: f(A("m"), A(4), mode) for mode in ("full", "same", "valid")]


@composed(np.convolve, cases=MODES)
def convolve(a, v, mode="full"):
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    return overlaps(convolution(a, v), a.size, v.size, mode)


@composed(np.correlate, cases=MODES)
def correlate(a, v, mode="valid"):
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    full = convolution(a, np.flip(v.conjugate()))
    if v.size > a.size:  # NumPy correlates the longer with the shorter, and turns the result around
        return np.flip(overlaps(np.flip(full), a.size, v.size, mode))
    return overlaps(full, a.size, v.size, mode)


@composed(np.polyval, cases=[lambda f, A: f(A(4), A("m", 2)), lambda f, A: f(A(1), A())])
def polyval(p, x):
    p, x = as_operand(p), as_operand(x)
    y = np.zeros_like(values_of(x))
    for coefficient in p:
        y = y * x + coefficient
    return y


def aligned(a1, a2):
    """Two polynomials with as many coefficients, the longer's."""
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    n = max(a1.size, a2.size)
    return np.pad(a1, (n - a1.size, 0)), np.pad(a2, (n - a2.size, 0))


TWO = [lambda f, A: f(A(4), A(2)), lambda f, A: f(A(2), A(3))]


@composed(np.polyadd, cases=TWO)
def polyadd(a1, a2):
    a1, a2 = aligned(a1, a2)
    return a1 + a2


@composed(np.polysub, cases=TWO)
def polysub(a1, a2):
    a1, a2 = aligned(a1, a2)
    return a1 - a2


@composed(np.polymul, cases=TWO)
def polymul(a1, a2):
    return np.convolve(a1, a2)


@composed(
    np.polydiv,
    cases=[
        lambda f, A: f(A(4), np.concatenate([[2.0], A(2)])),
        lambda f, A: f(A(3), np.concatenate([[2.0], A(2)])),
    ],
)
def polydiv(u, v):
    rest, v = np.atleast_1d(u) + 0.0, np.atleast_1d(v) + 0.0
    quotient = []
    for i in range(max(rest.size - v.size + 1, 0)):
        q = rest[i : i + 1] / v[0]
        quotient.append(q)
        rest = rest - np.pad(q * v, (i, rest.size - v.size - i))
    values = values_of(rest)
    start = len(quotient)
    while start < values.size - 1 and np.allclose(values[start], 0, rtol=1e-14):  # NumPy trims leading zeros
        start += 1
    return np.concatenate(quotient) if quotient else np.zeros(1, rest.dtype), rest[
        min(start, values.size - 1) :
    ]


@composed(np.polyder, cases=[lambda f, A: f(A(4)), lambda f, A: f(A(5), 2)])
def polyder(p, m=1):
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1)
    return p


@composed(np.polyint, cases=[lambda f, A: f(A(4)), lambda f, A: f(A(3), 2, A(2))])
def polyint(p, m=1, k=None):
    p = np.atleast_1d(p)
    k = np.zeros(1) if k is None else np.atleast_1d(k)
    k = np.broadcast_to(k, (m,)) if k.size == 1 else k
    for i in range(m):
        p = np.concatenate([p / np.arange(p.shape[0], 0, -1), k[i : i + 1]])
    return p


@composed(
    np.polyfit,
    cases=[
        lambda f, A: f(increasing(A(5)), A(5), 2),
        lambda f, A: f(increasing(A(4)), A(4, 2), 1, w=np.abs(A(4)) + 0.5),
    ],
)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    if full or cov:
        raise NotDifferentiable(
            "polyfit: full= and cov= have no derivative here; take the coefficients alone"
        )
    x, y = as_operand(x), as_operand(y)
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    powers = np.vander(x, deg + 1)
    if w is not None:
        powers, y = (
            powers * as_operand(w)[:, None],
            y * (as_operand(w) if y.ndim == 1 else as_operand(w)[:, None]),
        )
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    solution = np.linalg.lstsq(powers / scale, y, rcond)[0]
    return solution / (scale if solution.ndim == 1 else scale[:, None])


@composed(np.vander, cases=[lambda f, A: f(A("m")), lambda f, A: f(A("m"), 3, increasing=True)])
def vander(x, N=None, increasing=False):
    x = x.astype(np.promote_types(x.dtype, int))
    exponents = np.arange(x.shape[0] if N is None else N)
    return x[:, None] ** (exponents if increasing else exponents[::-1])


@composed(np.poly, cases=[lambda f, A: f(A("m"))])
def poly(seq_of_zeros):
    roots = as_operand(seq_of_zeros)
    if roots.ndim == 2:
        roots = np.linalg.eigvals(roots)
    p = np.ones(1, roots.dtype)
    for i in range(roots.shape[0]):
        p = np.convolve(p, np.concatenate([np.ones(1, roots.dtype), -roots[i : i + 1]]))
    conjugate_pairs = np.iscomplexobj(roots) and np.isrealobj(np.poly(values_of(seq_of_zeros)))
    return np.real(p) if conjugate_pairs else p


@composed(
    np.roots,
    kinks=lambda p: np.diff(np.sort_complex(np.roots(p))),
    cases=[lambda f, A: f(np.concatenate([[1.0], A(3)]))],
)
def roots(p):
    places = np.flatnonzero(values_of(p))
    if not len(places):
        return np.array([])
    if places[-1] < p.shape[0] - 1:
        raise NotDifferentiable(
            "roots: where the last coefficient is 0 the derivative of the root 0 is not known here; "
            "divide by x: np.roots(p[:-1])"
        )
    p = p[int(places[0]) :]
    if p.shape[0] < 2:
        return np.zeros(0)
    companion = np.concatenate([np.reshape(-p[1:] / p[0], (1, -1)), np.eye(p.shape[0] - 2, p.shape[0] - 1)])
    return np.linalg.eigvals(companion)


# ---- a Bessel function ------------------------------------------------------------------------------------


def bessel_i1(x):
    """I₁(x) = ⟨cos θ sinh(x cos θ)⟩ over the circle; the mean of equally spaced points converges geometrically."""
    n = 32 + int(9 * np.sqrt(np.max(np.abs(values_of(x)), initial=0)))
    c = np.cos(2 * np.pi * np.arange(n) / n).astype(values_of(x).dtype)
    return np.mean(c * np.sinh(x[..., None] * c), axis=-1)


elementwise(np.i0, bessel_i1)

"""Convolution, and polynomials, whose product it is."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.facts import ANY
from ..engine.operation import NotDifferentiable
from ..engine.table import composed, primitive
from .differences import increasing
from .joining import as_operand


@primitive
def convolution(a, v):
    """Every overlap of a with the reversed v."""
    return np.convolve(a, v)


def other_ct(ct, v):
    """The overlaps of ct and v that are complete."""
    return convolution(ct, np.flip(v))[v.size - 1 : ct.size]


convolution.defvjp(
    lambda ct, v: other_ct(ct, v), lambda ct, a: other_ct(ct, a), kind="bilinear",
    cases=[lambda f, A: f(A("m"), A(3))],
)


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
    y = np.zeros_like(array_of(x))
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
    values = array_of(rest)
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
        lambda f, A: f(increasing(A(5)), A(5), 2, cov=True)[1],
        lambda f, A: f(increasing(A(4)), A(4, 2), 1, cov="unscaled")[1],
        lambda f, A: f(increasing(A(4)), A(4, 2), 1, w=np.abs(A(4)) + 0.5, cov=True)[1],
    ],
)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """The coefficients by least squares in scaled powers; with `cov` also their covariance, by the same matrix."""
    if full:
        raise NotDifferentiable("polyfit: full= has no derivative here; take the coefficients, or cov=True")
    x, y = as_operand(x), as_operand(y)
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    powers = np.vander(x, deg + 1)
    if w is not None:
        w = as_operand(w)
        powers, y = powers * w[:, None], y * (w if y.ndim == 1 else w[:, None])
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    solution = np.linalg.lstsq(powers / scale, y, rcond)[0]
    coefficients = solution / (scale if solution.ndim == 1 else scale[:, None])
    if cov is False:
        return coefficients
    scaled = powers / scale
    covariance = np.linalg.inv(np.matmul(scaled.T, scaled)) / np.outer(scale, scale)
    covariance = covariance if y.ndim == 1 else covariance[..., None]
    if cov != "unscaled":
        freedom = x.shape[0] - deg - 1
        if freedom <= 0:
            raise ValueError(f"polyfit: cov=True: found {x.shape[0]} points for {deg + 1} coefficients; expected more")
        residues = y - np.matmul(powers, coefficients)
        residues = np.sum((residues * residues.conjugate()).real, axis=0) / freedom
        covariance = covariance * residues
    return coefficients, covariance


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
    conjugate_pairs = np.iscomplexobj(roots) and np.isrealobj(np.poly(array_of(seq_of_zeros)))
    return np.real(p) if conjugate_pairs else p


@composed(
    np.roots,
    shape_from=ANY,
    complex_by_values=True,
    kinks=lambda p: np.diff(np.sort_complex(np.roots(p))),
    cases=[lambda f, A: f(np.concatenate([[1.0], A(3)]))],
)
def roots(p):
    places = np.flatnonzero(array_of(p))
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
    below = np.eye(p.shape[0] - 2, p.shape[0] - 1, dtype=p.dtype)
    companion = np.concatenate([np.reshape(-p[1:] / p[0], (1, -1)), below])
    return np.linalg.eigvals(companion)

"""Decompositions: Cholesky, QR and eigenvectors of the matrices on the last two axes.

cholesky, eigh and eigvalsh read one triangle and take the other to be its conjugate, so the gradient lies in that
triangle: it is the derivative of the function that NumPy computes. Eigenvectors, like the singular vectors of
singular_values.py, are determined up to a phase, which LAPACK fixes by making one component real; the rules follow
it. Where two values coincide their vectors turn freely: 1/(wⱼ - wᵢ) counts as 0 there, where coincidence.py has
found that to be right.
"""

import numpy as np

from ..engine.arrays import array_of
from ..engine.modes import current
from ..engine.operation import NotDifferentiable
from ..engine.table import composed, function, primitive
from ..engine.tracing import assume
from .coincidence import determined, loops, near, uses
from .elementwise import over
from .joining import as_operand
from .matrices import H, diagonal_matrix, hermitian_part, of_triangle, positive_definite, regular


def halved(x):
    """The lower triangle with half of the diagonal: Φ of Murray (2016)."""
    return np.tril(x) * (1 - np.eye(x.shape[-1], dtype=x.dtype) / 2)


def cholesky_ct(ct, out, upper):
    """ā = herm(l⁻ᴴ Φ(lᴴ l̄) l⁻¹); Murray (2016), Differentiation of the Cholesky decomposition, equation 9."""
    low, ct = (H(out), H(ct)) if upper else (out, ct)
    half = np.linalg.solve(H(low), halved(H(low) @ ct))
    return of_triangle(hermitian_part(H(np.linalg.solve(H(low), H(half)))), upper)


function(
    np.linalg.cholesky,
    cholesky_ct,
    conj=False,
    cases=[
        lambda f, A: f(positive_definite(A(2, 3, 3))),
        lambda f, A: f(positive_definite(A(3, 3)), upper=True),
    ],
)


@primitive(name="qr")
def triangularized(a, mode):
    """q and r, or r alone."""
    return np.linalg.qr(a, mode)


def qr_ct(ct, a, out, mode):
    """Walter and Lehmann (2010), section 3.1.

    A wide a = [x y] is its square part x = q r₁ beside r₂ = qᴴ y.
    """
    m, n = np.shape(a)[-2:]
    if mode == "r":
        q, r = np.linalg.qr(a)
        q_ct, r_ct = np.zeros_like(array_of(q)), ct
    else:
        (q, r), (q_ct, r_ct) = out, ct
    if m < n:
        y, beside = as_operand(a)[..., m:], r_ct[..., m:]
        q_ct = q_ct + y @ H(beside)
    r, r_ct = r[..., :m], r_ct[..., :m]
    independent(r)
    both = r @ H(r_ct) - H(q_ct) @ q
    lower = np.tril(both, -1)
    whole = lower + H(lower) + diagonal_matrix(np.real(np.diagonal(both, axis1=-2, axis2=-1)))
    g = H(np.linalg.solve(r, H(q_ct + q @ whole)))
    return np.concatenate([g, q @ beside], axis=-1) if m < n else g


def independent(r):
    """Refuse where columns depend on each other: q jumps there."""
    size = np.abs(np.diagonal(array_of(r), axis1=-2, axis2=-1))
    least = r.shape[-1] * np.finfo(size.dtype).eps * np.max(size, axis=-1, keepdims=True, initial=0)
    if assume(np.any(size <= least)):
        raise NotDifferentiable(
            f"qr: the first {r.shape[-1]} columns depend on each other, to rounding, where it has no derivative; "
            "use np.linalg.svd or np.linalg.pinv"
        )


triangularized.defvjp(
    qr_ct,
    diff=("a",),
    conj=False,
    kinks=lambda a: np.linalg.svdvals(a),
    cases=[
        lambda f, A: f(A(4, 3), "reduced"),
        lambda f, A: f(A(2, 2, 4), "reduced"),
        lambda f, A: f(regular(A(3, 3)), "complete"),
        lambda f, A: f(A(4, 3), "r"),
    ],
)


@composed(
    np.linalg.qr,
    kinks=lambda a: np.linalg.svdvals(a),
    cases=[lambda f, A: f(A(4, 3)), lambda f, A: f(A(4, 3), mode="r")],
)
def qr(a, mode="reduced"):
    """Walter and Lehmann (2010), Algorithmic differentiation of linear algebra functions, section 3.1."""
    m, n = np.shape(a)[-2:]
    if current().recording and (mode == "raw" or mode == "complete" and m > n):
        raise NotDifferentiable(
            f"qr: mode={mode!r} of a {m} by {n} matrix has no derivative; use mode='reduced', or detach the matrix"
        )
    return triangularized(a, mode)


# ---- eigenvalues ------------------------------------------------------------------------------------------


def inverse_gaps(w, close):
    """1 / (wⱼ - wᵢ), and 0 for the pairs that are `close`."""
    skip = close | np.eye(w.shape[-1], dtype=bool)
    return np.where(skip, 0, 1 / np.where(skip, 1, w[..., None, :] - w[..., :, None]))


def skew(x):
    return x - H(x)


def columns_dot(v, ct):
    """What a cotangent says along each column, vⱼᴴ ctⱼ, as a row."""
    return np.sum(v.conjugate() * ct, axis=-2, keepdims=True)


def pinned(ct, v, turn, real):
    """ct without what it says of the phase of each column, moved to the component that the phase keeps real."""
    return ct - 1j * np.where(real, over(turn, np.real(v)), 0)


def first_row(v):
    """True in the first row, where it is real in every column; else in the last, or nowhere."""
    rows = np.zeros(array_of(v).shape, bool)
    for i in (0, -1) if rows.size else ():
        if assume(np.all(np.abs(np.imag(array_of(v)[..., i, :])) <= 1e-6)):
            rows[..., i, :] = True
            break
    return rows


def eigh_ct(ct, out, UPLO):
    """ā = v (diag(w̄) + (vᴴ v̄) / (wⱼ - wᵢ)) vᴴ; Giles (2008), Collected matrix derivative results, section 3.1."""
    (w_ct, v_ct), (w, v) = ct, out
    inner = diagonal_matrix(w_ct)
    if uses(ct, 1):
        close = near(w)
        tied = np.any(close, axis=-1)
        if assume(np.any(tied)):
            turns = [(skew(H(v) @ v_ct), close | loops(tied))]
            determined("eigh", "eigenvalues coincide", ct, tied, 0, [v_ct], turns)
        if v.dtype.kind == "c":
            v_ct = pinned(v_ct, v, np.imag(columns_dot(v, v_ct)), first_row(v))
        inner = inner + (H(v) @ v_ct) * inverse_gaps(w, close)
    return of_triangle(hermitian_part(v @ inner @ H(v)), UPLO.upper() == "U")


def hermitian(a):
    return a + H(a)


def separation(w):
    """The distances between the values along the last axis: where one is 0, their vectors are not defined."""
    pairs = ~np.eye(w.shape[-1], dtype=bool)
    return np.abs(w[..., :, None] - w[..., None, :])[..., pairs]


def either_triangle(a):
    return separation(np.linalg.eigvalsh(np.stack([a, H(a)])))


function(
    np.linalg.eigh,
    eigh_ct,
    conj=False,
    kinks=either_triangle,
    cases=[lambda f, A: f(hermitian(A(2, 3, 3))), lambda f, A: f(hermitian(A(3, 3)), "U")],
)


@composed(np.linalg.eigvalsh, kinks=either_triangle, cases=[lambda f, A: f(hermitian(A(2, 3, 3)), "U")])
def eigvalsh(a, UPLO="L"):
    return np.linalg.eigh(a, UPLO)[0]


def diagonalizable(v):
    """Refuse eigenvectors that are no basis: the derivative of their values is infinite, or f"(w) has a part in it."""
    v = array_of(v)
    if v.size and not assume(np.all(np.linalg.cond(v) < np.finfo(v.dtype).eps ** (-2 / 3))):
        raise NotDifferentiable(
            "eig: the matrix is defective, or too near to one to tell: it has fewer eigenvectors than columns; write "
            "functions of its eigenvalues by trace, det, products or tinygrad_np.scipy.linalg (expm, logm, sqrtm)"
        )


def eig_ct(ct, out):
    """Columns of unit length, largest component real; Boeddeker et al. (2017), arXiv 1701.00392, equation 4.77."""
    (w_ct, v_ct), (w, v) = ct, out
    diagonalizable(v)
    inner = diagonal_matrix(w_ct)
    if uses(ct, 1):
        close = near(w)
        tied = np.any(close, axis=-1)
        v_ct = v_ct - v * np.real(columns_dot(v, v_ct))
        if assume(np.any(tied)):
            turns = [(H(v) @ v_ct, close | loops(tied))]
            determined("eig", "eigenvalues coincide", ct, tied, 0, [ct[1]], turns)
        if v.dtype.kind == "c" and v.size:
            size = np.where(np.imag(array_of(v)) == 0, np.abs(array_of(v)), -1)
            largest = np.arange(size.shape[-2])[:, None] == np.argmax(size, axis=-2, keepdims=True)
            v_ct = pinned(v_ct, v, np.imag(columns_dot(v, v_ct)), largest)
        inner = inner + (H(v) @ v_ct) * inverse_gaps(w, close).conjugate()
    return np.linalg.solve(H(v), inner @ H(v))


function(
    np.linalg.eig,
    eig_ct,
    conj=False,
    complex_by_values=True,
    kinks=lambda a: separation(np.linalg.eigvals(a)),
    cases=[lambda f, A: f(A(2, 3, 3))],
)


@composed(
    np.linalg.eigvals,
    complex_by_values=True,
    kinks=lambda a: separation(np.linalg.eigvals(a)),
    cases=[lambda f, A: f(A(2, 3, 3))],
)
def eigvals(a):
    return np.linalg.eig(a)[0]

"""Decompositions: Cholesky, QR, eigenvectors and singular vectors of the matrices on the last two axes.

cholesky, eigh and eigvalsh read one triangle and take the other to be its conjugate, so the gradient lies in that
triangle: it is the derivative of the function that NumPy computes. Eigenvectors and singular vectors are determined
up to a phase, which LAPACK fixes by making one component real; the rules follow it. Where two values coincide their
vectors turn freely: 1/(wⱼ - wᵢ) counts as 0 there, which is right for symmetric functions of the values and for the
space that the vectors span, but not for what needs both, such as v f(w) vᴴ: see tinygrad_np.scipy.linalg for those.
"""

import numpy as np

from ..rules import NotDifferentiable
from ..table import composed, function, values_of
from .elementwise import over
from .joining import as_operand
from .linalg import H, cutoff, diagonal_matrix, hermitian_part, of_triangle, positive_definite, regular


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


def qr_ct(ct, a, out, mode):
    """Walter and Lehmann (2010), Algorithmic differentiation of linear algebra functions, section 3.1.

    A wide a = [x y] is its square part x = q r₁ beside r₂ = qᴴ y.
    """
    m, n = np.shape(a)[-2:]
    if mode == "raw" or (mode == "complete" and m > n):
        raise NotDifferentiable(
            f"qr: mode={mode!r} of a {m} by {n} matrix has no derivative here; use mode='reduced'"
        )
    if mode == "r":
        q, r = np.linalg.qr(a)
        q_ct, r_ct = np.zeros_like(values_of(q)), ct
    else:
        (q, r), (q_ct, r_ct) = out, ct
    if m < n:
        y, beside = as_operand(a)[..., m:], r_ct[..., m:]
        q_ct = q_ct + y @ H(beside)
    r, r_ct = r[..., :m], r_ct[..., :m]
    lower = np.tril(r @ H(r_ct) - H(q_ct) @ q, -1)
    whole = (
        lower
        + H(lower)
        + diagonal_matrix(np.real(np.diagonal(r @ H(r_ct) - H(q_ct) @ q, axis1=-2, axis2=-1)))
    )
    g = H(np.linalg.solve(r, H(q_ct + q @ whole)))
    return np.concatenate([g, q @ beside], axis=-1) if m < n else g


function(
    np.linalg.qr,
    qr_ct,
    kinks=lambda a: np.linalg.svdvals(a),
    conj=False,
    cases=[
        lambda f, A: f(A(4, 3)),
        lambda f, A: f(A(2, 2, 4)),
        lambda f, A: f(regular(A(3, 3)), "complete"),
        lambda f, A: f(A(4, 3), "r"),
    ],
)


# ---- eigenvalues ------------------------------------------------------------------------------------------


def inverse_gaps(w, times=1):
    """1 / ((wⱼ - wᵢ) times), and 0 where wⱼ and wᵢ coincide to rounding."""
    d = w[..., None, :] - w[..., :, None]
    scale = np.max(np.abs(values_of(w)), axis=-1, keepdims=True, initial=0)[..., None]
    same = np.abs(values_of(d)) <= w.shape[-1] * np.finfo(w.dtype).eps * scale
    return np.where(same, 0, 1 / np.where(same, 1, d * times))


def columns_dot(v, ct):
    """What a cotangent says along each column, vⱼᴴ ctⱼ, as a row."""
    return np.sum(v.conjugate() * ct, axis=-2, keepdims=True)


def pinned(ct, v, turn, real):
    """ct without what it says of the phase of each column, moved to the component that the phase keeps real."""
    return ct - 1j * np.where(real, over(turn, np.real(v)), 0)


def first_row(v):
    """True in the first row, where it is real in every column; else in the last, or nowhere."""
    rows = np.zeros(values_of(v).shape, bool)
    for i in (0, -1):
        if not np.any(np.abs(np.imag(values_of(v)[..., i, :])) > 1e-6):
            rows[..., i, :] = True
            break
    return rows


def eigh_ct(ct, out, UPLO):
    """ā = v (diag(w̄) + (vᴴ v̄) / (wⱼ - wᵢ)) vᴴ; Giles (2008), Collected matrix derivative results, section 3.1."""
    (w_ct, v_ct), (w, v) = ct, out
    if v.dtype.kind == "c":
        v_ct = pinned(v_ct, v, np.imag(columns_dot(v, v_ct)), first_row(v))
    inner = diagonal_matrix(w_ct) + (H(v) @ v_ct) * inverse_gaps(w)
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


def eig_ct(ct, out):
    """Columns of unit length, largest component real; Boeddeker et al. (2017), arXiv 1701.00392, equation 4.77."""
    (w_ct, v_ct), (w, v) = ct, out
    v_ct = v_ct - v * np.real(columns_dot(v, v_ct))
    if v.dtype.kind == "c":
        size = np.where(np.imag(values_of(v)) == 0, np.abs(values_of(v)), -1)
        largest = np.arange(size.shape[-2])[:, None] == np.argmax(size, axis=-2, keepdims=True)
        v_ct = pinned(v_ct, v, np.imag(columns_dot(v, v_ct)), largest)
    inner = diagonal_matrix(w_ct) + (H(v) @ v_ct) * inverse_gaps(w).conjugate()
    return np.linalg.solve(H(v), inner @ H(v))


function(
    np.linalg.eig,
    eig_ct,
    conj=False,
    kinks=lambda a: separation(np.linalg.eigvals(a)),
    cases=[lambda f, A: f(A(2, 3, 3))],
)


@composed(
    np.linalg.eigvals, kinks=lambda a: separation(np.linalg.eigvals(a)), cases=[lambda f, A: f(A(2, 3, 3))]
)
def eigvals(a):
    return np.linalg.eig(a)[0]


# ---- singular values --------------------------------------------------------------------------------------


def svd_ct(ct, a, out, compute_uv, hermitian):
    """Townsend (2016), Differentiating the singular value decomposition; the null spaces move with the rest.

    A singular value is an absolute value, so at 0 its derivative is 0.
    """
    if compute_uv:
        (u, s, vh), (u_ct, s_ct, vh_ct) = out, ct
    else:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        s_ct = ct
    k = s.shape[-1]
    zero = values_of(s) <= cutoff(as_operand(a), s)
    u1, v1 = u[..., :k], H(vh[..., :k, :])
    inner = diagonal_matrix(np.where(zero, 0, s_ct))
    g = 0
    if compute_uv:
        u_ct1, v_ct1 = u_ct[..., :k], H(vh_ct[..., :k, :])
        inverse = np.where(zero, 0, 1 / np.where(zero, 1, s))[..., None, :]
        if u.dtype.kind == "c":
            turn = np.imag(columns_dot(u1, u_ct1) + columns_dot(v1, v_ct1))
            real_v = first_row(v1)
            real_u = first_row(u1) & ~np.any(real_v)
            u_ct1, v_ct1 = pinned(u_ct1, u1, turn, real_u), pinned(v_ct1, v1, turn, real_v)
            inner = inner + 1j * diagonal_matrix((np.imag(columns_dot(u1, u_ct1)) * inverse)[..., 0, :])
        apart = inverse_gaps(s, s[..., None, :] + s[..., :, None])
        m, n = H(u1) @ u_ct1, H(v1) @ v_ct1
        inner = inner + (m - H(m)) * apart * s[..., None, :] + s[..., :, None] * apart * (n - H(n))
        g = (u_ct1 - u1 @ m - u[..., k:] @ (H(u_ct[..., k:]) @ u1)) * inverse @ H(v1)
        g = g + u1 @ H((v_ct1 - v1 @ n - H(vh[..., k:, :]) @ (vh_ct[..., k:, :] @ v1)) * inverse)
    g = g + u1 @ inner @ H(v1)
    return of_triangle(hermitian_part(g), upper=False) if hermitian else g


def spread(a):
    """The singular values and the distances between them."""
    s = np.linalg.svdvals(a)
    return np.concatenate([s, separation(s)], axis=-1)


function(
    np.linalg.svd,
    svd_ct,
    conj=False,
    kinks=spread,
    cases=[
        lambda f, A: f(A(3, 2), full_matrices=False),
        lambda f, A: f(A(2, 2, 3), False),
        lambda f, A: f(A(3, 3)),
        lambda f, A: f(A(2, 4), compute_uv=False),
    ],
)


@composed(np.linalg.svdvals, kinks=spread, cases=[lambda f, A: f(A(2, 3, 2))])
def svdvals(x):
    return np.linalg.svd(x, compute_uv=False)

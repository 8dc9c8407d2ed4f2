"""Singular values and singular vectors of the matrices on the last two axes.

An operation sees which of u, s and vᴴ a function uses, so `svd` and `svdvals` record the same one, `singular`.
"""

import numpy as np

from ..engine.arrays import array_of
from ..engine.operation import NotDifferentiable
from ..engine.table import composed, primitive
from ..engine.tracing import assume
from .coincidence import determined, loops, marked, near, turn_block, uses
from .decompositions import columns_dot, first_row, inverse_gaps, pinned, separation, skew
from .joining import as_operand
from .matrices import H, cutoff, diagonal_matrix, hermitian_part, of_triangle


@primitive(name="svd")
def singular(a, full_matrices, hermitian):
    """u, s and vᴴ: one operation, so that it sees whether a function uses values and vectors together."""
    return np.linalg.svd(a, full_matrices, hermitian=hermitian)


def svd_ct(ct, a, out, hermitian):
    """Townsend (2016); the null spaces move with the rest.

    Written by what turns u and v together, over sⱼ - sᵢ, and against each other, over sⱼ + sᵢ. A singular value is
    an absolute value, so at 0 its derivative is 0.
    """
    (u, s, vh), (u_ct, s_ct, vh_ct) = out, ct
    k = s.shape[-1]
    zero = array_of(s) <= cutoff(as_operand(a), s)
    u1, v1 = u[..., :k], H(vh[..., :k, :])
    inner = diagonal_matrix(np.where(zero & kinked(s_ct), 0, s_ct))
    g = 0
    if uses(ct, 0, 2):
        close = near(s)
        svd_determined(ct, u, s, vh, zero, close)
        u_ct1, v_ct1 = u_ct[..., :k], H(vh_ct[..., :k, :])
        if u.dtype.kind == "c":
            turn = np.imag(columns_dot(u1, u_ct1) + columns_dot(v1, v_ct1))
            real_v = first_row(v1)
            real_u = first_row(u1) & ~np.any(real_v)
            u_ct1, v_ct1 = pinned(u_ct1, u1, turn, real_u), pinned(v_ct1, v1, turn, real_v)
        m, n = H(u1) @ u_ct1, H(v1) @ v_ct1
        none = turn_block(zero)
        sums = np.where(none, 0, 1 / np.where(none, 1, s[..., None, :] + s[..., :, None]))
        inner = inner + (skew(m + n) * inverse_gaps(s, close) + skew(m - n) * sums) / 2
        inverse = np.where(zero, 0, 1 / np.where(zero, 1, s))[..., None, :]
        g = (u_ct1 - u1 @ m - u[..., k:] @ (H(u_ct[..., k:]) @ u1)) * inverse @ H(v1)
        g = g + u1 @ H((v_ct1 - v1 @ n - H(vh[..., k:, :]) @ (vh_ct[..., k:, :] @ v1)) * inverse)
    g = g + u1 @ inner @ H(v1)
    return of_triangle(hermitian_part(g), upper=False) if hermitian else g


def kinked(s_ct):
    """Where a cotangent is not small. That of a smooth function is, at a zero value: it is even in each value."""
    size = np.abs(array_of(s_ct))
    return size > np.sqrt(np.finfo(size.dtype).eps) * np.max(size, axis=-1, keepdims=True, initial=0)


def svd_determined(ct, u, s, vh, zero, close):
    """Raise where singular values coincide, or vectors of none, and the cotangents do not say what follows.

    Vectors of a value that is not zero turn u and v together; those of zero, and the null spaces, turn freely.
    """
    u_ct, v, v_ct, k = ct[0], H(vh), H(ct[2]), s.shape[-1]
    tied = np.any(close, axis=-1) | zero
    if u.shape[-1] == k == v.shape[-1] and not assume(np.any(tied)):
        return
    m, n = H(u) @ u_ct, H(v) @ v_ct
    null = [np.concatenate([zero, np.ones((*zero.shape[:-1], x.shape[-1] - k), bool)], axis=-1) for x in (u, v)]
    turns = [
        (skew(m[..., :k, :k] + n[..., :k, :k]), turn_block(~zero) & (close | loops(tied))),
        (skew(m), turn_block(null[0])),
        (skew(n), turn_block(null[1])),
        ((u_ct - u @ m)[..., :k], zero[..., None, :]),      # the rest of a null space, which full_matrices has
        ((v_ct - v @ n)[..., :k], zero[..., None, :]),
    ]
    determined("svd", "singular values coincide or are zero", ct, tied, 1, [u_ct, v_ct], turns)
    if uses(ct, 0) and uses(ct, 2) and all(assume(marked(x[..., :k], zero)) for x in (u_ct, v_ct)):
        raise NotDifferentiable(
            "svd: the vectors u and v of a singular value that is zero change sign apart, so a function of both jumps; "
            "slice to the others, as in u[:, :rank], or take u and v from two calls where they are used apart"
        )


def values_and_gaps(a):
    """The singular values and the distances between them."""
    s = np.linalg.svdvals(a)
    return np.concatenate([s, separation(s)], axis=-1)


singular.defvjp(
    svd_ct,
    diff=("a",),
    conj=False,
    kinks=values_and_gaps,
    cases=[
        lambda f, A: f(A(3, 2), False, False),
        lambda f, A: f(A(2, 2, 3), False, False),
        lambda f, A: f(A(3, 3), True, False),
    ],
)


@composed(
    np.linalg.svd,
    kinks=values_and_gaps,
    cases=[lambda f, A: f(A(3, 2), full_matrices=False), lambda f, A: f(A(2, 4), compute_uv=False)],
)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """Townsend (2016), Differentiating the singular value decomposition; the null spaces move with the rest."""
    if compute_uv:
        return singular(a, full_matrices, hermitian)
    return singular(a, False, hermitian)[1]


@composed(np.linalg.svdvals, kinks=values_and_gaps, cases=[lambda f, A: f(A(2, 3, 2))])
def svdvals(x):
    return singular(x, False, False)[1]

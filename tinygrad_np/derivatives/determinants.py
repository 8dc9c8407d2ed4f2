"""det and slogdet: by the adjugate, so that a singular matrix has its derivatives too."""

import math

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import function
from ..engine.tracing import assume
from .joining import as_operand
from .matrices import H, eye_like
from .products import mT


def adjugate(a):
    """The transposed cofactors, without a division by anything that may be zero: by Faddeev and LeVerrier."""
    n, one = a.shape[-1], eye_like(a)
    out = one
    for k in range(1, n):
        am = a @ out
        out = am - np.trace(am, axis1=-2, axis2=-1)[..., None, None] / k * one
    return out * (-1.0) ** (n - 1)


def cofactors(a, rank):
    """∂det(a)/∂a where a has only `rank` singular values that are not small, to any order.

    Turned by its singular vectors, a is a block that can be inverted beside small ones; the adjugate follows from
    that inverse and from the adjugate of the Schur complement, a polynomial.
    """
    u, _, vh = np.linalg.svd(array_of(a))
    b = H(u) @ a @ H(vh)
    inverse = np.linalg.inv(b[..., :rank, :rank])
    right, below = inverse @ b[..., :rank, rank:], b[..., rank:, :rank] @ inverse
    rest = b[..., rank:, rank:] - b[..., rank:, :rank] @ right
    small = adjugate(rest)
    one = np.broadcast_to(eye_like(rest), rest.shape)
    beside = np.concatenate([-right, one], axis=-2) @ small @ np.concatenate([-below, one], axis=-1)
    corner = np.eye(b.shape[-1], rank, dtype=b.dtype)
    det_rest = np.trace(rest @ small, axis1=-2, axis2=-1)[..., None, None] / rest.shape[-1]
    whole = np.linalg.det(b[..., :rank, :rank])[..., None, None] * (det_rest * (corner @ inverse @ mT(corner)) + beside)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return sign * mT(H(vh) @ whole @ H(u))


def det_ct(ct, a, out):
    """Jacobi's formula, det(a) a⁻ᵀ; where a is nearly singular, by its cofactors."""
    a = as_operand(a)
    s = np.linalg.svdvals(array_of(a))
    if not s.size:
        return np.zeros_like(array_of(a))
    small = s <= math.sqrt(np.finfo(s.dtype).eps) * s[..., :1]
    hard = small[..., -1]
    if not assume(hard.any()):
        return (ct * out)[..., None, None] * mT(np.linalg.inv(a))
    pick = hard[..., None, None]
    easy = np.where(hard, 0, out)[..., None, None] * mT(np.linalg.inv(np.where(pick, eye_like(a), a)))
    rank = int(np.min(np.sum(~small, axis=-1)))
    padded = np.where(pick, a, np.diag(np.arange(a.shape[-1]) < rank))      # the others of a batch need a rank too
    return ct[..., None, None] * np.where(pick, cofactors(padded, rank), easy)


function(np.linalg.det, det_ct, cases=[lambda f, A: f(A(3, 3)), lambda f, A: f(A(2, 2, 2))])


def slogdet_ct(ct, a, out):
    """a⁻ᴴ for log|det|; for a complex sign, which turns with Im tr(a⁻¹ da), what ct says of its turning."""
    (sign_ct, log_ct), (sign, _) = ct, out
    if sign.dtype.kind == "c":
        log_ct = log_ct + 1j * np.imag(sign_ct * sign.conjugate())
    singular = (array_of(sign) == 0)[..., None, None]
    inverse = H(np.linalg.inv(np.where(singular, eye_like(as_operand(a)), a)))
    ct = log_ct[..., None, None]
    return np.where(singular & (array_of(ct) != 0), np.nan, ct * inverse)


function(
    np.linalg.slogdet, slogdet_ct, conj=False, cases=[lambda f, A: f(A(3, 3)), lambda f, A: f(A(2, 2, 2))]
)

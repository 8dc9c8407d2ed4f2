"""Linear algebra: solving, inverses, determinants, norms and products of the matrices on the last two axes.

H is the conjugate transpose. A rule with `conj=False` is already the adjoint Jᴴ: its function uses conjugates, so it
has no complex derivative in the ordinary sense, and for a real loss the gradient is the direction of steepest ascent.
"""

import functools
import math

import numpy as np

from ..cotangents import unbroadcast
from ..rules import NotDifferentiable
from ..standin import holds
from ..table import composed, function, plain, reduction, values_of
from .elementwise import direction, over
from .joining import as_operand
from .products import mT


def H(x):
    """The conjugate transpose of the last two axes."""
    return np.swapaxes(x, -1, -2).conjugate()


def eye_like(a):
    """The identity matrix of a's size and dtype."""
    return np.eye(a.shape[-1], dtype=a.dtype)


def diagonal_matrix(d):
    """The last axis as a diagonal."""
    return d[..., None] * eye_like(d)


def hermitian_part(x):
    return (x + H(x)) / 2


def of_triangle(x, upper):
    """The gradient with respect to one triangle, from that among all Hermitian matrices."""
    part = np.triu if upper else np.tril
    return part(x) + part(x, 1 if upper else -1)


def cutoff(a, s):
    """Below which a singular value is zero for numerical purposes, as in np.linalg.matrix_rank."""
    return np.max(values_of(s), axis=-1, keepdims=True, initial=0) * max(a.shape[-2:]) * np.finfo(s.dtype).eps


def regular(a):
    """Square matrices far from singular, whatever was drawn."""
    return a + 3 * np.eye(a.shape[-1])


def positive_definite(a):
    """Hermitian matrices with positive eigenvalues, whatever was drawn."""
    return a @ H(a) + np.eye(a.shape[-1])


# ---- solving ----------------------------------------------------------------------------------------------


def solve_ct(ct, a, b_shape, out, tracked):
    """x = a⁻¹ b: b̄ = a⁻ᵀ x̄ and ā = -b̄ xᵀ."""
    if len(b_shape) == 1:
        ct, out = ct[..., None], out[..., None]
    g = np.linalg.solve(mT(a), ct)
    to_a = unbroadcast(-(g @ mT(out)), np.shape(a)) if tracked[0] else None
    return to_a, unbroadcast(g[..., 0] if len(b_shape) == 1 else g, b_shape)


function(
    np.linalg.solve,
    solve_ct,
    diff=("a", "b"),
    joint=True,
    cases=[
        lambda f, A: f(regular(A(3, 3)), A(3)),
        lambda f, A: f(regular(A(2, 3, 3)), A(3, "n")),
        lambda f, A: f(regular(A(2, 3, 3)), A(3)),
        lambda f, A: f(regular(A(3, 3)), A(2, 3, "n")),
    ],
)
function(
    np.linalg.inv, lambda ct, out: -(mT(out) @ ct @ mT(out)), cases=[lambda f, A: f(regular(A(2, 3, 3)))]
)


def pinv_ct(ct, a, out, rcond, hermitian, rtol):
    """The derivative at constant rank; Golub and Pereyra (1973), equation 4.12."""
    p, ph = out, H(out)
    if hermitian:       # of which NumPy reads the lower triangle
        a = np.tril(a, -1) + H(np.tril(a, -1)) + diagonal_matrix(np.real(np.diagonal(a, axis1=-2, axis2=-1)))
    discarded = values_of(a) - values_of(a) @ values_of(p) @ values_of(a)
    if np.any(np.abs(discarded) > 1e-4 * np.max(np.abs(values_of(a)), initial=0)):
        raise NotDifferentiable(
            "pinv: the cutoff (rcond or rtol) discards singular values that are not zero; "
            "truncate an np.linalg.svd instead"
        )
    cth = H(ct)
    g = -(ph @ ct @ ph) + (cth - a @ (p @ cth)) @ (p @ ph) + (ph @ p) @ (cth - (cth @ p) @ a)
    return of_triangle(hermitian_part(g), upper=False) if hermitian else g


function(
    np.linalg.pinv,
    pinv_ct,
    conj=False,
    cases=[lambda f, A: f(A(3, 2)), lambda f, A: f(A(2, 2, 4)), lambda f, A: f(regular(A(3, 3)))],
)


@composed(np.linalg.lstsq, cases=[lambda f, A: f(A(4, 2), A(4))[:2], lambda f, A: f(A(2, 4), A(2, 3))[0]])
def lstsq(a, b, rcond=None):
    a, b = as_operand(a), as_operand(b)
    m, n = a.shape
    eps = np.finfo(a.dtype).eps
    rcond = eps * max(m, n) if rcond is None else eps if rcond == -1 else rcond
    x = np.linalg.pinv(a, rcond) @ b
    s = np.linalg.svdvals(a)
    rank = int(np.count_nonzero(values_of(s) > rcond * np.max(values_of(s), initial=0)))
    rest = np.atleast_1d(np.sum(np.abs(b - a @ x) ** 2, axis=0)) if rank == n < m else np.zeros(0, s.dtype)
    return x, rest, rank, s


@composed(np.linalg.tensorinv, cases=[lambda f, A: f(np.reshape(regular(A(6, 6)), (6, 2, 3)), ind=1)])
def tensorinv(a, ind=2):
    if ind <= 0:
        raise ValueError(f"tensorinv: found ind={ind}; expected a positive number of axes")
    left, right = a.shape[:ind], a.shape[ind:]
    return np.reshape(np.linalg.inv(np.reshape(a, (math.prod(left), -1))), right + left)


@composed(
    np.linalg.tensorsolve,
    cases=[
        lambda f, A: f(np.reshape(regular(A(6, 6)), (2, 3, 6)), A(2, 3)),
        lambda f, A: f(np.reshape(regular(A(4, 4)), (2, 2, 4)), A(2, 2)),
    ],
)
def tensorsolve(a, b, axes=None):
    a, b = as_operand(a), as_operand(b)
    if axes is not None:
        last = [i % a.ndim for i in axes]
        a = np.transpose(a, [i for i in range(a.ndim) if i not in last] + last)
    right = a.shape[b.ndim :]
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, math.prod(right))), np.ravel(b)), right)


# ---- determinants -----------------------------------------------------------------------------------------


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
    u, _, vh = np.linalg.svd(values_of(a))
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
    s = np.linalg.svdvals(values_of(a))
    if not s.size:
        return np.zeros_like(values_of(a))
    small = s <= math.sqrt(np.finfo(s.dtype).eps) * s[..., :1]
    hard = small[..., -1]
    if not holds(hard.any()):
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
    singular = (values_of(sign) == 0)[..., None, None]
    inverse = H(np.linalg.inv(np.where(singular, eye_like(as_operand(a)), a)))
    ct = log_ct[..., None, None]
    return np.where(singular & (values_of(ct) != 0), np.nan, ct * inverse)


function(
    np.linalg.slogdet, slogdet_ct, conj=False, cases=[lambda f, A: f(A(3, 3)), lambda f, A: f(A(2, 2, 2))]
)


# ---- norms ------------------------------------------------------------------------------------------------


def norm_weights(x, out, ord, axis):
    """The direction of steepest ascent of a p-norm; 0 at 0, ties share."""
    x_is, out_is = np.abs(values_of(x)), values_of(out)
    if ord == 2:
        return over(x, out).conjugate()
    toward = direction(x).conjugate()
    if ord == 1:
        return toward
    if ord in (np.inf, -np.inf):
        reached = x_is == out_is
        return toward * (reached / np.maximum(np.sum(reached, axis=axis, keepdims=True), 1)).astype(
            x_is.dtype
        )
    if ord == 0:
        return 0 * toward
    gone = (x_is == 0) | (out_is == 0)
    ratio = np.where(gone, 1, np.abs(x)) / np.where(out_is == 0, 1, out)
    return np.where(gone, 0, toward * ratio ** (ord - 1))


reduction(
    np.linalg.vector_norm,
    norm_weights,
    kinks=lambda x: x,
    cases=[
        lambda f, A: f(A("m", "n")),
        lambda f, A: f(A("m", 3), axis=-1, ord=3),
        lambda f, A: f(A("m", 3), axis=1, ord=np.inf),
        lambda f, A: f(A("m", 3), axis=0, ord=1, keepdims=True),
        lambda f, A: f(A(2, 3, 2), axis=(0, -1), ord=-1.5),
    ],
)


@composed(
    np.linalg.norm,
    kinks=lambda x: x,
    cases=[lambda f, A: f(A("m", "n"))]
    + [
        lambda f, A, ord=ord: f(A(2, 3, 3), ord, axis=(0, -1))
        for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    ]
    + [
        lambda f, A, ord=ord: f(A("m", 3), ord, -1, keepdims=True)
        for ord in (None, 1, 2, 3.5, np.inf, -np.inf, -2)
    ],
)
def norm(x, ord=None, axis=None, keepdims=False):
    if axis is None and ord is None:
        return np.linalg.vector_norm(x, keepdims=keepdims)
    if axis is None:
        axis = tuple(range(x.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return np.linalg.vector_norm(x, axis=axes[0], ord=2 if ord is None else ord, keepdims=keepdims)
    if len(axes) != 2:
        raise ValueError(
            f"norm: found {len(axes)} axes {axes}; expected one for a vector or two for a matrix"
        )
    row, column = (i % x.ndim for i in axes)
    if row == column:
        raise ValueError(f"norm: found the same axis twice in {axes}")
    if ord in (None, "fro", "f"):
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims)
    reduce = np.min if isinstance(ord, (int, float)) and ord < 0 else np.max
    if ord in ("nuc", 2, -2):
        s = np.linalg.svdvals(np.moveaxis(x, (row, column), (-2, -1)))
        out = np.sum(s, axis=-1) if ord == "nuc" else reduce(s, axis=-1)
    elif ord in (1, -1, np.inf, -np.inf):
        inner, outer = (row, column) if abs(ord) == 1 else (column, row)
        out = reduce(np.sum(np.abs(x), axis=inner), axis=outer - (outer > inner))
    else:
        raise ValueError(f"norm: found ord={ord!r} for a matrix; expected 'fro', 'nuc', ±1, ±2 or ±inf")
    return np.expand_dims(out, (row, column)) if keepdims else out


@composed(
    np.linalg.matrix_norm,
    kinks=lambda x: x,
    cases=[lambda f, A: f(A(2, 3, 2)), lambda f, A: f(A(2, 3), ord="nuc")],
)
def matrix_norm(x, *, keepdims=False, ord="fro"):
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@composed(
    np.linalg.cond,
    cases=[
        lambda f, A, p=p: f(regular(A(2, 3, 3)), p) for p in (None, -2, "fro", "nuc", 1, -1, np.inf, -np.inf)
    ],
)
def cond(x, p=None):
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))


# ---- products ---------------------------------------------------------------------------------------------


@composed(np.linalg.matrix_power, cases=[lambda f, A, n=n: f(regular(A(2, 2, 2)), n) for n in (0, 1, 5, -3)])
def matrix_power(a, n):
    if n == 0:
        return eye_like(a) + 0 * a
    a, n, out = (np.linalg.inv(a), -n, None) if n < 0 else (a, n, None)
    while n:
        n, odd = divmod(n, 2)
        if odd:
            out = a if out is None else out @ a
        a = a @ a if n else a
    return out


@composed(
    np.linalg.multi_dot,
    cases=[lambda f, A: f([A("n"), A("n", 2), A(2, 4), A(4)]), lambda f, A: f([A(2, "n"), A("n", 3)])],
)
def multi_dot(arrays):
    arrays = [as_operand(a) for a in arrays]
    sizes = [1 if arrays[0].ndim == 1 else arrays[0].shape[0]] + [a.shape[0] for a in arrays[1:]]
    sizes += [1 if arrays[-1].ndim == 1 else arrays[-1].shape[1]]

    @functools.cache
    def cheapest(i, j):
        """The fewest multiplications for the product of arrays i up to j, and where to split it."""
        return min(
            (
                (cheapest(i, k)[0] + cheapest(k, j)[0] + sizes[i] * sizes[k] * sizes[j], k)
                for k in range(i + 1, j)
            ),
            default=(0, i),
        )

    def product(i, j):
        k = cheapest(i, j)[1]
        return arrays[i] if j == i + 1 else product(i, k) @ product(k, j)

    return product(0, len(arrays))


composed(np.linalg.matmul, cases=[lambda f, A: f(A("m", "k"), A("k", "n"))])(lambda x1, x2: np.matmul(x1, x2))
composed(np.linalg.tensordot, cases=[lambda f, A: f(A("m", "k"), A("k", "n"), axes=1)])(
    lambda x1, x2, *, axes=2: np.tensordot(x1, x2, axes)
)
composed(np.linalg.vecdot, cases=[lambda f, A: f(A("m", 3), A(3))])(
    lambda x1, x2, *, axis=-1: np.vecdot(x1, x2, axes=[axis, axis])
)
composed(np.linalg.outer, cases=[lambda f, A: f(A("m"), A("n"))])(lambda x1, x2: np.outer(x1, x2))
composed(np.linalg.cross, cases=[lambda f, A: f(A("m", 3), A(3))])(
    lambda x1, x2, *, axis=-1: np.cross(x1, x2, axis=axis)
)
composed(np.linalg.matrix_transpose, cases=[lambda f, A: f(A(2, "m", "n"))])(lambda x: np.matrix_transpose(x))
composed(np.linalg.diagonal, cases=[lambda f, A: f(A(2, "m", "n"), offset=1)])(
    lambda x, *, offset=0: np.diagonal(x, offset, -2, -1)
)
composed(np.linalg.trace, cases=[lambda f, A: f(A(2, "m", "n"), offset=-1)])(
    lambda x, *, offset=0, dtype=None: np.trace(x, offset, -2, -1, dtype)
)

plain("a count", np.linalg.matrix_rank)

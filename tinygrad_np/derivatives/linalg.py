"""Linear algebra: solving, inverses and products of the matrices on the last two axes."""

import functools
import math

import numpy as np

from ..engine.arrays import array_of
from ..engine.cotangents import unbroadcast
from ..engine.operation import NotDifferentiable
from ..engine.signatures import axes_of
from ..engine.table import composed, function, plain
from ..engine.tracing import assume
from .joining import as_operand
from .matrices import H, diagonal_matrix, eye_like, hermitian_part, of_triangle, regular
from .products import mT

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
    discarded = array_of(a) - array_of(a) @ array_of(p) @ array_of(a)
    if assume(np.any(np.abs(discarded) > 1e-4 * np.max(np.abs(array_of(a)), initial=0))):
        g = truncated_pinv_ct(ct, a, array_of(out))
        return of_triangle(hermitian_part(g), upper=False) if hermitian else g
    cth = H(ct)
    g = -(ph @ ct @ ph) + (cth - a @ (p @ cth)) @ (p @ ph) + (ph @ p) @ (cth - (cth @ p) @ a)
    return of_triangle(hermitian_part(g), upper=False) if hermitian else g


def truncated_pinv_ct(ct, a, out):
    """The same where singular values that are not zero are discarded: P = V g(S) Uᴴ, g(s) = 1/s if kept and 0 if not.

    In the bases of A, (dPᴴ)ᵢⱼ = αᵢⱼ dAᵢⱼ + βᵢⱼ conj(dAⱼᵢ) with α = (sᵢ gᵢ - sⱼ gⱼ) / (sᵢ² - sⱼ²) and
    β = (gᵢ sⱼ - gⱼ sᵢ) / (sᵢ² - sⱼ²) (Noferini, 2017), which are finite unless a kept value meets a discarded one.
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    v, f = H(vh), H(ct)
    inverses = np.real(np.einsum("...ij,...jk,...ki->...i", array_of(vh), out, array_of(u)))
    kept = inverses * array_of(s) > 0.5
    si, sj, ki, kj = s[..., :, None], s[..., None, :], kept[..., :, None], kept[..., None, :]
    gap = np.where(ki != kj, si * si - sj * sj, 1)
    if np.any(np.abs(array_of(gap)) <= 1e-10 * np.max(array_of(s)) ** 2):
        raise NotDifferentiable("pinv: a singular value that is kept is not apart from one that the cutoff discards")
    alpha = (ki * 1.0 - kj) / gap
    beta = np.where(ki & kj, -1 / (si * sj), np.where(ki, sj / si, 0) - np.where(kj, si / sj, 0)) / gap
    c = H(u) @ f @ v
    squares = np.where(kept, 1 / (s * s), 0)[..., None, :]
    outside = (u * squares) @ (H(u) @ (f - (f @ v) @ vh)) + ((f - u @ (H(u) @ f)) @ (v * squares)) @ vh
    return u @ (alpha * c + beta * H(c)) @ vh + outside


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
    rank = np.sum(array_of(s) > rcond * np.max(array_of(s), initial=0), dtype=np.int32)
    full = n < m and assume(rank == n)
    rest = np.atleast_1d(np.sum(np.abs(b - a @ x) ** 2, axis=0)) if full else np.zeros(0, s.dtype)
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
        last = list(axes_of(axes, a.ndim))
        a = np.transpose(a, [i for i in range(a.ndim) if i not in last] + last)
    right = a.shape[b.ndim :]
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, math.prod(right))), np.ravel(b)), right)


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

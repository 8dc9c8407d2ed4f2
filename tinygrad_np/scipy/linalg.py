"""scipy.linalg for arrays and tensors: functions of matrices, triangular systems and structured matrices.

The derivative of an analytic function of a matrix is a block of the same function: f([[a, e], [0, a]]) = [[f(a),
f'(a; e)], [0, f(a)]] (Mathias 1996, A chain rule for matrix functions), so one rule serves them, to any order.
"""

import numpy as np
import scipy.linalg as sl

from ..derivatives.joining import as_operand
from ..derivatives.matrices import H, positive_definite, regular
from ..derivatives.products import mT
from ..engine.arrays import array_of
from ..engine.cotangents import unbroadcast
from ..engine.operation import NotDifferentiable
from ..engine.table import primitive
from ..engine.tracing import assume, whole

__all__ = [
    "expm",
    "logm",
    "sqrtm",
    "sinm",
    "cosm",
    "tanm",
    "sinhm",
    "coshm",
    "tanhm",
    "solve_triangular",
    "cholesky",
    "cho_factor",
    "cho_solve",
    "solve_sylvester",
    "solve_banded",
    "solve",
    "inv",
    "det",
    "block_diag",
    "toeplitz",
    "circulant",
]

# ---- functions of matrices --------------------------------------------------------------------------------


def matrix_function(fun, cases, check=lambda a: None):
    """A function of square matrices, and its derivative by Mathias's block, where `check` lets it pass."""

    @primitive
    @whole
    def of_matrix(a):
        return np.asarray(fun(a))

    of_matrix.__name__ = of_matrix.__qualname__ = fun.__name__
    of_matrix.__doc__ = f"scipy.linalg.{fun.__name__} of the matrices on the last two axes, for arrays and tensors."

    def slope(e, a):
        check(array_of(a))
        n = a.shape[-1]
        above = np.concatenate([a, e], axis=-1)
        below = np.concatenate([np.zeros_like(a), a], axis=-1)
        return of_matrix(np.concatenate([above, below], axis=-2))[..., :n, n:]

    of_matrix.defvjp(lambda ct, a: slope(ct, mT(a)), diff=("a",), cases=cases)
    of_matrix.defjvp(slope)  # the transpose of the vjp would be a block of twice the size
    return of_matrix


@whole
def on_the_cut(a):
    """Whether an eigenvalue lies where the logarithm jumps."""
    w = np.linalg.eigvals(a)
    return np.any((w.real <= 0) & (np.abs(w.imag) <= 1e-8 * np.abs(w.real)))


def off_the_cut(a):
    """Refuse eigenvalues where the logarithm jumps."""
    if assume(on_the_cut(a)):
        raise NotDifferentiable("logm: an eigenvalue is 0 or negative, where the logarithm has a branch cut")


MATRICES = [lambda f, A: f(A(3, 3)), lambda f, A: f(A(2, 2, 2))]
POSITIVE_DEFINITE = [
    lambda f, A: f(positive_definite(A(2, 2))),
    lambda f, A: f(3 * np.eye(2) + np.tanh(A(2, 2))),  # whose eigenvalues have positive real parts
]
expm = matrix_function(sl.expm, MATRICES)
sinm, cosm, tanm = (
    matrix_function(sl.sinm, MATRICES),
    matrix_function(sl.cosm, MATRICES),
    matrix_function(sl.tanm, MATRICES),
)
sinhm, coshm, tanhm = (
    matrix_function(sl.sinhm, MATRICES),
    matrix_function(sl.coshm, MATRICES),
    matrix_function(sl.tanhm, MATRICES),
)


def logm(a):
    if a.dtype.char not in "fF":
        return sl.logm(a)
    out = np.asarray(sl.logm(a.astype(np.result_type(a, np.float64))))  # SciPy's own of single precision is complex
    return out.astype(np.float32 if out.dtype.kind == "f" else np.complex64)


logm = matrix_function(logm, POSITIVE_DEFINITE, off_the_cut)

# ---- systems of equations ---------------------------------------------------------------------------------


@primitive
@whole
def triangular(a, b, lower, unit_diagonal):
    """The solution x of a x = b for a triangular a; the other triangle is not read."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if 0 in stack:  # which SciPy refuses
        return np.zeros(stack + b.shape[-2:], np.result_type(a, b))
    return sl.solve_triangular(a, b, lower=lower, unit_diagonal=unit_diagonal)


def triangular_ct(ct, a, b_shape, lower, unit_diagonal, out, tracked):
    """As for np.linalg.solve, in the triangle that is read."""
    column = len(b_shape) == 1
    g = triangular(mT(a), ct, not lower, unit_diagonal)
    left, right = (g[..., None], out[..., None]) if column else (g, out)
    full = -(left @ mT(right))
    read = np.tril(full, -unit_diagonal) if lower else np.triu(full, int(unit_diagonal))
    return unbroadcast(read, np.shape(a)), unbroadcast(g, b_shape)


triangular.defvjp(
    triangular_ct,
    diff=("a", "b"),
    joint=True,
    cases=[
        lambda f, A: f(regular(A(3, 3)), A(3), True, False),
        lambda f, A: f(regular(A(3, 3)), A(3, "n"), False, True),
    ],
)


def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """The solution of a x = b, aᵀ x = b (trans=1 or 'T') or aᴴ x = b (trans=2 or 'C') for a triangular a.

    Its gradient is zero in the triangle, and under `unit_diagonal` on the diagonal, that is not read.
    """
    trans = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    if trans not in (0, 1, 2):
        raise ValueError(f"solve_triangular: found trans={trans!r}; expected 0, 1, 2, 'N', 'T' or 'C'")
    turned = (as_operand, mT, lambda x: H(as_operand(x)))[trans](a)
    return triangular(turned, as_operand(b), bool(lower) != (trans != 0), bool(unit_diagonal))


def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """The triangular factor of a Hermitian positive-definite matrix: upper unless `lower`, as in SciPy."""
    return np.linalg.cholesky(a, upper=not lower)


def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """(factor, lower), for `cho_solve`; the other triangle is zero."""
    return cholesky(a, lower), lower


def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """The solution of a x = b from the Cholesky factor of a, as `cho_factor` gives it."""
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)


@primitive
@whole
def solve_sylvester(a, b, q):
    """The solution x of a x + x b = q."""
    if max(np.ndim(a), np.ndim(b), np.ndim(q)) == 2:
        return sl.solve_sylvester(a, b, q)
    return np.vectorize(sl.solve_sylvester, signature="(m,m),(n,n),(m,n)->(m,n)")(a, b, q)


def sylvester_ct(ct, a, b, q_shape, out):
    g = solve_sylvester(mT(a), mT(b), ct)
    return (
        unbroadcast(-(g @ mT(out)), np.shape(a)),
        unbroadcast(-(mT(out) @ g), np.shape(b)),
        unbroadcast(g, q_shape),
    )


solve_sylvester.defvjp(
    sylvester_ct,
    diff=("a", "b", "q"),
    joint=True,
    cases=[lambda f, A: f(regular(A(3, 3)), regular(A(2, 2)), A(3, 2))],
)


@primitive
@whole
def banded(l_and_u, ab, b):
    """The solution x of a x = b for a matrix a with l diagonals below its own and u above, the rows of `ab`."""
    return sl.solve_banded(l_and_u, ab, b)


def transposed_bands(l_and_u, ab):
    """The diagonals of the transpose: diagonal k of a, moved k places along its row, is diagonal -k of aᵀ."""
    (low, up), n = l_and_u, ab.shape[1]
    rows = [ab[up + k, max(0, -k) : n - max(0, k)] for k in range(low, -up - 1, -1)]
    return np.stack([np.pad(row, (max(0, k), max(0, -k))) for k, row in zip(range(low, -up - 1, -1), rows)])


def banded_ct(ct, l_and_u, ab, b_shape, out):
    """As for np.linalg.solve, on the diagonals."""
    (low, up), n = l_and_u, ab.shape[1]
    g = banded((up, low), transposed_bands(l_and_u, ab), ct)
    left, right = (a[:, None] if len(b_shape) == 1 else a for a in (g, out))
    rows = []
    for k in range(-up, low + 1):  # a[j + k, j]
        first, last = max(0, -k), n - max(0, k)
        rows.append(np.pad(-(left[first + k : last + k] * right[first:last]).sum(axis=1), (first, n - last)))
    return np.stack(rows), g


banded.defvjp(
    banded_ct,
    diff=("ab", "b"),
    joint=True,
    cases=[
        lambda f, A: f((1, 1), np.array([[0.0], [3.0], [0.0]]) + A(3, 5), A(5)),
        lambda f, A: f((2, 0), np.array([[3.0], [0.0], [0.0]]) + A(3, 4), A(4, "n")),
    ],
)


def solve_banded(l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True):
    """The solution x of a x = b for a banded matrix: ab[u + i - j, j] is a[i, j], with (l, u) = l_and_u.

    What of `ab` lies outside the matrix is not read, and has gradient zero.
    """
    return banded(tuple(l_and_u), as_operand(ab), as_operand(b))


@primitive
@whole
def sqrtm(a):
    """The principal square root of the matrices on the last two axes."""
    return np.asarray(sl.sqrtm(a))


# The differential s of the root solves root s + s root = da; Higham (2008), Functions of Matrices, section 6.1.
sqrtm.defvjp(lambda ct, out: solve_sylvester(mT(out), mT(out), ct), cases=POSITIVE_DEFINITE)
sqrtm.defjvp(lambda t, out: solve_sylvester(out, out, t))


def solve(a, b):
    """The solution of a x = b, for a general a."""
    return np.linalg.solve(a, b)


def inv(a):
    """The inverse."""
    return np.linalg.inv(a)


def det(a):
    """The determinant."""
    return np.linalg.det(a)


# ---- structured matrices ----------------------------------------------------------------------------------


def block_diag(*arrays):
    """The matrix with these on its diagonal and zeros elsewhere; a vector counts as one row."""
    blocks = [np.atleast_2d(as_operand(a)) for a in arrays] or [np.zeros((1, 0))]
    width, rows, left = sum(b.shape[1] for b in blocks), [], 0
    for b in blocks:
        rows.append(np.pad(b, ((0, 0), (left, width - left - b.shape[1]))))
        left += b.shape[1]
    return np.concatenate(rows, axis=0)


def toeplitz(c, r=None):
    """The matrix with constant diagonals: first column c, first row r, by default the conjugate of c."""
    c = np.ravel(as_operand(c))
    r = c.conjugate() if r is None else np.ravel(as_operand(r))
    m, n = c.shape[0], r.shape[0]
    diagonals = np.concatenate([np.flip(c), r[1:]])
    return diagonals[np.arange(n) - np.arange(m)[:, None] + m - 1]


def circulant(c):
    """The matrix whose columns are c, each a place further round."""
    c = as_operand(c)
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % max(n, 1)]


def __dir__() -> list[str]:
    return sorted(__all__)

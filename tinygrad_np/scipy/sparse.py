"""scipy.sparse matrices times tensors, and their systems, with gradients to the vector and to the stored entries.

`A @ x` and `x @ A` of SciPy's own A and a tensor come here too. SciPy's matrices hold no tensors: `with_entries(A,
entries)` is a matrix with the places of A and other entries, which may be tracked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as ss
import scipy.sparse.linalg as sl

from ..derivatives.joining import as_operand
from ..engine.table import primitive
from ..engine.tracing import whole

__all__ = ["Sparse", "matmul", "multiply", "spsolve", "with_entries"]


class Places(NamedTuple):
    """Where the entries of a matrix are: row and column of each, in the order in which they are stored."""

    rows: Any
    columns: Any
    shape: tuple[int, int]

    @property
    def transposed(self) -> Places:
        return Places(self.columns, self.rows, self.shape[::-1])


def matrix(entries: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple) -> Any:
    """SciPy's matrix of these entries."""
    return ss.coo_array((entries, (rows, columns)), shape=shape).tocsc()


@whole
def majors(starts: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The row of each entry of a CSR matrix, or the column of a CSC matrix."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts)).astype(like.dtype)


def places_of(A: Any) -> Places:
    """The places of SciPy's matrix, in the order of A.data."""
    if A.ndim != 2 or A.format not in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok"):
        raise TypeError(f"sparse: found a {A.ndim}-d {A.format} array; expected a matrix")
    if A.format in ("csr", "csc"):
        major = majors(A.indptr, A.indices)
        rows, columns = (major, A.indices) if A.format == "csr" else (A.indices, major)
        return Places(rows, columns, A.shape)
    coo = A.tocoo()
    rows, columns = coo.coords
    return Places(rows, columns, A.shape)


@whole
def matrix_times(entries, x, rows, columns, shape):
    return matrix(entries, rows, columns, shape) @ x


@whole
def divided(entries, b, rows, columns, shape):
    return np.asarray(sl.spsolve(matrix(entries, rows, columns, shape), b)).reshape(b.shape)


@primitive
def matrix_product(entries, x, rows, columns, shape):
    """The matrix of these entries times x."""
    return matrix_times(entries, x, rows, columns, shape)


@primitive
def sparse_solution(entries, b, rows, columns, shape):
    """The solution x of the matrix of these entries times x = b."""
    return divided(entries, b, rows, columns, shape)


def entries_ct(ct, x, rows, columns):
    """The outer product of ct and x, at the places of the entries alone."""
    found = ct[rows] * x[columns]
    return np.sum(found, axis=1) if found.ndim == 2 else found


def solution_entries_ct(ct, entries, out, rows, columns, shape):
    return -entries_ct(sparse_solution(entries, ct, columns, rows, shape[::-1]), out, rows, columns)


EXAMPLE = Places(np.array([0, 1, 1, 3]), np.array([0, 2, 1, 0]), (4, 3))
SQUARE = Places(np.array([0, 1, 2, 0]), np.array([0, 1, 2, 2]), (3, 3))
matrix_product.defvjp(
    lambda ct, x, rows, columns: entries_ct(ct, x, rows, columns),
    lambda ct, entries, rows, columns, shape: matrix_product(entries, ct, columns, rows, shape[::-1]),
    kind="bilinear",
    cases=[lambda f, A: f(A(4), A(3), *EXAMPLE), lambda f, A: f(A(4), A(3, 2), *EXAMPLE)],
)
sparse_solution.defvjp(
    solution_entries_ct,
    lambda ct, entries, rows, columns, shape: sparse_solution(entries, ct, columns, rows, shape[::-1]),
    cases=[
        lambda f, A: f(np.array([3.0, 3.0, 3.0, 0.5]) + np.tanh(A(4)), A(3), *SQUARE),
        lambda f, A: f(np.array([3.0, 3.0, 3.0, 0.5]) + np.tanh(A(4)), A(3, 2), *SQUARE),
    ],
)


class Sparse:
    """A sparse matrix whose entries may be tracked; `@`, `*`, `.T`, `.shape`, `.entries`, `sum()` and `toarray()`."""

    __array_ufunc__ = None  # so that x @ A asks this class

    def __init__(self, entries: Any, places: Places):
        self.entries, self.places, self.shape = entries, places, places.shape

    def __repr__(self) -> str:
        return f"<Sparse of shape {self.shape} with {len(self.places.rows)} entries>"

    @property
    def T(self) -> Sparse:
        """The transpose."""
        return Sparse(self.entries, self.places.transposed)

    def __matmul__(self, x: Any) -> Any:
        x = as_operand(x)
        if x.ndim not in (1, 2) or x.shape[0] != self.shape[1]:
            raise ValueError(f"sparse: found a matrix of shape {self.shape} times {x.shape}")
        return matrix_product(self.entries, x, *self.places)

    def __rmatmul__(self, x: Any) -> Any:
        x = as_operand(x)
        return np.transpose(self.T @ np.transpose(x))

    def __mul__(self, x: Any) -> Sparse:
        x, (rows, columns, shape) = as_operand(x), self.places
        if x.ndim > 2 or any(n not in (1, m) for n, m in zip(x.shape[::-1], shape[::-1])):
            raise ValueError(f"sparse: found a matrix of shape {shape} multiplied by an array of shape {x.shape}")
        at = [np.where(n == 1, 0, i) for n, i in zip(x.shape[::-1], (columns, rows))][
            ::-1
        ]  # an axis of length 1 repeats
        return Sparse(self.entries * (x[tuple(at)] if at else x), self.places)

    __rmul__ = __mul__

    def sum(self, axis: int | None = None) -> Any:
        """The sum of all elements, of the columns (axis 0), or of the rows (axis 1)."""
        if axis is None:
            return np.sum(self.entries)
        A = self if axis in (1, -1) else self.T
        return A @ np.ones(A.shape[1])

    def toarray(self) -> Any:
        """The matrix with its zeros."""
        flat = self.places.rows * self.shape[1] + self.places.columns
        out = np.zeros(int(np.prod(self.shape)))
        if hasattr(self.entries, "_node"):
            out = np.zeros_like(self.entries, shape=out.shape)
        np.add.at(out, flat, self.entries)
        return np.reshape(out, self.shape)


def with_entries(A: Any, entries: Any) -> Sparse:
    """The matrix that has its entries where SciPy's A has, in the order of A.data (of A.tocoo().data for other formats
    than CSR, CSC and COO).

    >>> import tinygrad_np as tg
    >>> A = ss.csr_array(np.array([[2.0, 0.0], [1.0, 3.0]]))
    >>> tg.grad(lambda entries: np.sum(with_entries(A, entries) @ np.array([1.0, 10.0])))(A.data)
    array([ 1.,  1., 10.])
    """
    places = places_of(A)
    entries = as_operand(entries)
    if entries.shape != places.rows.shape:
        raise ValueError(f"with_entries: found entries of shape {entries.shape}; expected {places.rows.shape}")
    return Sparse(entries, places)


def as_sparse(A: Any) -> Sparse:
    if isinstance(A, Sparse):
        return A
    if not ss.issparse(A):
        raise TypeError(f"sparse: found a {type(A).__name__}; expected a matrix of scipy.sparse, or of with_entries")
    return Sparse(A.data if A.format in ("csr", "csc", "coo") else A.tocoo().data, places_of(A))


def matmul(A: Any, x: Any) -> Any:
    """A @ x for SciPy's matrix, or one of `with_entries`, and an array or tensor; or x @ A.

    >>> import tinygrad_np as tg
    >>> tg.grad(lambda x: np.sum(matmul(ss.eye_array(2) * 3, x)))(np.ones(2))
    array([3., 3.])
    """
    return x_first(A, x) if ss.issparse(x) or isinstance(x, Sparse) else as_sparse(A) @ x


def multiply(A: Any, x: Any) -> Sparse:
    """Each entry of a matrix times the element of an array or tensor in its place; broadcast, and on either side.

    >>> import tinygrad_np as tg
    >>> tg.grad(lambda x: multiply(ss.csr_array(np.array([[2.0, 0.0], [1.0, 3.0]])), x).sum())(np.ones(2))
    array([3., 3.])
    """
    return as_sparse(x) * A if ss.issparse(x) or isinstance(x, Sparse) else as_sparse(A) * x


def x_first(x: Any, A: Any) -> Any:
    return x @ as_sparse(A) if not hasattr(x, "_node") else as_sparse(A).__rmatmul__(x)


def spsolve(A: Any, b: Any) -> Any:
    """The solution of A x = b for SciPy's matrix, or one of `with_entries`, and an array or tensor.

    >>> import tinygrad_np as tg
    >>> tg.grad(lambda b: np.sum(spsolve(ss.csc_array(np.diag([2.0, 4.0])), b)))(np.ones(2))
    array([0.5 , 0.25])
    """
    A, b = as_sparse(A), as_operand(b)
    if A.shape[0] != A.shape[1] or b.ndim not in (1, 2) or b.shape[0] != A.shape[0]:
        raise ValueError(f"spsolve: found a matrix of shape {A.shape} and b of shape {b.shape}")
    return sparse_solution(A.entries, b, *A.places)


def __dir__() -> list[str]:
    return sorted(__all__)

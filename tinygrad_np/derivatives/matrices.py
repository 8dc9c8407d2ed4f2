"""The words with which the rules of linear algebra are written.

H is the conjugate transpose. A rule with `conj=False` is already the adjoint Jᴴ: its function uses conjugates, so it
has no complex derivative in the ordinary sense, and for a real loss the gradient is the direction of steepest ascent.
"""

import numpy as np

from ..engine.arrays import array_of


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
    return np.max(array_of(s), axis=-1, keepdims=True, initial=0) * max(a.shape[-2:]) * np.finfo(s.dtype).eps


def regular(a):
    """Square matrices far from singular, whatever was drawn."""
    return a + 3 * np.eye(a.shape[-1])


def positive_definite(a):
    """Hermitian matrices with positive eigenvalues, whatever was drawn."""
    return a @ H(a) + np.eye(a.shape[-1])

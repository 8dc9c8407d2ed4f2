"""Norms of vectors and matrices: the weights are those of the dual norm."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.signatures import axes_of
from ..engine.table import composed, reduction
from .elementwise import direction, over
from .matrices import regular


def norm_weights(x, out, ord, axis):
    """The direction of steepest ascent of a p-norm; 0 at 0, ties share."""
    x_is, out_is = np.abs(array_of(x)), array_of(out)
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
    row, column = axes_of(axes, x.ndim)
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

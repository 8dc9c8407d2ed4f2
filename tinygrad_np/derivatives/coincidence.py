"""Where eigenvalues or singular values coincide: which cotangents still have a gradient; the others are refused.

The vectors of equal values are any basis of the space that they span. A function is differentiable there if it does
not depend on the basis, and then its cotangents are blind to every turn of it. If they are, and the function is one
of the vectors alone, the gradient within the space is zero; if it is one of the values alone, it is theirs along the
diagonal. A function of both, such as v f(w) vᴴ, has f'(w) there, which neither cotangent contains. Nothing can be
told of it, so it is refused; what PyTorch and JAX give for all of these is NaN.
"""

import numpy as np

from ..engine.arrays import array_of
from ..engine.operation import NotDifferentiable
from ..engine.rules import Undetermined
from ..engine.tracing import assume


def near(w):
    """The pairs of different values that are too near to tell their vectors apart, |wᵢ - wⱼ| ≤ ε^⅔ max |w|.

    A derivative of vectors divides by the difference what is known to ε: it is right to ε^⅓, or refused.
    """
    w = array_of(w)
    size = np.max(np.abs(w), axis=-1, keepdims=True, initial=0)[..., None]
    apart = np.abs(w[..., None, :] - w[..., :, None])
    return (apart <= np.finfo(w.dtype).eps ** (2 / 3) * size) & ~np.eye(w.shape[-1], dtype=bool)


def turn_block(tied):
    """The pairs, a vector with itself among them, of the vectors that a mask over them marks."""
    return tied[..., None, :] & tied[..., :, None]


def loops(tied):
    """The pairs of a vector that a mask marks with itself."""
    return tied[..., None] & np.eye(tied.shape[-1], dtype=bool)


def marked(x, tied, size=None):
    """Whether any column that a mask marks has more in it than rounding, beside `size` or the rest of x."""
    x = np.abs(array_of(x))
    size = np.max(x, initial=0) if size is None else size
    return np.any(x[..., : tied.shape[-1]] * tied[..., None, :] > 64 * np.finfo(x.dtype).eps * size)


def uses(ct, *numbers):
    """Whether anything used one of these outputs; forward mode may use them all."""
    return not getattr(ct, "used", frozenset(numbers)).isdisjoint(numbers)


def determined(name, what, ct, tied, values, vectors, turns):
    """Raise unless the cotangents `ct` say what the gradient is.

    `tied` marks the values that coincide. Output number `values` holds them; `vectors` are the cotangents of the
    others, which are used, a vector a column; `turns` is what they say of turns, each with a mask of where it counts.
    """
    if not hasattr(ct, "used"):
        raise Undetermined(f"{name}: {what}; what becomes of their vectors is not known in forward mode")
    size = max(np.max(np.abs(array_of(x)), initial=0) for x in ct)
    if values in ct.used:
        columns = [ct[values][..., None, :], *vectors]
        if any(assume(marked(x, tied, size)) for x in columns):
            raise NotDifferentiable(
                f"{name}: {what}, and the function, or the derivative of a function of them, uses both them "
                "and their vectors: how it depends on them there does not follow. Write it by products, inverses, det "
                "or tinygrad_np.scipy.linalg (expm, logm, sqrtm); or take from two calls what it does not mix"
            )
    for turn, where in turns:
        turn = np.abs(array_of(turn))
        if assume(np.any(where & (turn > np.sqrt(np.finfo(turn.dtype).eps) * size))):
            raise NotDifferentiable(
                f"{name}: {what}, so their vectors are any basis of one space, and the function depends on "
                "which; let it depend on the space alone, as v @ vᴴ of all its vectors does"
            )

"""Linear interpolation: the knots on either side are found once, the rest is arithmetic."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import composed
from .differences import increasing
from .elementwise import over
from .joining import as_operand


@composed(
    np.interp,
    cases=[
        lambda f, A: f(A("m", 2), increasing(A(4)) - 3, A(4)),
        lambda f, A: f(4 * A(3), increasing(A(4)) - 3, A(4), A(), 0.5),
        lambda f, A: f(9 * A(5), A(3), A(3), period=3.5),
    ],
)
def interp(x, xp, fp, left=None, right=None, period=None):
    x, xp, fp = as_operand(x), as_operand(xp), as_operand(fp)
    if "c" in (x.dtype.kind, xp.dtype.kind):
        raise TypeError(f"interp: found x of {x.dtype} and xp of {xp.dtype}; expected real numbers")
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(
            f"interp: found xp of shape {xp.shape} and fp of shape {fp.shape}; expected one axis of the same length"
        )
    x, xp = x.astype(float), xp.astype(float)       # NumPy interpolates in double precision
    fp = fp.astype(complex if fp.dtype.kind == "c" else float)
    if period is not None:
        x, xp = x % abs(period), xp % abs(period)
        order = np.argsort(array_of(xp))
        xp, fp = xp[order], fp[order]
        xp, fp = (
            np.concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)]),
            np.concatenate([fp[-1:], fp, fp[:1]]),
        )
        left = right = None
    at, knots = array_of(x), array_of(xp)
    i = np.clip(np.searchsorted(knots, at, "right") - 1, 0, max(len(knots) - 2, 0))
    j = np.minimum(i + 1, len(knots) - 1)
    inside = fp[i] + over(fp[j] - fp[i], xp[j] - xp[i]) * (x - xp[i])
    below, above = at < knots[0], at > knots[-1]
    inside = np.where(below, fp[0] if left is None else left, inside)
    inside = np.where(above | (at == knots[-1]) & (j == i), fp[-1] if right is None else right, inside)
    return inside.astype(fp.dtype)

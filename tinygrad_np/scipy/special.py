"""scipy.special for arrays and tensors: its ufuncs as they are, and its other functions by the same names.

>>> import tinygrad_np as tg
>>> tg.grad(lambda x: logsumexp(x))(np.array([0.0, 0.0]))
array([0.5, 0.5])
"""

from typing import Any

import numpy as np
import scipy.special as sc
from scipy.special import *  # noqa: F403 - the ufuncs, whose rows ufuncs.py has

from ..derivatives.joining import as_operand
from ..derivatives.reductions import AXES
from ..engine.arrays import array_of
from ..engine.cotangents import times, unbroadcast
from ..engine.table import primitive, reduction
from ..engine.tracing import assume, whole
from . import ufuncs  # noqa: F401 - the rows that are used here
from .gamma import polygamma as polygamma
from .gamma import zeta as zeta

# ---- logsumexp and softmax --------------------------------------------------------------------------------


@primitive(name="logsumexp")
@whole
def log_of_sum(a, axis=None, keepdims=False):
    """logsumexp without weights, also for elements of ±infinity; of none it is -infinity."""
    if not np.size(a):  # SciPy fails at several axes, one of them empty
        return np.full_like(np.sum(a, axis=axis, keepdims=keepdims), -np.inf, subok=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sc.logsumexp(a, axis=axis, keepdims=keepdims))


def shares(a, out, axis):
    """exp(a - out), each element's share of the sum; where that is infinite, the elements that reach it share."""
    a_is, out_is = array_of(a), array_of(out)
    limit = np.isinf(out_is.real)
    reached = np.broadcast_to(a_is == out_is, a_is.shape)
    equal = reached / np.maximum(np.sum(reached, axis=axis, keepdims=True), 1)
    return np.where(limit, equal.astype(a_is.dtype), np.exp(a - np.where(limit, 0, out)))


reduction(log_of_sum, shares, cases=AXES)


def logsumexp(
    a: Any, axis: int | tuple[int, ...] | None = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """log(Σ b exp(a)) along an axis, without overflow; with `return_sign`, the logarithm of the size and the sign.

    Elements of a that are all -infinity give -infinity, and share the gradient equally.
    """
    if b is None and not return_sign:
        return log_of_sum(a, axis=axis, keepdims=keepdims)
    a = as_operand(a)
    b = as_operand(1.0 if b is None else b)
    a, b = np.broadcast_arrays(a, b)
    a = np.where(array_of(b) == 0, -np.inf, a)
    top = np.max(array_of(a).real, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(array_of(a).real.dtype)
    total = np.sum(b * np.exp(a - top), axis=axis, keepdims=True)
    sign = np.sign(array_of(total)) if array_of(total).dtype.kind != "c" else total / np.abs(total)
    out = top + (np.log(np.abs(total)) if return_sign else np.log(total))
    if not keepdims:
        out, sign = np.squeeze(out, axis), np.squeeze(sign, axis)
    return (out, sign) if return_sign else out


def log_softmax(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """x - logsumexp(x), without cancellation; an axis without elements is refused, as by np.max."""
    x = as_operand(x)
    top = np.max(array_of(x), axis=axis, keepdims=True)
    shifted = x - np.where(np.isfinite(top), top, 0).astype(x.dtype)
    return shifted - logsumexp(shifted, axis=axis, keepdims=True)


def softmax(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """exp(x) / Σ exp(x) along an axis."""
    return np.exp(log_softmax(x, axis))


def softplus(x: Any) -> Any:
    """log(1 + eˣ)."""
    return np.logaddexp(x, 0)


# ---- others -----------------------------------------------------------------------------------------------


@primitive
def lambertw(z, k=0, tol=1e-8):
    """The solution w of w eʷ = z on branch k, always complex, as in SciPy; DLMF 4.13."""
    return sc.lambertw(z, k, tol)


lambertw.defvjp(
    lambda ct, out: ct * np.exp(-out) / (1 + out),
    diff=("z",),
    domain=(0.0, np.inf),
    cases=[lambda f, A: f(A("m", "n"))],
)


def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension d, at numbers above (d - 1)/2."""
    a = as_operand(a)
    if assume(np.any(array_of(a) <= 0.5 * (d - 1))):
        raise ValueError(f"multigammaln: found a={array_of(a)!r}; expected more than (d - 1)/2 = {0.5 * (d - 1)}")
    return d * (d - 1) / 4 * np.log(np.pi) + sum(sc.gammaln(a - j / 2) for j in range(d))


def spherical(name, fun, below, above):
    """A spherical Bessel function of whole order n, of which (2n+1) fₙ' = ±n fₙ₋₁ ± (n+1) fₙ₊₁ (DLMF 10.51)."""

    @primitive(name=name)
    def spherical_function(n, z):
        return fun(n, z)

    def slope(n, z):
        lower, higher = spherical_function(np.maximum(np.subtract(n, 1), 0), z), spherical_function(np.add(n, 1), z)
        lower = np.where(np.equal(n, 0), 0, lower)  # at 0 some are infinite
        return (below * np.asarray(n) * lower + above * np.add(n, 1) * higher) / (2 * np.asarray(n) + 1)

    spherical_function.__doc__ = f"{name}(n, z), for arrays and tensors."
    spherical_function.defvjp(
        lambda ct, n, z, z_shape: unbroadcast(times(ct, slope(n, z)), z_shape),
        diff=("z",),
        domain=(0.0, np.inf),
        cases=[lambda f, A: f(2, A("m", "n") + 0.5)],
    )
    return spherical_function


spherical_jn = spherical("spherical_jn", sc.spherical_jn, 1, -1)
spherical_yn = spherical("spherical_yn", sc.spherical_yn, 1, -1)
spherical_in = spherical("spherical_in", sc.spherical_in, 1, 1)
spherical_kn = spherical("spherical_kn", sc.spherical_kn, -1, -1)

__all__ = sorted({*sc.__all__, "softplus"} & {*globals()})


def __dir__() -> list[str]:
    return sorted(__all__)

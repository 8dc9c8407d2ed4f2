"""scipy.stats' distributions of vectors, for arrays and tensors: the normal and Dirichlet's."""

import numpy as np
import scipy.special as sc
import scipy.stats

from ..derivatives.joining import as_operand
from ..engine.arrays import array_of
from ..engine.operation import NotDifferentiable
from ..engine.recording import is_tracked
from ..engine.tracing import assume
from . import ufuncs  # noqa: F401 - the rows that are used here

LOG_2PI = np.log(2 * np.pi).item()


class Distribution(type):
    """What a distribution does not say itself, such as `rvs`, is SciPy's own, for arrays."""

    def __getattr__(cls, name: str):
        if name.startswith("_"):
            raise AttributeError(f"{cls.__name__} has no attribute {name!r}")
        return getattr(getattr(scipy.stats, cls.__name__), name)


class multivariate_normal(metaclass=Distribution):
    """The normal distribution of vectors of length k with mean `mean`, of shape (k,), and covariance `cov`.

    `cov` has shape (k, k); a vector stands for its diagonal, a number for that number times the identity. The gradient
    in `cov` is that of a function of k·k numbers, and symmetric.

    >>> round(multivariate_normal.logpdf([0.0, 1.0], [0.0, 0.0], [[2.0, 0.0], [0.0, 0.5]]).item(), 4)
    -2.8379
    """

    @staticmethod
    def parameters(mean, cov):
        """(mean, covariance, k), in their full shapes."""
        mean, cov = as_operand(0.0 if mean is None else mean), as_operand(cov)
        k = max(mean.size, cov.shape[0] if cov.ndim else 1)
        full = cov * np.eye(k) if cov.ndim == 0 else np.diag(cov) if cov.ndim == 1 else cov
        if full.shape != (k, k) or mean.ndim > 1 or mean.size not in (1, k):
            raise ValueError(
                f"multivariate_normal: found a mean of shape {mean.shape} and a covariance of shape "
                f"{cov.shape}; expected ({k},) and ({k}, {k})"
            )
        return mean + np.zeros(k), full, k

    @staticmethod
    def logpdf(x, mean=None, cov=1, allow_singular=False):
        """The logarithm of the density at x, of shape (..., k); of a singular covariance, on its support."""
        mean, cov, k = multivariate_normal.parameters(mean, cov)
        x = as_operand(x)
        x = x[..., None] if k == 1 and x.shape[-1:] != (1,) or x.ndim == 0 else x
        if x.shape[-1:] != (k,):
            raise ValueError(f"multivariate_normal: found x of shape {x.shape}; expected (..., {k})")
        off = x - mean
        s, u = np.linalg.eigh(array_of(cov))
        small = 1e6 * np.finfo(s.dtype).eps * np.abs(s).max(initial=0)
        if assume(s.min(initial=np.inf) < -small):
            raise ValueError(
                f"multivariate_normal: the covariance has the eigenvalue {s.min():.3g}; "
                "expected a symmetric matrix without negative ones"
            )
        kept = s > small
        if assume(np.all(kept)):
            far = (off * np.linalg.solve(cov, off[..., None])[..., 0]).sum(-1)
            return -0.5 * (k * LOG_2PI + np.linalg.slogdet(cov)[1] + far)
        if not allow_singular:
            raise np.linalg.LinAlgError("multivariate_normal: the covariance is singular; pass allow_singular=True")
        if is_tracked(cov):
            raise NotDifferentiable(
                "multivariate_normal with respect to a singular covariance, where the density "
                "is not continuous; pass a detached one"
            )
        white = np.square(off @ (u[:, kept] / np.sqrt(s[kept]))).sum(-1)
        outside = np.linalg.norm(array_of(off) @ u[:, ~kept], axis=-1) >= 1e3 * small
        inside = -0.5 * (kept.sum() * LOG_2PI + np.log(s[kept]).sum() + white)
        return np.where(outside, -np.inf, inside)

    @staticmethod
    def pdf(x, mean=None, cov=1, allow_singular=False):
        """The density at x."""
        return np.exp(multivariate_normal.logpdf(x, mean, cov, allow_singular))

    @staticmethod
    def entropy(mean=None, cov=1):
        """The differential entropy, which the mean does not change."""
        mean, cov, k = multivariate_normal.parameters(mean, cov)
        return 0.5 * (k * (1 + LOG_2PI) + np.linalg.slogdet(cov)[1]) + 0 * mean.sum()


class dirichlet(metaclass=Distribution):
    """Dirichlet's distribution of k positive numbers whose sum is 1, with concentrations `alpha` of shape (k,).

    >>> round(dirichlet.pdf([0.25, 0.75], [1.0, 2.0]).item(), 4)
    1.5
    """

    @staticmethod
    def logpdf(x, alpha):
        """The logarithm of the density at x, of shape (k,) or (k, n), or one row less: the last is then 1 - Σ x."""
        x, alpha = as_operand(x), as_operand(alpha)
        if alpha.ndim != 1 or not assume(np.all(array_of(alpha) > 0)):
            raise ValueError(f"dirichlet: found alpha of shape {alpha.shape}; expected positive numbers of shape (k,)")
        k = alpha.shape[0]
        if x.shape[:1] == (k - 1,):
            x = np.concatenate([x, 1 - x.sum(axis=0, keepdims=True)])
        if x.shape[:1] != (k,):
            raise ValueError(f"dirichlet: found x of shape {x.shape}; expected ({k}, ...) or ({k - 1}, ...)")
        total = array_of(x).sum(axis=0)
        if assume(np.any(array_of(x) < 0)) or assume(np.any(np.abs(total - 1) > 1e-9)):
            raise ValueError("dirichlet: expected x without negative numbers whose sum along the first axis is 1")
        powers = alpha.reshape((k,) + (1,) * (x.ndim - 1)) - 1
        return sc.xlogy(powers, x).sum(axis=0) - sc.gammaln(alpha).sum() + sc.gammaln(alpha.sum())

    @staticmethod
    def pdf(x, alpha):
        """The density at x."""
        return np.exp(dirichlet.logpdf(x, alpha))

"""scipy.stats' distributions for arrays and tensors: densities, probabilities and quantiles, in x and the parameters.

A continuous family is said by its standard form, of z = (x - loc) / scale and its shape parameters (Johnson, Kotz and
Balakrishnan 1994, Continuous Univariate Distributions). What has no known derivative in a shape parameter, such as the
probabilities of `t` in df, refuses a tracked one.
"""

import inspect
from collections.abc import Callable
from functools import cache

import numpy as np
import scipy.special as sc
import scipy.stats

from ..derivatives.joining import as_operand
from ..engine.arrays import array_of
from ..engine.operation import NotDifferentiable
from ..engine.recording import is_tracked
from ..engine.tracing import assume
from .multivariate import Distribution
from .multivariate import dirichlet as dirichlet
from .multivariate import multivariate_normal as multivariate_normal
from .ufuncs import t_logpdf

inf = np.inf
LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi).item()


def positive(a):
    """A parameter that must be positive: where it is not, it becomes NaN, and so does all that uses it."""
    fits = array_of(a) > 0
    return a if assume(np.all(fits)) else np.where(fits, a, np.nan)


@cache
def distribution_signature(names: tuple[str, ...]) -> inspect.Signature:
    """That of these parameters, loc=0 and scale=1."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            *(inspect.Parameter(name, kind) for name in names),
            inspect.Parameter("loc", kind, default=0.0),
            inspect.Parameter("scale", kind, default=1.0),
        ]
    )


class Continuous:
    """A family of densities with shape parameters, `loc` and `scale`: as in SciPy, each by place or by name.

    It is made from functions of (z, *shapes): the logarithm of the density inside the `support`, and the probabilities
    of at most z and of more; from functions of (q, *shapes) that invert these; and from the entropy, of (*shapes).

    >>> norm.logpdf(0.0).item() == -LOG_ROOT_2PI
    True
    >>> round(gamma.cdf(2.0, 3.0, scale=0.5).item(), 4)
    0.7619
    """

    def __init__(
        self,
        name: str,
        shapes: str,
        *,
        logpdf: Callable,
        cdf: Callable,
        sf: Callable,
        ppf: Callable,
        isf: Callable,
        entropy: Callable,
        support: tuple[float, float] = (-inf, inf),
        logcdf: Callable | None = None,
        logsf: Callable | None = None,
    ):
        self.name, self.support = name, support
        self.shapes = tuple(shapes.split())
        self._logpdf, self._cdf, self._sf, self._ppf, self._isf = logpdf, cdf, sf, ppf, isf
        self._logcdf = logcdf or (lambda *args: np.log(cdf(*args)))
        self._logsf = logsf or (lambda *args: np.log(sf(*args)))
        self._entropy = entropy

    def arguments(self, first: tuple[str, ...], args: tuple, kwargs: dict) -> tuple:
        """(values of `first`, shape parameters, loc, scale), of a call."""
        try:
            bound = distribution_signature((*first, *self.shapes)).bind(*args, **kwargs)
        except TypeError as error:
            expected = ", ".join((*first, *self.shapes, "loc=0", "scale=1"))
            raise TypeError(f"{self.name}: {error}; expected ({expected})") from None
        bound.apply_defaults()
        values = [as_operand(a) for a in bound.arguments.values()]
        k = len(first)
        return values[:k], [positive(a) for a in values[k:-2]], values[-2], positive(values[-1])

    def standard(self, args: tuple, kwargs: dict) -> tuple:
        """z, moved into the support; where it was below and above that; the shape parameters and the scale."""
        (x,), shapes, loc, scale = self.arguments(("x",), args, kwargs)
        z = (x - loc) / scale
        low, high = self.support
        under, over = array_of(z) < low, array_of(z) > high
        if assume(np.any(under | over)):
            z = np.where(under | over, 0.5 if high < inf else 1.0, z)
        return z, under, over, shapes, scale

    def logpdf(self, *args, **kwargs):
        """The logarithm of the density, -inf outside the support."""
        z, under, over, shapes, scale = self.standard(args, kwargs)
        out = self._logpdf(z, *shapes) - np.log(scale)
        return np.where(under | over, -inf, out) if assume(np.any(under | over)) else out

    def pdf(self, *args, **kwargs):
        """The density."""
        return np.exp(self.logpdf(*args, **kwargs))

    def probability(self, f: Callable, below: float, above: float, args: tuple, kwargs: dict):
        """f inside the support, and its value below and above it."""
        z, under, over, shapes, _ = self.standard(args, kwargs)
        out = f(z, *shapes)
        return np.where(under, below, np.where(over, above, out)) if assume(np.any(under | over)) else out

    def cdf(self, *args, **kwargs):
        """The probability of at most x."""
        return self.probability(self._cdf, 0.0, 1.0, args, kwargs)

    def logcdf(self, *args, **kwargs):
        """The logarithm of the probability of at most x; of `norm` also far below the mean."""
        return self.probability(self._logcdf, -inf, 0.0, args, kwargs)

    def sf(self, *args, **kwargs):
        """The probability of more than x."""
        return self.probability(self._sf, 1.0, 0.0, args, kwargs)

    def logsf(self, *args, **kwargs):
        """The logarithm of the probability of more than x; of `norm` also far above the mean."""
        return self.probability(self._logsf, 0.0, -inf, args, kwargs)

    def ppf(self, *args, **kwargs):
        """The x with probability q of at most x."""
        (q,), shapes, loc, scale = self.arguments(("q",), args, kwargs)
        return loc + scale * self._ppf(q, *shapes)

    def isf(self, *args, **kwargs):
        """The x with probability q of more than x."""
        (q,), shapes, loc, scale = self.arguments(("q",), args, kwargs)
        return loc + scale * self._isf(q, *shapes)

    def entropy(self, *args, **kwargs):
        """The differential entropy."""
        _, shapes, loc, scale = self.arguments((), args, kwargs)
        return self._entropy(*shapes) + np.log(scale) + 0 * loc

    def __repr__(self) -> str:
        return f"<distribution {self.name}({', '.join((*self.shapes, 'loc=0', 'scale=1'))})>"

    def __getattr__(self, name: str):
        """What is not here, such as `rvs`, is SciPy's own, for arrays."""
        if name.startswith("_") or "name" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(getattr(scipy.stats, vars(self)["name"]), name)


norm = Continuous(
    "norm",
    "",
    logpdf=lambda z: -z * z / 2 - LOG_ROOT_2PI,
    cdf=sc.ndtr,
    sf=lambda z: sc.ndtr(-z),
    ppf=sc.ndtri,
    isf=lambda q: -sc.ndtri(q),
    logcdf=sc.log_ndtr,
    logsf=lambda z: sc.log_ndtr(-z),
    entropy=lambda: 0.5 + LOG_ROOT_2PI,
)
t = Continuous(
    "t",
    "df",
    logpdf=t_logpdf,
    cdf=lambda z, df: sc.stdtr(df, z),
    sf=lambda z, df: sc.stdtr(df, -z),
    ppf=lambda q, df: sc.stdtrit(df, q),
    isf=lambda q, df: -sc.stdtrit(df, q),
    entropy=lambda df: (
        (df + 1) / 2 * (sc.digamma((df + 1) / 2) - sc.digamma(df / 2)) + np.log(df) / 2 + sc.betaln(df / 2, 0.5)
    ),
)
gamma = Continuous(
    "gamma",
    "a",
    logpdf=lambda z, a: sc.xlogy(a - 1, z) - z - sc.gammaln(a),
    cdf=lambda z, a: sc.gammainc(a, z),
    sf=lambda z, a: sc.gammaincc(a, z),
    ppf=lambda q, a: sc.gammaincinv(a, q),
    isf=lambda q, a: sc.gammainccinv(a, q),
    entropy=lambda a: a + sc.gammaln(a) + (1 - a) * sc.digamma(a),
    support=(0.0, inf),
)
chi2 = Continuous(
    "chi2",
    "df",
    logpdf=lambda z, df: gamma._logpdf(z / 2, df / 2) - np.log(2),
    cdf=lambda z, df: sc.gammainc(df / 2, z / 2),
    sf=lambda z, df: sc.gammaincc(df / 2, z / 2),
    ppf=lambda q, df: 2 * sc.gammaincinv(df / 2, q),
    isf=lambda q, df: 2 * sc.gammainccinv(df / 2, q),
    entropy=lambda df: gamma._entropy(df / 2) + np.log(2),
    support=(0.0, inf),
)
beta = Continuous(
    "beta",
    "a b",
    logpdf=lambda z, a, b: sc.xlogy(a - 1, z) + sc.xlog1py(b - 1, -z) - sc.betaln(a, b),
    cdf=lambda z, a, b: sc.betainc(a, b, z),
    sf=lambda z, a, b: sc.betaincc(a, b, z),
    ppf=lambda q, a, b: sc.betaincinv(a, b, q),
    isf=lambda q, a, b: 1 - sc.betaincinv(b, a, q),
    entropy=lambda a, b: (
        sc.betaln(a, b) - (a - 1) * sc.digamma(a) - (b - 1) * sc.digamma(b) + (a + b - 2) * sc.digamma(a + b)
    ),
    support=(0.0, 1.0),
)


class poisson(metaclass=Distribution):
    """The Poisson distribution of whole numbers k, with mean `mu`, in which it is differentiable.

    >>> round(poisson.pmf(2, 1.5).item(), 4)
    0.251
    """

    @staticmethod
    def counts(k, mu, loc):
        """k - loc, where that is a whole number that is not negative, and mu, NaN where it is negative."""
        if is_tracked(k) or is_tracked(loc):
            raise NotDifferentiable(
                "poisson is not differentiable with respect to k and loc, which are whole numbers; "
                "pass a detached value"
            )
        k, mu = array_of(as_operand(k)) - array_of(as_operand(loc)), as_operand(mu)
        fits = array_of(mu) >= 0
        return np.floor(k), (k >= 0) & (k == np.floor(k)), mu if assume(np.all(fits)) else np.where(fits, mu, np.nan)

    @staticmethod
    def logpmf(k, mu, loc=0):
        """The logarithm of the probability of k; -inf for what is no count."""
        k, counted, mu = poisson.counts(k, mu, loc)
        k = np.where(counted, k, 0)
        return np.where(counted, sc.xlogy(k, mu) - sc.gammaln(k + 1) - mu, -inf)

    @staticmethod
    def pmf(k, mu, loc=0):
        """The probability of k."""
        return np.exp(poisson.logpmf(k, mu, loc))

    @staticmethod
    def cdf(k, mu, loc=0):
        """The probability of at most k."""
        k, _, mu = poisson.counts(k, mu, loc)
        return np.where(k >= 0, sc.gammaincc(np.maximum(k, 0) + 1, mu), 0 * mu)

    @staticmethod
    def sf(k, mu, loc=0):
        """The probability of more than k."""
        k, _, mu = poisson.counts(k, mu, loc)
        return np.where(k >= 0, sc.gammainc(np.maximum(k, 0) + 1, mu), 1 + 0 * mu)


__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]


def __dir__() -> list[str]:
    return sorted(__all__)

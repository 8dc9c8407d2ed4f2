"""scipy.stats.norm for arrays and tensors: the normal distribution's functions, in x, loc and scale."""

import numpy as np
import scipy.special as sc

from ..derivatives.joining import as_operand
from ..table import values_of
from . import ufuncs  # noqa: F401 - the rows that are used here

LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi).item()


def operands(x, loc, scale):
    """The operands as arrays or tensors; a scale that is not positive becomes NaN, and so does all that uses it."""
    x, loc, scale = map(as_operand, (x, loc, scale))
    positive = values_of(scale) > 0
    return x, loc, scale if np.all(positive) else np.where(positive, scale, np.nan)


def standardized(x, loc, scale):
    """How many scales x lies above loc."""
    x, loc, scale = operands(x, loc, scale)
    return (x - loc) / scale


class norm:
    """The normal distribution with mean `loc` and standard deviation `scale`.

    >>> float(norm.logpdf(0.0)) == -LOG_ROOT_2PI
    True
    """

    @staticmethod
    def logpdf(x, loc=0, scale=1):
        """The logarithm of the density."""
        x, loc, scale = operands(x, loc, scale)
        z = (x - loc) / scale
        return -z * z / 2 - LOG_ROOT_2PI - np.log(scale)

    @staticmethod
    def pdf(x, loc=0, scale=1):
        """The density."""
        return np.exp(norm.logpdf(x, loc, scale))

    @staticmethod
    def cdf(x, loc=0, scale=1):
        """The probability of at most x."""
        return sc.ndtr(standardized(x, loc, scale))

    @staticmethod
    def logcdf(x, loc=0, scale=1):
        """The logarithm of the probability of at most x, also far below the mean."""
        return sc.log_ndtr(standardized(x, loc, scale))

    @staticmethod
    def sf(x, loc=0, scale=1):
        """The probability of more than x."""
        return sc.ndtr(-standardized(x, loc, scale))

    @staticmethod
    def logsf(x, loc=0, scale=1):
        """The logarithm of the probability of more than x."""
        return sc.log_ndtr(-standardized(x, loc, scale))

    @staticmethod
    def ppf(q, loc=0, scale=1):
        """The x with probability q of at most x."""
        q, loc, scale = operands(q, loc, scale)
        return loc + scale * sc.ndtri(q)

    @staticmethod
    def isf(q, loc=0, scale=1):
        """The x with probability q of more than x."""
        q, loc, scale = operands(q, loc, scale)
        return loc - scale * sc.ndtri(q)

    @staticmethod
    def entropy(loc=0, scale=1):
        """The differential entropy."""
        _, loc, scale = operands(0.0, loc, scale)
        return np.log(scale) + 0.5 + LOG_ROOT_2PI + 0 * loc

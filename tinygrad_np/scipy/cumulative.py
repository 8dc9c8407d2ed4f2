"""Distribution functions and line shapes of scipy.special, said with the gamma, beta and error functions.

The relations are those of DLMF, chapters 7 and 8, and for Owen's T, D. B. Owen, Annals of Mathematical Statistics 27
(1956).
"""

import numpy as np
import scipy.special as sc

from ..engine.table import POSITIVE, REAL, elementwise
from .gamma import beta_density, betainc_dab, gamma_density, gammainc_da
from .in_last import in_last

ROOT_2, ROOT_2PI = np.sqrt(2).item(), np.sqrt(2 * np.pi).item()


def by_gamma(fun, sign):
    """A chi-square distribution function of (v, x), ±P(v/2, x/2)."""
    elementwise(
        fun,
        lambda x, y: sign / 2 * gammainc_da(x / 2, y / 2),
        lambda x, y: sign / 2 * gamma_density(x / 2, y / 2),
        domain=POSITIVE,
    )


by_gamma(sc.chdtr, 1)
by_gamma(sc.chdtrc, -1)


def by_scaled_gamma(fun, sign):
    """A gamma distribution function of (a, b, x), ±P(b, a x)."""
    elementwise(
        fun,
        lambda a, b, x: sign * x * gamma_density(b, a * x),
        lambda a, b, x: sign * gammainc_da(b, a * x),
        lambda a, b, x: sign * a * gamma_density(b, a * x),
        names=("a", "b", "x"),
        domain=POSITIVE,
    )


by_scaled_gamma(sc.gdtr, 1)
by_scaled_gamma(sc.gdtrc, -1)


def by_beta(fun, sign):
    """Fisher's distribution function of (a, b, x), ±I(a/2, b/2, z) with z = a x / (b + a x)."""

    def moved(a, b, x, dz):
        return sign * beta_density(a / 2, b / 2, a * x / (b + a * x)) * dz / (b + a * x) ** 2

    def turned(a, b, x, i, j):
        return sign / 2 * betainc_dab(a / 2, b / 2, a * x / (b + a * x), i, j)

    elementwise(
        fun,
        lambda a, b, x: turned(a, b, x, 1, 0) + moved(a, b, x, b * x),
        lambda a, b, x: turned(a, b, x, 0, 1) - moved(a, b, x, a * x),
        lambda a, b, x: moved(a, b, x, a * b),
        names=("a", "b", "x"),
        domain=POSITIVE,
    )


by_beta(sc.fdtr, 1)
by_beta(sc.fdtrc, -1)
in_last(sc.pdtr, lambda k, m, out: -gamma_density(np.floor(k) + 1, m), ("k", "m"), POSITIVE)
in_last(sc.pdtrc, lambda k, m, out: gamma_density(np.floor(k) + 1, m), ("k", "m"), POSITIVE)

elementwise(
    sc.owens_t,
    lambda x, y: -np.exp(-x * x / 2) * sc.erf(x * y / ROOT_2) / (2 * ROOT_2PI),
    lambda x, y: np.exp(-x * x * (1 + y * y) / 2) / (2 * np.pi * (1 + y * y)),
)


def faddeeva_slope(x, sigma, gamma):
    """w'(z) / (σ² 2√π) and z, for z = (x + iγ) / (σ√2): what Voigt's profile changes by, Re(w(z)) / (σ√(2π))."""
    z = (x + 1j * gamma) / (sigma * ROOT_2)
    return (2j / np.sqrt(np.pi).item() - 2 * z * sc.wofz(z)) / (sigma * sigma * ROOT_2 * ROOT_2PI), z


elementwise(
    sc.voigt_profile,
    lambda x, sigma, gamma: np.real(faddeeva_slope(x, sigma, gamma)[0]),
    lambda x, sigma, gamma, out: -out / sigma - ROOT_2 * np.real(np.multiply(*faddeeva_slope(x, sigma, gamma))),
    lambda x, sigma, gamma: -np.imag(faddeeva_slope(x, sigma, gamma)[0]),
    names=("x", "sigma", "gamma"),
    domain=(REAL, POSITIVE, POSITIVE),
)

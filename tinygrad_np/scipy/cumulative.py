"""Distribution functions and line shapes of scipy.special, said with the gamma, beta and error functions.

The relations are those of DLMF, chapters 7 and 8, and for Owen's T, D. B. Owen, Annals of Mathematical Statistics 27
(1956).
"""

import numpy as np
import scipy.special as sc

from ..engine.arrays import array_of
from ..engine.cotangents import times, unbroadcast
from ..engine.table import POSITIVE, REAL, elementwise, primitive
from .gamma import betainc_dab, gamma_density, gammainc_da
from .in_last import in_last
from .scaled import wofz_derivative

ROOT_2, ROOT_2PI = np.sqrt(2).item(), np.sqrt(2 * np.pi).item()


def by_gamma(fun, sign):
    """A chi-square distribution function of (v, x), ±P(v/2, x/2)."""
    elementwise(
        fun,
        lambda x, y: sign / 2 * gammainc_da(x / 2, y / 2),
        lambda x, y: sign / 2 * gamma_density(x / 2, y / 2),
        domain=POSITIVE,
        digits=(1e-11, 1e-2, 300),
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
        digits=(1e-11, 1e-2, 100),
    )


by_scaled_gamma(sc.gdtr, 1)
by_scaled_gamma(sc.gdtrc, -1)


def by_beta(fun, sign):
    """Fisher's distribution function of (a, b, x), ±I(a/2, b/2, z) with z = a x / (b + a x), and 1 - z not rounded."""

    def moved(a, b, x, dz):
        p, q, odds = a / 2, b / 2, a * x / b
        size = np.exp(-(p - 1) * np.log1p(1 / odds) - (q - 1) * np.log1p(odds) - sc.betaln(p, q))
        return sign * size * dz / (b + a * x) ** 2

    def turned(a, b, x, i, j):
        z, rest = a * x / (b + a * x), b / (b + a * x)
        low = array_of(z) < 0.5
        lower = betainc_dab(a / 2, b / 2, np.where(low, z, 0), i, j)
        return sign / 2 * (lower - betainc_dab(b / 2, a / 2, np.where(low, 0, rest), j, i))

    elementwise(
        fun,
        lambda a, b, x: turned(a, b, x, 1, 0) + moved(a, b, x, b * x),
        lambda a, b, x: turned(a, b, x, 0, 1) - moved(a, b, x, a * x),
        lambda a, b, x: moved(a, b, x, a * b),
        names=("a", "b", "x"),
        domain=POSITIVE,
        digits=(1e-6, 1e-2, 100),
    )


by_beta(sc.fdtr, 1)
by_beta(sc.fdtrc, -1)
in_last(sc.pdtr, lambda k, m, out: -gamma_density(np.floor(k) + 1, m), ("k", "m"), POSITIVE, digits=(1e-12, 1e-3, 300))
in_last(sc.pdtrc, lambda k, m, out: gamma_density(np.floor(k) + 1, m), ("k", "m"), POSITIVE, digits=(1e-12, 1e-3, 300))

elementwise(
    sc.owens_t,
    lambda x, y: -np.exp(-x * x / 2) * sc.erf(x * y / ROOT_2) / (2 * ROOT_2PI),
    lambda x, y: np.exp(-x * x * (1 + y * y) / 2) / (2 * np.pi * (1 + y * y)),
    digits=(1e-12, 0, 30),
)


@primitive
def voigt_derivative(x, sigma, gamma, n):
    """∂ⁿ/∂xⁿ of w(z) / (σ√(2π)) with z = (x + iγ) / (σ√2), whose real part is Voigt's profile.

    It is a function of x + iγ that spreads with σ as heat does: ∂/∂σ is σ ∂²/∂x².
    """
    width = sigma * ROOT_2
    return wofz_derivative((x + 1j * gamma) / width, n) / (sigma * ROOT_2PI * width**n)


voigt_derivative.defvjp(
    lambda ct, x, sigma, gamma, n, x_shape: unbroadcast(times(ct, voigt_derivative(x, sigma, gamma, n + 1)), x_shape),
    lambda ct, x, sigma, gamma, n, sigma_shape: unbroadcast(
        times(ct, sigma * voigt_derivative(x, sigma, gamma, n + 2)), sigma_shape
    ),
    lambda ct, x, sigma, gamma, n, gamma_shape: unbroadcast(
        times(ct, 1j * voigt_derivative(x, sigma, gamma, n + 1)), gamma_shape
    ),
    diff=("x", "sigma", "gamma"),
    domain=POSITIVE,
    cases=[lambda f, A: f(A("m", 1), A(2), A("m", 1), 1)],
)
elementwise(
    sc.voigt_profile,
    lambda x, sigma, gamma: np.real(voigt_derivative(x, sigma, gamma, 1)),
    lambda x, sigma, gamma: sigma * np.real(voigt_derivative(x, sigma, gamma, 2)),
    lambda x, sigma, gamma: -np.imag(voigt_derivative(x, sigma, gamma, 1)),
    names=("x", "sigma", "gamma"),
    domain=(REAL, POSITIVE, POSITIVE),
    digits=(1e-11, 1e-3, 1e3),
)

"""The gamma and beta functions and their incomplete integrals (DLMF, chapters 5 and 8)."""

from math import comb

import numpy as np
import scipy.special as sc

from ..engine.arrays import array_of
from ..engine.cotangents import times, unbroadcast
from ..engine.operation import NotDifferentiable
from ..engine.table import POSITIVE, elementwise, primitive
from ..engine.tracing import whole

inf, pi = np.inf, np.pi
OPEN_UNIT = (0.0, 1.0)


@primitive
@whole
def polygamma(n, x):
    """The derivative of order n of digamma, for a whole number n; DLMF 5.15."""
    if np.iscomplexobj(x):
        raise NotDifferentiable("polygamma, the derivative of digamma, of a complex number is not known here")
    return sc.polygamma(n, x)


polygamma.defvjp(
    lambda ct, n, x, x_shape: unbroadcast(times(ct, polygamma(np.add(n, 1), x)), x_shape),
    diff=("x",),
    domain=POSITIVE,
    cases=[lambda f, A: f(1, A("m", "n")), lambda f, A: f(np.array([0, 2]), A("m", 2))],
)


@primitive
def zeta(x, q=1.0):
    """The Hurwitz zeta function, the sum of (k + q)⁻ˣ; DLMF 25.11. Its derivative in q is known."""
    return sc.zeta(x, q)


zeta.defvjp(
    lambda ct, x, q, q_shape: unbroadcast(times(ct, -x * zeta(np.add(x, 1), q)), q_shape),
    diff=("q",),
    domain=POSITIVE,
    cases=[lambda f, A: f(2.5, A("m", "n") + 0.5)],
)


def rgamma_slope(x, out):
    """-ψ(x) / Γ(x), left of 1/2 by reflection (DLMF 5.5.3 and 5.5.4): smooth at the poles of Γ as well."""
    left = array_of(x).real < 0.5
    far, near = np.where(left, 1, x), np.where(left, x, 0)
    reflected = sc.gamma(1 - near) * (np.cos(pi * near) - np.sin(pi * near) * sc.digamma(1 - near) / pi)
    return np.where(left, reflected, -out * sc.digamma(far))


elementwise(sc.gamma, lambda x, out: out * sc.digamma(x), domain=POSITIVE)
elementwise(sc.gammaln, lambda x: sc.digamma(x), domain=POSITIVE)
elementwise(sc.loggamma, lambda x: sc.digamma(x), domain=POSITIVE)
elementwise(sc.rgamma, rgamma_slope, domain=POSITIVE)
elementwise(sc.gammasgn, 0, domain=POSITIVE)
elementwise(sc.digamma, lambda x: polygamma(1, x), domain=POSITIVE)
elementwise(
    sc.poch,
    lambda x, y, out: out * (sc.digamma(x + y) - sc.digamma(x)),
    lambda x, y, out: out * sc.digamma(x + y),
    domain=POSITIVE,
    digits=(1e-9, 1e-2, 1e3),
)
elementwise(
    sc.beta,
    lambda x, y, out: out * (sc.digamma(x) - sc.digamma(x + y)),
    lambda x, y, out: out * (sc.digamma(y) - sc.digamma(x + y)),
    domain=POSITIVE,
    digits=(1e-7, 1e-2, 1e3),
)
elementwise(
    sc.betaln,
    lambda x, y: sc.digamma(x) - sc.digamma(x + y),
    lambda x, y: sc.digamma(y) - sc.digamma(x + y),
    domain=POSITIVE,
    digits=(1e-9, 1e-2, 1e3),
)
elementwise(
    sc.binom,
    lambda x, y, out: out * (sc.digamma(x + 1) - sc.digamma(x - y + 1)),
    lambda x, y, out: out * (sc.digamma(x - y + 1) - sc.digamma(y + 1)),
    domain=((4.0, inf), (0.0, 3.0)),
    digits=(1e-9, 1e-2, 1e3),
)


def summed_series(term, x, sizes):
    """Σₙ term(n) until it has converged everywhere: after `sizes`, in blocks."""
    total = np.zeros(np.shape(x))
    for start in range(0, sizes, 256):
        total += np.sum(term(np.arange(start, start + 256)), axis=-1)
    return total


def bell(g, i, j=0):
    """∂ᵢ∂ⱼ exp(g) / exp(g), from the derivatives g(k, l) of g: the complete Bell polynomials of two variables."""
    if not i and not j:
        return 1.0
    if i:
        return sum(
            comb(i - 1, k) * comb(j, m) * bell(g, i - 1 - k, j - m) * g(k + 1, m)
            for k in range(i)
            for m in range(j + 1)
        )
    return sum(comb(j - 1, m) * bell(g, 0, j - 1 - m) * g(0, m + 1) for m in range(j))


@primitive
@whole
def gammainc_da(a, x, order=1):
    """∂ⁿP(a, x)/∂aⁿ, from ∫ tᵃ e⁻ᵗ d(log t) / Γ(a) (DLMF 8.2.1), of P down from x, or of Q = 1 - P up from x > a.

    So little cancels. The exp-sinh rule (Takahasi and Mori 1974) takes t = x e⁻ᵘ or x (1 + u), whatever the scale of u.
    """
    a, x = np.broadcast_arrays(np.asarray(a, float)[..., None], np.asarray(x, float)[..., None])
    inside = np.isfinite(x) & (x > 0) & (a > 0)
    a, x = np.where(inside, a, 1), np.where(inside, x, 1)
    at = np.arange(-4.4, 3.6, 0.04)
    u = np.exp(np.pi / 2 * np.sinh(at))
    up = x > a
    weight = 0.04 * np.pi / 2 * np.cosh(at) * u * np.where(up, -1 / (1 + u), 1)
    log_t = np.log(x) + np.where(up, np.log1p(u), -u)
    size = np.exp(a * log_t - x - x * np.where(up, u, np.expm1(-u)) - sc.gammaln(a))
    slope = size * bell(lambda k, _: (log_t if k == 1 else 0) - polygamma(k - 1, a), order)
    return np.sum(np.where(inside, weight * slope, 0), axis=-1)


def beta_logs(log_x, log_rest, first, second, both):
    """The derivatives by p and q of p log x + q log(1 - x) + log Γ(both) - log Γ(first) - log Γ(second)."""

    def g(k, m):
        slope = polygamma(k + m - 1, both)
        if not m:
            slope = slope - polygamma(k - 1, first) + (log_x if k == 1 else 0)
        if not k:
            slope = slope - polygamma(m - 1, second) + (log_rest if m == 1 else 0)
        return slope

    return g


@primitive
@whole
def betainc_dab(a, b, x, i, j):
    """∂ⁱ⁺ʲI/∂aⁱ∂bʲ, the series I = Σ x^(a+n) (1-x)^b Γ(a+b+n) / (Γ(a+n+1) Γ(b)) (DLMF 8.17.8) term by term."""
    a, b, x = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, b, x)))
    turn = x > (a + 1) / (a + b + 2)  # I(a, b, x) = 1 - I(b, a, 1 - x): the series that converges faster
    p, q, z = (
        np.where(turn, b, a)[..., None],
        np.where(turn, a, b)[..., None],
        np.where(turn, 1 - x, x)[..., None],
    )
    inside = (z > 0) & (z < 1)
    z = np.where(inside, z, 0.5)

    def term(n):
        size = np.exp(
            (p + n) * np.log(z) + q * np.log1p(-z) + sc.gammaln(p + q + n) - sc.gammaln(p + n + 1) - sc.gammaln(q)
        )
        g = beta_logs(np.log(z), np.log1p(-z), p + n + 1, q, p + q + n)
        return size * np.where(turn[..., None], -bell(g, j, i), bell(g, i, j))

    hard = max(np.max(np.where(inside, (40 + q * 4) / -np.log(z), 0), initial=0), 0)
    terms = int(min(hard + np.max(q, initial=0) * 2 + 60, 200_000))
    return np.where(inside[..., 0], summed_series(term, x, terms), 0)


def gamma_density(a, x, sign=1):
    """The density of the gamma distribution, or its reciprocal, whose slopes are not those of a quotient."""
    return np.exp(sign * (sc.xlogy(a - 1, x) - x - sc.gammaln(a)))


def beta_density(a, b, x, sign=1):
    return np.exp(sign * (sc.xlogy(a - 1, x) + sc.xlog1py(b - 1, -x) - sc.betaln(a, b)))


def gammainc_da_slope(a, x, order):
    """∂ⁿ⁺¹P/∂aⁿ∂x, of the density; 0 where the series is not summed."""
    inside = np.isfinite(array_of(x)) & (array_of(x) > 0)
    x = np.where(inside, x, 1)
    slope = bell(lambda k, _: (np.log(x) if k == 1 else 0) - polygamma(k - 1, a), order)
    return np.where(inside, gamma_density(a, x) * slope, 0)


def betainc_dab_slope(a, b, x, i, j):
    """∂ⁱ⁺ʲ⁺¹I/∂aⁱ∂bʲ∂x, of the density; 0 where the series is not summed."""
    inside = (array_of(x) > 0) & (array_of(x) < 1)
    x = np.where(inside, x, 0.5)
    slope = bell(beta_logs(np.log(x), np.log1p(-x), a, b, np.add(a, b)), i, j)
    return np.where(inside, beta_density(a, b, x) * slope, 0)


gammainc_da.defvjp(
    lambda ct, a, x, order, a_shape: unbroadcast(times(ct, gammainc_da(a, x, order + 1)), a_shape),
    lambda ct, a, x, order, x_shape: unbroadcast(times(ct, gammainc_da_slope(a, x, order)), x_shape),
    diff=("a", "x"),
    domain=POSITIVE,
    cases=[lambda f, A: f(A("m", 1), A("m", 2)), lambda f, A: f(A("m"), A(), 2)],
)
betainc_dab.defvjp(
    lambda ct, a, b, x, i, j, a_shape: unbroadcast(times(ct, betainc_dab(a, b, x, i + 1, j)), a_shape),
    lambda ct, a, b, x, i, j, b_shape: unbroadcast(times(ct, betainc_dab(a, b, x, i, j + 1)), b_shape),
    lambda ct, a, b, x, i, j, x_shape: unbroadcast(times(ct, betainc_dab_slope(a, b, x, i, j)), x_shape),
    diff=("a", "b", "x"),
    domain=OPEN_UNIT,
    cases=[lambda f, A: f(A(2) + 0.5, A("m", 1) + 1, A("m", 2), 1, 0), lambda f, A: f(A() + 1, 1.5, A("m"), 1, 1)],
)
elementwise(
    sc.gammainc,
    lambda x, y: gammainc_da(x, y),
    lambda x, y: gamma_density(x, y),
    domain=POSITIVE,
    digits=(1e-11, 1e-2, 300),
)
elementwise(
    sc.gammaincc,
    lambda x, y: -gammainc_da(x, y),
    lambda x, y: -gamma_density(x, y),
    domain=POSITIVE,
    digits=(1e-11, 1e-2, 300),
)
elementwise(
    sc.gammaincinv,
    lambda x, out: -gammainc_da(x, out) * gamma_density(x, out, -1),
    lambda x, out: gamma_density(x, out, -1),
    domain=(POSITIVE, OPEN_UNIT),
    digits=(1e-7, 1e-2, 200),
)
elementwise(
    sc.gammainccinv,
    lambda x, out: -gammainc_da(x, out) * gamma_density(x, out, -1),
    lambda x, out: -gamma_density(x, out, -1),
    domain=(POSITIVE, OPEN_UNIT),
    digits=(1e-7, 1e-2, 200),
)
ABX = {"names": ("a", "b", "x"), "domain": (POSITIVE, POSITIVE, OPEN_UNIT), "digits": (1e-9, 1e-2, 200)}
elementwise(
    sc.betainc,
    lambda a, b, x: betainc_dab(a, b, x, 1, 0),
    lambda a, b, x: betainc_dab(a, b, x, 0, 1),
    lambda a, b, x: beta_density(a, b, x),
    **ABX,
)
elementwise(
    sc.betaincc,
    lambda a, b, x: -betainc_dab(a, b, x, 1, 0),
    lambda a, b, x: -betainc_dab(a, b, x, 0, 1),
    lambda a, b, x: -beta_density(a, b, x),
    **ABX,
)
elementwise(
    sc.betaincinv,
    lambda a, b, out: -betainc_dab(a, b, out, 1, 0) * beta_density(a, b, out, -1),
    lambda a, b, out: -betainc_dab(a, b, out, 0, 1) * beta_density(a, b, out, -1),
    lambda a, b, out: beta_density(a, b, out, -1),
    **ABX,
)

"""The ufuncs of scipy.special: their derivatives, which DLMF (https://dlmf.nist.gov) lists by the chapter named.

Each derivative is said with functions that have rows, so that every order exists, and in the form that neither
overflows nor cancels. Where no formula is known in an argument, a tracked one is refused when the function is called.
"""

import numpy as np
import scipy.special as sc

from ..cotangents import times, unbroadcast
from ..derivatives.elementwise import over
from ..rules import NotDifferentiable
from ..table import POSITIVE, REAL, elementwise, function, primitive, values_of

inf, pi = np.inf, np.pi
ROOT_PI, ROOT_2PI = np.sqrt(np.pi).item(), np.sqrt(2 * np.pi).item()
OPEN_UNIT = (0.0, 1.0)


def in_last(fun, partial, names, domain=REAL):
    """A function whose derivative is known in its last argument alone: its partial, a function of all and out."""
    return function(
        fun,
        lambda ct, *read: unbroadcast(times(ct, partial(*read[:-1])), read[-1]),
        diff=names[-1:],
        signature=", ".join(names),
        residuals=((*names, "out", f"{names[-1]}_shape"),),
        domain=domain,
        cases=[lambda f, A: f(*ORDERS[: len(names) - 1], A("m", "n"))],
    )


ORDERS = (2, 3)


def sign_of(x):
    """The sign of a real argument; a scaled function of a complex one is not holomorphic."""
    if values_of(x).dtype.kind == "c":
        raise NotDifferentiable(
            "an exponentially scaled Bessel function of a complex tensor has no complex derivative"
        )
    return np.sign(values_of(x))


# ---- error functions (7) ----------------------------------------------------------------------------------


def erfcx_slope(x, out):
    """2 x erfcx(x) - 2/√π, by its asymptotic series where the two cancel."""
    far = values_of(x).real > 50
    w = 0.5 / np.where(far, x, 1) ** 2
    series = -2 / ROOT_PI * w * (1 - 3 * w * (1 - 5 * w * (1 - 7 * w)))
    return np.where(far, series, 2 * np.where(far, 0, x) * out - 2 / ROOT_PI)


def dawsn_slope(x, out):
    """1 - 2 x dawsn(x), by its asymptotic series where the two cancel."""
    far = np.abs(values_of(x).real) > 50
    w = 0.5 / np.where(far, x, 1) ** 2
    return np.where(far, -w * (1 + 3 * w * (1 + 5 * w * (1 + 7 * w))), 1 - 2 * np.where(far, 0, x) * out)


elementwise(sc.erf, lambda x: 2 / ROOT_PI * np.exp(-x * x))
elementwise(sc.erfc, lambda x: -2 / ROOT_PI * np.exp(-x * x))
elementwise(sc.erfi, lambda x: 2 / ROOT_PI * np.exp(x * x))
elementwise(sc.erfcx, erfcx_slope)
elementwise(sc.dawsn, dawsn_slope)
elementwise(sc.wofz, lambda x, out: 2j / ROOT_PI - 2 * x * out)
elementwise(sc.erfinv, lambda out: ROOT_PI / 2 * np.exp(out * out), domain=(-1, 1))
elementwise(sc.erfcinv, lambda out: -ROOT_PI / 2 * np.exp(out * out), domain=(0, 2))
elementwise(sc.ndtr, lambda x: np.exp(-x * x / 2) / ROOT_2PI)
elementwise(sc.log_ndtr, lambda x: 2 / ROOT_2PI / sc.erfcx(-x / 2**0.5))
elementwise(sc.ndtri, lambda out: ROOT_2PI * np.exp(out * out / 2), domain=OPEN_UNIT)
elementwise(sc.ndtri_exp, lambda x, out: ROOT_2PI * np.exp(x + out * out / 2), domain=(-inf, 0))

# ---- exponential, sine and cosine integrals (6), Fresnel (7) ----------------------------------------------


def pair(fun, first, second, domain=REAL):
    """A ufunc with two results: the derivative of each."""
    function(
        fun,
        lambda ct, x: times(ct[0], first(x)) + times(ct[1], second(x)),
        diff=("x",),
        signature="x",
        domain=domain,
        cases=[lambda f, A: f(A("m", "n"))],
    )


def cosh_over(x):
    return np.cosh(x) / x


pair(sc.sici, lambda x: np.sinc(x / pi), lambda x: np.cos(x) / x, POSITIVE)
pair(sc.shichi, lambda x: np.where(values_of(x) == 0, 1, over(np.sinh(x), x)), cosh_over, POSITIVE)
pair(sc.fresnel, lambda x: np.sin(pi / 2 * x * x), lambda x: np.cos(pi / 2 * x * x))
elementwise(sc.expi, lambda x: np.exp(x) / x, domain=POSITIVE)
elementwise(sc.exp1, lambda x: -np.exp(-x) / x, domain=POSITIVE)
in_last(sc.expn, lambda n, x, out: -sc.expn(n - 1, x), ("n", "x"), POSITIVE)


def exprel_slope(x, out):
    """((eˣ - 1)/x)', in three forms, none of which cancels in its place: near 0 it is ₁F₁(2, 3, x)/2."""
    x_is = values_of(x)
    near, up = np.abs(x_is) < 1, x_is > 0
    safe = np.where(near, 1, x)
    far = np.where(up, out * (1 - 1 / safe) + 1 / safe, (np.exp(np.where(up, 0, x)) - out) / safe)
    return np.where(near, sc.hyp1f1(2, 3, np.where(near, x, 0)) / 2, far)


elementwise(sc.exprel, exprel_slope)
elementwise(sc.spence, lambda x: -np.where(values_of(x) == 1, 1, over(np.log(x), x - 1)), domain=POSITIVE)

# ---- gamma functions (5, 8) -------------------------------------------------------------------------------


@primitive
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
    """-ψ(x) / Γ(x), whose limit at the pole x = -n is (-1)ⁿ n!."""
    pole = (values_of(x) <= 0) & (values_of(x) == np.floor(values_of(x).real))
    n = np.where(pole, -values_of(x).real, 0)
    return np.where(pole, np.cos(pi * n) * sc.gamma(n + 1), -out * sc.digamma(np.where(pole, 1, x)))


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
)
elementwise(
    sc.beta,
    lambda x, y, out: out * (sc.digamma(x) - sc.digamma(x + y)),
    lambda x, y, out: out * (sc.digamma(y) - sc.digamma(x + y)),
    domain=POSITIVE,
)
elementwise(
    sc.betaln,
    lambda x, y: sc.digamma(x) - sc.digamma(x + y),
    lambda x, y: sc.digamma(y) - sc.digamma(x + y),
    domain=POSITIVE,
)
elementwise(
    sc.binom,
    lambda x, y, out: out * (sc.digamma(x + 1) - sc.digamma(x - y + 1)),
    lambda x, y, out: out * (sc.digamma(x - y + 1) - sc.digamma(y + 1)),
    domain=((4.0, inf), (0.0, 3.0)),
)


def summed(term, x, sizes):
    """Σₙ term(n) until it has converged everywhere: after `sizes`, in blocks."""
    total = np.zeros(np.shape(x))
    for start in range(0, sizes, 256):
        total += np.sum(term(np.arange(start, start + 256)), axis=-1)
    return total


@primitive
def gammainc_da(a, x):
    """∂P(a, x)/∂a, the series P = Σ xᵃ⁺ⁿ e⁻ˣ / Γ(a + n + 1) (DLMF 8.7.1) differentiated term by term."""
    a, x = (v[..., None] for v in np.broadcast_arrays(np.asarray(a, float), np.asarray(x, float)))
    finite = np.isfinite(x) & (x > 0) & (a > 0)
    a, x = np.where(finite, a, 1), np.where(finite, x, 1)

    def term(n):
        size = np.exp(sc.xlogy(a + n, x) - x - sc.gammaln(a + n + 1))
        return size * (np.log(x) - sc.digamma(a + n + 1))

    most = np.max(x, initial=0)
    return np.where(finite[..., 0], summed(term, x[..., 0], int(most + 12 * np.sqrt(most) + 60)), 0)


@primitive
def betainc_dab(a, b, x):
    """∂I/∂a and ∂I/∂b, the series I = Σ x^(a+n) (1-x)^b Γ(a+b+n) / (Γ(a+n+1) Γ(b)) (DLMF 8.17.8) term by term."""
    a, b, x = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, b, x)))
    turn = x > (a + 1) / (a + b + 2)  # I(a, b, x) = 1 - I(b, a, 1 - x): the series that converges faster
    p, q, z = (
        np.where(turn, b, a)[..., None],
        np.where(turn, a, b)[..., None],
        np.where(turn, 1 - x, x)[..., None],
    )
    inside = (z > 0) & (z < 1)
    z = np.where(inside, z, 0.5)

    def size(n):
        return np.exp(
            (p + n) * np.log(z)
            + q * np.log1p(-z)
            + sc.gammaln(p + q + n)
            - sc.gammaln(p + n + 1)
            - sc.gammaln(q)
        )

    def dp(n):
        return size(n) * (np.log(z) + sc.digamma(p + q + n) - sc.digamma(p + n + 1))

    def dq(n):
        return size(n) * (np.log1p(-z) + sc.digamma(p + q + n) - sc.digamma(q))

    hard = max(np.max(np.where(inside, (40 + q * 4) / -np.log(z), 0), initial=0), 0)
    terms = int(min(hard + np.max(q, initial=0) * 2 + 60, 200_000))
    first, second = (np.where(inside[..., 0], summed(t, x, terms), 0) for t in (dp, dq))
    return np.where(turn, -second, first), np.where(turn, -first, second)


def refuse(name):
    """The rule of an argument in which a second derivative has no formula here."""

    def rule(ct):
        raise NotDifferentiable(f"{name}: the second derivative in a shape parameter is not known here")

    return rule


def gamma_density(a, x):
    return np.exp(sc.xlogy(a - 1, x) - x - sc.gammaln(a))


def beta_density(a, b, x):
    return np.exp(sc.xlogy(a - 1, x) + sc.xlog1py(b - 1, -x) - sc.betaln(a, b))


def gammainc_da_slope(a, x):
    """∂²P/∂a∂x; 0 where the series is not summed."""
    inside = np.isfinite(values_of(x)) & (values_of(x) > 0)
    x = np.where(inside, x, 1)
    return np.where(inside, gamma_density(a, x) * (np.log(x) - sc.digamma(a)), 0)


def betainc_dab_slopes(a, b, x):
    """∂²I/∂a∂x and ∂²I/∂b∂x; 0 where the series is not summed."""
    inside = (values_of(x) > 0) & (values_of(x) < 1)
    x = np.where(inside, x, 0.5)
    density, both = np.where(inside, beta_density(a, b, x), 0), sc.digamma(a + b)
    return density * (np.log(x) - sc.digamma(a) + both), density * (np.log1p(-x) - sc.digamma(b) + both)


def betainc_dab_x(ct, a, b, x, x_shape):
    first, second = betainc_dab_slopes(a, b, x)
    return unbroadcast(times(ct[0], first) + times(ct[1], second), x_shape)


gammainc_da.defvjp(
    refuse("gammainc"),
    lambda ct, a, x, x_shape: unbroadcast(times(ct, gammainc_da_slope(a, x)), x_shape),
    domain=POSITIVE,
    cases=[lambda f, A: f(np.array([2.5, 0.7]), A("m", 2))],
)
betainc_dab.defvjp(
    refuse("betainc"),
    refuse("betainc"),
    betainc_dab_x,
    domain=OPEN_UNIT,
    cases=[lambda f, A: f(np.array([2.5, 0.7]), 1.5, A("m", 2))],
)
elementwise(sc.gammainc, lambda x, y: gammainc_da(x, y), lambda x, y: gamma_density(x, y), domain=POSITIVE)
elementwise(sc.gammaincc, lambda x, y: -gammainc_da(x, y), lambda x, y: -gamma_density(x, y), domain=POSITIVE)
elementwise(
    sc.gammaincinv,
    lambda x, out: -gammainc_da(x, out) / gamma_density(x, out),
    lambda x, out: 1 / gamma_density(x, out),
    domain=(POSITIVE, OPEN_UNIT),
)
elementwise(
    sc.gammainccinv,
    lambda x, out: -gammainc_da(x, out) / gamma_density(x, out),
    lambda x, out: -1 / gamma_density(x, out),
    domain=(POSITIVE, OPEN_UNIT),
)
ABX = {"names": ("a", "b", "x"), "domain": (POSITIVE, POSITIVE, OPEN_UNIT)}
elementwise(
    sc.betainc,
    lambda a, b, x: betainc_dab(a, b, x)[0],
    lambda a, b, x: betainc_dab(a, b, x)[1],
    beta_density,
    **ABX,
)
elementwise(
    sc.betaincc,
    lambda a, b, x: -betainc_dab(a, b, x)[0],
    lambda a, b, x: -betainc_dab(a, b, x)[1],
    lambda a, b, x: -beta_density(a, b, x),
    **ABX,
)
elementwise(
    sc.betaincinv,
    lambda a, b, out: -betainc_dab(a, b, out)[0] / beta_density(a, b, out),
    lambda a, b, out: -betainc_dab(a, b, out)[1] / beta_density(a, b, out),
    lambda a, b, out: 1 / beta_density(a, b, out),
    **ABX,
)

# ---- Bessel functions (10) --------------------------------------------------------------------------------

elementwise(sc.j0, lambda x: -sc.j1(x))
elementwise(sc.j1, lambda x: (sc.j0(x) - sc.jv(2, x)) / 2)
elementwise(sc.y0, lambda x: -sc.y1(x), domain=POSITIVE)
elementwise(sc.y1, lambda x: (sc.y0(x) - sc.yv(2, x)) / 2, domain=POSITIVE)
elementwise(sc.i0, lambda x: sc.i1(x))
elementwise(sc.i1, lambda x: (sc.i0(x) + sc.iv(2, x)) / 2)
elementwise(sc.k0, lambda x: -sc.k1(x), domain=POSITIVE)
elementwise(sc.k1, lambda x: -(sc.k0(x) + sc.kv(2, x)) / 2, domain=POSITIVE)
elementwise(sc.i0e, lambda x, out: sc.i1e(x) - sign_of(x) * out, kinks=lambda x: x)
elementwise(sc.i1e, lambda x, out: (sc.i0e(x) + sc.ive(2, x)) / 2 - sign_of(x) * out, kinks=lambda x: x)
elementwise(sc.k0e, lambda x, out: out - sc.k1e(x), domain=POSITIVE)
elementwise(sc.k1e, lambda x, out: out - (sc.k0e(x) + sc.kve(2, x)) / 2, domain=POSITIVE)
for bessel in (sc.jv, sc.hankel1, sc.hankel2):
    in_last(
        bessel, lambda v, x, out, f=bessel: (f(np.subtract(v, 1), x) - f(np.add(v, 1), x)) / 2, ("v", "x")
    )
for bessel in (sc.yv, sc.yn):
    in_last(
        bessel,
        lambda v, x, out: (sc.yv(np.subtract(v, 1), x) - sc.yv(np.add(v, 1), x)) / 2,
        ("v", "x"),
        POSITIVE,
    )
for bessel in (sc.kv, sc.kn):
    in_last(
        bessel,
        lambda v, x, out: -(sc.kv(np.subtract(v, 1), x) + sc.kv(np.add(v, 1), x)) / 2,
        ("v", "x"),
        POSITIVE,
    )
in_last(sc.iv, lambda v, x, out: (sc.iv(np.subtract(v, 1), x) + sc.iv(np.add(v, 1), x)) / 2, ("v", "x"))
in_last(
    sc.ive,
    lambda v, x, out: (sc.ive(np.subtract(v, 1), x) + sc.ive(np.add(v, 1), x)) / 2 - sign_of(x) * out,
    ("v", "x"),
    POSITIVE,
)
in_last(
    sc.kve,
    lambda v, x, out: out - (sc.kve(np.subtract(v, 1), x) + sc.kve(np.add(v, 1), x)) / 2,
    ("v", "x"),
    POSITIVE,
)
function(
    sc.airy,
    lambda ct, z, out: (
        times(ct[0], out[1]) + times(ct[1], z * out[0]) + times(ct[2], out[3]) + times(ct[3], z * out[2])
    ),
    diff=("z",),
    signature="z",
    cases=[lambda f, A: f(A("m", "n"))],
)

# ---- hypergeometric functions (13, 15) and elliptic integrals (19) ----------------------------------------

in_last(
    sc.hyp1f1,
    lambda a, b, x, out: np.divide(a, b) * sc.hyp1f1(np.add(a, 1), np.add(b, 1), x),
    ("a", "b", "x"),
)
in_last(sc.hyp0f1, lambda v, x, out: sc.hyp0f1(np.add(v, 1), x) / v, ("v", "x"))
in_last(
    sc.hyp2f1,
    lambda a, b, c, x, out: np.multiply(a, b) / c * sc.hyp2f1(np.add(a, 1), np.add(b, 1), np.add(c, 1), x),
    ("a", "b", "c", "x"),
    (-1.0, 1.0),
).cases = [lambda f, A: f(0.5, 1.5, 2.0, A("m", "n"))]


def unless_near_zero(x, quotient, a):
    """An elliptic integral's slope, a quotient by 2x, as a hypergeometric function near 0, where it is 0/0."""
    near = np.abs(values_of(x)) < 0.1
    return np.where(
        near, pi / 8 * sc.hyp2f1(a, 1.5, 2, np.where(near, x, 0)), quotient(np.where(near, 1 / 2, x))
    )


elementwise(
    sc.ellipk,
    lambda x: unless_near_zero(x, lambda m: (sc.ellipe(m) / (1 - m) - sc.ellipk(m)) / (2 * m), 1.5),
    domain=(-1.0, 1.0),
)
elementwise(
    sc.ellipe,
    lambda x: -unless_near_zero(x, lambda m: (sc.ellipk(m) - sc.ellipe(m)) / (2 * m), 0.5),
    domain=(-1.0, 1.0),
)
elementwise(sc.wrightomega, lambda out: out / (1 + out))

# ---- entropies, logistic and other functions of statistics and optimization -------------------------------


def log_unless_both_zero(x, y):
    """log y, and 0 where x = y = 0."""
    both = (values_of(x) == 0) & (values_of(y) == 0)
    return np.where(both, 0, np.log(np.where(both, 1, y)))


def where_counts(x, quotient):
    """The quotient, and 0 where x is 0, as x log y is whatever y."""
    return np.where(values_of(x) == 0, 0, quotient)


elementwise(sc.xlogy, log_unless_both_zero, lambda x, y: where_counts(x, x / y), domain=(REAL, POSITIVE))
elementwise(
    sc.xlog1py,
    lambda x, y: log_unless_both_zero(x, 1 + y) if np.any(values_of(y) == -1) else np.log1p(y),
    lambda x, y: where_counts(x, x / (1 + y)),
    domain=(REAL, (-1.0, inf)),
)
elementwise(sc.entr, lambda x: -np.log(x) - 1, domain=POSITIVE)
elementwise(sc.rel_entr, lambda x, y: np.log(x / y) + 1, lambda x, y: -x / y, domain=POSITIVE)
elementwise(sc.kl_div, lambda x, y: np.log(x / y), lambda x, y: 1 - x / y, domain=POSITIVE)
elementwise(sc.expit, lambda x, out: out * sc.expit(-x))
elementwise(sc.logit, lambda x: 1 / (x * (1 - x)), domain=OPEN_UNIT)
elementwise(sc.log_expit, lambda x: sc.expit(-x))
elementwise(
    sc.huber,
    lambda x, y: np.maximum(np.abs(y) - x, 0),
    lambda x, y: np.clip(y, -x, x),
    domain=(POSITIVE, REAL),
    kinks=lambda x, y: np.abs(y) - x,
)
elementwise(
    sc.pseudo_huber,
    lambda x, y, out: 2 * over(out, x) - over(over(y * y, x), np.hypot(1, over(y, x))),
    lambda x, y: over(y, np.hypot(1, over(y, x))),
    domain=(POSITIVE, REAL),
)


def log_slope(z):
    """d/dλ of log(1 + λy)/λ, over y², as a function of z = λy: (1/(1+z) - log(1+z)/z) / z."""
    near = np.abs(values_of(z)) < 1e-2
    s, safe = np.where(near, z, 0), np.where(near, 1, z)
    series = sum((-1) ** (k + 1) * (k + 1) / (k + 2) * s**k for k in range(1, 9)) - 0.5
    return np.where(near, series, (1 / (1 + safe) - np.log1p(safe) / safe) / safe)


def boxcox_by_lambda(log_x, power):
    """d/dλ (xᶫ - 1)/λ = log²x · exprel'(λ log x)."""
    return log_x**2 * exprel_slope(power * log_x, sc.exprel(power * log_x))


elementwise(
    sc.boxcox, lambda x, y: x ** (y - 1), lambda x, y: boxcox_by_lambda(np.log(x), y), domain=(POSITIVE, REAL)
)
elementwise(
    sc.boxcox1p,
    lambda x, y: (1 + x) ** (y - 1),
    lambda x, y: boxcox_by_lambda(np.log1p(x), y),
    domain=((-1.0, inf), REAL),
)
elementwise(
    sc.inv_boxcox,
    lambda x, y, out: out / (1 + x * y),
    lambda x, y, out: out * x * x * log_slope(x * y),
    domain=POSITIVE,
)
elementwise(
    sc.inv_boxcox1p,
    lambda x, y, out: (1 + out) / (1 + x * y),
    lambda x, y, out: (1 + out) * x * x * log_slope(x * y),
    domain=POSITIVE,
)

# ---- elementary functions that SciPy has again ------------------------------------------------------------

elementwise(sc.exp2, lambda out: np.log(2).item() * out)
elementwise(sc.exp10, lambda out: np.log(10).item() * out)
elementwise(sc.expm1, lambda out: out + 1)
elementwise(sc.log1p, lambda x: 1 / (1 + x), domain=(-1.0, inf))
elementwise(sc.cbrt, lambda out: 1 / (3 * out * out), domain=POSITIVE)
elementwise(sc.cosm1, lambda x: -np.sin(x))
elementwise(sc.sindg, lambda x: pi / 180 * sc.cosdg(x))
elementwise(sc.cosdg, lambda x: -pi / 180 * sc.sindg(x))
elementwise(sc.tandg, lambda out: pi / 180 * (1 + out * out), domain=(-80.0, 80.0))
elementwise(
    sc.powm1, lambda x, y: y * x ** (y - 1), lambda x, y, out: (out + 1) * np.log(x), domain=(POSITIVE, REAL)
)

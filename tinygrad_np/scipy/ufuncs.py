"""The ufuncs of scipy.special: their derivatives, which DLMF (https://dlmf.nist.gov) lists by the chapter named.

Each derivative is said with functions that have rows, so that every order exists, and in the form that neither
overflows nor cancels. Where no formula is known in an argument, a tracked one is refused when the function is called.
"""

import numpy as np
import scipy.special as sc

from ..derivatives.elementwise import sech_square, toward
from ..engine.arrays import array_of
from ..engine.cotangents import times, unbroadcast
from ..engine.table import POSITIVE, REAL, elementwise, function, primitive
from ..engine.tracing import assume
from . import bessel, cumulative, gamma, orthogonal, rarer  # noqa: F401 - their rows are entered
from .gamma import OPEN_UNIT
from .in_last import in_last
from .scaled import dawsn_derivative, erfcx_derivative, wofz_derivative

inf, pi = np.inf, np.pi
ROOT_PI, ROOT_2PI = np.sqrt(np.pi).item(), np.sqrt(2 * np.pi).item()
LOG_PI = np.log(pi).item()

# ---- error functions (7) ----------------------------------------------------------------------------------


def log_ndtr_slope(x):
    """The density over the probability; left of 0 both vanish, and their ratio is scaled."""
    right = array_of(x).real > 0
    up, down = np.where(right, x, 0), np.where(right, 0, x)
    return np.where(
        right, np.exp(-up * up / 2) / ROOT_2PI / sc.ndtr(up), 2 / ROOT_2PI / sc.erfcx(-down / 2**0.5)
    )


elementwise(sc.erf, lambda x: 2 / ROOT_PI * np.exp(-x * x))
elementwise(sc.erfc, lambda x: -2 / ROOT_PI * np.exp(-x * x))
elementwise(sc.erfi, lambda x: 2 / ROOT_PI * np.exp(x * x))
elementwise(sc.erfcx, lambda x: erfcx_derivative(x, 1))
elementwise(sc.dawsn, lambda x: dawsn_derivative(x, 1))
elementwise(sc.wofz, lambda x: wofz_derivative(x, 1))
elementwise(sc.erfinv, lambda out: ROOT_PI / 2 * np.exp(out * out), domain=(-1, 1))
elementwise(sc.erfcinv, lambda out: -ROOT_PI / 2 * np.exp(out * out), domain=(0, 2))
elementwise(sc.ndtr, lambda x: np.exp(-x * x / 2) / ROOT_2PI)
elementwise(sc.log_ndtr, log_ndtr_slope)
elementwise(sc.ndtri, lambda out: ROOT_2PI * np.exp(out * out / 2), domain=OPEN_UNIT)
elementwise(sc.ndtri_exp, lambda out: 1 / log_ndtr_slope(out), domain=(-inf, 0))

# ---- exponential, sine and cosine integrals (6), Fresnel (7) ----------------------------------------------


def two_results(fun, first, second, domain=REAL):
    """A ufunc with two results: the derivative of each."""
    function(
        fun,
        lambda ct, x: times(ct[0], first(x)) + times(ct[1], second(x)),
        diff=("x",),
        signature="x",
        domain=domain,
        cases=[lambda f, A: f(A("m", "n"))],
    )


def over_itself(fun, sign):
    """sinh(x) / x or sin(x) / x, near 0 the hypergeometric function whose series that is."""

    def quotient(x):
        near = np.abs(array_of(x)) < 1
        safe = np.where(near, 1, x)
        return np.where(near, sc.hyp0f1(1.5, sign / 4 * np.where(near, x, 0) ** 2), fun(safe) / safe)

    return quotient


@primitive
def half_square(x):
    """π/2 x², less whole turns: of x = n + r they are those of n² and 2nr, which is not rounded (r has few digits)."""
    if x.dtype.kind == "c":
        return pi / 2 * x * x
    n = np.rint(x)
    r = x - n
    return pi / 2 * (np.fmod(n, 2) ** 2 + 2 * np.fmod(n * r, 2) + r * r)


half_square.defvjp(lambda ct, x: pi * ct * x, cases=[lambda f, A: f(A("m", "n"))])

two_results(sc.sici, over_itself(np.sin, -1), lambda x: np.cos(x) / x, POSITIVE)
two_results(sc.shichi, over_itself(np.sinh, 1), lambda x: np.cosh(x) / x, POSITIVE)
two_results(sc.fresnel, lambda x: np.sin(half_square(x)), lambda x: np.cos(half_square(x)))
elementwise(sc.expi, lambda x: np.exp(x) / x, domain=POSITIVE)
elementwise(sc.exp1, lambda x: -np.exp(-x) / x, domain=POSITIVE)


def expn_slope(n, x, out):
    """-Eₙ₋₁, and that of E₀ = e⁻ˣ/x, below which SciPy has none (DLMF 8.19.12)."""
    n = array_of(n)
    return -np.where(n > 0, sc.expn(np.maximum(n - 1, 0), x), (np.exp(-x) + out) / x)


in_last(sc.expn, expn_slope, ("n", "x"), POSITIVE, digits=(1e-12, 1e-3, 600))


def exprel_slope(x, out):
    """((eˣ - 1)/x)', in three forms, none of which cancels in its place: near 0 it is ₁F₁(2, 3, x)/2."""
    x_is = array_of(x)
    near, up = np.abs(x_is) < 1, x_is > 0
    safe = np.where(near, 1, x)
    far = np.where(up, out * (1 - 1 / safe) + 1 / safe, (np.exp(np.where(up, 0, x)) - out) / safe)
    return np.where(near, sc.hyp1f1(2, 3, np.where(near, x, 0)) / 2, far)


elementwise(sc.exprel, exprel_slope)


def spence_slope(x):
    """-log(x) / (x - 1), near 1 the hypergeometric function whose series that is: its derivatives do not cancel."""
    near = np.abs(array_of(x) - 1) < 0.1
    far = np.where(near, 2, x)
    return -np.where(near, sc.hyp2f1(1, 1, 2, 1 - np.where(near, x, 1)), np.log(far) / (far - 1))


elementwise(sc.spence, spence_slope, domain=POSITIVE)

# ---- hypergeometric functions (13, 15) and elliptic integrals (19) ----------------------------------------

in_last(
    sc.hyp1f1,
    lambda a, b, x, out: np.divide(a, b) * sc.hyp1f1(np.add(a, 1), np.add(b, 1), x),
    ("a", "b", "x"), digits=(1e-11, 1e-3, 30))
in_last(sc.hyp0f1, lambda v, x, out: sc.hyp0f1(np.add(v, 1), x) / v, ("v", "x"), digits=(1e-11, 1e-3, 30))
in_last(
    sc.hyp2f1,
    lambda a, b, c, x, out: np.multiply(a, b) / c * sc.hyp2f1(np.add(a, 1), np.add(b, 1), np.add(c, 1), x),
    ("a", "b", "c", "x"),
    (-1.0, 1.0), digits=(1e-11, 1e-3, 30)).cases = [lambda f, A: f(0.5, 1.5, 2.0, A("m", "n"))]


def unless_near_zero(x, quotient, a):
    """An elliptic integral's slope, a quotient by 2x, as a hypergeometric function near 0, where it is 0/0."""
    near = np.abs(array_of(x)) < 0.1
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
    both = (array_of(x) == 0) & (array_of(y) == 0)
    return np.where(both, 0, np.log(np.where(both, 1, y)))


def where_counts(x, quotient):
    """The quotient, and 0 where x is 0, as x log y is whatever y."""
    return np.where(array_of(x) == 0, 0, quotient)


elementwise(sc.xlogy, log_unless_both_zero, lambda x, y: where_counts(x, x / y), domain=(REAL, POSITIVE))
elementwise(
    sc.xlog1py,
    lambda x, y: log_unless_both_zero(x, 1 + y) if assume(np.any(array_of(y) == -1)) else np.log1p(y),
    lambda x, y: where_counts(x, x / (1 + y)),
    domain=(REAL, (-1.0, inf)),
)
elementwise(sc.entr, lambda x: -np.log(x) - 1, domain=POSITIVE)


@primitive
def log_ratio(x, y):
    """log(x / y), whose slopes know no ratio, which may overflow."""
    ratio = x / y
    return np.where((ratio > 0) & np.isfinite(ratio), np.log(ratio), np.log(x) - np.log(y))


log_ratio.defvjp(
    lambda ct, x, x_shape: unbroadcast(ct / x, x_shape),
    lambda ct, y, y_shape: unbroadcast(-ct / y, y_shape),
    domain=POSITIVE,
    cases=[lambda f, A: f(A("m", 1), A(2))],
)
elementwise(sc.rel_entr, lambda x, y: log_ratio(x, y) + 1, lambda x, y: -where_counts(x, x / y), domain=POSITIVE)
elementwise(sc.kl_div, lambda x, y: log_ratio(x, y), lambda x, y: 1 - where_counts(x, x / y), domain=POSITIVE)
elementwise(sc.expit, lambda x: sech_square(x / 2) / 4)
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
    lambda x, y: y * toward(y, x) * (toward(y, x) / (1 + toward(x, y))) ** 2,
    lambda x, y: x * toward(y, x),
    domain=(POSITIVE, REAL),
)


def log_slope(z):
    """d/dλ of log(1 + λy)/λ, over y², as a function of z = λy: (1/(1+z) - log(1+z)/z) / z."""
    near = np.abs(array_of(z)) < 0.15
    s, safe = np.where(near, z, 0), np.where(near, 1, z)
    series = sum((-1) ** (k + 1) * (k + 1) / (k + 2) * s**k for k in range(1, 22)) - 0.5
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
    lambda x, y, out: out * (x * (x * log_slope(x * y))),
    domain=POSITIVE,
    digits=(1e-13, 0, 1e100),
)
elementwise(
    sc.inv_boxcox1p,
    lambda x, y, out: (1 + out) / (1 + x * y),
    lambda x, y, out: (1 + out) * (x * (x * log_slope(x * y))),
    domain=POSITIVE,
    digits=(1e-13, 0, 1e100),
)

def t_logpdf(z, df):
    """The logarithm of the density of Student's t."""
    return (
        sc.gammaln((df + 1) / 2)
        - sc.gammaln(df / 2)
        - 0.5 * (np.log(df) + LOG_PI)
        - (df + 1) / 2 * np.log1p(z * z / df)
    )


in_last(sc.stdtr, lambda df, t, out: np.exp(t_logpdf(t, df)), ("df", "t"), digits=(1e-12, 0, 1e8))
in_last(sc.stdtrit, lambda df, p, out: np.exp(-t_logpdf(out, df)), ("df", "p"), (0.0, 1.0), digits=(1e-9, 1e-3, 1))

# ---- elementary functions that SciPy has again ------------------------------------------------------------

elementwise(sc.exp2, lambda out: np.log(2).item() * out)
elementwise(sc.exp10, lambda out: np.log(10).item() * out)
elementwise(sc.expm1, lambda x: np.exp(x))
elementwise(sc.log1p, lambda x: 1 / (1 + x), domain=(-1.0, inf))
elementwise(sc.cbrt, lambda out: 1 / (3 * out * out), domain=POSITIVE)
elementwise(sc.cosm1, lambda x: -np.sin(x))
elementwise(sc.sindg, lambda x: pi / 180 * sc.cosdg(x), digits=(1e-13, 0, 1e13))
elementwise(sc.cosdg, lambda x: -pi / 180 * sc.sindg(x), digits=(1e-13, 0, 1e13))
elementwise(sc.tandg, lambda out: pi / 180 * (1 + out * out), domain=(-80.0, 80.0))
elementwise(
    sc.powm1, lambda x, y: y * x ** (y - 1), lambda x, y: x**y * np.log(x), domain=(POSITIVE, REAL)
)

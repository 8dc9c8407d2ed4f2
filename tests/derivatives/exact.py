"""What mpmath gives for the elementwise rows, by name, and its derivatives to as many digits as are asked for.

A name stands for the function of mpmath numbers that has the same value. Its derivatives are central differences in
so many digits that two steps agree: no formula of the table is repeated here.
"""

from itertools import combinations_with_replacement

import mpmath
from mpmath import mp

root = mp.sqrt


def inverse(of):
    """The last argument at which a function has a value, from SciPy's number, of which all digits are kept near."""

    def solved(*given, start):
        *rest, value = given
        t = mp.mpf(start)
        for _ in range(60):
            h = abs(t) * mp.mpf(10) ** (-mp.dps // 3)
            f = of(*rest, t) - value
            step = f * 2 * h / (of(*rest, t + h) - of(*rest, t - h))
            t -= step
            if abs(step) < abs(t) * mp.mpf(10) ** (-mp.dps * 2 // 3):
                break
        return t - (of(*rest, t) - value) * 2 * h / (of(*rest, t + h) - of(*rest, t - h))

    solved.starts = True
    return solved


def upper_gamma(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def lower_gamma(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def lower_beta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def upper_beta(a, b, x):
    return mp.betainc(b, a, 0, 1 - x, regularized=True)


def normal(x):
    return mp.erfc(-x / root(2)) / 2


def student(df, t):
    tail = mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
    return 1 - tail if t > 0 else tail


def faddeeva(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def relative_exp(x):
    return mp.expm1(x) / x if x else mp.mpf(1)


def huber(d, r):
    return r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2)


def spherical(name, sign=1):
    def of(n, x):
        return root(mp.pi / 2 / x) * getattr(mp, name)(n + mp.mpf(1) / 2, x)

    return of


def spherical_k(n, x):
    return root(mp.pi / 2 / x) * mp.besselk(n + mp.mpf(1) / 2, x)


VALUES = {
    "absolute": abs,
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "sqrt": mp.sqrt,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "power": lambda x, y: x**y,
    "float_power": lambda x, y: x**y,
    "hypot": mp.hypot,
    "exp": mp.exp,
    "exp2": lambda x: mp.mpf(2) ** x,
    "expm1": mp.exp,
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log1p": lambda x: mp.log(1 + x),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logaddexp2": lambda x, y: mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y) / mp.log(2),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "degrees": mp.degrees,
    "rad2deg": mp.degrees,
    "radians": mp.radians,
    "deg2rad": mp.radians,
    "sinc": lambda x: mp.sin(mp.pi * x) / (mp.pi * x) if x else mp.mpf(1),
    "i0": lambda x: mp.besseli(0, x),
    "fabs": abs,
    "maximum": max,
    "minimum": min,
    "fmax": max,
    "fmin": min,
    "copysign": lambda x, y: abs(x) * mp.sign(y),
    "nextafter": lambda x, y: x,
    "limit": lambda a, lo, hi: min(max(a, lo), hi),
    "remainder": lambda x, y: x - mp.floor(x / y) * y,
    "fmod": lambda x, y: x - mp.sign(x / y) * mp.floor(abs(x / y)) * y,
    # gamma and beta functions
    "gamma": mp.gamma,
    "gammaln": lambda x: mp.log(abs(mp.gamma(x))) if x < 1000 else mp.loggamma(x),
    "loggamma": mp.loggamma,
    "rgamma": mp.rgamma,
    "psi": lambda x: mp.psi(0, x),
    "poch": mp.rf,
    "beta": mp.beta,
    "betaln": lambda x, y: mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y),
    "binom": mp.binomial,
    "gammainc": lower_gamma,
    "gammaincc": upper_gamma,
    "gammaincinv": inverse(lower_gamma),
    "gammainccinv": inverse(upper_gamma),
    "betainc": lower_beta,
    "betaincc": upper_beta,
    "betaincinv": inverse(lower_beta),
    "chdtr": lambda v, x: lower_gamma(v / 2, x / 2),
    "chdtrc": lambda v, x: upper_gamma(v / 2, x / 2),
    "gdtr": lambda a, b, x: lower_gamma(b, a * x),
    "gdtrc": lambda a, b, x: upper_gamma(b, a * x),
    "fdtr": lambda a, b, x: lower_beta(a / 2, b / 2, a * x / (b + a * x)),
    "fdtrc": lambda a, b, x: lower_beta(b / 2, a / 2, b / (b + a * x)),
    "pdtr": lambda k, m: upper_gamma(mp.floor(k) + 1, m),
    "pdtrc": lambda k, m: lower_gamma(mp.floor(k) + 1, m),
    "stdtr": student,
    "stdtrit": inverse(student),
    # error functions and integrals
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfi": mp.erfi,
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "dawsn": lambda x: root(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
    "erfinv": inverse(mp.erf),
    "erfcinv": inverse(mp.erfc),
    "ndtr": normal,
    "log_ndtr": lambda x: mp.log(normal(x)),
    "ndtri": inverse(normal),
    "ndtri_exp": inverse(lambda t: mp.log(normal(t))),
    "wofz": faddeeva,
    "owens_t": lambda h, a: mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi),
    "voigt_profile": lambda x, s, g: mp.re(faddeeva((x + 1j * g) / (s * root(2)))) / (s * root(2 * mp.pi)),
    "exp1": mp.e1,
    "expi": mp.ei,
    "expn": mp.expint,
    "sici": (mp.si, mp.ci),
    "shichi": (mp.shi, mp.chi),
    "fresnel": (mp.fresnels, mp.fresnelc),
    "spence": lambda x: mp.re(mp.polylog(2, 1 - x)),
    "exprel": relative_exp,
    # Bessel functions
    "j0": lambda x: mp.besselj(0, x),
    "j1": lambda x: mp.besselj(1, x),
    "y0": lambda x: mp.bessely(0, x),
    "y1": lambda x: mp.bessely(1, x),
    "i1": lambda x: mp.besseli(1, x),
    "k0": lambda x: mp.besselk(0, x),
    "k1": lambda x: mp.besselk(1, x),
    "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x),
    "k0e": lambda x: mp.exp(x) * mp.besselk(0, x),
    "k1e": lambda x: mp.exp(x) * mp.besselk(1, x),
    "jv": mp.besselj,
    "yv": mp.bessely,
    "yn": mp.bessely,
    "iv": mp.besseli,
    "kv": mp.besselk,
    "kn": mp.besselk,
    "ive": lambda v, x: mp.exp(-x) * mp.besseli(v, x),
    "kve": lambda v, x: mp.exp(x) * mp.besselk(v, x),
    "hankel1": mp.hankel1,
    "hankel2": mp.hankel2,
    "airy": (
        mp.airyai,
        lambda z: mp.airyai(z, derivative=1),
        mp.airybi,
        lambda z: mp.airybi(z, derivative=1),
    ),
    "spherical_jn": spherical("besselj"),
    "spherical_yn": spherical("bessely"),
    "spherical_in": spherical("besseli"),
    "spherical_kn": spherical_k,
    # hypergeometric functions, elliptic integrals, polynomials
    "hyp0f1": mp.hyp0f1,
    "hyp1f1": mp.hyp1f1,
    "hyp2f1": mp.hyp2f1,
    "ellipk": mp.ellipk,
    "ellipkm1": lambda p: mp.ellipk(1 - p),
    "ellipkinc": mp.ellipf,
    "ellipeinc": lambda phi, m: mp.ellipe(phi, m),
    "ellipj": (
        lambda u: mp.ellipfun("sn", u, m=mp.mpf(0.25)),
        lambda u: mp.ellipfun("cn", u, m=mp.mpf(0.25)),
        lambda u: mp.ellipfun("dn", u, m=mp.mpf(0.25)),
        lambda u: mp.quad(lambda t: mp.ellipfun("dn", t, m=mp.mpf(0.25)), [0, u]),
    ),
    "struve": mp.struveh,
    "modstruve": mp.struvel,
    "itstruve0": lambda x: mp.quad(lambda t: mp.struveh(0, t), [0, x]),
    "itmodstruve0": lambda x: mp.quad(lambda t: mp.struvel(0, t), [0, x]),
    "hyperu": mp.hyperu,
    "chdtri": inverse(lambda v, x: upper_gamma(v / 2, x / 2)),
    "pdtri": inverse(lambda k, m: upper_gamma(mp.floor(k) + 1, m)),
    "cotdg": lambda x: mp.cot(mp.radians(x)),
    "bdtr": lambda k, n, p: upper_beta(mp.floor(k) + 1, n - mp.floor(k), p),
    "bdtrc": lambda k, n, p: lower_beta(mp.floor(k) + 1, n - mp.floor(k), p),
    "nbdtr": lambda k, n, p: lower_beta(n, k + 1, p),
    "nbdtrc": lambda k, n, p: upper_beta(n, k + 1, p),
    "ellipe": mp.ellipe,
    "eval_legendre": mp.legendre,
    "eval_chebyt": mp.chebyt,
    "eval_chebyu": mp.chebyu,
    "eval_hermite": mp.hermite,
    "eval_hermitenorm": lambda n, x: mp.hermite(n, x / root(2)) / mp.mpf(2) ** (n / mp.mpf(2)),
    "eval_laguerre": lambda n, x: mp.laguerre(n, 0, x),
    "eval_genlaguerre": mp.laguerre,
    "eval_gegenbauer": mp.gegenbauer,
    "eval_jacobi": mp.jacobi,
    "lambertw": lambda z: mp.lambertw(z),
    "wrightomega": lambda x: mp.lambertw(mp.exp(x)),
    "polygamma": lambda n, x: mp.psi(n, x),
    "zeta": lambda x, q: mp.zeta(x, q),
    # statistics and optimization
    "xlogy": lambda x, y: x * mp.log(y),
    "xlog1py": lambda x, y: x * mp.log(1 + y),
    "entr": lambda x: -x * mp.log(x),
    "rel_entr": lambda x, y: x * mp.log(x / y),
    "kl_div": lambda x, y: x * mp.log(x / y) - x + y,
    "expit": lambda x: 1 / (1 + mp.exp(-x)),
    "logit": lambda x: mp.log(x / (1 - x)),
    "log_expit": lambda x: -mp.log(1 + mp.exp(-x)),
    "huber": huber,
    "pseudo_huber": lambda d, r: d * d * (root(1 + (r / d) ** 2) - 1),
    "boxcox": lambda x, k: (x**k - 1) / k if k else mp.log(x),
    "boxcox1p": lambda x, k: ((1 + x) ** k - 1) / k if k else mp.log(1 + x),
    "inv_boxcox": lambda y, k: (1 + k * y) ** (1 / k),
    "inv_boxcox1p": lambda y, k: (1 + k * y) ** (1 / k) - 1,
    "exp10": lambda x: mp.mpf(10) ** x,
    "cosm1": mp.cos,
    "sindg": lambda x: mp.sin(mp.radians(x)),
    "cosdg": lambda x: mp.cos(mp.radians(x)),
    "tandg": lambda x: mp.tan(mp.radians(x)),
    "powm1": lambda x, y: x**y,
}
for step in ("floor", "ceil", "trunc", "rint", "gammasgn"):
    VALUES[step] = lambda x: mp.mpf(0)
VALUES |= {"floor_divide": lambda x, y: mp.mpf(0), "heaviside": lambda x, y: mp.mpf(0)}


def steps(order: int) -> list:
    """The points of a central difference of this order, and their weights."""
    return {0: [(0, 1)], 1: [(-1, mp.mpf(-1) / 2), (1, mp.mpf(1) / 2)], 2: [(-1, 1), (0, -2), (1, 1)]}[order]


def difference(f, at: tuple, orders: tuple) -> mp.mpf:
    """A partial derivative by central differences, of half as many digits as are worked in."""
    total, size = mp.mpf(0), mp.mpf(1)
    hs = [(abs(x) if 0 < abs(x) < 1 else mp.mpf(1)) * mp.mpf(10) ** (-(mp.dps // 4)) for x in at]
    places = [((), mp.mpf(1))]
    for x, h, order in zip(at, hs, orders):
        places = [((*p, x + k * h), w * c) for p, w in places for k, c in steps(order)]
        size *= h**order
    for place, weight in places:
        total += weight * f(*place)
    return total / size


def exact(f, at: tuple, orders: tuple, tiny: float, most: int) -> mp.mpf | None:
    """The partial derivative to 18 digits, or to 18 beyond `tiny`; None where mpmath does not get there."""
    before, dps = None, 60
    while dps <= most:
        with mp.workdps(dps):
            try:
                found = mp.mpmathify(difference(f, tuple(map(mp.mpf, at)), orders))
            except (ValueError, ZeroDivisionError, OverflowError, mpmath.libmp.NoConvergence):
                found = None
            # a difference of 0 may be one that is lost in so few digits
            if None not in (found, before) and (found or dps > 1500):
                if abs(found - before) <= mp.mpf("1e-18") * max(abs(found), tiny):
                    return found
        before, dps = found, dps * 2
    return None


def partials(count: int) -> list[tuple[int, ...]]:
    """The operands by which is differentiated, first and second derivatives: (0,), (1,), (0, 0), (0, 1), ..."""
    return [p for order in (1, 2) for p in combinations_with_replacement(range(count), order)]

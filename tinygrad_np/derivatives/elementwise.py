"""Elementwise functions: the partial derivatives, as inside the cover of a calculus book.

x and y are the operands, out is the result. Ties and boundaries are policy: |x|' is 0 at 0, tied maxima share
equally, clip passes the cotangent on the closed interval, steps have derivative 0, hypot(0, 0) has gradient 0.
A kink is written as an expression that is zero where the function is not smooth.
"""

import math
import operator

import numpy as np

from ..engine.arrays import array_of, has_nan
from ..engine.cotangents import unbroadcast
from ..engine.table import POSITIVE, REAL, UNIT, composed, elementwise, function, linear, primitive

inf, pi, log2, log10 = np.inf, np.pi, np.log(2), np.log(10)


def wider(x):
    """Half precision in single: a formula of many steps would lose the digits that there are."""
    return np.astype(x, np.float32) if array_of(x).dtype == np.float16 else x


def over(a, b):
    """a / b, and 0 where b is 0."""
    zero = array_of(b) == 0
    return np.where(zero, 0, a / np.where(zero, 1, b))


# ---- arithmetic -------------------------------------------------------------------------------------------

def reciprocal_of(y):
    """1 / y, also of Python's 0, by which NumPy divides and Python does not."""
    return math.copysign(inf, y) if type(y) in (int, float, bool) and not y else 1 / y


elementwise(np.add, 1, 1)
elementwise(np.subtract, 1, -1)
elementwise(np.multiply, lambda y: y, lambda x: x)
elementwise(np.divide, reciprocal_of, lambda y, out: -out / y, domain=(REAL, POSITIVE))
elementwise(np.negative, -1)
elementwise(np.positive, 1)
elementwise(np.reciprocal, lambda out: -out * out, domain=POSITIVE)
elementwise(np.square, lambda x: 2 * x)
elementwise(np.sqrt, lambda out: 0.5 / out, domain=POSITIVE)
elementwise(np.cbrt, lambda out: 1 / (3 * out * out), domain=POSITIVE)


def power_x(x, y):
    """y xʸ⁻¹, which is 0 where y is 0, also at x = 0."""
    if isinstance(y, (int, float)):
        return y * x ** (y - 1) if y else 0
    empty = (array_of(x) == 0) & (array_of(y) == 0)
    return y * np.where(empty, 1, x) ** (y - 1)


def power_y(x, out):
    """xʸ log x, whose limit at x = 0 is 0; a negative number has a complex power, and a logarithm then."""
    base = np.where(array_of(x) == 0, 1, x)
    return out * np.log(np.astype(base, out.dtype) if out.dtype.kind == "c" else base)


elementwise(np.power, power_x, power_y, domain=(POSITIVE, REAL), call=operator.pow)
elementwise(np.float_power, power_x, power_y, domain=(POSITIVE, REAL))
elementwise(np.remainder, 1, lambda x, y: -np.floor_divide(x, y), domain=(REAL, POSITIVE),
            kinks=lambda x, y: np.sin(pi * x / y))
elementwise(np.fmod, 1, lambda x, y, out: -np.rint((x - out) / y), domain=(REAL, POSITIVE),
            kinks=lambda x, y: np.sin(pi * x / y))


@primitive
def toward(x, y):
    """x / √(x² + y²), the cosine of an angle, and 0 where both are 0: its slopes have no difference that cancels."""
    return over(x, np.hypot(x, y))


toward.defvjp(lambda ct, x, y: unbroadcast(ct * over(toward(y, x) ** 2, np.hypot(x, y)), np.shape(x)),
              lambda ct, x, y: unbroadcast(-ct * over(toward(x, y) * toward(y, x), np.hypot(x, y)), np.shape(y)),
              cases=[lambda f, A: f(A("m", "n"), A("n"))])
elementwise(np.hypot, lambda x, y: toward(x, y), lambda x, y: toward(y, x), kinks=lambda x, y: np.abs(x) + np.abs(y))

# ---- exponentials and logarithms --------------------------------------------------------------------------

elementwise(np.exp, lambda out: out)
elementwise(np.exp2, lambda out: log2 * out)
elementwise(np.expm1, lambda x: np.exp(x))
elementwise(np.log, lambda x: 1 / x, domain=POSITIVE)
elementwise(np.log2, lambda x: 1 / log2 / x, domain=POSITIVE)
elementwise(np.log10, lambda x: 1 / log10 / x, domain=POSITIVE)
elementwise(np.log1p, lambda x: 1 / (1 + x), domain=(-1, inf))


@primitive
def sigmoid(x):
    """1 / (1 + e⁻ˣ), by the exponential that does not overflow: each tail keeps its digits, in every derivative."""
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    e = np.exp(-np.abs(x))
    return np.maximum(e, x >= 0) / (1 + e)  # 1, or e where x < 0: quicker than to choose


sigmoid.defvjp(lambda ct, x, out: ct * out * sigmoid(-x), cases=[lambda f, A: f(A("m", "n"))])


def exp_share(x, y, scale=None):
    """The share of x in log(eˣ + eʸ); of two infinities that are equal, half."""
    distance = x - y
    if type(distance) is not np.ndarray or has_nan(distance):
        alike = (array_of(x) == array_of(y)) & np.isinf(array_of(x))
        distance = np.where(alike, 0, distance)
    return sigmoid(distance if scale is None else scale * distance)


elementwise(np.logaddexp, lambda x, y: exp_share(x, y), lambda x, y: exp_share(y, x))
elementwise(np.logaddexp2, lambda x, y: exp_share(x, y, log2), lambda x, y: exp_share(y, x, log2))

# ---- trigonometry -----------------------------------------------------------------------------------------

elementwise(np.sin, lambda x: np.cos(x))
elementwise(np.cos, lambda x: -np.sin(x))
elementwise(np.tan, lambda out: 1 + out * out, domain=(-1.5, 1.5))


@primitive
def one_minus_square(x):
    """1 - x², by factors, of which neither is rounded near the other's zero."""
    return (1 - x) * (1 + x)


one_minus_square.defvjp(lambda ct, x: -2 * ct * x, cases=[lambda f, A: f(A("m", "n"))])


def root_1_minus_square(x):
    """√(1 - x²), without an overflow."""
    return np.sqrt(1 - x) * np.sqrt(1 + x) if array_of(x).dtype.kind == "c" else np.sqrt(one_minus_square(x))


elementwise(np.arcsin, lambda x: 1 / root_1_minus_square(x), domain=UNIT)
elementwise(np.arccos, lambda x: -1 / root_1_minus_square(x), domain=UNIT)


def root_1_plus_square(x):
    """√(1 + x²), without an overflow."""
    return np.sqrt(1 + 1j * x) * np.sqrt(1 - 1j * x) if array_of(x).dtype.kind == "c" else np.hypot(1, x)


elementwise(np.arctan, lambda x: (1 / root_1_plus_square(x)) ** 2)
elementwise(np.arctan2, lambda x, y: over(toward(y, x), np.hypot(x, y)),
            lambda x, y: -over(toward(x, y), np.hypot(x, y)), kinks=lambda x, y: x)
elementwise(np.sinh, lambda x: np.cosh(x))
elementwise(np.cosh, lambda x: np.sinh(x))


@primitive
def sech_square(x):
    """1 / cosh² x: 1 - tanh² x would round to 0 beyond |x| = 19."""
    e = np.exp(-2 * (x * np.sign(x.real) if x.dtype.kind == "c" else np.abs(x)))
    return 4 * e / (1 + e) ** 2


sech_square.defvjp(lambda ct, x: -2 * ct * sech_square(x) * np.tanh(x), cases=[lambda f, A: f(A("m", "n"))])
elementwise(np.tanh, lambda x: sech_square(x))
elementwise(np.arcsinh, lambda x: 1 / root_1_plus_square(x))
elementwise(np.arccosh, lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), domain=(1, inf))
elementwise(np.arctanh, lambda x: 1 / one_minus_square(x), domain=UNIT)
for degrees in (np.degrees, np.rad2deg):
    elementwise(degrees, 180 / pi)
for radians in (np.radians, np.deg2rad):
    elementwise(radians, pi / 180)


SINC = [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 14)]     # of s'(x) = Σ SINC[k] π²ᵏ x²ᵏ⁻¹


def sinc_slope(x):
    """(cos πx - sinc x) / x; for |x| < 1/2 by its series, since there the difference cancels."""
    x = wider(x)
    near = np.abs(array_of(x)) < 0.5
    small, safe = np.where(near, x, 0), np.where(near, 1, x)
    z, series = (pi * small) ** 2, SINC[-1]
    for c in reversed(SINC[:-1]):
        series = series * z + c
    turn = pi * np.remainder(safe, 2) if array_of(x).dtype.kind == "f" else pi * safe
    return np.where(near, pi**2 * small * series, (np.cos(turn) - np.sin(turn) / (pi * safe)) / safe)


elementwise(np.sinc, sinc_slope)

# ---- a Bessel function ------------------------------------------------------------------------------------

def bessel_i1(x):
    """I₁(x) = ⟨cos θ sinh(x cos θ)⟩ over the circle; the mean of equally spaced points converges geometrically."""
    x = wider(x)
    n = 32 + int(9 * np.sqrt(np.minimum(np.max(np.abs(array_of(x)), initial=0), 720)))  # beyond, it overflows
    c = np.cos(2 * np.pi * np.arange(n) / n).astype(array_of(x).dtype)
    return np.mean(c * np.sinh(x[..., None] * c), axis=-1)


elementwise(np.i0, bessel_i1)


# ---- absolute value, maxima, steps ------------------------------------------------------------------------


def direction(x):
    """x / |x|, and 0 at 0."""
    return over(x, np.abs(x)) if array_of(x).dtype.kind == "c" else np.sign(array_of(x))


elementwise(np.absolute, lambda x: direction(x).conjugate(), kinks=lambda x: x)
elementwise(np.fabs, lambda x: np.sign(array_of(x)), kinks=lambda x: x)


def turned(ct, x, out):
    """A real sign is flat; a complex one moves along the circle by the part of ẋ across x: its own transpose."""
    if array_of(x).dtype.kind != "c":
        return ct * 0
    return over(1j * out * np.imag(out.conjugate() * ct), np.abs(x))


function(np.sign, turned, signature="x", conj=False, jvps=[turned], kinks=lambda x: x,
         cases=[lambda f, A: f(A("m", "n"))])
for whole in (np.floor, np.ceil, np.trunc, np.rint):
    elementwise(whole, 0, kinks=lambda x: np.sin(2 * pi * x))
elementwise(np.floor_divide, 0, 0, domain=(REAL, POSITIVE), kinks=lambda x, y: np.sin(pi * x / y))
elementwise(np.copysign, lambda x, y: np.sign(array_of(x)) * np.copysign(1, array_of(y)), 0, kinks=lambda x, y: x * y)
elementwise(np.heaviside, 0, lambda x: array_of(x) == 0, kinks=lambda x, y: x)
elementwise(np.nextafter, 1, 0, kinks=lambda x, y: x - y)


def winner(x, y, wins):
    """1 where the first operand is the result, 1/2 where they tie."""
    x, y = array_of(x), array_of(y)
    return np.where(x == y, 0.5, wins(x, y) | (np.isnan(x) & ~np.isnan(y)))


def numbers_first(x, y, wins):
    """The same where a NaN never wins against a number."""
    x, y = array_of(x), array_of(y)
    return np.where(x == y, 0.5, wins(x, y) | (np.isnan(y) & ~np.isnan(x)))


def tie(x, y):
    return x - y


elementwise(np.maximum, lambda x, y: winner(x, y, np.greater), lambda x, y: winner(y, x, np.greater), kinks=tie)
elementwise(np.minimum, lambda x, y: winner(x, y, np.less), lambda x, y: winner(y, x, np.less), kinks=tie)
elementwise(np.fmax, lambda x, y: numbers_first(x, y, np.greater), lambda x, y: numbers_first(y, x, np.greater),
            kinks=tie)
elementwise(np.fmin, lambda x, y: numbers_first(x, y, np.less), lambda x, y: numbers_first(y, x, np.less), kinks=tie)


@primitive
def limit(a, lo, hi):
    """min(max(a, lo), hi)."""
    return np.minimum(np.maximum(a, lo), hi)


def below(a, b):
    return array_of(a) < array_of(b)


elementwise(limit, lambda a, lo, hi: ~below(a, lo) & ~below(hi, a) & ~below(hi, lo),
            lambda a, lo, hi: below(a, lo) & ~below(hi, lo), lambda a, lo, hi: below(hi, a) | below(hi, lo),
            names=("a", "lo", "hi"), call=limit.fun, kinks=lambda a, lo, hi: (a - lo) * (a - hi) * (hi - lo))


@composed(np.clip, cases=[lambda f, A: f(A("m", "n"), -0.5, 0.75), lambda f, A: f(A("m", "n"), A("n"), None)])
def clip(a, a_min=None, a_max=None, *, min=None, max=None):
    lo = min if a_min is None else a_min
    hi = max if a_max is None else a_max
    return limit(a, -inf if lo is None else lo, inf if hi is None else hi)


@composed(np.nan_to_num, cases=[lambda f, A: f(A("m", "n"))])
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    values = array_of(x)
    if values.dtype.kind == "c":
        real, imag = (np.nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (np.real(x), np.imag(x)))
        out = real + 1j * imag
    else:
        info = np.finfo(values.dtype)
        out = np.where(np.isnan(values), nan, x)
        out = np.where(values == inf, info.max if posinf is None else posinf, out)
        out = np.astype(np.where(values == -inf, info.min if neginf is None else neginf, out), values.dtype)
    if copy or not values.ndim:
        return out
    x[...] = out
    return x


for rounds in {np.round, np.around}:
    function(rounds, lambda ct: ct * 0, kinks=lambda x: np.sin(2 * pi * x), cases=[lambda f, A: f(A("m"))])

# ---- complex numbers --------------------------------------------------------------------------------------

function(np.conjugate, lambda ct: ct.conjugate(), conj=False, kind="linear", signature="x",
         jvps=[lambda t: t.conjugate()], cases=[lambda f, A: f(A("m", "n"))])
function(np.real, lambda ct: ct, conj=False, kind="linear", cases=[lambda f, A: f(A("m"))])
function(np.imag, lambda ct: ct * 1j, conj=False, kind="linear", cases=[lambda f, A: f(A("m"))])


@composed(np.angle, kinks=lambda x: x, cases=[lambda f, A: f(A("m")), lambda f, A: f(A("m"), deg=True)])
def angle(z, deg=False):
    radians = np.arctan2(np.imag(z), np.real(z))
    return np.degrees(radians) if deg else radians


@composed(np.real_if_close, complex_by_values=True, cases=[lambda f, A: f(A("m"))])
def real_if_close(a, tol=100):
    return np.real(a) if np.isrealobj(np.real_if_close(array_of(a), tol)) else a


linear(np.astype, lambda ct: ct, cases=[lambda f, A: f(A("m"), np.float64)])
linear(np.copy, lambda ct: ct, cases=[lambda f, A: f(A("m", "n"))])

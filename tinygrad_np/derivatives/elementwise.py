"""Elementwise functions: the partial derivatives, as inside the cover of a calculus book.

x and y are the operands, out is the result. Ties and boundaries are policy: |x|' is 0 at 0, tied maxima share
equally, clip passes the cotangent on the closed interval, steps have derivative 0, hypot(0, 0) has gradient 0.
A kink is written as an expression that is zero where the function is not smooth.
"""

import math
import operator

import numpy as np

from ..engine.table import POSITIVE, REAL, UNIT, array_of, composed, elementwise, function, linear, primitive

inf, pi, log2, log10 = np.inf, np.pi, np.log(2), np.log(10)


def over(a, b):
    """a / b, and 0 where b is 0."""
    zero = array_of(b) == 0
    return np.where(zero, 0, a / np.where(zero, 1, b))


# ---- arithmetic -------------------------------------------------------------------------------------------

def inverse(y):
    """1 / y, also of Python's 0, by which NumPy divides and Python does not."""
    return math.copysign(inf, y) if type(y) in (int, float, bool) and not y else 1 / y


elementwise(np.add, 1, 1)
elementwise(np.subtract, 1, -1)
elementwise(np.multiply, lambda y: y, lambda x: x)
elementwise(np.divide, inverse, lambda y, out: -out / y, domain=(REAL, POSITIVE))
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
    """xʸ log x, whose limit at x = 0 is 0."""
    return out * np.log(np.where(array_of(x) == 0, 1, x))


elementwise(np.power, power_x, power_y, domain=(POSITIVE, REAL), call=operator.pow)
elementwise(np.float_power, power_x, power_y, domain=(POSITIVE, REAL))
elementwise(np.remainder, 1, lambda x, y: -np.floor_divide(x, y), domain=(REAL, POSITIVE),
            kinks=lambda x, y: np.sin(pi * x / y))
elementwise(np.fmod, 1, lambda x, y, out: -np.rint((x - out) / y), domain=(REAL, POSITIVE),
            kinks=lambda x, y: np.sin(pi * x / y))
elementwise(np.hypot, lambda x, out: over(x, out), lambda y, out: over(y, out),
            kinks=lambda x, y: np.abs(x) + np.abs(y))

# ---- exponentials and logarithms --------------------------------------------------------------------------

elementwise(np.exp, lambda out: out)
elementwise(np.exp2, lambda out: log2 * out)
elementwise(np.expm1, lambda x: np.exp(x))
elementwise(np.log, lambda x: 1 / x, domain=POSITIVE)
elementwise(np.log2, lambda x: 1 / (x * log2), domain=POSITIVE)
elementwise(np.log10, lambda x: 1 / (x * log10), domain=POSITIVE)
elementwise(np.log1p, lambda x: 1 / (1 + x), domain=(-1, inf))


def share(x, y, out, exp):
    """exp(x - out): the share of x in log(eˣ + eʸ), also where the result is infinite."""
    x_is, y_is, out_is = map(array_of, (x, y, out))
    return np.where(np.isinf(out_is), np.where(x_is == y_is, 0.5, x_is == out_is), exp(x - out))


elementwise(np.logaddexp, lambda x, y, out: share(x, y, out, np.exp), lambda x, y, out: share(y, x, out, np.exp))
elementwise(np.logaddexp2, lambda x, y, out: share(x, y, out, np.exp2), lambda x, y, out: share(y, x, out, np.exp2))

# ---- trigonometry -----------------------------------------------------------------------------------------

elementwise(np.sin, lambda x: np.cos(x))
elementwise(np.cos, lambda x: -np.sin(x))
elementwise(np.tan, lambda out: 1 + out * out, domain=(-1.5, 1.5))
elementwise(np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), domain=UNIT)
elementwise(np.arccos, lambda x: -1 / np.sqrt(1 - x * x), domain=UNIT)
elementwise(np.arctan, lambda x: 1 / (1 + x * x))
elementwise(np.arctan2, lambda x, y: over(over(y, np.hypot(x, y)), np.hypot(x, y)),
            lambda x, y: -over(over(x, np.hypot(x, y)), np.hypot(x, y)), kinks=lambda x, y: x)
elementwise(np.sinh, lambda x: np.cosh(x))
elementwise(np.cosh, lambda x: np.sinh(x))
elementwise(np.tanh, lambda out: 1.0 - out * out)
elementwise(np.arcsinh, lambda x: 1 / np.sqrt(x * x + 1))
elementwise(np.arccosh, lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), domain=(1, inf))
elementwise(np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)), domain=UNIT)
for degrees in (np.degrees, np.rad2deg):
    elementwise(degrees, 180 / pi)
for radians in (np.radians, np.deg2rad):
    elementwise(radians, pi / 180)


def sinc_slope(x, out):
    """(cos πx - sinc x) / x, by its series near 0, where the difference cancels."""
    near = np.abs(array_of(x)) < 0.05
    z = np.where(near, (pi * x) ** 2, 0)
    series = -(pi ** 2) / 3 * x * (1 - z / 10 * (1 - z / 28 * (1 - z / 54)))
    safe = np.where(near, 1, x)
    return np.where(near, series, (np.cos(pi * safe) - np.sin(pi * safe) / (pi * safe)) / safe)


elementwise(np.sinc, sinc_slope)

# ---- a Bessel function ------------------------------------------------------------------------------------

def bessel_i1(x):
    """I₁(x) = ⟨cos θ sinh(x cos θ)⟩ over the circle; the mean of equally spaced points converges geometrically."""
    n = 32 + int(9 * np.sqrt(np.max(np.abs(array_of(x)), initial=0)))
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


def first(x, y, wins):
    """1 where the first operand is the result, 1/2 where they tie."""
    x, y = array_of(x), array_of(y)
    return np.where(x == y, 0.5, wins(x, y) | (np.isnan(x) & ~np.isnan(y)))


def numbers_first(x, y, wins):
    """The same where a NaN never wins against a number."""
    x, y = array_of(x), array_of(y)
    return np.where(x == y, 0.5, wins(x, y) | (np.isnan(y) & ~np.isnan(x)))


def tie(x, y):
    return x - y


elementwise(np.maximum, lambda x, y: first(x, y, np.greater), lambda x, y: first(y, x, np.greater), kinks=tie)
elementwise(np.minimum, lambda x, y: first(x, y, np.less), lambda x, y: first(y, x, np.less), kinks=tie)
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


@composed(np.real_if_close, cases=[lambda f, A: f(A("m"))])
def real_if_close(a, tol=100):
    return np.real(a) if np.isrealobj(np.real_if_close(array_of(a), tol)) else a


linear(np.astype, lambda ct: ct, cases=[lambda f, A: f(A("m"), np.float64)])
linear(np.copy, lambda ct: ct, cases=[lambda f, A: f(A("m", "n"))])

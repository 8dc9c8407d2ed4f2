"""Derivatives of any order of erfcx, dawsn, wofz, i0e, i1e, k0e and k1e: sums that keep their digits in every tail.

The recurrences of these functions cancel nearly all digits far out: i0e' = i1e - i0e at 1e6 has half of them left. Each
derivative here is a family f(x, n) whose slope is f(x, n + 1); DLMF numbers (https://dlmf.nist.gov) are beside each
formula. Where a sum has terms of both signs, their sizes are within some powers of 10 of the result.
"""

from math import factorial, sqrt

import numpy as np
import scipy.special as sc

from ..engine.cotangents import times
from ..engine.operation import NotDifferentiable
from ..engine.table import POSITIVE, primitive
from ..engine.tracing import whole

pi = np.pi
FAR = 30.0  # beyond, the asymptotic series of Bessel functions ends below the last digit
TERMS = 26  # of that series


def by_region(x, n, parity, *regions):
    """Fill an array of derivatives at |x|: each region is (from, to, function of the |x| between); then the sign of x.

    A derivative of an even function of even order is even; `parity` is 1 for an odd function. The functions make a row
    of terms for each number, so that they are given some thousand at a time.
    """
    size, out = np.abs(np.asarray(x, float)), np.full(np.shape(x), np.nan)
    for low, high, of in regions:
        inside = (size >= low) & (size < high)
        given = size[inside]
        parts = [of(given[i : i + 4096]) for i in range(0, given.size, 4096)]
        if parts:
            out[inside] = np.concatenate(parts)
    out[np.isinf(size)] = 0
    return (out * np.sign(x) if (n + parity) % 2 else out).astype(np.result_type(x, np.float32))


# ---- error functions --------------------------------------------------------------------------------------


def ratios(x, n):
    """I₁/I₀ ... Iₙ/Iₙ₋₁ of Iₙ = exp(x²) iⁿerfc(x), backwards: Iₖ₋₂ = 2x Iₖ₋₁ + 2k Iₖ, all positive (DLMF 7.18.7)."""
    last = n + 4 + int(400 / np.min(x, initial=100.0) ** 2 + 40 / np.min(x, initial=100.0))
    r, found = 1 / (x + np.sqrt(x * x + 2 * last)), []
    for k in range(last, 0, -1):
        r = 1 / (2 * x + 2 * (k + 1) * r)
        if k <= n:
            found.append(r)
    return found


@primitive
@whole
def erfcx_derivative(x, n):
    """dⁿ/dxⁿ erfcx(x) = (-2)ⁿ n! exp(x²) iⁿerfc(x); DLMF 7.18.3. Near 0 by the recurrence forwards."""
    x = np.asarray(x)
    wide = np.atleast_1d(x if x.dtype.kind == "c" else x.astype(float))
    with np.errstate(all="ignore"):
        before, found = np.full(wide.shape, 2 / sqrt(pi)), sc.erfcx(wide)
        for k in range(1, n + 1):
            before, found = found, (before - 2 * wide * found) / (2 * k)
        if x.dtype.kind != "c":
            far = wide >= max(4 / max(n, 1), 1)
            product = sc.erfcx(wide[far])
            for r in ratios(wide[far], n) if n else ():
                product = product * r
            found[far] = product
    return ((-2.0) ** n * factorial(n) * found).reshape(x.shape).astype(np.result_type(x, np.float32))


def dawson_near(x, n):
    """By the recurrence D⁽ᵏ⁺¹⁾ = -2x D⁽ᵏ⁾ - 2k D⁽ᵏ⁻¹⁾, with D' = 1 - 2x D (DLMF 7.10.4)."""
    before, found = sc.dawsn(x), 1 - 2 * x * sc.dawsn(x)
    for k in range(1, n):
        before, found = found, -2 * x * found - 2 * k * before
    return found if n else before


def dawson_between(x, n):
    """Rybicki's sum of Gaussians at odd multiples of 0.2, each differentiated (Computers in Physics 3, 85, 1989)."""
    odd = np.arange(-83, 84, 2)
    d = x[..., None] - 0.2 * odd
    hermite, before = np.ones_like(d), np.zeros_like(d)
    for k in range(n):
        hermite, before = 2 * d * hermite - 2 * k * before, hermite
    return (-1) ** n / sqrt(pi) * np.sum(hermite * np.exp(-d * d) / odd, axis=-1)


def dawson_far(x, n):
    """The asymptotic series Σ (2m-1)!! / (2ᵐ⁺¹ x²ᵐ⁺¹), each term differentiated (DLMF 7.12.1)."""
    total, double = 0.0, 1.0
    for m in range(24):
        total = total + double * float(sc.poch(2 * m + 1, n)) / 2 ** (m + 1) * (1 / x) ** (2 * m)
        double *= 2 * m + 1
    return (-1) ** n * total * (1 / x) ** (n + 1)


@primitive
@whole
def dawsn_derivative(x, n):
    """dⁿ/dxⁿ dawsn(x)."""
    if np.iscomplexobj(x):
        return np.asarray(dawson_near(x, n))
    return by_region(
        x,
        n,
        1,
        (0, near := 4 if n <= 1 else 1, lambda x: dawson_near(x, n)),
        (near, 8, lambda x: dawson_between(x, n)),
        (8, np.inf, lambda x: dawson_far(x, n)),
    )


def wofz_far(z, n):
    """i/√π Σ (1/2)ₘ / z²ᵐ⁺¹, each term differentiated, and 2 exp(-z²) in the lower half-plane (DLMF 7.12.1, 7.4.3)."""
    terms = sum(float(sc.poch(0.5, m) * sc.poch(2 * m + 1, n)) * (1 / z) ** (2 * m) for m in reversed(range(30)))
    return (-1) ** n * 1j / sqrt(pi) * terms * (1 / z) ** (n + 1)


def wofz_near(z, n):
    """By the recurrence w⁽ᵏ⁺¹⁾ = -2z w⁽ᵏ⁾ - 2k w⁽ᵏ⁻¹⁾, with w' = 2i/√π - 2z w (DLMF 7.10.2 and 7.10.3)."""
    before, found = sc.wofz(z), 2j / sqrt(pi) - 2 * z * sc.wofz(z)
    for k in range(1, n):
        before, found = found, -2 * z * found - 2 * k * before
    return found if n else before


@primitive
@whole
def wofz_derivative(z, n):
    """dⁿ/dzⁿ of the Faddeeva function: far out in the upper half-plane by its asymptotic series, and on the real line,
    where it is exp(-z²) + 2i/√π dawsn(z)."""
    z = np.asarray(z)
    with np.errstate(all="ignore"):
        if z.dtype.kind != "c":
            x = z.astype(float)
            even = sc.eval_hermite(n, x) * (-1) ** n * np.exp(-x * x)
            found = np.where(np.isfinite(even), even, 0) + 2j / sqrt(pi) * dawsn_derivative(x, n)
            return found.astype(np.result_type(z, np.complex64))
        far = (np.abs(z) > 6) & (z.imag >= 0)
        return np.where(far, wofz_far(np.where(far, z, 9j), n), wofz_near(z, n)).astype(z.dtype)


# ---- scaled Bessel functions ------------------------------------------------------------------------------


def real(x):
    """Refuse a complex argument: a scaled function of one is not holomorphic."""
    if np.iscomplexobj(x):
        raise NotDifferentiable("an exponentially scaled Bessel function of a complex tensor has no complex derivative")
    return np.asarray(x)


def bessel_far(x, n, v, sign):
    """Σ (±1)ᵏ aₖ(v) / xᵏ⁺¹ᐟ², each term differentiated (DLMF 10.40.1 and 10.40.2)."""
    total, a = 0.0, 1.0
    for k in range(TERMS):
        total = total + a * float(sc.poch(k + 0.5, n)) * (1 / x) ** k
        a *= sign * (4 * v * v - (2 * k + 1) ** 2) / (8 * (k + 1))
    return (-1) ** n * total * (1 / x) ** n / np.sqrt(x)


def i_slope(x, v):
    """The slope of exp(-x) I_v(x) by the function of the other order (DLMF 10.29.1): near 0 few digits cancel."""
    return sc.i1e(x) - sc.i0e(x) if v == 0 else (sc.i0e(x) + sc.ive(2, x)) / 2 - sc.i1e(x)


def mean_over_circle(x, n, v):
    """The mean of cos(vθ) (cos θ - 1)ⁿ exp(x (cos θ - 1)), which is periodic: the midpoints suffice (DLMF 10.32.3)."""
    theta = (np.arange(48) + 0.5) * pi / 48
    less = np.cos(theta) - 1
    return np.mean(np.cos(v * theta) * less**n * np.exp(x[..., None] * less), axis=-1)


def integral_of_decay(x, n, v):
    """∫ cosh(vt) (1 - cosh t)ⁿ exp(x (1 - cosh t)) dt from 0 on, by the trapezoidal rule (DLMF 10.32.9)."""
    t = 0.08 * np.arange(68)
    less = 1 - np.cosh(t)
    weight = np.where(t == 0, 0.04, 0.08) * np.cosh(v * t)
    return np.sum(weight * less**n * np.exp(x[..., None] * less), axis=-1)


def decay_near(x, n, v):
    """p(1/x) k0e + q(1/x) k1e, by k0e' = k0e - k1e and k1e' = k1e - k0e - k1e/x (DLMF 10.29.3)."""
    p, q = ({0: 1.0}, {}) if v == 0 else ({}, {0: 1.0})  # power of 1/x -> coefficient
    for _ in range(n):
        new_p, new_q = {}, {}
        for k, c in p.items():
            new_p[k] = new_p.get(k, 0) + c
            new_p[k + 1] = new_p.get(k + 1, 0) - k * c
            new_q[k] = new_q.get(k, 0) - c
        for k, c in q.items():
            new_q[k] = new_q.get(k, 0) + c
            new_q[k + 1] = new_q.get(k + 1, 0) - (k + 1) * c
            new_p[k] = new_p.get(k, 0) - c
        p, q = new_p, new_q
    found = sum(
        c * (1 / x) ** k * of(x)
        for coefficients, of in ((p, sc.k0e), (q, sc.k1e))
        for k, c in coefficients.items()
        if c
    )
    return np.where(np.isnan(found) & (x >= 0), (-1.0) ** n * np.inf, found)  # the sign of each derivative is known


@primitive
@whole
def ive_derivative(x, n, v):
    """dⁿ/dxⁿ of exp(-|x|) I_v(x), for v = 0 or 1; at 0 of odd order 0 for v = 0, the mean of both sides."""
    return by_region(
        real(x),
        n,
        v,
        (0, near := 16 if n == 1 else 0, lambda x: i_slope(x, v)),
        (near, FAR, lambda x: mean_over_circle(x, n, v)),
        (FAR, np.inf, lambda x: bessel_far(x, n, v, -1) / sqrt(2 * pi)),
    )


@primitive
@whole
def kve_derivative(x, n, v):
    """dⁿ/dxⁿ of exp(x) K_v(x), for v = 0 or 1, at positive x."""
    with np.errstate(all="ignore"):
        return by_region(
            np.where(real(x) < 0, np.nan, x),
            0,
            0,
            (0, near := 16 if n == 1 else 1, lambda x: decay_near(x, n, v)),
            (near, FAR, lambda x: integral_of_decay(x, n, v)),
            (FAR, np.inf, lambda x: bessel_far(x, n, v, 1) * sqrt(pi / 2)),
        )


OF_TWO = [lambda f, A: f(A("m", "n"), 1), lambda f, A: f(3 * A("m"), 2)]
OF_THREE = [lambda f, A: f(A("m", "n"), 1, 0), lambda f, A: f(A("m"), 2, 1)]
erfcx_derivative.defvjp(lambda ct, x, n: times(ct, erfcx_derivative(x, n + 1)), diff=("x",), cases=OF_TWO)
wofz_derivative.defvjp(lambda ct, z, n: times(ct, wofz_derivative(z, n + 1)), diff=("z",), cases=OF_TWO)
dawsn_derivative.defvjp(lambda ct, x, n: times(ct, dawsn_derivative(x, n + 1)), diff=("x",), cases=OF_TWO)
ive_derivative.defvjp(
    lambda ct, x, n, v: times(ct, ive_derivative(x, n + 1, v)), diff=("x",), domain=POSITIVE, cases=OF_THREE
)
kve_derivative.defvjp(
    lambda ct, x, n, v: times(ct, kve_derivative(x, n + 1, v)), diff=("x",), domain=POSITIVE, cases=OF_THREE
)

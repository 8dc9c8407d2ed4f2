"""The error function, which NumPy lacks: rational approximations on three intervals (Cody, 1969)."""

from __future__ import annotations

import numpy as np

from ..engine.tracing import whole

# Numerator and denominator, highest power first, of erf(x)/x in x², and of erfc(x)·exp(x²) in x and in 1/x².
SMALL = (
    [
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ],
    [1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3],
)
MIDDLE = (
    [
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ],
    [
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ],
)
LARGE = (
    [
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ],
    [
        1.0,
        2.56852019228982242e0,
        1.87295284992346725e0,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ],
)


@whole
def erf(x) -> np.ndarray:
    """2/√π ∫₀ˣ exp(-t²) dt, to about 1 unit in the last place of float64; keeps float32.

    >>> erf(np.array([0.0, 0.5, -10.0])).round(6)
    array([ 0.    ,  0.5205, -1.    ])
    """
    x = np.asarray(x)
    dtype = np.result_type(x, np.float16)
    x = x.astype(np.float64)
    a = np.abs(x)
    out = np.empty_like(x)
    small, large = a <= 0.46875, a > 4
    middle = ~(small | large)
    out[small] = a[small] * _ratio(SMALL, a[small] ** 2)
    out[middle] = 1 - np.exp(-(a[middle] ** 2)) * _ratio(MIDDLE, a[middle])
    b = np.minimum(a[large], 27)  # erfc(27) is less than the least float64
    z = 1 / b**2
    out[large] = 1 - np.exp(-(b**2)) / b * (1 / np.sqrt(np.pi) - z * _ratio(LARGE, z))
    return np.copysign(out, x).astype(dtype, copy=False)


def _ratio(coefficients: tuple[list[float], list[float]], x):
    top, bottom = coefficients
    return np.polyval(top, x) / np.polyval(bottom, x)

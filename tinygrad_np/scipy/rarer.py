"""Rows of scipy.special's rare families: elliptic and Struve functions, integrals, discrete distributions.

Each slope is said with functions that have rows (DLMF, chapters 11, 13, 19 and 22), so that every order exists.
"""

import numpy as np
import scipy.special as sc

from ..engine.cotangents import times
from ..engine.table import POSITIVE, elementwise, function
from .gamma import OPEN_UNIT, beta_density, gamma_density
from .in_last import in_last

pi = np.pi
ROUGH = (1e-8, 1e-2, 30)  # the digits of slopes that are differences

# ---- elliptic integrals (19) and functions (22) -----------------------------------------------------------


def axis_ratio(phi, m):
    return np.sqrt(1 - m * np.sin(phi) ** 2)


elementwise(
    sc.ellipkinc,
    lambda phi, m: 1 / axis_ratio(phi, m),
    lambda phi, m, out: (
        (sc.ellipeinc(phi, m) / (1 - m) - out) / (2 * m) - np.sin(2 * phi) / (4 * (1 - m) * axis_ratio(phi, m))
    ),
    names=("phi", "m"),
    domain=((-1.5, 1.5), OPEN_UNIT),
    digits=ROUGH,
)
elementwise(
    sc.ellipeinc,
    lambda phi, m: axis_ratio(phi, m),
    lambda phi, m, out: (out - sc.ellipkinc(phi, m)) / (2 * m),
    names=("phi", "m"),
    domain=((-1.5, 1.5), OPEN_UNIT),
    digits=ROUGH,
)
elementwise(sc.ellipkm1, lambda x, out: (out - sc.ellipe(1 - x) / x) / (2 * (1 - x)), domain=OPEN_UNIT, digits=ROUGH)
function(
    sc.ellipj,
    lambda ct, m, out: (
        times(ct[0], out[1] * out[2])
        - times(ct[1], out[0] * out[2])
        - times(ct[2], np.multiply(m, out[0]) * out[1])
        + times(ct[3], out[2])
    ),
    diff=("u",),
    signature="u, m",
    cases=[lambda f, A: f(A("m", "n"), 0.3)],
    digits=ROUGH,
)

# ---- Struve functions (11) ----------------------------------------------------------------------------------

for struve in (sc.struve, sc.modstruve):
    in_last(
        struve,
        lambda v, x, out, f=struve: f(np.subtract(v, 1), x) - v * out / x,
        ("v", "x"),
        POSITIVE,
        digits=ROUGH,
    )
elementwise(sc.itstruve0, lambda x: sc.struve(0, x), domain=POSITIVE, digits=ROUGH)
elementwise(sc.itmodstruve0, lambda x: sc.modstruve(0, x), domain=POSITIVE, digits=ROUGH)
in_last(
    sc.hyperu,
    lambda a, b, x, out: -np.asarray(a) * sc.hyperu(np.add(a, 1), np.add(b, 1), x),
    ("a", "b", "x"),
    POSITIVE,
    digits=ROUGH,
)

# ---- distributions and their inverses ---------------------------------------------------------------------

in_last(sc.chdtri, lambda v, p, out: -2 * gamma_density(v / 2, out / 2, -1), ("v", "p"), OPEN_UNIT, digits=ROUGH)
in_last(sc.pdtri, lambda k, p, out: -gamma_density(np.floor(k) + 1, out, -1), ("k", "p"), OPEN_UNIT, digits=ROUGH)
elementwise(sc.cotdg, lambda out: -pi / 180 * (1 + out * out), domain=(1.0, 170.0), digits=(1e-12, 1e-3, 100))
for fun, sign in ((sc.bdtr, -1), (sc.bdtrc, 1)):
    in_last(
        fun,
        lambda k, n, p, out, sign=sign: sign * beta_density(np.floor(k) + 1, np.subtract(n, np.floor(k)), p),
        ("k", "n", "p"),
        OPEN_UNIT,
        digits=ROUGH,
    )
for fun, sign in ((sc.nbdtr, 1), (sc.nbdtrc, -1)):
    in_last(
        fun,
        lambda k, n, p, out, sign=sign: sign * beta_density(n, np.add(k, 1), p),
        ("k", "n", "p"),
        OPEN_UNIT,
        digits=ROUGH,
    )

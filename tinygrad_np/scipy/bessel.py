"""Bessel functions and their scaled forms (DLMF, chapters 9 and 10): each slope by the orders beside its own."""

import numpy as np
import scipy.special as sc

from ..engine.arrays import array_of
from ..engine.cotangents import times
from ..engine.operation import NotDifferentiable
from ..engine.table import POSITIVE, elementwise, function
from .in_last import in_last
from .scaled import ive_derivative, kve_derivative

# Differences of two orders: near 0 the orders differ by powers of x, far out SciPy rounds the phase.
ORDER = (1e-8, 1e-2, 500)


def sign_of(x):
    """The sign of a real argument; a scaled function of a complex one is not holomorphic."""
    if array_of(x).dtype.kind == "c":
        raise NotDifferentiable("an exponentially scaled Bessel function of a complex tensor has no complex derivative")
    return np.sign(array_of(x))


elementwise(sc.j0, lambda x: -sc.j1(x), digits=(1e-10, 0, 1e3))
elementwise(sc.j1, lambda x: (sc.j0(x) - sc.jv(2, x)) / 2, digits=(1e-10, 0, 1e3))
elementwise(sc.y0, lambda x: -sc.y1(x), domain=POSITIVE, digits=(1e-10, 0, 1e3))
elementwise(sc.y1, lambda x: (sc.y0(x) - sc.yv(2, x)) / 2, domain=POSITIVE, digits=(1e-10, 0, 1e3))
elementwise(sc.i0, lambda x: sc.i1(x))
elementwise(sc.i1, lambda x: (sc.i0(x) + sc.iv(2, x)) / 2)
elementwise(sc.k0, lambda x: -sc.k1(x), domain=POSITIVE)
elementwise(sc.k1, lambda x: -(sc.k0(x) + sc.kv(2, x)) / 2, domain=POSITIVE)
elementwise(sc.i0e, lambda x: ive_derivative(x, 1, 0), kinks=lambda x: x)
elementwise(sc.i1e, lambda x: ive_derivative(x, 1, 1), kinks=lambda x: x)
elementwise(sc.k0e, lambda x: kve_derivative(x, 1, 0), domain=POSITIVE)
elementwise(sc.k1e, lambda x: kve_derivative(x, 1, 1), domain=POSITIVE)
for bessel in (sc.jv, sc.hankel1, sc.hankel2):
    in_last(
        bessel, lambda v, x, out, f=bessel: (f(np.subtract(v, 1), x) - f(np.add(v, 1), x)) / 2, ("v", "x"), digits=ORDER
    )
for bessel in (sc.yv, sc.yn):
    in_last(
        bessel,
        lambda v, x, out: (sc.yv(np.subtract(v, 1), x) - sc.yv(np.add(v, 1), x)) / 2,
        ("v", "x"),
        POSITIVE,
        digits=ORDER,
    )
for bessel in (sc.kv, sc.kn):
    in_last(
        bessel,
        lambda v, x, out: -(sc.kv(np.subtract(v, 1), x) + sc.kv(np.add(v, 1), x)) / 2,
        ("v", "x"),
        POSITIVE,
        digits=ORDER,
    )
in_last(sc.iv, lambda v, x, out: (sc.iv(np.subtract(v, 1), x) + sc.iv(np.add(v, 1), x)) / 2, ("v", "x"), digits=ORDER)
in_last(
    sc.ive,
    lambda v, x, out: (sc.ive(np.subtract(v, 1), x) + sc.ive(np.add(v, 1), x)) / 2 - sign_of(x) * out,
    ("v", "x"),
    POSITIVE,
    digits=ORDER,
)
in_last(
    sc.kve,
    lambda v, x, out: out - (sc.kve(np.subtract(v, 1), x) + sc.kve(np.add(v, 1), x)) / 2,
    ("v", "x"),
    POSITIVE,
    digits=ORDER,
)
function(
    sc.airy,
    lambda ct, z, out: (
        times(ct[0], out[1]) + times(ct[1], z * out[0]) + times(ct[2], out[3]) + times(ct[3], z * out[2])
    ),
    diff=("z",),
    signature="z",
    cases=[lambda f, A: f(A("m", "n"))],
    digits=(1e-9, 0, 1e3),
)

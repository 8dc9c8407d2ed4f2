"""np.emath: functions that answer with complex numbers where real ones do not suffice, by the functions they extend."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import UNIT, composed
from ..engine.tracing import assume
from .joining import as_operand


def complex_where(condition, x):
    """x, as complex numbers if the condition holds for any of its values."""
    values = array_of(x)
    return np.astype(x, np.result_type(values, np.complex64)) if assume(np.any(condition(values))) else x


def extended(fun, base, outside, domain):
    """The row of a function of np.emath that is `base`, of complex numbers where `outside` holds for one."""

    @composed(fun, complex_by_values=True, domain=domain, cases=[lambda f, A: f(A("m", "n"))])
    def definition(x):
        x = as_operand(x)
        x = np.astype(x, float) if x.dtype.kind in "biu" else x
        return base(x if x.dtype.kind == "c" else complex_where(outside, x))


def negative(x):
    return x < 0


def far(x):
    return np.abs(x) > 1


INSIDE = (0.0, np.inf)
for name in ("sqrt", "log", "log2", "log10"):
    extended(getattr(np.emath, name), getattr(np, name), negative, INSIDE)
for name in ("arcsin", "arccos", "arctanh"):
    extended(getattr(np.emath, name), getattr(np, name), far, UNIT)


@composed(np.emath.logn, complex_by_values=True, domain=INSIDE,
          cases=[lambda f, A: f(2.0 + np.abs(A("m")), 0.5 + np.abs(A("m")))])
def logn(n, x):
    return np.emath.log(x) / np.emath.log(n)


@composed(np.emath.power, complex_by_values=True, domain=INSIDE, cases=[lambda f, A: f(0.5 + np.abs(A("m")), A("m"))])
def power(x, p):
    return np.power(complex_where(negative, as_operand(x)), p)

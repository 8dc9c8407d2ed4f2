"""A ufunc of SciPy whose derivative is known in its last argument alone, such as a Bessel function of an order."""

from ..engine.cotangents import times, unbroadcast
from ..engine.table import REAL, function


def in_last(fun, partial, names, domain=REAL, **facts):
    """A function whose derivative is known in its last argument alone: its partial, a function of all and out."""
    return function(
        fun,
        lambda ct, *read: unbroadcast(times(ct, partial(*read[:-1])), read[-1]),
        diff=names[-1:],
        signature=", ".join(names),
        residuals=((*names, "out", f"{names[-1]}_shape"),),
        domain=domain,
        cases=[lambda f, A: f(*ORDERS[: len(names) - 1], A("m", "n"))],
        **facts,
    )


ORDERS = (2, 3)

"""The orthogonal polynomials of scipy.special (DLMF, chapter 18): each slope is one of the next family, a degree lower.

The derivative is known in the last argument; a polynomial of degree 0 has the slope 0.
"""

import numpy as np
import scipy.special as sc

from .in_last import in_last


def of_degree(fun, slope, names=("n", "x"), example=()):
    """A row for polynomials of degree n, from slope(n, n - 1, ...) for the degrees that are not 0."""

    def partial(n, *rest):
        return np.where(np.greater(n, 0), slope(n, np.maximum(np.subtract(n, 1), 0), *rest[:-1]), 0)

    row = in_last(fun, partial, names, digits=(1e-10, 1e-3, 1e3))
    if example:
        row.cases = [lambda f, A: f(*example, A("m", "n"))]


of_degree(sc.eval_legendre, lambda n, m, x: np.add(n, 1) / 2 * sc.eval_jacobi(m, 1, 1, x))
of_degree(sc.eval_chebyt, lambda n, m, x: n * sc.eval_chebyu(m, x))
of_degree(sc.eval_chebyu, lambda n, m, x: 2 * sc.eval_gegenbauer(m, 2, x))
of_degree(sc.eval_hermite, lambda n, m, x: 2 * np.asarray(n) * sc.eval_hermite(m, x))
of_degree(sc.eval_hermitenorm, lambda n, m, x: n * sc.eval_hermitenorm(m, x))
of_degree(sc.eval_laguerre, lambda n, m, x: -sc.eval_genlaguerre(m, 1, x))
of_degree(sc.eval_genlaguerre, lambda n, m, a, x: -sc.eval_genlaguerre(m, np.add(a, 1), x), ("n", "alpha", "x"))
of_degree(
    sc.eval_gegenbauer,
    lambda n, m, a, x: 2 * np.asarray(a) * sc.eval_gegenbauer(m, np.add(a, 1), x),
    ("n", "alpha", "x"),
)
of_degree(
    sc.eval_jacobi,
    lambda n, m, a, b, x: (np.add(n, a) + b + 1) / 2 * sc.eval_jacobi(m, np.add(a, 1), np.add(b, 1), x),
    ("n", "alpha", "beta", "x"),
    (2, 0.5, 1.5),
)

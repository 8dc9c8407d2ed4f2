"""What tinygrad_np.scipy has replays: values and gradients; a new function that is not here fails.

Its functions that are rows of the table are in test_rows.py; every filter of ndimage is in tests/scipy.
"""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import ROWS

pytest.importorskip("scipy")

from scipy import sparse as ss  # noqa: E402

from tinygrad_np.scipy import integrate, linalg, optimize, signal, sparse, special, stats  # noqa: E402

A = np.array([[3.0, 1.0, 0.2], [0.5, 2.0, 0.1], [0.3, 0.4, 4.0]])
P = np.array([1.0, 2.0, 0.5])
Q = np.array([0.3, 0.2, 0.5])
S = ss.csr_matrix(A)
T = np.array([0.0, 0.3, 0.7])
GRID = np.array([[0.3, -1.0, 0.2], [2.0, 0.7, 0.4]])


def decay(t, y, p):
    return -y * p


CASES = {
    "optimize.minimize": (lambda a: optimize.minimize(lambda x, a: ((x - a) ** 2 + x**4).sum(), np.ones(3), (a,)).x, P),
    "optimize.root": (lambda a: optimize.root(lambda x, a: x**3 + x - a, np.ones(3), (a,), tol=1e-13).x, P),
    "optimize.least_squares": (
        lambda a: optimize.least_squares(lambda x, a: x * 2 + x**3 - a, np.ones(3), args=(a,)).x,
        P,
    ),
    "optimize.implicit_root": (lambda a: optimize.implicit_root(lambda x, a: x**3 - a, np.cbrt)(a), P),
    "optimize.fixed_point": (lambda a: optimize.fixed_point(lambda x, a: (x + a / x) / 2, np.ones(3), a), P),
    "integrate.odeint": (lambda p: integrate.odeint(lambda y, t, p: -y * p, P, T, (p,)), P),
    "integrate.solve_ivp": (lambda p: integrate.solve_ivp(decay, (0.0, 1.0), np.ones(3), args=(p,)).y[:, -1], P),
    "linalg.solve_triangular": (lambda a: linalg.solve_triangular(a, P, lower=True), A),
    "linalg.cho_factor": (lambda a: linalg.cho_factor(a @ a.T)[0], A),
    "linalg.cho_solve": (lambda a: linalg.cho_solve(linalg.cho_factor(a @ a.T), P), A),
    "linalg.solve_banded": (lambda a: linalg.solve_banded((1, 1), a + 5 * np.eye(3)[1], P), A),
    "linalg.block_diag": (lambda a: linalg.block_diag(a, a * 2), A),
    "linalg.toeplitz": (lambda a: linalg.toeplitz(a), P),
    "linalg.circulant": (lambda a: linalg.circulant(a), P),
    "signal.fftconvolve": (lambda a: signal.fftconvolve(a, P), P),
    "signal.convolve2d": (lambda a: signal.convolve2d(a, GRID), A),
    "signal.correlate2d": (lambda a: signal.correlate2d(a, GRID), A),
    "sparse.spsolve": (lambda a: sparse.spsolve(S, a), P),
    "sparse.with_entries": (lambda a: sparse.with_entries(S, a) @ P, S.data),
    "special.multigammaln": (lambda a: special.multigammaln(a, 2), P + 1),
    "special.softplus": (lambda a: special.softplus(a), P),
    "stats.dirichlet": (lambda a: stats.dirichlet.logpdf(Q, a), P),
    "stats.multivariate_normal": (lambda a: stats.multivariate_normal.logpdf(P, P * 2, a @ a.T), A),
    "stats.norm": (lambda a: stats.norm.logpdf(a, 0.3, 2.0) + stats.norm.cdf(a), P),
    "stats.gamma": (lambda a: stats.gamma.logpdf(a, 1.5) + stats.gamma.cdf(a, 2.5), P),
    "stats.poisson": (lambda a: stats.poisson.logpmf(np.array([1, 0, 3]), a), P),
}
REFUSED = {"integrate.solve_ivp": "branch on the value"}  # the steps that SciPy takes depend on values
BY_ITSELF = {"optimize.least_squares", "optimize.fixed_point"}  # the function runs without a program


def public(module) -> set[str]:
    """The functions of a module that are written here, and are no rows."""
    rows = {name.rpartition(".")[2] for name in ROWS}
    mine = {n for n in dir(module) if n[0] != "_" and callable(getattr(module, n)) and n not in rows}
    return {n for n in mine if (getattr(getattr(module, n), "__module__", None) or "").startswith("tinygrad_np.")}


@pytest.mark.parametrize("module", [integrate, linalg, optimize, signal, sparse, special, stats])
def test_every_function_is_enrolled(module):
    short = module.__name__.rpartition(".")[2]
    known = {name.partition(".")[2] for name in CASES if name.startswith(f"{short}.")}
    assert public(module) - known - {"Sparse"} == set()


@pytest.mark.parametrize("name", CASES)
def test_a_function_replays(name):
    f, given = CASES[name]

    def both(a):
        out, pull = tg.vjp(f, a)
        return out, pull(np.cos(np.arange(out.size)).reshape(out.shape))

    jitted = tg.jit(both)
    if name in REFUSED:
        with pytest.raises(tg.NotReplayable, match=REFUSED[name]):
            jitted(given)
        return
    for scale in (1.0, 1.25, 0.75):
        for mine, theirs in zip(jitted(given * scale), both(given * scale), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)
    assert (name in BY_ITSELF) is not any(program.calls >= 2 for program in jitted.programs)

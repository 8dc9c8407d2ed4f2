"""Solutions of equations, minima, trajectories: values as SciPy's; derivatives in the parameters, any order, jitted."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import gradcheck

so = pytest.importorskip("scipy.optimize")
si = pytest.importorskip("scipy.integrate")

from tinygrad_np.scipy import integrate, optimize  # noqa: E402

P = np.array([1.0, 2.0])
A = np.array([[3.0, 1.0], [0.5, 2.0]])


def differences(f, x, h=1e-4):
    x = np.asarray(x, float)
    return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size).reshape(-1, *x.shape)], axis=-1)


def nested_root(linear_solve=None):
    def residual(x, p):
        return {"r": p["A"] @ x["v"] + 0.1 * x["v"] ** 3 - p["b"]}

    def solve(p):
        f = lambda v: p["A"] @ v + 0.1 * v**3 - p["b"]  # noqa: E731
        return {"v": so.fsolve(f, np.zeros(2), xtol=1e-13)}

    root = optimize.implicit_root(residual, solve, linear_solve)
    return lambda A, b: root({"A": A, "b": b, "name": "passes"})["v"]


def test_implicit_root_of_any_order_in_both_modes():
    f = nested_root()
    assert gradcheck(f, A, P, order=2)
    np.testing.assert_allclose(tg.jacfwd(f)(A, P), tg.jacrev(f)(A, P), atol=1e-13)
    g = tg.grad(lambda A: np.sum(f(A, P) ** 2))
    np.testing.assert_allclose([tg.jit(g)(a) for a in (A, A + 1)], [g(A), g(A + 1)], rtol=1e-10)


def test_implicit_root_without_a_matrix():
    gmres = pytest.importorskip("scipy.sparse.linalg").gmres
    from scipy.sparse.linalg import LinearOperator

    calls = []

    def linear_solve(matvec, b):
        calls.append(b)
        return gmres(LinearOperator((b.size, b.size), matvec=matvec, dtype=float), b, rtol=1e-13)[0]

    np.testing.assert_allclose(tg.jacobian(nested_root(linear_solve), 1)(A, P), tg.jacobian(nested_root(), 1)(A, P))
    assert calls


def test_fixed_point():
    f = lambda a: optimize.fixed_point(lambda x, a: (x + a / x) / 2, np.ones(2), a)  # noqa: E731
    np.testing.assert_allclose(f(P), np.sqrt(P))
    assert gradcheck(f, P, order=2)
    with pytest.raises(RuntimeError, match="no fixed point"):
        optimize.fixed_point(lambda x: 2 * x + 1, 1.0, max_iter=20)


METHODS = [None, "BFGS", "CG", "L-BFGS-B", "Newton-CG", "trust-ncg", "trust-exact", "trust-krylov", "SLSQP"]


@pytest.mark.parametrize("method", METHODS)
def test_minimize(method):
    def f(p, a):
        return np.sum((p["x"] - a) ** 2) + np.sum(p["x"] ** 4)

    def best(a):
        return optimize.minimize(f, {"x": np.zeros(2)}, args=(a,), method=method, tol=1e-11).x["x"]

    x = best(P)
    np.testing.assert_allclose(2 * (x - P) + 4 * x**3, 0, atol=1e-5)
    np.testing.assert_allclose(tg.jacobian(best)(P), np.diag(1 / (1 + 6 * x**2)), rtol=1e-6)
    result = optimize.minimize(f, {"x": np.zeros(2)}, args=(P,), method=method)
    assert isinstance(result, so.OptimizeResult) and result.nfev > 0


def test_root_and_least_squares():
    root = lambda a: optimize.root(lambda x, a: x**3 + x - a, np.ones(2), args=(a,), tol=1e-13).x  # noqa: E731
    assert gradcheck(root, P, order=2)
    t = np.linspace(0, 1, 6)

    def slope(y):
        fit = optimize.least_squares(
            lambda p, y: p["a"] * np.exp(p["b"] * t) - y, {"a": 1.0, "b": 0.1}, args=(y,), xtol=1e-15, ftol=1e-15,
            gtol=1e-15,
        )  # fmt: skip
        return fit.x["b"]

    y = np.exp(0.5 * t) + 0.1 * np.sin(9 * t)
    np.testing.assert_allclose(tg.grad(slope)(y), differences(slope, y, 1e-3), rtol=1e-3, atol=1e-6)


def test_what_would_be_a_silent_zero_is_refused():
    for f in (
        lambda k: optimize.minimize(lambda x: (x - k) ** 2, 0.0).x,
        lambda k: optimize.root(lambda x: x - k, 0.0).x,
        lambda k: optimize.least_squares(lambda x: x - k, 0.0).x,
        lambda k: optimize.fixed_point(lambda x: x / 2 + k, 0.0),
        lambda k: optimize.implicit_root(lambda x, a: x - a * k, lambda a: a)(1.0),
        lambda k: integrate.odeint(lambda y, t: -k * y, np.ones(1), np.array([0.0, 1.0]))[-1, 0],
        lambda k: integrate.solve_ivp(lambda t, y: -k * y, (0.0, 1.0), np.ones(1), t_eval=[1.0]).y[0, 0],
    ):
        with pytest.raises(TypeError):
            tg.grad(f)(2.0)
    with pytest.raises(TypeError, match="bounds"):
        tg.grad(lambda k: optimize.minimize(lambda x, k: (x - k) ** 2, 0.0, args=(k,), bounds=[(0, 1)]).x)(2.0)


Y0, T = np.array([0.3, 1.0]), np.array([0.0, 0.3, 0.7])


def pendulum(y, t, p):
    return np.stack([y[1] * p["a"], -np.sin(y[0]) * p["b"] + t])


def swing(y0, t, a, b):
    return integrate.odeint(pendulum, y0, t, ({"a": a, "b": b},), rtol=1e-8, atol=1e-9)


@pytest.mark.slow
def test_odeint_forwards():
    args = (Y0, np.array([0.0, 0.3]), 1.1, 0.7)
    out, dots = tg.jvp(swing, args, (Y0, np.zeros(2), 1.0, -1.0))
    gs = tg.vjp(swing, *args)[1](out)
    np.testing.assert_allclose(np.sum(out * dots), np.sum(gs[0] * Y0) + gs[2] - gs[3], rtol=1e-5)


def test_odeint_in_start_times_and_parameters():
    plain = si.odeint(lambda y, t: pendulum(y, t, {"a": 1.1, "b": 0.7}), Y0, T, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(swing(Y0, T, 1.1, 0.7), plain)
    ct = np.cos(np.arange(plain.size)).reshape(plain.shape)
    args = (Y0, T, 1.1, 0.7)
    gs = tg.vjp(swing, *args)[1](ct)
    for i, g in enumerate(gs):

        def f(v, i=i):
            return np.sum(ct * swing(*args[:i], v, *args[i + 1 :]))

        np.testing.assert_allclose(g, differences(f, args[i]), rtol=1e-5, atol=1e-6)


def test_odeint_again():
    def f(k):  # exp(-k)
        return integrate.odeint(lambda y, t, k: -k * y, np.ones(1), np.array([0.0, 1.0]), (k,), rtol=1e-8)[-1, 0]

    np.testing.assert_allclose(tg.grad(tg.grad(f))(0.5), np.exp(-0.5), rtol=1e-5)
    np.testing.assert_allclose(tg.jit(tg.grad(f))(0.5), -np.exp(-0.5), rtol=1e-6)


@pytest.mark.parametrize("method", ["RK45", "DOP853"])
def test_solve_ivp(method):
    options = {"method": method, "rtol": 1e-7, "atol": 1e-8}

    def spring(t, y, k):
        return np.stack([y[1], -k * y[0]])

    def end(y0, t1, k):
        return integrate.solve_ivp(spring, (0.0, t1), y0, args=(k,), **options).y[:, -1]

    theirs = si.solve_ivp(spring, (0.0, 2.0), Y0, args=(1.5,), **options)
    ours = integrate.solve_ivp(spring, (0.0, 2.0), Y0, args=(1.5,), **options)
    np.testing.assert_allclose(ours.t, theirs.t)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-6)
    w = np.sqrt(1.5)
    c, s = np.cos(2 * w), np.sin(2 * w)
    J = tg.jacobian(end, (0, 1))(Y0, 2.0, 1.5)
    np.testing.assert_allclose(J[0], [[c, s / w], [-w * s, c]], rtol=1e-5)
    y = J[0] @ Y0
    np.testing.assert_allclose(J[1], [y[1], -1.5 * y[0]], rtol=1e-5)
    np.testing.assert_allclose(
        tg.jacobian(end, 2)(Y0, 2.0, 1.5), differences(lambda k: end(Y0, 2.0, k), 1.5)[:, 0], rtol=1e-4
    )


def test_scipys_own_names_say_what_to_call():
    import scipy.integrate
    import scipy.linalg
    import scipy.ndimage
    import scipy.special
    import scipy.stats

    for call, name in (
        (scipy.stats.norm.logpdf, "stats.norm.logpdf"),
        (lambda x: scipy.stats.multivariate_normal.logpdf(x, P, A @ A.T), "stats.multivariate_normal.logpdf"),
        (scipy.special.logsumexp, "special.logsumexp"),
        (lambda x: scipy.linalg.expm(np.outer(x, x)), "linalg.expm"),
        (lambda x: scipy.linalg.solve_triangular(A, x), "linalg.solve_triangular"),
        (lambda x: scipy.ndimage.gaussian_filter(x, 1.0), "ndimage.gaussian_filter"),
        (lambda x: si.odeint(lambda y, t: -y * x[0], [1.0], [0.0, 1.0]), "integrate.odeint"),
    ):
        with pytest.raises(TypeError, match=f"tinygrad_np.scipy.{name};") as refused:
            tg.grad(lambda x, call=call: np.sum(call(x)))(P)
        assert "\n" not in str(refused.value)
    for call, said in (  # and where NumPy has it, what that is called
        (scipy.integrate.trapezoid, "scipy.integrate.trapezoid would cut .*call np.trapezoid"),
        (scipy.linalg.norm, "scipy.linalg.norm would cut .*call np.linalg.norm"),
        (scipy.stats.zscore, "scipy.stats.zscore would cut"),
        (scipy.stats.gaussian_kde, "scipy.stats.gaussian_kde would cut"),
    ):
        with pytest.raises(TypeError, match=said):
            tg.grad(lambda x, call=call: np.sum(call(x)))(P)
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(scipy.special.gammaln(x)))(P), scipy.special.digamma(P))


def test_what_a_distribution_does_not_say_is_scipys():
    import scipy.stats

    from tinygrad_np.scipy import stats

    for name, args in (("norm", ()), ("gamma", (2.0,)), ("poisson", (2.0,)), ("dirichlet", (P,))):
        ours, theirs = (getattr(module, name).rvs(*args, size=3, random_state=0) for module in (stats, scipy.stats))
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(AttributeError, match="nothing"):
        _ = stats.norm.nothing


def test_a_list_of_numbers_is_a_vector_as_for_scipy():
    """The examples of SciPy's pages start from lists, and return lists."""
    best = optimize.minimize(lambda x: (x[1:] - x[:-1] ** 2) @ (x[1:] - x[:-1] ** 2) + (1 - x[0]) ** 2, [1.3, 0.7, 0.8])
    np.testing.assert_allclose(best.x, 1.0, atol=1e-4)

    def fun(x, a=0.5):
        return [x[0] + a * (x[0] - x[1]) ** 3 - 1.0, a * (x[1] - x[0]) ** 3 + x[1]]

    for x0 in ([0, 0], (0.0, 0.0), np.zeros(2)):
        np.testing.assert_allclose(optimize.root(fun, x0).x, [0.8411639, 0.1588361], rtol=1e-6)
    g = tg.jacobian(lambda a: optimize.root(fun, [0, 0], args=(a,)).x)(0.5)
    h = optimize.root(fun, [0, 0], args=(0.5001,)).x - optimize.root(fun, [0, 0], args=(0.4999,)).x
    np.testing.assert_allclose(g, h / 2e-4, rtol=1e-6)
    fit = optimize.least_squares(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], [2, 2])
    np.testing.assert_allclose(fit.x, 1.0, rtol=1e-6)

"""The distributions: SciPy's values, and gradients in all that has one."""

import numpy as np
import pytest

from tests.stream import rng

pytest.importorskip("scipy", reason="SciPy is an extra")
import scipy.linalg  # noqa: E402
import scipy.stats  # noqa: E402

import tinygrad_np as tg  # noqa: E402
from tinygrad_np import Tensor  # noqa: E402
from tinygrad_np.scipy import stats  # noqa: E402
from tinygrad_np.scipy.linalg import solve_banded  # noqa: E402

SHAPES = {"norm": (), "t": (3.5,), "gamma": (2.5,), "chi2": (3.0,), "beta": (2.5, 1.5)}
FUNCTIONS = ["logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"]


def arguments(name, function):
    """x or q with 4 numbers, and the parameters, which broadcast against it."""
    shapes = [np.array([[a], [a + 0.5]]) for a in SHAPES[name]]
    loc, scale = np.array([0.1, -0.2, 0.3, 0.0]), np.array([0.8, 1.2, 1.5, 1.0])
    x = 0.1 + 0.8 * rng.random(4)
    return [x if function in ("ppf", "isf") else loc + scale * x, *shapes, loc, scale]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", SHAPES)
def test_continuous_families(name, function, right):
    args = arguments(name, function)
    f, reference = getattr(getattr(stats, name), function), getattr(getattr(scipy.stats, name), function)
    np.testing.assert_allclose(f(*args), reference(*args), rtol=1e-10)
    x, *shapes, loc, scale = args
    if name == "t" and "pdf" not in function:  # df has no known derivative there
        right(lambda x, loc, scale: f(x, *shapes, loc, scale), x, loc, scale, order=2)
    else:
        right(f, *args, order=2)
    assert np.isnan(f(x, *shapes, loc, -scale)).all()
    if shapes:
        assert np.isnan(f(x, *[-a for a in shapes], loc, scale)).all()


@pytest.mark.parametrize("name", ["gamma", "chi2", "beta"])
def test_outside_the_support(name):
    own, theirs = getattr(stats, name), getattr(scipy.stats, name)
    x = Tensor([-1.0, 0.5, 1.5, 800.0], requires_grad=True)
    for function in ("logpdf", "pdf", "cdf", "sf"):
        f = getattr(own, function)
        y = f(x, *SHAPES[name])
        np.testing.assert_allclose(y.numpy(), getattr(theirs, function)(x.numpy(), *SHAPES[name]), rtol=1e-10)
        (g,) = tg.vjp(lambda x, f=f: f(x, *SHAPES[name]), x.numpy())[1](rng.normal(size=4))
        assert np.isfinite(g).all() and g[0] == 0


@pytest.mark.parametrize("name", SHAPES)
def test_entropy(name, right):
    own, theirs = getattr(stats, name).entropy, getattr(scipy.stats, name).entropy
    np.testing.assert_allclose(own(*SHAPES[name], 0.3, 1.7), theirs(*SHAPES[name], 0.3, 1.7))
    right(own, *map(np.array, SHAPES[name]), np.array(0.3), np.array(1.7), order=2)


def test_arguments_by_name_and_wrong_ones():
    assert stats.t.pdf(0.5, df=3.0, scale=2.0) == stats.t.pdf(0.5, 3.0, 0, 2.0)
    with pytest.raises(TypeError, match=r"t: missing a required argument: 'df'; expected \(x, df, loc=0, scale=1\)"):
        stats.t.pdf(0.5)
    with pytest.raises(tg.NotDifferentiable, match="stdtr"):
        stats.t.cdf(0.5, Tensor(3.0, requires_grad=True))
    assert repr(stats.beta) == "<distribution beta(a, b, loc=0, scale=1)>"


@pytest.mark.parametrize("function", ["logpmf", "pmf", "cdf", "sf"])
def test_poisson(function, right):
    f, k = getattr(stats.poisson, function), np.array([[-1.0], [0.0], [2.0], [2.5], [7.0]])
    mu = np.array([0.5, 2.0, 11.0])
    np.testing.assert_allclose(f(k, mu), getattr(scipy.stats.poisson, function)(k, mu), atol=1e-15)
    np.testing.assert_allclose(f(k, mu, 1), getattr(scipy.stats.poisson, function)(k, mu, 1), atol=1e-15)
    right(lambda mu: f(k[1:], mu) if function != "logpmf" else f(k[[1, 2, 4]], mu), mu, order=2)
    assert np.isnan(f(2, -1.0))
    with pytest.raises(tg.NotDifferentiable, match="whole numbers"):
        f(Tensor(2.0, requires_grad=True), mu)


def spd(k):
    a = rng.normal(size=(k, k))
    return a @ a.T + np.eye(k)


def test_multivariate_normal(right):
    own, theirs = stats.multivariate_normal, scipy.stats.multivariate_normal
    x, mean, cov = rng.normal(size=(5, 3)), rng.normal(size=3), spd(3)
    for f in ("logpdf", "pdf"):
        for point in (x, x[0]):
            np.testing.assert_allclose(getattr(own, f)(point, mean, cov), getattr(theirs, f)(point, mean, cov))
        right(lambda x, mean, cov, f=f: getattr(own, f)(x, mean, (cov + cov.T) / 2), x, mean, cov, order=2)
    np.testing.assert_allclose(own.entropy(mean, cov), theirs.entropy(mean, cov))
    right(own.entropy, mean, cov)
    for args in ((0.3,), (0.3, 1.0, 2.0), (x[:, 0], 0.1, 2.0), (x, mean, 2.0), (x, mean, np.array([1.0, 2.0, 3.0]))):
        np.testing.assert_allclose(own.logpdf(*args), theirs.logpdf(*args))
    g = tg.grad(own.logpdf, argnums=2)(x[0], mean, cov)
    np.testing.assert_allclose(g, g.T)
    with pytest.raises(ValueError, match=r"expected \(3,\) and \(3, 3\)"):
        own.logpdf(x, mean[:2], cov)


def test_a_singular_covariance(right):
    own, theirs = stats.multivariate_normal, scipy.stats.multivariate_normal
    cov, mean = np.diag([1.0, 2.0, 0.0]), np.array([0.1, 0.2, 0.3])
    x = np.array([[0.5, -0.5, 0.3], [0.5, -0.5, 1.3]])
    np.testing.assert_allclose(own.logpdf(x, mean, cov, True), theirs.logpdf(x, mean, cov, True))
    right(lambda x: own.logpdf(np.concatenate([x, mean[2:]]), mean, cov, True), x[0, :2], order=2)
    with pytest.raises(np.linalg.LinAlgError, match="allow_singular=True"):
        own.logpdf(x, mean, cov)
    with pytest.raises(tg.NotDifferentiable, match="singular covariance"):
        own.logpdf(x, mean, Tensor(cov, requires_grad=True), True)
    with pytest.raises(ValueError, match="eigenvalue -1"):
        own.logpdf(x, mean, np.diag([1.0, 2.0, -1.0]))


def test_dirichlet(right):
    own, theirs = stats.dirichlet, scipy.stats.dirichlet
    alpha, x = np.array([1.5, 2.5, 0.7]), rng.dirichlet([1.0, 2.0, 3.0], 4).T
    for f in ("logpdf", "pdf"):
        np.testing.assert_allclose(getattr(own, f)(x, alpha), getattr(theirs, f)(x, alpha))
        np.testing.assert_allclose(getattr(own, f)(x[:-1, 0], alpha), getattr(theirs, f)(x[:-1, 0], alpha))
        right(lambda x, alpha, f=f: getattr(own, f)(x / x.sum(axis=0), alpha), x, alpha, order=2)
    with pytest.raises(ValueError, match="whose sum along the first axis is 1"):
        own.pdf(x * 2, alpha)


@pytest.mark.parametrize("low, up", [(1, 1), (2, 0), (0, 2), (1, 3), (0, 0)])
@pytest.mark.parametrize("columns", [(), (2,)])
def test_solve_banded(low, up, columns, right):
    ab = rng.normal(size=(low + up + 1, 5))
    ab[up] += 5
    b = rng.normal(size=(5, *columns))
    np.testing.assert_allclose(solve_banded((low, up), ab, b), scipy.linalg.solve_banded((low, up), ab, b))
    right(lambda ab, b: solve_banded((low, up), ab, b), ab, b, order=2)

"""scipy.ndimage's filters and scipy.sparse matrices: SciPy's values, and gradients to all that they are made of."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import gradcheck

sn = pytest.importorskip("scipy.ndimage")
ss = pytest.importorskip("scipy.sparse")

from tinygrad_np.scipy import ndimage, sparse  # noqa: E402

FILTERS = {
    "correlate": (np.array([[0.3, -1.0], [2.0, 0.7], [0.1, 0.4]]),),
    "convolve": (np.array([[0.3, -1.0], [2.0, 0.7], [0.1, 0.4]]),),
    "correlate1d": (np.array([1.0, 0.5, -2.0, 0.3]),),
    "convolve1d": (np.array([1.0, 0.5, -2.0, 0.3]),),
    "gaussian_filter": (0.7,),
    "gaussian_filter1d": (0.7,),
    "uniform_filter": (3,),
    "uniform_filter1d": (4,),
    "sobel": (),
    "prewitt": (),
    "laplace": (),
    "gaussian_laplace": (0.6,),
    "gaussian_gradient_magnitude": (0.6,),
    "maximum_filter": (3,),
    "minimum_filter": ((2, 3),),
    "median_filter": (3,),
    "rank_filter": (2, 3),
    "percentile_filter": (30, 3),
    "maximum_filter1d": (3,),
    "minimum_filter1d": (2,),
}


def test_every_filter_is_here():
    assert sorted(FILTERS) == sorted(ndimage.__all__)


MODES = ["reflect", "constant", *[pytest.param(m, marks=pytest.mark.slow) for m in ("nearest", "mirror", "wrap")]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FILTERS)
def test_filters(name, mode, rng):
    x, options = rng.normal(size=(4, 5)), {"mode": mode}
    if mode == "constant":
        options["cval"] = 0.3
    ours, theirs = getattr(ndimage, name), getattr(sn, name)
    expected = theirs(x, *FILTERS[name], **options)
    found = ours(tg.Tensor(x, requires_grad=True), *FILTERS[name], **options)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(ours(x, *FILTERS[name], **options), expected)
    u, ct, h = rng.normal(size=x.shape), rng.normal(size=x.shape), 1e-6
    g = tg.grad(lambda x: np.sum(ct * ours(x, *FILTERS[name], **options)))
    slope = np.sum(ct * (theirs(x + h * u, *FILTERS[name], **options) - theirs(x - h * u, *FILTERS[name], **options)))
    np.testing.assert_allclose(np.sum(g(x) * u), slope / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(tg.jit(g)(x), g(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["convolve1d", "uniform_filter", "maximum_filter"])
def test_origins(name, rng):
    x = rng.normal(size=(4, 5))
    for origin in (-1, 0, 1):
        theirs = getattr(sn, name)(x, *FILTERS[name], origin=origin)
        ours = getattr(ndimage, name)(tg.Tensor(x, requires_grad=True), *FILTERS[name], origin=origin)
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12)


def test_weights_and_widths_are_differentiable(rng):
    x = rng.normal(size=(4, 5))
    assert gradcheck(lambda w: ndimage.convolve(x, w), FILTERS["convolve"][0], order=2)
    assert gradcheck(lambda x, s: ndimage.gaussian_filter(x, s, order=1), x, np.array(0.7), order=2)
    with pytest.raises(TypeError, match="output="):
        tg.grad(lambda x: np.sum(ndimage.laplace(x, output=np.zeros_like(x))))(x)


@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
def test_sparse_products(format, rng):
    A = ss.random_array((5, 4), density=0.5, rng=rng, format=format)
    v, W = rng.normal(size=4), rng.normal(size=(4, 2))
    np.testing.assert_allclose(sparse.with_entries(A, A.data).toarray(), A.toarray())
    np.testing.assert_allclose(sparse.matmul(A, v), A @ v)
    np.testing.assert_allclose(sparse.matmul(A, W), A @ W)
    np.testing.assert_allclose(sparse.matmul(rng.permutation(5.0 * np.arange(5)), A).shape, (4,))
    assert gradcheck(lambda d, v: sparse.with_entries(A, d) @ v, A.data, v, order=2)
    assert gradcheck(lambda d, W: np.ones((3, 5)) @ (sparse.with_entries(A, d) @ W), A.data, W)
    assert gradcheck(lambda x, d: x @ sparse.with_entries(A, d), rng.normal(size=(2, 5)), A.data)
    assert gradcheck(lambda d: sparse.with_entries(A, d).T.toarray(), A.data)
    with pytest.raises(ValueError, match="with_entries: found entries"):
        sparse.with_entries(A, np.zeros(1))


@pytest.mark.parametrize("shape", [(), (5,), (4, 1), (1, 5), (4, 5)])
def test_sparse_elementwise_products(shape, rng):
    A, x = ss.random_array((4, 5), density=0.5, format="csr", rng=rng), rng.normal(size=shape)
    weights, D = rng.normal(size=(4, 5)), A.toarray()
    for f in (lambda d, x: sparse.multiply(sparse.with_entries(A, d), x), lambda d, x: x * sparse.with_entries(A, d)):
        np.testing.assert_allclose(f(A.data, x).toarray(), D * x)
        assert gradcheck(lambda d, x, f=f: np.sum(f(d, x).toarray() * weights), A.data, x, order=2)
    for product in (lambda x: x * A, lambda x: sparse.multiply(A, x)):
        g = tg.grad(lambda x, f=product: np.sum(f(x).toarray() * weights))(x)
        np.testing.assert_allclose(g, tg.grad(lambda x: np.sum(D * x * weights))(x))
        for axis in (None, 0, 1):
            np.testing.assert_allclose(product(tg.Tensor(x)).sum(axis), (D * x).sum(axis))
    with pytest.raises(TypeError, match="call tinygrad_np.scipy.sparse.multiply"):
        tg.grad(lambda x: (A * x).sum())(x)
    with pytest.raises(ValueError, match="multiplied by"):
        sparse.multiply(A, np.ones(3))


def test_sparse_systems(rng):
    M = ss.csr_array(ss.random_array((4, 4), density=0.4, rng=rng) + 3 * ss.eye_array(4))
    b = rng.normal(size=4)
    np.testing.assert_allclose(sparse.spsolve(M, b), np.linalg.solve(M.toarray(), b))
    f = lambda d, b: sparse.spsolve(sparse.with_entries(M, d), b)  # noqa: E731
    assert gradcheck(f, M.data, b, order=2)
    assert gradcheck(lambda b: sparse.spsolve(M, b), rng.normal(size=(4, 2)))
    g = tg.grad(lambda d: np.sum(f(d, b) ** 2))
    np.testing.assert_allclose([tg.jit(g)(d) for d in (M.data, 2 * M.data)], [g(M.data), g(2 * M.data)])
    with pytest.raises(ValueError, match="spsolve"):
        sparse.spsolve(M, np.zeros(3))


FORMATS = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]


@pytest.mark.parametrize("format", FORMATS)
def test_the_operators_of_scipys_own_matrices_take_tensors(format, rng):
    dense = rng.normal(size=(3, 4)) * (rng.random((3, 4)) < 0.6)
    A, old = ss.coo_array(dense).asformat(format), ss.coo_matrix(dense).asformat(format)
    ct = rng.normal(size=3)
    for x in (rng.normal(size=4), rng.normal(size=(4, 3))):
        for product in (
            lambda A, x: A @ x,
            lambda A, x: A.dot(x),
            lambda A, x: np.transpose(np.transpose(x) @ A.T),
            lambda A, x: np.matmul(A, x),
            lambda A, x: old * x,
        ):
            out, pullback = tg.vjp(lambda x: product(A, x), x)  # noqa: B023
            np.testing.assert_allclose(out, dense @ x)
            ct = rng.normal(size=out.shape)
            np.testing.assert_allclose(pullback(ct)[0], dense.T @ ct)
    energy = lambda x: np.sum(np.sin(A @ x) ** 2)  # noqa: E731
    x = rng.normal(size=4)
    np.testing.assert_allclose(tg.hessian(energy)(x), tg.hessian(lambda x: np.sum(np.sin(dense @ x) ** 2))(x))
    if format not in ("bsr", "dia"):  # whose entries SciPy finds by reading numbers, which a recording refuses
        np.testing.assert_allclose(tg.jit(tg.grad(energy))(x), tg.grad(energy)(x))
    np.testing.assert_allclose(A @ tg.Tensor(x), dense @ x)
    for wrong in (lambda x: A @ x[:2], lambda x: A + x, lambda x: A - x):
        with pytest.raises((TypeError, ValueError)):
            tg.grad(lambda x: np.sum(wrong(x)))(x)  # noqa: B023

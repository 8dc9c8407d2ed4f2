"""Differences, interpolation, convolution, polynomials, statistics: NumPy's values, every option, NaN and empty."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng


def real(*shape):
    return rng.normal(size=shape)


def cplx(*shape):
    return real(*shape) + 1j * real(*shape)


def apart(*shape):
    """Numbers in random order no two of which are close: where sorting could change, a quantile has a kink."""
    n = int(np.prod(shape))
    return np.reshape(rng.permutation(n) * 0.3 + rng.uniform(0, 0.1, n) - 0.15 * n, shape)


def ascending(n):
    return np.cumsum(rng.random(n) + 0.2) - 1


def agrees(right, f, *xs, order=2, **options):
    """The value and dtype on tensors are NumPy's, and the derivatives are right; random cotangents."""
    expected = f(*xs)
    ours = f(*[tg.Tensor(x, requires_grad=True) for x in xs])
    pairs = zip(ours, expected) if isinstance(expected, (tuple, list)) else [(ours, expected)]
    for o, e in pairs:
        np.testing.assert_allclose(o.numpy() if isinstance(o, tg.Tensor) else o, e, rtol=1e-11, atol=1e-12)
        assert o.dtype == e.dtype
    if order:
        right(f, *xs, order=order, **options)


@pytest.mark.parametrize(
    "f, shapes",
    [
        (lambda a: np.diff(a, 2), [(3, 5)]),
        (lambda a, b: np.diff(a, axis=0, prepend=b, append=1.5), [(3, 5), (2, 5)]),
        (np.ediff1d, [(3, 2)]),
        (lambda a, b, c: np.ediff1d(a, b, c), [(3,), (2,), ()]),
        (lambda y, x: np.trapezoid(y, x, axis=0), [(4, 3), (4,)]),
        (lambda y, x: np.trapezoid(y, x), [(2, 4), (2, 4)]),
        (lambda y, d: np.trapezoid(y, dx=d), [(4,), ()]),
        (np.gradient, [(4, 3)]),
        (np.gradient, [(2,)]),
        (lambda y: np.gradient(y, 0.3, 0.7, edge_order=2), [(4, 3)]),
        (lambda y: np.gradient(y, [0.0, 1, 4, 5], axis=1), [(3, 4)]),
        (lambda y: np.gradient(y, np.arange(4.0), edge_order=2), [(4,)]),
        (lambda x: np.unwrap(4 * x), [(9,)]),
        (np.polyval, [(4,), (3, 2)]),
        (np.polyadd, [(4,), (2,)]),
        (np.polysub, [(2,), (4,)]),
        (np.polymul, [(3,), (4,)]),
        (np.polydiv, [(5,), (3,)]),
        (np.polydiv, [(2,), (3,)]),
        (np.polyint, [(3,)]),
        (lambda p, k: np.polyint(p, 2, k), [(3,), (2,)]),
        (lambda p: np.polyder(p, 2), [(5,)]),
        (np.vander, [(3,)]),
        (lambda x: np.vander(x, 5, True), [(3,)]),
        (np.poly, [(4,)]),
        (np.roots, [(4,)]),
        (lambda x: np.i0(3 * x), [(6,)]),
    ],
)
def test_calculus(f, shapes, right):
    agrees(right, f, *[real(*s) for s in shapes])


def test_gradient_with_respect_to_coordinates(right):
    for edge_order in (1, 2):
        agrees(
            right,
            lambda f, x, d, edge_order=edge_order: np.gradient(f, x, d, edge_order=edge_order),
            real(4, 3),
            ascending(4),
            np.array(0.7),
        )


@pytest.mark.parametrize("m, n", [(5, 3), (3, 5), (4, 4), (6, 4), (4, 6), (1, 4), (4, 1), (5, 2), (2, 5)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("f", [np.convolve, np.correlate])
def test_convolution(f, mode, m, n, right):
    agrees(right, lambda a, v: f(a, v, mode), real(m), real(n))
    agrees(right, lambda a, v: f(a, v, mode), cplx(m), cplx(n), order=1)


@pytest.mark.parametrize("n", [1, 2, 6])
def test_interp(n, right):
    x, xp = 3 * real(7), ascending(n)
    agrees(right, lambda x, f: np.interp(x, xp, f), x, real(n))
    agrees(right, lambda x, f: np.interp(x, xp, f), np.concatenate([x, xp]), real(n), order=0)
    agrees(right, lambda x, xp, f, left: np.interp(x, xp, f, left, 3.0), x, xp, real(n), np.array(0.5))
    agrees(right, lambda x, f: np.interp(x, xp, f), x, cplx(n), order=1)


def test_interp_with_a_period(right):
    agrees(
        right,
        lambda x, xp, f: np.interp(x, xp, f, period=3.5),
        np.array([0.9, 4.4, -2.3, 8.7, 2.25, 3.2, 6.6, -7.8]),
        np.array([0.3, 5.0, -1.0, 2.0]),
        real(4),
    )


# ---- statistics -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, shapes",
    [
        (lambda a, w: np.average(a, 1, w**2 + 1, True), [(2, 3), (3,)]),
        (lambda a, w: np.average(a, weights=w**2 + 1), [(2, 3), (2, 3)]),
        (lambda a, w: np.average(a, (2, 0), w**2 + 1), [(2, 3, 4), (4, 2)]),
        (lambda a: np.average(a, (0, 2), returned=True, keepdims=True)[0], [(2, 3, 2)]),
        (np.cov, [(3, 4)]),
        (np.cov, [(5,)]),
        (lambda a, y: np.cov(a, y, bias=True), [(2, 4), (4,)]),
        (lambda a: np.cov(a, rowvar=False), [(4, 2)]),
        (lambda a, w: np.cov(a, aweights=w**2 + 1, fweights=[1, 2, 1, 2], ddof=2), [(2, 4), (4,)]),
        (np.corrcoef, [(3, 5)]),
        (lambda a, b: np.corrcoef(a, b), [(5,), (5,)]),
    ],
)
def test_statistics(f, shapes, right):
    agrees(right, f, *[real(*s) for s in shapes])


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "fun, scale", [(np.quantile, 1), (np.percentile, 100), (np.nanquantile, 1), (np.nanpercentile, 100)]
)
def test_quantiles(fun, scale, axis, keepdims, right):
    for q in (0.31, np.array([0.12, 0.52, 0.93]), np.array([[0.22], [0.63]])):
        agrees(right, lambda a, q: fun(a, q, axis=axis, keepdims=keepdims), apart(4, 5), np.asarray(q) * scale, order=1)


@pytest.mark.parametrize(
    "method",
    [
        "inverted_cdf",
        "averaged_inverted_cdf",
        "closest_observation",
        "interpolated_inverted_cdf",
        "hazen",
        "weibull",
        "linear",
        "median_unbiased",
        "normal_unbiased",
        "lower",
        "higher",
        "midpoint",
        "nearest",
    ],
)
def test_quantile_methods(method, right):
    for q in (0.0, 0.07, 0.33, 0.55, 1.0):
        agrees(right, lambda a, q=q: np.quantile(a, q, axis=1, method=method), apart(2, 6), order=1)
        if 0 < q < 1:
            agrees(right, lambda a, q: np.quantile(a, q, method=method) + a.sum(), apart(6), np.array(q), order=1)


@pytest.mark.parametrize(
    "fun", [np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian]
)
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_nan_is_passed_over(fun, axis, right):
    gaps = np.zeros((4, 5), bool)
    gaps[[1, 3, 3], [2, 0, 1]] = True
    x = np.where(gaps, np.nan, real(4, 5))
    agrees(right, lambda a: fun(a, axis=axis, keepdims=True), x, order=0)
    assert (tg.grad(lambda a: fun(a, axis=axis).sum())(x)[gaps] == 0).all()
    agrees(
        right,
        lambda a: fun(np.where(gaps, np.nan, a), axis=axis),
        apart(4, 5) / 4,
        order=2 if fun is not np.nanmedian else 1,
    )


def test_quantiles_of_nan_and_of_nothing():
    x = np.array([[1.0, np.nan, 2.0], [3.0, 4.0, 6.0]])
    np.testing.assert_array_equal(np.median(tg.Tensor(x, requires_grad=True), axis=1).numpy(), [np.nan, 4.0])
    np.testing.assert_array_equal(np.nanmedian(tg.Tensor(x, requires_grad=True), axis=1).numpy(), [1.5, 4.0])
    assert np.median(tg.Tensor(np.zeros((0, 3)), requires_grad=True), axis=1).shape == (0,)
    assert np.isnan(np.median(tg.Tensor(np.zeros(0), requires_grad=True)).numpy())


def test_weighted_quantiles_move_with_one_element():
    """Weights that are ties of ranks: the step function is NumPy's, the slope goes to the element that it took."""
    g = tg.grad(lambda a: np.quantile(a, 0.5, weights=[1, 0, 2, 3], method="inverted_cdf"))(np.array([3.0, 9, 1, 2]))
    np.testing.assert_array_equal(g, [0, 0, 0, 1])
    with pytest.raises(ValueError, match="inverted_cdf"):
        np.quantile(tg.Tensor(real(4), requires_grad=True), 0.5, weights=np.ones(4))


@pytest.mark.parametrize(
    "f",
    [
        np.median,
        lambda a: np.quantile(a, 0.3),
        lambda a: np.percentile(a, 30, axis=0),
        np.nanmean,
        np.nanstd,
        np.gradient,
        np.diff,
        lambda a: np.convolve(a[0], a[1]),
        lambda a: np.i0(a),
        np.unwrap,
    ],
)
def test_float32(f):
    x = real(4, 5).astype(np.float32)
    out, pullback = tg.vjp(f, x)
    first = out[0] if isinstance(out, (list, tuple)) else out
    expected = f(x)
    assert first.dtype == (expected[0] if isinstance(expected, (list, tuple)) else expected).dtype
    assert pullback(out)[0].dtype == np.float32


@pytest.mark.parametrize("f", [np.cumsum, np.cumprod, np.nancumsum, np.nancumprod])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_running_reductions_of_a_number(f, axis):
    out, pullback = tg.vjp(lambda x: f(x * x, axis=axis), 3.0)
    assert out.shape == (1,) and pullback(np.array([5.0]))[0] == 30


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("zero, slope", [(0, np.inf), (-0.0, -np.inf), (0.0, np.inf), (False, np.inf)])
def test_division_by_a_number_of_python_that_is_zero(zero, slope):
    assert tg.grad(lambda x: x / zero)(2.0) == slope
    assert tg.grad(lambda x: np.where(x > 5, x / zero, x))(2.0) == 1


def test_division_by_a_number_of_numpy_is_recorded_whatever_it_is():
    share = tg.jit(lambda x, y: tg.grad(lambda x: np.sum(x * x / np.sum(y)))(x))
    for y in (np.arange(3.0), np.ones(3)):
        np.testing.assert_allclose(share(np.ones(3), y), np.full(3, 2 / y.sum()))

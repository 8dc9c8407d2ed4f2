"""Wrong gradients that were published of other libraries: each is right here, at first and at second order."""

import numpy as np
import pytest

import tinygrad_np as tg

inf = np.inf

# f, x, f'(x), f''(x), and where it was reported. The numbers are from mpmath with 60 digits.
SLOPES = [
    (np.expm1, -40.0, 4.248354255291589e-18, 4.248354255291589e-18, "jax-ml/jax#39794"),
    (np.i0, 1e-300, 5e-301, 0.5, "jax-ml/jax#39797"),
    (np.sqrt, 5e-324, 2.2494568972715982e161, -inf, "jax-ml/jax#39799"),
    (np.tanh, 1e-300, 1.0, -2e-300, "jax-ml/jax#39801"),
    (np.sinc, 0.0, 0.0, -(np.pi**2) / 3, "removable singularity"),
    (lambda x: np.sum(x ** np.arange(0, 3)), 0.0, 1.0, 2.0, "jax-ml/jax#14397"),
    (lambda x: np.sum(x ** np.arange(0, 2)), 2.543, 1.0, 0.0, "jax-ml/jax#17995"),
    (lambda x: 1.65163625e38 * (1 - x / x), 3.0, 0.0, 0.0, "jax-ml/jax#15588"),
    (lambda x: np.where(x < 0, 1 / (1 - x), np.log(x + 1)), 1.0, 0.5, -0.25, "tensorflow/tensorflow#20355"),
    (lambda x: np.where(x > 0, 0.0, np.exp(x)), 1e10, 0.0, 0.0, "tensorflow/tensorflow#2540"),
    (lambda x: np.where(x > 2.5, 0.0, (1 / x) ** 12), 1.0, -12.0, 156.0, "jax-ml/jax#18562"),
]


@pytest.mark.parametrize("f, x, first, second, where", SLOPES, ids=[case[4] for case in SLOPES])
def test_first_and_second_derivative(f, x, first, second, where):
    with np.errstate(all="ignore"):
        forward = tg.jvp(f, (np.float64(x),), (1.0,))[1]
        twice = tg.jvp(tg.grad(f), (np.float64(x),), (1.0,))[1]
        found = [tg.grad(f)(x), forward, tg.grad(tg.grad(f))(x), twice]
    np.testing.assert_allclose(found, [first, first, second, second], rtol=1e-12)


@pytest.mark.parametrize(
    "name, x, first, second",
    [
        ("expm1", -40.0, 4.248354255291589e-18, 4.248354255291589e-18),
        ("expit", 37.42994775023705, 5.551115123125775e-17, -5.551115123125775e-17),
        ("spence", 1 - 1e-13, -1.00000000000005, 0.5),
        ("rgamma", 1e-300, 1.0, 2 * np.euler_gamma),
        ("rgamma", -1 + 1e-9, -1.0 + 0.84556867e-9, 0.8455686701969342),
        ("rgamma", -3.0, -6.0, 15.073411682295269),
        ("i1e", 1e15, -6.3078e-24, 0.0),
    ],
)
def test_special_functions_where_a_formula_cancels(name, x, first, second):
    special = pytest.importorskip("tinygrad_np.scipy.special", reason="SciPy is an extra")
    f = getattr(special, name)
    found = [tg.grad(f)(x), tg.jvp(f, (np.float64(x),), (1.0,))[1], tg.grad(tg.grad(f))(x)]
    np.testing.assert_allclose(found, [first, first, second], rtol=1e-6, atol=1e-20)


def test_divergences_at_the_edge():
    """Where p is 0 the divergence is 0, or q, whatever q is."""
    special = pytest.importorskip("tinygrad_np.scipy.special", reason="SciPy is an extra")
    for q in (0.0, 1.0):
        assert tg.grad(special.rel_entr, argnums=1)(0.0, q) == 0
        assert tg.grad(special.kl_div, argnums=1)(0.0, q) == 1


@pytest.mark.parametrize("x, y, quotient", [(1.0, 0.1, 9.0), (0.6, 0.2, 2.0), (-1.0, 0.1, -10.0), (7.5, -2.0, -4.0)])
def test_the_quotient_of_a_remainder_is_the_one_that_was_taken(x, y, quotient):
    """x / y may round up to the next whole number, where the remainder itself did not."""
    assert tg.grad(np.remainder, argnums=1)(x, y) == -quotient
    assert tg.grad(lambda y: np.divmod(x, y)[1])(y) == -quotient
    assert tg.grad(np.fmod, argnums=1)(x, y) == -np.rint((x - np.fmod(x, y)) / y)


@pytest.mark.parametrize("reduce", [np.mean, np.max, lambda x: np.mean(x, axis=0), lambda x: np.average(x, axis=0)])
def test_half_precision_counts_beyond_its_range(reduce):
    """tinygrad/tinygrad#12296: 70000 is infinity in float16."""
    g = tg.grad(reduce)(np.ones(70_000, np.float16))
    assert g.dtype == np.float16
    np.testing.assert_allclose(g, 1 / 70_000, rtol=1e-2)


@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_a_variance_of_nothing_has_no_gradient():
    """The variance of one element less one degree of freedom is NaN, and so is its gradient."""
    with np.errstate(all="ignore"):
        assert np.isnan(tg.grad(lambda x: np.var(x, ddof=1))(np.ones(1))).all()
        assert np.isnan(tg.grad(lambda x: np.std(x, ddof=1))(np.ones(1))).all()


def test_hessian_of_a_constant_power():
    """jax-ml/jax#20574: NaN in the row of an exponent 1."""
    for exponents in (np.array([0, 1]), np.array([0.0, 1.0])):
        assert not tg.jacobian(tg.jacobian(lambda x, e=exponents: x**e))(np.array([10.0, 0.0])).any()
    found = tg.jacobian(tg.jacobian(lambda t: np.array([1.0, 2.0, np.nan]) ** t))(1.0)  # jax-ml/jax#4900
    np.testing.assert_allclose(found, [0, 2 * np.log(2) ** 2, np.nan])


def test_infinite_logarithms():
    """pytorch/pytorch#49724: ((-∞ ⊕ -∞) ⊕ 2) and its like."""
    x = np.array([-inf, -inf, 2.0])
    np.testing.assert_array_equal(tg.grad(np.logaddexp.reduce)(x), [0, 0, 1])
    np.testing.assert_array_equal(tg.grad(lambda x: np.logaddexp(np.logaddexp(x[0], x[1]), x[2]))(x), [0, 0, 1])

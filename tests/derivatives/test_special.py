"""tinygrad_np.scipy: ufuncs in their tails, and SciPy's other functions; tests/test_rows.py has every row."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import ROWS
from tests.stream import rng
from tinygrad_np.engine.table import TABLE

sc = pytest.importorskip("scipy.special", reason="SciPy is an extra")

import scipy.linalg  # noqa: E402

import tinygrad_np.scipy.linalg as sl  # noqa: E402
import tinygrad_np.scipy.special as sp  # noqa: E402

SHAPE_PARAMETERS = {
    "gammainc",
    "gammaincc",
    "gammaincinv",
    "gammainccinv",
    "betainc",
    "betaincc",
    "betaincinv",
}
UFUNCS = {f.__name__: f for f in ROWS.values() if isinstance(f, np.ufunc) and getattr(sc, f.__name__, None) is f}
ELEMENTWISE = sorted(name for name, f in UFUNCS.items() if TABLE[f].kind == "elementwise")


def test_scipys_own_names_have_their_rows_although_nothing_of_ours_is_imported():
    program = """if True:
        import scipy.special as sc, tinygrad_np as tg
        from tinygrad_np.engine.table import TABLE
        assert abs(tg.grad(sc.gammaln)(2.0) - sc.digamma(2.0)) < 1e-15
        print(*sorted(f.__name__ for f in TABLE if getattr(sc, getattr(f, "__name__", ""), None) is f))
    """
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert set(UFUNCS) - {*out.split()} == set()


def inside(domain, n=5):
    """Numbers in the middle of an interval."""
    low, high = domain
    if np.isinf(low) and np.isinf(high):
        return rng.normal(size=n)
    if np.isinf(low) or np.isinf(high):
        return high - 0.3 - 2 * rng.random(n) if np.isinf(low) else low + 0.3 + 2 * rng.random(n)
    return low + (high - low) * (0.1 + 0.8 * rng.random(n))


def operands(name):
    row = TABLE[UFUNCS[name]]
    domains = row.domain if isinstance(row.domain[0], tuple) else (row.domain,) * len(row.diff)
    return [inside(d) for d in domains]


def real(*shape):
    return rng.normal(size=shape)


def cplx(*shape):
    return real(*shape) + 1j * real(*shape)


@pytest.mark.parametrize("name", sorted(SHAPE_PARAMETERS))
def test_second_derivatives_in_shape_parameters(name, right):
    right(UFUNCS[name], *operands(name), order=2)


def test_third_derivatives_in_shape_parameters():
    """The numbers are mpmath's."""
    third = tg.grad(tg.grad(tg.grad(lambda a: UFUNCS["gammainc"](a, 3.0))))
    np.testing.assert_allclose(third(0.7), -0.047862177347651115, rtol=1e-12)
    mixed = tg.grad(lambda a: tg.grad(lambda b: UFUNCS["betainc"](a, b, 0.9))(2.0))
    np.testing.assert_allclose(mixed(0.7), 0.026043345306182485, rtol=1e-12)


@pytest.mark.parametrize(
    "name, orders",
    [(n, (v,)) for n in ("jv", "yv", "iv", "kv", "ive", "kve") for v in (0, 1, 1.7)]
    + [(n, (2,)) for n in ("yn", "kn", "expn", "hankel1", "hankel2")]
    + [("hyp1f1", (0.5, 1.5)), ("hyp0f1", (1.5,)), ("hyp2f1", (0.5, 1.5, 2.0))],
)
def test_functions_of_an_order(name, orders, right):
    f = UFUNCS[name]
    x = inside((0.0, 1.0) if name == "hyp2f1" else (0.0, np.inf))
    right(lambda x: f(*orders, x), x, order=2)
    if name not in ("yn", "kn", "expn"):  # whose order NumPy takes as a whole number only
        with pytest.raises(tg.NotDifferentiable):
            f(tg.Tensor(np.array(1.5), requires_grad=True), *orders[1:], x)


@pytest.mark.parametrize("degree", [0, 1, 4])
def test_polynomials_of_a_degree(degree, right):
    for name in ("legendre", "chebyt", "chebyu", "hermite", "hermitenorm", "laguerre"):
        right(lambda x, f=UFUNCS[f"eval_{name}"]: f(degree, x), inside((-1.0, 1.0)), order=2)
    for name, parameters in (("genlaguerre", (0.7,)), ("gegenbauer", (0.7,)), ("jacobi", (0.7, -0.3))):
        right(lambda x, f=UFUNCS[f"eval_{name}"], p=parameters: f(degree, *p, x), inside((-1.0, 1.0)), order=2)
    with pytest.raises(tg.NotDifferentiable, match="eval_jacobi is not differentiable with respect to 'alpha'"):
        sc.eval_jacobi(2, tg.Tensor([1.0], requires_grad=True), 1.0, 0.5)


@pytest.mark.parametrize("name", ["sici", "shichi", "fresnel", "airy"])
def test_several_results(name, right):
    right(UFUNCS[name], inside((0.0, np.inf)), order=2)


@pytest.mark.parametrize("name", ["erf", "erfc", "wofz", "loggamma"])
def test_complex(name, right):
    right(UFUNCS[name], cplx(3), order=1)


TAILS = np.array([-1e8, -800.0, -50.0, -1e-300, 0.0, 1e-300, 50.0, 800.0, 1e8])
SATURATED = [
    "erf",
    "erfc",
    "ndtr",
    "log_ndtr",
    "expit",
    "log_expit",
    "expm1",
    "log1p",
    "exp1",
    "exprel",
    "cbrt",
    "digamma",
]


@pytest.mark.parametrize("name", sorted(n for n in set(ELEMENTWISE) if len(TABLE[UFUNCS[n]].diff) == 1))
def test_tails(name):
    """Where the function is finite its derivative is a number, and at ±infinity too where it levels off."""
    x = np.append(TAILS, [-np.inf, np.inf]) if name in SATURATED else TAILS
    out, pullback = tg.vjp(UFUNCS[name], x)
    g = pullback(np.ones_like(out))[0]
    assert not np.isnan(g[np.isfinite(out)]).any()


@pytest.mark.parametrize(
    "name, x, slope",
    [
        ("log_ndtr", -800.0, 800.0012499960938),
        ("log_ndtr", -1e8, 1e8),
        ("erfcx", 1e8, -5.641895835477562e-17),
        ("dawsn", 1e8, -5e-17),
        ("expit", 800.0, 0.0),
        ("log_expit", -800.0, 1.0),
        ("exprel", 0.0, 0.5),
        ("exprel", -800.0, 1 / 640000),
        ("rgamma", -2.0, 2.0),
        ("spence", 1.0, -1.0),
        ("sici", 0.0, 1.0),
        ("ellipk", 0.0, np.pi / 8),
        ("j1", 0.0, 0.5),
        ("i1", 0.0, 0.5),
    ],
)
def test_known_slopes(name, x, slope):
    f = UFUNCS[name]
    g = tg.grad(lambda x: f(x)[0] if name == "sici" else f(x))(x)
    np.testing.assert_allclose(g, slope, rtol=1e-12)


def test_entropies_at_zero():
    x, y = np.array([0.0, 0, 1]), np.array([0.0, 2, 3])
    gx, gy = tg.vjp(sc.xlogy, x, y)[1](np.ones(3))
    np.testing.assert_allclose(gx, [0, np.log(2), np.log(3)])
    np.testing.assert_allclose(gy, [0, 0, 1 / 3])
    gx, gy = tg.vjp(sc.xlog1py, x, y)[1](np.ones(3))
    np.testing.assert_allclose(gx, np.log1p(y))
    np.testing.assert_allclose(gy, [0, 0, 1 / 4])


def test_a_ufunc_without_a_derivative_says_so():
    with pytest.raises(tg.NotDifferentiable, match="kolmogorov"):
        sc.kolmogorov(tg.Tensor([1.0], requires_grad=True))


# ---- functions that are not ufuncs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: sp.polygamma(0, x), (0, np.inf)),
        (lambda x: sp.polygamma(2, x), (0, np.inf)),
        (lambda q: sp.zeta(2.5, q), (0, np.inf)),
        (sp.lambertw, (0, np.inf)),
        (lambda x: sp.lambertw(x, -1), (-0.3, -0.05)),
        (lambda a: sp.multigammaln(a, 3), (1, np.inf)),
        (sp.softplus, (-np.inf, np.inf)),
    ]
    + [
        (lambda x, f=f: f(2, x), (0, np.inf))
        for f in (sp.spherical_jn, sp.spherical_yn, sp.spherical_in, sp.spherical_kn)
    ],
)
def test_other_functions(f, x, right):
    right(f, inside(x), order=2)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp(axis, keepdims, right):
    x, b = real(3, 4), real(4)
    for ours, scipys in [
        (sp.logsumexp(x, axis, keepdims=keepdims), sc.logsumexp(x, axis, keepdims=keepdims)),
        (sp.logsumexp(x, axis, b**2, keepdims), sc.logsumexp(x, axis, b**2, keepdims)),
        (sp.logsumexp(x, axis, b, keepdims, True), sc.logsumexp(x, axis, b, keepdims, True)),
        (sp.softmax(x, axis), sc.softmax(x, axis)),
        (sp.log_softmax(x, axis), sc.log_softmax(x, axis)),
    ]:
        np.testing.assert_allclose(ours, scipys, rtol=1e-13, atol=1e-15)
    right(lambda x: sp.logsumexp(x, axis, keepdims=keepdims), x, order=2)
    right(lambda x, b: sp.logsumexp(x, axis, b**2 + 1, keepdims), x, b, order=2)
    right(lambda x, b: sp.logsumexp(x, axis, b, keepdims, True)[0], x, b, order=2)
    right(lambda x: (sp.softmax(x, axis), sp.log_softmax(x, axis)), x, order=2)


@pytest.mark.parametrize("fun", [sp.softmax, sp.log_softmax, np.max], ids=lambda f: f.__name__)
@pytest.mark.parametrize("wrap", [np.array, lambda a: tg.Tensor(a, requires_grad=True)], ids=["array", "tensor"])
def test_an_axis_without_elements_has_no_largest_one(fun, wrap):
    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum"):
        fun(wrap(np.zeros((4, 0))), axis=-1)
    assert fun(wrap(np.zeros((0, 4))), axis=-1).size == 0


@pytest.mark.parametrize("axis, shape", [(None, ()), (0, (0,)), (1, (4,)), ((0, 1), ())])
def test_logsumexp_of_nothing_is_the_logarithm_of_zero(axis, shape):
    x = tg.Tensor(np.zeros((4, 0)), requires_grad=True)
    out = sp.logsumexp(x, axis)
    out.backward(np.ones(shape))
    assert out.shape == shape and (out.numpy() == -np.inf).all() and x.grad.shape == (4, 0)


@pytest.mark.parametrize(
    "x, shares",
    [
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([np.inf, 1.0, np.inf], [0.5, 0.0, 0.5]),
        ([-np.inf, 1.0, 801.0], [0.0, 0.0, 1.0]),
        ([-800.0, -800.0], [0.5, 0.5]),
    ],
)
def test_logsumexp_of_infinities(x, shares):
    np.testing.assert_allclose(tg.grad(sp.logsumexp)(np.array(x)), shares)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("name", ["expm", "sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm", "logm", "sqrtm"])
def test_functions_of_matrices(name, kind, right):
    a = kind(2, 3, 3) / 2
    a = a @ np.conj(np.matrix_transpose(a)) + np.eye(3) if name in ("logm", "sqrtm") else a
    f = getattr(sl, name)
    np.testing.assert_allclose(f(a), np.stack([getattr(scipy.linalg, name)(m) for m in a]))
    right(f, a[0], rtol=1e-6)  # SciPy's logm takes 0.6 ms, and an entry of a stack 60 of them
    right(f, a[:, :1, :1], rtol=1e-6)
    right(f, a[0, :2, :2], rtol=1e-6, order=2)


def test_functions_of_matrices_with_equal_eigenvalues():
    """The Fréchet derivative at the identity is the derivative of the function, times the direction."""
    ct = real(3, 3)
    for f, slope in ((sl.expm, np.e), (sl.sqrtm, 0.5), (sl.logm, 1.0), (sl.sinm, np.cos(1))):
        np.testing.assert_allclose(tg.vjp(f, np.eye(3))[1](ct)[0], slope * ct, atol=1e-12)


def test_logm_on_its_branch_cut_is_refused():
    with pytest.raises(tg.NotDifferentiable, match="branch cut"):
        tg.vjp(sl.logm, np.diag([-1.0, 2.0]))[1](np.eye(2) + 0j)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("trans", [0, "T", 2])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_solve_triangular(trans, lower, unit, kind, right):
    a, b = kind(3, 3) + 3 * np.eye(3), kind(3, 2)
    f = lambda a, b: sl.solve_triangular(a, b, trans, lower, unit)  # noqa: E731
    np.testing.assert_allclose(f(a, b), scipy.linalg.solve_triangular(a, b, trans, lower, unit))
    right(f, a, b, order=2)
    right(f, a, b[:, 0], order=2)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("lower", [False, True])
def test_cholesky_solutions(lower, kind, right):
    b = kind(3)

    def solution(root):
        return sl.cho_solve(sl.cho_factor(root @ np.conj(root.T) + np.eye(3), lower), b)

    a = kind(3, 3)
    np.testing.assert_allclose(solution(a), np.linalg.solve(a @ np.conj(a.T) + np.eye(3), b))
    right(lambda root: sl.cholesky(root @ np.transpose(root).conjugate() + np.eye(3), lower), a, order=2)
    right(solution, a, order=2) if kind is real else True


@pytest.mark.parametrize("kind", [real, cplx])
def test_structured_matrices_and_sylvester(kind, right):
    a, b, c = kind(3, 3) + 3 * np.eye(3), kind(2, 2) + 3 * np.eye(2), kind(3, 2)
    np.testing.assert_allclose(sl.solve_sylvester(a, b, c), scipy.linalg.solve_sylvester(a, b, c))
    right(sl.solve_sylvester, a, b, c, order=2)
    for f, xs in (
        (sl.block_diag, (c, b[0])),
        (sl.toeplitz, (a[0], b[0])),
        (sl.toeplitz, (a[0],)),
        (sl.circulant, (a[0],)),
    ):
        np.testing.assert_allclose(f(*xs), getattr(scipy.linalg, f.__name__)(*xs))
        right(f, *xs)


@pytest.mark.parametrize(
    "name",
    [
        "erf",
        "erfc",
        "erfcx",
        "erfinv",
        "ndtr",
        "log_ndtr",
        "ndtri",
        "digamma",
        "gammaln",
        "expit",
        "logit",
        "i0",
        "i0e",
        "i1",
        "i1e",
        "entr",
    ],
)
def test_agrees_with_pytorch(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    x = {
        "erfinv": [-0.9, 1e-3, 0.8],
        "ndtri": [1e-6, 0.3, 0.9999],
        "logit": [1e-6, 0.3, 0.9999],
        "digamma": [0.01, 2, 300],
        "gammaln": [0.01, 2, 300],
        "entr": [0.01, 2, 300],
    }.get(name, [-300.0, -30, -3, -0.1, 0.2, 4, 25, 100])
    x = np.array(x)
    t = torch.tensor(x, requires_grad=True)
    getattr(torch.special, name)(t).sum().backward()
    np.testing.assert_allclose(tg.grad(lambda x: getattr(sc, name)(x).sum())(x), t.grad.numpy(), rtol=1e-9, atol=1e-16)

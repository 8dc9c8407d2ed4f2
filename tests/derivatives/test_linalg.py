"""numpy.linalg where it is hard: singular, degenerate, empty, batched and complex matrices, and against PyTorch."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng

L = np.linalg


def real(*shape):
    return rng.normal(size=shape)


def cplx(*shape):
    return real(*shape) + 1j * real(*shape)


def H(a):
    return np.conj(np.matrix_transpose(a))


def spd(a):
    return a @ H(a) + np.eye(a.shape[-1])


def pull(f, *primals):
    """The function's value, a random cotangent of it, and what the pullback makes of that."""
    out, pullback = tg.vjp(f, *primals)
    ct = rng.normal(size=out.shape).astype(out.dtype)
    return out, ct, pullback(ct)


def signed(v):
    """Unit columns whose largest component is real, turned to make it positive."""
    values = v.numpy() if isinstance(v, tg.Tensor) else v
    largest = np.take_along_axis(values, np.argmax(np.abs(values), axis=-2, keepdims=True), -2)
    return v * np.sign(np.real(largest))


def rank(r, n=4, kind=real):
    return kind(n, r) @ kind(r, n)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("r", [1, 2, 3, 4])
def test_det_is_right_to_second_order_at_any_rank(kind, r):
    a, e, d = rank(r, kind=kind), kind(4, 4), kind(4, 4)
    polynomial = np.polynomial.polynomial.Polynomial.fit(
        np.linspace(-1, 1, 5), [L.det(a + t * e) for t in np.linspace(-1, 1, 5)], 4
    )
    first, second = (polynomial.deriv(k)(0.0) for k in (1, 2))
    np.testing.assert_allclose(tg.jvp(L.det, (a,), (e,))[1], first, atol=1e-12)

    def along(a):
        return tg.jvp(L.det, (a,), (e,))[1]

    np.testing.assert_allclose(tg.jvp(along, (a,), (e,))[1], second, atol=1e-11)
    for f in (L.det, along):  # reverse mode is the transpose of forward mode
        ct = kind()
        np.testing.assert_allclose(
            np.vdot(tg.vjp(f, a)[1](ct)[0], d), np.vdot(ct, tg.jvp(f, (a,), (d,))[1]), atol=1e-12
        )


def test_det_of_a_batch_with_one_singular_matrix(right):
    right(L.det, np.stack([rank(2, 3), real(3, 3), np.zeros((3, 3)), np.eye(3)]), order=2, atol=1e-12)


def test_det_gradient_is_the_cofactors():
    g = tg.grad(L.det)(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]))  # singular: 1 - 2 + 1 = 0
    np.testing.assert_allclose(g, [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]], atol=1e-12)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("r", [0, 1, 2, 3, 4])
def test_det_to_fourth_order_at_any_rank(kind, r):
    """Along a line det is a polynomial, whose coefficients are known from five points."""
    a, e = rank(r, kind=kind) if r else np.zeros((4, 4)) * kind(), kind(4, 4)
    t = np.linspace(-1, 1, 5)
    polynomial = np.polynomial.polynomial.Polynomial.fit(t, [L.det(a + s * e) for s in t], 4)
    f = L.det
    for order in range(1, 5):
        f = (lambda g: lambda a: tg.jvp(g, (a,), (e,))[1])(f)
        np.testing.assert_allclose(f(a), polynomial.deriv(order)(0.0), atol=1e-9, rtol=1e-9)


def test_det_to_third_order_in_reverse():
    def third(a):
        return tg.grad(lambda x: (tg.grad(lambda y: (tg.grad(L.det)(y) * w).sum())(x) * w).sum())(a)

    w = real(3, 3)
    for a in (np.eye(3), np.zeros((3, 3)), rank(1, 3), rank(2, 3)):
        np.testing.assert_allclose((third(a) * w).sum(), 6 * L.det(w))  # det is a cubic form


def test_slogdet_of_a_singular_matrix_is_not_finite_but_unused_it_is_zero():
    a = np.zeros((2, 2))
    assert np.isnan(tg.grad(lambda a: L.slogdet(a)[1])(a)).all()
    assert (tg.grad(lambda a: np.where(False, L.slogdet(a)[1], a.sum()))(a) == 1).all()


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize(
    "f",
    [
        L.inv,
        L.det,
        L.slogdet,
        lambda a: (L.eig(a)[0], signed(L.eig(a)[1])),
        lambda a: L.svd(a, full_matrices=False),
        lambda a: L.cholesky(spd(a)),
        lambda a: L.cholesky(spd(a), upper=True),
        lambda a: L.eigh(a + H(a)),
        lambda a: L.eigh(a + H(a), "U"),
        L.qr,
    ],
)
def test_batches_and_phases(f, kind, right):
    """Complex eigenvectors are checked with the phase that LAPACK gives them.

    But the sign that it gives those of `eig` jumps between matrices that differ by 1e-9, at which of them depends on
    the kernels of the BLAS, so finite differences need it fixed.
    """
    right(f, kind(2, 3, 3), order=2)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (1, 3), (3, 1), (1, 1), (15, 2)])
@pytest.mark.parametrize("f", [lambda a: L.svd(a, full_matrices=False), L.qr, L.pinv])
def test_wide_and_tall(f, shape, kind, right):
    right(f, kind(*shape), order=2)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
def test_full_svd_moves_the_null_space(shape, right):
    def projectors(a):
        u, s, vh = L.svd(a)
        k = len(s)
        return u[:, :k], s, u[:, k:] @ H(u[:, k:]), H(vh[k:]) @ vh[k:]

    right(projectors, real(*shape), order=2)


@pytest.mark.parametrize("mode", ["complete", "raw"])
def test_qr_that_has_no_derivative_says_so_at_the_call(mode):
    x = tg.Tensor(real(4, 2), requires_grad=True)
    with pytest.raises(tg.NotDifferentiable, match="4 by 2 .* use mode='reduced'"):
        L.qr(x, mode)
    with tg.no_grad():
        np.testing.assert_array_equal(L.qr(x, mode)[0].numpy(), L.qr(x.numpy(), mode)[0])


def test_qr_of_dependent_columns_is_refused():
    with pytest.raises(tg.NotDifferentiable, match="depend on each other"):
        tg.grad(lambda a: L.qr(a)[1][0, 1])(np.ones((3, 2)))


def test_the_largest_of_tied_singular_values_shares():
    g = tg.grad(lambda a: L.norm(a, 2))(np.eye(3))
    np.testing.assert_allclose(np.trace(g), 1)


# ---- norms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 2.5, 0.5, np.inf])
def test_the_norm_of_zero_has_gradient_zero(ord):
    assert (tg.grad(lambda x: L.norm(x, ord))(np.zeros(3)) == 0).all()


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 2, 1, np.inf])
def test_the_norm_of_a_zero_matrix_has_gradient_zero(ord):
    assert (tg.grad(lambda x: L.norm(x, ord))(np.zeros((2, 3))) == 0).all()


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
@pytest.mark.parametrize("axis, keepdims", [((0, 1), False), ((-1, 0), True), ((2, 1), False)])
def test_matrix_norms(ord, axis, keepdims, kind, right):
    x = kind(3, 4, 2)
    f = lambda x: L.norm(x, ord, axis, keepdims)  # noqa: E731
    np.testing.assert_allclose(tg.vjp(f, x)[0], f(x))
    right(f, x, order=2)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("ord", [None, 0, 1, 2, 3, 4, 2.5, 0.5, -1, -2, np.inf, -np.inf])
def test_vector_norms(ord, kind, right):
    x = kind(3, 4)
    np.testing.assert_allclose(tg.vjp(lambda x: L.norm(x, ord, 1), x)[0], L.norm(x, ord, 1))
    if ord != 0:
        right(lambda x: L.norm(x, ord, 1), x, order=2)
    else:
        assert (pull(lambda x: L.norm(x, 0, 1), x)[2][0] == 0).all()


def test_ties_of_the_maximum_norm_share():
    np.testing.assert_allclose(tg.grad(lambda x: L.norm(x, np.inf))(np.array([2.0, -2.0, 1.0])), [0.5, -0.5, 0])


# ---- the rest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "a, b",
    [((3, 3), (3,)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1)), ((2, 1, 3, 3), (4, 3, 2))],
)
def test_solve_broadcasts(a, b, right):
    right(L.solve, real(*a), real(*b), order=2)


def test_solve_of_a_list():
    np.testing.assert_allclose(tg.grad(lambda b: L.solve([[2.0, 0], [0, 4]], b)[1])(np.ones(2)), [0, 0.25])


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (2, 3, 3), (4, 4)])
@pytest.mark.parametrize("complex_numbers", [False, True])
def test_pinv_differentiates_through_its_cutoff(shape, complex_numbers, rng, right):
    """Singular values that are not zero are discarded: the kept ones' space turns towards theirs, to second order."""
    m, n = shape[-2:]

    def orthogonal(size):
        a = rng.normal(size=(*shape[:-2], size, size)) + 1j * complex_numbers * rng.normal(
            size=(*shape[:-2], size, size)
        )
        return L.qr(a if complex_numbers else a.real)[0]

    values = np.zeros((m, n))
    np.fill_diagonal(values, [3.0, 2.0, 0.5, 0.25])
    a = orthogonal(m) @ values @ orthogonal(n)
    assert (L.matrix_rank(L.pinv(a, 0.3)) == 2).all()
    right(lambda a: L.pinv(a, 0.3), a, order=2)


def test_pinv_whose_cutoff_parts_equal_values_is_refused():
    a = np.diag([1.0, 1.0 + 1e-15])
    with pytest.raises(tg.NotDifferentiable, match="pinv: a singular value that is kept is not apart from one"):
        tg.grad(lambda a: L.pinv(a, rcond=1 - 2e-16).sum())(a)


@pytest.mark.parametrize("kind", [real, cplx])
def test_pinv_of_hermitian_reads_the_lower_triangle(kind, right):
    right(lambda a: L.pinv(a, hermitian=True), kind(3, 3), order=2)


def test_lstsq_returns_what_numpy_returns(right):
    a, b = real(5, 2), real(5, 3)
    ours, numpys = L.lstsq(tg.Tensor(a, requires_grad=True), b), L.lstsq(a, b)
    for x, y in zip(ours, numpys):
        np.testing.assert_allclose(x.numpy() if isinstance(x, tg.Tensor) else x, y)
    right(lambda a, b: L.lstsq(a, b)[:2], a, b, order=2)
    right(lambda a, b: L.lstsq(a, b)[0], real(2, 5), b[:2], order=2)


@pytest.mark.parametrize("p", [None, -2, "fro", "nuc", 1, -1, np.inf, -np.inf])
def test_cond(p, right):
    x = real(2, 3, 3)
    np.testing.assert_allclose(tg.vjp(lambda x: L.cond(x, p), x)[0], L.cond(x, p))
    right(lambda x: L.cond(x, p), x, rtol=1e-6, order=2)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 7])
def test_matrix_power(n, right):
    right(lambda a: L.matrix_power(a, n) + a, real(2, 3, 3) + 2 * np.eye(3), order=2)


@pytest.mark.parametrize(
    "f, shapes",
    [
        (lambda a, b: L.multi_dot([a, b]), [(2, 3), (3,)]),
        (lambda *a: L.multi_dot(a), [(3,), (3, 2), (2, 4), (4,)]),
        (lambda a: L.tensorinv(a, ind=1), [(6, 2, 3)]),
        (lambda a, b: L.tensorsolve(a, b, axes=(0,)), [(6, 2, 3), (2, 3)]),
        (lambda a, b: np.vecdot(a, b, axis=0), [(3, 2), (3, 2)]),
        (lambda a, b: np.vecdot(a, b, axes=[0, 1]), [(3, 2), (2, 3)]),
        (lambda a, b: np.matmul(a, b, axes=[(0, 1), (-1, 0), (1, 0)]), [(3, 4, 2), (3, 2, 4)]),
        (np.matvec, [(2, 3, 4), (4,)]),
        (np.vecmat, [(2, 3), (3, 4)]),
    ],
)
@pytest.mark.parametrize("kind", [real, cplx])
def test_products(f, shapes, kind, right):
    primals = [kind(*s) for s in shapes]
    np.testing.assert_allclose(tg.vjp(f, *primals)[0], f(*primals))
    right(f, *primals, order=2)


@pytest.mark.parametrize(
    "f, shape",
    [
        (L.inv, (0, 0)),
        (L.det, (0, 0)),
        (L.det, (3, 0, 0)),
        (L.svdvals, (0, 3)),
        (L.norm, (0,)),
        (L.norm, (0, 2)),
        (L.pinv, (0, 2)),
        (L.cholesky, (0, 2, 2)),
        (L.eigvalsh, (0, 0)),
        (L.eigvals, (0, 2, 2)),
        (lambda a: L.qr(a)[1], (0, 3)),
        (lambda a: L.norm(a, axis=1), (2, 0)),
        (lambda a: L.svd(a)[0], (2, 0, 0)),
        (lambda a: L.eigh(a)[1], (0, 0)),
        (lambda a: L.eig(a)[1], (2, 0, 0)),
    ],
)
@pytest.mark.parametrize("dtype", [float, complex])
def test_empty(f, shape, dtype):
    x = np.zeros(shape, dtype)
    out, _, (g,) = pull(f, x)
    np.testing.assert_array_equal(out, f(x))
    assert g.shape == shape


@pytest.mark.parametrize(
    "f",
    [
        L.inv,
        L.det,
        L.svdvals,
        L.norm,
        L.pinv,
        lambda a: L.norm(a[0], 3),
        lambda a: L.norm(a, "nuc"),
        L.cond,
        lambda a: L.solve(a, np.ones(3, np.float32)),
        lambda a: L.cholesky(spd(a).astype(a.dtype)),
        lambda a: L.eigvalsh(a),
        lambda a: L.qr(a)[0],
        lambda a: L.matrix_power(a, -2),
    ],
)
def test_float32_stays_float32(f):
    x = (real(3, 3) + 3 * np.eye(3)).astype(np.float32)
    out, _, (g,) = pull(f, x)
    assert out.dtype == g.dtype == np.float32


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize(
    "name", ["inv", "det", "pinv", "cholesky", "eigvalsh", "svdvals", "norm", "matrix_norm", "slogdet"]
)
def test_agrees_with_pytorch(name, kind):
    """For one triangle PyTorch spreads the gradient over both."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    a = spd(kind(3, 3))
    if name == "slogdet":
        out, pullback = tg.vjp(lambda a: L.slogdet(a)[1], a)
        theirs = lambda t: torch.linalg.slogdet(t)[1]  # noqa: E731
    else:
        out, pullback = tg.vjp(getattr(L, name), a)
        theirs = getattr(torch.linalg, name)
    ct = real(*out.shape).astype(out.dtype)
    t = torch.tensor(a, requires_grad=True)
    theirs(t).backward(torch.tensor(ct))
    (g,), expected = pullback(ct), t.grad.numpy()
    if name in ("cholesky", "eigvalsh"):
        g, expected = (g + H(g)) / 2, (expected + H(expected)) / 2
    np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-9)

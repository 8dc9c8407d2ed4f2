"""Where eigenvalues or singular values coincide: right at any order and in both modes, or refused."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng

L = np.linalg

WEIGHT = rng.normal(size=(4, 4))
TURN = L.qr(rng.normal(size=(4, 4)))[0]
DOUBLE = (TURN * [1.0, 1.0, 2.0, 3.0]) @ TURN.T
POINTS = {"the identity": np.eye(4), "diagonal": np.diag([1.0, 1.0, 2.0, 3.0]), "turned": (DOUBLE + DOUBLE.T) / 2}
LOW_RANK = rng.normal(size=(4, 2)) @ rng.normal(size=(2, 4))


def symmetric():
    u = rng.normal(size=(4, 4))
    return u + u.T


def slope(f, a, u, h=1e-3):
    """The derivative of f along u, from four points."""
    return (8 * (f(a + h * u) - f(a - h * u)) - f(a + 2 * h * u) + f(a - 2 * h * u)) / (12 * h)


def first(f, a, u):
    """Along u in both modes, which agree."""
    forward, reverse = tg.jvp(f, (a,), (u,))[1], np.sum(tg.grad(f)(a) * u)
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-11)
    return forward


def second(f, a, u, d):
    """Along u and d, forward over reverse and reverse over reverse, which agree."""
    forward = np.sum(tg.hvp(f, (a,), (u,)) * d)
    reverse = np.sum(tg.grad(lambda a: np.sum(tg.grad(f)(a) * u))(a) * d)
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-9)
    return forward


def spectral(f):
    """The function v f(w) v.T, against weights."""

    def of_matrix(a):
        w, v = L.eigh(a)
        return np.sum((v * f(w)) @ v.T * WEIGHT)

    return of_matrix


def projector(columns):
    def of_matrix(a):
        v = L.eigh(a)[1][:, columns]
        return np.sum(v @ v.T * WEIGHT)

    return of_matrix


def truncated(a):
    u, s, vh = L.svd(a)
    return np.sum((u[:, :2] * s[:2]) @ vh[:2] * WEIGHT)


@pytest.mark.parametrize("a", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(L.eigvalsh(a) ** 3),
        lambda a: np.sum(np.log(L.eigh(a)[0])),
        lambda a: np.sum((L.eigvalsh(a) - 1) ** 2),
        lambda a: np.log(np.sum(np.exp(L.eigvalsh(a)))),
        lambda a: np.sum(np.real(L.eigvals(a)) ** 2),
        lambda a: np.sum(L.svdvals(a) ** 3),
        lambda a: np.sum(L.svd(a)[1] ** 2),
    ],
)
def test_functions_of_values_alone(f, a):
    u = symmetric()
    np.testing.assert_allclose(first(f, a, u), slope(f, a, u), rtol=1e-7, atol=1e-8)
    with pytest.raises(tg.NotDifferentiable, match="coincide"):
        tg.hvp(f, (a,), (u,))
    with pytest.raises(tg.NotDifferentiable, match="coincide"):
        tg.hessian(f)(a)


@pytest.mark.parametrize("a", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(L.eigvalsh(a)),
        lambda a: L.norm(a, "nuc"),
        lambda a: L.norm(a) ** 3,
        lambda a: L.slogdet(a)[1],
        L.det,
        lambda a: np.sum(L.pinv(a) * WEIGHT),
    ],
)
def test_the_second_derivative_where_it_is_right(f, a):
    u, d = symmetric(), symmetric()
    np.testing.assert_allclose(first(f, a, u), slope(f, a, u), rtol=1e-7, atol=1e-8)
    expected = slope(lambda a: slope(f, a, u), a, d)
    np.testing.assert_allclose(second(f, a, u, d), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("a", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize(
    "f",
    [
        spectral(np.exp),
        spectral(np.log),
        spectral(lambda w: w),
        lambda a: (lambda w, v: np.sum(np.real((v * w**2) @ L.inv(v)) * WEIGHT))(*L.eig(a)),
        lambda a: (lambda u, s, vh: np.sum((u * s) @ vh * WEIGHT))(*L.svd(a)),
        lambda a: L.eigh(a)[1][0] @ L.eigh(a)[1][:, 0] + np.sum(L.eigh(a)[1][:, 0] * WEIGHT[0]),
    ],
)
def test_what_the_cotangents_do_not_tell_is_refused_in_both_modes(f, a):
    with pytest.raises(tg.NotDifferentiable, match="coincide"):
        tg.grad(f)(a)
    with pytest.raises(tg.NotDifferentiable, match="coincide"):
        tg.jvp(f, (a,), (symmetric(),))


def test_the_space_of_equal_eigenvalues():
    """It is well defined although its vectors are not; JAX and PyTorch give NaN. One of the vectors is not."""
    a, u = POINTS["turned"], symmetric()
    for columns in (slice(2), slice(3)):
        np.testing.assert_allclose(first(projector(columns), a, u), slope(projector(columns), a, u), rtol=1e-7)
        with pytest.raises(tg.NotDifferentiable, match="coincide"):
            tg.hvp(projector(columns), (a,), (u,))
    with pytest.raises(tg.NotDifferentiable, match="any basis of one space"):
        tg.grad(projector(slice(1)))(a)


def test_the_nearest_orthogonal_matrix():
    """u vᴴ turns by what u and v turn against each other, which no coincidence hides."""

    def polar(a):
        u, _, vh = L.svd(a)
        return np.sum(u @ vh * WEIGHT)

    for a in (np.eye(4), TURN, DOUBLE):
        u = rng.normal(size=(4, 4))
        np.testing.assert_allclose(first(polar, a, u), slope(polar, a, u), rtol=1e-6, atol=1e-8)
    with pytest.raises(tg.NotDifferentiable, match="singular value that is zero"):
        tg.grad(polar)(rng.normal(size=(4, 3)) @ rng.normal(size=(3, 4)))


def test_what_uses_only_the_other_eigenvectors():
    """Principal components of a covariance of low rank: what is zero many times is sliced off."""

    def components(a):
        w, v = L.eigh(a)
        return np.sum((v[:, 2:] * w[2:]) @ v[:, 2:].T * WEIGHT)

    a, u = LOW_RANK @ LOW_RANK.T, symmetric()
    np.testing.assert_allclose(first(components, a, u), slope(components, a, u, 1e-4), rtol=1e-6)
    u = rng.normal(size=(4, 4))
    np.testing.assert_allclose(first(truncated, LOW_RANK, u), slope(truncated, LOW_RANK, u, 1e-4), rtol=1e-6)


def test_singular_values_that_are_zero():
    u = rng.normal(size=(4, 4))
    squares = lambda a: np.sum(L.svdvals(a) ** 2)  # noqa: E731
    np.testing.assert_allclose(tg.grad(squares)(LOW_RANK), 2 * LOW_RANK)
    with pytest.raises(tg.NotDifferentiable, match="zero"):
        tg.hvp(squares, (LOW_RANK,), (u,))
    with pytest.raises(tg.NotDifferentiable, match="zero"):
        tg.grad(lambda a: (lambda u, s, vh: np.sum((u * s) @ vh * WEIGHT))(*L.svd(a)))(LOW_RANK)

    def largest(a):
        return L.norm(a, 2)

    a = np.outer(WEIGHT[0], WEIGHT[1])
    np.testing.assert_allclose(second(largest, a, u, u), slope(lambda a: slope(largest, a, u), a, u), rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
def test_vectors_of_a_null_space(shape):
    """The space moves, in both modes; one vector of it is any."""
    a, u = rng.normal(size=shape), rng.normal(size=shape)
    tall = shape[0] > shape[1]

    def null(a):
        q, _, vh = L.svd(a)
        return q[:, 2:] if tall else vh[2:].T

    space = lambda a: (lambda v: np.sum(v @ v.T * WEIGHT))(null(a))  # noqa: E731
    np.testing.assert_allclose(first(space, a, u), slope(space, a, u, 1e-4), rtol=1e-6)
    with pytest.raises(tg.NotDifferentiable, match="any basis"):
        tg.grad(lambda a: np.sum(null(a)[:, 0] * WEIGHT[0]))(a)
    # the others have their tangents all the same
    others = lambda a: np.abs(L.svd(a)[0][:, :2])  # noqa: E731
    np.testing.assert_allclose(tg.jvp(others, (a,), (u,))[1], slope(others, a, u, 1e-4), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("gap", [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-9, 1e-8, 1e-6])
def test_values_that_nearly_coincide_are_right_or_refused(gap):
    a = (TURN * [1.0, 1.0 + gap, 2.0, 3.0]) @ TURN.T
    a, u = (a + a.T) / 2, symmetric()
    np.testing.assert_allclose(
        first(lambda a: np.sum(L.eigvalsh(a) ** 2), a, u), 2 * np.sum(a * u), rtol=1e-12, atol=1e-12
    )
    try:
        found = np.sum(tg.grad(spectral(np.square))(a) * u)
    except tg.NotDifferentiable:
        assert gap < 1e-9
    else:
        expected = np.sum((a @ u + u @ a) * WEIGHT)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_defective_matrix_is_refused():
    squares = lambda a: np.sum(np.real(L.eigvals(a) ** 2))  # noqa: E731
    with pytest.raises(tg.NotDifferentiable, match="defective"):
        tg.grad(squares)(np.array([[1.0, 1.0], [0.0, 1.0]]))
    for n in (2, 3, 4):  # turned, LAPACK finds eigenvalues that are a little apart
        x = rng.normal(size=(n, n))
        a = x @ (np.eye(n) + np.eye(n, k=1)) @ L.inv(x)
        try:
            np.testing.assert_allclose(tg.grad(squares)(a), 2 * a.T, rtol=1e-4, atol=1e-4)
        except tg.NotDifferentiable:
            pass


def test_one_matrix_of_a_batch():
    a = np.stack([POINTS["turned"], symmetric()])
    with pytest.raises(tg.NotDifferentiable, match="coincide"):
        tg.grad(lambda a: np.sum(L.eigh(a)[0] @ L.eigh(a)[1]) + spectral(np.exp)(a[0]))(a)
    g = tg.grad(lambda a: np.sum(L.eigvalsh(a) ** 2))(a)
    np.testing.assert_allclose(np.sum(g * a), 2 * np.sum(a * a))

"""numpy.fft: every transform, every normalization, odd and even lengths, padding and cropping, any axes."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng

NORMS = [None, "backward", "ortho", "forward"]


def real(*shape):
    return rng.normal(size=shape)


def cplx(*shape):
    return real(*shape) + 1j * real(*shape)


def adjoint_and_values(f, x):
    """A linear function's tangent is the function, and its pullback the adjoint: <ct, f(u)> = <pullback(ct), u>."""
    u = (cplx if np.iscomplexobj(x) else real)(*x.shape)
    out, pullback = tg.vjp(f, x)
    ct = (cplx if np.iscomplexobj(out) else real)(*out.shape)
    np.testing.assert_allclose(out, f(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(tg.jvp(f, (x,), (u,))[1], f(u), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.vdot(pullback(ct)[0], u).real, np.vdot(ct, f(u)).real, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(tg.vjp(lambda ct: pullback(ct)[0], ct)[0], pullback(ct)[0])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 3, 4, 9])
@pytest.mark.parametrize(
    "name, kinds",
    [
        ("fft", (real, cplx)),
        ("ifft", (real, cplx)),
        ("rfft", (real,)),
        ("irfft", (real, cplx)),
        ("hfft", (real, cplx)),
        ("ihfft", (real,)),
    ],
)
def test_one_axis(name, kinds, n, norm):
    for kind in kinds:
        for axis in (-1, 0):
            adjoint_and_values(lambda a, axis=axis: getattr(np.fft, name)(a, n, axis, norm), kind(6, 5))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "s, axes", [(None, (0, 1)), ((3, 4), (1, 0)), ((7, 2), (0, -1)), (None, (2, 0)), ((-1, 3), (0, 1))]
)
@pytest.mark.parametrize(
    "name, kinds",
    [(f, (real, cplx)) for f in ("fftn", "ifftn", "irfftn", "fft2", "ifft2", "irfft2")]
    + [(f, (real,)) for f in ("rfftn", "rfft2")],
)
def test_many_axes(name, kinds, s, axes, norm):
    for kind in kinds:
        adjoint_and_values(lambda a: getattr(np.fft, name)(a, s, axes, norm), kind(4, 3, 5))


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_all_axes_by_default(name):
    adjoint_and_values(getattr(np.fft, name), real(4, 3, 5))
    adjoint_and_values(getattr(np.fft, name), real(3, 4))


@pytest.mark.parametrize(
    "f", [lambda a: np.abs(np.fft.fft(a)) ** 2, lambda a: np.fft.irfft(np.fft.rfft(a) ** 2, 5), np.fft.hfft]
)
def test_second_order(f, right):
    right(f, real(5), order=2)


def test_shifts():
    for f in (
        np.fft.fftshift,
        np.fft.ifftshift,
        lambda a: np.fft.fftshift(a, 0),
        lambda a: np.fft.ifftshift(a, (1,)),
    ):
        adjoint_and_values(f, real(5, 4))


@pytest.mark.parametrize("name", ["fft", "rfft", "irfft", "hfft", "ihfft", "fftn", "irfftn"])
def test_float32_stays_single(name):
    x = real(4, 5).astype(np.float32)
    out, pullback = tg.vjp(getattr(np.fft, name), x)
    assert out.dtype == getattr(np.fft, name)(x).dtype
    assert pullback(out)[0].dtype == np.float32


def test_a_repeated_axis_is_refused():
    with pytest.raises(tg.NotDifferentiable, match="twice"):
        tg.vjp(lambda a: np.fft.fftn(a, axes=(0, 0)), real(3, 3))[1](cplx(3, 3))


def test_round_trip():
    x = real(7)
    np.testing.assert_allclose(tg.grad(lambda x: (np.fft.irfft(np.fft.rfft(x), 7) * x).sum())(x), 2 * x)

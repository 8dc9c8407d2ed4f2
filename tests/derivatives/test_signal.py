"""scipy.signal on tensors: SciPy's values and dtypes, and derivatives of both operands."""

import numpy as np
import pytest

from tests.stream import rng

pytest.importorskip("scipy", reason="SciPy is an extra")
import scipy.signal

import tinygrad_np as tg
import tinygrad_np.scipy.signal as signal


def real(*shape):
    return rng.normal(size=shape)


def cplx(*shape):
    return real(*shape) + 1j * real(*shape)


def agrees(right, name, *xs, **options):
    """SciPy's value and dtype for arrays and tensors, and right derivatives."""
    expected = getattr(scipy.signal, name)(*xs, **options)
    for ours in (getattr(signal, name)(*xs, **options), getattr(signal, name)(*map(tg.Tensor, xs), **options).numpy()):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)
        assert np.asarray(ours).dtype == expected.dtype
    right(lambda *a: getattr(signal, name)(*a, **options), *xs, order=2)


@pytest.mark.parametrize("kind", [real, cplx])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve"])
def test_one_and_two_axes(name, mode, kind, right):
    for m, n in ((5, 2), (4, 3), (3, 4), (2, 5), (1, 1)):
        agrees(right, name, kind(m), kind(n), mode=mode)
    agrees(right, name, kind(3, 4), kind(2, 3), mode=mode)


@pytest.mark.parametrize("method", ["direct", "fft"])
def test_methods(method, right):
    agrees(right, "convolve", real(5), real(3), method=method)
    agrees(right, "correlate", cplx(5), real(3), mode="same", method=method)


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_boundaries(name, mode, boundary, right):
    for shape in ((2, 2), (3, 2), (1, 3)):
        agrees(right, name, real(4, 3), real(*shape), mode=mode, boundary=boundary, fillvalue=0.7)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("k", [2, 5])
def test_some_axes_of_many(mode, k, right):
    """Along one axis of each, summed over another; the third axes are left, and the first operand's comes first."""
    x, w = real(2, 3, 4), real(k, 5, 2)
    out = signal.convolve(x, w, mode, axes=([2], [0]), dot_axes=([0], [2]))
    for i, j in np.ndindex(out.shape[:2]):
        expected = sum(scipy.signal.convolve(x[d, i], w[:, j, d], mode) for d in range(2))
        np.testing.assert_allclose(out[i, j], expected, rtol=1e-12, atol=1e-12)
    right(lambda x, w: signal.convolve(x, w, mode, axes=([-1], [0]), dot_axes=([0], [2])), x, w, order=2)
    np.testing.assert_allclose(signal.convolve(x, x, mode, dot_axes=([1, 0, 2], [1, 0, 2])), np.sum(x * x))


def test_axes_of_fftconvolve(right):
    agrees(right, "fftconvolve", real(3, 4), real(3, 2), axes=1)
    agrees(right, "fftconvolve", real(3, 4, 2), real(2, 1, 2), mode="same", axes=[0, -1])
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds"):
        signal.fftconvolve(real(3, 4), real(3, 2), axes=2)


def test_single_precision():
    x, y = real(5).astype(np.float32), real(3).astype(np.float32)
    out, pullback = tg.vjp(signal.convolve, x, y)
    assert out.dtype == np.float32 and all(g.dtype == np.float32 for g in pullback(out))


@pytest.mark.parametrize(
    "call",
    [
        lambda: signal.convolve(real(3), real(2, 2)),
        lambda: signal.convolve(real(0), real(2)),
        lambda: signal.convolve(real(3), real(2), "middle"),
        lambda: signal.convolve(real(3, 2), real(2, 3), "valid"),
        lambda: signal.convolve2d(real(3, 3), real(2, 2), boundary="mirror"),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError, match="convolve.*found"):
        call()

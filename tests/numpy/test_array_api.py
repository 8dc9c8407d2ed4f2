"""What the Array API standard asks for beyond NumPy's own names."""

import numpy as np
import pytest

import tinygrad_np as tg

x = np.array([[2.0, 1.0, 2.0], [0.5, 3.0, -1.0]])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorting_in_descending_order(axis):
    xp = tg.Tensor(x).__array_namespace__()
    np.testing.assert_array_equal(xp.sort(x, axis=axis, descending=True), np.flip(np.sort(x, axis), axis))
    np.testing.assert_array_equal(xp.sort(x, axis=axis), np.sort(x, axis))
    np.testing.assert_array_equal(xp.argsort(x, axis=axis, descending=True).numpy(), np.argsort(-x, axis, stable=True))
    np.testing.assert_array_equal(xp.argsort(tg.Tensor(x), axis=axis).numpy(), np.argsort(x, axis, stable=True))
    ct, order = np.arange(6.0).reshape(2, 3) ** 2, np.argsort(-x, axis, stable=True)
    expected = np.zeros_like(x)
    np.put_along_axis(expected, order, ct, axis)
    np.testing.assert_array_equal(tg.vjp(lambda x: xp.sort(x, axis=axis, descending=True), x)[1](ct)[0], expected)


def test_shifts_of_integers():
    n = tg.Tensor([1, 6])
    np.testing.assert_array_equal(n << 2, [4, 24])
    np.testing.assert_array_equal(n >> np.array([0, 1]), [1, 3])


def test_frequencies():
    xp, d = tg.Tensor(x).__array_namespace__(), 0.3
    for name in ("fftfreq", "rfftfreq"):
        made = getattr(xp.fft, name)(5, d=d, dtype=np.float32, device="cpu")
        assert isinstance(made, tg.Tensor) and made.dtype == np.float32
        np.testing.assert_allclose(made.numpy(), getattr(np.fft, name)(5, d), rtol=1e-6)
        g = tg.grad(lambda d, name=name: getattr(xp.fft, name)(5, d=d)[1])(d)
        np.testing.assert_allclose(g, -1 / (5 * d * d))
    np.testing.assert_array_equal(xp.fft.fftshift(x), np.fft.fftshift(x))


def test_a_program_written_against_the_standard():
    """It asks its argument for the namespace, as SciPy and scikit-learn do, and is differentiated."""

    def standardized(x):
        xp = x.__array_namespace__(api_version="2022.12")
        mean, std = xp.mean(x, axis=0, keepdims=True), xp.std(x, axis=0, correction=1, keepdims=True)
        z = (x - mean) / xp.maximum(std, xp.asarray(1e-3, dtype=x.dtype, device=x.device))
        return xp.concat([xp.expm1(z), xp.linalg.matrix_transpose(xp.permute_dims(z, (1, 0)))], axis=1)

    def in_numpy(x):
        z = (x - x.mean(0)) / np.maximum(x.std(0, ddof=1), 1e-3)
        return np.concatenate([np.expm1(z), z], 1)

    x = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(standardized(tg.Tensor(x)).numpy(), in_numpy(x), rtol=1e-12)
    ct, u, h = np.cos(np.arange(24.0)).reshape(4, 6), np.sin(np.arange(12.0)).reshape(4, 3), 1e-6
    (g,) = tg.vjp(standardized, x)[1](ct)
    difference = np.sum(ct * (in_numpy(x + h * u) - in_numpy(x - h * u))) / (2 * h)
    np.testing.assert_allclose(np.sum(g * u), difference, rtol=1e-7)

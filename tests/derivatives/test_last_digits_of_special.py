"""Right to the last digits: both derivatives of SciPy's scaled and cumulative functions beside mpmath's."""

import numpy as np
import pytest

import tinygrad_np as tg

mp = pytest.importorskip("mpmath", reason="compares with mpmath where it is installed").mp
sc = pytest.importorskip("scipy.special", reason="SciPy is an extra")
root = mp.sqrt


def erfcx(x) -> tuple:
    f = mp.exp(x * x) * mp.erfc(x)
    slope = 2 * x * f - 2 / root(mp.pi)
    return slope, 2 * f + 2 * x * slope


def dawsn(x) -> tuple:
    f = root(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)
    slope = 1 - 2 * x * f
    return slope, -2 * f - 2 * x * slope


def scaled_i(x) -> tuple:
    """exp(-|x|) times I₀ and I₁, with their slopes at positive x."""
    size = abs(x)
    a, b = mp.exp(-size) * mp.besseli(0, size), mp.exp(-size) * mp.besseli(1, size)
    a1, b1 = b - a, a - b - b / size
    a2, b2 = b1 - a1, a1 - b1 - b1 / size + b / size**2
    return a1 * mp.sign(x), a2, b1, b2 * mp.sign(x)


def scaled_k(x) -> tuple:
    """exp(x) times K₀ and K₁."""
    a, b = mp.exp(x) * mp.besselk(0, x), mp.exp(x) * mp.besselk(1, x)
    a1, b1 = a - b, b - a - b / x
    return a1, a1 - b1, b1, b1 - a1 - b1 / x + b / x**2


def density(x):
    return mp.exp(-x * x / 2) / root(2 * mp.pi)


def log_ndtr(x) -> tuple:
    ratio = density(x) / mp.ncdf(x)
    return ratio, -ratio * (x + ratio)


def logistic(x) -> tuple:
    return 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))


def expit(x) -> tuple:
    up, down = logistic(x)
    return up * down, up * down * (down - up)


def log_expit(x) -> tuple:
    up, down = logistic(x)
    return down, -up * down


# name -> its two derivatives as a function of an mpmath number, and the signs of the numbers that it takes
SPECIAL = {
    "erf": (lambda x: (2 / root(mp.pi) * mp.exp(-x * x), -4 * x / root(mp.pi) * mp.exp(-x * x)), (-1, 1)),
    "erfc": (lambda x: (-2 / root(mp.pi) * mp.exp(-x * x), 4 * x / root(mp.pi) * mp.exp(-x * x)), (-1, 1)),
    "erfcx": (erfcx, (-1, 1)),
    "dawsn": (dawsn, (-1, 1)),
    "ndtr": (lambda x: (density(x), -x * density(x)), (-1, 1)),
    "log_ndtr": (log_ndtr, (-1, 1)),
    "expit": (expit, (-1, 1)),
    "log_expit": (log_expit, (-1, 1)),
    "i0e": (lambda x: scaled_i(x)[:2], (-1, 1)),
    "i1e": (lambda x: scaled_i(x)[2:], (-1, 1)),
    "k0e": (lambda x: scaled_k(x)[:2], (1,)),
    "k1e": (lambda x: scaled_k(x)[2:], (1,)),
    "exp1": (lambda x: (-mp.exp(-x) / x, mp.exp(-x) * (1 / x + 1 / x**2)), (1,)),
    "gammaln": (lambda x: (mp.psi(0, x), mp.psi(1, x)), (1,)),
    "digamma": (lambda x: (mp.psi(1, x), mp.psi(2, x)), (1,)),
}
GAUSSIAN = ("erf", "erfc", "erfcx", "ndtr", "log_ndtr")
QUICK, THOROUGH = 9, 60


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # values overflow
@pytest.mark.parametrize("count", [QUICK, pytest.param(THOROUGH, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SPECIAL)
def test_both_derivatives_of_special_functions(name, count):
    exact, signs = SPECIAL[name]
    sizes = np.geomspace(1e-3, 1e6, count) * 1.01
    x = np.concatenate([sign * sizes for sign in signs])
    slope = tg.grad(lambda x: np.sum(getattr(sc, name)(x)))
    found = slope(x), tg.grad(lambda x: np.sum(slope(x)))(x)
    info = np.finfo(float)
    for i, at in enumerate(x.tolist()):
        with mp.workdps(50):
            rights = exact(mp.mpf(at))
        for order, right in enumerate(rights, 1):
            value = found[order - 1][i].item()
            if abs(right) > float(info.max):
                assert abs(value) > float(info.max) / 2, (order, at, value)
            elif abs(right) < float(info.tiny):
                assert abs(value) < 2 * float(info.tiny), (order, at, value)
            else:
                error = float(abs(mp.mpf(value) - right) / abs(right))
                # exp(-x²) magnifies what x² was rounded by
                magnified = 1 + (at * at if name in GAUSSIAN else abs(at)) / 500
                assert error < 1e-13 * magnified, f"order {order} at {at!r}: {value!r}, off by {error:.1e}"

"""Right to the last digits: first and second derivatives of elementwise rows against mpmath, over the whole range.

The points are spread evenly over the exponents of the dtype, both signs, with 0 and the edges of each domain. An error
counts in units of the result where that is a normal number, and in units of the smallest one below.
"""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import ROWS as LIBRARY
from tinygrad_np.engine.table import TABLE

mp = pytest.importorskip("mpmath", reason="compares with mpmath where it is installed").mp
one = mp.mpf(1)


def sinc_slopes(x) -> tuple:
    """Both derivatives of s = sin(πx)/(πx): s' = (cos πx - s) / x and s'' = -π² s - 2 s' / x, with digits to cancel."""
    with mp.workdps(700):
        if not x:
            return mp.mpf(0), -(mp.pi**2) / 3
        s = mp.sinc(mp.pi * x)
        slope = (mp.cos(mp.pi * x) - s) / x
        return slope, -(mp.pi**2) * s - 2 * slope / x


# name -> its first and second derivative, as functions of an mpmath number
UNARY = {
    "negative": (lambda x: -one, lambda x: 0),
    "positive": (lambda x: one, lambda x: 0),
    "reciprocal": (lambda x: -1 / x**2, lambda x: 2 / x**3),
    "square": (lambda x: 2 * x, lambda x: 2),
    "sqrt": (lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * x * mp.sqrt(x))),
    "cbrt": (lambda x: 1 / (3 * mp.cbrt(x) ** 2), lambda x: -2 / (9 * x * mp.cbrt(x) ** 2)),
    "exp": (mp.exp, mp.exp),
    "exp2": (lambda x: mp.log(2) * 2**x, lambda x: mp.log(2) ** 2 * 2**x),
    "expm1": (mp.exp, mp.exp),
    "log": (lambda x: 1 / x, lambda x: -1 / x**2),
    "log2": (lambda x: 1 / (x * mp.log(2)), lambda x: -1 / (x**2 * mp.log(2))),
    "log10": (lambda x: 1 / (x * mp.log(10)), lambda x: -1 / (x**2 * mp.log(10))),
    "log1p": (lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
    "sin": (mp.cos, lambda x: -mp.sin(x)),
    "cos": (lambda x: -mp.sin(x), lambda x: -mp.cos(x)),
    "tan": (lambda x: mp.sec(x) ** 2, lambda x: 2 * mp.sec(x) ** 2 * mp.tan(x)),
    "arcsin": (lambda x: 1 / mp.sqrt((1 - x) * (1 + x)), lambda x: x / ((1 - x) * (1 + x)) ** 1.5),
    "arccos": (lambda x: -1 / mp.sqrt((1 - x) * (1 + x)), lambda x: -x / ((1 - x) * (1 + x)) ** 1.5),
    "arctan": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "sinh": (mp.cosh, mp.sinh),
    "cosh": (mp.sinh, mp.cosh),
    "tanh": (lambda x: mp.sech(x) ** 2, lambda x: -2 * mp.sech(x) ** 2 * mp.tanh(x)),
    "arcsinh": (lambda x: 1 / mp.sqrt(x * x + 1), lambda x: -x / (x * x + 1) ** 1.5),
    "arccosh": (lambda x: 1 / mp.sqrt((x - 1) * (x + 1)), lambda x: -x / ((x - 1) * (x + 1)) ** 1.5),
    "arctanh": (lambda x: 1 / ((1 - x) * (1 + x)), lambda x: 2 * x / ((1 - x) * (1 + x)) ** 2),
    "degrees": (lambda x: 180 / mp.pi, lambda x: 0),
    "radians": (lambda x: mp.pi / 180, lambda x: 0),
    "sinc": (lambda x: sinc_slopes(x)[0], lambda x: sinc_slopes(x)[1]),
    "i0": (lambda x: mp.besseli(1, x), lambda x: mp.besseli(0, x) - (mp.besseli(1, x) / x if x else one / 2)),
    "absolute": (mp.sign, lambda x: 0),
}
UNARY |= {"fabs": UNARY["absolute"], "rad2deg": UNARY["degrees"], "deg2rad": UNARY["radians"]}
STEPS = {"floor", "ceil", "trunc", "rint"}  # whose derivative is 0
LARGEST = {"sinc": 100.0, "i0": 600.0}  # NumPy's own value is not accurate beyond
LIMITS = {np.float64: 1e-13, np.float32: 1e-5, np.float16: 1e-2}


def of_one_operand() -> dict:
    """NumPy's elementwise rows of one operand."""
    found = {}
    for fun in LIBRARY.values():
        row = TABLE[fun]
        numpys = getattr(np, row.name, None) is fun
        if numpys and row.kind == "elementwise" and len(row.names) == 1:
            found[row.name] = fun, row
    return found


ROWS = of_one_operand()


def points(name: str, row, dtype) -> np.ndarray:
    """Numbers of every size and both signs, zero, and what lies next to the ends of the domain."""
    info = np.finfo(dtype)
    low, high = (float(end) for end in row.domain)
    top = min(float(info.max), LARGEST.get(name, np.inf))
    sizes = np.concatenate([np.geomspace(float(info.tiny), top, 60), [0.1, 0.7, 1.3, 3.0, 9.01, 20.0, 40.0, 300.0]])
    beside = np.geomspace(float(info.eps), 0.5, 20)
    ends = [end + sign * beside for end in (low, high) if np.isfinite(end) for sign in (-1, 1)]
    found = np.unique(np.concatenate([-sizes, [0.0], sizes, *ends]).astype(dtype))
    return found[(found > low) & (found < high) & (np.abs(found) <= top)]


def errors(found: np.ndarray, x: np.ndarray, exact) -> np.ndarray:
    """How far each number is from the exact one: relative to it, or to the smallest normal number."""
    info = np.finfo(found.dtype)
    result = []
    with mp.workdps(60):
        for value, at in zip(found.tolist(), x.tolist(), strict=True):
            right = exact(mp.mpf(at))
            if abs(right) > float(info.max):
                result.append(0.0 if abs(value) >= float(info.max) / 2 else np.inf)
            elif value != value or np.isinf(value):
                result.append(np.inf)
            else:
                result.append(float(abs(mp.mpf(value) - right) / max(abs(right), mp.mpf(float(info.tiny)))))
    return np.array(result)


def derivative(fun, order: int):
    for _ in range(order):
        fun = (lambda f: tg.grad(lambda x: np.sum(f(x))))(fun)
    return fun


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # values overflow
@pytest.mark.parametrize("dtype", LIMITS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", sorted(set(ROWS) - STEPS))
def test_both_derivatives_are_right_to_the_last_digits(name, dtype):
    fun, row = ROWS[name]
    x = points(name, row, dtype)
    for order, exact in enumerate(UNARY[name], 1):
        found = derivative(fun, order)(x)
        assert found.dtype == dtype
        wrong = errors(found, x, exact)
        worst = int(np.argmax(wrong))
        assert wrong[worst] < LIMITS[dtype], (
            f"order {order} at {x[worst]!r}: {found[worst]!r}, off by {wrong[worst]:.1e}"
        )


def logistic(z):
    return 1 / (1 + mp.exp(-z))


def peak(z):
    return logistic(z) * logistic(-z)


# name -> the partials by x and y, and the second ones by xx, xy and yy
BINARY = {
    "divide": (
        (lambda x, y: 1 / y, lambda x, y: -x / y**2),
        (lambda x, y: 0, lambda x, y: -1 / y**2, lambda x, y: 2 * x / y**3),
    ),
    "hypot": (
        (lambda x, y: x / mp.hypot(x, y), lambda x, y: y / mp.hypot(x, y)),
        (
            lambda x, y: y**2 / mp.hypot(x, y) ** 3,
            lambda x, y: -x * y / mp.hypot(x, y) ** 3,
            lambda x, y: x**2 / mp.hypot(x, y) ** 3,
        ),
    ),
    "arctan2": (
        (lambda x, y: y / (x**2 + y**2), lambda x, y: -x / (x**2 + y**2)),
        (
            lambda x, y: -2 * x * y / (x**2 + y**2) ** 2,
            lambda x, y: (x - y) * (x + y) / (x**2 + y**2) ** 2,
            lambda x, y: 2 * x * y / (x**2 + y**2) ** 2,
        ),
    ),
    "logaddexp": (
        (lambda x, y: logistic(x - y), lambda x, y: logistic(y - x)),
        (lambda x, y: peak(x - y), lambda x, y: -peak(x - y), lambda x, y: peak(x - y)),
    ),
    "logaddexp2": (
        (lambda x, y: logistic((x - y) * mp.log(2)), lambda x, y: logistic((y - x) * mp.log(2))),
        tuple(lambda x, y, sign=sign: sign * mp.log(2) * peak((x - y) * mp.log(2)) for sign in (1, -1, 1)),
    ),
    "power": (
        (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * mp.log(x)),
        (
            lambda x, y: y * (y - 1) * x ** (y - 2),
            lambda x, y: x ** (y - 1) * (1 + y * mp.log(x)),
            lambda x, y: x**y * mp.log(x) ** 2,
        ),
    ),
}
BINARY["float_power"] = BINARY["power"]


def pairs(name: str, dtype, rng) -> tuple[np.ndarray, np.ndarray]:
    """Operands of many sizes whose result, and whose second derivatives, the dtype can hold."""
    info = np.finfo(dtype)
    if name.startswith("logaddexp"):
        x, y = rng.uniform(-0.9, 0.9, (2, 200)) * np.log(float(info.max))
    elif "power" in name:
        x, y = 2.0 ** rng.uniform(-3, 3, 200), rng.uniform(-4, 4, 200)
    else:
        reach = np.log10(float(info.max)) / 4
        x, y = 10 ** rng.uniform(-reach, reach, (2, 200)) * rng.choice([-1, 1], (2, 200))
    return x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", sorted(BINARY))
def test_every_second_partial_of_two_operands_is_right_to_the_last_digits(name, dtype, rng):
    x, y = pairs(name, dtype, rng)
    f = getattr(np, name)
    slopes = [lambda x, y, i=i: tg.grad(lambda x, y: np.sum(f(x, y)), i)(x, y) for i in (0, 1)]
    both = [(i, j) for i in (0, 1) for j in (0, 1) if i <= j]
    second = [tg.grad(lambda x, y, i=i: np.sum(slopes[i](x, y)), j)(x, y) for i, j in both]
    conditioned = 30 if "power" in name else 1  # xʸ magnifies what y was rounded by
    for found, exact in zip([s(x, y) for s in slopes] + second, sum(BINARY[name], ()), strict=True):
        wrong = []
        with mp.workdps(60):
            for value, a, b in zip(found.tolist(), x.tolist(), y.tolist(), strict=True):
                right = exact(mp.mpf(a), mp.mpf(b))
                wrong.append(float(abs(mp.mpf(value) - right) / max(abs(right), mp.mpf(float(np.finfo(dtype).tiny)))))
        worst = int(np.argmax(wrong))
        assert wrong[worst] < conditioned * LIMITS[dtype], (x[worst], y[worst], found[worst], wrong[worst])


def test_a_mean_of_all_is_numpys_to_the_last_bit(rng):
    arrays = [np.zeros(()), np.ones((2, 3), np.float32).T, np.arange(4), np.ones(3, np.float16), np.ones(2, complex)]
    for n in (1, 7, 100, 3000):
        arrays += [rng.normal(size=n), rng.normal(size=(n, 3)).astype(np.float32)[:, ::2]]
    for a in arrays:
        ours, theirs = np.mean(tg.Tensor(a)).numpy(), np.mean(a)
        assert ours.dtype == theirs.dtype and ours == theirs
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="empty"):
        assert np.isnan(np.mean(tg.Tensor([])).item())

"""Programs in NumPy's less usual spellings: each gives NumPy's value and its right gradient, or says why not."""

import numpy as np
import pytest

import tinygrad_np as tg

# A line of Python on x, of shape (3, 4); what follows the last semicolon is returned.
RIGHT = """
y = np.zeros_like(x); np.multiply(x, 3, y); y
y = np.zeros_like(x); x.clip(-1, 1, y); y
y = np.zeros_like(x); x.clip(-1, 1, out=y); y
y = np.zeros_like(x[:, 0]); x.dot(np.ones(4), y); y
y = np.zeros_like(x[0]); np.sum(x, 0, None, y); y
y = np.zeros_like(x); np.concatenate([x[:1], x[1:]], out=y); y
y = x * 2; np.exp(y, y); y
y = x * 1; np.exp(x, where=x > 0, out=y); y
y = x * 1; np.nan_to_num(y, copy=False); y[0] = x[1]; y
y = x * 1; y[0, 0] = np.inf; np.nan_to_num(y, copy=False, posinf=3.0); y
np.add.reduce(x, (0, 1), None, None, True, 2.0)
np.subtract.reduce(x, axis=1, initial=2.0)
np.subtract.reduce(x, axis=1, keepdims=True)
np.divide.reduce(np.exp(x), axis=0)
np.logaddexp.reduce(x, axis=(0, 1))
np.logaddexp.reduce(x, axis=(1, 0), initial=0.3, keepdims=True)
np.logaddexp.reduce(x, axis=(0, 1), where=x > 0)
np.hypot.reduce(x, axis=None, where=[True, False, True, True])
np.logaddexp.reduce(x, axis=1, where=x > 0, initial=-1.0)
np.hypot.reduce(x[:1]), np.logaddexp.reduce(x[:, :1], axis=1), np.arctan2.reduce(x[:1])
np.maximum.accumulate(x, axis=1)
np.interp(x[:1], [0.0, 1], x[1, :2] * 2), np.interp(x[0], [-1, 0, 1], [3, 1, 2], left=x[0, 0])
np.gradient(x[0], np.cumsum(x[1] ** 2 + 1)), np.gradient(x, x[0, 0])
np.average(1j * x, 1, np.exp(x[0]), True), np.ediff1d(x, x[0], 1.5)
np.add.reduceat(x, [2, 0, 3, 1], axis=1)
np.power.outer(np.exp(x), [1.0, 2.0])
np.matmul(x, x, axes=[(0, 1), (1, 0), (0, 1)])
np.multiply(x, [1.0, 2.0, 3.0, 4.0]), np.power(np.exp(x), [1.0, 2.0, 3.0, 4.0]), x @ [1.0, 2.0, 3.0, 4.0]
x * [1, 2, 3, 4], (1, 2, 3, 4) * x, [1.0, 2, 3, 4] / np.exp(x), x + range(4)
np.concatenate([x, [[1, 2, 3, 4]]]) ** 2
np.concatenate(x), np.concatenate(x[None], 1), np.stack(x), np.vstack(x), np.hstack(x)
w = [np.arange(4.0)]; z = np.concatenate([x, w]) ** 2; w[0][:] = 3; z
w = np.arange(4.0); z = x * w; w[:] = 3; z
i = np.array([0, 1]); z = x[i]; i[:] = 2; z
m = np.arange(12).reshape(3, 4) > 3; z = np.sum(x, where=m); m[...] = False; z
y = x.flatten(); y[0] = 5; x, y
y = x.flatten(); x[0] = 5; x, y
y = x.astype(x.dtype, copy=False); y[0] = 5; x, y
y = x * 1; y.real = 9 * x; y
y = x + 0j; y.imag = 9 * x; y
y = x + 1j * x[0]; y.real *= 2; y.imag += x; y
y = x * 1; y.sort(0); y.flat = y.ravel()[::-1] * 1; y
x.flat[0] = 100.0; x
np.insert(x[0], 2, x[1]), np.insert(x[0], [2], x[1]), np.insert(x, 1, x[:, 0], axis=1)
np.insert(x, [1], x[:, :2], axis=1), np.insert(np.arange(3.0), [0, 2, 2], x[0, :3]), np.append(x, [[x[0, 0]] * 4], 0)
np.nan_to_num(x, nan=x[0, 0]), np.nan_to_num(np.where(x > 0, x, np.nan) + 1j * x, nan=2.0)
np.average(x, [0]), np.gradient(x, axis=[1, 0]), np.maximum.accumulate(x[0], None), np.cumulative_sum(x[0, 0])
np.histogram(x, 3), np.histogram(x, 3, density=True), np.histogram_bin_edges(x, 2), np.histogram2d(x[0], x[1], 2)
np.histogram2d(x[0], x[1], [3, [-2, 0, 1, 3]], density=True), np.histogram2d(x[0], x[1], ([-2, 0, 3], [-3, -1, 0, 3]))
np.histogram2d(x[0], x[1], 2, np.array([[-3, 3], [-2, 2.0]])), np.histogramdd(x[:, :2], 2, [None, (-3, 3)], True)
np.histogram(x, 3, np.array([-3.0, 3])), np.histogram(x, 3, np.array([-3.0, 3]), weights=x ** 2, density=True)
np.insert(x, 1, x[:2], axis=0), np.insert(x, -1, 7.0, axis=0), np.insert(x[0], [1, 1, 3], [1.0, 2.0, 3.0])
np.lib.stride_tricks.sliding_window_view(x, (2, 2)) * np.arange(24.0).reshape(2, 3, 2, 2)
np.take(x[0, 0], [0], axis=0), np.take_along_axis(x[:1], np.array([[0, 1]] * 5), 1)
np.take_along_axis(x, np.array([[0, 1]]), 1)
y = np.copy(x[0, 0]); np.put(y, [0], x[1]); y
np.percentile(x, [25, 75], axis=-1), np.quantile(x, q=[0.1, 0.9])
np.cov(x, aweights=np.float32([1, 2, 3, 4])), np.cov(x, fweights=[1, 2, 3, 4], aweights=x[0] ** 2)
np.sum(x, initial=x[0, 0]), np.prod(x, axis=1, initial=x[0, 0], keepdims=True), np.add.reduce(x, initial=x[0, 0])
np.max(x, 1, None, False, x[0, 0]), np.min(x, initial=x[0, 0], where=x > 0), x.max(initial=x[1, 1])
np.var(x, mean=x[:1] * 2, axis=0), np.std(x, mean=np.mean(x, 1, keepdims=True), axis=1, ddof=1, where=x[0] < 2)
np.quantile(x, [0.2, 0.7], weights=np.arange(12.0).reshape(3, 4), method="inverted_cdf")
np.percentile(x, 45, 1, weights=[1, 0, 2, 3], method="inverted_cdf")
np.quantile(x, 1, (1, 0), weights=np.ones((4, 3)), method="inverted_cdf", keepdims=True)
y = x * 1; y[0, 1] = np.nan; np.nanquantile(y, 0.4, 0, weights=np.arange(12.0).reshape(3, 4), method="inverted_cdf")
np.bincount([0, 1, 1, 3], x[0], 6), np.histogram([0.1, 0.5, 0.5, 2], weights=x[1])
np.histogram(x[0], [-1, 0, 1], None, True, x[1] ** 2)[0]
np.histogram2d(np.arange(4), np.arange(4), 3, weights=x[0])[0], np.histogramdd(np.eye(4), 2, weights=x[0])[0]
np.sign(x + 1j * x[0]), np.sign(x) * x, round(x[0, 0], 1) * x
np.append([x[0, 0], x[1, 1]], x[0]), np.append([1.0, 2.0], x)
sum(x), sum([x[0], x[1]]), max(x[0]), min(x[0, 0], x[0, 1]), divmod(x, 0.7), abs(x), 2**x, True * x
for i in range(3): x[i, 0] = x[i].sum() ; x
x.T[0] = 5; x
x[0][1] = 5; x
x.real[0] = 9; x
z = x.ravel(); z[0] = 1.0; x, z
""".strip().splitlines()

REFUSED = """
y = np.zeros(x.shape); np.multiply(x, 3, out=y)
y = np.zeros(x.shape); y[0] = x[0]
y = np.zeros(3); y[1] = x.sum()
np.copyto(np.zeros(x.shape), x)
np.array(x)
np.array([x[0], x[1]])
np.asarray([float(v) for v in x[0]])
np.full((2, 2), x[0, 0])
np.sum([x[0, 0], x[0, 1]])
np.r_[x[0], x[1]]
np.vectorize(np.sin)(x)
np.nditer(x)
memoryview(x)
x * np.matrix(np.ones((3, 4)))
x * np.ma.array(np.ones((3, 4)), mask=np.eye(3, 4))
x * np.array([None, 1, 2, 3])
np.modf(x, out=(np.zeros_like(x), np.zeros_like(x)))
np.ravel(x.T, "K")
x.T.flatten("A")
np.reshape(x.T, 12, order="A")
np.take_along_axis(x, x > 0, 1)
np.take_along_axis(x, np.array([[0, 1]]), 2)
np.histogramdd(x[:, :2], [2])
np.histogramdd(x[:, :2], 2, [(-3, 3)])
np.maximum(x[0, 0], [x[0, 1], 0.0])
np.sum(x, initial=x[0])
np.median(x, axis=2)
np.sort(x, axis=-3)
np.trapezoid(x, axis=2)
np.gradient(x, axis=5)
np.average(x, axis=2)
np.tensordot(x, x, ((2,), (0,)))
np.insert(x, 0, 1.0, axis=2)
np.split(x, 2, axis=3)
np.linalg.norm(x, axis=(0, 3))
np.diff(x, axis=4)
np.hypot.reduce(x, axis=2)
y = x + 0j; y.imag = 1j * x; y
y = x + 0j; y.real = 1j * x; y
""".strip().splitlines()


# Lines on x of float32, in which NumPy's result has a dtype of its own.
SINGLE = """
np.interp(x, [-1, 0, 1], np.float32([3, 1, 2]), left=x[0, 0])
np.gradient(x, np.astype(x[0, 0], float)), np.gradient(x, np.arange(3.0) ** 2, axis=0)
np.ediff1d(x, np.arange(2.0), np.astype(x[0, 0], float))
np.percentile(x, [10, 70], method="nearest"), np.percentile(x, [10, 70]), np.percentile(x, 10)
np.average(x, 1, np.exp(np.arange(4.0)), True), np.average(np.arange(12.0).reshape(3, 4), 1, np.exp(x[0]), True)
""".strip().splitlines()


def flat(out):
    return [q for o in out for q in flat(o)] if isinstance(out, (list, tuple)) else [out]


def program(line):
    body, _, result = line.rpartition(";")
    result = result.strip()
    statement = result.split("=")[0].rstrip()[-1] not in ")'\"" and " = " in result
    text = f"def f(x):\n    {body}\n    {result if statement else 'return ' + result}\n"
    space = {"np": np, "tg": tg}
    exec(text, space)
    return lambda x: tuple(o for o in flat(space["f"](x * 1)) if getattr(o, "dtype", np.dtype(int)).kind in "fc")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", RIGHT)
def test_value_and_gradient(line):
    rng = np.random.default_rng(1)
    f, x, u, h = program(line), rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), 1e-6
    expected = f(x)
    outs, pullback = tg.vjp(f, x)
    for out, value in zip(outs, expected, strict=True):
        np.testing.assert_allclose(out, value, rtol=1e-12)
        assert out.dtype == value.dtype
    cts = tuple((rng.normal(size=np.shape(o)) + 1j * rng.normal(size=np.shape(o))).astype(o.dtype) for o in expected)
    differences = [(b - a) / (2 * h) for a, b in zip(f(x - h * u), f(x + h * u))]
    along = sum(np.sum(np.real(np.conj(ct) * d)) for ct, d in zip(cts, differences))
    slope = np.sum(pullback(cts)[0] * u)
    np.testing.assert_allclose(slope, along, rtol=1e-6, atol=1e-6)
    tangents = tg.jvp(f, (x,), (u,))[1]
    np.testing.assert_allclose(sum(np.sum(np.real(np.conj(ct) * t)) for ct, t in zip(cts, tangents)), slope, rtol=1e-10)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", SINGLE)
def test_dtype_in_single_precision(line):
    f = program(line)
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    outs, pullback = tg.vjp(f, x)
    for out, value in zip(outs, f(x), strict=True):
        np.testing.assert_allclose(out, value, rtol=1e-5)
        assert out.dtype == value.dtype
    assert pullback(tuple(np.ones_like(o) for o in outs))[0].dtype == np.float32


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", REFUSED)
def test_refused(line):
    with pytest.raises((TypeError, ValueError, IndexError)):
        outs, pullback = tg.vjp(program(line), np.random.default_rng(1).normal(size=(3, 4)))
        pullback(tuple(np.ones_like(o) for o in outs))

"""Right code raises no alarm: kinks, tiny and huge values, empty arrays, sparse Jacobians, ill-conditioned
functions.
"""

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as nnF
from tinygrad_np import Tensor, primitive
from tinygrad_np.testing import check_op, gradcheck

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
V = np.array([0.3, -1.7, 2.1, 0.01])
WIDE = np.array([1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9])
SPARSE = np.zeros((60, 60))
SPARSE[np.arange(60), np.arange(60)[::-1]] = np.linspace(-1, 1, 60)
MATRIX = np.array([[3.0, 1.0, 0.5], [0.25, 2.0, -1.0], [1.0, 0.0, 4.0]])

QUOTIENT = primitive(lambda x, y: x / y)
QUOTIENT.defvjp(lambda ct, y: ct / y, lambda ct, x, y: -ct * x / (y * y))

CORRECT = {
    # kinks and ties
    "abs at 0": (np.abs, np.array([0.0, 1.0, -2.0])),
    "abs near 0": (np.abs, np.array([1e-9, -1e-9, 1e-12])),
    "relu at 0": (nnF.relu, np.array([0.0, 1.0, -1.0])),
    "relu near 0": (nnF.relu, np.array([1e-10, -1e-10, 1.0])),
    "max of ties": (np.max, np.array([1.0, 1.0, 0.5, 1.0])),
    "min along ties": (lambda x: np.min(x, axis=1), np.ones((2, 3))),
    "maximum of ties": (np.maximum, np.array([1.0, 2.0]), np.array([1.0, 3.0])),
    "sort of ties": (np.sort, np.array([2.0, 1.0, 2.0])),
    "clip at the bound": (lambda x: np.clip(x, 0.0, 1.0), np.array([0.0, 0.5, 1.0, 2.0])),
    "median of four": (lambda x: np.sort(x)[1:3].mean(), np.array([4.0, 1.0, 3.0, 2.0])),
    "hypot at 0": (np.hypot, np.array([0.0, 3.0]), np.array([0.0, 4.0])),
    "norm at 0": (lambda x: np.linalg.norm(x, axis=0), np.array([[0.0, 3.0], [0.0, 4.0]])),
    "where at its edge": (lambda x: np.where(x > 0, x, 0.1 * x), np.array([0.0, 1.0, -1.0])),
    "l1 loss": (lambda x, y: np.abs(x - y).sum(), V, V * np.array([1, 1, 2, 2])),
    "max pool": (lambda x: x.reshape(2, 2).max(1), np.array([1.0, 1.0, 2.0, 0.0])),
    # tiny and huge
    "identity at 1e10": (lambda x: x * 1, np.array([1e10, -1e10])),
    "cube at 1e-3": (lambda x: x**3, np.array([1e-3, -1e-5])),
    "cube at 1e5": (lambda x: x**3, np.array([1e5, -1e7])),
    "log over twelve decades": (np.log, WIDE),
    "sqrt over twelve decades": (np.sqrt, WIDE),
    "reciprocal over twelve decades": (lambda x: 1 / x, WIDE),
    "log1p near 0": (np.log1p, np.array([1e-12, 1e-8, 1.0])),
    "expm1 near 0": (np.expm1, np.array([1e-12, -1e-8, 1.0])),
    "exp at -50": (np.exp, np.array([-50.0, 0.0, 20.0])),
    "tanh saturated": (np.tanh, np.array([40.0, -40.0, 0.5])),
    "logaddexp far apart": (np.logaddexp, np.array([1000.0, 0.0]), np.array([0.0, 1000.0])),
    "sin at 1e4": (np.sin, np.array([1e4, 12345.0])),
    "sin of 1e6 x": (lambda x: np.sin(1e6 * x), np.array([0.3, 1.0])),
    "cos at 1e-20": (np.cos, np.array([1e-20, 1.0])),
    "sinc at 0": (np.sinc, np.array([0.0, 1e-8, 0.5])),
    "products of scales": (np.multiply, WIDE, WIDE[::-1].copy()),
    "square of 1e-150": (lambda x: x * 1e150 * x, np.array([1e-150, 1.0])),
    "cancellation": (lambda x: (x + 1e6) - 1e6, np.array([0.5, 1.0])),
    "softplus far out": (lambda x: np.logaddexp(x, 0), np.array([-700.0, 700.0, 0.0])),
    "huge offset": (lambda x: x * x + 1e8, np.array([0.5, -2.0])),
    "narrow bump": (lambda x: np.exp(-(((x - 1) * 1e4) ** 2)), np.array([1.00005, 0.99993])),
    "arctan2 over scales": (np.arctan2, np.array([1e-6, 1e6]), np.array([1.0, 1e6])),
    # shapes
    "empty sum": (np.sum, np.zeros((0, 3))),
    "empty product of matrices": (np.matmul, np.zeros((2, 0)), np.zeros((0, 3))),
    "empty output": (lambda x: x[:0], V),
    "no axes": (np.sin, np.array(0.5)),
    "a Python number": (np.sin, 0.5),
    "broadcast": (np.add, A, A[:, :1]),
    "broadcast to no axes": (np.multiply, A, np.array(2.0)),
    "size one": (np.exp, np.ones((1, 1, 1))),
    # sparse, large, structured
    "permutation": (lambda x: x[::-1] * 2, np.linspace(-1, 1, 100)),
    "sparse matrix": (lambda x: SPARSE @ x, np.linspace(0, 1, 60)),
    "a thousand elements": (np.sin, np.linspace(-3, 3, 1000)),
    "gather": (lambda x: x[np.array([3, 0, 3, 3])], V),
    "trace": (np.trace, MATRIX),
    "outer": (np.outer, V, V),
    "cumprod with zeros": (np.cumprod, np.array([2.0, 0.0, 3.0, 0.0])),
    "product with a zero": (np.prod, np.array([2.0, 0.0, 3.0])),
    "variance": (lambda x: np.var(x, ddof=1), V),
    "standard deviation": (lambda x: np.std(x, axis=0), A),
    "softmax": (lambda x: nnF.softmax(x, -1), A),
    "inverse": (np.linalg.inv, MATRIX),
    "determinant": (np.linalg.det, MATRIX),
    "solve": (np.linalg.solve, MATRIX, np.array([1.0, 2.0, 3.0])),
    "einsum": (lambda x, y: np.einsum("ij,kj->ik", x, y), A, A * 2),
    "fft": (lambda x: np.abs(np.fft.fft(x)) ** 2, V),
    "complex square": (lambda z: z * z, np.array([1 + 2j, -0.5j])),
    "complex modulus": (np.abs, np.array([1 + 2j, -0.5j])),
    "beside a division by zero": (QUOTIENT, np.array([0.5, 0.5]), np.array([0.5, 0.0])),
    "steps at whole numbers": (lambda x: np.floor(x) + x, np.array([65.0, -4096.0, 0.625])),
    # containers, dtypes, rough functions
    "a dict": (lambda p: (p["w"] @ p["b"]).sum(), {"w": A, "b": V[:3]}),
    "a list": (lambda xs: np.concatenate(xs), [V, V * 2]),
    "float32": (np.tanh, V.astype(np.float32)),
    "float32 matmul": (np.matmul, A.astype(np.float32), A.T.copy().astype(np.float32)),
    "in float32 within": (lambda x: (np.astype(x, np.float32) * 2).sum(), V),
    "a noisy sum": (lambda x: (x + 1e3).sum() - 1e3 * 4 + (x * x).sum(), V),
    "weierstrass": (lambda x: sum(0.5**k * np.cos(3.0**k * x) for k in range(8)), np.array([0.3, 1.7])),
    "runge": (lambda x: 1 / (1 + 25 * x * x), np.linspace(-1, 1, 7)),
    # ill-scaled and ill-conditioned
    "softmax of 1e-30": (lambda x: nnF.softmax(x, -1), 1e-30 * A),
    "deviation of nearly equal": (lambda x: x.std(), 1 + 1e-8 * V),
    "log and its second derivative at 1e-300": (np.log, np.array([1e-300, 1e300])),
    "root of |x| near its kink": (lambda x: np.sqrt(np.abs(x)), np.array([1.0, -2.0, 1e-8])),
    "arcsin near 1": (np.arcsin, np.array([1 - 1e-10, -1 + 1e-12, 0.5])),
    "norm of 1e-30": (np.linalg.norm, 1e-30 * V),
    "saturated in float32": (np.tanh, np.array([12.0, -9.0, 0.5], np.float32)),
    "norm of a nearly singular inverse": (np.linalg.inv, np.array([[1.0, 1.0], [1.0, 1 + 1e-5]])),
    "abs of a determinant that is 0": (lambda a: np.abs(np.linalg.det(a)), np.array([[1.0, 2.0], [2.0, 4.0]])),
    "steep sigmoid": (lambda x: 1 / (1 + np.exp(-100 * x)), np.array([0.01, -0.02, 0.5])),
}


@pytest.mark.parametrize("name", CORRECT)
@pytest.mark.parametrize("order", [1, 2])
def test_no_false_alarm(name, order):
    f, *inputs = CORRECT[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        report = gradcheck(f, *inputs, order=order)
    assert report and report.verdict != "fail"


@pytest.mark.parametrize("name", ["norm of 1e-30", "arcsin near 1", "saturated in float32", "float32 matmul"])
def test_no_false_alarm_of_the_whole_battery(name):
    f, *inputs = CORRECT[name]
    assert check_op(f, [tuple(inputs)])


def test_there_are_sixty():
    assert len(CORRECT) >= 60


def test_a_whole_classifier():
    rng = np.random.default_rng(0)
    model = tg.nn.Sequential(
        tg.nn.Linear(784, 64), tg.nn.ReLU(), tg.nn.Linear(64, 64), tg.nn.ReLU(), tg.nn.Linear(64, 10)
    )
    images, labels = rng.random((64, 784)), rng.integers(0, 10, 64)
    report = gradcheck(lambda m: nnF.cross_entropy(m(Tensor(images)), labels), model)
    assert report and report.compared
    assert sum(p.size for p in model.parameters()) == 55_050 and all(p.grad is None for p in model.parameters())

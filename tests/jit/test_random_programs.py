"""Random programs: whatever a function is made of, jit gives what it gives, and so do its gradients.

The thresholds from which a program is cut into tiles, compiled, or shared between cores are lowered in turn, so that
small arrays go every way that large ones do.
"""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.jit import kernels, loops, plan, products

UNARY = {
    "sin": np.sin,
    "tanh": np.tanh,
    "square": np.square,
    "negative": np.negative,
    "abs": np.abs,
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "softmax": F.softmax,
    "exp": lambda a: np.exp(-np.abs(a)),
    "transpose": lambda a: a.T,
    "reverse": lambda a: a[::-1, ::-1],
    "mean": lambda a: a - a.mean(axis=0),
    "max": lambda a: a - a.max(axis=1, keepdims=True),
    "reshape": lambda a: a.ravel().reshape(a.shape[::-1]).T,
    "cumsum": lambda a: np.cumsum(a, axis=1) * 0.3,
    "sqrt": lambda a: np.sqrt(a * a + 1),
    "where": lambda a: np.where(a > 0, a, 0.1 * a),
    "power": lambda a: a**3 * 0.1,
    "half": lambda a: a.astype(np.float32).astype(a.dtype),
    "gelu": F.gelu,
    "scaled": lambda a: 0.5 * a + 1,
    "clip": lambda a: np.clip(a, -0.5, 0.5),
    "fancy": lambda a: a[[2, 0, 1, 2]],
    "repeat": lambda a: np.concatenate([a, a])[1:5],
    "norm": lambda a: a / (1 + np.sqrt((a * a).sum(axis=1, keepdims=True))),
    "log": lambda a: np.log1p(a * a),
}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "hypot": np.hypot,
    "divide": lambda a, b: a / (1 + b * b),
    "product": lambda a, b: a @ b.T @ b * 0.1,
    "einsum": lambda a, b: np.einsum("ij,ij->ij", a, b),
    "outer": lambda a, b: a * b.sum(axis=0),
    "stack": lambda a, b: np.stack([a, b]).sum(axis=0),
}


def assigned(a, b):
    a = a + 0 * b  # a tensor if either is
    a[1:3, ::2] = b[:2, ::2]
    return a


def accumulated(a, b):
    a = (a + 0 * b).copy()
    a += b
    a[0] = a[0] * 2
    return a


BINARY |= {"assigned": assigned, "accumulated": accumulated}
STEPS = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=9,
)


def program(steps, x, w):
    """Values made one from another; the result depends on all of them."""
    values = [x, w]
    for name, i, j in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        values.append(UNARY[name](a) if name in UNARY else BINARY[name](a, b))
    return values


def loss_of(steps):
    weights = np.linspace(-1, 1, 16).reshape(4, 4)

    def loss(x, w):
        total = 0
        for k, value in enumerate(program(steps, x, w)[2:]):
            total = total + (value * weights.astype(value.dtype)).sum() * (1 + k)
        return total

    return loss


def close(a, b, dtype):
    eps = np.finfo(dtype).eps
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape
    scale = np.abs(b).max(initial=1)  # the order of a sum may change: a few ulp of the largest term
    np.testing.assert_allclose(a, b, rtol=64 * eps, atol=64 * eps * scale)


WAYS = {
    "as small arrays go": {},
    "in tiles, shared": {
        (plan, "FUSE_BYTES"): 1,
        (plan, "TILE_BYTES"): 40,
        (loops, "THREAD_BYTES"): 1,
        (products, "LARGE"): 1,
        (products, "UNPACKED"): 8,
        (kernels, "INSTALLED"): False,
    },
    "compiled": {(plan, "FUSE_BYTES"): 1, (kernels, "WORTH"): 1, (kernels, "AFTER"): 0},
}
NUMPY_WAYS = [way for way in WAYS if way != "compiled"]


@contextmanager
def forced(way: str):
    """Programs that go one of the ways."""
    if way == "compiled":
        pytest.importorskip("numba", reason="loops are compiled where Numba is installed")
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), value in WAYS[way].items():
            patch.setattr(module, name, value)
        yield


SWEEP = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
EXAMPLES = settings(SWEEP, max_examples=3)


@pytest.mark.parametrize("way", NUMPY_WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@EXAMPLES
@given(steps=STEPS, seed=st.integers(0, 2**16))
def test_values_gradients_and_second_order(way, dtype, steps, seed):
    with forced(way):
        values_gradients_and_second_order(dtype, steps, seed)


@pytest.mark.slow
@pytest.mark.parametrize("way", NUMPY_WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@SWEEP
@given(steps=STEPS, seed=st.integers(0, 2**16))
def test_many_values_gradients_and_second_orders(way, dtype, steps, seed):
    with forced(way):
        values_gradients_and_second_order(dtype, steps, seed)


def values_gradients_and_second_order(dtype, steps, seed):
    rng = np.random.default_rng(seed)
    loss = loss_of(steps)

    def second(x, w, v):
        return tg.grad(lambda x: (tg.grad(loss)(x, w) * v).sum())(x)

    functions = [loss, tg.value_and_grad(loss, argnums=(0, 1)), second]
    jitted = [tg.jit(f) for f in functions]
    for _ in range(3):
        x, w, v = (rng.standard_normal((4, 4)).astype(dtype) for _ in range(3))
        kept = x.copy(), w.copy()
        for f, j, args in zip(functions, jitted, [(x, w), (x, w), (x, w, v)]):
            for a, b in zip(leaves(j(*args)), leaves(f(*args)), strict=True):
                close(a, b, dtype)
        assert np.array_equal(x, kept[0]) and np.array_equal(w, kept[1])
    assert all(j.recordings == 1 for j in jitted)


def leaves(tree):
    return [leaf for item in tree for leaf in leaves(item)] if isinstance(tree, tuple) else [tree]


MODELS = given(
    steps=STEPS,
    seed=st.integers(0, 2**16),
    name=st.sampled_from(["SGD", "Adam", "RMSprop"]),
    drop=st.booleans(),
)


@pytest.mark.parametrize("way", NUMPY_WAYS)
@EXAMPLES
@MODELS
def test_training_with_a_random_model(way, steps, seed, name, drop):
    with forced(way):
        training_with_a_random_model(steps, seed, name, drop)


@pytest.mark.slow
@pytest.mark.parametrize("way", NUMPY_WAYS)
@SWEEP
@MODELS
def test_training_with_many_random_models(way, steps, seed, name, drop):
    with forced(way):
        training_with_a_random_model(steps, seed, name, drop)


def training_with_a_random_model(steps, seed, name, drop):
    def build():
        nn.init.manual_seed(seed)
        w = Tensor(np.random.default_rng(seed).standard_normal((4, 4)), requires_grad=True, name="w")
        norm, dropout = nn.BatchNorm1d(4, dtype=np.float64), nn.Dropout(0.4, generator=seed)
        optimizer = getattr(optim, name)([w, *norm.parameters()], lr=0.01)

        def step(x):
            h = norm(x @ np.eye(4) + w[:1])
            h = dropout(h) if drop else h
            loss = loss_of(steps)(np.tanh(h), np.tanh(w)) * 0.01
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss, h

        return step, w, norm

    (eager, w, norm), (step, w2, norm2) = build(), build()
    jitted = tg.jit(step)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        x = rng.standard_normal((4, 4))
        for a, b in zip(jitted(x), eager(x)):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(w2.numpy(), w.numpy(), rtol=1e-8, atol=1e-8)
        for a, b in zip(norm2.buffers(), norm.buffers()):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.slow  # compiling takes its time
@settings(EXAMPLES, max_examples=5)
@given(steps=STEPS, dtype=st.sampled_from([np.float32, np.float64]), name=st.sampled_from(["SGD", "Adam"]))
def test_compiled_loops(steps, dtype, name):
    with forced("compiled"):
        values_gradients_and_second_order(dtype, steps, 0)
        training_with_a_random_model(steps, 0, name, True)

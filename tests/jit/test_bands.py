"""Bands: a step that goes through a long batch some rows at a time gives what it gives at once."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import nn, optim
from tinygrad_np.jit import bands, kernels, narrow, products
from tinygrad_np.parallel import cores

from .examples import training

ROWS = 23  # a prime: no band is as long as the next


@contextmanager
def short_bands():
    """Bands of a few rows, and products in small parts."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((bands, "BAND_BYTES", 256), (bands, "FEWEST", 2), (products, "UNPACKED", 40)):
            patch.setattr(module, name, value)
        yield


def in_bands(jitted) -> list[bands.Band]:
    """The bands of the program that a function has run last."""
    program = jitted.programs[0]
    return [step for step in program.planned().steps if isinstance(step, bands.Band)]


LAYERS = {
    "linear": lambda h, w, y: h @ w,
    "turned": lambda h, w, y: (w.T @ h.T).T,
    "bias": lambda h, w, y: h + w[0],
    "relu": lambda h, w, y: F.relu(h),
    "tanh": lambda h, w, y: np.tanh(h),
    "softmax": lambda h, w, y: F.softmax(h),
    "less the largest": lambda h, w, y: h - h.max(axis=1, keepdims=True),
    "less the mean row": lambda h, w, y: h - h.mean(axis=0),
    "of its own sums": lambda h, w, y: h @ np.tanh(h.T @ h / ROWS),
    "over the norm": lambda h, w, y: h / np.sqrt(1 + (h * h).sum(axis=1, keepdims=True)),
    "labels": lambda h, w, y: np.where(y[:, None] == np.arange(4), h, 0.5 * h),
    "one column": lambda h, w, y: h * np.tanh(h[:, 2:3]),
    "reversed": lambda h, w, y: h[::-1],
    "shuffled": lambda h, w, y: h[np.arange(ROWS) * 5 % ROWS],
    "next row": lambda h, w, y: np.concatenate([h[1:], h[:1]]),
    "total": lambda h, w, y: h * (2 + np.tanh(h.sum())),
    "float32": lambda h, w, y: h.astype(np.float32).astype(h.dtype),
    "clip": lambda h, w, y: np.clip(h, -1, 0.25),
    "dropout": lambda h, w, y: h * (np.arange(ROWS)[:, None] % 3 > 0),
}


def loss_of(names):
    def loss(x, w, y):
        h = x
        for name in names:
            h = LAYERS[name](h, w, y)
        return F.cross_entropy(h @ w, y), h

    return loss


SWEEP = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
RANDOM = given(
    names=st.lists(st.sampled_from([*LAYERS]), min_size=1, max_size=7),
    dtype=st.sampled_from([np.float32, np.float64]),
    order=st.sampled_from("CF"),
    seed=st.integers(0, 2**16),
)


@settings(SWEEP, max_examples=5)
@RANDOM
def test_random_layers(names, dtype, order, seed):
    check_random_layers(names, dtype, order, seed)


@pytest.mark.slow
@SWEEP
@RANDOM
def test_many_random_layers(names, dtype, order, seed):
    check_random_layers(names, dtype, order, seed)


def check_random_layers(names, dtype, order, seed):
    rng = np.random.default_rng(seed)
    gradient = tg.value_and_grad(loss_of(names), argnums=(0, 1), has_aux=True)
    jitted = tg.jit(gradient)
    with short_bands():
        for _ in range(3):
            x, w = (rng.standard_normal(s).astype(dtype) for s in ((ROWS, 4), (4, 4)))
            args = np.asarray(x, order=order), w, rng.integers(0, 4, ROWS)
            exact = gradient(*(a.astype(float) if a.dtype.kind == "f" else a for a in args))
            for found, expected, best in zip(*map(leaves, (jitted(*args), gradient(*args), exact)), strict=True):
                assert found.dtype == expected.dtype and found.shape == expected.shape
                # The order of a sum changes: in float32 that does about as much as rounding does without it.
                scale = np.abs(best).max(initial=1)
                atol = 1e-9 * scale if dtype is np.float64 else 32 * np.abs(expected - best).max() + 1e-5 * scale
                np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def leaves(tree):
    return [leaf for item in tree for leaf in leaves(item)] if isinstance(tree, tuple) else [np.asarray(tree)]


def small(name="SGD"):
    nn.init.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    return model, training(model, getattr(optim, name)(model.parameters(), lr=0.1))


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_training_goes_through_its_data_once_a_step(name):
    (model, step), (jitted_model, other) = small(name), small(name)
    jitted = tg.jit(other)
    rng = np.random.default_rng(1)
    with short_bands():
        for _ in range(4):
            x, y = rng.standard_normal((ROWS, 6)).astype(np.float32), rng.integers(0, 3, ROWS)
            np.testing.assert_allclose(jitted(x, y).item(), step(x, y).item(), rtol=1e-5)
        (band,) = in_bands(jitted)
    assert band.count > 4 and band.length == ROWS
    text = str(jitted.programs[0])
    assert f"for each {band.tile} of {ROWS}:" in text
    assert "    0.weight.grad += dot(" in text.replace("model.", "").replace("other.", "")
    for p, q in zip(model.parameters(), jitted_model.parameters()):
        np.testing.assert_allclose(q.numpy(), p.numpy(), rtol=1e-4, atol=1e-6)


def test_what_is_inside_a_band_takes_the_room_of_a_few_rows():
    _, step = small()
    jitted = tg.jit(step)
    with short_bands():
        for _ in range(2):
            jitted(np.ones((4000, 6), np.float32), np.zeros(4000, int))
        facts = jitted.programs[0].data()
    assert facts["peak_bytes"] < facts["unshared_bytes"] / 5


def test_sums_do_not_depend_on_the_cores(monkeypatch):
    x, y = np.random.default_rng(2).standard_normal((ROWS, 6)).astype(np.float32), np.arange(ROWS) % 3
    found = []
    for n in (1, 2, 2):
        monkeypatch.setattr(cores, "CORES", n)
        model, step = small()
        jitted = tg.jit(step)
        with short_bands():
            for _ in range(5):
                jitted(x, y)
        found.append(np.concatenate([p.numpy().ravel() for p in model.parameters()]))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[1], found[2])


def test_labels_out_of_range_change_nothing():
    model, step = small()
    jitted = tg.jit(step)
    x, y = np.ones((ROWS, 6), np.float32), np.zeros(ROWS, int)
    with short_bands():
        for _ in range(3):
            jitted(x, y)
        before = [p.numpy().copy() for p in model.parameters()]
        y[5] = 3
        with pytest.raises(ValueError, match="label 3"):
            jitted(x, y)
    for p, q in zip(model.parameters(), before):
        assert np.array_equal(p.numpy(), q)


def test_half_precision_is_summed_in_one_go():
    f = tg.jit(lambda x, w: (np.tanh(x @ w).T @ x, np.tanh(x @ w).sum(axis=0)))
    x, w = np.full((ROWS, 4), 1 / 3, np.float16), np.ones((4, 3), np.float16)
    with short_bands():
        for _ in range(2):
            for found, expected in zip(f(x, w), (np.tanh(x @ w).T @ x, np.tanh(x @ w).sum(axis=0))):
                assert np.array_equal(found, expected)


def test_a_sum_of_negative_zeros_keeps_its_sign():
    with short_bands():
        f = tg.jit(lambda x, w: (np.tanh(x @ w).T @ x, (x @ w).sum(axis=0)))
        x, w = -np.zeros((ROWS, 4)), np.ones((4, 3))
        for found in (f(x, w), f(x, w)):
            expected = np.tanh(x @ w).T @ x, (x @ w).sum(axis=0)
            for a, b in zip(found, expected):
                assert np.array_equal(np.signbit(np.asarray(a)), np.signbit(b))


NARROW = {
    "x @ w": (lambda x, w: x @ w, (70, 3)),
    "x @ w.T": (lambda x, w: x @ w.T, (5, 70)),
    "one column": (lambda x, w: x @ w, (70, 1)),
    "of transposes": (lambda x, w: (w.T @ x.T).T, (70, 3)),
    "every other row of w": (lambda x, w: x @ w[::2], (140, 4)),
}


@pytest.mark.slow  # each is compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NARROW)
def test_narrow_products_are_compiled(monkeypatch, name, dtype):
    pytest.importorskip("numba", reason="narrow products are compiled where Numba is installed")
    monkeypatch.setattr(kernels, "AFTER", 0)
    product, shape = NARROW[name]

    def loss(x, w, y):
        return F.cross_entropy(np.tanh(product(x, w)), y)

    gradient = tg.value_and_grad(loss, argnums=(0, 1))
    jitted = tg.jit(gradient)
    rng = np.random.default_rng(3)
    with short_bands():
        for _ in range(3):
            x, w = rng.standard_normal((ROWS, 70)).astype(dtype), rng.standard_normal(shape).astype(dtype)
            x.flags.writeable = False
            y = np.zeros(ROWS, int)
            for found, expected in zip(leaves(jitted(x, w, y)), leaves(gradient(x, w, y)), strict=True):
                scale = np.abs(expected).max(initial=1)
                np.testing.assert_allclose(found, expected, rtol=0, atol=256 * np.finfo(dtype).eps * scale)
        source = jitted.programs[0].source()
    assert "times" in source and "summed" in source


@pytest.mark.slow  # it compiles two loops of its own
def test_narrow_products_of_infinities_and_nan_are_those_of_numpy():
    pytest.importorskip("numba", reason="narrow products are compiled where Numba is installed")
    x = np.random.default_rng(4).standard_normal((7, 70))
    x[1, 2], x[3, 3], x[5, 69] = np.inf, np.nan, -np.inf
    w, out = np.random.default_rng(5).standard_normal((70, 3)), np.empty((7, 3))
    with np.errstate(invalid="ignore"):  # which BLAS raises or does not, by the machine
        narrow.compiled_product("times", 3, x.dtype)(x, w.T, out)
        np.testing.assert_allclose(out, x @ w, rtol=1e-12)
        total = np.empty((3, 70))
        narrow.compiled_product("summed", 3, x.dtype)(x, out, total)
        np.testing.assert_allclose(total, out.T @ x, rtol=1e-12)


def test_a_batch_without_rows():
    gradient = tg.grad(lambda w, x: (np.tanh(x @ w) @ w.T).sum())
    jitted = tg.jit(gradient)
    with short_bands():
        for _ in range(2):
            assert np.array_equal(jitted(np.ones((3, 2)), np.ones((0, 3))), np.zeros((3, 2)))

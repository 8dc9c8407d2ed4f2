"""What a program is: it shows itself, allocates nothing, runs in tiles, and shares large products."""

import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.jit import kernels
from tinygrad_np.parallel.blas import KNOWN

from .examples import network, normal, same, training


def test_a_replay_allocates_next_to_nothing():
    import tracemalloc

    nn.init.manual_seed(0)
    model = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    step = tg.jit(training(model, optim.Adam(model.parameters())))
    x, y = normal(512, 512), rng.integers(0, 10, 512)
    for _ in range(kernels.AFTER + 4):  # compiling, where Numba is installed, is behind us
        step(x, y)
    tracemalloc.start()
    try:
        step(x, y)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10):
            step(x, y)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One activation is 1 MB, and so are the gradients; what remains are the buffers inside NumPy's loops.
    assert peak - before < 1 << 17 and after - before < 1024


@pytest.mark.parametrize("kind", [np.array, Tensor])
def test_a_program_keeps_no_argument_alive(kind):
    jitted = tg.jit(lambda x: (x * 2).sum())
    for _ in range(3):
        argument = kind(normal(3))
        jitted(argument)
        last = weakref.ref(argument if kind is np.array else argument._array)
        del argument
        assert last() is None


def test_a_program_tells_what_it_does():
    model = network(1)
    step = tg.jit(training(model, optim.SGD(model.parameters(), lr=0.1)))
    for _ in range(3):
        step(normal(6, 12), rng.integers(0, 5, 6))
    program = step.programs[0]
    facts = program.data()
    assert facts["recorded"] > sum(len(s["functions"]) for s in facts["steps"])
    assert facts["peak_bytes"] < facts["unshared_bytes"]
    assert any(b["in_place_of"] for b in facts["buffers"])
    assert (
        "model.0.weight" in str(program) and "examples.py" in program.recording() and "def replay" in program.source()
    )


def test_large_chains_run_in_tiles_whatever_their_layout():
    big = normal(400, 500, dtype=np.float64)
    for f in (
        lambda x: np.tanh(np.sin(x) * x + 1).sum(axis=0),
        tg.grad(lambda x: (np.maximum(np.sin(x) * x + 1, 0.5) ** 2).mean()),
        lambda x: np.exp(x - x.max(axis=1, keepdims=True)) * x[0] + x[:, :1],
        lambda x: (x.T * 2 + 1).T * x,
    ):
        jitted = tg.jit(f)
        for k in range(3):
            same(jitted(big + k), f(big + k))
        assert any(s["tile"] for s in jitted.programs[0].data()["steps"])


@pytest.mark.parametrize("n", [300, 512])
def test_a_result_does_not_take_the_place_of_what_its_loop_reads_in_another_layout(n):
    def f(x):
        return (np.maximum(x.T, x) * np.linspace(-1, 1, n * n, dtype=np.float32).reshape(n, n)).sum()

    jitted = tg.jit(tg.grad(f))
    for _ in range(kernels.AFTER + 4):
        x = normal(n, n)
        same(jitted(x), tg.grad(f)(x))


PRODUCTS = {  # large enough to be shared between cores, narrow ones in parts
    "square": (260, 260, 260),
    "tall": (5000, 200, 10),
    "wide": (10, 200, 5000),
    "deep": (10, 50_000, 20),
    "uneven": (1037, 131, 67),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_large_products_and_their_gradients(name):
    m, k, n = PRODUCTS[name]
    f = tg.value_and_grad(lambda a, b, c: ((a @ b) * c).sum(), argnums=(0, 1))
    jitted = tg.jit(f)
    for _ in range(6):
        a, b, c = normal(m, k), normal(k, n), normal(m, n)
        (value, grads), (expected, wanted) = jitted(a, b, c), f(a, b, c)
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-3 * np.sqrt(m * n * k))
        for g, w in zip(grads, wanted):
            np.testing.assert_allclose(g, w, rtol=1e-5, atol=3e-6 * np.sqrt(m * n))
    assert jitted.programs[0].shares or not KNOWN


def test_a_program_lists_what_it_captured_and_shows_itself():
    table, w = np.arange(3.0), {"scale": np.ones(3)}

    def f(x):
        w["scale"] += 1
        return x * table * w["scale"] + np.array([1.0, 2, 3])

    jitted = tg.jit(f)
    for _ in range(2):
        jitted(np.ones(3))
    (program,) = jitted.programs
    found = {(c["origin"], c["bytes"], c["written"]) for c in program.data()["captures"]}
    assert found == {("watched", 24, False), ("watched", 24, True), ("constant", 24, False)}
    names = {c["name"] for c in program.data()["captures"] if c["origin"] == "watched"}
    assert names == {"table", "w['scale']"} and all(
        "test_programs.py:" in c["line"] for c in program.data()["captures"]
    )
    page = program._repr_html_()
    assert page.startswith("<pre>") and "w[&#x27;scale&#x27;]" in page and "<td>constant</td>" in page

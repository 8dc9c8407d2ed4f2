"""Calls from several threads take turns."""

import threading

import numpy as np

import tinygrad_np as tg
from tinygrad_np import Tensor, nn, optim

from .examples import normal, training


def at_once(*calls):
    """Make calls, each (function, argument), in threads of their own."""
    threads = [threading.Thread(target=f, args=(argument,)) for f, argument in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_a_program_in_turns():
    jitted = tg.jit(lambda x: np.sin(x) * np.cos(x) + x)
    big, right = normal(300, 400), []

    def work(k):
        x = big + k
        expected = np.sin(x) * np.cos(x) + x
        right.append(all(np.array_equal(jitted(x), expected) for _ in range(20)))

    at_once(*[(work, k) for k in range(3)])
    assert right == [True] * 3


def test_threads_take_turns():
    w = Tensor(normal(64, 64), requires_grad=True)
    jitted = tg.jit(lambda x: np.tanh(x @ w) @ w.T)
    wrong = []

    def work(seed):
        stream = np.random.default_rng(seed)
        for _ in range(50):
            x = stream.standard_normal((16, 64)).astype(np.float32)
            if not np.allclose(jitted(x).numpy(), np.tanh(x @ w.numpy()) @ w.numpy().T, atol=1e-3):
                wrong.append(seed)

    at_once(*[(work, seed) for seed in range(4)])
    assert not wrong


def test_functions_that_share_parameters_take_turns():
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 4))
    step = tg.jit(training(model, optim.SGD(model.parameters(), lr=1e-3)))
    weight = next(model.parameters())
    scores = tg.jit(lambda x: np.maximum(x @ weight.detach().T, 0), max_programs=23)  # as many as there are lengths
    wrong = []

    def train(shapes):
        for n in shapes:  # each length is recorded, while others replay
            wrong.extend([n] * (not np.isfinite(step(normal(n, 8), np.zeros(n, int)).item())))

    def ask(shapes):
        for n in shapes:
            result = scores(normal(n, 8))
            wrong.extend([n] * (type(result) is not Tensor or result.shape != (n, 16)))

    asked = ([1 + k * j % 23 for k in range(90)] for j in (1, 2, 3))
    at_once((train, [3 + k % 7 for k in range(60)]), *[(ask, shapes) for shapes in asked])
    assert not wrong and type(weight._array) is np.ndarray


def test_threads_inside_a_function_that_runs_by_itself():
    inner = tg.jit(lambda x: np.sin(x))

    def f(x):
        found = []
        thread = threading.Thread(target=lambda: found.append(inner(x.detach().numpy())), daemon=True)
        thread.start()
        thread.join(60)
        return (x * found[0]).sum()

    x = normal(3)
    np.testing.assert_allclose(tg.grad(tg.jit(f))(x), np.sin(x), rtol=1e-6)

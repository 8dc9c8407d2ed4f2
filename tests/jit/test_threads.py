"""Calls from several threads take turns."""

import threading

import numpy as np

import tinygrad_np as tg
from tinygrad_np import Tensor

from .examples import normal


def test_threads_share_a_program_in_turns():
    import threading

    jitted = tg.jit(lambda x: np.sin(x) * np.cos(x) + x)
    big, right = normal(300, 400), []

    def work(k):
        x = big + k
        expected = np.sin(x) * np.cos(x) + x
        right.append(all(np.array_equal(jitted(x), expected) for _ in range(20)))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
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

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

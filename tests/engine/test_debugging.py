"""tg.debug names the first bad operation; modes belong to a thread and a context."""

import contextlib
import threading
import time
import warnings

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.watchers import Watcher, watching

HERE = r"test_debugging.py:\d+ in "


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda x: np.exp(np.log(x) * 2), r"log of \(3,\) float64 made infinity at \[0\].*" + HERE),
        (lambda x: np.sqrt(x - 1) * 0, r"sqrt of .* made NaN at \[0\]"),
        (lambda x: (x / x).sum(), r"divide of .* made NaN at \[0\]"),
        (lambda x: np.linalg.norm(x) / np.prod(x), "divide"),
    ],
)
def test_forward(f, words):
    x = Tensor([0.0, 1.0, 4.0], requires_grad=True)
    with warnings.catch_warnings(), tg.debug(), pytest.raises(tg.NonFiniteError, match=words):
        warnings.simplefilter("ignore")
        f(x)


def test_backward():
    x = Tensor([0.0, 1.0], requires_grad=True)
    with tg.debug():
        y = np.sqrt(x)
        z = y * 2
        words = rf"gradient of sqrt made infinity at \[0\].*operand 0.*{HERE}test_backward"
        with pytest.raises(tg.NonFiniteError, match=words):
            z.backward(np.ones(2))
    assert x.grad is None


def test_what_is_finite_passes_and_zeros_still_win():
    x = Tensor([0.0, 4.0], requires_grad=True)
    with tg.debug():
        np.where(x > 0, np.sqrt(x), 0).backward(np.ones(2))
    np.testing.assert_array_equal(x.grad, [0, 0.25])


def test_infinity_may_be_allowed():
    x = Tensor([0.0, 1.0], requires_grad=True)
    with tg.debug(infinity=False):
        np.where(np.array([True, False]), x, -np.inf).max().backward()
    np.testing.assert_array_equal(x.grad, [1, 0])


def test_debug_in_transforms_and_as_a_decorator():
    @tg.debug()
    def f(x):
        return tg.grad(lambda y: np.log(y - y).sum())(x)

    with warnings.catch_warnings(), pytest.raises(tg.NonFiniteError, match="log"):
        warnings.simplefilter("ignore")
        f(np.ones(2))


def test_threads_do_not_share_modes():
    ready, go = threading.Event(), threading.Event()
    seen = []

    def other():
        with tg.no_grad():
            ready.set()
            go.wait(10)
            seen.append(tg.is_grad_enabled())

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait(10)
    seen.append(tg.is_grad_enabled())
    go.set()
    thread.join()
    assert seen == [True, False]


def test_many_threads_differentiate_at_once():
    results = {}

    def work(i):
        for _ in range(30):
            with tg.no_grad():
                assert not (Tensor(1.0, requires_grad=True) * 2).requires_grad
            x = np.full(5, 0.1 * i)
            results.setdefault(i, []).append(tg.hessian(lambda x: (np.sin(x) * x[0] ** 2).sum())(x))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(6):
        expected = tg.hessian(lambda x: (np.sin(x) * x[0] ** 2).sum())(np.full(5, 0.1 * i))
        assert all(np.array_equal(h, expected) for h in results[i]) and len(results[i]) == 30


def test_modes_nest_and_end_with_their_block():
    x = Tensor(1.0, requires_grad=True)
    with tg.no_grad():
        with tg.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
        assert tg.grad(lambda y: y * y)(3.0) == 6  # a transform records whatever the caller does
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        1 / 0  # noqa: B018
    assert tg.is_grad_enabled()

    @tg.no_grad()
    def recursive(n):
        assert not tg.is_grad_enabled()
        return n and recursive(n - 1)

    recursive(3)
    assert tg.is_grad_enabled()


@pytest.mark.parametrize("order", ["debug inside", "record inside", "record in record in debug"])
def test_watchers_hand_on_what_they_see(order):
    """Each sees everything, whichever is around the other: operations, lines, times, cuts and what is not finite."""
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    blocks = {
        "debug inside": [tg.record(time=True), tg.debug()],
        "record inside": [tg.debug(), tg.record(time=True)],
        "record in record in debug": [tg.debug(), tg.record(time=True), tg.record(source=True)],
    }[order]
    with contextlib.ExitStack() as stack:
        for block in blocks:
            stack.enter_context(block)
        loss = (x * x).sum()
        y = x.detach() + 1
        with pytest.raises(tg.NonFiniteError), np.errstate(all="ignore"):
            np.log(x - x)
        z = np.sqrt(x - 1)
        with pytest.raises(tg.NonFiniteError, match="gradient of sqrt"):
            z.backward(np.ones(2))
    notes = [node for node in loss.graph().nodes if node.kind == "op"]
    assert len(notes) == 2 and all(node.source.startswith("test_debugging.py:") for node in notes)
    assert order == "record in record in debug" or all(node.time_ns > 0 for node in notes)
    assert "detach(), at test_debugging.py:" in tg.graph(y * Tensor(1.0, requires_grad=True)).why_no_grad(x)


def test_a_block_may_be_entered_again_and_inside_itself():
    x, block = Tensor([1.0], requires_grad=True), tg.debug()
    with block, block, np.errstate(all="ignore"), pytest.raises(tg.NonFiniteError):
        np.log(x - 1)
    with np.errstate(all="ignore"):
        np.log(x - 1)


def test_recording_and_debugging_stack():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with tg.debug(), tg.record(time=True):
        (x * x).sum().backward()
        with pytest.raises(tg.NonFiniteError):
            np.sqrt(x - 1).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 4])


class Counter(Watcher):
    """Counts what it is told of."""

    def __init__(self):
        self.seen = dict.fromkeys(("forward", "before", "backward", "cut"), 0)

    def forward(self, node, out):
        self.seen["forward"] += 1

    def before(self, node, ct):
        self.seen["before"] += 1

    def backward(self, node, parent, g):
        self.seen["backward"] += 1

    def cut(self, step, nodes):
        self.seen["cut"] += 1


class counting(watching):
    def __init__(self, counter):
        super().__init__()
        self.counter = counter

    def watcher(self):
        return self.counter


@pytest.mark.parametrize("inside", [tg.debug, tg.record, lambda: counting(Watcher())])
def test_a_watcher_hands_on_each_kind_of_event(inside):
    """A forward, the whole cotangent before a pullback, each cotangent after, and what leaves the tape."""
    counter = Counter()
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with counting(counter), inside():
        y = (np.sin(x) * x).sum()
        y.detach()
        y.backward()
    assert counter.seen == {"forward": 3, "before": 3, "backward": 4, "cut": 1}


def test_the_times_of_a_block_add_up_to_no_more_than_it_took():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    start = time.perf_counter_ns()
    with tg.record(time=True):
        loss = (np.sin(x) * x).sum()
    passed = time.perf_counter_ns() - start
    times = [node.time_ns for node in loss.graph().nodes if node.time_ns is not None]
    assert len(times) == 3 and all(t > 0 for t in times) and sum(times) <= passed

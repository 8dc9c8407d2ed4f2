"""Arguments of every kind: tensors that gather gradients, streams, containers, arrays that are written to."""

import collections
import dataclasses

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor
from tinygrad_np.transforms.containers import flatten


def leaves(n=2):
    rng = np.random.default_rng(n)
    return [Tensor(rng.standard_normal(3), requires_grad=True) for _ in range(n)]


def equal_grads(mine, theirs):
    for a, b in zip(mine, theirs, strict=True):
        assert (a.grad is None) is (b.grad is None)
        if a.grad is not None:
            np.testing.assert_array_equal(a.grad, b.grad)


def test_a_tensor_gathers_its_gradient_from_the_first_call_on():
    def f(t):
        (t**2).sum().backward()
        return t.grad

    jitted = tg.jit(f)
    for _ in range(3):
        (mine,), (theirs,) = leaves(1), leaves(1)
        for _ in range(2):  # the second one adds
            np.testing.assert_array_equal(jitted(mine), f(theirs))
            equal_grads([mine], [theirs])


def test_a_tensor_given_twice_gathers_both_gradients():
    def f(t, u):
        (t * u).sum().backward()
        return t.grad, u.grad

    jitted, mine, theirs = tg.jit(f), leaves(), leaves()
    for i, j in [(0, 1), (0, 0), (1, 1), (1, 0), (0, 0), (0, 1)]:
        np.testing.assert_array_equal(jitted(mine[i], mine[j]), f(theirs[i], theirs[j]))
        equal_grads(mine, theirs)


def test_a_tensor_that_the_function_reaches_besides():
    def build():
        w, v = leaves()

        def f(t, x):
            (t * w * x).sum().backward()
            return t.grad

        return f, (w, v)

    (f, mine), (eager, theirs) = build(), build()
    jitted = tg.jit(f)
    for i in (1, 0, 1, 0, 0, 1):
        x = rng.standard_normal(3)
        np.testing.assert_array_equal(jitted(mine[i], x), eager(theirs[i], x))
        equal_grads(mine, theirs)
    assert jitted.recordings <= 4


def test_gradients_that_are_cleared_or_changed_in_place():
    def cleared(t):
        t.grad = None
        return t * 2

    def doubled(t):
        t.grad *= 2
        return t * 2

    for f in (cleared, doubled):
        jitted = tg.jit(f)
        (mine,), (theirs,) = leaves(1), leaves(1)
        for _ in range(3):
            mine.grad, theirs.grad = np.ones(3), np.ones(3)
            np.testing.assert_array_equal(jitted(mine).numpy(), f(theirs).numpy())
            equal_grads([mine], [theirs])


def test_a_random_stream():
    def f(x, streams):
        return x + streams["noise"].normal(size=3)

    jitted = tg.jit(f)
    mine, theirs = ([np.random.default_rng(k) for k in range(2)] for _ in range(2))
    for i in (0, 0, 1, 0, 1):
        x = rng.standard_normal(3)
        np.testing.assert_array_equal(jitted(x, {"noise": mine[i]}), f(x, {"noise": theirs[i]}))
    assert jitted.recordings == 2
    with pytest.raises(tg.NotReplayable):
        tg.jit(lambda x, s: float(s.normal()) * x)(x, mine[0])
    assert mine[0].random() == theirs[0].random()  # put back


def test_a_written_argument_is_replayed():
    def f(x, y):
        x[0] = 5
        x += y
        return x * y

    jitted = tg.jit(f)
    for _ in range(4):
        x, y = rng.standard_normal((2, 3))
        mine, theirs = x.copy(), x.copy()
        np.testing.assert_array_equal(jitted(mine, y), f(theirs, y))
        np.testing.assert_array_equal(mine, theirs)
    assert jitted.recordings == 1


@dataclasses.dataclass
class Pair:
    a: np.ndarray
    b: float


Named = collections.namedtuple("Named", "x y")

CONTAINERS = {
    "dataclass": lambda x: (Pair(x, 2.0),),
    "named tuple": lambda x: (Named(x, {"z": 2 * x}),),
    "nested": lambda x: ([x, (x * 2, {"k": [x]}), []],),
    "an empty one": lambda x: ({}, [], x),
    "an empty array": lambda x: (x[:0],),
    "0-d": lambda x: (np.array(x[0]), x[0]),
    "a slice": lambda x: (x, slice(1, None)),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers(name):
    def doubled(tree):
        if isinstance(tree, dict):
            return {k: doubled(v) for k, v in tree.items()}
        if isinstance(tree, Pair):
            return Pair(doubled(tree.a), doubled(tree.b))
        if isinstance(tree, tuple) and hasattr(tree, "_fields"):
            return type(tree)(*map(doubled, tree))
        if isinstance(tree, (list, tuple)):
            return type(tree)(map(doubled, tree))
        return np.arange(5.0)[tree] if isinstance(tree, slice) else tree * 2

    def f(*args):
        return doubled(args)

    jitted = tg.jit(f)
    for _ in range(3):
        x = rng.standard_normal(3)
        args = CONTAINERS[name](x)
        got, expected = flatten(jitted(*args)), flatten(f(*args))
        assert got[1] == expected[1]
        for a, b in zip(got[0], expected[0], strict=True):
            assert type(a) is type(b)
            np.testing.assert_array_equal(a, b)
    assert jitted.recordings <= 2


def test_an_array_with_an_arithmetic_of_its_own_takes_no_program_of_others():
    jitted = tg.jit(lambda x: x * 2)
    jitted(np.ones(3))
    with pytest.raises(tg.NotReplayable, match="argument 0 is a MaskedArray"):
        jitted(np.ma.array(np.ones(3), mask=[0, 1, 0]))

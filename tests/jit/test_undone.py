"""A refusal or an interrupt leaves everything as it was; an error of the function's own what the function leaves."""

import copy
import random

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.stream import rng
from tinygrad_np import Tensor, nn, optim

from .examples import normal

FACTOR = 1.0
NUMPYS = np.asarray, np.array


def test_python_counters_and_growing_lists_are_refused_and_undone():
    class Counter:
        steps = 0
        seen = []

    counter = Counter()
    counter.steps, counter.seen = 0, []
    w = Tensor(normal(3), requires_grad=True)
    before = w.numpy().copy()

    def count(x):
        counter.steps += 1
        with tg.no_grad():
            w[...] = x
        return x * w

    def keep(x):
        counter.seen.append(x)
        return x

    with pytest.raises(tg.NotReplayable, match="counter.steps changed from 0 to 1"):
        tg.jit(count)(normal(3))
    with pytest.raises(tg.NotReplayable, match="counter.seen changed its length"):
        tg.jit(keep)(normal(3))
    assert counter.steps == 0 and counter.seen == [] and np.array_equal(w.numpy(), before)


def test_a_refused_counter_is_put_back():
    global FACTOR
    count, FACTOR = 0, 1.0

    def f(x):
        nonlocal count
        global FACTOR
        count += 1
        FACTOR = 2.0
        return x

    with pytest.raises(tg.NotReplayable, match="changed from"):
        tg.jit(f)(normal(2))
    assert count == 0 and FACTOR == 1.0


@pytest.mark.parametrize("was, now", [(np.nan, 1.0), (0.0, -0.0), (1, 1.0), (1, True)])
def test_a_number_that_only_looks_the_same_has_changed(was, now):
    box = {"last": was}

    def f(x):
        box["last"] = now
        return x

    with pytest.raises(tg.NotReplayable, match="box.last changed from"):
        tg.jit(f)(normal(2))
    assert box["last"] is was


def test_an_error_in_a_later_call_changes_nothing():
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    optimizer = optim.Adam(model.parameters())

    @tg.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = normal(8, 4), rng.integers(0, 3, 8)
    for _ in range(3):
        step(x, y)
    before = [a.copy() for a in (*(p.numpy() for p in model.parameters()),)]
    state = optimizer.state_dict()
    with pytest.raises(ValueError, match="label 9"):
        step(x, np.where(np.arange(8) == 3, 9, y))
    for a, p in zip(before, model.parameters(), strict=True):
        assert np.array_equal(a, p.numpy())
    for i, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            assert np.array_equal(value, state["state"][i][name])


@pytest.mark.parametrize("other", [np.ma.ones(3), np.ones(3, object)])
def test_a_refused_argument_leaves_the_others_alone(other):
    t = Tensor(np.ones(3), requires_grad=True)
    t.grad = np.ones(3)
    with pytest.raises(tg.NotReplayable, match="argument 1 is"):
        tg.jit(lambda t, other: t * 1)(t, other)
    assert type(t._array) is np.ndarray and type(t.grad) is np.ndarray


def test_a_graph_from_outside_is_not_gone_through():
    w = Tensor(normal(3), requires_grad=True)
    box = [w * 2]

    def f(x):
        (box[0] * x).sum().backward()
        return x

    with pytest.raises(tg.NotReplayable, match="made outside"):
        tg.jit(f)(normal(3))
    assert w.grad is None and box[0].requires_grad
    box[0].sum().backward()
    assert np.array_equal(w.grad, [2, 2, 2])
    assert np.array_equal(tg.jit(lambda x: box[0].detach() * x)(w.numpy()), 2 * w.numpy() ** 2)


def test_an_array_in_a_tuple_is_not_kept():
    class Cell:
        state = (np.zeros(3), np.zeros(3))

    cell = Cell()
    cell.state = before = cell.state

    def f(x):
        h, c = cell.state
        cell.state = (h + x, c + h)
        return cell.state[1]

    with pytest.raises(tg.NotReplayable, match=r"cell.state\[0\] keeps an array .* in a list"):
        tg.jit(f)(normal(3))
    assert cell.state is before


def test_setting_requires_grad_inside():
    w = Tensor(normal(3), requires_grad=True)

    def f(x):
        w.requires_grad = False
        return w * x

    with pytest.raises(tg.NotReplayable, match="requires_grad of w was set"):
        tg.jit(f)(normal(3))
    assert w.requires_grad


class Everything(nn.Module):
    """Every kind of state, changed before it fails."""

    def __init__(self):
        nn.init.manual_seed(3)
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.options, self.history, self.average = {"a": np.ones(3)}, [np.zeros(3)], np.zeros(3)
        self.stream, self.count = np.random.default_rng(0), 0
        self.optimizer = optim.Adam(self.layers.parameters())

    def step(self, x, error):
        loss = (self.layers(x) ** 2).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.options["a"] = x[0] * 2
        self.options["new"] = x[0]
        self.history[0] = x[0]
        self.average += x[0] * self.stream.normal()
        np.random.random()
        random.random()
        self.count = 1
        x[0] = 7
        if error is not None:
            raise error
        return loss

    def all(self):
        return [
            {k: v.copy() for k, v in self.layers.state_dict().items()},
            [None if p.grad is None else p.grad.copy() for p in self.layers.parameters()],
            self.optimizer.state_dict(),
            {k: v.copy() for k, v in self.options.items()},
            self.history[0].copy(),
            self.average.copy(),
            self.stream.bit_generator.state,
            np.random.get_state(),
            random.getstate(),
            [p._array.__class__ for p in self.layers.parameters()],
            self.count,
        ]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])  # None: refused in the end
@pytest.mark.parametrize("warm", [0, 2])
def test_a_refusal_or_an_interrupt_while_recording_leaves_everything_as_it_was(error, warm):
    things = Everything()
    for _ in range(warm):
        things.step(normal(5, 3), None)
        things.options.pop("new")
        things.count = 0
    before, x = things.all(), normal(5, 3)
    kept = x.copy()
    with pytest.raises(tg.NotReplayable if error is None else type(error)):
        tg.jit(things.step)(x, error)
    np.testing.assert_equal(things.all(), before)
    np.testing.assert_array_equal(x, kept)
    assert np.asarray is NUMPYS[0] and np.array is NUMPYS[1]
    things.step(x, None)  # and all goes on


def test_an_error_of_the_functions_own_leaves_what_the_function_leaves():
    mine, theirs, x = Everything(), Everything(), np.random.default_rng(5).standard_normal((5, 3)).astype(np.float32)
    theirs_x = x.copy()
    with pytest.raises(ValueError, match="mine"):
        theirs.step(theirs_x, ValueError("mine"))
    np.random.seed(0)
    random.seed(0)
    with pytest.raises(ValueError, match="mine"):
        tg.jit(mine.step)(x, ValueError("mine"))
    for a, b in zip(mine.all()[:7], theirs.all()[:7], strict=True):
        np.testing.assert_equal(a, b)
    assert np.array_equal(x, theirs_x) and mine.count == 1
    assert np.asarray is NUMPYS[0] and np.array is NUMPYS[1]


def test_an_error_in_the_middle_of_a_replay_leaves_what_the_function_leaves():
    rng, state = np.random.default_rng(0), {"n": np.zeros(2), "k": np.zeros((2, 2))}

    def f(a, rng, state):
        state["n"] += 1
        drawn = rng.normal(size=2)
        state["k"] = a * 2
        return np.linalg.inv(a).sum() + drawn.sum()

    jitted, other, same = tg.jit(lambda a: f(a, rng, state)), np.random.default_rng(0), copy.deepcopy(state)
    for a in (np.eye(2), np.zeros((2, 2)), 3 * np.eye(2)):
        try:
            expected = f(a, other, same)
        except np.linalg.LinAlgError:
            with pytest.raises(np.linalg.LinAlgError):
                jitted(a)
        else:
            assert jitted(a) == expected
        assert rng.bit_generator.state == other.bit_generator.state
        assert all(np.array_equal(state[k], same[k]) for k in state)
    assert len(jitted.programs) == 1


def test_arrays_that_lie_elsewhere_are_recorded_anew_and_each_keeps_its_program():
    box, base = {}, np.arange(12.0)
    jitted = tg.jit(lambda x: x + box["a"])
    for k in range(6):
        box["a"] = base[4 * (k % 2) :][:4]
        assert np.array_equal(jitted(np.ones(4)), 1 + box["a"])
    assert len(jitted.programs) == jitted.recordings == 2


def test_programs_that_cannot_be_run_call_after_call_are_told_once():
    state, kept = {"w": np.zeros(3)}, []

    def f(x):
        state["w"] = state["w"] + x
        return x

    jitted = tg.jit(f)
    jitted(np.ones(3))
    with pytest.warns(UserWarning, match=r"jit: f was run as it is 8 times in a row: something else refers") as told:
        for _ in range(30):
            kept.append(state["w"])
            jitted(np.ones(3))
    assert len(told) == 1 and [k[0] for k in kept] == list(range(1, 31))

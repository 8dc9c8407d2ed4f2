"""What a replay could not repeat is refused in one line that says where, and leaves everything as it was."""

import collections
import datetime
import itertools
import os
import random
import time

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim

from .examples import RNG, network, normal

FACTOR = 1.0


def branch(x):
    return x if x.sum() > 0 else -x


def number(x):
    return x * float(x.sum())


def item(x):
    return x * x.sum().item()


def conversion(x):
    return x * np.float64(1).__mul__(np.asarray(Tensor(x) * 1))


def listed(x):
    return sum(x.tolist())


def masked(x):
    return x[x > 0].sum()


def positions(x):
    return np.nonzero(x)[0]


@pytest.mark.parametrize("f", [branch, number, item, conversion, listed, masked, positions])
def test_what_a_replay_could_not_repeat_is_refused_with_the_line(f):
    with pytest.raises(tg.NotReplayable) as caught:
        tg.jit(f)(normal(3))
    message = str(caught.value)
    assert "test_refusals.py, line" in message and f"in {f.__name__}" in message and "\n" not in message


CONVERSIONS = {
    "numpy()": lambda t: t.numpy(),
    "np.asarray": lambda t: np.asarray(t),
    "asarray, imported": np.asarray,
    "np.array": lambda t: np.array(t),
    "array, imported": np.array,
    "np.from_dlpack": np.from_dlpack,
    "np.ascontiguousarray": np.ascontiguousarray,
    "tolist": lambda t: t.tolist(),
    "item": lambda t: t.sum().item(),
    "float": lambda t: float(t.sum()),
    "bool": lambda t: bool(t.sum()),
    "tobytes": lambda t: t.tobytes(),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_is_refused_with_its_line(name):
    convert = CONVERSIONS[name]

    def f(x):
        return convert(Tensor(x) * 2)  # this line

    with pytest.raises(tg.NotReplayable, match="test_refusals.py, line [0-9]+, in (f|<lambda>)"):
        tg.jit(f)(normal(3))
    assert convert(Tensor(normal(3)) * 2) is not None  # conversions are as before


def drawn_from(stream, draw):
    return lambda x: x * draw(stream)


def printed(x):
    print(x.shape)
    return x


def read(x):
    with open(__file__) as file:
        return x * len(file.read())


def formatted(x):
    return x * len(f"{x[0]:.3f}")


def caught(x):
    try:
        return x * float(x[0])
    except TypeError:
        return x


def written_and_read(x):
    made = np.empty(3)
    np.multiply(x, 2, out=made)
    return made.sum() * x


def generated():
    yield from range(100)


REFUSED = {
    "an iterator": drawn_from(itertools.count(), next),
    "a list's iterator": drawn_from(iter([1.0] * 100), next),
    "a generator": drawn_from(generated(), next),
    "random.Random": drawn_from(random.Random(0), lambda r: r.random()),
    "RandomState": drawn_from(np.random.RandomState(0), lambda r: r.rand()),
    "a stream in a tuple": drawn_from((np.random.default_rng(0),), lambda r: r[0].random()),
    "a bit generator": drawn_from(
        [np.random.default_rng(0)], lambda r: np.random.Generator(r[0].bit_generator).random()
    ),
    "fresh entropy": lambda x: x * np.random.default_rng().random(),
    "the clock": lambda x: x * time.time(),
    "the date": lambda x: x * datetime.datetime.now().microsecond,
    "the system": lambda x: x * os.urandom(1)[0],
    "a deque that grows": drawn_from(collections.deque(maxlen=9), lambda d: (d.append(1.0), len(d))[1]),
    "a masked array": lambda x: x * np.ma.masked_array(np.ones(3), mask=[0, 1, 0]),
    "objects": drawn_from(np.array([1.0, 2.0, 3.0], object), lambda a: a),
    "errors that depend on values": lambda x: np.errstate(invalid="raise").__enter__() or np.log(x),
    **{f.__name__: f for f in (printed, read, formatted, caught, written_and_read)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_be_repeated_is_refused(name):
    with pytest.raises(tg.NotReplayable) as caught, np.errstate():
        tg.jit(REFUSED[name])(RNG.standard_normal(3))
    assert "\n" not in str(caught.value)


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


def test_a_python_random_stream_is_refused():
    with pytest.raises(tg.NotReplayable, match="global random stream"):
        tg.jit(lambda x: x * random.random())(normal(3))


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

    x, y = normal(8, 4), RNG.integers(0, 3, 8)
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


def test_backward_through_a_result_says_where_to_put_it():
    model = network(1)
    f = tg.jit(lambda x: model(x).sum())
    for _ in range(2):
        with pytest.raises(tg.NotDifferentiable, match="inside"):
            f(normal(3, 12)).backward()


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
            [p.array.__class__ for p in self.layers.parameters()],
            self.count,
        ]


@pytest.mark.parametrize("error", [None, ValueError("mine"), KeyboardInterrupt()])  # None: refused in the end
@pytest.mark.parametrize("warm", [0, 2])
def test_an_error_while_recording_leaves_everything_as_it_was(error, warm):
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


NUMPYS = np.asarray, np.array

"""What a replay could not repeat is refused in one line that says where, and what to do instead."""

import collections
import datetime
import functools
import itertools
import os
import random
import time
import types

import numpy as np
import pytest
from numpy import eye, zeros  # by these names a recording does not see them

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor, nn, optim

from .examples import network, normal

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
    **{f.__name__: f for f in (printed, read, formatted, caught)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_be_repeated_is_refused(name):
    with pytest.raises(tg.NotReplayable) as caught, np.errstate():
        tg.jit(REFUSED[name])(rng.standard_normal(3))
    assert "\n" not in str(caught.value)


def test_a_python_random_stream_is_refused():
    with pytest.raises(tg.NotReplayable, match="global random stream"):
        tg.jit(lambda x: x * random.random())(normal(3))


def test_backward_through_a_result_says_where_to_put_it():
    model = network(1)
    f = tg.jit(lambda x: model(x).sum())
    for _ in range(2):
        with pytest.raises(tg.NotDifferentiable, match="inside"):
            f(normal(3, 12)).backward()


class Counted(nn.Module):
    def __init__(self):
        self.count, self.seen = 0, []

    def forward(self, x):  # the line of what only shows when it has run
        self.count += 1
        return x

    def keep(self, x):
        self.seen.append(x.shape)
        return x

    def step(self, scale, x):
        self.count += 1
        return x * scale


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda c: c, "in forward: .*: Counted.count changed from 0 to 1"),
        (lambda c: c.keep, "in keep: .*: the list self.seen changed its length"),
        (lambda c: functools.partial(c.step, 2), "in step: .*: .*count changed from 0 to 1"),
        (lambda c: tg.no_grad()(c.keep), "in keep: .*changed its length"),
    ],
)
def test_what_shows_only_after_the_call_names_the_function(make, words):
    with pytest.raises(tg.NotReplayable, match=f"test_refusals.py, line [0-9]+, {words}"):
        tg.jit(make(Counted()))(normal(3))


def filled(x):
    made = zeros((2, 3))
    made[0] = x
    return made


def filled_number(x):
    made = zeros(3)
    made[0] = x[0]
    return made


def looked_up(x):
    return eye(3)[(x > 0).astype(int)]


def row(x):
    return np.outer(x, x)[x.argmax()]


def held(x):
    return types.SimpleNamespace(x=x * 2)


ADVICE = {
    filled: "np.zeros_like",
    filled_number: "np.zeros_like",
    looked_up: "outside the jitted function",
    row: "np.take",
    held: "return arrays, tensors and numbers",
    lambda x: (v for v in x): "return arrays",
    lambda x: x.flat[0]: r"x.ravel\(\)",
    lambda x: x.copy().resize(6): "np.resize",
    lambda x: setattr(x.copy(), "shape", (3, 1)): "x.reshape",
    lambda x: np.arange(x[0]): "pass a Python number|return the tensor",
    lambda x: optim.SGD([Tensor(x, requires_grad=True)], lr=0.1) and x: "make it outside",
    lambda x: [1.0, 2.0][x.argmax()]: "index of a list",
    lambda x: x[x.argmax() :]: "in a slice",
    lambda x: np.flip(np.outer(x, x), (x > 9).argmax()): "pass a Python number",
    lambda x: np.split(x, np.ones_like(x, int)): "pass a Python number",
    lambda x: np.diagonal(np.outer(x, x), (x > 9).argmax()): "pass a Python number",
    lambda x: np.repeat(x, (x > 0).astype(int)): "np.where",
    lambda x: np.tile(x, (x > 0).astype(int)): "the values of reps",
    lambda x: np.compress(x > 0, x): "the values of condition",
    lambda x: np.linalg.eigvals(np.outer(x, x)): "complex",
    lambda x: np.emath.sqrt(x): "complex",
}


@pytest.mark.parametrize("f", ADVICE)
def test_a_refusal_says_what_to_do_instead(f):
    with pytest.raises(tg.NotReplayable, match=ADVICE[f]) as caught:
        tg.jit(f)(normal(3))
    assert "test_refusals.py, line" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["raise", "call"])
def test_errors_that_the_caller_wants_to_hear_of(how):
    f = tg.jit(lambda x: np.log(x) + 1)
    heard = []
    for _ in range(2):
        f(np.ones(2))
    with np.errstate(divide=how, call=lambda *error: heard.append(error)):
        for _ in range(2):
            try:
                f(np.zeros(2))
            except FloatingPointError as error:
                heard.append(error)
    assert len(heard) == 2 and f.recordings == 1


@pytest.mark.parametrize("how", ["at once", "in a gradient", "in a callback"])
def test_a_rule_that_draws_is_refused_whatever_it_calls(how):
    rng = np.random.default_rng(0)

    def draw(ct):
        return ct * rng.normal(size=2)

    within = {
        "at once": draw,
        "in a gradient": lambda ct: ct * tg.grad(lambda u: draw(u).sum())(np.ones(2)),
        "in a callback": lambda ct: list(map(draw, [ct]))[0],
    }[how]

    @tg.primitive
    def twice(x):
        return x * 2.0

    twice.defvjp(lambda ct: within(ct))
    with pytest.raises(tg.NotReplayable, match="a rule of a derivative draws"):
        tg.jit(tg.grad(lambda x: (twice(x) * x).sum()))(np.ones(2))
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state

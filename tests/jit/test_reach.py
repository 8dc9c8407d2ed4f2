"""What a jitted function can reach is never stale: in classes, modules, streams and iterators, or it is refused."""

import collections
import datetime
import itertools
import os
import random
import time
import types

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor

RNG = np.random.default_rng(0)
FACTOR = 1.0


class Options:
    number, array, nested = 1.0, np.ones(3), {"a": [1.0]}

    def times(self, x):
        return x * FACTOR


MODULE = types.ModuleType("a_module_of_the_user")
MODULE.number, MODULE.array = 1.0, np.ones(3)


def in_a_method():
    options = Options()
    return lambda x: options.times(x), lambda v: globals().update(FACTOR=v)


def behind_a_new_object():
    return lambda x: Options().times(x), lambda v: globals().update(FACTOR=v)


def in_a_set():
    box = {1.0}
    return lambda x: x * sum(box), lambda v: (box.clear(), box.add(v))


def in_a_key():
    box = {1.0: None}
    return lambda x: x * next(iter(box)), lambda v: (box.clear(), box.update({v: None}))


def in_a_function():
    def f(x):
        return x * f.factor

    f.factor = 1.0
    return f, lambda v: setattr(f, "factor", v)


def in_a_deque():
    box = collections.deque([np.ones(3)])
    return lambda x: x * box[0], lambda v: box.__setitem__(0, np.full(3, v))


def in_the_sign_of_zero():
    box = [0.0]
    return lambda x: np.arctan2(box[0], -np.abs(x)), lambda v: box.__setitem__(0, -0.0 if v > 1 else 0.0)


def in_what_requires_a_gradient():
    w, u = (Tensor(np.ones(3), requires_grad=True) for _ in range(2))

    def f(x):
        (w * x + u * x).sum().backward()
        return np.zeros_like(x) if w.grad is None else w.grad * 0 + x

    def change(v):
        u.grad = None
        w.requires_grad = v <= 1

    return f, change


PLACES = {
    "a class's number": lambda: (lambda x: x * Options.number, lambda v: setattr(Options, "number", v)),
    "a class's array": lambda: (lambda x: x * Options.array, lambda v: Options.array.fill(v)),
    "a class's dict": lambda: (lambda x: x * Options.nested["a"][0], lambda v: Options.nested.update(a=[v])),
    "a module's number": lambda: (lambda x: x * MODULE.number, lambda v: setattr(MODULE, "number", v)),
    "a module's array": lambda: (lambda x: x * MODULE.array, lambda v: setattr(MODULE, "array", np.full(3, v))),
    **{
        f.__name__: f
        for f in (
            in_a_method,
            behind_a_new_object,
            in_a_set,
            in_a_key,
            in_a_function,
            in_a_deque,
            in_the_sign_of_zero,
            in_what_requires_a_gradient,
        )
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_a_change_is_seen(place):
    f, change = PLACES[place]()
    jitted = tg.jit(f)
    for v in (1.0, 1.0, 2.5, 2.5, 1.0, 0.5):
        change(v)
        for _ in range(2):
            x = RNG.standard_normal(3)
            np.testing.assert_allclose(jitted(x), f(x), rtol=1e-14)


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

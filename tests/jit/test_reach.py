"""What a jitted function can reach is never stale: it changes with its function, or the function is recorded anew."""

import collections
import dataclasses
import gc
import operator
import types

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.stream import rng
from tinygrad_np import Tensor, nn
from tinygrad_np.jit import reach

FACTOR = 1.0
PLACES = {}


def place(make):
    """A place outside: its function, and what changes the number there."""
    PLACES[make.__name__] = make
    return make


class Scaled:
    shared = 1.0

    def __init__(self):
        self.own, self._hidden = 1.0, 1.0

    @property
    def hidden(self):
        return self._hidden


class Options:
    number, array, nested = 1.0, np.ones(3), {"a": [1.0]}

    def times(self, x):
        return x * FACTOR


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    array: np.ndarray


MODULE = types.ModuleType("a_module_of_the_user")
MODULE.number, MODULE.array = 1.0, np.ones(3)


@place
def in_a_global():
    def change(v):
        global FACTOR
        FACTOR = v

    return lambda x: x * FACTOR, change


@place
def in_a_closure():
    factor = 1.0

    def change(v):
        nonlocal factor
        factor = v

    return lambda x: x * factor, change


@place
def in_a_nested_dict():
    options = {"a": [{"scale": 1.0}]}
    return lambda x: x * options["a"][0]["scale"], lambda v: options["a"][0].update(scale=v)


@place
def in_a_tuple():
    options = (1.0,)

    def change(v):
        nonlocal options
        options = (v,)

    return lambda x: x * options[0], change


@place
def in_an_attribute():
    thing = Scaled()
    return lambda x: x * thing.own, lambda v: setattr(thing, "own", v)


@place
def behind_a_property():
    thing = Scaled()
    return lambda x: x * thing.hidden, lambda v: setattr(thing, "_hidden", v)


@place
def in_a_class():
    thing = Scaled()
    return lambda x: x * thing.shared, lambda v: setattr(Scaled, "shared", v)


@place
def in_an_array():
    factor = np.ones(3, np.float32)
    return lambda x: x * factor, lambda v: factor.fill(v)


@place
def in_a_new_array():
    box = {"factor": np.ones(3, np.float32)}
    return lambda x: x * box["factor"], lambda v: box.update(factor=np.full(3, v, np.float32))


@place
def in_an_array_in_a_tuple():
    box = (np.ones(3, np.float32),)
    return lambda x: x * (box[0] * 2), lambda v: box[0].fill(v)


@place
def in_a_mode():
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.0, affine=False))
    return lambda x: model(Tensor(np.stack([x, 2 * x]))).detach()[1], lambda v: model.train(v > 1)


@place
def in_a_method():
    options = Options()
    return lambda x: options.times(x), lambda v: globals().update(FACTOR=v)


@place
def behind_a_new_object():
    return lambda x: Options().times(x), lambda v: globals().update(FACTOR=v)


@place
def in_a_set():
    box = {1.0}
    return lambda x: x * sum(box), lambda v: (box.clear(), box.add(v))


@place
def in_a_key():
    box = {1.0: None}
    return lambda x: x * next(iter(box)), lambda v: (box.clear(), box.update({v: None}))


@place
def in_a_function():
    def f(x):
        return x * f.factor

    f.factor = 1.0
    return f, lambda v: setattr(f, "factor", v)


@place
def in_a_deque():
    box = collections.deque([np.ones(3)])
    return lambda x: x * box[0], lambda v: box.__setitem__(0, np.full(3, v))


@place
def in_the_sign_of_zero():
    box = [0.0]
    return lambda x: np.arctan2(box[0], -np.abs(x)), lambda v: box.__setitem__(0, -0.0 if v > 1 else 0.0)


@place
def in_what_requires_a_gradient():
    w, u = (Tensor(np.ones(3), requires_grad=True) for _ in range(2))

    def f(x):
        (w * x + u * x).sum().backward()
        return np.zeros_like(x) if w.grad is None else w.grad * 0 + x

    def change(v):
        u.grad = None
        w.requires_grad = v <= 1

    return f, change


@place
def a_number_of_a_class():
    return lambda x: x * Options.number, lambda v: setattr(Options, "number", v)


@place
def an_array_of_a_class():
    return lambda x: x * Options.array, lambda v: Options.array.fill(v)


@place
def a_dict_of_a_class():
    return lambda x: x * Options.nested["a"][0], lambda v: Options.nested.update(a=[v])


@place
def a_number_of_a_module():
    return lambda x: x * MODULE.number, lambda v: setattr(MODULE, "number", v)


@place
def an_array_of_a_module():
    return lambda x: x * MODULE.array, lambda v: setattr(MODULE, "array", np.full(3, v))


@place
def in_a_frozen_object():
    option = Frozen(np.ones(3))
    return lambda x: x * option.array, lambda v: option.array.fill(v)


@place
def behind_a_method_of_a_dict():
    box = {"a": 1.0}
    get = box.get
    return lambda x: x * get("a"), lambda v: box.update(a=v)


@place
def behind_code_that_nobody_can_read():
    box = {"a": np.ones(3)}
    array = operator.methodcaller("get", "a")
    hidden = types.MappingProxyType(box).__or__  # keeps the dict to itself
    return lambda x: x * array(hidden({})), lambda v: box["a"].fill(v)


@place
def in_a_global_that_appears():
    def change(v):
        globals().update(APPEARS=v) if v > 1 else globals().pop("APPEARS", None)

    return lambda x: x * globals().get("APPEARS", 1.0), change


@place
def in_a_name_that_hides_a_builtin():
    def change(v):
        globals().update(abs=lambda x: x * v) if v > 1 else globals().pop("abs", None)

    return lambda x: abs(x), change


@place
def in_an_attribute_that_a_class_gets():
    class Thing:
        pass

    thing = Thing()
    return lambda x: x * getattr(thing, "factor", 1.0), lambda v: setattr(Thing, "factor", v) if v != 1 else None


@pytest.mark.parametrize("place", PLACES)
def test_a_change_is_seen(place):
    f, change = PLACES[place]()
    jitted = tg.jit(f)
    for v in (1.0, 1.0, 2.5, 2.5, 1.0, 0.5):
        change(v)
        for _ in range(2):
            x = rng.standard_normal(3)
            np.testing.assert_allclose(jitted(x), f(x), rtol=1e-13)


def test_another_random_stream_is_drawn_from():
    stream, twin = np.random.default_rng(1), np.random.default_rng(1)
    jitted = tg.jit(lambda x: x + stream.standard_normal(3))
    for seed in (None, None, 7, None):
        if seed is not None:
            stream, twin = np.random.default_rng(seed), np.random.default_rng(seed)
        x = rng.standard_normal(3)
        assert np.array_equal(jitted(x), x + twin.standard_normal(3))


def test_the_stream_that_masks_are_drawn_from_by_default():
    def draws(f):
        nn.manual_seed(3)
        first = [f(np.ones(6)).numpy() for _ in range(3)]
        nn.manual_seed(4)
        return first + [f(np.ones(6)).numpy() for _ in range(2)]

    def drop(x):
        return F.dropout(Tensor(x), 0.5)

    expected = draws(drop)
    assert len({d.tobytes() for d in expected}) > 2
    np.testing.assert_array_equal(draws(tg.jit(drop)), expected)


@tg.primitive
def cubed(x):
    return x**3


cubed.defvjp(lambda ct, x: ct * 3 * x**2)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (np.tanh(x) * x).sum(),
        lambda x: np.linalg.norm(np.concatenate([x, x[::-1]])),
        lambda x: F.cross_entropy(np.stack([x, -x]), np.array([0, 1])),
        lambda x: cubed(x).sum(),
    ],
    ids=["ufuncs", "general path", "nn", "a user's operation"],
)
def test_what_runs_is_found_without_a_search_of_all_objects(f, monkeypatch):
    """Which would make a recording slow in a large process: all code that runs is reached from the function."""
    searched = []
    watched = types.SimpleNamespace(**vars(reach.gc))
    watched.get_referrers = lambda *of: searched.append(of) or gc.get_referrers(*of)
    monkeypatch.setattr(reach, "gc", watched)
    g = tg.jit(tg.grad(f))
    np.testing.assert_allclose(g(np.array([0.5, -1.5])), tg.grad(f)(np.array([0.5, -1.5])), rtol=1e-12)
    assert searched == []


HOLDERS = {
    "a module": lambda: types.ModuleType("m"),
    "an object": types.SimpleNamespace,
    "a class": lambda: type("C", (), {}),
    "an object's class": lambda: type("C", (), {})(),
    "a function": lambda: lambda: None,
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_name_that_appears_where_others_went_is_seen(name):
    """A namespace that has as many names as before, in the same order at the end, may still have another."""
    holder = HOLDERS[name]()
    space = type(holder) if name == "an object's class" else holder
    space.first, space.last = 1, 1

    @tg.jit
    def f(x):
        return x * getattr(holder, "late", 2.0)

    assert f(np.ones(1)) == 2
    del space.first, space.last
    space.late, space.last = 5.0, 1
    assert f(np.ones(1)) == 5


def test_a_global_that_appears_where_another_went_is_seen():
    space = {"np": np, "first": 1, "last": 1}
    exec("def f(x): return x * abs(-2.0)\ndef g(x): return x * globals().get('LA' + 'TE', 2.0)", space)
    f, g = tg.jit(space["f"]), tg.jit(space["g"])
    assert f(np.ones(1)) == g(np.ones(1)) == 2
    for gone, new, value in (("first", "abs", lambda v: 5.0), ("f", "LATE", 5.0)):
        del space[gone], space["last"]
        space |= {new: value, "last": 1}
    assert f(np.ones(1)) == g(np.ones(1)) == 5

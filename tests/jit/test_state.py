"""What a program relies on outside: it changes with its function, or the function is recorded anew, or refused."""

import random
import threading

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim

RNG = np.random.default_rng(0)
FACTOR = 1.0


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


# ---- numbers and arrays that change between calls -----------------------------------------------------------


class Scaled:
    shared = 1.0

    def __init__(self):
        self.own, self._hidden = 1.0, 1.0

    @property
    def hidden(self):
        return self._hidden


def in_a_global():
    def change(v):
        global FACTOR
        FACTOR = v

    return lambda x: x * FACTOR, change


def in_a_closure():
    factor = 1.0

    def change(v):
        nonlocal factor
        factor = v

    return lambda x: x * factor, change


def in_a_nested_dict():
    options = {"a": [{"scale": 1.0}]}
    return lambda x: x * options["a"][0]["scale"], lambda v: options["a"][0].update(scale=v)


def in_a_tuple():
    options = (1.0,)

    def change(v):
        nonlocal options
        options = (v,)

    return lambda x: x * options[0], change


def in_an_attribute():
    thing = Scaled()
    return lambda x: x * thing.own, lambda v: setattr(thing, "own", v)


def behind_a_property():
    thing = Scaled()
    return lambda x: x * thing.hidden, lambda v: setattr(thing, "_hidden", v)


def in_a_class():
    thing = Scaled()
    return lambda x: x * thing.shared, lambda v: setattr(Scaled, "shared", v)


def in_an_array():
    factor = np.ones(3, np.float32)
    return lambda x: x * factor, lambda v: factor.fill(v)


def in_a_new_array():
    box = {"factor": np.ones(3, np.float32)}
    return lambda x: x * box["factor"], lambda v: box.update(factor=np.full(3, v, np.float32))


def in_an_array_in_a_tuple():
    box = (np.ones(3, np.float32),)
    return lambda x: x * (box[0] * 2), lambda v: box[0].fill(v)


def in_a_mode():
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.0, affine=False))
    return lambda x: model(Tensor(np.stack([x, 2 * x]))).detach()[1], lambda v: model.train(v > 1)


PLACES = [
    in_a_global,
    in_a_closure,
    in_a_nested_dict,
    in_a_tuple,
    in_an_attribute,
    behind_a_property,
    in_a_class,
    in_an_array,
    in_a_new_array,
    in_an_array_in_a_tuple,
    in_a_mode,
]


@pytest.mark.parametrize("place", PLACES)
def test_a_value_outside_may_change_between_calls(place):
    f, change = place()
    jitted = tg.jit(f)
    for v in (1.0, 1.0, 2.5, 2.5, 2.5, 1.0, 0.5, 0.5):
        change(v)
        for _ in range(2):
            x = normal(3)
            np.testing.assert_allclose(jitted(x), f(x), rtol=1e-5)


def test_another_random_stream_is_drawn_from():
    stream, twin = np.random.default_rng(1), np.random.default_rng(1)
    jitted = tg.jit(lambda x: x + stream.standard_normal(3))
    for seed in (None, None, 7, None):
        if seed is not None:
            stream, twin = np.random.default_rng(seed), np.random.default_rng(seed)
        x = normal(3)
        assert np.array_equal(jitted(x), x + twin.standard_normal(3))


# ---- what is refused leaves everything as it was ------------------------------------------------------------

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

    with pytest.raises(tg.NotReplayable, match="test_state.py, line [0-9]+, in (f|<lambda>)"):
        tg.jit(f)(normal(3))
    assert convert(Tensor(normal(3)) * 2) is not None  # conversions are as before


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


# ---- arguments and results ----------------------------------------------------------------------------------


def test_results_are_their_own_and_arguments_may_be_anything():
    jitted = tg.jit(lambda x: (x, x[1:] * 2, x.T))
    row = np.broadcast_to(normal(3), (4, 3))
    for x in (normal(4, 3), normal(3, 4).T, normal(8, 3)[::2], normal(4, 6)[:, ::-2], row):
        results = jitted(x)
        kept = [r.copy() for r in results]
        assert not any(np.shares_memory(x, r) for r in results)
        again = jitted(-x)
        for r, k, a in zip(results, kept, again, strict=True):
            assert np.array_equal(r, k) and np.array_equal(a, -k)


def test_arguments_that_share_memory_and_are_changed():
    def f(x, y):
        x[1:] += 1
        return x.sum() * y

    jitted = tg.jit(f)
    for _ in range(3):
        a = normal(6)
        for left, right in (((0, 4), (2, 6)), ((0, 4), (0, 4)), ((2, 6), (0, 4))):
            mine, theirs = a.copy(), a.copy()
            got = jitted(mine[slice(*left)], mine[slice(*right)])
            np.testing.assert_allclose(got, f(theirs[slice(*left)], theirs[slice(*right)]), rtol=1e-6)
            assert np.array_equal(mine, theirs)


def test_an_argument_that_is_a_parameter():
    def training():
        w = Tensor(np.ones((3, 3), np.float32), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (w * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        return w, step

    (w, step), (v, eager) = training(), training()
    jitted = tg.jit(step)
    for _ in range(5):
        assert jitted(w.data).item() == pytest.approx(eager(v.data).item(), rel=1e-5)
        np.testing.assert_allclose(w.numpy(), v.numpy(), rtol=1e-5)


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

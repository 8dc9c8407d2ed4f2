"""Arguments in any layout, views, aliases and scalars: a program sees the same memory as the function."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor, optim
from tinygrad_np.jit import conversions, plan

from .examples import normal


def alike(f, *draws, calls=4):
    """f and its jitted twin, on arguments of their own, which they may change."""
    jitted = tg.jit(f)
    for _ in range(calls):
        mine, theirs = ([draw.copy() if draw.flags.owndata else draw for draw in draws] for _ in range(2))
        got, expected = jitted(*mine), f(*theirs)
        for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (got, expected)), strict=True):
            assert type(a) is type(b)
            a, b = (t.detach()._array if isinstance(t, Tensor) else t for t in (a, b))
            np.testing.assert_array_equal(a, b)
        np.testing.assert_equal(mine, theirs)


def masked(x):
    y = x * 2
    np.add(y, 10, out=y, where=y > 0)
    return y


def shifted(x):
    y = x.copy()
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    return y


def element_kept(x):
    y = x * 1
    first = y[0, 0]
    y[0, 0] = 7
    first += 1
    return y, first, y[1, 1].astype(np.float32), np.real(y[0, 1])


def windows(x):
    return np.lib.stride_tricks.sliding_window_view((x * 1)[::-2], 2, axis=-1) * 1


def view_kept(x):
    t = Tensor(x) + 1
    part = t[1:]
    t[1] = 0
    return (part * 1).detach()


def descent(start, loss, make=optim.SGD):
    """A parameter, and a step down a loss of it and an argument."""
    w = Tensor(start, requires_grad=True)
    optimizer = make([w], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        value = loss(w, x)
        value.backward()
        optimizer.step()
        return value

    return w, step


FUNCTIONS = [masked, shifted, element_kept, windows, view_kept]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("tiles", [False, True])
def test_views_and_writes(f, tiles, monkeypatch):
    if tiles:
        monkeypatch.setattr(plan, "FUSE_BYTES", 1)
        monkeypatch.setattr(plan, "TILE_BYTES", 40)
    alike(f, rng.standard_normal((6, 5)))


def test_empty_views():
    alike(lambda x: (x[::-1] * 2, x.T + 1), np.empty((0, 4)))
    program = tg.jit(lambda x: x * np.empty((0, 4)))
    program(np.empty((0, 4)))
    assert "multiply" in str(program.programs[0])


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: a[::-1]])
def test_an_argument_in_another_layout(layout):
    f = tg.jit(lambda x, y: (x - y, np.sin(x) @ y.T))
    for n in (3, 33, 200):
        for _ in range(3):
            x, y = (layout(rng.standard_normal((n, n))) for _ in range(2))
            for a, b in zip(f(x, y), (x - y, np.sin(x) @ y.T)):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_writes_reach_an_argument_whatever_it_is():
    def f(x):
        flat = x.ravel()
        flat[0] = 9
        x[1] = 5
        return x * 2

    jitted = tg.jit(f)
    for layout in (np.array, np.asfortranarray, np.array, lambda a: a[::-1], np.asfortranarray):
        x = layout(rng.standard_normal((3, 3)))
        mine, theirs = x.copy("K"), x.copy("K")
        np.testing.assert_array_equal(jitted(mine), f(theirs))
        np.testing.assert_array_equal(mine, theirs)
    fixed = np.zeros((3, 3))
    fixed.flags.writeable = False
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            jitted(fixed)


def test_state_that_moves_to_another_place():
    def build():
        state = {"old": np.zeros(3), "new": np.ones(3)}

        def f(x):
            state["old"] = state["new"]
            state["new"] = x * 1
            return x * state["old"]

        return state, f

    (mine, f), (theirs, g) = build(), build()
    jitted = tg.jit(f)
    for _ in range(4):
        x = rng.standard_normal(3)
        np.testing.assert_array_equal(jitted(x), g(x))
        np.testing.assert_equal(mine, theirs)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_an_update_waits_for_its_numbers(name, monkeypatch):
    """A loop of the same shape before the optimizer's does not draw the update up before its learning rate."""
    monkeypatch.setattr(plan, "FUSE_BYTES", 1)

    def loss(w, x):
        return ((w * x) * 3).sum() + ((w.reshape(-1) + 1) * 2).sum()

    (w, step), (v, eager) = (descent(np.ones((4, 16)), loss, getattr(optim, name)) for _ in range(2))
    jitted = tg.jit(step)
    for _ in range(6):
        x = rng.standard_normal((4, 16))
        assert jitted(x).item() == pytest.approx(eager(x).item(), rel=1e-12)
        np.testing.assert_allclose(w.numpy(), v.numpy(), rtol=1e-12)


def one_name(x):
    b = np.zeros(3)
    b += x
    b *= x
    return b.sum()


def in_a_list(x):
    b = [np.arange(3.0).reshape(1, 3)]
    b[0] -= x
    return b[0].sum()


def two_names(x):
    b = c = np.zeros(3)
    b += x
    return c.sum()


def through_a_view(x):
    b = np.zeros(3)
    c = b[:]
    b += x
    return c.sum()


def of_a_view(x):
    b = np.zeros((2, 3))
    c = b[0]
    c += x
    return b.sum()


@pytest.mark.parametrize("f", [one_name, in_a_list, two_names, through_a_view, of_a_view])
def test_an_array_made_inside_is_written_in_place(f):
    jitted = tg.jit(f)
    for _ in range(4):
        x = rng.standard_normal(3)
        assert jitted(x) == f(x)
    assert jitted.recordings == 1


@pytest.mark.parametrize("f", [one_name, in_a_list, two_names, through_a_view, of_a_view])
def test_one_that_a_recording_has_not_seen_is_written_where_one_name_means_it(f, monkeypatch):
    monkeypatch.setattr(conversions, "MAKERS", set())  # as if made by installed code
    jitted = tg.jit(f)
    for _ in range(3):
        x = rng.standard_normal(3)
        if f in (one_name, in_a_list):
            assert jitted(x) == f(x)
        else:
            with pytest.raises(tg.NotReplayable, match=f"in {f.__name__}.*made without a tensor is written to"):
                jitted(x)


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
    def loss(w, x):
        return (w * x).sum()

    (w, step), (v, eager) = (descent(np.ones((3, 3), np.float32), loss) for _ in range(2))
    jitted = tg.jit(step)
    for _ in range(5):
        assert jitted(w.data).item() == pytest.approx(eager(v.data).item(), rel=1e-5)
        np.testing.assert_allclose(w.numpy(), v.numpy(), rtol=1e-5)

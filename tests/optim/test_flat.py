"""Parameters, gradients and state lie in one buffer each, and nobody can tell but by asking where."""

import os

import numpy as np
import pytest

import tinygrad_np.nn.functional as F
from tinygrad_np import nn, optim
from tinygrad_np.optim.flat import THREADED, Flat
from tinygrad_np.parallel.cores import Choice, cut, share


def problem():
    nn.init.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    rng = np.random.default_rng(1)
    return model, rng.standard_normal((4, 5)).astype(np.float32), rng.integers(0, 3, 4)


def within(array, flat: Flat) -> bool:
    return np.may_share_memory(array, flat.buffer)


def test_parameters_gradients_and_state_are_views_of_one_buffer_each():
    model, x, y = problem()
    optimizer = optim.Adam(model.parameters())
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    ((block,),) = optimizer._blocks
    for i, p in enumerate(model.parameters()):
        assert within(p._array, block.values) and within(p.grad, block.grads)
        assert within(optimizer.state[i]["exp_avg"], block.state["exp_avg"])
        assert p._array.__array_interface__["data"][0] % 64 == 0


def test_a_graph_that_needs_the_old_values_keeps_them():
    model, x, y = problem()
    expected = problem()[0]
    F.cross_entropy(expected(x), y).backward()
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    w = next(model.parameters())
    early = F.cross_entropy(model(x), y)
    turned = (w.T * w.T).sum()  # what is kept is a view of the parameter
    before = w.numpy().copy()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    assert not np.array_equal(w.numpy(), before)
    model.zero_grad()
    early.backward()
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-5, atol=1e-7)
    w.grad = None
    turned.backward()
    np.testing.assert_allclose(w.grad, 2 * before, rtol=1e-6)


def test_gradients_that_somebody_keeps_are_not_overwritten():
    model, x, y = problem()
    optimizer = optim.Adam(model.parameters())
    kept = []
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        kept.append((next(model.parameters()).grad, next(model.parameters()).grad.copy()))
    for grad, copy in kept:
        assert np.array_equal(grad, copy)


def test_many_parameters_are_updated_as_few_are():
    nn.init.manual_seed(0)
    big, small = (nn.Linear(600, THREADED // 300, bias=False) for _ in range(2))
    small.weight.data = big.weight.numpy()
    g = np.random.default_rng(0).standard_normal(big.weight.shape).astype(np.float32)
    for layer, parts in ((big, 1), (small, 7)):
        rows = np.array_split(layer.weight.numpy(), parts)
        params = [nn.Parameter(r) for r in rows]
        optimizer = optim.Adam(params, lr=0.1)
        for k in range(3):
            for p, r in zip(params, np.array_split(g * (k + 1), parts), strict=True):
                p.grad = r.copy()
            optimizer.step()
        layer.result = np.concatenate([p.numpy() for p in params])
    assert np.array_equal(big.result, small.result)


def test_the_quicker_way_is_found_although_it_was_held_up_at_first():
    choice, taken = Choice(), []
    held_up = iter([0.1] * 4)  # threads that somebody else keeps from running
    for _ in range(800):
        way = choice.pick()
        taken.append(way)
        choice.note(way, next(held_up, 0.001) if way else 0.002)
    assert sum(taken[600:]) > 180

    choice, lost = Choice(), 0.0
    for _ in range(20000):  # and one that stays slow costs little
        way = choice.pick()
        choice.note(way, 0.1 if way else 0.001)
        lost += 0.1 if way else 0.0
    assert 0 < lost < 0.15 * 20


def test_two_cores_do_all_the_work_and_hand_on_errors():
    found: list[int] = []
    choice = Choice()
    for _ in range(20):
        found.clear()
        choice.run(found.append, [1, 2, 3])
        assert sorted(found) == [1, 2, 3]

    def fails(item):
        if item == 3:
            raise ValueError("three")

    for _ in range(50):
        try:
            share(fails, [1, 2, 3])
        except ValueError as error:
            assert str(error) == "three"
        else:
            raise AssertionError("the error was lost")
        found.clear()
        share(found.append, [4, 5])  # and the next loop is not disturbed
        assert sorted(found) == [4, 5]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell a thread's cores")
def test_a_shared_loop_binds_no_thread_to_a_core():
    cores = os.sched_getaffinity(0)
    inside = []
    share(lambda item: inside.append(os.sched_getaffinity(0)), [1, 2, 3, 4])
    assert inside == [cores] * 4 and os.sched_getaffinity(0) == cores
    with pytest.raises(ZeroDivisionError):
        share(lambda item: 1 / item, [1, 0, 1])
    assert os.sched_getaffinity(0) == cores


def test_pieces_cover_a_loop_once():
    for length in (0, 1, 3, 4, 17, 1000):
        for least in (1, 16):
            assert [k for part in cut(length, least) for k in range(length)[part]] == list(range(length))

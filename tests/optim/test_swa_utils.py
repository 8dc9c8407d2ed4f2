"""Averages of weights are PyTorch's, and a recorded step may take them."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn, optim
from tinygrad_np.optim.swa_utils import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)

WAYS = {
    "swa": lambda lib: {},
    "swa_named": lambda lib: {"avg_fn": lib.get_swa_avg_fn()},
    "swa_multi": lambda lib: {"multi_avg_fn": lib.get_swa_multi_avg_fn()},
    "ema": lambda lib: {"avg_fn": lib.get_ema_avg_fn(0.9)},
    "ema_multi": lambda lib: {"multi_avg_fn": lib.get_ema_multi_avg_fn(0.99)},
    "buffers": lambda lib: {"avg_fn": lib.get_ema_avg_fn(0.8), "use_buffers": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_equals_pytorch(way, rng):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    taken, taken_theirs = (
        AveragedModel(ours, **WAYS[way](optim.swa_utils)),
        torch.optim.swa_utils.AveragedModel(theirs, **WAYS[way](torch.optim.swa_utils)),
    )
    for _ in range(20):
        state = {k: rng.normal(size=v.shape).astype(v.dtype) for k, v in ours.state_dict().items()}
        theirs.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state.items()})
        ours.load_state_dict(state)
        taken.update_parameters(ours)
        taken_theirs.update_parameters(theirs)
    expected = {k: v.numpy() for k, v in taken_theirs.state_dict().items()}
    found = taken.state_dict()
    assert found.keys() == expected.keys() and found["n_averaged"] == 20
    for name in found:
        if found[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_plain_average_is_the_mean(rng):
    model = nn.Linear(2, 2, dtype=np.float64)
    taken = AveragedModel(model)
    seen = rng.normal(size=(7, 2, 2))
    for weight in seen:
        model.weight.data = weight
        taken.update_parameters(model)
    np.testing.assert_allclose(taken.module.weight.data, seen.mean(axis=0), rtol=1e-12)
    assert np.array_equal(taken(np.ones((1, 2))).data, taken.module(np.ones((1, 2))).data)


@pytest.mark.parametrize("way", WAYS)
def test_a_recorded_step_may_take_them(way):
    def run(wrap):
        model = nn.Sequential(nn.Linear(3, 4, generator=0), nn.BatchNorm1d(4), nn.Linear(4, 1, generator=1))
        taken, optimizer = AveragedModel(model, **WAYS[way](optim.swa_utils)), optim.Adam(model.parameters(), lr=0.1)

        @wrap
        def step(x):
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            taken.update_parameters(model)
            return loss

        for x in np.random.default_rng(1).normal(size=(8, 5, 3)).astype(np.float32):
            step(x)
        return taken.state_dict()

    eager, jitted = run(lambda f: f), run(tg.jit)
    assert eager["n_averaged"] == jitted["n_averaged"] == 8
    for name in eager:
        np.testing.assert_allclose(jitted[name], eager[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_it_shares_nothing_with_the_model(rng):
    model = nn.Linear(2, 2)
    taken = AveragedModel(model)
    taken.update_parameters(model)
    before = taken.state_dict()
    model.weight.data = model.weight.numpy() + 1
    assert all(np.array_equal(v, before[k]) for k, v in taken.state_dict().items())
    again = copy.deepcopy(taken)
    again.update_parameters(model)
    assert again.n_averaged == 2 and taken.n_averaged == 1
    assert all(np.array_equal(v, before[k]) for k, v in taken.state_dict().items())


def test_running_means_are_those_of_one_pass(rng):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    batches = rng.normal(2, 3, size=(6, 8, 3)).astype(np.float32)
    ours, theirs = nn.Sequential(nn.BatchNorm1d(3)), torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    ours(batches[0] * 10)
    ours.eval()
    update_bn(((b, None) for b in batches), ours)
    torch.optim.swa_utils.update_bn([torch.from_numpy(b) for b in batches], theirs)
    norm = next(m for m in ours.modules() if isinstance(m, nn.BatchNorm1d))
    assert norm.momentum == 0.1 and not norm.training
    np.testing.assert_allclose(norm.running_mean, theirs[0].running_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var, theirs[0].running_var.numpy(), rtol=1e-5)


def test_bad_arguments_are_refused():
    model = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="expected a module, found list"):
        AveragedModel([model])
    with pytest.raises(ValueError, match="found both"):
        AveragedModel(model, avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())
    with pytest.raises(ValueError, match="decay"):
        get_ema_avg_fn(1.5)
    with pytest.raises(ValueError, match="decay"):
        get_ema_multi_avg_fn(-0.5)
    with pytest.raises(ValueError, match="other parameters"):
        AveragedModel(model).update_parameters(nn.Linear(2, 3))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_averages_follow_their_formulas(way, dtype, rng):
    """Parameters, and running means where buffers are asked for; the first update copies."""
    model = nn.Sequential(nn.Linear(2, 3, dtype=dtype), nn.BatchNorm1d(3, dtype=dtype))
    taken = AveragedModel(model, **WAYS[way](optim.swa_utils))
    decay = {"ema": 0.9, "ema_multi": 0.99, "buffers": 0.8}.get(way)
    expected: dict = {}
    for n in range(6):
        state = {k: rng.normal(size=v.shape).astype(v.dtype) for k, v in model.state_dict().items()}
        model.load_state_dict(state)
        taken.update_parameters(model)
        for k, new in state.items():
            averaged = n and new.dtype.kind == "f" and (way == "buffers" or "running" not in k)
            step = (1 - decay if decay else 1 / (n + 1)) if averaged else 1
            expected[k] = new if step == 1 else expected[k] + (new - expected[k]) * step
        found = {k.removeprefix("module."): v for k, v in taken.state_dict().items()}
        assert found.pop("n_averaged") == n + 1
        for k in expected:
            if expected[k].dtype.kind == "f":
                np.testing.assert_allclose(
                    found[k], expected[k], rtol=1e-4 if dtype is np.float32 else 1e-12, err_msg=k
                )


def test_running_means_are_means_over_batches(rng):
    batches = rng.normal(2, 3, size=(6, 8, 3))
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3, dtype=np.float64))
    model(batches[0] * 10)
    update_bn(batches, model)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm1d))
    assert norm.momentum == 0.3 and norm.training
    np.testing.assert_allclose(norm.running_mean, batches.mean(axis=(0, 1)))
    np.testing.assert_allclose(norm.running_var, batches.var(axis=1, ddof=1).mean(axis=0))

"""Every schedule is PyTorch's, and continues from a count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygrad_np import optim
from tinygrad_np.engine.tensor import Tensor
from tinygrad_np.optim import lr_scheduler

from .problem import SCHEDULES

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))


def make(label):
    name, options, optimizer_name, optimizer_options = SCHEDULES[label]
    optimizer = getattr(optim, optimizer_name)([Tensor([0.0], requires_grad=True)], **optimizer_options)
    return optimizer, getattr(lr_scheduler, name)(optimizer, **options)


def row(optimizer):
    group = optimizer.param_groups[0]
    return group["lr"], group["betas"][0] if "betas" in group else group["momentum"]


@pytest.mark.parametrize("label", SCHEDULES)
def test_equals_pytorch(label):
    optimizer, schedule = make(label)
    rows = [row(optimizer)]
    for _ in range(40):
        optimizer.step()
        schedule.step()
        rows.append(row(optimizer))
    np.testing.assert_allclose(rows, REFERENCE[label], rtol=1e-12, atol=1e-15)
    assert schedule.get_last_lr() == [rows[-1][0]]


@pytest.mark.parametrize("label", SCHEDULES)
def test_continues_from_a_count(label):
    optimizer, schedule = make(label)
    for _ in range(17):
        schedule.step()
    saved, groups = schedule.state_dict(), optimizer.state_dict()
    again, resumed = make(label)
    again.load_state_dict(groups)
    resumed.load_state_dict(saved)
    for _ in range(20):
        assert row(again) == row(optimizer)
        schedule.step()
        resumed.step()


def test_each_group_keeps_its_base():
    params = [Tensor([0.0], requires_grad=True) for _ in range(2)]
    optimizer = optim.SGD([{"params": [params[0]]}, {"params": [params[1]], "lr": 1.0}], lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.5]


def test_bad_arguments_are_refused():
    optimizer = optim.Adagrad([Tensor([0.0], requires_grad=True)])
    for make_it, words in [
        (lambda: lr_scheduler.StepLR(optimizer, 0), "step_size"),
        (lambda: lr_scheduler.CosineAnnealingLR(optimizer, 0), "T_max"),
        (lambda: lr_scheduler.LinearLR(optimizer, start_factor=2.0), "start_factor"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1), "total_steps"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10), "cycle_momentum=False"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10, anneal_strategy="up"), "anneal_strategy"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, [0.1, 0.2], total_steps=10), "max_lr"),
    ]:
        with pytest.raises(ValueError, match=words):
            make_it()
    with pytest.raises(TypeError, match="^StepLR: expected an optimizer, found list"):
        lr_scheduler.StepLR(optimizer.params, 2)
    with pytest.raises(TypeError, match="^OneCycleLR: expected an optimizer, found list"):
        lr_scheduler.OneCycleLR(optimizer.params, 0.1, 2)
    schedule = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2, cycle_momentum=False)
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="step 3 of a cycle of 2"):
        schedule.step()
    with pytest.raises(ValueError, match="last_epoch"):
        schedule.load_state_dict({})

"""Every schedule is PyTorch's, and continues from a count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygrad_np import nn, optim
from tinygrad_np.engine.tensor import Tensor
from tinygrad_np.io import load, save
from tinygrad_np.optim import lr_scheduler, swa_utils

from .make_reference import follow, rates, row
from .problem import SCHEDULES

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))


def make(label):
    build, (name, options) = SCHEDULES[label]
    params = [Tensor([0.0], requires_grad=True) for _ in range(2)]
    optimizer = getattr(optim, name)([{"params": params[:1]}, {"params": params[1:], "lr": 0.3}], **options)
    return optimizer, build(lr_scheduler, swa_utils, optimizer)


@pytest.mark.parametrize("label", SCHEDULES)
def test_equals_pytorch(label):
    optimizer, schedulers = make(label)
    rows = follow(optimizer, schedulers, label)
    np.testing.assert_allclose(rows, REFERENCE[label], rtol=1e-12, atol=1e-14)
    assert schedulers[-1].get_last_lr() == rows[-1][::2].tolist()


def test_the_references_are_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    for label in SCHEDULES:
        np.testing.assert_allclose(rates(torch, label), REFERENCE[label], rtol=1e-12, atol=1e-14, err_msg=label)


@pytest.mark.parametrize("label", SCHEDULES)
@pytest.mark.parametrize("through_a_file", [False, True])
def test_continues_from_its_state(label, through_a_file, tmp_path):
    optimizer, schedulers = make(label)
    follow(optimizer, schedulers, label, 0, 17)
    state = {"optimizer": optimizer.state_dict(), **{str(i): s.state_dict() for i, s in enumerate(schedulers)}}
    if through_a_file:
        save(tmp_path / "state.npz", state)
        state = load(tmp_path / "state.npz")
    again, resumed = make(label)
    again.load_state_dict(state["optimizer"])
    for i, scheduler in enumerate(resumed):
        scheduler.load_state_dict(state[str(i)])
    assert row(again) == row(optimizer)
    assert np.array_equal(follow(again, resumed, label, 17), follow(optimizer, schedulers, label, 17))


@pytest.mark.parametrize("label", ["step", "cosine", "one_cycle", "lambda", "warm_restarts", "swa"])
def test_a_count_alone_is_enough_for_a_formula(label):
    optimizer, schedulers = make(label)
    follow(optimizer, schedulers, label, 0, 17)
    again, (resumed,) = make(label)
    resumed.load_state_dict({"last_epoch": 17})
    np.testing.assert_allclose(row(again), row(optimizer), rtol=1e-12)


@pytest.mark.parametrize("label", [label for label, (_, (name, _)) in SCHEDULES.items() if name == "SGD"])
def test_goes_on_from_a_rate_set_by_hand(label):
    """As PyTorch's: by a factor where the formula is one, else to what the formula says."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    build, (name, options) = SCHEDULES[label]
    rows = []
    for library, tensor in ((torch.optim, torch.nn.Parameter(torch.zeros(1))), (optim, nn.Parameter([0.0]))):
        optimizer = getattr(library, name)([{"params": [tensor]}], **options)
        if label in ("lambdas", "sequential_cycle", "plateau_options"):  # for two groups
            return
        schedulers = build(library.lr_scheduler, library.swa_utils, optimizer)
        follow(optimizer, schedulers, label, 0, 8)
        optimizer.param_groups[0]["lr"] *= 0.37
        rows.append(follow(optimizer, schedulers, label, 8, 40))
    np.testing.assert_allclose(*rows, rtol=1e-9, atol=1e-12)


def test_warm_restarts_take_any_step():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    rows = []
    for library, tensor in ((torch.optim, torch.nn.Parameter(torch.zeros(1))), (optim, nn.Parameter([0.0]))):
        optimizer = library.SGD([tensor], lr=0.1)
        schedule = library.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, 2)
        optimizer.step()
        rows.append([])
        for t in np.arange(0, 30, 0.3).tolist():
            schedule.step(t)
            rows[-1].append(optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(*rows, rtol=1e-12, atol=1e-14)


def test_a_state_that_does_not_fit_changes_nothing():
    for label, change, words in [
        ("step", lambda s: s.update(last_epoch=-1), "last_epoch"),
        ("step", lambda s: s.pop("last_epoch"), "last_epoch"),
        ("step", lambda s: s.update(base_lrs=np.ones(3)), "3 parameter groups, not 2"),
        ("step", lambda s: s.update(last_lr=np.ones(3)), "parameter groups"),
        ("plateau", lambda s: s.pop("best"), "no 'best'"),
        ("plateau", lambda s: s.pop("last_lr"), "last_lr"),
        ("chained", lambda s: s.pop("1"), "no '1'"),
        ("sequential", lambda s: s.pop("last_epoch"), "no 'last_epoch'"),
    ]:
        optimizer, (schedule,) = make(label)
        follow(optimizer, [schedule], label, 0, 5)
        before, state = row(optimizer), schedule.state_dict()
        change(state)
        with pytest.raises(ValueError, match=words):
            schedule.load_state_dict(state)
        assert row(optimizer) == before and schedule.last_epoch == 5


def test_each_group_keeps_its_base():
    params = [Tensor([0.0], requires_grad=True) for _ in range(2)]
    optimizer = optim.SGD([{"params": [params[0]]}, {"params": [params[1]], "lr": 1.0}], lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.5]


def test_bad_arguments_are_refused():
    optimizer, other = (optim.Adagrad([Tensor([0.0], requires_grad=True)]) for _ in range(2))
    plain, plateau = lr_scheduler.StepLR(optimizer, 2), lr_scheduler.ReduceLROnPlateau(optimizer)
    for make_it, words in [
        (lambda: lr_scheduler.StepLR(optimizer, 0), "step_size"),
        (lambda: lr_scheduler.CosineAnnealingLR(optimizer, 0), "T_max"),
        (lambda: lr_scheduler.LinearLR(optimizer, start_factor=2.0), "start_factor"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1), "total_steps"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, steps_per_epoch=10), "both epochs and steps_per_epoch"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=10), "both epochs and steps_per_epoch"),
        (lambda: lr_scheduler.ConstantLR(optimizer, 2.0), "factor"),
        (lambda: lr_scheduler.ExponentialLR(optimizer, -1.0), "gamma"),
        (lambda: lr_scheduler.PolynomialLR(optimizer, 0), "total_iters"),
        (lambda: lr_scheduler.LambdaLR(optimizer, []), "lr_lambda: expected one function, or 1"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 0), "T_0"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 0), "T_mult"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, "up"), "mode"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, factor=1.0), "factor"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=[1, 2]), "min_lr"),
        (lambda: swa_utils.SWALR(optimizer, -0.1), "swa_lr"),
        (lambda: swa_utils.SWALR(optimizer, 0.1, anneal_strategy="up"), "anneal_strategy"),
        (lambda: lr_scheduler.ChainedScheduler([]), "no schedulers"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [plain, plain], []), "milestones: expected 1"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [plain, plateau], [1]), "ReduceLROnPlateau"),
        (lambda: lr_scheduler.SequentialLR(other, [plain, plain], [1]), "another optimizer"),
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


@pytest.mark.parametrize(
    "make",
    [
        lambda opt, **last: lr_scheduler.ConstantLR(opt, 0.5, 7, **last),
        lambda opt, **last: lr_scheduler.StepLR(opt, 2, 0.5, **last),
        lambda opt, **last: lr_scheduler.MultiStepLR(opt, [2, 5, 7], 0.5, **last),
        lambda opt, **last: lr_scheduler.ExponentialLR(opt, 0.9, **last),
        lambda opt, **last: lr_scheduler.PolynomialLR(opt, 8, 2.0, **last),
        lambda opt, **last: lr_scheduler.LambdaLR(opt, lambda t: 1 / (1 + t), **last),
        lambda opt, **last: lr_scheduler.LinearLR(opt, 0.25, 1.0, 8, **last),
        lambda opt, **last: lr_scheduler.CosineAnnealingLR(opt, 9, 0.01, **last),
        lambda opt, **last: lr_scheduler.CosineAnnealingWarmRestarts(opt, 3, 2, **last),
        lambda opt, **last: lr_scheduler.OneCycleLR(opt, 0.5, 20, **last),
    ],
)
def test_a_last_epoch_resumes_from_the_initial_rates(make):
    """PyTorch's oldest way to go on: the groups have their "initial_lr", and the step that was last is given."""
    first = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.9)
    schedule = make(first)
    with pytest.raises(ValueError, match="last_epoch: expected groups with an 'initial_lr'"):
        make(optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.9), last_epoch=4)
    for _ in range(5):
        schedule.step()
    second = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.3, momentum=0.9)
    second.param_groups[0]["initial_lr"] = first.param_groups[0]["initial_lr"]
    resumed = make(second, last_epoch=4)
    for _ in range(6):
        np.testing.assert_allclose(resumed.get_last_lr(), schedule.get_last_lr(), rtol=1e-12)
        resumed.step(), schedule.step()

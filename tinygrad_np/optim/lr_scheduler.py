"""Learning rates as functions of the step: each scheduler is one closed formula, so it resumes from a count.

The values are those of PyTorch's schedulers of the same names. Call `step()` after each `optimizer.step()`
(or each epoch). Where something else has changed the rate meanwhile, as a second scheduler or its user, a scheduler
goes on from there: it multiplies the rate by what its formula changed, as PyTorch's do.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.public import absent, public_names
from .optimizer import Optimizer
from .options import NOT_NEGATIVE, Group, require

STEPS = (lambda v: v >= 1, "a number of steps >= 1")


class LRScheduler:
    """Sets `lr` of every parameter group to `rate(base, t)` after t steps; a subclass gives `rate`.

    With a `last_epoch` it goes on after so many steps more than one, from the "initial_lr" that the groups have.
    """

    chains = True  # whether it goes on from a rate that something else has set
    floor = 0.0  # the rate that factors leave as it is
    kept: tuple[str, ...] = ("last_epoch",)  # the counts that say where it is

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        groups = self._groups(optimizer)
        require("last_epoch", last_epoch, lambda n: n >= -1 and n == int(n), "a whole number, -1 or more")
        if last_epoch >= 0 and any("initial_lr" not in group for group in groups):
            raise ValueError("last_epoch: expected groups with an 'initial_lr'; load_state_dict resumes without it")
        for group in groups:
            group.setdefault("initial_lr", float(group["lr"]))
        self.base_lrs = [float(group["initial_lr"]) for group in groups]
        self.last_epoch: Any = 0
        if last_epoch < 0:
            self.begin()
        else:
            self.last_epoch = last_epoch + 1
            self._set(None, self.rates(self.last_epoch))

    def rate(self, base: float, t: float) -> float:
        """The learning rate after t steps, where it started at `base`."""
        raise NotImplementedError

    def rates(self, t: float) -> list[float]:
        """The learning rate of each group after t steps."""
        return [self.rate(base, t) for base in self.base_lrs]

    def step(self) -> None:
        """Move on by one step and set the learning rates."""
        before = self.rates(self.last_epoch)
        self.last_epoch += 1
        self._set(before, self.rates(self.last_epoch))

    def begin(self) -> None:
        """Go to the start from where the learning rates are now."""
        self.last_epoch = 0
        self._set(self.base_lrs, self.rates(0))

    def restart(self) -> None:
        """Go to the start, wherever the learning rates are now."""
        self.last_epoch = 0
        self._set(None, self.rates(0))

    def get_last_lr(self) -> list[float]:
        """The learning rates now in use, one a parameter group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The number of steps taken, and the learning rates, as numbers and arrays fit for `tg.save`."""
        counts = {name: getattr(self, name) for name in self.kept}
        return {**counts, "base_lrs": np.array(self.base_lrs), "last_lr": np.array(self.get_last_lr())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue after as many steps as a `state_dict()` says; a count alone is enough for most.

        Raises ValueError, with nothing changed, where it does not fit.
        """
        require("load_state_dict: last_epoch", state.get("last_epoch"), lambda n: int(n) >= 0, "a number of steps >= 0")
        missing = [name for name in self.kept if name not in state]
        bases = [float(v) for v in state.get("base_lrs", self.base_lrs)]
        last = [float(v) for v in state.get("last_lr", ())]
        n = len(self.optimizer.param_groups)
        if missing or len(bases) != n or len(last) not in (0, n):
            fault = f"there is no {missing[0]!r}" if missing else f"it is for {len(bases)} parameter groups, not {n}"
            raise ValueError(f"load_state_dict: the state does not fit this {type(self).__name__}: {fault}")
        for name in self.kept:
            setattr(self, name, type(getattr(self, name))(state[name]))
        self.base_lrs = bases
        self._set(None, last or self.rates(self.last_epoch))

    def _groups(self, optimizer: Optimizer) -> list[Group]:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an optimizer, found {type(optimizer).__name__}")
        return optimizer.param_groups

    def _each(self, optimizer: Optimizer, name: str, value: Any, kind: str) -> list[Any]:
        """One value for every parameter group, or one for each."""
        n = len(self._groups(optimizer))
        found = list(value) if isinstance(value, (list, tuple)) else [value] * n
        if len(found) != n:
            raise ValueError(f"{name}: expected one {kind}, or {n}, as there are groups, found {len(found)}")
        return found

    def _set(self, before: list[float] | None, after: list[float]) -> None:
        """Move the learning rates as the formula does from `before` to `after`, or to `after` whatever they are."""
        for i, (group, now) in enumerate(zip(self.optimizer.param_groups, after, strict=True)):
            was, lr, floor = now if before is None else before[i], group["lr"], self.floor
            if before is None or not self.chains or lr == was:
                group["lr"] = now
            elif was == floor:
                group["lr"] = lr + (now - floor)
            elif was != now:
                group["lr"] = floor + (lr - floor) * (now - floor) / (was - floor)

    def __copy__(self) -> LRScheduler:
        return copy.deepcopy(self)  # together with its optimizer: the original's is not moved by two


class ConstantLR(LRScheduler):
    """lr = base · factor for the first total_iters steps, then base."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        require("factor", factor, lambda v: 0 <= v <= 1, "a number in [0, 1]")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return base * self.factor if t < self.total_iters else base


class StepLR(LRScheduler):
    """lr = base · gamma^⌊t / step_size⌋.

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1)
    >>> schedule = StepLR(opt, step_size=2, gamma=0.5)
    >>> for _ in range(3):
    ...     opt.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.05]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        require("step_size", step_size, *STEPS)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return base * float(self.gamma ** (t // self.step_size))


class MultiStepLR(LRScheduler):
    """lr = base · gamma^(the number of milestones up to t)."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return base * self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler):
    """lr = base · gammaᵗ."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        require("gamma", gamma, *NOT_NEGATIVE)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return base * float(self.gamma**t)


class PolynomialLR(LRScheduler):
    """lr = base · (1 - t / total_iters)^power, and 0 from step total_iters on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        require("total_iters", total_iters, *STEPS)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return base * float((1 - min(t, self.total_iters) / self.total_iters) ** self.power)


class LambdaLR(LRScheduler):
    """lr = base · lr_lambda(t); one function, or a list of one for each parameter group."""

    chains = False

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[Any], float] | Sequence[Callable[[Any], float]],
                 last_epoch: int = -1) -> None:  # fmt: skip
        self.lr_lambdas = self._each(optimizer, "lr_lambda", lr_lambda, "function")
        super().__init__(optimizer, last_epoch)

    def rates(self, t: float) -> list[float]:
        return [base * factor(t) for base, factor in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class LinearLR(LRScheduler):
    """lr = base · factor, the factor moving linearly from start_factor to end_factor in total_iters steps.

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.9)
    >>> schedule, rates = LinearLR(opt, 0.25, total_iters=3), []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 4)); opt.step(); schedule.step()
    >>> rates
    [0.025, 0.05, 0.075, 0.1]
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1) -> None:  # fmt: skip
        require("start_factor", start_factor, lambda v: 0 < v <= 1, "a number in (0, 1]")
        require("end_factor", end_factor, lambda v: 0 <= v <= 1, "a number in [0, 1]")
        require("total_iters", total_iters, *STEPS)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return base * _line(self.start_factor, self.end_factor, min(t, self.total_iters) / self.total_iters)


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base - eta_min) · (1 + cos(π t / T_max)) / 2 (Loshchilov & Hutter, 2017).

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.9)
    >>> schedule, rates = CosineAnnealingLR(opt, T_max=4), []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 4)); opt.step(); schedule.step()
    >>> rates
    [0.1, 0.0854, 0.05, 0.0146]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        require("T_max", T_max, *STEPS)
        self.T_max, self.eta_min, self.floor = T_max, eta_min, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        return _cosine(base, self.eta_min, t / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """A cosine from base to eta_min in T_0 steps, and again in T_mult times as many, and so on (SGDR: same paper).

    `step(t)` goes to any t, which may be a fraction, as epoch + batch / batches.

    >>> from tinygrad_np import Tensor, optim
    >>> schedule = CosineAnnealingWarmRestarts(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), T_0=2)
    >>> [round(schedule.rate(1.0, t), 2) for t in range(5)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    chains = False

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            require(name, value, lambda v: v >= 1 and v == int(v), "a whole number >= 1")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        length = self.T_0
        if self.T_mult == 1:
            t %= length
        while t >= length:
            t -= length
            length *= self.T_mult
        return _cosine(base, self.eta_min, t / length)

    def step(self, t: float | None = None) -> None:
        """Move on by one step, or to step t, and set the learning rates."""
        require("step", t or 0, *NOT_NEGATIVE)
        self.last_epoch = self.last_epoch + 1 if t is None else t
        self._set(None, self.rates(self.last_epoch))


class OneCycleLR(LRScheduler):
    """Up to max_lr and far down again in total_steps, momentum the other way (Smith & Topin, 2018).

    Starts at max_lr / div_factor, rises for the fraction `pct_start` of the steps, and ends at that start
    divided by final_div_factor. `three_phase` first mirrors the rise, then falls to the end. Momentum (SGD,
    RMSprop) or the first beta (Adam) moves between max_momentum and base_momentum unless `cycle_momentum=False`.

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.9)
    >>> schedule, rates = OneCycleLR(opt, 0.5, total_steps=5, pct_start=0.4, anneal_strategy="linear"), []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 4)); opt.step(); schedule.step()
    >>> rates
    [0.02, 0.5, 0.3333, 0.1667]
    """

    chains = False

    def __init__(self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float = 0.85,
                 max_momentum: float = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
                 three_phase: bool = False, last_epoch: int = -1) -> None:  # fmt: skip
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: expected total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        require("total_steps", total_steps, *STEPS)
        require("pct_start", pct_start, lambda v: 0 <= v <= 1, "a number in [0, 1]")
        self.total_steps, self.anneal = total_steps, annealing(anneal_strategy)
        highest, groups = self._each(optimizer, "max_lr", max_lr, "number"), optimizer.param_groups
        if cycle_momentum and not {"momentum", "betas"} & set(groups[0]):
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum to cycle; pass cycle_momentum=False"
            )
        self.cycle_momentum, self.low_momentum, self.high_momentum = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        rise = pct_start * total_steps - 1
        # (last step, what is reached there); the first phase starts from the initial rate.
        back = [(2 * rise, "start")] if three_phase else []
        self.phases = [(rise, "high"), *back, (total_steps - 1, "end")]
        if last_epoch < 0:
            for group, high in zip(groups, highest, strict=True):
                group["initial_lr"] = high / div_factor
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: float) -> float:
        levels = {"start": base, "high": base * self.div_factor, "end": base / self.final_div_factor}
        return self._at(levels, t)

    def step(self) -> None:
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch + 1} of a cycle of {self.total_steps}")
        super().step()

    def _at(self, levels: dict[str, float], t: float) -> float:
        begin, level = 0.0, levels["start"]
        for end, name in self.phases:
            if t <= end or name == "end":
                return self.anneal(level, levels[name], (t - begin) / (end - begin) if end != begin else 1.0)
            begin, level = end, levels[name]
        raise AssertionError("the last phase ends the cycle")

    def _set(self, before: list[float] | None, after: list[float]) -> None:
        super()._set(before, after)
        if not self.cycle_momentum:
            return
        levels = {"start": self.high_momentum, "high": self.low_momentum, "end": self.high_momentum}
        momentum = self._at(levels, self.last_epoch)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class ReduceLROnPlateau(LRScheduler):
    """lr · factor, and not below min_lr, once `patience` steps in a row have not brought a better metric.

    `step(metric)`: "better" is less for mode "min" and more for "max", by a fraction ("rel") or an amount ("abs") of
    `threshold`. For `cooldown` steps after a cut none is counted; a cut of less than `eps` is not made.

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1)
    >>> schedule = ReduceLROnPlateau(opt, factor=0.5, patience=1)
    >>> for loss in (1.0, 0.8, 0.9, 0.9):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.05]
    """

    kept = ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
                 min_lr: float | Sequence[float] = 0, eps: float = 1e-8) -> None:  # fmt: skip
        require("factor", factor, lambda v: v < 1.0, "a number < 1")
        require("mode", mode, lambda v: v in ("min", "max"), "'min' or 'max'")
        require("threshold_mode", threshold_mode, lambda v: v in ("rel", "abs"), "'rel' or 'abs'")
        self.mode, self.factor, self.patience, self.eps = mode, factor, patience, eps
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.min_lrs = self._each(optimizer, "min_lr", min_lr, "number")
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        super().__init__(optimizer)

    def rate(self, base: float, t: float) -> float:
        return base

    def is_better(self, metric: float) -> bool:
        """Whether a metric is better than the best so far by the threshold."""
        sign = -1 if self.mode == "min" else 1
        margin = sign * self.threshold
        bound = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return sign * metric > sign * bound

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Take note of a metric, and cut the learning rates if it is time."""
        metric = float(metrics)
        self.last_epoch += 1
        if self.is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lr = max(float(group["lr"]) * self.factor, least)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        require("load_state_dict: last_lr", state, lambda s: "last_lr" in s, "the learning rates")
        super().load_state_dict(state)


class ChainedScheduler(LRScheduler):
    """Several schedulers of one optimizer, stepped together: each multiplies the rate by what it changes.

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = ChainedScheduler([ExponentialLR(opt, gamma=0.5), ExponentialLR(opt, gamma=0.1)])
    >>> opt.step(); schedule.step(); round(opt.param_groups[0]["lr"], 3)
    0.05
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.schedulers = _of_one_optimizer(type(self).__name__, schedulers, optimizer)
        self.optimizer, self.last_epoch = self.schedulers[0].optimizer, 0

    def step(self) -> None:
        """Move all on by one step."""
        self.last_epoch += 1
        for scheduler in self.schedulers:
            scheduler.step()

    def begin(self) -> None:
        self.last_epoch = 0
        for scheduler in self.schedulers:
            scheduler.begin()

    def restart(self) -> None:
        self.last_epoch = 0
        self.schedulers[0].restart()
        for scheduler in self.schedulers[1:]:
            scheduler.begin()

    def state_dict(self) -> dict[str, Any]:
        """The number of steps taken, and the states of the schedulers by position."""
        states = {str(i): scheduler.state_dict() for i, scheduler in enumerate(self.schedulers)}
        return {"last_epoch": self.last_epoch, "last_lr": np.array(self.get_last_lr()), **states}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        missing = [n for n in ("last_epoch", "last_lr", *map(str, range(len(self.schedulers)))) if n not in state]
        if missing:
            raise ValueError(
                f"load_state_dict: the state does not fit this {type(self).__name__}: there is no {missing[0]!r}"
            )
        before = [scheduler.state_dict() for scheduler in self.schedulers]
        try:
            for i, scheduler in enumerate(self.schedulers):
                scheduler.load_state_dict(state[str(i)])
        except BaseException:
            for scheduler, old in zip(self.schedulers, before, strict=True):
                scheduler.load_state_dict(old)
            raise
        self.last_epoch = int(state["last_epoch"])
        self._set(None, [float(v) for v in state["last_lr"]])


class SequentialLR(ChainedScheduler):
    """Schedulers one after another: each begins, from its own start, at its milestone.

    >>> from tinygrad_np import Tensor, optim
    >>> opt = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1)
    >>> warm, then = LinearLR(opt, 0.5, total_iters=2), StepLR(opt, 2, gamma=0.1)
    >>> schedule, rates = SequentialLR(opt, [warm, then], milestones=[2]), []
    >>> for _ in range(5):
    ...     rates.append(round(schedule.get_last_lr()[0], 4)); opt.step(); schedule.step()
    >>> rates
    [0.05, 0.075, 0.1, 0.1, 0.01]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        super().__init__(schedulers, optimizer)
        if len(milestones) != len(self.schedulers) - 1:
            raise ValueError(
                f"milestones: expected {len(self.schedulers) - 1}, one less than schedulers, found {len(milestones)}"
            )
        if any(isinstance(scheduler, ReduceLROnPlateau) for scheduler in self.schedulers):
            raise ValueError("SequentialLR: ReduceLROnPlateau needs a metric at each step; step it by itself")
        self.milestones = list(milestones)
        self.restart()

    def begin(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.last_epoch = 0
        self.schedulers[bisect_right(self.milestones, 0)].restart()

    def step(self) -> None:
        """Move on by one step and set the learning rates."""
        self.last_epoch += 1
        i = bisect_right(self.milestones, self.last_epoch)
        begins = i > 0 and self.milestones[i - 1] == self.last_epoch
        self.schedulers[i].restart() if begins else self.schedulers[i].step()


def _of_one_optimizer(name: str, schedulers: Sequence[Any], optimizer: Optimizer | None) -> list[LRScheduler]:
    found = list(schedulers)
    if not found:
        raise ValueError(f"{name}: there are no schedulers")
    for i, scheduler in enumerate(found):
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"{name}: scheduler {i}: expected a scheduler, found {type(scheduler).__name__}")
        if scheduler.optimizer is not (optimizer or found[0].optimizer):
            raise ValueError(f"{name}: scheduler {i} belongs to another optimizer")
    return found


def annealing(strategy: str) -> Callable[[float, float, float], float]:
    """The curve from a start to an end, by its name."""
    if strategy not in ("cos", "linear"):
        raise ValueError(f"anneal_strategy: expected 'cos' or 'linear', found {strategy!r}")
    return _cosine if strategy == "cos" else _line


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _line(start: float, end: float, done: float) -> float:
    return start + (end - start) * done


def __getattr__(name: str) -> Any:
    told = {"MultiplicativeLR": "LambdaLR has the product of the factors", "CyclicLR": "LambdaLR, or OneCycleLR"}
    raise absent("optim.lr_scheduler", name, told | {"_LRScheduler": "it is called LRScheduler"}, __dir__())


def __dir__() -> list[str]:
    return public_names(globals())

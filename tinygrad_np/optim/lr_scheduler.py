"""Learning rates as functions of the step: each scheduler is one closed formula, so it resumes from a count.

The values are those of PyTorch's schedulers of the same names. Call `step()` after each `optimizer.step()`
(or each epoch). A scheduler sets the rate from its own formula: use one an optimizer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .optimizer import Optimizer
from .options import require


class LRScheduler:
    """Sets `lr` of every parameter group to `rate(base, t)` after t steps; a subclass gives `rate`."""

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer
        self.last_epoch = 0
        groups = self._groups(optimizer)
        for group in groups:
            group.setdefault("initial_lr", float(group["lr"]))
        self.base_lrs = [float(group["initial_lr"]) for group in groups]
        self._apply()

    def rate(self, base: float, t: int) -> float:
        """The learning rate after t steps, where it started at `base`."""
        raise NotImplementedError

    def step(self) -> None:
        """Move on by one step and set the learning rates."""
        self.last_epoch += 1
        self._apply()

    def get_last_lr(self) -> list[float]:
        """The learning rates now in use, one a parameter group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, int]:
        """The number of steps taken."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue after as many steps as a `state_dict()` says."""
        if "last_epoch" not in state or int(state["last_epoch"]) < 0:
            raise ValueError(
                f"load_state_dict: expected a 'last_epoch' >= 0, found {state.get('last_epoch', 'no such entry')}"
            )
        self.last_epoch = int(state["last_epoch"])
        self._apply()

    def _groups(self, optimizer: Optimizer) -> list[dict]:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an optimizer, found {type(optimizer).__name__}")
        return optimizer.param_groups

    def _apply(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(base, self.last_epoch)


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

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        require("step_size", step_size, lambda v: v >= 1, "a number of steps >= 1")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, base, t):
        return base * self.gamma ** (t // self.step_size)


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

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ):
        require("start_factor", start_factor, lambda v: 0 < v <= 1, "a number in (0, 1]")
        require("end_factor", end_factor, lambda v: 0 <= v <= 1, "a number in [0, 1]")
        require("total_iters", total_iters, lambda v: v >= 1, "a number of steps >= 1")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def rate(self, base, t):
        done = min(t, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


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

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        require("T_max", T_max, lambda v: v >= 1, "a number of steps >= 1")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, base, t):
        return _cosine(base, self.eta_min, t / self.T_max)


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

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: expected total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        require("total_steps", total_steps, lambda v: v >= 1, "a number of steps >= 1")
        require("pct_start", pct_start, lambda v: 0 <= v <= 1, "a number in [0, 1]")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy: expected 'cos' or 'linear', found {anneal_strategy!r}")
        groups = self._groups(optimizer)
        highest = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(highest) != len(groups):
            raise ValueError(
                f"max_lr: expected one number, or one for each of {len(groups)} parameter groups, found {len(highest)}"
            )
        if cycle_momentum and not {"momentum", "betas"} & set(groups[0]):
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum to cycle; pass cycle_momentum=False"
            )
        self.total_steps, self.anneal = total_steps, _cosine if anneal_strategy == "cos" else _line
        self.cycle_momentum, self.low_momentum, self.high_momentum = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        rise = pct_start * total_steps - 1
        # (last step, what is reached there); the first phase starts from the initial rate.
        self.phases = (
            [(rise, "high"), (2 * rise, "start"), (total_steps - 1, "end")]
            if three_phase
            else [(rise, "high"), (total_steps - 1, "end")]
        )
        for group, high in zip(groups, highest, strict=True):
            group["initial_lr"] = high / div_factor
        super().__init__(optimizer)

    def rate(self, base, t):
        levels = {"start": base, "high": base * self.div_factor, "end": base / self.final_div_factor}
        return self._at(levels, t)

    def step(self):
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch + 1} of a cycle of {self.total_steps}")
        super().step()

    def _at(self, levels: dict[str, float], t: int) -> float:
        begin, level = 0.0, levels["start"]
        for end, name in self.phases:
            if t <= end or name == "end":
                return self.anneal(level, levels[name], (t - begin) / (end - begin) if end != begin else 1.0)
            begin, level = end, levels[name]
        raise AssertionError("the last phase ends the cycle")

    def _apply(self):
        super()._apply()
        if not self.cycle_momentum:
            return
        levels = {"start": self.high_momentum, "high": self.low_momentum, "end": self.high_momentum}
        momentum = self._at(levels, self.last_epoch)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _line(start: float, end: float, done: float) -> float:
    return start + (end - start) * done

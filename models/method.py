"""How a recipe turns gradients into steps: optimizer, schedule of the learning rate, average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_np import nn, optim
from tinygrad_np.optim import lr_scheduler

from .recipes import Recipe
from .team import Alone, Job

OPTIMIZERS = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}
DIV, FINAL = 25.0, 1e4  # one-cycle: from a 25th of the rate, to a 10,000th of that


class Method:
    """What is done after each batch, and all of it that a checkpoint has to hold."""

    def __init__(self, recipe: Recipe, model: nn.Module, steps: int, team: Alone | None = None) -> None:
        options: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.l2}
        if recipe.momentum:
            options |= {"momentum": recipe.momentum, "nesterov": True} if recipe.optimizer == "sgd" else {}
        self.optimizer = OPTIMIZERS[recipe.optimizer](model.parameters(), **options)
        self.team, self.together = team or Alone(), None
        if isinstance(team, Job):
            from tinygrad_np.parallel.distributed import DataParallel

            self.together = DataParallel(self.optimizer, team.world)
        self.schedule = _schedule(recipe, self.optimizer, steps)
        self.average = Average(model, recipe.average) if recipe.average else None

    def after_step(self) -> None:
        """Move the learning rate and the average on."""
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.update()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds beside the model."""
        state: dict[str, Any] = {"optimizer": self.optimizer.state_dict()}
        if self.schedule is not None:
            state["schedule"] = self.schedule.state_dict()
        if self.average is not None:
            state["average"] = self.average.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])


class Average:
    """A fading mean of a model's parameters and buffers, d a + (1 - d) x with d = min(decay, (1 + n) / (10 + n)).

    After few steps the mean is of few: it is near to the best weights at every moment of a training, without its end.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.steps = model, decay, 0
        self.values = {name: np.array(value) for name, value in model.state_dict().items()}

    def update(self) -> None:
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, now in self.model.state_dict().items():
            mean = self.values[name]
            if mean.dtype.kind == "f":
                mean += (now - mean) * mean.dtype.type(share)
            else:
                mean[...] = now  # counts

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "values": self.values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.steps = int(state["steps"])
        self.values = {name: np.array(state["values"][name]) for name in self.values}


def _schedule(recipe: Recipe, optimizer: optim.Optimizer, steps: int) -> lr_scheduler.LRScheduler | None:
    total = max(1, steps * recipe.epochs)
    if recipe.schedule == "one-cycle":
        return lr_scheduler.OneCycleLR(
            optimizer,
            recipe.lr,
            total_steps=total + 1,  # the step after the last is never taken
            pct_start=recipe.warmup,
            cycle_momentum=False,
            div_factor=DIV,
            final_div_factor=FINAL,
        )
    if recipe.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, total)
    return None


def steps_an_epoch(recipe: Recipe, rows: int) -> int:
    """Return how many batches a dataset of so many rows has."""
    return math.ceil(rows / (recipe.batch_size or rows))

"""Averages of weights over the steps: equal (SWA: Izmailov et al., 2018) or fading (EMA: Polyak & Juditsky, 1992).

The names are those of `torch.optim.swa_utils`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from ..engine.modes import no_grad
from ..engine.public import public_names
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from ..nn.module import Module
from .lr_scheduler import LRScheduler, annealing
from .optimizer import Optimizer
from .options import require

Average = Callable[[Any, Any, Any], Any]


def _equal(average: Any, now: Any, n: Any) -> Any:
    return average + (now - average) * np.divide(1, n + 1, dtype=average.dtype)


def _fading(decay: float, average: Any, now: Any, n: Any) -> Any:
    return decay * average + (1 - decay) * now


def _of_many(function: Average, averages: list[np.ndarray], now: list[np.ndarray], n: Any) -> None:
    for a, p in zip(averages, now, strict=True):
        a[...] = function(a, p, n)


def get_swa_avg_fn() -> Average:
    """The mean of all so far: average + (now - average) / (n + 1), after n."""
    return _equal


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """A fading mean: decay · average + (1 - decay) · now."""
    require("decay", decay, lambda v: 0 <= v <= 1, "a number in [0, 1]")
    return partial(_fading, decay)


def get_swa_multi_avg_fn() -> Average:
    """`get_swa_avg_fn` for lists of arrays, in place."""
    return partial(_of_many, get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Average:
    """`get_ema_avg_fn` for lists of arrays, in place."""
    return partial(_of_many, get_ema_avg_fn(decay))


class AveragedModel(Module):
    """A copy of a model whose parameters are the average of the model's at each `update_parameters(model)`.

    `avg_fn(average, now, n)` gives the new average of an array after n updates, `multi_avg_fn` writes those of lists
    of arrays in place; without either all updates count alike (SWA). The first update copies. Buffers, as running
    means, are averaged with `use_buffers`, else copied.

    >>> from tinygrad_np import nn
    >>> model = nn.Linear(1, 1, bias=False)
    >>> ema = AveragedModel(model, avg_fn=get_ema_avg_fn(0.9))
    >>> for value in (1.0, 2.0):
    ...     model.weight.data = np.full((1, 1), value); ema.update_parameters(model)
    >>> round(ema.module.weight.item(), 4)
    1.1
    """

    n_averaged: Any  # how many updates there were

    def __init__(self, model: Module, *, avg_fn: Average | None = None, multi_avg_fn: Average | None = None,
                 use_buffers: bool = False):  # fmt: skip
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"AveragedModel: expected a module, found {type(model).__name__}")
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: expected avg_fn or multi_avg_fn, found both")
        self.register_buffer("n_averaged", np.array(0))
        self.module = copy.deepcopy(model)
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn or get_swa_avg_fn(), multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters that `model` has now into the average."""
        own, other = _arrays(self.module), _arrays(model)
        if [a.shape for _, a in own] != [a.shape for _, a in other]:
            raise ValueError("update_parameters: the model has other parameters than the one that was copied")
        with no_grad():
            first = assume(self.n_averaged == 0)
            averaged = [not first and (self.use_buffers or isinstance(holder, Tensor)) for holder, _ in own]
            new = [np.array(now) for _, now in other]
            taken = [i for i, use in enumerate(averaged) if use]
            if self.multi_avg_fn is not None:
                olds = [np.array(own[i][1]) for i in taken]
                self.multi_avg_fn(olds, [new[i] for i in taken], self.n_averaged)
                for i, old in zip(taken, olds, strict=True):
                    new[i] = old
            else:
                for i in taken:
                    new[i] = self.avg_fn(own[i][1], new[i], self.n_averaged)
            for (holder, array), value in zip(own, new, strict=True):
                if isinstance(holder, Tensor):
                    holder.data = value
                else:
                    array[...] = value
            self.n_averaged += 1


def _arrays(model: Module) -> list[tuple[Any, Any]]:
    """(what holds it, array) of the parameters and buffers."""
    return [(p, p._array) for p in model.parameters()] + [(None, b) for b in model.buffers()]


def update_bn(loader: Iterable[Any], model: Module) -> None:
    """Set the running means and variances of the model's batch norms to those over one pass through `loader`.

    A batch is an input, or a tuple or list that begins with one. The mode of the model is as it was afterwards.
    """
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None and hasattr(m, "momentum")]
    if not norms:
        return
    modes, momenta = [(m, m.training) for m in model.modules()], [m.momentum for m in norms]
    try:
        model.train()
        with no_grad():
            for n, batch in enumerate(loader):
                for norm in norms:
                    norm.momentum = 1 / (n + 1)  # so that all batches count alike, the first replacing what was
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for module, mode in modes:
            module.training = mode
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


class SWALR(LRScheduler):
    """From wherever the rate is to swa_lr in anneal_epochs steps, and constant from there on."""

    def __init__(self, optimizer: Optimizer, swa_lr: float, anneal_epochs: int = 10, anneal_strategy: str = "cos"):
        require("swa_lr", swa_lr, lambda v: v >= 0, "a number >= 0")
        require("anneal_epochs", anneal_epochs, lambda v: v >= 0 and v == int(v), "a whole number >= 0")
        self.anneal, self.anneal_epochs, self.floor = annealing(anneal_strategy), anneal_epochs, swa_lr
        super().__init__(optimizer)

    def left(self, t: float) -> float:
        """The share of the way that is left after t steps."""
        return self.anneal(1.0, 0.0, min(1.0, t / self.anneal_epochs) if self.anneal_epochs else 1.0)

    def rate(self, base: float, t: float) -> float:
        return self.floor + (base - self.floor) * self.left(t)

    def step(self) -> None:
        """Move on by one step from where the learning rates are now."""
        before = self.left(self.last_epoch)
        self.last_epoch += 1
        share = self.left(self.last_epoch) / before if before else 0.0
        self._set(None, [self.floor + (lr - self.floor) * share for lr in self.get_last_lr()])


def __dir__() -> list[str]:
    return public_names(globals())

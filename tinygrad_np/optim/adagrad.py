"""Adagrad (Duchi et al., 2011): the gradient over the root of the sum of all its squares."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .optimizer import Optimizer, require_positive


class Adagrad(Optimizer):
    """v += g²;  p -= lr / (1 + (t-1) · lr_decay) · g / (√v + eps), at step t.

    The formula is PyTorch's `torch.optim.Adagrad`; v starts at `initial_accumulator_value`, and
    `weight_decay` adds weight_decay · p to g.
    """

    def __init__(self, params: Iterable, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, *, maximize: bool = False):
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
                         initial_accumulator_value=initial_accumulator_value, eps=eps, maximize=maximize)

    def check(self, group):
        require_positive(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def options(self, group):
        return float(group["lr"]), float(group["lr_decay"]), float(group["eps"])

    def start(self, p, group):
        return {"step": 0, "sum": np.full_like(p, group["initial_accumulator_value"])}

    def update(self, p, g, state, options, s, t):
        lr, lr_decay, eps = options
        state["step"] += 1
        v = state["sum"]
        v += np.multiply(g, g, out=s)
        np.sqrt(v, out=s)
        s += eps
        np.divide(g, s, out=s)
        s *= lr / (1 + (state["step"] - 1) * lr_decay)
        np.subtract(p, s, out=p)

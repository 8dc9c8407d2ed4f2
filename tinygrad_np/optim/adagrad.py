"""Adagrad (Duchi et al., 2011): the gradient over the root of the sum of all its squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .optimizer import Optimizer
from .options import Array, Group, Params, require_positive


class Adagrad(Optimizer):
    """v += g²;  p -= lr / (1 + (t-1) · lr_decay) · g / (√v + eps), at step t.

    The formula is PyTorch's `torch.optim.Adagrad`; v starts at `initial_accumulator_value`, and
    `weight_decay` adds weight_decay · p to g.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adagrad([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.9, 1.9])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ):
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def check(self, group: Group) -> None:
        require_positive(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    scalars = {"step": 0}

    def names(self, group: Group) -> list[str]:
        return ["sum"]

    def first(self, name: str, group: Group) -> float:
        return float(group["initial_accumulator_value"])

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        return float(group["lr"]) / (1 + (state["step"] - 1) * float(group["lr_decay"])), float(group["eps"])

    def update(
        self, p: Array, g: Array, state: Group, numbers: Sequence[float], shape: Sequence[Any], s: Array, t: Array
    ) -> None:
        rate, eps = numbers
        v = state["sum"]
        np.add(v, np.multiply(g, g, out=s), out=v)
        np.sqrt(v, out=s)
        np.add(s, eps, out=s)
        np.divide(g, s, out=s)
        np.multiply(s, rate, out=s)
        np.subtract(p, s, out=p)

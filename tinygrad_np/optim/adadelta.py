"""Adadelta (Zeiler, 2012): steps in the units of the weights, by the ratio of two running root mean squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .adam import mean
from .optimizer import Optimizer
from .options import Array, Group, Params, require, require_positive


class Adadelta(Optimizer):
    """v = ρv + (1-ρ)g²;  d = √(u + eps) / √(v + eps) · g;  u = ρu + (1-ρ)d²;  p -= lr · d.

    The formula is PyTorch's `torch.optim.Adadelta`.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adadelta([w]).step()
    >>> w.data.round(4)
    array([0.9968, 1.9968])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    scalars = {"step": 0}

    def check(self, group: Group) -> None:
        require_positive(group, "lr", "eps", "weight_decay")
        require("rho", group["rho"], lambda v: 0 <= v <= 1, "a number in [0, 1]")

    def names(self, group: Group) -> list[str]:
        return ["square_avg", "acc_delta"]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        rho = float(group["rho"])
        return float(group["lr"]), rho, 1 - rho, float(group["eps"])

    def update(
        self, p: Array, g: Array, state: Group, numbers: Sequence[float], shape: Sequence[Any], s: Array, t: Array
    ) -> None:
        lr, rho, rest, eps = numbers
        v, u = mean(state["square_avg"], np.multiply(g, g, out=s), rho, rest, s), state["acc_delta"]
        np.sqrt(np.add(v, eps, out=s), out=s)
        np.divide(g, s, out=s)  # nothing needs g, or what it is in, from here on
        np.sqrt(np.add(u, eps, out=t), out=t)
        np.multiply(s, t, out=s)
        mean(u, np.multiply(s, s, out=t), rho, rest, t)
        np.multiply(s, lr, out=s)
        np.subtract(p, s, out=p)

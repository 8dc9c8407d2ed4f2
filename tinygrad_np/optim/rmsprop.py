"""RMSprop (Hinton, 2012): the gradient over a running root mean square of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .optimizer import Optimizer
from .options import Array, Group, Params, require_positive


class RMSprop(Optimizer):
    """v = αv + (1-α)g²;  b = momentum · b + g / (√v + eps);  p -= lr · b.

    The formula is PyTorch's `torch.optim.RMSprop`: `centered` subtracts the square of a running mean of g
    from v, `weight_decay` adds weight_decay · p to g.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RMSprop([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0., 1.])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def check(self, group: Group) -> None:
        require_positive(group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def names(self, group: Group) -> list[str]:
        wanted = {"square_avg": True, "grad_avg": group["centered"], "momentum_buffer": group["momentum"]}
        return [name for name, use in wanted.items() if use]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        alpha = float(group["alpha"])
        return float(group["lr"]), alpha, 1 - alpha, float(group["eps"]), float(group["momentum"])

    def update(
        self, p: Array, g: Array, state: Group, numbers: Sequence[float], shape: Sequence[Any], s: Array, t: Array
    ) -> None:
        lr, alpha, rest, eps, momentum = numbers
        v = state["square_avg"]
        np.multiply(g, g, out=s)
        np.multiply(v, alpha, out=v)
        np.add(v, np.multiply(s, rest, out=s), out=v)
        if "grad_avg" in state:
            mean = state["grad_avg"]
            np.add(mean, np.multiply(np.subtract(g, mean, out=s), rest, out=s), out=mean)
            np.multiply(mean, mean, out=s)
            np.sqrt(np.subtract(v, s, out=s), out=s)
        else:
            np.sqrt(v, out=s)
        np.add(s, eps, out=s)
        np.divide(g, s, out=s)
        if "momentum_buffer" in state:
            b = state["momentum_buffer"]
            np.multiply(b, momentum, out=b)
            np.add(b, s, out=b)
            np.multiply(b, lr, out=s)
        else:
            np.multiply(s, lr, out=s)
        np.subtract(p, s, out=p)

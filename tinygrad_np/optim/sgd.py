"""Stochastic gradient descent, with momentum (Polyak, 1964) and its Nesterov variant (Sutskever et al., 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer
from .options import Group, Params, Scalars, Shape, Tile, options_among


class SGD(Optimizer):
    """d = g + weight_decay · p;  b = momentum · b + (1 - dampening) · d;  p -= lr · b, or lr · (d + momentum · b).

    The formula is PyTorch's `torch.optim.SGD`; `b` starts as the first d.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.data
    array([0.8, 1.6])
    """

    def __init__(self, params: Params, lr: float = 1e-3, momentum: float = 0, *, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    def check(self, group: Group) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                "nesterov: expected momentum > 0 and dampening 0, found "
                f"momentum {group['momentum']} and dampening {group['dampening']}"
            )

    def names(self, group: Group) -> list[str]:
        return ["momentum_buffer"] if group["momentum"] else []

    def shape(self, group: Group) -> tuple[Any, ...]:
        return *super().shape(group), bool(group["momentum"]), bool(group["dampening"]), bool(group["nesterov"])

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        lr, momentum, dampening = float(group["lr"]), float(group["momentum"]), float(group["dampening"])
        return lr, momentum, 1.0 if new else 1 - dampening  # a new buffer is zero, and becomes d

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        lr, momentum, share = numbers
        buffered, damped, nesterov = shape
        if buffered:
            b = state["momentum_buffer"]
            np.multiply(b, momentum, out=b)
            np.add(b, np.multiply(g, share, out=s) if damped else g, out=b)
            if nesterov:
                np.multiply(b, momentum, out=s)
                g = np.add(g, s, out=s)
            else:
                g = b
        np.multiply(g, lr, out=s)
        np.subtract(p, s, out=p)

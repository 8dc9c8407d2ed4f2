"""Adam (Kingma & Ba, 2015) and AdamW, whose weight decay bypasses the moments (Loshchilov & Hutter, 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .optimizer import Optimizer
from .options import require_betas, require_positive


class Adam(Optimizer):
    """m = β₁m + (1-β₁)g;  v = β₂v + (1-β₂)g²;  p -= lr · m̂ / (√v̂ + eps), hats for division by 1 - βᵗ.

    The formula is PyTorch's `torch.optim.Adam`: `weight_decay` adds weight_decay · p to g, and `amsgrad`
    divides by the largest v̂ so far.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adam([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.9, 1.9])
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def check(self, group):
        require_positive(group, "lr", "eps", "weight_decay")
        require_betas(group)

    counts = True

    def names(self, group):
        return ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] if group["amsgrad"] else ["exp_avg", "exp_avg_sq"]

    def shape(self, group):
        return *super().shape(group), self.decoupled and bool(group["weight_decay"])

    def numbers(self, group, step, new):
        lr, eps, decay = map(float, (group["lr"], group["eps"], group["weight_decay"]))
        beta1, beta2 = group["betas"]
        # The corrections are numbers, so they move out of the arrays: m̂/(√v̂ + eps) = m·c₂/c₁ / (√v + eps·c₂).
        c1, c2 = 1 - float(beta1) ** step, math.sqrt(1 - float(beta2) ** step)
        return float(beta1), 1 - float(beta1), float(beta2), 1 - float(beta2), eps * c2, lr * c2 / c1, 1 - lr * decay

    def update(self, p, g, state, numbers, shape, s, t):
        beta1, rest1, beta2, rest2, eps, rate, shrink = numbers
        if shape[0]:
            np.multiply(p, shrink, out=p)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        np.multiply(m, beta1, out=m)
        np.add(m, np.multiply(g, rest1, out=s), out=m)
        np.multiply(g, g, out=s)
        np.multiply(v, beta2, out=v)
        np.add(v, np.multiply(s, rest2, out=s), out=v)
        if "max_exp_avg_sq" in state:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        np.sqrt(v, out=s)
        np.add(s, eps, out=s)
        np.divide(m, s, out=s)
        np.multiply(s, rate, out=s)
        np.subtract(p, s, out=p)


class AdamW(Adam):
    """Adam with decoupled weight decay: first p *= 1 - lr · weight_decay, then Adam's step without decay.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> AdamW([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.899, 1.898])
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

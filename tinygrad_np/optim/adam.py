"""Adam (Kingma & Ba, 2015) and AdamW, whose weight decay bypasses the moments (Loshchilov & Hutter, 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .optimizer import Optimizer, require_betas, require_positive


class Adam(Optimizer):
    """m = β₁m + (1-β₁)g;  v = β₂v + (1-β₂)g²;  p -= lr · m̂ / (√v̂ + eps), hats for division by 1 - βᵗ.

    The formula is PyTorch's `torch.optim.Adam`: `weight_decay` adds weight_decay · p to g, and `amsgrad`
    divides by the largest v̂ so far.
    """

    def __init__(self, params: Iterable, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *, maximize: bool = False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                         maximize=maximize)

    def check(self, group):
        require_positive(group, "lr", "eps", "weight_decay")
        require_betas(group)

    def options(self, group):
        decay = float(group["weight_decay"]) if self.decoupled else 0
        return (float(group["lr"]), *map(float, group["betas"]), float(group["eps"]), decay)

    def start(self, p, group):
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")
        return {"step": 0, **{name: np.zeros_like(p) for name in names}}

    def update(self, p, g, state, options, s, t):
        lr, beta1, beta2, eps, decay = options
        state["step"] += 1
        if decay:
            p *= 1 - lr * decay
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=s)
        np.multiply(g, g, out=s)
        v *= beta2
        v += np.multiply(s, 1 - beta2, out=s)
        if "max_exp_avg_sq" in state:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        # The corrections are numbers, so they move out of the arrays: m̂/(√v̂ + eps) = m·c₂/c₁ / (√v + eps·c₂).
        c1, c2 = 1 - beta1 ** state["step"], math.sqrt(1 - beta2 ** state["step"])
        np.sqrt(v, out=s)
        s += eps * c2
        np.divide(m, s, out=s)
        s *= lr * c2 / c1
        np.subtract(p, s, out=p)


class AdamW(Adam):
    """Adam with decoupled weight decay: first p *= 1 - lr · weight_decay, then Adam's step without decay."""

    decoupled = True

    def __init__(self, params: Iterable, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

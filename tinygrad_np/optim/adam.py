"""Adam (Kingma & Ba, 2015) and AdamW, whose weight decay bypasses the moments (Loshchilov & Hutter, 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .optimizer import Optimizer
from .options import Array, Group, Params, require_betas, require_positive


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
        params: Params,
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

    def check(self, group: Group) -> None:
        require_positive(group, "lr", "eps", "weight_decay")
        require_betas(group)

    scalars = {"step": 0}

    def names(self, group: Group) -> list[str]:
        return ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] if group["amsgrad"] else ["exp_avg", "exp_avg_sq"]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        lr, eps = float(group["lr"]), float(group["eps"])
        c1, c2 = corrections(group, state["step"])
        # The corrections are numbers, so they move out of the arrays: m̂/(√v̂ + eps) = m·c₂/c₁ / (√v + eps·c₂).
        return *weights(group), eps * c2, lr * c2 / c1

    def update(
        self, p: Array, g: Array, state: Group, numbers: Sequence[float], shape: Sequence[Any], s: Array, t: Array
    ) -> None:
        *betas, eps, rate = numbers
        m, v = moments(state, g, betas, s)
        if "max_exp_avg_sq" in state:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        np.sqrt(v, out=s)
        np.add(s, eps, out=s)
        np.divide(m, s, out=s)
        np.multiply(s, rate, out=s)
        np.subtract(p, s, out=p)


def weights(group: Group) -> tuple[float, float, float, float]:
    """β₁, 1 - β₁, β₂, 1 - β₂."""
    beta1, beta2 = map(float, group["betas"])
    return beta1, 1 - beta1, beta2, 1 - beta2


def corrections(group: Group, step: int) -> tuple[float, float]:
    """1 - β₁ᵗ and √(1 - β₂ᵗ): a mean that starts at zero is too small by the one, a root mean square by the other."""
    beta1, beta2 = map(float, group["betas"])
    return 1 - beta1**step, math.sqrt(1 - beta2**step)


def mean(m: np.ndarray, g: np.ndarray, beta: float, rest: float, s: np.ndarray) -> np.ndarray:
    """m = β m + (1 - β) g."""
    np.multiply(m, beta, out=m)
    found: Array = np.add(m, np.multiply(g, rest, out=s), out=m)  # in a recording it is this that is traced, not m
    return found


def moments(state: Group, g: np.ndarray, betas: Sequence[float], s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The running means of the gradient and of its square, with g in them."""
    m, v = state["exp_avg"], state["exp_avg_sq"]
    mean(m, g, betas[0], betas[1], s)
    return m, mean(v, np.multiply(g, g, out=s), betas[2], betas[3], s)


class AdamW(Adam):
    """Adam with decoupled weight decay: first p *= 1 - lr · weight_decay, then Adam's step without decay.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> AdamW([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.899, 1.898])
    """

    def decoupled(self, group: Group) -> bool:
        return True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

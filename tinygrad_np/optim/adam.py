"""Adam (Kingma & Ba, 2015) and its kin: steps made of running means of the gradient and of its square."""

from __future__ import annotations

import math

import numpy as np

from .optimizer import Optimizer
from .options import Group, Params, Scalars, Shape, Tile, options_among


def mean(m: Tile, g: Tile, beta: float, rest: float, s: Tile) -> Tile:
    """m = β m + (1 - β) g."""
    np.multiply(m, beta, out=m)
    found: Tile = np.add(m, np.multiply(g, rest, out=s), out=m)  # in a recording it is this that is traced, not m
    return found


def move(p: Tile, direction: Tile, rate: float, s: Tile) -> None:
    """p -= rate · direction."""
    np.subtract(p, np.multiply(direction, rate, out=s), out=p)


def descend(p: Tile, direction: Tile, root: Tile, eps: float, rate: float, s: Tile) -> None:
    """p -= rate · direction / (root + eps)."""
    move(p, np.divide(direction, np.add(root, eps, out=s), out=s), rate, s)


def _betas(group: Group) -> tuple[float, float, float, float]:
    """β₁, 1 - β₁, β₂, 1 - β₂."""
    beta1, beta2 = map(float, group["betas"])
    return beta1, 1 - beta1, beta2, 1 - beta2


def _corrections(group: Group, step: int) -> tuple[float, float]:
    """1 - β₁ᵗ and √(1 - β₂ᵗ): a mean that starts at zero is too small by the one, a root mean square by the other."""
    beta1, beta2 = map(float, group["betas"])
    return 1 - beta1**step, math.sqrt(1 - beta2**step)


class _Moments(Optimizer):
    """What has the running means m and v of the gradient and of its square."""

    scalars = {"step": 0}

    def names(self, group: Group) -> list[str]:
        return ["exp_avg", "exp_avg_sq"]

    def moments(self, state: Group, g: Tile, betas: Scalars, s: Tile) -> tuple[Tile, Tile]:
        """m and v, with g in them."""
        m, v = state["exp_avg"], state["exp_avg_sq"]
        mean(m, g, betas[0], betas[1], s)
        return m, mean(v, np.multiply(g, g, out=s), betas[2], betas[3], s)


class Adam(_Moments):
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

    def __init__(self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *, maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    def names(self, group: Group) -> list[str]:
        return super().names(group) + ["max_exp_avg_sq"] * bool(group["amsgrad"])

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        lr, eps = float(group["lr"]), float(group["eps"])
        c1, c2 = _corrections(group, state["step"])
        # The corrections are numbers, so they move out of the arrays: m̂/(√v̂ + eps) = m·c₂/c₁ / (√v + eps·c₂).
        return *_betas(group), eps * c2, lr * c2 / c1

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        *betas, eps, rate = numbers
        m, v = self.moments(state, g, betas, s)
        if "max_exp_avg_sq" in state:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        descend(p, m, np.sqrt(v, out=s), eps, rate, s)


class AdamW(Adam):
    """Adam with decoupled weight decay: first p *= 1 - lr · weight_decay, then Adam's step (Loshchilov & Hutter, 2019).

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> AdamW([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.899, 1.898])
    """

    def __init__(self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    def decoupled(self, group: Group) -> bool:
        return True


class NAdam(_Moments):
    """Adam with Nesterov's momentum (Dozat, 2016): p -= lr (a g + b m) / (√v̂ + eps).

    With μₜ = β₁ (1 - 0.96^(t · momentum_decay) / 2) and Mₜ = μ₁ ⋯ μₜ, a = (1 - μₜ) / (1 - Mₜ) and
    b = μₜ₊₁ / (1 - Mₜ₊₁). The formula is PyTorch's `torch.optim.NAdam`; `decoupled_weight_decay` decays as AdamW.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> NAdam([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.8944, 1.8944])
    """

    def __init__(self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
                 maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    scalars = {"step": 0, "mu_product": 1.0}

    def mu(self, group: Group, step: int) -> float:
        """The momentum of a step."""
        decay: float = 0.96 ** (step * float(group["momentum_decay"]))
        return float(group["betas"][0]) * (1 - 0.5 * decay)

    def advance(self, state: Group, group: Group) -> None:
        if state:
            state["step"] += 1
            product = np.float32(state["mu_product"]) * np.float32(self.mu(group, state["step"]))
            state["mu_product"] = float(product)  # single as in PyTorch, so that steps are equal

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        lr, step, product = float(group["lr"]), state["step"], state["mu_product"]
        following = self.mu(group, step + 1)
        a, b = (1 - self.mu(group, step)) / (1 - product), following / (1 - product * following)
        c2 = _corrections(group, step)[1]
        return *_betas(group), float(group["eps"]) * c2, lr * a * c2, lr * b * c2

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        *betas, eps, share, rate = numbers
        m, v = self.moments(state, g, betas, s)
        np.multiply(g, share, out=t)
        np.add(t, np.multiply(m, rate, out=s), out=t)
        np.divide(t, np.add(np.sqrt(v, out=s), eps, out=s), out=t)
        np.subtract(p, t, out=p)


class RAdam(_Moments):
    """Adam that divides by √v̂ only once its variance is known well enough (Liu et al., 2020).

    With ρ∞ = 2 / (1 - β₂) - 1 and ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ), the step is lr · m̂ · r / (√v̂ + eps) where ρ > 5, for
    r² = (ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ), and lr · m̂ before. The formula is PyTorch's `torch.optim.RAdam`;
    `decoupled_weight_decay` decays as AdamW.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RAdam([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.8, 1.6])
    """

    def __init__(self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
                 maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        lr, beta2, step = float(group["lr"]), float(group["betas"][1]), state["step"]
        c1, c2 = _corrections(group, step)
        end = 2 / (1 - beta2) - 1
        rho = end - 2 * step * beta2**step / (1 - beta2**step)
        if rho <= 5:  # the same operations, with numbers that make the divisor 1
            return *_betas(group), 0.0, 1.0, lr / c1
        r = math.sqrt((rho - 4) * (rho - 2) * end / ((end - 4) * (end - 2) * rho))
        return *_betas(group), math.inf, float(group["eps"]), lr * r * c2 / c1

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        *betas, most, eps, rate = numbers
        m, v = self.moments(state, g, betas, s)
        descend(p, m, np.minimum(np.sqrt(v, out=s), most, out=s), eps, rate, s)


class Adamax(Optimizer):
    """m = β₁m + (1-β₁)g;  u = max(β₂u, |g| + eps);  p -= lr / (1 - β₁ᵗ) · m / u (Kingma & Ba, 2015, section 7.1).

    The formula is PyTorch's `torch.optim.Adamax`.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adamax([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.9, 1.9])
    """

    def __init__(self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, *, maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    scalars = {"step": 0}

    def names(self, group: Group) -> list[str]:
        return ["exp_avg", "exp_inf"]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        beta1, rest1, beta2, _ = _betas(group)
        return beta1, rest1, beta2, float(group["eps"]), float(group["lr"]) / _corrections(group, state["step"])[0]

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        beta1, rest1, beta2, eps, rate = numbers
        m, u = mean(state["exp_avg"], g, beta1, rest1, s), state["exp_inf"]
        np.multiply(u, beta2, out=u)
        np.maximum(u, np.add(np.absolute(g, out=s), eps, out=s), out=u)
        move(p, np.divide(m, u, out=s), rate, s)


class Lion(Optimizer):
    """p -= lr · sign(β₁m + (1-β₁)g);  m = β₂m + (1-β₂)g, with decoupled weight decay (Chen et al., 2023, algorithm 2).

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Lion([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.9, 1.9])
    """

    def __init__(self, params: Params, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99),
                 weight_decay: float = 0, *, maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    def decoupled(self, group: Group) -> bool:
        return True

    def names(self, group: Group) -> list[str]:
        return ["exp_avg"]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        beta1, rest1, *second = _betas(group)
        return beta1 / rest1, *second, float(group["lr"])

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        ratio, beta2, rest2, lr = numbers
        m = state["exp_avg"]
        np.add(np.multiply(m, ratio, out=s), g, out=s)  # of the sign that β₁m + (1-β₁)g has
        move(p, np.sign(s, out=s), lr, s)
        mean(m, g, beta2, rest2, s)

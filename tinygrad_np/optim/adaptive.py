"""The gradient over a root mean square of itself: a sum of squares, or running means of them."""

from __future__ import annotations

import numpy as np

from .adam import descend, mean, move
from .optimizer import Optimizer
from .options import Group, Params, Scalars, Shape, Tile, options_among


class Adagrad(Optimizer):
    """v += g²;  p -= lr / (1 + (t-1) · lr_decay) · g / (√v + eps), at step t (Duchi et al., 2011).

    The formula is PyTorch's `torch.optim.Adagrad`; v starts at `initial_accumulator_value`, and
    `weight_decay` adds weight_decay · p to g.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adagrad([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0.9, 1.9])
    """

    def __init__(self, params: Params, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, *,
                 maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    scalars = {"step": 0}

    def names(self, group: Group) -> list[str]:
        return ["sum"]

    def first(self, name: str, group: Group) -> float:
        return float(group["initial_accumulator_value"])

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        return float(group["lr"]) / (1 + (state["step"] - 1) * float(group["lr_decay"])), float(group["eps"])

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        rate, eps = numbers
        v = state["sum"]
        np.add(v, np.multiply(g, g, out=s), out=v)
        descend(p, g, np.sqrt(v, out=s), eps, rate, s)


class RMSprop(Optimizer):
    """v = αv + (1-α)g²;  b = momentum · b + g / (√v + eps);  p -= lr · b (Hinton, 2012).

    The formula is PyTorch's `torch.optim.RMSprop`: `centered` subtracts the square of a running mean of g
    from v, `weight_decay` adds weight_decay · p to g.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RMSprop([w], lr=0.1).step()
    >>> w.data.round(4)
    array([0., 1.])
    """

    def __init__(self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, *,
                 maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    def names(self, group: Group) -> list[str]:
        wanted = {"square_avg": True, "grad_avg": group["centered"], "momentum_buffer": group["momentum"]}
        return [name for name, use in wanted.items() if use]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        alpha = float(group["alpha"])
        return float(group["lr"]), alpha, 1 - alpha, float(group["eps"]), float(group["momentum"])

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        lr, alpha, rest, eps, momentum = numbers
        v = mean(state["square_avg"], np.multiply(g, g, out=s), alpha, rest, s)
        if "grad_avg" in state:
            average = state["grad_avg"]
            np.add(average, np.multiply(np.subtract(g, average, out=s), rest, out=s), out=average)
            v = np.subtract(v, np.multiply(average, average, out=s), out=s)
        np.sqrt(v, out=s)
        if "momentum_buffer" not in state:
            descend(p, g, s, eps, lr, s)
            return
        b = state["momentum_buffer"]
        np.divide(g, np.add(s, eps, out=s), out=s)
        np.multiply(b, momentum, out=b)
        move(p, np.add(b, s, out=b), lr, s)


class Adadelta(Optimizer):
    """v = ρv + (1-ρ)g²;  d = √(u + eps) / √(v + eps) · g;  u = ρu + (1-ρ)d²;  p -= lr · d (Zeiler, 2012).

    The formula is PyTorch's `torch.optim.Adadelta`: the steps are in the units of the weights.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adadelta([w]).step()
    >>> w.data.round(4)
    array([0.9968, 1.9968])
    """

    def __init__(self, params: Params, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0, *,
                 maximize: bool = False) -> None:  # fmt: skip
        super().__init__(params, **options_among(locals()))

    scalars = {"step": 0}

    def names(self, group: Group) -> list[str]:
        return ["square_avg", "acc_delta"]

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        rho = float(group["rho"])
        return float(group["lr"]), rho, 1 - rho, float(group["eps"])

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        lr, rho, rest, eps = numbers
        v, u = mean(state["square_avg"], np.multiply(g, g, out=s), rho, rest, s), state["acc_delta"]
        np.sqrt(np.add(v, eps, out=s), out=s)
        np.divide(g, s, out=s)  # nothing needs g, or what it is in, from here on
        np.sqrt(np.add(u, eps, out=t), out=t)
        np.multiply(s, t, out=s)
        mean(u, np.multiply(s, s, out=t), rho, rest, t)
        move(p, s, lr, s)

"""Stochastic gradient descent, with momentum (Polyak, 1964) and its Nesterov variant (Sutskever et al., 2013)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .optimizer import Optimizer, require_positive


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

    def __init__(self, params: Iterable, lr: float = 1e-3, momentum: float = 0, *, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, maximize: bool = False):
        super().__init__(params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                         nesterov=nesterov, maximize=maximize)

    def check(self, group):
        require_positive(group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("nesterov: expected momentum > 0 and dampening 0, found "
                             f"momentum {group['momentum']} and dampening {group['dampening']}")

    def options(self, group):
        return float(group["lr"]), float(group["momentum"]), float(group["dampening"]), group["nesterov"]

    def start(self, p, group):
        return {"momentum_buffer": None} if group["momentum"] else {}

    def update(self, p, g, state, options, s, t):
        lr, momentum, dampening, nesterov = options
        if momentum:
            b = state.get("momentum_buffer")
            if b is None:
                b = state["momentum_buffer"] = g.astype(p.dtype, order="C")
            else:
                b *= momentum
                b += np.multiply(g, 1 - dampening, out=s) if dampening else g
            if nesterov:
                np.multiply(b, momentum, out=s)
                g = np.add(g, s, out=s)
            else:
                g = b
        np.multiply(g, lr, out=s)
        np.subtract(p, s, out=p)

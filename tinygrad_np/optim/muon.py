"""Muon (Jordan et al., 2024): momentum made orthogonal, for matrices inside a network."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..engine.tracing import host
from .adam import mean
from .optimizer import Optimizer
from .options import Group, Params, Scalars, Shape, StateNames, Tile, options_among

Triple = tuple[float, float, float]
QUINTIC = (3.4445, -4.775, 2.0315)


class Muon(Optimizer):
    """b = momentum · b + (1 - momentum) g;  p -= lr · ratio · orthogonal(b), with decoupled weight decay.

    With `nesterov`, of (1 - momentum) g + momentum · b instead of b. The ratio is √max(1, rows / columns), or
    0.2 √max(rows, columns) for adjust_lr_fn="match_rms_adamw" (Liu et al., 2025). All parameters are matrices; give
    others to AdamW. The formula is PyTorch's `torch.optim.Muon`, computed in the parameters' own precision where
    PyTorch rounds to bfloat16.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor(np.eye(2), requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Muon([w], lr=0.1, weight_decay=0).step()
    >>> bool(0.85 < w.data[0, 0] < 0.95)
    True
    """

    def __init__(self, params: Params, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: Triple = QUINTIC,
                 eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None, *,
                 maximize: bool = False) -> None:  # fmt: skip
        adjust_lr_fn = adjust_lr_fn or "original"
        super().__init__(params, **options_among(locals()))

    def _check_parameter(self, i: int, p: Any) -> None:
        super()._check_parameter(i, p)
        if p.ndim != 2 or p.dtype.kind != "f":
            raise ValueError(
                f"Muon: parameter {i} is {p.dtype} of shape {p.shape}, expected a real matrix; give others to AdamW"
            )

    def decoupled(self, group: Group) -> bool:
        return True

    def names(self, group: Group) -> list[str]:
        return ["momentum_buffer"]

    def shape(self, group: Group) -> tuple[Any, ...]:
        steps = int(group["ns_steps"]), tuple(map(float, group["ns_coefficients"])), float(group["eps"])
        return *super().shape(group), bool(group["nesterov"]), *steps

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        momentum = float(group["momentum"])
        return float(group["lr"]), momentum, 1 - momentum, float(group["adjust_lr_fn"] == "original")

    def _run(self, block: Any, first: int, last: int, names: StateNames, group: Group, shape: Shape) -> None:
        """Update matrix by matrix, not tile by tile."""
        self._begin(block, range(first, last + 1), names, group)
        for i in range(first, last + 1):
            position = block.positions[i]
            state = self.state[position]
            numbers = host(partial(self._count, [state], group, False))
            p, g, b = (flat.view(i) for flat in (block.values, block.grads, block.state["momentum_buffer"]))
            s, t = np.empty_like(p), np.empty_like(p)
            self._tile(p, g, {"momentum_buffer": b}, numbers, shape, s, t)

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        lr, momentum, rest, original = numbers
        nesterov, steps, coefficients, eps = shape
        rows, columns = p.shape
        b = mean(state["momentum_buffer"], g, momentum, rest, s)
        if nesterov:
            b = np.add(np.multiply(g, rest, out=t), np.multiply(b, momentum, out=s), out=t)
        plain, matched = math.sqrt(max(1, rows / columns)), 0.2 * math.sqrt(max(rows, columns))
        np.multiply(orthogonal(b, steps, coefficients, eps), lr * (plain * original + matched * (1 - original)), out=s)
        np.subtract(p, s, out=p)


def orthogonal(matrix: Tile, steps: int = 5, coefficients: Triple = QUINTIC, eps: float = 1e-7) -> Tile:
    """About U Vᵀ of the matrix U S Vᵀ: each step maps the singular values by a s + b s³ + c s⁵ (Newton & Schulz).

    With these coefficients they come near 1, between 0.7 and 1.2, and no closer.

    >>> bool(abs(np.linalg.svd(orthogonal(np.diag([3.0, 1.0])), compute_uv=False) - 1).max() < 0.35)
    True
    """
    a, b, c = coefficients
    x = matrix if matrix.dtype.itemsize >= 4 else matrix.astype(np.float32)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / np.maximum(np.linalg.norm(x), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = x * a + (gram * b + (gram @ gram) * c) @ x
    found: Tile = x.T if tall else x
    return found

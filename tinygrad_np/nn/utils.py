"""Gradients kept within bounds before a step (Pascanu et al., 2013), by the names of `torch.nn.utils`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..engine.public import public_names
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from .module import Module

Leaves = Module | Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Leaves, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Any:
    """Scale the gradients so that the norm of all together is at most `max_norm`; return the norm that they had.

    All are multiplied by min(1, max_norm / (norm + 1e-6)), in place. `norm_type` is the order, as 2, 1 or infinity.
    Raises RuntimeError, with nothing changed, for a norm that is not finite if `error_if_nonfinite`.

    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> float(clip_grad_norm_([w], 1.0)), w.grad.round(4)
    (10.0, array([0.6, 0.8]))
    """
    leaves = _with_gradients("clip_grad_norm_", parameters)
    if not (max_norm >= 0 and norm_type >= 0):
        raise ValueError(f"clip_grad_norm_: expected max_norm and norm_type >= 0, found {max_norm} and {norm_type}")
    norms = [_norm(p.grad, norm_type) for p in leaves if p.size]
    total = np.linalg.norm(np.stack(norms), norm_type) if norms else np.float32(0)
    if error_if_nonfinite and not assume(np.isfinite(total)):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {total}, which is not finite")
    factor = np.minimum(max_norm / (total + 1e-6), 1)
    for p in leaves:
        _change(p, lambda g, out: np.multiply(g, np.astype(factor, g.real.dtype), out=out))
    return total


def clip_grad_value_(parameters: Leaves, clip_value: float) -> None:
    """Bring every entry of the gradients into [-clip_value, clip_value], in place.

    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 7)
    >>> w.grad
    array([6., 7.])
    """
    leaves = _with_gradients("clip_grad_value_", parameters)
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value: expected a number >= 0, found {clip_value}")
    for p in leaves:
        _change(p, lambda g, out: np.clip(g, -clip_value, clip_value, out=out))


def _with_gradients(caller: str, parameters: Leaves) -> list[Tensor]:
    """The parameters that have a gradient."""
    if isinstance(parameters, Module):
        parameters = parameters.parameters()
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise TypeError(f"{caller}: parameter {i}: expected a tensor, found {type(p).__name__}")
    return [p for p in given if p.grad is not None]


def _norm(g: Any, order: float) -> Any:
    """The norm of an array, in float32 at least."""
    if g.dtype.itemsize < 4:
        g = g.astype(np.float32)
    return np.linalg.norm(g.reshape(-1), math.inf if order == math.inf else order)


def _change(p: Tensor, function: Any) -> None:
    """Change a gradient in place, or give a new one where it cannot be written."""
    g: Any = p.grad
    if getattr(getattr(g, "flags", None), "writeable", True):
        function(g, g)
    else:
        p.grad = function(g, None)


def __dir__() -> list[str]:
    return public_names(globals())

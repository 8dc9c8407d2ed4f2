"""What comes back: norms of cotangents, and along which axes one is summed because an operand served many elements."""

from __future__ import annotations

import math

import numpy as np

from ..engine.kinds import Elementwise
from ..engine.modes import setting
from ..engine.tape import SELECT, FreedGraphError, pullback, together
from ..engine.watchers import Watcher

# Operands of our own operations that every row of the output uses: the output's axes over which their gradient is
# summed. Axis 0 is the batch.
SHARED = {
    ("linear", "weight"): lambda ndim: range(ndim - 1),
    ("linear", "bias"): lambda ndim: range(ndim - 1),
    ("conv", "weight"): lambda ndim: (0, *range(2, ndim)),
}


def over_batch(row, operand: str) -> bool:
    """Whether axis 0 of the output is known to be the batch, which shares this operand."""
    return (row.name, operand) in SHARED and row.fun.__module__.startswith("tinygrad_np.")


def summed(node, slot: int, operand: str) -> tuple[tuple[int, int], ...]:
    """((axis, length), ...) of the output along which the gradient of operand `slot` is summed; empty if unknown.

    Exact for broadcasting, the matrix product and the operations of `SHARED`; nothing is claimed for others.
    """
    if node.op is SELECT or isinstance(node.dtype, (list, tuple)):
        return ()
    row, shape, operand_shape = node.op, node.shape, node.parents[slot].shape
    if over_batch(row, operand):
        axes = SHARED[row.name, operand](len(shape))
    elif row.fun is np.matmul and len(shape) >= 2 and len(operand_shape) >= 2:
        batch = broadcast_axes(operand_shape[:-2], shape[:-2])
        axes = (*batch, len(shape) - (2 if slot else 1))
    elif isinstance(row, Elementwise) or row.fun is np.broadcast_to:
        axes = broadcast_axes(operand_shape, shape)
    else:
        return ()
    return tuple((axis, shape[axis]) for axis in axes if shape[axis] != 1)


def broadcast_axes(small: tuple, large: tuple) -> tuple[int, ...]:
    """The axes of `large` along which an array of shape `small` is repeated."""
    lead = len(large) - len(small)
    return tuple(range(lead)) + tuple(lead + i for i, n in enumerate(small) if n == 1 and large[lead + i] != 1)


def norm(g) -> float:
    """The Euclidean norm of a gradient."""
    return float(np.linalg.norm(np.asarray(getattr(g, "array", g)).ravel()))


class Norms(Watcher):
    """Takes the norm of each cotangent that a pullback meets."""

    def __init__(self) -> None:
        self.found: dict[int, float] = {}

    def before(self, node, ct) -> None:
        parts = ct if isinstance(ct, tuple) else (ct,)
        self.found[id(node)] = math.hypot(*map(norm, parts))
        super().before(node, ct)


def cotangent_norms(outputs: list) -> dict[int, float]:
    """The norm of every node's cotangent, for a cotangent of ones of each output; a zero wins over infinity."""
    norms, tracked = Norms(), [out for out in outputs if out.node.tracked]
    try:
        with np.errstate(all="ignore"), setting(watch=norms):
            leaves = pullback(
                together(out.node for out in tracked), tuple(np.ones(out.shape, out.dtype) for out in tracked)
            )
    except FreedGraphError:
        raise ValueError(
            "graph: grads=True needs a graph that is not freed: call it before backward, or pass "
            "retain_graph=True to backward"
        ) from None
    return norms.found | {id(leaf): norm(g) for leaf, g in leaves.items()}

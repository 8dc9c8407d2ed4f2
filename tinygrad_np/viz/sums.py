"""Along which axes a gradient is summed because one operand served many elements: a bias, the whole batch."""

from __future__ import annotations

import numpy as np

from ..engine.kinds import Elementwise
from ..engine.tape import SELECT

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

"""Rows that integers name: embedding and one-hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.modes import no_grad
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from .arguments import array, whole_number

__all__ = ["embedding", "one_hot"]


def embedding(input: Any, weight: Any, padding_idx: Any = None, max_norm: Any = None, norm_type: float = 2.0,
              scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:  # fmt: skip
    """The rows of `weight` (number, dim) that integer `input` (...) names; gives (..., dim).

    The row `padding_idx` gets no gradient. `max_norm` first shortens the rows that are named, in place, to that norm.
    `scale_grad_by_freq` divides a row's gradient by how often it is named; `sparse` changes nothing here.

    >>> embedding(np.array([1, 1]), np.array([[0.0], [5.0]])).tolist()
    [[5.0], [5.0]]
    """
    rows, weight = np.asarray(input), array(weight)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"embedding: expected integer row numbers, found {rows.dtype}")
    if len(weight.shape) != 2:
        raise ValueError(f"embedding: found a weight of shape {weight.shape}; expected (number, dim)")
    if rows.size and not assume((rows.min() >= 0) & (rows.max() < weight.shape[0])):
        raise ValueError(
            f"embedding: found rows from {rows.min()} to {rows.max()}; expected 0 to {weight.shape[0] - 1}"
        )
    if max_norm is not None:
        _shorten(weight, rows, max_norm, norm_type)
    out = weight[rows]
    if scale_grad_by_freq:
        share = (1 / np.bincount(rows.ravel(), minlength=weight.shape[0])[rows])[..., None].astype(weight.dtype)
        out = array_of(out) + (out - array_of(out)) * share
    if padding_idx is not None:
        whole_number("embedding", "padding_idx", padding_idx, -weight.shape[0])
        out = np.where((rows == padding_idx % max(weight.shape[0], 1))[..., None], array_of(out), out)
    return out


def _shorten(weight, rows, max_norm: float, norm_type: float) -> None:
    """Scale the named rows that are longer than `max_norm`, in place."""
    with no_grad():
        values = weight.data if hasattr(weight, "_node") else weight
        norms = np.linalg.vector_norm(values, axis=1, ord=norm_type, keepdims=True)
        named = np.zeros(norms.shape, bool)
        named[rows.ravel()] = True
        values *= np.where(named & (norms > max_norm), max_norm / (norms + 1e-7), 1).astype(values.dtype)


def one_hot(input: Any, num_classes: int = -1) -> np.ndarray:
    """Integer labels of shape (...) as an array of 0 and 1 of shape (..., num_classes).

    >>> one_hot(np.array([1, 0]), 3)
    array([[0, 1, 0],
           [1, 0, 0]])
    """
    labels = np.asarray(input)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected integer labels, found {labels.dtype}")
    if num_classes == -1:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    num_classes = whole_number("one_hot", "num_classes", num_classes)
    if labels.size and not assume((labels.min() >= 0) & (labels.max() < num_classes)):
        raise ValueError(
            f"one_hot: found labels from {labels.min()} to {labels.max()}; expected 0 to {num_classes - 1}"
        )
    return (labels[..., None] == np.arange(num_classes)).astype(np.int64)

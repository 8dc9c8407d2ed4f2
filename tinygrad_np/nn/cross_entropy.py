"""Softmax, its logarithm and the losses of classification, each one operation, stable for logits of any size.

Sums along rows are products with ones: BLAS does them several times faster than a reduction.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from .arguments import AnyArray, along_axis, array, floating, how_reduced, in_single, probability
from .constants import identity, ones
from .linear import linear

__all__ = ["cross_entropy", "linear_cross_entropy", "log_softmax", "nll_loss", "softmax"]

# ---- softmax ----------------------------------------------------------------------------------------------


@along_axis
@in_single
def softmax(input: AnyArray, dim: int | None = -1, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / Σ exp(x) along axis `dim`, or `axis`, the last unless given; computed in `dtype` if given.

    >>> softmax(np.array([0.0, 0.0, -800.0]))
    array([0.5, 0.5, 0. ])
    """
    return _along("softmax", dim, _softmax, input, dtype)


@along_axis
@in_single
def log_softmax(input: AnyArray, dim: int | None = -1, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """x - log Σ exp(x) along axis `dim`, or `axis`, the last unless given; computed in `dtype` if given.

    >>> log_softmax(np.array([800.0, 0.0]))
    array([   0., -800.])
    """
    return _along("log_softmax", dim, _log_softmax, input, dtype)


def _along(name: str, dim: int | None, function, x, dtype):
    x = floating(name, x if dtype is None else np.real(array(x)).astype(dtype))
    dim, ndim = -1 if dim is None else dim, len(x.shape)
    if not isinstance(dim, int) or not -max(ndim, 1) <= dim < max(ndim, 1):
        raise ValueError(f"{name}: dim: found {dim!r}; expected an axis of an array of shape {x.shape}")
    if not ndim:
        return function(x[None])[0]
    if not x.shape[dim]:
        return x
    if dim in (-1, ndim - 1):
        return function(x)
    return np.moveaxis(function(np.moveaxis(x, dim, -1)), -1, dim)


def _row_sums(a):
    return np.dot(a, ones((a.shape[-1], 1), a.dtype))


def _shifted(x):
    """x minus its largest element a row, so that no exponential overflows and each row has one that is 1."""
    # The maximum of many short rows is vectorized down the columns of a copy that stores columns together.
    return x - np.maximum.reduce(x.copy("F") if x.shape[-1] < 64 else x, axis=-1, keepdims=True)


@primitive(name="softmax")
def _softmax(x):
    e = np.exp(_shifted(x))
    return np.divide(e, _row_sums(e), out=e)


@primitive(name="log_softmax")
def _log_softmax(x):
    z = _shifted(x)
    return z - np.log(_row_sums(np.exp(z)))


_softmax.defvjp(lambda ct, out: out * (ct - _row_sums(ct * out)), cases=[lambda f, A: f(A("m", 3))])
_log_softmax.defvjp(lambda ct, out: ct - np.exp(out) * _row_sums(ct), cases=[lambda f, A: f(A("m", 3))])


# ---- losses -----------------------------------------------------------------------------------------------


@in_single
def cross_entropy(input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: Any = -100,
                  reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:  # fmt: skip
    """-Σ q log softmax(x) over the classes, averaged: for logits x of shape (N, C), (C,) or (N, C, d1, ...).

    `target` holds class indices, shaped like `input` without its axis of classes, or probabilities q, shaped
    like `input`. `weight` has a number a class, and the mean over indices is weighted by it; targets equal to
    `ignore_index` do not count. `reduction` is "mean", "sum" or "none"; `label_smoothing` mixes q with the
    uniform distribution.

    >>> round(float(cross_entropy(np.array([[0.0, 800.0], [5.0, 5.0]]), np.array([0, 1]))), 4)
    400.3466
    """
    reduction = how_reduced("cross_entropy", size_average, reduce, reduction)
    x, shape = _classes_last("cross_entropy", input)
    target = array(target)
    if weight is not None:
        weight = _class_weights("cross_entropy", weight, x)
    if label_smoothing:
        probability("cross_entropy", "label_smoothing", label_smoothing)
    if target.dtype.kind == "f" and target.shape == np.shape(input):
        q, counted, count = _classes_last("cross_entropy", target)[0], None, len(x)
    else:
        labels, counted, row_weights = _labels("cross_entropy", target, shape, x, weight, ignore_index)
        if reduction == "none" and not label_smoothing:
            return _picked(_log_softmax(x), labels, row_weights).reshape(shape)
        count = len(x) if row_weights is None else row_weights.sum()
        if not label_smoothing:
            return _hard(x, labels, row_weights, _scale(reduction, count))
        q = (labels[:, None] == np.arange(x.shape[1])).astype(x.dtype)
    if label_smoothing:
        q = q * (1 - label_smoothing) + label_smoothing / x.shape[1]
    if weight is not None:
        q = q * weight
    if counted is not None:
        q = q * counted[:, None]
    if reduction == "none":
        return -(q * _log_softmax(x)).sum(axis=1).reshape(shape)
    return _soft(x, q, _scale(reduction, count))


@in_single
def nll_loss(input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: Any = -100,
             reduce: Any = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """-x[target] of log-probabilities x, averaged; shapes and arguments are those of `cross_entropy`.

    >>> nll_loss(np.log([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0]), reduction="none").round(4)
    array([0.2877, 0.6931])
    """
    reduction = how_reduced("nll_loss", size_average, reduce, reduction)
    x, shape = _classes_last("nll_loss", input)
    weight = None if weight is None else _class_weights("nll_loss", weight, x)
    labels, _, row_weights = _labels("nll_loss", array(target), shape, x, weight, ignore_index)
    losses = _picked(x, labels, row_weights)
    if reduction == "none":
        return losses.reshape(shape)
    return losses.sum() * _scale(reduction, len(x) if row_weights is None else row_weights.sum())


def linear_cross_entropy(input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None,
                         reduction: str = "mean", ignore_index: Any = None, label_smoothing: float = 0.0,
                         options: Any = None) -> Tensor:  # fmt: skip
    """`cross_entropy` of x Wᵀ + b, for x (N, in) and W (C, ..., in), or x (in,); `options` change nothing here.

    >>> linear_cross_entropy(np.eye(2), np.zeros((4, 2)), np.array([0, 3])).item()
    1.3862943611198906
    """
    classes = linear_weight.shape[:-1]
    matrix = linear_weight.reshape(-1, linear_weight.shape[-1])
    logits = linear(input, matrix, None if linear_bias is None else linear_bias.reshape(-1))
    logits = logits.reshape(*logits.shape[:-1], *classes)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(logits, target, weight, None, ignored, reduction=reduction, label_smoothing=label_smoothing)


def _hard_and_softmax(logits, labels, row_weights, scale):
    z = _shifted(logits)
    e = np.exp(z)
    sums = _row_sums(e)
    losses = np.log(sums)[:, 0] - z[np.arange(len(labels)), labels]
    loss = np.add.reduce(losses if row_weights is None else losses * row_weights) * scale
    return loss, np.divide(e, sums, out=e)


@primitive(name="cross_entropy")
def _hard(logits, labels, row_weights, scale):
    """scale · Σ -log softmax(logits)[labels], the sum weighted unless the weights are None."""
    return _hard_and_softmax(logits, labels, row_weights, scale)[0]


def _d_hard(ct, aux, labels, row_weights, scale):
    classes = aux.shape[1]
    if type(labels) is np.ndarray and classes <= 256:  # quicker than to compare; a recording fuses the comparison
        one_hot = identity(classes, aux.dtype).take(labels, axis=0)
    else:
        one_hot = labels[:, None] == np.arange(classes)
    d = (aux - one_hot) * (ct * scale)
    return d if row_weights is None else np.where(row_weights[:, None] == 0, 0, d * row_weights[:, None])


@primitive(name="cross_entropy")
def _soft(logits, q, scale):
    """Σ scale · -q log softmax(logits)."""
    return -(q * _log_softmax(logits)).sum() * scale


_hard.defvjp(
    _d_hard,
    aux=(_hard_and_softmax, lambda logits: _softmax(logits)),
    cases=[
        lambda f, A: f(A(3, 4), np.array([0, 2, 2]), None, 0.5),
        lambda f, A: f(A(2, 3), np.array([1, 0]), np.array([1, 3]), 1.0),
    ],
)
_soft.defvjp(
    # A row that does not count gets nothing, also where none counts and the mean is NaN.
    lambda ct, logits, q, scale: np.where(_row_sums(q) == 0, 0, ct * scale * (_softmax(logits) * _row_sums(q) - q)),
    lambda ct, logits, scale: -ct * scale * _log_softmax(logits),
    cases=[lambda f, A: f(A("m", 3), A("m", 3), 0.5)],
)


# ---- their arguments --------------------------------------------------------------------------------------

UNSIGNED = {n: np.dtype(f"u{n}") for n in (1, 2, 4, 8)}


def _classes_last(name: str, x: Any) -> tuple[Any, tuple[int, ...]]:
    """x as a matrix (rows, C), and the shape that a loss a row has in the caller's eyes."""
    x = floating(name, x)
    shape = x.shape
    if not shape or 0 in shape[1:2]:
        raise ValueError(f"{name}: found input of shape {shape}; expected (N, C), (C,) or (N, C, d1, ...), C > 0")
    if len(shape) == 2:
        return x, shape[:1]
    if len(shape) > 2:
        x = np.moveaxis(x, 1, -1)
    return x.reshape(-1, x.shape[-1]), x.shape[:-1]


def _class_weights(name: str, weight: Any, x: Any) -> np.ndarray:
    """The weights of the classes, in the dtype of the logits; they are data, so no gradient is lost unseen."""
    if getattr(weight, "requires_grad", False):
        raise TypeError(
            f"{name}: weight: found a tensor that requires a gradient, which is not given; pass weight.detach()"
        )
    weight = floating(f"{name}: weight", weight)
    if weight.shape != x.shape[1:]:
        raise ValueError(f"{name}: found weights of shape {weight.shape}; expected {x.shape[1:]}, one a class")
    return np.asarray(weight, x.dtype)


def _labels(name: str, target: Any, shape: tuple, x: Any, weight: np.ndarray | None, ignore_index: int):
    """(labels, which rows count, weights of the rows), in one dimension and checked; None where all are 1."""
    labels, classes = np.asarray(target), x.shape[1]
    if labels.dtype.kind not in "iu" or labels.shape != shape:
        raise ValueError(
            f"{name}: found a target of shape {labels.shape} {labels.dtype}; expected integer class "
            f"indices of shape {shape}"
            + (", or floating probabilities of the shape of the input" * (name == "cross_entropy"))
        )
    labels = labels if labels.ndim == 1 else labels.ravel()
    # Read as unsigned, a negative label is a huge one: one pass finds both kinds of stray.
    unsigned = labels.view(UNSIGNED[labels.dtype.itemsize])
    counted = None
    if 0 <= ignore_index < classes or not assume(np.maximum.reduce(unsigned, initial=0) < classes):
        counted = labels != ignore_index
        labels = np.where(counted, labels, 0)
        if labels.size and not assume((labels.min() >= 0) & (labels.max() < classes)):
            stray = labels[(labels < 0) | (labels >= classes)][0]
            raise ValueError(
                f"{name}: found the label {stray}; expected 0 to {classes - 1}"
                + (f" (or ignore_index={ignore_index})" if ignore_index >= 0 else "")
            )
        counted = counted.astype(x.dtype)
    if weight is None:
        return labels, counted, counted
    return labels, counted, weight[labels] if counted is None else weight[labels] * counted


def _picked(logp, labels, row_weights):
    losses = -logp[np.arange(len(labels)), labels]
    return losses if row_weights is None else np.where(row_weights == 0, 0, losses * row_weights)


def _scale(reduction: str, count):
    """What a sum of losses is multiplied by; the mean of none is NaN, as NumPy and PyTorch have it."""
    if reduction == "sum":
        return 1.0
    if isinstance(count, int):
        return 1 / count if count else math.nan
    return np.where(count == 0, math.nan, 1 / np.where(count == 0, 1, count))

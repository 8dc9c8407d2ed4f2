"""Losses of numbers, margins and distances: a formula for each, then the reduction that all share.

`reduction` is "mean", "sum" or "none"; `size_average` and `reduce` are PyTorch's old way to say it.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from .activations import logsigmoid
from .arguments import array, floating, how_reduced, in_single, numbers

if TYPE_CHECKING:
    Array = Tensor | np.ndarray


def _pair(name: str, x: Any, y: Any, broadcast: bool = False) -> tuple[Any, Any]:
    """x and y as numbers that may be subtracted; integers and booleans in y, such as labels, become numbers like x."""
    read = numbers if name == "l1_loss" else floating
    x, y = read(name, x), array(y)
    if x.shape != y.shape:
        if not broadcast:
            raise ValueError(f"{name}: input of shape {x.shape} and target of shape {y.shape}; expected one shape")
        warnings.warn(
            f"{name}: input of shape {x.shape} and target of shape {y.shape} are broadcast, which is seldom meant",
            stacklevel=4,
        )
    return x, y.astype(x.dtype) if y.dtype.kind in "iub" else read(name, y)


def _reduced(name, losses, size_average, reduce, reduction, weight=None):
    """The losses, weighted if there are weights, their sum or their mean, which is then the weighted one."""
    reduction = how_reduced(name, size_average, reduce, reduction)
    if weight is not None:
        if np.shape(weight) != losses.shape:
            raise ValueError(f"{name}: weight: found shape {np.shape(weight)}; expected {losses.shape}, as the losses")
        losses = losses * weight
        losses = losses * (math.prod(losses.shape) / np.sum(weight)) if reduction == "mean" else losses
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


# ---- differences ------------------------------------------------------------------------------------------


@in_single
def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None) -> Tensor:
    """(x - y)², weighted and reduced.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    2.0
    """
    x, y = _pair("mse_loss", input, target)
    return _reduced("mse_loss", np.square(x - y), size_average, reduce, reduction, weight)


@in_single
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None) -> Tensor:
    """|x - y|, weighted and reduced.

    >>> l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    1.0
    """
    x, y = _pair("l1_loss", input, target, broadcast=True)
    return _reduced("l1_loss", np.abs(x - y), size_average, reduce, reduction, weight)


@in_single
def huber_loss(
    input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None
) -> Tensor:
    """d² / 2 where d = |x - y| <= delta, delta (d - delta / 2) elsewhere (Huber, 1964), weighted and reduced.

    >>> huber_loss(np.array([1.0, 5.0]), np.zeros(2), reduction="none")
    array([0.5, 4.5])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta: expected a number greater than 0, found {delta!r}")
    x, y = _pair("huber_loss", input, target, broadcast=True)
    return _reduced("huber_loss", _huber(x - y, delta), None, None, reduction, weight)


@in_single
def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0) -> Tensor:
    """d² / (2 beta) where d = |x - y| < beta, d - beta / 2 elsewhere (Girshick, 2015).

    >>> smooth_l1_loss(np.array([1.0, 5.0]), np.zeros(2), reduction="none", beta=2.0)
    array([0.25, 4.  ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta: expected a number, 0 or more, found {beta!r}")
    x, y = _pair("smooth_l1_loss", input, target, broadcast=True)
    losses = _huber(x - y, beta) / beta if beta else np.abs(x - y)
    return _reduced("smooth_l1_loss", losses, size_average, reduce, reduction)


def _huber(d, delta: float):
    inner = np.clip(array_of(d), -delta, delta)
    return np.where(np.abs(array_of(d)) < delta, 0.5 * d * d, inner * d - 0.5 * delta * delta)


# ---- likelihoods ------------------------------------------------------------------------------------------


@in_single
def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean") -> Tensor:
    """-y log p - (1 - y) log(1 - p) of probabilities p and labels or probabilities y; a logarithm is at least -100.

    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([  0.6931, 100.    ])
    """
    p, y = _pair("binary_cross_entropy", input, target)
    if not assume(~((array_of(p) < 0) | (array_of(p) > 1)).any()):
        raise ValueError("binary_cross_entropy: expected probabilities, from 0 to 1; sigmoid makes them of logits")
    losses = -(y * _log(p) + (1 - y) * _log1m(p))
    losses = losses if weight is None else losses * weight
    return _reduced("binary_cross_entropy", losses, size_average, reduce, reduction)


@primitive(name="clamped_log")
def _log(p):
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100)


@primitive(name="clamped_log1m")
def _log1m(p):
    with np.errstate(divide="ignore"):
        return np.maximum(np.log1p(-p), -100)


_log.defvjp(lambda ct, p: ct / np.maximum(p, 1e-12), domain=(0.0, 1.0), cases=[lambda f, A: f(A("m"))])
_log1m.defvjp(lambda ct, p: -ct / np.maximum(1 - p, 1e-12), domain=(0.0, 1.0), cases=[lambda f, A: f(A("m"))])


@in_single
def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
) -> Tensor:
    """-y log σ(x) - (1 - y) log σ(-x) of logits x and labels or probabilities y, free of overflow for any x.

    `weight` multiplies each loss and `pos_weight` the terms of y; both broadcast against x.

    >>> round(binary_cross_entropy_with_logits(np.array([-800.0, 0.0]), np.array([0.0, 1.0])).item(), 4)
    0.3466
    """
    name = "binary_cross_entropy_with_logits"
    x, y = _pair(name, input, target)
    of_ones = np.logaddexp(-x, 0) * y  # not a difference, which would lose the small losses of what is right already
    losses = (of_ones if pos_weight is None else of_ones * pos_weight) + np.logaddexp(x, 0) * (1 - y)
    losses = losses if weight is None else losses * weight
    return _reduced(name, losses, size_average, reduce, reduction)


@in_single
def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False) -> Tensor:
    """q (log q - x) of log-probabilities x and probabilities q, or log q; "batchmean" sums and divides by N.

    >>> kl_div(np.log([0.5, 0.5]), np.array([1.0, 0.0]), reduction="sum").round(4).item()
    0.6931
    """
    x, y = floating("kl_div", input), floating("kl_div", target)
    reduction = how_reduced("kl_div", size_average, reduce, reduction, ("batchmean",))
    losses = np.exp(y) * (y - x) if log_target else _xlogy(y, y) - y * x
    if reduction == "batchmean":
        return losses.sum() / x.shape[0] if len(x.shape) else losses
    return _reduced("kl_div", losses, None, None, reduction)


def _xlogy(x, y):
    """x log y, 0 where x is 0."""
    return np.where(array_of(x) == 0, 0, x * np.log(np.where(array_of(x) == 0, 1, y)))


@in_single
def poisson_nll_loss(
    input, target, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction="mean"
) -> Tensor:
    """exp(x) - y x of the logarithm x of a rate and a count y, or x - y log(x + eps) unless `log_input`.

    `full` adds Stirling's approximation of log y! where y > 1.

    >>> poisson_nll_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0]), reduction="sum").round(4).item()
    3.7183
    """
    x, y = floating("poisson_nll_loss", input), floating("poisson_nll_loss", target)
    losses = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    if full:
        big = np.where(array_of(y) > 1, y, 1)
        stirling = big * np.log(big) - big + 0.5 * np.log(2 * math.pi * big)
        losses = losses + np.where(array_of(y) > 1, stirling, 0)
    return _reduced("poisson_nll_loss", losses, size_average, reduce, reduction)


@in_single
def gaussian_nll_loss(
    input: Array, target: Array, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log v + (x - y)² / v) / 2 of a mean x and a variance v, at least eps (Nix & Weigend, 1994).

    `var` is shaped like x, with or without a last axis of length 1, or is one number; `full` adds log(2π) / 2.

    >>> gaussian_nll_loss(np.array([1.0]), np.array([3.0]), np.array([4.0])).round(4).item()
    1.1931
    """
    x, y = floating("gaussian_nll_loss", input), floating("gaussian_nll_loss", target)
    var = np.full(x.shape, var, x.dtype) if isinstance(var, (int, float)) else floating("gaussian_nll_loss", var)
    if var.shape != x.shape and var.shape == x.shape[:-1]:
        var = var[..., None]
    elif var.shape not in (x.shape, (*x.shape[:-1], 1)):
        raise ValueError(f"gaussian_nll_loss: var: found shape {var.shape}; expected {x.shape} or {x.shape[:-1]}")
    if not assume((array_of(var) >= 0).all()):
        raise ValueError("gaussian_nll_loss: var: expected variances, 0 or more, found a negative one")
    var = var + np.maximum(eps - array_of(var), 0)  # at least eps; its gradient is that of the larger one
    losses = 0.5 * (np.log(var) + np.square(x - y) / var) + (0.5 * math.log(2 * math.pi) if full else 0)
    return _reduced("gaussian_nll_loss", losses, None, None, reduction)


# ---- margins ----------------------------------------------------------------------------------------------


def _hinge(x):
    """max(x, 0), whose derivative at 0 is 1, as PyTorch's clamp_min has it."""
    return np.where(array_of(x) < 0, 0, x)


@in_single
def soft_margin_loss(
    input: Array, target: Array, size_average: Any = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-y x)) for labels y of -1 and 1.

    >>> soft_margin_loss(np.array([0.0, 800.0]), np.array([1, 1]), reduction="none").round(4)
    array([0.6931, 0.    ])
    """
    x, y = _pair("soft_margin_loss", input, target)
    return _reduced("soft_margin_loss", np.logaddexp(-y * x, 0), size_average, reduce, reduction)


@in_single
def margin_ranking_loss(input1, input2, target, margin=0.0, size_average=None, reduce=None, reduction="mean") -> Tensor:
    """max(-y (x1 - x2) + margin, 0): where y is 1 x1 should be larger, where it is -1 x2.

    >>> margin_ranking_loss(np.array([1.0, 1.0]), np.array([0.0, 3.0]), np.array([1, 1]), reduction="none")
    array([0., 2.])
    """
    x1, x2 = floating("margin_ranking_loss", input1), floating("margin_ranking_loss", input2)
    losses = _hinge(-array(target) * (x1 - x2) + margin)
    return _reduced("margin_ranking_loss", losses, size_average, reduce, reduction)


@in_single
def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean") -> Tensor:
    """x where y is 1, max(margin - x, 0) where it is -1.

    >>> hinge_embedding_loss(np.array([2.0, 0.25]), np.array([1, -1]), reduction="none")
    array([2.  , 0.75])
    """
    x, y = floating("hinge_embedding_loss", input), array(target)
    losses = np.where(y != 1, _hinge(margin - x), 0) + np.where(y != -1, x, 0)
    return _reduced("hinge_embedding_loss", losses, size_average, reduce, reduction)


@in_single
def multi_margin_loss(
    input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"
) -> Tensor:
    """Σ max(margin - x[y] + x[i], 0)ᵖ / C over the other classes, weighted by that of class y; x is (N, C) or (C,).

    >>> multi_margin_loss(np.array([[0.5, 1.0]]), np.array([0])).item()
    0.75
    """
    x, labels = floating("multi_margin_loss", input), np.atleast_1d(array(target))
    x = x if len(x.shape) else x[None]
    if len(x.shape) not in (1, 2) or labels.shape != (np.shape(x)[0] if len(x.shape) == 2 else 1,):
        raise ValueError(f"multi_margin_loss: found shapes {x.shape} and {labels.shape}; expected (N, C) and (N,)")
    rows = x if len(x.shape) == 2 else x[None]
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p: expected 1 or 2, found {p!r}")
    _classes("multi_margin_loss", labels, 0, rows.shape[1])
    own = labels[:, None] == np.arange(rows.shape[1])
    terms = _hinge(margin - np.take_along_axis(rows, labels[:, None], 1) + rows) ** p
    terms = terms if weight is None else terms * weight[labels][:, None]
    losses = np.where(own, 0, terms).sum(axis=1) / rows.shape[1]
    losses = losses if len(x.shape) == 2 else losses[0]
    return _reduced("multi_margin_loss", losses, size_average, reduce, reduction)


@in_single
def multilabel_margin_loss(
    input: Array, target: Array, size_average: Any = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """Σ max(1 - x[y] + x[i], 0) / C over the labels y of a row, up to the first -1, and the classes i that are none.

    >>> multilabel_margin_loss(np.array([0.1, 0.2, 0.4, 0.8]), np.array([3, 0, -1, 1])).round(4).item()
    0.85
    """
    x, labels = floating("multilabel_margin_loss", input), array(target)
    if x.shape != labels.shape or len(x.shape) > 2:
        raise ValueError(f"multilabel_margin_loss: found shapes {x.shape} and {labels.shape}; expected (N, C) twice")
    _classes("multilabel_margin_loss", labels, -1, max(x.shape[-1] if len(x.shape) else 1, 1))
    rows = x.reshape(-1, x.shape[-1]) if len(x.shape) else x.reshape(1, 1)
    labels = labels.reshape(rows.shape)
    named = np.cumsum(labels < 0, axis=1) == 0
    places = np.where(named, labels, 0)
    mine = ((places[:, :, None] == np.arange(rows.shape[1])) & named[:, :, None]).any(axis=1)
    terms = _hinge(1 - np.take_along_axis(rows, places, 1)[:, :, None] + rows[:, None, :])
    losses = np.where(named[:, :, None] & ~mine[:, None, :], terms, 0).sum(axis=(1, 2)) / rows.shape[1]
    losses = losses if len(x.shape) == 2 else losses[0]
    return _reduced("multilabel_margin_loss", losses, size_average, reduce, reduction)


def _classes(name: str, labels, least: int, classes: int) -> None:
    """Refuse labels that name no class."""
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer class indices, found {labels.dtype}")
    if math.prod(labels.shape) and not assume((labels.min() >= least) & (labels.max() < classes)):
        raise ValueError(
            f"{name}: found labels from {labels.min()} to {labels.max()}; expected {least} to {classes - 1}"
        )


@in_single
def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean") -> Tensor:
    """-y log σ(x) - (1 - y) log σ(-x), weighted, its mean over the classes, which are the last axis.

    >>> multilabel_soft_margin_loss(np.zeros((1, 2)), np.array([[0, 1]])).round(4).item()
    0.6931
    """
    x, y = _pair("multilabel_soft_margin_loss", input, target)
    losses = -(y * logsigmoid(x) + (1 - y) * logsigmoid(-x))
    losses = (losses if weight is None else losses * weight).mean(axis=-1)
    return _reduced("multilabel_soft_margin_loss", losses, size_average, reduce, reduction)


# ---- distances --------------------------------------------------------------------------------------------


@in_single
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (|x1| |x2|) along axis `dim`, each norm at least eps.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).round(4)
    array([0.7071])
    """
    x, y = np.broadcast_arrays(floating("cosine_similarity", x1), floating("cosine_similarity", x2))
    return (x / _at_least(_norm(x, 2, dim), eps) * (y / _at_least(_norm(y, 2, dim), eps))).sum(axis=dim)


def _norm(x, p: float, axis: int, keepdims: bool = True):
    if not len(x.shape):
        return np.abs(x)
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=p)


def _at_least(x, eps: float):
    return np.where(array_of(x) < eps, eps, x)


@in_single
def normalize(input: Array, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
    """x divided by its p-norm along axis `dim`, which is at least eps.

    >>> normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    x = numbers("normalize", input)
    result = x / _at_least(_norm(x, p, dim), eps)
    if out is not None:
        out[...] = result
        return out
    return result


@in_single
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis.

    >>> pairwise_distance(np.array([[3.0, 4.0]]), np.zeros((1, 2))).round(4)
    array([5.])
    """
    return _norm(numbers("pairwise_distance", x1) - numbers("pairwise_distance", x2) + eps, p, -1, keepdim)


@in_single
def pdist(input: Array, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all pairs of rows of (N, M): those of row 0, then of row 1, and so on.

    >>> pdist(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).round(4)
    array([5.    , 1.    , 4.2426])
    """
    x = floating("pdist", input)
    if len(x.shape) != 2:
        raise ValueError(f"pdist: found shape {x.shape}; expected (N, M)")
    i, j = np.triu_indices(x.shape[0], 1)
    return _norm(x[i] - x[j], p, -1, keepdims=False)


@in_single
def cosine_embedding_loss(
    input1, input2, target, margin=0.0, size_average=None, reduce=None, reduction="mean"
) -> Tensor:
    """1 - cos(x1, x2) where y is 1, max(cos(x1, x2) - margin, 0) where it is -1; x1 and x2 are (N, D) or (D,).

    >>> cosine_embedding_loss(np.eye(2), np.ones((2, 2)), np.array([1, -1]), reduction="none").round(4)
    array([0.2929, 0.7071])
    """
    x, y, target = floating("cosine_embedding_loss", input1), floating("cosine_embedding_loss", input2), array(target)
    if len(x.shape) not in (1, 2) or len(target.shape) != len(x.shape) - 1:
        raise ValueError(
            f"cosine_embedding_loss: found shapes {x.shape}, {y.shape} and {target.shape}; expected (N, D) twice, (N,)"
        )
    eps = 1e-12  # PyTorch's own here
    cos = (x * y).sum(axis=-1) / np.sqrt(((x * x).sum(axis=-1) + eps) * ((y * y).sum(axis=-1) + eps))
    losses = np.where(target == 1, 1 - cos, 0) + np.where(target == -1, _hinge(cos - margin), 0)
    return _reduced("cosine_embedding_loss", losses, size_average, reduce, reduction)


@in_single
def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2.0,
    eps=1e-06,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
) -> Tensor:
    """max(d(a, p) - d(a, n) + margin, 0), d the p-norm; with `swap` d(p, n) counts where that is less than d(a, n).

    >>> triplet_margin_loss(np.zeros((1, 1)), np.ones((1, 1)), np.full((1, 1), 1.5)).round(4).item()
    0.5
    """
    return _triplet(
        "triplet_margin_loss",
        anchor,
        positive,
        negative,
        lambda x, y: pairwise_distance(x, y, p, eps),
        margin,
        swap,
        how_reduced("triplet_margin_loss", size_average, reduce, reduction),
    )


def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
) -> Tensor:
    """`triplet_margin_loss` with a distance of your own, `pairwise_distance` unless given.

    >>> x, d = np.ones((1, 2)), lambda x, y: abs(x - y).sum(axis=-1)
    >>> triplet_margin_with_distance_loss(0 * x, x, x, distance_function=d).item()
    1.0
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin: expected a number greater than 0, found {margin}")
    return _triplet(
        "triplet_margin_with_distance_loss",
        anchor,
        positive,
        negative,
        distance_function or pairwise_distance,
        margin,
        swap,
        reduction,
    )


def _triplet(name: str, anchor, positive, negative, distance, margin: float, swap: bool, reduction: str):
    a, p, n = (numbers(name, x) for x in (anchor, positive, negative))
    near, far = distance(a, p), distance(a, n)
    if swap:
        far = np.minimum(far, distance(p, n))
    return _reduced(name, _hinge(near - far + margin), None, None, reduction)

"""Losses of numbers, margins and distances: a formula for each; what it is given, and the reduction, all share.

`reduction` is "mean", "sum" or "none"; `size_average` and `reduce` are PyTorch's old way to say it.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import assume
from .activations import logsigmoid
from .arguments import AnyArray, along_axis, array, floating, how_reduced, in_single, numbers

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cosine_similarity",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "normalize", "pairwise_distance",
    "pdist", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss"]  # fmt: skip


def loss(read: Callable[..., Any], inputs: int = 2, weighted: bool = False) -> Callable[[Callable], Callable]:
    """Decorate a formula: its first `inputs` arguments are `read`, and the losses that it gives are reduced.

    If `weighted`, they are multiplied by `weight` first, and the mean is the weighted one.
    """

    def decorate(formula: Callable) -> Callable:
        name, parameters = formula.__name__, inspect.signature(formula).parameters
        places = [what for what, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]

        @wraps(formula)
        def call(*args, **kwargs):
            options = dict(zip(places, args)) | kwargs
            if len(args) > len(places) or any(what not in options for what in places[:inputs]):
                return formula(*args, **kwargs)  # Python says what is wrong
            values = read(name, *(options.pop(what) for what in places[:inputs]))
            weight = options.pop("weight", None) if weighted else None
            how = (options.pop(what, usual) for what, usual in REDUCED_BY.items())
            reduction = how_reduced(name, *how, ("batchmean",) if name == "kl_div" else ())
            losses = formula(*values, **options)
            if weight is not None:
                if np.shape(weight) != losses.shape:
                    raise ValueError(
                        f"{name}: weight: found shape {np.shape(weight)}; expected {losses.shape}, as the losses"
                    )
                losses = losses * weight
                losses = losses * (math.prod(losses.shape) / np.sum(weight)) if reduction == "mean" else losses
            if reduction == "batchmean":
                return losses.sum() / values[0].shape[0] if len(values[0].shape) else losses
            return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses

        return in_single(call)

    return decorate


REDUCED_BY = {"size_average": None, "reduce": None, "reduction": "mean"}


def pair(name: str, x: Any, y: Any, read: Callable = floating, broadcast: bool = False) -> tuple[Any, Any]:
    """x and y as numbers that may be subtracted; integers and booleans in y, such as labels, become numbers like x."""
    x, y = read(name, x), array(y)
    if x.shape != y.shape:
        if not broadcast:
            raise ValueError(f"{name}: input of shape {x.shape} and target of shape {y.shape}; expected one shape")
        warnings.warn(
            f"{name}: input of shape {x.shape} and target of shape {y.shape} are broadcast, which is seldom meant",
            stacklevel=4,
        )
    return x, y.astype(x.dtype) if y.dtype.kind in "iub" else read(name, y)


def each(*readers: Callable[[str, Any], Any]) -> Callable[..., list]:
    """Arguments read one by one."""
    return lambda name, *given: [read(name, x) for read, x in zip(readers, given, strict=True)]


def labels(name: str, y: Any) -> Any:
    """Labels as they are."""
    return array(y, name)


# ---- differences ------------------------------------------------------------------------------------------


@loss(pair, weighted=True)
def mse_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", weight: Any = None
) -> Tensor:
    """(x - y)², weighted and reduced.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    2.0
    """
    return np.square(input - target)


@loss(partial(pair, read=numbers, broadcast=True), weighted=True)
def l1_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", weight: Any = None
) -> Tensor:
    """|x - y|, weighted and reduced.

    >>> l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    1.0
    """
    return np.abs(input - target)


@loss(partial(pair, broadcast=True), weighted=True)
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """d² / 2 where d = |x - y| <= delta, delta (d - delta / 2) elsewhere (Huber, 1964), weighted and reduced.

    >>> huber_loss(np.array([1.0, 5.0]), np.zeros(2), reduction="none")
    array([0.5, 4.5])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta: expected a number greater than 0, found {delta!r}")
    d = input - target
    inner = np.clip(array_of(d), -delta, delta)
    return np.where(np.abs(array_of(d)) < delta, 0.5 * d * d, inner * d - 0.5 * delta * delta)


@loss(partial(pair, broadcast=True))
def smooth_l1_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """d² / (2 beta) where d = |x - y| < beta, d - beta / 2 elsewhere (Girshick, 2015).

    >>> smooth_l1_loss(np.array([1.0, 5.0]), np.zeros(2), reduction="none", beta=2.0)
    array([0.25, 4.  ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta: expected a number, 0 or more, found {beta!r}")
    return huber_loss(input, target, "none", beta) / beta if beta else np.abs(input - target)


# ---- likelihoods ------------------------------------------------------------------------------------------


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


@loss(pair)
def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """-y log p - (1 - y) log(1 - p) of probabilities p and labels or probabilities y; a logarithm is at least -100.

    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([  0.6931, 100.    ])
    """
    if not assume(~((array_of(input) < 0) | (array_of(input) > 1)).any()):
        raise ValueError("binary_cross_entropy: expected probabilities, from 0 to 1; sigmoid makes them of logits")
    losses = -(target * _log(input) + (1 - target) * _log1m(input))
    return losses if weight is None else losses * weight


@loss(pair)
def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                                     reduce: Any = None, reduction: str = "mean",
                                     pos_weight: Any = None) -> Tensor:  # fmt: skip
    """-y log σ(x) - (1 - y) log σ(-x) of logits x and labels or probabilities y, free of overflow for any x.

    `weight` multiplies each loss and `pos_weight` the terms of y; both broadcast against x.

    >>> round(binary_cross_entropy_with_logits(np.array([-800.0, 0.0]), np.array([0.0, 1.0])).item(), 4)
    0.3466
    """
    of_ones = np.logaddexp(-input, 0) * target  # no difference, which would lose the small losses of what is right
    of_ones = of_ones if pos_weight is None else of_ones * pos_weight
    losses = of_ones + np.logaddexp(input, 0) * (1 - target)
    return losses if weight is None else losses * weight


@loss(each(floating, floating))
def kl_div(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
           log_target: Any = False) -> Tensor:  # fmt: skip
    """q (log q - x) of log-probabilities x and probabilities q, or log q; "batchmean" sums and divides by N.

    >>> kl_div(np.log([0.5, 0.5]), np.array([1.0, 0.0]), reduction="sum").round(4).item()
    0.6931
    """
    if log_target:
        return np.exp(target) * (target - input)
    none = array_of(target) == 0  # and 0 log 0 is 0
    return np.where(none, 0, target * np.log(np.where(none, 1, target))) - target * input


@loss(each(floating, floating))
def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: Any = None,
                     eps: float = 1e-08, reduce: Any = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """exp(x) - y x of the logarithm x of a rate and a count y, or x - y log(x + eps) unless `log_input`.

    `full` adds Stirling's approximation of log y! where y > 1.

    >>> poisson_nll_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0]), reduction="sum").round(4).item()
    3.7183
    """
    losses = np.exp(input) - target * input if log_input else input - target * np.log(input + eps)
    if not full:
        return losses
    big = np.where(array_of(target) > 1, target, 1)
    stirling = big * np.log(big) - big + 0.5 * np.log(2 * math.pi * big)
    return losses + np.where(array_of(target) > 1, stirling, 0)


@loss(each(floating, floating))
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log v + (x - y)² / v) / 2 of a mean x and a variance v, at least eps (Nix & Weigend, 1994).

    `var` is one number, or of a shape that broadcasts to that of x, or has it but for the last axis; `full` adds
    log(2π) / 2.

    >>> gaussian_nll_loss(np.array([1.0]), np.array([3.0]), np.array([4.0])).round(4).item()
    1.1931
    """
    var = np.full(input.shape, var, input.dtype) if isinstance(var, (int, float)) else var
    var = floating("gaussian_nll_loss", var)
    if var.shape != input.shape and var.shape == input.shape[:-1]:
        var = var[..., None]
    elif len(var.shape) != len(input.shape) or any(v not in (1, n) for v, n in zip(var.shape, input.shape)):
        found = f"found shape {var.shape}; expected {input.shape} or {input.shape[:-1]}"
        raise ValueError(f"gaussian_nll_loss: var: {found}")
    if not assume((array_of(var) >= 0).all()):
        raise ValueError("gaussian_nll_loss: var: expected variances, 0 or more, found a negative one")
    var = var + np.maximum(eps - array_of(var), 0)  # at least eps; its gradient is that of the larger one
    return 0.5 * (np.log(var) + np.square(input - target) / var) + (0.5 * math.log(2 * math.pi) if full else 0)


# ---- margins ----------------------------------------------------------------------------------------------


def _hinge(x):
    """max(x, 0), whose derivative at 0 is 1, as PyTorch's clamp_min has it."""
    return np.where(array_of(x) < 0, 0, x)


@loss(pair)
def soft_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-y x)) for labels y of -1 and 1.

    >>> soft_margin_loss(np.array([0.0, 800.0]), np.array([1, 1]), reduction="none").round(4)
    array([0.6931, 0.    ])
    """
    return np.logaddexp(-target * input, 0)


@loss(each(floating, floating, labels), 3)
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: Any = None,
                        reduce: Any = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """max(-y (x1 - x2) + margin, 0): where y is 1 x1 should be larger, where it is -1 x2.

    >>> margin_ranking_loss(np.array([1.0, 1.0]), np.array([0.0, 3.0]), np.array([1, 1]), reduction="none")
    array([0., 2.])
    """
    return _hinge(-target * (input1 - input2) + margin)


@loss(each(floating, labels))
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """x where y is 1, max(margin - x, 0) where it is -1.

    >>> hinge_embedding_loss(np.array([2.0, 0.25]), np.array([1, -1]), reduction="none")
    array([2.  , 0.75])
    """
    losses: Any = np.where(target != 1, _hinge(margin - input), 0) + np.where(target != -1, input, 0)
    return losses


def _rows_and_labels(name: str, x, y, least: int):
    """x as a matrix (N, C), and the labels, which are checked."""
    if y.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer class indices, found {y.dtype}")
    rows = x.reshape(-1, x.shape[-1]) if len(x.shape) else x.reshape(1, 1)
    classes = rows.shape[1] if least == 0 else max(rows.shape[1], 1)
    if math.prod(y.shape) and not assume((y.min() >= least) & (y.max() < classes)):
        raise ValueError(f"{name}: found labels from {y.min()} to {y.max()}; expected {least} to {classes - 1}")
    return rows, y


@loss(each(floating, labels))
def multi_margin_loss(input: Any, target: Any, p: Any = 1, margin: float = 1.0, weight: Any = None,
                      size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """Σ max(margin - x[y] + x[i], 0)ᵖ / C over the other classes, weighted by that of class y; x is (N, C) or (C,).

    >>> multi_margin_loss(np.array([[0.5, 1.0]]), np.array([0])).item()
    0.75
    """
    y, batch = np.atleast_1d(target), len(input.shape) == 2
    if len(input.shape) > 2 or y.shape != (input.shape[0] if batch else 1,):
        raise ValueError(f"multi_margin_loss: found shapes {input.shape} and {y.shape}; expected (N, C) and (N,)")
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p: expected 1 or 2, found {p!r}")
    rows, y = _rows_and_labels("multi_margin_loss", input, y, 0)
    terms = _hinge(margin - np.take_along_axis(rows, y[:, None], 1) + rows) ** p
    terms = terms if weight is None else terms * weight[y][:, None]
    losses = np.where(y[:, None] == np.arange(rows.shape[1]), 0, terms).sum(axis=1) / rows.shape[1]
    return losses if batch else losses[0]


@loss(each(floating, labels))
def multilabel_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Σ max(1 - x[y] + x[i], 0) / C over the labels y of a row, up to the first -1, and the classes i that are none.

    >>> multilabel_margin_loss(np.array([0.1, 0.2, 0.4, 0.8]), np.array([3, 0, -1, 1])).round(4).item()
    0.85
    """
    if input.shape != target.shape or len(input.shape) > 2:
        raise ValueError(
            f"multilabel_margin_loss: found shapes {input.shape} and {target.shape}; expected (N, C) twice"
        )
    rows, y = _rows_and_labels("multilabel_margin_loss", input, target, -1)
    y = y.reshape(rows.shape)
    named = np.cumsum(y < 0, axis=1) == 0
    places = np.where(named, y, 0)
    mine = ((places[:, :, None] == np.arange(rows.shape[1])) & named[:, :, None]).any(axis=1)
    terms = _hinge(1 - np.take_along_axis(rows, places, 1)[:, :, None] + rows[:, None, :])
    losses = np.where(named[:, :, None] & ~mine[:, None, :], terms, 0).sum(axis=(1, 2)) / rows.shape[1]
    return losses if len(input.shape) == 2 else losses[0]


@loss(pair)
def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """-y log σ(x) - (1 - y) log σ(-x), weighted, its mean over the classes, which are the last axis.

    >>> multilabel_soft_margin_loss(np.zeros((1, 2)), np.array([[0, 1]])).round(4).item()
    0.6931
    """
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return (losses if weight is None else losses * weight).mean(axis=-1)


# ---- distances --------------------------------------------------------------------------------------------


@along_axis
@in_single
def cosine_similarity(x1: AnyArray, x2: AnyArray, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (|x1| |x2|) along axis `dim`, each norm at least eps.

    A norm that eps replaces is a constant to the gradient; in PyTorch the gradient goes through it all the same.

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


@along_axis
@in_single
def normalize(input: AnyArray, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
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
def pairwise_distance(x1: AnyArray, x2: AnyArray, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis.

    >>> pairwise_distance(np.array([[3.0, 4.0]]), np.zeros((1, 2))).round(4)
    array([5.])
    """
    return _norm(numbers("pairwise_distance", x1) - numbers("pairwise_distance", x2) + eps, p, -1, keepdim)


@in_single
def pdist(input: AnyArray, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all pairs of rows of (N, M): those of row 0, then of row 1, and so on.

    >>> pdist(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).round(4)
    array([5.    , 1.    , 4.2426])
    """
    x = floating("pdist", input)
    if len(x.shape) != 2:
        raise ValueError(f"pdist: found shape {x.shape}; expected (N, M)")
    i, j = np.triu_indices(x.shape[0], 1)
    return _norm(x[i] - x[j], p, -1, keepdims=False)


@loss(each(floating, floating, labels), 3)
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: Any = None,
                          reduce: Any = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """1 - cos(x1, x2) where y is 1, max(cos(x1, x2) - margin, 0) where it is -1; x1 and x2 are (N, D) or (D,).

    >>> cosine_embedding_loss(np.eye(2), np.ones((2, 2)), np.array([1, -1]), reduction="none").round(4)
    array([0.2929, 0.7071])
    """
    x, y, eps = input1, input2, 1e-12  # PyTorch's own here
    if len(x.shape) not in (1, 2) or len(target.shape) != len(x.shape) - 1:
        found = f"found shapes {x.shape}, {y.shape} and {target.shape}"
        raise ValueError(f"cosine_embedding_loss: {found}; expected (N, D) twice, (N,)")
    cos = (x * y).sum(axis=-1) / np.sqrt(((x * x).sum(axis=-1) + eps) * ((y * y).sum(axis=-1) + eps))
    losses: Any = np.where(target == 1, 1 - cos, 0) + np.where(target == -1, _hinge(cos - margin), 0)
    return losses


@loss(each(numbers, numbers, numbers), 3)
def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0,
                        eps: float = 1e-06, swap: bool = False, size_average: Any = None, reduce: Any = None,
                        reduction: str = "mean") -> Tensor:  # fmt: skip
    """max(d(a, p) - d(a, n) + margin, 0), d the p-norm; with `swap` d(p, n) counts where that is less than d(a, n).

    >>> triplet_margin_loss(np.zeros((1, 1)), np.ones((1, 1)), np.full((1, 1), 1.5)).round(4).item()
    0.5
    """
    return _triplet(anchor, positive, negative, partial(pairwise_distance, p=p, eps=eps), margin, swap)


@loss(each(numbers, numbers, numbers), 3)
def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *, distance_function: Any = None,
                                      margin: float = 1.0, swap: bool = False,
                                      reduction: str = "mean") -> Tensor:  # fmt: skip
    """`triplet_margin_loss` with a distance of your own, `pairwise_distance` unless given.

    >>> x, d = np.ones((1, 2)), lambda x, y: abs(x - y).sum(axis=-1)
    >>> triplet_margin_with_distance_loss(0 * x, x, x, distance_function=d).item()
    1.0
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin: expected a number greater than 0, found {margin}")
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap)


def _triplet(anchor, positive, negative, distance: Callable, margin: float, swap: bool):
    near, far = distance(anchor, positive), distance(anchor, negative)
    return _hinge(near - (np.minimum(far, distance(positive, negative)) if swap else far) + margin)

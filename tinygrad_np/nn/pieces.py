"""A formula of numbers a piece of memory at a time, so that each step finds in the cache what the last one wrote."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..engine.tracing import whole
from .erf import PIECE, erf


def in_pieces(formula: Callable[..., None], *arrays: np.ndarray, results: int = 1) -> tuple[np.ndarray, ...]:
    """`results` new arrays, which `formula(*pieces, *pieces of the results, scratch)` fills: each step gives its `out`.

    The arrays are of one shape and dtype; the results lie in memory as the first of them.

    >>> def half(x, out, scratch):
    ...     np.multiply(x, 0.5, out=out)
    >>> in_pieces(half, np.arange(3.0))
    (array([0. , 0.5, 1. ]),)
    """
    first = arrays[0]
    made = [np.empty_like(first) for _ in range(results)]
    if first.size <= PIECE:
        formula(*arrays, *made, np.empty_like(first))
        return tuple(made)
    order = sorted(range(first.ndim), key=lambda axis: -made[0].strides[axis])
    flat = [a.transpose(order).reshape(-1) for a in (*arrays, *made)]
    scratch = np.empty(PIECE, first.dtype)
    for start in range(0, first.size, PIECE):
        pieces = [a[start : start + PIECE] for a in flat]
        formula(*pieces, scratch[: len(pieces[0])])
    return tuple(made)


# ---- the formulas: of what an activation gives and keeps, and of its cotangent -------------------------------


def _logistic(x, out, scratch) -> None:
    """1 / (1 + e⁻ˣ) with the digits of both tails."""
    np.exp(np.copysign(x, -1, out=out), out=out)
    np.maximum(out, x >= 0, out=scratch)  # what is divided: e⁻ˣ at most 1, or 1
    np.add(out, 1, out=out)
    np.divide(scratch, out, out=out)


@whole
def sigmoid_and_rest(x):
    """σ(x) and 1 - σ(x) = σ(-x), each with the digits of both tails, by one exponential."""

    def formula(x, out, rest, scratch):
        np.exp(np.copysign(x, -1, out=rest), out=rest)
        np.maximum(rest, x >= 0, out=out)
        np.add(rest, 1, out=scratch)
        np.maximum(rest, x <= 0, out=rest)
        np.divide(out, scratch, out=out)
        np.divide(rest, scratch, out=rest)

    return in_pieces(formula, x, results=2)


@whole
def d_sigmoid(ct, out_of_x, rest):
    """ct · σ (1 - σ)."""

    def formula(ct, sigmoid, rest, out, scratch):
        np.multiply(np.multiply(ct, sigmoid, out=out), rest, out=out)

    return in_pieces(formula, ct, out_of_x, rest)[0]


@whole
def silu_and_sigmoid(x):
    """x σ(x) and σ(x)."""

    def formula(x, out, sigmoid, scratch):
        _logistic(x, sigmoid, scratch)
        np.multiply(x, sigmoid, out=out)

    return in_pieces(formula, x, results=2)


@whole
def d_silu(ct, x, sigmoid):
    """ct · σ (1 + x (1 - σ))."""

    def formula(ct, x, sigmoid, out, scratch):
        np.subtract(1, sigmoid, out=out)
        np.multiply(out, x, out=out)
        np.add(out, 1, out=out)
        np.multiply(out, sigmoid, out=out)
        np.multiply(out, ct, out=out)

    return in_pieces(formula, ct, x, sigmoid)[0]


@whole
def gelu_and_cdf(x):
    """x Φ(x) and Φ(x)."""

    def formula(x, out, cdf, scratch):
        np.add(erf(np.multiply(x, math.sqrt(0.5), out=scratch)), 1, out=cdf)
        np.multiply(cdf, 0.5, out=cdf)
        np.multiply(x, cdf, out=out)

    return in_pieces(formula, x, results=2)


@whole
def d_gelu(ct, x, cdf):
    """ct · (Φ + x exp(-x²/2) / √2π)."""

    def formula(ct, x, cdf, out, scratch):
        np.multiply(np.multiply(x, x, out=out), -0.5, out=out)
        np.multiply(np.exp(out, out=out), 1 / math.sqrt(2 * math.pi), out=out)
        np.add(np.multiply(out, x, out=out), cdf, out=out)
        np.multiply(out, ct, out=out)

    return in_pieces(formula, ct, x, cdf)[0]


@whole
def elu_in_pieces(x, alpha: float, scale: float):
    """max(x, 0) + alpha (exp(scale · min(x, 0)) - 1): the difference is 2 t / (1 - t), and tanh quicker than expm1."""

    def formula(x, out, scratch):
        np.multiply(np.minimum(x, 0, out=out), 0.5 * scale, out=out)
        np.tanh(out, out=out)
        np.subtract(1, out, out=scratch)
        np.divide(out, scratch, out=out)
        np.multiply(out, 2 * alpha, out=out)
        np.add(out, np.maximum(x, 0, out=scratch), out=out)

    return in_pieces(formula, x)[0]


@whole
def d_elu(ct, x, alpha: float, scale: float):
    """ct, times alpha · scale · exp(scale · x) where x <= 0."""

    def formula(ct, x, out, scratch):
        np.multiply(np.minimum(x, 0, out=out), scale, out=out)
        np.multiply(np.exp(out, out=out), ct, out=out)
        if alpha * scale != 1:
            scratch[...] = alpha * scale
            np.copyto(scratch, 1, where=x > 0)
            np.multiply(out, scratch, out=out)

    return in_pieces(formula, ct, x)[0]

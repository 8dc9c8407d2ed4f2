"""A formula of numbers a piece of memory at a time, so that each step finds in the cache what the last one wrote."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..engine.tracing import whole
from .erf import PIECE, erf


def in_pieces(formula: Callable[..., None]) -> Callable[..., Any]:
    """Decorate formula(*arrays, out, scratch), which fills `out` with the help of `scratch`, to be one of the arrays.

    Arrays are of one shape and dtype, and the result lies in memory as the first of them; with `more` before `scratch`
    there are two. Options are given by name.

    >>> @in_pieces
    ... def times(x, out, scratch, by):
    ...     np.multiply(x, by, out=out)
    >>> times(np.arange(3.0), by=0.5)
    array([0. , 0.5, 1. ])
    """
    parameters = inspect.signature(formula).parameters
    results = 1 + ("more" in parameters)

    @whole
    @wraps(formula)
    def call(*arrays, **options):
        first = arrays[0]
        made = [np.empty_like(first) for _ in range(results)]
        if first.size <= PIECE:
            formula(*arrays, *made, np.empty_like(first), **options)
        else:
            order = sorted(range(first.ndim), key=lambda axis: -made[0].strides[axis])
            flat = [a.transpose(order).reshape(-1) for a in (*arrays, *made)]
            scratch = np.empty(PIECE, first.dtype)
            for start in range(0, first.size, PIECE):
                pieces = [a[start : start + PIECE] for a in flat]
                formula(*pieces, scratch[: len(pieces[0])], **options)
        return tuple(made) if results > 1 else made[0]

    given = [p for name, p in parameters.items() if name not in ("out", "more", "scratch")]
    call.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    return call


# ---- the formulas: of what an activation gives and keeps, and of its cotangent -------------------------------


@in_pieces
def sigmoid_and_rest(x, out, more, scratch):
    """σ(x) and 1 - σ(x) = σ(-x), each with the digits of both tails, by one exponential."""
    np.exp(np.copysign(x, -1, out=more), out=more)
    np.maximum(more, x >= 0, out=out)
    np.add(more, 1, out=scratch)
    np.maximum(more, x <= 0, out=more)
    np.divide(out, scratch, out=out)
    np.divide(more, scratch, out=more)


@in_pieces
def d_sigmoid(ct, sigmoid, rest, out, scratch):
    """ct · σ (1 - σ)."""
    np.multiply(np.multiply(ct, sigmoid, out=out), rest, out=out)


@in_pieces
def silu_and_sigmoid(x, out, more, scratch):
    """x σ(x) and σ(x), 1 / (1 + e⁻ˣ) with the digits of both tails."""
    np.exp(np.copysign(x, -1, out=more), out=more)
    np.maximum(more, x >= 0, out=scratch)  # what is divided: e⁻ˣ at most 1, or 1
    np.add(more, 1, out=more)
    np.divide(scratch, more, out=more)
    np.multiply(x, more, out=out)


@in_pieces
def d_silu(ct, x, sigmoid, out, scratch):
    """ct · σ (1 + x (1 - σ))."""
    np.subtract(1, sigmoid, out=out)
    np.multiply(out, x, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, sigmoid, out=out)
    np.multiply(out, ct, out=out)


@in_pieces
def gelu_and_cdf(x, out, more, scratch):
    """x Φ(x) and Φ(x)."""
    np.add(erf(np.multiply(x, math.sqrt(0.5), out=scratch)), 1, out=more)
    np.multiply(more, 0.5, out=more)
    np.multiply(x, more, out=out)


@in_pieces
def d_gelu(ct, x, cdf, out, scratch):
    """ct · (Φ + x exp(-x²/2) / √2π)."""
    np.multiply(np.multiply(x, x, out=out), -0.5, out=out)
    np.multiply(np.exp(out, out=out), 1 / math.sqrt(2 * math.pi), out=out)
    np.add(np.multiply(out, x, out=out), cdf, out=out)
    np.multiply(out, ct, out=out)


@in_pieces
def elu(x, out, scratch, alpha: float, scale: float):
    """max(x, 0) + alpha (exp(scale · min(x, 0)) - 1): the difference is 2 t / (1 - t), and tanh quicker than expm1."""
    np.multiply(np.minimum(x, 0, out=out), 0.5 * scale, out=out)
    np.tanh(out, out=out)
    np.subtract(1, out, out=scratch)
    np.divide(out, scratch, out=out)
    np.multiply(out, 2 * alpha, out=out)
    np.add(out, np.maximum(x, 0, out=scratch), out=out)


@in_pieces
def d_elu(ct, x, out, scratch, alpha: float, scale: float):
    """ct, times alpha · scale · exp(scale · x) where x <= 0."""
    np.multiply(np.minimum(x, 0, out=out), scale, out=out)
    np.multiply(np.exp(out, out=out), ct, out=out)
    if alpha * scale != 1:
        scratch[...] = alpha * scale
        np.copyto(scratch, 1, where=x > 0)
        np.multiply(out, scratch, out=out)

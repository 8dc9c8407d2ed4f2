"""What happens to a cotangent around every rule: conjugated, summed or expanded to a shape, multiplied, fitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import has_nan
from .tape import Node
from .tracing import TRACERS


class WrongCotangentShape(ValueError):
    """A rule returned a cotangent whose shape is not its argument's."""


def unbroadcast(ct: Any, shape: tuple[Any, ...]) -> Any:
    """Sum `ct` over the axes along which an operand of `shape` was broadcast.

    >>> unbroadcast(np.ones((3, 2)), (2,))
    array([3., 3.])
    """
    if ct.shape == shape:
        return ct
    lead = len(ct.shape) - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and ct.shape[lead + i] != 1)
    ct = np.sum(ct, axis=axes, keepdims=True) if axes else ct
    return np.reshape(ct, ct.shape[lead:]) if lead > 0 else ct


def conjugated(ct: Any) -> Any:
    """The conjugate of a cotangent, or of each of several outputs'."""
    return tuple([c.conjugate() for c in ct]) if isinstance(ct, tuple) else ct.conjugate()


def expand(a: Any, shape: tuple[Any, ...], axis: Any, keepdims: bool) -> Any:
    """Put back, with length one, the axes that a reduction of an array of `shape` removed.

    >>> expand(np.zeros(3), (3, 2), -1, False).shape
    (3, 1)
    """
    if keepdims or not shape:
        return a
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {i % len(shape) for i in axes}
    return np.reshape(a, tuple(1 if i in gone else n for i, n in enumerate(shape)))


def times(ct: Any, d: Any) -> Any:
    """ct · d, where a zero in ct wins over an infinite or NaN d: what was not used has no gradient."""
    g = ct * d
    return np.where(np.isnan(g) & (ct == 0), 0, g) if has_nan(g) else g


def careful_bilinear(pull: Callable[..., Any]) -> Callable[..., Any]:
    """The pullback of a product of sums, in which zeros of the cotangent win over infinite or NaN factors too.

    The same product tells, of zeros and ones, which results have such a factor with a cotangent that is not zero.
    """

    def careful(ct: Any, parent: Any, saved: Any) -> Any:
        g = pull(ct, parent, saved)
        if type(getattr(g, "_array", g)) in TRACERS or not has_nan(g):  # a recording does without
            return g
        bad = [
            ~np.isfinite(s) if getattr(s, "dtype", None) is not None and s.dtype.kind in "fc" else None for s in saved
        ]
        finite = [s if b is None else np.where(b, 0, s) for s, b in zip(saved, bad)]
        counted = [s if b is None else b.astype(s.dtype) for s, b in zip(saved, bad)]
        touched = pull((ct != 0).astype(ct.dtype), parent, counted) != 0
        return np.where(touched, g, pull(ct, parent, finite))

    return careful


def fit(g: Any, node: Node, name: str) -> Any:
    """Give a cotangent (or tangent) its node's dtype. A wrong shape is the rule's mistake and never repaired."""
    if g.shape != node.shape:
        raise WrongCotangentShape(
            f"{name}: a rule returned shape {g.shape} where {node.shape} is expected; "
            "sum over broadcast axes with tinygrad_np.unbroadcast(ct, shape)"
        )
    if g.dtype != node.dtype:
        if g.dtype.kind == "c" and node.dtype.kind != "c":
            g = np.real(g)
        g = g.astype(node.dtype)
    return g

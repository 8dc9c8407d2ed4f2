"""The kinds of row whose rule is simpler than a cotangent: the partials of each element, the weights of a sum."""

from __future__ import annotations

from collections.abc import Callable
from inspect import CO_VARARGS
from operator import mul
from typing import Any

import numpy as np

from .cotangents import expand, fit, times, unbroadcast
from .rules import Row
from .signatures import names_of, signature_of
from .tape import Node


class Elementwise(Row):
    """out[i] depends on x[i], y[i] alone. A rule is the partial ∂: x̄ = unbroadcast(ȳ · conj ∂), ẏ = Σ ẋ · ∂."""

    kind = "elementwise"

    def __init__(self, fun: Any, partials: Any, names: Any, **options: Any) -> None:
        rules = [p if callable(p) else constant_partial(p) for p in partials]
        super().__init__(
            fun, rules, names, ", ".join(names), residuals=tuple(names_of(rule, skip=0) for rule in rules), **options
        )

    def puller(self, rule: Callable[..., Any], product: Callable[..., Any]) -> Callable[..., Any]:
        return elementwise_puller(self.name, rule, product)

    def pushforward(self, node: Node, ts: list[Any], lift: Any) -> Any:
        residuals = self.lifted(node, lift)
        dots = [times(t, self.rules[i](*residuals[i])) for i, t in enumerate(ts) if t is not None]
        total = sum(dots[1:], dots[0])
        return fit(total if total.shape == node.shape else np.broadcast_to(total, node.shape), node, self.name)


def constant_partial(number: Any) -> Callable[..., Any]:
    """The partial that is one number everywhere."""

    def partial() -> Any:
        return number

    marked: Any = partial
    marked.number = number
    return marked


def elementwise_puller(name: str, partial: Callable[..., Any], product: Callable[..., Any]) -> Callable[..., Any]:
    """The pullback to one operand as one flat function: it runs once an operation."""
    number = getattr(partial, "number", None)

    def constant_pull(ct: Any, parent: Any, saved: Any) -> Any:
        g = ct if number == 1 else -ct if number == -1 else ct * number
        if g.shape == parent.shape and g.dtype is parent.dtype:
            return g
        return fit(unbroadcast(g, parent.shape), parent, name)

    def pull(ct: Any, parent: Any, saved: Any) -> Any:
        g = product(ct, partial(*saved).conjugate())
        if g.shape == parent.shape and g.dtype is parent.dtype:
            return g
        return fit(unbroadcast(g, parent.shape), parent, name)

    def pull_of_one(ct: Any, parent: Any, saved: Any) -> Any:  # the same, without what one residual does not need
        g = ct * partial(saved[0]).conjugate()
        if g.shape == parent.shape and g.dtype is parent.dtype:
            return g
        return fit(unbroadcast(g, parent.shape), parent, name)

    if number is not None:
        return constant_pull
    code = getattr(partial, "__code__", None)
    of_one = code is not None and code.co_argcount == 1 and not code.co_flags & CO_VARARGS
    return pull_of_one if of_one and product is mul else pull


class Reduction(Row):
    """out is a weighted sum over `axis`. The rule gives the weights w: x̄ = expand(ȳ) · conj w, ẏ = Σ ẋ · w.

    A rule that names `out` gets it expanded, so that it broadcasts against the operand.
    """

    kind = "reduction"

    def __init__(self, fun: Any, rule: Any, **options: Any) -> None:
        self.declared = names_of(rule, skip=0)
        super().__init__(fun, (rule,), **options)

    def _prepare(self) -> None:
        extra = tuple(n for n in ("axis", "keepdims", "where") if n in signature_of(self.fun).parameters)
        self._given = (*self._given[:2], (tuple(dict.fromkeys(self.declared + extra)),))
        super()._prepare()

    def weights(self, parent: Node, saved: tuple[Any, ...]) -> tuple[Any, ...]:
        named = dict(zip(self.residuals[0], saved))
        axis, keepdims, where = named.get("axis"), bool(named.get("keepdims", False)), named.get("where", True)
        if "out" in named:
            named["out"] = expand(named["out"], parent.shape, axis, keepdims)
        w = self.rules[0](*(named[n] for n in self.declared))
        return (w if where is True else np.where(where, w, 0)), axis, keepdims

    def puller(self, rule: Callable[..., Any], product: Callable[..., Any]) -> Callable[..., Any]:
        def pull(ct: Any, parent: Any, saved: Any) -> Any:
            w, axis, keepdims = self.weights(parent, saved)
            return fit(product(expand(ct, parent.shape, axis, keepdims), w.conjugate()), parent, self.name)

        return pull

    def pushforward(self, node: Node, ts: list[Any], lift: Any) -> Any:
        w, axis, keepdims = self.weights(node.parents[0], self.lifted(node, lift)[0])
        return fit(np.sum(times(ts[0], w), axis=axis, keepdims=keepdims), node, self.name)

"""What a derivative rule is: a row joins a function to its derivative, and its kind supplies both modes.

A rule is plain NumPy, so it runs on ndarrays, and on Tensors when the pass itself is differentiated. Its
parameter names declare what the tape keeps: after the cotangent `ct` come names of the function's own
parameters, `out` for its output, `<name>_shape` for only the shape of one, `tracked` for which operands count,
`aux` for what the function had at hand besides.

A rule is the plain transpose Jᵀ. The kinds conjugate around it, so that for a real loss a complex gradient is
the direction of steepest ascent, Jᴴ (PyTorch's convention); on real arrays `.conjugate()` returns its array.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import mul
from typing import Any

import numpy as np

from .cotangents import WrongCotangentShape, careful_bilinear, conjugated, fit, times
from .operation import NotDifferentiable, Operation
from .signatures import binder, names_of, selector, signature_of
from .tape import SELECT, Leaf, Node, new_node, pullback


class Undetermined(NotDifferentiable):
    """What an operation does to a cotangent or a tangent depends on more than the operation knows."""


class Prepared:
    """What follows from a row's signature, made at the first use: importing hundreds of rows stays quick."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    def __get__(self, row: Row | None, owner: type[Any]) -> Any:
        if row is None:
            return self
        row._prepare()
        return row.__dict__[self.name]


# Packages whose functions give the same again and do nothing else.
REPEATABLE = ("numpy", "scipy", "_operator", __name__.partition(".")[0])


class Row(Operation):
    """One function and, for each parameter in `diff`, a rule (ct, residuals...) -> cotangent.

    A `joint` rule returns the cotangents of all operands at once, in order; only such a row may have a list
    of arrays as its operand. `conj=False` is for what is not holomorphic: the rule is then already Jᴴ.
    `jvps` are optional rules (tangent, residuals...) -> tangent, one a parameter in `diff`: without them the
    tangent is the transpose of the pullback. `domain`, `kinks` and `cases` say where the mathematics holds and
    how the function is called: tests draw from them and the docs print them. `ignores` names arguments of which
    only the truth matters, so that a tracked one is welcome; `when` names others, each with the definition, in terms
    of functions that have rows, that is run where that one is tracked. With `recompute` the function returns
    (out, aux), and `recompute` computes aux anew from the function's own parameters where a pass is differentiated.
    `quick` names, for a number of positional arguments, a function that gives the same sooner.
    """

    parameters = Prepared()
    names: Any = Prepared()
    diff: Any = Prepared()
    positions: Any = Prepared()
    others = Prepared()
    bind = Prepared()
    residuals: Any = Prepared()
    kept = Prepared()
    keeps = Prepared()
    pulls: Any = Prepared()
    careful_pulls: Any = Prepared()

    def __init__(
        self,
        fun: Callable[..., Any],
        rules: Any,
        diff: Any = None,
        signature: str | None = None,
        *,
        jvps: Any = (),
        joint: Any = False,
        conj: Any = True,
        domain: Any = None,
        kinks: Any = None,
        cases: Any = (),
        residuals: Any = None,
        ignores: Any = (),
        name: Any = None,
        recompute: Any = None,
        when: Any = None,
        kind: Any = None,
        quick: Any = None,
        **facts: Any,
    ) -> None:
        self.fun = fun
        self.name = name or getattr(fun, "__name__", str(fun))
        self.rules = tuple(rules)
        self.jvps = tuple(jvps)
        self.joint = joint
        self.repeatable = (getattr(fun, "__module__", None) or "numpy").partition(".")[0] in REPEATABLE
        self.conj = conj
        self.domain = domain
        self.kinks = kinks
        self.cases = cases
        self.ignores = ignores
        self.recompute = recompute
        self.when = when or {}
        self.quick = quick or {}
        self.forms: dict[
            int | tuple[Any, ...], Callable[..., Any] | None
        ] = {}  # spelling of a call -> recorded form, see compiled.py
        self._given = diff, signature, residuals
        if kind is not None:
            self.kind = kind
        self.state(facts)

    def _prepare(self) -> None:
        diff, text, residuals = self._given
        signature = signature_of(self.fun, text)
        self.parameters = tuple(signature.parameters)
        self.names = tuple(p for p in self.parameters if p != "out")
        self.diff = tuple(diff or self.names[: len(self.rules)])
        self.positions = tuple(self.names.index(name) for name in self.diff)
        self.others = tuple(i for i, name in enumerate(self.names) if name not in (*self.diff, *self.ignores))
        self.bind = binder(signature)
        wanted = residuals or tuple(map(names_of, self.rules))
        more = tuple(map(names_of, self.jvps)) or ((),) * len(wanted)
        recompute = () if self.recompute is None else names_of(self.recompute, skip=0)
        self.residuals = tuple(tuple(dict.fromkeys(names + extra + recompute)) for names, extra in zip(wanted, more))
        self.kept = tuple(any(name in names for names in self.residuals) for name in self.names)  # by a residual
        self.keeps = tuple(selector(names, self.names + ("out", "tracked", "aux")) for names in self.residuals)
        rules = [
            fed(rule, len(names)) if names != all_names else rule
            for rule, names, all_names in zip(self.rules, wanted, self.residuals)
        ]
        self.pulls = () if self.joint else tuple([self.puller(rule, mul) for rule in rules])
        self.careful_pulls = () if self.joint else tuple([self.puller(rule, times) for rule in rules])

    def __repr__(self) -> str:
        return f"<{self.kind} row of {self.name}>"

    def keeps_operand(self, i: int) -> bool:
        """Whether a derivative reads operand i."""
        return any((self.diff[0] if self.joint else self.diff[i]) in names for names in self.residuals)

    def operands(self, values: tuple[Any, ...]) -> Any:
        """The differentiable operands among the bound arguments; the elements of a list of arrays."""
        if self.joint and len(self.diff) == 1 and isinstance(values[self.positions[0]], (list, tuple)):
            return values[self.positions[0]]
        return [values[i] for i in self.positions]

    def save(self, values: tuple[Any, ...], out: Any, tracked: tuple[bool, ...], aux: Any = None) -> tuple[Any, ...]:
        """What the derivative will read, a tuple a rule; None for an operand that needs no gradient."""
        if self.joint:
            return (self.keeps[0](*values, out, tracked, aux),)
        return tuple([keep(*values, out, tracked, aux) if t else None for keep, t in zip(self.keeps, tracked)])

    def lifted(self, node: Node, lift: Any) -> tuple[Any, ...]:
        """The residuals, each operand and output among them as a value that carries its node."""
        return tuple(
            [
                None if saved is None else self.lift_all(names, saved, node, lift)
                for names, saved in zip(self.residuals, node.saved)
            ]
        )

    def lift_all(self, names: tuple[Any, ...], saved: tuple[Any, ...], node: Node, lift: Any) -> tuple[Any, ...]:
        named = {name: self.lift_one(name, value, node, lift) for name, value in zip(names, saved)}
        if "aux" in named:
            named["aux"] = self.recompute(*[named[name] for name in names_of(self.recompute, skip=0)])
        return tuple(named.values())

    def lift_one(self, name: str, value: Any, node: Node, lift: Any) -> Any:
        if name == "out":
            if not isinstance(value, (list, tuple)):
                return lift(value, node)
            return type_like(
                value, [lift(v, new_node(SELECT, (node,), i, v.shape, v.dtype)) for i, v in enumerate(value)]
            )
        if name not in self.diff:
            return value
        if self.joint and len(self.diff) == 1 and isinstance(value, (list, tuple)):
            return [lift(v, p) if p.tracked else v for v, p in zip(value, node.parents)]
        parent = node.parents[self.diff.index(name)]
        return lift(value, parent) if parent.tracked else value

    def puller(self, rule: Callable[..., Any], product: Callable[..., Any]) -> Callable[..., Any]:
        """The pullback to one operand, (ct, parent, residuals) -> cotangent; `product` multiplies by a partial."""
        name, conj = self.name, self.conj

        def pull(ct: Any, parent: Any, saved: Any) -> Any:
            g = rule((conjugated(ct) if isinstance(ct, tuple) else ct.conjugate()) if conj else ct, *saved)
            try:  # costs nothing where all is well
                if conj:
                    g = g.conjugate()
                return g if g.shape == parent.shape and g.dtype is parent.dtype else fit(g, parent, name)
            except AttributeError:
                if hasattr(g, "shape"):
                    raise
                raise WrongCotangentShape(
                    f"{name}: a rule returned a {type(g).__name__}; expected an array of shape "
                    f"{parent.shape}, the cotangent of its operand"
                ) from None

        return careful_bilinear(pull) if self.kind == "bilinear" and product is times else pull

    def pull_all(self, node: Node, ct: Any, lift: Any) -> list[Any]:
        """The cotangents of all operands of a joint rule, None where it gives none."""
        (saved,) = node.saved if lift is None else self.lifted(node, lift)
        gs = self.rules[0](conjugated(ct) if self.conj else ct, *saved)
        return [
            None if g is None or not p.tracked else fit(g.conjugate() if self.conj else g, p, self.name)
            for g, p in zip(gs, node.parents)
        ]

    def pullback(self, node: Node, ct: Any, lift: Any) -> list[Any]:
        """The cotangents of the parents, None for those that need none: what a pass does at one node."""
        if self.joint:
            return self.pull_all(node, ct, lift)
        residuals = node.saved if lift is None else self.lifted(node, lift)
        return [
            pull(ct, parent, saved) if parent.tracked else None
            for pull, parent, saved in zip(self.pulls, node.parents, residuals)
        ]

    def pushforward(self, node: Node, ts: list[Any], lift: Any) -> Any:
        """The tangent of the output, from the tangents of the parents (None for zero)."""
        if not self.jvps:
            return transpose(self, node, ts, lift)
        dots, residuals = [], self.lifted(node, lift)
        for i, t in enumerate(ts):
            if t is not None:
                named = dict(zip(self.residuals[i], residuals[i]))
                dots.append(self.jvps[i](t, *(named[n] for n in names_of(self.jvps[i]))))
        return fit(sum(dots[1:], dots[0]), node, self.name)


def fed(rule: Callable[..., Any], count: int) -> Callable[..., Any]:
    """The rule with the first `count` of the residuals: the others are for a jvp, or for `recompute`."""
    return lambda ct, *saved: rule(ct, *saved[:count])


def transpose(row: Row, node: Node, ts: list[Any], lift: Any) -> Any:
    """J u from the pullback ȳ ↦ Jᵀ ȳ alone: that is linear in ȳ, and pulling u back through it gives J u.

    The pullback has to be recorded for this, also where the tangents are plain arrays.
    """
    plain, lift = lift, getattr(lift, "recorded", lift)
    many = isinstance(node.shape, list)
    shapes, dtypes = (node.shape, node.dtype) if many else ([node.shape], [node.dtype])
    slots = [Leaf(shape, dtype) for shape, dtype in zip(shapes, dtypes)]
    cts = [lift(np.ones(slot.shape, slot.dtype), slot) for slot in slots]
    total: list[Any] = [None] * len(slots)
    for g, t in zip(row.pullback(node, tuple(cts) if many else cts[0], lift), ts):
        if t is None or not hasattr(g, "_node"):
            continue
        found = pullback(g._node, t, wanted=slots, lift=lift)
        for i, slot in enumerate(slots):
            if slot in found:
                total[i] = found[slot] if total[i] is None else total[i] + found[slot]
    total = [np.zeros(slot.shape, slot.dtype) if t is None else t for slot, t in zip(slots, total)]
    if plain is not lift:
        total = [getattr(t, "_array", t) for t in total]
    return total if many else total[0]


def type_like(template: Any, items: list[Any]) -> Any:
    """`items` in the container that NumPy returned: a list, a tuple or one of its named tuples."""
    if hasattr(template, "_fields"):
        return type(template)(*items)
    return items if isinstance(template, list) else tuple(items)

"""A jaxpr as a view: one node an equation, inner calls as the modules around it, constants in their boxes."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from .building import Builder
from .residuals import argument
from .values import FEW_ELEMENTS, described
from .view import GraphView

INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # the parameters in which an equation holds the body of a call
OPAQUE = ("scan", "while", "cond")  # what runs its body many times or not at all is one box
JAX_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "gt": ">", "lt": "<", "ge": ">=", "le": "<="}


def of_jax(f: Callable, args: tuple, title: str | None = None) -> GraphView:
    """See `viz.from_jax`."""
    names: list[str] = []
    if hasattr(f, "jaxpr") and hasattr(f, "consts"):
        closed: Any = f
    elif callable(f):
        import jax

        closed = jax.make_jaxpr(f)(*args)
        names = leaf_names(f, args, jax.tree_util)
    else:
        raise TypeError(f"from_jax: found a {type(f).__name__}; expected a function and its arguments, or a jaxpr")
    work = JaxReading()
    jaxpr = closed.jaxpr
    values = [leaf for leaf in flattened(args)] if args else []
    env: dict[Any, str] = {}
    for i, var in enumerate(jaxpr.invars):
        name = names[i] if i < len(names) else str(f"in{i}")
        value = values[i] if i < len(values) else None
        env[var] = work.leaf(name, var.aval, value)
    for var, const in zip(jaxpr.constvars, closed.consts, strict=True):
        env[var] = work.leaf(work.builder.numbers.next("constant"), var.aval, const)
    outs = work.body(jaxpr, env, None)
    return work.builder.view(outs, title or getattr(f, "__name__", "").replace("<lambda>", "") or outs[0])


def flattened(args: tuple) -> list:
    """The leaves of JAX's containers."""
    import jax

    return jax.tree_util.tree_leaves(args)


def leaf_names(f: Callable, args: tuple, tree_util: Any) -> list[str]:
    """What the inputs are called: the function's parameters, and the paths in them."""
    try:
        parameters = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        parameters = []
    names = []
    for i, arg in enumerate(args):
        base = parameters[i] if i < len(parameters) else f"in{i}"
        for path, _ in tree_util.tree_flatten_with_path(arg)[0]:
            names.append(base + tree_util.keystr(path))
    return names


class JaxReading:
    """One jaxpr under way."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.calls: Counter = Counter()

    def leaf(self, name: str, aval: Any, value: Any = None) -> str:
        """An input or a captured array."""
        small = value is not None and np.size(value) <= FEW_ELEMENTS
        kind = "const" if not getattr(aval, "shape", ()) and value is None else "data"
        return self.builder.leaf(name, kind, jax_shape(aval), jax_dtype(aval), described(value) if small else None)

    def body(self, jaxpr: Any, env: dict[Any, str], scope: str | None) -> list[str]:
        """All equations of a jaxpr; returns the nodes of its outputs."""
        for equation in jaxpr.eqns:
            inner = next((equation.params[p] for p in INNER if p in equation.params), None)
            name = str(equation.primitive)
            if inner is not None and name not in OPAQUE:
                called = equation.params.get("name") or name
                path = f"{scope}/{called}" if scope else str(called)
                self.calls[path] += 1
                within = self.builder.scope(path, str(name), scope, self.calls[path])
                closed = getattr(inner, "jaxpr", inner)
                inside = {
                    v: self.read(a, env, within, i) for i, (v, a) in enumerate(zip(closed.invars, equation.invars))
                }
                for var, const in zip(closed.constvars, getattr(inner, "consts", ()), strict=False):
                    inside[var] = self.leaf(self.builder.numbers.next("constant"), var.aval, const)
                for var, id_ in zip(equation.outvars, self.body(closed, inside, within), strict=True):
                    env[var] = id_
            else:
                self.equation(equation, name, env, scope)
        return [self.read(var, env, "output", i) for i, var in enumerate(jaxpr.outvars)]

    def read(self, atom: Any, env: dict[Any, str], of: str | None, slot: int) -> str:
        """The node of an operand; a literal is a constant of its own."""
        if hasattr(atom, "val"):
            if np.ndim(atom.val) == 0:
                return self.builder.number(np.asarray(atom.val).item(), of or "", slot)
            return self.leaf(f"{of}[{slot}]", atom.aval, atom.val)
        return env[atom]

    def equation(self, equation: Any, name: str, env: dict[Any, str], scope: str | None) -> None:
        """One equation as an operation; of several outputs each is a node below it."""
        id_ = self.builder.name(name, scope)
        operands = [(self.read(a, env, id_, i), "", jax_shape(a.aval), False) for i, a in enumerate(equation.invars)]
        words = [
            f"{np.asarray(a.val).item():.6g}" if hasattr(a, "val") and np.ndim(a.val) == 0 else "…"
            for a in equation.invars
        ]
        said = f"{words[0]} {JAX_SIGNS[name]} {words[1]}" if name in JAX_SIGNS else f"{name}({', '.join(words)})"
        formula = said if len(words) > 1 and set(words) != {"…"} else ""
        texts = {k: argument(v) for k, v in equation.params.items()}
        outs = equation.outvars
        several = len(outs) > 1
        self.builder.operation(
            id_,
            name,
            operands,
            shape=tuple(jax_shape(v.aval) for v in outs) if several else jax_shape(outs[0].aval) if outs else (),
            dtype=", ".join(dict.fromkeys(jax_dtype(v.aval) for v in outs)),
            scope=scope,
            args=", ".join(f"{k}={v}" for k, v in texts.items() if v and len(v) < 40),
            formula=formula,
        )
        for i, var in enumerate(outs):
            env[var] = id_
            if several and type(var).__name__ != "DropVar":
                shape = jax_shape(var.aval)
                env[var] = self.builder.operation(
                    self.builder.name("select", scope),
                    "select",
                    [(id_, "of", shape, False)],
                    shape=shape,
                    dtype=jax_dtype(var.aval),
                    scope=scope,
                    args=f"output {i}",
                )


def jax_shape(aval: Any) -> tuple:
    """The shape of an abstract value."""
    return tuple(int(n) if isinstance(n, int) else str(n) for n in getattr(aval, "shape", ()))


def jax_dtype(aval: Any) -> str:
    """The name of its dtype."""
    return str(getattr(aval, "dtype", ""))

"""What each public function of NumPy does with a tensor, read from the table: `coverage()`."""

from __future__ import annotations

import ast
import functools
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..engine.kinds import Reduction
from ..engine.rules import Row
from ..engine.table import TABLE, Plain

MODULES = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft}


class Covered(NamedTuple):
    """What a function does: what a tensor that needs a gradient gets, its derivative (or the reason), the domain."""

    tensor: str
    derivative: str
    domain: str


def public(module: ModuleType) -> list[str]:
    """The public functions of a module, classes and constants left out."""
    return [
        n
        for n in sorted(dir(module))
        if not n.startswith("_") and callable(getattr(module, n)) and not isinstance(getattr(module, n), type)
    ]


def dispatched(fun: Any) -> bool:
    """Whether NumPy asks its arguments what the function means."""
    return isinstance(fun, np.ufunc) or hasattr(fun, "_implementation")


@functools.cache
def lambdas(path: str) -> list[ast.Lambda]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


def text_of(rule: Any) -> str:
    """A rule as a reader sees it: the body of a lambda, or the name of a function with its first line."""
    if hasattr(rule, "number"):
        return str(rule.number)
    code = rule.__code__
    if rule.__name__ != "<lambda>":
        summary = (inspect.getdoc(rule) or "").split("\n")[0]
        name = f"{rule.__name__}({', '.join(code.co_varnames[: code.co_argcount])})"
        return f"{name}: {summary}" if summary else name
    where = {(c[0], c[2]) for c in code.co_positions() if c[0] is not None and c[2]}
    candidates = [
        node
        for node in lambdas(code.co_filename)
        if node.lineno == code.co_firstlineno
        and [a.arg for a in node.args.args] == list(code.co_varnames[: code.co_argcount])
    ]
    inside = [
        node
        for node in candidates
        if any((n.lineno, n.col_offset) in where for n in ast.walk(node.body) if isinstance(n, ast.expr))
    ]
    return ast.unparse((inside or candidates)[0].body)


def derivative(row: Any) -> str:
    if not isinstance(row, Row):
        summary = (inspect.getdoc(row.body) or "").split("\n")[0]
        return "by its definition" + (f": {summary}" if summary else "")
    label = "weights " if isinstance(row, Reduction) else ""
    rules = [text_of(rule) for rule in row.rules]
    if not rules or rules[0].startswith("rule("):
        return "each element goes back where it came from"
    return label + "; ".join(f"`{rule}`" for rule in rules)


def domain(row: Any) -> str:
    def interval(d: Any) -> str:
        return f"({d[0]:g}, {d[1]:g})"

    where = row.domain
    if where is None or where == (-np.inf, np.inf):
        return ""
    return ", ".join(interval(d) for d in where) if isinstance(where[0], tuple) else interval(where)


def covered(fun: Any) -> Covered:
    """What one function does with a tensor."""
    row = TABLE.get(fun)
    if row is None:
        if dispatched(fun):
            return Covered("refused", "no derivative, or not of numbers", "")
        return Covered("no array argument", "", "")
    if isinstance(row, Plain):
        return Covered("plain" if row.kind != "creation" else "a new tensor", row.why, "")
    return Covered("differentiable", derivative(row), domain(row))


def coverage(*modules: ModuleType) -> dict[str, Covered]:
    """What each public function of `modules` does with a tensor, by its full name.

    Args:
        modules: numpy, numpy.linalg and numpy.fft if none is given; scipy.special is another that has rows.

    Returns:
        A dict of `(tensor, derivative, domain)`. `tensor` says what a tensor that needs a gradient gets:
        "differentiable", "plain" (a plain array, there is no derivative by nature), "a new tensor", "refused"
        (`NotDifferentiable`, by name) or "no array argument". `derivative` is the row's own text, or the reason;
        `domain` is where the function is smooth, "" if everywhere.

    >>> import tinygrad_np as tg
    >>> tg.coverage()["numpy.log"]
    Covered(tensor='differentiable', derivative='`1 / x`', domain='(0, inf)')
    >>> sum(found.tensor == "differentiable" for found in tg.coverage().values()) > 270
    True
    """
    given = {module.__name__: module for module in modules} or MODULES
    return {f"{name}.{n}": covered(getattr(module, n)) for name, module in given.items() for n in public(module)}

"""The edit of a rule's source that makes it right: of a sign, a coefficient, a number, a condition.

Every term, number and comparison of the rule is run through a hook, which leaves all of them as they are but one. The
change of one that makes the gradient right, at the inputs that fail and at others, is what is wrong with the rule.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..inputs.thresholds import MOST_THRESHOLDS, written_numbers
from .mistakes.block import FIT, Part
from .mistakes.terms import factor_in_words

HOOK = "_the_checkers_hook"
SEARCH_SECONDS = 2.0  # that the search may take
HOOK_CALLS = 10_000  # of the hook, after which an edited rule is given up: a loop may have lost its end
SUMS = (ast.Add, ast.Sub)
CHOICES = ("where", "clip", "maximum", "minimum", "heaviside", "clamp")  # calls whose numbers are thresholds


class Site(NamedTuple):
    """A place in the source of a rule, and how it stands there."""

    kind: str  # "term", "number", "limit" (a number that something is compared with), "comparison"
    text: str
    line: int
    other: str = ""  # the rest of the sum that a term stands in
    minus: bool = False  # whether that sum is a difference
    first: bool = False  # whether the term stands before the rest
    value: float = 0.0  # of a number


class Hooks(ast.NodeTransformer):
    """A rule's source with a call of the hook around every term, number and comparison, which are its `sites`."""

    def __init__(self) -> None:
        self.sites: list[Site] = []

    def hooked(self, node: Any, kind: str, **more: Any) -> Any:
        if kind == "term" and (isinstance(node, ast.BinOp) and isinstance(node.op, SUMS) or number(node) is not None):
            return self.visit(node) if number(node) is None else self.hooked(node, "number")
        text = ast.unparse(node)
        site = Site(kind, text if len(text) < 60 else text[:56] + " ...", node.lineno, **more)
        self.sites.append(site._replace(value=number(node) or 0.0))
        at = ast.Constant(len(self.sites) - 1)
        inner = node if number(node) is not None else self.visit(node)
        call = ast.Call(ast.Name(HOOK, ast.Load()), [at, inner], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def operand(self, node: Any, kind: str = "number") -> Any:
        return self.hooked(node, kind) if number(node) is not None else self.visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if isinstance(node.op, SUMS):
            minus, left, right = isinstance(node.op, ast.Sub), ast.unparse(node.left), ast.unparse(node.right)
            node.left = self.hooked(node.left, "term", other=right, minus=minus, first=True)
            node.right = self.hooked(node.right, "term", other=left, minus=minus)
        else:
            node.left, node.right = self.operand(node.left), self.operand(node.right)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if isinstance(node.op, SUMS):
            minus = isinstance(node.op, ast.Sub)
            node.value = self.hooked(node.value, "term", other=ast.unparse(node.target), minus=minus)
            return node
        node.value = self.operand(node.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops) or len(node.ops) > 1:
            return node
        text = ast.unparse(node)
        self.sites.append(Site("comparison", text, node.lineno))
        at = ast.Constant(len(self.sites) - 1)
        node.left = self.operand(node.left, "limit")
        node.comparators = [self.operand(c, "limit") for c in node.comparators]
        call = ast.Call(ast.Name(HOOK, ast.Load()), [at, node], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_Call(self, node: ast.Call) -> Any:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        node.func = self.visit(node.func)
        node.args = [self.operand(a, "limit") if name in CHOICES else self.visit(a) for a in node.args]
        return node  # keywords are options: an axis, a dtype

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        node.value = self.visit(node.value)
        return node


def number(node: Any) -> float | None:
    """The number that a node writes; None where it is something else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inside = number(node.operand)
        return None if inside is None else -inside
    plain = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return float(node.value) if plain else None


class Edits:
    """A rule whose places can be changed one at a time."""

    def __init__(self, rule: types.FunctionType):
        self.rule, self.sites = rule, []
        code = rule.__code__
        self.file = os.path.basename(code.co_filename)
        node = tree_of(code)
        if node is None:
            return
        hooks = Hooks()
        if isinstance(node, ast.Lambda):
            node.body = hooks.operand(node.body)
            inside: Any = ast.copy_location(ast.Expr(node), node)
        else:
            node.decorator_list, node.body = [], [hooks.visit(part) for part in node.body]
            inside = node
        around = ast.parse(f"def around({', '.join(code.co_freevars)}): pass")
        around.body[0].body = [inside]  # type: ignore[attr-defined]
        made = inner(compile(ast.fix_missing_locations(around), code.co_filename, "exec"), "around", code.co_name)
        if made is not None and made.co_freevars == code.co_freevars:
            self.code, self.sites = made, hooks.sites

    @contextmanager
    def changed(self, site: int, change: Callable) -> Iterator[None]:
        """While this lasts, what stands at a site is changed."""
        rule, kept, calls = self.rule, self.rule.__code__, count(1)

        def hook(i: int, value: Any) -> Any:
            if next(calls) > HOOK_CALLS:
                raise RuntimeError("this edit makes the rule endless")
            return change(value) if i == site else value

        rule.__globals__[HOOK] = hook
        try:
            rule.__code__ = self.code
            yield
        finally:
            rule.__code__ = kept
            rule.__globals__.pop(HOOK, None)


def inner(code: types.CodeType, *names: str) -> types.CodeType | None:
    """The code object within another of a path of names."""
    for name in names:
        found = [c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == name]
        if not found:
            return None
        code = found[0]
    return code


def tree_of(code: types.CodeType) -> Any:
    """The def or the lambda that a code object was made of; None where its source cannot be had, or is not told."""
    lines = linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return None
    kind = ast.Lambda if code.co_name == "<lambda>" else ast.FunctionDef
    fit: list[Any] = [n for n in ast.walk(tree) if isinstance(n, kind) and starts(n) == code.co_firstlineno]
    places = [(p[0], p[2]) for p in code.co_positions() if p[1] != p[0] or p[2] != p[3]]
    inside = [p for p in places if p[0] is not None and p[1]]
    if len(fit) > 1 and inside:
        at = max(inside)
        fit = [n for n in fit if (n.body.lineno, n.body.col_offset) <= at < (n.body.end_lineno, n.body.end_col_offset)]
        fit.sort(key=lambda n: n.col_offset)
        fit = fit[-1:]
    return fit[0] if len(fit) == 1 else None


def starts(node: Any) -> int:
    """The line with which the code of a function begins: that of its first decorator."""
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def rules_of(f: Any) -> list[types.FunctionType]:
    """The functions that make up the derivative of an operation; none of another function."""
    if getattr(f, "row", None) is not None:
        found = list(f.row.rules)
    else:
        found = list(getattr(f, "written_by_the_user", (None,)))[1:]
    plain = [inspect.unwrap(getattr(rule, "__func__", rule)) for rule in found if callable(rule)]
    return [rule for rule in dict.fromkeys(plain) if isinstance(rule, types.FunctionType)]


def repaired(first: Part, others: list[Part]) -> str:
    """The edit that makes a block right, and all the others, as a sentence; "" where no one edit does."""
    p, until = first.problem, perf_counter() + SEARCH_SECONDS
    f = getattr(p, "whole", p).f
    for rule in rules_of(f):
        edits = Edits(rule)
        for i, site in enumerate(edits.sites):
            for change, kind, said in changes(edits, i, first, f):
                if perf_counter() > until:
                    return ""
                if all(right_with(edits, i, change, b) for b in (first, *others)):
                    return f"{kind}: {edits.file}:{site.line}: {said}"
    return ""


def edited_jacobian(edits: Edits, i: int, change: Callable, b: Part) -> np.ndarray | None:
    """The block with a rule edited; None where that raises."""
    p = b.problem.at(b.problem.point)
    start, end = p.ends[b.slot : b.slot + 2]
    try:
        with edits.changed(i, change), np.errstate(all="ignore"):
            return np.array([p.pull(v)[start:end] for v in np.eye(p.size_out)])
    except Exception:
        return None


def right_with(edits: Edits, i: int, change: Callable, b: Part) -> bool:
    """Whether a block is right with a rule edited."""
    found = edited_jacobian(edits, i, change, b)
    return found is not None and found.shape == b.expected.shape and made_right(found, b.expected)


def made_right(found: np.ndarray, expected: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        near = FIT * (np.abs(expected) + 1e-3 * np.abs(expected).max(initial=0))
        return bool((np.abs(found - expected) <= near).all())


def changes(edits: Edits, i: int, b: Part, f: Any) -> Iterator[tuple[Callable, str, str]]:
    """The changes of one place that may be right, each with what it says."""
    site = edits.sites[i]
    if site.kind == "comparison":
        yield np.logical_not, "CONDITION INVERTED", f"{site.text} holds where it must not, and not where it must"
        return
    twice = edited_jacobian(edits, i, lambda value: 2 * value, b)
    if twice is None or twice.shape != b.yours.shape:
        return
    with np.errstate(all="ignore"):
        slope = twice - b.yours
        told = np.abs(slope) > 1e-9 * np.abs(b.expected).max(initial=0)
        ratios = ((b.expected - b.yours) / slope)[told]
    if not told.any() and site.kind != "limit":
        return
    k = nice(1 + float(np.median(ratios))) if ratios.size and np.isfinite(ratios).all() else 1.0
    if site.kind == "term":
        for factor in dict.fromkeys((k, -1.0)):
            if abs(factor - 1) > FIT:
                yield lambda value, factor=factor: factor * value, *in_a_sum(site, factor)
        return
    c = site.value
    wanted = [nice(k * c), c + 1, c - 1, -c, 2 * c, c / 2]
    if site.kind == "limit":
        wanted = [float(np.copysign(t, c)) for t in written_numbers(f)[:MOST_THRESHOLDS]]
    kind = "WRONG THRESHOLD" if site.kind == "limit" else "WRONG NUMBER"
    for t in dict.fromkeys(w for w in wanted if w != c and np.isfinite(w)):
        yield lambda value, t=t: type(value)(t) if t == int(t) else t, kind, f"{c:g} stands where {t:.6g} belongs"


def nice(k: float) -> float:
    """A number, or the short fraction that it is but for rounding."""
    short = float(Fraction(k).limit_denominator(16)) if np.isfinite(k) and abs(k) < 1e6 else k
    return short if abs(short - k) <= FIT * max(abs(k), 1.0) else k


def in_a_sum(site: Site, k: float) -> tuple[str, str]:
    """What a factor of one term of a sum says."""
    a, b = (site.text, site.other) if site.first else (site.other, site.text)
    sign = "-" if site.minus else "+"
    yours = f"A {sign} B"
    if site.first:
        wanted = f"{'-' if k < 0 else ''}{factor_in_words(k)}A {sign} B"
    else:
        wanted = f"A {sign if k > 0 else '+' if site.minus else '-'} {factor_in_words(k)}B"
    if k == 0:
        wanted = f"{'-' * site.minus}B" if site.first else "A"
    kind = "WRONG SIGN" if k == -1 else "WRONG COEFFICIENT" if k else "TERM TOO MANY"
    return kind, f"yours = {yours}, expected {wanted}, where A = {a}, B = {b}"


SAYS = (changes, in_a_sum)  # where the names of these mistakes are

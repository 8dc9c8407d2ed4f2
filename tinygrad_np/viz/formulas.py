"""What was computed, as it is written: 1 - z, maximum(0, 1 - y * f), x[rows, 0], and the arguments of a call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..engine.seen import Given, given_to
from ..engine.signatures import signature_of
from ..engine.tape import SELECT
from .residuals import dtype_name, number

INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "matmul": "@",
    "remainder": "%",
    "floor_divide": "//",
}
TIGHT = {"+": 2, "-": 2, "**": 5}  # how tightly a sign binds
ASSIGNED, COMPARED, TIMES, NEGATED, CALL, NAMED = 0, 1, 3, 4, 6, 7  # and the others, and what needs no brackets
SILENT = [("initial", 0), ("where", True), ("keepdims", False), ("order", "K"), ("order", "C")]  # say nothing
CALLED, ALSO_CALLED = ("elementwise", "reduction"), ("where", "sum", "mean")  # what is written as a call
NAMELESS = "…"  # an operand that has no name
SHORT = 24  # characters: a longer expression is not written into the next one
MISSING: Any = object()  # the default of what has none
FEW_NUMBERS = 6  # of an argument that is an array


class Expression(NamedTuple):
    """A part of a formula, and how tightly it holds together."""

    text: str
    level: int = NAMED

    def within(self, level: int) -> str:
        """The text, in brackets where what is around it binds more tightly."""
        return f"({self.text})" if self.level < level else self.text

    def short(self) -> Expression:
        """Itself, if there is room for it in another expression."""
        return self if len(self.text) <= SHORT and NAMELESS not in self.text else UNNAMED


UNNAMED = Expression(NAMELESS)


def infix(sign: str, left: Expression, right: Expression) -> Expression:
    """Two expressions with a sign between, and brackets where Python needs them to compute it in this order."""
    level = TIGHT.get(sign, TIMES if sign in INFIX.values() else COMPARED)
    right_first = sign == "**"
    text = f"{left.within(level + right_first)} {sign} {right.within(level + (not right_first))}"
    return Expression(text, level)


def number_said(text: str) -> Expression:
    """A number in a formula."""
    return Expression(text, NEGATED) if text.startswith("-") else Expression(text)


class Arguments(dict):
    """{parameter: what was given} of one call; `texts` are those worth saying, `spoken` those in its formula."""

    texts: dict[str, str]
    spoken: tuple[str, ...] = ()


def arguments_of(node, name_of: Callable[[Given], str] = lambda given: "") -> Arguments:
    """What the call of a node was given besides tracked tensors, as far as it was noted; `name_of` names arrays."""
    row, given = node.op, given_to(node)
    found = Arguments()
    found.texts = {}
    if given is None or row is SELECT or len(given) != len(row.names):
        return found
    found.update(zip(row.names, given, strict=True))
    if len(node.parents) > len(row.positions) and isinstance(found[row.diff[0]], tuple):  # a list of operands
        found.update(zip(row.operand_names(len(node.parents)), found[row.diff[0]], strict=False))
    for name, default in others_of(row):
        value = found[name]
        if same_value(value, default) or said_by_default(name, value):
            continue
        if value is None and (name != "axis" or default in (None, MISSING)):
            continue  # nothing was given, or something that has no words
        text = told(value, name_of)
        if text:
            found.texts[name] = text
    return found


def said_by_default(name: str, value: Any) -> bool:
    """Whether an argument is what NumPy does anyway."""
    return isinstance(value, (bool, int, str)) and (name, value) in SILENT


def same_value(a: Any, b: Any) -> bool:
    """Whether an argument is at its default."""
    return a is b or type(a) is type(b) and isinstance(a, (int, float, str, bool)) and a == b


@functools.lru_cache(maxsize=1024)
def defaults_of(row) -> dict[str, Any]:
    """The defaults of a row's parameters."""
    signature = signature_of(row.fun, row._given[1])
    return {p.name: p.default for p in signature.parameters.values() if p.default is not p.empty}


def told(value: Any, name_of: Callable[[Given], str] = lambda given: "") -> str:
    """An argument in words: a number, a name and what else there is to say of an array; nothing for a dtype."""
    if isinstance(value, (Given, np.ndarray)):
        name, array = (name_of(value), value.copy) if isinstance(value, Given) else ("", value)
        if array is not None and array.size <= FEW_NUMBERS and array.ndim <= 1:
            return f"{name} {list_said(array)}".strip()
        return f"{name} {tuple(value.shape)} {dtype_name(value.dtype)}".strip()
    if isinstance(value, tuple) and type(value).__str__ is not tuple.__str__:
        return str(value)
    if isinstance(value, (tuple, list)):
        parts = [told(v, name_of) for v in value]
        if not all(parts):
            return ""
        if isinstance(value, list):
            return f"[{', '.join(parts)}]"
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    if isinstance(value, slice):
        ends = ["" if p is None else told(p, name_of) for p in (value.start, value.stop)]
        return ":".join(ends if value.step is None else [*ends, told(value.step, name_of)])
    if value is None or value is Ellipsis:
        return "None" if value is None else "..."
    if isinstance(value, (bool, np.bool_, str)):
        return repr(value if isinstance(value, str) else bool(value))[:40]
    return number(value)


def list_said(array: np.ndarray) -> str:
    """The few numbers of an array."""
    words = [str(v) if isinstance(v, bool) else number(v) for v in array.ravel().tolist()]
    return words[0] if array.ndim == 0 else f"[{' '.join(words)}]"


def subscript(index: Any, name_of: Callable[[Given], str]) -> str:
    """An index as it stands in brackets; an array in it by its name, its numbers or its shape."""

    def word(part: Any) -> str:
        if not isinstance(part, Given):
            return told(part, name_of)
        small = part.copy is not None and part.copy.ndim <= 1 and part.copy.size <= FEW_NUMBERS
        return name_of(part) or (told(part) if small else f"array{tuple(part.shape)}")

    several = isinstance(index, tuple) and not isinstance(index, Given)  # which is a tuple too
    return ", ".join(map(word, index if several else (index,)))


@functools.lru_cache(maxsize=1024)
def others_of(row: Any) -> tuple[tuple[str, Any], ...]:
    """The parameters of a row that are no operands, each with its default."""
    defaults = defaults_of(row)
    return tuple((name, defaults.get(name, MISSING)) for name in row.names if name not in row.diff)


@functools.lru_cache(maxsize=1024)
def spoken_of(row: Any) -> tuple[str, ...]:
    """The parameters that a call of a row writes out: those up to its last operand."""
    return tuple(row.names[: 1 + max((row.names.index(name) for name in row.diff), default=-1)])


def expression_of(
    row: Any, word: str, operands: list[Expression], given: Arguments, name_of: Callable[[Given], str]
) -> Expression:
    """An operation on what its operands are called, as Python writes it; `word` is what the operation is called."""
    name = getattr(row, "name", "")
    if row is SELECT or not operands:
        return UNNAMED
    if name in ("getitem", "assigned") and given.get("index") is not None:
        given.spoken = ("index",)
        place = f"[{subscript(given['index'], name_of)}]"
        if name == "assigned":
            return Expression(f"{place} = {operands[1].text}", ASSIGNED)
        return Expression(operands[0].within(CALL) + place, CALL)
    if not given.texts and operands.count(UNNAMED) == len(operands) and spoken_of(row) == row.diff:
        return UNNAMED  # soon told: nothing of it has a name
    if name in INFIX and len(operands) == 2:
        return infix(INFIX[name], *operands)
    if name == "negative":
        return Expression(f"-{operands[0].within(NEGATED)}", NEGATED)
    if len(operands) != len(row.diff) or len(operands) > 3 or not (row.kind in CALLED or name in ALSO_CALLED):
        return UNNAMED
    among = dict(zip(row.diff, operands, strict=True))
    spoken = spoken_of(row)
    given.spoken = tuple(n for n in spoken if n not in among)
    if set(given.texts) - set(given.spoken):
        given.spoken = ()
        return UNNAMED
    words = [among[n].text if n in among else given.texts.get(n) or told(given.get(n), name_of) for n in spoken]
    return Expression(f"{word or name}({', '.join(words)})", CALL)


def worth_saying(operands: Iterable[Expression], constant: Iterable[bool], given: Arguments, named: bool) -> bool:
    """Whether a formula says more than the box and its arrows: an argument, a constant, or all operands by name."""
    known = [operand.text != NAMELESS for operand in operands]
    return (
        bool(given.spoken) or any(known) and (named and all(known) or len(known) > 1 and (any(constant) or all(known)))
    )

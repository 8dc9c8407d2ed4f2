"""What was computed, as it is written: 1 - z, maximum(0, m), and the arguments that are not at their defaults."""

from __future__ import annotations

import functools
from typing import Any

from ..engine.seen import given_to
from ..engine.signatures import signature_of
from ..engine.tape import SELECT
from .residuals import argument

SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "matmul": "@",
    "remainder": "%",
    "floor_divide": "//",
}
SILENT = [("initial", 0), ("where", True), ("keepdims", False)]  # defaults that NumPy spells otherwise
ANY = "…"  # an operand that has no name


class Arguments(dict):
    """{parameter: what was given} of one call; `texts` are those that are worth saying."""

    texts: dict[str, str]


def arguments_of(node) -> Arguments:
    """What the call of a node was given besides tracked tensors, as far as it was noted."""
    row, given = node.op, given_to(node)
    found = Arguments()
    found.texts = {}
    if given is None or row is SELECT or len(given) != len(row.names):
        return found
    found.update(zip(row.names, given, strict=True))
    defaults = defaults_of(row)
    for name in row.names:
        value = found[name]
        if name in row.diff or name in defaults and same(value, defaults[name]) or (name, value) in SILENT:
            continue
        text = argument(value)
        if text:
            found.texts[name] = text
    return found


def same(a: Any, b: Any) -> bool:
    """Whether an argument is at its default."""
    return a is b or type(a) is type(b) and isinstance(a, (int, float, str, bool)) and a == b


@functools.lru_cache(maxsize=1024)
def defaults_of(row) -> dict[str, Any]:
    """The defaults of a row's parameters."""
    signature = signature_of(row.fun, row._given[1])
    return {p.name: p.default for p in signature.parameters.values() if p.default is not p.empty}


def formula_of(row, told: list[str], constant: list[bool]) -> str:
    """An operation on names and numbers as Python writes it; empty where the box says all of it already."""
    name = getattr(row, "name", "")
    if len(told) < 2 or not (any(told) and (any(constant) or all(told))):
        return ""
    words = [word or ANY for word in told]
    if name in SIGNS and len(words) == 2:
        return f"{words[0]} {SIGNS[name]} {words[1]}"
    if row.kind == "elementwise" and len(words) <= 3:
        return f"{name}({', '.join(words)})"
    return ""

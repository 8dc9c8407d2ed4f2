"""Write docs/coverage.md: what each public name of NumPy does with a tensor, read from the table itself.

usage: python docs/make_coverage.py
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tinygrad_np.engine.kinds import Reduction  # noqa: E402
from tinygrad_np.engine.rules import Row  # noqa: E402
from tinygrad_np.engine.table import TABLE, Plain  # noqa: E402

MODULES = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft}
HEAD = """# NumPy coverage

Made by `python docs/make_coverage.py` from the derivative table, with NumPy {version}; a test compares it with \
`dir(numpy)`.

*Differentiable* functions are recorded, to any order and in both modes; the derivative is the row's own text: a
partial for an elementwise function, the weights for a reduction, a rule for the cotangent `ct` for others, or the
function's definition in terms of others. The domain is where it is smooth and is what tests draw from.
*Plain* functions have no derivative by nature and answer with plain arrays. *Refused* functions raise
`NotDifferentiable` with their name when a tensor that needs a gradient is passed. *No array argument*: nothing that
could need a gradient goes in, or NumPy converts its argument, which a tensor that needs a gradient refuses.
"""


def public(module) -> list[str]:
    """The public functions of a module, classes and constants left out."""
    return [
        n
        for n in sorted(dir(module))
        if not n.startswith("_") and callable(getattr(module, n)) and not isinstance(getattr(module, n), type)
    ]


def dispatched(fun) -> bool:
    """Whether NumPy asks its arguments what the function means."""
    return isinstance(fun, np.ufunc) or hasattr(fun, "_implementation")


@functools.cache
def lambdas(path: str) -> list[ast.Lambda]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


def text_of(rule) -> str:
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
        if any((n.lineno, n.col_offset) in where for n in ast.walk(node.body) if hasattr(n, "lineno"))
    ]
    return ast.unparse((inside or candidates)[0].body)


def derivative(row) -> str:
    if not isinstance(row, Row):
        summary = (inspect.getdoc(row.body) or "").split("\n")[0]
        return "by its definition" + (f": {summary}" if summary else "")
    label = "weights " if isinstance(row, Reduction) else ""
    rules = [text_of(rule) for rule in row.rules]
    if not rules or rules[0].startswith("rule("):
        return "each element goes back where it came from"
    return label + "; ".join(f"`{rule}`" for rule in rules)


def domain(row) -> str:
    def interval(d) -> str:
        return f"({d[0]:g}, {d[1]:g})"

    where = row.domain
    if where is None or where == (-np.inf, np.inf):
        return ""
    return ", ".join(interval(d) for d in where) if isinstance(where[0], tuple) else interval(where)


def entry(fun) -> tuple[str, str, str]:
    """(what a tensor gets, the derivative or the reason, the domain)."""
    row = TABLE.get(fun)
    if row is None:
        return ("refused", "no derivative, or not of numbers", "") if dispatched(fun) else ("no array argument", "", "")
    if isinstance(row, Plain):
        return "plain" if row.kind != "creation" else "a new tensor", row.why, ""
    return "differentiable", derivative(row), domain(row)


def page() -> str:
    lines = [HEAD.format(version=".".join(np.__version__.split(".")[:2]))]
    for name, module in MODULES.items():
        rows = [(n, *entry(getattr(module, n))) for n in public(module)]
        count = sum(what == "differentiable" for _, what, _, _ in rows)
        lines += [
            f"## {name}",
            "",
            f"{count} differentiable names of {len(rows)} functions.",
            "",
            "| name | a tensor gets | derivative | domain |",
            "|---|---|---|---|",
        ]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{n}`", *rest)) + " |" for n, *rest in rows]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    (ROOT / "docs" / "coverage.md").write_text(page(), encoding="utf-8")

"""A small break: one place of a file's syntax tree, changed as a tired person might change it."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
               ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.FloorDiv,
              ast.FloorDiv: ast.Mod, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "zeros": "ones", "greater": "less"}


class Break(NamedTuple):
    """The text of a file with one change, the change in words, and the lines of the statement that it is in."""

    line: int
    what: str
    text: str
    statement: range


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The changed forms of a node, each with its words."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        new = deepcopy(node)
        new.ops[0] = COMPARISONS[type(node.ops[0])]()
        yield "another comparison", new
    if (
        isinstance(node, ast.BinOp)
        and type(node.op) in ARITHMETIC
        and not isinstance(node.left, ast.Constant | ast.List)
    ):
        new = deepcopy(node)
        new.op = ARITHMETIC[type(node.op)]()
        yield "another operator", new
    if isinstance(node, ast.BoolOp):
        new = deepcopy(node)
        new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and for or", new
        yield (
            "the last condition gone",
            node.values[0] if len(node.values) == 2 else ast.BoolOp(node.op, node.values[:-1]),
        )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield "the sign or the not gone", node.operand
    if isinstance(node, ast.Constant) and type(node.value) in (bool, int, float):
        value = node.value
        yield "another constant", ast.Constant(not value if value is True or value is False else value + 1)
    if isinstance(node, ast.IfExp):
        yield "the branches swapped", ast.IfExp(node.test, node.orelse, node.body)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CALLS:
            new = deepcopy(node)
            setattr(new.func, "attr" if isinstance(new.func, ast.Attribute) else "id", CALLS[name])
            yield f"{CALLS[name]} for {name}", new
        if name in ("conjugate", "astype", "copy") and isinstance(node.func, ast.Attribute):
            yield f".{name}() gone", node.func.value
        if node.keywords and node.keywords[-1].arg not in (None, "cases", "names"):
            new = deepcopy(node)
            gone = new.keywords.pop()
            yield f"{gone.arg}= gone", new
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) or isinstance(node, ast.AugAssign):
        yield "the line gone", ast.Pass()
    if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Raise):
        yield "the check gone", ast.Pass()


def breaks(text: str) -> list[Break]:
    """All small breaks of a file; each leaves the lines of the rest where they are.

    >>> [b.what for b in breaks("def f(x):\\n    return x < 2")]
    ['another comparison', 'another constant']
    """
    tree = ast.parse(text)
    skipped = {id(inner) for node in ast.walk(tree) if is_words(node) for inner in ast.walk(node)}
    found = []
    for statement in ast.walk(tree):
        if isinstance(statement, ast.stmt):
            for node in parts(statement):
                if id(node) not in skipped:
                    for what, new in changes(node):
                        found.append(Break(node.lineno, what, replaced(text, node, new), lines(statement)))
    return sorted(found, key=lambda b: b.line)


def replaced(text: str, node: ast.expr | ast.stmt, new: ast.AST) -> str:
    """A text with another node in the place of one, over as many lines."""
    rows = text.encode().splitlines(keepends=True)
    before = b"".join(rows[: node.lineno - 1]) + rows[node.lineno - 1][: node.col_offset]
    after = rows[node.end_lineno - 1][node.end_col_offset :] + b"".join(rows[node.end_lineno :])
    new = ast.unparse(ast.fix_missing_locations(new))
    rest = "\n" * (node.end_lineno - node.lineno - new.count("\n"))
    new = new + rest if isinstance(node, ast.stmt) else f"({new}{rest})"
    return (before + new.encode() + after).decode()


def parts(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement and what is in it, down to the statements within."""
    yield statement
    left = [statement]
    while left:
        for child in ast.iter_child_nodes(left.pop()):
            if not isinstance(child, ast.stmt):
                yield child
                left.append(child)


def lines(statement: ast.stmt) -> range:
    """The lines of a statement, or of its head where it holds others."""
    body = getattr(statement, "body", None)
    if isinstance(body, list):
        return range(statement.lineno, max(body[0].lineno, statement.lineno + 1))
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def is_words(node: ast.AST) -> bool:
    """What no behaviour hangs on: annotations, messages, the branch for type checkers, what tests draw."""
    if isinstance(node, ast.keyword):
        return node.arg in ("cases", "names")
    if isinstance(node, ast.Lambda) and [a.arg for a in node.args.args] == ["f", "A"]:
        return True
    if isinstance(node, ast.Raise | ast.AnnAssign | ast.Assert | ast.ImportFrom | ast.Import | ast.arguments):
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)

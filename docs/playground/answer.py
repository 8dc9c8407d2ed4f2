"""What the playground answers to a piece of code: its output, its value, the gradients of its variables, the graph."""

from __future__ import annotations

import ast
import contextlib
import io
import traceback
from typing import Any

import numpy as np

import tinygrad_np as tg


def answer(text: str) -> dict[str, Any]:
    """Run a program; its last expression is its value.

    Returns:
        A dict of strings: `printed`, `value`, `gradients` (by name), `svg`, and `error` with the line that raised.
        What there is not, is "" or an empty dict.
    """
    found: dict[str, Any] = {"printed": "", "value": "", "gradients": {}, "svg": "", "error": ""}
    names: dict[str, Any] = {"np": np, "tg": tg, "__name__": "playground"}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = run(text, names)
            if value is not None:
                found["value"] = repr(value)
            if isinstance(value, tg.Tensor) and value.requires_grad and not value.is_leaf:
                value.backward(np.ones_like(value.numpy()), retain_graph=True)
                leaves = {name: x for name, x in names.items() if isinstance(x, tg.Tensor) and x.is_leaf}
                found["gradients"] = {n: np.array2string(x.grad) for n, x in leaves.items() if x.grad is not None}
                found["svg"] = value.graph(names=leaves).to_svg()
    except BaseException as error:  # the page goes on whatever the program does, sys.exit() too
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == "<playground>"]
        where = f"line {lines[-1]}: " if lines else ""
        found["error"] = where + "".join(traceback.format_exception_only(error)).strip()
    return found | {"printed": printed.getvalue()}


def run(text: str, names: dict[str, Any]) -> Any:
    """Execute a program; return the value of its last statement if that is an expression."""
    tree = ast.parse(text, "<playground>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<playground>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<playground>", "eval"), names) if last else None

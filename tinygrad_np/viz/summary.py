"""A model as a table: each module with its output's shape, parameters, bytes, operations and what backward keeps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..engine.modes import enable_grad
from ..engine.tensor import Tensor
from .capture import capture
from .labels import nbytes_text, shape_text


class ModuleRow(NamedTuple):
    """One module: its own parameters and operations, without those of the modules in it."""

    layer: str
    type: str
    output: str
    parameters: int
    nbytes: int
    operations: int | None
    saved_nbytes: int | None
    shared: bool  # some of its parameters were counted in an earlier row


class Summary:
    """The rows of a model's table and its totals; prints itself. Totals count a shared parameter once."""

    def __init__(self, name: str, rows: list[ModuleRow]):
        self.name, self.rows = name, rows
        self.parameters = sum(row.parameters for row in rows)
        self.nbytes = sum(row.nbytes for row in rows)
        ran = rows[0].operations is not None
        self.operations = sum(row.operations or 0 for row in rows) if ran else None
        self.saved_nbytes = sum(row.saved_nbytes or 0 for row in rows) if ran else None

    def __str__(self) -> str:
        heads = ["layer", "type", "output", "parameters", "bytes"]
        table = [
            [
                row.layer,
                row.type,
                row.output,
                f"{row.parameters:,}" + ("*" if row.shared else ""),
                nbytes_text(row.nbytes),
            ]
            for row in self.rows
        ]
        total = ["total", "", "", f"{self.parameters:,}", nbytes_text(self.nbytes)]
        if self.operations is not None:
            heads += ["operations", "kept for backward"]
            table = [
                line + [str(row.operations), nbytes_text(row.saved_nbytes or 0)]
                for line, row in zip(table, self.rows, strict=True)
            ]
            total += [str(self.operations), nbytes_text(self.saved_nbytes or 0)]
        widths = [max(map(len, column)) for column in zip(heads, *table, total, strict=True)]

        def written(cells: list[str]) -> str:
            return "  ".join(
                cell.ljust(width) if i < 3 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        lines = [written(heads), rule, *map(written, table), rule, written(total)]
        if any(row.shared for row in self.rows):
            lines.append("* shares parameters with a layer above, which counts them")
        return "\n".join(lines)

    __repr__ = __str__


def summary(model, x: Any = None) -> Summary:
    """The table of `model`; with `x`, an input (or a tuple of inputs), also of what it computes from it."""
    outputs: dict[int, str] = {}
    used: dict[int, tuple[int, int]] = {}
    if x is not None:
        with watched_forwards(model, outputs), enable_grad():
            out = model(*x) if isinstance(x, tuple) else model(x)
        view = capture([t for t in tensors_in(out)], model) if tensors_in(out) else None
        used = counted(view, model) if view is not None else {}
    rows, counted_already = [], set()
    for name, module in model.named_modules():
        own = [p for p in own_parameters(module)]
        new = [p for p in own if id(p) not in counted_already]
        counted_already |= {id(p) for p in own}
        depth = name.count(".") + 1 if name else 0
        operations, kept = used.get(id(module), (0, 0)) if x is not None else (None, None)
        rows.append(
            ModuleRow(
                "  " * depth + (name or type(model).__name__),
                type(module).__name__,
                outputs.get(id(module), ""),
                sum(p.size for p in new),
                sum(p.nbytes for p in new),
                operations,
                kept,
                len(new) < len(own),
            )
        )
    return Summary(type(model).__name__, rows)


def own_parameters(module) -> list:
    """The parameters of a module that are not of a module inside it."""
    inner = {id(p) for _, child in module.named_children() for p in child.parameters()}
    held = {id(value) for value in vars(module).values()}
    return [p for p in module.parameters() if id(p) not in inner or id(p) in held]


@contextmanager
def watched_forwards(model, outputs: dict[int, str]):
    """Run in evaluation mode and note the shape of every module's last output; leave the model as it was."""
    modes = [(module, module.training) for module in model.modules()]
    own = [(module, vars(module).get("forward")) for module, _ in modes]
    try:
        model.eval()
        for module, _ in modes:
            vars(module)["forward"] = noting(module, module.forward, outputs)
        yield
    finally:
        for module, forward in own:
            if forward is None:
                vars(module).pop("forward", None)
            else:
                vars(module)["forward"] = forward
        for module, training in modes:
            module.training = training


def noting(module, forward, outputs: dict[int, str]):
    """A module's forward that notes the shape of what it returns."""

    def noted(*args, **kwargs):
        out = forward(*args, **kwargs)
        outputs[id(module)] = " ".join(shape_text(tuple(t.shape)) for t in tensors_in(out, plain=True))
        return out

    return noted


def tensors_in(out, plain: bool = False) -> list:
    """The tensors in what a module returned; also the arrays, if `plain`."""
    if isinstance(out, Tensor) or plain and isinstance(out, np.ndarray):
        return [out]
    if isinstance(out, dict):
        out = tuple(out.values())
    return [t for part in out for t in tensors_in(part, plain)] if isinstance(out, (list, tuple)) else []


def counted(view, model) -> dict[int, tuple[int, int]]:
    """{id of module: (operations, bytes kept)} of the innermost module that made each node."""
    paths = {path or type(model).__name__: id(module) for path, module in model.named_modules()}
    scopes = {scope.id: scope for scope in view.scopes}
    found: dict[int, tuple[int, int]] = {}
    for node in view.nodes:
        if node.is_leaf:
            continue
        scope = scopes.get(node.scope)
        while scope is not None and scope.name not in paths:
            scope = scopes.get(scope.parent)
        key = id(model) if scope is None else paths[scope.name]
        operations, kept = found.get(key, (0, 0))
        found[key] = operations + 1, kept + node.saved_nbytes
    return found

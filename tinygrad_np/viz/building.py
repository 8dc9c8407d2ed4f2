"""The words with which a graph is written that no tape of ours recorded: leaves, operations, and a view of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .naming import Ids, Numbering
from .residuals import dtype_name, nbytes_of, number
from .schema import Edge, Saved, Scope, Value, ViewNode
from .view import GraphView


class Builder:
    """A graph under way: what is added must come after what it uses."""

    def __init__(self) -> None:
        self.nodes: list[ViewNode] = []
        self.edges: list[Edge] = []
        self.scopes: dict[str, Scope] = {}
        self.ids, self.numbers = Ids(), Numbering()

    def scope(self, name: str, kind: str, parent: str | None = None, call: int = 1, layer: bool = False) -> str:
        """A module or a call that nodes are in; the same name twice is the same."""
        id_ = name if call == 1 else f"{name}@{call}"
        self.scopes.setdefault(id_, Scope(id_, name, kind, parent, call, layer=layer))
        return id_

    def leaf(
        self, name: str, kind: str, shape: tuple, dtype: Any, value: Value | None = None, label: str = "", **more: Any
    ) -> str:
        """Where the graph begins; its id, which is also what it is called unless there is a label."""
        id_ = self.ids.new(name)
        dtype = dtype if isinstance(dtype, str) else dtype_name(dtype)
        self.nodes.append(
            ViewNode(id_, kind, label or id_, tuple(shape), dtype, size(shape, dtype), value=value, **more)
        )
        return id_

    def number(self, value: Any, of: str, slot: int) -> str:
        """A constant of an operation."""
        id_ = self.ids.new(f"{of}[{slot}]")
        self.nodes.append(
            ViewNode(id_, "const", number(value), (), dtype_name(np.dtype(type(value))), args=number(value))
        )
        return id_

    def name(self, op: str, scope: str | None = None) -> str:
        """The id of the next operation of a kind."""
        return self.ids.new(self.numbers.next(f"{scope}/{op}" if scope else op))

    def operation(self, id_: str, op: str, operands: list[tuple[str, str, Any, bool]], **more: Any) -> str:
        """An operation and its edges; `operands` are (id, what it is called, shape, whether a gradient comes back)."""
        shape, dtype = more.pop("shape", None), more.pop("dtype", None)
        self.nodes.append(ViewNode(id_, "op", op, shape, dtype, size(shape, dtype), **more))
        for slot, (src, word, of, tracked) in enumerate(operands):
            self.edges.append(Edge(src, id_, slot, word, of, tracked))
        return id_

    def view(self, outputs: list[str], title: str) -> GraphView:
        """All of it; `uses` and the steps of a backward pass are counted here."""
        uses: dict[str, int] = {}
        for e in self.edges:
            uses[e.src] = uses.get(e.src, 0) + e.tracked
        tracked = {e.dst for e in self.edges if e.tracked}
        steps = iter(range(len([n for n in self.nodes if n.id in tracked]), 0, -1))
        nodes = [
            n._replace(uses=uses.get(n.id, 0), step=next(steps) if n.id in tracked and not n.is_leaf else None)
            for n in self.nodes
        ]
        return GraphView(
            tuple(nodes), tuple(self.edges), tuple(self.scopes.values()), tuple(dict.fromkeys(outputs)), title
        )


def size(shape: Any, dtype: Any) -> int:
    """Bytes, where they are known."""
    if shape is None or dtype is None or shape and not isinstance(shape[0], int):
        return 0
    try:
        return nbytes_of(shape, dtype)
    except TypeError:  # a dtype that NumPy has not
        return 0


def saved(name: str, shape: tuple, dtype: str, nbytes: int, counted: bool) -> Saved:
    """An array that is kept for backward."""
    return Saved(name, tuple(shape), dtype, nbytes, counted)

"""From the tape to a GraphView: one node a recorded operation, one edge an operand, in the order of creation."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

from ..engine.tape import CONST, FREED, SELECT, oldest_first
from ..engine.watchers import NOTES
from .gradients import cotangent_norms, norm, over_batch, summed
from .residuals import Buffers, dtype_name, nbytes_of, read_saved
from .schema import Edge, Node
from .scopes import scopes_of
from .view import GraphView


def capture(
    outputs, model=None, *, names: dict[str, Any] | None = None, grads: bool = False, title: str | None = None
) -> GraphView:
    """See `viz.graph`."""
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for out in outputs:
        if not hasattr(out, "node"):
            raise TypeError(f"graph: found a {type(out).__name__}; expected a Tensor, or a list of them")
    if not outputs or model is not None and not hasattr(model, "named_modules") or not hasattr(names or {}, "items"):
        raise TypeError("graph: expected at least one Tensor, a Module as model, and a dict {name: tensor} as names")
    work = Capture(outputs, model, names or {}, grads)
    for node in work.tape:
        if node.op is None:
            work.leaf(node)
        else:
            work.operation(node)
    outs = [
        work.found[id(out.node)]
        if out.node.tracked
        else work.constant(out.node, f"output[{i}]", (out.shape, dtype_name(out.dtype), ""))
        for i, out in enumerate(outputs)
    ]
    names_of_outs = [work.given.get(id(out.node)) or id_ for out, id_ in zip(outputs, outs, strict=True)]
    roots = tuple(weakref.ref(out.node) for out in outputs)
    return GraphView(
        tuple(work.nodes),
        tuple(work.edges),
        work.scopes,
        tuple(dict.fromkeys(outs)),
        title or ", ".join(dict.fromkeys(names_of_outs[:3])),
        tape=roots,
    )


class Capture:
    """One capture under way: the tape, what is known of all of it, and the nodes and edges made so far."""

    def __init__(self, outputs: list, model, names: dict[str, Any], grads: bool):
        self.tape = oldest_first(dict.fromkeys(out.node for out in outputs))
        self.scopes, self.innermost, self.order, named = scopes_of(self.tape, model)
        self.params = {id(p.node): name for name, p in named}
        tensors = {name: t for name, t in names.items() if hasattr(t, "node") and t.node is not CONST}
        self.given = {id(t.node): str(name) for name, t in tensors.items()}
        self.norms = cotangent_norms(outputs) if grads else {}
        self.buffers = Buffers({id(p.node): p.array for _, p in named})
        self.uses = Counter(id(parent) for node in self.tape for parent in node.parents)
        visits = [node for node in reversed(self.tape) if node.op is not None]
        self.steps = {id(node): i for i, node in enumerate(visits, 1)}
        self.ids, self.numbers = Ids(), Numbers()
        self.found: dict[int, str] = {}  # tape node -> id
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []

    def leaf(self, node) -> None:
        """Describe where the tape ends: a parameter, or another tensor that requires a gradient."""
        key = id(node)
        name = self.params.get(key) or self.given.get(key) or node.name or self.numbers.next("leaf")
        id_ = self.found[key] = self.ids.new(name)
        self.nodes.append(
            Node(
                id_,
                "param" if key in self.params else "leaf",
                id_,
                node.shape,
                dtype_name(node.dtype),
                nbytes_of(node.shape, node.dtype),
                uses=self.uses[key],
                grad_norm=norm(node.grad) if node.grad is not None else self.norms.get(key),
            )
        )

    def constant(self, node, place: str, facts: tuple) -> str:
        """Describe an operand without gradient; what no Tensor holds is a node of its own at each use.

        `facts` are the (shape, dtype, number) that are known from residuals, if any.
        """
        key = id(node)
        if node is not CONST and key in self.found:
            return self.found[key]
        name = self.given.get(key) or node.name
        shape, dtype, value = facts
        if node.dtype is not None:
            shape, dtype = node.shape, dtype_name(node.dtype)
        id_ = self.ids.new(name or place)
        self.nodes.append(
            Node(
                id_,
                "data" if shape else "const",
                name or value or ("data" if shape else "constant"),
                shape,
                dtype,
                nbytes_of(shape, dtype) if shape else 0,
                args=value,
            )
        )
        if node is not CONST:
            self.found[key] = id_
        return id_

    def operation(self, node) -> None:
        """Describe one recorded operation and the edges to it."""
        row, key, scope = node.op, id(node), self.innermost[id(node)]
        name = self.numbers.next(f"{scope}/{row.name}" if scope else row.name)
        id_ = self.found[key] = self.ids.new(name)
        saved, args, operands, constants = read_saved(node, self.buffers)
        for slot, parent in enumerate(node.parents):
            operand = operands[slot] if slot < len(operands) else str(slot)
            if parent.tracked:
                self.edges.append(
                    Edge(
                        self.found[id(parent)],
                        id_,
                        slot,
                        operand,
                        parent.shape,
                        True,
                        summed(node, slot, operand),
                        self.norms.get(id(parent)),
                        over_batch=over_batch(row, operand),
                    )
                )
            else:
                facts = constants.get(slot, UNKNOWN)
                src = self.constant(parent, f"{id_}[{slot}]", facts)
                shape = parent.shape if parent.dtype is not None else facts[0]
                self.edges.append(Edge(src, id_, slot, operand, shape, False))
        several = isinstance(node.dtype, (list, tuple))
        dtypes = node.dtype if several else [node.dtype]
        shapes = node.shape if several else [node.shape]
        note = NOTES.get(node)
        self.nodes.append(
            Node(
                id_,
                "op",
                row.name,
                tuple(node.shape),
                ", ".join(dict.fromkeys(str(dtype_name(d)) for d in dtypes)),
                0 if row is SELECT else sum(map(nbytes_of, shapes, dtypes)),
                scope,
                args,
                self.order[key],
                self.steps[key],
                self.uses[key],
                saved,
                node.saved is FREED,
                self.norms.get(key),
                note and note.source,
                note and note.time_ns,
                row.kind == "elementwise",
            )
        )


UNKNOWN = (None, None, "")


class Ids:
    """Names that are given once: a second tensor called x is x~1."""

    def __init__(self) -> None:
        self.given: dict[str, int] = {}

    def new(self, name: str) -> str:
        """The name, or the name with a number when it is taken."""
        while name in self.given:
            self.given[name] += 1
            name = f"{name}~{self.given[name]}"
        self.given[name] = 0
        return name


class Numbers:
    """Names with a number each: relu#0, relu#1."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    def next(self, name: str) -> str:
        """The name with the number of times it was asked for before."""
        number = self.used.get(name, 0)
        self.used[name] = number + 1
        return f"{name}#{number}"

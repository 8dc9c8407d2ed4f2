"""From the tape to a GraphView: one node a recorded operation, one edge an operand, in the order of creation."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import numpy as np

from ..engine.seen import Given
from ..engine.tape import CONST, FREED, SELECT, oldest_first
from ..engine.watchers import NOTES
from .collapse import MAX_NODES
from .formulas import ASSIGNED, UNNAMED, Expression, arguments_of, expression_of, number_said, worth_saying
from .gradients import Back, Values, euclidean_norm, over_batch, summed
from .names import CallerNames
from .naming import Ids, Numbering
from .residuals import Buffers, dtype_name, nbytes_of, number, read_saved
from .schema import Edge, Value, ViewNode, size_of
from .scopes import scopes_of
from .values import FEW_ELEMENTS, described
from .view import GraphView


def capture(
    outputs,
    model=None,
    *,
    names: dict[str, Any] | None = None,
    frame=None,
    values: bool | None = None,
    grads: bool | None = None,
    title: str | None = None,
) -> GraphView:
    """See `viz.graph`. `frame` is that of the code that asks: its variables name what nothing else names."""
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for out in outputs:
        if not hasattr(out, "_node"):
            raise TypeError(f"graph: found a {type(out).__name__}; expected a Tensor, or a list of them")
    if not outputs or model is not None and not hasattr(model, "named_modules") or not hasattr(names or {}, "items"):
        raise TypeError("graph: expected at least one Tensor, a Module as model, and a dict {name: tensor} as names")
    work = Capture(outputs, model, CallerNames(names or {}, frame), values, grads)
    for node in work.tape:
        if node.op is None:
            work.leaf(node)
        else:
            work.operation(node)
    outs = [
        work.found[id(out._node)]
        if out._node.tracked
        else work.constant(out._node, f"output[{i}]", (out.shape, dtype_name(out.dtype), ""), None)
        for i, out in enumerate(outputs)
    ]
    names_of_outs = [work.name_of(out._node) or id_ for out, id_ in zip(outputs, outs, strict=True)]
    roots = tuple(weakref.ref(out._node) for out in outputs)
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

    def __init__(self, outputs: list, model, names: CallerNames, values: bool | None, grads: bool | None):
        self.tape = oldest_first(dict.fromkeys(out._node for out in outputs))
        self.scopes, self.innermost, self.order, parameters = scopes_of(self.tape, model)
        self.params = {id(p._node): name for name, p in parameters}
        self.names = names
        self.buffers = Buffers({id(p._node): p._array for _, p in parameters})
        self.uses = Counter(id(parent) for node in self.tape for parent in node.parents)
        visits = [node for node in reversed(self.tape) if node.op is not None]
        self.steps = {id(node): i for i, node in enumerate(visits, 1)}
        small = len(self.tape) <= MAX_NODES and all(is_small(node) for node in self.tape)
        self.show_values = small if values is None else values
        self.asked = values and grads
        held = (
            {id(out._node): out._array for out in outputs}
            | names.tensors
            | {id(p._node): p._array for _, p in parameters}
        )
        self.values = Values(self.tape if self.show_values or grads or small else [], held)
        self.back = self.pass_back(outputs, grads, small and grads is not False)
        self.ids, self.numbers = Ids(), Numbering()
        self.found: dict[Any, str] = {}  # tape node, or memory of an array -> id
        self.said: dict[int, Expression] = {}  # tape node -> what stands for it in a formula: its name or a short one
        self.alone = Counter(self.innermost.values())  # scope -> its operations
        self.scope = {scope.id: scope for scope in self.scopes}
        self.hold: list[weakref.ref] = []  # what is found by its id must stay
        self.nodes: list[ViewNode] = []
        self.edges: list[Edge] = []

    def pass_back(self, outputs: list, grads: bool | None, small: bool) -> Back | None:
        """The gradients at all nodes, if they are wanted and can be had."""
        if not grads and not small:
            return None
        try:
            back = Back(outputs, self.tape, self.values, small)
        except Exception:  # a rule of its user's that fails: the picture is still to be had
            if grads:
                raise
            return None
        told = (n.op is None or id(n) in back.totals or hasattr(n, "cotangent") for n in self.tape)
        if grads and any(n.saved is FREED for n in self.tape) and not all(told):
            raise ValueError(
                "graph: grads=True needs a graph that is not freed: call it before backward, or "
                "pass retain_graph=True to backward"
            )
        return back

    def name_of(self, node) -> str:
        """What its user calls a node."""
        key = id(node)
        given = self.params.get(key) or self.names.of_node.get(key) or getattr(node, "name", None)
        return given or self.names.variables.get(key, "")

    def value(self, node) -> Value | None:
        """What is shown of a node's array."""
        found = self.values.of(node) if self.show_values else None
        return None if found is None else described(found)

    def gradient(self, node) -> tuple[float | None, Value | None]:
        """The norm of a node's gradient, and what is shown of it: of a leaf that which backward gave it."""
        g = getattr(node, "grad", None)
        if g is None and self.back is not None:
            g = self.back.totals.get(id(node))
        shown = self.show_values or self.back is not None
        if g is None and shown:
            g = getattr(node, "cotangent", None)
        if g is None or isinstance(g, (dict, tuple)):
            return None, None
        return euclidean_norm(g), described(g) if shown and (
            self.show_values or size_of(g.shape) <= FEW_ELEMENTS
        ) else None

    def leaf(self, node) -> None:
        """Describe where the tape ends: a parameter, or another tensor that requires a gradient."""
        key = id(node)
        given = self.name_of(node)
        name = given or self.numbers.next("leaf")
        id_ = self.found[key] = self.ids.new(name)
        self.said[key] = Expression(given) if given else UNNAMED
        grad_norm, grad = self.gradient(node)
        self.nodes.append(
            ViewNode(
                id_,
                "param" if key in self.params else "leaf",
                id_,
                node.shape,
                dtype_name(node.dtype),
                nbytes_of(node.shape, node.dtype),
                uses=self.uses[key],
                grad_norm=grad_norm,
                value=self.value(node),
                grad=grad,
            )
        )

    def constant(self, node, place: str, facts: tuple, given) -> str:
        """Describe an operand without gradient: the same memory is the same box; a number is a node at each use.

        `facts` are the (shape, dtype, number) that are known from residuals, `given` what the call was given.
        """
        key: Any = id(node) if node is not CONST else None
        array, value, name = None, "", self.name_of(node) if node is not CONST else ""
        shape, dtype, value = facts
        if type(given) is Given:
            memory = given.owner()
            key, array = id(given.owner), memory if memory is not None else given.copy
            if not self.values.believed and given.copy is not None:  # its user may have written to it
                array = None
            self.hold.append(given.owner)
            name = name or (self.names.of_array.get(id(memory), "") if memory is not None else "")
            shape, dtype = (
                (given.shape, dtype_name(given.dtype)) if array is None else (array.shape, dtype_name(array.dtype))
            )
            value = number(given.copy) if given.copy is not None and given.copy.ndim == 0 else value
        elif number(given):
            shape, dtype, value = (), dtype or dtype_name(np.dtype(type(given))), number(given)
        if node.dtype is not None:
            shape, dtype = node.shape, dtype_name(node.dtype)
            known = self.values.of(node) if self.values.believed else None
            array = array if known is None else known
        if key is not None and key in self.found:
            return self.found[key]
        id_ = self.ids.new(name or place)
        self.nodes.append(
            ViewNode(
                id_,
                "data" if shape else "const",
                name or value or ("data" if shape else "constant"),
                shape,
                dtype,
                nbytes_of(shape, dtype) if shape else 0,
                args=value,
                value=described(array) if array is not None and self.show_values and type(array) in ARRAYS else None,
            )
        )
        if key is not None:
            self.found[key] = id_
        return id_

    def operation(self, node) -> None:
        """Describe one recorded operation and the edges to it."""
        row, key, scope = node.op, id(node), self.innermost[id(node)]
        name = self.numbers.next(f"{scope}/{row.name}" if scope else row.name)
        id_ = self.found[key] = self.ids.new(name)
        saved, args, operands, constants = read_saved(node, self.buffers)
        given = arguments_of(node, self.name_of_array)
        told: list[Expression] = []  # what stands for each operand in a formula
        for slot, parent in enumerate(node.parents):
            operand = operands[slot] if slot < len(operands) else str(slot)
            if parent.tracked:
                src = self.found[id(parent)]
                told.append(self.said[id(parent)])
                edge = Edge(src, id_, slot, operand, node_shape(parent), True, summed(node, slot, operand))
                if row.shared and over_batch(row, operand):
                    edge = edge._replace(over_batch=True)
                self.edges.append(edge if self.back is None else self.with_numbers(edge, key, row, self.back))
            else:
                facts, of = constants.get(slot, UNKNOWN), given.get(operand)
                src = self.constant(parent, f"{id_}[{slot}]", facts, of)
                shape = of.shape if type(of) is Given else parent.shape if parent.dtype is not None else facts[0]
                text = number(of)
                shape, text = ((), text) if text else (shape, facts[2])
                told.append(number_said(text) if text else self.named_box(src, shape, of))
                self.edges.append(Edge(src, id_, slot, operand, shape, False))
        if isinstance(node.dtype, (list, tuple)):
            dtype = ", ".join(dict.fromkeys(str(dtype_name(d)) for d in node.dtype))
            nbytes = sum(map(nbytes_of, node.shape, node.dtype))
        else:
            dtype, nbytes = str(dtype_name(node.dtype)), nbytes_of(node.shape, node.dtype)
        note = NOTES.get(node) if NOTES else None
        word, named = self.word(row, scope), self.name_of(node)
        formula = expression_of(row, word, told, given, self.name_of_array)
        self.said[key] = Expression(named) if named else UNNAMED if formula.level == ASSIGNED else formula.short()
        if not worth_saying(told, [not p.tracked for p in node.parents], given, bool(named)):
            formula = UNNAMED
        if args or given.texts:
            args = {k: v for k, v in args.items() if given.get(k) is None} | given.texts
        options = ", ".join([f"{k}={v}" if k else v for k, v in args.items()])
        grad_norm, grad = self.gradient(node)
        self.nodes.append(
            ViewNode(
                id_,
                "op",
                row.name,
                tuple(node.shape),
                dtype,
                0 if row is SELECT else nbytes,
                scope,
                options,
                self.order[key],
                self.steps[key],
                self.uses[key],
                saved,
                node.saved is FREED,
                grad_norm,
                note and note.source,
                note and note.time_ns,
                row.kind == "elementwise",
                name=named,
                formula="" if formula is UNNAMED else formula.text,
                value=self.value(node),
                grad=grad,
            )
        )

    def with_numbers(self, edge: Edge, key: int, row, back: Back) -> Edge:
        """An edge with what came back along it, and the derivative by which that was multiplied."""
        along = back.along.get((key, edge.slot))
        if along is None and row is SELECT:
            along = back.totals.get(key)
        return edge._replace(
            grad_norm=None if along is None or isinstance(along, (dict, tuple)) else euclidean_norm(along),
            local=shown_gradient(back.local.get((key, edge.slot))),
            gives=shown_gradient(along, bool(self.asked)),
        )

    def word(self, row, scope: str | None) -> str:
        """What an operation is called by its user: the function that is made of it alone, such as clip."""
        around = self.scope.get(scope or "")
        made_alone = around is not None and around.type == "function" and self.alone[scope] == 1
        return around.name.rpartition("/")[2] if around is not None and made_alone else row.name

    def name_of_array(self, given: Given) -> str:
        """The name of the variable that holds an array which a call was given."""
        memory = given.owner()
        return "" if memory is None else self.names.of_array.get(id(memory), "")

    def named_box(self, id_: str, shape, given) -> Expression:
        """The name of a constant array in a formula; x[…] of a view of it that is not all of it as it stands."""
        if not shape or id_.endswith("]"):
            return UNNAMED
        return Expression(f"{id_}[…]" if type(given) is Given and covers_part(given) else id_)


ARRAYS = (np.ndarray,)


def covers_part(given: Given) -> bool:
    """Whether an array that was given is another than the one whose memory it has, as far as that was noted."""
    memory = given.owner()
    if memory is None or memory.shape != given.shape:
        return memory is not None
    return given.copy is not None and not np.array_equal(memory, given.copy, memory.dtype.kind in "fc")


def is_small(node) -> bool:
    """Whether all numbers of a node may be shown."""
    shapes = node.shape if isinstance(node.dtype, (list, tuple)) else [node.shape]
    return sum(map(size_of, shapes)) <= FEW_ELEMENTS


def node_shape(node) -> tuple:
    """A node's shape as plain tuples: a list of them for several outputs."""
    return tuple(map(tuple, node.shape)) if isinstance(node.dtype, (list, tuple)) else tuple(node.shape)


def shown_gradient(g, large: bool = False) -> Value | None:
    """A small cotangent or partial as data; one that is `large` too, by its range, if that is wanted."""
    return (
        None
        if g is None or isinstance(g, (dict, tuple)) or size_of(g.shape) > FEW_ELEMENTS and not large
        else described(g)
    )


UNKNOWN = (None, None, "")

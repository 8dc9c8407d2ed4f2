"""What comes back: norms of cotangents, and along which axes one is summed because an operand served many elements."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.kinds import Elementwise
from ..engine.operation import Operation
from ..engine.seen import Given, given_to
from ..engine.signatures import PLAIN
from ..engine.tape import CONST, FREED, SELECT, FreedGraphError, Node, new_node, together, walk
from .formulas import defaults_of, same_value


def over_batch(row, operand: str) -> bool:
    """Whether axis 0 of the output is known to be the batch, which shares this operand."""
    return operand in row.shared


def summed(node, slot: int, operand: str) -> tuple[tuple[int, int], ...]:
    """((axis, length), ...) of the output along which the gradient of operand `slot` is summed; empty if unknown.

    Exact for broadcasting, the matrix product and what a row says to be `shared`; nothing is claimed for others.
    """
    if node.op is SELECT or isinstance(node.dtype, (list, tuple)):
        return ()
    row, shape, operand_shape = node.op, node.shape, node.parents[slot].shape
    if shape == operand_shape and isinstance(row, Elementwise):
        return ()
    if over_batch(row, operand):
        axes = row.shared[operand](len(shape))
    elif row.fun is np.matmul and len(shape) >= 2 and len(operand_shape) >= 2:
        batch = broadcast_axes(operand_shape[:-2], shape[:-2])
        axes = (*batch, len(shape) - (2 if slot else 1))
    elif isinstance(row, Elementwise) or row.fun is np.broadcast_to:
        axes = broadcast_axes(operand_shape, shape)
    else:
        return ()
    return tuple((axis, shape[axis]) for axis in axes if shape[axis] != 1)


def broadcast_axes(small: tuple, large: tuple) -> tuple[int, ...]:
    """The axes of `large` along which an array of shape `small` is repeated."""
    lead = len(large) - len(small)
    return tuple(range(lead)) + tuple(lead + i for i, n in enumerate(small) if n == 1 and large[lead + i] != 1)


def euclidean_norm(g) -> float:
    """The Euclidean norm of a gradient."""
    found = float(np.linalg.norm(np.asarray(getattr(g, "_array", g)).ravel()))
    return math.nan if found != found else found  # the one object, so that equal pictures are equal


class AsRecorded(Operation):
    """The operation of a copied node that runs a function again, which ends at the nodes that were recorded."""

    kind = "checkpoint"

    def __init__(self, node: Node):
        self.node, self.name = node, node.op.name

    def pull_all(self, node: Node, ct: Any, lift: Any) -> list[Any]:
        return self.node.op.pull_all(self.node, ct, lift)


class Back:
    """One pass from the outputs: `totals` {node: cotangent}, what came `along` {(node, slot): cotangent} each edge.

    `local` {(node, slot): partial} is what the incoming cotangent was multiplied by, for numbers and elementwise
    operations without broadcasting. It walks a copy of the tape, whose freed residuals are computed again from values,
    and ends where they cannot be: from there on nodes have noted their cotangents.
    """

    def __init__(self, outputs: list, tape: list, values: Values, local: bool):
        self.totals: dict[int, Any] = {}
        self.along: dict[tuple[int, int], Any] = {}
        self.local: dict[tuple[int, int], Any] = {}
        self.original: dict[Node, Node] = {}
        self.slots: Iterator[int] = iter(())
        copies: dict[int, Node] = {}
        for node in tape:
            if node.op is None:
                copies[id(node)] = node
                continue
            parents = tuple(copies.get(id(p), p) for p in node.parents)
            saved = values.residuals(node) if node.saved is FREED else node.saved
            op = AsRecorded(node) if node.op.kind == "checkpoint" else node.op
            copies[id(node)] = copy = new_node(op, parents, saved, node.shape, node.dtype)
            self.original[copy] = node
        tracked = [out for out in outputs if out._node.tracked]
        roots = [copies[id(out._node)] for out in tracked]
        cts = [np.ones(out.shape, out.dtype) for out in tracked]
        for root, ct in zip(roots, cts, strict=True):
            if root.op is None:
                self.add(root, ct)
        with np.errstate(all="ignore"):
            try:
                if len(roots) == 1:
                    walk(roots[0], cts[0], None, None, "careful_pulls", [], self)
                elif roots:
                    walk(together(roots), tuple(cts), None, None, "careful_pulls", [], self)
            except FreedGraphError:
                pass
            for copy, node in self.original.items() if local else ():
                self.note_local(copy, node)

    def add(self, node: Node, g) -> None:
        """Add up what arrives at a node."""
        key = id(node)
        self.totals[key] = self.totals[key] + g if key in self.totals else g

    def before(self, node: Node, ct) -> None:
        """The pass is at a node, with its whole cotangent: what it gives follows in the order of tracked operands."""
        if node in self.original:
            self.totals[id(self.original[node])] = ct
        self.slots = iter([i for i, parent in enumerate(node.parents) if parent.tracked])

    def backward(self, node: Node, parent: Node, g) -> None:
        """A cotangent goes to one operand."""
        slot, of = next(self.slots), self.original.get(node)
        if of is not None and g is not None:
            if parent.op is None:
                self.add(parent, g)
            self.along[id(of), slot] = g

    def note_local(self, copy: Node, node: Node) -> None:
        """What a one in the place of the incoming cotangent gives."""
        row, several = copy.op, isinstance(copy.dtype, (list, tuple))
        if row is SELECT or row.joint or several or id(node) not in self.totals or copy.saved is FREED:
            return
        number = math.prod(copy.shape) == 1
        if not number and not isinstance(row, Elementwise):
            return
        one = np.ones(copy.shape, copy.dtype)
        for slot, parent in enumerate(copy.parents):
            if parent.tracked and (number or parent.shape == copy.shape):
                self.local[id(node), slot] = row.careful_pulls[slot](one, parent, copy.saved[slot])


class Values:
    """The arrays of a tape's nodes, as far as they are known: noted, held by a tensor, kept for backward, or computed.

    A node that nothing else tells of is computed again from its operands. That is `believed` unless it contradicts what
    is known, such as the outputs: then a leaf or a constant has been changed since.
    """

    def __init__(self, tape: list, tensors: dict[int, Any]):
        self.found: dict[int, Any] = dict(tensors)
        self.kept: dict[int, Any] = {}
        for node in tape:
            self.look(node)
        computed: list[int] = []
        self.believed = True
        for node in tape:
            known = self.of(node)
            if known is not None:
                self.found[id(node)] = known
            if node.op is None or known is not None and not (self.believed and node.op.repeatable):
                continue
            if known is not None and not computed and all(parent.tracked for parent in node.parents):
                continue
            again = self.computed(node)
            if known is None and again is not None:
                self.found[id(node)] = again
                computed.append(id(node))
            elif known is not None and again is not None:
                self.believed = agree(known, again)
        for key in () if self.believed else computed:
            del self.found[key]

    def of(self, node: Node):
        """The array of a node, or None."""
        if id(node) in self.found:
            return self.found[id(node)]
        value = getattr(node, "value", None)
        if type(value) is tuple:
            tensor, value = value[0](), value[1]
            if tensor is not None:
                value = tensor._array if tensor._array.shape == node.shape else None
        return value if value is not None else self.kept.get(id(node))

    def look(self, node: Node) -> None:
        """Find arrays among the residuals: outputs and operands."""
        row = node.op
        if row is None or row is SELECT or node.saved is FREED or row.joint or isinstance(node.dtype, (list, tuple)):
            return
        for names, saved in zip(row.residuals, node.saved, strict=False):
            for name, value in zip(names, saved or (), strict=False):
                of = node if name == "out" else node.parents[row.diff.index(name)] if name in row.diff else None
                if of not in (None, CONST) and isinstance(value, np.ndarray) and value.shape == of.shape:
                    self.kept.setdefault(id(of), value)

    def call(self, node: Node) -> list | None:
        """The values of a call's parameters; None if one is not known."""
        row, given = node.op, given_to(node)
        if row.joint:
            return None
        if given is None:  # all but the operands were at their defaults
            try:
                given = row.bind(**dict.fromkeys(row.diff))
            except TypeError:
                return None
        values = [array_given(v) if type(v) is Given and v.copy is not None else v for v in given]
        for slot, parent in zip(row.positions, node.parents, strict=False):
            if type(given[slot]) is Given:
                values[slot] = array_given(given[slot])
            elif parent is not CONST:
                values[slot] = self.of(parent)
            if values[slot] is None:
                return None
        return None if any(type(v) is Given for v in values) else values

    def computed(self, node: Node):
        """The value of a node from those of its operands; None if they do not tell."""
        if node.op is SELECT or isinstance(node.dtype, (list, tuple)):
            return None
        values = self.call(node)
        if values is None:
            return None
        try:
            with np.errstate(all="ignore"):
                out = called(node.op, values)
        except Exception:
            return None
        out = out[0] if node.op.recompute is not None else out
        return np.asarray(out) if np.shape(out) == node.shape else None

    def residuals(self, node: Node):
        """What a node kept before it was freed; FREED if that cannot be told."""
        row = node.op
        if row is SELECT:
            return getattr(node, "saved", FREED)
        values, out = self.call(node) if hasattr(row, "save") else None, self.of(node)
        if values is None or out is None or row.recompute is not None or not self.believed:
            return FREED
        return row.save(values, out, tuple(parent.tracked for parent in node.parents))


def called(row, values: list) -> Any:
    """A row's function of these values of its parameters: those at their defaults are not said."""
    defaults = defaults_of(row)
    said = [
        (name, value) for name, value in zip(row.names, values, strict=True) if not at_default(name, value, defaults)
    ]
    first = [value for name, value in said if name not in defaults]
    return row.fun(*first, **{name: value for name, value in said if name in defaults})


def at_default(name: str, value: Any, defaults: dict[str, Any]) -> bool:
    """Whether an argument says nothing; what NumPy calls its `_NoValue` stands for a plain value."""
    if name not in defaults:
        return False
    default = defaults[name]
    return same_value(value, PLAIN.get(name) if default is np._NoValue else default)


def agree(known: Any, again: Any) -> bool:
    """Whether two arrays are equal but for rounding; a picture shows fewer digits."""
    known, again = np.asarray(known), np.asarray(again)
    if known.dtype.kind not in "fc":
        return np.array_equal(known, again)
    tolerance = float(np.sqrt(np.finfo(known.dtype).eps))
    with np.errstate(all="ignore"):
        return np.allclose(known, again, tolerance, tolerance * np.max(np.abs(known), initial=0), equal_nan=True)


def array_given(given: Given) -> np.ndarray | None:
    """The array that was given, while it is known."""
    if given.copy is not None:
        return given.copy
    owner = given.owner()
    return owner if owner is not None and owner.shape == given.shape else None

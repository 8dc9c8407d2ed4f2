"""From the tape to a GraphView: one node a recorded operation, one edge an operand, in the order of creation."""

from __future__ import annotations

import functools
import math
import weakref
from collections import Counter
from typing import Any, Iterable

import numpy as np

from ..graph import CONST, FREED, SELECT, Leaf, filled, oldest_first
from ..notes import NOTES
from .scopes import scopes_of
from .sums import SHARED, summed
from .view import Edge, GraphView, Node, Saved

FREE_ARGS = (None, False, "K", "C")     # arguments that say nothing, at their usual defaults


def capture(outputs, model=None, *, names: dict[str, Any] | None = None, grads: bool = False,
            title: str | None = None) -> GraphView:
    """Describe what `outputs`, a tensor or several, were computed from.

    `model` names parameters and modules; without it the outermost module that was called does. `names` maps
    further names to tensors. `grads` pulls a cotangent of ones back, without touching any `.grad`, to know the norm
    at every node (not once the graph is freed).
    """
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    roots = list(dict.fromkeys(out.node for out in outputs))
    tape = oldest_first(roots)
    scopes, innermost, order, named = scopes_of(tape, model)
    params = {id(p.node): (name, p) for name, p in named}
    given = {id(t.node): str(name) for name, t in (names or {}).items() if hasattr(t, "node") and t.node is not CONST}
    norms = cotangent_norms(outputs, tape) if grads else {}
    buffers = Buffers({id(p.node): p.array for _, p in named})
    uses = Counter(id(parent) for node in tape for parent in node.parents)
    ids, numbers = Ids(), Counter()
    found: dict[int, str] = {}
    nodes: list[Node] = []
    edges: list[Edge] = []
    steps = {id(node): i for i, node in enumerate((n for n in reversed(tape) if n.row is not None), 1)}

    def leaf(node, id_: str, kind: str) -> None:
        found[id(node)] = id_
        grad = norm(node.grad) if node.grad is not None else norms.get(id(node))
        nodes.append(Node(id_, kind, id_, node.shape, dtype_name(node.dtype), nbytes_of(node.shape, node.dtype),
                          uses=uses[id(node)] if node.tracked else 0, grad_norm=grad))

    def constant(parent, owner: str, slot: int, info) -> str:
        """The node of an operand without gradient; arrays and numbers that no Tensor holds are a node each use."""
        if parent is not CONST and id(parent) in found:
            return found[id(parent)]
        name = given.get(id(parent)) or parent.name
        shape, dtype, value = info or (None, None, "")
        shape, dtype = (parent.shape, dtype_name(parent.dtype)) if parent.dtype is not None else (shape, dtype)
        kind = "data" if shape else "const"
        id_ = ids.new(name) if name else f"{owner}[{slot}]"
        nodes.append(Node(id_, kind, name or value or ("data" if shape else "constant"), shape, dtype, nbytes_of(shape, dtype) if shape else 0,
                          args=value))
        if parent is not CONST:
            found[id(parent)] = id_
        return id_

    for node in tape:
        row, key = node.row, id(node)
        if row is None:
            name, kind = (params[key][0], "param") if key in params else (given.get(key) or node.name, "leaf")
            if not name:
                name = f"leaf#{numbers[None, 'leaf']}"
                numbers[None, "leaf"] += 1
            leaf(node, ids.new(name), kind)
            continue
        scope = innermost[key]
        op = row.name
        number = numbers[scope, op]
        numbers[scope, op] += 1
        id_ = found[key] = ids.new(f"{scope}/{op}#{number}" if scope else f"{op}#{number}")
        saved, args, operands, infos = read_saved(node, buffers)
        for slot, parent in enumerate(node.parents):
            operand = operands[slot] if slot < len(operands) else f"{operands[-1] if operands else 'operand'}[{slot}]"
            src = found[id(parent)] if parent.tracked else constant(parent, id_, slot, infos.get(slot))
            shape = parent.shape if parent.tracked or parent.dtype is not None else infos.get(slot, (None,))[0]
            edges.append(Edge(src, id_, slot, operand, shape, parent.tracked,
                              summed(node, slot, operand) if parent.tracked else (), norms.get(id(parent)), 1,
                              (op, operand) in SHARED))
        note = NOTES.get(node)
        dtypes = [node.dtype] if not isinstance(node.dtype, (list, tuple)) else node.dtype
        shapes = [node.shape] if not isinstance(node.dtype, (list, tuple)) else node.shape
        nodes.append(Node(id_, "op", op, tuple(node.shape), ", ".join(dict.fromkeys(map(dtype_name, dtypes))),
                          0 if row is SELECT else sum(map(nbytes_of, shapes, dtypes)), scope, args, order[key],
                          steps[key], uses[key], saved, node.saved is FREED, norms.get(key),
                          note and note.source, note and note.time_ns, getattr(row, "kind", "") == "elementwise"))
    for root, out in zip(roots, outputs):
        if not root.tracked:
            constant(root, "output", 0, (out.shape, dtype_name(out.dtype), ""))
    outs = tuple(found.get(id(root), "output[0]") for root in roots)
    title = title or ", ".join(given.get(id(root), "") or found.get(id(root), "output") for root in roots[:3])
    return GraphView(tuple(nodes), tuple(edges), scopes, outs, title, tape=tuple(map(weakref.ref, roots)))


# ---- what one node keeps ----------------------------------------------------------------------------------

class Buffers:
    """Which memory the residuals occupy: each base array is counted once, and a parameter's own never."""

    def __init__(self, parameters: dict[int, np.ndarray]):
        self.leaves = {node: owner(array) for node, array in parameters.items()}
        self.counted = {id(base) for base in self.leaves.values()}

    def count(self, array: np.ndarray, leaf) -> tuple[int, bool]:
        """The bytes that an array keeps alive, and whether this is the first to do so."""
        base = owner(array)
        if leaf is not None and id(leaf) not in self.leaves:    # an unnamed leaf's array is alive anyway
            return base.nbytes, False
        new = id(base) not in self.counted
        self.counted.add(id(base))
        return base.nbytes, new


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory a view looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def read_saved(node, buffers: Buffers) -> tuple[tuple[Saved, ...], str, tuple[str, ...], dict[int, tuple]]:
    """What a node keeps for backward, its arguments as text, its operands' names, and facts on its constants."""
    row = node.row
    if row is SELECT:
        return (), f"output {node.saved}", ("of",), {}
    operands = (tuple(f"{row.diff[0]}[{i}]" for i in range(len(node.parents))) if row.joint else row.diff)
    if node.saved is FREED:
        return (), "", operands, {}
    saved: dict[tuple, Saved] = {}
    args: dict[str, str] = {}
    infos: dict[int, tuple] = {}
    for names, values in zip(row.residuals, node.saved):
        for name, value in zip(names, values or ()):
            slot = operands.index(name) if name in operands else None
            parent = node.parents[slot] if slot is not None and slot < len(node.parents) else None
            leaf = parent if parent is not None and parent.tracked and isinstance(parent, Leaf) else None
            if slot is not None and parent is not None and not parent.tracked:
                infos[slot] = constant_facts(value)
            elif name not in row.diff and name != "out" and not name.endswith("_shape") and name != "tracked":
                text = argument(value)
                if text and not (name == "where" and value is True):
                    args[name] = text
            for array in arrays_in(value):
                if (name, id(array)) not in saved:
                    nbytes, new = buffers.count(array, leaf)
                    saved[name, id(array)] = Saved(name, array.shape, dtype_name(array.dtype), nbytes, new)
    return tuple(saved.values()), ", ".join(f"{k}={v}" for k, v in args.items()), operands, infos


def arrays_in(value) -> Iterable[np.ndarray]:
    """The arrays in a residual, also inside lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from arrays_in(v)
    elif isinstance(value, dict):
        yield from arrays_in(tuple(value.values()))
    elif hasattr(value, "node") and hasattr(value, "array"):
        yield value.array


def constant_facts(value) -> tuple:
    """(shape, dtype, text of the number) of an operand without gradient, from the residual that holds it."""
    shape = np.shape(value) if not isinstance(value, (list, tuple)) else ()
    dtype = dtype_name(getattr(value, "dtype", np.dtype(type(value)) if isinstance(value, (int, float, complex)) else None))
    return shape, dtype, number(value) if shape == () else ""


def number(value) -> str:
    """A number as text; nothing for what is not one."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.item()
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(value) if isinstance(value, complex) else ""


def argument(value) -> str:
    """An argument as short text; nothing where it is an array or says nothing."""
    if isinstance(value, slice):
        parts = ["" if p is None else str(p) for p in (value.start, value.stop)]
        return ":".join(parts if value.step is None else [*parts, str(value.step)])
    if isinstance(value, tuple) and value and all(argument(v) or v is None for v in value):
        return "(" + ", ".join("None" if v is None else argument(v) for v in value) + ")"
    if value is Ellipsis:
        return "..."
    if any(value is v for v in FREE_ARGS) or not isinstance(value, (bool, int, float, str, np.integer, np.floating)):
        return ""
    return repr(value)[:40] if isinstance(value, str) else number(value) if not isinstance(value, bool) else str(value)


def nbytes_of(shape, dtype) -> int:
    """The bytes of an array of this shape and dtype."""
    return math.prod(shape) * np.dtype(dtype).itemsize if shape is not None and dtype is not None else 0


@functools.cache
def dtype_name(dtype) -> str | None:
    """The name of a dtype, such as float32."""
    return None if dtype is None else str(np.dtype(dtype))


class Ids:
    """Names that are given once: a second tensor called x is x~1."""

    def __init__(self):
        self.given: Counter = Counter()

    def new(self, name: str) -> str:
        """The name, or the name with a number when it is taken."""
        while name in self.given:
            self.given[name] += 1
            name = f"{name}~{self.given[name] - 1}"
        self.given[name] = 1
        return name


# ---- gradients --------------------------------------------------------------------------------------------

def norm(g) -> float:
    """The Euclidean norm of a gradient."""
    return float(np.linalg.norm(np.asarray(getattr(g, "array", g)).ravel()))


def pulled(node, ct):
    """(parent, cotangent) for the operands of one node that need a gradient; a zero cotangent wins over infinity."""
    if node.row.joint:
        return [(p, g) for p, g in zip(node.parents, node.row.pull_all(node, ct, None)) if p.tracked]
    return [(p, pull(ct, p, saved)) for pull, p, saved in zip(node.row.careful_pulls, node.parents, node.saved)
            if p.tracked]


def cotangent_norms(outputs: list, tape: list) -> dict[int, float]:
    """The norm of every node's cotangent, for a cotangent of ones of each output: `graph.pullback`, watched."""
    cts: dict = {}
    for out in outputs:
        ct = np.ones(out.shape, out.dtype)
        cts[out.node] = cts[out.node] + ct if out.node in cts else ct
    norms: dict[int, float] = {}
    with np.errstate(all="ignore"):
        for node in reversed(tape):
            if node not in cts:
                continue
            ct = cts.pop(node)
            if isinstance(ct, dict):
                norms[id(node)] = math.sqrt(sum(norm(g) ** 2 for g in filled(ct, node)))
            else:
                norms[id(node)] = norm(ct)
            if node.row is SELECT:
                cts.setdefault(node.parents[0], {})[node.saved] = ct
            elif node.row is not None:
                if node.saved is FREED:
                    raise ValueError("graph: grads=True needs a graph that is not freed: call it before backward, or "
                                     "pass retain_graph=True to backward")
                ct = filled(ct, node) if isinstance(ct, dict) else ct
                for parent, g in pulled(node, ct):
                    cts[parent] = cts[parent] + g if parent in cts else g
    return norms

"""The tape: one node an operation; a pullback walks it newest first, a pushforward oldest first.

Parents are made before children, so serial numbers are a topological order: nothing here recurses,
sorts a set or colors a node. A node knows arrays and other nodes, never a Tensor, so nothing points
back at its consumer and a graph dies by reference counting alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush, heappushpop
from itertools import count, repeat
from operator import attrgetter
from typing import Any

import numpy as np

from .arrays import has_nan
from .modes import current
from .operation import Operation

serials = count()
next_serial = serials.__next__


class Node:
    """One recorded operation: what it did, its parents, and what its derivative reads.

    `saved` holds one tuple of residuals a parent (None where the parent needs no gradient), or is
    `FREED` once a pullback has consumed them. `shape` and `dtype` describe the output; for an
    operation with several outputs they are lists, and each output is a `Select` node below.
    `new_node` makes one: a class without `__init__` is the quickest to call.
    `origin`, `value`, `given`, `cotangent` and `name` are for pictures, see seen.py,
    and set only where there is something to see.
    """

    __slots__ = (
        "serial",
        "op",
        "parents",
        "saved",
        "shape",
        "dtype",
        "origin",
        "value",
        "given",
        "cotangent",
        "name",
        "__weakref__",
    )
    tracked = True
    exposed: Any = None
    shape: Any
    dtype: Any
    origin: Any
    value: Any
    given: tuple[Any, ...]
    cotangent: Any
    name: str | None

    serial: int
    op: Any
    parents: tuple[Any, ...]
    saved: Any


def new_node(op: Any, parents: tuple[Any, ...], saved: Any, shape: tuple[Any, ...] | list[Any], dtype: Any) -> Node:
    """The node of an operation that has just been done."""
    node = Node()
    node.serial = next_serial()
    node.op = op
    node.parents = parents
    node.saved = saved
    node.shape = shape
    node.dtype = dtype
    return node


class Leaf(Node):
    """Where a gradient is wanted and the tape ends: `grad` is what `backward` has accumulated."""

    __slots__ = ("grad", "exposed", "changed")
    grad: np.ndarray | None

    def __init__(self, shape: tuple[Any, ...], dtype: Any, name: str | None = None) -> None:
        self.serial = next_serial()
        self.op = None
        self.parents = self.saved = ()
        self.shape = shape
        self.dtype = dtype
        self.grad = None
        self.name = name
        self.exposed = None  # a weak reference to the view that its user holds, see aliasing.py
        self.changed = 0  # the serial number of the last in-place update


class Variable(Leaf):
    """The leaf of a transform. Its function may assign to it, as to an argument of its own: the leaf stays below."""

    __slots__ = ()


class Const(Leaf):
    """An operand that needs no gradient. Its serial is older than every tape, so every pass prunes it."""

    __slots__ = ()
    tracked = False

    def __init__(self, shape: tuple[Any, ...] = (), dtype: Any = None, name: str | None = None) -> None:
        super().__init__(shape, dtype, name)
        self.serial = -1


CONST = Const()
FREED = "freed"


class Select(Operation):
    """The operation of a node that is output `index` (its `saved`) of the operation above it."""

    name = kind = "select"


SELECT = Select()


class Several(Operation):
    """The operation of a node that stands for several, above them: its cotangent is a tuple of theirs."""

    name = "outputs"

    def pull_all(self, node: Node, ct: tuple[Any, ...], lift: Callable[..., Any] | None) -> list[Any]:
        return list(ct)


def together(nodes: Iterable[Node]) -> Node:
    """One root for a pass from several nodes, so that an operation sees all that uses it."""
    return new_node(Several(), tuple(nodes), (), (), None)


class FreedGraphError(RuntimeError):
    """The residuals of this graph were released by an earlier backward."""


SMALL = 64  # elements: an array of at most so many is kept for pictures
ARRAY_TYPES = frozenset((np.ndarray, np.float64, np.float32, np.float16, np.complex128, np.complex64))
WITH_PARTIALS = frozenset(("elementwise", "reduction", "bilinear"))  # the kinds with a careful pull of their own


def pullback(
    root: Node,
    ct: Any,
    *,
    wanted: Iterable[Node] | None = None,
    lift: Callable[..., Any] | None = None,
    free: bool = False,
) -> dict[Node, Any]:
    """Return {node: cotangent} for the `wanted` nodes, by default every leaf below `root`: x̄ = J(x)ᵀ ȳ.

    `ct` is the cotangent of `root`. `lift(array, node)` makes residuals differentiable, so that the pass records
    itself; `free` releases the residuals of every node that was visited.

    The first pass multiplies plainly. A zero cotangent times an infinite or NaN partial leaves a NaN, which reaches
    a result wherever it matters; only then a second, careful pass lets the zeros win. So the guard costs one look at
    the results, not one at each operation.
    """
    stop = None if wanted is None else frozenset(wanted)
    visited: list[Node] = []
    watch = current().watch
    found = walk(root, ct, stop, lift, "careful_pulls" if watch else "pulls", visited, watch, free)
    if not watch and any(map(has_nan, found.values())) and any(node.op.kind in WITH_PARTIALS for node in visited):
        found = walk(root, ct, stop, lift, "careful_pulls", visited, None, free)
    if free:
        for node in visited:
            node.saved = FREED
    return found


silent_pullback = np.errstate(all="ignore")(pullback)  # an unused branch may divide by zero; `times` has the answer


def walk(
    root: Node,
    ct: Any,
    stop: frozenset[Any] | None,
    lift: Any,
    pulls: str,
    visited: list[Any],
    watch: Any,
    free: bool = False,
) -> dict[Node, Any]:
    """One pass, newest node first. Cotangents live in a dict local to it and are popped when consumed.

    A picture computes again what is freed. From the first operation on that does not let it, nodes keep their small
    cotangents.
    """
    rules_of = attrgetter(pulls)
    plain = lift is None and watch is None
    noting = False
    oldest = 0 if stop is None else min([node.serial for node in stop], default=root.serial)
    found: dict[Node, Any] = {}
    cts: dict[Node, Any] = {}  # of the nodes in the heap
    heap: list[tuple[int, Node]] = []
    following: Node | None = root  # a candidate beside the heap, and its cotangent: a chain never touches the heap
    following_ct = ct
    while following is not None or heap:
        if following is None:
            node = heappop(heap)[1]
            ct = cts.pop(node)
        elif heap and heap[0][0] < -following.serial:
            cts[following] = following_ct
            node = heappushpop(heap, (-following.serial, following))[1]
            ct = cts.pop(node)
        else:
            node, ct = following, following_ct
        following = None
        op = node.op
        if op is None if stop is None else node in stop:
            found[node] = ct
            continue
        if op is None:
            continue
        if type(ct) is dict:
            ct = filled(ct, node)
        joint = op.joint
        if free and (noting or joint):
            noting = True
            if type(ct) in ARRAY_TYPES and ct.size <= SMALL:
                node.cotangent = ct
        saved = node.saved
        if saved is FREED:
            raise FreedGraphError(
                f"backward through {op.name}: the graph was freed by an earlier backward; "
                "pass retain_graph=True to that one, or compute the value again"
            )
        if watch is not None:
            watch.before(node, ct)
        if op is SELECT:
            parent = node.parents[0]
            if parent not in cts:
                cts[parent] = {}
                heappush(heap, (-parent.serial, parent))
            several = cts[parent]  # one entry an output, and an output may have been selected twice
            several[saved] = several[saved] + ct if saved in several else ct
            continue
        visited.append(node)
        parents = node.parents
        if joint:
            pulled: Any = zip(parents, op.pull_all(node, ct, lift), repeat(None))
        elif plain and len(parents) == 1:
            pulled = ((parents[0], rules_of(op)[0], saved[0]),)  # quicker than to zip one
        else:
            pulled = zip(parents, rules_of(op), saved if lift is None else op.lifted(node, lift))
        for parent, g, residuals in pulled:
            if parent.serial < oldest:
                continue
            if residuals is not None:
                g = g(ct, parent, residuals)
            if watch is not None:
                watch.backward(node, parent, g)
            if parent is following:
                following_ct = following_ct + g
            elif cts and parent in cts:
                cts[parent] = cts[parent] + g
            elif stop is None and parent.op is None:  # a leaf has nothing below it to wait for
                found[parent] = found[parent] + g if parent in found else g
            elif following is None:
                following, following_ct = parent, g
            else:
                cts[parent] = g
                heappush(heap, (-parent.serial, parent))
    return found


def pushforward(roots: list[Node], tangents: dict[Node, Any], lift: Callable[..., Any]) -> list[Any]:
    """Return the tangent of each root, or None where it does not depend on the given nodes: ẏ = J(x) ẋ."""
    oldest = min((node.serial for node in tangents), default=0)
    dots = dict(tangents)
    for node in oldest_first(roots, oldest):
        if node in dots or node.op is None:
            continue
        if node.op is SELECT:
            if node.parents[0] in dots:
                dots[node] = dots[node.parents[0]][node.saved]
            continue
        ts = [dots.get(parent) for parent in node.parents]
        if any(t is not None for t in ts):
            if node.saved is FREED:
                raise FreedGraphError(f"jvp through {node.op.name}: the graph was freed by an earlier backward")
            dots[node] = node.op.pushforward(node, ts, lift)
    return [dots.get(root) for root in roots]


def oldest_first(roots: Iterable[Node], oldest: int = 0) -> list[Node]:
    """The nodes that `roots` depend on, parents before children, none older than serial `oldest`."""
    found = {root for root in roots if root.serial >= oldest}
    stack = list(found)
    while stack:
        for parent in stack.pop().parents:
            if parent.serial >= oldest and parent not in found:
                found.add(parent)
                stack.append(parent)
    return sorted(found, key=lambda node: node.serial)


class Cotangents(tuple[Any, ...]):
    """The cotangents of every output of one operation, and the numbers of the outputs that something `used`."""

    used: frozenset[int]


def filled(ct: dict[int, Any], node: Node) -> Cotangents:
    """The cotangents of every output of `node`: zeros for the outputs that nothing used."""
    full = Cotangents(
        ct[i] if i in ct else np.zeros(shape, dtype) for i, (shape, dtype) in enumerate(zip(node.shape, node.dtype))
    )
    full.used = frozenset(ct)
    return full

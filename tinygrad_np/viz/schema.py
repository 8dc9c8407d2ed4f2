"""What a graph consists of, as plain values: nodes, edges, the calls that nodes belong to; it keeps no array alive."""

from __future__ import annotations

import difflib
import fnmatch
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self


class Saved(NamedTuple):
    """One array that a node keeps for backward; `counted` marks the first holder of its buffer."""

    name: str
    shape: tuple
    dtype: str
    nbytes: int
    counted: bool


class Value(NamedTuple):
    """What is said of an array: every number of a small one (a pair for a complex one), else range and distribution.

    `low` and `high` are of the finite numbers, `odd` counts the others. `levels` is a thumbnail, `columns` wide.
    """

    numbers: tuple = ()
    low: float = 0.0
    high: float = 0.0
    odd: int = 0
    bins: tuple[int, ...] = ()
    columns: int = 0
    levels: str = ""


class ViewNode(NamedTuple):
    """One recorded operation, one leaf, or (with `members`) a box that stands for several of them.

    `kind` is op, param, leaf (another tensor that requires a gradient), data (an array that does not), const (a
    number), or one of the collapsed kinds module, chain, block. `order` is 0 for the forward computation, 1 for
    what a derivative recorded, 2 for what a derivative of that did. `step` numbers the visits of a backward pass.
    `uses` counts the edges along which a gradient comes back and is added up. `name` is its user's word for an
    operation's result; `formula` writes it with its constants, as in 1 - z. `value` and `grad` tell of its arrays.
    """

    id: str
    kind: str
    op: str
    shape: tuple | None = None
    dtype: str | None = None
    nbytes: int = 0
    scope: str | None = None
    args: str = ""
    order: int = 0
    step: int | None = None
    uses: int = 0
    saved: tuple[Saved, ...] = ()
    freed: bool = False
    grad_norm: float | None = None
    source: str | None = None
    time_ns: int | None = None
    elementwise: bool = False
    title: str = ""
    members: tuple[ViewNode, ...] = ()
    name: str = ""
    formula: str = ""
    value: Value | None = None
    grad: Value | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether the tape ends here."""
        return self.kind in LEAF_KINDS

    @property
    def color(self) -> str:
        """The name of its color in the palette: its kind, or derivative for what a derivative recorded."""
        return "derivative" if self.kind == "op" and self.order else self.kind

    @property
    def ops(self) -> int:
        """How many recorded operations this stands for."""
        if not self.members:
            return int(self.kind not in LEAF_KINDS)
        return sum([m.kind not in LEAF_KINDS for m in self.members])

    @property
    def saved_nbytes(self) -> int:
        """Bytes kept for backward, each buffer counted at its first holder."""
        if self.members:
            return sum([m.saved_nbytes for m in self.members if m.saved or m.members])
        return sum([s.nbytes for s in self.saved if s.counted]) if self.saved else 0

    @property
    def shared_nbytes(self) -> int:
        """Bytes kept for backward in buffers that an earlier node, or a parameter, holds as well."""
        if self.members:
            return sum([m.shared_nbytes for m in self.members if m.saved or m.members])
        return sum([s.nbytes for s in self.saved if not s.counted]) if self.saved else 0

    @property
    def leaves(self) -> tuple[ViewNode, ...]:
        """The leaves that are drawn as rows of this box."""
        return tuple([m for m in self.members if m.kind in LEAF_KINDS]) if self.members else ()


LEAF_KINDS = ("param", "leaf", "data", "const")


class Edge(NamedTuple):
    """Operand `slot` of `dst` is the value of `src`; `summed` are the axes of `dst` over which the gradient is summed.

    `operand` is the parameter's name in the operation. In a collapsed view one edge stands for `times` edges of
    the tape. `over_batch` says that axis 0 is the batch. `gives` is the cotangent that comes back along this edge,
    `local` the derivative by which the incoming one was multiplied, where it is a matter of multiplying.
    """

    src: str
    dst: str
    slot: int
    operand: str = ""
    shape: tuple | None = None
    tracked: bool = True
    summed: tuple[tuple[int, int], ...] = ()
    grad_norm: float | None = None
    times: int = 1
    over_batch: bool = False
    local: Value | None = None
    gives: Value | None = None


class Scope(NamedTuple):
    """One call of a module (or of a function that is made of others): its nodes are drawn together."""

    id: str
    name: str  # the qualified name, without the number of the call
    type: str  # what it is, such as Linear(64, 10)
    parent: str | None
    call: int = 1
    alike: str = ""  # equal for modules of the same class and parameter shapes
    layer: bool = False  # drawn as one box: a layer of `nn`, or a function that is made of others

    @property
    def title(self) -> str:
        """The name and class of a module, as in 0: Linear, and which call of it this is."""
        kind = self.type.split("(")[0]
        name = self.name if kind in ("function", self.name) else f"{self.name}: {kind}"
        return name + (f" (call {self.call})" if self.call > 1 else "")


class GraphMismatch(AssertionError):
    """A picture's edges are not the tape's."""


@dataclass(frozen=True)
class Graph:
    """Nodes and edges as data, what is asked of them, and the `whole` graph of which this is a part or a collapse."""

    nodes: tuple[ViewNode, ...]
    edges: tuple[Edge, ...]
    scopes: tuple[Scope, ...] = ()
    outputs: tuple[str, ...] = ()
    title: str = ""
    notes: tuple[str, ...] = ()
    plan: Any = None
    whole: Self | None = None
    tape: tuple = field(default=(), compare=False, repr=False)
    drawn: list[Graph] = field(default_factory=list, init=False, compare=False, repr=False)  # its automatic collapse

    # ---- reading ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, id: str) -> ViewNode:
        """The node with this id, or with this name."""
        for node in self.nodes:
            if node.id == id:
                return node
        members = (member for node in self.nodes for member in node.members)
        for node in (*self.nodes, *members, *(self.whole or self).nodes):
            if id in (node.name, node.id):
                return node
        raise KeyError(self._unknown(id))

    def find(self, pattern: str) -> tuple[ViewNode, ...]:
        """The nodes whose id, operation or module matches a pattern, as in a shell: `find("*relu*")`."""
        return tuple(n for n in self.nodes if any(fnmatch.fnmatchcase(text, pattern) for text in words_of(n)))

    def stats(self) -> dict[str, Any]:
        """Totals of the recorded graph: operations, leaves, edges, parameters, bytes."""
        return dict((self.whole or self)._totals)

    @cached_property
    def _totals(self) -> dict[str, Any]:
        params = [n for n in self.nodes if n.kind in ("param", "leaf")]
        ops = [n for n in self.nodes if n.kind not in LEAF_KINDS]
        return {
            "ops": len(ops),
            "leaves": len(self.nodes) - len(ops),
            "edges": len(self.edges),
            "parameters": sum(size_of(n.shape) for n in params),
            "parameter_nbytes": sum(n.nbytes for n in params),
            "saved_nbytes": sum([n.saved_nbytes for n in ops if n.saved or n.members]),
            "freed": any([n.freed for n in ops]),
            "orders": dict(sorted(Counter([n.order for n in ops]).items())),
            "time_ns": sum([n.time_ns for n in ops if n.time_ns]),
        }

    def only(self, kept: set[str], note: str) -> Self:
        """The part of this view that has these nodes; the note says which they are."""
        return replace(
            self,
            nodes=tuple(n for n in self.nodes if n.id in kept),
            edges=tuple(e for e in self.edges if e.src in kept and e.dst in kept),
            outputs=tuple(o for o in self.outputs if o in kept),
            notes=(*self.notes, note),
            whole=self.whole or self,
        )

    def _unknown(self, name: str) -> str:
        ids, ops, scopes = ([n.id for n in self.nodes], [n.op for n in self.nodes], [s.id for s in self.scopes])
        names = list(dict.fromkeys([n.name for n in self.nodes if n.name] + ids + ops + scopes))
        near = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
        return f"no node, operation or module is called {name!r}; there are {', '.join(map(repr, near))}"


def size_of(shape) -> int:
    size = 1
    for n in shape or ():
        size *= n
    return size


def words_of(node: ViewNode) -> tuple[str, ...]:
    """What a node goes by."""
    return node.id, node.op, node.scope or "", node.name


def matches(node: ViewNode, name: str) -> bool:
    """Whether a node, one of its members or its module goes by a name or a pattern."""
    if name in words_of(node) or (node.scope or "").startswith(name + ".") or fnmatch.fnmatchcase(node.id, name):
        return True
    return any(matches(m, name) for m in node.members)

"""What differs between two graphs, matched by ids that an insertion elsewhere does not change."""

from __future__ import annotations

from difflib import SequenceMatcher

from .labels import array_text
from .schema import ViewNode
from .view import GraphView


class GraphDiff:
    """The differences from graph `a` to graph `b`: true when there is any, one a line as text.

    `added` and `removed` are nodes; `reshaped` are pairs of nodes whose shape or dtype differ; `rewired` are pairs
    whose operands differ otherwise than by what was added or removed.
    """

    def __init__(
        self,
        added: list[ViewNode],
        removed: list[ViewNode],
        reshaped: list[tuple[ViewNode, ViewNode]],
        rewired: list[tuple[ViewNode, ViewNode, str]],
    ):
        self.added, self.removed, self.reshaped, self.rewired = added, removed, reshaped, rewired

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.reshaped or self.rewired)

    @property
    def text(self) -> str:
        """The differences, one a line; empty when there is none."""
        return "\n".join(
            [f"+ {n.id}  {array_text(n)}" for n in self.added]
            + [f"- {n.id}  {array_text(n)}" for n in self.removed]
            + [f"~ {a.id}  {array_text(a)} -> {array_text(b)}" for a, b in self.reshaped]
            + [f"~ {a.id}  {how}" for a, b, how in self.rewired]
        )

    def __str__(self) -> str:
        return self.text or "no difference"

    def __repr__(self) -> str:
        return (
            f"<GraphDiff: {len(self.added)} added, {len(self.removed)} removed, {len(self.reshaped)} reshaped, "
            f"{len(self.rewired)} rewired>"
        )


def graph_diff(a: GraphView, b: GraphView) -> GraphDiff:
    """Compare two recorded graphs (views are compared as wholes).

    Nodes are matched in the order of creation within each module call, by operation and name, so that one more
    operation in the middle is one difference.
    """
    for view in (a, b):
        if not isinstance(view, GraphView):
            raise TypeError(f"graph_diff: found a {type(view).__name__}; expected two graphs, as tg.graph makes them")
    a, b = a.whole or a, b.whole or b
    pairs = same_nodes(a, b)
    back = {new: old for old, new in pairs.items()}
    old, new = {n.id: n for n in a.nodes}, {n.id: n for n in b.nodes}
    reshaped = [
        (old[i], new[j]) for i, j in pairs.items() if (old[i].shape, old[i].dtype) != (new[j].shape, new[j].dtype)
    ]
    before, after = operands(a), operands(b)
    rewired = []
    for i, j in pairs.items():
        past = [skip(src, before, pairs) for src in before.get(i, ())]
        now = [back.get(src) for src in (skip(src, after, back) for src in after.get(j, ()))]
        if past != now:
            how = f"operands {', '.join(before.get(i, ()))} -> {', '.join(after.get(j, ()))}"
            rewired.append((old[i], new[j], how))
        elif old[i].args != new[j].args and not (old[i].freed or new[j].freed):
            rewired.append((old[i], new[j], f"arguments {old[i].args or 'none'} -> {new[j].args or 'none'}"))
    return GraphDiff(
        [n for n in b.nodes if n.id not in back], [n for n in a.nodes if n.id not in pairs], reshaped, rewired
    )


def same_nodes(a: GraphView, b: GraphView) -> dict[str, str]:
    """{id in a: id in b}: leaves by id, operations in order within their module call."""
    leaves = {n.id for n in b.nodes if n.is_leaf}
    pairs = {n.id: n.id for n in a.nodes if n.id in leaves and n.kind in ("param", "leaf", "data")}
    left, right = by_scope(a), by_scope(b)
    for scope, old in left.items():
        new = right.get(scope, [])
        pairs.update((old[i].id, new[j].id) for i, j in common_places([n.op for n in old], [n.op for n in new]))
    constants = {n.id for n in b.nodes if n.kind in ("const", "data")}
    where = operands(a)
    for i, j in list(pairs.items()):  # a constant goes with the operation that uses it
        for slot, src in enumerate(where.get(i, ())):
            if src not in pairs and src == f"{i}[{slot}]" and f"{j}[{slot}]" in constants:
                pairs[src] = f"{j}[{slot}]"
    return pairs


def common_places(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Which places of two sequences go together: what is equal at both ends, then the longest equal runs between.

    >>> common_places(list("abc"), list("abxc"))
    [(0, 0), (1, 1), (2, 3)]
    """
    low, shorter = 0, min(len(old), len(new))
    while low < shorter and old[low] == new[low]:
        low += 1
    tail = 0
    while tail < shorter - low and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    between = SequenceMatcher(None, old[low : len(old) - tail], new[low : len(new) - tail])
    pairs = [(i, i) for i in range(low)]
    for block in between.get_matching_blocks():
        pairs += [(low + block.a + k, low + block.b + k) for k in range(block.size)]
    return pairs + [(len(old) - tail + k, len(new) - tail + k) for k in range(tail)]


def by_scope(view: GraphView) -> dict[str | None, list[ViewNode]]:
    """The operations of each module call, in order."""
    found: dict[str | None, list[ViewNode]] = {}
    for node in view.nodes:
        if not node.is_leaf:
            found.setdefault(node.scope, []).append(node)
    return found


def operands(view: GraphView) -> dict[str, list[str]]:
    """The ids of every node's operands, in order."""
    found: dict[str, list[str]] = {}
    for edge in view.edges:
        found.setdefault(edge.dst, []).append(edge.src)
    return found


def skip(src: str, edges: dict[str, list[str]], pairs: dict[str, str]) -> str:
    """The operand, or what it was computed from if it is itself added or removed: one insertion is no rewiring."""
    while src not in pairs and edges.get(src):
        src = edges[src][0]
    return src

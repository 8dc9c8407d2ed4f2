"""What is inside a box, and inside the boxes in it: so that a page can open it at every size of graph.

A box is described by the numbers of the recorded nodes that it stands for; the page joins boxes by the recorded edges
between their nodes, so whatever is open, what is drawn is the tape.
"""

from __future__ import annotations

from typing import Any

from ..collapse import Plan, collapse
from ..labels import data_lines, details, heading, keeps_text, shape_text, short_name
from ..schema import Graph, ViewNode

ROOM = 40  # boxes at most that an opened box shows
PLENTY = 3000  # recorded nodes: of a larger graph, what is inside boxes is told in short


class Boxes:
    """The description of a view's boxes for a page, with all that is inside them."""

    def __init__(self, view: Graph):
        self.whole = view.whole or view
        self.number = {node.id: i for i, node in enumerate(self.whole.nodes)}
        self.short = len(self.whole.nodes) > PLENTY
        self.scopes = {scope.id: scope for scope in self.whole.scopes}
        self.operands: dict[str, list] = {}
        for edge in self.whole.edges:
            self.operands.setdefault(edge.dst, []).append(edge)

    def wires(self) -> list[int]:
        """The recorded edges as one list: from, to, and 1 where a gradient comes back, of each."""
        flat: list[int] = []
        for e in self.whole.edges:
            flat += (self.number[e.src], self.number[e.dst], int(e.tracked))
        return flat

    def of(self, view: Graph, outermost: bool = True) -> list[dict[str, Any]]:
        """Every box of a view: its texts, its place in the two passes, the nodes that it stands for, and its inside."""
        return [self.box(node, view, outermost) for node in view.nodes]

    def box(self, node: ViewNode, view: Graph, outermost: bool) -> dict[str, Any]:
        members = node.members or (node,)
        found: dict[str, Any] = {
            "id": node.id,
            "label": heading(node),
            "kind": "output" if node.id in view.outputs and not node.is_leaf else node.color,
            "lines": box_lines(node),
            "step": node.step,
            "m": runs([self.number[m.id] for m in members]),
        }
        if outermost or not self.short:
            found["facts"] = details(node, view)
            found["leaves"] = [leaf.id for leaf in node.leaves if leaf.kind in ("param", "leaf")][:12]
            found["words"] = " ".join([node.id, node.op, node.scope or "", *(m.id for m in members[:50])]).lower()
        if node.ops > 1:
            found["inside"] = self.of(self.inside(node), False)
        return found

    def inside(self, node: ViewNode) -> Graph:
        """A box's members as a view of their own, in few boxes."""
        around: set[str | None] = {None}
        scope = node.id if node.id in self.scopes else node.scope  # what is around all members is not drawn again
        while scope is not None:
            around.add(scope)
            scope = self.scopes[scope].parent
        nodes = tuple([m if m.scope is None or m.scope not in around else m._replace(scope=None) for m in node.members])
        known = {m.id for m in nodes}
        edges = tuple(e for m in nodes for e in self.operands.get(m.id, ()) if e.src in known)
        scopes = [s._replace(parent=None) if s.parent in around else s for s in self.whole.scopes if s.id not in around]
        used: set[str | None] = set()
        for m in nodes:
            scope = m.scope
            while scope is not None and scope not in used and scope not in around:
                used.add(scope)
                scope = self.scopes[scope].parent
        part = Graph(nodes, edges, tuple(s for s in scopes if s.id in used))
        found = collapse(part, Plan(max_nodes=ROOM))
        if any(n.ops == node.ops and n.id not in self.scopes for n in found.nodes):  # the same again
            found = collapse(part, Plan(max_nodes=ROOM, roll=False, fuse=False))
        return found


def box_lines(node: ViewNode) -> list[list[str]]:
    """The lines of a box, each with its rank: b for bold, s for small, p for a parameter."""
    lines = [["b", heading(node)]]
    if node.formula and not node.name and not node.members:
        lines.append(["", node.formula])
    if node.ops > 1:
        lines.append(["s", f"{node.ops:,} operations"])
    numbers = data_lines(node)
    if node.shape or not numbers:
        lines.append(["", shape_text(node.shape) or ("()" if node.shape == () else "")])
    lines += [["", line] for line in numbers]
    for leaf in [leaf for leaf in node.leaves if leaf.kind in ("param", "leaf")][:6]:
        lines.append(["p", f"{short_name(leaf, node)} {shape_text(leaf.shape)}"])
    if not numbers:
        lines.append(["s", keeps_text(node)])
    return [line for line in lines if line[1]]


def runs(numbers: list[int]) -> list[int]:
    """Increasing numbers as runs: first, length, first, length, ...

    >>> runs([1, 2, 3, 7])
    [1, 3, 7, 1]
    """
    found: list[int] = []
    for n in sorted(numbers):
        if found and n == found[-2] + found[-1]:
            found[-1] += 1
        else:
            found += (n, 1)
    return found

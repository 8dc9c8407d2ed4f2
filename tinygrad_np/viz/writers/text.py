"""A graph as a numbered listing, one operation a line: what a terminal and a diff can read."""

from __future__ import annotations

from ..labels import (
    array_text,
    data_text,
    gradient_text,
    heading,
    held,
    keeps_text,
    nbytes_text,
    plural,
    printable,
    totals,
)
from ..schema import LEAF_KINDS, Graph

FULL = range(1, 7)  # so many numbers of a gradient are all written, and their norm is not
MOST_FOLDED = 6  # folded leaves named in one line


def to_text(view: Graph) -> str:
    """The listing of a view: `%3 = matmul(%1, %2)  shape dtype, what it keeps`, modules as headings."""
    operands: dict[str, list] = {}
    for edge in view.edges:
        operands.setdefault(edge.dst, []).append(edge)
    number = {node.id: i for i, node in enumerate(view.nodes)}
    depth: dict[str | None, int] = {None: 0}
    for scope in view.scopes:
        depth[scope.id] = depth[scope.parent] + 1
    scopes = {scope.id: scope for scope in view.scopes}
    lines, around = [], None
    for node in view.nodes:
        if not node.is_leaf and node.scope != around and view.scopes:
            around = node.scope
            if around is not None:
                scope = scopes[around]
                call = f", call {scope.call}" if scope.call > 1 else ""
                lines.append(f"{'  ' * (depth[around] - 1)}{printable(scope.name)}: {scope.type}{call}")
        indent = "  " * depth.get(None if node.is_leaf else node.scope, 0)
        lines.append(indent + line(node, number, operands.get(node.id, ())))
    lines.append(f"{totals(view)}; {held(view)}")
    lines.extend(f"({note})" for note in view.notes)
    return "\n".join(lines)


def line(node, number: dict, edges) -> str:
    """One node of the listing."""
    facts = [array_text(node)]
    if node.kind in LEAF_KINDS:
        facts.append("requires grad" if node.kind in ("param", "leaf") else "no grad")
        name = printable(heading(node))
    else:
        given = [f"%{number[e.src]} ×{e.times}" if e.times > 1 else f"%{number[e.src]}" for e in edges]
        if node.members:
            leaves = node.leaves
            given += [
                printable(leaf.id if leaf.kind in ("param", "leaf") else heading(leaf)) for leaf in leaves[:MOST_FOLDED]
            ]
            if len(leaves) > MOST_FOLDED:
                given.append(f"{len(leaves) - MOST_FOLDED} more")
        operands = ", ".join([*given, node.args] if node.args else given)
        name = f"{printable(node.title or node.op)}({operands})"
        if node.formula:
            name += f"  {printable(node.formula)}"
        if node.name:
            name = f"{printable(node.name)} = {name}"
        if node.members:
            facts.append(plural(node.ops, "operation"))
        if node.step is not None:
            facts.append("freed" if node.freed else holds_text(node))
    if node.value is not None or node.grad is not None:
        facts.append(data_text(node))
    if node.grad_norm is not None or node.uses > 1 and node.is_leaf:
        facts.append(gradient_text(node, norm=node.grad is None or len(node.grad.numbers) not in FULL))
    if node.time_ns is not None:
        facts.append(f"{node.time_ns / 1000:.1f} µs")
    if node.source:
        facts.append(node.source)
    return f"%{number[node.id]} = {name}  {', '.join(filter(None, facts))}"


def holds_text(node) -> str:
    """What a node holds for backward, and that it uses what others hold where it holds nothing."""
    own = node.saved_nbytes
    if own or not node.shared_nbytes:
        return f"keeps {nbytes_text(own)}"
    return keeps_text(node)

"""A view in Mermaid's language, which GitHub and notes programs draw from text, within the limits they set."""

from __future__ import annotations

from dataclasses import replace

from ..collapse import Plan, collapse
from ..labels import (
    array_text,
    data_text,
    heading,
    held,
    keeps_text,
    plural,
    printable,
    shape_text,
    short_name,
    totals,
)
from ..schema import Graph, ViewNode
from .dot import rank_direction
from .frames import Frames
from .palette import LIGHT

MAX_TEXT = 45_000  # Mermaid refuses 50,000 characters
BRACKETS = {
    "param": ("([", "])"),
    "leaf": ("([", "])"),
    "data": ("[", "]"),
    "const": ("[", "]"),
    "module": ("[[", "]]"),
    "block": ("[[", "]]"),
}


def to_mermaid(view: Graph, max_edges: int = 250) -> str:
    """The flowchart of a view, collapsed until it has at most `max_edges` edges and 45,000 characters."""
    shown, budget = view, len(view.nodes)
    text = mermaid_text(shown)
    while (len(shown.edges) > max_edges or len(text) > MAX_TEXT) and budget > 2:
        budget = max(2, budget // 2)
        shown = collapse(view.whole or view, Plan(max_nodes=budget))
        shown = replace(shown, notes=(*shown.notes, f"Mermaid draws at most {plural(max_edges, 'edge')}"))
        text = mermaid_text(shown)
    return text


def mermaid_text(view: Graph) -> str:
    """The Mermaid text of a view exactly as it is."""
    number = {node.id: f"n{i}" for i, node in enumerate(view.nodes)}
    lines = [f"flowchart {rank_direction(view)}"]
    frames = Frames(view)
    for scope, nodes in frames.walk():
        if nodes is None:
            lines.append("end")
            continue
        if scope is not None:
            lines.append(f"subgraph c{frames.number[scope.id]}[{text(scope.title)}]")
        for node in nodes:
            opening, closing = BRACKETS.get(node.kind, ("(", ")"))
            kind = "output" if node.id in view.outputs and not node.is_leaf else node.color
            lines.append(f"{number[node.id]}{opening}{text(*label(node))}{closing}:::{kind}")
    for edge in view.edges:
        arrow = "-->" if edge.tracked else "-.->"
        said = " ".join(filter(None, (shape_text(edge.shape), f"×{edge.times}" if edge.times > 1 else "")))
        lines.append(f"{number[edge.src]} {arrow}{'|' + text(said) + '|' if said else ''} {number[edge.dst]}")
    kinds = dict.fromkeys("output" if n.id in view.outputs and not n.is_leaf else n.color for n in view.nodes)
    for kind in kinds:
        fill, border = LIGHT[kind]
        lines.append(f"classDef {kind} fill:{fill},stroke:{border},color:{LIGHT['text']}")
    lines.append(f"%% {totals(view)}; {held(view)}")
    lines.extend(f"%% {printable(note, 200)}" for note in view.notes)
    return "\n".join(lines) + "\n"


def label(node: ViewNode) -> list[str]:
    """The lines of a box."""
    rows = [heading(node), node.formula if not node.name else "", data_text(node)]
    rows.insert(1, array_text(node) if (not node.is_leaf or node.shape) and (node.shape or not rows[2]) else "")
    rows += [
        f"{short_name(leaf, node)} {shape_text(leaf.shape)}" for leaf in node.leaves if leaf.kind in ("param", "leaf")
    ][:6]
    keeps = keeps_text(node) if node.value is None or node.saved_nbytes >= 1000 else ""
    return [row for row in [*rows, keeps] if row]


def text(*rows: str) -> str:
    """A quoted Mermaid text; what has a meaning there is written as entities, which Mermaid spells with '#'."""

    def entity(c: str) -> str:
        return c if c.isalnum() or c in " .,:_()[]×-+…/=@" else f"#{ord(c)};"

    return '"' + "<br/>".join("".join(map(entity, printable(row))) for row in rows) + '"'

"""A view in Graphviz's language, quoted by ourselves: any name survives, the same graph gives the same bytes."""

from __future__ import annotations

from collections import Counter
from html import escape

from ..labels import caption, is_forward_only, is_wordless, operand_text, shape_text, summed_text
from ..schema import Edge, Graph
from .frames import Frames
from .palette import colors
from .quoting import attributes, esc, html, quote
from .table import node_line, width_of

DEEP, WIDE = 6, 800  # ranks, and points, of which a picture is drawn from left to right
FONT = "Helvetica,Arial,sans-serif"
LEGEND = {
    "param": "parameter",
    "leaf": "requires a gradient",
    "data": "data",
    "op": "operation",
    "output": "output",
    "derivative": "operation of a derivative",
    "module": "module",
    "chain": "fused chain",
    "block": "several operations",
}


def to_dot(
    view: Graph,
    *,
    rankdir: str | None = None,
    theme: str = "light",
    legend: bool = True,
    note: str = "",
    pictures: bool = False,
) -> str:
    """The DOT text of a view exactly as it is; see `GraphView.to_dot`."""
    palette = colors(theme)
    if rankdir not in (None, "LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir: found {rankdir!r}; expected 'LR', 'TB', 'RL' or 'BT'")
    text, muted = palette["text"], palette["muted"]
    graph = attributes(
        rankdir=rankdir or rank_direction(view),
        bgcolor=palette["background"],
        fontname=FONT,
        fontsize=11,
        fontcolor=muted,
        nodesep=0.3,
        ranksep=0.35,
        labelloc="b",
    )
    node_ = attributes(fontname=FONT, fontsize=12, fontcolor=text, margin="0.08,0.04")
    edge_ = attributes(fontname=FONT, fontsize=10, fontcolor=muted, color=palette["edge"], arrowsize=0.7)
    lines = ["digraph {", f"graph [{graph}]", f"node [{node_}]", f"edge [{edge_}]"]
    if legend:
        lines.append(f"label=<{legend_table(view, palette, note)}>")
    frames, number, rows = Frames(view), {node.id: i for i, node in enumerate(view.nodes)}, leaf_edges(view)
    fill, border = palette["cluster"]
    for scope, nodes in frames.walk():
        if nodes is None:
            lines.append("}")
            continue
        if scope is not None:
            frame = attributes(
                id=f"c{frames.number[scope.id]}",
                style="rounded,filled",
                color=border,
                fillcolor=fill,
                labelloc="t",
                labeljust="l",
            )
            lines.append(f"subgraph {quote('cluster_' + scope.id)} {{")
            lines.append(f"graph [{frame} label={html(scope.title)}]")
        for node in nodes:
            framed = node.scope is None or scope is not None and node.scope == scope.id
            own = None if node.scope is None or framed else frames.scopes.get(node.scope)
            lines.append(node_line(node, number[node.id], view, palette, rows, own, pictures))
    alike = Counter(edge.dst for edge in view.edges if is_wordless(edge))
    degree = Counter(edge.dst for edge in view.edges)
    ops = {n.id: n.op if degree[n.id] > 1 and (not n.members or n.ops == 1) else "" for n in view.nodes}
    solid = is_forward_only(view)
    for i, edge in enumerate(view.edges):
        lines.append(edge_line(edge, i, operand_text(edge, ops[edge.dst], alike[edge.dst]), solid, palette))
    return "\n".join([*lines, "}"]) + "\n"


def rank_direction(view: Graph) -> str:
    """Left to right for a graph that is short and not too wide to be read in a column; else top to bottom."""
    rank: dict[str, int] = {}
    for edge in view.edges:  # edges are in the order of creation, so one pass is the longest path
        rank[edge.dst] = max(rank.get(edge.dst, 0), rank.get(edge.src, 0) + 1)
    if max(rank.values(), default=0) > DEEP:
        return "TB"
    widths: dict[int, float] = {}
    for node in view.nodes:
        place = rank.get(node.id, 0)
        widths[place] = max(widths.get(place, 0), width_of(node))
    labels = max((len(shape_text(edge.shape)) for edge in view.edges), default=0)
    return "LR" if sum(widths.values()) + (len(widths) - 1) * (40 + 5 * labels) <= WIDE else "TB"


def leaf_edges(view: Graph) -> dict[tuple[str, str], Edge]:
    """The recorded edge by which each folded leaf is used, for what is said in its row."""
    whole = view.whole or view
    folded = {leaf.id for node in view.nodes for leaf in node.leaves}
    return {(e.src, ""): e for e in whole.edges if e.src in folded} if folded else {}


def edge_line(edge: Edge, i: int, operand: str, solid: bool, palette: dict) -> str:
    """One edge: the shape that flows, the operand's name where there are several, how many edges it stands for.

    Without a gradient it is dashed, unless all are `solid`, because none of the graph has one.
    """
    text = " ".join(
        filter(
            None,
            (
                operand,
                shape_text(edge.shape) if edge.shape else "",
                f"×{edge.times}" if edge.times > 1 else "",
            ),
        )
    )
    if edge.summed and edge.operand in ("x", "y"):  # broadcast, in an elementwise operation
        text += f", gradient {summed_text(edge)}"
    head = attributes(id=f"e{i}", **{"class": "tracked" if edge.tracked else "constant"})
    rest = "" if edge.tracked or solid else " " + attributes(style="dashed", color=palette["const"][1])
    label = f" label=<&#160;{esc(text)}&#160;>" if text else ""
    return f"{quote(edge.src)} -> {quote(edge.dst)} [{head}{rest}{label}]"


def legend_table(view: Graph, palette: dict, note: str) -> str:
    """What the colors mean, of the kinds that this view has, and the line of totals."""
    kinds = {("output" if n.id in view.outputs and not n.is_leaf else n.color) for n in view.nodes}
    kinds |= {leaf.kind for n in view.nodes for leaf in n.leaves}
    cells = "".join(
        f'<td bgcolor="{palette[kind][0]}" border="1" color="{palette[kind][1]}">'
        f'<font color="{palette["text"]}">&#160;{text}&#160;</font></td>'
        for kind, text in LEGEND.items()
        if kind in kinds
    )
    if any(not e.tracked for e in view.edges) and not is_forward_only(view):
        cells += "<td>dashed: no gradient</td>"
    total = escape(caption(view) + (f" · {note}" if note else ""))
    legend = f'<table border="0" cellborder="0" cellspacing="6" cellpadding="3"><tr>{cells}</tr></table>'
    return (
        f'<table border="0" cellborder="0" cellspacing="2"><tr><td> </td></tr><tr><td>{legend}</td></tr>'
        f"<tr><td>{total}</td></tr></table>"
    )

"""A view in Graphviz's language, quoted by ourselves: any name survives, the same graph gives the same bytes."""

from __future__ import annotations

import hashlib
from collections import Counter
from html import escape

from ..labels import (
    array_text,
    caption,
    count,
    data_lines,
    gradient_text,
    heading,
    keeps_text,
    operand_text,
    printable,
    shape_text,
    short_name,
    summed_text,
)
from ..schema import Edge, Graph, Node, Scope, Value
from .frames import Frames
from .palette import colors

MARK = "#0a1b2d"  # the color of a place for a thumbnail
LITTLE = 1000  # bytes: what backward keeps beside numbers that are shown is said from here on
FONT = "Helvetica,Arial,sans-serif"
SHAPES = {"param": "ellipse", "leaf": "ellipse", "data": "box", "const": "plain", "module": "box3d", "block": "box3d"}
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


def quote(text: str) -> str:
    r"""A quoted DOT string. Backslashes are doubled, so no name can end the string or mean something in it.

    >>> print(quote('say "a\\b"'))
    "say \"a\\b\""
    """
    text = short_id(text).replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.encode("utf-8", "replace").decode() + '"'


def short_id(text: str) -> str:
    """A name as an id that Graphviz can read: a very long one by its beginning and a digest."""
    if len(text) <= 1000:
        return text
    return f"{text[:100]}…{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def esc(text: str) -> str:
    """Text for an HTML-like label, in which nothing has a meaning: neither markup nor Graphviz's backslashes."""
    return escape(printable(text)).replace("\\", "\\\\")


def unquote(text: str) -> str:
    r"""The name that `quote` was given.

    >>> unquote(quote('say "a\\b"')) == 'say "a\\b"'
    True
    """
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")


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
        rankdir=rankdir or direction(view),
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
    degree = Counter(edge.dst for edge in view.edges)
    ops = {node.id: node.op if not node.members or node.ops == 1 else "" for node in view.nodes}
    lines.extend(edge_line(edge, i, degree[edge.dst], ops[edge.dst], palette) for i, edge in enumerate(view.edges))
    return "\n".join([*lines, "}"]) + "\n"


def attributes(**values) -> str:
    """DOT attributes, quoted."""
    return " ".join(f"{key}={quote(str(value))}" for key, value in values.items())


def html(text: str) -> str:
    """Text as an HTML-like label, in which nothing has a meaning."""
    return f"<{esc(text) or ' '}>"


def direction(view: Graph) -> str:
    """Left to right for a short graph, top to bottom for a long one: what fits a page."""
    rank: dict[str, int] = {}
    for edge in view.edges:  # edges are in the order of creation, so one pass is the longest path
        rank[edge.dst] = max(rank.get(edge.dst, 0), rank.get(edge.src, 0) + 1)
    return "LR" if max(rank.values(), default=0) <= 6 else "TB"


def leaf_edges(view: Graph) -> dict[tuple[str, str], Edge]:
    """The recorded edge by which each folded leaf is used, for what is said in its row."""
    whole = view.whole or view
    folded = {leaf.id for node in view.nodes for leaf in node.leaves}
    return {(e.src, ""): e for e in whole.edges if e.src in folded} if folded else {}


def node_line(
    node: Node, i: int, view: Graph, palette: dict, rows: dict, module: Scope | None, pictures: bool = False
) -> str:
    """One node: a small table that says what it is, what flows, whose gradient it makes and what it keeps.

    `module` is the call that it belongs to, where no frame says so.
    """
    kind = "output" if node.id in view.outputs and not node.is_leaf else node.color
    fill, border = palette[kind]
    more = {"peripheries": 2} if kind == "output" else {}
    shape = SHAPES.get(node.kind, "box")
    style = "filled" if node.kind in ("param", "leaf", "data", "module", "block") else "rounded,filled"
    if node.kind in ("data", "const"):
        style += ",dashed"
    args = small("  " + node.args, palette) if node.kind == "op" and node.args else ""
    formula = node.formula if node.formula and not node.name and node.kind == "op" else ""
    cells = [f"<b>{esc(heading(node))}</b>{args}"]
    if formula:
        cells.append(esc(formula))
    elif node.kind == "op" and node.name and node.formula:
        cells.append(small(node.op, palette))
    if node.kind == "op" and node.title:
        cells.append(small(node.op, palette))
    if node.kind == "op" and module is not None:
        cells.append(small(module.title, palette))
    if node.kind not in ("op", "param", "leaf", "data", "const"):
        cells.append(small(f"{node.ops:,} operations", palette))
    numbers = data_lines(node)
    if array_text(node) and not (numbers and node.shape == ()):
        named = kind == "output" and not node.name and view.outputs == (node.id,) and view.title != node.id
        cells.append((f"<b>{esc(view.title)}</b>&#160; " if named else "") + array_text(node))
    cells += map(esc, numbers)
    body = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells if cell)
    body += heat(node.value, pictures, palette)
    shown, hidden = leaf_rows(node)
    for leaf in shown:
        body += leaf_row(leaf, rows.get((leaf.id, "")), node.scope, palette, pictures)
    if hidden:
        body += f"<tr><td>{small(hidden, palette)}</td></tr>"
    says = gradient_text(node, norm=node.grad is None or not 0 < len(node.grad.numbers) <= 6) if node.is_leaf else ""
    if says:
        body += f"<tr><td>{small(says, palette)}</td></tr>"
    if keeps_text(node) and not (numbers and node.saved_nbytes + node.shared_nbytes < LITTLE):
        body += f"<tr><td>{small(keeps_text(node), palette)}</td></tr>"
    if shape == "box3d":
        body = f'<tr><td height="4"></td></tr>{body}'  # its lid covers a line
    label = f'<table border="0" cellborder="0" cellspacing="1" cellpadding="2">{body}</table>'
    head = attributes(id=f"n{i}", **{"class": kind}, shape=shape, style=style, color=border, fillcolor=fill, **more)
    return f"{quote(node.id)} [{head} label=<{label}>]"


def pictured(node: Node) -> list[Value | None]:
    """Whose thumbnails a box shows, in order."""
    return [node.value, *(leaf.value for leaf in leaf_rows(node)[0])]


def heat(value: Value | None, pictures: bool, palette: dict) -> str:
    """A row with the thumbnail of an array: cells for a small one; with `pictures` a place that svg.py fills.

    What is said in full as numbers needs none.
    """
    if value is None or not value.columns or 0 < len(value.numbers) <= 6:
        return ""
    rows = len(value.levels) // value.columns
    if pictures:
        side = max(2, min(8, 72 // rows, 168 // value.columns))
        where = f'width="{side * value.columns}" height="{side * rows}" fixedsize="true" bgcolor="{MARK}"'
        return f'<tr><td><table border="0" cellborder="0" cellspacing="0"><tr><td {where}></td></tr></table></td></tr>'
    if len(value.levels) > 100:
        return ""
    cell = '<td width="8" height="8" fixedsize="true" bgcolor="#{0}"></td>'
    lines = ""
    for r in range(rows):
        levels = value.levels[r * value.columns : (r + 1) * value.columns]
        lines += "<tr>" + "".join(cell.format(gray(level)) for level in levels) + "</tr>"
    return f'<tr><td><table border="0" cellborder="0" cellspacing="0">{lines}</table></td></tr>'


def gray(level: str) -> str:
    """The color of one level: dark is low."""
    return 3 * (2 * level)


def leaf_rows(node: Node) -> tuple[list[Node], str]:
    """The leaves to show as rows of a box, at most six, and a word on the others."""
    said = any(m.formula for m in node.members)
    leaves = [n for n in node.leaves if n.kind in ("param", "leaf", "data") or n.args and not said]
    if len(leaves) <= 6:
        return leaves, ""
    params = [leaf for leaf in leaves if leaf.kind in ("param", "leaf")]
    size = sum(_elements(leaf.shape) for leaf in params)
    text = f"{count(len(params), 'parameter tensor')} ({size:,})" if params else ""
    others = len(leaves) - len(params)
    return [], ", ".join(filter(None, (text, count(others, "constant") if others else "")))


def _elements(shape) -> int:
    n = 1
    for length in shape or ():
        n *= length
    return n


def leaf_row(leaf: Node, edge: Edge | None, scope: str | None, palette: dict, pictures: bool) -> str:
    """A folded leaf: its name and shape, and what happens to its gradient."""
    text = f"{esc(short_name(leaf, scope))} {shape_text(leaf.shape)}".strip()
    if leaf.kind == "const" and edge is not None:
        text = f"{esc(edge.operand)} = {esc(leaf.args)}"
    says = ""
    if leaf.kind in ("param", "leaf"):
        numbers = data_lines(leaf, bars=False)
        if numbers:
            text += "&#160; " + '<br align="left"/>'.join(map(esc, numbers))
        elif leaf.grad_norm is not None:
            text += "&#160; " + small(f"gradient norm {leaf.grad_norm:.3g}", palette)
        says = small(gradient_text(leaf, edge, norm=False), palette)
    end = '&#160;&#160;<br align="left"/>'  # room for fonts that are wider than the one that was measured
    return (
        f'<tr><td bgcolor="{palette[leaf.kind][0]}" align="left" balign="left">{text}{end}'
        f"{says + end if says else ''}</td></tr>" + heat(leaf.value, pictures, palette)
    )


def small(text: str, palette: dict) -> str:
    """Text of the second rank."""
    return f'<font point-size="10" color="{palette["muted"]}">{esc(text)}</font>' if text else ""


def edge_line(edge: Edge, i: int, operands: int, op: str, palette: dict) -> str:
    """One edge: the shape that flows, the operand's name where there are several, how many edges it stands for."""
    text = " ".join(
        filter(
            None,
            (
                operand_text(edge, op) if operands > 1 else "",
                shape_text(edge.shape) if edge.shape else "",
                f"×{edge.times}" if edge.times > 1 else "",
            ),
        )
    )
    if edge.summed and edge.operand in ("x", "y"):  # broadcast, in an elementwise operation
        text += f", gradient {summed_text(edge)}"
    head = attributes(id=f"e{i}", **{"class": "tracked" if edge.tracked else "constant"})
    rest = "" if edge.tracked else " " + attributes(style="dashed", color=palette["const"][1])
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
    if any(not e.tracked for e in view.edges):
        cells += "<td>dashed: no gradient</td>"
    total = escape(caption(view) + (f" · {note}" if note else ""))
    legend = f'<table border="0" cellborder="0" cellspacing="6" cellpadding="3"><tr>{cells}</tr></table>'
    return (
        f'<table border="0" cellborder="0" cellspacing="2"><tr><td> </td></tr><tr><td>{legend}</td></tr>'
        f"<tr><td>{total}</td></tr></table>"
    )

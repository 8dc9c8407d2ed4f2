"""One box as a table in Graphviz's language: what it is, what flows, whose gradient it makes, and what it keeps."""

from __future__ import annotations

from ..labels import (
    array_text,
    data_lines,
    data_text,
    gradient_text,
    heading,
    keeps_text,
    plural,
    printable,
    shape_text,
    short_name,
)
from ..schema import Edge, Graph, Scope, Value, ViewNode, size_of
from .quoting import attributes, esc, quote

MARK = "#0a1b2d"  # the color of a place for a thumbnail
LITTLE = 1000  # bytes: what backward keeps beside numbers that are shown is said from here on
LONG = 16  # characters: longer arguments have a line of their own
SPOKEN = ("getitem", "assigned", "where")  # whose formula has the arguments
SHAPES = {"param": "ellipse", "leaf": "ellipse", "data": "box", "const": "plain", "module": "box3d", "block": "box3d"}


def node_line(
    node: ViewNode, i: int, view: Graph, palette: dict, rows: dict, module: Scope | None, pictures: bool = False
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
    formula = node.formula if node.formula and not node.name and node.kind == "op" else ""
    args = node.args if node.kind == "op" and not (node.formula and node.op in SPOKEN) else ""
    title = module.title if node.kind == "op" and node.title and module is not None else heading(node)
    cells = [f"<b>{esc(title)}</b>{small('  ' + args, palette) if 0 < len(args) <= LONG else ''}"]
    if formula:
        cells.append(esc(formula))
    if node.kind == "op" and (node.title or node.name and node.formula):
        cells.append(small(node.op, palette))
    elif node.kind == "op" and module is not None:
        cells.append(small(module.title, palette))
    if len(args) > LONG:
        cells.append(small(args, palette))
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
        body += leaf_row(leaf, rows.get((leaf.id, "")), node, palette, pictures)
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


def pictured(node: ViewNode) -> list[Value | None]:
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


def leaf_rows(node: ViewNode) -> tuple[list[ViewNode], str]:
    """The leaves to show as rows of a box, at most six, and a word on the others."""
    said = any(m.formula for m in node.members)
    leaves = [n for n in node.leaves if n.kind in ("param", "leaf", "data") or n.args and not said]
    if len(leaves) <= 6:
        return leaves, ""
    params = [leaf for leaf in leaves if leaf.kind in ("param", "leaf")]
    size = sum(size_of(leaf.shape) for leaf in params)
    text = f"{plural(len(params), 'parameter tensor')} ({size:,})" if params else ""
    others = len(leaves) - len(params)
    return [], ", ".join(filter(None, (text, plural(others, "constant") if others else "")))


def leaf_row(leaf: ViewNode, edge: Edge | None, box: ViewNode, palette: dict, pictures: bool) -> str:
    """A folded leaf: its name and shape, and what happens to its gradient."""
    text = f"{esc(short_name(leaf, box))} {shape_text(leaf.shape)}".strip()
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


def width_of(node: ViewNode) -> float:
    """About how wide a box is, in points."""
    lines = [heading(node), array_text(node), *data_lines(node), "" if node.name else node.formula]
    lines += [f"{short_name(leaf, node)} {shape_text(leaf.shape)}  {data_text(leaf)}" for leaf in leaf_rows(node)[0]]
    oval = 1.4 if SHAPES.get(node.kind) == "ellipse" else 1.0
    return oval * (6 * max(map(len, map(printable, lines))) + 20)

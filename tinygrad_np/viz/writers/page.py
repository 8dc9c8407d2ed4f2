"""One self-contained page: the picture, what is known of every node, and the script that makes it answer.

The page loads nothing: page.css, layout.js (the places of boxes that were opened) and page.js go into it, next to the
SVG of one or more levels of detail. The script only lights up what is in the picture; the layout, the texts and the
order of the backward pass are made here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..collapse import MAX_NODES, Plan, collapse
from ..labels import caption, summed_text, value_text
from ..schema import Edge, Graph, ViewNode
from .boxes import Boxes
from .palette import DARK, LIGHT, dark_rules, flat
from .svg import drawable, to_svg, xml

HERE = Path(__file__).parent
MOVED, SUMS = "moved back to its place", ("add", "subtract", "broadcast_to", "linear")
MOVES = frozenset(
    "getitem assigned reshape transpose swapaxes moveaxis ravel squeeze expand_dims concatenate stack flip roll copy "
    "astype select input outputs sum broadcast_to add".split()
)


def to_html(
    view: Graph, *, theme: str = "auto", rankdir: str | None = None, engine: str = "auto", timeout: float = 10.0
) -> str:
    """The page of a view; see `GraphView.to_html`. Theme "auto" follows the reader's light or dark mode."""
    if theme not in ("auto", "light", "dark"):
        raise ValueError(f"theme: found {theme!r}; expected 'auto', 'light' or 'dark'")
    how: dict[str, Any] = {"rankdir": rankdir, "engine": engine, "timeout": timeout, "legend": False, "tips": False}
    levels, pictures = [], []
    for name, level in levels_of(drawable(view)):
        pictures.append(f"<template>{to_svg(level, theme='light', **how)}</template>\n")
        levels.append({"name": name, **facts(level)})
    title = view.title or "computation graph"
    wires = Boxes(view).wires() if any(level["opens"] for level in levels) else []
    known = shared_facts([node for level in levels for node in level["nodes"]])
    parts = {"levels": levels, "facts": known, "wires": wires, "theme": theme}
    data = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    for hidden, safe in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        data = data.replace(hidden, safe)
    kinds = {k for level in levels for k in level["kinds"]}
    page = (HERE / "page.html").read_text(encoding="utf-8")
    texts = {
        "TITLE": xml(title),
        "CAPTION": xml(caption(view)),
        "LEGEND": legend(kinds),
        "DATA": data,
        "PICTURES": "".join(pictures),
        "STYLE": style() + (HERE / "page.css").read_text(encoding="utf-8"),
        "SCRIPT": "".join((HERE / name).read_text(encoding="utf-8") for name in ("layout.js", "page.js")),
    }
    pieces = page.split("@@")  # text, NAME, text, NAME, ..., text: no part is searched for another's name
    return "".join(texts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def levels_of(view: Graph) -> list[tuple[str, Graph]]:
    """The levels of detail that a page offers, the given view first; more than one for small graphs only."""
    levels = [("as drawn", view)]
    whole = view.whole or view
    if len(whole.nodes) <= MAX_NODES and view.nodes != whole.nodes and view.plan == Plan():
        levels = [("operations", view)]
        for depth in (1, 0):
            coarse = collapse(whole, Plan(depth=depth))
            if len(coarse.nodes) < len(levels[-1][1].nodes):
                levels.append(("modules" if depth else "the model", coarse))
        levels.append(("every node", collapse(whole, Plan("none"))))
    return levels


def facts(view: Graph) -> dict:
    """What the script knows: for each box its texts and its place in the two passes, for each edge its ends."""
    number = {node.id: i for i, node in enumerate(view.nodes)}
    boxes = Boxes(view)
    nodes = boxes.of(view)
    told = lecture(view)
    for node in nodes:
        node.update(told.get(node["id"], {}))
    edges = [
        [
            number[e.src],
            number[e.dst],
            int(e.tracked),
            e.times,
            e.operand,
            None if e.grad_norm is None else float(f"{e.grad_norm:.6g}"),
        ]
        for e in view.edges
    ]
    kinds = {("output" if n.id in view.outputs and not n.is_leaf else n.color) for n in view.nodes}
    kinds |= {leaf.kind for n in view.nodes for leaf in n.leaves}
    return {"nodes": nodes, "edges": edges, "kinds": sorted(kinds), "caption": caption(view), "opens": opens(nodes)}


def shared_facts(boxes: list[dict[str, Any]]) -> list[tuple]:
    """Every fact once, as levels and insides say the same of a box; each box has the numbers of its own instead."""
    known: dict[tuple, int] = {}
    waiting = list(boxes)
    while waiting:
        box = waiting.pop()
        waiting.extend(box.get("inside", ()))
        if "facts" in box:
            box["facts"] = [known.setdefault(fact, len(known)) for fact in box["facts"]]
    return list(known)


def opens(nodes: list[dict[str, Any]]) -> bool:
    """Whether some box has an inside."""
    return any("inside" in node for node in nodes)


def lecture(view: Graph) -> dict[str, dict[str, Any]]:
    """{box: what its forward step computes, and the chain rule of its backward step, with numbers}.

    A line of the rule is [to what, incoming gradient, local derivative, product]: texts, as numbers are shown.
    """
    nodes = {node.id: node for node in (view.whole or view).nodes}
    single = {m.id: box.id for box in view.nodes if box.ops == 1 for m in (box.members or (box,)) if not m.is_leaf}
    found: dict[str, dict[str, Any]] = {}
    for member, box in single.items():
        node = nodes[member]
        said = node.formula or node.op
        value = value_text(node.value, node.shape)
        found[box] = {"forward": " = ".join(filter(None, (node.name, said, value))), "rule": []}
    for edge in (view.whole or view).edges:
        if edge.gives is None or edge.dst not in single:
            continue
        node, src = nodes[edge.dst], nodes[edge.src]
        shape = edge.shape if edge.local is not None else src.shape
        texts = [value_text(v, shape) for v in (node.grad, edge.local, edge.gives)]
        found[single[edge.dst]]["rule"].append([spoken(src), *texts, how_passed(node, edge)])
    return found


def spoken(node: ViewNode) -> str:
    """What a line of the chain rule calls a node: its user's name, its formula where that is whole, or its id."""
    return node.name or (node.formula if "…" not in node.formula else "") or node.id


def how_passed(node: ViewNode, edge: Edge) -> str:
    """What happens to a gradient on its way through an operation, where no number says it."""
    if edge.local is not None:
        return ""
    moved = "" if node.op in SUMS and edge.summed else MOVED if node.op in MOVES else f"by the derivative of {node.op}"
    return ", ".join(filter(None, (moved, summed_text(edge) if edge.summed else "")))


def legend(kinds: set[str]) -> str:
    """What the colors mean, of the kinds on the page."""
    from .dot import LEGEND

    items = [
        f'<span><i style="background:var(--{kind}-fill);border-color:var(--{kind}-border)"></i>{text}</span>'
        for kind, text in LEGEND.items()
        if kind in kinds
    ]
    return "".join([*items, '<span><i class="dashed"></i>no gradient</span>'])


def style() -> str:
    """Both palettes as CSS variables, and the rules that turn the drawing dark."""

    def variables(palette: dict) -> str:
        return "".join(f"--{name}:{color};" for name, color in flat(palette).items())

    return (
        f":root{{{variables(LIGHT)}color-scheme:light}}\n"
        f":root[data-theme=dark]{{{variables(DARK)}color-scheme:dark}}\n"
        + dark_rules(":root[data-theme=dark] #stage svg ")
        + "\n"
    )

"""One self-contained page: the picture, what is known of every node, and the script that makes it answer.

The page loads nothing: page.css and page.js go into it, next to the SVG of one or more levels of detail. The script
only lights up what is in the picture; the layout, the texts and the order of the backward pass are made here.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..collapse import MAX_NODES, Plan, collapse
from ..labels import caption, details, heading
from ..schema import Graph
from .palette import DARK, LIGHT, dark_rules, flat
from .svg import drawable, to_svg, xml

HERE = Path(__file__).parent


def to_html(
    view: Graph, *, theme: str = "auto", rankdir: str | None = None, engine: str = "auto", timeout: float = 10.0
) -> str:
    """The page of a view; see `GraphView.to_html`. Theme "auto" follows the reader's light or dark mode."""
    if theme not in ("auto", "light", "dark"):
        raise ValueError(f"theme: found {theme!r}; expected 'auto', 'light' or 'dark'")
    levels = []
    for name, level in levels_of(drawable(view)):
        svg = to_svg(level, theme="light", rankdir=rankdir, engine=engine, timeout=timeout, legend=False)
        levels.append({"name": name, "svg": svg, **facts(level)})
    title = view.title or "computation graph"
    data = json.dumps({"levels": levels, "theme": theme}, ensure_ascii=True, separators=(",", ":"))
    for hidden, safe in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        data = data.replace(hidden, safe)
    kinds = {k for level in levels for k in level["kinds"]}
    page = (HERE / "page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": xml(title),
        "CAPTION": xml(caption(view)),
        "LEGEND": legend(kinds),
        "DATA": data,
        "STYLE": style() + (HERE / "page.css").read_text(encoding="utf-8"),
        "SCRIPT": (HERE / "page.js").read_text(encoding="utf-8"),
    }
    pieces = page.split("@@")  # text, NAME, text, NAME, ..., text: no part is searched for another's name
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


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
    """What the script knows: for each node its texts and its place in the backward pass, for each edge its ends."""
    number = {node.id: i for i, node in enumerate(view.nodes)}
    nodes = [
        {
            "id": node.id,
            "label": heading(node),
            "kind": node.kind,
            "facts": details(node, view),
            "step": node.step,
            "leaves": [leaf.id for leaf in node.leaves if leaf.kind in ("param", "leaf")][:12],
            "words": " ".join([node.id, node.op, node.scope or "", *(m.id for m in node.members[:50])]).lower(),
        }
        for node in view.nodes
    ]
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
    return {"nodes": nodes, "edges": edges, "kinds": sorted(kinds), "caption": caption(view)}


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

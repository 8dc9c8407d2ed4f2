"""From DOT to SVG, PNG and PDF: Graphviz lays out, by its program or inside pygraphviz, whichever answers in time."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
import shutil
import struct
import subprocess
import sys
import zlib
from dataclasses import replace

from ..collapse import Plan, collapse
from ..labels import details, plural
from ..schema import Graph, Value
from .dot import FONT, to_dot
from .frames import Frames
from .palette import dark_rules
from .table import MARK, pictured

TOO_MUCH = 4000  # nodes + long edges, beyond which `dot` needs seconds
EASY = 300  # the same: an engine that is late with so little is at fault itself


class GraphvizMissing(RuntimeError):
    """No engine could lay the picture out; `late` if one of them had no time enough."""

    late = False


class EngineFailed(Exception):
    """One engine did not answer, or answered with something else than a picture."""


def to_svg(
    view: Graph,
    *,
    rankdir: str | None = None,
    theme: str = "auto",
    engine: str = "auto",
    timeout: float = 10.0,
    legend: bool = True,
    tips: bool = True,
) -> str:
    """The SVG text of a view, with ids that no other picture on a page has; see `GraphView.to_svg`.

    Without `tips` it has no tooltips and no data for scripts, which a page gives by itself.
    """
    if theme not in ("auto", "light", "dark"):
        raise ValueError(f"theme: found {theme!r}; expected 'auto', 'light' or 'dark'")
    options = {"rankdir": rankdir, "legend": legend}
    raw, by, view = laid_out(view, "svg", "dark" if theme == "dark" else "light", engine, timeout, options)
    return finish(raw.decode("utf-8", "replace"), view, by, theme, tips)


def image(
    view: Graph,
    format: str,
    *,
    rankdir: str | None = None,
    theme: str = "light",
    engine: str = "auto",
    timeout: float = 10.0,
    dpi: int = 144,
) -> bytes:
    """The bytes of a PNG or PDF of a view."""
    theme = "light" if theme == "auto" else theme
    return laid_out(view, format, theme, engine, timeout, {"rankdir": rankdir}, dpi)[0]


# ---- before the layout ------------------------------------------------------------------------------------


def effort(view: Graph) -> int:
    """How hard a layout is: nodes, and edges that span many ranks or come in crowds; not the nodes alone."""
    rank: dict[str, int] = {}
    for edge in view.edges:
        rank[edge.dst] = max(rank.get(edge.dst, 0), rank.get(edge.src, 0) + 1)
    spans = (rank[e.dst] - rank.get(e.src, 0) for e in view.edges)
    crowd = max(0, len(view.edges) - 2 * len(view.nodes))
    return len(view.nodes) + sum(span for span in spans if span > 12) + 4 * crowd


def drawable(view: Graph) -> Graph:
    """The view, collapsed further while its layout would take too long."""
    return view if effort(view) <= TOO_MUCH else coarser(view, TOO_MUCH) or view


def coarser(view: Graph, limit: int) -> Graph | None:
    """The view in fewer boxes, whose layout is of at most this effort; None if what it shows was chosen one by one."""
    if view.whole is None or view.nodes != view.whole.nodes and view.plan is None:
        return None
    budget = min(len(view.nodes), 150)
    found = view
    while effort(found) > limit and budget > 4:
        budget //= 2
        found = collapse(view.whole, Plan(max_nodes=max(budget, 2)))
    return replace(found, notes=(*found.notes, f"{plural(len(view.nodes), 'box')} would take too long to lay out"))


# ---- the layout -------------------------------------------------------------------------------------------


def laid_out(
    view: Graph, format: str, theme: str, engine: str, timeout: float, options: dict, dpi: int = 96
) -> tuple[bytes, str, Graph]:
    """The picture's bytes, the engine that made them, and the view that it shows.

    That is a coarser one of a large graph for which no engine had time enough.
    """
    view = drawable(view)
    while True:
        try:
            return *run_dot(view, format, theme, engine, timeout, options, dpi), view
        except GraphvizMissing as error:
            fewer = coarser(view, effort(view) // 4) if error.late and effort(view) > EASY else None
            if fewer is None or effort(fewer) >= effort(view):
                raise
            view = fewer


def run_dot(
    view: Graph, format: str, theme: str, engine: str, timeout: float, options: dict, dpi: int = 96
) -> tuple[bytes, str]:
    """The picture's bytes and the engine that made them: the first that works, with a note on those that did not."""
    engines = {"dot": by_dot, "pygraphviz": by_pygraphviz}
    if engine != "auto" and engine not in engines:
        raise ValueError(f"engine: found {engine!r}; expected 'auto', 'dot' or 'pygraphviz'")
    failures: list[str] = []
    for name in engines if engine == "auto" else (engine,):
        if not available(name):
            continue
        note = "; ".join(failures + [f"laid out by {name}"]) if failures else ""
        try:
            pictures = format == "svg"
            return engines[name](
                to_dot(view, theme=theme, note=note, pictures=pictures, **options), format, timeout, dpi
            ), name
        except EngineFailed as error:
            failures.append(f"{name} {error}")
    found = "; ".join(failures) if failures else "found neither" if engine == "auto" else f"found no {engine}"
    missing = GraphvizMissing(
        f"a layout needs Graphviz ({found}). Any one of these helps: install Graphviz (apt install graphviz, "
        'brew install graphviz); or pip install "tinygrad_np[viz]"; or write .mmd, .txt, .dot or .json instead, '
        "which need neither"
    )
    missing.late = any("did not answer" in failure for failure in failures)
    raise missing


def available(engine: str) -> bool:
    """Whether an engine is installed."""
    if engine == "dot":
        return shutil.which("dot") is not None
    try:
        return importlib.util.find_spec("pygraphviz") is not None
    except ImportError:
        return False


def by_dot(dot: str, format: str, timeout: float, dpi: int) -> bytes:
    """Through the program, by standard input and output: no file names, nothing to quote, killed when it is late."""
    return piped([shutil.which("dot") or "dot", f"-T{format}", *resolution(format, dpi)], dot, format, timeout)


def by_pygraphviz(dot: str, format: str, timeout: float, dpi: int) -> bytes:
    """Through pygraphviz, in a process of its own that can be killed."""
    code = (
        "import sys, pygraphviz; g = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode()); "
        "sys.stdout.buffer.write(g.draw(prog='dot', format=sys.argv[1], args=' '.join(sys.argv[2:])))"
    )
    return piped([sys.executable, "-c", code, format, *resolution(format, dpi)], dot, format, timeout)


def resolution(format: str, dpi: int) -> list[str]:
    """What to say to a bitmap's writer."""
    return [f"-Gdpi={dpi}"] if format == "png" else []


SIGNATURES = {"svg": b"</svg>", "png": b"\x89PNG", "pdf": b"%PDF"}


def piped(command: list[str], dot: str, format: str, timeout: float) -> bytes:
    """Run an engine; raise EngineFailed if it is late, fails, or prints something that is not a picture."""
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise EngineFailed(f"did not answer in {timeout:g} s and was stopped") from None
    except OSError as error:
        raise EngineFailed(f"could not be started ({error.strerror})") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EngineFailed(f"failed ({said[-1][:120] if said else f'exit code {done.returncode}'})")
    if SIGNATURES[format] not in (done.stdout[:1024] if format != "svg" else done.stdout):
        raise EngineFailed(f"printed something that is not {format.upper()}")
    return done.stdout


# ---- after the layout -------------------------------------------------------------------------------------


PLAIN_TEXT = f' font-family="{FONT}"', ' font-size="12.00"', ' text-anchor="start"'  # said once, at the root


def finish(svg: str, view: Graph, engine: str, theme: str, tips: bool) -> str:
    """Graphviz's SVG made fit for a page: unique ids, tooltips, data for scripts, a theme, nothing clipped."""
    svg = re.sub(r"<!--.*?-->\n?", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = svg.replace('stroke="transparent"', 'stroke="none"').replace("&#45;", "-")
    thumbnails = iter([t for node in Frames(view).in_order() for value in pictured(node) if (t := thumbnail(value))])
    place = rf'<polygon fill="{MARK}" stroke="[^"]*" points="([^"]*)"/>'
    svg = re.sub(place, lambda match: placed(match[1], next(thumbnails, "")), svg)
    for said in PLAIN_TEXT:
        svg = svg.replace(said, "")
    svg = re.sub(r' (?:d|points|x|y)="[^"]*"', lambda match: re.sub(r"(\.\d)\d+", r"\1", match[0]), svg)
    unique = "g" + hashlib.sha256(svg.encode()).hexdigest()[:10]
    ids = {f"n{i}": node for i, node in enumerate(view.nodes)}
    links = {f"e{i}": edge for i, edge in enumerate(view.edges)}

    def group(match: re.Match) -> str:
        id_, classes = match[1], match[2]
        if not tips:
            return f'<g id="{unique}{id_}" class="{classes}"{match[3]}>'
        if id_ in ids:
            tip = "\n".join(
                [ids[id_].id] + [f"{what}: {value}" if what else value for what, value in details(ids[id_], view)]
            )
            extra = f' data-id="{xml(ids[id_].id)}"'
        elif id_ in links:
            edge = links[id_]
            tip = f"{edge.src} → {edge.dst}" + (f", operand {edge.operand}" if edge.operand else "")
            extra = f' data-src="{xml(edge.src)}" data-dst="{xml(edge.dst)}" data-slot="{edge.slot}"'
        else:
            tip, extra = "", ""
        return f'<g id="{unique}{id_}" class="{classes}"{extra}{match[3]}>\n<title>{xml(tip)}</title>'

    svg = re.sub(r'<g id="([^"]*)" class="([^"]*)"([^>]*)>(?:\n<title>.*?</title>)?', group, svg, flags=re.DOTALL)
    rules = f"#{unique}{{max-width:100%;height:auto}}"
    if theme == "auto":
        rules += "\n@media (prefers-color-scheme:dark){\n" + dark_rules(f"#{unique} ") + "\n}"
    root = f'<svg id="{unique}" class="tinygrad-graph" font-family="{FONT}" font-size="12" '
    svg = re.sub("<svg ", root, svg, count=1)
    first = svg.index(">") + 1
    return (
        svg[:first]
        + f"\n<desc>{xml(view.title)}, laid out by {engine}</desc>\n<style>\n{rules}\n</style>"
        + svg[first:]
    ).strip() + "\n"


def thumbnail(value: Value | None) -> str:
    """A grayscale PNG of an array, as a URL that holds its bytes; empty where there is nothing to see."""
    if value is None or not value.columns or 0 < len(value.numbers) <= 6:
        return ""
    rows = [value.levels[i : i + value.columns] for i in range(0, len(value.levels), value.columns)]
    raw = b"".join(b"\0" + bytes(17 * int(level, 16) for level in row) for row in rows)
    head = struct.pack(">IIBBBBB", value.columns, len(rows), 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def placed(points: str, url: str) -> str:
    """An image in the place that a polygon marks."""
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    return (
        f'<image x="{min(xs):g}" y="{min(ys):g}" width="{max(xs) - min(xs):g}" height="{max(ys) - min(ys):g}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" href="{url}"/>'
    )


def xml(text: str) -> str:
    """Text as XML takes it, in an element or a quoted attribute."""
    text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

"""How a view shows itself: inline SVG in a notebook, the page in a browser, text in a terminal."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from ..collapse import planned
from ..labels import printable
from ..schema import Graph
from .page import to_html
from .svg import GraphvizMissing, to_svg
from .text import to_text


def mimebundle(view: Graph) -> dict[str, str]:
    """What a notebook shows for a bare `g`. Never raises: without Graphviz it is the text, and how to get it."""
    text = to_text(view)
    try:
        svg = to_svg(planned(view))
    except GraphvizMissing as error:
        return {"text/plain": f"{text}\n{error}"}
    return {"text/html": f'<div style="overflow-x:auto">{svg}</div>', "text/plain": text}


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def show(view: Graph) -> Any:
    """See `GraphView.show`. Returns the page's path, or None where it was shown in a notebook or as text."""
    if in_notebook():
        sys.modules["IPython"].display.display(view)
        return None
    try:
        page = to_html(planned(view))
        webbrowser.get()
    except (GraphvizMissing, webbrowser.Error) as error:
        print(to_text(planned(view)))
        print(f"(shown as text: {printable(str(error), 200)})")
        return None
    folder = Path(tempfile.mkdtemp(prefix="tinygrad_np-"))
    path = folder / "graph.html"
    path.write_text(page, encoding="utf-8")
    webbrowser.open(path.as_uri())
    return path

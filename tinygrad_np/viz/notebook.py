"""How a view shows itself: inline SVG in a notebook, the page in a browser, text in a terminal."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from .labels import printable
from .svg import GraphvizMissing
from .view import GraphView


def mimebundle(view: GraphView) -> dict[str, str]:
    """What a notebook shows for a bare `g`. Never raises: without Graphviz it is the text, and how to get it."""
    text = view.to_text()
    try:
        svg = view.to_svg()
    except GraphvizMissing as error:
        return {"text/plain": f"{text}\n{error}"}
    return {"text/html": f'<div style="overflow-x:auto">{svg}</div>', "text/plain": text}


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def show(view: GraphView) -> Any:
    """See `GraphView.show`. Returns the page's path, or None where it was shown in a notebook or as text."""
    if in_notebook():
        sys.modules["IPython"].display.display(view)
        return None
    try:
        page = view.to_html()
        webbrowser.get()
    except (GraphvizMissing, webbrowser.Error) as error:
        print(view.planned().to_text())
        print(f"(shown as text: {printable(str(error), 200)})")
        return None
    folder = Path(tempfile.mkdtemp(prefix="tinygrad_np-"))
    path = folder / "graph.html"
    path.write_text(page, encoding="utf-8")
    webbrowser.open(path.as_uri())
    return path

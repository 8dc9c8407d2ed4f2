"""A view in every format: one writer a format, chosen by the suffix of the file.

palette.py the colors, frames.py the modules around boxes, quoting.py, table.py (one box) and dot.py Graphviz's
language, svg.py its layout as SVG, PNG and PDF, boxes.py what is inside a box, page.py with page.html, page.css,
layout.js and page.js the page, mermaid.py, text.py, json_text.py, notebook.py what a notebook shows. A writer takes a
`Graph` and gives text or bytes; it opens no file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..collapse import planned
from .dot import to_dot
from .json_text import to_json
from .mermaid import to_mermaid
from .page import to_html
from .svg import image, to_svg
from .text import to_text

WRITERS: dict[str, Any] = {
    ".svg": lambda view, **options: to_svg(planned(view), **options),
    ".html": lambda view, **options: to_html(planned(view), **options),
    ".png": lambda view, **options: image(planned(view), "png", **options),
    ".pdf": lambda view, **options: image(planned(view), "pdf", **options),
    ".dot": lambda view, **options: to_dot(planned(view), **options),
    ".gv": lambda view, **options: to_dot(planned(view), **options),
    ".mmd": lambda view, **options: to_mermaid(planned(view), **options),
    ".json": to_json,
    ".txt": to_text,
}


def written(view, path: str | Path | None, suffix: str | None = None, **options: Any):
    """What the writer of a suffix, by default that of `path`, makes of a view; put in place of the file in one step."""
    suffix = Path(path or "").suffix.lower() if suffix is None else suffix
    if suffix not in WRITERS:
        raise ValueError(f"save: found the suffix {Path(path or '').suffix!r}; expected one of {' '.join(WRITERS)}")
    data = WRITERS[suffix](view, **options)
    if path is not None:
        from ...io import atomic_write

        with atomic_write(path) as file:
            file.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)
    return data

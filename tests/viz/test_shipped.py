"""The picture in the documents is what their own first block draws today, and tells what it must."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.viz.graphs import needs_engine

ROOT = Path(__file__).parents[2]


def content(svg: str) -> list[str]:
    """The texts and joints of a drawing, without its geometry and the last digits of its norms."""
    texts = [
        re.sub(r"norm [\d.e-]+", "norm", html.unescape(t).strip()) for t in re.findall(r"<text[^>]*>([^<]*)<", svg)
    ]
    return [t for t in texts if t] + re.findall(r'data-(?:id|src|dst|slot)="[^"]*"', svg)


@needs_engine
def test_the_picture_is_up_to_date(tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "docs/graphs.md").read_text(encoding="utf-8"), re.M | re.S)[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "graphs.md", "exec"), {"__name__": "__main__"})
    fresh = (tmp_path / "digits-graph.svg").read_text(encoding="utf-8")
    shipped = (ROOT / "docs/digits-graph.svg").read_text(encoding="utf-8")
    assert content(fresh) == content(shipped), "run the first block of docs/graphs.md in docs/"


def test_the_picture_tells_a_stranger_what_matters():
    said = content((ROOT / "docs/digits-graph.svg").read_text(encoding="utf-8"))
    for what in (
        "parameter",
        "weight (10, 64)",
        "bias (10,)",
        "(32, 64)",
        "(32, 10)",
        "keeps 8.2 kB for backward",
        "gradient summed over axis 0, the batch (×32)",
        "dashed: no gradient",
    ):
        assert any(what in text for text in said), what
    assert any("backward keeps 12.3 kB" in text for text in said)


def test_every_picture_of_the_page_is_there_and_can_be_read():
    page = (ROOT / "docs/graphs.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page)
    assert len(set(pictures)) > 18
    for picture in pictures:
        data = (ROOT / "docs" / picture).read_bytes()
        assert data.startswith(b"\x89PNG") or ElementTree.fromstring(data).tag.endswith("svg"), picture


@needs_engine
@pytest.mark.parametrize("name", ["scalar", "physics"])
def test_the_gallery_is_up_to_date(name):
    made = runpy.run_path(str(ROOT / "docs/make_pictures.py"))
    fresh = made["expression" if name == "scalar" else name]().to_svg()
    shipped = (ROOT / f"docs/pictures/{name}.svg").read_text(encoding="utf-8")
    assert content(fresh) == content(shipped), "run docs/make_pictures.py"

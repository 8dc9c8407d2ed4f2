"""What each format promises beyond the edges: limits, suffixes, notebooks, terminals."""

from __future__ import annotations

import json
import shutil
import sys
import types
import webbrowser
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import chain, deep, digits, needs_engine, tangle
from tests.viz.test_names import assert_mermaid
from tinygrad_np.viz import GraphView
from tinygrad_np.viz.writers import notebook


def dense(count: int = 60):
    """A graph in which everything depends on all before it."""
    values = [tg.Tensor(np.ones(2), requires_grad=True, name="x")]
    for _ in range(count):
        values.append(np.concatenate(values)[:2])
    return values[-1]


@pytest.mark.parametrize(
    "make",
    [lambda: tangle(3000), lambda: deep(40)[1], lambda: chain(500), dense],
    ids=["tangle", "deep", "chain", "dense"],
)
def test_mermaid_stays_within_what_mermaid_draws(make):
    text = make().graph().to_mermaid()
    assert_mermaid(text)
    assert len(text) <= 45_000 and text.count("-->") + text.count("-.->") <= 250


def test_mermaid_says_that_it_left_something_out():
    view = dense().graph().collapse("none")
    assert len(view.edges) > 250
    assert "Mermaid draws at most 250 edges" in view.to_mermaid()


def test_a_listing_has_a_line_for_every_node_and_counts_right():
    view = tangle(200).graph()
    lines = view.to_text().splitlines()
    assert len(lines) == len(view.nodes) + 1
    assert [line.split(" = ")[0].strip() for line in lines[:-1]] == [f"%{i}" for i in range(len(view.nodes))]
    assert str(view) == view.to_text() and "GraphView of" in repr(view)


def test_arguments_and_numbers_are_shown():
    x = tg.Tensor(np.ones((4, 3)), requires_grad=True, name="x")
    text = (x[1:3, ::2].sum(axis=1, keepdims=True) * 2.5).graph().to_text()
    assert "getitem(%0, index=(1:3, ::2))" in text and "axis=1, keepdims=True" in text and " = 2.5  " in text


@needs_engine
def test_a_bare_view_in_a_notebook_is_a_picture(monkeypatch):
    model, loss = digits()
    bundle = loss.graph(model)._repr_mimebundle_(include=None, exclude=None)
    assert (
        bundle["text/html"].startswith('<div style="overflow-x:auto"><svg id="g') and "linear(" in bundle["text/plain"]
    )
    shown = []
    shell = type("ZMQInteractiveShell", (), {})()
    fake = types.SimpleNamespace(get_ipython=lambda: shell, display=types.SimpleNamespace(display=shown.append))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    view = loss.graph(model)
    assert view.show() is None and shown == [view]


@needs_engine
def test_show_opens_the_page_or_prints_the_text(monkeypatch, capsys):
    view = digits()[1].graph()
    opened = []
    monkeypatch.setattr(webbrowser, "get", lambda: None)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    path = view.show()
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>") and opened == [path.as_uri()]
    shutil.rmtree(path.parent)

    def no_browser():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", no_browser)
    assert view.show() is None
    assert "cross_entropy(" in capsys.readouterr().out
    assert not notebook.in_notebook()


@needs_engine
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    view = digits()[1].graph()
    path = tmp_path / "graph.svg"
    view.save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        view.save(path)
    assert path.read_bytes() == before and [p.name for p in Path(tmp_path).iterdir()] == ["graph.svg"]


@pytest.mark.parametrize(
    "damage", [("nodes", [[]]), ("nodes", [3]), ("edges", [None]), ("scopes", 5), ("nodes", "twice")]
)
def test_what_is_no_graph_is_refused_by_name(damage):
    data = json.loads(np.sin(tg.Tensor([1.0], requires_grad=True, name="x")).graph().to_json())
    part, found = damage
    data[part] = data[part] * 2 if found == "twice" else found
    with pytest.raises(ValueError, match="graph: damaged .*; expected what GraphView.to_json writes"):
        GraphView.from_json(json.dumps(data))

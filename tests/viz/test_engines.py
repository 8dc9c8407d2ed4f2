"""The layout: by whichever engine works, never longer than asked, never by raising where text would do."""

from __future__ import annotations

import html
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import graphviz
import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import chain, digits, needs_dot, needs_engine, needs_pygraphviz, recurrent, tangle
from tinygrad_np.viz import GraphvizMissing
from tinygrad_np.viz.writers import svg


def fake_dot(folder: Path, body: str) -> None:
    """A program called dot, first on the path."""
    program = folder / "dot"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


@pytest.fixture
def view():
    model, loss = digits()
    return loss.graph(model)


@needs_pygraphviz
@pytest.mark.parametrize(
    "body, said",
    [
        ("exec sleep 60", "did not answer in 0.5 s"),
        ("echo nonsense", "is not SVG"),
        ("echo broken >&2; exit 1", "failed (broken)"),
        ("kill -9 $$", "failed (exit code -9)"),
    ],
)
def test_a_hung_or_broken_dot_is_replaced(view, tmp_path, monkeypatch, body, said):
    fake_dot(tmp_path, f"echo $$ > {tmp_path}/pid\n{body}")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    began = time.perf_counter()
    # the second engine gets its own 5 s; only the first is given half a second
    monkeypatch.setattr(svg, "by_dot", lambda dot, format, timeout, dpi, by=svg.by_dot: by(dot, format, 0.5, dpi))
    text = html.unescape(view.to_svg())
    assert time.perf_counter() - began < 10
    assert said in text and "laid out by pygraphviz" in text
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_any_engine_one_error_names_three_ways_out(view, tmp_path, monkeypatch):
    monkeypatch.setattr(svg, "available", lambda engine: False)
    for write in (
        view.to_svg,
        view.to_html,
        lambda: view.to_png(tmp_path / "g.png"),
        lambda: view.save(tmp_path / "g.pdf"),
    ):
        with pytest.raises(GraphvizMissing) as caught:
            write()
        said = str(caught.value)
        assert "\n" not in said and "apt install graphviz" in said and "[viz]" in said and ".mmd" in said
    assert not list(tmp_path.iterdir())
    assert view.to_text() and view.to_mermaid() and view.to_json() and view.to_dot()
    bundle = view._repr_mimebundle_()
    assert "text/html" not in bundle and "apt install" in bundle["text/plain"]


def test_text_formats_need_neither_dot_nor_the_packages(tmp_path):
    program = """
import sys
class Blocked:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("graphviz", "pygraphviz", "IPython"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import tinygrad_np as tg
assert not [m for m in sys.modules if m.startswith(("graphviz", "pygraphviz", "tinygrad_np.viz."))]
x = tg.Tensor([1.0, 2.0], requires_grad=True)
g = (x * x).sum().graph()
g.to_mermaid(), g.to_json(), g.to_dot(), g._repr_mimebundle_()
print(g.to_text())
"""
    root = Path(tg.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "multiply" in done.stdout


@pytest.mark.parametrize(
    "engine", [pytest.param("dot", marks=needs_dot), pytest.param("pygraphviz", marks=needs_pygraphviz)]
)
def test_every_format_of_every_engine(view, tmp_path, engine):
    folder = tmp_path / "a folder with spaces é"
    folder.mkdir()
    for suffix, start in (
        (".svg", b"<svg"),
        (".png", b"\x89PNG"),
        (".pdf", b"%PDF"),
        (".html", b"<!doctype html>"),
    ):
        view.save(folder / f"loss{suffix}", engine=engine)
        assert (folder / f"loss{suffix}").read_bytes().startswith(start)
    assert len(list(folder.iterdir())) == 4
    text = view.to_svg(engine=engine)
    assert f"laid out by {engine}" in text
    unique, *ids = re.findall(r'\sid="([^"]+)"', text)
    assert ids and all(i.startswith(unique) for i in ids)  # two pictures on one page share none


@needs_engine
def test_the_folder_at_hand_may_be_read_only(view, tmp_path, monkeypatch):
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o555)
    monkeypatch.chdir(folder)
    assert view.to_svg() and view.to_html()


def test_unknown_options_are_refused(view, tmp_path):
    for call, said in (
        (lambda: view.to_svg(engine="neato"), "found 'neato'"),
        (lambda: view.to_svg(theme="blue"), "'blue'"),
        (lambda: view.to_dot(rankdir="UP"), "'UP'"),
        (lambda: view.save(tmp_path / "g.gif"), "'.gif'"),
        (lambda: view.collapse("some"), "'some'"),
        (lambda: view.collapse(max_nodes=1), "max_nodes=1"),
        (lambda: view.to_html(theme="blue"), "'blue'"),
    ):
        with pytest.raises(ValueError, match=said):
            call()
    with pytest.raises(KeyError, match="'0/linear#0'"):
        view.focus("0/linaer#0")


@needs_engine
def test_a_large_graph_is_collapsed_and_says_so():
    for out in (chain(1000), tangle(1500, reach=300)):
        view = out.graph()
        text = view.to_svg()
        assert text.count('class="node') <= 150
        assert re.search(r"drawn as \d+ box(es)? for", text) and "equal to the tape" in view.collapse().check()


@needs_engine
def test_a_dense_graph_is_collapsed_further():
    values = [tg.Tensor(np.ones(2), requires_grad=True, name="x")]
    for _ in range(140):
        values.append(np.concatenate(values)[:2])  # each depends on all before it
    view = values[-1].graph().collapse(max_nodes=300, roll=False)
    assert svg.effort(view) > 10 * svg.TOO_MUCH
    drawn = svg.drawable(view)
    assert svg.effort(drawn) <= svg.TOO_MUCH and "equal to the tape" in drawn.check()
    began = time.perf_counter()
    assert "would take too long to lay out" in view.to_svg()
    assert time.perf_counter() - began < 10


@needs_engine
def test_a_large_graph_for_which_no_engine_has_time_is_drawn_in_fewer_boxes(monkeypatch):
    view, run = tangle(1000).graph(), svg.run_dot
    limit, asked = svg.effort(view.collapse()) // 2, []

    def late(view, *args):
        asked.append(svg.effort(view))
        if asked[-1] > limit:
            error = GraphvizMissing("dot did not answer")
            error.late = True
            raise error
        return run(view, *args)

    monkeypatch.setattr(svg, "run_dot", late)
    text = view.to_svg()
    assert "would take too long to lay out" in text and len(asked) == 2 and asked[1] < asked[0] // 3
    monkeypatch.setattr(svg, "EASY", 10**9)  # an engine that is late with what is easy: no other try
    with pytest.raises(GraphvizMissing):
        view.to_svg()
    assert len(asked) == 3


@needs_engine
@pytest.mark.parametrize(
    "make, shown, most", [(digits, True, 100_000), (lambda: recurrent(12), False, 350_000)], ids=["mlp", "rnn"]
)
def test_a_page_is_small(make, shown, most):
    model, loss = make()
    page = loss.graph(model, values=shown, grads=shown).to_html()
    assert len(page.encode()) < most and "<title>" in page and page.count("<title>") == 1  # tips are the script's


def test_to_graphviz_gives_the_package_its_source(view):
    source = view.to_graphviz()
    assert isinstance(source, graphviz.Source) and source.source.startswith("digraph {")

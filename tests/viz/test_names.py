"""Hostile names survive every format: nothing is cut short, merged, executed or refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.viz import GraphView
from tinygrad_np.viz.check import EDGE
from tinygrad_np.viz.writers.quoting import quote, short_id, unquote

NAMES = [
    "<lambda>",
    "a:b",
    "W\\N",
    "x\\",
    '"q"',
    "</script><script>alert(1)</script>",
    "{a|b}",
    "two\nlines",
    "emoji 🎲",
    "x" * 10_000,
    "&amp;",
    "<b>",
    "a -> b",
    "]];",
    "n1",
    "--",
    "%%",
    "é̂ 日本",
    "\t",
    "\x00\x07",
    "\ud800",
    "end",
    "@@DATA@@",
    "-->|x|",
    "`code`",
    "#quot;",
    "'single'",
    "cluster_0",
    "graph",
    "\\",
    "\\\\",
    '\\"',
    " ",
]


def named(name: str):
    """A graph whose leaf and whose module have this name."""
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    return (x * np.array([3.0, 4.0]) + x).sum()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_survives(name):
    out = named(name)
    view = out.graph(names={name: out})
    assert view[name].kind == "leaf"
    assert "equal to the tape" in view.check()
    assert GraphView.from_json(view.to_json())[name] == view[name]
    svg = ET.fromstring(view.to_svg())
    groups = [g for g in svg.iter("{http://www.w3.org/2000/svg}g") if g.get("class", "").startswith("node")]
    assert len(groups) == len(view.planned().nodes)
    ids = {g.get("data-id") for g in groups}
    assert len(ids) == len(groups)
    if name.isprintable():  # XML has no control characters and no lone surrogates
        assert {g.get("data-id") for g in groups} == {n.id for n in view.planned().nodes}
    assert name not in view.to_html() or "<" not in name
    assert len(view.to_text().splitlines()) == len(view.nodes) + 1
    assert_mermaid(view.to_mermaid())


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_quoting_is_its_own_inverse(name):
    text = f'{quote(name)} -> {quote(name)} [id="e7"]'
    ((src, dst, i),) = EDGE.findall(text)
    clean = short_id(name).replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    assert unquote(src) == unquote(dst) == clean and i == "7"


def test_no_two_names_are_merged():
    leaves = [tg.Tensor([float(i)], requires_grad=True, name=name) for i, name in enumerate(NAMES + [""])]
    out = np.concatenate(leaves).sum()
    view = out.graph()
    assert len([n for n in view.nodes if n.kind == "leaf"]) == len(leaves)
    svg = view.collapse("none").to_svg()
    assert len(re.findall(r'class="node', svg)) == len(view.nodes)


STATEMENT = [
    r"flowchart (LR|TB)",
    r'n\d+(\(\[|\[\[|\[|\()"[^"]*"(\]\)|\]\]|\]|\)):::\w+',
    r'subgraph c\d+\["[^"]*"\]',
    "end",
    r'n\d+ (-->|-\.->)(\|"[^"]*"\|)? n\d+',
    r"classDef \w+ fill:#\w{6},stroke:#\w{6},color:#\w{6}",
    r"%% [^\n]*",
]


def assert_mermaid(text: str) -> None:
    """Every line is a statement of the flowchart grammar, and subgraphs are closed."""
    depth = 0
    for line in text.splitlines():
        assert any(re.fullmatch(pattern, line) for pattern in STATEMENT), line
        depth += line.startswith("subgraph") - (line == "end")
        assert depth >= 0
    assert depth == 0
    labels = "".join(re.findall(r'"([^"]*)"', text))
    assert not set(re.sub(r"#\d+;|<br/>", "", labels)) & set('<>"#`;&{}|\\')


class Neuron:
    """A model as one writes it before there are modules."""

    def __init__(self):
        self.w, self.b = (tg.Tensor(v, requires_grad=True) for v in (2.0, -1.0))

    def drawn_inside(self, x):
        return np.tanh(self.w * x + self.b).graph()


def test_what_an_object_has_is_named_by_it():
    neuron = Neuron()
    assert {"neuron.w", "neuron.b"} <= {n.op for n in np.tanh(neuron.w * 3 + neuron.b).graph().nodes}
    assert neuron.drawn_inside(3.0)["add#0"].formula == "self.w * 3 + self.b"
    w = neuron.w
    assert (w * 2).graph()["w"].kind == "leaf"  # a variable before a place in an object


@pytest.mark.parametrize("size", [4, 400])  # small arrays are noted whole
def test_a_view_is_the_box_of_its_array_and_says_so(size):
    w, x = tg.Tensor(2.0, requires_grad=True), np.arange(float(size))
    g = ((w * x).sum() + (w * x[1:]).sum()).graph()
    assert [n.op for n in g.nodes if n.kind == "data"] == ["x"]
    assert [n.formula for n in g.nodes if n.op == "multiply"] == ["w * x", "w * x[…]"]
    if size == 4:
        assert (w * x[::-1]).graph()["multiply#0"].formula == "w * x[…]"

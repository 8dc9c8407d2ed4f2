"""The picture's edges are the tape's: against programs whose edges are known, and with planted mistakes."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import chain, deep, digits, random_graph, recurrent, tangle
from tinygrad_np.viz import GraphMismatch
from tinygrad_np.viz.check import EDGE
from tinygrad_np.viz.writers.quoting import unquote


def places(view, edges) -> list:
    """Edges (src, slot, dst) by the places of tracked nodes in the order of creation; -1 for a constant."""
    order = {n.id: i for i, n in enumerate(n for n in view.nodes if n.kind not in ("data", "const"))}
    return sorted((order.get(src, -1), slot, order[dst]) for src, slot, dst in edges)


@pytest.mark.parametrize("seeds", range(20))
def test_view_dot_and_json_have_the_edges_of_a_random_program(seeds):
    for seed in range(10 * seeds, 10 * seeds + 10):
        out, expected = random_graph(seed)
        view = out.graph().collapse("none")
        assert places(view, [(e.src, e.slot, e.dst) for e in view.edges]) == expected
        drawn = [(unquote(a), view.edges[int(i)].slot, unquote(b)) for a, b, i in EDGE.findall(view.to_dot())]
        assert places(view, drawn) == expected
        stored = json.loads(view.to_json())
        assert places(view, [(e["src"], e["slot"], e["dst"]) for e in stored["edges"]]) == expected
        view.check()


@pytest.mark.parametrize("seed", range(8))
def test_svg_and_page_have_the_edges_of_a_random_program(seed):
    out, expected = random_graph(seed)
    view = out.graph().collapse("none")
    found = re.findall(r'data-src="([^"]*)" data-dst="([^"]*)" data-slot="(\d+)"', view.to_svg())
    assert places(view, [(a, int(slot), b) for a, b, slot in found]) == expected
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', view.to_html(), re.S)[1])
    ids = [node["id"] for node in data["levels"][0]["nodes"]]
    ends = Counter((ids[e[0]], ids[e[1]]) for e in data["levels"][0]["edges"])
    assert ends == Counter((e.src, e.dst) for e in view.edges)


def test_the_same_operand_twice_is_two_edges():
    x, y = (tg.Tensor([1.0, 2.0], requires_grad=True, name=name) for name in "xy")
    assert [(e.src, e.slot) for e in (x * x).graph().edges] == [("x", 0), ("x", 1)]
    view = np.concatenate([x, x, y]).graph()
    assert [(e.src, e.slot) for e in view.edges] == [("x", 0), ("x", 1), ("y", 2)]
    assert view.to_dot().count('"x" -> ') == 2
    assert view["x"].uses == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: digits()[1],
        lambda: deep()[1],
        lambda: recurrent(30)[1],
        lambda: tangle(500),
        lambda: chain(300),
    ],
    ids=["digits", "deep", "recurrent", "tangle", "chain"],
)
@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"level": "none"},
        {"depth": 0},
        {"depth": 1},
        {"roll": True},
        {"fuse": True},
        {"params": "nodes", "consts": "nodes"},
        {"max_nodes": 10},
    ],
    ids=str,
)
def test_every_collapse_adds_up_to_the_tape(make, plan):
    out = make()
    view = out.graph().collapse(**plan)
    assert "equal to the tape" in view.check()
    members = Counter(m.id for n in view.nodes for m in (n.members or (n,)))
    assert members == Counter(n.id for n in view.whole.nodes)
    assert sum(n.ops for n in view.nodes) == view.stats()["ops"]
    assert sum(n.saved_nbytes for n in view.nodes) == view.stats()["saved_nbytes"]


def test_check_finds_planted_mistakes():
    model, loss = digits()
    view = loss.graph(model)
    for wrong in (
        replace(view, edges=view.edges[1:]),
        replace(view, edges=view.edges + view.edges[:1]),
        replace(view, edges=(view.edges[0]._replace(slot=1), *view.edges[1:])),
        replace(view, edges=(view.edges[0]._replace(src="2.bias"), *view.edges[1:])),
    ):
        with pytest.raises(GraphMismatch, match="differ"):
            wrong.check()
    drawn = view.collapse()
    with pytest.raises(GraphMismatch, match="recorded edges between its boxes"):
        replace(drawn, edges=drawn.edges[:-1]).check()


def test_check_says_when_the_tape_is_gone():
    x = tg.Tensor([1.0], requires_grad=True)
    view = (x * 2).graph()
    assert "the tape is gone" in view.check()


def test_several_outputs_and_operations_with_several_outputs():
    x = tg.Tensor(np.arange(6.0), requires_grad=True, name="x")
    a, b = np.split(x, 2)
    product = a * b
    view = tg.graph([product, a], names={"a": a})
    assert view.outputs == ("multiply#0", "split/getitem#0") and "equal to the tape" in view.check() and view.title
    matrix = tg.Tensor(np.diag([1.0, 2.0]) + 0.1, requires_grad=True, name="m")
    outs = np.linalg.eigh((matrix + matrix.T) / 2)
    joined = outs[0].sum() + outs[1].sum()
    view = joined.graph()
    assert "equal to the tape" in view.check()
    assert [n.args for n in view.nodes if n.op == "select"] == ["output 0", "output 1"]
    assert view.to_svg()


def test_a_tensor_without_history_is_one_box():
    view = tg.Tensor([[1.0, 2.0]], name="data").graph()
    assert [n.kind for n in view.nodes] == ["data"] and not view.edges
    view.check(), view.to_svg(), view.to_html()
    leaf = tg.Tensor([1.0], requires_grad=True, name="w").graph()
    assert [n.id for n in leaf.nodes] == ["w"] and leaf.to_text()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: tg.graph(np.ones(3)), "graph: found a ndarray; expected a Tensor"),
        (lambda x: tg.graph([]), "at least one Tensor"),
        (lambda x: tg.graph(x * x, model="model"), "a Module as model"),
        (lambda x: tg.graph(x * x, names=["x"]), "a dict {name: tensor} as names"),
        (lambda x: tg.graph_diff(tg.graph(x * x), x), "graph_diff: found a Tensor; expected two graphs"),
    ],
)
def test_what_is_no_graph_is_refused(call, words):
    with pytest.raises(TypeError, match=words):
        call(tg.Tensor([1.0], requires_grad=True))

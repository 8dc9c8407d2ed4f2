"""A big graph is shown in few boxes, each of which says what it stands for."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import chain, deep, digits, recurrent, tangle
from tinygrad_np import nn
from tinygrad_np.nn import functional as F
from tinygrad_np.viz.labels import heading


def titles(view) -> list[str]:
    return [n.title or n.op for n in view.nodes if not n.is_leaf]


def test_depth_closes_modules():
    model, loss = digits()
    view = loss.graph(model)
    assert titles(view.collapse(depth=0)) == ["Sequential", "cross_entropy"]
    assert titles(view.collapse(depth=1)) == ["linear", "relu", "linear", "cross_entropy"]
    model, loss = deep(3)
    view = loss.graph(model)
    assert titles(view.collapse(depth=1)) == [
        "blocks.0: Block",
        "blocks.1: Block",
        "blocks.2: Block",
        "linear",
        "cross_entropy",
    ]
    assert titles(view.collapse(depth=0)) == ["Deep", "cross_entropy"]
    assert "gelu" in titles(view.collapse(depth=2))


def test_alike_blocks_are_rolled_up_with_their_number():
    model, loss = deep(12)
    view = loss.graph(model).collapse(depth=1, roll=True)
    box = next(n for n in view.nodes if "×12" in n.title)
    assert box.title == "blocks.0 … blocks.11 ×12 (alike)"
    assert box.ops == sum(
        n.scope is not None and n.scope.startswith("blocks") for n in view.whole.nodes if not n.is_leaf
    )


def test_calls_of_one_module_say_that_the_parameters_are_the_same():
    model, loss = recurrent(50)
    view = loss.graph(model).collapse(roll=True)
    assert "cell ×50 (same parameters)" in titles(view)


def test_a_period_of_operations_is_found_without_modules():
    x = tg.Tensor(np.ones(3), requires_grad=True, name="x")
    y = x
    for _ in range(100):
        y = np.tanh(y * 0.5) @ np.eye(3)
    view = y.sum().graph().collapse(roll=True)
    assert "multiply, tanh, matmul ×100" in titles(view)


def test_elementwise_chains_are_fused_only_where_one_value_goes_on():
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    a = np.tanh(np.exp(x * 2) + 1)
    b = np.sin(a)
    view = (a @ np.ones((3, 1)) + np.cos(b).sum()).sum().graph().collapse(fuse=True)
    assert "multiply · exp · add · tanh" in titles(view)
    assert "sin · cos" in titles(view) or {"sin", "cos"} <= set(titles(view))


@pytest.mark.parametrize(
    "make",
    [
        lambda: tangle(2000),
        lambda: tangle(2000, reach=500),
        lambda: chain(3000).sum(),
        lambda: recurrent(300)[1],
        lambda: deep(60)[1],
        many_leaves := lambda: sum(
            tg.Tensor(np.ones(2), requires_grad=True, name=f"w{i}") * float(i) for i in range(400)
        ).sum(),
    ],
    ids=["tangle", "wide", "chain", "recurrent", "deep", "leaves"],
)
@pytest.mark.parametrize("budget", [150, 40, 5])
def test_the_budget_of_boxes_is_kept(make, budget):
    view = make().graph().collapse(max_nodes=budget)
    assert len(view.nodes) <= budget
    assert sum(n.ops for n in view.nodes) == view.stats()["ops"]
    assert view.notes and "for" in view.notes[0]


def test_a_small_graph_is_drawn_in_full():
    model, loss = digits()
    view = loss.graph(model).collapse()
    assert titles(view) == ["linear", "relu", "linear", "cross_entropy"] and not view.notes
    assert [leaf.id for leaf in view["0/linear#0"].leaves] == ["0.weight", "0.bias"]
    nodes = loss.graph(model).collapse(params="nodes")
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} <= {n.id for n in nodes.nodes}


def test_a_shared_parameter_stays_one_node():
    w = tg.Tensor(np.ones((3, 3)), requires_grad=True, name="w")
    view = (np.ones((1, 3)) @ w @ w).sum().graph().collapse()
    assert view["w"].uses == 2 and sum(e.src == "w" for e in view.edges) == 2


def test_focus_path_find_and_hide():
    model, loss = deep(4)
    view = loss.graph(model)
    near = view.focus("blocks.2", radius=1)
    assert 0 < len(near.nodes) < len(view.collapse().nodes) and "only blocks.2" in near.notes[-1]
    assert all((n.scope or "").startswith("blocks.") for n in near.nodes if n.kind == "op" and "blocks.2" in n.id)
    near.check(), near.to_svg()
    way = view.path("x", "cross_entropy#0")
    assert {"x", "cross_entropy#0"} <= {n.id for n in way.nodes}
    assert not view.path("cross_entropy#0", "x").nodes
    assert [n.op for n in view.find("*linear*")] and all("linear" in n.id for n in view.find("*linear#*"))
    assert all(n.kind != "data" for n in view.hide("data").nodes)
    with pytest.raises(KeyError, match="is called 'nothing'"):
        view.path("nothing", "x")


def test_totals_do_not_depend_on_the_view():
    model, loss = deep(6)
    view = loss.graph(model)
    for other in (view.collapse(depth=0), view.collapse(max_nodes=5), view.focus("blocks.1")):
        assert other.stats() == view.stats()


def test_one_layer_is_one_box():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, generator=rng),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.2, generator=rng),
        nn.Flatten(),
        nn.LayerNorm(36),
        nn.Linear(36, 3, generator=rng),
    )
    images = tg.Tensor(rng.random((5, 1, 8, 8)).astype("f4"), name="images")
    view = F.cross_entropy(model(images), np.arange(5) % 3).graph(model, names={})
    shown = view.collapse()
    assert len(shown.nodes) == 10  # the images, eight layers, the loss
    assert [heading(n) for n in shown.nodes] == [
        "images",
        "0: Conv2d",
        "1: BatchNorm2d",
        "relu",
        "max_pool",
        "Dropout",
        "Flatten",
        "6: LayerNorm",
        "linear",
        "cross_entropy",
    ]
    assert [leaf.id for leaf in shown["1"].leaves] == ["1.weight", "1.bias"] and shown["1"].saved_nbytes > 0
    assert sum(n.ops for n in shown.nodes) == view.stats()["ops"]
    shown.check()
    assert len(view.collapse(layers=False).nodes) > 13  # which opens them


def test_attention_is_one_box_and_a_users_module_is_closed_by_depth():
    class Block(nn.Module):
        def __init__(self):
            self.attention, self.norm = nn.MultiheadAttention(8, 2, generator=0), nn.LayerNorm(8)

        def forward(self, x):
            out = self.attention(x, x, x)
            return self.norm(x + (out[0] if isinstance(out, tuple) else out))

    block = Block()
    words = tg.Tensor(np.ones((2, 5, 8), "f4"), name="words")
    view = block(words).sum().graph(block, names={})
    assert [n.id for n in view.collapse().nodes] == ["words", "attention", "Block/add#0", "norm", "sum#0"]
    assert len(view.collapse(depth=0).nodes) == 3


def bouquet(leaves: int):
    """A sum of many leaves, each through two operations, most of them used twice."""
    xs = [tg.Tensor(np.ones(2), requires_grad=True, name=f"x{i}") for i in range(leaves)]
    return sum(np.tanh(x * y) for x, y in zip(xs, xs[1:] + xs[:1], strict=True)).sum()


@pytest.mark.parametrize("max_nodes", [2, 3, 7, 40, 150, 399])
def test_the_budget_is_kept_where_most_boxes_are_leaves(max_nodes):
    out = bouquet(120)
    whole = out.graph()
    for options in ({}, {"roll": False}, {"fuse": False}, {"params": "nodes", "consts": "nodes"}, {"layers": False}):
        view = whole.collapse(max_nodes=max_nodes, **options)
        assert len(view.nodes) <= max_nodes and "equal to the tape" in view.check()
        assert sum(n.ops for n in view.nodes) == whole.stats()["ops"]

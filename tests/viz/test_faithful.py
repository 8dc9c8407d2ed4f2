"""The picture is the tape in every corner: assignments, checkpoints, derivatives of derivatives, hostile names."""

from __future__ import annotations

import time

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import chain, needs_engine
from tinygrad_np import nn
from tinygrad_np.viz import GraphView
from tinygrad_np.viz.writers import svg


def assigned():
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    y = x * 2
    y[1] = x[0] * 5
    y += 1
    y[0] = 7.0
    return (y * y).sum()


def checkpointed():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    return (tg.checkpoint(lambda x: np.exp(np.sin(x)))(x) * x).sum()


def second_derivative():
    x = tg.Tensor(0.3, requires_grad=True, name="x")
    return tg.grad(lambda x: tg.grad(lambda x: np.sin(x) ** 3)(x))(x)


def through_qr():
    x = tg.Tensor(np.eye(3) + 1, requires_grad=True, name="x")
    q, r = np.linalg.qr(x)
    return (r**2).sum() + q[0, 0]


def qr_twice():
    x = tg.Tensor(np.eye(3) + 1, requires_grad=True, name="x")
    return tg.grad(lambda x: tg.grad(lambda x: (np.linalg.qr(x)[1] ** 2).sum())(x).sum())(x).sum()


@pytest.mark.parametrize("make", [assigned, checkpointed, second_derivative, through_qr, qr_twice])
def test_the_picture_is_the_tape(make):
    out = make()
    view = out.graph(grads=True)
    assert "equal to the tape" in view.check() and "equal to the tape" in view.collapse().check()
    assert GraphView.from_json(view.to_json()) == view
    assert GraphView.from_json(view.collapse().to_json()) == view.collapse()
    out.backward()
    (leaf,) = [n for n in view.nodes if n.kind == "leaf"]
    after = out.graph()
    assert np.allclose(leaf.grad.numbers, after["x"].grad.numbers)


def test_values_after_an_assignment_are_those_of_each_step():
    view = assigned().graph()
    assert view["multiply#0"].value.numbers == (2, 4, 6) and view["assigned#0"].value.numbers == (2, 5, 6)
    assert view["assigned#1"].value.numbers == (7, 6, 7)


HOSTILE = [
    r"$\Gamma$",
    r"C:\Nets\G1",
    r"\\server\x",
    r"\N",
    "x" * 17_000,
    "\ud800 surrogate",
    "\u202eright to left\u2066",
    "\u200f",
    "<b>&amp;</b>",
    "two\nlines",
    "]]>",
    "</script>",
    "a | grad 3",
]


class Holder(nn.Module):
    """A model whose layers have these names."""

    def __init__(self, names):
        self.names = [name.replace(".", "_") for name in names]
        for name in self.names:
            setattr(self, name, nn.Linear(2, 2, generator=0))

    def forward(self, x):
        for name in self.names:
            x = vars(self)[name](x)
        return x


def hostile(names):
    """A graph in which tensors, arrays, layers, intermediates, the output and the title have these names."""
    xs = [tg.Tensor([[1.0, 2.0]], requires_grad=True, name=name) for name in names]
    arrays = {f"{name} array": np.array([[3.0, 4.0]]) for name in names}
    model, hidden = Holder(names), []
    for x, name, array in zip(xs, names, arrays.values(), strict=True):
        hidden.append(np.tanh(model(x * array)))
        hidden[-1].name = f"{name} hidden"
    out = sum(hidden).sum()
    out.name = names[0] + " out"
    return out.graph(model, names=arrays, title=names[0]), out  # the tape lives as long as its output


ENGINES = [name for name in ("dot", "pygraphviz") if svg.available(name)]


def assert_every_writer_writes(view, engine: str, folder) -> None:
    assert "equal to the tape" in view.check() and GraphView.from_json(view.to_json()) == view
    drawn = view.collapse(max_nodes=400)
    assert drawn.to_svg(engine=engine).count('class="node') == len(drawn.nodes)
    for suffix in ("html", "mmd", "txt", "json", "dot", "png", "pdf"):
        options = {"engine": engine} if suffix in ("html", "png", "pdf") else {}
        view.save(folder / f"graph.{suffix}", **options)
        assert (folder / f"graph.{suffix}").stat().st_size


@needs_engine
@pytest.mark.parametrize("engine", ENGINES)
def test_hostile_names_survive_every_writer_and_both_engines(engine, tmp_path):
    """All at once, in every place; where this fails the slow test below names the culprit."""
    view, _out = hostile(HOSTILE)
    assert_every_writer_writes(view, engine, tmp_path)
    text = view.collapse("none").to_svg(engine=engine)
    for name in HOSTILE:
        for place in ("", " array", " hidden"):
            assert (view[name + place].kind == "op") == (place == " hidden")
            if name.isprintable() and len(name) < 60:
                assert f'data-id="{svg.xml(view[name + place].id)}"' in text, name + place


@needs_engine
@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_a_hostile_name_survives_every_text(name):
    view, _out = hostile([name])
    assert "equal to the tape" in view.check() and GraphView.from_json(view.to_json()) == view
    assert len(view.to_text().splitlines()) == len(hostile(["plain"])[0].to_text().splitlines())
    assert view.to_svg().count('class="node') == len(view.planned().nodes) and view.to_mermaid()
    assert repr(view).isprintable() and len(repr(view)) < 200


@pytest.mark.slow
@needs_engine
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_a_hostile_name_survives_every_writer_and_both_engines(name, engine, tmp_path):
    view, _out = hostile([name])
    assert_every_writer_writes(view, engine, tmp_path)


def test_drawing_is_about_linear():
    def seconds(operations: int) -> float:
        view = chain(operations).sum().graph()
        began = time.process_time()
        view.to_dot()
        view.to_text()
        return time.process_time() - began

    seconds(100)
    few, many = seconds(1000), seconds(4000)
    assert many < 12 * few + 0.5  # four times the work; sixteen if it were quadratic, and then some


@pytest.mark.slow
def test_a_hundred_thousand_operations_are_listed_and_drawn():
    view = chain(100_000).sum().graph()
    assert view.to_text().count("\n") > 100_000
    shown = view.collapse()
    assert len(shown.nodes) <= 150 and sum(n.ops for n in shown.nodes) == 100_001 and shown.to_dot()


def test_a_collapsed_box_is_visited_when_the_first_of_its_operations_is():
    x = tg.Tensor(np.ones(3), requires_grad=True, name="x")
    view = np.exp(np.sin(np.cos(x))).sum().graph()
    box = next(n for n in view.collapse(fuse=True).nodes if n.kind == "chain")
    assert box.step == min(m.step for m in box.members if m.step) == 2


def test_a_title_is_kept_by_every_writer():
    x = tg.Tensor(np.ones(3), requires_grad=True, name="x")
    view = np.sin(x).sum().graph(title="my title")
    assert view.title == "my title" and "<title>my title</title>" in view.to_html()
    assert "my title" in view.to_json() and "my title" in view.to_svg()


def test_the_summary_of_a_model_that_returns_arrays_too():
    class Both(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(3, 2, generator=0)

        def forward(self, x):
            return self.inner(x), np.ones((4, 5))

    assert "(1, 2) (4, 5)" in str(Both().summary(np.ones((1, 3), "f4")))

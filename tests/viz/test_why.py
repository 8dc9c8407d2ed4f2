"""why_no_grad names the step that took a tensor off the tape; record notes lines and times."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import digits


@pytest.fixture
def x():
    return tg.Tensor([1.0, -2.0], requires_grad=True, name="x")


@pytest.fixture
def w():
    return tg.Tensor([3.0, 4.0], requires_grad=True, name="w")


def no_grad(x):
    with tg.no_grad():
        return np.tanh(x * 2)


CUTS = {
    "detach()": lambda x: (x * 2).detach(),
    "numpy()": lambda x: x.numpy(),
    "greater, which has no derivative": lambda x: x > 0,
    "argsort, which has no derivative": lambda x: np.argsort(x),
    "multiply inside no_grad": no_grad,
    "astype to int64, an integer dtype": lambda x: (x * 3).astype(np.int64),
}


@pytest.mark.parametrize("said", CUTS)
def test_the_step_that_cut_is_named_with_its_line(said, x, w):
    with tg.record():
        loss = (w * CUTS[said](x)).sum()
    answer = loss.graph().why_no_grad(x)
    assert f"left the tape at the step: {said}, at test_why.py:" in answer
    assert "\n" not in answer


def test_several_steps_are_listed(x, w):
    with tg.record():
        loss = (w * x.detach() * (x > 0)).sum()
    answer = loss.graph().why_no_grad(x)
    assert "2 steps" in answer and answer.index("detach()") < answer.index("greater")


def test_what_needs_no_step(x, w):
    loss = (w * x.detach()).sum()
    g = loss.graph()
    assert "a gradient does reach w" in g.why_no_grad(w) and "multiply" in g.why_no_grad(w)
    assert "with tg.record()" in g.why_no_grad(x)
    assert "dtype int64" in g.why_no_grad(tg.Tensor([1]))
    assert "without requires_grad=True" in g.why_no_grad(tg.Tensor([1.0], name="data"))
    assert "plain ndarray" in g.why_no_grad(np.ones(2))
    assert "inside no_grad" in g.why_no_grad(no_grad(x))
    assert "it is the output itself" in g.why_no_grad(loss)
    del loss
    assert "the tape of this graph is gone" in g.why_no_grad(x)


def test_lines_and_times_are_noted_only_when_asked():
    model, loss = digits()
    assert all(n.source is None and n.time_ns is None for n in loss.graph(model).nodes)
    with tg.record(source=True, time=True):
        model, loss = digits()
    view = loss.graph(model)
    ops = [n for n in view.nodes if n.kind == "op"]
    assert {n.source.split(":")[0] for n in ops} == {"graphs.py"}
    assert all(n.time_ns > 0 for n in ops) and view.stats()["time_ns"] == sum(n.time_ns for n in ops)
    assert "graphs.py:" in view.to_text() and " µs" in view.to_text() and "ms forward" in view.to_svg()
    with tg.record(source=False, time=True):
        assert all(n.source is None for n in digits()[1].graph().nodes)


def test_record_and_debug_work_together(x):
    with np.errstate(all="ignore"), tg.debug(), tg.record(), pytest.raises(tg.NonFiniteError):
        np.log(x * 0)
    with np.errstate(all="ignore"), tg.record(), tg.debug():
        loss = (x * x).sum()
    assert loss.graph().nodes[-1].kind == "op"


def test_record_is_a_decorator_too():
    @tg.record(time=True)
    def compute(x):
        return (x * x).sum()

    x = tg.Tensor([1.0], requires_grad=True)
    for _ in range(2):
        assert compute(x).graph().nodes[-1].source.startswith("test_why.py:")
    assert (x * x).graph().nodes[-1].source is None

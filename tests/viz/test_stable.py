"""The same graph gives the same bytes; one operation more changes what it must and nothing else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import deep, digits, recurrent
from tinygrad_np import nn
from tinygrad_np.viz import GraphView

WRITERS = ("to_dot", "to_svg", "to_html", "to_json", "to_mermaid", "to_text")

PROGRAM = "import tests.viz.test_stable as t; t.print_digests()"


def print_digests() -> None:
    """The digest of a graph in every format, a line each."""
    model, loss = deep(2)
    view = loss.graph(model)
    for name in WRITERS:
        print(name, hashlib.sha256(getattr(view, name)().encode()).hexdigest())


def test_two_processes_write_the_same_bytes(capsys):
    root = Path(tg.__file__).parents[1]
    other = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=root,
        check=True,
        text=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},  # here it is another, or none
    ).stdout
    print_digests()
    assert capsys.readouterr().out == other and len(other.splitlines()) == len(WRITERS)


@pytest.mark.parametrize("writer", WRITERS)
def test_two_builds_of_one_model_write_the_same_bytes(writer):
    first, second = (getattr(digits()[1].graph(), writer)() for _ in range(2))
    assert hashlib.sha256(first.encode()).digest() == hashlib.sha256(second.encode()).digest()


@pytest.mark.parametrize(
    "change",
    [
        lambda g: g,
        lambda g: g.collapse("none"),
        lambda g: g.collapse(depth=1),
        lambda g: g.collapse().focus("1"),
        lambda g: g.path("images", "cross_entropy#0"),
    ],
)
def test_json_round_trips(change):
    model, loss = digits()
    loss.backward(retain_graph=True)
    view = change(loss.graph(model, grads=True))
    back = GraphView.from_json(view.to_json())
    assert back == view and back.to_json() == view.to_json() and back.to_svg() == view.to_svg()


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not JSON"),
        ("[]", "found the schema 'list'"),
        ('{"schema": "other/1"}', "found the schema 'other/1'"),
        ('{"schema": "tinygrad_np.graph/1"}', "damaged"),
        (
            '{"schema": "tinygrad_np.graph/1", "title": "", "outputs": [], "scopes": [], '
            '"nodes": [], "edges": [{"src": "a", "dst": "b", "slot": 0}]}',
            "joins no two",
        ),
    ],
)
def test_a_damaged_json_is_refused_in_one_line(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        GraphView.from_json(text)
    assert "\n" not in str(caught.value)


class Net(nn.Module):
    def __init__(self, extra: bool):
        rng = np.random.default_rng(0)
        self.a, self.b, self.extra = nn.Linear(4, 4, generator=rng), nn.Linear(4, 4, generator=rng), extra

    def forward(self, x):
        x = np.tanh(self.a(x))
        if self.extra:
            x = np.sin(x)
        return np.tanh(self.b(x)).sum()


def test_one_more_operation_changes_few_lines_and_no_id():
    x = np.ones((2, 4), np.float32)
    dots, ids = [], []
    for extra in (False, True):
        net = Net(extra)
        view = net(x).graph(net)
        ids.append({n.id for n in view.nodes})
        dots.append({line for line in view.to_dot(legend=False).splitlines() if " -> " not in line})
    assert ids[1] - ids[0] == {"Net/sin#0"} and not ids[0] - ids[1]
    strip = [{line.split(" label=")[0].split("[id=")[0] for line in dot} for dot in dots]
    assert len(strip[1] ^ strip[0]) == 1


def test_ids_of_calls_and_of_tensors_of_one_name():
    view = recurrent(3)[1].graph()
    assert {"leaf#0"} <= {n.id for n in view.nodes} or view.scopes
    model, loss = recurrent(3)
    view = loss.graph(model)
    assert [s.id for s in view.scopes if s.name == "cell"] == ["cell", "cell@2", "cell@3"]
    assert view["cell@2/tanh#0"].scope == "cell@2" and view["cell.inner.weight"].uses == 3
    x, y = (tg.Tensor([1.0], requires_grad=True, name="x") for _ in range(2))
    assert [n.id for n in (x * y).graph().nodes if n.is_leaf] == ["x", "x~1"]

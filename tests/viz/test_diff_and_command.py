"""Two graphs are compared; scripts, saved graphs and engines are at the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import deep, digits, tangle
from tests.viz.test_stable import Net
from tinygrad_np.viz.__main__ import main

SCRIPT = """
import sys
import numpy as np, tinygrad_np as tg
from tinygrad_np import nn
model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
images = tg.Tensor(np.ones((5, 4), "f4"))
labels = np.array([0, 1, 0, 1, 0])
loss = nn.functional.cross_entropy(model(images), labels)
number, scores = 3, np.arange(6.0)
def hinge(scores, margin=1.0):
    return np.maximum(0, margin - scores).sum()
def squared(images):
    return (images * images).sum()
def of_others(labels, others):
    return labels
if sys.argv[1:] == ["fail"]:
    raise ValueError("no luck")
"""


def test_equal_graphs_do_not_differ():
    for make in (lambda: digits()[1], lambda: deep(3)[1], lambda: tangle(3000)):
        diff = tg.graph_diff(make().graph(), make().graph())
        assert not diff and diff.text == "" and str(diff) == "no difference"


def test_one_more_operation_is_one_difference():
    x = np.ones((2, 4), np.float32)
    plain, more = (Net(extra) for extra in (False, True))
    a, b = plain(x).graph(plain), more(x).graph(more)
    diff = tg.graph_diff(a, b)
    assert [n.id for n in diff.added] == ["Net/sin#0"] and not diff.removed and not diff.rewired and not diff.reshaped
    assert diff.text == "+ Net/sin#0  (2, 4) float32"
    back = tg.graph_diff(b, a)
    assert [n.id for n in back.removed] == ["Net/sin#0"] and not back.added and not back.rewired


def test_other_shapes_operands_and_arguments_are_found():
    x, y = (tg.Tensor(np.ones((2, 3)), requires_grad=True, name=name) for name in "xy")
    reshaped = tg.graph_diff((x @ np.ones((3, 2))).graph(), (x @ np.ones((3, 5))).graph())
    assert {n.id for n, _ in reshaped.reshaped} >= {"matmul#0"} and "(2, 2) float64 -> (2, 5) float64" in reshaped.text
    rewired = tg.graph_diff((np.sin(x) - np.sin(y)).graph(), (np.sin(y) - np.sin(x)).graph())
    assert rewired.rewired
    arguments = tg.graph_diff(x.sum(axis=0).graph(), x.sum(axis=0, keepdims=True).graph())
    assert "keepdims=True" in arguments.text
    assert tg.graph_diff((x * y).graph(), (x + y).graph()).text.splitlines()[:2] == [
        "+ add#0  (2, 3) float64",
        "- multiply#0  (2, 3) float64",
    ]


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "a script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("suffix", [".svg", ".html", ".png", ".pdf", ".dot", ".mmd", ".json", ".txt"])
def test_draw_a_script(script, tmp_path, capsys, suffix):
    out = tmp_path / f"loss{suffix}"
    assert main([f"{script}:loss", "-o", str(out)]) == 0
    assert out.stat().st_size > 100
    assert capsys.readouterr().out == f"{out}: <GraphView of loss: 4 operations, 5 leaves, 8 edges>\n"


def test_a_function_is_called_with_the_scripts_variables_of_its_parameters_names(script, capsys):
    assert main([f"{script}:hinge"]) == 0  # plain NumPy: nothing requires a gradient
    text = capsys.readouterr().out
    assert "= scores  (6,)" in text and "maximum(0, 1 - scores)" in text and "no gradient is recorded" in text
    assert main([f"{script}:squared"]) == 0
    assert "images * images" in capsys.readouterr().out


def test_the_scripts_arrays_are_called_by_their_variables(script, capsys):
    assert main([f"{script}:loss"]) == 0
    assert "images  (5, 4) float32, no grad" in capsys.readouterr().out


def test_draw_as_text_with_lines_and_depth(script, capsys):
    assert main([f"{script}:loss", "--source", "--time", "--grads"]) == 0
    text = capsys.readouterr().out
    assert "linear(" in text and "a script.py:8" in text and " µs" in text and "gradient norm" in text
    assert main([f"{script}:loss", "--depth", "0"]) == 0
    assert "Sequential(" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["{script}:los"], 1, "'los' is not a tensor; found the tensors images, loss"),
        (["{script}:number"], 1, "'number' is not a tensor; found a int"),
        (["{script}:labels"], 1, "name a function of arrays that computes it"),
        (["{script}:of_others"], 1, "of_others is a function of labels, others; found no others in the script"),
        (["nothing.py:loss"], 1, "no such script"),
        (["{script}:loss", "fail"], 1, "a script.py:17: ValueError: no luck"),
        (["nothing.json"], 1, "No such file"),
        (["diff", "{script}", "{script}"], 1, "not JSON"),
        (["{script}"], 2, "expected script.py:name"),
        (["{script}:loss", "-o", "a.gif"], 2, "'.gif'"),
        (["{script}:loss", "--depth", "-1"], 2, "depth=-1"),
        (["g.json", "--grads"], 2, "takes no"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(script, capsys, arguments, code, said):
    arguments = [a.format(script=script) for a in arguments]
    try:
        found = main(arguments)
    except SystemExit as exit_:
        found = exit_.code
    error = capsys.readouterr().err
    assert found == code and said in error.splitlines()[-1]
    assert code == 2 or len(error.splitlines()) == 1


def test_draw_and_compare_saved_graphs(script, tmp_path, capsys):
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    main([f"{script}:loss", "-o", str(a)])
    script.write_text(SCRIPT.replace("nn.ReLU()", "nn.ReLU(), nn.Tanh()").replace("loss = ", "loss = 2 * "))
    main([f"{script}:loss", "-o", str(b)])
    assert json.loads(a.read_text())["schema"] == "tinygrad_np.graph/1"
    capsys.readouterr()
    assert main(["diff", str(a), str(a)]) == 0 and capsys.readouterr().out == "no difference\n"
    assert main(["diff", str(a), str(b)]) == 1
    assert "tanh#0" in capsys.readouterr().out
    assert main([str(a), "-o", str(tmp_path / "again.svg")]) == 0
    assert (tmp_path / "again.svg").read_text().startswith("<svg")


def test_doctor_says_what_works(capsys, monkeypatch):
    code = main(["doctor"])
    out = capsys.readouterr().out
    assert "dot: " in out and "pygraphviz: " in out and code in (0, 1)
    assert (code == 0) == ("draws svg" in out)
    from tinygrad_np.viz import __main__ as command

    monkeypatch.setattr(command, "available", lambda engine: False)
    assert main(["doctor"]) == 1 and capsys.readouterr().out.count("not installed") == 2


def test_the_module_runs(script):
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_np.viz", f"{script}:loss"],
        capture_output=True,
        text=True,
        cwd=Path(tg.__file__).parents[1],
    )
    assert done.returncode == 0 and "cross_entropy" in done.stdout

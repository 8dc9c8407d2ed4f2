"""Programs of HIPS autograd, rewritten: they run, the old text is kept, and what else to look at is said by line."""

import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_np as tg
from tinygrad_np.interop.commands.migrate import AUTOGRAD_MODULES, LOOK, OUR_NAMES, main, rewritten

PROGRAMS = {
    "logistic": '''
import autograd.numpy as np
import autograd.numpy.random as npr
from autograd import grad  # the gradient

def loss(w):
    p = 0.5 * (np.tanh(np.dot(inputs, w)) + 1)
    return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))

inputs = npr.RandomState(0).randn(8, 3)
targets = np.array([True, False] * 4)
w = np.zeros(3)
for i in range(50):
    w = w - 0.05 * grad(loss)(w)
print(loss(w) < loss(np.zeros(3)))
''',
    "optimizer": '''
import autograd.numpy as np
from autograd import value_and_grad as vag, elementwise_grad
from autograd.misc import flatten
from autograd.misc.optimizers import adam
from autograd.scipy.stats import norm
import autograd.scipy.stats.multivariate_normal as mvn
from autograd.scipy.special import (
    gammaln,
    logsumexp,
)

flat, unflatten = flatten({"a": np.ones(2), "b": [np.zeros(1)]})
def loss(v, i):
    p = unflatten(v)
    prior = np.sum(norm.logpdf(p["b"][0])) + mvn.logpdf(p["a"], np.zeros(2), np.eye(2))
    return np.sum((p["a"] - 3) ** 2) - prior + 0 * logsumexp(v)
value, g = vag(loss)(flat, 0)
end = adam(lambda v, i: vag(loss)(v, i)[1], flat, num_iters=200, step_size=0.1)
print(loss(end, 0) < value)
''',
    "bare": '''
import autograd
import autograd.numpy
print(float(autograd.grad(lambda x: autograd.numpy.sin(x))(0.0)) == 1.0)
''',
    "indented": '''
def main():
    from autograd import jacobian; import math
    import autograd.numpy as np
    return jacobian(lambda x: x * x)(np.array([math.pi, 1.0])).shape == (2, 2)
print(main())
''',
}  # fmt: skip


def run(path: Path) -> str:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs_when_it_is_rewritten(name, tmp_path):
    if name == "optimizer":
        pytest.importorskip("scipy")
    path = tmp_path / "program.py"
    path.write_text(PROGRAMS[name])
    assert main([str(path)]) == 0
    assert path.with_name("program.py.bak").read_text() == PROGRAMS[name]
    assert "autograd" not in path.read_text() and run(path).strip() == "True"
    assert len(path.read_text().splitlines()) == len(PROGRAMS[name].splitlines())  # lines stay where they are


def test_the_command(tmp_path, capsys):
    path = tmp_path / "p.py"
    text = (
        "from autograd import grad, hessian_vector_product as hvp\nfrom autograd.core import vspace\nz = 1j\nhvp(0)\n"
    )
    path.write_text(text)
    assert main([str(path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert path.read_text() == text and "+from tinygrad_np import grad" in said and "p.py:3: look at complex" in said
    assert "p.py:1: look at hessian_vector_product: hvp(f, (x,), (v,))" in said and "vspace" in said
    assert main([str(path)]) == 0
    assert main([str(path)]) == 0 and "no autograd import" in capsys.readouterr().out
    path.write_text(text)
    assert main([str(path)]) == 1 and "p.py.bak exists" in capsys.readouterr().err
    assert path.read_text() == text and sorted(p.name for p in tmp_path.iterdir()) == ["p.py", "p.py.bak"]
    (tmp_path / "q.py").write_text("from autograd import (\n")
    assert main([str(tmp_path / "q.py"), str(tmp_path / "none.py")]) == 1


def test_it_is_run_as_a_module(tmp_path):
    path = tmp_path / "p.py"
    path.write_text("from autograd import grad\n")
    done = subprocess.run([sys.executable, "-m", "tinygrad_np.migrate", str(path)], capture_output=True, text=True)
    assert done.returncode == 0 and path.read_text() == "from tinygrad_np import grad\n"


def test_what_it_names_is_there():
    from importlib import import_module

    pytest.importorskip("scipy")
    for module in AUTOGRAD_MODULES.values():
        assert module is None or import_module(module)
    for name in OUR_NAMES:
        assert hasattr(tg, name)
    assert rewritten("x = 1\n") == ("x = 1\n", []) and not any("\n" in text for text in LOOK.values())

"""Backward passes written for NumPy, SciPy, PyTorch, JAX and autograd: right ones pass, wrong ones are named."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_np.testing import CheckFailed, check_op, failures, foreign, gradcheck

ROOT = Path(__file__).parents[2]
X = np.array([0.5, -1.5, 2.0])
PAGE = (ROOT / "docs/check-your-backward.md").read_text(encoding="utf-8")
EXAMPLES = dict(zip(("torch", "jax", "autograd"), re.findall(r"^```py\n(.*?)^```", PAGE, re.M | re.S)))


def installed(name):
    return pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed")


@pytest.mark.parametrize("name", [pytest.param(n, marks=installed(n)) for n in EXAMPLES])
def test_the_examples_of_the_page_run(name, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(EXAMPLES[name], encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]


def sine(x):
    return np.sin(x)


def sine_backward(ct, x):
    return ct * np.cos(x)


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def test_a_pair_passes_and_says_what_it_has_not():
    report = check_op((sine, sine_backward), max_examples=10)
    assert report and "13/13" in str(report) and set(report.skip) == {"forward_mode", "second"}
    assert report.name == "sine" and "x" in report.ranges


def test_a_pair_with_a_cache_is_recognized():
    point = np.ones((3, 2)) * X[:, None], np.ones((2, 2)), X[:2]
    assert gradcheck((affine_forward, affine_backward), *point)
    assert gradcheck(foreign.cached(affine_forward, affine_backward), *point)


@pytest.mark.parametrize(
    "backward, says",
    [
        (lambda ct, x: -ct * np.cos(x), "SIGN"),
        (lambda ct, x: ct * np.sin(x), "FUNCTION FOR ITS DERIVATIVE"),
        (lambda ct, x: ct.sum() * np.cos(x), "IGNORES THE COTANGENT"),
        (lambda ct, x: np.zeros_like(x), "NO GRADIENT"),
    ],
)
def test_mistakes_in_a_pair_are_named(backward, says):
    with pytest.raises(CheckFailed, match=says) as caught:
        gradcheck(foreign.numpy(sine, backward), X)
    assert "foreign.numpy(sine, backward)" in str(caught.value)


def test_the_test_to_paste_runs_and_fails():
    with pytest.raises(CheckFailed) as caught:
        gradcheck(foreign.numpy(sine, wrong_backward), X)
    source = caught.value.report.reproducer()
    assert "from test_foreign import sine, wrong_backward" in source
    space: dict = {}
    exec(re.sub("from test_foreign.*", "", source), globals() | space, space)
    space["test_sine"].__globals__.update(globals())
    with pytest.raises(CheckFailed, match="2 times"):
        space["test_sine"]()


def wrong_backward(ct, x):
    return 2 * ct * np.cos(x)


def test_what_a_pair_keeps_outside_its_cache_is_seen():
    kept = {}

    def forward(x):
        kept["x"] = x.copy()
        return np.sin(x), None

    made = foreign.cached(forward, lambda dout, cache: dout * np.cos(kept["x"]))
    with pytest.raises(failures.HiddenState):
        check_op(made, [(X,)])


def test_scipy_with_a_wrong_hessian():
    def f(x):
        return float((x**3).sum())

    assert gradcheck(foreign.scipy(f, lambda x: 3 * x**2, lambda x: np.diag(6 * x)), X, order=2)
    assert gradcheck(foreign.scipy(lambda x: (f(x), 3 * x**2)), X)
    wrong = foreign.scipy(f, lambda x: 3 * x**2, lambda x: np.diag(5 * x))
    with pytest.raises(failures.SecondOrderMismatch):
        gradcheck(wrong, X, order=2)


@installed("torch")
def test_a_function_of_torch_that_forgets_a_bound():
    import torch

    class Relu6(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(0, 6)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * (x > 0)

    assert gradcheck(Relu6, torch.tensor(X), order=2)
    with pytest.raises(failures.GradientMismatch):
        check_op(Relu6, max_examples=8, order=1)


@installed("torch")
def test_the_buffers_of_a_torch_module_stay():
    import torch

    layer = torch.nn.BatchNorm1d(3).double()
    assert gradcheck(layer, torch.tensor(np.outer(X, X[::-1]) + np.eye(3)))
    assert int(layer.num_batches_tracked) == 0 and not layer.running_mean.any()

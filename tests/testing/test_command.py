"""python -m tinygrad_np.testing, and the pytest plugin, as their users run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = """
import numpy as np
import tinygrad_np as tg

@tg.primitive
def softplus(x):
    return np.logaddexp(x, 0)
softplus.defvjp(lambda ct, x: ct / (1 + np.exp(-x)))

@tg.primitive
def wrong(x):
    return np.logaddexp(x, 0)
wrong.defvjp(lambda ct, x: -ct / (1 + np.exp(-x)))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ops.py").write_text(OPERATIONS, encoding="utf-8")
    (tmp_path / "syntax.py").write_text("def f(x) return x", encoding="utf-8")
    return tmp_path


def run(folder, *command):
    paths = os.pathsep.join([str(ROOT), str(folder)])
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )


def test_check(folder):
    done = run(folder, "tinygrad_np.testing", "check", "ops:softplus", "numpy:tanh", "--examples", "20")
    assert done.returncode == 0 and done.stdout.count("PASS 15/15") == 2, done.stderr
    failed = run(folder, "tinygrad_np.testing", "check", "ops:wrong", "--examples", "20")
    assert failed.returncode == 1 and "GradientMismatch: wrong(x)" in failed.stdout and "SIGN" in failed.stdout


@pytest.mark.parametrize(
    "target, says",
    [
        ("ops", "expected package.module:operation"),
        ("ops:none", "ops has no none"),
        ("nowhere:f", "cannot import nowhere"),
        ("ops:np", "not a function"),
        (":f", "expected package.module:operation"),
        ("syntax:f", "cannot import syntax: SyntaxError"),
    ],
)
def test_bad_targets_get_one_line(folder, target, says):
    done = run(folder, "tinygrad_np.testing", "check", target)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1


def test_write_makes_a_test_that_passes_and_the_plugin_sums_up(folder):
    written = run(folder, "tinygrad_np.testing", "write", "ops:softplus")
    assert written.returncode == 0, written.stderr
    (folder / "test_softplus.py").write_text(written.stdout, encoding="utf-8")
    (folder / "test_fixture.py").write_text(
        "import numpy as np\ndef test_it(gradcheck):\n    assert gradcheck(np.sin, np.array([0.5]))\n"
        "    assert gradcheck.op(np.exp).inputs == 20\n",
        encoding="utf-8",
    )
    plain = subprocess.run(
        [
            sys.executable,
            "-c",
            "import importlib.metadata as m; print(any(e.name == 'tinygrad_np' for e in "
            "m.entry_points(group='pytest11')))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    plugin = [] if "True" in plain else ["-p", "tinygrad_np.testing.plugin"]
    done = run(folder, "pytest", "-q", "--rootdir", str(folder), *plugin, "--gradcheck=quick")
    assert done.returncode == 0, done.stdout
    assert "gradients: 3 operations checked, 0 failed" in done.stdout and "weakest certificate 1e-08" in done.stdout

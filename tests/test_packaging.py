"""The package from outside: what it imports, what that costs, what depends on what, what its files may say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tinygrad_np as tg

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_np"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_no_extra():
    loaded = set(run("import sys, tinygrad_np; print(*{m.partition('.')[0] for m in sys.modules})").split())
    assert not loaded & {
        "pandas",
        "sklearn",
        "matplotlib",
        "tqdm",
        "safetensors",
        "pygraphviz",
        "hypothesis",
        "pytest",
        "scipy",
        "graphviz",
        "numba",
    }
    loaded = set(run("import sys, tinygrad_np; print(*sys.modules)").split())
    assert not loaded & {f"tinygrad_np.{name}" for name in ("nn", "optim", "io", "testing", "viz.view", "jit.record")}


def test_models_and_files_are_there_when_they_are_asked_for():
    assert run("import tinygrad_np as tg; print(tg.nn.Linear(2, 1)(tg.Tensor([[1, 2]])).shape, tg.save.__name__)") == (
        "(1, 1) save\n"
    )
    assert run("from tinygrad_np import nn, optim, load; print(nn.__name__, optim.__name__, load.__name__)") == (
        "tinygrad_np.nn tinygrad_np.optim load\n"
    )
    assert {"nn", "optim", "save", "load", "Tensor"} <= set(dir(tg))
    with pytest.raises(AttributeError, match="module 'tinygrad_np' has no attribute 'mm'"):
        tg.mm()


def test_the_public_names():
    for name in (
        "Tensor nn optim no_grad enable_grad is_grad_enabled debug grad value_and_grad vjp jvp jacobian "
        "hessian hvp checkpoint jit primitive graph graph_diff save load NotDifferentiable"
    ).split():
        assert hasattr(tg, name), name


def test_the_version_and_the_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", tg.__version__)
    assert {d.partition(">")[0] for d in project["dependencies"]} == {"numpy", "graphviz"}
    assert {"models", "viz", "testing", "test", "all"} <= set(project["optional-dependencies"])
    assert (PACKAGE / "py.typed").exists()


def test_no_file_names_this_machine_or_a_registry():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = re.compile(
        "|".join(["/" + "work/", "/" + "tmp/dev", "/" + "root/", "pypi" + r"\.org", "files" + r"\.pythonhosted"])
    )
    for name in listed.stdout.split("\n"):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".cfg", ".yml", ".html", ".js", ".css", ""} and path.is_file():
            found = words.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert not found, f"{name}: {found[0]}"

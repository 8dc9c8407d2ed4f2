"""The package from outside: what it imports, what that costs, what depends on what, what its files may say."""

import importlib
import inspect
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


@pytest.mark.parametrize("line", ["np.array([1.0])", "np.c_[1.0, 2.0]", "np.linalg.inv(np.eye(1))"])
def test_the_namespace_may_be_all_that_a_program_imports(line):
    assert run(f"from tinygrad_np import numpy as np; print(np.ndim({line}))") in ("1\n", "2\n")


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


def test_the_import_is_this_page_alone():
    """Nothing is paid for before it is used: neither the engine nor NumPy is loaded, `jit` is there as a function."""
    loaded = set(run("import sys, tinygrad_np; print(*sys.modules)").split())
    assert {m for m in loaded if m.startswith("tinygrad_np")} == {
        "tinygrad_np",
        "tinygrad_np.engine",
        "tinygrad_np.engine.above",
        "tinygrad_np.jit",
        "tinygrad_np.jit.errors",
    }
    assert "numpy" not in loaded


def test_a_tensor_alone_loads_neither_the_calculus_nor_what_is_built_on_it():
    loaded = set(run("import sys; from tinygrad_np import Tensor; Tensor([1]); print(*sys.modules)").split())
    rooms = {m.split(".")[1] for m in loaded if m.startswith("tinygrad_np.")}
    assert rooms == {"engine", "jit"}


@pytest.mark.parametrize(
    "first",
    [
        "import tinygrad_np.jit",
        "import tinygrad_np.jit.jitted",
        "from tinygrad_np.jit import jit",
        "import tinygrad_np as tg; tg.jit; import tinygrad_np.jit.jitted",
        "import tinygrad_np as tg; tg.jit(abs)(1.0); import tinygrad_np.jit.plan",
        "from tinygrad_np import jit, checkpoint, record, graph; import tinygrad_np.transforms.checkpoint",
        "import tinygrad_np.viz.capture, tinygrad_np.transforms.checkpoint, tinygrad_np.engine.recording",
    ],
)
def test_functions_keep_their_names_whatever_is_imported_first(first):
    names = "jit graph graph_diff checkpoint record grad primitive debug"
    code = (
        f"{first}; import tinygrad_np as tg, types; print({{n: callable(getattr(tg, n)) for n in {names.split()!r}}})"
    )
    assert run(code) == f"{dict.fromkeys(names.split(), True)}\n"


def test_every_public_name_is_there_at_once_and_dir_shows_no_other():
    code = "import tinygrad_np as tg; print(*[n for n in dir(tg) if getattr(tg, n) is None]); print(*dir(tg))"
    none, names = run(code).split("\n")[:2]
    assert not none and {*tg.__all__, "__version__"} <= set(names.split()) and not any(n[0] == "_" for n in tg.__all__)
    assert run("from tinygrad_np import *; print(Tensor, grad, nn.Linear, optim.SGD, save)").count(" at 0x") == 2


@pytest.mark.parametrize("first", ["np.sin(x)", "x * 2", "2 - x", "x @ x", "x[0]", "np.sum(x)", "-x", "np.fft.fft(x)"])
def test_any_operation_may_be_the_first_and_threads_may_share_it(first):
    run(
        "import numpy as np, tinygrad_np as tg, threading\n"
        "out = []\n"
        "def work():\n"
        "    x = tg.Tensor([1.0, 2.0], requires_grad=True)\n"
        f"    out.append(({first}).requires_grad)\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "assert out == [True] * 4, out\n"
    )


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


TOP = {
    "tinygrad_np",
    "models",
    "tests",
    "docs",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
}


def test_the_top_level_is_fixed():
    """A file that a slip of the hand adds there would be in every clone for good."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    tops = {line.strip('"').partition("/")[0] for line in listed.stdout.splitlines()}
    assert {top for top in tops if not top.startswith(".")} == TOP


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


PUBLIC_PACKAGES = "data interop nn numpy optim scipy testing transforms viz nn.functional nn.init".split()
PUBLIC_PACKAGES += "nn.utils optim.functional optim.lr_scheduler optim.swa_utils data.transforms".split()


@pytest.mark.parametrize("name", "integrate linalg ndimage optimize signal sparse special stats".split())
def test_dir_shows_what_a_module_of_scipy_has_here(name):
    """SciPy's names, ours beside them, and nothing of how they are made."""
    module = importlib.import_module(f"tinygrad_np.scipy.{name}")
    theirs = importlib.import_module(f"scipy.{name}")
    ours = {"softplus", "implicit_root", "Sparse", "matmul", "multiply", "with_entries", "spsolve"}
    assert dir(module) == sorted(set(dir(module)))
    assert all(hasattr(module, shown) and (hasattr(theirs, shown) or shown in ours) for shown in dir(module))


@pytest.mark.parametrize("package", PUBLIC_PACKAGES)
def test_dir_shows_the_public_names_alone(package):
    """None that starts with an underscore, none that was taken from elsewhere; each is there."""
    module = importlib.import_module(f"tinygrad_np.{package}")
    shown = dir(module)
    assert shown and shown == sorted(set(shown))
    for name in shown:
        value = getattr(module, name)
        home = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) or "numpy"
        assert package == "numpy" or (name[0] != "_" and home.startswith("tinygrad_np.")), (name, home)

"""What the documents say is true: their blocks run, their tables are computed, their lists are complete."""

import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F  # noqa: F401 - named by the table
from tinygrad_np.engine.table import TABLE, Plain

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
POLICIES = re.findall(
    r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \|", (ROOT / "docs/subgradients.md").read_text(encoding="utf-8"), re.M
)
sys.path.insert(0, str(ROOT / "docs"))
import make_coverage  # noqa: E402

from tinygrad_np.derivatives import coverage  # noqa: E402

FENCE = re.compile(r'^```(python|text title="Output")\n(.*?)^```', re.M | re.S)
MARK = "---- the next block"


def blocks_of(page: Path) -> list[tuple[str, str | None]]:
    """The Python blocks of a page, each with the output that is shown under it."""
    found: list = []
    for kind, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            found.append((text, None))
        else:
            found[-1] = found[-1][0], text
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_python_blocks_of_a_page_run_in_order_and_print_what_is_shown(page, tmp_path):
    blocks = blocks_of(page)
    if not blocks:
        return
    script = tmp_path / f"{page.stem}.py"
    script.write_text(f"\nprint({MARK!r})\n".join(text for text, _ in blocks), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    for (text, shown), printed in zip(blocks, run.stdout.split(MARK + "\n"), strict=True):
        if shown is not None:
            same = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            assert same, f"{page.name} shows\n{shown}\nand prints\n{printed}\nfor\n{text}"


def test_the_programs_that_the_page_on_jit_shows_are_those_of_its_step(tmp_path):
    page = (ROOT / "docs/how-jit-works.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```text\n(.*?)^```", page, re.M | re.S)[:2]
    first = re.search(r"^```python\n(.*?)^```", page, re.M | re.S)[1]
    script = tmp_path / "step.py"
    script.write_text(first, encoding="utf-8")
    names: dict = {}
    exec(compile(first, script, "exec"), names)
    program = names["step"].programs[0]
    for text, lines in zip(shown, (program.recording().splitlines(), str(program).splitlines()), strict=True):
        stated = [line.split("  #")[0].strip() for line in text.splitlines()]
        found = [line.split("  #")[0].strip() for line in lines]
        assert set(stated) <= set(found)
    calls = re.search(r"# (\d+) calls of (\d+) recorded", str(program)).groups()
    assert calls == (re.search(r"and (\d+) calls are run", page)[1], re.search(r"has (\d+) calls", page)[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f, x, expected", POLICIES, ids=[f"{f} at {x}" for f, x, _ in POLICIES])
def test_a_subgradient(f, x, expected):
    g = tg.grad(eval(f"lambda x: {f if not f.endswith('j') else f}", globals()))(np.array(eval(x)))
    np.testing.assert_allclose(g, eval(expected), rtol=1e-12, atol=1e-15)


def test_the_reading_order_names_the_files_that_there_are():
    page = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    there = {path.name for folder in ("tinygrad_np", "models") for path in (ROOT / folder).rglob("*.py")}
    engine = {path.name for folder in ("", "derivatives") for path in (ROOT / "tinygrad_np" / folder).glob("*.py")}
    named = set(re.findall(r"`(\w+\.py)`", page))
    assert named <= there
    assert engine - named == {"__init__.py"}


def test_the_table_of_subgradients_was_read():
    assert len(POLICIES) > 35


def test_the_coverage_page_is_made_of_the_table():
    page = (ROOT / "docs/coverage.md").read_text(encoding="utf-8")
    made_with = re.search(r"with NumPy ([\d.]+);", page)[1]
    if not np.__version__.startswith(made_with):
        pytest.skip(f"docs/coverage.md describes NumPy {made_with}, this is {np.__version__}")
    assert page == make_coverage.page(), "run `python docs/make_coverage.py`"


@pytest.mark.parametrize("module", coverage.MODULES.values(), ids=coverage.MODULES)
def test_no_numpy_function_is_forgotten(module):
    """A function that NumPy lets us answer for has a row, or is one of the few that stand here."""
    refused = {
        "busday_count",
        "busday_offset",
        "datetime_as_string",
        "is_busday",
        "isnat",
        "save",
        "savetxt",
        "savez",
        "savez_compressed",
        "in1d",
    }
    missing = {n for n in coverage.public(module) if coverage.dispatched(getattr(module, n))} - refused
    assert sorted(n for n in missing if getattr(module, n) not in TABLE) == []


def test_a_refused_function_says_its_name():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda: np.isnat(x), lambda: np.save("never", x), lambda: np.savetxt("never", x)):
        with pytest.raises(tg.NotDifferentiable, match=r"numpy\.\w+|isnat"):
            call()
    assert not list(Path().glob("never*"))


def test_plain_functions_answer_with_plain_arrays():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    answers = [
        np.argsort(x),
        x > 1,
        np.isfinite(x),
        np.argmax(x),
        np.searchsorted(x, 1.5),
        np.count_nonzero(x),
        np.shape(x),
    ]
    assert not any(isinstance(a, tg.Tensor) for a in answers)
    assert all(row.why for row in TABLE.values() if isinstance(row, Plain))


def test_every_public_name_stands_on_the_page_of_the_api():
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^::: tinygrad_np\.(\w+)$", page, re.M))
    modules = {name for name in dir(tg) if inspect.ismodule(getattr(tg, name))}
    assert set(dir(tg)) - modules - {"__version__"} == named


ROOMS = "data interop io nn nn.functional nn.init numpy optim optim.lr_scheduler scipy testing transforms viz".split()
NEED_NO_EXAMPLE = {  # by kind
    "what is made to be inherited from": "Dataset LRScheduler Module Optimizer",
    "what a checker gives back": "GradReport OpReport",
    "what needs another framework": "from_jax from_torch to_jax to_torch",
    "what another function tells of": "annealing atomic_write multi_head_attention_forward Identity",
}


def public_functions_and_classes():
    for room in ("", *ROOMS):
        module = importlib.import_module(".".join(filter(None, ("tinygrad_np", room))))
        for name in dir(module):
            found = getattr(module, name)
            ours = str(getattr(found, "__module__", "")).startswith("tinygrad_np")
            if ours and callable(found) and name[0] != "_" and room != "numpy":  # whose text is NumPy's own
                yield room, name, found


def test_every_public_name_is_explained_and_has_an_example():
    """The example is its own, or that of the layer for another number of dimensions; a formula needs none."""
    found = {(room, name): thing for room, name, thing in public_functions_and_classes()}
    texts = {key: inspect.getdoc(thing) or "" for key, thing in found.items()}
    excused = set(" ".join(NEED_NO_EXAMPLE.values()).split())
    shown = {(room, re.sub(r"[123]d$", "", name)) for (room, name), text in texts.items() if ">>>" in text}
    bare = []
    for (room, name), text in texts.items():
        kind = found[room, name]
        error = inspect.isclass(kind) and issubclass(kind, Exception)
        formula = room == "optim.lr_scheduler" and text.startswith("lr = ")
        if not text or not (error or formula or name in excused or (room, re.sub(r"[123]d$", "", name)) in shown):
            bare.append(f"{room}.{name}")
    assert len(texts) > 300 and bare == []

"""The house: few rooms, one direction of imports, and the order of reading that each package states."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_np"


def test_the_rooms_are_few():
    rooms = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert len(rooms) - 1 <= 15, sorted(path.name for path in rooms)


def reading_order(package: str) -> list[str]:
    """The files of a package in the order in which its docstring names them."""
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    return re.findall(r"\b(\w+)\.py\b", text)


def imports(path: Path) -> set[str]:
    """The files beside it that a file imports."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module.partition(".")[0]} if node.module else {alias.name for alias in node.names}
    return found


def test_the_engine_names_all_its_files():
    files = {path.stem for path in (PACKAGE / "engine").glob("*.py")} - {"__init__"}
    assert sorted(reading_order("engine")) == sorted(files)


@pytest.mark.parametrize("name", reading_order("engine"))
def test_imports_run_one_way(name):
    order = reading_order("engine")
    later = imports(PACKAGE / "engine" / f"{name}.py") - set(order[: order.index(name)])
    assert not later, f"engine/{name}.py imports {sorted(later)}, which the package names after it"

"""The house: few rooms on few floors, one direction of imports, and the order of reading that each package states.

Imports inside functions count; those that only a type checker sees do not.
"""

import ast
import builtins
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tinygrad_np import nn

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_np"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
PACKAGES = [name for name, path in FILES.items() if path.name == "__init__.py"]


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of this package that a module imports, anywhere in it."""
    inside = module.split(".") if module in PACKAGES else module.split(".")[:-1]
    found = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.ImportFrom):
            start = inside[: len(inside) - node.level + 1] if node.level else []
            base = ".".join([*start, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            found.update(name if name in FILES else base for name in names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(parsed(module))
    return frozenset((found & {*FILES}) - {module})


def room(module: str) -> str:
    """The room at the top in which a module lies; none for the first page."""
    return module.partition(".")[2].partition(".")[0]


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other."""
    reach = {start: {start} for start in arrows}
    changed = True
    while changed:
        changed = False
        for start, known in reach.items():
            more = set().union(*(reach[step] | arrows[step] for step in known))
            changed, reach[start] = changed or more > known, known | more
    groups = {
        frozenset(other for other in arrows if start in reach[other] and other in reach[start]) for start in arrows
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def reading_order(package: str) -> list[str]:
    """The files and packages of a package in the order in which its docstring names them."""
    text = ast.get_docstring(parsed(package)) or ""
    return [file or folder for file, folder in re.findall(r"\b([a-z]\w*)\.py\b|(?<![\w./])(\w+)/(?=[\s`])", text)]


def parts(package: str) -> set[str]:
    """The files and packages that lie in a package; the command of a package comes last and needs no mention."""
    folder = FILES[package].parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return files | {path.parent.name for path in folder.glob("*/__init__.py")}


# ---- rooms and floors -------------------------------------------------------------------------------------

ROOMS = reading_order("tinygrad_np")
ARROWS = {name: {room(to) for m in FILES if room(m) == name for to in imports(m)} - {name, ""} for name in ROOMS}


def test_the_rooms_are_few_and_the_first_page_names_them():
    assert len(ROOMS) <= 15 and sorted(ROOMS) == sorted(parts("tinygrad_np"))


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_built_on_those_that_are_named_before_it(name):
    later = ARROWS[name] - set(ROOMS[: ROOMS.index(name)])
    assert not later, f"{name} imports {sorted(later)}, which the first page names after it"


def test_the_floors_are_few():
    floors: dict[str, int] = {}
    for name in ROOMS:
        floors[name] = 1 + max((floors[below] for below in ARROWS[name]), default=0)
    assert max(floors.values()) <= 5, floors


def test_the_engine_is_built_on_nothing():
    assert not ARROWS["engine"]


# ---- files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROOMS)
def test_no_files_import_each_other_in_a_circle(name):
    inside = {module for module in FILES if room(module) == name}
    found = circles({module: set(imports(module)) & inside for module in inside})
    assert not found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_names_all_its_parts(package):
    assert sorted(reading_order(package)) == sorted(parts(package))


NAMED = [(package, name) for package in PACKAGES if package != "tinygrad_np" for name in reading_order(package)]


@pytest.mark.parametrize("package, name", NAMED)
def test_a_file_is_built_on_those_that_its_package_names_before_it(package, name):
    order = reading_order(package)
    found = {to.removeprefix(f"{package}.").partition(".")[0] for to in imports(f"{package}.{name}") if to != package}
    later = (found & parts(package)) - {name} - set(order[: order.index(name)])
    assert not later, f"{name} imports {sorted(later)}, which {package} names after it"


# ---- words ------------------------------------------------------------------------------------------------


def defined(module: str) -> set[str]:
    """The names that a module defines at its top, without those that begin with an underscore."""
    found = set()
    for node in parsed(module).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return {name for name in found if not name.startswith("_")}


def test_a_word_means_one_thing():
    """No two modules define one name, but NumPy's and PyTorch's, which are those of their functions.

    A package's own function of a name that one of its files defines is the door to that one; `main` is a command's.
    """
    homes: dict[str, list[str]] = {}
    for module in FILES:
        for name in defined(module) - {"main"}:
            homes.setdefault(name, []).append(module)
    for where in homes.values():
        where[:] = [m for m in where if m not in PACKAGES or not any(other.startswith(f"{m}.") for other in where)]
    found = {
        n: where for n, where in homes.items() if len(where) > 1 and not hasattr(np, n) and not hasattr(np.linalg, n)
    }
    assert not {n: where for n, where in found.items() if not hasattr(nn.functional, n)}


def names_in(path: Path, tree: ast.AST) -> set[str]:
    """Every name in a file: of definitions, arguments, attributes, keywords, and words in strings."""
    found = {path.stem, path.parent.name}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found |= {*node.name.split("."), node.asname or ""}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            found |= {*re.findall(r"\w+", node.value)}
    return found


def texts(module: str) -> list[str]:
    """The docstrings and comments of a module."""
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(parsed(module)) if isinstance(node, kinds)]
    source = FILES[module].read_text(encoding="utf-8")
    if not re.search("#.*`", source):  # to find comments costs ten times as much
        return docstrings
    lines = io.StringIO(source).readline
    return docstrings + [t.string for t in tokenize.generate_tokens(lines) if t.type == tokenize.COMMENT]


def test_every_name_in_backticks_is_one():
    known = {"py", "tg", "tinygrad_np", "torchvision", "transforms", "v2"}
    known |= {*dir(builtins), *dir(np), *dir(np.ndarray), *dir(np.linalg), *dir(np.fft), *dir(np.random)}
    for module, path in FILES.items():
        known |= names_in(path, parsed(module))
    quotes = {
        (module, quoted)
        for module in FILES
        for text in texts(module)
        for quoted in re.findall(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)", text)
    }
    stale = {(module, quoted) for module, quoted in quotes if not {*quoted.split(".")} <= known}
    for path in (*(ROOT / "models").rglob("*.py"), *(ROOT / "tests").rglob("*.py")) if stale else ():
        text = path.read_text(encoding="utf-8")
        if any(name in text for _, quoted in stale for name in quoted.split(".") if name not in known):
            known |= names_in(path, ast.parse(text))
    assert not {(module, quoted) for module, quoted in stale if not {*quoted.split(".")} <= known}

"""`python -m tests.mutation ROOM [--count N] [--seed S]`: how many small breaks of a room its tests notice.

ROOM is a package or file of tinygrad_np, or `models`. The breaks are made in a copy of the checkout, one at a time, and
the quick tests of the room are run on each until one fails. What was not noticed is listed: a break that makes no
difference, or a test to write.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .breaks import breaks

ROOT = Path(__file__).parents[2]
BESIDES = {
    "engine": ["derivatives/test_rows.py", "transforms"],
    "transforms": ["derivatives/test_calculus.py", "engine/test_foreign.py"],
}


def files_of(room: str) -> list[Path]:
    """The files of a room, as paths in the checkout."""
    for place in (ROOT / room, ROOT / "tinygrad_np" / room, ROOT / "tinygrad_np" / f"{room}.py"):
        if place.is_dir():
            return [p.relative_to(ROOT) for p in sorted(place.rglob("*.py")) if p.name != "__main__.py"]
        if place.exists():
            return [place.relative_to(ROOT)]
    raise SystemExit(f"tests.mutation: no room {room!r} in tinygrad_np; expected a package, a file or models")


def tests_of(room: str) -> list[str]:
    """The tests that should notice."""
    name = room.partition("/")[0].removesuffix(".py")
    own = ROOT / "tests" / name
    return [f"tests/{t}" for t in ([name] if own.is_dir() else [f"test_{name}.py"]) + BESIDES.get(name, [])]


def nearest_first(file: Path, tests: list[str]) -> list[str]:
    """The tests with those that a file's name leads to in front, and the file's own examples."""
    near = [t for t in sorted((ROOT / "tests").rglob(f"test_{file.stem}*.py")) if f"{t.relative_to(ROOT)}" not in tests]
    return ["--doctest-modules", str(file), *(str(t.relative_to(ROOT)) for t in near), *tests]


def noticed(copy: Path, file: Path, text: str, tests: list[str], seconds: float) -> bool:
    """Whether a test fails, or hangs, on a copy in which a file has this text."""
    whole = (copy / file).read_text(encoding="utf-8")
    try:
        (copy / file).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-m", "not slow and not browser", *tests]
        environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=seconds)
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        (copy / file).write_text(whole, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("room")
    parser.add_argument("--count", type=int, default=20, help="how many breaks (20)")
    parser.add_argument("--seed", default="0", help="which ones (0)")
    parser.add_argument("--seconds", type=float, default=600, help="after which a test run counts as hanging (600)")
    given = parser.parse_args()
    places = [(file, b) for file in files_of(given.room) for b in breaks((ROOT / file).read_text(encoding="utf-8"))]
    chosen = random.Random(given.seed).sample(places, min(given.count, len(places)))
    tests, missed = tests_of(given.room), []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "runs"))
        for file in files_of(given.room):  # as every break leaves it, without comments
            whole = ast.unparse(ast.parse((copy / file).read_text(encoding="utf-8")))
            (copy / file).write_text(whole, encoding="utf-8")
        if noticed(copy, file, whole, tests, given.seconds):
            raise SystemExit(f"tests.mutation: {' '.join(tests)} fail before anything is broken")
        for i, (file, broken) in enumerate(chosen, 1):
            seen = noticed(copy, file, broken.text, nearest_first(file, tests), given.seconds)
            print(f"{i:4} {'noticed' if seen else 'MISSED '} {file}:{broken.line} {broken.what}", flush=True)
            missed += [] if seen else [broken]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} noticed, of {len(places)} possible breaks of {given.room}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.mutation ROOM [--count N] [--seed S]`: how many small breaks of a room its tests notice.

ROOM is a package or file of tinygrad_np, or `models`. The breaks are made in a copy of the checkout, one at a time.
First the quick tests of the room run once, to see which of them reach which line (`--reached FILE` keeps that for the
next time); then each break asks those that reach it, the quickest first, until one fails. What was not noticed is
listed: a break that makes no difference, or a test to write. Needs Python 3.12 and a system that forks.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy.testing  # noqa: F401
import pytest
import scipy.linalg  # noqa: F401

from .breaks import Break, breaks

ROOT = Path(__file__).parents[2]
BESIDES = {
    "engine": ["derivatives/test_rows.py", "transforms"],
    "derivatives": ["jit/test_rows.py"],
    "transforms": ["derivatives/test_calculus.py", "engine/test_foreign.py"],
}
QUICK = ["-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow and not browser", "--no-header"]
Reached = dict[str, dict[str, dict[str, float]]]


def place_of(room: str) -> Path:
    """Where a room lies in the checkout."""
    for place in (ROOT / room, ROOT / "tinygrad_np" / room, ROOT / "tinygrad_np" / f"{room}.py"):
        if place.exists():
            return place
    raise SystemExit(f"tests.mutation: no room {room!r} in tinygrad_np; expected a package, a file or models")


def files_of(room: str) -> list[Path]:
    """The files of a room, as paths in the checkout."""
    place = place_of(room)
    return [p.relative_to(ROOT) for p in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]


def tests_of(room: str) -> list[str]:
    """The tests that should notice, and the examples in the room."""
    name = room.partition("/")[0].removesuffix(".py")
    own = [name] if (ROOT / "tests" / name).is_dir() else [f"test_{name}.py"]
    return [str(place_of(room).relative_to(ROOT)), *(f"tests/{t}" for t in own + BESIDES.get(name, []))]


def reached_in(room: str, file: Path, copy: Path) -> Reached:
    """Which tests reach which line of a room, from a file or by running them."""
    if not file.exists():
        within = str(place_of(room).relative_to(ROOT))
        arguments = ["-p", "tests.mutation.reached", "--reached", str(file.absolute()), "--within", within]
        fails(copy, [*arguments, *tests_of(room)], 3600, "--maxfail=1000")
    return json.loads(file.read_text(encoding="utf-8"))


def asked(file: Path, broken: Break, reached: Reached, seconds: float) -> list[str]:
    """The tests that reach a break, the quickest first, as many as run in some seconds.

    What runs at import is reached by no test; those are asked that reach another line of the file.
    """
    found: dict[str, float] = {}
    lines = reached.get(str(file), {})
    for line in broken.statement:
        found |= lines.get(str(line), {})
    for tests in lines.values() if not found else ():
        found |= tests
    chosen, total = [], 0.0
    for test in sorted(found, key=found.__getitem__):
        total += found[test]
        if total > seconds and chosen:
            break
        chosen.append(test)
    return chosen


def fails(copy: Path, tests: list[str], seconds: float, until: str = "-x") -> bool:
    """Whether a test fails, or hangs, in a copy: run in a child of this process, which has loaded what is heavy."""
    if not (child := os.fork()):
        try:
            os.setsid()
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1), os.dup2(quiet, 2)
            os.chdir(copy)
            sys.path[:0] = [str(copy)]
            os.environ["PYTHONPATH"] = str(copy)
            for name in [n for n in sys.modules if n.partition(".")[0] == "tests"]:
                del sys.modules[name]  # those of the checkout
            code = int(pytest.main([*QUICK, until, *tests]))
        except BaseException:
            code = 99  # whatever it is, this child must not go on as its parent would
        os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := os.waitpid(child, os.WNOHANG))[0]:
            return os.waitstatus_to_exitcode(found[1]) != 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def noticed(copy: Path, file: Path, text: str, tests: list[str], seconds: float) -> bool:
    """Whether a test fails on a copy in which a file has this text."""
    whole = (copy / file).read_text(encoding="utf-8")
    for old in (copy / file).parent.glob(f"__pycache__/{file.stem}.*"):
        old.unlink()
    try:
        (copy / file).write_text(text, encoding="utf-8")
        return bool(tests) and fails(copy, tests, seconds)
    finally:
        (copy / file).write_text(whole, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("room")
    parser.add_argument("--count", type=int, default=20, help="how many breaks (20)")
    parser.add_argument("--seed", default="0", help="which ones (0)")
    parser.add_argument("--seconds", type=float, default=60, help="how long a break is asked for (60)")
    parser.add_argument("--reached", help="a file that keeps which tests reach which line")
    given = parser.parse_args()
    places = [(file, b) for file in files_of(given.room) for b in breaks((ROOT / file).read_text(encoding="utf-8"))]
    chosen = random.Random(given.seed).sample(places, min(given.count, len(places)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "runs", ".mypy_cache")
        )
        reached = reached_in(given.room, Path(given.reached or Path(folder) / "reached.json"), copy)
        sys.dont_write_bytecode = True  # a break and the next can be of one size and second
        missed = 0
        for i, (file, broken) in enumerate(chosen, 1):
            tests = asked(file, broken, reached, given.seconds)
            seen = noticed(copy, file, broken.text, tests, 5 * given.seconds + 30)
            words = "noticed" if seen else "MISSED " if tests else "NO TEST"
            print(f"{i:4} {words} {file}:{broken.line} {broken.what} ({len(tests)} tests)", flush=True)
            missed += not seen
    print(f"{len(chosen) - missed} of {len(chosen)} noticed, of {len(places)} possible breaks of {given.room}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())

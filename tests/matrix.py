"""`python -m tests.matrix`: the quick tests on every Python found here, with the newest and lowest dependencies.

Each run has a virtual environment of its own in a temporary folder. `--lowest` and `--newest` take one of the two,
`--python 3.12` one interpreter, and what stands after `--` goes to pytest (by default: -m "not slow and not browser").
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.14t")
# The first release of a package with a wheel for a Python, where that is later than our lower bound.
LATER = {"3.12": {"numba": "0.61.0"}, "3.13": {"pandas": "2.2.3"}}


def found() -> dict[str, str]:
    """The interpreters on this machine: version -> program. pyenv's versions count, also where none is chosen."""
    programs = {}
    folders = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, reversed(folders))])
    for version in PYTHONS:
        for folder in path.split(os.pathsep):
            program = shutil.which(f"python{version}", path=folder)
            if program and subprocess.run([program, "-c", ""], capture_output=True).returncode == 0:
                programs[version] = program
                break
    return programs


def lowest(python: str) -> list[str]:
    """name==bound for every lower bound in pyproject.toml.

    >>> [c for c in lowest("3.11") if c.startswith("numpy")]
    ['numpy==2.1']
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    bounds = dict(m.groups() for d in wanted if (m := re.fullmatch(r"([\w-]+)>=([\d.]+)", d)))
    return [f"{name}=={LATER.get(python, {}).get(name, bound)}" for name, bound in sorted(bounds.items())]


def run(version: str, program: str, kind: str, arguments: list[str]) -> bool:
    """Install the checkout and run its tests; whether all is well."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(lowest(version)) if kind == "lowest" else "", encoding="utf-8")
        steps = (
            [program, "-m", "venv", folder],
            [python, "-m", "pip", "install", "-q", "-e", f"{ROOT}[test]", "-c", constraints],
            [python, "-m", "pytest", *arguments],
        )
        return all(subprocess.run(step, cwd=ROOT).returncode == 0 for step in steps)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__.partition("\n")[0])
    parser.add_argument("--python", help="one version, such as 3.12")
    parser.add_argument("--lowest", action="store_true", help="only with the lowest dependencies")
    parser.add_argument("--newest", action="store_true", help="only with the newest dependencies")
    parser.add_argument("pytest", nargs="*", default=["-m", "not slow and not browser"])
    given = parser.parse_args()
    programs = found()
    if given.python and given.python not in programs:
        print(f"tests.matrix: found no Python {given.python}; found {', '.join(programs) or 'none'}", file=sys.stderr)
        return 2
    kinds = [kind for kind in ("newest", "lowest") if getattr(given, kind) or given.lowest == given.newest]
    results = {
        (version, kind): run(version, program, kind, given.pytest)
        for version, program in programs.items()
        if given.python in (None, version)
        for kind in kinds
    }
    for (version, kind), well in results.items():
        print(f"Python {version:6} {kind:7} {'passed' if well else 'FAILED'}")
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Pictures from the command line: draw a script's tensor, compare two graphs, see which layout engines work here.

    python -m tinygrad_np.viz train.py:loss -o loss.html
    python -m tinygrad_np.viz forces.py:energy      a function of NumPy or JAX: called with the variables of its names
    python -m tinygrad_np.viz diff before.json after.json
    python -m tinygrad_np.viz doctor

Exit code 0: done; 1: failed, or the graphs differ; 2: bad usage.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import runpy
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..engine.watchers import record
from . import from_jax, from_torch, graph, graph_diff, trace
from .collapse import MAX_NODES
from .view import GraphView
from .writers import WRITERS
from .writers.svg import EngineFailed, GraphvizMissing, available, by_dot, by_pygraphviz

EXPECTED = "expected a tensor of this package or of PyTorch, a jaxpr, a GraphView, or a function"
FORGETS = "an array does not know how it was computed; name a function of arrays that computes it"


class Failure(Exception):
    """What went wrong, in one line."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    commands = {"draw": draw, "diff": diff, "doctor": doctor}
    command = argv.pop(0) if argv and argv[0] in commands else "draw"
    try:
        return commands[command](argv)
    except (Failure, GraphvizMissing) as error:
        print(f"tinygrad_np.viz: {error}", file=sys.stderr)
        return 1


def draw(argv: list[str]) -> int:
    """Draw the tensor that a script computes, or a graph that was saved as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m tinygrad_np.viz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", metavar="script.py:loss | graph.json", help="a script and the name of its tensor, or a saved graph"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        help="the file to write: .svg .html .png .pdf .dot .mmd .json .txt (default: text, printed)",
    )
    parser.add_argument("--depth", type=int, help="draw modules nested deeper than this as one box each")
    parser.add_argument("--max-nodes", type=int, default=MAX_NODES, help=f"boxes at most (default: {MAX_NODES})")
    parser.add_argument("--params", choices=("fold", "nodes"), default="fold", help="parameters as rows, or as nodes")
    parser.add_argument("--theme", choices=("auto", "light", "dark"), default="auto")
    parser.add_argument("--engine", choices=("auto", "dot", "pygraphviz"), default="auto")
    parser.add_argument("--values", action="store_true", help="the numbers of every node, or their range")
    parser.add_argument("--grads", action="store_true", help="the gradient at every node, and its norm")
    parser.add_argument("--source", action="store_true", help="the script's line that made every node")
    parser.add_argument("--time", action="store_true", help="the time that every operation took")
    args, rest = parser.parse_known_args(argv)
    saved = args.what.endswith(".json")
    script, _, name = args.what.rpartition(":")
    if not saved and not (script and name.isidentifier()):
        parser.error(f"found {args.what!r}; expected script.py:name, such as train.py:loss, or a .json file")
    if args.out is not None and args.out.suffix.lower() not in WRITERS:
        parser.error(f"--out: found the suffix {args.out.suffix!r}; expected one of {' '.join(WRITERS)}")
    if saved and (rest or args.grads or args.values or args.source or args.time):
        parser.error("a saved graph takes no script arguments, and no --values, --grads, --source or --time")
    view = read(Path(args.what)) if saved else run_script(Path(script), name, rest, args)
    if args.depth is not None or args.max_nodes != MAX_NODES or args.params != "fold":
        try:
            view = view.collapse(depth=args.depth, max_nodes=args.max_nodes, params=args.params)
        except ValueError as error:
            parser.error(str(error))
    if args.out is None:
        print(view.to_text())
        return 0
    drawn = args.out.suffix.lower() in (".svg", ".html", ".png", ".pdf")
    theme = "light" if args.theme == "auto" and args.out.suffix.lower() in (".png", ".pdf") else args.theme
    try:
        view.save(args.out, **({"theme": theme, "engine": args.engine} if drawn else {}))
    except OSError as error:
        raise Failure(f"{args.out}: {error.strerror or error}") from None
    print(f"{args.out}: {view!r}")
    return 0


def run_script(script: Path, name: str, argv: list[str], args) -> GraphView:
    """The graph of the tensor `name` after running a script as `python script.py` does."""
    if not script.is_file():
        raise Failure(f"{script}: no such script")
    old = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [str(script), *argv], str(script.resolve().parent)
    watching = record(source=args.source, time=args.time) if args.source or args.time else contextlib.nullcontext()
    try:
        with watching:
            names = runpy.run_path(str(script), run_name="__main__")
    except SystemExit as error:
        raise Failure(f"{script}: left with exit code {error.code} before {name!r} could be drawn") from None
    except Exception as error:
        lines = [n for frame, n in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(script)]
        where = f"{script}:{lines[-1]}" if lines else f"{script}"
        raise Failure(f"{where}: {type(error).__name__}: {' '.join(str(error).split())}") from None
    finally:
        sys.argv, sys.path[0] = old
    if name not in names:
        tensors = [n for n, v in names.items() if isinstance(v, Tensor) and not n.startswith("_")]
        raise Failure(f"{script}: {name!r} is not a tensor; found the tensors {', '.join(tensors) or '(none)'}")
    return graph_of(names[name], name, names, script, {"values": args.values or None, "grads": args.grads or None})


def graph_of(value: Any, name: str, names: dict, script: Path, options: dict) -> GraphView:
    """The graph of whatever a script has under a name: a tensor of ours or PyTorch's, a jaxpr, a view, a function."""
    try:
        if callable(value) and hasattr(value, "__name__") and not isinstance(value, type):
            arrays = arguments(value, names, f"{script}: {name}")
            if is_of_jax(arrays):
                return from_jax(value, *arrays, title=name)
            if not any(getattr(array, "requires_grad", False) for array in arrays):
                return trace(value, *(a.numpy() if isinstance(a, Tensor) else a for a in arrays), title=name)
            value = value(*arrays)
        if isinstance(value, Tensor):
            shown = {n: v for n, v in names.items() if not n.startswith("_")}
            return graph(value, names=shown | {name: value}, title=name, **options)
        if isinstance(value, GraphView):
            return value
        if hasattr(value, "grad_fn"):
            return from_torch(value, module_of(value, names), title=name)
        if hasattr(value, "jaxpr") and hasattr(value, "consts"):
            return from_jax(value, title=name)
    except (ValueError, TypeError) as error:
        raise Failure(f"{script}: {name}: {' '.join(str(error).split())}") from None
    said = FORGETS if isinstance(value, (np.ndarray, np.generic)) or is_of_jax([value]) else EXPECTED
    raise Failure(f"{script}: {name!r} is not a tensor; found a {type(value).__name__}; {said}")


def arguments(f: Callable, names: dict, what: str) -> list:
    """The script's variables that are called as the parameters of a function: a call with these is drawn."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [p.name for p in inspect.signature(f).parameters.values() if p.kind in kinds and p.default is p.empty]
    missing = [n for n in wanted if n not in names]
    if missing:
        raise Failure(
            f"{what} is a function of {', '.join(wanted)}; found no {' and no '.join(missing)} in the script to call "
            "it with; expected variables of these names"
        )
    return [names[n] for n in wanted]


def is_of_jax(values: Iterable) -> bool:
    """Whether some of these are arrays of JAX."""
    return any(type(v).__module__.startswith(("jax", "jaxlib")) for v in values)


def module_of(value, names: dict):
    """The script's PyTorch module with the most parameters, which names those of its loss."""
    modules = [m for m in names.values() if hasattr(m, "named_parameters") and hasattr(m, "named_modules")]
    return max(modules, key=lambda m: sum(1 for _ in m.parameters()), default=None)


def read(path: Path) -> GraphView:
    """A saved graph."""
    try:
        return GraphView.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise Failure(f"{path}: {error}") from None


def diff(argv: list[str]) -> int:
    """Print what differs between two saved graphs; exit code 1 when something does."""
    parser = argparse.ArgumentParser(prog="python -m tinygrad_np.viz diff")
    parser.add_argument("a", type=Path, help="a graph saved as JSON")
    parser.add_argument("b", type=Path, help="another")
    args = parser.parse_args(argv)
    found = graph_diff(read(args.a), read(args.b))
    print(found)
    return int(bool(found))


def doctor(argv: list[str]) -> int:
    """Say which layout engines work here, by laying out a small graph with each."""
    argparse.ArgumentParser(prog="python -m tinygrad_np.viz doctor").parse_args(argv)
    working = 0
    for name, engine, fix in (
        ("dot", by_dot, "install Graphviz (apt install graphviz, brew install graphviz)"),
        ("pygraphviz", by_pygraphviz, 'pip install "tinygrad_np[viz]"'),
    ):
        if not available(name):
            print(f"{name}: not installed; {fix}")
            continue
        works = []
        for format in ("svg", "png", "pdf"):
            try:
                engine("digraph { a -> b }", format, 10.0, 96)
                works.append(format)
            except EngineFailed as error:
                print(f"{name}: {format}: {error}")
        working += "svg" in works
        if works:
            print(f"{name}: draws {', '.join(works)}")
    print("text, Mermaid, JSON and DOT need no engine")
    return 0 if working else 1


if __name__ == "__main__":
    sys.exit(main())

"""Rewrite the imports of a HIPS autograd program: `python -m tinygrad_np.migrate script.py [more.py ...]`.

Only imports and the names that they bring are rewritten; what else to look at is said, by line. The old text stays
beside the new as `script.py.bak`. `--dry-run` shows the difference and writes nothing.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

AUTOGRAD_MODULES = {  # HIPS autograd's modules -> ours, the longest first
    "autograd.numpy.numpy_boxes": None,
    "autograd.numpy.linalg": "tinygrad_np.numpy.linalg",
    "autograd.numpy.fft": "tinygrad_np.numpy.fft",
    "autograd.numpy.random": "tinygrad_np.numpy.random",
    "autograd.numpy": "tinygrad_np.numpy",
    "autograd.scipy.integrate": "tinygrad_np.scipy.integrate",
    "autograd.scipy.linalg": "tinygrad_np.scipy.linalg",
    "autograd.scipy.signal": "tinygrad_np.scipy.signal",
    "autograd.scipy.special": "tinygrad_np.scipy.special",
    "autograd.scipy.stats": "tinygrad_np.scipy.stats",
    "autograd.scipy": "tinygrad_np.scipy",
    "autograd.misc.optimizers": "tinygrad_np.optim.functional",
    "autograd.misc.flatten": "tinygrad_np",
    "autograd.misc.fixed_points": "tinygrad_np.scipy.optimize",
    "autograd.misc": "tinygrad_np",
    "autograd.test_util": "tinygrad_np.testing",
    "autograd.extend": "tinygrad_np",
    "autograd.core": "tinygrad_np",
    "autograd.tracer": "tinygrad_np",
    "autograd.builtins": "builtins",
    "autograd": "tinygrad_np",
}
NAMES = {  # names that are called otherwise
    "flatten": "ravel",
    "holomorphic_grad": "grad",
    "check_grads": "gradcheck",
    "Box": "Tensor",
    "ArrayBox": "Tensor",
}
OUR_NAMES = {  # names that tinygrad_np has
    "grad", "value_and_grad", "jacobian", "hessian", "elementwise_grad", "make_vjp", "make_jvp", "make_hvp", "ravel",
    "checkpoint", "primitive", "Tensor",
}  # fmt: skip
LOOK = {  # what to look at where a name is used
    "holomorphic_grad": "grad(f, holomorphic=True)(z)",
    "check_grads": "gradcheck(f, *arguments): the arguments stand in the same call",
    "grad_named": "grad(f, argnames=name)",
    "multigrad_dict": "grad(f, argnames=(...)) gives a tuple",
    "grad_and_aux": "grad(f, has_aux=True)",
    "hessian_vector_product": "hvp(f, (x,), (v,))",
    "hessian_tensor_product": "hvp(f, (x,), (v,))",
    "tensor_jacobian_product": "vjp(f, x)[1](v)",
    "vector_jacobian_product": "vjp(f, x)[1](v)",
    "deriv": "jvp(f, (x,), (1.0,))[1]",
    "make_ggnvp": "linearize(f, x) gives both directions of the Jacobian",
    "defvjp": "a method, with rules of (ct, arguments by name, out): f.defvjp(lambda ct, x: ct * ...)",
    "defjvp": "a method, with rules of (t, arguments by name, out): f.defjvp(lambda t, x: t * ...)",
    "defvjp_argnum": "one rule an argument: f.defvjp(rule, None, rule)",
    "defvjp_argnums": "one rule for all: f.defvjp(rule, diff=(names), joint=True)",
    "fixed_point": "fixed_point(f, x0, *parameters): f(x, *parameters), and no distance",
    "const_graph": "jit",
    "flatten_func": "flat, unravel = ravel(x), and lambda v: f(unravel(v))",
    "getval": "x.detach()",
    "isbox": "isinstance(x, Tensor)",
    "Box": "a Tensor has the array's methods; x.detach() for ._value",
    "ArrayBox": "a Tensor has the array's methods; x.detach() for ._value",
    "VSpace": "containers of your own: register_container(kind, flatten, unflatten)",
    "vspace": "transforms know the containers; containers of your own: register_container",
    "Node": "tinygrad_np.graph(loss) shows what was recorded",
    "trace": "tinygrad_np.graph(loss) shows what was recorded",
}


class Remark(NamedTuple):
    """What to look at, and on which line of the new text."""

    line: int
    text: str


def target(module: str) -> tuple[str | None, str]:
    """Our module for one of theirs, and what of its path is left: the name of an attribute of it."""
    for theirs, ours in AUTOGRAD_MODULES.items():
        if module == theirs or module.startswith(theirs + "."):
            return ours, module[len(theirs) + 1 :]
    return None, ""


def rewritten(source: str, name: str = "script.py") -> tuple[str, list[Remark]]:
    """The program with our imports, and what else to look at.

    >>> print(rewritten("import autograd.numpy as np\\nfrom autograd import grad\\n")[0], end="")
    from tinygrad_np import numpy as np
    from tinygrad_np import grad
    """
    tree = ast.parse(source, name)
    lines = source.splitlines(keepends=True)
    notes: list[Remark] = []
    renamed: dict[str, str] = {}
    edits: list[tuple[ast.stmt, list[str]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(is_theirs(a.name) for a in node.names):
            edits.append((node, imported(node, notes, renamed)))
        elif isinstance(node, ast.ImportFrom) and not node.level and is_theirs(node.module or ""):
            edits.append((node, imported_from(node, notes)))
    notes += looked_at(tree)
    for node, texts in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        replace(lines, node, texts)
    text = "".join(lines)
    for old, new in renamed.items():
        text = re.sub(rf"(?<![\w.]){re.escape(old)}\b", new, text)
    return text, sorted(set(notes))


def replace(lines: list[str], node: ast.stmt, texts: list[str]) -> None:
    """Put statements in the place of another; the lines after it stay where they are, if they can."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    before = lines[first].encode()[: node.col_offset].decode()
    after = lines[last].encode()[node.end_col_offset :].decode()
    room = last - first + 1
    apart = room >= len(texts) > 1 and not before.strip() and not after.partition("#")[0].strip()
    made = [before + texts[0], *[before + text for text in texts[1:]]] if apart else [before + "; ".join(texts)]
    made[0 if apart else -1] += after.rstrip("\n")
    made += [""] * (room - len(made))
    lines[first : last + 1] = [line + "\n" for line in made[:-1]] + [made[-1] + ("\n" if after.endswith("\n") else "")]


def is_theirs(module: str) -> bool:
    return module == "autograd" or module.startswith("autograd.")


def imported(node: ast.Import, notes: list[Remark], renamed: dict[str, str]) -> list[str]:
    """`import autograd.x as y`, by our modules."""
    texts = []
    for alias in node.names:
        if not is_theirs(alias.name):
            texts.append(f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""))
            continue
        ours, rest = target(alias.name)
        if ours is None:
            notes.append(Remark(node.lineno, f"{alias.name} has no counterpart"))
            ours, rest = "tinygrad_np", ""
        if rest or alias.asname:
            package, _, last = (f"{ours}.{rest}" if rest else ours).rpartition(".")
            name = alias.asname or alias.name.rpartition(".")[2]
            texts.append(
                f"from {package} import {last}" + (f" as {name}" if name != last else "")
                if package
                else f"import {last} as {name}"
            )
            if not alias.asname:
                renamed[alias.name] = name
        else:
            texts.append(f"import {ours}")
            renamed[alias.name] = ours
    return texts


def imported_from(node: ast.ImportFrom, notes: list[Remark]) -> list[str]:
    """`from autograd.x import y`, by our modules and names."""
    theirs = node.module or ""
    texts: dict[str, list[str]] = {}
    for alias in node.names:
        if alias.name not in NAMES and f"{theirs}.{alias.name}" in AUTOGRAD_MODULES:  # a module of a package
            ours, name = (AUTOGRAD_MODULES[f"{theirs}.{alias.name}"] or "tinygrad_np").rpartition(".")[::2]
            name, ours = (name, ours) if ours else (alias.name, "tinygrad_np")
        else:
            package, rest = target(theirs)
            ours = f"{package or 'tinygrad_np'}.{rest}" if rest else package or "tinygrad_np"
            name = NAMES.get(alias.name, alias.name)
        if ours == "tinygrad_np" and name not in OUR_NAMES:
            notes.append(Remark(node.lineno, f"{alias.name}: {LOOK.get(alias.name, 'has no counterpart')}"))
            continue
        bound = alias.asname or alias.name
        texts.setdefault(ours, []).append(name if bound == name else f"{name} as {bound}")
    return [f"from {ours} import {', '.join(names)}" for ours, names in texts.items()] or ["import tinygrad_np"]


def looked_at(tree: ast.Module) -> list[Remark]:
    """Lines that use what is called or meant otherwise."""
    notes = []
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        line = getattr(node, "lineno", 0)
        if name in LOOK and name not in ("trace",) and isinstance(getattr(node, "ctx", None), ast.Load):
            notes.append(Remark(line, f"{name}: {LOOK[name]}"))
        if isinstance(node, ast.Attribute) and name == "_value":
            notes.append(Remark(line, "._value: x.detach()"))
        if isinstance(node, ast.Constant) and isinstance(node.value, complex):
            notes.append(
                Remark(line, "complex numbers: the gradient of a real loss is the conjugate of HIPS autograd's")
            )
    return notes


def replace_file(path: Path, text: str) -> None:
    """Replace a file whole, and keep the old one beside it."""
    backup = path.with_name(path.name + ".bak")
    if backup.exists():
        raise FileExistsError(f"{backup} exists: move it away first")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(temporary, path.stat().st_mode)
        os.link(path, backup) if hasattr(os, "link") else backup.write_bytes(path.read_bytes())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 done, 1 failed, 2 bad usage."""
    parser = argparse.ArgumentParser(prog="python -m tinygrad_np.migrate", description=__doc__)
    parser.add_argument("scripts", nargs="+", type=Path, help="HIPS autograd programs to rewrite")
    parser.add_argument("--dry-run", action="store_true", help="show the difference and write nothing")
    options = parser.parse_args(arguments)
    failed = False
    for path in options.scripts:
        try:
            source = path.read_bytes().decode("utf-8")
            text, notes = rewritten(source.replace("\r\n", "\n"), str(path))
            text = text.replace("\n", "\r\n") if "\r\n" in source else text
            if options.dry_run:
                old, new = source.splitlines(keepends=True), text.splitlines(keepends=True)
                sys.stdout.writelines(difflib.unified_diff(old, new, str(path), str(path)))
            elif text != source:
                replace_file(path, text)
            what = "no autograd import" if text == source else "would be rewritten" if options.dry_run else "rewritten"
            print(f"{path}: {what}" + ("" if text == source or options.dry_run else f"; the old text is {path}.bak"))
            for note in notes:
                print(f"{path}:{note.line}: look at {note.text}")
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

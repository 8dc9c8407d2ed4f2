"""The text of a failure: the input, the worst entry, both Jacobians, what it looks like, and a test to
paste.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..failures import CheckFailed
from ..inputs.source_text import can_be_written, short, written_out
from ..reference.finite_differences import scales
from ..reference.problem import Problem, parameter, which_of
from ..reference.verdict import Entry, Findings
from .diagnose import KNOWN_MISTAKES, diagnose
from .mistakes import Part, part_of
from .submatrix import submatrix_around

PRINTED_SIDE = 8  # the largest side of a Jacobian that is printed


def explain(
    name: str,
    failure: CheckFailed,
    problem: Problem | None,
    others: list,
    where: str = "",
    pattern: Iterable[str] = (),
    passed: Iterable[tuple[Problem, Findings]] = (),
) -> tuple[list[str], str]:
    """The diagnosis and the report of a failure; `others` are failures of the same kind at other inputs, `passed` what
    was found at some that are right.
    """
    if problem is None:
        return [], f"{name}: {failure.says}: {failure}"
    found = failure.found
    lines = [f"{name}({', '.join(names(problem))}): {failure.says}    {where}".rstrip(), ""]
    lines += section("input", inputs_in_words(problem))
    diagnosis: list[str] = []
    entry = found.entry if found else None
    if found is None or entry is None:
        lines += section("what", [str(failure)])
    else:
        here = blocks(problem, found, entry)
        lines += entry_lines(problem, entry)
        lines += jacobian_lines(here)
        more = [b for p, f in others if f.entry for b in blocks(p, f, f.entry)][:12]
        slot = here[0].frame.slot if here else 0
        known = [(p, f.yours, f.expected) for p, f in passed if slot < len(p.slots)]
        good = [part_of(p, a, b.value.T, slot) for p, a, b in known if a is not None and b]
        diagnosis = diagnose(here + more, good)
        larger = max(more, key=lambda b: b.expected.size, default=None)
        if not diagnosis and here and larger and larger.expected.size > here[0].expected.size:
            at = f" (at {', '.join(inputs_in_words(larger.problem))})"  # a smaller one may fail for another reason
            alike = [b for b in more if b.shape == larger.shape]
            diagnosis = [says + at for says in diagnose([larger, *alike], good)]
        if entry.column < 0:
            diagnosis = [
                "SHARES DO NOT ADD UP: each derivative alone lies between those to either side of a "
                "kink, but together "
                "they are no derivative: at ties the shares of the tied elements must add up to 1"
            ]
        elif entry.low < entry.high and np.isfinite(entry.yours):
            diagnosis = ["AT A KINK: no slope between those to the two sides; any between them passes"]
        if diagnosis:
            lines += section("looks like", [diagnosis[0]] + [f"or {other}" for other in diagnosis[1:3]])
            if here and here[0].frame.partial:
                size = " x ".join(map(str, here[0].expected.shape))
                lines += section("", [f"(as far as a part of the Jacobian around this entry shows, {size} entries)"])
        else:
            lines += section("looks like", [f"none of the {KNOWN_MISTAKES} mistakes that are known by sight"])
        lines += section("ruled out", [ruled_out(problem, entry, where)])
    if pattern:
        lines += section("pattern", [*pattern])
    if problem.slots:
        lines += [
            "",
            "  paste this to reproduce",
            *("      " + line for line in reproducer(name, failure, problem).splitlines()),
        ]
    return diagnosis, "\n".join(lines)


def section(head: str, body: list[str]) -> list[str]:
    return [f"  {head if i == 0 else '':<12} {line}" for i, line in enumerate(body)]


def names(problem: Problem) -> list[str]:
    given = [slot.name for slot in problem.slots]
    return given + [f"{k}={short(v)}" for k, v in problem.kwargs.items()]


def inputs_in_words(problem: Problem) -> list[str]:
    lines = []
    varying = {slot.index: slot.name for slot in problem.slots if slot.index is not None}
    if problem.bare:
        for i, arg in enumerate(problem.args):
            lines.append(f"{varying.get(i) or parameter(problem.f, i)} = {short(arg)}")
    else:
        lines = [f"{parameter(problem.f, i)} = {short(arg)}" for i, arg in enumerate(problem.args)]
    lines += [f"{k} = {short(v)}" for k, v in problem.kwargs.items()]
    lines += [f"{slot.name}: {slot.array.shape}" for slot in problem.slots if slot.index is None]
    return [line if len(line) < 110 else line[:106] + " ..." for line in lines[:12]]


def entry_lines(problem: Problem, e: Entry) -> list[str]:
    if e.column < 0:
        head = f"the derivative of {problem.where_out(e.row)} where all inputs move together"
    else:
        head = f"d {problem.where_out(e.row)} / d {problem.where(e.column)}"
    digits = next((n for n in (10, 13, 17) if f"{e.yours:.{n}g}" != f"{e.expected:.{n}g}"), 10)
    lines = section("worst entry", [head, f"yours     {e.yours:.{digits}g}"])
    if e.low < e.high:
        lines += section("", [f"expected  between {e.low:.10g} and {e.high:.10g}, the derivatives to either side"])
    else:
        lines += section("", [f"expected  {e.expected:.{digits}g} ± {e.slack:.1g}"])
    if np.isfinite(e.yours) and e.expected:
        ratio = e.yours / e.expected
        lines += section("", [f"ratio     {ratio:.6g}" if f"{ratio:.6g}" != "1" else f"ratio     1 {ratio - 1:+.2g}"])
    return lines


def jacobian_lines(here: list[Part]) -> list[str]:
    """Both Jacobians side by side, of the input that the worst entry belongs to."""
    if not here or here[0].frame.partial or max(here[0].yours.shape) > PRINTED_SIDE:
        return []
    block = here[0]
    with np.errstate(all="ignore"):
        clean = np.where(np.abs(block.expected) < 1e-12 * np.abs(block.expected).max(initial=0), 0, block.expected)
    left, right = (
        np.array2string(a, precision=5, suppress_small=True, max_line_width=200).splitlines()
        for a in (block.yours, clean)
    )
    width = max(max(map(len, left)), 10) + 4
    rows = [f"{'yours':<{width}}expected"] + [f"{a:<{width}}{b}" for a, b in zip(left, right)]
    return section("Jacobian", [f"d out / d {block.problem.slots[block.slot].name}, a row an output", *rows])


def blocks(problem: Problem, found: Findings, entry: Entry) -> list[Part]:
    """Yours and expected, of the input that the worst entry belongs to: one block, of a part where all is too large;
    none where no part of it can be told, or no input alone is wrong.
    """
    if entry.column < 0:
        return []
    slot, _ = which_of(problem.ends, entry.column)
    if found.yours is not None and found.expected is not None:
        return [part_of(problem, found.yours, found.expected.value.T, slot)]
    small = submatrix_around(problem, entry.row, entry.column)
    if small is None:
        return []
    yours = np.array([problem.pull(np.eye(1, problem.size_out, row)[0])[small.columns_at] for row in small.rows])
    return [part_of(small, yours, small.columns[small.rows], small.kept.index(slot))]


def ruled_out(problem: Problem, e: Entry, where: str) -> str:
    said = []
    if e.low == e.high:
        said.append("a kink (both sides have this slope)")
    if where:
        said.append("mutation, chance, hidden state, a cotangent that is ignored")
    if e.column >= 0:
        slope = taylor(problem, e)
        if slope is not None:
            said.append(f"too large a step (Taylor slope {slope:.2f}; a right gradient gives 2)")
    return "; ".join(said) or "nothing"


def taylor(p: Problem, e: Entry) -> float | None:
    """The order at which f(x + h) - f(x) - h·yours vanishes: 2 if yours is the gradient, 1 if it is not."""
    size = scales(p.point, relative=True)[e.column]
    unit = size * np.eye(1, p.point.size, e.column)[0]
    with np.errstate(all="ignore"):
        rest = [
            abs(p.value(p.point + h * unit)[e.row] - p.value(p.point)[e.row] - h * size * e.yours)
            for h in (2.0**-10, 2.0**-11)
        ]
    return float(np.log2(rest[0] / rest[1])) if min(rest) > 0 and np.isfinite(rest).all() else None


def importable(f, name: str) -> str:
    """The module from which `import name` gives this very function, of a script its file's name; "" if none does."""
    module = getattr(f, "__module__", None) or "__main__"
    inside = sys.modules.get(module)
    if not name.isidentifier() or getattr(inside, name, None) is not f:
        return ""
    return Path(getattr(inside, "__file__", None) or "").stem if module == "__main__" else module


def origin(f) -> str:
    """Where a function was written, in words."""
    f = getattr(f, "fun", f)
    code = getattr(inspect.unwrap(f) if callable(f) else f, "__code__", None)
    return f"the function of {code.co_filename.rsplit('/', 1)[-1]}:{code.co_firstlineno}" if code else "your function"


def reproducer(name: str, failure: CheckFailed, problem: Problem) -> str:
    """A test with these very arguments, by the checker that found the failure."""
    f = problem.f
    adapter = getattr(f, "adapter", None)
    module = importable(f if adapter is None else adapter.fun, name)
    if adapter is not None:  # a test for the framework's users
        arguments = [written_out(a) if can_be_written(a) else f"x{i}" for i, a in enumerate(problem.args)]
        varying = {slot.index: written_out(slot.array) for slot in problem.slots}
        if problem.bare:
            arguments = [varying.get(i, a) for i, a in enumerate(arguments)]
        order = ["order=2"] * (type(failure).__name__ == "SecondOrderMismatch")
        return adapter.test(name, module, arguments, order)
    spelled, imported = name, f"from {module} import {name}\n"
    if module == "numpy":
        spelled, imported = f"np.{name}", ""
    elif not module:
        spelled, imported = "f", f"f = ...  # {origin(f)}: it has no name that can be imported\n"
    args = [written_out(a) if can_be_written(a) else f"x{i}" for i, a in enumerate(problem.args)]
    for i, a in enumerate(problem.args):
        if not can_be_written(a):
            imported += f"x{i} = ...  # the {type(a).__name__} that was passed\n"
    options = [f"{k}={written_out(v)}" for k, v in problem.kwargs.items()]
    given = {s.index: written_out(s.array) for s in problem.slots}
    at_point = failure.case is None or failure.found is not None  # what one point shows, gradcheck shows
    if at_point and None not in given and problem.bare:
        call = [f"x{i}" if i in given else arg for i, arg in enumerate(args)]
        if len(call) > len(given):
            spelled = f"lambda {', '.join(f'x{i}' for i in given)}: {spelled}({', '.join(call)})"
        args = list(given.values())
    if at_point and not options:
        order = ["order=2"] * (type(failure).__name__ == "SecondOrderMismatch")
        uses, check = "gradcheck", f"gradcheck({', '.join([spelled, *args, *order])})"
    else:
        kwargs = f", kwargs=dict({', '.join(options)})" if options else ""
        uses, check = "check_op", f"check_op({spelled}, [({', '.join(args)},)]{kwargs})"
    return (
        f"import numpy as np\nfrom tinygrad_np.testing import {uses}\n{imported}\n\n"
        f"def test_{name if name.isidentifier() else 'gradient'}():\n    {check}"
    )

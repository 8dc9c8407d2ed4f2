"""A program as text and as data: what was recorded, what is run, which buffers are shared."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from .bands import Band, sums
from .instruction import Instruction, Number, Storage, View, touches
from .plan import Layout


class ShownNames:
    """Readable names for what instructions touch."""

    def __init__(self, storages: list[Storage], places: list[tuple[Any, View]]):
        self.storages = storages
        self.places = {
            (view.storage, view.offset, math.prod(view.shape)): readable(place.name) for place, view in places
        }
        self.owners = {view.storage: readable(place.name) for place, view in places}

    def view(self, view: View) -> str:
        """An operand: its name, and .T for a matrix the other way round."""
        storage = self.storages[view.storage]
        turned = len(view.shape) == 2 and 1 not in view.shape and abs(view.strides[0]) < abs(view.strides[1])
        shape = view.shape[::-1] if turned else view.shape
        if storage.kind == "input":
            name = f"x{storage.where}"
        elif storage.kind == "state":
            name = self.owners.get(view.storage, "state")
            if math.prod(shape) * view.dtype.itemsize < 0.9 * storage.nbytes:
                name += f"[byte {view.offset}:]"
            name = self.places.get((view.storage, view.offset, math.prod(shape)), name)
        elif storage.kind == "constant":
            name = f"c{view.storage}" if storage.where.size != 1 else repr(storage.where.item())
        else:
            name = f"{'r' if storage.kind == 'result' else 't'}{view.storage}"
        whole = storage.kind != "temporary" or lengths(shape) == lengths(storage.layout[0])
        return name + (".T" if turned else "") + ("" if whole else f"{list(shape)}")

    def argument(self, value) -> str:
        if type(value) is View:
            return self.view(value)
        if type(value) is Number:
            return f"n{value.call}[{value.entry}]"
        if isinstance(value, (tuple, list)):
            return "(" + ", ".join(map(self.argument, value)) + ")"
        return repr(value) if not isinstance(value, np.generic) else repr(value.item())

    def line(self, i: Instruction) -> str:
        """One instruction."""
        if i.kind == "guard":
            asked = self.view(i.args[0]) if i.fun is bool else f"{i.fun.__name__}({self.view(i.args[0])})"
            return f"if {'not ' * i.args[1]}{asked}: run the function itself"
        if i.kind == "host":
            return f"n{i.args[0]} = numbers from Python"
        out = ", ".join(dict.fromkeys(map(self.view, i.changed())))
        if i.kind == "copy":
            return f"{out} = {self.argument(i.args[0])}"
        arguments = [self.argument(a) for a in i.args] + [f"{k}={self.argument(v)}" for k, v in i.kwargs.items()]
        return (f"{out} = " if out else "") + f"{function_name(i)}({', '.join(arguments)})"


def lengths(shape: tuple) -> list[int]:
    return sorted(n for n in shape if n != 1)


def readable(name: str) -> str:
    """`optimizer.state['exp_avg']` for where an optimizer keeps that in one buffer."""
    return re.sub(r"\._blocks\[\d+\]\[\d+\]", "", name).removesuffix(".buffer")


def function_name(i: Instruction) -> str:
    """add, add.reduce, getitem."""
    owner = getattr(i.fun, "__self__", None)
    name = getattr(i.fun, "__name__", str(i.fun)).strip("_")
    return f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name


def recorded_text(program: list[Instruction], names: ShownNames) -> str:
    """What was recorded, a call a line, with the user's line."""
    return "\n".join(f"{names.line(i):70s}  # {i.line}" if i.line else names.line(i) for i in program)


def planned_text(plan: Layout, names: ShownNames) -> str:
    """What is run: fused loops as blocks, and the memory at the top."""
    calls = sum(len(step.instructions) for step in plan.steps)
    lines = [
        f"# {calls} calls of {plan.recorded} recorded; temporaries: {len(plan.offsets)} in {plan.peak:,} bytes, "
        f"{unshared(plan):,} without sharing"
    ]
    for step in plan.steps:
        if step.tile:
            lines.append(f"for each {step.tile} of {step.length}:")
        for i in step.instructions:
            line = "    " * bool(step.tile) + names.line(i)
            lines.append(line.replace(" = ", " += ", 1) if isinstance(step, Band) and sums(i, step.length) else line)
    return "\n".join(lines)


def unshared(plan: Layout) -> int:
    """The bytes that the temporaries would take if none took over the place of another."""
    return sum(plan.storages[s].nbytes for s in {*plan.offsets, *plan.scratch})


def captures(plan: Layout, names: ShownNames) -> list[dict[str, Any]]:
    """What a program has beside its arguments: arrays that it looks for anew each time, and constants of its own."""
    found: dict[int, dict[str, Any]] = {}
    for i in (i for step in plan.steps for i in step.instructions):
        for v in touches(i):
            storage = plan.storages[v.storage]
            if storage.kind in ("state", "constant") and v.storage not in found:
                found[v.storage] = {
                    "name": names.owners.get(v.storage, "state") if storage.kind == "state" else f"c{v.storage}",
                    "origin": "watched" if storage.kind == "state" else "constant",
                    "line": i.line,
                    "bytes": storage.nbytes,
                    "written": False,
                }
        for v in i.changed():
            if v.storage in found:
                found[v.storage]["written"] = True
    return list(found.values())


def data(plan: Layout, names: ShownNames) -> dict[str, Any]:
    """The plan as plain data, for drawing: steps with what they read and write, and the buffers."""
    steps = [
        {
            "functions": [function_name(i) if i.kind not in ("host", "guard") else i.kind for i in step.instructions],
            "fused": len(step.instructions) > 1,
            "tile": step.tile,
            "reads": sorted({names.view(v) for i in step.instructions for v in i.operands()}),
            "writes": sorted({names.view(v) for i in step.instructions for v in i.changed()}),
            "lines": sorted({i.line for i in step.instructions if i.line}),
        }
        for step in plan.steps
    ]
    buffers = [
        {
            "name": f"t{s}",
            "offset": offset,
            "bytes": plan.storages[s].nbytes,
            "in_place_of": f"t{plan.shared[s]}" if s in plan.shared else None,
        }
        for s, offset in sorted(plan.offsets.items())
    ]
    return {
        "recorded": plan.recorded,
        "captures": captures(plan, names),
        "steps": steps,
        "buffers": buffers,
        "peak_bytes": plan.peak,
        "unshared_bytes": unshared(plan),
    }

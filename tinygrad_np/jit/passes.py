"""Passes about values: a program becomes a shorter one that gives the same.

Each takes and returns a list of instructions. Order is kept but for what provably does not touch the same
memory, so a pass has to ask only one question: who reads and writes which bytes in between.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np

from .errors import NotReplayable
from .instruction import (
    Instruction,
    Number,
    Storage,
    Touching,
    View,
    bytes_of,
    covers,
    may_fail,
    positions_of,
    renamed,
    replaced,
    temporary,
)


def filled_again(program, storages):
    """An array that f made and then wrote to is a temporary, which starts each time from its first value."""
    first = []
    for number in sorted({v.storage for i in program for v in i.changed()}):
        storage = storages[number]
        if storage.kind == "constant":
            a = storage.where
            storages.append(Storage("constant", a, a))
            storage.kind = "temporary"
            views = [View(n, 0, a.shape, a.strides, a.dtype) for n in (len(storages) - 1, number)]
            first.append(Instruction("copy", np.copyto, (views[0],), {}, (views[1],)))
    return first + program


def renewed(program, storages, outputs):
    """A temporary that is written all over is from then on another one: what it held may still be of use."""
    started: set[int] = set()
    newest: dict[int, int] = {}

    def now(value):
        return value._replace(storage=newest.get(value.storage, value.storage)) if type(value) is View else value

    kept = []
    for i in program:
        args, kwargs, writes = replaced(i.args, now), replaced(i.kwargs, now), map(now, i.writes)
        for v in i.out:
            if v.storage in started and temporary(storages, v) and covers(v, storages[v.storage]):
                newest[v.storage] = len(storages)
                storages.append(copy(storages[v.storage]))
        started |= {v.storage for v in i.changed()}
        kept.append(Instruction(i.kind, i.fun, args, kwargs, tuple(map(now, i.out)), writes, i.line))
    return kept, [now(o) for o in outputs]


def share_constants(program, storages, outputs):
    """Equal constants are one."""
    written = {v.storage for i in program for v in i.changed()}
    seen: dict = {}
    aliases = {}
    for number, storage in enumerate(storages):
        if storage.kind == "constant" and number not in written and storage.nbytes <= 1 << 16:
            a = storage.where
            key = (a.shape, a.strides, a.dtype, a.tobytes())
            if key in seen:
                aliases[number] = (seen[key], 0)
            else:
                seen[key] = number
    return renamed(program, outputs, aliases)


def folded(program, storages):
    """A condition that is constantly false chooses nothing: the guard of a constant cotangent goes."""
    written = {v.storage for i in program for v in i.changed() if storages[v.storage].kind == "constant"}
    false: set[View] = set()  # what is false everywhere

    def never(value) -> bool:
        if type(value) is not View or value.dtype != bool:
            return False
        storage = storages[value.storage]
        return value in false or storage.kind == "constant" and value.storage not in written and not storage.where.any()

    kept = []
    for i in program:
        if i.kind == "elementwise" and i.fun is np.bitwise_and and any(map(never, i.args)):
            false.add(i.out[0])
        elif i.kind == "elementwise" and i.fun is np.where and never(i.args[0]) and type(i.args[2]) is View:
            i = Instruction("copy", np.copyto, (broadcast(i.args[2], i.out[0].shape),), {}, i.out, (), i.line)
        kept.append(i)
    return kept


@np.errstate(all="ignore")
def computed_before(program, storages):
    """What is computed from constants alone is a constant."""
    writes = positions_of(program, storages)[1]

    def constant(value) -> bool:
        return storages[value.storage].kind == "constant" and not writes[value.storage]

    def array(value):
        if type(value) is not View:
            return value
        memory = bytes_of(storages[value.storage].where)
        return np.ndarray(value.shape, value.dtype, memory, value.offset, value.strides)

    kept = []
    for i in program:
        out = i.out[0] if len(i.out) == 1 else None
        if (
            out is not None
            and i.kind in ("elementwise", "copy", "product")
            and temporary(storages, out)
            and len(writes[out.storage]) == 1
            and covers(out, storages[out.storage])
            and all(map(constant, i.operands()))
            and not any(type(a) is Number for a in i.args)
        ):
            storage = storages[out.storage]
            memory = np.empty(storage.nbytes, np.uint8)
            result = np.ndarray(out.shape, out.dtype, memory, out.offset, out.strides)
            value = array(i.args[0]) if i.kind == "copy" else i.fun(*map(array, i.args))
            np.copyto(result, value, casting="unsafe")
            storage.kind, storage.where, writes[out.storage] = "constant", result, []
        else:
            kept.append(i)
    return kept


def broadcast(view: View, shape: tuple) -> View:
    """A view as NumPy stretches it to a shape."""
    lead = len(shape) - len(view.shape)
    strides = [s if n == m else 0 for n, s, m in zip(view.shape, view.strides, shape[lead:])]
    return view._replace(shape=shape, strides=(0,) * lead + tuple(strides))


def unchecked(i: Instruction, what: str) -> NotReplayable:
    """The refusal of a condition that could be checked only when something has been changed."""
    return NotReplayable(f"jit: {i.line}: a check of values depends on {what}; make it outside the jitted function")


def brought_first(program, wanted: Callable):
    """The instructions that are wanted, with what they need, before all others; or one that cannot be, and why."""
    needed: set[int] = set()
    first: list[int] = []
    for position in range(len(program) - 1, -1, -1):
        instruction = program[position]
        if wanted(instruction) or needed & {v.storage for v in instruction.changed()}:
            if not instruction.pure and not wanted(instruction):
                return instruction, "random or host numbers"
            first.append(position)
            needed |= {v.storage for v in instruction.operands()}
    if not first:
        return program, None
    first.reverse()
    chosen = set(first)
    passed = Touching()
    for position, instruction in enumerate(program[: first[-1] + 1]):
        if position not in chosen:
            passed.add(instruction)
        elif passed.conflicts(instruction):
            return instruction, "an array that the function itself has changed before"
    return [program[p] for p in first] + [i for p, i in enumerate(program) if p not in chosen], None


def guards_first(program, storages):
    """Conditions that a replay checks come before anything that it could not undo."""
    found, why = brought_first(program, lambda i: i.kind == "guard")
    if why is not None:
        raise unchecked(found, why)
    return found


def failing_first(program, storages):
    """What may fail comes before what is changed outside, so that little is to be undone, where it can be."""

    def outside(i) -> bool:
        return i.kind in ("random", "host") or any(storages[v.storage].kind in ("state", "input") for v in i.changed())

    start = next((n for n, i in enumerate(program) if outside(i)), len(program))
    if not any(map(may_fail, program[start:])) or any(may_fail(i) and outside(i) for i in program):
        return program
    found, why = brought_first(program, may_fail)
    return program if why is not None else found


def frozen(value, versions):
    """A nested argument as a hashable key: views with the version of their memory, numbers with their type."""
    kind = type(value)
    if kind is View:
        return value, versions[value.storage]
    if kind is tuple or kind is list:
        return (kind, *[frozen(v, versions) for v in value])
    if kind is slice:
        return slice, frozen((value.start, value.stop, value.step), versions)
    if kind is dict:
        return tuple([(k, frozen(v, versions)) for k, v in sorted(value.items())])
    if kind is Number:
        return value
    try:
        hash(value)
    except TypeError:
        return (object(),)
    return kind, repr(value) if kind in (float, complex) else value


def share_results(program, storages, outputs):
    """What was computed before from the same values is not computed again."""
    writes = positions_of(program, storages)[1]
    versions = [0] * len(storages)
    seen: dict = {}
    aliases: dict[int, tuple[int, int]] = {}
    kept = []

    def change(value):
        if type(value) is View and value.storage in aliases:
            return value._replace(storage=aliases[value.storage][0])
        return value

    for position, instruction in enumerate(program):
        i = instruction.changing(change)
        fresh = (
            i.pure
            and not i.writes
            and i.out
            and all(temporary(storages, v) and writes[v.storage][0] == position for v in i.out)
        )
        key = (
            (i.fun, frozen(i.args, versions), frozen(i.kwargs, versions), tuple(v[1:] for v in i.out))
            if fresh
            else None
        )
        if fresh and key in seen:
            pairs = [(mine.storage, theirs.storage) for mine, theirs in zip(i.out, seen[key])]
            if all(len(writes[storage]) == 1 for pair in pairs for storage in pair):
                aliases |= {new: (old, 0) for new, old in pairs}
                continue
        if fresh and all(len(writes[v.storage]) == 1 for v in i.out):
            seen[key] = i.out
        for view in i.changed():
            versions[view.storage] += 1
        kept.append(i)
    return kept, [change(o) for o in outputs]


def live(program, storages, outputs):
    """Without what nothing outside depends on."""
    needed = {v.storage for v in outputs if type(v) is View}
    kept = []
    for i in reversed(program):
        if not i.pure or any(v.storage in needed or not temporary(storages, v) for v in i.changed()):
            needed |= {v.storage for v in i.operands()}
            kept.append(i)
    kept.reverse()
    return kept

"""Passes: a program becomes a shorter one that gives the same.

Each takes and returns a list of instructions. Order is kept but for what provably does not touch the same
memory, so a pass has to ask only one question: who reads and writes which bytes in between.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from .functions import refuse
from .instruction import (
    Instruction,
    Number,
    Storage,
    View,
    conflict,
    contiguous,
    covers,
    overlap,
    renamed,
    replaced,
    same_layout,
    temporary,
    touches,
    uses,
)

NARROW = 32  # columns


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
        return (
            value in false
            or storage.kind == "constant"
            and value.storage not in written
            and not storage.where.any()
        )

    kept = []
    for i in program:
        if i.kind == "elementwise" and i.fun is np.bitwise_and and any(map(never, i.args)):
            false.add(i.out[0])
        elif i.kind == "elementwise" and i.fun is np.where and never(i.args[0]) and type(i.args[2]) is View:
            i = Instruction("copy", np.copyto, (broadcast(i.args[2], i.out[0].shape),), {}, i.out, (), i.line)
        kept.append(i)
    return kept


def broadcast(view: View, shape: tuple) -> View:
    """A view as NumPy stretches it to a shape."""
    lead = len(shape) - len(view.shape)
    strides = [s if n == m else 0 for n, s, m in zip(view.shape, view.strides, shape[lead:])]
    return view._replace(shape=shape, strides=(0,) * lead + tuple(strides))


def guards_first(program, storages):
    """Conditions that a replay checks come before anything that it could not undo."""
    needed: set[int] = set()
    first: list[int] = []
    for position in range(len(program) - 1, -1, -1):
        instruction = program[position]
        if instruction.kind == "guard" or needed & {v.storage for v in instruction.changed()}:
            if not instruction.pure and instruction.kind != "guard":
                refuse("a check of values depends on random or host numbers")
            first.append(position)
            needed |= {v.storage for v in instruction.operands()}
    if not first:
        return program
    first.reverse()
    chosen = set(first)
    for position in first:
        if any(conflict(program[q], program[position]) for q in range(position) if q not in chosen):
            refuse("a check of values depends on an array that the function itself has changed before")
    return [program[p] for p in first] + [i for p, i in enumerate(program) if p not in chosen]


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
    writes = uses(program, storages)[1]
    versions = [0] * len(storages)
    seen: dict = {}
    aliases: dict[int, tuple[int, int]] = {}
    kept = []

    def change(value):
        if type(value) is View and value.storage in aliases:
            return value._replace(storage=aliases[value.storage][0])
        return value

    for position, instruction in enumerate(program):
        i = Instruction(
            instruction.kind,
            instruction.fun,
            replaced(instruction.args, change),
            replaced(instruction.kwargs, change),
            tuple(map(change, instruction.out)),
            map(change, instruction.writes),
            instruction.line,
        )
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


def last_reads(reads, outputs, end: int) -> list[int]:
    """The position at which each storage is needed for the last time; results are needed at the end."""
    last = [max(r, default=-1) for r in reads]
    for view in outputs:
        if type(view) is View:
            last[view.storage] = end
    return last


def without_copies(program, storages, outputs):
    """A copy is its original, where neither is written while both are in use."""
    reads, writes = uses(program, storages)
    end = len(program)
    last = last_reads(reads, outputs, end)
    aliases: dict[int, tuple[int, int]] = {}
    kept = []
    for position, i in enumerate(program):
        if i.kind == "copy" and i.args[0] == i.out[0]:
            continue
        if i.kind == "copy" and type(i.args[0]) is View:
            source, target = i.args[0], i.out[0]
            while source.storage in aliases:
                storage, shift = aliases[source.storage]
                source = source._replace(storage=storage, offset=source.offset + shift)
            if (
                temporary(storages, target)
                and covers(target, storages[target.storage])
                and same_layout(source, target)
                and len(writes[target.storage]) == 1
                and not any(position < w <= last[target.storage] for w in writes[source.storage])
            ):
                aliases[target.storage] = (source.storage, source.offset - target.offset)
                last[source.storage] = max(last[source.storage], last[target.storage])
                continue
        kept.append(i)
    return renamed(kept, outputs, aliases)


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


def down_columns(program, storages, outputs):
    """Long narrow matrices lie column by column: loops run along the long axis, and BLAS takes them as they are."""
    returned = {v.storage for v in outputs if type(v) is View}
    seen: dict[int, set[View]] = {}
    for i in program:
        for v in touches(i):
            seen.setdefault(v.storage, set()).add(v if layout_free(i) else v._replace(offset=-1))
    turned: dict[View, View] = {}
    for number, views in seen.items():
        shape = max(v.shape for v in views)
        if (
            storages[number].kind == "temporary"
            and number not in returned
            and len(shape) == 2
            and 1 < shape[1] <= NARROW
            and shape[0] >= 4 * shape[1]
        ):
            rows = {v for v in views if v.shape == shape and contiguous(v)}
            across = {
                v
                for v in views
                if v.shape == shape[::-1] and contiguous(v._replace(shape=shape, strides=v.strides[::-1]))
            }
            if rows | across == views and all(covers(v, storages[number]) for v in views):
                item = next(iter(views)).dtype.itemsize
                turned |= {v: v._replace(strides=(item, item * shape[0])) for v in rows}
                turned |= {v: v._replace(strides=(item * shape[0], item)) for v in across}

    def change(value):
        return turned.get(value, value) if type(value) is View else value

    return [
        Instruction(
            i.kind,
            i.fun,
            replaced(i.args, change),
            replaced(i.kwargs, change),
            tuple(map(change, i.out)),
            map(change, i.writes),
            i.line,
        )
        for i in program
    ], outputs


def layout_free(i: Instruction) -> bool:
    """Whether an instruction does as well with its matrices in the other order."""
    return (
        i.kind in ("elementwise", "copy", "product")
        or getattr(i.fun, "__name__", "") == "reduce"
        and i.kwargs.get("axis") in (0, 1, -1, -2)
        or i.fun is np.ndarray.__getitem__
    )


def written_in_place(program, storages, outputs):
    """A temporary that is only copied to its destination is computed there from the start."""
    returned = {v.storage for v in outputs if type(v) is View}
    position = 0
    while position < len(program):
        i = program[position]
        if i.kind == "copy" and type(i.args[0]) is View:
            source, target = i.args[0], i.out[0]
            if (
                temporary(storages, source)
                and source.storage not in returned
                and source.storage != target.storage
                and covers(source, storages[source.storage])
                and same_layout(source, target)
            ):
                at = [
                    p
                    for p, j in enumerate(program)
                    if p != position and any(v.storage == source.storage for v in touches(j))
                ]
                if at and max(at) < position and moves_there(program, at[0], position, source, target):
                    del program[position]
                    program, outputs[:] = renamed(
                        program, outputs, {source.storage: (target.storage, target.offset - source.offset)}
                    )
                    continue
        position += 1
    return program


def moves_there(program, start: int, end: int, source: View, target: View) -> bool:
    """Whether nobody else needs the destination between the first write of a temporary and its copy."""
    for position in range(start, end):
        i = program[position]
        if any(overlap(v, target) for v in i.changed()):
            return False
        elementwise = position == start and i.kind in ("elementwise", "copy") and i.fun is not np.where
        if any(overlap(v, target) and not (elementwise and v == target) for v in i.operands()):
            return False
    return True


def upright(i: Instruction) -> Instruction:
    """An elementwise instruction with its axes in the order in which the result lies in memory."""
    if i.kind not in ("elementwise", "copy"):
        return i
    out = i.out[0]
    ndim = len(out.shape)
    order = sorted(
        range(ndim), key=lambda axis: (-abs(out.strides[axis]) if out.shape[axis] != 1 else 0, axis)
    )
    if order == list(range(ndim)) or contiguous(out):
        return i

    def turn(value):
        if type(value) is not View or not value.shape:
            return value
        lead = ndim - len(value.shape)
        shape, strides = (1,) * lead + value.shape, (0,) * lead + value.strides
        return value._replace(shape=tuple(shape[k] for k in order), strides=tuple(strides[k] for k in order))

    return Instruction(i.kind, i.fun, replaced(i.args, turn), i.kwargs, (turn(out),), (), i.line)

"""Passes about memory: copies go, results are written where they belong, matrices lie as loops and BLAS like them."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np

from .instruction import (
    Instruction,
    View,
    contiguous,
    covers,
    last_reads,
    overlap,
    positions_of,
    renamed,
    replaced,
    same_layout,
    temporary,
    touches,
)

FEW_COLUMNS = 32  # columns


def without_copies(program, storages, outputs):
    """A copy is its original, where neither is written while both are in use."""
    reads, writes = positions_of(program, storages)
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
                and not any_within(writes[source.storage], position + 1, last[target.storage] + 1)
            ):
                aliases[target.storage] = (source.storage, source.offset - target.offset)
                last[source.storage] = max(last[source.storage], last[target.storage])
                continue
        kept.append(i)
    return renamed(kept, outputs, aliases)


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
            and 1 < shape[1] <= FEW_COLUMNS
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

    return [i.changing(change) for i in program], outputs


def layout_free(i: Instruction) -> bool:
    """Whether an instruction does as well with its matrices in the other order."""
    return (
        i.kind in ("elementwise", "copy", "product")
        or getattr(i.fun, "__name__", "") == "reduce"
        and i.kwargs.get("axis") in (0, 1, -1, -2)
        or i.fun is np.ndarray.__getitem__
    )


def any_within(positions: list[int], start: int, end: int) -> bool:
    """Whether one of these positions, which are in order, is at least `start` and less than `end`."""
    at = bisect_left(positions, start)
    return at < len(positions) and positions[at] < end


def written_in_place(program, storages, outputs):
    """A temporary that is only copied to its destination is computed there from the start."""
    returned = {v.storage for v in outputs if type(v) is View}
    touched: dict[int, list[int]] = {}  # where each storage is touched, in order
    for position, i in enumerate(program):
        for storage in {v.storage for v in touches(i)}:
            touched.setdefault(storage, []).append(position)
    program = list(program)
    for position, i in enumerate(program):
        if i.kind != "copy" or type(i.args[0]) is not View:
            continue
        source, target = i.args[0], i.out[0]
        if (
            temporary(storages, source)
            and source.storage not in returned
            and source.storage != target.storage
            and covers(source, storages[source.storage])
            and same_layout(source, target)
        ):
            *at, end = touched[source.storage]
            mine = touched[target.storage]
            if not at or end != position or not moves_there(program, mine, at[0], position, source, target):
                continue
            program[position] = None
            mine.remove(position)
            alias = {source.storage: (target.storage, target.offset - source.offset)}
            for p in at:
                program[p] = renamed([program[p]], [], alias)[0][0]
                if not any_within(mine, p, p + 1):
                    insort(mine, p)
    return [i for i in program if i is not None]


def moves_there(program, touched: list[int], start: int, end: int, source: View, target: View) -> bool:
    """Whether nobody else needs the destination between the first write of a temporary and its copy."""
    for position in touched[bisect_left(touched, start) : bisect_left(touched, end)]:
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
    order = sorted(range(ndim), key=lambda axis: (-abs(out.strides[axis]) if out.shape[axis] != 1 else 0, axis))
    if order == list(range(ndim)) or contiguous(out):
        return i

    def turn(value):
        if type(value) is not View or not value.shape:
            return value
        lead = ndim - len(value.shape)
        shape, strides = (1,) * lead + value.shape, (0,) * lead + value.strides
        return value._replace(shape=tuple(shape[k] for k in order), strides=tuple(strides[k] for k in order))

    return Instruction(i.kind, i.fun, replaced(i.args, turn), i.kwargs, (turn(out),), (), i.line)

"""Planning: elementwise chains are gathered into loops, and every temporary gets its place in one buffer."""

from __future__ import annotations

from bisect import insort
from heapq import heappop, heappush
from math import prod
from typing import Any

import numpy as np

from . import layouts, passes
from .bands import Band, in_bands
from .instruction import (
    Instruction,
    Step,
    Storage,
    View,
    conflict,
    contiguous,
    covers,
    may_fail,
    nbytes,
    overlap,
    same_layout,
    temporary,
    touches,
)
from .products import is_large

ALIGNMENT = 64
TILE_BYTES = 1 << 16  # of one operand of a tile: several fit into a second-level cache of 1 MB
MANY = 1 << 10  # blocks of memory, which are then placed one after the other
FUSE_BYTES = 1 << 17  # smaller operands stay in the cache anyway


class Layout:
    """The steps, and where each temporary lies in the one buffer that holds them all."""

    def __init__(self, program: list[Instruction], storages: list[Storage], outputs: list):
        self.storages, self.recorded = storages, len(program)
        program = passes.filled_again(program, storages)
        program, outputs = passes.renewed(program, storages, outputs)
        program, outputs = passes.share_constants(program, storages, outputs)
        program = passes.folded(program, storages)
        program = passes.computed_before(program, storages)
        program = passes.guards_first(program, storages)
        program = passes.live(program, storages, outputs)
        program, outputs = passes.share_results(program, storages, outputs)
        program, outputs = layouts.without_copies(program, storages, outputs)
        program, outputs = layouts.down_columns(passes.live(program, storages, outputs), storages, outputs)
        program, outputs = layouts.without_copies(program, storages, outputs)
        program = layouts.written_in_place(program, storages, outputs)
        self.outputs: list[Any] = outputs
        program = [layouts.upright(i) for i in program]
        program = passes.failing_first(program, storages)
        before, bands, after = in_bands(program, storages)
        self.steps = [*fused(before, storages), *bands, *fused(after, storages)]
        self.scratch = internal(self.steps, storages, outputs)
        self.offsets, self.peak, self.shared = places_in_memory(self.steps, storages, outputs, self.scratch)


# ---- loops ------------------------------------------------------------------------------------------------


def side_by_side(step: Step, new: Instruction) -> bool:
    """Whether a large product can run at the same time as others."""
    return all(is_large(i) and not conflict(i, new) for i in step.instructions)


def joins(step: Step, new: Instruction) -> bool:
    """Whether an instruction can run tile by tile with others: what one writes, others touch at the same elements."""
    if not step.tile or new.out[0].shape != step.instructions[0].out[0].shape:
        return False
    for old in step.instructions:
        for written, touched in ((old.out[0], touches(new)), (new.out[0], touches(old))):
            if any(overlap(written, v) and v != written for v in touched):
                return False
    return True


def in_tiles(i: Instruction) -> bool:
    """Whether an instruction may run element by element: it does not write what it reads at other elements."""
    if i.kind not in ("elementwise", "copy") or not i.out[0].shape:
        return False
    return not any(v != i.out[0] and overlap(v, i.out[0]) for v in i.operands())


def fused(program: list[Instruction], storages: list[Storage]) -> list[Step]:
    """Gather elementwise instructions of one shape, and large products, moving one up past what it does not need.

    One that changes something outside is not moved past what may fail.
    """
    steps: list[Step] = []
    for i in program:
        tiled = in_tiles(i) and max(map(nbytes, touches(i))) >= FUSE_BYTES
        together = joins if tiled else side_by_side if is_large(i) else None
        home = None
        outside = any(not temporary(storages, v) for v in i.changed())
        if together is not None:
            for step in reversed(steps[-12:]):
                if together(step, i):
                    home = step
                    break
                if any(conflict(j, i) or outside and may_fail(j) for j in step.instructions):
                    break
        if home is None:
            steps.append(Step([i], tile=int(bool(tiled))))
        else:
            home.instructions.append(i)
    for step in steps:
        if step.tile:
            shape, views = (
                step.instructions[0].out[0].shape,
                [v for i in step.instructions for v in touches(i)],
            )
            widest = max(v.dtype.itemsize for v in views)
            if len({v.shape for v in views}) == 1 and all(contiguous(v) for v in views):
                step.length, row = prod(shape), widest
            else:
                step.length, row = shape[0], widest * prod(shape[1:])
            step.tile = min(step.length, max(1, TILE_BYTES // max(row, 1)))
    return steps


def internal(steps: list[Step], storages, outputs) -> dict[int, int]:
    """{storage: step} of temporaries that live inside one loop: a tile of each is enough."""
    where: dict[int, set[int]] = {}
    layouts: dict[int, set[View]] = {}
    for number, step in enumerate(steps):
        for i in step.instructions:
            for v in touches(i):
                where.setdefault(v.storage, set()).add(number)
                layouts.setdefault(v.storage, set()).add(v)
    returned = {v.storage for v in outputs if type(v) is View}

    def fits(storage: int, step: Step) -> bool:
        if isinstance(step, Band):
            return storage in step.inner
        view, *others = layouts[storage]
        shape = step.instructions[0].out[0].shape
        return bool(step.tile) and not others and view.shape == shape and contiguous(view)

    return {
        storage: number
        for storage, (number, *more) in where.items()
        if storages[storage].kind == "temporary"
        and storage not in returned
        and not more
        and fits(storage, steps[number])
    }


# ---- memory -----------------------------------------------------------------------------------------------


def places_in_memory(steps, storages, outputs, scratch) -> tuple[dict[int, int], int, dict[int, int]]:
    """{storage: offset} in one buffer, its size, and {storage: the one whose place it takes over in place}."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    moments: list[tuple[Instruction, int]] = []
    seen: list[set[View]] = [set() for _ in steps]  # by each step: a loop must see all of an array alike
    for position, step in enumerate(steps):
        for i in step.instructions:
            moments.append((i, position))
            seen[position].update(touches(i))
            for v in touches(i):
                if storages[v.storage].kind == "temporary" and v.storage not in scratch:
                    first.setdefault(v.storage, position)
                    last[v.storage] = position
    for v in outputs:
        if type(v) is View and storages[v.storage].kind == "temporary":
            first.setdefault(v.storage, 0)
            last[v.storage] = len(steps)
    shared: dict[int, int] = {}
    taken_over: set[int] = set()
    final = {v.storage: order for order, (i, _) in enumerate(moments) for v in touches(i)}
    for order, (i, moment) in enumerate(moments):
        if i.kind != "elementwise" or not i.out or first.get(i.out[0].storage) != moment:
            continue
        out = i.out[0]
        for v in i.args[2:] if i.fun is np.where else i.args:
            if (
                type(v) is View
                and last.get(v.storage) == moment
                and final[v.storage] == order
                and v.storage != out.storage
                and same_layout(v, out)
                and storages[v.storage].nbytes == storages[out.storage].nbytes
                and v.offset == out.offset
                and v.storage not in taken_over
                and not any(u != v and u.storage == v.storage for u in seen[moment])
                and covers(v, storages[v.storage])
                and [u.storage for u in i.operands()].count(v.storage) == 1
            ):
                shared[out.storage] = v.storage
                taken_over.add(v.storage)
                break
    chains: dict[int, list[int]] = {}
    heads: dict[int, int] = {}  # whose place each has: the one whose place was taken over was there before
    for storage in first:
        heads[storage] = head = heads[shared[storage]] if storage in shared else storage
        chains.setdefault(head, []).append(storage)
    blocks = sorted(
        (
            (storages[head].nbytes, min(first[s] for s in members), max(last[s] for s in members), members)
            for head, members in chains.items()
        ),
        key=lambda block: (-block[0], block[1]),
    )
    offsets: dict[int, int] = {}
    peak = 0
    for place, members in (by_size if len(blocks) <= MANY else in_turn)(blocks):
        peak = max(peak, place + padded(max(storages[s].nbytes for s in members)))
        offsets |= dict.fromkeys(members, place)
    return offsets, peak, shared


def padded(size: int) -> int:
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT


def by_size(blocks):
    """The place of each block, the largest first: the lowest that is free while it lives."""
    taken: list[tuple[int, int, int, int]] = []  # start, end in bytes; first and last moment
    for size, begin, end, members in blocks:
        offset = 0
        for start, stop, since, until in taken:
            if since <= end and begin <= until and start < offset + size and offset < stop:
                offset = stop
        insort(taken, (offset, offset + padded(size), begin, end))
        yield offset, members


def in_turn(blocks):
    """The place of each block, the first that is needed first: one of its size that is free again, or a new one."""
    free: dict[int, list[int]] = {}
    living: list[tuple[int, int, int]] = []  # last moment, size, place
    top = 0
    for size, begin, end, members in sorted(blocks, key=lambda block: block[1]):
        while living and living[0][0] < begin:
            _, its, place = heappop(living)
            free.setdefault(its, []).append(place)
        size = padded(size)
        if free.get(size):
            place = free[size].pop()
        else:
            place, top = top, top + size
        heappush(living, (end, size, place))
        yield place, members

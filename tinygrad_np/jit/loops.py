"""Loops: a step of several elementwise calls runs tile by tile in the cache, or compiled, on both cores."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..parallel.cores import Choice, cut
from . import kernels
from .instruction import Instruction, Step, View, contiguous, nbytes, span, touches

if TYPE_CHECKING:
    from .replay import Source

THREAD_BYTES = 1 << 20  # loops over less than this stay on one core
SLOW_ON_NUMBERS = (np.maximum, np.minimum, np.fmax, np.fmin)


def scalar_dtype(i: Instruction, number) -> np.dtype | None:
    """The dtype that a Python number takes on beside these operands, where that is certain."""
    dtypes = {v.dtype for v in i.args if type(v) is View}
    if i.kind != "elementwise" or i.fun is np.where or len(dtypes) != 1:
        return None
    (dtype,) = dtypes
    if dtype.kind not in "fc" or type(number) not in (int, float):
        return None
    return dtype


def full_numbers(instructions: list[Instruction]) -> list[tuple]:
    """The Python numbers, with dtype and shape, that are taken as arrays of the result's shape."""
    return list(
        dict.fromkeys(
            (a, dtype, i.out[0].shape)
            for i in instructions
            if i.fun in SLOW_ON_NUMBERS
            for a in i.args
            if (dtype := scalar_dtype(i, a)) is not None
        )
    )


def loop_lines(source: Source, step: Step, number: int) -> list[str]:
    """The lines of a loop; what they name is put into the source's names."""
    shape = step.instructions[0].out[0].shape
    views = list(dict.fromkeys(v for i in step.instructions for v in touches(i)))
    flat = len({v.shape for v in views}) == 1 and all(map(contiguous, views))
    internal = {v for v in views if source.plan.scratch.get(v.storage) == number}
    threaded = (
        not any(map(source.is_input, views))
        and max(map(nbytes, views)) * len(step.instructions) >= THREAD_BYTES
        and (shape[0] > 1 or flat)
    )
    if source.compiling and len(step.instructions) * prod(shape) >= kernels.WORTH:
        try:
            return one_pass(source, kernels.Loop(step.instructions, internal, scalar_dtype), number, threaded)
        except kernels.Uncompiled:
            pass
    return tiles(source, step, number, views, internal, flat, threaded)


def whole_for_all(view: View, shape: tuple, flat: bool) -> bool:
    """Whether every tile sees all of an operand."""
    return not flat and (len(view.shape) < len(shape) or view.shape[0] == 1 != shape[0])


def one_pass(source: Source, loop: kernels.Loop, number: int, threaded: bool) -> list[str]:
    """A compiled loop: over everything, or in pieces that any core may take."""
    numbers = [source.number_array(n, dtype) for n, dtype in loop.numbers]

    def run_of(view: View) -> np.ndarray:
        """The memory from a view's first element to its last, as it lies."""
        low, high = span(view)
        n = (high - low) // view.dtype.itemsize
        base = np.empty(high, np.uint8) if source.is_input(view) else source.bases[view.storage]
        return np.ndarray((n,), view.dtype, base, low)

    runs = {v: run_of(v) for v in loop.views}
    example = (0, *(a[:0] for a in runs.values()), *(source.names[n] for n in numbers))
    source.names[f"loop{number}"] = kernels.compiled(loop.text, example)
    source.loops.append(loop.text)
    rows = loop.shape[0]
    if threaded:
        source.functions.append(f"def part{number}(piece): loop{number}({', '.join(['*piece', *numbers])})\n")
        source.names[f"cores{number}"] = Choice()
        source.names[f"pieces{number}"] = [
            (part.stop - part.start, *(a[part.start * loop.strides[v][0] :] for v, a in runs.items()))
            for part in cut(rows)
        ]
        return [f"cores{number}.run(part{number}, pieces{number})"]
    names = []
    for k, (v, a) in enumerate(runs.items()):
        if source.is_input(v):
            names.append(source.operand(v._replace(shape=a.shape, strides=(v.dtype.itemsize,))))
        else:
            source.names[f"a{number}_{k}"] = a
            names.append(f"a{number}_{k}")
    return [f"loop{number}({', '.join([str(rows), *names, *numbers])})"]


def slots(instructions: list[Instruction], internal: set[View]) -> dict[View, int]:
    """Which piece of scratch memory holds a temporary of a tile: one that nobody reads any more is taken over."""
    last = {v: k for k, i in enumerate(instructions) for v in touches(i) if v in internal}
    free: dict[np.dtype, list[int]] = {}
    found: dict[View, int] = {}
    for k, i in enumerate(instructions):
        done = [v for v in dict.fromkeys(i.operands()) if last.get(v) == k and v not in i.out]
        if i.fun is not np.where:  # written before its condition is read
            for v in done:
                free.setdefault(v.dtype, []).append(found[v])
        out = i.out[0]
        if out in internal and out not in found:
            spare = free.get(out.dtype)
            found[out] = spare.pop() if spare else max(found.values(), default=-1) + 1
        if i.fun is np.where:
            for v in done:
                free.setdefault(v.dtype, []).append(found[v])
    return found


def tiles(source: Source, step: Step, number: int, views, internal, flat: bool, threaded: bool) -> list[str]:
    """A loop of NumPy's calls: slices are made beforehand, one tuple a tile, and any core may take a piece."""
    shape = step.instructions[0].out[0].shape
    rows = prod(shape) if flat else shape[0]
    whole = [v for v in views if whole_for_all(v, shape, flat)]
    inputs = [v for v in views if source.is_input(v) and v not in whole]
    sliced = [v for v in views if v not in whole and v not in inputs]
    ends = [(start, min(start + step.tile, rows)) for start in range(0, rows, step.tile)]
    for v in whole:
        source.operand(v)
    parts = cut(len(ends)) if threaded else [slice(None)]
    piece_of = {end: k for k, part in enumerate(parts) for end in ends[part]}
    size_of_tile = (step.tile,) if flat else (step.tile, *shape[1:])
    place = slots(step.instructions, internal)
    rooms = {(slot, v.dtype): [np.empty(size_of_tile, v.dtype) for _ in parts] for v, slot in place.items()}
    full = {v: source.array(v).reshape(-1) if flat else source.array(v) for v in sliced if v not in place}
    numbers = full_numbers(step.instructions)
    constants = [np.full(size_of_tile, value, dtype) for value, dtype, _ in numbers]
    source.fulls = {n: f"v{k}" for k, n in enumerate(numbers)}
    made = [
        tuple(
            [rooms[place[v], v.dtype][piece_of[s, e]][: e - s] if v in place else full[v][s:e] for v in sliced]
            + [c[: e - s] for c in constants]
            + [s, e] * bool(inputs)
        )
        for s, e in ends
    ]
    source.tile = {v: f"t{k}" for k, v in enumerate(sliced)} | {v: f"u{k}" for k, v in enumerate(inputs)}
    body = [line for i in step.instructions for line in source.call(i)]
    header = [f"t{k}" for k in range(len(sliced))] + list(source.fulls.values()) + ["s", "e"] * bool(inputs)
    source.tile, source.fulls = {}, {}
    body = [
        f"u{k} = {source.input(v)}{'.ravel()' if flat and len(v.shape) != 1 else ''}[s:e]" for k, v in enumerate(inputs)
    ] + body
    loop = f"for {', '.join(header)}{',' * (len(header) == 1)} in "
    if len(parts) > 1:
        source.functions.append(
            f"def part{number}(tiles):\n    {loop}tiles:\n" + "".join(f"        {x}\n" for x in body)
        )
        source.names |= {f"pieces{number}": [made[part] for part in parts], f"cores{number}": Choice()}
        return [f"cores{number}.run(part{number}, pieces{number})"]
    source.names[f"tiles{number}"] = made
    return [f"{loop}tiles{number}:"] + ["    " + line for line in body]

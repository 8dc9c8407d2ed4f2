"""The loop of a band: the arrays of each round are made beforehand, and any core may take a piece of the rounds."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..parallel.blas import one_thread
from ..parallel.cores import Choice, cut
from . import narrow, products
from .bands import Band, sums
from .instruction import Instruction, View, touches
from .loops import full_numbers

if TYPE_CHECKING:
    from .replay import Source


def band_lines(source: Source, band: Band, number: int) -> list[str]:
    """The lines of a band; what they name is put into the source's names."""
    length = band.length
    views = list(dict.fromkeys(v for i in band.instructions for v in touches(i)))
    adding = [i for i in band.instructions if sums(i, length)]
    totals = [i.out[0] for i in adding]
    inputs = {v: source.operand(v) for v in views if source.is_input(v)}
    rows = [v for v in views if length in v.shape and v not in inputs]
    for v in views:
        if length not in v.shape:
            source.operand(v)
    numbers = full_numbers(band.instructions)
    cuts: list[Instruction] = []  # the products that are done in pieces
    named = {v: f"t{k}" for k, v in enumerate(rows)} | {v: f"s{k}" for k, v in enumerate(totals)}
    source.tile = named | {v: f"u{k}" for k, v in enumerate(inputs) if length in v.shape}
    source.fulls = {key: f"c{k}" for k, key in enumerate(numbers)}
    body = [
        f"{source.tile[v]} = {name}[{':, ' * v.shape.index(length)}s:e]"
        for v, name in inputs.items()
        if length in v.shape
    ]
    for i in band.instructions:
        body += [product_in_rounds(source, i, length, cuts)] if i.kind == "product" else source.call(i)
        if sums(i, length):
            k = totals.index(i.out[0])
            body.append(f"add(total[{k}], s{k}, total[{k}])")
    names = [*named.values(), *source.fulls.values(), *(f"p{k}" for k in range(len(cuts)))]
    source.tile, source.fulls = {}, {}
    parts = cut(band.count)
    total = [np.empty((len(parts), *v.shape), v.dtype) for v in totals]
    given = ", ".join(["piece", *dict.fromkeys(inputs.values())])
    source.functions.append(
        f"def part{number}({given}):\n"
        "    total, rounds = piece\n"
        "    for sum in total: sum.fill(-0.0)\n"
        f"    for {', '.join(names)}, s, e in rounds:\n" + "".join(f"        {x}\n" for x in body)
    )
    pieces = [
        ([t[k] for t in total], rounds(source, band, part, rows, adding, numbers, cuts)) for k, part in enumerate(parts)
    ]
    source.names |= {"one_thread": one_thread, "product_of": products.product_of, "matmul": np.matmul, "add": np.add}
    source.names |= {f"pieces{number}": pieces, f"cores{number}": Choice(), "add_reduce": np.add.reduce}
    source.names |= {f"total{number}_{k}": t for k, t in enumerate(total)}
    return [
        f"with one_thread(): cores{number}.run(lambda piece: part{number}({given}), pieces{number})",
        *(f"add_reduce(total{number}_{k}, 0, None, {source.operand(v)})" for k, v in enumerate(totals)),
    ]


def product_in_rounds(source: Source, i: Instruction, length: int, cuts: list[Instruction]) -> str:
    """The line of a product in a round; one that goes in pieces joins the others in `cuts`."""
    if (compiled := narrow.narrow_line(source, i, length)) is not None:
        return compiled
    a, b = map(source.operand, i.args)
    if len(i.out[0].shape) != 2:
        return f"matmul({a}, {b}, {source.operand(i.out[0])})"
    cuts.append(i)
    return f"product_of({products.factors(i, a, b)}, p{len(cuts) - 1})"


def rounds(source: Source, band: Band, part: slice, rows, adding, numbers, cuts) -> list[tuple]:
    """What the loop names in each round of a piece; temporaries inside the band have room for one round."""
    length, inner = band.length, band.inner.keys() & source.plan.scratch.keys()
    memory = {s: np.empty(band.inner[s] * band.tile, np.uint8) for s in inner}
    arrays = {v: room(v, memory[v.storage], band) if v.storage in inner else source.array(v) for v in rows}
    terms = {i.out[0]: np.empty(i.out[0].shape, i.out[0].dtype, narrow.order(i, length)) for i in adding}
    full = [np.full([band.tile if m == length else m for m in shape], a, dtype) for a, dtype, shape in numbers]
    scratch = cache(np.empty)  # products take turns

    def at(shape: tuple, start: int, stop: int) -> tuple:
        return (slice(None),) * shape.index(length) + (slice(start, stop),) if length in shape else ()

    made = []
    for k in range(part.start, part.stop):
        s, e = k * length // band.count, (k + 1) * length // band.count
        found = {v: a[at(v.shape, 0, e - s) if v.storage in inner else at(v.shape, s, e)] for v, a in arrays.items()}
        found |= terms
        pieces = []
        for i in cuts:
            out, depth = products.tall(i, found[i.out[0]]), e - s if sums(i, length) else i.args[0].shape[1]
            pieces.append(products.piece_of(out, slice(0, len(out)), depth, scratch))
        made.append((*found.values(), *(a[at(key[2], 0, e - s)] for key, a in zip(numbers, full)), *pieces, s, e))
    return made


def room(view: View, memory: np.ndarray, band: Band) -> np.ndarray:
    """As many rows of a temporary as a round has: its axes outside of the rows come closer together."""
    row = view.strides[view.shape.index(band.length)]
    strides = [s if s <= row else s // band.length * band.tile for s in view.strides]
    return np.ndarray([band.tile if m == band.length else m for m in view.shape], view.dtype, memory, 0, strides)

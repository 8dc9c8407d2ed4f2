"""A small part of a large Jacobian, around its guilty entry, as a problem of its own: there a mistake can be named.

Each axis keeps its first and last places and the guilty one with its neighbors; axes of one length keep the same
places, so that a transpose, a swap and a shift stay inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Self

import numpy as np

from ...engine.tensor import Tensor
from ..reference.directions import estimated
from ..reference.finite_differences import FIRST
from ..reference.problem import Problem, location, which_of

PART_ENTRIES = 36  # the most entries of an input, or of the outputs, that are looked at
SLOTS = 4  # the most inputs
PART_SECONDS = 1.0  # what the finite differences of a part may take


class Submatrix(Problem):
    """Some entries of each input and of each output of a problem; the other inputs are constants."""

    whole: Problem

    def __init__(self, whole: Problem, slots: list[int], places: list[list], places_out: list[list]):
        base = whole.arrays(whole.point)
        grids, grids_out = ([np.ix_(*p) for p in each] for each in (places, places_out))

        def inside(*boxes) -> list:
            full = [Tensor(array.copy()) for array in base]
            for k, grid, box in zip(slots, grids, boxes):
                if grid:
                    full[k][grid] = box
                else:
                    full[k] = box
            return [out[grid] if grid else out for out, grid in zip(whole(*full), grids_out)]

        super().__init__(inside, tuple(base[k][grid] if grid else base[k] for k, grid in zip(slots, grids)))
        for slot, k in zip(self.slots, slots):
            slot.name = whole.slots[k].name
        self.whole, self.kept, self.places, self.places_out = whole, slots, places, places_out
        self.entries = [on_grid(whole.slots[k].array, grid) for k, grid in zip(slots, grids)]
        self.columns_at = np.concatenate([whole.ends[k] + e for k, e in zip(slots, self.entries)])
        self.rows = np.concatenate(
            [start + on_grid(out, grid) for start, out, grid in zip(whole.ends_out, whole.outputs, grids_out)]
        )

    def at(self, point: np.ndarray) -> Self:
        moved = super().at(point)
        everywhere = self.whole.point.copy()
        everywhere[self.columns_at] = point
        moved.whole = self.whole.at(everywhere)
        moved.__dict__.pop("columns", None)
        return moved

    @cached_property
    def columns(self) -> np.ndarray:
        """The derivatives of all outputs of the whole with respect to these entries."""
        return estimated(self.whole, self.columns_at)


@dataclass
class Frame:
    """Where a block of a Jacobian is in the whole one: most are all of it."""

    whole: Problem
    slot: int
    entries: np.ndarray  # the places of its columns in the input laid flat
    rows: np.ndarray  # and of its rows among all outputs
    places: list  # the same along each axis of the input
    places_out: list  # and of the output, if there is one
    columns: np.ndarray  # the expected derivatives of all outputs

    @property
    def partial(self) -> bool:
        return len(self.entries) < self.whole.sizes[self.slot] or len(self.rows) < self.whole.size_out

    @property
    def lengths(self) -> tuple:
        """The shape of the whole input; a complex number is two entries."""
        return self.whole.shape(self.slot)

    @property
    def lengths_out(self) -> tuple:
        """The shape of the whole output; of several, their number of entries."""
        return self.whole.shape_out


def frame(problem: Problem, slot: int, expected: np.ndarray) -> Frame:
    """The frame of the block of one input."""
    if isinstance(problem, Submatrix):
        start, end = problem.ends[slot : slot + 2]
        places, outs = problem.places[slot], problem.places_out
        out = outs[0] if len(outs) == 1 else [problem.rows]
        found = Frame(
            problem.whole,
            problem.kept[slot],
            problem.entries[slot],
            problem.rows,
            [],
            [],
            problem.columns[:, start:end],
        )
    else:
        places, out = [], []
        found = Frame(problem, slot, np.arange(problem.sizes[slot]), np.arange(problem.size_out), [], [], expected)
    found.places = [*places, *map(np.arange, found.lengths[len(places) :])]
    found.places_out = [*out, *map(np.arange, found.lengths_out[len(out) :])]
    return found


def on_grid(array: np.ndarray, grid: tuple) -> np.ndarray:
    """Where the entries of a grid are in the array laid flat; a complex number is two entries."""
    index = np.arange(array.size).reshape(array.shape)
    found = (index[grid] if grid else index).reshape(-1)
    return np.stack([2 * found, 2 * found + 1], 1).reshape(-1) if array.dtype.kind == "c" else found


def submatrix_around(whole: Problem, row: int, column: int) -> Submatrix | None:
    """The part around an entry of the Jacobian; None where even that takes too long."""
    calls = PART_SECONDS / duration(whole) / (2 * len(FIRST)) / 4  # the point itself, and three more
    entries = int(min(PART_ENTRIES, calls))
    if entries < 4:
        return None
    guilty, entry = which_of(whole.ends, column)
    hit, entry_out = which_of(whole.ends_out, row)
    shapes = [slot.array.shape for slot in whole.slots]
    slots = [guilty] + [k for k in range(len(shapes)) if k != guilty]
    slots = sorted(slots[: max(1, min(SLOTS, int(calls) // entries))])
    kept = [out.shape for out in whole.outputs]
    marks: dict[int, set[int]] = {}
    for shape, place in (
        (shapes[guilty], location(entry, whole.slots[guilty].array)),
        (kept[hit], location(entry_out, whole.outputs[hit])),
    ):
        for length, k in zip(shape, place):
            marks.setdefault(length, set()).add(k)
    axes = max(len(shape) for shape in [*(shapes[k] for k in slots), *kept])
    most = max(2, int(entries ** (1 / max(axes, 1)) + 1e-9))

    def chosen(length: int) -> np.ndarray:
        marked = marks.get(length, set())
        near = [k + d for d in (0, 1, -1) for k in sorted(marked)]
        mirrored = [length - 1 - k for k in sorted(marked)]
        ends = [0, length - 1, 1, length - 2, *range(2, min(length, most))]
        wanted = dict.fromkeys([*near[: len(marked)], *ends[:2], *mirrored, *near, *ends])
        return np.sort([k for k in wanted if 0 <= k < length][:most])

    return Submatrix(
        whole, slots, [[chosen(n) for n in shapes[k]] for k in slots], [[chosen(n) for n in shape] for shape in kept]
    )


def duration(problem: Problem) -> float:
    """The seconds that the function takes."""
    times = []
    for _ in range(3):
        start = perf_counter()
        problem.value(problem.point)
        times.append(perf_counter() - start)
    return min(times)

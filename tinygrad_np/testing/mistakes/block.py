"""A part of a Jacobian, yours and expected, that mistakes are predictions of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..finite_differences import reference, scales
from ..problem import Problem, flat

FIT = 1e-6


@dataclass
class Block:
    """The part of a Jacobian that belongs to one input, yours and expected."""

    yours: np.ndarray
    expected: np.ndarray
    slot: int
    problem: Problem
    others: dict[str, tuple[np.ndarray, np.ndarray]]  # of the other inputs: values, expected block

    @property
    def x(self) -> np.ndarray:
        start, end = self.problem.ends[self.slot : self.slot + 2]
        return self.problem.point[start:end]

    @property
    def shape(self) -> tuple:
        """The input's shape; a complex number is two entries."""
        slot = self.problem.slots[self.slot]
        return slot.array.shape + (2,) * slot.is_complex

    @property
    def out(self) -> np.ndarray:
        return flat(self.problem.outputs)

    @property
    def out_shape(self) -> tuple:
        """The output's shape; of several outputs, their number of entries."""
        if len(self.problem.outputs) > 1:
            return (len(self.out),)
        out = self.problem.outputs[0]
        return out.shape + (2,) * (out.dtype.kind == "c")

    def moved(self, f: Callable) -> np.ndarray:
        """The expected block with f applied to the input axes of every row."""
        rows = self.expected.reshape((-1,) + self.shape)
        return np.array([f(row) for row in rows]).reshape(self.expected.shape)


def block_of(problem: Problem, yours: np.ndarray, expected: np.ndarray, slot: int) -> Block:
    cut = list(zip(problem.ends, problem.ends[1:]))
    start, end = cut[slot]
    others = {
        s.name: (problem.point[a:b], expected[:, a:b])
        for k, (s, (a, b)) in enumerate(zip(problem.slots, cut))
        if k != slot
    }
    return Block(yours[:, start:end], expected[:, start:end], slot, problem, others)


def off(b: Block) -> np.ndarray:
    with np.errstate(all="ignore"):
        return ~(
            np.abs(b.yours - b.expected)
            <= 1e-8 * (np.abs(b.expected) + 1e-3 * np.abs(b.expected).max(initial=0)) + 1e-12
        )


def estimated(p: Problem) -> np.ndarray:
    """The Jacobian by finite differences; NaN where they find none."""
    size = scales(p.point, True)
    found = reference(p.value, p.point, np.diag(size), p.size_out)
    return (np.where(np.isfinite(found.error), found.value, np.nan) / size[:, None]).T


def used(b: Block) -> np.ndarray:
    """Where an output depends on an entry of the input."""
    return np.abs(b.expected) > 1e-9 * np.abs(b.expected).max(initial=0)

"""A part of a Jacobian, yours and expected, that mistakes are predictions of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...reference.directions import estimated
from ...reference.problem import Problem, flat_vector
from ..submatrix import Frame, Submatrix, frame

FIT = 1e-6
NAMED_CONSTANTS = {
    "2": 2,
    "1/2": 0.5,
    "3": 3,
    "1/3": 1 / 3,
    "4": 4,
    "1/4": 0.25,
    "log 2": np.log(2),
    "1/log 2": 1 / np.log(2),
    "log 10": np.log(10),
    "1/log 10": 1 / np.log(10),
    "π": np.pi,
    "1/π": 1 / np.pi,
    "2π": 2 * np.pi,
    "1/2π": 0.5 / np.pi,
    "π/180": np.pi / 180,
    "180/π": 180 / np.pi,
    "√2": np.sqrt(2),
    "1/√2": np.sqrt(0.5),
    "√π": np.sqrt(np.pi),
    "√(2/π)": np.sqrt(2 / np.pi),
    "2/√π": 2 / np.sqrt(np.pi),
    "10": 10,
}


@dataclass
class Part:
    """The part of a Jacobian that belongs to one input, yours and expected."""

    yours: np.ndarray
    expected: np.ndarray
    slot: int
    problem: Problem
    others: dict[str, tuple[np.ndarray, np.ndarray]]  # of the other inputs: values, expected block
    frame: Frame

    @property
    def x(self) -> np.ndarray:
        start, end = self.problem.ends[self.slot : self.slot + 2]
        return self.problem.point[start:end]

    @property
    def shape(self) -> tuple:
        """The input's shape; a complex number is two entries."""
        return self.problem.shape(self.slot)

    @property
    def out(self) -> np.ndarray:
        return flat_vector(self.problem.outputs)

    @property
    def out_shape(self) -> tuple:
        """The output's shape; of several outputs, their number of entries."""
        return self.problem.shape_out

    def moved(self, f: Callable) -> np.ndarray:
        """The expected block with f applied to the input axes of every row."""
        rows = self.expected.reshape((-1,) + self.shape)
        return np.array([f(row) for row in rows]).reshape(self.expected.shape)


def part_of(problem: Problem, yours: np.ndarray, expected: np.ndarray, slot: int) -> Part:
    cut = list(zip(problem.ends, problem.ends[1:]))
    start, end = cut[slot]
    others = {
        s.name: (problem.point[a:b], expected[:, a:b])
        for k, (s, (a, b)) in enumerate(zip(problem.slots, cut))
        if k != slot
    }
    expected = expected[:, start:end]
    return Part(yours[:, start:end], expected, slot, problem, others, frame(problem, slot, expected))


def off(b: Part) -> np.ndarray:
    with np.errstate(all="ignore"):
        return ~(
            np.abs(b.yours - b.expected)
            <= 1e-8 * np.abs(b.expected) + 1e-11 * np.maximum(np.abs(b.expected), np.abs(b.yours)).max(initial=0)
        )


def square(b: Part) -> bool:
    """Whether rows and columns are the same places of arrays of one size."""
    whole = b.frame.whole
    same = whole.size_out == whole.sizes[b.frame.slot] and len(b.frame.rows) > 1
    return same and np.array_equal(b.frame.rows, b.frame.entries)


def right(p: Problem) -> np.ndarray:
    """The Jacobian by finite differences; NaN where they find none."""
    return p.columns[p.rows] if isinstance(p, Submatrix) else estimated(p)


def used(b: Part, everywhere: bool = False) -> np.ndarray:
    """Where an output depends on an entry of the input: the outputs of the block, or all."""
    return nonzero(b.frame.columns if everywhere else b.expected)


def nonzero(derivatives: np.ndarray) -> np.ndarray:
    """Where derivatives are more than rounding beside the largest."""
    return np.abs(derivatives) > 1e-9 * np.abs(derivatives).max(initial=0)


def named_constant(k: float) -> str:
    """A number by its name, or to six digits."""
    near = next((name for name, c in NAMED_CONSTANTS.items() if abs(abs(k) / c - 1) < 1e-6), "")
    return "-" * (k < 0) + near if near else f"{k:.6g}"

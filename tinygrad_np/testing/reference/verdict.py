"""The verdict on one derivative: pass, kink, inconclusive or fail; the tally of many, and which one is worst."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .interval import Reference

PASS, KINK, UNKNOWN, FAIL = range(4)
RTOL = 1e-8
CLOSER = 1e-7  # a slack above this part of a derivative asks for a more exact reference


@dataclass
class Entry:
    """One compared entry: which output, which input, what was found, what was expected and how exactly."""

    row: int
    column: int  # -1 for a direction that moves all inputs together
    yours: float
    low: float
    high: float
    slack: float

    @property
    def expected(self) -> float:
        return (self.low + self.high) / 2


@dataclass
class Findings:
    """What a comparison found; `entry` is the worst entry that fails."""

    compared: int = 0
    nonzero: int = 0
    kinks: int = 0
    unknown: int = 0
    sensitivity: float = 0.0  # the largest relative error that could hide in any compared derivative
    entry: Entry | None = None
    whole: bool = True  # the whole Jacobian was compared
    yours: np.ndarray | None = field(default=None, repr=False)
    expected: Reference | None = field(default=None, repr=False)

    def add(self, other: Findings) -> None:
        self.compared += other.compared
        self.nonzero += other.nonzero
        self.kinks += other.kinks
        self.unknown += other.unknown
        self.sensitivity = max(self.sensitivity, other.sensitivity)
        self.whole &= other.whole


def judge(
    claim: np.ndarray, ref: Reference, rtol: float, atol: float | np.ndarray, floor: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The verdict on each claimed derivative, and the slack that it was given.

    `atol` widens the slack; `floor` is the size below which a derivative counts as zero when it is asked
    whether the reference is exact enough to tell.
    """
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(claim), claim, 0)
        size = np.maximum(ref.size, np.abs(finite))
        bar = 3 * ref.error
        slack = rtol * size + atol + bar
        outside = ~((claim >= ref.low - slack) & (claim <= ref.high + slack))
        vague = ~(bar <= 0.01 * np.maximum(size, floor))
        hopeless = ~np.isfinite(slack) | (~np.isfinite(claim) & vague)
    status = np.where(vague, UNKNOWN, np.where(ref.kink, KINK, PASS))
    return np.where(hopeless, UNKNOWN, np.where(outside, FAIL, status)), slack


def doubtful(status, slack, ref: Reference, floor) -> np.ndarray:
    """Where a closer look may change the verdict, or make it worth more."""
    with np.errstate(invalid="ignore"):
        rough = (slack > CLOSER * np.maximum(ref.size, floor)) & (6 * ref.error > slack)
        return (status == FAIL) | (status == UNKNOWN) | rough


def worst(status, slack, ref: Reference, claim, column: int | None = None) -> Entry:
    """The entry that fails by the largest multiple of its slack. Arrays are (inputs, outputs)."""
    off = np.maximum(ref.low - claim, claim - ref.high)
    with np.errstate(all="ignore"):
        off = np.where(np.isfinite(claim), off / (slack + 1e-300), np.inf)
    off = np.where(status == FAIL, off, -1)
    j, i = np.unravel_index(int(np.argmax(off)), off.shape)
    found = (float(array[j, i]) for array in (claim, ref.low, ref.high, slack))
    return Entry(int(i), int(j) if column is None else column, *found)


def tally(status, slack, ref: Reference, claim) -> Findings:
    """Count the verdicts, and the weakest certificate among those that passed."""
    size = ref.size
    sure = (status == PASS) & (size > slack) & (size > 10 * ref.error)
    strength = float((slack[sure] / size[sure]).max()) if sure.any() else 0.0
    with np.errstate(invalid="ignore"):
        moved = (status != UNKNOWN) & (np.maximum(np.abs(claim), size) > slack)
    return Findings(
        int(np.sum(status != UNKNOWN)),
        int(moved.sum()),
        int(np.sum(status == KINK)),
        int(np.sum(status == UNKNOWN)),
        strength,
    )

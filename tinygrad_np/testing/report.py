"""Reports of a check, of a function and of an operation: true when it passed, and text for people."""

from __future__ import annotations

from collections import Counter
from textwrap import dedent
from typing import Any

import numpy as np

from . import failures
from .diagnosis.explain import explain
from .diagnosis.traits import Traits
from .inputs.source_text import short
from .reference.problem import Problem, title
from .reference.verdict import Entry, Findings

VAIN = 12  # inputs at which every derivative is 0
KEPT_FAILURES = 8  # inputs that fail, to tell what is wrong
PASSED = 4  # shapes of inputs that pass, which what is said must be true of too


class Report:
    """What both reports are: true when the check passed, and a text."""

    failure: str | None
    text: str

    @property
    def ok(self) -> bool:
        return self.failure is None

    def __bool__(self) -> bool:
        return self.ok

    def reproducer(self) -> str:
        """A test to paste that fails as this check did."""
        return dedent(self.text.partition("paste this to reproduce\n")[2])

    def __repr__(self) -> str:
        return str(self)


class GradReport(Report):
    """The result of `gradcheck`: true when it passed; `str(report)` is its text.

    `verdict` is "pass", "kink" (passed, at a point that is not smooth), "inconclusive" (passed, but some
    entries could not be told) or "fail". `sensitivity` is the largest relative error that could have gone
    unseen. `entry` is the worst entry of a failure, `diagnosis` what the mistake looks like, most likely
    first.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure = None
        self.compared = self.nonzero = self.kinks = self.inconclusive = self.calls = 0
        self.sensitivity = 0.0
        self.whole = True
        self.order = 1
        self.entry: Entry | None = None
        self.diagnosis: list[str] = []
        self.text = ""

    @property
    def verdict(self) -> str:
        return "fail" if self.failure else "inconclusive" if self.inconclusive else "kink" if self.kinks else "pass"

    def add(self, found: Findings, order: int = 1) -> None:
        """Count what a comparison found."""
        self.order = max(self.order, order)
        self.compared += found.compared
        self.nonzero += found.nonzero
        self.kinks += found.kinks
        self.inconclusive += found.unknown
        if order == 1:  # the certificate is that of the gradient
            self.sensitivity = max(self.sensitivity, found.sensitivity)
        self.whole &= found.whole

    def fail(self, failure: Any, problem: Problem | None) -> None:
        """Make the report of a failure."""
        self.failure = type(failure).__name__
        found = failure.found
        self.entry = found.entry if found else None
        self.diagnosis, self.text = explain(self.name, failure, problem, [])

    def __str__(self) -> str:
        if self.failure:
            return self.text
        parts = [
            f"{self.name}: {self.verdict.upper()}",
            f"{self.compared} derivatives compared"
            if self.compared
            else "nothing to compare but shapes and dtypes: the Jacobian is empty",
        ]
        if not self.whole:
            parts.append("along random directions")
        if self.kinks:
            parts.append(f"{self.kinks} at kinks")
        if self.inconclusive:
            parts.append(f"{self.inconclusive} inconclusive")
        return ", ".join(parts) + (f"; {certificate(self.sensitivity)}" if self.sensitivity else "")


class OpReport(Report):
    """The result of `check_op`: true when it passed; `str(report)` is one line."""

    def __init__(self, name: str, checks: tuple[str, ...], skip: dict[str, str]) -> None:
        self.name, self.checks, self.skip = name, checks, skip
        self.failure = None
        self.inputs = self.skipped = self.kinks = self.inconclusive = self.empty = self.ties = 0
        self.last: Any = None  # the case that was tried last
        self.special = 0  # inputs that chance seldom draws, where the gradient alone was checked
        self.thresholds: list[float] = []
        self.apart = 0.0  # the largest error that could have hidden there
        self.ranges: dict[str, tuple[float, float, float]] = {}  # of each operand: from, to, and how near to 0
        self.shapes: set[tuple] = set()
        self.entries = self.compared = self.nonzero = 0
        self.sensitivity = 0.0
        self.varied = self.smooth = self.thorough = False  # thorough: every check at every input
        self.focus = ""  # the check that failed, while smaller inputs are looked for that fail it
        self.calls: Counter = Counter()  # how often operands of these shapes, with these options, were checked
        self.returned = ""  # what every call returned, if it was nothing floating
        self.refusals: list[str] = []
        self.mutants: list | None = None
        self.cases: list = []
        self.failing: list = []
        self.depth = self.earliest = len(checks)  # how many checks are run, and up to the first that failed
        self.pattern = Traits()
        self.hint = ""  # how an operation that is right for other shapes is declared
        self.diagnosis: list[str] = []
        self.text = ""
        self.again = False  # whether a shape came up twice
        self.numbers: set[float] = set()  # some that were returned
        self._first: dict[tuple, np.ndarray] = {}  # the values at the first input of each shape

    def often(self, case: Any) -> int:
        """How many inputs like this one were checked before; 0 where every check is run at every input."""
        p = case.problem
        varying = {slot.index for slot in p.slots}
        rest = [short(leaf) for i, leaf in enumerate(p.leaves) if i not in varying]
        key = (title(case.op), *((slot.array.shape, slot.array.dtype) for slot in p.slots), *rest, *sorted(p.kwargs))
        self.calls[key] += 1
        return 0 if self.thorough else self.calls[key] - 1

    @property
    def constant(self) -> bool:
        """Whether nothing that was returned depends on the values of the inputs, as far as was seen."""
        return not self.varied and (self.again or len(self.numbers) < 2)

    @property
    def vain(self) -> bool:
        """Whether so many inputs gave one value and no derivative but 0 that more would tell nothing."""
        return len(self.cases) >= VAIN and not self.nonzero and self.constant

    def stopped(self, seconds: float) -> failures.NeverReturned:
        """The failure of a call that did not come back, at the input that was last tried."""
        failure = failures.NeverReturned(f"a call did not return within {seconds:.0f} s, and was stopped")
        failure.case, failure.check = self.last, self.checks[0]
        return failure

    def keep(self, failure) -> None:
        """Remember some inputs that fail, of as many shapes as can be: one shape may hide what is wrong."""
        shapes = [tuple(slot.array.shape for slot in f.case.problem.slots) for f in (*self.failing, failure)]
        again = [i for i, shape in enumerate(shapes[:-1]) if shapes.count(shape) > 1]
        if len(shapes) > KEPT_FAILURES and again and shapes.count(shapes[-1]) == 1:
            del self.failing[again[0]]
        if len(self.failing) < KEPT_FAILURES:
            self.failing.append(failure)

    def restart(self, smooth: bool) -> None:
        """Begin again with the checks up to the earliest that failed: the others follow from it. With `smooth`, what
        fails at a kink is passed over: it fails where there is none.
        """
        self.depth, self.smooth = self.earliest, smooth
        self.focus = self.checks[self.earliest - 1]
        self.failing.clear()
        self.pattern = Traits()

    def cover(self, case: Any) -> None:
        """Widen what is known of the range of each operand, and of the shapes."""
        for slot in case.problem.slots:
            self.shapes.add(slot.array.shape)
            if slot.array.size:
                low, high, near = self.ranges.get(slot.name, (np.inf, -np.inf, np.inf))
                x = np.abs(slot.array) if slot.is_complex else slot.array
                away = np.abs(x[x != 0]).min(initial=np.inf)
                self.ranges[slot.name] = min(low, float(x.min())), max(high, float(x.max())), min(near, float(away))

    def count(self, case: Any) -> None:
        """Count what the checks of one input found."""
        found, p = case.found, case.problem
        self.kinks += bool(found.kinks)
        self.inconclusive += bool(found.unknown)
        self.empty += any(not s.array.size for s in p.slots)
        self.ties += any(len(np.unique(s.array)) < s.array.size for s in p.slots)
        self.returned = p.returned if not p.outputs and self.inputs == 1 else self.returned if not p.outputs else ""
        self.entries += p.point.size * p.size_out
        self.compared += found.compared
        self.nonzero += found.nonzero
        self.sensitivity = max(self.sensitivity, found.sensitivity)
        if case.outputs and p.point.size:
            key = tuple(slot.array.shape for slot in p.slots), short(p.kwargs)
            digits = np.concatenate([significant(out) for out in case.outputs])
            self.again |= key in self._first
            first = self._first.setdefault(key, digits)
            self.varied |= first.shape != digits.shape or not np.array_equal(first, digits, equal_nan=True)
            self.numbers.update(np.unique(digits)[:2].tolist())
        if found.yours is not None and len(self.cases) < 100:
            self.cases.append(case)

    def fail(self, failure: Any) -> None:
        """Make the report of a failure."""
        self.failure = type(failure).__name__
        case = failure.case
        where = f"[check {self.checks.index(failure.check) + 1} of {len(self.checks)}: {failure.check}]" if case else ""
        others = [(f.case.problem, f.found) for f in self.failing if type(f) is type(failure)]
        pattern = [text for text in (str(self.pattern), self.hint) if text]
        alike = {tuple(slot.array.shape for slot in c.problem.slots): (c.problem, c.found) for c in self.cases}
        passed = sorted(alike.values(), key=lambda found: found[0].point.size)[-PASSED:]
        self.diagnosis, self.text = explain(self.name, failure, case and case.problem, others, where, pattern, passed)
        self.cases.clear()
        self.failing.clear()

    def covered(self) -> str:
        """Which numbers, ties, thresholds and shapes the inputs went through."""
        if not self.ranges:
            return ""
        parts = ["; ".join(range_in_words(name, *found) for name, found in self.ranges.items())]
        if self.thresholds:
            parts.append("thresholds " + ", ".join(f"{c:.6g}" for c in self.thresholds))
        shapes = sorted(self.shapes, key=lambda s: (int(np.prod(s)), s))
        few = shapes if len(shapes) < 4 else [shapes[0], shapes[-1]]
        parts.append(
            ("shapes " if len(shapes) > 1 else "shape ") + (" to " if len(shapes) > 3 else ", ").join(map(str, few))
        )
        text = "\n  covered: " + "; ".join(parts)
        if self.special:
            text += f"\n  and {self.special} inputs among all magnitudes, beside the thresholds, with zeros and ties: "
            text += f"the gradient, to {self.apart or self.sensitivity:.0e} of itself".replace("e-0", "e-")
        return text

    def __str__(self) -> str:
        if self.failure:
            return self.text
        details = [
            f"{n} {what}"
            for n, what in (
                (self.ties, "with ties"),
                (self.empty, "empty"),
                (self.kinks, "at kinks"),
                (self.skipped, "skipped"),
                (len(self.refusals), "refused by it"),
                (self.inconclusive, "inconclusive"),
            )
            if n
        ]
        n = len([name for name in self.checks if name not in self.skip])
        text = f"{self.name}: PASS {n}/{n} checks, {self.inputs} input{'s' * (self.inputs != 1)}"
        text += f" ({', '.join(details)})" if details else ""
        text += f"; {certificate(self.sensitivity)}" if self.sensitivity else "; a step function: its derivative is 0"
        if self.skip:
            text += "; skipped: " + ", ".join(f"{k} ({v})" for k, v in self.skip.items())
        text += self.covered()
        if self.mutants is not None:
            killed = sum(m.noticed for m in self.mutants)
            text += f"; mutants noticed {killed}/{len(self.mutants)}"
            for m in self.mutants:
                if not m.noticed:
                    text += f"\n  not noticed: {m.name}: {m.hint}"
        return text


def significant(a: np.ndarray) -> np.ndarray:
    """Numbers to eleven digits of the largest: what differs beyond is rounding."""
    size = np.abs(a[np.isfinite(a)]).max(initial=0)
    return np.round(np.ravel(a) / size, 11) * float(f"{size:.11g}") if size else np.ravel(a) + 0.0


def range_in_words(name: str, low: float, high: float, near: float) -> str:
    """The range of an operand in words."""
    to_zero = f", as near to 0 as {near:.2g}" if low < 0 < high and near < 1e-3 else ""
    return f"{name} from {low:.4g} to {high:.4g}{to_zero}"


def certificate(sensitivity: float) -> str:
    """What a pass is worth."""
    return f"would detect any relative error above {sensitivity:.0e}".replace("e-0", "e-")

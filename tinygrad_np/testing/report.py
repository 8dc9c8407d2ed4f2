"""The report of a gradient check: what was compared and how strong a pass is, or what is wrong and what it looks like."""

from __future__ import annotations

import numpy as np


class GradReport:
    """The result of `gradcheck`: true when it passed; `str(report)` is written for people.

    `verdict` is "pass", "kink" (passed, and some point is not smooth), "inconclusive" (passed, and some entries could
    not be told) or "fail". `sensitivity` is the largest relative error that could have gone unseen.
    """

    def __init__(self, name: str):
        self.name = name
        self.failure = None
        self.compared = self.nonzero = self.kinks = self.inconclusive = 0
        self.sensitivity = 0.0
        self.whole = True
        self.order = 1
        self.text = ""

    @property
    def ok(self) -> bool:
        return self.failure is None

    def __bool__(self) -> bool:
        return self.ok

    @property
    def verdict(self) -> str:
        return "fail" if self.failure else "inconclusive" if self.inconclusive else "kink" if self.kinks else "pass"

    def add(self, found, order: int = 1) -> None:
        self.order = max(self.order, order)
        self.compared += found.compared
        self.nonzero += found.nonzero
        self.kinks += found.kinks
        self.inconclusive += found.unknown
        self.sensitivity = max(self.sensitivity, found.sensitivity)
        self.whole &= found.whole

    def fail(self, failure, problem) -> None:
        self.failure = failure
        self.text = explain(failure, problem, self)

    def __str__(self) -> str:
        return self.text


def explain(failure, problem, report) -> str:
    return f"{report.name}: {failure.says}: {failure}"

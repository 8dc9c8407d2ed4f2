"""What can be wrong with a derivative: one exception class a kind, so that shrinking never slides from one
bug to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .properties.case import Case
    from .reference.verdict import Findings
    from .report import GradReport, OpReport


class CheckFailed(AssertionError):
    """A check of an operation failed; `report` holds the findings, and the message is their text."""

    says = "the check failed"

    def __init__(self, message: str = "", report: GradReport | OpReport | None = None) -> None:
        super().__init__(message or self.says)
        self.report = report
        self.found: Findings | None = None  # of a derivative that is wrong
        self.case: Case | None = None  # of an operation: the call
        self.check = ""  # and the check, that failed


class Skipped(Exception):
    """A check that cannot be run here, and why: no failure."""


class FunctionRaised(CheckFailed):
    """The function itself raised, not its derivative."""

    says = "the function raises"


class NeverReturned(CheckFailed):
    """The operation, or its derivative, did not come back; it was stopped."""

    says = "the operation does not return"


class GradientMismatch(CheckFailed):
    """The reverse-mode derivative differs from finite differences by more than their error bar."""

    says = "the gradient is wrong"


class SecondOrderMismatch(CheckFailed):
    """The derivative of the gradient is wrong, is not symmetric, or cannot be taken."""

    says = "the second derivative is wrong"


class NotAdjoint(CheckFailed):
    """Forward and reverse mode disagree: <v, J u> differs from <Jᵀ v, u>."""

    says = "forward and reverse mode disagree"


class NotLinear(CheckFailed):
    """The pullback is not linear in the cotangent."""

    says = "the gradient is not linear in the cotangent"


class WrongShape(CheckFailed):
    """A gradient or an output has another shape than it must have."""

    says = "a gradient has the wrong shape"


class WrongDtype(CheckFailed):
    """A gradient or an output has another dtype than it must have, or is right in float64 alone."""

    says = "the result depends on the dtype"


class MutatedInput(CheckFailed):
    """The operation, or its derivative, wrote into an input."""

    says = "an input was changed in place"


class MutatedCotangent(CheckFailed):
    """The derivative wrote into the cotangent that it was given."""

    says = "the cotangent was changed in place"


class SharedMemory(CheckFailed):
    """Two results share memory, so that changing one would change the other."""

    says = "results share memory"


class LayoutDependence(CheckFailed):
    """The result depends on how an array lies in memory: its order, strides or writability."""

    says = "the result depends on the memory layout"


class HiddenState(CheckFailed):
    """A call changes the result of another call: something is kept outside the graph."""

    says = "a call changes the result of another call"


class NonDeterministic(CheckFailed):
    """The same call gave two different results."""

    says = "the same call gives different results"


class NaNGradient(CheckFailed):
    """The gradient is NaN or infinite where the function is finite and has a slope to each side."""

    says = "the gradient is not finite"


class ForwardMismatch(CheckFailed):
    """The value differs from the reference function's, or a bad argument is not refused."""

    says = "the value is wrong"


class VacuousCheck(CheckFailed):
    """Nothing was compared, so that nothing was checked."""

    says = "the check is vacuous"

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

    def __init_subclass__(cls, says: str = says) -> None:
        cls.says = says

    def __init__(self, message: str = "", report: GradReport | OpReport | None = None) -> None:
        super().__init__(message or self.says)
        self.report = report
        self.found: Findings | None = None  # of a derivative that is wrong
        self.case: Case | None = None  # of an operation: the call
        self.check = ""  # and the check, that failed


class Skipped(Exception):
    """A check that cannot be run here, and why: no failure."""


class FunctionRaised(CheckFailed, says="the function raises"):
    """The function itself raised, not its derivative."""


class NeverReturned(CheckFailed, says="the operation does not return"):
    """The operation, or its derivative, did not come back; it was stopped."""


class GradientMismatch(CheckFailed, says="the gradient is wrong"):
    """The reverse-mode derivative differs from finite differences by more than their error bar."""


class SecondOrderMismatch(CheckFailed, says="the second derivative is wrong"):
    """The derivative of the gradient is wrong, is not symmetric, or cannot be taken."""


class NotAdjoint(CheckFailed, says="forward and reverse mode disagree"):
    """Forward and reverse mode disagree: <v, J u> differs from <Jᵀ v, u>."""


class NotLinear(CheckFailed, says="the gradient is not linear in the cotangent"):
    """The pullback is not linear in the cotangent."""


class WrongShape(CheckFailed, says="a gradient has the wrong shape"):
    """A gradient or an output has another shape than it must have."""


class WrongDtype(CheckFailed, says="the result depends on the dtype"):
    """A gradient or an output has another dtype than it must have, or is right in float64 alone."""


class MutatedInput(CheckFailed, says="an input was changed in place"):
    """The operation, or its derivative, wrote into an input."""


class MutatedCotangent(CheckFailed, says="the cotangent was changed in place"):
    """The derivative wrote into the cotangent that it was given."""


class SharedMemory(CheckFailed, says="results share memory"):
    """Two results share memory, so that changing one would change the other."""


class LayoutDependence(CheckFailed, says="the result depends on the memory layout"):
    """The result depends on how an array lies in memory: its order, strides or writability."""


class HiddenState(CheckFailed, says="a call changes the result of another call"):
    """A call changes the result of another call: something is kept outside the graph."""


class NonDeterministic(CheckFailed, says="the same call gives different results"):
    """The same call gave two different results."""


class NaNGradient(CheckFailed, says="the gradient is not finite"):
    """The gradient is NaN or infinite where the function is finite and has a slope to each side."""


class ForwardMismatch(CheckFailed, says="the value is wrong"):
    """The value differs from the reference function's, or a bad argument is not refused."""


class VacuousCheck(CheckFailed, says="the check is vacuous"):
    """Nothing was compared, so that nothing was checked."""

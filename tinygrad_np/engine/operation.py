"""What the operation of a node answers to a pass, an alias check and a picture: the protocol, with refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .facts import Facts


class NotDifferentiable(TypeError, NotImplementedError):  # the latter is what HIPS autograd raises
    """A function, or an argument of one, through which no derivative is known."""


class Operation(Facts):
    """What was done at a node. A subclass says what it can; what it does not say is refused.

    A `joint` operation pulls a cotangent back to all its parents at once, by `pull_all`. Any other has one function
    a parent, (ct, parent, residuals) -> cotangent: in `pulls`, and in `careful_pulls` such that zeros of ct win.
    """

    kind: str = "function"  # or elementwise, reduction, bilinear, linear: what may be assumed of it
    fun: Any = None  # the function that was applied, where there is one
    joint: bool = True
    repeatable: bool = False  # whether a picture may call `fun` again, for a value that nothing kept
    names: tuple[str, ...] = ()  # of the arguments
    diff: tuple[str, ...] = ()  # of those that are operands
    positions: tuple[int, ...] = ()  # where those stand among the arguments
    residuals: tuple[tuple[str, ...], ...] = ()  # the names of what `Node.saved` holds
    pulls: tuple[Callable[..., Any], ...] = ()
    careful_pulls: tuple[Callable[..., Any], ...] = ()

    def operand_names(self, count: int) -> tuple[str, ...]:
        """What the operands of a node with `count` parents are called."""
        if not self.joint:
            return self.diff
        return tuple(f"{self.diff[0]}[{i}]" if self.diff else str(i) for i in range(count))

    def keeps_operand(self, i: int) -> bool:
        """Whether a derivative reads operand i."""
        return True

    def lifted(self, node: Any, lift: Callable[..., Any]) -> tuple[Any, ...]:
        """The residuals of a node, where `lift` makes those that depend on its parents differentiable."""
        return node.saved

    def pull_all(self, node: Any, ct: Any, lift: Callable[..., Any] | None) -> list[Any]:
        """The cotangents of all parents, for that of the node; None for a parent that needs none."""
        raise NotDifferentiable(f"{self.name}: no cotangent is pulled back through it")

    def pullback(self, node: Any, ct: Any, lift: Callable[..., Any] | None) -> list[Any]:
        """The same for an operation of either sort."""
        return self.pull_all(node, ct, lift)

    def pushforward(self, node: Any, ts: list[Any], lift: Callable[..., Any]) -> Any:
        """The tangent of the output, from the tangents of the parents (None for zero)."""
        raise NotDifferentiable(f"{self.name}: no tangent is pushed forward through it")

"""What differs between two graphs, matched by the ids that an insertion elsewhere does not change."""

from __future__ import annotations

from .labels import array_text
from .view import GraphView, Node


class GraphDiff:
    """The differences from graph `a` to graph `b`, as lists of (what, text); true when there is any."""

    def __init__(self, changes: list[tuple[str, str]]):
        self.changes = changes

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def text(self) -> str:
        """The differences, one a line; empty when there is none."""
        return "\n".join(f"{what} {text}" for what, text in self.changes)

    def __str__(self) -> str:
        return self.text or "no difference"

    def __repr__(self) -> str:
        return f"<GraphDiff: {len(self.changes)} differences>"

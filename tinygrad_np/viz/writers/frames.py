"""The calls of modules that are drawn as frames around their boxes, and the order in which to write them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ..schema import Graph, Scope, ViewNode


class Frames:
    """The frames of a view: every scope with at least two boxes inside. `number` counts them in order."""

    def __init__(self, view: Graph):
        self.scopes = {scope.id: scope for scope in view.scopes}
        inside: Counter = Counter()
        for node in view.nodes:
            scope = node.scope
            while scope is not None:
                inside[scope] += 1
                scope = self.scopes[scope].parent
        drawn = [scope.id for scope in view.scopes if inside[scope.id] > 1]
        self.number = {id_: i for i, id_ in enumerate(drawn)}
        self.nodes: dict[str | None, list[ViewNode]] = defaultdict(list)
        self.below: dict[str | None, list[Scope]] = defaultdict(list)
        for node in view.nodes:
            self.nodes[self.around(node.scope)].append(node)
        for id_ in drawn:
            self.below[self.around(self.scopes[id_].parent)].append(self.scopes[id_])

    def around(self, scope: str | None) -> str | None:
        """The innermost frame around a scope, itself included."""
        while scope is not None and scope not in self.number:
            scope = self.scopes[scope].parent
        return scope

    def walk(self) -> Iterator[tuple[Scope | None, list[ViewNode] | None]]:
        """(frame, its own boxes) where a frame opens, (frame, None) where it closes; first comes the page, frame None.

        Iterative, because modules may be nested deeper than Python may recurse.
        """
        stack: list[tuple[Scope | None, bool]] = [(None, True)]
        while stack:
            scope, opens = stack.pop()
            if not opens:
                yield scope, None
                continue
            key = scope.id if scope is not None else None
            yield scope, self.nodes[key]
            if scope is not None:
                stack.append((scope, False))
            stack.extend((child, True) for child in reversed(self.below[key]))

    def in_order(self) -> Iterator[ViewNode]:
        """The boxes in the order in which they are written."""
        for _, nodes in self.walk():
            yield from nodes or ()

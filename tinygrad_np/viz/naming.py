"""Names that are given once, and numbers for names that are given often."""

from __future__ import annotations


class Ids:
    """Names that are given once: a second tensor called x is x~1."""

    def __init__(self) -> None:
        self.given: dict[str, int] = {}

    def new(self, name: str) -> str:
        """The name, or the name with a number when it is taken."""
        while name in self.given:
            self.given[name] += 1
            name = f"{name}~{self.given[name]}"
        self.given[name] = 0
        return name


class Numbering:
    """Names with a number each: relu#0, relu#1."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    def next(self, name: str) -> str:
        """The name with the number of times it was asked for before."""
        number = self.used.get(name, 0)
        self.used[name] = number + 1
        return f"{name}#{number}"

"""What the inputs that fail have in common, and those that pass do not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..inputs.source_text import short
from ..reference.problem import Problem


class Traits:
    """The traits of the inputs that passed and of those that failed; each input counts once."""

    def __init__(self) -> None:
        self.passed: dict[bytes, frozenset] = {}
        self.failed: dict[bytes, frozenset] = {}

    def note(self, problem: Problem, ok: bool) -> None:
        """Remember the traits of an input."""
        key = repr((problem.args, problem.kwargs)).encode()
        (self.passed if ok else self.failed)[key] = frozenset(traits(problem))

    def __str__(self) -> str:
        """`passed n inputs, failed m`, and the traits that tell them apart."""
        if not self.failed or len(self.passed) + len(self.failed) < 2:
            return ""
        text = f"passed {len(self.passed)} input{'s' * (len(self.passed) != 1)}, failed {len(self.failed)}"
        if not self.passed:
            return text
        shared = frozenset.intersection(*self.failed.values())
        counts = {trait: sum(trait in found for found in self.passed.values()) for trait in shared}
        never = [trait for trait in shortest_first(shared) if not counts[trait]]
        if never:
            return f"{text}: all that failed have {never[0]}, none that passed"
        seldom = [trait for trait in shortest_first(shared) if counts[trait] <= len(self.passed) / 4]
        if seldom:
            n = counts[seldom[0]]
            return f"{text}: all that failed have {seldom[0]}, and {n} of those that passed"
        return text


def shortest_first(found: frozenset) -> list[str]:
    return sorted(found, key=lambda trait: (len(trait), trait))


def traits(problem: Problem) -> Iterator[str]:
    """What may matter about an input: its options, axes, sizes, ties, signs and indices."""
    for name, value in problem.kwargs.items():
        yield f"{name}={short(value)}"
        if isinstance(value, int) and not isinstance(value, bool):
            yield f"{name} < 0" if value < 0 else f"{name} >= 0"
    for leaf in problem.leaves:
        index = np.asarray(leaf) if isinstance(leaf, (np.ndarray, list)) else np.zeros(0)
        if index.dtype.kind in "iu" and index.size:
            yield "a repeated index" if len(np.unique(index)) < index.size else "no repeated index"
    shapes = {slot.array.shape for slot in problem.slots}
    if len(shapes) > 1:
        yield "inputs of different shapes"
    for slot in problem.slots:
        yield from traits_of(slot.name, slot.array)


def traits_of(name: str, x: np.ndarray) -> Iterator[str]:
    """The same of one array."""
    yield f"{name} without axes" if not x.ndim else f"{name} with {x.ndim} ax{'es' if x.ndim > 1 else 'is'}"
    if not x.size:
        yield f"an empty {name}"
        return
    if x.ndim > 1:
        yield f"a square {name}" if x.shape[-1] == x.shape[-2] else f"a {name} that is not square"
    if x.ndim > 1 and len(x) > 1:
        yield f"a batch of more than one in {name}"
    if x.dtype.kind == "c":
        return
    for what, found in (("negative", x < 0), ("positive", x > 0), ("zero", x == 0), ("large (> 1)", np.abs(x) > 1)):
        if found.any():
            yield f"a {what} element of {name}"
        if found.all():
            yield f"only {what} elements in {name}"
    if x.size > 1:
        yield f"ties in {name}" if len(np.unique(x)) < x.size else f"no ties in {name}"

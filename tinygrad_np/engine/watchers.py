"""Watchers: what looks at every operation while it is recorded, and at every cotangent while it is pulled back.

One is at work inside `tg.record()`, another inside `tg.debug()`; each hands all it sees on to the one around it.
"""

from __future__ import annotations

import weakref
import zlib
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np

from .aliasing import MutationError
from .callers import user_frame, user_line
from .modes import current, setting
from .tape import Node, oldest_first


class Watcher:
    """What a watcher may look at. One that looks at something calls this class's method too, which hands it on."""

    outer: Watcher | None = None

    def forward(self, node: Node, out: Any) -> None:
        """An operation was recorded, and made `out`."""
        if self.outer is not None:
            self.outer.forward(node, out)

    def before(self, node: Node, ct: Any) -> None:
        """A pullback begins at a node: `ct` is its whole cotangent, a tuple where it has several outputs."""
        if self.outer is not None:
            self.outer.before(node, ct)

    def backward(self, node: Node, parent: Node, g: Any) -> None:
        """A pullback gave a cotangent to a parent."""
        if self.outer is not None:
            self.outer.backward(node, parent, g)

    def cut(self, step: str, nodes: list[Node]) -> None:
        """The values of nodes left the tape, at a step."""
        if self.outer is not None:
            self.outer.cut(step, nodes)


class watching(setting):
    """A block inside which a watcher looks; a new one each time it is entered."""

    def watcher(self) -> Watcher:
        """The watcher of one block."""
        return Watcher()

    def __enter__(self) -> Any:
        new = self.watcher()
        new.outer = current().watch
        self._fields = {"watch": new}
        return super().__enter__()


# ---- notes for pictures -----------------------------------------------------------------------------------


class Note(NamedTuple):
    """The user's "file:line" and the nanoseconds since the operation before, where they were asked for."""

    source: str | None
    time_ns: int | None


NOTES: weakref.WeakKeyDictionary[Node, Note] = weakref.WeakKeyDictionary()  # gone with the node
CUTS: weakref.WeakKeyDictionary[Node, list[str]] = weakref.WeakKeyDictionary()  # the steps at which it left the tape


class record(watching):
    """Note the user's file and line, and the time, of every operation inside, for graphs to show.

    The time of an operation runs from the end of the recorded operation before it: the times of a block add up to
    what the block took. Off, which is the rule, nothing is paid for. A context manager or a decorator.

    >>> import tinygrad_np as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.record(source=True, time=True):
    ...     loss = (x * x).sum()
    >>> loss.graph().nodes[-1].time_ns > 0
    True
    """

    def __init__(self, *, source: bool = True, time: bool = False) -> None:
        super().__init__()
        self.source, self.time = source, time

    def watcher(self) -> Watcher:
        return NoteTaker(self.source, self.time)

    def _recreate_cm(self) -> record:
        return record(source=self.source, time=self.time)


class NoteTaker(Watcher):
    """Writes down where and for how long."""

    def __init__(self, source: bool, time: bool) -> None:
        self.source = source
        self.last = perf_counter_ns() if time else None

    def forward(self, node: Node, out: Any) -> None:
        passed = None if self.last is None else perf_counter_ns() - self.last
        if node.tracked:
            NOTES[node] = Note(user_line() if self.source else None, passed)
        super().forward(node, out)
        if self.last is not None:
            self.last = perf_counter_ns()

    def cut(self, step: str, nodes: list[Node]) -> None:
        said = f"{step}, at {user_line()}" if self.source else step
        for node in oldest_first(nodes):  # with all that they were computed from
            steps = CUTS.setdefault(node, [])
            if said not in steps:
                steps.append(said)
        super().cut(step, nodes)


# ---- the first NaN ----------------------------------------------------------------------------------------


class NonFiniteError(FloatingPointError):
    """An operation made the first NaN or infinity."""


class debug(watching):
    """Inside, the first operation to make a NaN or an infinity raises, forward or backward, and so does a pullback
    whose residuals were changed since they were recorded. The error names the operation, the shapes and your line.

    With `infinity=False` only NaN counts, as where masks are made of infinities. Costs a few times the arithmetic.

    >>> import tinygrad_np as tg
    >>> x = tg.Tensor([0.0, 1.0], requires_grad=True)
    >>> with np.errstate(all="ignore"), debug():
    ...     np.log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_np.engine.watchers.NonFiniteError: log of (2,) float64 made infinity at [0] in its result ...
    """

    def __init__(self, *, infinity: bool = True) -> None:
        super().__init__()
        self.infinity = infinity

    def watcher(self) -> Watcher:
        return Debugger(self.infinity)

    def _recreate_cm(self) -> debug:
        return debug(infinity=self.infinity)


class Debugger(Watcher):
    """Looks for the first number that is none, and for residuals that are not what they were."""

    def __init__(self, infinity: bool) -> None:
        self.infinity = infinity
        self.known: weakref.WeakKeyDictionary[Node, tuple[str, int]] = weakref.WeakKeyDictionary()

    def forward(self, node: Node, out: Any) -> None:
        frame = user_frame()
        line = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        self.known[node] = line, digest(node.saved)
        for result in out if isinstance(out, (list, tuple)) else (out,):
            wrong = non_finite(result, self.infinity)
            if wrong:
                operands = ", ".join("a constant" if p.dtype is None else f"{p.shape} {p.dtype}" for p in node.parents)
                raise NonFiniteError(
                    f"{node.op.name} of {operands} made {wrong} in its result {result.shape} {result.dtype}; {line}"
                )
        super().forward(node, out)

    def before(self, node: Node, ct: Any) -> None:
        line, recorded = self.known.get(node, ("", None))
        if recorded is not None and digest(node.saved) != recorded:
            raise MutationError(
                f"an array that {node.op.name} needs for its gradient was changed after it was "
                f"recorded; recorded at {line}"
            )
        super().before(node, ct)

    def backward(self, node: Node, parent: Node, g: Any) -> None:
        wrong = non_finite(g, self.infinity)
        if wrong:
            line = self.known.get(node, ("an operation recorded outside debug()", 0))[0]
            raise NonFiniteError(
                f"the gradient of {node.op.name} made {wrong} in the cotangent {parent.shape} "
                f"{parent.dtype} of its operand {node.parents.index(parent)}; recorded at {line}"
            )
        super().backward(node, parent, g)


def non_finite(a: Any, infinity: bool) -> str | None:
    """What is wrong with an array: 'NaN' or 'infinity' and where it is first, or None."""
    a = np.asarray(getattr(a, "_array", a))
    if a.dtype.kind not in "fc":
        return None
    bad = ~np.isfinite(a) if infinity else np.isnan(a)
    if not bad.any():
        return None
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    kind = "NaN" if np.isnan(a[index]) else "infinity"
    return f"{kind} at {list(index)}" if index else kind


def digest(saved: Any) -> int:
    """A checksum of all arrays among some residuals."""
    if isinstance(saved, np.ndarray):
        return zlib.crc32(np.ascontiguousarray(saved).data) if not saved.dtype.hasobject else 0
    return hash(tuple(map(digest, saved))) if isinstance(saved, (tuple, list)) else 0

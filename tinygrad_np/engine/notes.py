"""What a picture may tell of operations besides their arrays: who called them, from which line, for how long."""

from __future__ import annotations

import os
import sys
import weakref
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np

from .modes import current, setting
from .tape import Node, oldest_first

NOTES: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # node -> Note, gone with the node
CUTS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # node -> the steps at which it left the tape

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INSIDE = tuple(folder + os.sep for folder in (PACKAGE, os.path.dirname(os.path.abspath(np.__file__))))


_last = -1  # the serial number of the node that was marked last


def note_origin(maker, start: int, out) -> None:
    """Leave (maker, start, what was left there before) on the node of `out`, a tensor or several.

    What was recorded after serial number `start`, up to that node, was made by `maker`: a weak reference to a module,
    a composed row, or the order of a derivative. So nothing is paid for each operation, the note goes with the graph,
    and a graph keeps no module alive.
    """
    global _last
    node: Any = getattr(out, "node", out)
    if type(node) is Node:
        serial = node.serial
        if serial > start:
            node.origin = maker, start, node.origin if _last == serial else None
            _last = serial
    elif type(out) is tuple or type(out) is list:
        for part in out:
            note_origin(maker, start, part)


class Note(NamedTuple):
    """The user's "file:line" and the nanoseconds since the operation before, where they were asked for."""

    source: str | None
    time_ns: int | None


class record(setting):
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
        self.source, self.time = source, time
        super().__init__()

    def __enter__(self) -> record:
        self._fields = {"watch": Recorder(self.source, self.time, current().watch)}
        super().__enter__()
        return self

    def _recreate_cm(self) -> record:
        return record(source=self.source, time=self.time)


class Recorder:
    """Watches the operations of one block, and hands them on to the watcher around it."""

    def __init__(self, source: bool, time: bool, outer) -> None:
        self.source, self.outer = source, outer
        self.last = perf_counter_ns() if time else None

    def forward(self, node, out) -> None:
        """Note one recorded operation."""
        passed = None if self.last is None else perf_counter_ns() - self.last
        if node.tracked:
            NOTES[node] = Note(user_line() if self.source else None, passed)
        if self.outer is not None:
            self.outer.forward(node, out)
        if self.last is not None:
            self.last = perf_counter_ns()

    def before(self, node) -> None:
        """A pullback begins at a node: nothing to note."""
        if self.outer is not None:
            self.outer.before(node)

    def backward(self, node, parent, g) -> None:
        """A pullback gave a cotangent: nothing to note."""
        if self.outer is not None:
            self.outer.backward(node, parent, g)

    def cut(self, step: str, nodes: list) -> None:
        """Note where values leave the tape, with all that they were computed from."""
        said = f"{step}, at {user_line()}" if self.source else step
        for node in oldest_first(nodes):
            steps = CUTS.setdefault(node, [])
            if said not in steps:
                steps.append(said)


def user_frame():
    """The innermost frame that is neither in this package nor in NumPy."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame = frame.f_back
    return frame


def user_line() -> str:
    """The "file:line" of that frame, without the folders, so that it may be shared."""
    frame = user_frame()
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"

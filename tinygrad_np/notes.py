"""What a picture may tell of operations besides their arrays: who called them, from which line, for how long."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path
from time import perf_counter_ns
from typing import NamedTuple

import numpy as np

from .modes import current, setting

NOTES: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()      # node -> Note, gone with the node

PULLBACK = "pullback"       # in place of a module: a derivative recorded these operations
INSIDE = (str(Path(__file__).parent) + os.sep, str(Path(np.__file__).parent) + os.sep)


def enclose(out, maker, start: int) -> None:
    """Note that what was recorded after serial number `start`, up to the tensor (or tensors) `out`, is `maker`'s."""
    node = getattr(out, "node", None)
    if node is not None:
        if node.serial > start:
            node.scopes = maker, start, getattr(node, "scopes", None)
    elif isinstance(out, (tuple, list)):
        for part in out:
            enclose(part, maker, start)


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
        passed = None
        if self.last is not None:
            passed = perf_counter_ns() - self.last
        NOTES[node] = Note(user_line() if self.source else None, passed)
        if self.outer is not None:
            self.outer.forward(node, out)
        if self.last is not None:
            self.last = perf_counter_ns()


def user_line() -> str | None:
    """The "file:line" of the innermost call that is neither in this package nor in NumPy."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(INSIDE):
            return f"{path}:{frame.f_lineno}"
        frame = frame.f_back
    return None

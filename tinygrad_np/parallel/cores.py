"""Two cores for a loop: NumPy releases Python's lock while it computes, so two threads use two cores.

Whether that pays depends on the machine, on who else is busy and on what BLAS's own threads are doing: it is
measured.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker:
    """A thread that takes pieces of a loop from its end while another takes them from its start."""

    def __init__(self):
        self.job: Any = None  # (part, the pieces that nobody has taken)
        self.wake, self.done = SimpleQueue(), SimpleQueue()
        self.thread = threading.Thread(target=self.work, daemon=True, name="tinygrad_np")
        self.thread.start()

    def work(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self.wake.get()
                job: Any = self.job or (None, None)  # none if it is done already
                part, pieces = job
                while pieces:
                    try:
                        piece = pieces.pop()
                    except IndexError:  # the other thread was quicker
                        break
                    try:
                        part(piece)
                        self.done.put(None)
                    except BaseException as error:  # raised again where the loop was asked for
                        self.done.put(error)
                job = part = pieces = piece = None


PIECES = 4  # a loop is cut into: small enough that neither core waits long for the other


def cut(length: int, least: int = 1) -> list[slice]:
    """Slices for the pieces of a loop, none shorter than `least` unless all is.

    >>> cut(10)
    [slice(0, 2, None), slice(2, 5, None), slice(5, 7, None), slice(7, 10, None)]
    """
    n = max(1, min(PIECES, length // least))
    return [slice(k * length // n, (k + 1) * length // n) for k in range(n)]


_own = threading.local()  # a worker a thread: two loops never share one


def share(part: Callable[[Any], object], pieces: list) -> None:
    """Run `part` on each piece, here and on another core; who is ready first takes the next one.

    A worker that is held up elsewhere costs nothing: what it did not take is done here.

    >>> found = []
    >>> share(found.append, [1, 2, 3])
    >>> sorted(found)
    [1, 2, 3]
    """
    own: tuple[Any, int] = getattr(_own, "worker", (None, 0))
    worker, process = own
    if process != os.getpid():  # threads do not survive a fork
        worker = Worker()
        _own.worker = worker, os.getpid()
    left, mine = deque(pieces), 0
    worker.job = part, left
    if worker.wake.empty():  # else it has not woken since it was last called
        worker.wake.put(None)
    try:
        while left:
            try:
                piece = left.popleft()
            except IndexError:
                break
            mine += 1
            part(piece)
    finally:
        mine += len(left)  # after an error nobody needs the rest
        left.clear()
        worker.job = None
        errors = [worker.done.get() for _ in range(len(pieces) - mine)]
    for error in errors:
        if error is not None:
            raise error


TRIAL = 3  # calls in a row


class Choice:
    """Decides between two ways to do one thing by their recent times; the slower one is tried again now and then.

    A short time is believed at once, a long one counts a quarter. The first call after the other way does not count,
    for it may have to wake threads. A way that was held up is tried again soon, then ever more rarely, so that in the
    long run trials take a twentieth of the time at most.
    """

    def __init__(self) -> None:
        self.times: list[float | None] = [None, None]  # seconds a call of each way
        self.way, self.best = -1, -1  # the last one, the quicker one
        self.left = 0  # calls of a trial
        self.spent, self.wait = 0.0, 0.0  # seconds since the last trial, and until the next

    def pick(self) -> int:
        """0 or 1: the way to take now."""
        one, two = self.times
        if one is None or two is None:
            return int(one is not None)
        if self.left:
            self.left -= 1
            return self.way
        best = int(two < one)
        if best != self.best:
            self.best, self.spent, self.wait = best, 0.0, 100 * min(one, two)
        elif self.spent > self.wait:
            self.spent, self.left, self.wait = 0.0, TRIAL - 1, min(2 * self.wait, 60 * max(one, two))
            return 1 - best
        return best

    def note(self, way: int, seconds: float) -> None:
        """How long it took."""
        self.spent += seconds
        known = self.times[way]
        if way != self.way:
            self.way = way
            return
        self.times[way] = seconds if known is None else min(seconds, known + 0.25 * (seconds - known))
        if seconds > 4 * (self.times[1 - way] or seconds):
            self.left = 0  # enough of this trial

    def run(self, part: Callable[[Any], object], pieces: list) -> None:
        """Run `part` on each piece, on two cores where that is quicker."""
        two = CORES > 1 and self.pick()
        start = time.perf_counter()
        if two:
            share(part, pieces)
        else:
            for piece in pieces:
                part(piece)
        self.note(two, time.perf_counter() - start)

"""Both halves of a loop at once: NumPy releases Python's lock while it computes, so two threads use two cores.

Whether that pays depends on the machine, on who else is busy and on what BLAS's own threads are doing: it is
measured.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import numpy as np

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker:
    """A thread that waits for the other half of a loop."""

    def __init__(self):
        self.ready, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.job = self.error = None
        threading.Thread(target=self.work, daemon=True, name="tinygrad_np").start()

    def work(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self.ready.acquire()
                try:
                    part, items = self.job
                    part(items)
                except BaseException as error:  # raised again where the loop was asked for
                    self.error = error
                self.job = part = items = None
                self.done.release()


_own = threading.local()  # a worker a thread: two loops never share one


def both(part: Callable[[list], None], items: list, rest: list) -> None:
    """Run `part` over `items` here and over `rest` on another core.

    >>> found = []
    >>> both(found.extend, [1, 2], [3, 4])
    >>> sorted(found)
    [1, 2, 3, 4]
    """
    if CORES == 1:
        part(items)
        return part(rest)
    worker, process = getattr(_own, "worker", (None, 0))
    if process != os.getpid():  # threads do not survive a fork
        worker = Worker()
        _own.worker = worker, os.getpid()
    worker.job = part, rest
    worker.ready.release()
    try:
        part(items)
    finally:
        worker.done.acquire()
    if worker.error is not None:
        error, worker.error = worker.error, None
        raise error


class Choice:
    """Decides between two ways to do one thing by their recent times; the slower one is tried again now and then.

    A short time is believed at once. A long one counts a quarter, and keeps its way from being tried for 50 times
    as long: so what threads lose while they are held up stays below a tenth.
    """

    def __init__(self):
        self.spent, self.times = 0.0, [0.0, 0.0]  # seconds since the last trial, and a call of each way

    def pick(self) -> int:
        """0 or 1: the way to take now."""
        best = self.times[1] < self.times[0]
        if self.spent > 50 * self.times[not best]:
            self.spent = 0.0
            return not best
        return best

    def note(self, way: int, seconds: float) -> None:
        """How long it took."""
        self.spent += seconds
        known = self.times[way] or seconds
        self.times[way] = min(seconds, known + 0.25 * (seconds - known))

    def run(self, part: Callable[[list], None], items: list, rest: list) -> None:
        """Run `part` over `items` and `rest`, on two cores where that is quicker."""
        two = self.pick()
        start = time.perf_counter()
        if two:
            both(part, items, rest)
        else:
            part(items)
            part(rest)
        self.note(two, time.perf_counter() - start)

"""Both halves of a loop at once: NumPy releases Python's lock while it computes, so two threads use two cores."""

from __future__ import annotations

import os
import threading
from typing import Callable

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
                except BaseException as error:      # raised again where the loop was asked for
                    self.error = error
                self.job = part = items = None
                self.done.release()


_own = threading.local()        # a worker a thread: two loops never share one


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
    if process != os.getpid():      # threads do not survive a fork
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

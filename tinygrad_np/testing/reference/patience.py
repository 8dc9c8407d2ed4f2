"""A call that does not come back is stopped: a watch raises in the thread that waits for it.

An exception raised from another thread arrives between two steps of Python's, so that an endless loop ends there.
Within one step that never ends, as of a library in C, it cannot arrive: then the watch says so on the error stream.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

PATIENCE = 15.0  # that one call of the operation, or of its derivative, may take
EVERY = 0.5


class Stopped(BaseException):
    """Raised within a call that did not come back; not an Exception, so that no operation catches it by chance."""


class Watch(threading.Thread):
    """Looks, twice a second, at how long the call under way has taken."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="patience")
        self.thread = threading.get_ident()
        self.since: float | None = None
        self.done = threading.Event()

    def run(self) -> None:
        stopped: float | None = None  # when the call began that was stopped last
        told: float | None = None  # and that of which it was said that it goes on all the same
        while not self.done.wait(EVERY):
            since = self.since
            taken = perf_counter() - since if since is not None else 0.0
            if taken > PATIENCE and since != stopped:
                stopped = since
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), ctypes.py_object(Stopped))
            elif taken > 2 * PATIENCE and since != told and sys.stderr is not None:
                told = since
                sys.stderr.write(
                    f"the operation that is checked has not returned for {taken:.0f} s and cannot be stopped: it is "
                    "within one call of a library in C, or catches every exception; end the process to end the check\n"
                )


watches = threading.local()


@contextmanager
def patient() -> Iterator[None]:
    """While a check runs, no call of it takes forever."""
    if getattr(watches, "watch", None) is not None:
        yield
        return
    watches.watch = watch = Watch()
    watch.start()
    try:
        yield
    finally:
        watch.done.set()
        watches.watch = None


@contextmanager
def timed_call() -> Iterator[None]:
    """Around one call of what is checked."""
    watch = getattr(watches, "watch", None)
    if watch is None or watch.since is not None:
        yield
        return
    watch.since = perf_counter()
    try:
        yield
    finally:
        watch.since = None

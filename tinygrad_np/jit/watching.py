"""Watching: while a function is recorded, every call in its thread is seen before it happens.

Code that runs for the first time is shown to the state; a call that has to do with the clock, with files, with the
screen or with fresh randomness is refused, for a replay would not make it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from .places import LIBRARY, installed, package_of
from .refusing import refuse

ANYTHING = {
    "time",
    "_io",
    "io",
    "_random",
    "_socket",
    "select",
    "_posixsubprocess",
    "_winapi",
    "posix",
    "nt",
}  # modules in which every function has to do with it
CALLS = {
    "builtins": {"print", "input", "open"},
    "numpy": {"fromfile", "tofile", "dump"},
    "datetime": {"now", "today", "utcnow"},
    "gc": {"get_objects", "get_referrers"},
    "_thread": {"start_new_thread", "start_joinable_thread"},
    "_warnings": {"warn", "warn_explicit"},
    "sys": {"_getframe", "settrace", "setprofile"},
}
HARMLESS = set(
    "fspath getcwd getcwdb getpid getppid cpu_count sched_getaffinity process_cpu_count _path_normpath".split()
)
ONCE = {"importlib", "linecache", "tokenize", "warnings", "_frozen_importlib", "_frozen_importlib_external"}
LOOKED_AT = {name for names in CALLS.values() for name in names}
LOOKED_AT.update(name for module in ANYTHING & set(sys.modules) for name in dir(sys.modules[module]))
LOOKED_AT -= HARMLESS
LOOKED_AT.update(name for kind in (sys.modules["_io"].TextIOWrapper, sys.modules["_io"].BytesIO) for name in dir(kind))


def watcher(meet: Callable[[FrameType], None], ran: dict, cached: set, keeps: Callable[[], None]) -> Callable:
    """What sys.setprofile calls: `meet` sees code that has not run yet, `keeps` code whose results a cache keeps."""

    def watch(frame: FrameType, event: str, called) -> None:
        if event == "call":
            code = id(frame.f_code)  # its hash would be computed anew
            if code not in ran:
                meet(frame)
            if code in cached:
                keeps()
        elif event == "c_call" and called.__name__ in LOOKED_AT:
            outside(frame, called)

    return watch


def outside(frame: FrameType, called) -> None:
    """Refuse a call that a replay would not make."""
    owner = getattr(called, "__self__", None)
    module = called.__module__ or getattr(owner if isinstance(owner, type) else type(owner), "__module__", "")
    name = called.__name__
    if (module in ANYTHING or name in CALLS.get(module, ())) and not is_beside(frame, module):
        what = "warnings.warn" if module == "_warnings" else name
        refuse(f"{what} was called, which a replay would not do; call it outside the jitted function")


def is_beside(frame: FrameType | None, module: str) -> bool:
    """Whether a call is none of the function's: an import, a warning, or this package looking at the clock."""
    while module == "_thread" and frame is not None and package_of(frame) == "threading":
        frame = frame.f_back  # whose thread it is: Python 3.12 starts one through threading alone
    top = package_of(frame) if frame is not None else ""
    if module in ("sys", "_warnings"):  # what installed code does there is its own affair
        return top == LIBRARY or installed(top)
    if module in ("time", "_thread", "posix", "nt") and top == LIBRARY:
        return True
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if name == f"{LIBRARY}.jit.jitted":
            return False
        if package_of(frame) in ONCE:
            return True
        frame = frame.f_back
    return False

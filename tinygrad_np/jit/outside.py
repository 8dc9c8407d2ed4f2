"""What a recording cannot see: Python's calls to the clock, to files, to the screen and for fresh randomness."""

from __future__ import annotations

import gc
import sys
from types import FrameType

from .refusing import HERE, refuse

ANYTHING = {"time", "_io", "io", "_random", "_socket", "select"}  # modules in which every function has to do with it
CALLS = {
    "builtins": {"print", "input", "open"},
    "posix": {"getrandom", "listdir", "open", "read", "scandir", "system", "urandom", "write"},
    "datetime": {"now", "today", "utcnow"},
}
CALLS["nt"] = CALLS["posix"]
BESIDES = {"warnings.py", "linecache.py", "tokenize.py"}  # once is enough for these, and for imports


class calls_outside:
    """A context in which such calls are refused; where a profiler is watching already, they are not seen."""

    def __enter__(self) -> None:
        self.watching = sys.getprofile() is None
        self.collecting = gc.isenabled()
        gc.disable()  # what runs when garbage is collected is none of the function's calls
        if self.watching:
            sys.setprofile(watch)

    def __exit__(self, *exc) -> None:
        if self.watching:
            sys.setprofile(None)
        if self.collecting:
            gc.enable()


def watch(frame: FrameType, event: str, called) -> None:
    """Refuse a call that a replay would not make."""
    if event != "c_call":
        return
    owner = getattr(called, "__self__", None)
    module = called.__module__ or getattr(owner if isinstance(owner, type) else type(owner), "__module__", "")
    name = getattr(called, "__name__", "")
    if (module in ANYTHING or name in CALLS.get(module, ())) and not beside(frame, module):
        refuse(f"{name} was called, which a replay would not do; call it outside the jitted function")


def beside(frame: FrameType | None, module: str) -> bool:
    """Whether a call is none of the function's: an import, a warning, or this package looking at the clock."""
    ours = HERE[0]
    if module == "time" and frame is not None and frame.f_code.co_filename.startswith(ours):
        return True
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or file.rpartition("/")[2] in BESIDES or file == f"{ours}jit/jitted.py":
            return not file.endswith("jitted.py")
        frame = frame.f_back
    return False

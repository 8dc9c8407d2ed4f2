"""Refusing what a replay could not repeat, with the user's own line."""

from __future__ import annotations

import dis
import inspect
import linecache
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from opcode import opname
from types import FrameType
from typing import NoReturn

from ..engine.callers import NUMPY, PACKAGE, PYTHON, own_frame
from ..engine.tape import pushforward, walk
from ..engine.tracing import recorder
from .errors import NotReplayable

NOBODYS = (PACKAGE, NUMPY, PYTHON)
short = lru_cache(None)(os.path.basename)  # of the names of files: asked at every call that is recorded


def calling_frame():
    """Who called NumPy: a function of the user's or of this package."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((os.path.join(PACKAGE, "jit", ""), NUMPY)):
        frame = frame.f_back
    return frame


def in_rule() -> bool:
    """Whether a pass over the graph is under way, which is made twice where a NaN is met: rules, and what they call."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != f"{__package__}.jitted":
        if frame.f_code is walk.__code__ or frame.f_code is pushforward.__code__:
            return True
        frame = frame.f_back
    return False


def is_inplace(frame) -> bool:
    """Whether a frame is at x += y or its kin, after which the name x means the result."""
    return operation(frame) == "BINARY_OP" and 13 <= frame.f_code.co_code[frame.f_lasti + 1] < 26


def operation(frame) -> str:
    """The name of the instruction that a frame is at; x[i] has one name in all versions of Python."""
    if frame is None:
        return ""
    code, at = frame.f_code.co_code, frame.f_lasti
    return "BINARY_SUBSCR" if opname[code[at]] == "BINARY_OP" and code[at + 1] == 26 else opname[code[at]]


def line_of_user() -> str:
    """Where the user's code is, as file:line."""
    frame = own_frame()
    return "" if frame is None else f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"


def definition(f: Callable) -> tuple[str, int, str] | None:
    """The file and line where a function is defined, and its name; None where Python does not tell."""
    f = getattr(f, "func", f)  # of a partial
    if not hasattr(f, "__name__"):  # an object that is called
        f = getattr(type(f), "forward", type(f).__call__)
    code = getattr(inspect.unwrap(f), "__code__", None)
    return code and (code.co_filename, code.co_firstlineno, code.co_name)


def stored(codes, name) -> tuple[str, int, str] | None:
    """Where a name, or an attribute of that name, is set in one of these pieces of code, if its text is known."""
    for code in codes:
        if not code.co_filename.startswith(NOBODYS) and name in (*code.co_names, *code.co_cellvars, *code.co_freevars):
            for i in dis.get_instructions(code):
                line = i.positions and i.positions.lineno
                if (
                    i.opname.startswith(("STORE_", "DELETE_"))
                    and i.argval == name
                    and line
                    and linecache.getline(code.co_filename, line)
                ):
                    return code.co_filename, line, code.co_name
    return None


def is_users(code) -> bool:
    return not code.co_filename.startswith((*NOBODYS, "<")) and "-packages" not in code.co_filename


def refuse(why: str, line: tuple[str, int, str] | None = None) -> NoReturn:
    """Raise NotReplayable with the user's file, line and text; those of the function, once it has run."""
    frame, tape = own_frame(), recorder.get()
    at = None if frame is None else (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
    if tape is not None and tape.ran is not None:
        at = line or definition(tape.ran) or at
        if at is not None and at[0].startswith(NOBODYS):  # as of a module of this package: some code inside it
            at = next(((c.co_filename, c.co_firstlineno, c.co_name) for c in tape.code if is_users(c)), at)
    error = NotReplayable(f"jit: {why}")
    if at is not None:
        text = linecache.getline(*at[:2]).strip()
        said = f"`{text}`: " if text else ""  # no text is known of code that exec ran
        error = NotReplayable(f"jit: {at[0]}, line {at[1]}, in {at[2]}: {said}{why}")
    if tape is not None:
        tape.refusal = error
    raise error

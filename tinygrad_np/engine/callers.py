"""Whose line it is: the user's code, on the stack and in a traceback, by the folders in which files lie."""

from __future__ import annotations

import os
import sys
from traceback import walk_tb
from types import FrameType

import numpy as np

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # generated code is named after it
NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
PYTHON = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
OWN_FOLDERS = (PACKAGE, NUMPY)


def user_frame() -> FrameType:
    """The innermost frame that is neither in this package nor in NumPy."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OWN_FOLDERS):
        frame = frame.f_back
    return frame


def own_frame() -> FrameType | None:
    """The innermost frame that its user wrote: nor in Python's modules, nor in another package if it can."""
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*OWN_FOLDERS, PYTHON, "<frozen")):
            found = found or frame
            if "-packages" not in file:
                return frame
        frame = frame.f_back
    return found


def user_line() -> str:
    """The "file:line" of the user's frame, without the folders, so that it may be shared."""
    frame = user_frame()
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def blamed(error: BaseException, beside: tuple[str, ...] = ()) -> str | None:
    """The innermost line of the user's in a traceback, or in those it was raised from, as "file:line in name".

    `beside` are further folders whose lines are nobody's. None where there is no line of a user's.

    >>> blamed(ValueError())
    """
    found: str | None = None
    link: BaseException | None = error
    links: list[BaseException] = []
    while link is not None and link not in links:  # the engine raises anew, with the operation's name
        links.append(link)
        for frame, line in walk_tb(link.__traceback__):
            code = frame.f_code
            if not code.co_filename.startswith((*OWN_FOLDERS, *beside)):
                found = f"{os.path.basename(code.co_filename)}:{line} in {code.co_name}"
        link = link.__context__
    return found

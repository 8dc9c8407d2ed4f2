"""What belongs to the whole process and is read by calls of C code: where code mentions the name, it is watched."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

DECIMALS = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "traps")


def environment() -> dict[str, str]:
    return dict(os.environ)


def thread() -> tuple[int, str]:
    return threading.get_ident(), threading.current_thread().name


def decimals() -> list[Any]:
    """How decimal numbers are rounded; not what has happened to them."""
    module = sys.modules.get("decimal")
    return [] if module is None else [getattr(module.getcontext(), name) for name in DECIMALS]


def ways_of_writing() -> tuple:
    """How numbers, dates and texts are written here."""
    module = sys.modules.get("locale")
    return () if module is None else (module.setlocale(module.LC_ALL), module.localeconv())


PROCESS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("environ", "environb"), environment),
    **dict.fromkeys(("getcwd", "getcwdb", "abspath", "realpath", "cwd"), os.getcwd),
    **dict.fromkeys(("getpid", "getppid"), os.getpid),
    **dict.fromkeys(("get_ident", "get_native_id", "current_thread", "main_thread"), thread),
    **dict.fromkeys(("getcontext", "localcontext", "Decimal"), decimals),
    **dict.fromkeys(("getlocale", "localeconv", "setlocale", "strcoll", "strxfrm"), ways_of_writing),
    **dict.fromkeys(("get_printoptions", "array2string", "array_repr", "array_str"), np.get_printoptions),
    "geterr": np.geterr,
    "getbufsize": np.getbufsize,
    "getrecursionlimit": sys.getrecursionlimit,
}

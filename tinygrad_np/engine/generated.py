"""Generated code shows itself: tracebacks print its lines, and a warning raised in it names its user's.

NumPy issues a warning at the frame that called it, which is one of this package. So the globals of generated code hold
a `__warningregistry__` that is none: a warning then raises instead, where it costs nothing as long as there is none,
and the call is made again at a line of code that has the user's file, number and registry.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from types import CodeType
from typing import Any

from .callers import user_frame

_number = count(1)
NO_REGISTRY = "'registry' must be a dict or None"  # what the interpreter says where it would have warned


def shown_code(text: str, name: str, mode: str = "exec") -> CodeType:
    """Compile a text that tracebacks can print; `name` begins with this package's folder, and so is no user's."""
    name = f"{name} #{next(_number)}"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    return compile(text, name, mode)


def define(text: str, name: str, space: dict[str, Any]) -> dict[str, Any]:
    """Run a text that defines functions, whose globals are `space`; in their `try` a warning is a TypeError."""
    space["__warningregistry__"] = NO_REGISTRY
    exec(shown_code(text, name), space)
    return space


def is_warning(error: Exception) -> bool:
    """Whether an error stands for a warning."""
    return type(error) is TypeError and str(error) == NO_REGISTRY


@lru_cache(256)
def _line(file: str, line: int) -> CodeType:
    code = compile("_fun(*_args, **_kwargs)", file, "eval")
    return code.replace(co_firstlineno=line, co_name="<operation>")


def warned(fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """fun(*args, **kwargs) as if the user's line had called it: there belong the warnings."""
    frame = user_frame()
    user = frame.f_globals
    space = {
        "__warningregistry__": user.setdefault("__warningregistry__", {}),
        "__name__": user.get("__name__", "<unknown>"),
        "_fun": fun,
        "_args": args,
        "_kwargs": kwargs,
    }
    try:
        return eval(_line(frame.f_code.co_filename, frame.f_lineno), space)
    except Exception as error:  # a filter may make an error of the warning
        raise error from None


CALL = """
def call(fun, args, kwargs):
    try:
        return fun(*args, **kwargs)
    except TypeError as error:
        if not is_warning(error):
            raise
    return warned(fun, args, kwargs)
"""

call: Callable[[Callable[..., Any], tuple[Any, ...], dict[Any, Any]], Any] = define(
    CALL, f"{__file__} call", {"is_warning": is_warning, "warned": warned}
)["call"]

"""Where the engine meets a recording: a tracer stands in for the data of every tensor while `jit` records.

It is an array-like that speaks NumPy's protocols, so almost nothing has to know of it. Here is what has to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

TRACERS: set[type[Any]] = set()  # the types of tracers: `jit` adds its own

recorder: ContextVar[Any] = ContextVar("tinygrad_np.recorder", default=None)


def assume(condition: Any) -> bool:
    """The truth of a condition on values that a recording may rely on: each replay asks again, and runs the
    function itself where the answer differs.

    >>> import numpy as np
    >>> assume(np.array([1, 2]).max() < 3)
    True
    """
    return condition.assume() if type(condition) in TRACERS else bool(condition)


def concrete(value: Any) -> Any:
    """The array, or number, that a tracer holds; any other value as it is."""
    return value.value if type(value) in TRACERS else value


def host(fun: Callable[[], tuple[float, ...]]) -> tuple[Any, ...]:
    """The Python numbers that `fun` computes, for use with arrays; a replay calls it again, where it was called.

    >>> host(lambda: (0.5, 2.0))
    (0.5, 2.0)
    """
    now = recorder.get()
    return fun() if now is None else now.host(fun)


def made(array: Any) -> Any:
    """Tell a recording of an array that was made inside it, to be written into later."""
    now = recorder.get()
    if now is not None:
        now.made(array)
    return array


def writable(array: Any) -> Any:
    """The array that is to be written into: in a recording that has seen it made, new memory at every replay."""
    now = recorder.get()
    return array if now is None or type(array) in TRACERS else now.writable(array)


def outside_only(what: str) -> None:
    """Refuse in a recording what has to be made before it, because it goes on from one call to the next."""
    now = recorder.get()
    if now is not None:
        now.outside_only(what)


def whole(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function of arrays that a recording takes down as one call, because its steps depend on values.

    Raises TypeError if a parameter is called `out`: a recording takes that for the place of the result.
    """
    code = getattr(fun, "__code__", None)
    if code is not None and "out" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        raise TypeError(f"whole: a parameter of {fun.__name__} is called out; expected another name")

    @wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        tape = recorder.get()
        return fun(*args, **kwargs) if tape is None else tape.whole(fun, args, kwargs)

    return call

"""Whether operations are recorded, and whether they are watched: state of one thread and context."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple


class Mode(NamedTuple):
    """How operations are taken down: recorded or not, watched by a debugger or not, inside how many transforms, and
    as a derivative of which order (0: the computation itself)."""

    recording: bool = True
    watch: Any = None
    transforms: int = 0
    order: int = 0


ORDINARY = Mode()
TRANSFORMED = Mode(transforms=1)  # in a transform's function an operation is recorded as anywhere

# None stands for the ordinary mode: the fast path asks only whether there is anything to look at.
mode: ContextVar[Mode | None] = ContextVar("tinygrad_np.mode", default=None)


def current() -> Mode:
    """The mode of this thread and context."""
    return mode.get() or ORDINARY


def note_cut(step: str, values: Any) -> None:
    """Tell a watcher, if there is one that asks, that values (tensors or nodes) leave the tape at a step."""
    watch = current().watch
    if watch is not None:
        nodes = [getattr(value, "_node", value) for value in values]
        nodes = [node for node in nodes if getattr(node, "tracked", False)]
        if nodes:
            watch.cut(step, nodes)


class setting(ContextDecorator):
    """Change fields of the mode inside a block or a function; restored whatever happens there."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields
        self._tokens: list[Any] = []

    def __enter__(self) -> Any:
        changed = current()._replace(**self._fields)
        self._tokens.append(mode.set(None if changed == ORDINARY else changed))
        return self

    def __exit__(self, *exc: Any) -> None:
        mode.reset(self._tokens.pop())

    def __call__(self, func: Callable[..., Any]) -> Any:
        if inspect.isgeneratorfunction(func):
            return self._around_each_step(func)
        if inspect.iscoroutinefunction(func):
            return self._around_each_wait(func)
        return self._around_each_value(func) if inspect.isasyncgenfunction(func) else super().__call__(func)

    def _around_each_step(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """A generator function that runs in a block of its own from each yield to the next, its caller outside."""

        @wraps(func)
        def steps(*args: Any, **kwargs: Any) -> Any:
            generator = func(*args, **kwargs)
            step, given = generator.send, None
            try:
                while True:
                    with self._recreate_cm():
                        out = step(given)
                    try:
                        step, given = generator.send, (yield out)
                    except GeneratorExit:
                        with self._recreate_cm():
                            generator.close()
                        raise
                    except BaseException as error:
                        step, given = generator.throw, error
            except StopIteration as stop:
                return stop.value

        return steps

    def _around_each_wait(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """A coroutine function that runs in a block of its own from each wait to the next, the other tasks outside."""
        steps: Any = types.coroutine(self._around_each_step(func))

        @wraps(func)
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await steps(*args, **kwargs)

        return call

    def _around_each_value(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The same of an asynchronous generator function."""

        async def asked(step: Callable[..., Any], given: Any) -> Any:
            return await step(given)

        inside = self._around_each_wait(asked)

        @wraps(func)
        async def values(*args: Any, **kwargs: Any) -> Any:
            source = func(*args, **kwargs)
            step, given = source.asend, None
            try:
                while True:
                    out = await inside(step, given)
                    try:
                        step, given = source.asend, (yield out)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step, given = source.athrow, error
            except StopAsyncIteration:
                return
            finally:
                await source.aclose()

        return values

    def _recreate_cm(self) -> Any:  # a decorated function gets a fresh block a call: it may recurse or be shared
        return setting(**self._fields)


class no_grad(setting):
    """Record nothing inside: what is computed there needs no gradient. A context manager or a decorator.

    >>> import tinygrad_np as tg
    >>> x = tg.Tensor([1.0], requires_grad=True)
    >>> with tg.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self) -> None:
        super().__init__(recording=False)


class enable_grad(setting):
    """Record again, inside a `no_grad` block. A context manager or a decorator.

    >>> import tinygrad_np as tg
    >>> x = tg.Tensor([1.0], requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     (x * 2).requires_grad
    True
    """

    def __init__(self) -> None:
        super().__init__(recording=True)


def is_grad_enabled() -> bool:
    """Whether operations of this thread and context are being recorded.

    >>> is_grad_enabled()
    True
    """
    return current().recording

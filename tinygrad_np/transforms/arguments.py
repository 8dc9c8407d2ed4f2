"""Which arguments a derivative is taken in: by number, by name, or the first."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .containers import first

Numbers = int | tuple[int, ...] | None
Names = str | tuple[str, ...] | None


def require_function(caller: str, f: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(f):
        raise TypeError(f"{caller}: expected a function, found {type(f).__name__}")


class Chosen:
    """A choice of arguments, made when a transform is and applied when its function is called."""

    def __init__(self, caller: str, argnums: Numbers = None, argnum: Numbers = None, argnames: Names = None) -> None:
        if argnum is not None and argnums is not None:
            raise TypeError(f"{caller}: found both argnum and argnums; pass one, they mean the same")
        numbers = argnum if argnums is None else argnums
        numbers = 0 if numbers is None and argnames is None else () if numbers is None else numbers
        names = () if argnames is None else argnames
        self.caller = caller
        self.many = isinstance(numbers, (tuple, list)) and not isinstance(names, str) or bool(names) and numbers != ()
        self.numbers: list[Any] = list(numbers) if isinstance(numbers, (tuple, list)) else [numbers]
        self.first = type(numbers) is int and numbers == 0 and not names  # of one argument, f itself is meant
        self.names: list[Any] = list(names) if isinstance(names, (tuple, list)) else [names]
        if not all(isinstance(n, (int, np.integer)) for n in self.numbers):
            raise TypeError(
                f"{caller}: argnums: expected the number of an argument or a tuple of them, found {numbers!r}"
            )
        if not all(isinstance(n, str) for n in self.names):
            raise TypeError(f"{caller}: argnames: expected the name of an argument or a tuple of them, found {names!r}")

    def select(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[Any, Any]
    ) -> tuple[Callable[..., Any], tuple[Any, ...], Callable[..., Any]]:
        """f as a function of the chosen arguments alone, those arguments, and how to return their gradients."""
        if self.first and len(args) == 1 and not kwargs:
            return f, args, first
        require_function(self.caller, f)
        keys = [self.position(n, len(args)) for n in self.numbers]
        keys += [name if name in kwargs else self.named(f, name, len(args)) for name in self.names]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"{self.caller}: argnums names argument {key} more than once")

        def of_selected(*chosen: Any) -> Any:
            full, named = list(args), dict(kwargs)
            for key, value in zip(keys, chosen):
                if isinstance(key, str):
                    named[key] = value
                else:
                    full[key] = value
            return f(*full, **named)

        primals = tuple(kwargs[key] if isinstance(key, str) else args[key] for key in keys)
        return of_selected, primals, tuple if self.many else first

    def position(self, n: int, count: int) -> int:
        n = n + count if n < 0 else n
        if not 0 <= n < count:
            raise ValueError(f"{self.caller}: argnums names argument {n}; found {count} positional arguments")
        return n

    def named(self, f: Callable[..., Any], name: str, count: int) -> int:
        try:
            parameters = list(inspect.signature(f).parameters)
        except (TypeError, ValueError):
            parameters = []
        if name not in parameters[:count]:
            raise ValueError(f"{self.caller}: argnames names {name!r}, which is none of the arguments of the call")
        return parameters.index(name)

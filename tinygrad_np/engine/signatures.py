"""Reading arguments fast: small functions compiled once a row, because they run once an operation.

`inspect` at every call would cost more than the arithmetic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .generated import shown_code

# What a function takes and gives, for type checkers: a transform of it takes the same.
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

PLAIN = {"keepdims": False, "where": True, "initial": None}  # what NumPy's `_NoValue` stands for


def signature_of(fun: Callable[..., Any], text: str | None = None) -> inspect.Signature:
    """The signature of a NumPy function; `text` gives it for those written in C that do not tell."""
    if text is None:
        return inspect.signature(fun)
    return inspect.signature(eval(f"lambda {text}: None", {"_NoValue": np._NoValue}))


def names_of(rule: Callable[..., Any], skip: int = 1) -> tuple[str, ...]:
    """The residuals that a rule declares: its parameter names after the cotangent."""
    code = getattr(rule, "__code__", None)  # far quicker than inspect, and rules are plain functions
    if code is None or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) or hasattr(rule, "__wrapped__"):
        return tuple(inspect.signature(rule).parameters)[skip:]
    return code.co_varnames[skip : code.co_argcount + code.co_kwonlyargcount]


def binder(signature: inspect.Signature) -> Callable[..., tuple[Any, ...]]:
    """Compile a function with this signature that returns its arguments in order, without `out`.

    >>> binder(signature_of(lambda a, axis=None: 0))(3, axis=1)
    (3, 1)
    """
    defaults, parts, values, starred = {}, [], [], False
    for name, p in signature.parameters.items():
        if p.kind is p.VAR_KEYWORD:
            parts.append(f"**{name}")
        elif p.kind is p.VAR_POSITIONAL:
            parts.append(f"*{name}")
            starred = True
        else:
            if p.kind is p.KEYWORD_ONLY and not starred:
                parts.append("*")
                starred = True
            if p.default is p.empty:
                parts.append(name)
            else:
                defaults[f"_{name}"] = PLAIN.get(name) if p.default is np._NoValue else p.default
                parts.append(f"{name}=_{name}")
        if name != "out":
            values.append(name)
    text = f"lambda {', '.join(parts)}: ({''.join(v + ', ' for v in values)})"
    return eval(shown_code(text, f"{__file__} for a call", "eval"), defaults)


def selector(names: tuple[str, ...], available: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    """Compile `lambda *available: names`; `<name>_shape` is the shape of a name.

    >>> selector(("y", "x_shape"), ("x", "y"))([1, 2], 7)
    (7, (2,))
    """
    body = source_of(names, {name: name for name in available})
    text = f"lambda {', '.join(available)}: {body}"
    return eval(shown_code(text, f"{__file__} for residuals", "eval"), {"_shape_of": shape_of, "_ndarray": np.ndarray})


def source_of(names: tuple[str, ...], spelled: dict[str, str]) -> str:
    """The source text of a tuple of residuals, where `spelled` says how to write what they can be.

    >>> source_of(("y", "x_shape"), {"x": "a", "y": "b"})
    '(b, a.shape if type(a) is _ndarray else _shape_of(a), )'
    """
    parts = []
    for name in names:
        base = name.removesuffix("_shape")
        if name not in spelled and base not in spelled:
            raise TypeError(f"a rule asks for {name!r}; it can have {', '.join(spelled)}, or <name>_shape")
        it = spelled.get(base)
        parts.append(spelled[name] if name in spelled else f"{it}.shape if type({it}) is _ndarray else _shape_of({it})")
    return f"({''.join(part + ', ' for part in parts)})"


def shape_of(a: Any) -> Any:
    """The shape of an operand; a list of shapes for a list of operands.

    >>> shape_of([np.zeros(2), np.zeros((3, 1))])
    [(2,), (3, 1)]
    """
    if isinstance(a, (list, tuple)) and any(hasattr(e, "shape") for e in a):
        return [shape_of(e) for e in a]
    return a.shape if hasattr(a, "shape") else np.shape(a)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes counted from the first, all of them for None; NumPy's own error where there are no such axes.

    >>> axes_of((-1, 0), 3)
    (2, 0)
    """
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def along(index: Any, axis: int, ndim: int) -> tuple[Any, ...]:
    """An index that applies `index` to one axis."""
    return (slice(None),) * normalize_axis_index(axis, ndim) + (index,)

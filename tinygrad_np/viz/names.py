"""Names for tensors: those that its user gives, and those of the variables that hold them in the code that asks."""

from __future__ import annotations

import inspect
import sys
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..engine.tape import CONST
from .residuals import owner

MOST_LISTED = 64  # elements of a list that are looked at


class CallerNames:
    """{node: name} and {memory of an array: name}: names that were given, and variables where they are unambiguous."""

    def __init__(self, given: dict[str, Any], frame=None) -> None:
        self.of_node: dict[int, str] = {}
        self.of_array: dict[int, str] = {}
        self.tensors: dict[int, Any] = {}  # node -> array
        self.hold: list = []  # what is named by its id must stay
        for name, value in sorted(given.items(), key=hidden_first):  # of several names the last one stays
            for key, one in elements_named(str(name), value):
                self.note(key, one, self.of_node, self.of_array)
        found: dict[int, set[str]] = {}
        arrays: dict[int, set[str]] = {}
        for name, value in variables_of(frame).items() if frame is not None else ():
            if is_hidden(name):
                continue
            for key, one in elements_named(name, value):
                own_node: dict[int, str] = {}
                own_array: dict[int, str] = {}
                self.note(key, one, own_node, own_array)
                for all_, own in ((found, own_node), (arrays, own_array)):
                    for i, text in own.items():
                        all_.setdefault(i, set()).add(text)
        self.variables: dict[int, str] = {}  # node -> the one variable that holds it
        for all_, kept in ((found, self.variables), (arrays, self.of_array)):
            for i, texts in all_.items():
                plain = {text for text in texts if text.isidentifier()} or texts
                if len(plain) == 1 and i not in kept:
                    (kept[i],) = plain

    def note(self, name: str, value, nodes: dict, arrays: dict) -> None:
        """One name of one thing."""
        self.hold.append(value)
        if isinstance(value, np.ndarray):
            if value.base is None:
                arrays[id(value)] = name
            return
        if value._node is not CONST:
            nodes[id(value._node)] = name
            if isinstance(value._array, np.ndarray):
                self.tensors[id(value._node)] = value._array
        elif isinstance(value._array, np.ndarray):
            arrays[id(owner(value._array))] = name


def is_hidden(name: str) -> bool:
    """Whether a variable is none of its user's: of a notebook's history, or a private one."""
    return name.startswith("_") or name in ("In", "Out")


def hidden_first(item: tuple[str, Any]) -> int:
    """The rank of a name that was given: a hidden one is the least, then those of containers, as in locals()."""
    name, value = item
    return 0 if is_hidden(str(name)) else 1 if isinstance(value, (dict, list, tuple)) else 2


def _snapshot() -> int:
    """The references to a snapshot of variables that its frame and one variable have."""
    frame: list[dict] = [{}]
    local = frame[0]
    return sys.getrefcount(local)


SNAPSHOT = _snapshot()


def variables_of(frame) -> dict[str, Any]:
    """The variables that code sees, its own before the module's."""
    local = frame.f_locals
    found = {**frame.f_globals, **local}
    if type(local) is dict and local is not frame.f_globals and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        if sys.getrefcount(local) <= SNAPSHOT:  # a snapshot that Python leaves on the frame would keep arrays alive
            local.clear()
    return found


def elements_named(name: str, value) -> list[tuple[str, Any]]:
    """A tensor or array and its name; for a short list of them, a dict, or an object, what is in it and its names."""
    if hasattr(type(value), "_node") and hasattr(type(value), "_array"):
        return [(name, value)]
    if type(value) is np.ndarray:
        return [(name, value)]
    if type(value) in (list, tuple):
        return [(f"{name}[{i}]", v) for i, v in enumerate(value[:MOST_LISTED]) if hasattr(type(v), "_node")]
    if type(value) is dict:
        some = list(value.items())[:MOST_LISTED]
        return [(f"{name}[{k!r}]", v) for k, v in some if hasattr(type(v), "_node") and isinstance(k, (str, int))]
    return [(f"{name}.{k}", v) for k, v in attributes_of(value) if hasattr(type(v), "_node")]


def attributes_of(value) -> list[tuple[str, Any]]:
    """What an object of its user's has; a Module names its parameters itself, and those of a module are not `of` it."""
    try:
        attributes = object.__getattribute__(value, "__dict__")  # its own __getattr__ may do anything
    except AttributeError:
        return []
    plain = type(attributes) is dict and not isinstance(value, (ModuleType, FunctionType))
    return list(attributes.items())[:MOST_LISTED] if plain and not hasattr(type(value), "named_modules") else []

"""What a function can reach besides its arguments: arrays, random streams, and the numbers it may branch on.

Found by following its closure, the globals it names, and the attributes and containers of what it finds
there. While it is recorded, stand-ins take the places of the arrays; before a replay, what it branched on
must be as it was.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import types
from collections.abc import Callable
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from ..guard import ALONE, refs
from ..recording import TENSORS
from ..standin import STANDINS
from ..tape import Leaf

SCALARS = (int, float, complex, bool, str, bytes, type(None), np.generic, np.dtype)
OPAQUE = (type, types.ModuleType, types.BuiltinFunctionType, np.ufunc, types.CodeType, ctypes.Array)
ENGINE = {
    f"{__package__.split('.')[0]}.{name}"
    for name in ("table", "rules", "kinds", "tape", "recording", "modes", "standin")
}
OURS = ("builtins", "numpy", __package__.split(".")[0])  # their classes have no numbers that a program depends on
ABSENT = object()


class Place:
    """Where an array lies outside: an entry of a container, an attribute, or a tensor."""

    __slots__ = ("holder", "key", "name")

    def __init__(self, holder, key, name: str):
        self.holder, self.key, self.name = holder, key, name

    def get(self):
        if isinstance(self.holder, (dict, list)):
            if isinstance(self.holder, dict):
                return self.holder.get(self.key, ABSENT)
            return self.holder[self.key] if self.key < len(self.holder) else ABSENT
        return getattr(self.holder, self.key, ABSENT)

    def set(self, value) -> None:
        if isinstance(self.holder, (dict, list)):
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)

    def same(self, other: Place) -> bool:
        return self.holder is other.holder and self.key == other.key


class State:
    """What was found: `places` of arrays and streams, `tensors`, and the `containers` whose entries are watched."""

    def __init__(self, roots: list[tuple[Any, str]]):
        self.places: list[Place] = []
        self.tensors: list[tuple[Any, str]] = []
        self.containers: list[tuple[Any, str]] = []  # dicts and lists, whole
        self.names: list[tuple[dict, tuple[str, ...]]] = []  # globals, by name
        self.cells: list[types.CellType] = []
        self.hosts: list[Any] = []  # objects that say themselves what they branch on
        self.still: list[tuple[np.ndarray, bytes]] = []  # arrays where no stand-in can be put, as they were
        self.seen: dict[int, Any] = {}
        self.on_host: set[int] = set()
        stack = [(value, name, False) for value, name in reversed(roots)]
        while stack:
            value, name, hosted = stack.pop()
            if type(value) in STANDINS or isinstance(value, SCALARS) or id(value) in self.seen:
                continue
            self.seen[id(value)] = value
            stack.extend(reversed(self.below(value, name, hosted)))
        self.snapshot = [
            (box, dict(box) if isinstance(box, dict) else list(box)) for box, _ in self.containers
        ]
        self.views = [
            box.values() if isinstance(box, dict) else box
            for box, _ in self.containers
            if id(box) not in self.on_host
        ]
        self.cell_values = [cell.cell_contents for cell in self.cells]
        self.global_values = [(names, keys, [names[key] for key in keys]) for names, keys in self.names]
        self.expected = self.watched()
        self.grads = [tensor.node for tensor, _ in self.tensors if type(tensor.node) is Leaf]
        self.had_grad = [leaf.grad is not None for leaf in self.grads]
        self.structure = [obj.__jit_guard__() for obj in self.hosts]

    # ---- finding ------------------------------------------------------------------------------------------

    def below(self, value, name: str, hosted: bool) -> list[tuple[Any, str, bool]]:
        """The values just below one, and its own arrays noted."""
        kind = type(value)
        if kind in TENSORS:
            self.tensors.append((value, name))
            self.places.append(Place(value, "array", name))
            if type(value.node) is Leaf and value.node.grad is not None:
                self.places.append(Place(value.node, "grad", f"{name}.grad"))
            return []
        if isinstance(value, dict):
            if hosted:
                self.on_host.add(id(value))
            return self.inside(value, [(k, v, f"{name}[{k!r}]") for k, v in value.items()], name, hosted)
        if kind is list:
            if hosted:
                self.on_host.add(id(value))
            return self.inside(value, [(i, v, f"{name}[{i}]") for i, v in enumerate(value)], name, hosted)
        if isinstance(value, (tuple, set, frozenset)):
            self.still += [(v, v.tobytes()) for v in value if isinstance(v, np.ndarray)]
            return [(v, f"{name}[{i}]", hosted) for i, v in enumerate(value)]
        if kind is types.FunctionType:
            return self.function(value)
        if kind is types.MethodType:
            return [(value.__self__, "self", False), (value.__func__, value.__func__.__name__, False)]
        if kind is functools.partial:
            return [(value.func, name, False), (value.args, name, False), (value.keywords, name, False)]
        if isinstance(value, OPAQUE) or isinstance(value, np.ndarray) or kind.__module__ in ENGINE:
            return []
        if hasattr(value, "__jit_guard__"):
            self.hosts.append(value)
            hosted = True
        if hasattr(kind, "__jit_state__"):
            return [(below, name, False) for below in value.__jit_state__()]
        found = []
        if isinstance(own := getattr(value, "__dict__", None), dict):
            if hosted:
                self.on_host.add(id(own))
            found += self.inside(own, [(k, v, f"{name}.{k}") for k, v in own.items()], name, hosted)
            found.append((getattr(value, "__wrapped__", None), name, False))
        for cls in type(value).__mro__:
            if cls.__module__.partition(".")[0] not in OURS:
                self.names.append((vars(cls), tuple(k for k, v in vars(cls).items() if isinstance(v, SCALARS))))
            slots = cls.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                inner = getattr(value, slot, None)
                if is_place(inner):
                    self.places.append(Place(value, slot, f"{name}.{slot}"))
                elif slot != "__weakref__":
                    found.append((inner, f"{name}.{slot}", hosted))
        call = getattr(type(value), "__call__", None)  # noqa: B004 - its function, not whether
        if type(call) is types.FunctionType:
            found.append((call, name, False))
        return found

    def inside(self, box, entries, name: str, hosted: bool):
        self.containers.append((box, name))
        found = []
        for key, value, where in entries:
            if is_place(value):
                self.places.append(Place(box, key, where))
            else:
                found.append((value, where, hosted))
        return found

    def function(self, f: Callable):
        """The closure, defaults and named globals of a user's function; the package's own hold no state but one."""
        module = f.__module__ or ""
        if module.split(".")[0] == "numpy" or module.startswith(__package__.split(".")[0] + "."):
            inner = f.__closure__ or ()
        else:
            inner = f.__closure__ or ()
            names = tuple(sorted(n for n in _names(f.__code__) if n in f.__globals__))
            self.names.append((f.__globals__, names))
        found = []
        for cell, variable in zip(inner, f.__code__.co_freevars):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self.cells.append(cell)
            if is_place(value):
                self.places.append(Place(cell, "cell_contents", variable))
            else:
                found.append((value, variable, False))
        if self.names and self.names[-1][0] is f.__globals__:
            for n in self.names[-1][1]:
                value = f.__globals__[n]
                if is_place(value):
                    self.places.append(Place(f.__globals__, n, n))
                elif isinstance(value, types.ModuleType) and not value.__name__.startswith(
                    ("numpy", "tinygrad_np")
                ):
                    inner_names = [m for m in _names(f.__code__) if m in vars(value)]
                    found += [
                        (getattr(value, m), f"{n}.{m}", False)
                        for m in inner_names
                        if isinstance(getattr(value, m), types.FunctionType)
                    ]
                else:
                    found.append((value, n, False))
        found += [
            (f.__defaults__, f.__name__, False),
            (f.__kwdefaults__, f.__name__, False),
            (getattr(f, "__wrapped__", None), f.__name__, False),
        ]
        return found

    # ---- watching -----------------------------------------------------------------------------------------

    def watched(self) -> list:
        """Every entry that a function may have branched on, in a fixed order."""
        return [
            *chain.from_iterable(self.views),
            *[names[n] for names, keys in self.names for n in keys if n in names],
            *[cell.cell_contents for cell in self.cells],
        ]

    def unchanged(self) -> bool:
        """Whether f would take the same way again: the same objects, equal numbers, gradients where they were."""
        try:
            now = [
                *chain.from_iterable(self.views),
                *[names[n] for names, keys in self.names for n in keys],
                *[cell.cell_contents for cell in self.cells],
            ]
        except (KeyError, ValueError):
            return False
        expected = self.expected
        if len(now) != len(expected):
            return False
        if not all(map(is_, now, expected)):
            for a, b in zip(now, expected):
                if a is not b and not alike(a, b):
                    return False
            self.expected = now
        for leaf, had in zip(self.grads, self.had_grad):
            if (leaf.grad is not None) is not had:
                return False
        for obj, structure in zip(self.hosts, self.structure):
            if obj.__jit_guard__() != structure:
                return False
        return not self.still or all(array.tobytes() == was for array, was in self.still)


def is_place(value) -> bool:
    """Whether a stand-in takes the place of a value."""
    return type(value) in STANDINS or isinstance(value, (np.ndarray, np.random.Generator))


def alike(a, b) -> bool:
    """Whether one value may take the place of another: equal numbers, or arrays of one layout."""
    if isinstance(a, SCALARS):
        return type(a) is type(b) and (a == b or a != a and b != b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides
    return False


def _names(code) -> set[str]:
    """The global and attribute names that a function uses, and those of the functions inside it."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def alone(tensor) -> bool:
    """Whether nothing but its tensor refers to an array, so that it may be written in place."""
    return refs(tensor) == ALONE


def free(array, known: int) -> bool:
    """Whether an array has no more than `known` references besides the one passed here."""
    return sys.getrefcount(array) <= known

"""What a function can reach besides its arguments: arrays, random streams, and the numbers it may branch on.

Found by following its closure, the globals it names, and the attributes and containers of what it finds there.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import io
import pickle
import random
import sys
import types
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from ..engine.tracing import TRACERS, recorder

SCALARS = (int, float, complex, bool, str, bytes, type(None), np.generic, np.dtype)
OPAQUE = (np.ufunc, types.CodeType, ctypes.Array)
BOXES = (dict, list, deque, set)  # whose entries are watched
HIDDEN = (bytearray, array, np.random.Generator, np.random.RandomState, random.Random, Iterator)  # inside C code
UNREAD = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__abstractmethods__", "_abc_impl"}
ENGINE = {
    f"{__package__.split('.')[0]}.{name}"
    for name in ("table", "rules", "kinds", "tape", "recording", "modes", "tracing")
}
OURS = ("builtins", "numpy", __package__.split(".")[0])  # their classes have no numbers that a program depends on
ARRAYS = (np.ndarray, np.memmap)  # others have an arithmetic of their own
ABSENT = object()


class Place:
    """Where an array lies outside: an entry of a container, an attribute, or a tensor."""

    __slots__ = ("holder", "key", "name")

    def __init__(self, holder, key, name: str):
        self.holder, self.key, self.name = holder, key, name

    def get(self):
        if isinstance(self.holder, (dict, list, deque)):
            if isinstance(self.holder, dict):
                return self.holder.get(self.key, ABSENT)
            return self.holder[self.key] if self.key < len(self.holder) else ABSENT
        return getattr(self.holder, self.key, ABSENT)

    def set(self, value) -> None:
        """Put a value there: the holder's own way of setting, which may refuse or do more, is not asked."""
        kinds: tuple[Any, ...] = (dict, list, deque)
        for kind in kinds:
            if isinstance(self.holder, kind):
                return kind.__setitem__(self.holder, self.key, value)
        return (type if isinstance(self.holder, type) else object).__setattr__(self.holder, self.key, value)

    @property
    def spot(self) -> tuple[int, Any]:
        """Where it is: equal for two places that are the same."""
        return id(self.holder), self.key


class Reach:
    """What was found: `places` of arrays and streams, `tensors`, and the `containers` whose entries are watched."""

    def __init__(self, roots: list[tuple[Any, str]]):
        self.places: list[Place] = []
        self.tensors: list[tuple[Any, str]] = []
        self.containers: list[tuple[Any, str]] = []  # whole
        self.names: list[tuple[Any, tuple[str, ...]]] = []  # globals, and attributes of classes and modules, by name
        self.spaces: dict[int, tuple[Any, set[str]]] = {}  # such namespaces, and the names that are noted already
        self.used: set[str] = set()  # the names that the code of the functions has in it
        self.hidden: list[tuple[Any, str]] = []  # objects that show what is inside them only when asked
        self.cells: list[types.CellType] = []
        self.slots: list[tuple[Any, str]] = []
        self.hosts: list[Any] = []  # objects that say themselves what they branch on
        self.still: list[tuple[Callable, bytes]] = []  # arrays where no stand-in can be put, as they were
        self.seen: dict[int, Any] = {}
        self.on_host: set[int] = set()
        self.held: list[str] = []  # stand-ins where no place is, as in a tuple
        self.own = {(getattr(f, "__module__", None) or "").partition(".")[0] for f, _ in roots}
        self.shared_stream()
        stack = [(value, name, False) for value, name in reversed(roots)]
        while stack:
            value, name, hosted = stack.pop()
            if type(value) in TRACERS:
                self.held.append(name)
            elif not (isinstance(value, SCALARS) or id(value) in self.seen):
                self.seen[id(value)] = value
                stack.extend(reversed(self.below(value, name, hosted)))
            if not stack:
                stack.extend(reversed(self.named()))

    def shared_stream(self) -> None:
        """The one thing in this package that functions share: the stream that masks are drawn from by default."""
        init = sys.modules.get(f"{OURS[-1]}.nn.init")
        if init is not None:
            self.names.append((init, ("_default",)))
            if is_place(init._default):
                self.places.append(Place(init, "_default", "the stream of nn.manual_seed"))

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
            return self.inside(value, [(k, v, f"{name}[{k!r}]") for k, v in value.items()], name, hosted)
        if isinstance(value, types.MappingProxyType):
            return [(gc.get_referents(value)[0], name, hosted)]
        if isinstance(value, BOXES):
            found = self.inside(value, [(i, v, f"{name}[{i}]") for i, v in enumerate(value)], name, hosted)
            return found + self.attributes(value, name, hosted)
        if isinstance(value, (tuple, frozenset)):
            for v in value:
                if isinstance(v, np.ndarray) and type(v) not in TRACERS:
                    self.watch(v)
            return [(v, f"{name}[{i}]", hosted) for i, v in enumerate(value)]
        if kind is types.FunctionType:
            return self.function(value)
        if kind is types.MethodType:
            owner = "self" if type(value.__func__) is types.FunctionType else name
            return [(value.__self__, owner, False), (value.__func__, value.__func__.__name__, False)]
        if kind is functools.partial:
            return [(value.func, name, False), (value.args, name, False), (value.keywords, name, False)]
        if isinstance(value, (type, types.ModuleType)):
            if isinstance(value, types.ModuleType) or self.is_own(value):
                self.spaces.setdefault(id(value), (value, set()))
            return [(base, name, False) for base in value.__mro__[1:]] if isinstance(value, type) else []
        if isinstance(value, (staticmethod, classmethod)):
            return [(value.__func__, name, False)]
        if isinstance(value, property):
            return [(value.fget, name, False), (value.fset, name, False)]
        if isinstance(value, weakref.ref):
            return [(value(), name, False)]
        if isinstance(value, memoryview):
            self.watch(np.asarray(value))
        if isinstance(value, (ContextVar, *HIDDEN)) or isinstance(value, np.ndarray) and value.dtype.hasobject:
            self.hidden.append((value, name))
        if kind is types.BuiltinMethodType:  # as draw = stream.normal, or get = options.get
            return [(value.__self__, name, False)] if type(value.__self__) is not types.ModuleType else []
        if isinstance(value, OPAQUE) or isinstance(value, np.ndarray) or kind.__module__ in ENGINE:
            return []
        if hasattr(value, "__jit_guard__"):
            if recorder.get() is None:
                value.__jit_settle__()
            self.hosts.append(value)
            hosted = True
        if hasattr(kind, "__jit_state__"):
            return [(below, name, False) for below in value.__jit_state__()]
        return self.attributes(value, name, hosted)

    def watch(self, array: np.ndarray) -> None:
        """Compare an array with what it is now at every call."""
        self.still.append((lambda: array, array.tobytes()))

    def attributes(self, value, name: str, hosted: bool):
        """What an object has in its dict and its slots, and its class."""
        found: list[tuple[Any, str, bool]] = [(type(value), type(value).__name__, False)]
        if isinstance(own := getattr(value, "__dict__", None), dict):
            found += self.inside(own, [(k, v, f"{name}.{k}") for k, v in own.items()], name, hosted)
            found.append((getattr(value, "__wrapped__", None), name, False))
        for cls in type(value).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                inner = getattr(value, slot, None)
                if is_place(inner):
                    self.places.append(Place(value, slot, f"{name}.{slot}"))
                elif slot not in ("__weakref__", "__dict__"):
                    found.append((inner, f"{name}.{slot}", hosted))
                    self.slots.append((value, slot))
        call = getattr(type(value), "__call__", None)  # noqa: B004 - its function, not whether
        if type(call) is types.FunctionType:
            found.append((call, name, False))
        return found

    def named(self) -> list[tuple[Any, str, bool]]:
        """What the names in the code so far mean in the namespaces so far: once each."""
        found = []
        for space, done in list(self.spaces.values()):
            entries = vars_of(space)
            fresh = self.unnoted(space, done)
            done.update(fresh)
            if isinstance(space, types.ModuleType):
                fresh = [k for k in fresh if k[:2] != "__"]
            if not fresh:
                continue
            self.names.append((space, tuple(fresh)))
            label = "" if type(space) is dict else f"{space.__name__}."
            for k in fresh:
                if is_place(entries[k]):
                    self.places.append(Place(entries if isinstance(entries, dict) else space, k, label + k))
                elif not isinstance(entries[k], types.ModuleType) or self.may_change(entries[k]):
                    found.append((entries[k], label + k, False))
        return found

    def unnoted(self, space, done: set[str]) -> list[str]:
        """The names in a namespace that the code uses, or Python for its operators, and that are not noted yet."""
        methods = type(space) is not dict
        return [
            k
            for k in vars_of(space)
            if k not in done and (k in self.used or methods and k[:2] == "__" and k not in UNREAD)
        ]

    def is_own(self, value) -> bool:
        """Whether a class or function is the user's: the library's and installed packages' stay as they are."""
        top = (value.__module__ or "").partition(".")[0]
        return top in self.own and top not in OURS or not installed(top)

    @staticmethod
    def may_change(module: types.ModuleType) -> bool:
        """Whether attributes of a module are looked at: not NumPy's and this package's."""
        return module.__name__.partition(".")[0] not in OURS

    def inside(self, box, entries, name: str, hosted: bool):
        self.containers.append((box, name))
        if hosted:
            self.on_host.add(id(box))
        found = []
        for key, value, where in entries:
            if is_place(value):
                self.places.append(Place(box, key, where))
            else:
                found.append((value, where, hosted))
        return found

    def function(self, f: Callable):
        """The closure, defaults and named globals of a user's function; the package's own hold no state but one."""
        inner = f.__closure__ or ()
        if self.is_own(f):
            self.used |= _names(f.__code__)
            self.spaces.setdefault(id(f.__globals__), (f.__globals__, set()))
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
        if f.__dict__:
            own = [(k, v, f"{f.__name__}.{k}") for k, v in f.__dict__.items()]
            found += self.inside(f.__dict__, own, f.__name__, False)
        found += [
            (f.__defaults__, f.__name__, False),
            (f.__kwdefaults__, f.__name__, False),
            (getattr(f, "__wrapped__", None), f.__name__, False),
        ]
        return found


def vars_of(space) -> Any:
    """The names of a module, a class, or the globals of a function."""
    return space if type(space) is dict else vars(space)


@functools.cache
def installed(package: str) -> bool:
    """Whether a package is Python's own or lies among the installed ones, whose code does not change."""
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return package in OURS or package in sys.stdlib_module_names and package != "__main__" or "-packages" in file


def inside_of(value) -> Any:
    """What an object holds that has no attributes to look at; a new object where nobody can tell."""
    if isinstance(value, ContextVar):
        return id(value.get(None))
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, types.GeneratorType):
        frame = value.gi_frame
        return frame and (frame.f_lasti, [id(v) for v in frame.f_locals.values()])
    try:
        return pickle.dumps(value)
    except Exception:
        return None if isinstance(value, io.IOBase) else object()


def is_place(value) -> bool:
    """Whether a stand-in takes the place of a value."""
    if type(value) in ARRAYS:
        return not value.dtype.hasobject
    return type(value) in TRACERS or isinstance(value, np.random.Generator)


def _names(code) -> set[str]:
    """The global and attribute names that a function uses, and those of the functions inside it."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.isidentifier():  # getattr(x, "name")
            found.add(constant)
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found

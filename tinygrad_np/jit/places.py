"""Where values lie outside a function, and what kinds of values there are: the words in which state.py speaks."""

from __future__ import annotations

import ctypes
import functools
import gc
import io
import pickle
import random
import re
import sys
import types
from array import array
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextvars import ContextVar
from mmap import mmap
from operator import is_
from typing import Any

import numpy as np

from ..engine.callers import PACKAGE as FOLDER

LIBRARY = __package__.split(".")[0]
SCALARS = (int, float, complex, bool, str, bytes, type(None), np.generic, np.dtype)
NOTHING_INSIDE = (np.ufunc, types.CodeType, types.FrameType, types.TracebackType)
# Of C code, with nothing inside but what the garbage collector knows, or nothing that changes.
KNOWN_BY_COLLECTOR: tuple[type, ...] = (
    functools.partial,
    property,
    classmethod,
    staticmethod,
    types.MappingProxyType,
    types.GenericAlias,
    slice,
    range,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.BuiltinFunctionType,
    types.UnionType,
    re.Pattern,
    type({}.keys()),
    type({}.values()),
    type({}.items()),
    type(...),
    type(NotImplemented),
)
C_DATA = ctypes.c_int.__mro__[-2]  # of all that ctypes makes
PYTHONS, FIXED = 1 << 9, 1 << 8  # flags of types: made as those of Python's classes are; never changing
BOXES = (dict, list, deque, set)  # whose entries are watched
HIDDEN = (bytearray, array, np.random.Generator, np.random.RandomState, random.Random, Iterator)  # inside C code
PLAIN_ARRAYS = (np.ndarray, np.memmap)  # others have an arithmetic of their own
CACHED = type(functools.lru_cache(len))
ABSENT = object()
TAKEN: set[type] = set()  # the types of what stands in a place while recording
GENERATED = (f"<{LIBRARY}", FOLDER)  # the names of files of code that is written here


class Spot:
    """Where an array lies outside: an entry of a container, an attribute, a variable, or a tensor."""

    __slots__ = ("holder", "key", "name")

    def __init__(self, holder, key, name: str):
        self.holder, self.key, self.name = holder, key, name

    def get(self) -> Any:
        """What is there now, or ABSENT."""
        if isinstance(self.key, types.MemberDescriptorType):
            try:
                return self.key.__get__(self.holder)
            except AttributeError:
                return ABSENT
        if isinstance(self.holder, (dict, list, deque)):
            if isinstance(self.holder, dict):
                return dict.get(self.holder, self.key, ABSENT)
            return self.holder[self.key] if self.key < len(self.holder) else ABSENT
        if isinstance(self.holder, ContextVar):
            return self.holder.get(ABSENT)
        if isinstance(self.holder, type):
            return vars(self.holder).get(self.key, ABSENT)
        try:
            return getattr(self.holder, self.key, ABSENT)
        except ValueError:  # an empty cell
            return ABSENT

    def set(self, value) -> None:
        """Put a value there, or nothing for ABSENT: the holder's own way of setting is not asked."""
        holder, key, gone = self.holder, self.key, value is ABSENT
        if isinstance(key, types.MemberDescriptorType):
            return key.__delete__(holder) if gone else key.__set__(holder, value)
        for kind in (OrderedDict, dict, list, deque):
            if isinstance(holder, kind):
                return kind.__delitem__(holder, key) if gone else kind.__setitem__(holder, key, value)  # type: ignore
        if isinstance(holder, ContextVar):
            return None if gone else holder.set(value) and None
        base = type if isinstance(holder, type) else object
        return base.__delattr__(holder, key) if gone else base.__setattr__(holder, key, value)

    @property
    def spot(self) -> tuple[int, Any]:
        """Where it is: equal for two places that are the same."""
        return id(self.holder), self.key


def holders(place: Spot) -> int:
    """How many references the array at a place has."""
    return sys.getrefcount(place.get())


def _one_holder() -> int:
    place = Spot({"": np.empty(0)}, "", "")
    return holders(place)


ONE_HOLDER = _one_holder()


def namespace_of(space) -> Any:
    """What a class, a module, a function or an object has by name, or a dict itself."""
    return space if isinstance(space, dict) else vars(space)


def holder_of(space) -> Any:
    """Where the names of a namespace are set: a class does that itself, all others have a dict."""
    return space if isinstance(space, type) else namespace_of(space)


def dict_of(value) -> dict | None:
    """The dict of an object's attributes, without asking its class."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def slots_of(value) -> list[types.MemberDescriptorType]:
    """The slots of an object."""
    return [
        slot
        for cls in type(value).__mro__
        if cls.__dict__.get("__slots__")
        for slot in cls.__dict__.values()
        if isinstance(slot, types.MemberDescriptorType)
    ]


@functools.cache
def installed(package: str) -> bool:
    """Whether a package is Python's own or lies among the installed ones, whose code does not change."""
    if package in (LIBRARY, "numpy", "builtins"):
        return True
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return package in sys.stdlib_module_names and package != "__main__" or "-packages" in file


def package_of(value) -> str:
    """The package that a function, a class, or a frame belongs to; what is generated here belongs here."""
    if isinstance(value, types.FrameType | types.FunctionType):
        code = value.f_code if isinstance(value, types.FrameType) else value.__code__
        space = value.f_globals if isinstance(value, types.FrameType) else value.__globals__
        name = space.get("__name__", LIBRARY if code.co_filename.startswith(GENERATED) else "")
    else:
        name = getattr(value, "__module__", None)
    if not isinstance(name, str):
        return ""
    return "collections" if name.startswith("namedtuple_") else name.partition(".")[0]


def is_place(value) -> bool:
    """Whether a stand-in takes the place of a value."""
    if type(value) in PLAIN_ARRAYS:
        return not value.dtype.hasobject
    return isinstance(value, np.random.Generator) and not hasattr(value, "tape")  # which a stand-in has


def may_replace(a, b) -> bool:
    """Whether one value may take the place of another: equal numbers, or arrays of one layout."""
    if isinstance(a, SCALARS):
        return type(a) is type(b) and (repr(a) == repr(b) if not a else a == b or a != a and b != b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides
    return False


class Same(tuple):
    """Objects, equal only to the same ones."""

    def __eq__(self, other):
        return len(self) == len(other) and all(map(is_, self, other))

    def __ne__(self, other):
        return not self == other

    __hash__ = None  # type: ignore[assignment]


def is_of_c(kind: type) -> bool:
    """Whether C code made a type, whose objects may hold what neither attributes nor the garbage collector show."""
    return not kind.__flags__ & PYTHONS or bool(kind.__flags__ & FIXED) or issubclass(kind, C_DATA)


def is_lent(value) -> bool:
    """Whether a piece of memory is that of an array, as those of flat parameters are, or of a program."""
    lends = isinstance(value, ctypes.Array) and not value._b_needsfree_
    return lends and (hasattr(value, "owner") or value._objects is None)


def pickled(value: Any) -> bytes | None:
    """What an object of C code says of itself, if it does."""
    shown: Any = value
    try:
        return bytes(memoryview(shown)) if isinstance(value, (C_DATA, mmap)) else pickle.dumps(value)
    except Exception:
        return None


def inside_of(value) -> Any:
    """What an object holds that has no attributes to look at; a new object where nobody can tell."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:  # one with an arithmetic of its own
        return value.view(np.ndarray).tobytes(), value.shape, value.dtype, pickled(dict_of(value))
    if is_of_c(type(value)) and not isinstance(value, (*HIDDEN, CACHED, np.ndarray)):
        return pickled(value)
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, types.GeneratorType):
        frame = value.gi_frame
        return frame and (frame.f_lasti, Same(frame.f_locals.values()))
    if isinstance(value, CACHED):
        return Same(cached_in(value))
    try:
        return pickle.dumps(value)
    except Exception:
        return None if isinstance(value, io.IOBase) else object()


def cached_in(function) -> list[Any]:
    """What an lru_cache keeps: its keys and values."""
    found = []
    for below in gc.get_referents(function):
        if type(below) is dict and below is not function.__dict__:
            found += [v for v in below.values() if type(v).__name__ != "_lru_list_elem"]
        elif below is not function.__dict__ and below is not function.__wrapped__ and not isinstance(below, type):
            found.append(below)
    return found

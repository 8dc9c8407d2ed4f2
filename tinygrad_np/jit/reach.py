"""What is reached: the values that the code which ran could read or write, as they were before.

Code is looked into when it runs, at its first instruction, and not before: its globals, its variables of outer
functions, its defaults, and of the objects found there the attributes whose names it mentions. What holds values is
followed as the garbage collector follows it, so no kind of object can hide one.
"""

from __future__ import annotations

import builtins
import gc
import sys
import types
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from itertools import chain
from operator import attrgetter, methodcaller
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np

from ..engine.callers import PYTHON
from ..engine.recording import TENSORS
from ..engine.rules import Row
from ..engine.table import Primitive
from ..engine.tape import Leaf
from ..engine.tracing import recorder
from .bytecode import asks_by_name, imported_by, written_in
from .places import (
    ABSENT,
    BOXES,
    CACHED,
    FIXED,
    HIDDEN,
    KNOWN_BY_COLLECTOR,
    LIBRARY,
    NOTHING_INSIDE,
    SCALARS,
    TAKEN,
    Spot,
    cached_in,
    dict_of,
    holder_of,
    inside_of,
    installed,
    is_lent,
    is_of_c,
    is_place,
    namespace_of,
    package_of,
    pickled,
    slots_of,
)
from .process import PROCESS

# Code that mentions these may read attributes by any name: then all attributes are looked at.
REFLECTING = set("vars dir __dict__ __getattribute__ attrgetter methodcaller asdict astuple copy deepcopy".split())
REFLECTING |= set("getmembers getmembers_static getattr_static format_map Formatter".split())
NAMESPACES = {"globals", "eval", "exec", "locals"}  # and these any name of a module
TAME = sys.stdlib_module_names - set("copy copyreg dataclasses pickle operator".split())
BLIND = {LIBRARY, "numpy", "inspect", "posixpath", "ntpath"}  # code that reads nothing of its user's by name
UNREAD = set("__builtins__ __dict__ __weakref__ __doc__ __module__ __annotations__ __abstractmethods__".split())
UNREAD |= {"_abc_impl", "__slots__", "__spec__", "__loader__"}
ITSELF = (f"{LIBRARY}.engine.", f"{LIBRARY}.jit.")  # its objects say nothing that a program depends on
parts = attrgetter("__code__", "__defaults__", "__kwdefaults__")


class Settle(BaseException):
    """An object that has to put its arrays in order before a recording was met in the middle of one."""

    def __init__(self, host):
        self.host = host


class Reach:
    """What has been found so far; `new_places` are those of arrays that nobody has taken yet."""

    def __init__(self, own: str):
        self.own = own  # the package of the function itself, which is its user's even if it is an installed one
        self.ran: dict[int, CodeType] = {}  # by id: equal code may belong to functions of other modules
        self.names = {"__getattr__"}  # that the code which ran has in it, and that of modules is asked for unnamed
        self.reflecting = False  # whether attributes count whatever their names
        self.all_globals = False  # and the names of modules
        # By the id of their code: all that were found, whether they ran or not.
        self.functions: dict[int, list[FunctionType]] = {}
        self.inner: set[int] = set()  # the code of functions that are made inside
        self.cached: set[int] = set()  # the code whose results an lru_cache keeps
        self.seen: dict[int, Any] = {id(vars(builtins)): None}
        self.stack: list[tuple[Any, str, bool]] = []
        self.boxes: list[tuple[Any, Any, str, bool]] = []  # a container, a copy, its name, whether a host's
        self.spaces: dict[int, tuple[Any, str, dict[str, Any]]] = {}  # a namespace, and what its names meant
        self.keys: dict[int, frozenset] = {}  # and all the names that it had
        self.objects: list[tuple[Any, str, bool]] = []  # those of which only named attributes are looked at
        self.slots: list[tuple[Spot, Any]] = []
        self.cells: list[tuple[types.CellType, str, Any]] = []
        self.variables: list[tuple[ContextVar, Any]] = []
        self.code: list[tuple[FunctionType, tuple]] = []
        self.hidden: list[tuple[Any, str, Any]] = []
        self.instances: list[tuple[Any, str, type, dict | None]] = []  # objects, their classes and their dicts
        self.classes: list[tuple[type, tuple]] = []  # and in which order theirs look into others
        self.asked: list[tuple[Callable, Any]] = []  # what belongs to the process, and what it was
        self.imported = False  # whether code that ran imports what had not been imported
        self.hosts: list[tuple[Any, Any]] = []  # objects that say themselves what they branch on
        self.still: list[tuple[Callable, bytes]] = []  # arrays where no stand-in can be put, as they were
        self.tensors: list[tuple[Any, str]] = []
        self.new_places: list[Spot] = []
        self.nodes: list[Any] = []  # of the tensors
        self.grads: list[Leaf] = []
        self.had_grad: list[bool] = []
        self.shared: Any = None
        init: Any = sys.modules.get(f"{LIBRARY}.nn.init")
        if init is not None:  # the stream of nn.manual_seed is all that functions here share
            self.shared = init
            self.space(init, "nn.init.")

    # ---- code that runs -----------------------------------------------------------------------------------

    def follow(self, value, name: str) -> None:
        """Look at a value that the function is given, or at the function."""
        self.stack.append((value, name, False))
        self.walk()

    def meet(self, frame: FrameType) -> None:
        """Some code is about to run for the first time."""
        code, top = frame.f_code, package_of(frame)
        if is_importing(frame):  # what a module holds when it is there is no doing of the function's
            self.imported |= self.is_own(top) and not code.co_filename.startswith((PYTHON, "<"))
            return
        self.ran[id(code)] = code
        self.inner.update(id(c) for c in code.co_consts if isinstance(c, CodeType))
        known = self.functions.get(id(code))
        if self.is_own(top):
            if known is None and id(code) not in self.inner and code.co_flags & 1:  # of a function
                for f in functions_of(code, frame):
                    self.stack.append((f, code.co_name, False))
                    if any(type(r) is CACHED for r in gc.get_referrers(f)):
                        self.cached.add(id(code))
            self.space(frame.f_globals, "")
            own = frame.f_builtins
            if own is not vars(builtins):
                self.stack.append((own, "__builtins__", False))
        if known is not None:
            for f in known:
                self.function(f)
        self.mention(code, top, frame.f_globals)
        self.walk()

    def begin(self, f: FunctionType) -> None:
        """A function is about to run, as `meet`: what is known beforehand."""
        self.ran[id(f.__code__)] = f.__code__
        self.inner.update(id(c) for c in f.__code__.co_consts if isinstance(c, CodeType))
        top = package_of(f)
        if self.is_own(top):
            self.space(f.__globals__, "")
        self.function(f)
        self.mention(f.__code__, top, f.__globals__)
        self.walk()

    def is_own(self, top: str) -> bool:
        """Whether code or a class is the user's: that of this library and of installed packages stays as it is."""
        return top == self.own and top not in (LIBRARY, "numpy", "builtins") or not installed(top)

    def mention(self, code: CodeType, top: str, space: dict) -> None:
        """Look for the names that some code has in it in all namespaces so far; NumPy's code looks at its own."""
        if top in BLIND:
            return
        names = set(code.co_names)
        names.update(written_in(code))
        if self.is_own(top):
            self.imports(code, space)
        for name in names & PROCESS.keys():
            self.asked.append((PROCESS[name], PROCESS[name]()))
        if top not in TAME:
            self.all_globals |= not NAMESPACES.isdisjoint(names)
            if not self.reflecting and (not REFLECTING.isdisjoint(names) or asks_by_name(code)):
                self.reflect()
        names -= self.names
        if names:
            self.names |= names
            for space, label, known in list(self.spaces.values()):
                self.note(space, label, known)

    def imports(self, code: CodeType, space: dict) -> None:
        """The modules that some code imports."""
        for name in imported_by(code, space.get("__package__")):
            module = sys.modules.get(name)
            self.imported |= module is None
            if module is not None:
                self.asked.append((partial(sys.modules.get, name), module))
                self.stack.append((module, name, False))

    def reflect(self) -> None:
        """From now on attributes count whatever their names."""
        self.reflecting = True
        for value, name, hosted in self.objects:
            self.all_attributes(value, name, hosted)

    def function(self, f: FunctionType) -> None:
        """A function that runs: its outer variables and its defaults."""
        if (id(f), "ran") in self.seen:
            return
        self.seen[id(f), "ran"] = f  # type: ignore[index]
        for cell, variable in zip(f.__closure__ or (), f.__code__.co_freevars):
            value = Spot(cell, "cell_contents", variable).get()
            if (id(cell), "cell") not in self.seen:
                self.seen[id(cell), "cell"] = cell  # type: ignore[index]
                self.cells.append((cell, variable, value))
                self.entry(cell, "cell_contents", value, variable, False)
        if self.is_own(package_of(f)):
            self.code.append((f, parts(f)))
        self.stack += [(f.__defaults__, f.__name__, False), (f.__kwdefaults__, f.__name__, False)]

    # ---- what values hold ---------------------------------------------------------------------------------

    def walk(self) -> None:
        """Look at what has been found, and at what that holds."""
        self.stack.reverse()  # what was found first gives things their names
        while self.stack:
            value, name, hosted = self.stack.pop()
            if not (isinstance(value, SCALARS) or type(value) in TAKEN or id(value) in self.seen):
                self.seen[id(value)] = value
                above = len(self.stack)
                self.below(value, name, hosted)
                self.stack[above:] = self.stack[: above - 1 if above else None : -1]

    def entry(self, holder, key, value, name: str, hosted: bool) -> None:
        """One entry of something that holds values: an array has a place there, anything else is followed."""
        if is_place(value):
            self.new_places.append(Spot(holder, key, name))
        else:
            self.stack.append((value, name, hosted))

    def below(self, value, name: str, hosted: bool) -> None:
        """Note what a value has that code can read or write."""
        kind = type(value)
        if kind in TENSORS:
            self.tensors.append((value, name))
            self.nodes.append(node := value._node)
            self.new_places.append(Spot(value, "_array", name))
            if type(node) is Leaf:
                self.grads.append(node)
                self.had_grad.append(node.grad is not None)
                if node.grad is not None:
                    self.new_places.append(Spot(node, "grad", f"{name}.grad"))
        elif isinstance(value, BOXES):
            if (isinstance(value, dict) and kind is not dict) or kind not in BOXES:
                self.object(value, name, hosted)
            self.box(value, name, hosted)
        elif isinstance(value, (tuple, frozenset)):
            self.fixed(value, name, hosted)
        elif kind is FunctionType:
            self.functions.setdefault(id(value.__code__), []).append(value)
            self.space(value, f"{value.__name__}.")
            if id(value.__code__) in self.ran:
                self.function(value)
        elif kind is types.MethodType:
            self.stack.append((value.__self__, "self" if type(value.__func__) is FunctionType else name, hosted))
            self.stack.append((value.__func__, name, hosted))
        elif kind is types.BuiltinMethodType:  # as draw = stream.normal, or get = options.get
            if type(value.__self__) is not types.ModuleType:
                self.stack.append((value.__self__, name, False))
        elif isinstance(value, type):
            for cls in value.__mro__:
                if self.is_own(package_of(cls)) and not cls.__flags__ & FIXED:
                    self.space(cls, f"{cls.__name__}.")
            if not value.__flags__ & FIXED:
                self.classes.append((value, value.__mro__))
            if self.is_own(package_of(kind)):
                self.stack.append((kind, kind.__name__, False))
        elif isinstance(value, types.ModuleType):
            self.space(value, f"{value.__name__}.")
        elif isinstance(value, ContextVar):
            self.variables.append((value, now := value.get(ABSENT)))
            self.entry(value, None, now, name, hosted)
        elif isinstance(value, weakref.ref):
            self.stack.append((value(), name, hosted))
        elif kind is CACHED:
            self.cached.add(id(getattr(value.__wrapped__, "__code__", None)))
            self.hidden.append((value, name, inside_of(value)))
            self.stack.append((value.__wrapped__, name, False))
            self.fixed(cached_in(value), name, hosted)
        elif isinstance(value, np.ndarray):
            self.hidden.append((value, name, inside_of(value)))
        elif kind in (attrgetter, methodcaller):  # which ask for names that no code mentions
            if not self.reflecting:
                self.reflect()
        elif isinstance(value, HIDDEN):
            self.hidden.append((value, name, inside_of(value)))
        elif (
            not isinstance(value, NOTHING_INSIDE)
            and not is_lent(value)
            and (kind is Row or not kind.__module__.startswith(ITSELF))
        ):
            self.object(value, name, hosted)
        elif kind is Primitive:  # nothing else leads to the rules of a user's operation
            if self.is_own(package_of(value)):
                self.stack += [(value.fun, name, hosted), (value.row, name, hosted)]
        elif hasattr(kind, "__jit_state__"):
            self.stack += [(v, name, False) for v in value.__jit_state__()]

    def fixed(self, values, name: str, hosted: bool) -> None:
        """What no stand-in can be put into: arrays there are compared with what they are now, at every call."""
        for i, v in enumerate(values):
            if isinstance(v, memoryview):
                v = np.asarray(v)
            if isinstance(v, np.ndarray) and not v.dtype.hasobject:
                if hosted:
                    continue
                self.still.append(((lambda v=v: v), v.tobytes()))
            else:
                self.stack.append((v, f"{name}[{i}]", hosted))

    def box(self, value, name: str, hosted: bool) -> None:
        """A container: all of its entries."""
        if isinstance(value, dict):
            self.boxes.append((value, dict(value), name, hosted))
            for k, v in value.items():
                self.entry(value, k, v, f"{name}[{k!r}]" if type(k) is not tuple else name, hosted)
        else:
            self.boxes.append((value, list(value), name, hosted))
            for i, v in enumerate(value):
                self.entry(value, i, v, f"{name}[{i}]", hosted)

    def object(self, value, name: str, hosted: bool) -> None:
        """Any other object: its class, its attributes, and what the garbage collector knows to be inside."""
        kind = type(value)
        self.stack.append((kind, kind.__name__, False))
        if is_of_c(kind):
            if not isinstance(value, KNOWN_BY_COLLECTOR) and (content := pickled(value)) is not None:
                self.hidden.append((value, name, content))
        else:
            self.instances.append((value, name, kind, dict_of(value)))
        if hasattr(kind, "__jit_guard__"):
            self.settle(value)
            hosted = True
        own, named = dict_of(value), set()
        for slot in slots_of(value):
            place = Spot(value, slot, f"{name}.{slot.__name__}")
            self.slots.append((place, inner := place.get()))
            self.entry(value, slot, inner, place.name, hosted)
            named.add(id(inner))
        inside = gc.get_referents(value)
        if own and not any(inner is own for inner in inside):  # from Python 3.13, attributes lie in the object itself
            held = Counter(map(id, inside)) - Counter(map(id, own.values()))
            inside = [inner for inner in inside if id(inner) in held]
        for inner in inside:
            if inner is not own and inner is not kind and id(inner) not in named and not isinstance(value, BOXES):
                self.fixed((inner,), name, hosted)
        if own is not None:
            ours = any(package_of(cls) == LIBRARY for cls in kind.__mro__)
            if ours or "__dataclass_fields__" in kind.__dict__:
                self.all_attributes(value, name, hosted)
                return
            self.space(value, f"{name}.")
            if self.is_own(package_of(kind)) or kind is types.SimpleNamespace:
                self.objects.append((value, name, hosted))
                if self.reflecting:
                    self.all_attributes(value, name, hosted)

    def all_attributes(self, value, name: str, hosted: bool) -> None:
        own: Any = dict_of(value)
        self.boxes.append((own, dict(own), name, hosted))
        for k, v in own.items():
            self.entry(own, k, v, f"{name}.{k}", hosted)

    def settle(self, host) -> None:
        """An object that says itself what a call depends on puts its arrays in order first, outside the recording."""
        tape = recorder.get()
        if tape is not None:
            if tape.storages:
                raise Settle(host)
            token = recorder.set(None)
            try:
                host.__jit_settle__()
            finally:
                recorder.reset(token)
        self.hosts.append((host, host.__jit_guard__()))

    def space(self, value, label: str) -> None:
        """A namespace: of its names those that code mentions, and those that Python has for operators."""
        if id(value) not in self.spaces:
            self.keys[id(value)] = frozenset(namespace_of(value))
            self.spaces[id(value)] = value, label, {}
            self.note(*self.spaces[id(value)])

    def note(self, value, label: str, known: dict[str, Any]) -> None:
        """What the names that count mean in a namespace."""
        space, holder = namespace_of(value), holder_of(value)
        for k in self.wanted(value, space):
            if k not in known and k in self.keys[id(value)]:  # else the code that ran has added it
                known[k] = space[k]
                self.entry(holder, k, space[k], label + k, False)

    def wanted(self, value, space) -> list[str]:
        """The names in a namespace that count."""
        if value is self.shared:
            return ["_default"]
        if isinstance(value, types.ModuleType) and is_kept(value.__name__.partition(".")[0]):  # but for its data
            return [k for k in space if k in self.names and is_data(value, k, space[k])]
        if isinstance(value, dict) and self.all_globals:
            return [k for k in space if k[:2] != "__"]
        if isinstance(value, type):
            if self.reflecting or any(package_of(cls) == LIBRARY for cls in value.__mro__):  # as code here does
                return [k for k in space if k not in UNREAD]
            return [k for k in space if (k in self.names or k[:2] == "__") and k not in UNREAD]
        return [k for k in space if k in self.names and k not in UNREAD]  # in their order, which gives arrays names

    def newcomers(self, value) -> tuple[Callable[[Any], bool], Any]:
        """A call of C code, and its argument: true while a namespace has no name that could count and is not there."""
        keys = namespace_of(value).keys()
        if value is self.shared:
            return frozenset().isdisjoint, ()
        if isinstance(value, type) or isinstance(value, dict) and self.all_globals:
            return frozenset(keys).issuperset, keys
        return keys.isdisjoint, frozenset(self.names - UNREAD).difference(keys)

    # ---- what has been noted -------------------------------------------------------------------------------

    def among(self, leaves: Sequence) -> list:
        """Which arguments are tensors that f reaches besides: it has those only once."""
        known = {id(tensor) for tensor, _ in self.tensors}
        return [id(a) if id(a) in known else None for a in leaves if type(a) in TENSORS]

    def values(self) -> list[Any]:
        """The values that are noted, each as often as it is noted."""
        boxes = (was for _, was, _, _ in self.boxes)
        return [
            *chain.from_iterable(was.values() if isinstance(was, dict) else was for was in boxes),
            *chain.from_iterable(was.values() for _, _, was in self.spaces.values()),
            *[was for _, was in self.slots],
            *[was for _, _, was in self.cells],
        ]

    def clear(self) -> None:
        """Keep no array alive."""
        self.spaces = {k: (v, label, dict.fromkeys(was)) for k, (v, label, was) in self.spaces.items()}
        for notes in (self.keys, self.boxes, self.slots, self.cells, self.stack, self.objects, self.new_places):
            notes.clear()

    def added(self, value, known: dict[str, Any]) -> list[str]:
        """The names that count and that a namespace did not have."""
        keys = self.keys[id(value)]
        return [k for k in self.wanted(value, namespace_of(value)) if k not in known and k not in keys]


def is_kept(top: str) -> bool:
    """Whether the modules of a package stay as they are, but for what they hold for their users to set."""
    return top in sys.stdlib_module_names and top != "__main__" or top in (LIBRARY, "numpy")


def is_importing(frame: FrameType | None) -> bool:
    """Whether code runs because a module is imported."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


def is_data(module: types.ModuleType, name: str, value) -> bool:
    """Whether a name of a module means what may be changed, and not what is called."""
    return not callable(value) and not isinstance(value, types.ModuleType) and (module is not sys or name != "modules")


def functions_of(code: CodeType, frame: FrameType) -> list[FunctionType]:
    """The functions with some code that nothing has led to; of several, those with the variables of the frame."""
    found = [f for f in gc.get_referrers(code) if type(f) is FunctionType and f.__code__ is code]
    local = frame.f_locals

    def fits(f: FunctionType) -> bool:
        pairs = zip(f.__closure__ or (), code.co_freevars)
        return all(Spot(cell, "cell_contents", "").get() is local.get(name, ABSENT) for cell, name in pairs)

    return found if len(found) < 2 else list(filter(fits, found)) or found

"""Recording: stand-ins for arrays pass every NumPy call to a tape, and what comes out is a straight program.

A stand-in holds a real array, so the recorded call computes as ever. An operand is written down as a `View`:
which memory, where in it, in what layout. So a function that returns a view needs no instruction, and a write
through one view is known to every other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..engine.tracing import concrete
from .functions import (
    IN_PLACE,
    address_of,
    canonical,
    depends_on_values,
    facts_about,
    masked_copy,
    planned_as,
    root_of,
)
from .instruction import Instruction, Number, Storage, View, replaced
from .places import PLAIN_ARRAYS
from .refusing import NOBODYS, calling_frame, in_rule, is_inplace, line_of_user, refuse
from .stand_in import StandIn

ndarray = np.ndarray
BOOL = np.dtype(bool)


def runs_alone(fun: Callable) -> bool:
    """Whether a call of NumPy's runs no code but NumPy's: a ufunc, or an array's own methods."""
    ufunc = fun if isinstance(fun, np.ufunc) else getattr(fun, "__self__", None)
    if isinstance(ufunc, np.ufunc):
        return getattr(np, ufunc.__name__, None) is ufunc
    return getattr(fun, "__objclass__", None) is ndarray


class Tape:
    """The program while it is being written."""

    def __init__(self):
        facts_about.cache_clear()
        self.storages: list[Storage] = []
        self.program: list[Instruction] = []
        self.roots: dict[int, int] = {}  # the owner of memory, by id -> its storage
        # Without callbacks, in which an interrupt would be lost; those of the dead are taken over.
        self.stand_ins: dict[int, ref[StandIn]] = {}  # by the id of their array
        self.alive: dict[int, ref[StandIn]] = {}  # by their own
        self.hosts: list[Callable] = []
        self.own: dict[int, ndarray] = {}  # arrays that f made by a creator of tinygrad_np.numpy, by id
        # The storages of arrays that f made without its arguments: it may ask their values.
        self.fixed: set[int] = set()
        self.flags: dict[int, str] = {}  # of arrays, by id, that f has asked for theirs
        self.effects = False  # whether anything outside has been changed
        self.open = True
        self.watch: Callable | None = None  # what sees every call while f runs
        self.alone = False  # whether one variable alone refers to what is about to be written to
        self.ran: Callable | None = None  # the function, once it has run
        self.code: Iterable = ()  # and all the code that did
        self.refusal: Exception | None = None  # raised in the end, whoever has caught it

    # ---- memory -------------------------------------------------------------------------------------------

    def known(self, array: ndarray, kind: str, where=None) -> int:
        """The storage that an array lies in; a new one of this kind if nobody knew it."""
        root = root_of(array)
        if root.dtype.hasobject:
            refuse("an array of Python objects was used; make it one of numbers")
        found = self.roots.get(id(root))
        if found is None:
            found = self.roots[id(root)] = len(self.storages)
            self.storages.append(Storage(kind, root, where))
            if kind == "constant" and where is None:
                self.storages[-1].where = root.copy(order="K")
                self.storages[-1].seen = root.tobytes()
        elif kind == "state" and self.storages[found].kind == "constant":  # used before its place was known
            self.storages[found].kind, self.storages[found].where = kind, where
        return found

    def view(self, array: ndarray, kind: str = "temporary", where=None) -> View:
        """An array as an operand."""
        storage = self.known(array, kind, where)
        start = address_of(array) - address_of(self.storages[storage].array)
        if not array.size:  # its strides may lead anywhere
            return View(storage, 0, array.shape, np.empty(array.shape, array.dtype).strides, array.dtype)
        return View(storage, start, array.shape, array.strides, array.dtype)

    def stand_in(self, array: ndarray, kind: str = "temporary", where=None) -> StandIn:
        """What f sees in place of an array."""
        self.view(array, kind, where)
        return StandIn(array, self)

    def operand(self, value):
        """An argument as it is written down."""
        kind = type(value)
        if kind is StandIn:
            if value.number is not None:
                return value.number
            view = self.view(value.value)
            storage = self.storages[view.storage]
            if storage.kind == "constant" and storage.where is None:  # a program reads it for the first time
                storage.where = storage.array.copy(order="K")
            return view
        if isinstance(value, ndarray):  # not seen before: made by f itself, or out of reach
            if kind not in PLAIN_ARRAYS:
                refuse(f"an operand is a {kind.__name__}, whose arithmetic is its own; pass an ndarray")
            view = self.view(value, "constant")
            self.same(self.storages[view.storage])
            return view
        return value

    def constant(self, made):
        """What f made without its arguments: arrays of numbers get stand-ins, that tell their values."""
        if isinstance(made, (list, tuple)):
            parts = [self.constant(m) for m in made]
            return type(made)(*parts) if hasattr(made, "_fields") else type(made)(parts)
        if type(made) is not ndarray or made.dtype.kind not in "biufc":
            return made
        if id(root_of(made)) not in self.roots:
            root = root_of(made)
            self.roots[id(root)] = len(self.storages)
            self.fixed.add(len(self.storages))
            self.storages.append(Storage("constant", root))
        return StandIn(made, self)

    def is_fixed(self, value: StandIn) -> bool:
        """Whether a value is the same at every replay, so that f may ask for it."""
        return value.number is None and self.roots.get(id(root_of(value.value))) in self.fixed

    def is_plain(self, args, kwargs, written: tuple) -> bool:
        """Whether a call has to do only with what is fixed, and changes nothing that the program has read."""
        if not self.fixed or any([type(a) is StandIn and not self.is_fixed(a) for a in args]):
            return False
        found: list[StandIn] = []
        replaced((args, kwargs, written), lambda value: found.append(value) if type(value) is StandIn else None)
        if not found or not all(map(self.is_fixed, found)):
            return False
        return all(
            t is None or type(t) is StandIn and self.storages[self.roots[id(root_of(t.value))]].where is None
            for t in written
        )

    def vacate(self, memory: StandIn, whole: StandIn) -> None:
        """Before `memory`, a part of `whole`, is written to: all others that refer to it keep its values."""
        start, end = byte_bounds(memory.value)
        inside = [(s, *byte_bounds(s.value)) for s in self.living() if s is not memory and s is not whole]
        others = [s for s, first, last in inside if start <= first and last <= end]
        if others:
            kept = self.fresh(memory.value.copy(), memory)
            for other in others:
                view = other.value
                other.value = np.ndarray(view.shape, view.dtype, kept.value, address_of(view) - start, view.strides)
                self.stand_ins[id(other.value)] = ref(other)

    def living(self) -> list[StandIn]:
        """The stand-ins that somebody still has."""
        return [stand_in for get in self.alive.values() if (stand_in := get()) is not None]

    # ---- calls --------------------------------------------------------------------------------------------

    def call(self, fun: Callable, args: tuple, kwargs: dict | None = None):
        """Compute, and write down: what NumPy's protocols and a stand-in's methods come to."""
        if self.watch is None or sys.getprofile() is None:
            return self.taken(fun, args, kwargs)
        sys.setprofile(None)  # what runs here is known
        try:
            return self.taken(fun, args, kwargs)
        finally:
            sys.setprofile(self.watch)

    def run(self, fun: Callable, *args, **kwargs):
        """Call NumPy's function, or whose it is: what code that runs is seen."""
        if self.watch is None or runs_alone(fun):
            return fun(*args, **kwargs)
        sys.setprofile(self.watch)
        try:
            return fun(*args, **kwargs)
        finally:
            sys.setprofile(None)

    def taken(self, fun: Callable, args: tuple, kwargs: dict | None):
        kwargs = dict(kwargs or {})
        if not self.open:
            refuse("an array of an earlier recording was used: it was kept outside the jitted function; return it")
        fun, args, kwargs = canonical(fun, args, kwargs)
        if fun is np.where and len(args) == 3 and getattr(args[0], "dtype", BOOL) != BOOL:
            args = (self.call(np.not_equal, (args[0], 0)), *args[1:])  # as np.where takes it
        if fun is np.copyto:
            return self.copy(*args, **kwargs)
        targets = kwargs.pop("out", None)
        targets = () if targets is None else targets if type(targets) is tuple else (targets,)
        writes = (
            fun in IN_PLACE
            or facts_about(fun).writes
            or getattr(fun, "__name__", "") == "at"
            and isinstance(getattr(fun, "__self__", None), np.ufunc)
        )
        if self.is_plain(args, kwargs, targets or args[:1] if writes else targets):
            into = replaced(targets, concrete)
            out = {"out": into[0] if len(into) == 1 else into} if into else {}
            result = self.constant(self.run(fun, *replaced(args, concrete), **replaced(kwargs, concrete), **out))
            return result if not targets else targets[0] if len(targets) == 1 else targets
        if not {"raise", "call"}.isdisjoint(np.geterr().values()):
            refuse("np.errstate(... 'raise' or 'call') depends on values: use it outside the jitted function")
        values, options = replaced(args, concrete), replaced(kwargs, concrete)
        if (why := depends_on_values(fun, args, kwargs, values)) is not None:
            refuse(why)
        for target in targets:
            self.written_by(target)
        if targets:
            outs = tuple(t.value if type(t) is StandIn else t for t in targets)
            written = tuple(None if t is None else self.operand(t) for t in targets)
            operands = replaced(args, self.operand), replaced(kwargs, self.operand)
            self.run(fun, *values, **options, out=outs if len(outs) > 1 or isinstance(fun, np.ufunc) else outs[0])
            if options.get("where", True) is True:
                self.write(planned_as(fun, values, options), fun, *operands, written)
            else:  # the rest of the target stays, so that it is an operand too
                operands[1]["out"] = written if len(written) > 1 else written[0]
                self.write("writer", fun, *operands, (), writes=written)
            given = tuple(t if type(t) is StandIn else StandIn(t, self) for t in targets)
            return given[0] if len(given) == 1 else given
        if writes:
            self.written_by(args[0])
            operands = replaced(args, self.operand), replaced(kwargs, self.operand)
            self.run(fun, *values, **options)
            self.write("writer", fun, *operands, (), writes=(operands[0][0],))
            return None
        result = self.run(fun, *values, **options)
        if facts_about(fun).describes:
            return result
        return self.results(fun, args, kwargs, values, options, result)

    def written_by(self, target) -> None:
        """Refuse a write to an array that f made itself and may read past the recording.

        What x += y leaves in x is a stand-in: only where something else refers to the array could it be read.
        """
        if target is None or type(target) is StandIn:
            return
        frame, alone, self.alone = calling_frame(), self.alone, False
        if frame is None or frame.f_code.co_filename.startswith(NOBODYS[0]) or alone and is_inplace(frame):
            return
        refuse(
            "an array made without a tensor is written to, and what is done with it then would not be "
            "repeated: make it with np.empty_like(x) or np.zeros_like(x) of an argument or tensor"
        )

    def results(self, fun, args, kwargs, values, options, result):
        """Stand-ins for what a call returned; views of known memory need no instruction."""
        many = isinstance(result, (tuple, list))
        parts = [np.asarray(r) if isinstance(r, np.generic) else r for r in (result if many else [result])]
        if not all(isinstance(r, ndarray) for r in parts):
            refuse(
                f"{getattr(fun, '__name__', fun)} gives a Python {type(result).__name__}, which a replay would not see "
                "change; write it with functions that give arrays, as (x == y).all()"
            )
        if all(self.is_known(r) for r in parts):
            self.only_views(fun, (args, kwargs), parts)
        else:
            operands = replaced(args, self.operand), replaced(kwargs, self.operand)
            self.write(planned_as(fun, values, options), fun, *operands, tuple(self.view(r) for r in parts))
        of_scalar = len(args) > 0 and type(args[0]) is StandIn and args[0].scalar
        scalars = [
            r is not s or of_scalar and not r.shape and self.view(r).storage == self.view(args[0].value).storage
            for r, s in zip(parts, result if many else [result])
        ]
        stand_ins = [StandIn(r, self, scalar=s) for r, s in zip(parts, scalars)]
        if not many:
            return stand_ins[0]
        return type(result)(*stand_ins) if hasattr(result, "_fields") else type(result)(stand_ins)

    def only_views(self, fun, operands, parts: list[ndarray]) -> None:
        """Refuse views whose place depends on the value of an operand, as on the axis."""
        owners = {id(root_of(part)) for part in parts}

        def check(value):
            if type(value) is StandIn and id(root_of(value.value)) not in owners and not value.is_fixed:
                refuse(
                    f"which part of memory {fun.__name__} gives depends on an operand's value; pass a Python number: "
                    "a program is recorded for each"
                )

        replaced(operands, check)

    def is_known(self, array: ndarray) -> bool:
        return id(root_of(array)) in self.roots

    def copy(self, target, source, casting="same_kind", where=True):
        """np.copyto, the one instruction for all that only moves elements."""
        self.written_by(target)
        if self.is_plain((source, where), {}, (target,)):
            return np.copyto(concrete(target), concrete(source), casting=casting, where=concrete(where))
        operands = replaced((source, where), self.operand)
        written = self.operand(target)
        np.copyto(concrete(target), concrete(source), casting=casting, where=concrete(where))
        if where is True:
            self.write("copy", np.copyto, operands[:1], {}, (written,))
        else:
            self.write("writer", masked_copy, (written, *operands), {}, (), writes=(written,))

    def fresh(self, array: ndarray, source, scalar: bool = False) -> Any:
        """A new array, or scalar, filled from `source` if there is one."""
        if type(source) is StandIn and self.is_fixed(source):
            np.copyto(array, source.value, casting="unsafe")
            return array[()] if scalar else self.constant(array)
        self.view(array)
        target = StandIn(array, self, scalar=scalar)
        if source is not None:
            self.copy(target, source, casting="unsafe")
        return target

    def write(self, kind: str, fun, args, kwargs, out, writes=()) -> None:
        self.program.append(Instruction(kind, fun, args, kwargs, out, writes, line_of_user()))
        for view in (*out, *writes):
            storage = self.storages[view.storage]
            if storage.kind == "constant" and storage.seen is not None:
                storage.seen = storage.array.tobytes()
            self.fixed.discard(view.storage)
        changes = kind in ("random", "host") or any(
            self.storages[v.storage].kind in ("state", "input") for v in (*out, *writes)
        )
        if changes and in_rule():
            refuse(
                "a rule of a derivative draws a random number or writes into an array that was there before, and a "
                "careful pass asks it twice: do so in the operation itself, and let the rule read it"
            )
        self.effects |= changes

    # ---- what is not NumPy --------------------------------------------------------------------------------

    def host(self, fun: Callable[[], tuple]) -> tuple:
        """Numbers that Python computes at every replay."""
        numbers = fun()
        self.hosts.append(fun)
        call = len(self.hosts) - 1
        self.write("host", fun, (call,), {}, ())
        return tuple([StandIn(n, self, Number(call, i)) for i, n in enumerate(numbers or ())])

    def made(self, array: ndarray) -> None:
        """Note an array that f made and may write tensors into."""
        self.own[id(array)] = array

    def writable(self, array: ndarray):
        """The array before it is written into: one that f made is filled anew at every replay."""
        return self.fresh(array.copy(), array) if self.own.pop(id(array), None) is array else array

    def outside_only(self, what: str) -> None:
        refuse(f"{what} was made, which goes on from one call to the next: make it outside the jitted function")

    def whole(self, fun: Callable, args: tuple, kwargs: dict):
        """A function whose steps depend on values, as one call if it has to do with stand-ins."""
        found = []
        replaced((args, kwargs), lambda value: found.append(type(value)))
        return self.call(fun, args, kwargs) if StandIn in found else fun(*args, **kwargs)

    def assume(self, value: StandIn, ask: Callable[..., bool]) -> bool:
        """What is answered about a value, which each replay asks again."""
        answer = ask(value.value)
        if not self.is_fixed(value):
            self.write("guard", ask, (self.operand(value), answer), {}, ())
        return answer

    def written_inputs(self) -> set[int]:
        """The inputs that have been changed in place."""
        changed = (self.storages[v.storage] for i in self.program for v in i.changed())
        return {storage.where for storage in changed if storage.kind == "input"}

    def finish(self) -> None:
        """No more calls. A constant must still be what it was when it was read."""
        self.open = False
        if self.refusal is not None:
            raise self.refusal
        for storage in self.storages:
            self.same(storage)
            if storage.kind == "constant" and storage.where is None:
                storage.kind = "unread"

    @staticmethod
    def same(storage: Storage) -> None:
        """Refuse an array that was changed by a call that did not come by here."""
        if storage.kind == "constant" and storage.seen is not None and storage.array.tobytes() != storage.seen:
            refuse(
                f"an array of shape {storage.array.shape} was changed without a tensor, which a replay would not "
                "repeat: make it with np.zeros_like(x) of an argument or tensor"
            )

    def constants(self) -> list[tuple[ref, bytes | None]]:
        """The arrays that f used without anybody having told of them, and what was in them."""
        found = [s for s in self.storages if s.kind == "constant" and s.seen is not None]
        return [(ref(s.array), s.seen) for s in found if s.array.flags.writeable]

    def release(self) -> None:
        """A program keeps no array alive but its constants."""
        self.roots.clear()
        self.own.clear()
        for storage in self.storages:
            storage.array = None

    def draw(self, method, args, kwargs):
        """A call of a random stream's method."""
        outs = kwargs.pop("out", None)
        if method.__name__ == "shuffle":
            refuse("random shuffle writes in place; use permutation, or permuted")
        result = method(
            *replaced(args, concrete), **replaced(kwargs, concrete), **({} if outs is None else {"out": concrete(outs)})
        )
        array = np.asarray(result)
        view = self.view(array) if outs is None else self.operand(outs)
        self.write("random", method, replaced(args, self.operand), replaced(kwargs, self.operand), (view,))
        return StandIn(array, self, scalar=array is not result) if outs is None else outs

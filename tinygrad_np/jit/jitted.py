"""A jitted function: it finds the program of a call, or records one."""

from __future__ import annotations

import functools
import os
import threading
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.modes import mode
from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from ..engine.tracing import recorder
from ..transforms.containers import flatten
from .errors import Differs, LiesElsewhere
from .places import PLAIN_ARRAYS
from .program import Program
from .reach import Settle
from .recording import Recording

ndarray = np.ndarray
TURNS = threading.RLock()  # a recording changes np.asarray and the arrays of tensors while it lasts
LOUD = {"raise", "call", "print", "log"}  # what np.errstate may ask for, and a replay does not do
TRIES = 8  # recordings in a row that came to nothing, before the function itself is run for good


def turns_in_child() -> None:
    """After a fork it is nobody's turn: the thread whose it was is not there."""
    global TURNS
    TURNS = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=turns_in_child)


class Jitted:
    """A jitted function: `programs` are what it has recorded; printing one shows its instructions."""

    def __init__(self, f: Callable, max_programs: int):
        functools.update_wrapper(self, f, updated=())  # a second dict of its attributes would hold their arrays
        self.f = f
        self.max_programs = max_programs
        self.recordings = 0
        self._programs: OrderedDict[int, Program] = OrderedDict()
        self._last: Program | None = None
        self._failed = 0  # recordings in a row that came to nothing
        self._astray = 0  # calls in a row for which there was a program that could not be run
        self._told = False  # whether the user knows
        self._why = "what it leaves behind is new each time: keep it in arrays that are there before"
        self._eager = False  # whether no more are made

    def __call__(self, *args, **kwargs):
        # another recording sees the function itself, and so does who wants to hear of errors
        if recorder.get() is None and LOUD.isdisjoint(np.geterr().values()):
            with TURNS:
                try:
                    result = self._call(args, kwargs)
                    self._astray = 0
                    return result
                except Differs as met:
                    if met.args and not self._eager:
                        self.went_astray(met.args[0])
        return self.f(*args, **kwargs)

    def _call(self, args: tuple, kwargs: dict):
        last, now = self._last, mode.get()
        moved: list[int] = []  # how often programs that fit had to find arrays elsewhere
        if last is not None and not kwargs and last.mode is now and last.takes(args) and last.state.unchanged():
            try:
                return last(args)
            except LiesElsewhere:
                self._last = None
                moved.append(last.moved)
        if now is not None and (now.transforms or now.watch is not None):
            raise Differs  # a transform, or a debugger, sees the function itself
        leaves, paths, rebuild = flatten((args, kwargs))
        if any(type(a) in TENSORS and a._node.tracked and type(a._node) is not Leaf for a in leaves):
            raise Differs
        key = (now, tuple(paths), tuple(map(leaf_signature, leaves)), repeated(leaves))
        for program in self.programs:
            if (
                program.key == key
                and not (moved and program is last)
                and program.state.unchanged()
                and program.state.same_arguments(leaves)
            ):
                flat = not kwargs and len(leaves) == len(args) and all(a is b for a, b in zip(leaves, args))
                self._last = program if flat else None
                self._programs.move_to_end(id(program))
                try:
                    return program(leaves)
                except LiesElsewhere:
                    moved.append(program.moved)
        if self._eager or not all(map(is_time, moved)):  # they may be on their way back: wait, and then longer
            raise Differs
        if self.recordings >= 2 * self.max_programs and len(self._programs) == self.max_programs:
            self.stay_eager(
                f"{self.recordings} programs have been recorded and {self.max_programs} are kept: pad arguments to a "
                "few shapes, or raise max_programs"
            )
            raise Differs
        if self._failed >= TRIES:
            self.stay_eager(self._why)
            raise Differs
        self.recordings += 1
        self._failed += 1
        recording = self.record(args, kwargs, leaves, rebuild)
        new = Program(key, recording)
        recording.drop()
        self._programs[id(new)] = new
        while len(self._programs) > self.max_programs:
            self._programs.popitem(last=False)
        if not new.state.unchanged():  # it makes an optimizer ready
            raise Differs
        result = new(leaves)
        new.part()
        self._failed = 0
        return result

    def record(self, args: tuple, kwargs: dict, leaves: list, rebuild: Callable) -> Recording:
        """A recording of this call."""
        hosts: list = []
        while True:
            try:
                return Recording(self.f, args, kwargs, leaves, rebuild, hosts)
            except Settle as met:  # an optimizer, after arrays had been taken: it has to be looked at first
                hosts.append(met.host)

    def went_astray(self, why: str) -> None:
        """A program could not be run; where that goes on, say so once."""
        self._why = why
        self._astray += not self._failed  # a recording that comes to nothing has a limit of its own
        if self._astray == TRIES and not self._told:
            self._told = True
            warnings.warn(f"jit: {self._name} was run as it is {TRIES} times in a row: {why}", stacklevel=3)

    def stay_eager(self, why: str) -> None:
        """Record no more, and say so once."""
        self._eager = True
        warnings.warn(f"jit: {self._name} is run as it is from now on where no program fits: {why}", stacklevel=4)

    @property
    def _name(self) -> str:
        return getattr(self.f, "__name__", type(self.f).__name__)

    @property
    def programs(self) -> list[Program]:
        """What was recorded and is kept, the most recently used first."""
        return list(reversed(self._programs.values()))

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__" or name == "f":
            raise AttributeError(name)
        return getattr(self.f, name)

    def __jit_state__(self) -> tuple:
        return (self.f,)  # what another recording, which sees f itself, can reach through it

    def __reduce__(self) -> tuple:
        return Jitted, (self.f, self.max_programs)  # a copy records for itself

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.f, '__name__', self.f)}, {len(self._programs)} programs>"


def is_time(moved: int) -> bool:
    """Whether to record anew a program that so often found arrays elsewhere: the 2nd, 8th, 32nd ... time."""
    return not moved & (moved - 1) and moved.bit_length() % 2 == 0


def leaf_signature(leaf) -> Any:
    """What a program is specialized to, of one argument."""
    if isinstance(leaf, ndarray):  # others have an arithmetic of their own
        return (leaf.shape, leaf.dtype) if type(leaf) in PLAIN_ARRAYS else (type(leaf), leaf.shape, leaf.dtype)
    if type(leaf) in TENSORS:
        return Leaf, leaf.shape, leaf.dtype, leaf._node.tracked, leaf.grad is None
    if isinstance(leaf, np.generic):
        return (), leaf.dtype
    if type(leaf) is slice:
        return slice, leaf.start, leaf.stop, leaf.step
    try:
        hash(leaf)
    except TypeError:
        return id(leaf)
    return type(leaf), repr(leaf) if type(leaf) in (float, complex) else leaf


def repeated(leaves: list) -> tuple:
    """For each Tensor among the arguments, where it stands first: given twice, it gathers both gradients."""
    first: dict[int, int] = {}
    return tuple([first.setdefault(id(a), i) for i, a in enumerate(leaves) if type(a) in TENSORS])

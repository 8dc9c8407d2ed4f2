"""A jitted function: it finds the program of a call, or records one."""

from __future__ import annotations

import functools
import threading
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.modes import mode
from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from ..engine.tracing import recorder
from ..transforms.containers import flatten
from .program import Program
from .recording import Recording
from .replay import Differs
from .state import Settle

ndarray = np.ndarray
TURNS = threading.RLock()  # a recording changes np.asarray and the arrays of tensors while it lasts


class Jitted:
    """A jitted function: `programs` are what it has recorded; printing one shows its instructions."""

    def __init__(self, f: Callable, max_programs: int):
        functools.update_wrapper(self, f, updated=())  # a second dict of its attributes would hold their arrays
        self.f = f
        self.max_programs = max_programs
        self.recordings = 0
        self._programs: OrderedDict[int, Program] = OrderedDict()
        self._last: Program | None = None

    def __call__(self, *args, **kwargs):
        if recorder.get() is None:  # another recording sees the function itself
            with TURNS:
                try:
                    return self._call(args, kwargs)
                except Differs:
                    pass
        return self.f(*args, **kwargs)

    def _call(self, args: tuple, kwargs: dict):
        last, now = self._last, mode.get()
        if last is not None and not kwargs and last.mode is now and last.takes(args) and last.state.unchanged():
            return last(args)
        if now is not None and (now.transforms or now.watch is not None):
            raise Differs  # a transform, or a debugger, sees the function itself
        leaves, paths, rebuild = flatten((args, kwargs))
        if any(type(a) in TENSORS and a.node.tracked and type(a.node) is not Leaf for a in leaves):
            raise Differs
        key = (now, tuple(paths), tuple(map(signature, leaves)), repeated(leaves))
        for program in reversed(self._programs.values()):
            if program.key == key and program.state.unchanged() and program.state.same_arguments(leaves):
                flat = not kwargs and len(leaves) == len(args) and all(a is b for a, b in zip(leaves, args))
                self._last = program if flat else None
                self._programs.move_to_end(id(program))
                return program(leaves)
        self.recordings += 1
        hosts: list = []
        while True:
            try:
                recording = Recording(self.f, args, kwargs, leaves, rebuild, hosts)
                break
            except Settle as met:  # an optimizer, after arrays had been taken: it has to be looked at first
                hosts.append(met.host)
        for step in (*recording.finals, recording.arguments):
            step.first()
        new = Program(key, recording)
        self._programs[id(new)] = new
        while len(self._programs) > self.max_programs:
            self._programs.popitem(last=False)
        return recording.again(recording.values)

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


def signature(leaf) -> Any:
    """What a program is specialized to, of one argument."""
    if isinstance(leaf, ndarray):
        return leaf.shape, leaf.dtype
    if type(leaf) in TENSORS:
        return Leaf, leaf.shape, leaf.dtype, leaf.node.tracked, leaf.grad is None
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

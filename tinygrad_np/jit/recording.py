"""One recording: f runs on stand-ins, and in the end everything outside is put back, whatever has happened.

A signal may come between any two instructions of Python. So what belongs to the whole process (NumPy's functions, the
garbage collector, the profiler) is changed and put back by single calls of C code, each the first thing in its
finally clause; and what belongs to the user is put back by a step that is done again if it was interrupted.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from ..engine.tracing import recorder
from ..transforms.containers import flatten
from .arguments import GivenInputs, array_like
from .conversions import conversions
from .errors import Differs
from .exchange import Final, Swap
from .outputs import Output, output
from .places import package_of
from .reach import Reach, Settle
from .record import Tape
from .watching import watcher

GONE = np.empty(0)
ATTEMPTS = 5  # at putting everything back, should signals keep coming


class Recording:
    """What a run of f has shown: the tape, the state that it depends on, and what it leaves and returns."""

    def __init__(self, f: Callable, args: tuple, kwargs: dict, leaves: list, rebuild: Callable, hosts: list):
        self.f, self.leaves = f, leaves
        self.name, self.parameters = getattr(f, "__name__", type(f).__name__), parameter_names(f)
        self.tape, self.reach = Tape(), Reach(package_of([*inner(f), f][0]))
        self.swap, self.arguments = Swap(self.reach, self.tape), GivenInputs(leaves, self.tape)
        self.finals: list[Final] = []
        self.outputs: list[Output] = []
        self.again: Any = None  # puts the values of a result in their places
        self.process: list[Callable] = []  # what puts the process back, for a child that is forked meanwhile
        self.thread = threading.get_ident()
        error: BaseException | None = None
        left = ATTEMPTS
        try:
            global now_recording
            now_recording = self
            recorder.set(self.tape)
            self.run(rebuild, hosts)
        except BaseException as raised:
            error = raised
        while left:  # nothing is called before the try, so no signal comes before it
            try:
                recorder.set(None)
                self.put_back()
                break
            except BaseException as interrupt:
                left, error = left - 1, interrupt
        now_recording = None
        if error is not None:
            told, error = self.told(error), None
            self.drop()
            raise told

    def run(self, rebuild: Callable, hosts: list) -> None:
        """Prepare, run f, and look at what it has done."""
        reach, tape, swap, arguments = self.reach, self.tape, self.swap, self.arguments
        for host in hosts:
            reach.follow(host, type(host).__name__)
        reach.follow(self.f, getattr(self.f, "__name__", type(self.f).__name__))
        for i, leaf in enumerate(self.leaves):
            if not array_like(leaf):
                reach.follow(leaf, f"argument {i}")
        for function in inner(self.f):
            reach.begin(function)
        swap.take()
        arguments.forth()
        given = rebuild(arguments.stand_ins)
        result = self.call(given)
        tape.ran, tape.code = self.f, reach.ran.values()
        if tape.refusal is not None:
            raise tape.refusal
        if arguments.lost() or any(id(box) in reach.seen for box in arguments.containers(given)):
            raise Differs
        arguments.same(given)
        self.finals = swap.results(arguments)
        out, _, self.again = flatten(result)
        self.outputs = [output(o, tape, reach) for o in out]
        arguments.gather()
        tape.finish()
        if reach.imported:
            raise Differs  # what the modules held was not seen

    def call(self, given) -> Any:
        """f on its stand-ins, with every call seen."""
        args, kwargs = given
        reach = self.reach
        watch = watcher(self.swap.meet, reach.ran, reach.cached, self.keeps)
        patch, unpatch = conversions(self.tape)
        profiler: Any = sys.getprofile()
        profiling = callable(profiler) or profiler is None
        unwatch = sys.setprofile if profiling else profiler.enable
        others = (profiler,) if profiling else ()
        collect = gc.enable if gc.isenabled() else int
        self.process = [unpatch, collect]
        try:
            patch()
            try:
                gc.disable()  # what runs when garbage is collected is none of f's calls
                try:
                    self.tape.watch = watch
                    sys.setprofile(watch)
                    return self.f(*args, **kwargs)
                finally:
                    unwatch(*others)
                    self.tape.watch = None
            finally:
                collect()
        finally:
            unpatch()

    def keeps(self) -> None:
        """A cache is about to keep what f computes: it must not keep a stand-in."""
        self.tape.refusal = Differs()
        raise self.tape.refusal

    def put_back(self) -> None:
        """Everything outside is as it was: what f does, a replay does."""
        self.swap.undo()
        self.arguments.undo()
        self.swap.back()

    def drop(self) -> None:
        """Keep no array alive: the engine counts who else has one."""
        self.tape.open = False
        for stand_in in self.tape.living():  # circles may keep them until garbage is collected
            stand_in.value = GONE
        self.tape.alive.clear()
        self.tape.stand_ins.clear()
        self.tape.release()
        self.swap.entries.clear()
        self.swap.backup.clear()
        self.reach.clear()
        self.arguments.keep.clear()

    def told(self, error: BaseException) -> BaseException:
        """What the caller is told: what was refused, an interrupt; an error of f's own is left to f itself."""
        if isinstance(error, Exception):
            if self.reach.imported:
                return Differs()
            return self.tape.refusal.with_traceback(None) if self.tape.refusal is not None else Differs()
        return error if not isinstance(error, Settle) else error.with_traceback(None)


now_recording: Recording | None = None


def in_child() -> None:
    """After a fork there is nobody to end a recording that another thread was in the middle of."""
    global now_recording
    now, now_recording = now_recording, None
    if now is not None and now.thread != threading.get_ident():
        for step in now.process:
            step()
        now.put_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_child)


def parameter_names(f: Callable) -> list[str]:
    """The names of a function's parameters, as far as Python tells."""
    try:
        return list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return []


def inner(f: Any) -> list[FunctionType]:
    """The functions that a call of f begins with: itself, what it is a method or a partial of, what it transforms."""
    found, stack = [], [f]
    while stack:
        g = stack.pop()
        g = getattr(g, "__func__", getattr(g, "func", g))
        if isinstance(g, FunctionType) and g not in found:
            found.append(g)
            if package_of(g) == __package__.partition(".")[0]:
                stack += [cell.cell_contents for cell in g.__closure__ or ()]
    return found

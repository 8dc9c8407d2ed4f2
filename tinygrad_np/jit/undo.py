"""Undoing: what a replay has changed outside is put back where a later call of it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .instruction import may_fail
from .plan import Layout


class Undo:
    """What has been changed outside when the last call comes that may fail; nothing to do for most programs."""

    def __init__(self, plan: Layout, bases: list[Any], hosts: list[Any]):
        program = [i for step in plan.steps for i in step.instructions]
        end = max((n for n, i in enumerate(program) if may_fail(i)), default=-1) + 1
        kinds = {v.storage: plan.storages[v.storage] for i in program[:end] for v in i.changed()}
        self.inputs = [s.where for s in kinds.values() if s.kind == "input"]
        self.memory = [np.frombuffer(bases[n], np.uint8) for n, s in kinds.items() if s.kind == "state"]
        self.streams = [i.fun.__self__.bit_generator for i in program[:end] if i.kind == "random"]
        self.hosts = hosts if any(i.kind == "host" for i in program[:end]) else []
        self.needed = bool(self.inputs or self.memory or self.streams or self.hosts)

    def mark(self, arrays: list[np.ndarray]) -> Callable[[], None]:
        """A call that puts all back as it is now; `arrays` are the inputs."""
        kept = [(a, a.copy()) for a in (*self.memory, *(arrays[n] for n in self.inputs))]
        states = [(stream, stream.state) for stream in self.streams]
        numbers = [host.__jit_mark__() for host in self.hosts]

        def back() -> None:
            for array, was in kept:
                array[...] = was
            for stream, state in states:
                stream.state = state
            for undo in numbers:
                undo()

        return back

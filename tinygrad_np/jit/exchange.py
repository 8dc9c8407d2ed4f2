"""The exchange: stand-ins take the places of the arrays of the state while f runs, and leave them as f would.

What f replaced keeps its array, with new contents; what it made new is set after every replay; and what a
replay could not repeat is refused, with everything put back.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from ..engine.operation import Operation
from ..engine.tape import Leaf, Node
from .arguments import Arguments
from .instruction import View
from .reach import ABSENT, SCALARS, Place, inside_of, vars_of
from .record import Tape
from .refusing import refuse
from .stand_in import RecordedGenerator, StandIn
from .state import State, alike

ndarray = np.ndarray


class Final:
    """A place outside that holds a new array, or None, after each call."""

    def __init__(self, place: Place, stand_in: StandIn | None, view: View | None):
        self.place, self.stand_in, self.view = place, stand_in, view
        kind = None if stand_in is None or view is None else stand_in.tape.storages[view.storage].kind
        self.outside = kind == "state"  # that array itself

    def first(self) -> None:
        """What the recording call leaves there."""
        if self.stand_in is None:
            self.place.set(None)
        else:
            self.place.set(self.stand_in.value if self.outside else np.array(self.stand_in.value))
        self.stand_in = None


class Outside(Operation):
    """The operation of a tensor that was computed before: a replay would go back through that graph, not a new one."""

    name = "an operation outside the jitted function"
    kind = "outside"

    def pull_all(self, node, ct, lift):
        refuse(
            "backward would go on to a graph that was made outside; compute that tensor inside the jitted function, "
            "or detach it"
        )


OUTSIDE = Outside()


class Swap:
    """Stand-ins in the places of the state, and the way back."""

    def __init__(self, state: State, tape: Tape):
        self.state, self.tape = state, tape
        self.made: dict[int, Any] = {}
        self.entries: dict[tuple[int, Any], tuple[Place, Any]] = {}
        self.random = np.random.get_state(), random.getstate()
        self.nodes = [
            (t, t.node, t.node.exposed, t.node.changed if isinstance(t.node, Leaf) else 0) for t, _ in state.tensors
        ]
        self.ends: dict[int, Node] = {}  # where the tape ends for now, by the id of a tensor with a history
        for tensor, node, _, _ in self.nodes:
            if not isinstance(node, Leaf):
                self.ends[id(tensor)] = end = Node(OUTSIDE, (), (), node.shape, node.dtype)
                end.serial = node.serial
        self.stand_ins = []
        for place in state.places:
            value = place.get()
            self.entries[place.spot] = place, value
            if isinstance(value, np.random.Generator):
                if id(value) not in self.made:
                    self.made[id(value)] = RecordedGenerator(value, tape)
                self.stand_ins.append(self.made[id(value)])
            else:
                self.stand_ins.append(tape.stand_in(value, "state", place))
        self.backup: list[tuple[Any, Any]] = [
            (v, v.bit_generator.state if isinstance(v, np.random.Generator) else v.copy())
            for _, v in self.entries.values()
        ]

    def forth(self) -> None:
        """Put the stand-ins in their places; nothing else may hold them, because the engine counts references."""
        for tensor, node, _, _ in self.nodes:
            if type(node) is Leaf:
                node.exposed = None
            elif id(tensor) in self.ends:
                tensor.node = self.ends[id(tensor)]
        for place, stand_in in zip(self.state.places, self.stand_ins):
            place.set(stand_in)
        del self.stand_ins

    def view(self, place: Place) -> View:
        return self.tape.view(self.entries[place.spot][1])

    def back(self) -> None:
        """The arrays return to their places."""
        for place, value in self.entries.values():
            if type(place.get()) in (StandIn, RecordedGenerator):
                place.set(value)
        for tensor, node, exposed, _ in self.nodes:
            if type(node) is Leaf:
                node.exposed = exposed
            elif tensor.node is self.ends.get(id(tensor)):
                tensor.node = node

    def undo(self) -> None:
        """After an error everything outside is as it was."""
        np.random.set_state(self.random[0])
        random.setstate(self.random[1])
        for box, was in self.state.snapshot:
            box.clear()
            box.update(was) if isinstance(box, (dict, set)) else box.extend(was)
        for place, value in self.entries.values():
            place.set(value)
        for cell, content in zip(self.state.cells, self.state.cell_values):
            cell.cell_contents = content
        for names, keys, values in self.state.global_values:
            for key, value in zip(keys, values):
                if vars_of(names).get(key, ABSENT) is not value:
                    names.__setitem__(key, value) if isinstance(names, dict) else setattr(names, key, value)
        for value, copy in self.backup:
            if isinstance(value, np.random.Generator):
                value.bit_generator.state = copy
            elif value.tobytes() != copy.tobytes():
                value[...] = copy
        for tensor, node, _, changed in self.nodes:
            tensor.node = node
            if type(node) is Leaf:
                node.changed = changed
        for leaf, had in zip(self.state.grads, self.state.had_grad):
            if not had:
                leaf.grad = None

    def results(self, after: State, arguments: Arguments) -> tuple[list[Final], bool]:
        """Copies back into the state's arrays for what f replaced there; what it made new; whether it can recur."""
        finals: list[Final] = []
        seen = set()
        self.moved = self.elsewhere(after.places)
        replayable = self.unchanged_otherwise(after, arguments)
        for place in after.places:
            key, value = place.spot, place.get()
            if key in seen:
                continue
            seen.add(key)
            if key in self.entries:
                replayable &= self.returned(place, value, finals)
            elif type(value) is StandIn:
                finals.append(Final(place, value, self.tape.operand(value)))
                replayable &= not finals[-1].outside or isinstance(place.holder, Leaf)  # a gradient may be a copy
            else:
                replayable = False
        for key, (place, _) in self.entries.items():
            if key not in seen:
                value = place.get()
                if value is None:
                    finals.append(Final(place, None, None))
                else:
                    replayable &= value is not ABSENT and self.returned(place, value, finals)
        return finals, replayable

    def elsewhere(self, places: list[Place]) -> set[int]:
        """The ids of the arrays of the state that f has put into another place."""
        known = {id(array) for _, array in self.entries.values()}
        found = set()
        for place in places:
            value = place.get()
            if type(value) is StandIn and id(value.value) in known:
                _, was = self.entries.get(place.spot, (None, None))
                if value.value is not was:
                    found.add(id(value.value))
        return found

    def returned(self, place: Place, value, finals: list) -> bool:
        """An entry of the state whose array f replaced keeps its array, with the new contents."""
        _, array = self.entries[place.spot]
        if isinstance(array, np.random.Generator):
            return value is self.made[id(array)]
        if type(value) is not StandIn and not isinstance(value, ndarray):
            return False
        if type(value) is StandIn:
            view = self.tape.operand(value)
            if view == self.tape.view(array):
                return True
            elsewhere = self.tape.storages[view.storage].kind == "state"
            if elsewhere and not isinstance(place.holder, Leaf):  # it moved into another part of the state, once
                finals.append(Final(place, value, view))
                return False
        fits = value.shape == array.shape and value.dtype == array.dtype and array.flags.writeable
        if not fits or id(array) in self.moved:
            if type(value) is StandIn:
                finals.append(Final(place, value, self.tape.operand(value)))
            return False
        self.tape.copy(StandIn(array, self.tape), value, casting="unsafe")
        place.set(array)
        return True

    def unchanged_otherwise(self, after: State, arguments: Arguments) -> bool:
        """Refuse Python side effects that a replay would not have; False where a container has grown."""
        state, same = self.state, True
        for (box, was), (_, name) in zip(state.snapshot, state.containers):
            if id(box) in state.on_host:
                continue
            if not isinstance(box, dict) and len(box) != len(was):
                refuse(
                    f"the {type(box).__name__} {name} changed its length, which a replay would not repeat; "
                    "return the new elements"
                )
            keys = was if isinstance(was, dict) else range(len(was))
            same &= len(box) == len(was)
            now = box if isinstance(box, dict) else list(box)
            for key in keys:
                new = box.get(key, ABSENT) if isinstance(box, dict) else now[key]
                same &= self.entry(was[key], new, f"{name}.{key}" if isinstance(box, dict) else f"{name}[{key}]")
        for cell, was in zip(state.cells, state.cell_values):
            same &= self.entry(was, cell.cell_contents, "a variable of an outer function")
        for names, used, values in state.global_values:
            for key, value in zip(used, values):
                same &= self.entry(value, vars_of(names).get(key, ABSENT), f"the global {key}")
        for (tensor, node, _, _), (_, name) in zip(self.nodes, state.tensors):
            if tensor.node is not self.ends.get(id(tensor), node):
                if tensor.is_leaf:
                    refuse(f"requires_grad of {name} was set, which a replay would not repeat; set it outside")
                refuse(f"{name} was assigned to while its history is kept; use no_grad, or return it")
        old = {id(t) for t, _, _, _ in self.nodes} | set(arguments.tensors)
        for tensor, name in after.tensors:
            if id(tensor) not in old and type(tensor.array) is StandIn:
                refuse(f"{name} keeps a tensor that was computed inside; return it instead")
            same &= id(tensor) in old
        for name in after.held:
            refuse(f"{name} keeps an array that was computed inside; keep it in a list or a dict, or return it")
        streams, pythons = self.random
        if any(np.any(a != b) for a, b in zip(np.random.get_state(), streams)) or random.getstate() != pythons:
            refuse(
                "a global random stream was used, which a replay would not draw from again; "
                "use np.random.default_rng(seed) and keep it outside"
            )
        for (value, name), content in zip(state.hidden, state.contents):
            if inside_of(value) != content:
                refuse(
                    f"{name} ({type(value).__name__}) went on, which a replay would not repeat; use it outside, "
                    "or keep a np.random.Generator in a variable, attribute, list or dict"
                )
        return same and [o.__jit_guard__() for o in state.hosts] == state.structure

    @staticmethod
    def entry(was, now, name: str) -> bool:
        if was is now or isinstance(was, (ndarray, np.random.Generator)):
            return True
        if isinstance(was, SCALARS) and isinstance(now, SCALARS):
            if alike(was, now):
                return True
            refuse(
                f"{name} changed from {was!r} to {now!r}, which a replay would not repeat; change it outside the "
                "jitted function"
            )
        return type(now) is StandIn

"""The exchange: stand-ins take the places of the arrays of the state while f runs, and leave them as f would.

What f replaced keeps its array, with new contents; what it made new is set after every replay; and what a
replay could not repeat is refused, with everything put back.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict, deque
from types import FrameType
from typing import Any

import numpy as np

from ..engine.operation import Operation
from ..engine.tape import Leaf, Node, new_node
from .arguments import GivenInputs
from .errors import Differs
from .instruction import View
from .places import ABSENT, ONE_HOLDER, SCALARS, Spot, dict_of, holder_of, holders, inside_of, may_replace, namespace_of
from .reach import Reach
from .record import Tape
from .refusing import refuse, stored
from .stand_in import RecordedGenerator, StandIn
from .state import ONE_GRAD, grad_holders

ndarray = np.ndarray


class Final:
    """A place outside that holds a new array, or None, after each call."""

    def __init__(self, place: Spot, stand_in: StandIn | None, view: View | None):
        self.place, self.view = place, view
        kind = None if stand_in is None or view is None else stand_in.tape.storages[view.storage].kind
        self.outside = kind == "state"
        self.array = stand_in.value if stand_in is not None and self.outside else None  # what the first call leaves


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

    def __init__(self, reach: Reach, tape: Tape):
        self.reach, self.tape = reach, tape
        self.made: dict[int, Any] = {}  # the stand-ins of random streams
        self.entries: dict[tuple[int, Any], tuple[Spot, Any]] = {}
        self.shared: set[tuple[int, Any]] = set()  # places whose array something else refers to as well
        self.replaced: list[Spot] = []  # where f has put another array
        self.random = np.random.get_state(), random.getstate(), np.geterr()
        self.nodes: list[tuple] = []
        self.ends: dict[int, Node] = {}  # where the tape ends for now, by the id of a tensor with a history
        self.backup: list[tuple[Any, Any]] = []

    def meet(self, frame: FrameType) -> None:
        """Code that runs for the first time: what it could read gets stand-ins before its first instruction."""
        self.reach.meet(frame)
        if self.reach.new_places:
            self.take()

    def take(self) -> None:
        """Put stand-ins in the places that were found; nothing else may hold them: the engine counts references."""
        reach, tape = self.reach, self.tape
        for tensor, _ in reach.tensors[len(self.nodes) :]:
            node = tensor._node
            self.nodes.append((tensor, node, node.exposed, node.changed if isinstance(node, Leaf) else 0))
            if type(node) is Leaf:
                node.exposed = None
                if node.grad is not None and grad_holders(node) > ONE_GRAD:  # eager knows what to do
                    tape.refusal = Differs(
                        "gradients of the last call are kept; clear them, or copy what is to be kept"
                    )
                    raise tape.refusal
            elif not isinstance(node, Leaf):
                self.ends[id(tensor)] = end = new_node(OUTSIDE, (), (), node.shape, node.dtype)
                end.serial = node.serial
                tensor._node = end
        places, reach.new_places = reach.new_places, []
        ours = Counter(map(id, reach.values()))
        for place in places:
            kind = type(place.get())
            if place.spot in self.entries or kind in (StandIn, RecordedGenerator):
                continue
            self.entries[place.spot] = place, place.get()
            if issubclass(kind, np.random.Generator):
                stream = place.get()
                if id(stream) not in self.made:
                    self.made[id(stream)] = RecordedGenerator(stream, tape)
                    self.backup.append((stream, stream.bit_generator.state))
                place.set(self.made[id(stream)])
            else:  # counted before anything else refers to it: the place, our notes, and `entries`
                if holders(place) > ONE_HOLDER + ours[id(place.get())] + 1 or place.get().base is not None:
                    self.shared.add(place.spot)
                self.backup.append((place.get(), place.get().copy()))
                place.set(tape.stand_in(place.get(), "state", place))

    def view(self, place: Spot) -> View:
        return self.tape.view(self.entries[place.spot][1])

    def back(self) -> None:
        """The arrays return to their places."""
        for place, value in self.entries.values():
            if type(place.get()) in (StandIn, RecordedGenerator):
                place.set(value)
        for tensor, node, exposed, _ in self.nodes:
            if type(node) is Leaf:
                node.exposed = exposed
            elif tensor._node is self.ends.get(id(tensor)):
                tensor._node = node

    def undo(self) -> None:
        """Everything outside is as it was; this may be done again if it was interrupted."""
        reach = self.reach
        np.random.set_state(self.random[0])
        random.setstate(self.random[1])
        np.seterr(**self.random[2])
        for value, _, kind, own in reach.instances:
            if type(value) is not kind:
                object.__setattr__(value, "__class__", kind)
            if dict_of(value) is not own:
                object.__setattr__(value, "__dict__", own)
        for cls, order in reach.classes:
            if cls.__mro__ != order:
                cls.__bases__ = tuple(
                    c for c in order[1:] if not any(issubclass(b, c) for b in order[1:] if b is not c)
                )
        for box, was, _, _ in reach.boxes:
            restore(box, was)
        for space, _, known in reach.spaces.values():
            holder = holder_of(space)
            for k, v in known.items():
                put_back(Spot(holder, k, ""), v)
            for k in reach.added(space, known):
                put_back(Spot(holder, k, ""), ABSENT)
        for place, was in reach.slots:
            put_back(place, was)
        for cell, _, was in reach.cells:
            put_back(Spot(cell, "cell_contents", ""), was)
        for variable, was in reach.variables:
            put_back(Spot(variable, None, ""), was)
        for place, value in self.entries.values():
            place.set(value)
        for value, copy in self.backup:
            if isinstance(value, np.random.Generator):
                value.bit_generator.state = copy
            elif value.tobytes() != copy.tobytes():
                value[...] = copy
        for get, was in reach.still:
            array = get()
            if array is not None and array.tobytes() != was:
                array[...] = np.frombuffer(was, array.dtype).reshape(array.shape)
        for tensor, node, exposed, changed in self.nodes:
            tensor._node = node
            if type(node) is Leaf:
                node.changed, node.exposed = changed, exposed
        for leaf, had in zip(reach.grads, reach.had_grad):
            if not had:
                leaf.grad = None

    # ---- what f has done ----------------------------------------------------------------------------------

    def results(self, arguments: GivenInputs) -> list[Final]:
        """Copies back into the state's arrays for what f replaced there, and what it made new.

        Raises NotReplayable for what a replay would not repeat, and Differs where the next call may be another one.
        """
        finals: list[Final] = []
        seen: set = set()
        places = [*self.now(), *(Spot(leaf, "grad", "a gradient") for leaf in self.reach.grads)]
        self.refuse_others()
        known = {id(array) for _, array in self.entries.values()}
        moved = {  # arrays of the state that f has put into another place
            id(value.value)
            for place in places
            if type(value := place.get()) is StandIn
            and id(value.value) in known
            and self.entries.get(place.spot, (0, None))[1] is not value.value
        }
        for place in places:
            value, key = place.get(), place.spot
            if key in seen:
                continue
            seen.add(key)
            if key in self.entries:
                self.returned(place, value, finals, moved)
            elif type(value) is StandIn:
                finals.append(Final(place, value, self.tape.operand(value)))
                if finals[-1].outside and not isinstance(place.holder, Leaf):  # a gradient may be a copy
                    raise Differs
        for key, (place, _) in self.entries.items():
            if key not in seen:
                self.returned(place, place.get(), finals, moved)
        return finals

    def now(self) -> list[Spot]:
        """The places where f has put another value; refuses those that a replay would not have."""
        reach, found = self.reach, []
        for box, was, name, hosted in reach.boxes:
            if isinstance(box, dict):
                if hosted:
                    found += [Spot(box, k, f"{name}[{k!r}]") for k, v in box.items() if type(v) is StandIn]
                    continue
                for k in [*was, *(k for k in box if k not in was)]:
                    if box.get(k, ABSENT) is not was.get(k, ABSENT):
                        found.append(Spot(box, k, f"{name}.{k}" if type(k) is str else f"{name}[{k!r}]"))
                        self.entry(found[-1], was.get(k, ABSENT))
            elif len(box) != len(was):
                refuse(
                    f"the {type(box).__name__} {name} changed its length, which a replay would not repeat; "
                    "return the new elements"
                )
            else:
                for i, (a, b) in enumerate(zip(box, was)):
                    if a is not b:
                        found.append(Spot(box, i, f"{name}[{i}]"))
                        self.entry(found[-1], b)
        for space, label, known in reach.spaces.values():
            names = namespace_of(space)
            label = label or "the global "
            for k in [*known, *reach.added(space, known)]:
                if names.get(k, ABSENT) is not known.get(k, ABSENT):
                    found.append(Spot(holder_of(space), k, label + k))
                    self.entry(found[-1], known.get(k, ABSENT))
        singles = list(reach.slots)
        singles += [(Spot(c, "cell_contents", f"the variable {name}"), was) for c, name, was in reach.cells]
        singles += [(Spot(variable, None, f"the variable {variable.name}"), was) for variable, was in reach.variables]
        for place, was in singles:
            if place.get() is not was:
                found.append(place)
                self.entry(place, was)
        return found

    def entry(self, place: Spot, was) -> None:
        """Refuse another number at a place; a new object there may be made once, so the next call is recorded."""
        now, key = place.get(), place.spot
        if key in self.entries or type(now) is StandIn and was is None:
            return
        if isinstance(was, SCALARS) and isinstance(now, SCALARS) and may_replace(was, now):
            return
        line = stored(self.reach.ran.values(), self.variable(place))
        if isinstance(now, tuple):
            for i, part in enumerate(now):
                if type(part) is StandIn:
                    refuse(
                        f"{place.name}[{i}] keeps an array that was computed inside; keep it in a list or a dict, or "
                        "return it",
                        line,
                    )
        words = "was set" if was is ABSENT else "was removed"
        if isinstance(was, SCALARS) and isinstance(now, SCALARS):
            words = f"changed from {was!r} to {now!r}"
        elif now is not ABSENT and not (was is ABSENT and isinstance(now, SCALARS)):
            raise Differs
        refuse(f"{place.name} {words}, which a replay would not repeat; change it outside the jitted function", line)

    @staticmethod
    def variable(place: Spot):
        """The name by which code sets a place."""
        return (
            place.name.removeprefix("the variable ")
            if place.key == "cell_contents"
            else getattr(place.key, "__name__", place.key)
        )

    def returned(self, place: Spot, value, finals: list, moved: set[int]) -> None:
        """An entry of the state whose array f replaced keeps its array, with the new contents."""
        _, array = self.entries[place.spot]
        if isinstance(array, np.random.Generator):
            if value is not self.made[id(array)]:
                raise Differs
            return
        if value is None:
            finals.append(Final(place, None, None))
            return
        if type(value) is not StandIn and not isinstance(value, ndarray):
            raise Differs
        if type(value) is StandIn:
            view = self.tape.operand(value)
            if view == self.tape.view(array):
                return
            if self.tape.storages[view.storage].kind == "state" and not isinstance(place.holder, Leaf):
                raise Differs  # it moved into another part of the state, once
        fits = value.shape == array.shape and value.dtype == array.dtype and array.flags.writeable
        if not fits or id(array) in moved or self.is_held(place):
            raise Differs
        self.tape.copy(StandIn(array, self.tape), value, casting="unsafe")
        place.set(array)
        if not isinstance(place.holder, Leaf) and place.key != "_array":
            self.replaced.append(place)

    def is_held(self, place: Spot) -> bool:
        """Whether somebody has the array besides the place, and would see it change."""
        return place.spot in self.shared and not isinstance(place.holder, Leaf) and place.key != "_array"

    def refuse_others(self) -> None:
        """Refuse what f has done to what is not an entry of anything."""
        reach = self.reach
        for (tensor, node, _, _), (_, name) in zip(self.nodes, reach.tensors):
            if tensor._node is not self.ends.get(id(tensor), node):
                if tensor.is_leaf:
                    refuse(f"requires_grad of {name} was set, which a replay would not repeat; set it outside")
                refuse(f"{name} was assigned to while its history is kept; use no_grad, or return it")
        streams, pythons, errors = self.random
        if any(np.any(a != b) for a, b in zip(np.random.get_state(), streams)) or random.getstate() != pythons:
            refuse(
                "a global random stream was used, which a replay would not draw from again; "
                "use np.random.default_rng(seed) and keep it outside"
            )
        if np.geterr() != errors:
            refuse("np.seterr was called, which a replay would not do; call it outside, or use `with np.errstate`")
        for value, name, kind, own in reach.instances:
            if type(value) is not kind or dict_of(value) is not own:
                refuse(f"the class or the attributes of {name} were replaced; do so outside the jitted function")
        if any(cls.__mro__ != order for cls, order in reach.classes):
            refuse("the bases of a class were set; do so outside the jitted function")
        for value, name, content in reach.hidden:
            if inside_of(value) != content:
                refuse(
                    f"{name} ({type(value).__name__}) went on, which a replay would not repeat; use it outside, "
                    "or keep a np.random.Generator in a variable, attribute, list or dict"
                )
        for get, was in reach.still:
            array = get()
            if array is not None and array.tobytes() != was:
                refuse(
                    f"an array of shape {array.shape} that is kept in a tuple, or is a default, was changed, which a "
                    "replay would not repeat; keep it in a list, a dict or an attribute"
                )
        if [host.__jit_guard__() for host, _ in reach.hosts] != [structure for _, structure in reach.hosts]:
            raise Differs


def put_back(place: Spot, value) -> None:
    """Set a place to what was there, if it is something else."""
    if place.get() is not value:
        place.set(value)


def restore(box, was) -> None:
    """The entries that a container had, in their order."""
    if isinstance(box, dict):
        if list(box) != list(was):
            for k in [k for k in box if k not in was]:
                dict.__delitem__(box, k) if not isinstance(box, OrderedDict) else OrderedDict.__delitem__(box, k)
        if list(box) != list(was):  # something was removed
            named = OrderedDict if isinstance(box, OrderedDict) else dict
            named.clear(box)
            for k, v in was.items():
                named.__setitem__(box, k, v)
        for k, v in was.items():
            put_back(Spot(box, k, ""), v)
    elif isinstance(box, set):
        if box != set(was):
            set.clear(box)
            set.update(box, was)
    elif len(box) != len(was) or any(a is not b for a, b in zip(box, was)):
        kind = list if isinstance(box, list) else deque
        kind.clear(box)  # type: ignore[attr-defined]
        kind.extend(box, was)  # type: ignore[attr-defined]

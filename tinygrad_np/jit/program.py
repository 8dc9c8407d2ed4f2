"""One recording joined to the world: its arguments, its results, and the state that it reads and writes."""

from __future__ import annotations

import sys
import weakref
from typing import Any, Callable

import numpy as np

from ..graph import CONST, Leaf, Node
from ..guard import changed
from ..modes import mode
from ..recording import TENSORS, wrap
from ..rules import NotDifferentiable
from ..standin import recorder
from ..transforms import flatten
from . import show
from .plan import Plan
from .record import Instruction, RecordedGenerator, StandIn, Storage, Tape, View, refuse, root_of
from .replay import Differs, Source, memory
from .state import ABSENT, SCALARS, Place, State, alone

ndarray = np.ndarray


class Sealed:
    """The row of a result that depends on parameters: its history was not kept, so going back through it is refused."""

    name = "a jitted function"
    kind = "sealed"

    @property
    def joint(self):
        raise NotDifferentiable("backward through the result of a jitted function, which keeps no history; call backward "
                                "inside it, or jit the gradient: tg.jit(tg.grad(f))")


SEALED = Sealed()


def recorded(f: Callable, args, kwargs, leaves: list, rebuild: Callable, key) -> tuple["Program | None", Any]:
    """Run f on stand-ins; return the program, None where the same state cannot come again, and f's result."""
    roots = [(f, getattr(f, "__name__", "f"))] + [(a, f"argument {i}") for i, a in enumerate(leaves) if not array_like(a)]
    state = State(roots)
    tape = Tape()
    arguments = Arguments(leaves, tape)
    swap = Swap(state, tape)
    token = recorder.set(tape)
    try:
        with arguments, conversions_of(tape):
            args, kwargs = rebuild(arguments.stand_ins)
            result = f(*args, **kwargs)
            finals, replayable = swap.results(State(roots), arguments)
            out, _, again = flatten(result)
            outputs = [output(o, tape, state, arguments) for o in out]
            values = [o.value(None) for o in outputs]
        tape.finish()
    except BaseException:
        swap.undo()
        raise
    finally:
        recorder.reset(token)
        swap.back()
    for final in finals:
        final.first()
    program = Program(key, state, tape, arguments, swap, finals, outputs, again) if replayable else None
    return program, again(values)


def array_like(leaf) -> bool:
    return isinstance(leaf, (ndarray, np.generic)) or type(leaf) in TENSORS


def borrowed(array: ndarray) -> ndarray:
    """The same memory as an array that owns nothing and has no base: an argument may be a piece of anything."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    alias = np.ndarray(array.shape, array.dtype, memory(array))
    alias.flags.writeable = array.flags.writeable
    return alias


class Arguments:
    """What f is given: stand-ins for arrays; the caller's own Tensors, with stand-ins inside, while it runs."""

    def __init__(self, leaves: list, tape: Tape):
        self.tape = tape
        self.leaves = leaves
        self.inputs: list[tuple[int, str]] = []     # input number -> which leaf, and what of it
        self.keep: list[ndarray] = []
        self.tensors: dict[int, int] = {}           # a Tensor, by id -> its leaf
        self.saved: list[tuple] = []
        self.stand_ins: list[Any] = list(leaves)

    def stand_in(self, array, leaf: int, what: str) -> StandIn:
        array = np.asarray(array)
        alias = borrowed(array)
        self.keep.append(array)
        self.inputs.append((leaf, what))
        return self.tape.stand_in(alias, "input", len(self.inputs) - 1)

    def __enter__(self):
        for i, leaf in enumerate(self.leaves):
            if type(leaf) in TENSORS:
                if id(leaf) in self.tensors:
                    continue
                if type(leaf.array) is StandIn:     # also part of the state: see Program.fixed
                    continue
                node = leaf.node
                self.tensors[id(leaf)] = i
                self.saved.append((leaf, leaf.array, node, node.exposed, node.grad if type(node) is Leaf else None))
                leaf.array = self.stand_in(leaf.array, i, "array")
                if type(node) is Leaf:
                    node.exposed = None
                    if node.grad is not None:
                        node.grad = self.stand_in(node.grad, i, "grad")
            elif array_like(leaf):
                self.stand_ins[i] = self.stand_in(leaf, i, "array")

    def __exit__(self, *exc) -> None:
        self.grads = [(self.tensors[id(t)], t.node.grad) for t, _, node, _, _ in self.saved if type(node) is Leaf]
        for tensor, array, node, exposed, grad in self.saved:
            if tensor.node is not node:
                tensor.array, tensor.node = array, node
                if exc[0] is None:
                    refuse("a Tensor argument was assigned to; assign to a copy, and return it")
            tensor.array = array
            if type(node) is Leaf:
                node.exposed, node.grad = exposed, grad


class Final:
    """A place outside that holds a new array, or None, after each call."""

    def __init__(self, place: Place, stand_in: StandIn | None, view: View | None):
        self.place, self.stand_in, self.view = place, stand_in, view
        self.outside = stand_in is not None and stand_in.tape.storages[view.storage].kind == "state"   # that array itself

    def first(self) -> None:
        """What the recording call leaves there."""
        if self.stand_in is None:
            self.place.set(None)
        else:
            self.place.set(self.stand_in.value if self.outside else np.array(self.stand_in.value))
        self.stand_in = None


class Swap:
    """Stand-ins in the places of the state, and the way back."""

    def __init__(self, state: State, tape: Tape):
        self.state, self.tape = state, tape
        self.made: dict[int, Any] = {}
        self.entries: dict[tuple[int, Any], tuple[Place, Any]] = {}
        self.random = np.random.get_state()
        self.nodes = [(t, t.node, t.node.exposed, t.node.changed if isinstance(t.node, Leaf) else 0)
                      for t, _ in state.tensors]
        stand_ins = []
        for place in state.places:
            value = place.get()
            self.entries[id(place.holder), place.key] = place, value
            if isinstance(value, np.random.Generator):
                if id(value) not in self.made:
                    self.made[id(value)] = RecordedGenerator(value, tape)
                stand_ins.append(self.made[id(value)])
            else:
                stand_ins.append(tape.stand_in(value, "state", place))
        self.backup = [(v, v.bit_generator.state if isinstance(v, np.random.Generator) else v.copy())
                       for _, v in self.entries.values()]
        for tensor, _, _, _ in self.nodes:
            if type(tensor.node) is Leaf:
                tensor.node.exposed = None
        for place, stand_in in zip(state.places, stand_ins):
            place.set(stand_in)     # nothing else may hold it: the engine counts references

    def view(self, place: Place) -> View:
        return self.tape.view(self.entries[id(place.holder), place.key][1])

    def back(self) -> None:
        """The arrays return to their places."""
        for place, value in self.entries.values():
            if type(place.get()) in (StandIn, RecordedGenerator):
                place.set(value)
        for tensor, node, exposed, _ in self.nodes:
            if type(node) is Leaf:
                node.exposed = exposed

    def undo(self) -> None:
        """After an error everything outside is as it was."""
        for box, was in self.state.snapshot:
            box.clear()
            box.update(was) if isinstance(box, dict) else box.extend(was)
        for place, value in self.entries.values():
            place.set(value)
        for value, was in self.backup:
            if isinstance(value, np.random.Generator):
                value.bit_generator.state = was
            elif value.tobytes() != was.tobytes():
                value[...] = was
        for tensor, node, _, was in self.nodes:
            tensor.node = node
            if type(node) is Leaf:
                node.changed = was
        for leaf, had in zip(self.state.grads, self.state.had_grad):
            if not had:
                leaf.grad = None

    def results(self, after: State, arguments: Arguments) -> tuple[list[Final], bool]:
        """Copies back into the state's arrays for what f replaced there; what it made new; whether it can recur."""
        finals = []
        seen = set()
        replayable = self.unchanged_otherwise(after, arguments)
        for place in after.places:
            key, value = (id(place.holder), place.key), place.get()
            if key in seen:
                continue
            seen.add(key)
            if key in self.entries:
                replayable &= self.returned(place, value, finals)
            elif type(value) is StandIn:
                finals.append(Final(place, value, self.tape.operand(value)))
                replayable &= not finals[-1].outside
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

    def returned(self, place: Place, value, finals: list) -> bool:
        """An entry of the state whose array f replaced keeps its array, with the new contents."""
        _, array = self.entries[id(place.holder), place.key]
        if isinstance(array, np.random.Generator):
            return value is self.made[id(array)]
        if not isinstance(value, ndarray):
            return False
        if type(value) is StandIn:
            view = self.tape.operand(value)
            if view == self.tape.view(array):
                return True
            if self.tape.storages[view.storage].kind == "state":    # it moved into another part of the state, once
                finals.append(Final(place, value, view))
                return False
        if value.shape != array.shape or value.dtype != array.dtype or not array.flags.writeable:
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
            if isinstance(box, list) and len(box) != len(was):
                refuse(f"the list {name} changed its length, which a replay would not repeat; return the new elements")
            keys = was if isinstance(was, dict) else range(len(was))
            same &= len(box) == len(was)
            for key in keys:
                new = box.get(key, ABSENT) if isinstance(box, dict) else box[key]
                same &= self.entry(was[key], new, f"{name}.{key}" if isinstance(box, dict) else f"{name}[{key}]")
        for cell, was in zip(state.cells, state.cell_values):
            same &= self.entry(was, cell.cell_contents, "a variable of an outer function")
        for names, keys, was in state.global_values:
            for key, value in zip(keys, was):
                same &= self.entry(value, names.get(key, ABSENT), f"the global {key}")
        for tensor, node, _, _ in self.nodes:
            if tensor.node is not node:
                refuse("a tensor that lives outside was assigned to while its history is kept; use no_grad, or return it")
        old = {id(t) for t, _, _, _ in self.nodes} | set(arguments.tensors)
        for tensor, name in after.tensors:
            if id(tensor) not in old and type(tensor.array) is StandIn:
                refuse(f"{name} keeps a tensor that was computed inside; return it instead")
            same &= id(tensor) in old
        now = np.random.get_state()
        if any(np.any(a != b) for a, b in zip(now, self.random)):
            refuse("np.random's global stream was used, which a replay would not draw from again; "
                   "use np.random.default_rng(seed) and keep it outside")
        return same and [o.__jit_guard__() for o in state.hosts] == state.structure

    @staticmethod
    def entry(was, now, name: str) -> bool:
        if was is now or isinstance(was, (ndarray, np.random.Generator)):
            return True
        if isinstance(was, SCALARS) and isinstance(now, SCALARS):
            if type(was) is type(now) and (was == now or was != was):
                return True
            refuse(f"{name} changed from {was!r} to {now!r}, which a replay would not repeat; keep count outside, or in "
                   "a function given to tinygrad_np.standin.host")
        return type(now) is StandIn


# ---- results ----------------------------------------------------------------------------------------------

class Output:
    """One leaf of what f returned: a view of memory, or a value that is always the same."""

    def __init__(self, kind: str, thing, view: View | None = None, row=CONST):
        self.kind, self.thing, self.view, self.sealed = kind, thing, view, row

    def value(self, array: ndarray | None):
        """What the caller gets; None stands for the recording's own array."""
        if self.kind == "static":
            return self.thing
        if array is None:
            array, self.thing = np.array(self.thing), None
        if self.kind == "array":
            return array
        if self.kind == "scalar":
            return array[()]
        return wrap(array, Node(SEALED, (), (), array.shape, array.dtype) if self.sealed else CONST)


def output(value, tape: Tape, state: State, arguments: Arguments) -> Output:
    if type(value) in TENSORS:
        if type(value.array) is not StandIn:
            return Output("tensor", value.array, tape.operand(value.array), value.node.tracked)
        if id(value) in arguments.tensors or any(t is value for t, _ in state.tensors):
            return Output("tensor", value.array.value, tape.operand(value.array), value.node.tracked)
        return Output("tensor", value.array.value, tape.operand(value.array), value.node.tracked)
    if type(value) is StandIn:
        if value.number is not None:
            refuse("a number of a host function was returned; return it from outside")
        view = tape.operand(value)
        return Output("scalar" if view.storage in tape.scalars and not value.shape else "array", value.value, view)
    return Output("static", value)


class Program:
    """A recorded function, ready to be replayed. `print(program)` lists what is run."""

    def __init__(self, key, state: State, tape: Tape, arguments: Arguments, swap: Swap, finals, outputs, rebuild):
        self.key, self.mode, self.state = key, mode.get(), state
        self.tape, self.inputs, self.outputs, self.rebuild = tape, arguments.inputs, outputs, rebuild
        self.specs = [(type(a), np.shape(a), getattr(a, "dtype", None), a) for a in arguments.leaves]
        self.fixed = [(i, a) for i, a in enumerate(arguments.leaves)
                      if type(a) in TENSORS and id(a) not in arguments.tensors]
        self.finals = finals
        self.places = [(place, swap.view(place)) for place, value in swap.entries.values() if isinstance(value, ndarray)]
        self.grads = [(leaf, None if g is None else tape.operand(g)) for leaf, g in arguments.grads]
        self.replay: Callable | None = None
        self.plan: Plan | None = None
        tape.release()

    # ---- memory -------------------------------------------------------------------------------------------

    def planned(self) -> Plan:
        """The plan, made when the program is first replayed or looked at."""
        if self.plan is None:
            tape = self.tape
            self.results = []
            for final in self.finals:
                if final.view is not None:
                    self.results.append((final, self.persistent(final.view)))
            self.argument_grads = [(leaf, view) for leaf, view in self.grads if view is not None
                                   and tape.storages[view.storage].kind != "input"]
            views = [o.view for o in self.outputs if o.view is not None] + [view for _, view in self.argument_grads]
            self.plan = Plan(tape.program, tape.storages, views)
        return self.plan

    def persistent(self, view: View) -> View:
        """New memory outside for a result of this layout, filled at the end of each call."""
        template = np.empty(view.shape, view.dtype)
        self.tape.storages.append(Storage("result", template))
        self.tape.storages[-1].array = None
        target = View(len(self.tape.storages) - 1, 0, view.shape, template.strides, view.dtype)
        self.tape.program.append(Instruction("copy", np.copyto, (view,), {}, (target,)))
        return target

    def bind(self) -> bool:
        """Point the program at the arrays that now are in their places; False where they do not fit it."""
        plan = self.planned()
        self.replay = None
        storages = plan.storages
        owners: dict[int, ndarray] = {}
        self.checks, self.written = [], []
        changing = {v.storage for step in plan.steps for i in step.instructions for v in i.changed()}
        for place, view in self.places:
            array = place.get()
            if not isinstance(array, ndarray):
                return False
            root = root_of(array)
            shift = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
            if owners.setdefault(view.storage, root) is not root or root.nbytes != storages[view.storage].nbytes or \
                    (shift, array.shape, array.strides, array.dtype) != view[1:]:
                return False
            if view.storage in changing and not array.flags.writeable:
                return False
            self.checks.append((place.holder if not isinstance(place.holder, (dict, list)) else None, place,
                                weakref.ref(array)))
            if view.storage in changing and type(place.holder) in TENSORS:
                self.written.append(place.holder)
        arena = np.empty(plan.peak + 64, np.uint8)
        start = -arena.__array_interface__["data"][0] % 64
        bases: list[Any] = [None] * len(storages)
        self.buffers = {}
        for number, storage in enumerate(storages):
            if storage.kind == "constant":
                bases[number] = storage.where.reshape(-1, order="A").view(np.uint8) if storage.where.ndim else \
                    storage.where.reshape(1).view(np.uint8)
            elif number in plan.offsets:
                begin = start + plan.offsets[number]
                bases[number] = arena[begin:begin + storage.nbytes]
            elif storage.kind == "state" and number in owners:
                bases[number] = memory(owners[number])
            elif storage.kind == "result":
                shape = storage.layout[0]
                view = next(v for _, v in self.results if v.storage == number)
                self.buffers[number] = np.empty(shape, view.dtype)
                bases[number] = memory(self.buffers[number])
        source = Source(plan, bases, str)
        self.replay = source.build(len(self.inputs))
        self.text = source.text
        self.simple = all(what == "array" for _, what in self.inputs)
        return True

    def fits(self) -> bool:
        """Whether the arrays that the program points at are still in their places."""
        for holder, place, array in self.checks:
            if (place.get() if holder is None else getattr(holder, place.key)) is not array():
                return False
        return True

    # ---- running ------------------------------------------------------------------------------------------

    def takes(self, args: tuple) -> bool:
        """Whether these arguments have the signature, asked fast."""
        if len(args) != len(self.specs):
            return False
        for a, (kind, shape, dtype, value) in zip(args, self.specs):
            if type(a) is not kind:
                return False
            if kind is ndarray:
                if a.shape != shape or a.dtype != dtype:
                    return False
            elif kind in TENSORS or a is not value:
                return False
        return True

    def __call__(self, leaves):
        if self.replay is None or not self.fits():
            if not self.bind():
                raise Differs
        for tensor in self.written:
            if not alone(tensor):       # a graph, or its user, still needs the old values
                raise Differs
        self.own_grads()
        arrays = [self.argument(leaves[i], what) for i, what in self.inputs]
        with np.errstate(all="ignore"):
            out = self.replay(*arrays)
        for final, view in self.results:
            final.place.set(self.buffers[view.storage])
        for final in self.finals:
            if final.view is None:
                final.place.set(None)
        for tensor in self.written:
            if type(tensor.node) is Leaf and tensor.node.changed:
                changed(tensor.node)
        values, n = [], 0
        for o in self.outputs:
            if o.view is None:
                values.append(o.thing)
            else:
                values.append(o.value(out[n]))
                n += 1
        for (leaf, _), array in zip(self.argument_grads, out[n:]):
            leaves[leaf].node.grad = array
        return self.rebuild(values)

    def own_grads(self) -> None:
        """Gradients of the last call that somebody kept stay theirs: the program gets new memory."""
        held = False
        for buffer in self.buffers.values():
            held |= sys.getrefcount(buffer) > 4     # ours, its place's, this variable's and the call's
        for leaf in self.state.grads:
            if leaf.grad is not None and sys.getrefcount(leaf.grad) > 2:
                raise Differs       # eager knows what to do
        if held and not self.bind():
            raise Differs

    @staticmethod
    def argument(leaf, what: str) -> ndarray:
        if type(leaf) is ndarray and leaf.flags.c_contiguous:
            return leaf
        if type(leaf) in TENSORS:
            leaf = leaf.array if what == "array" else leaf.node.grad
        return np.ascontiguousarray(leaf).reshape(np.shape(leaf))

    # ---- looking ------------------------------------------------------------------------------------------

    def names(self) -> show.Names:
        return show.Names(self.planned().storages, self.places)

    def __str__(self) -> str:
        """What is run, a call a line, and the memory it takes."""
        return show.planned_text(self.planned(), self.names())

    def recording(self) -> str:
        """What was recorded, before planning, with the user's lines."""
        return show.recorded_text(self.tape.program, self.names())

    def data(self) -> dict[str, Any]:
        """The plan as plain data for drawing: steps, what was fused, buffers and who shares them, bytes at the peak."""
        return show.data(self.planned(), self.names())

    def source(self) -> str:
        """The text of the Python function that is run."""
        if self.replay is None and not self.bind():
            raise Differs
        return self.text


# ---- NumPy's conversions ----------------------------------------------------------------------------------

class conversions_of:
    """np.asarray and np.array have no protocol: while recording they let stand-ins pass, and copy them."""

    def __init__(self, tape: Tape):
        self.tape = tape

    def __enter__(self):
        self.saved = np.asarray, np.array, np.ascontiguousarray
        asarray, array, ascontiguousarray = self.saved

        def as_is(a, dtype=None, *args, **kwargs):
            if type(a) is StandIn:
                return a if dtype is None or a.dtype == dtype else a.astype(dtype)
            if type(a) in TENSORS and type(a.array) is StandIn:
                a.array.__array__()
            return asarray(a, dtype, *args, **kwargs)

        def copy(a, dtype=None, **kwargs):
            if type(a) is StandIn:
                a = a.astype(a.dtype if dtype is None else dtype)
                ndmin = kwargs.get("ndmin", 0)
                return a[(None,) * (ndmin - a.ndim)] if ndmin > a.ndim else a
            return array(a, dtype, **kwargs)

        def contiguous(a, dtype=None, **kwargs):
            if type(a) is StandIn:
                return a if a.flags.c_contiguous and dtype in (None, a.dtype) else a.astype(dtype or a.dtype, order="C")
            return ascontiguousarray(a, dtype, **kwargs)
        np.asarray, np.array, np.ascontiguousarray = as_is, copy, contiguous

    def __exit__(self, *exc) -> None:
        np.asarray, np.array, np.ascontiguousarray = self.saved

"""One recording joined to the world: its arguments, its results, and the state that it reads and writes."""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.aliasing import ALONE, changed, refs
from ..engine.modes import mode
from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from ..parallel.blas import KNOWN, one_thread, uses_threads
from ..parallel.cores import Choice
from . import kernels, products, show
from .bands import Band
from .errors import Differs, LiesElsewhere
from .functions import address_of, root_of
from .instruction import Instruction, Storage, View, bytes_of, memory, touches
from .places import ONE_HOLDER, holders
from .plan import Layout
from .replay import Source
from .save import save
from .state import State
from .undo import Undo

if TYPE_CHECKING:
    from .recording import Recording

ndarray = np.ndarray


class Program:
    """A recorded function, ready to be replayed. `print(program)` lists what is run."""

    def __init__(self, key, recording: Recording):
        reach, tape, swap, arguments = recording.reach, recording.tape, recording.swap, recording.arguments
        self.key, self.mode = key, mode.get()
        self.name, self.parameters = recording.name, recording.parameters
        self.tape, self.inputs, self.outputs, self.rebuild = tape, arguments.inputs, recording.outputs, recording.again
        self.specs = [spec(a) for a in arguments.leaves]
        self.finals = recording.finals
        self.places = [
            (place, swap.view(place)) for place, value in swap.entries.values() if isinstance(value, ndarray)
        ]
        self.grads = [(leaf, None if g is None else tape.operand(g)) for leaf, g in arguments.grads]
        self.writes = tape.written_inputs()
        self.calls = self.moved = 0
        self.replay: Any = None  # the function that runs, once there is one
        self.plan: Layout | None = None
        for place, value in swap.entries.values():
            if id(value) in tape.flags:
                reach.asked.append(
                    (lambda place=place: repr(getattr(place.get(), "flags", None)), tape.flags[id(value)])
                )
        self.state = State(reach, reach.among(arguments.leaves))
        ours = Counter(map(id, self.state.expected))  # references that are not somebody else's
        self.replaced = [(place, ONE_HOLDER + ours[id(swap.entries[place.spot][1])]) for place in swap.replaced]
        constants = tape.constants()
        tape.release()
        self.state.keep(constants)

    # ---- memory -------------------------------------------------------------------------------------------

    def planned(self) -> Layout:
        """The plan, made when the program is first replayed or looked at."""
        if self.plan is None:
            tape = self.tape
            self.results = []
            for final in self.finals:
                if final.view is not None:
                    self.results.append((final, self.persistent(final.view)))
            self.argument_grads = [
                (leaf, view)
                for leaf, view in self.grads
                if view is not None and tape.storages[view.storage].kind != "input"
            ]
            views = [o.view for o in self.outputs if o.view is not None] + [view for _, view in self.argument_grads]
            self.plan = Layout(tape.program, tape.storages, views)
            found = [i for step in self.plan.steps if not isinstance(step, Band) for i in step.instructions]
            self.shares = KNOWN and any(map(products.is_large, found))
            self.threaded = KNOWN and any(map(products.is_threaded, found))
            self.compiled: bool | None = None
        return self.plan

    def persistent(self, view: View) -> View:
        """New memory outside for a result of this layout, filled at the end of each call."""
        template = np.empty(view.shape, view.dtype)
        self.tape.storages.append(Storage("result", template))
        self.tape.storages[-1].array = None
        target = View(len(self.tape.storages) - 1, 0, view.shape, template.strides, view.dtype)
        self.tape.program.append(Instruction("copy", np.copyto, (view,), {}, (target,)))
        return target

    def bind(self) -> None:
        """Point the program at the arrays in their places now; raises LiesElsewhere where they do not fit it."""
        plan = self.planned()
        self.replay = None
        storages = plan.storages
        owners: dict[int, ndarray] = {}
        self.checks, self.written = [], []
        changing = {v.storage for step in plan.steps for i in step.instructions for v in i.changed()}
        needed = {v.storage for step in plan.steps for i in step.instructions for v in touches(i)}
        needed |= {v.storage for v in plan.outputs}
        for place, view in self.places:
            if view.storage not in needed:
                continue
            array = place.get()
            if not isinstance(array, ndarray):
                raise LiesElsewhere
            root = root_of(array)
            shift = address_of(array) - address_of(root)
            if (
                owners.setdefault(view.storage, root) is not root
                or root.nbytes != storages[view.storage].nbytes
                or (shift, array.shape, array.strides, array.dtype) != view[1:]
            ):
                raise LiesElsewhere
            if view.storage in changing and not array.flags.writeable:
                raise LiesElsewhere
            tensor = place.holder if type(place.holder) in TENSORS else None
            self.checks.append((tensor, place, weakref.ref(array), layout(array)))
            if view.storage in changing and type(place.holder) in TENSORS:
                self.written.append(place.holder)
        self.changing = {id(owners[s]) for s in changing if s in owners}
        arena = np.empty(plan.peak + 64, np.uint8)
        start = -address_of(arena) % 64
        bases: list[Any] = [None] * len(storages)
        self.buffers = {}
        for number, storage in enumerate(storages):
            if storage.kind == "constant":
                bases[number] = bytes_of(storage.where)
            elif number in plan.offsets:
                begin = start + plan.offsets[number]
                bases[number] = arena[begin : begin + storage.nbytes]
            elif storage.kind == "state" and number in owners:
                bases[number] = memory(owners[number])
            elif storage.kind == "result":
                shape, _, dtype = storage.layout
                self.buffers[number] = np.empty(shape, dtype)
                bases[number] = memory(self.buffers[number])
        self.undo = Undo(plan, bases, [host for host, _ in self.state.reach.hosts])
        compiling = kernels.INSTALLED and self.calls > kernels.AFTER
        source = Source(plan, bases, compiling=compiling, sharing=self.shares)
        self.replay = self.unshared = source.build(len(self.inputs))
        self.text = source.text
        if self.shares:
            self.unshared = Source(plan, bases, compiling=compiling).build(len(self.inputs))
        if compiling is not self.compiled:
            # Where BLAS was told to use one thread there is no choice, and so the same bits whatever the machine does.
            self.compiled, self.threads = compiling, Choice() if self.threaded and uses_threads() else None

    def fits(self) -> bool:
        """Whether the arrays that the program points at are still in their places."""
        for tensor, place, array, lies in self.checks:
            if (tensor._array if tensor is not None else place.get()) is not (now := array()) or layout(now) != lies:
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
            elif a is not value:
                return False
        return True

    def __call__(self, leaves):
        self.calls += 1
        if self.replay is None or self.calls == kernels.AFTER + 1 and kernels.INSTALLED or not self.fits():
            try:
                self.bind()
            except LiesElsewhere:
                self.moved += 1
                raise
        for tensor in self.written:
            if refs(tensor) != ALONE:
                raise Differs("a graph, or a variable, still needs the old values of a parameter")
        for place, ours in self.replaced:
            if holders(place) > ours or place.get().base is not None:
                raise Differs(f"something else refers to the array that the last call left in {place.name}")
        self.own_grads()
        arrays = [self.argument(leaves[i], what) for i, what in self.inputs]
        if self.changing or self.writes:
            self.apart(leaves)
        with np.errstate(all="ignore"):
            back = self.undo.mark(arrays) if self.undo.needed else None
            try:
                out = self.run(arrays)
            except Exception as error:  # the function itself gives its own error, and leaves what it leaves
                if back is not None:
                    back()
                raise error if isinstance(error, Differs) else Differs from None
        for final, view in self.results:
            final.place.set(self.buffers[view.storage] if final.array is None else final.array)
        for final in self.finals:
            if final.view is None:
                final.place.set(None)
        for tensor in self.written:
            if type(tensor._node) is Leaf and tensor._node.changed:
                changed(tensor._node)
        values, n = [], 0
        for o in self.outputs:
            if o.view is None:
                values.append(o.thing)
            else:
                values.append(o.value(out[n]))
                n += 1
        for (leaf, _), array in zip(self.argument_grads, out[n:]):
            leaves[leaf]._node.grad = array
        return self.rebuild(values)

    def part(self) -> None:
        """Leave the new arrays of the last call to who has them: the next recording may find them in its state."""
        for final in self.finals:
            final.array = None
        if self.buffers:
            self.replay, self.buffers = None, {}

    def run(self, arrays: list[ndarray]) -> list[ndarray]:
        """Replay: with BLAS on one core and large products shared here, or with BLAS's threads, as proves quicker."""
        if not self.threads:
            return self.replay(*arrays)
        theirs = self.threads.pick()
        start = time.perf_counter()
        if theirs:
            out = self.unshared(*arrays)
        else:
            with one_thread():
                out = self.replay(*arrays)
        self.threads.note(theirs, time.perf_counter() - start)
        return out

    def own_grads(self) -> None:
        """Gradients of the last call that somebody kept stay theirs: the program gets new memory."""
        held = False
        for number in self.buffers:
            held |= buffer_references(self.buffers, number) > KEPT
        if self.state.grads_are_kept():
            raise Differs("gradients of the last call are kept; clear them, or copy what is to be kept")
        if held:
            self.bind()

    def apart(self, leaves) -> None:
        """Let the function itself run where an argument shares memory with what the program writes."""
        if not self.writes:
            for leaf in leaves:  # mostly an array that owns its memory
                if type(leaf) is not ndarray or leaf.base is not None or id(leaf) in self.changing:
                    break
            else:
                return
        mine = []
        for number, (i, what) in enumerate(self.inputs):
            array = given(leaves[i], what)
            if type(array) is not ndarray:  # a scalar
                continue
            root = array if array.base is None else root_of(array)
            if id(root) in self.changing or number in self.writes and not array.flags.carray:
                raise Differs
            mine.append(array)
        for number in self.writes:
            array = given(leaves[self.inputs[number][0]], self.inputs[number][1])
            if sum(np.may_share_memory(array, other) for other in mine) > 1:
                raise Differs

    @staticmethod
    def argument(leaf, what: str) -> ndarray:
        if type(leaf) is ndarray and leaf.flags.c_contiguous:
            return leaf
        array = given(leaf, what)
        return np.ascontiguousarray(array).reshape(np.shape(array))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to `path`, a Python file, and what it captured to an .npz beside; they need NumPy alone.

        The file has one function of the program's arrays, in the order of the arguments, and lists what is captured.
        Tensors among the results are arrays there. A gradient is saved as the program of `tg.jit(tg.grad(f))`.
        Raises ValueError for a program that changes anything outside, draws random numbers, calls what is not NumPy's,
        or whose captured values have been changed.

        >>> import tinygrad_np as tg
        >>> slope = tg.jit(tg.grad(lambda x: (x**3).sum()))
        >>> slope(np.ones(2))
        array([3., 3.])
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     slope.programs[0].save(f"{folder}/slope.py")
        ...     sorted(os.listdir(folder))
        ['slope.npz', 'slope.py']
        """
        save(self, path, self.name)

    # ---- looking ------------------------------------------------------------------------------------------

    def names(self) -> show.ShownNames:
        return show.ShownNames(self.planned().storages, self.places)

    def __str__(self) -> str:
        """What is run, a call a line, and the memory it takes."""
        return show.planned_text(self.planned(), self.names())

    def _repr_html_(self) -> str:
        """The same in a notebook, and what is captured."""
        rows = "".join(
            f"<tr><td>{escape(c['name'])}</td><td>{c['origin']}</td><td>{escape(c['line'])}</td><td>{c['bytes']:,}</td></tr>"
            for c in self.data()["captures"]
        )
        head = "<tr><th>captured</th><th>origin</th><th>line</th><th>bytes</th></tr>"
        return f"<pre>{escape(str(self))}</pre><table>{head}{rows}</table>"

    def recording(self) -> str:
        """What was recorded, before planning, with the user's lines."""
        return show.recorded_text(self.tape.program, self.names())

    def data(self) -> dict[str, Any]:
        """The plan as plain data: what is captured, steps, what was fused, buffers, bytes at the peak."""
        return show.data(self.planned(), self.names())

    def source(self) -> str:
        """The text of the Python function that is run."""
        if self.replay is None:
            try:
                self.bind()
            except LiesElsewhere:
                return "# the arrays outside are no longer those that were recorded: the function is recorded anew"
        return self.text


def buffer_references(buffers: dict, number: int) -> int:
    """How many references a buffer has."""
    return sys.getrefcount(buffers[number])


def _kept() -> int:
    buffers = {0: np.empty(0)}
    place = [buffers[0]]  # as the place that it was set to has it
    return buffer_references(buffers, len(place) - 1)


KEPT = _kept()  # the count where nobody else has it


def layout(array: ndarray) -> tuple:
    """What may be set of an array in place, besides its values."""
    return array.shape, array.strides, array.dtype


def spec(leaf) -> tuple:
    """What an argument is asked for by `takes`: a layout, or to be the same; arrays are not kept alive for that."""
    if type(leaf) is ndarray:
        return ndarray, leaf.shape, leaf.dtype, None
    return type(leaf), None, None, None if type(leaf) in TENSORS else leaf


def given(leaf, what: str):
    """The array that an argument brings: itself, or what a tensor has as its "array" or "grad"."""
    if type(leaf) in TENSORS:
        return leaf._array if what == "array" else leaf._node.grad
    return leaf

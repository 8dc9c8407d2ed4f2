"""Parameters side by side in one buffer, and their gradients and state alike: one update moves them all.

Each parameter's array is a view that counts as an owner: its base is the buffer as a ctypes object, where
NumPy ends a chain of views. So the engine still sees by reference counts whether a graph needs the old
values; if one does, the whole buffer moves to fresh memory.
"""

from __future__ import annotations

import ctypes
import math
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.aliasing import ALONE, refs
from ..engine.tape import Leaf
from ..engine.tracing import TRACERS, concrete, recorder
from ..parallel.cores import PIECES, Choice, cut

PAD = 64  # bytes: every array starts at a cache line
_TILE = 1 << 14  # elements updated together: what a step touches fits the second-level cache
THREADED = 1 << 17  # fewer elements are updated on one core


class Flat:
    """Arrays of given shapes in one buffer."""

    def __init__(self, shapes: list[tuple[int, ...]], dtype: Any):
        self.shapes, self.dtype = shapes, np.dtype(dtype)
        unit = PAD // self.dtype.itemsize
        self.starts, end = [], 0
        for shape in shapes:
            self.starts.append(end)
            end += -(-math.prod(shape) // unit) * unit
        self.ends = [start + math.prod(shape) for start, shape in zip(self.starts, shapes)]
        self.size = end
        self.renew()

    def renew(self) -> None:
        """Take fresh memory, zeroed; the buffer starts it, wherever it lies, so that a replay finds any alike."""
        nbytes = self.size * self.dtype.itemsize
        room: Any = np.zeros(nbytes + PAD, np.uint8)
        aligned = (ctypes.c_char * nbytes).from_buffer(room, -room.__array_interface__["data"][0] % PAD)
        buffer: Any = np.ndarray(self.size, self.dtype, aligned)
        self.buffer: Any = buffer
        self.memory: Any = (ctypes.c_char * buffer.nbytes).from_buffer(buffer)
        self.memory.owner, self.memory.flat = self.buffer, weakref.ref(self)
        self.idle = sys.getrefcount(self.memory)  # references when no view is out

    def view(self, i: int) -> Any:
        """Tile i."""
        view = np.ndarray(self.shapes[i], self.dtype, self.memory, self.starts[i] * self.dtype.itemsize)
        return self.buffer.like(view) if type(self.buffer) in TRACERS else view


def nowhere() -> None:
    """The buffer of what lies in none."""


def is_shared(p: Any) -> bool:
    """Whether anybody but the tensor, and who looks at its `data`, needs its array."""
    exposed = p._node.exposed
    return refs(p) != ALONE + (exposed is not None and exposed() is not None)


def references(leaf: Any) -> int:
    """How many references the gradient of a leaf has: counted by the same expression wherever it is compared."""
    return sys.getrefcount(leaf.grad)


_leaf = Leaf((), float)
_leaf.grad = np.empty(0)
UNSHARED = references(_leaf)  # where the leaf alone has it


class Block:
    """The parameters of one group and dtype: values, gradients and state, each in one buffer."""

    def __init__(self, params: list[Any], positions: list[int]):
        self.params, self.positions = params, positions
        self.shapes, self.dtype = [p.shape for p in params], params[0].dtype
        self.values, self.grads = Flat(self.shapes, self.dtype), Flat(self.shapes, self.dtype)
        self.state: dict[str, Flat] = {}
        self.real = np.zeros((), self.dtype).real.dtype  # complex numbers are updated as pairs of these
        self.reals = self.dtype.itemsize // self.real.itemsize
        self.scratch = np.empty((PIECES, 2, min(_TILE, self.values.size * self.reals)), self.real)
        self.cuts: dict[tuple[Any, ...], list[Any]] = {}
        self.cores = Choice()
        self.is_small = self.values.size < THREADED
        room = np.empty((2, max(map(math.prod, self.shapes)) if self.is_small else 0), self.dtype)
        self.rooms = (
            [[r[: math.prod(shape)].reshape(shape) for r in room] for shape in self.shapes] if self.is_small else []
        )
        self.gather_values()

    def gather_values(self, leaving: bool = False) -> None:
        """Have every parameter's array in the buffer, and nobody else in need of its old values.

        `leaving` those to another optimizer that it has gathered, as before a recording: there they are copied.
        """
        if recorder.get() is not None:
            for i, p in enumerate(self.params):
                if p._array.base is not self.values.memory:
                    self.values.view(i)[...] = p._array
                elif is_shared(p):
                    p._array = p._array.like(concrete(p._array))
                    p._array.vacate(self.values.buffer)
            return
        memory, moved = self.values.memory, False
        for i, p in enumerate(self.params):
            if is_shared(p):
                moved = True
            elif p._array.base is not memory:
                if leaving and getattr(p._array.base, "flat", nowhere)() is not None:
                    continue
                self.bring(i)  # set from outside since
        if moved:
            self.renew(self.values)
            for i in range(len(self.params)):
                self.bring(i)

    def bring(self, i: int) -> None:
        """Have a parameter's array in the buffer."""
        p = self.params[i]
        self.values.view(i)[...] = p._array
        p._array = self.values.view(i)
        p._node.exposed = None

    def renew(self, flat: Flat) -> None:
        """Take fresh memory for values or gradients."""
        flat.renew()
        self.cuts.clear()

    def return_values(self) -> None:
        """While recording, a parameter that lives with another optimizer gets its new values there."""
        for i, p in enumerate(self.params) if recorder.get() is not None else ():
            if p._array.base is not self.values.memory:
                p._array[...] = self.values.view(i)

    def leave_kept_grads(self) -> None:
        """Take fresh memory for gradients if somebody keeps the last ones, as before a replay that writes to them."""
        for p in self.params:
            if p._node.grad is not None and p._node.grad.base is self.grads.memory and references(p._node) > UNSHARED:
                self.renew(self.grads)
                return

    def gather_grads(self) -> None:
        """Have every gradient in the buffer, and leave those that somebody kept where they are."""
        grads, leaves = self.grads, [p._node for p in self.params]
        if recorder.get() is None:
            here = sum(leaf.grad is not None and leaf.grad.base is grads.memory for leaf in leaves)
            if sys.getrefcount(grads.memory) > grads.idle + here:
                self.renew(grads)
        for i, leaf in enumerate(leaves):
            g = leaf.grad
            if g is not None and g.base is not grads.memory:
                home = grads.view(i)
                if recorder.get() is not None and type(home) in TRACERS:
                    home.vacate(grads.buffer)
                home[...] = g
                leaf.grad = home

    def arrays(self, name: str, start: Any) -> Flat:
        """The buffer of a kind of state, which starts as `start` says."""
        if name not in self.state:
            self.state[name] = Flat(self.shapes, self.dtype)
            self.state[name].buffer[...] = start
        return self.state[name]

    def update(self, function: Callable[..., None], first: int, last: int, names: tuple[str, ...]) -> None:
        """function(p, g, state, s, t) on parameters `first` to `last`, tile by tile."""
        start, end = self.values.starts[first] * self.reals, self.values.ends[last] * self.reals
        buffers = [self.values.buffer, self.grads.buffer, *[self.state[name].buffer for name in names]]
        if self.reals > 1:
            buffers = [buffer.view(self.real) for buffer in buffers]
        if type(buffers[0]) in TRACERS:  # a recording makes tiles of its own
            p, g, *state = [b[start:end] for b in buffers]
            function(p, g, dict(zip(names, state)), np.empty_like(p), np.empty_like(p))
            return
        if (start, end, names) not in self.cuts:
            self.cuts[start, end, names] = self.cut(start, end, names, buffers)
        pieces = self.cuts[start, end, names]

        def part(tiles: Any) -> None:
            for tile in tiles:
                function(*tile)

        self.cores.run(part, pieces) if len(pieces) > 1 else part(pieces[0])

    def cut(self, start: int, end: int, names: tuple[str, ...], buffers: list[Any]) -> list[Any]:
        """The tiles, in pieces that any core may take; each piece has scratch memory of its own."""
        starts = range(start, end, _TILE)
        pieces = []
        for part, scratch in zip(cut(len(starts)) if end - start >= THREADED else [slice(None)], self.scratch):
            tiles = []
            for k in starts[part]:
                stop = min(k + _TILE, end)
                p, g, *state = [b[k:stop] for b in buffers]
                s, t = scratch[:, : stop - k]
                tiles.append((p, g, dict(zip(names, state)), s, t))
            pieces.append(tiles)
        return pieces

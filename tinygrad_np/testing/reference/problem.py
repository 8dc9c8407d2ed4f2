"""A function of anything as a function of one real vector, with its pullback and pushforward.

Inputs are numbers, arrays, tensors, modules and containers of them. What is to vary is laid end to end in
one float64 vector (a complex number is two entries, and then the complex gradient of this library is the
real one); so are the outputs. Tensors are replaced in place while the function runs and put back whatever
happens, so that a function may also reach them by a closure; the caller's arrays are never written to.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from operator import is_
from typing import Any, Self

import numpy as np

from ... import no_grad
from ...engine.recording import wrap
from ...engine.tape import CONST
from ...engine.tensor import Tensor
from ...transforms.containers import flatten
from ...transforms.trace import jvp, vjp
from .patience import timed_call
from .rounding import peak


@dataclass
class Slot:
    """One input that varies: where it is, its name, and its value."""

    index: int | None  # the place among the flattened inputs, None for a parameter of a module
    tensor: Tensor | None  # the caller's tensor, None for a plain array
    name: str
    array: np.ndarray

    @property
    def is_complex(self) -> bool:
        return self.array.dtype.kind == "c"


class Problem:
    """f(*args, **kwargs) around one point: `value`, `pull` and `push` on flat float64 vectors."""

    def __init__(
        self, f: Callable, args: tuple, kwargs: dict | None = None, *, dtype: str | None = "float64", wrt=None
    ):
        self.f = f
        self.args, self.kwargs = tuple(args), kwargs or {}
        leaves, paths, self.rebuild = flatten(closed((self.args, self.kwargs)))
        self.leaves = [leaf.module if isinstance(leaf, Closed) else leaf for leaf in leaves]
        self.bare = not self.kwargs and len(self.leaves) == len(self.args) and all(map(is_, self.leaves, self.args))
        self.slots = varying_slots(self.leaves, [input_name(f, path) for path in paths])
        if wrt is not None:
            self.slots = [self.slots[i] for i in wrt]
        self.dtypes = [slot.array.dtype for slot in self.slots]
        if dtype is not None:
            for slot in self.slots:
                real = np.dtype(dtype)
                slot.array = slot.array.astype(
                    np.result_type(real, 1j) if slot.is_complex and real.kind == "f" else real
                )
        self.calls = 0
        self.result: Any = None  # of the last call, where it is no tensor
        self.noise = 0.0  # what is known of the rounding of f beyond that of its value
        self.point = flat_vector([slot.array for slot in self.slots])
        self.sizes = [real_entries(slot.array) for slot in self.slots]
        self.ends = list(np.cumsum([0] + self.sizes, dtype=int))
        foreign = hasattr(f, "written_by_the_user")  # it takes arrays as it does tensors
        self.arrays_do = foreign and all(slot.tensor is None and slot.index is not None for slot in self.slots)
        self._pull = None

    def at(self, point: np.ndarray) -> Self:
        """The same problem at another point."""
        moved = copy(self)
        moved.point, moved._pull = point, None
        moved.__dict__.pop("peak", None)
        return moved

    def with_arrays(self, arrays: list[np.ndarray]) -> tuple:
        """The arguments (args, kwargs) with other arrays in the place of those that vary."""
        leaves = list(self.leaves)
        for slot, a in zip(self.slots, arrays):
            if slot.index is not None:
                leaves[slot.index] = a if slot.tensor is None else Tensor(a, requires_grad=slot.tensor.requires_grad)
        return self.rebuild(leaves)

    # ---- the function -------------------------------------------------------------------------------------

    def __call__(self, *tensors) -> list:
        """Run f with these values in the slots; its floating outputs, in order."""
        leaves, kept = list(self.leaves), []
        try:
            for slot, value in zip(self.slots, tensors):
                if slot.tensor is not None:
                    kept.append((slot.tensor, slot.tensor._array, slot.tensor._node))
                    slot.tensor._array, slot.tensor._node = value._array, value._node
                elif slot.index is not None:
                    leaves[slot.index] = value
            args, kwargs = (leaves, {}) if self.bare else self.rebuild(leaves)
            with timed_call():
                out = self.f(*args, **kwargs)
            self.result = None if type(out) is Tensor else out
            if any(out is slot.tensor for slot in self.slots if slot.tensor is not None):
                out = wrap(out._array, out._node)
            return floating(out)
        finally:
            for tensor, array, node in reversed(kept):
                tensor._array, tensor._node = array, node

    @property
    def returned(self) -> str:
        """What the last call returned, in words."""
        return kind_of(self.result)

    def arrays(self, x: np.ndarray) -> list[np.ndarray]:
        """The vector cut into arrays of the slots' shapes; fresh memory, so f may do what it likes."""
        out = []
        for slot, start, end in zip(self.slots, self.ends, self.ends[1:]):
            piece = x[start:end].copy()
            if slot.is_complex:
                piece = piece.view(np.complex128)
            piece = piece.reshape(slot.array.shape)
            out.append(piece if piece.dtype == slot.array.dtype else piece.astype(slot.array.dtype))
        return out

    def value(self, x: np.ndarray) -> np.ndarray:
        """The outputs at x, end to end."""
        self.calls += 1
        given = self.arrays(x)
        with no_grad():
            outs = self(*(given if self.arrays_do else [wrap(array, CONST) for array in given]))
        if self._pull is not None and len(outs) == len(self._pull[0]):  # eig is real at one point, complex at the next
            outs = [
                out._array + 0j if e.dtype.kind == "c" and isinstance(out, Tensor) and out.dtype.kind != "c" else out
                for out, e in zip(outs, self._pull[0])
            ]
        return flat_vector(outs)

    @cached_property
    def peak(self) -> float:
        """The largest number that the function meets at the point."""

        def run(arrays) -> None:
            with no_grad():
                self(*[wrap(array, CONST) for array in arrays])

        return peak(run, self.arrays(self.point))

    # ---- its derivatives ----------------------------------------------------------------------------------

    @property
    def outputs(self) -> list:
        """The outputs at the point, as arrays."""
        return self.traced()[0]

    def traced(self):
        if self._pull is None:
            outs, pullback = vjp(self, *self.arrays(self.point))
            self._pull = ([np.asarray(out._array if isinstance(out, Tensor) else out) for out in outs], pullback)
        return self._pull

    def cut(self, v: np.ndarray) -> list[np.ndarray]:
        """A flat cotangent as one array an output."""
        cts, start = [], 0
        for out in self.outputs:
            n = real_entries(out)
            piece = np.array(v[start : start + n])
            piece = (piece.view(np.complex128) if out.dtype.kind == "c" else piece).reshape(out.shape)
            cts.append(piece.astype(out.dtype))
            start += n
        return cts

    @property
    def size_out(self) -> int:
        return sum(map(real_entries, self.outputs))

    def shape(self, slot: int) -> tuple:
        """The shape of an input; a complex number is two entries."""
        return real_shape(self.slots[slot].array)

    @property
    def shape_out(self) -> tuple:
        """The shape of the output, in the same way; of several, their number of entries."""
        return real_shape(self.outputs[0]) if len(self.outputs) == 1 else (self.size_out,)

    def pull(self, v: np.ndarray) -> np.ndarray:
        """Jᵀ v in reverse mode."""
        pullback = self.traced()[1]
        with timed_call():
            return flat_vector(pullback(self.cut(v)))

    def push(self, u: np.ndarray, only: int | None = None) -> np.ndarray:
        """J u in forward mode; with `only`, where that input alone has a tangent and the others are constants."""
        arrays, tangents = self.arrays(self.point), self.arrays(u)
        if self.bare and hasattr(self.f, "push"):  # an operation of a framework that has a forward mode
            found = self.f.push(list(self.with_arrays(arrays)[0]), tangents)
            if found is not None:
                return flat_vector(found)
        if only is None:
            return flat_vector(jvp(self, tuple(arrays), tuple(tangents))[1])
        values = [wrap(a, CONST) for a in arrays]

        def alone(x) -> list:
            return self(*values[:only], x, *values[only + 1 :])

        return flat_vector(jvp(alone, (arrays[only],), (tangents[only],))[1])

    @property
    def ends_out(self) -> list[int]:
        """Where each output begins in the output vector, and the end of the last."""
        return list(np.cumsum([0, *map(real_entries, self.outputs)], dtype=int))

    def where(self, j: int) -> str:
        """The name of entry j of the input vector, as in `x[0, 1]`."""
        k, j = which_of(self.ends, j)
        return self.slots[k].name + place(j, self.slots[k].array)

    def where_out(self, i: int) -> str:
        """The name of entry i of the output vector, as in `out[0, 1]`."""
        k, i = which_of(self.ends_out, i)
        return ("out" if len(self.outputs) == 1 else f"out{k}") + place(i, self.outputs[k])


class Closed:
    """A module that is not taken apart: its parameters vary in their places."""

    def __init__(self, module: Any):
        self.module = module


def closed(tree: Any) -> Any:
    """Nested containers with their modules closed."""
    if callable(getattr(tree, "named_parameters", None)) and not isinstance(tree, type):
        return Closed(tree)
    if type(tree) in (list, tuple):
        return type(tree)(map(closed, tree))
    return {key: closed(value) for key, value in tree.items()} if type(tree) is dict else tree


def real_entries(array: np.ndarray) -> int:
    """The entries of an array in a flat vector; a complex number is two."""
    return array.size * (2 if array.dtype.kind == "c" else 1)


def real_shape(array: np.ndarray) -> tuple:
    """The shape of an array; a complex number is two entries, along a last axis."""
    return array.shape + (2,) * (array.dtype.kind == "c")


def which_of(ends: list[int], j: int) -> tuple[int, int]:
    """Which of several arrays laid end to end entry j belongs to, and which of its entries that is."""
    k = int(np.searchsorted(ends, j, side="right")) - 1
    return k, int(j - ends[k])


def location(i: int, array: np.ndarray) -> tuple:
    """The index of entry i of an array laid flat."""
    return tuple(int(n) for n in np.unravel_index(i, real_shape(array)))


def place(i: int, array: np.ndarray) -> str:
    index = location(i, array)
    part = (".real", ".imag")[index[-1]] if array.dtype.kind == "c" else ""
    return (f"[{', '.join(map(str, index[: array.ndim]))}]" if array.ndim else "") + part


def kind_of(out) -> str:
    """What a function returned, in words."""
    dtype = getattr(out, "dtype", None)
    return f"an array of {dtype}" if dtype is not None else "None" if out is None else f"a {type(out).__name__}"


def flat_vector(arrays) -> np.ndarray:
    """Arrays end to end in one float64 vector; a complex number is two entries."""
    parts = []
    for a in arrays:
        a = np.asarray(a._array if isinstance(a, Tensor) else a)
        if a.dtype.kind == "c":
            a = np.ascontiguousarray(a.astype(np.complex128)).reshape(-1).view(np.float64)
        parts.append(a.reshape(-1))
    if len(parts) == 1:
        return parts[0].astype(np.float64)
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def floating(out) -> list:
    """The floating outputs among whatever a function returned."""
    if type(out) is Tensor:
        return [out] if out._array.dtype.kind in "fc" else []
    found: list = []
    for leaf in flatten(out)[0]:
        if isinstance(leaf, Tensor):
            if leaf._array.dtype.kind in "fc":
                found.append(leaf)
        elif isinstance(leaf, (float, complex, np.ndarray, np.generic)) and np.asarray(leaf).dtype.kind in "fc":
            found.append(np.asarray(leaf))
    return found


def varying_slots(leaves: list, names: list[str]) -> list[Slot]:
    """What varies: the tensors that require a gradient, else the floating tensors, else all floating
    numbers.
    """
    slots: list[Slot] = []
    seen: set[int] = set()

    def add(index, tensor, name, array):
        if tensor is None or id(tensor) not in seen:
            seen.add(id(tensor))
            slots.append(Slot(index, tensor, name, array))

    tensors: list[tuple[int | None, Tensor, str]] = []
    for i, (leaf, name) in enumerate(zip(leaves, names)):
        if isinstance(leaf, Tensor):
            tensors.append((i, leaf, leaf.name or name))
        elif callable(getattr(leaf, "named_parameters", None)):
            tensors += [(None, t, path) for path, t in leaf.named_parameters()]
    required = [entry for entry in tensors if entry[1].requires_grad]
    for index, tensor, name in required or tensors:
        if tensor.dtype.kind in "fc":
            add(index, tensor, name, tensor._array)
    if not slots:
        for i, (leaf, name) in enumerate(zip(leaves, names)):
            if (
                isinstance(leaf, (float, complex, np.floating, np.complexfloating))
                or isinstance(leaf, np.ndarray)
                and leaf.dtype.kind in "fc"
            ):
                add(i, None, name, np.asarray(leaf))
        if any(isinstance(leaf, np.ndarray) for leaf in leaves):  # beside arrays, Python numbers are options
            wide = [s for s in slots if s.index is not None and isinstance(leaves[s.index], (np.ndarray, np.generic))]
            slots = wide or slots
    return slots


def input_name(f: Callable, path: str) -> str:
    """The name of an input: its parameter's, and its place within."""
    group, _, rest = path[1:].partition("]")
    if group == "0":
        number, _, inside = rest[1:].partition("]")
        return parameter(f, int(number)) + inside
    key, _, inside = rest[1:].partition("]")
    return key.strip("'\"") + inside


def parameter(f: Callable, i: int) -> str:
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return "xyzw"[i] if i < 4 else f"x{i}"
    for k, p in enumerate(parameters):
        if p.kind is p.VAR_POSITIONAL and i >= k:
            return f"{p.name}[{i - k}]"
        if k == i:
            return p.name
    return f"x{i}"


def title(f: Any) -> str:
    """What a function is called."""
    return getattr(f, "__name__", type(f).__name__)

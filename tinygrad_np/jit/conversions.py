"""NumPy's functions that have no protocol: while recording they let stand-ins pass, and copy them where they copy."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..engine.callers import NUMPY, PACKAGE, PYTHON
from ..engine.leaving import asked_by_sparse
from ..engine.tensor import Tensor
from ..engine.tracing import recorder
from .bytecode import calls
from .places import GENERATED
from .stand_in import StandIn


def conversions(tape) -> tuple[Callable[[], object], Callable[[], object]]:
    """Two calls: one puts functions in the place of NumPy's that take stand-ins, the other puts NumPy's back.

    Each is a single call of C code, which no signal can interrupt.
    """
    new: list[tuple[Any, str, Any]] = []
    makers = (as_is, copy_of, contiguous_of, fortran, full_of)
    for names, make in zip(CONVERTED_BY, makers, strict=True):
        new += [(np, name, make(tape, getattr(np, name))) for name in names]
    known: dict[str, Callable] = {name: function for _, name, function in new}
    new = [
        (np, name, creating(tape, name, known.get(name) or getattr(np, name))) for name in sorted(known.keys() | MAKERS)
    ]
    for name in ("numpy", "__array__"):  # a tensor's
        owner = next(c for c in Tensor.__mro__ if name in vars(c))
        new.append((owner, name, refused_within(vars(owner)[name])))
    old = [(owner, name, vars(owner)[name]) for owner, name, _ in new]
    for (_, _, made), (_, _, known) in zip(new, old):
        made.__wrapped__ = known
    return at_once(new), at_once(old)


def at_once(entries: list[tuple[Any, str, Any]]) -> Callable[[], object]:
    """A call that sets attributes, without any Python in between."""
    return partial(deque, map(setattr, *zip(*entries)), 0)


MAKERS = set(
    "zeros ones empty eye identity tri arange linspace logspace geomspace indices fromiter meshgrid "
    "vander diag tile repeat cumsum tril_indices triu_indices diag_indices "
    "hanning hamming blackman bartlett kaiser".split()
)  # what f makes by these without its arguments may be indexed, or written into, with what depends on them
CONVERTED_BY = (("asarray", "asanyarray"), ("array",), ("ascontiguousarray",), ("asfortranarray",), ("full",))


def creating(tape, name, fun):
    """A function of NumPy's that makes arrays; those that the user's code makes get stand-ins."""

    def create(*args, **kwargs):
        frame = sys._getframe(1)
        file = frame.f_code.co_filename
        if not is_recorded(file):
            if args and type(args[0]) is StandIn and not file.startswith(PACKAGE) and args[0].is_fixed:
                args = args[0].value.copy(), *args[1:]  # installed code is given an array
            return fun(*args, **kwargs)
        made = fun(*args, **kwargs)
        if isinstance(made, (np.ndarray, list, tuple)) and recorder.get() is tape and not (args and made is args[0]):
            return tape.constant(made) if calls(frame, name) else made  # C code has no frame of its own
        return made

    return create


@lru_cache(None)
def is_recorded(filename: str) -> bool:
    """Whether a file is neither NumPy's nor this package's nor an installed one."""
    return not filename.startswith((NUMPY, PYTHON, *GENERATED)) and "-packages" not in filename


def as_is(tape, asarray):
    def take(a, dtype=None, *args, **kwargs):
        if type(a) is StandIn:
            a = tape.fresh(a.value.copy(), a) if a.scalar else a
            return a if dtype is None or a.dtype == dtype else a.astype(dtype)
        return nested_array(tape, a, dtype) if holds(a) else asarray(a, dtype, *args, **kwargs)

    return take


def copy_of(tape, array):
    def take(a, dtype=None, **kwargs):
        if type(a) is StandIn:
            a = tape.fresh(np.empty_like(a.value, dtype), a)
            ndmin = kwargs.get("ndmin", 0)
            return a[(None,) * (ndmin - a.ndim)] if ndmin > a.ndim else a
        return nested_array(tape, a, dtype) if holds(a) else array(a, dtype, **kwargs)

    return take


def contiguous_of(tape, ascontiguousarray):
    def take(a, dtype=None, **kwargs):
        if type(a) is not StandIn:
            return ascontiguousarray(a, dtype, **kwargs)
        a = a if a.ndim else a.reshape(1)
        return a if a.flags.c_contiguous and dtype in (None, a.dtype) else a.astype(dtype or a.dtype, order="C")

    return take


def fortran(tape, asfortranarray):
    def take(a, dtype=None, **kwargs):
        if type(a) is not StandIn:
            return asfortranarray(a, dtype, **kwargs)
        return a if a.flags.f_contiguous and dtype in (None, a.dtype) else a.astype(dtype or a.dtype, order="F")

    return take


def full_of(tape, full):
    def take(shape, fill_value, dtype=None, *args, **kwargs):
        if type(fill_value) is not StandIn:
            return full(shape, fill_value, dtype, *args, **kwargs)
        return tape.fresh(np.empty(shape, fill_value.dtype if dtype is None else dtype), fill_value)

    return take


def holds(a) -> bool:
    """Whether there are stand-ins in a nested list."""
    return isinstance(a, (list, tuple)) and any(type(x) is StandIn or holds(x) for x in a)


def nested_array(tape, a, dtype) -> StandIn:
    """The array that a nested list with stand-ins in it makes."""
    parts = [nested_array(tape, x, None) if holds(x) else x for x in a]
    made: Any = np.stack([x if type(x) is StandIn else np.asarray(x) for x in parts])
    return made if dtype is None else made.astype(dtype)


def refused_within(convert):
    """A conversion of a tensor, but not of what is being recorded."""

    def checked(tensor, *args, **kwargs):
        if type(tensor._array) is StandIn and asked_by_sparse() is None:
            tensor._array.__array__()  # refuses
        return convert(tensor, *args, **kwargs)

    return checked

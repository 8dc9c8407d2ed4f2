"""The functions that make tensors: NumPy's own make the values, and what is made may be written into with tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..derivatives.joining import as_operand
from ..engine.recording import TENSORS, wrap
from ..engine.table import TABLE
from ..engine.tape import CONST
from ..engine.tracing import TRACERS, recorder
from ..engine.tracing import made as note_made
from .looking import OPENED, as_list, holds_numbers, joined_inside, one_tensor

CREATORS = {
    "zeros", "ones", "empty", "full", "eye", "identity", "tri", "arange", "linspace", "logspace", "geomspace",
    "zeros_like", "ones_like", "empty_like", "full_like", "asanyarray", "ascontiguousarray", "asfortranarray",
    "asarray_chkfinite", "require", "fromfunction", "fromiter", "frombuffer", "fromstring", "fromfile", "loadtxt",
    "genfromtxt", "from_dlpack", "indices", "diag", "diagflat", "tril", "triu", "vander", "meshgrid", "tile", "repeat",
    "concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "kaiser", "hanning",
    "hamming", "bartlett", "blackman",
}  # fmt: skip
JOINS = {"concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack"}


def made_tensor(made: Any) -> Any:
    """What NumPy made, as a tensor if it is an array of numbers; the arrays in a list or tuple too."""
    if type(made) in TENSORS:
        return made
    if type(made) is np.ndarray and made.dtype.kind in "fcbiu":
        return wrap(note_made(made), CONST)
    if isinstance(made, (list, tuple)):
        return type(made)([made_tensor(m) for m in made])
    if type(made) in TRACERS:
        return wrap(np.asarray(made), CONST)
    if isinstance(made, np.generic) and made.dtype.kind in "fcbiu":
        return wrap(note_made(np.asarray(made)), CONST)
    return made


def own(made: Any) -> Any:
    """The same, in memory of its own: NumPy may give back what it was given."""
    return made_tensor(made.copy() if type(made) is np.ndarray or type(made) in TRACERS else made)


def first_tensor(value: Any) -> Any:
    """A tensor out of nested lists, for `like=`."""
    if type(value) in TENSORS:
        return value
    found = map(first_tensor, value) if isinstance(value, (list, tuple)) else ()
    return next((t for t in found if t is not None), None)


def creator(fun: Callable) -> Callable:
    """A function of NumPy that makes arrays, as one that makes tensors."""
    name = fun.__name__
    join = as_list if name == "block" else joined_inside if name in JOINS else one_tensor
    owning = own if name.startswith("as") or name in ("require", "from_dlpack", "frombuffer") else made_tensor

    def create(*args, **kwargs):
        for a in args:
            if type(a) in OPENED or type(a) in TENSORS:
                return looked(*args, **kwargs)
        return looked(*args, **kwargs) if kwargs or recorder.get() is not None else owning(fun(*args))

    def looked(*args, like=None, **kwargs):
        args = tuple([join(a) for a in args])
        kwargs = {key: join(a) for key, a in kwargs.items()}
        if name in LIKE:  # these look for a tensor in `like` alone
            some = first_tensor([*args, *kwargs.values()])
            if some is not None and some.dtype.kind in "fc":
                return TABLE[fun].apply(args, kwargs)
        now = fun if recorder.get() is None else getattr(np, name)  # which then takes what is being recorded
        return owning(now(*args, **kwargs))

    made = wraps(fun)(create)
    made.__doc__ = f"A tensor of what np.{name} makes.\n\n{fun.__doc__ or ''}"
    return made


ARRAY = TABLE[np.array]
LIKE = {"full", "arange", "asanyarray", "ascontiguousarray", "asfortranarray", "require", "fromfunction", "fromiter"}


def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, like=None) -> Any:
    """A tensor of anything np.array takes; nested lists of tensors and arrays are joined and keep their history.

    >>> from tinygrad_np import Tensor
    >>> array([Tensor(1.0), 2.0])
    Tensor([1., 2.])
    """
    if copy is True and order == "K" and not subok and not ndmin and type(object) not in TENSORS:
        made = attempt(np.array, object, dtype)  # the rule: NumPy reads options slowly
        if made is not None:
            return made_tensor(made)
    options = {"copy": copy, "order": order, "subok": subok, "ndmin": ndmin}
    if type(object) not in TENSORS:
        object = as_list(object)
        if not holds_numbers(object):
            made = np.array(object, dtype, **options)
            return own(made) if copy is not True else made_tensor(made)
    return ARRAY.apply((object, dtype), options)


def attempt(make: Callable, object: Any, dtype: Any) -> Any:
    """What NumPy makes of lists without looking into them here; None where tensors, or generators, are in the way."""
    if type(object) is np.ndarray or type(object) in OPENED and recorder.get() is None:
        try:
            made = make(object, dtype)
        except (TypeError, ValueError):
            return None
        return None if made.dtype.hasobject and type(object) in OPENED else made
    return None


def asarray(obj, dtype=None, order=None, *, device=None, copy=None, like=None) -> Any:
    """A tensor of anything array-like; a tensor stays itself, and on the tape.

    NumPy's array is copied: writing to the tensor leaves it as it was.
    """
    if type(obj) not in TENSORS:
        if copy is False and not isinstance(obj, np.ndarray):
            np.asarray(obj, dtype, order, device=device, copy=False)  # NumPy's own refusal
        made = attempt(np.asarray, obj, dtype)
        if made is not None:
            return own(made)
        obj = as_list(obj)
        if not holds_numbers(obj):
            return own(np.asarray(obj, dtype, order, device=device))
        obj = as_operand(obj)
    out = obj if dtype is None or obj.dtype == dtype else obj.astype(dtype)
    if copy is False and out is not obj:
        raise ValueError(f"asarray: copy=False, and {obj.dtype} data cannot be {np.dtype(dtype)} without a copy")
    return out.copy() if copy and out is obj else out


def copy(a, order="K", subok=False) -> Any:
    """A copy that is a tensor."""
    return made_tensor(np.copy(one_tensor(a), order))


class Grid:
    """np.mgrid and np.ogrid: what they make, as tensors."""

    def __init__(self, grid: Any):
        self.grid = grid

    def __getitem__(self, key: Any) -> Any:
        return made_tensor(self.grid[key])


mgrid, ogrid = Grid(np.mgrid), Grid(np.ogrid)


class Joining:
    """np.r_ and np.c_: slices and arrays joined along an axis, where tensors keep their history."""

    def __init__(self, along: Any):
        self.along = along

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        directive, rest = (parts[0], parts[1:]) if isinstance(parts[0], str) else (None, parts)
        rest = tuple([one_tensor(part) for part in rest])
        arrays = TENSORS | TRACERS
        if not any(type(part) in arrays for part in rest):
            return made_tensor(self.along[key])
        # NumPy joins the numbers of the elements; what stands in their places follows.
        elements: list[Any] = []
        numbers: list[np.ndarray] = []
        start = 0
        for part in rest:
            part = part if type(part) in arrays else self.along[part] if isinstance(part, slice) else np.asarray(part)
            size = int(np.size(part))
            numbers.append(np.arange(start, start + size).reshape(np.shape(part)))
            elements.append(np.ravel(part))
            start += size
        places = self.along[(*(() if directive is None else (directive,)), *numbers)]
        return made_tensor(np.reshape(np.concatenate(elements)[np.ravel(places)], np.shape(places)))

    def __len__(self) -> int:
        return 0


r_, c_ = Joining(np.r_), Joining(np.c_)

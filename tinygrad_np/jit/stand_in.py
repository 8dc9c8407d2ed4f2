"""The array-like and the random streams that f sees while it is recorded: they pass every call to a tape."""

from __future__ import annotations

import sys
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.arrays import makes_view
from ..engine.recording import TENSORS
from ..engine.tracing import TRACERS, concrete
from .functions import LAYOUTS, facts_about, holds_nan
from .instruction import Number, replaced
from .places import TAKEN
from .refusing import NOBODYS, operation, refuse

ndarray = np.ndarray
PRINTED = "a tensor's value as text: a replay would not print it; return the tensor and print it outside"


CONVERTED = (
    "a conversion to a NumPy array: a replay would not see it change; return the tensor and convert it outside the "
    "jitted function"
)
NUMBER = (
    "a tensor's value as a Python number: a replay would not see it change; return the tensor and convert it outside "
    "the jitted function, or pass a Python number: a program is recorded for each"
)
REACHED_BY = {  # what Python was doing when NumPy asked for an array -> what to do instead
    "STORE_SUBSCR": "a tensor was written into an array that the function made by itself, which a replay would not "
    "repeat: make that array with np.zeros_like(x) of an argument or tensor, or join the parts with np.stack",
    "BINARY_SUBSCR": "a tensor was in a slice, or the index of a list or of an array that the function made by itself: "
    "a replay would not see it change; pass a Python number, or make an array of the list outside the jitted function",
}
WAYS_ROUND = {  # methods and attributes of an array's memory -> what has the same effect
    "flat": "; x.ravel() is an array",
    "resize": "; np.resize(x, shape) is an array",
    "setflags": "",
}


def refused(why: str) -> Any:
    """A method that refuses."""

    def method(self, *args, **kwargs):
        refuse(why)

    return method


def telling(name: str, why: str) -> Any:
    """A method that tells values: of an array that f made without its arguments they are always the same."""

    def method(self, *args, **kwargs):
        if not self.is_fixed:
            refuse(why)
        return getattr(self.value, name)(*args, **kwargs)

    return method


def asked(name: str) -> Any:
    """The same, where what is to be done instead depends on what Python was doing."""

    def method(self, *args):
        if not self.is_fixed:
            refuse(REACHED_BY.get(operation(sys._getframe(1)), NUMBER))
        return getattr(self.value, name)(*args)

    return method


class StandIn(NDArrayOperatorsMixin):
    """Stands in for an array while its function is recorded; speaks NumPy's protocols and refuses to tell values.

    But for those of an array that f made without its arguments, which are fixed.
    """

    __slots__ = ("value", "tape", "number", "scalar", "keeps", "__weakref__")
    # what isinstance asks; `type` tells the truth
    __class__ = property(lambda self: self.dtype.type if self.scalar else ndarray)
    __array_priority__ = 100

    def __init__(self, value, tape, number: Number | None = None, scalar: bool = False):
        self.value = value
        self.tape = tape
        self.number = number
        self.scalar = scalar  # stands in for a NumPy scalar, which never changes
        # what it is a view of, kept as ndarrays do it: the engine counts references
        known = tape.stand_ins.get(id(getattr(value, "base", None)))
        self.keeps = None if known is None else known()
        tape.stand_ins[id(value)] = tape.alive[id(self)] = ref(self)

    shape = property(
        lambda self: np.shape(self.value),
        lambda self, shape: refuse("x.shape was set, which would not be repeated; x.reshape(shape) is another array"),
    )
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    dtype = property(lambda self: self.value.dtype)
    strides = property(lambda self: self.value.strides)
    nbytes = property(lambda self: self.value.nbytes)
    itemsize = property(lambda self: self.value.itemsize)
    base = property(lambda self: self.value.base)

    @property
    def flags(self):
        flags = self.value.flags
        if not sys._getframe(1).f_code.co_filename.startswith(NOBODYS):
            self.tape.flags[id(self.value)] = repr(flags)
        return flags

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(hasattr(x, "_node") for x in inputs):
            return NotImplemented
        if "out" in kwargs:
            self.tape.alone = sys.getrefcount(kwargs["out"][0]) <= ONE_OWNER and not has_other_views(
                kwargs["out"][0].base
            )
        if any(type(x) is StandIn and x.scalar for x in kwargs.get("out", ())):
            del kwargs["out"]  # x += y gives a scalar a new value
        return self.tape.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, fun, types, args, kwargs):
        if any(hasattr(t, "backward") for t in types):
            return NotImplemented
        if fun in (np.array2string, np.array_repr, np.array_str):
            if not args[0].is_fixed:
                refuse(PRINTED)
            return fun(args[0].value, *args[1:], **kwargs)
        if fun in ALLOCATES:
            return ALLOCATES[fun](self.tape, fun, args, kwargs)
        return self.tape.call(fun, args, kwargs)

    def __getattr__(self, name: str):
        if name in LAYOUTS:
            return self.tape.call(LAYOUTS[name], (self,))
        method = getattr(ndarray, name, None)
        if method is None or name[:2] == "__":
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        if name in WAYS_ROUND or not callable(method):
            refuse(f"x.{name} is about an array's memory, which a replay lays out anew{WAYS_ROUND.get(name, '')}")
        named = getattr(np, name, None)
        reduction = None if named is None or facts_about(named).reduces is None else named
        return lambda *args, **kwargs: self.tape.call(reduction or method, (self, *args), kwargs)

    @property
    def is_fixed(self) -> bool:
        """Whether the values are the same at every replay."""
        return self.tape.is_fixed(self)

    def copy(self, order="C"):
        return self.tape.fresh(self.value.copy(order), self, self.scalar)

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return self.tape.fresh(np.empty_like(self.value, dtype, order), self, self.scalar)

    def __getitem__(self, index):
        index = settled(index)
        for part in index if type(index) is tuple else (index,):
            if type(part) is StandIn and part.dtype == bool:
                refuse("the shape of x[mask] depends on the mask's values; np.where(mask, x, y) keeps a shape")
        index, moves = located(index)
        if moves and isinstance(self.value[replaced(index, concrete)], ndarray):
            refuse("x[i] is a view of another part of x for another i; np.take(x, i, axis=0) is an array")
        if makes_view(index) and not isinstance(self.value[index], ndarray):
            if self.is_fixed:
                return self.value[index]
            element = self[(*index, ...) if type(index) is tuple else (index, ...)]
            return self.tape.fresh(element.value.copy(), element, scalar=True)
        return self.tape.call(ndarray.__getitem__, (self, index))

    def __setitem__(self, index, value):
        self.tape.call(ndarray.__setitem__, (self, located(settled(index))[0], value))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self):
        return (self[i] for i in range(len(self.value)))

    def __round__(self, ndigits=None):
        return float(self) if ndigits is None else self.round(ndigits)

    def __repr__(self) -> str:
        if self.is_fixed:
            return repr(self.value)
        if not sys._getframe(1).f_code.co_filename.startswith(NOBODYS):  # in the text of an error it says what it is
            refuse(PRINTED)
        return f"array of shape {self.shape} {self.dtype}, being recorded"

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def vacate(self, whole: StandIn) -> None:
        """See Tape.vacate."""
        self.tape.vacate(self, whole)

    def like(self, array: ndarray) -> StandIn:
        """A stand-in for another array."""
        return StandIn(array, self.tape)

    def may_have_nan(self) -> bool:
        """Whether a recording has to be careful: not where each replay can ask before it has changed anything."""
        if self.tape.effects or self.dtype.kind == "c" or np.isnan(self.value).any():
            return True
        return self.tape.assume(self.reshape(-1) if self.flags.c_contiguous else self.copy().reshape(-1), holds_nan)

    def assume(self) -> bool:
        return self.tape.assume(self, bool)

    __bool__ = telling(
        "__bool__",
        "a Python branch on the value of a tensor: a replay would always take the same one; "
        "write it with np.where, or branch outside the jitted function",
    )
    tolist, tobytes, tofile, dump, dumps, __dlpack__ = [
        telling(name, CONVERTED) for name in ("tolist", "tobytes", "tofile", "dump", "dumps", "__dlpack__")
    ]

    def __array__(self, *args, **kwargs):
        if not self.is_fixed:
            refuse(REACHED_BY.get(operation(sys._getframe(1)), CONVERTED))
        return np.array(self.value.__array__(*args, **{k: v for k, v in kwargs.items() if k == "dtype"}))

    item, __float__, __int__, __complex__, __index__ = map(
        asked, ("item", "__float__", "__int__", "__complex__", "__index__")
    )

    __hash__ = refused("a tensor's value as a key: a replay would not see it change")
    __str__, __format__ = telling("__str__", PRINTED), telling("__format__", PRINTED)
    __contains__ = telling("__contains__", "`in` asks for values: write it with np.any(x == value)")
    __reduce_ex__ = refused("an array cannot be pickled while it is being recorded; return it")


TRACERS.add(StandIn)


class Counting:
    """Tells how many references there are to x, and to what it is a view of, where NumPy asks what x += y is."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return sys.getrefcount(kwargs["out"][0]), holders_of(kwargs["out"][0].base)


def holders_of(base) -> int:
    return sys.getrefcount(base)


def one_owner() -> tuple[int, int]:
    x: Any = np.zeros(1)[:]
    x += Counting()
    return x


ONE_OWNER, ONE_VIEW = one_owner()  # the counts where a variable alone refers to x, and x alone to what it is a view of


def has_other_views(base) -> bool:
    """Whether anything but one view refers to its base."""
    return base is not None and sys.getrefcount(base) > ONE_VIEW


def settled(index):
    """An index without tensors, and with masks and numbers that are fixed as they are."""
    parts = list(index) if type(index) is tuple else [index]
    for i, part in enumerate(parts):
        if type(part) in TENSORS and type(part._array) is StandIn:
            parts[i] = part = part._array
        if type(part) is StandIn and (part.dtype == bool or not part.ndim) and part.is_fixed:
            parts[i] = part.value[()] if not part.ndim else part.value.copy()
    return tuple(parts) if type(index) is tuple else parts[0]


def located(index) -> tuple:
    """An index with 0-d arrays for scalars that are being recorded, and whether it had any."""
    parts = index if type(index) is tuple else (index,)
    found = [StandIn(p.value, p.tape) if type(p) is StandIn and p.scalar else p for p in parts]
    moves = any(a is not b for a, b in zip(found, parts))
    return (tuple(found) if type(index) is tuple else found[0]) if moves else index, moves


def copied_alike(tape, fun, args, kwargs):
    return args[0].copy(*(args[1:] or (kwargs.get("order", "K"),)))


def converted(tape, fun, args, kwargs):
    return args[0].astype(*args[1:], **{k: v for k, v in kwargs.items() if k in ("dtype", "copy")})


def made_alike(tape, fun, args, kwargs):
    """zeros_like and its kin: new memory, filled again at every replay."""
    made = fun(*replaced(args, concrete), **replaced(kwargs, concrete))
    if tape.is_plain(args, kwargs, ()):
        return tape.constant(made)
    source = {np.zeros_like: 0, np.ones_like: 1, np.empty_like: None}.get(fun, 0)
    if fun is np.full_like:
        source = args[1] if len(args) > 1 else kwargs["fill_value"]
    return tape.fresh(made, source)


ALLOCATES = {
    np.copy: copied_alike,
    np.astype: converted,
    np.zeros_like: made_alike,
    np.ones_like: made_alike,
    np.empty_like: made_alike,
    np.full_like: made_alike,
}


class RecordedGenerator(np.random.Generator):
    """A random stream whose draws are written down, so that a replay draws on from the same stream."""

    def __init__(self, generator: np.random.Generator, tape):
        super().__init__(generator.bit_generator)
        self.original, self.tape = np.random.Generator(generator.bit_generator), tape  # whose draws are plain arrays
        self.gives = getattr(generator, "gives", None)  # what tinygrad_np.numpy makes of them

    def __getattribute__(self, name: str):
        if name in ("original", "tape", "gives", "__class__", "__init__") or name.startswith("__"):
            return super().__getattribute__(name)
        method = getattr(self.original, name)
        if name in ("spawn", "bit_generator", "bytes"):
            refuse(f"{name} of a random stream was used, which would happen once: use it outside the jitted function")
        gives = self.gives or (lambda drawn: drawn)
        return lambda *args, **kwargs: gives(self.tape.draw(method, args, kwargs))


TAKEN |= {StandIn, RecordedGenerator}

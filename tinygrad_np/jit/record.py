"""Recording: stand-ins for arrays pass every NumPy call to a tape, and what comes out is a straight program.

A stand-in holds a real array, so the recorded call computes as ever. An operand is written down as a `View`: which
memory, where in it, in what layout. So a function that returns a view needs no instruction, and a write through one
view is known to every other.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..standin import STANDINS

ndarray = np.ndarray
HERE = (str(Path(__file__).parents[1]) + "/", str(Path(np.__file__).parent) + "/")


class NotReplayable(TypeError):
    """Something in a jitted function that a replay could not repeat."""


class View(NamedTuple):
    """An operand: the memory of storage `storage` from byte `offset` on, seen in this layout."""

    storage: int
    offset: int
    shape: tuple
    strides: tuple
    dtype: np.dtype


class Number(NamedTuple):
    """An operand: entry `index` of what host call `call` returned."""

    call: int
    index: int


class Storage:
    """A piece of memory: a temporary, an input, part of the state outside, or a constant."""

    __slots__ = ("kind", "array", "where", "nbytes", "layout")

    def __init__(self, kind: str, array: ndarray, where=None):
        self.kind = kind        # "temporary", "input", "state" or "constant"
        self.array = array      # its owner while recording
        self.where = where      # which input, which place of the state, or the constant's value
        self.nbytes = array.nbytes
        self.layout = array.shape, array.strides, array.dtype


class Instruction:
    """One NumPy call: `fun(*args, **kwargs)`, whose result goes to `out`; `writes` are operands that it changes."""

    __slots__ = ("kind", "fun", "args", "kwargs", "out", "writes", "line")

    def __init__(self, kind: str, fun, args: tuple, kwargs: dict, out: tuple[View, ...], writes=(), line=""):
        self.kind, self.fun, self.args, self.kwargs = kind, fun, args, kwargs
        self.out, self.writes, self.line = out, tuple(writes), line

    def operands(self) -> list[View]:
        """What it reads."""
        return list(views_in((*self.args, *self.kwargs.values())))

    def changed(self) -> tuple[View, ...]:
        """What it writes."""
        return self.out + self.writes

    pure = property(lambda self: self.kind not in ("random", "host", "guard"))


def views_in(tree):
    """The views among nested arguments."""
    for item in tree:
        if type(item) is View:
            yield item
        elif type(item) in (tuple, list):
            yield from views_in(item)
        elif type(item) is slice:
            yield from views_in((item.start, item.stop, item.step))


def replaced(tree, change: Callable):
    """The same nested arguments with `change` applied to what is not a container."""
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind([replaced(item, change) for item in tree])
    if kind is slice:
        return slice(*[replaced(item, change) for item in (tree.start, tree.stop, tree.step)])
    if kind is dict:
        return {key: replaced(item, change) for key, item in tree.items()}
    return change(tree)


# ---- what functions do ------------------------------------------------------------------------------------

REDUCTIONS = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.amax: np.maximum, np.min: np.minimum,
              np.amin: np.minimum, np.any: np.logical_or, np.all: np.logical_and}
ABOUT_SHAPES = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
                np.common_type, np.min_scalar_type, np.may_share_memory, np.shares_memory, np.broadcast_shapes}
SHAPE_FROM_VALUES = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.unique_values, np.extract, np.trim_zeros,
                     np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.histogram_bin_edges}
WRITERS = {ndarray.__setitem__, np.put, np.putmask, np.place, np.put_along_axis, np.fill_diagonal, ndarray.sort,
           ndarray.partition, ndarray.put}
LAYOUTS = {"T": np.transpose, "mT": np.matrix_transpose, "real": np.real, "imag": np.imag}


@lru_cache(None)
def takes_out(fun: Callable) -> bool:
    """Whether a function can put its result into a given array."""
    if isinstance(fun, np.ufunc) or isinstance(getattr(fun, "__self__", None), np.ufunc):
        return getattr(fun, "__name__", "") != "at"
    try:
        return fun is not np.mean and "out" in inspect.signature(fun).parameters
    except (TypeError, ValueError):
        return False


@lru_cache(None)
def names_from_out(fun: Callable) -> tuple[int, tuple[str, ...]]:
    """Where `out` stands among a function's parameters, and the names from there on."""
    if not takes_out(fun) or isinstance(fun, np.ufunc) or isinstance(getattr(fun, "__self__", None), np.ufunc):
        return sys.maxsize, ()
    parameters = inspect.signature(fun).parameters
    names = tuple(parameters)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return sys.maxsize, ()
    return names.index("out"), names[names.index("out"):]


class Tape:
    """The program while it is being written."""

    def __init__(self):
        self.storages: list[Storage] = []
        self.program: list[Instruction] = []
        self.roots: dict[int, int] = {}         # the owner of memory, by id -> its storage
        self.hosts: list[Callable] = []
        self.scalars: set[int] = set()          # storages whose array was a NumPy scalar
        self.open = True

    # ---- memory -------------------------------------------------------------------------------------------

    def known(self, array: ndarray, kind: str, where=None) -> int:
        """The storage that an array lies in; a new one of this kind if nobody knew it."""
        root = root_of(array)
        found = self.roots.get(id(root))
        if found is None:
            found = self.roots[id(root)] = len(self.storages)
            self.storages.append(Storage(kind, root, where))
            if kind == "constant":
                self.storages[-1].where = root.copy(order="K")      # see `finish`
        return found

    def view(self, array: ndarray, kind: str = "temporary", where=None) -> View:
        """An array as an operand."""
        storage = self.known(array, kind, where)
        start = array.__array_interface__["data"][0] - self.storages[storage].array.__array_interface__["data"][0]
        return View(storage, start, array.shape, array.strides, array.dtype)

    def stand_in(self, array: ndarray, kind: str = "temporary", where=None) -> "StandIn":
        """What f sees in place of an array."""
        self.view(array, kind, where)
        return StandIn(array, self)

    def operand(self, value):
        """An argument as it is written down."""
        kind = type(value)
        if kind is StandIn:
            return value.number if value.number is not None else self.view(value.value)
        if isinstance(value, ndarray):      # not seen before: made by f itself, or out of reach
            return self.view(value, "constant")
        return value

    # ---- calls --------------------------------------------------------------------------------------------

    def call(self, fun: Callable, args: tuple, kwargs: dict | None = None):
        """Compute, and write down: what NumPy's protocols and a stand-in's methods come to."""
        kwargs = dict(kwargs or {})
        if not self.open:
            refuse("an array of an earlier recording was used: it was kept outside the jitted function; return it")
        fun, args, kwargs = canonical(fun, args, kwargs)
        if fun is np.copyto:
            return self.copy(*args, **kwargs)
        targets = kwargs.pop("out", None)
        targets = () if targets is None else targets if type(targets) is tuple else (targets,)
        values, options = replaced(args, real), replaced(kwargs, real)
        if fun in SHAPE_FROM_VALUES or fun is np.where and len(args) == 1:
            refuse(f"the shape of np.{fun.__name__}'s result depends on values; np.where(condition, x, y) keeps a shape")
        if targets:
            outs = tuple(t.value if type(t) is StandIn else t for t in targets)
            written = tuple(None if t is None else self.operand(t) for t in targets)
            operands = replaced(args, self.operand), replaced(kwargs, self.operand)
            fun(*values, **options, out=outs if len(outs) > 1 or isinstance(fun, np.ufunc) else outs[0])
            self.write(kind_of(fun, values, options), fun, *operands, written)
            return targets[0] if len(targets) == 1 else targets
        if fun in WRITERS or getattr(fun, "__name__", "") == "at" and isinstance(getattr(fun, "__self__", None), np.ufunc):
            operands = replaced(args, self.operand), replaced(kwargs, self.operand)
            fun(*values, **options)
            self.write("writer", fun, *operands, (), writes=(operands[0][0],))
            return None
        result = fun(*values, **options)
        if fun in ABOUT_SHAPES:
            return result
        return self.results(fun, args, kwargs, values, options, result)

    def results(self, fun, args, kwargs, values, options, result):
        """Stand-ins for what a call returned; views of known memory need no instruction."""
        many = isinstance(result, (tuple, list))
        parts = [np.asarray(r) if isinstance(r, np.generic) else r for r in (result if many else [result])]
        if not all(isinstance(r, ndarray) for r in parts):
            refuse(f"{getattr(fun, '__name__', fun)} returned {type(result).__name__}, which depends on values")
        if not all(self.is_known(r) for r in parts):
            operands = replaced(args, self.operand), replaced(kwargs, self.operand)
            self.write(kind_of(fun, values, options), fun, *operands, tuple(self.view(r) for r in parts))
        self.scalars |= {self.roots[id(r)] for r, s in zip(parts, result if many else [result]) if r is not s}
        stand_ins = [StandIn(r, self) for r in parts]
        if not many:
            return stand_ins[0]
        return type(result)(*stand_ins) if hasattr(result, "_fields") else type(result)(stand_ins)

    def is_known(self, array: ndarray) -> bool:
        return id(root_of(array)) in self.roots

    def copy(self, target, source, casting="same_kind", where=True):
        """np.copyto, the one instruction for all that only moves elements."""
        operands = replaced((source, where), self.operand)
        written = self.operand(target)
        np.copyto(real(target), real(source), casting=casting, where=real(where))
        if where is True:
            self.write("copy", np.copyto, operands[:1], {}, (written,))
        else:
            self.write("writer", masked_copy, (written, *operands), {}, (), writes=(written,))

    def fresh(self, array: ndarray, source) -> "StandIn":
        """A new array, filled from `source` if there is one."""
        self.view(array)
        target = StandIn(array, self)
        if source is not None:
            self.copy(target, source, casting="unsafe")
        return target

    def write(self, kind: str, fun, args, kwargs, out, writes=()) -> None:
        self.program.append(Instruction(kind, fun, args, kwargs, out, writes, user_line()))

    # ---- what is not NumPy --------------------------------------------------------------------------------

    def host(self, fun: Callable[[], tuple]) -> tuple:
        """Numbers that Python computes at every replay."""
        numbers = fun()
        self.hosts.append(fun)
        call = len(self.hosts) - 1
        self.write("host", fun, (call,), {}, ())
        return tuple([StandIn(n, self, Number(call, i)) for i, n in enumerate(numbers or ())])

    def whole(self, fun: Callable, args: tuple):
        """A function whose steps depend on values, as one call if it has to do with stand-ins."""
        found = []
        replaced(args, lambda value: found.append(type(value)))
        return self.call(fun, args) if StandIn in found else fun(*args)

    def assume(self, condition: "StandIn") -> bool:
        answer = bool(condition.value)
        self.write("guard", None, (self.operand(condition), answer), {}, ())
        return answer

    def finish(self) -> None:
        """No more calls. A constant must still be what it was when it was read."""
        self.open = False
        written = {v.storage for i in self.program for v in i.changed()}
        for number, storage in enumerate(self.storages):
            array, copy = storage.array, storage.where
            if storage.kind == "constant" and number not in written and array.tobytes() != copy.tobytes():
                refuse(f"an array of shape {array.shape} was changed without a tensor: make it with np.zeros_like(x), "
                       "or keep it in an attribute that the jitted function can reach")

    def release(self) -> None:
        """A program keeps no array alive but its constants."""
        self.roots.clear()
        for storage in self.storages:
            storage.array = None


def root_of(array: ndarray) -> ndarray:
    """The array that owns the memory."""
    while True:
        base = getattr(array.base, "owner", array.base)     # flat parameters lie in memory that says whose it is
        if not isinstance(base, ndarray):
            return array
        array = base


def masked_copy(target, source, where) -> None:
    """np.copyto with a mask."""
    np.copyto(target, source, casting="unsafe", where=where)


def canonical(fun, args, kwargs):
    """The same call as the ufunc, or the copy, that it amounts to."""
    if fun in REDUCTIONS:
        bound = inspect.signature(fun).bind(*args, **kwargs).arguments
        array = bound.pop("a")
        given = {k: v for k, v in bound.items() if v is not None and v is not np._NoValue or k == "axis"}
        given.setdefault("axis", None)
        if type(array) is StandIn or isinstance(array, ndarray):
            return REDUCTIONS[fun].reduce, (array,), given
    at, names = names_from_out(fun)
    if len(args) > at:
        kwargs = {**dict(zip(names, args[at:])), **kwargs}
        args = args[:at]
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    if fun is ndarray.fill:
        return np.copyto, args, {"casting": "unsafe"}
    if fun is ndarray.__setitem__:
        array, index, value = args
        if is_basic(index) and isinstance(real(array)[index], ndarray):
            place = array[index] if type(array) is StandIn else array[index]
            return np.copyto, (place, value), {"casting": "unsafe"}
        elif type(array) is StandIn and is_basic(index):        # a single element
            place = array[(*index, ...) if type(index) is tuple else (index, ...)]
            return np.copyto, (place, value), {"casting": "unsafe"}
    return fun, args, kwargs


def is_basic(index) -> bool:
    """Whether an index makes a view."""
    return all(isinstance(i, (int, np.integer, slice, type(None), type(...))) and not isinstance(i, bool)
               for i in (index if type(index) is tuple else (index,)))


def kind_of(fun, values, options) -> str:
    """elementwise, reduction, product or call: what a planner may do with it."""
    if isinstance(fun, np.ufunc) and fun.signature is None and fun.nout == 1 and not options:
        return "elementwise"
    if fun is np.where:
        return "elementwise" if not options else "call"
    if fun in (np.matmul, np.dot) and not options and all(isinstance(v, ndarray) and 0 < v.ndim < 3 for v in values):
        return "product"
    return "call"


def real(value):
    """The array, or number, that a stand-in holds."""
    return value.value if type(value) is StandIn else value


# ---- the array-like -----------------------------------------------------------------------------------------

class StandIn(NDArrayOperatorsMixin):
    """Stands in for an array while its function is recorded; speaks NumPy's protocols and refuses to tell values."""

    __slots__ = ("value", "tape", "number", "__weakref__")
    __class__ = property(lambda self: ndarray)      # what isinstance asks; `type` tells the truth
    __hash__ = object.__hash__
    __array_priority__ = 100

    def __init__(self, value, tape: Tape, number: Number | None = None):
        self.value = value
        self.tape = tape
        self.number = number

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    dtype = property(lambda self: self.value.dtype)
    strides = property(lambda self: self.value.strides)
    nbytes = property(lambda self: self.value.nbytes)
    itemsize = property(lambda self: self.value.itemsize)
    flags = property(lambda self: self.value.flags)
    base = property(lambda self: self.value.base)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(hasattr(x, "node") for x in inputs):
            return NotImplemented
        return self.tape.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, fun, types, args, kwargs):
        if any(hasattr(t, "backward") for t in types):
            return NotImplemented
        if fun in (np.array2string, np.array_repr, np.array_str):
            return repr(self)       # printing shows, once, what is known while recording
        if fun in ALLOCATES:
            return ALLOCATES[fun](self.tape, fun, args, kwargs)
        return self.tape.call(fun, args, kwargs)

    def __getattr__(self, name: str):
        if name in LAYOUTS:
            return self.tape.call(LAYOUTS[name], (self,))
        method = getattr(ndarray, name, None)
        if method is None or not callable(method):
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        named = getattr(np, name, None)
        return lambda *args, **kwargs: self.tape.call(named if named in REDUCTIONS else method, (self, *args), kwargs)

    def copy(self, order="C"):
        return self.tape.fresh(self.value.copy(order), self)

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return self.tape.fresh(np.empty_like(self.value, dtype, order), self)

    def __getitem__(self, index):
        for part in index if type(index) is tuple else (index,):
            if type(part) is StandIn and part.dtype == bool:
                refuse("the shape of x[mask] depends on the mask's values; np.where(mask, x, y) keeps a shape")
        if is_basic(index) and not isinstance(self.value[index], ndarray):
            index = (*index, ...) if type(index) is tuple else (index, ...)     # a view, where NumPy makes a scalar
        return self.tape.call(ndarray.__getitem__, (self, index))

    def __setitem__(self, index, value):
        self.tape.call(ndarray.__setitem__, (self, index, value))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self):
        return (self[i] for i in range(len(self.value)))

    def __repr__(self) -> str:
        return f"array of shape {self.shape} {self.dtype}, being recorded"

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def like(self, array: ndarray) -> "StandIn":
        """A stand-in for another array."""
        return StandIn(array, self.tape)

    def assume(self) -> bool:
        return self.tape.assume(self)

    def _refused(what):  # noqa: N805 - runs while the class is made
        def refused(self, *args, **kwargs):
            refuse(what)
        return refused

    __bool__ = _refused("a Python branch on the value of a tensor: a replay would always take the same one; "
                        "write it with np.where, or branch outside the jitted function")
    __float__ = __int__ = __complex__ = __index__ = item = _refused(
        "a tensor's value as a Python number: a replay would not see it change; return the tensor and convert it "
        "outside the jitted function")
    tolist = tobytes = __array__ = _refused(
        "a conversion to a NumPy array: a replay would not see it change; return the tensor and convert it outside "
        "the jitted function")
    __contains__ = _refused("`in` asks for values: write it with np.any(x == value)")
    __reduce_ex__ = _refused("an array cannot be pickled while it is being recorded; return it")


STANDINS.add(StandIn)


def copied(tape: Tape, fun, args, kwargs):
    return args[0].copy(*(args[1:] or (kwargs.get("order", "K"),)))


def converted(tape: Tape, fun, args, kwargs):
    return args[0].astype(*args[1:], **{k: v for k, v in kwargs.items() if k in ("dtype", "copy")})


def like(tape: Tape, fun, args, kwargs):
    """zeros_like and its kin: new memory, filled again at every replay."""
    made = fun(*replaced(args, real), **replaced(kwargs, real))
    source = {np.zeros_like: 0, np.ones_like: 1, np.empty_like: None}.get(fun, 0)
    if fun is np.full_like:
        source = args[1] if len(args) > 1 else kwargs["fill_value"]
    return tape.fresh(made, source)


ALLOCATES = {np.copy: copied, np.astype: converted, np.zeros_like: like, np.ones_like: like, np.empty_like: like,
             np.full_like: like}


class RecordedGenerator(np.random.Generator):
    """A random stream whose draws are written down, so that a replay draws on from the same stream."""

    def __init__(self, generator: np.random.Generator, tape: Tape):
        super().__init__(generator.bit_generator)
        self.original, self.tape = generator, tape

    def __getattribute__(self, name: str):
        if name in ("original", "tape", "bit_generator", "__class__", "__init__") or name.startswith("__"):
            return super().__getattribute__(name)
        method = getattr(self.original, name)
        if name == "spawn":
            refuse("a random stream was spawned, which happens once: spawn outside the jitted function")
        return lambda *args, **kwargs: self.tape.draw(method, args, kwargs)


def draw(tape: Tape, method, args, kwargs):
    """A call of a random stream's method."""
    outs = kwargs.pop("out", None)
    if any(type(a) is StandIn for a in (*args, *kwargs.values())) and method.__name__ in ("shuffle",):
        refuse(f"random {method.__name__} writes in place; use permutation or permuted")
    result = method(*replaced(args, real), **replaced(kwargs, real), **({} if outs is None else {"out": real(outs)}))
    result = np.asarray(result)
    view = tape.view(result) if outs is None else tape.operand(outs)
    tape.write("random", method, replaced(args, tape.operand), replaced(kwargs, tape.operand), (view,))
    return StandIn(result, tape) if outs is None else outs


Tape.draw = draw


# ---- refusing, with the line ------------------------------------------------------------------------------

def user_frame():
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return frame


def user_line() -> str:
    """Where the user's code is, as file:line."""
    frame = user_frame()
    return "" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def refuse(why: str):
    """Raise NotReplayable with the user's file, line and text."""
    frame = user_frame()
    if frame is None:
        raise NotReplayable(f"jit: {why}")
    name, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(name, number).strip()
    raise NotReplayable(f"jit: {name}, line {number}, in {frame.f_code.co_name}: `{text}`: {why}")

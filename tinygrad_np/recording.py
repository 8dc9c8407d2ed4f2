"""Recording: a function of the table is applied to arrays, and a node says what its derivative will need."""

from __future__ import annotations

import sys
import weakref
from functools import cache
from importlib import import_module
from typing import Callable

import numpy as np

from . import derivatives  # noqa: F401 - the table is filled before anything looks into it
from .graph import CONST, SELECT, Node, next_serial
from .guard import protect, residual
from .modes import current, cut, mode
from .notes import note_call
from .rules import NotDifferentiable, Row, type_like
from .signatures import signature_of
from .table import TABLE, Plain
from .ufuncs import METHODS, assign_out

ndarray = np.ndarray
new = object.__new__
TENSORS: set[type] = set()      # Tensor and its subclasses: `type(a) in TENSORS` is the quickest question


class Traced:
    """An array and its node. The first subclass is the public Tensor, which is what recording makes."""

    __slots__ = ("array", "node", "views", "__weakref__")   # views: weak references to tensors that share the array
    public: type

    def __init_subclass__(cls) -> None:
        if not TENSORS:
            Traced.public = cls
        TENSORS.add(cls)


def wrap(array, node: Node):
    """A Tensor of an array and its node, without a copy."""
    tensor = new(Traced.public)
    tensor.array = array
    tensor.node = node
    return tensor


# ---- the hot path: a closure a row, with as few instructions as possible ----------------------------------

def unary(row: Row) -> Callable:
    """The recorded form of an elementwise function of one tensor."""
    fun, (keep,) = row.fun, row.keeps
    now = mode.get

    def apply(a):
        parent = a.node
        x = a.array if parent.exposed is None else residual(a)
        out = fun(x)
        if type(out) is not ndarray:
            out = as_array(out)
        tensor = new(Traced.public)
        tensor.array = out
        if parent.tracked:
            node = new(Node)
            node.serial = next_serial()
            node.row = row
            node.parents = (parent,)
            node.saved = (keep(x, out, None),)
            node.shape = out.shape
            node.dtype = out.dtype
            tensor.node = node if now() is None else watched(node, out)
        else:
            tensor.node = CONST
        return tensor
    return apply


def binary(row: Row) -> Callable:
    """The recorded form of an elementwise function of two operands, at least one of them a tensor."""
    fun, (keep_x, keep_y) = row.fun, row.keeps
    needs_y, needs_x = map(bool, row.residuals)
    now = mode.get

    def apply(a, b):
        if type(a) in TENSORS:
            pa = a.node
            x = a.array if pa.exposed is None else residual(a)
        else:
            pa = CONST
            x = protect(a) if type(a) is ndarray and needs_x else a
        if type(b) in TENSORS:
            pb = b.node
            y = b.array if pb.exposed is None else residual(b)
        else:
            pb = CONST
            y = protect(b) if type(b) is ndarray and needs_y else b
        try:
            out = fun(x, y)
        except (ValueError, TypeError) as error:
            raise explained(error, row, (x, y)) from None
        if type(out) is not ndarray:
            out = as_array(out)
        tensor = new(Traced.public)
        tensor.array = out
        if pa.tracked:
            saved = (keep_x(x, y, out, None), keep_y(x, y, out, None) if pb.tracked else None)
        elif pb.tracked:
            saved = (None, keep_y(x, y, out, None))
        else:
            tensor.node = CONST
            return tensor
        node = new(Node)
        node.serial = next_serial()
        node.row = row
        node.parents = (pa, pb)
        node.saved = saved
        node.shape = out.shape
        node.dtype = out.dtype
        tensor.node = node if now() is None else watched(node, out)
        return tensor
    return apply


def positional(row: Row) -> Callable | None:
    """The recorded form of a function that gets all its arguments in order, or None.

    It returns None itself where a call is of another form, and `record` takes that.
    """
    if row.joint or row.positions != tuple(sorted(row.positions)):
        return None
    fun, keeps, count = row.fun, row.keeps, len(row.names)
    plan = tuple(zip((i in row.positions for i in range(count)), row.kept))
    now = mode.get

    def apply(args):
        arrays, parents, foreign, tracked = [], [], [], False
        if len(args) != count:
            return None
        for a, (operand, keep) in zip(args, plan):
            kind = type(a)
            if kind in TENSORS:
                node = a.node
                arrays.append(a.array if node.exposed is None else residual(a))
                if operand:
                    parents.append(node)
                    tracked = tracked or node.tracked
                elif node.tracked:
                    return None
            elif kind is list or kind is tuple or kind is slice:
                return None
            else:
                if keep and kind is ndarray:
                    foreign.append(len(arrays))
                arrays.append(a)
                if operand:
                    parents.append(CONST)
        try:
            out = fun(*arrays)
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
            raise explained(error, row, arrays) from None
        if type(out) is not ndarray:
            if isinstance(out, (list, tuple)):
                return finish(row, args, [args[i] for i in row.positions], tuple(parents), out)
            out = as_array(out)
        tensor = new(Traced.public)
        tensor.array = out
        tensor.node = CONST
        if tracked and (now() is None or current().recording) and out.dtype.kind in "fc":
            for i in foreign:
                arrays[i] = protect(arrays[i])
            node = new(Node)
            node.serial = next_serial()
            node.row = row
            node.parents = tuple(parents)
            node.saved = tuple([keep(*arrays, out, None) if parent.tracked else None
                                for keep, parent in zip(keeps, parents)])
            node.shape = out.shape
            node.dtype = out.dtype
            tensor.node = node if now() is None else watched(node, out)
        elif tracked and now() is not None:
            cut(left(row, out), parents)
        if type(out) is ndarray and out.base is not None and type(args[row.positions[0]]) in TENSORS:
            note_view(tensor, args[row.positions[0]])
        return tensor
    return apply


# ---- the general form -------------------------------------------------------------------------------------

def record(row: Row, args: tuple, kwargs: dict):
    """Apply any function of the table, and record it: the general form of `unary` and `binary`."""
    values = row.bind(*args, **kwargs)
    operands = row.operands(values)
    parents = tuple([a.node if type(a) in TENSORS else CONST for a in operands])
    try:
        out = row.fun(*map(raw, args), **{k: raw(v) for k, v in kwargs.items()})
    except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
        raise explained(error, row, map(raw, values)) from None
    for i in row.others:
        if is_tracked(values[i]):
            raise NotDifferentiable(f"{row.name} is not differentiable with respect to {row.names[i]!r}; "
                                    "pass a detached value")
    return finish(row, values, operands, parents, out)


def finish(row: Row, values, operands, parents: tuple, out):
    """Make the node of what a function returned, and wrap it."""
    tracked = tuple([parent.tracked for parent in parents])
    node = CONST
    if True in tracked and (mode.get() is None or current().recording):
        values = [kept(v) if keeps else raw(v) for v, keeps in zip(values, row.kept)]
        if isinstance(out, (list, tuple)):
            out = type_like(out, [as_array(o) for o in out])
            node = Node(row, parents, row.save(values, out, tracked), [o.shape for o in out], [o.dtype for o in out])
        else:
            if type(out) is not ndarray:
                out = as_array(out)
            if out.dtype.kind in "fc":
                node = Node(row, parents, row.save(values, out, tracked), out.shape, out.dtype)
        if mode.get() is not None:
            node = watched(node, out)
    if node is CONST and mode.get() is not None:
        cut(left(row, out), parents)
    result = outputs(out, node)
    if type(out) is ndarray and out.base is not None and type(operands[0]) in TENSORS:
        note_view(result, operands[0])
    return result


def left(row: Row, out) -> str:
    """How values left the tape in an operation that was not recorded."""
    dtype = getattr(out, "dtype", None)
    return f"{row.name} inside no_grad" if not current().recording else f"{row.name} to {dtype}, an integer dtype"


def note_view(tensor, of) -> None:
    """Remember that a tensor may share the memory of another, and of those that one is a view of."""
    tensor.views = (weakref.ref(of), *getattr(of, "views", ()))


def outputs(out, node: Node):
    """Wrap what NumPy returned: floating arrays as Tensors, in the container they came in."""
    if not isinstance(out, (list, tuple)):
        return wrap(as_array(out), node)
    return type_like(out, [wrap(as_array(o), Node(SELECT, (node,), i, o.shape, o.dtype) if node.tracked else CONST)
                           if np.asarray(o).dtype.kind in "fc" else o for i, o in enumerate(out)])


def as_array(out) -> ndarray:
    """An array of what an operation returned: NumPy gives scalars where a result has no axes."""
    return np.asarray(out) if isinstance(out, (np.generic, int, float, complex)) else out


def raw(value):
    """The arrays of tensors, also inside lists, tuples and slices."""
    kind = type(value)
    if kind in TENSORS:
        return value.array if value.node.exposed is None else residual(value)
    if kind is list or kind is tuple:
        return kind([raw(v) for v in value])
    if kind is slice:
        return slice(raw(value.start), raw(value.stop), raw(value.step))
    return value


def kept(value):
    """The same as the tape may keep it: ndarrays that nobody else can write to."""
    kind = type(value)
    if kind is ndarray:
        return protect(value)
    return kind([kept(v) for v in value]) if kind is list or kind is tuple else raw(value)


def is_tracked(value) -> bool:
    """Whether a gradient flows through a value, or through one inside a list or tuple."""
    if type(value) in TENSORS:
        return value.node.tracked
    return isinstance(value, (list, tuple)) and any(map(is_tracked, value))


def watched(node: Node, out) -> Node:
    """A node made in another mode than the ordinary: dropped under no_grad, looked at by a debugger."""
    now = current()
    if not now.recording:
        cut(left(node.row, out), node.parents)
        return CONST
    if now.order:
        note_call(now.order, node.serial - 1, node)
    if now.watch is not None:
        now.watch.forward(node, out)
    return node


def explained(error: Exception, row: Row, operands) -> Exception:
    """NumPy's error with the operation and its operands' shapes and dtypes in front."""
    def describe(a) -> str:
        return f"{a.shape} {a.dtype}" if isinstance(a, ndarray) else repr(a)[:40]
    if str(error).startswith(f"{row.name}("):
        return error
    found = ", ".join(describe(a) for a in operands if isinstance(a, (ndarray, np.generic, int, float, list)))
    message = f"{row.name}({found}): {error}"
    try:
        return type(error)(message)
    except TypeError:       # NumPy's own kinds of TypeError want more than a message
        return TypeError(message)


class Engine:
    """What rows need of recording, handed to them so that the table knows nothing above it."""

    record = staticmethod(record)
    raw = staticmethod(raw)
    is_tracked = staticmethod(is_tracked)

    @staticmethod
    def untracked(fun, args: tuple, kwargs: dict):
        """Call NumPy's own function on the arrays; the result has no history."""
        return outputs(fun(*[raw(a) for a in args], **{k: raw(v) for k, v in kwargs.items()}), CONST)



class Calls(dict):
    """The closures of the elementwise ufuncs, each made when it is first asked for; None for anything else."""

    def __missing__(self, ufunc):
        row = TABLE.get(ufunc)
        fits = row is not None and row.kind == "elementwise" and len(row.names) <= 2
        call = (unary(row) if len(row.names) == 1 else binary(row)) if fits else None
        if row is not None:     # a row may still be entered for a function that has none
            self[ufunc] = call
        return call


CALLS = Calls()
POSITIONAL: dict[Row, Callable | None] = {}     # filled at the first call, since users add rows


def row_of(ufunc):
    """The row of a ufunc; SciPy's are entered when the first of them is met."""
    row = TABLE.get(ufunc)
    if row is None and getattr(sys.modules.get("scipy.special"), ufunc.__name__, None) is ufunc:
        import_module(".scipy.ufuncs", __package__)
        row = TABLE.get(ufunc)
    return row


def call_ufunc(ufunc, method: str, inputs: tuple, kwargs: dict):
    """What `__array_ufunc__` does with a ufunc that has no closure, or is not simply called."""
    row = row_of(ufunc)
    if method == "__call__" and not kwargs and row is not None:
        return row.apply(Engine, inputs, kwargs)
    return unusual_call(ufunc, method, inputs, kwargs)


def unusual_call(ufunc, method: str, inputs: tuple, kwargs: dict):
    """A ufunc's options and methods, each said with ordinary calls."""
    row = row_of(ufunc)
    if isinstance(row, Plain) or not is_tracked(inputs) and not is_tracked(list(kwargs.values())) and "out" not in kwargs \
            and method != "at":
        call = getattr(ufunc, method)
        result = call(*map(raw, inputs), **{k: raw(v) for k, v in kwargs.items()})
        return result if isinstance(row, Plain) else outputs(result, CONST)
    if row is None:
        return unknown(ufunc, inputs, kwargs)
    return METHODS[method](ufunc, *inputs, **kwargs)


def call_function(fun: Callable, args: tuple, kwargs: dict):
    """What `__array_function__` does."""
    row = TABLE.get(fun)
    if row is None:
        return unknown(fun, args, kwargs)
    if "out" in kwargs or len(args) > out_position(fun):
        args, kwargs, out = without_out(fun, args, kwargs)
        if out is not None:
            return assign_out(fun, call_function(fun, args, kwargs), out)
    if not kwargs and type(row) is Row:
        if row not in POSITIONAL:
            POSITIONAL[row] = positional(row)
        call = POSITIONAL[row]
        result = None if call is None else call(args)
        if result is not None:
            return result
    return row.apply(Engine, args, kwargs)


@cache
def out_position(fun: Callable) -> int:
    """Where `out` stands among a function's positional arguments, or after all of them."""
    try:
        parameters = list(signature_of(fun).parameters.values())
    except (TypeError, ValueError):
        return sys.maxsize
    return next((i for i, p in enumerate(parameters) if p.name == "out" and p.kind is p.POSITIONAL_OR_KEYWORD), sys.maxsize)


def without_out(fun: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict, object]:
    """The arguments with `out` taken out, wherever it stood; those after it are then named."""
    kwargs, at = dict(kwargs), out_position(fun)
    out = kwargs.pop("out", None)
    if len(args) > at:
        names = list(signature_of(fun).parameters)
        out = args[at]
        kwargs.update(zip(names[at + 1:], args[at + 1:]))
        args = args[:at]
    return args, kwargs, out


def unknown(fun: Callable, args: tuple, kwargs: dict):
    """A function without a row: NumPy's own on tensors without history, refused on the others."""
    if is_tracked(args) or is_tracked(list(kwargs.values())):
        name = f"{getattr(fun, '__module__', None) or 'numpy'}.{fun.__name__}"
        raise NotDifferentiable(f"{name} has no derivative here; write it with functions that have one, define it as a "
                                "tinygrad_np.primitive, or call it on x.detach()")
    return Engine.untracked(fun, args, kwargs)

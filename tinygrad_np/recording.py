"""Recording: a function of the table is applied to arrays, and a node says what its derivative will need."""

from __future__ import annotations

from typing import Callable

import numpy as np

from . import derivatives  # noqa: F401 - the table is filled before anything looks into it
from .graph import CONST, SELECT, Node, next_serial
from .guard import protect, residual
from .modes import current, mode
from .rules import NotDifferentiable, Row, type_like
from .table import TABLE

ndarray = np.ndarray
new = object.__new__
TENSORS: set[type] = set()      # Tensor and its subclasses: `type(a) in TENSORS` is the quickest question


class Traced:
    """An array and its node. The first subclass is the public Tensor, which is what recording makes."""

    __slots__ = ("array", "node", "__weakref__")
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


# ---- the general form -------------------------------------------------------------------------------------

def record(row: Row, args: tuple, kwargs: dict):
    """Apply any function of the table, and record it: the general form of `unary` and `binary`."""
    if kwargs.get("out") is not None:
        raise NotDifferentiable(f"{row.name}: out= is not differentiable; assign the result, as in x[...] = {row.name}(...)")
    values = row.bind(*args, **kwargs)
    operands = row.operands(values)
    parents = tuple([a.node if type(a) in TENSORS else CONST for a in operands])
    tracked = tuple([parent.tracked for parent in parents])
    memo: dict = {}
    try:
        out = row.fun(*[raw(a, memo) for a in args], **{k: raw(v, memo) for k, v in kwargs.items()})
    except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
        raise explained(error, row, [raw(v) for v in values]) from None
    for name, value in zip(row.names, values):
        if name not in row.diff and name not in row.ignores and is_tracked(value):
            raise NotDifferentiable(f"{row.name} is not differentiable with respect to {name!r}; pass a detached value")
    if True not in tracked or not current().recording:
        return outputs(out, None)
    values = tuple([raw(v, memo) if row.kept[i] else raw(v) for i, v in enumerate(values)])
    if not isinstance(out, (list, tuple)):
        if type(out) is not ndarray:
            out = as_array(out)
        if out.dtype.kind not in "fc":
            return wrap(out, CONST)
        node = Node(row, parents, row.save(values, out, tracked), out.shape, out.dtype)
        return wrap(out, node if mode.get() is None else watched(node, out))
    outs = [as_array(o) for o in out]
    node = Node(row, parents, row.save(values, type_like(out, outs), tracked),
                [o.shape for o in outs], [o.dtype for o in outs])
    if mode.get() is not None:
        watched(node, out)
    return outputs(type_like(out, outs), node)


def outputs(out, node: Node | None):
    """Wrap what NumPy returned: floating arrays as Tensors, in the container they came in."""
    if isinstance(out, (list, tuple)):
        return type_like(out, [wrap(as_array(o), CONST if node is None else Node(SELECT, (node,), i, o.shape, o.dtype))
                               if getattr(o, "dtype", None) is None or o.dtype.kind in "fc" else o
                               for i, o in enumerate(out)])
    return wrap(as_array(out), CONST)


def as_array(out) -> ndarray:
    """An array of what an operation returned: NumPy gives scalars where a result has no axes."""
    return np.asarray(out) if isinstance(out, (np.generic, int, float, complex)) else out


def raw(value, memo: dict | None = None):
    """The arrays of tensors, also inside lists and tuples. With `memo`, ndarrays become protected ones, once each."""
    kind = type(value)
    if kind in TENSORS:
        return value.array if value.node.exposed is None else residual(value)
    if kind is ndarray and memo is not None:
        if id(value) not in memo:
            memo[id(value)] = value, protect(value)
        return memo[id(value)][1]
    if kind is list or kind is tuple:
        return kind([raw(v, memo) for v in value])
    if kind is slice:
        return slice(raw(value.start), raw(value.stop), raw(value.step))
    return value


def is_tracked(value) -> bool:
    """Whether a gradient flows through a value, or through one inside a list or tuple."""
    if type(value) in TENSORS:
        return value.node.tracked
    return isinstance(value, (list, tuple)) and any(map(is_tracked, value))


def watched(node: Node, out) -> Node:
    """A node made in another mode than the ordinary: dropped under no_grad, looked at by a debugger."""
    now = current()
    if not now.recording:
        return CONST
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
    return type(error)(f"{row.name}({found}): {error}")


class Engine:
    """What rows need of recording, handed to them so that the table knows nothing above it."""

    record = staticmethod(record)
    raw = staticmethod(raw)
    is_tracked = staticmethod(is_tracked)

    @staticmethod
    def untracked(fun, args: tuple, kwargs: dict):
        """Call NumPy's own function on the arrays; the result has no history."""
        return outputs(fun(*[raw(a) for a in args], **{k: raw(v) for k, v in kwargs.items()}), None)



def elementwise_calls() -> dict[Callable, Callable]:
    """The closures of the elementwise ufuncs, made once."""
    return {fun: unary(row) if len(row.names) == 1 else binary(row)
            for fun, row in TABLE.items() if row.kind == "elementwise" and len(row.names) <= 2}


CALLS = elementwise_calls()


def call_ufunc(ufunc, method: str, inputs: tuple, kwargs: dict):
    """What `__array_ufunc__` does with a ufunc that has no closure, or is not simply called."""
    row = TABLE.get(ufunc)
    if row is None or method != "__call__":
        return unknown(ufunc, inputs, kwargs)
    return row.apply(Engine, inputs, kwargs)


def call_function(fun: Callable, args: tuple, kwargs: dict):
    """What `__array_function__` does."""
    row = TABLE.get(fun)
    return unknown(fun, args, kwargs) if row is None else row.apply(Engine, args, kwargs)


def unknown(fun: Callable, args: tuple, kwargs: dict):
    """A function without a row: NumPy's own on tensors without history, refused on the others."""
    if is_tracked(args) or is_tracked(list(kwargs.values())):
        name = f"{getattr(fun, '__module__', None) or 'numpy'}.{fun.__name__}"
        raise NotDifferentiable(f"{name} has no derivative here; write it with functions that have one, define it as a "
                                "tinygrad_np.primitive, or call it on x.detach()")
    return Engine.untracked(fun, args, kwargs)

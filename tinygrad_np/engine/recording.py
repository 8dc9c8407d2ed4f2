"""Recording: a function of the table is applied to arrays, and a node says what its derivative will need."""

from __future__ import annotations

import sys
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .above import DOORS
from .aliasing import protect, residual
from .generated import call
from .modes import current, mode, note_cut
from .operation import NotDifferentiable
from .rules import Row, type_like
from .seen import note_origin, see, see_call
from .tape import CONST, SELECT, Node, new_node
from .tracing import TRACERS

if TYPE_CHECKING:
    from .tensor import Tensor

ndarray = np.ndarray
object_new = object.__new__
TENSORS: set[type[Any]] = set()  # Tensor and its subclasses: `type(a) in TENSORS` is the quickest question
# What is taken as it is, as an operand.
CONSTANTS = {
    ndarray,
    bool,
    int,
    float,
    complex,
    type(None),
    type(np._NoValue),
    *(kind for kind in np.sctypeDict.values() if issubclass(kind, (np.number, np.bool_))),
}


class Traced:
    """An array and its node: what recording knows of a Tensor. `_public` is the Tensor that it makes."""

    __slots__ = ("_array", "_node", "_views", "__weakref__")
    _array: ndarray
    _node: Node
    _views: tuple[weakref.ref[Any], ...]  # tensors that share the array
    _public: type[Tensor]

    def __init_subclass__(cls) -> None:
        TENSORS.add(cls)


def wrap(array: Any, node: Node) -> Tensor:
    """A Tensor of an array and its node, without a copy."""
    tensor: Any = object_new(Traced._public)
    tensor._array = array
    tensor._node = node
    return tensor


def record_call(row: Row, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """Apply any function of the table, and record it: the general form of `unary` and `binary`."""
    if row.joint and any(type(a) is ndarray and a.dtype.hasobject for a in args):  # tensors in an array of objects
        args = tuple(a.tolist() if type(a) is ndarray else a for a in args)
    values = row.bind(*args, **kwargs)
    for i in row.others:
        if is_tracked(values[i]):
            if row.names[i] in row.when:
                return row.when[row.names[i]](*values)
            raise NotDifferentiable(
                f"{row.name} is not differentiable with respect to {row.names[i]!r}; pass a detached value"
            )
    operands = row.operands(values)
    if row.kind in OF_UFUNCS and any(has_own_arithmetic(type(a)) for a in operands):
        refuse_lost_labels(row.name, operands)
        return NotImplemented
    others = [a for a in operands if type(a) not in TENSORS and type(a) not in CONSTANTS]
    if others and row.kind in OF_UFUNCS and any(is_sparse_product(row.name, a) for a in others):
        return DOORS["sparse"](row.name, *operands)
    foreign = {id(a): as_constant(row, a) for a in others}
    if foreign:

        def swap(a: Any) -> Any:
            return foreign[id(a)] if id(a) in foreign else [foreign.get(id(e), e) for e in a] if a is operands else a

        args = tuple(map(swap, args))
        kwargs = {name: swap(a) for name, a in kwargs.items()}
        values = row.bind(*args, **kwargs)
        operands = row.operands(values)
    parents = tuple([a._node if type(a) in TENSORS else CONST for a in operands])
    try:
        out = call(row.fun, tuple(map(unwrap, args)), {k: unwrap(v) for k, v in kwargs.items()})
    except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
        raise explained(error, row, map(unwrap, values)) from None
    aux = None
    if row.recompute is not None:
        out, aux = out
    return finish_node(row, values, operands, parents, out, aux)


OF_UFUNCS = ("elementwise", "bilinear")  # the kinds of row of which there are operators


def defers_to(kind: type[Any]) -> bool:
    """Whether a class of another library says itself what a ufunc of it is: it is deferred to, as an ndarray does."""
    theirs = getattr(kind, "__array_ufunc__", ndarray.__array_ufunc__)
    return theirs is not ndarray.__array_ufunc__ and kind not in TRACERS and not issubclass(kind, (Traced, ndarray))


has_own_arithmetic: Any = cache(defers_to)
WITHOUT_TENSORS = {"pandas": "to_numpy()", "dask": "compute()"}  # libraries whose arrays hold no tensors


def refuse_lost_labels(name: str, operands: Any) -> None:
    """Refuse a tracked tensor beside an array of a library that would convert it, and cut its gradient."""
    if not is_tracked(tuple(operands)):
        return
    for a in operands:
        library = type(a).__module__.partition(".")[0]
        if library in WITHOUT_TENSORS:
            raise NotDifferentiable(
                f"{name}: an operand is a {library} {type(a).__name__}, which holds no tensors; pass "
                f"its values, by {WITHOUT_TENSORS[library]}, or an xarray DataArray, which keeps labels"
            )


def is_sparse_product(name: str, a: Any) -> bool:
    """Whether a ufunc with this operand multiplies a matrix of scipy.sparse."""
    sparse = sys.modules.get("scipy.sparse")
    return name in ("matmul", "multiply") and sparse is not None and sparse.issparse(a)


def as_constant(row: Row, a: Any) -> Any:
    """An operand that is no tensor, array or number, such as a list, as an array: what the tape keeps is one."""
    if type(a) in TRACERS:
        return a
    if is_tracked(a):
        raise NotDifferentiable(
            f"{row.name}: an operand is a list that holds tensors; join them first, as in "
            "Tensor([...]) or np.stack([...])"
        )
    if isinstance(a, (np.matrix, np.ma.MaskedArray)):
        raise NotDifferentiable(
            f"{row.name}: an operand is a {type(a).__name__}, whose arithmetic is its own; "
            "pass an ndarray, as np.asarray(a)"
        )
    array = np.asarray(unwrap(a))
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{row.name}: an operand is a {type(a).__name__}, {array.dtype} for NumPy; expected numbers")
    return array


def finish_node(row: Row, values: Any, operands: Any, parents: tuple[Any, ...], out: Any, aux: Any = None) -> Any:
    """Make the node of what a function returned, and wrap it."""
    tracked = tuple([parent.tracked for parent in parents])
    node: Node = CONST
    if True in tracked and (mode.get() is None or current().recording):
        given = values
        values = [kept(v) if keeps else unwrap(v) for v, keeps in zip(values, row.kept)]
        if isinstance(out, (list, tuple)):
            out = type_like(out, [as_array(o) for o in out])
            node = new_node(
                row, parents, row.save(values, out, tracked, aux), [o.shape for o in out], [o.dtype for o in out]
            )
        else:
            if type(out) is not ndarray:
                out = as_array(out)
            if out.dtype.kind in "fc":
                node = new_node(row, parents, row.save(values, out, tracked, aux), out.shape, out.dtype)
                see(node, out)
        if node is not CONST:
            see_call(row, node, map(unwrap, given))
        if mode.get() is not None:
            node = watched_node(node, out)
    if node is CONST and mode.get() is not None:
        note_cut(left(row, out), parents)
    result = outputs(out, node)
    if type(out) is ndarray and type(operands[0]) in TENSORS and shares_memory_with(out, operands[0]._array):
        note_view(result, operands[0])
    return result


def left(row: Row, out: Any) -> str:
    """How values left the tape in an operation that was not recorded."""
    dtype = getattr(out, "dtype", None)
    return f"{row.name} inside no_grad" if not current().recording else f"{row.name} to {dtype}, an integer dtype"


def shares_memory_with(out: Any, array: Any) -> bool:
    """Whether what NumPy returned has the memory of its operand; a result may also be a view of an array of its own.

    NumPy's numbers have no views: np.atleast_1d(x.sum()) is an array of its own.
    """
    base = out.base
    if base is None or not array.ndim:
        return out is array
    return base is array or base is array.base or np.may_share_memory(out, array)


def note_view(tensor: Any, of: Any) -> None:
    """Remember that a tensor may share the memory of another, and of those that one is a view of."""
    tensor._views = (weakref.ref(of), *getattr(of, "_views", ()))


def outputs(out: Any, node: Node) -> Any:
    """Wrap what NumPy returned: floating arrays as Tensors, in the container they came in."""
    if not isinstance(out, (list, tuple)):
        return wrap(as_array(out), node)
    return type_like(
        out,
        [
            outputs(o, CONST)
            if isinstance(o, (list, tuple))
            else wrap(as_array(o), selected(node, i, o) if node.tracked else CONST)
            if np.asarray(o).dtype.kind in "fc"
            else o
            for i, o in enumerate(out)
        ],
    )


def selected(node: Node, i: int, out: Any) -> Node:
    """The node of one output of several."""
    one = new_node(SELECT, (node,), i, out.shape, out.dtype)
    see(one, as_array(out))
    return one


def as_array(out: Any) -> ndarray:
    """An array of what an operation returned: NumPy gives scalars where a result has no axes."""
    if isinstance(out, Traced) or getattr(getattr(out, "dtype", None), "hasobject", False):
        raise TypeError(
            "an operand is an array of objects that holds tensors, whose arithmetic is Python's, element by element; "
            "join them to one tensor: np.stack(list(a)), or np.array(a) by `from tinygrad_np import numpy as np`"
        )
    return np.asarray(out) if isinstance(out, (np.generic, int, float, complex)) else out


def unwrap(value: Any) -> Any:
    """The arrays of tensors, also inside lists, tuples and slices."""
    kind = type(value)
    if kind in TENSORS:
        return value._array if value._node.exposed is None else residual(value)
    if kind is list or kind is tuple:
        return kind([unwrap(v) for v in value])
    if kind is slice:
        return slice(unwrap(value.start), unwrap(value.stop), unwrap(value.step))
    return value


def kept(value: Any) -> Any:
    """The same as the tape may keep it: ndarrays that nobody else can write to."""
    kind = type(value)
    if kind is ndarray:
        return protect(value)
    return kind([kept(v) for v in value]) if kind is list or kind is tuple else unwrap(value)


def is_tracked(value: Any) -> bool:
    """Whether a gradient flows through a value, or through one inside a list or tuple."""
    if type(value) in TENSORS:
        return value._node.tracked
    return isinstance(value, (list, tuple)) and any(map(is_tracked, value))


def watched_node(node: Node, out: Any) -> Node:
    """A node made in another mode than the ordinary: dropped under no_grad, looked at by a debugger."""
    now = current()
    if not now.recording:
        note_cut(left(node.op, out), node.parents)
        return CONST
    if now.order:
        note_origin(now.order, node.serial - 1, node)
    if now.watch is not None:
        now.watch.forward(node, out)
    return node


def explained(error: Exception, row: Row, operands: Any) -> Exception:
    """NumPy's error with the operation and its operands' shapes and dtypes in front."""

    def describe(a: Any) -> str:
        if isinstance(a, list):
            return "[" + ", ".join(map(describe, a[:4])) + ", ..." * (len(a) > 4) + "]"
        return f"{a.shape} {a.dtype}" if isinstance(a, ndarray) else repr(a)[:40]

    if str(error).startswith(f"{row.name}("):
        return error
    found = ", ".join(describe(a) for a in operands if isinstance(a, (ndarray, np.generic, int, float, list)))
    message = f"{row.name}({found}): {error}"
    try:
        return type(error)(message)
    except TypeError:  # NumPy's own kinds of TypeError want more than a message
        return TypeError(message)


def untracked(fun: Any, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """Call NumPy's own function on the arrays; the result has no history."""
    out = call(fun, tuple(map(unwrap, args)), {k: unwrap(v) for k, v in kwargs.items()})
    for a in args:
        if type(a) in TENSORS and a._array is out:  # np.atleast_1d(x) is x
            return a
    result = outputs(out, CONST)
    for tensor in result if isinstance(result, (list, tuple)) else (result,):
        for a in args if type(tensor) in TENSORS and tensor._array.base is not None else ():
            if type(a) in TENSORS and np.may_share_memory(a._array, tensor._array):
                note_view(tensor, a)
    return result

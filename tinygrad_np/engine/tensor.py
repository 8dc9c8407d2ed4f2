"""Tensor: an array and its node on the tape. NumPy's own protocols bring every function here to be recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import aliasing
from .above import DOORS
from .arrays import read_only
from .compiled import compiled_form
from .dispatch import UFUNC_FORMS, call_function, call_ufunc
from .habits import Instead, habits
from .leaving import Leaving, detached
from .methods import ArrayMethods
from .modes import current, mode, note_cut
from .places import getitem
from .recording import TENSORS, Traced, is_tracked, unwrap, wrap
from .seen import see_leaf
from .table import TABLE
from .tape import CONST, SELECT, Const, Leaf, Node, Variable, silent_pullback
from .tracing import TRACERS

if TYPE_CHECKING:
    from ..viz.view import GraphView

ndarray = np.ndarray


class Operator:
    """An operator of a tensor: at its first use the compiled form of its function takes this one's place in the class.

    So the table is filled by the first operation, and not by an import.
    """

    def __init__(self, form: Callable[[], Any]) -> None:
        self.form = form

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, tensor: Any, owner: type[Any] | None = None) -> Callable[[Any], Tensor]:
        form = self.form()
        setattr(self.owner, self.name, form)
        return form if tensor is None else form.__get__(tensor, owner)


def operator(ufunc: np.ufunc) -> Operator:
    """The operator that a ufunc is."""
    return Operator(lambda: UFUNC_FORMS[ufunc])


def reflected(ufunc: np.ufunc) -> Operator:
    """The operator whose tensor is the second operand."""

    def form() -> Callable[..., Tensor]:
        call = UFUNC_FORMS[ufunc]
        return lambda self, other: call(other, self)

    return Operator(form)


def comparison(ufunc: np.ufunc) -> Any:
    """The operator of a comparison, whose answer is a plain array."""

    def answer(self: Any, other: Any) -> Any:
        if mode.get() is not None:
            note_cut(f"{ufunc.__name__}, which has no derivative", (self, other))
        return ufunc(unwrap(self), unwrap(other))

    return answer


class Tensor(ArrayMethods, Leaving):
    """An n-dimensional array whose computation is recorded, so that gradients can be pulled back through it.

    `data` is anything `np.array` takes and is copied; nested lists of tensors are joined and keep their history. With
    `requires_grad`, a floating or complex tensor is a leaf whose `grad` receives what `backward` pulls back. Every
    NumPy function with a derivative works on it.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> y = (np.sin(x) * x).sum()
    >>> y.backward()
    >>> np.allclose(x.grad, np.cos([1, 2]) * [1, 2] + np.sin([1, 2]))
    True
    """

    __slots__ = ()
    __array_priority__ = 1000

    def __init__(self, data: Any, *, dtype: Any = None, requires_grad: bool = False, name: str | None = None) -> None:
        if is_tracked(data):
            if requires_grad:
                raise ValueError("Tensor: data that has a history cannot be a leaf; pass x.detach() for a new leaf")
            whole: Any = joined_tensors(data) if dtype is None else np.astype(joined_tensors(data), dtype)
            self._array, self._node = np.array(whole._array), whole._node
            return
        array = np.array(unwrap(data), dtype=dtype)
        if array.dtype.kind not in "biufc":
            raise TypeError(f"Tensor: found data of dtype {array.dtype}; expected numbers")
        if requires_grad and array.dtype.kind not in "fc":
            raise TypeError(f"Tensor: a {array.dtype} tensor cannot require a gradient; pass dtype=float")
        self._array = array
        self._node = (Leaf if requires_grad else Const)(array.shape, array.dtype, name)
        see_leaf(self)

    # ---- what it is ---------------------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        """The values, without a copy. Writable for a leaf that no graph needs; read-only otherwise."""
        if type(self._node) is Leaf:
            return aliasing.expose(self)
        if self._node.tracked and current().transforms:
            detached(self, ".data")
        return read_only(self._array)

    @data.setter
    def data(self, value: Any) -> None:
        node = self._node
        if not isinstance(node, Leaf):
            raise ValueError(
                "data: only a leaf's data can be set; this tensor was computed by "
                f"{node.op.name}: assign with x[...] = value"
            )
        array = unwrap(value) if isinstance(value, Tensor) else np.asarray(value)
        if array.shape != self._array.shape or not np.can_cast(array.dtype, self._array.dtype, "same_kind"):
            raise ValueError(
                f"data: found shape {array.shape} {array.dtype}; expected {self._array.shape} {self._array.dtype}"
            )
        view = node.exposed() if node.exposed is not None else None
        if view is not None and array is view:  # x.data -= step: the view has been written already
            return
        self._array = np.array(array, dtype=self._array.dtype)
        node.exposed = None

    @property
    def flat(self) -> FlatTensor:
        """The elements in one dimension, in C order; assigning fills the tensor."""
        return FlatTensor(self)

    @flat.setter
    def flat(self, values: Any) -> None:
        if np.size(unwrap(values)):
            self[...] = np.reshape(np.resize(values, self.size), self.shape)

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows through this tensor."""
        return self._node.tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(self._node, Leaf):
            raise ValueError("requires_grad: only a leaf can change it; use x.detach() for a tensor without history")
        if value and self._array.dtype.kind not in "fc":
            raise TypeError(f"requires_grad: a {self._array.dtype} tensor cannot require a gradient")
        if bool(value) != self._node.tracked:
            self._node = (Leaf if value else Const)(self._array.shape, self._array.dtype, self.name)
            see_leaf(self)

    @property
    def is_leaf(self) -> bool:
        """Whether this tensor was made by its user, not computed by a recorded operation."""
        return isinstance(self._node, Leaf)

    @property
    def name(self) -> str | None:
        """The name given to this tensor, shown in errors and pictures."""
        return getattr(self._node, "name", None)

    @name.setter
    def name(self, value: str | None) -> None:
        if value is not None and type(value) is not str:
            raise TypeError(f"name: found a {type(value).__name__}; expected a str, or None")
        if self._node is CONST:
            self._node = Const(self._array.shape, self._array.dtype)
            see_leaf(self)
        self._node.name = value

    @property
    def grad(self) -> np.ndarray | None:
        """What `backward` accumulated for this leaf, of its shape and dtype; None before."""
        return self._node.grad if isinstance(self._node, Leaf) else None

    @grad.setter
    def grad(self, value: Any) -> None:
        if not isinstance(self._node, Leaf) or not self._node.tracked:
            if value is None and not self._node.tracked:  # as when frozen parameters are cleared with the others
                return
            raise ValueError("grad: only a leaf that requires a gradient has one")
        if value is not None:
            value = np.asarray(value._array if isinstance(value, Tensor) else value)
            if value.shape != self.shape:
                raise ValueError(f"grad: found shape {value.shape}; expected {self.shape}")
            value = value.astype(self.dtype, copy=False)
        self._node.grad = value

    # ---- shown, copied, pickled ----------------------------------------------------------------------------

    def __repr__(self) -> str:
        body = np.array2string(self._array, separator=", ", prefix="Tensor(", threshold=100, edgeitems=3)
        extra = "" if self._array.dtype in (np.float64, np.int64, np.bool_, np.complex128) else f", dtype={self.dtype}"
        if isinstance(self._node, Leaf):
            extra += ", requires_grad=True" if self._node.tracked else ""
        else:
            row = self._node.parents[0].op if self._node.op is SELECT else self._node.op
            extra += f", computed by {row.name}"
        extra += f", name={self.name!r}" if self.name else ""
        return f"Tensor({body}{extra})"

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if type(vars(Tensor).get(name)) is not Instead]

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        return format(self._array if self._array.ndim else self._array.item(), spec)

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})  # a leaf of its own: two that shared an array would write over each other

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        made_by_user = isinstance(self._node, Leaf) and type(self._node) is not Variable
        if not made_by_user or type(self._array) in TRACERS:
            return self.copy("K")
        return _restore(*self.__reduce__()[1])

    def __reduce__(self) -> tuple[Any, ...]:
        if not isinstance(self._node, Leaf) or type(self._node) is Variable:
            found = "the argument of a transform" if self.is_leaf else f"a tensor computed by {self._node.op.name}"
            raise TypeError(f"{found} cannot be pickled; use x.detach()")
        grad = None if self.grad is None else np.array(self.grad)
        return _restore, (type(self), np.array(self._array), self._node.tracked, self.name, grad)

    # ---- the gradient -------------------------------------------------------------------------------------

    def backward(self, cotangent: Any = None, *, retain_graph: bool = False) -> None:
        """Pull `cotangent` (1 for a single number) back to the leaves and add to their `grad`.

        The residuals of the graph are released as they are used, unless `retain_graph`.
        Raises FreedGraphError when an earlier backward released them.
        """
        if not self._node.tracked:
            raise ValueError("backward: this tensor does not depend on a leaf with requires_grad=True")
        ct = self._cotangent(cotangent, "backward")
        found: dict[Any, Any] = silent_pullback(self._node, ct, free=not retain_graph)
        aliasing.check_unchanged(self._node, found)
        del ct
        for leaf, g in found.items():
            add_to_grad(leaf, g)

    def _cotangent(self, cotangent: Any, caller: str) -> Any:
        if cotangent is None:
            if self._array.size != 1:
                raise ValueError(
                    f"{caller}: a tensor of shape {self.shape} needs a cotangent of that shape; "
                    "pass one, or reduce the tensor to a single number, as with .sum()"
                )
            one = np.array(1, self._array.dtype)
            return one if self._array.ndim == 0 else one.reshape(self._array.shape)
        ct = np.asarray(cotangent._array if isinstance(cotangent, Tensor) else cotangent)
        if ct.shape != self.shape:
            raise ValueError(f"{caller}: found a cotangent of shape {ct.shape}; expected {self.shape}")
        if ct.dtype.kind == "c" and self.dtype.kind != "c":
            raise TypeError(f"{caller}: found a complex cotangent for a {self.dtype} tensor")
        return ct.astype(self.dtype, copy=False)

    def graph(self, model: Any = None, **options: Any) -> GraphView:
        """The computation that led here, as a `viz.GraphView` to read, check and draw; options are those of `tg.graph`.

        >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
        >>> (x * x).sum().graph()
        <GraphView of sum#0: 2 operations, 1 leaf, 3 edges>
        """
        return DOORS["graph"](self, model=model, **options)

    # ---- NumPy's protocols --------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            call = UFUNC_FORMS[ufunc]
            if call is not None:
                return call(*inputs)
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, fun: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if (
            len(types) > 1
            and not USUAL.issuperset(types)
            and not all(t in TENSORS or t in TRACERS or issubclass(t, ndarray) for t in types)
        ):
            return NotImplemented  # an array of another library, which may know what to do with a tensor
        return call_function(fun, args, kwargs)

    # ---- operators: straight to the table, past NumPy's dispatch ------------------------------------------

    __matmul__, __rmatmul__ = operator(np.matmul), reflected(np.matmul)
    __add__, __radd__ = operator(np.add), reflected(np.add)
    __sub__, __rsub__ = operator(np.subtract), reflected(np.subtract)
    __mul__, __rmul__ = operator(np.multiply), reflected(np.multiply)
    __truediv__, __rtruediv__ = operator(np.divide), reflected(np.divide)
    __pow__, __rpow__ = operator(np.power), reflected(np.power)
    __mod__, __rmod__ = operator(np.remainder), reflected(np.remainder)
    __floordiv__, __rfloordiv__ = operator(np.floor_divide), reflected(np.floor_divide)
    __lt__, __le__, __gt__, __ge__ = map(comparison, (np.less, np.less_equal, np.greater, np.greater_equal))
    __eq__, __ne__ = map(comparison, (np.equal, np.not_equal))
    __and__, __or__, __xor__ = __rand__, __ror__, __rxor__ = tuple(
        map(comparison, (np.bitwise_and, np.bitwise_or, np.bitwise_xor))
    )
    __lshift__, __rshift__ = map(comparison, (np.left_shift, np.right_shift))
    __neg__, __pos__, __abs__ = operator(np.negative), operator(np.positive), operator(np.absolute)
    __hash__ = object.__hash__

    def __invert__(self) -> Any:
        return np.invert(self._array)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    __getitem__: Callable[..., Tensor] = Operator(lambda: compiled_form(TABLE[getitem], 2))  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._array)))


for name, attribute in habits().items():
    if not hasattr(Tensor, name):
        setattr(Tensor, name, attribute)
Traced._public = Tensor
USUAL = {Tensor, ndarray}  # the classes of nearly all arrays beside a tensor


class FlatTensor(Tensor):
    """x.flat: the elements in C order. What is assigned to them is assigned to x, whatever its layout."""

    __slots__ = ("of",)
    of: Tensor

    def __init__(self, of: Tensor) -> None:
        self.of = of
        self._read()

    def _read(self) -> None:
        now: Any = np.ravel(self.of)
        self._array, self._node = now._array, now._node

    def __setitem__(self, index: Any, value: Any) -> None:
        self.of[np.unravel_index(np.arange(self.size)[index], self.of.shape) if self.of.ndim else ...] = value
        self._read()


def _restore(cls: type[Any], array: Any, tracked: Any, name: Any, grad: Any) -> Any:
    tensor = object.__new__(cls)
    tensor._array = array
    tensor._node = (Leaf if tracked else Const)(array.shape, array.dtype, name)
    tensor._node.grad = grad
    see_leaf(tensor)
    return tensor


def joined_tensors(data: Any) -> Any:
    """Nested lists of numbers and tensors as one tensor."""
    if isinstance(data, (list, tuple)):
        return np.stack([joined_tensors(d) for d in data])
    return data if isinstance(data, Tensor) else np.asarray(data)


def lift(array: Any, node: Node) -> Tensor:
    """A residual as a tensor, so that a pass over it records itself."""
    return wrap(array, node)


def add_to_grad(leaf: Leaf, g: Any) -> None:
    """Add a cotangent to a leaf's gradient, which shares memory with nothing else."""
    if leaf.grad is None:
        owned = type(g) is ndarray and g.base is None and sys.getrefcount(g) <= aliasing.OWNED and g.flags.writeable
        leaf.grad = g if owned else np.array(g)
    else:
        leaf.grad = np.add(leaf.grad, g, out=leaf.grad) if leaf.grad.flags.writeable else leaf.grad + g

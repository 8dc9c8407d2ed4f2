"""The graph of plain NumPy code: a stand-in for an array notes every call of NumPy that reaches it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .building import Builder
from .formulas import CALL, INFIX, NAMELESS, NEGATED, UNNAMED, Expression, infix, number_said, subscript
from .residuals import argument, dtype_name, number
from .values import FEW_ELEMENTS, described
from .view import GraphView

COMPARED = {"greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=", "equal": "==", "not_equal": "!="}
BOTH = {**INFIX, **COMPARED}


def traced(f: Callable, arrays: tuple, title: str | None = None) -> GraphView:
    """See `viz.trace`."""
    if not callable(f):
        raise TypeError(
            f"trace: found a {type(f).__name__}; expected a function, and the arrays that it is called with"
        )
    work = Tracing()
    inputs = [work.input(name, array) for name, array in zip(parameters_of(f, len(arrays)), arrays, strict=True)]
    outs = f(*inputs)
    found = [work.made[id(out)] for out in leaves_of(outs) if isinstance(out, Array) and id(out) in work.made]
    if not found:
        raise TypeError(
            f"trace: {getattr(f, '__name__', 'the function')} returned a {type(outs).__name__} that was not computed "
            "from its arguments by NumPy's functions; functions that make an ndarray of them, as np.asarray does, are "
            "not seen"
        )
    return work.builder.view(found, title or getattr(f, "__name__", "").replace("<lambda>", "") or found[0])


def parameters_of(f: Callable, count: int) -> list[str]:
    """The names of a function's parameters, or numbers where it does not say."""
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"in{i}" for i in range(count)]


def leaves_of(value: Any) -> list:
    """What is in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves_of(part)]
    return [value]


class Tracing:
    """One run of a function: the graph so far, and which stand-in is which node."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.made: dict[int, str] = {}
        self.known: dict[int, str] = {}  # an array of the function's own -> its node
        self.hold: list = []
        self.said: dict[str, Expression] = {}  # node -> what stands for it in a formula

    def input(self, name: str, array: Any) -> Any:
        """The stand-in for one argument."""
        array = np.asarray(getattr(array, "_array", array))
        self.said[name] = Expression(name)
        return self.wrap(array, self.builder.leaf(name, "data", array.shape, array.dtype, shown_small(array)))

    def wrap(self, array: Any, id_: str) -> Array:
        made = Array(array, self)
        self.made[id(made)] = id_
        self.hold.append(made)
        return made

    def call(self, name: str, fun: Callable, args: tuple, kwargs: dict) -> Any:
        """Run a function on the arrays, and note it."""
        out = fun(*[arrays_of(a) for a in args], **{k: arrays_of(v) for k, v in kwargs.items()})
        if kwargs.get("out") is not None:
            raise TypeError(f"trace: {name}(out=...) writes into an array; compute a new one")
        operands: list[tuple[str, str, Any, bool]] = []
        texts: list[str] = []
        words: list[Any] = []
        id_ = self.builder.name(name)
        called = isinstance(getattr(fun, "__self__", None), np.ufunc) or name == "where"  # numbers are operands of it
        for word, arg in [("", a) for a in args] + list(kwargs.items()):
            for one in arg if isinstance(arg, (list, tuple)) and any(isinstance(a, Array) for a in arg) else [arg]:
                operand = word or ("condition", "x", "y")[len(words) % 3] if name == "where" else word
                if isinstance(one, (Array, np.ndarray)) and getattr(one, "ndim", 0) + isinstance(one, Array):
                    operands.append((self.node_of(one, id_, len(operands)), operand, one.shape, False))
                    words.append(self.said.get(operands[-1][0], UNNAMED))
                elif called and not word and number(one):
                    operands.append((self.builder.number(one, id_, len(operands)), operand, (), False))
                    words.append(number_said(number(one)))
                elif name == "getitem":
                    words.append(Expression(f"[{subscript(one, lambda given: '')}]"))
                elif argument(one):
                    texts.append(f"{word}={argument(one)}" if word else argument(one))
        said = self.expression(name, words, texts)
        self.said[id_] = said.short()
        formula = said.text if said is not UNNAMED and len(words) > 1 and any(w.text != NAMELESS for w in words) else ""
        outs = list(out) if isinstance(out, (list, tuple)) else [out]
        arrays = [np.asarray(o) for o in outs]
        several = isinstance(out, (list, tuple))
        self.builder.operation(
            id_,
            name,
            operands,
            shape=tuple(a.shape for a in arrays) if several else arrays[0].shape,
            dtype=", ".join(dict.fromkeys(str(dtype_name(a.dtype)) for a in arrays)),
            args=", ".join(texts),
            formula=formula,
            value=None if several else shown_small(arrays[0]),
        )
        if not several:
            return self.wrap(out, id_)
        parts = [
            self.wrap(
                o,
                self.builder.operation(
                    self.builder.name("select"),
                    "select",
                    [(id_, "of", a.shape, False)],
                    shape=a.shape,
                    dtype=dtype_name(a.dtype),
                    args=f"output {i}",
                    value=shown_small(a),
                ),
            )
            for i, (o, a) in enumerate(zip(outs, arrays, strict=True))
        ]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)

    def expression(self, name: str, words: list[Expression], texts: list[str]) -> Expression:
        """A call on what its operands are called."""
        if texts or not 0 < len(words) <= 3:
            return UNNAMED
        if name == "getitem":
            return Expression(words[0].within(CALL) + words[1].text, CALL) if len(words) == 2 else UNNAMED
        if name in BOTH and len(words) == 2:
            return infix(BOTH[name], *words)
        if name == "negative":
            return Expression(f"-{words[0].within(NEGATED)}", NEGATED)
        return Expression(f"{name}({', '.join(w.text for w in words)})", CALL)

    def node_of(self, value: Any, of: str, slot: int) -> str:
        """The node of an operand; an array that the function brought along is data, once."""
        if id(value) in self.made:
            return self.made[id(value)]
        if isinstance(value, Array):  # of another run
            value = value.array
        if id(value) not in self.known:
            self.hold.append(value)
            place = f"{of}[{slot}]"
            self.known[id(value)] = self.builder.leaf(
                place, "data", value.shape, value.dtype, shown_small(value), "data"
            )
        return self.known[id(value)]


def shown_small(array: np.ndarray) -> Any:
    """What is shown of a small array."""
    return described(array) if array.size <= FEW_ELEMENTS else None


def arrays_of(value: Any) -> Any:
    """The arrays of stand-ins, also inside lists, tuples and slices."""
    if isinstance(value, Array):
        return value.array
    if isinstance(value, (list, tuple)):
        parts = [arrays_of(v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, slice):
        return slice(arrays_of(value.start), arrays_of(value.stop), arrays_of(value.step))
    return value


class Array(np.lib.mixins.NDArrayOperatorsMixin):
    """Behaves as the array that it stands for, and tells `Tracing` what is done with it."""

    def __init__(self, array: Any, tracing: Tracing):
        self.array, self.tracing = array, tracing

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return self.tracing.call(name, getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, fun, types, args, kwargs):
        return self.tracing.call(fun.__name__, fun, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # as NumPy's ways past __array__
            raise AttributeError(name)
        found = getattr(self.array, name)
        if name == "T":
            return self.tracing.call("transpose", np.transpose, (self,), {})
        if not callable(found) or name.startswith("_"):
            return found
        return lambda *args, **kwargs: self.tracing.call(
            name, lambda own, *a, **k: getattr(own, name)(*a, **k), (self, *args), kwargs
        )

    def __getitem__(self, index: Any) -> Any:
        return self.tracing.call("getitem", lambda own, i: own[i], (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("trace: x[...] = value changes an array in place, which no graph shows; use np.where")

    def __array__(self, dtype=None, copy=None):
        raise TypeError("trace: an ndarray was made of a traced array (np.asarray, np.array); what follows is not seen")

    def __iter__(self):
        return (self[i] for i in range(len(self.array)))

    def __len__(self) -> int:
        return len(self.array)

    def __bool__(self) -> bool:
        return bool(self.array)

    def __float__(self) -> float:
        return float(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __index__(self) -> int:
        return self.array.__index__()

    def __repr__(self) -> str:
        return f"traced {self.array!r}"

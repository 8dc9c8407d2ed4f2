"""The table: one row a function, and the few words with which rows are written."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any

import numpy as np

from .above import supply
from .cotangents import unbroadcast
from .kinds import Elementwise, Reduction
from .modes import cut
from .rules import Row
from .seen import note_origin
from .signatures import signature_of
from .tape import next_serial
from .tracing import whole


class Table(dict[Callable, Any]):
    """The rows, by their functions. What is not there is asked for above: the engine imports no calculus."""

    def __missing__(self, fun: Callable) -> Any:
        supply(fun)
        if not dict.__contains__(self, fun):
            raise KeyError(fun)
        return self[fun]

    def get(self, fun: Callable, default: Any = None) -> Any:
        try:
            return self[fun]
        except KeyError:
            return default

    def __contains__(self, fun: object) -> bool:
        return self.get(fun) is not None  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Callable]:
        supply()
        return super().__iter__()

    def __len__(self) -> int:
        supply()
        return super().__len__()

    def items(self) -> ItemsView[Callable, Any]:
        supply()
        return super().items()

    def keys(self) -> KeysView[Callable]:
        supply()
        return super().keys()

    def values(self) -> ValuesView[Any]:
        supply()
        return super().values()


TABLE = Table()

REAL = (-np.inf, np.inf)
POSITIVE = (0.0, np.inf)
UNIT = (-1.0, 1.0)


class Composed:
    """A function whose derivative follows by running its definition on tensors; without history NumPy's own runs."""

    kind = "composed"

    def __init__(self, fun: Callable, body: Callable, cases=(), domain=REAL, kinks=None, inplace=False):
        self.fun = fun
        self.inplace = inplace  # changes its first argument: NumPy's own never runs on a tensor's array
        self.name = fun.__name__
        self.body = body
        self.cases = cases
        self.domain = domain
        self.kinks = kinks

    def __repr__(self) -> str:
        return f"<composed row of {self.name}>"

    def apply(self, engine, args: tuple, kwargs: dict):
        if not self.inplace and not engine.is_tracked(args) and not engine.is_tracked(list(kwargs.values())):
            return engine.untracked(self.fun, args, kwargs)
        start = next_serial()
        out = self.body(*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
        note_origin(self, start, out)
        return out


class Plain:
    """A function that has no derivative by its nature, such as a comparison: its answer is NumPy's, a plain array."""

    kind = "non-differentiable"

    def __init__(self, fun: Callable, why: str):
        self.fun = fun
        self.name = fun.__name__
        self.why = why

    def __repr__(self) -> str:
        return f"<{self.name}: {self.why}>"

    def apply(self, engine, args: tuple, kwargs: dict):
        cut(f"{self.name}, which has no derivative", (*args, *kwargs.values()))
        return self.fun(*[engine.unwrap(a) for a in args], **{k: engine.unwrap(v) for k, v in kwargs.items()})


class Creation(Plain):
    """A function that makes a new array of the shape of another: a tensor without history, ready to be filled."""

    kind = "creation"

    def apply(self, engine, args: tuple, kwargs: dict):
        return engine.untracked(self.fun, args, kwargs)


def enter(fun: Callable, row):
    """Put a row into the table: a function has one."""
    if dict.__contains__(TABLE, fun):
        raise ValueError(f"{row.name} already has a row")
    TABLE[fun] = row
    return row


def elementwise(fun: Callable, *partials, domain=REAL, kinks=None, names=("x", "y"), call=None, examples=()) -> Row:
    """A function of corresponding elements: for each operand its partial, a function of x, y, out, or a number."""
    names = names[: len(partials)]
    row = Elementwise(call or fun, partials, names, name=fun.__name__, domain=domain, kinks=kinks, cases=examples)
    return enter(fun, row)


def linear(fun: Callable, *rules, **options) -> Row:
    """A function linear in its differentiable arguments together."""
    return function(fun, *rules, kind="linear", **options)


def bilinear(fun: Callable, *rules, **options) -> Row:
    """A function linear in each of its differentiable arguments."""
    return function(fun, *rules, kind="bilinear", **options)


def function(fun: Callable, *rules, diff=None, signature=None, kind="function", call=None, **options) -> Row:
    """Any function: a rule for each of its first parameters, or for those that `diff` names."""
    row = Row(call or fun, rules, diff, signature, name=fun.__name__, **options)
    row.kind = kind
    return enter(fun, row)


def reduction(fun: Callable, weights: Callable, **options) -> Row:
    """A function that is locally a weighted sum over an axis: its weights."""
    return enter(fun, Reduction(fun, weights, **options))


def moves(fun: Callable, **options) -> Row:
    """A function that only moves, repeats or drops elements of its first argument.

    Applied to the element numbers it says where each one went; that is its whole derivative.
    """
    sig = signature_of(fun)
    first, *rest = tuple(p for p in sig.parameters if p != "out")

    def rule(ct, shape, *others):
        numbers = np.arange(int(np.prod(shape))).reshape(shape)
        if not numbers.size:  # np.resize fills what it finds nothing for with zeros
            return np.zeros(shape, ct.dtype)
        went = fun(numbers, **{k: v for k, v in zip(rest, others) if v is not None})
        return np.reshape(scatter(np.ravel(ct), went.ravel(), (numbers.size,)), shape)

    row = Row(fun, (rule,), (first,), residuals=((f"{first}_shape", *rest),), **options)
    row.kind = "linear"
    return enter(fun, row)


def newer(name: str) -> Callable | None:
    """A function of a later NumPy than the oldest supported, or None."""
    return getattr(np, name, None)


def composed(fun: Callable | None, **options) -> Callable:
    """Decorate the definition of a NumPy function in terms of others that have rows."""
    if fun is None:  # this NumPy does not have it
        return lambda body: body

    def decorate(body: Callable) -> Callable:
        enter(fun, Composed(fun, body, **options))
        return body

    return decorate


def plain(why: str, *funs: Callable, kind: type = Plain) -> None:
    """Functions without a derivative by nature."""
    for fun in funs:
        enter(fun, kind(fun, why))


class Primitive:
    """A function with a derivative of its own: calls on tensors are recorded, calls on arrays run as they are.

    >>> @Primitive
    ... def softplus(x):
    ...     return np.logaddexp(x, 0)
    >>> softplus.defvjp(lambda ct, x: ct / (1 + np.exp(-x)))
    >>> float(softplus(0.0))
    0.6931471805599453
    """

    def __init__(self, fun: Callable):
        self.fun = fun
        self.__name__ = fun.__name__
        self.__qualname__ = fun.__qualname__
        self.__doc__ = fun.__doc__
        self.__module__ = fun.__module__
        self.__wrapped__ = fun
        self.row: Row | None = None
        self.forms: dict = {}  # those of the row

    def __repr__(self) -> str:
        return f"<primitive {self.__name__}>"

    def __reduce__(self) -> str:
        return self.__qualname__  # like a function, it is copied as itself and pickled by name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for a in args:
            if hasattr(a, "node"):
                form = self.forms.get((len(args), *kwargs) if kwargs else len(args))
                result = form(*args, **kwargs) if form else NotImplemented
                return a.__array_function__(self, (type(a),), args, kwargs) if result is NotImplemented else result
        for a in (*args, *kwargs.values()):
            for e in a if isinstance(a, (list, tuple)) else (a,):
                if hasattr(e, "node"):
                    return e.__array_function__(self, (type(e),), args, kwargs)
        return self.fun(*args, **kwargs)

    def defvjp(self, *rules: Callable, diff=None, **options) -> None:
        """One rule (ct, residuals...) -> cotangent for each differentiable argument, in order.

        The names of a rule's further parameters say what is kept: the operation's own parameters, `out`, or
        `<name>_shape`. Rules are plain NumPy, so that they can be differentiated again.

        `aux`, a pair of functions, saves a rule what the operation computes on the way: the first is the operation,
        and returns (out, aux); the second computes the aux alone, from arguments that its parameters name.
        """
        if not rules or not all(map(callable, rules)):
            found = ", ".join(type(rule).__name__ for rule in rules) or "none"
            raise TypeError(
                f"{self.__name__}: defvjp: found {found}; expected one function a differentiable argument, "
                "as in lambda ct, x: ..."
            )
        fun, recompute = options.pop("aux", (self.fun, None))
        kind = options.pop("kind", "function")
        self._enter(fun, rules, kind, dict(options, diff=diff, name=self.__name__, recompute=recompute))

    def _enter(self, fun: Callable, rules: tuple, kind: str, options: dict) -> None:
        self._given = fun, rules, kind, options
        self.row = TABLE[self] = Row(fun, rules, **options)
        self.row.kind = kind
        self.forms = self.row.forms

    def defjvp(self, *rules: Callable) -> None:
        """Optional: one rule (t, residuals...) -> tangent an argument; without it the vjp is transposed."""
        if self.row is None:
            raise TypeError(f"{self.__name__}: call defvjp before defjvp")
        fun, rules_back, kind, options = self._given
        if len(rules) != len(rules_back):
            raise TypeError(f"{self.__name__}: found {len(rules)} jvp rules; expected {len(rules_back)}, as in defvjp")
        self._enter(fun, rules_back, kind, dict(options, jvps=rules))


def primitive(fun: Callable) -> Primitive:
    """Make a function of arrays an operation of the tape; give it its derivative with `defvjp`.

    >>> @primitive
    ... def cube(x):
    ...     return x * x * x
    >>> cube.defvjp(lambda ct, x: ct * 3 * x * x)
    >>> import tinygrad_np as tg
    >>> tg.grad(tg.grad(cube))(2.0).item()
    12.0
    """
    return Primitive(fun)


# ---- the two operations on which all moving of elements rests ---------------------------------------------


@primitive
def getitem(x, index):
    """x[index], for any index that NumPy takes."""
    return x[index]


@primitive
def scatter(ct, index, shape):
    """Zeros of `shape` with `ct` added at `index`, repeated places summed: the transpose of getitem."""
    if not is_basic(index):
        return scatter_add(ct, index, shape)
    out = np.zeros_like(ct, shape=shape)
    out[index] = ct
    return out


@whole
def scatter_add(ct, index, shape):
    """The same for any index: repeated places are summed."""
    out = np.zeros(shape, ct.dtype)
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and len(shape) == 1 and ct.dtype.kind == "f":
        out[...] = np.bincount(index.ravel() % max(shape[0], 1), ct.ravel(), shape[0]) if index.size else 0
    else:
        np.add.at(out, index, ct)
    return out


def is_basic(index) -> bool:
    """Whether an index takes each element at most once, by slices, integers or one mask."""
    if isinstance(index, np.ndarray) and index.dtype == bool:
        return True
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(i, (int, np.integer, slice, type(None), type(...))) and not isinstance(i, bool) for i in parts
    )


@primitive
def assigned(x, index, value):
    """A copy of x with x[index] = value."""
    out = np.array(x)
    out[index] = value
    return out


def last_written(ct, index, x_shape, value_shape):
    """The cotangent of an assigned value: where an index repeats, only the last value was kept."""
    g = getitem(ct, index)
    if not is_basic(index):
        numbers = np.arange(g.size).reshape(g.shape)
        board = np.empty(x_shape, int)
        board[index] = numbers
        g = np.where(board[index] == numbers, g, 0)
    lead = len(value_shape) - g.ndim  # NumPy lets a value have more axes of length one than its place
    return np.reshape(unbroadcast(g, value_shape[max(lead, 0) :]), value_shape)


getitem.defvjp(
    lambda ct, x_shape, index: scatter(ct, index, x_shape),
    kind="linear",
    cases=[
        lambda f, A: f(A("m", 4), (slice(None), slice(-1, None, -2))),
        lambda f, A: f(A(3, "n"), ([0, 2, 0, -1],)),
        lambda f, A: f(A(3, 2), np.array([[True, False], [False, True], [True, True]])),
        lambda f, A: f(A(3, 4), ([1, 1], None, slice(1, 3))),
        lambda f, A: f(A(3, 4), (Ellipsis, 0)),
    ],
)
scatter.defvjp(
    lambda ct, index: getitem(ct, index),
    kind="linear",
    cases=[lambda f, A: f(A(3, 2), ([0, 2, 0],), (4, 2)), lambda f, A: f(A(2), slice(1, 3), (4,))],
)
assigned.defvjp(
    lambda ct, index: assigned(ct, index, 0),
    last_written,
    diff=("x", "value"),
    kind="linear",
    cases=[
        lambda f, A: f(A(3, "n"), (slice(0, 2),), A(2, "n")),
        lambda f, A: f(A(4), [1, 0, 1], A(3)),
        lambda f, A: f(A(2, 2), 1, A()),
    ],
)


def array_of(x) -> np.ndarray:
    """The plain values of an operand, to decide something that has no derivative."""
    return x.array if hasattr(x, "node") else np.asarray(x)

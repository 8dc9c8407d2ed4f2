"""The table: one row a function, and the few words with which rows are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any, overload

import numpy as np

from .above import supply
from .arrays import array_of
from .facts import NOTHING, Facts
from .generated import call
from .kinds import Elementwise, Reduction
from .modes import note_cut, setting
from .operation import NotDifferentiable
from .recording import is_tracked, untracked, unwrap, wrap
from .rules import Row
from .seen import note_origin
from .signatures import names_of, signature_of
from .tape import Leaf, next_serial, pullback


class Table(dict[Callable[..., Any], Any]):
    """The rows, by their functions. What is not there is asked for above: the engine imports no calculus."""

    def __missing__(self, fun: Callable[..., Any]) -> Any:
        supply(fun)
        if not dict.__contains__(self, fun):
            raise KeyError(fun)
        return self[fun]

    def get(self, fun: Callable[..., Any], default: Any = None) -> Any:
        try:
            return self[fun]
        except KeyError:
            return default

    def __contains__(self, fun: object) -> bool:
        return self.get(fun) is not None  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        supply()
        return super().__iter__()

    def __len__(self) -> int:
        supply()
        return super().__len__()

    def items(self) -> Any:
        supply()
        return super().items()

    def keys(self) -> Any:
        supply()
        return super().keys()

    def values(self) -> Any:
        supply()
        return super().values()


TABLE = Table()

REAL = (-np.inf, np.inf)
POSITIVE = (0.0, np.inf)
UNIT = (-1.0, 1.0)


class Composed(Facts):
    """A function whose derivative follows by running its definition on tensors; without history NumPy's own runs."""

    kind = "composed"

    def __init__(
        self,
        fun: Callable[..., Any],
        body: Callable[..., Any],
        cases: Any = (),
        domain: Any = REAL,
        kinks: Any = None,
        always: Any = False,
        **facts: Any,
    ) -> None:
        self.fun = fun
        self.name = fun.__name__
        self.body = body
        self.cases = cases
        self.domain = domain
        self.kinks = kinks
        self.state(facts)
        self.always = always or self.writes  # NumPy's own never runs on a tensor's array

    def __repr__(self) -> str:
        return f"<composed row of {self.name}>"

    def apply(self, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
        """Call the function on tensors."""
        if not self.always and not is_tracked(args) and not is_tracked(list(kwargs.values())):
            return untracked(self.fun, args, kwargs)
        start = next_serial()
        out = self.body(*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
        note_origin(self, start, out)
        return out


class Plain(Facts):
    """A function that has no derivative by its nature, such as a comparison: its answer is NumPy's, a plain array."""

    kind = "non-differentiable"

    def __init__(self, fun: Callable[..., Any], why: str, **facts: Any) -> None:
        self.fun = fun
        self.name = fun.__name__
        self.why = why
        self.state(facts)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.why}>"

    def apply(self, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
        """Call the function on the arrays."""
        note_cut(f"{self.name}, which has no derivative", (*args, *kwargs.values()))
        return call(self.fun, tuple(map(unwrap, args)), {k: unwrap(v) for k, v in kwargs.items()})


class Creation(Plain):
    """A function that makes a new array of the shape of another: a tensor without history, ready to be filled."""

    kind = "creation"

    def apply(self, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
        return untracked(self.fun, args, kwargs)


def enter(fun: Callable[..., Any], row: Any) -> Any:
    """Put a row into the table, the one way in: a function has one, and a primitive may be given another."""
    if isinstance(fun, Primitive):
        fun.row, fun.forms = row, row.forms
    elif dict.__contains__(TABLE, fun):
        raise ValueError(f"{row.name} already has a row")
    TABLE[fun] = row
    return row


def facts_of(fun: Callable[..., Any]) -> Facts:
    """What the row of a function states; a method of ndarray is known by the function of its name."""
    row = TABLE.get(fun)
    if row is None and getattr(fun, "__objclass__", None) is np.ndarray:
        row = TABLE.get(getattr(np, fun.__name__, fun))
    return NOTHING if row is None else row


def elementwise(
    fun: Callable[..., Any],
    *partials: Any,
    domain: Any = REAL,
    names: Any = ("x", "y"),
    call: Any = None,
    **options: Any,
) -> Row:
    """A function of corresponding elements: for each operand its partial, a function of x, y, out, or a number."""
    names = names[: len(partials)]
    return enter(fun, Elementwise(applied(call or fun), partials, names, name=fun.__name__, domain=domain, **options))


def applied(fun: Callable[..., Any]) -> Callable[..., Any]:
    """What a row calls on arrays: for a primitive the function that it was made of."""
    return fun.fun if isinstance(fun, Primitive) else fun


def linear(fun: Callable[..., Any], *rules: Any, **options: Any) -> Row:
    """A function linear in its differentiable arguments together."""
    return function(fun, *rules, kind="linear", **options)


def bilinear(fun: Callable[..., Any], *rules: Any, **options: Any) -> Row:
    """A function linear in each of its differentiable arguments."""
    return function(fun, *rules, kind="bilinear", **options)


def function(
    fun: Callable[..., Any],
    *rules: Any,
    diff: Any = None,
    signature: Any = None,
    kind: Any = "function",
    call: Any = None,
    **options: Any,
) -> Row:
    """Any function: a rule for each of its first parameters, or for those that `diff` names."""
    return enter(fun, Row(applied(call or fun), rules, diff, signature, name=fun.__name__, kind=kind, **options))


def reduction(fun: Callable[..., Any], weights: Callable[..., Any], **options: Any) -> Row:
    """A function that is locally a weighted sum over an axis: its weights."""
    return enter(fun, Reduction(applied(fun), weights, name=fun.__name__, **options))


def newer(name: str) -> Callable[..., Any] | None:
    """A function of a later NumPy than the oldest supported, or None."""
    return getattr(np, name, None)


def composed(fun: Callable[..., Any] | None, **options: Any) -> Callable[..., Any]:
    """Decorate the definition of a NumPy function in terms of others that have rows."""
    if fun is None:  # this NumPy does not have it
        return lambda body: body

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        enter(fun, Composed(fun, body, **options))
        return body

    return decorate


def plain(why: str, *funs: Callable[..., Any], kind: type[Plain] = Plain, **facts: Any) -> None:
    """Functions without a derivative by nature."""
    for fun in funs:
        enter(fun, kind(fun, why, **facts))


class Primitive:
    """A function with a derivative of its own: calls on tensors are recorded, calls on arrays run as they are.

    >>> @Primitive
    ... def softplus(x):
    ...     return np.logaddexp(x, 0)
    >>> softplus.defvjp(lambda ct, x: ct / (1 + np.exp(-x)))
    >>> float(softplus(0.0))
    0.6931471805599453
    """

    def __init__(self, fun: Callable[..., Any], name: str | None = None) -> None:
        if not callable(fun):
            raise TypeError(f"primitive: expected a function, found {type(fun).__name__}")
        named = getattr(fun, "func", fun)  # a functools.partial has no name of its own
        self.fun = fun
        self.__name__ = name or getattr(named, "__name__", type(fun).__name__)  # in errors and pictures
        self.__qualname__ = getattr(named, "__qualname__", self.__name__)
        self.__doc__ = fun.__doc__
        self.__module__ = getattr(named, "__module__", None) or __name__
        self.__wrapped__ = fun
        self.__signature__ = signature_of(fun, letters_of(fun))
        self.row: Row | None = None
        self.forms: dict[Any, Any] = {}  # those of the row

    def __repr__(self) -> str:
        return f"<primitive {self.__name__}>"

    def __reduce__(self) -> str:
        return str(self.__qualname__)  # like a function, it is copied as itself and pickled by name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for a in args:
            if hasattr(a, "_node"):
                form = self.forms.get((len(args), *kwargs) if kwargs else len(args))
                result = form(*args, **kwargs) if form else NotImplemented
                return a.__array_function__(self, (type(a),), args, kwargs) if result is NotImplemented else result
        for a in (*args, *kwargs.values()):
            for e in a if isinstance(a, (list, tuple)) else (a,):
                if hasattr(e, "_node"):
                    return e.__array_function__(self, (type(e),), args, kwargs)
        return self.fun(*args, **kwargs)

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)  # a method, as a function would be

    def defvjp(self, *rules: Callable[..., Any] | None, diff: Any = None, **options: Any) -> None:
        """One rule (ct, residuals...) -> cotangent for each differentiable argument, in order; None for another.

        The names of a rule's further parameters say what is kept: the operation's own parameters, `out`, or
        `<name>_shape`. Rules are plain NumPy, so that they can be differentiated again.

        `aux`, a pair of functions, saves a rule what the operation computes on the way: the first is the operation,
        and returns (out, aux); the second computes the aux alone, from arguments that its parameters name.
        """
        if None in rules and diff is None:
            diff, rules = self._given_to(rules)
        if not rules or not all(map(callable, rules)):
            found = ", ".join(type(rule).__name__ for rule in rules) or "none"
            raise TypeError(
                f"{self.__name__}: defvjp: found {found}; expected one function a differentiable argument, "
                "as in lambda ct, x: ..."
            )
        for k, rule in enumerate(rules):
            refuse_rule(self, k, rule, len(rules), options.get("joint", False))
        fun, recompute = options.pop("aux", (self.fun, None))
        self._enter(fun, rules, dict(options, diff=diff, name=self.__name__, recompute=recompute))

    def _enter(self, fun: Callable[..., Any], rules: tuple[Any, ...], options: dict[Any, Any]) -> None:
        self._given = fun, rules, options
        enter(self, Row(fun, rules, **{"signature": letters_of(fun)} | options))

    def _given_to(self, rules: tuple[Any, ...]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """The arguments that have a rule which is not None, and those rules."""
        named = [(name, rule) for name, rule in zip(self.__signature__.parameters, rules) if rule is not None]
        return tuple(name for name, _ in named), tuple(rule for _, rule in named)

    def defjvp(self, *rules: Callable[..., Any] | None) -> None:
        """One rule (t, residuals...) -> tangent an argument; without it the vjp is transposed.

        Without defvjp the rules are all that there is: reverse mode transposes them, if they are plain NumPy.
        """
        if self.row is None:
            diff, given = self._given_to(rules)
            if not given or not all(map(callable, given)):
                raise TypeError(f"{self.__name__}: defjvp: expected one function a differentiable argument")
            residuals = tuple(tuple(dict.fromkeys((name, *names_of(rule)))) for name, rule in zip(diff, given))
            backward = tuple(backward_of(rule, str(self.__name__), names) for rule, names in zip(given, residuals))
            options = {"diff": diff, "residuals": residuals, "name": self.__name__, "jvps": given}
            return self._enter(self.fun, backward, options)
        rules = tuple(rule for rule in rules if rule is not None)
        fun, rules_back, options = self._given
        if len(rules) != len(rules_back):
            raise TypeError(f"{self.__name__}: found {len(rules)} jvp rules; expected {len(rules_back)}, as in defvjp")
        self._enter(fun, rules_back, options | {"jvps": rules})


GIVEN = ("out", "tracked", "aux")  # what a rule may ask for besides the operation's own parameters


def refuse_rule(made: Primitive, k: int, rule: Any, count: int, joint: bool) -> None:
    """Raise where a rule cannot be one of this operation: one too many, another library's, asking for the unknown."""
    code = getattr(rule, "__code__", None)
    parameters = made.__signature__.parameters
    own = tuple(parameters)
    if count > len(own) and not joint and all(p.kind is not p.VAR_POSITIONAL for p in parameters.values()):
        raise TypeError(f"{made.__name__}: defvjp: found {count} rules; expected one for each of {', '.join(own)}")
    if code is None or code.co_flags & 0x0C:  # a builtin, or *args
        return
    names = code.co_varnames[: code.co_argcount]
    where = f"{made.__name__}: defvjp: rule {k + 1}, ({', '.join(names)})"
    form = "as in lambda ct, x: ..."
    if not names:
        raise TypeError(f"{where}, takes nothing; expected the cotangent, {form}")
    if names[0] in ("ans", "ctx"):
        theirs = "HIPS autograd's, lambda ans, x: lambda g: ..." if names[0] == "ans" else "PyTorch's, backward(ctx, g)"
        asks = next((n for n in names[1:] if not known(n, own)), names[0])
        raise TypeError(f"{where}, asks for {asks!r}: it has the form of {theirs}; here a rule is one function, {form}")
    if names[0] in own and names[0] != "ct" and any(n in ("ct", "g", "dout", "grad_output") for n in names[1:]):
        raise TypeError(f"{where}: the cotangent comes first, {form}")
    unknown = [n for n in names[1:] if not known(n, own)]
    if unknown and not rule.__defaults__:
        it_has = ", ".join((*own, *GIVEN))
        raise TypeError(f"{where}: a rule asks for {unknown[0]!r}; it can have {it_has}, or <name>_shape")


def known(name: str, own: tuple[str, ...]) -> bool:
    """Whether a rule may ask for something of this name."""
    return name in own or name in GIVEN or name.removesuffix("_shape") in own


def letters_of(fun: Callable[..., Any]) -> str | None:
    """The arguments of a ufunc, which does not tell: x, y and so on."""
    return ", ".join("xyzuvwabcdefgh"[: fun.nin]) if isinstance(fun, np.ufunc) else None


def backward_of(rule: Callable[..., Any], name: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """The pullback that a forward rule implies: the rule is linear in its tangent, and is transposed.

    It is given the residuals `names`, the operand first.
    """
    refusal = f"{name}: its forward rule leaves NumPy, so that only defvjp can give a gradient"

    def pull(ct: Any, *saved: Any) -> Any:
        operand, named = saved[0], dict(zip(names, saved))
        shape = np.shape(array_of(operand))
        slot = Leaf(shape, array_of(operand).dtype)
        try:
            with setting(recording=True):
                out = rule(wrap(np.zeros(shape, slot.dtype), slot), *[named[n] for n in names_of(rule)])
        except TypeError as error:
            raise NotDifferentiable(refusal) from error
        if not hasattr(out, "_node") or not out._node.tracked:
            raise NotDifferentiable(refusal)
        lift = wrap if any(hasattr(a, "_node") for a in (ct, *saved)) else None
        found = pullback(out._node, ct.conjugate(), wanted=[slot], lift=lift)
        return found[slot].conjugate() if slot in found else np.zeros(shape, slot.dtype)

    return pull


@overload
def primitive(fun: Callable[..., Any], *, name: str | None = None) -> Primitive: ...
@overload
def primitive(fun: None = None, *, name: str | None = None) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(fun: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """Make a function of arrays an operation of the tape; give it its derivative with `defvjp`.

    `name` is what errors and pictures call it, by default the function's own.

    >>> @primitive
    ... def cube(x):
    ...     return x * x * x
    >>> cube.defvjp(lambda ct, x: ct * 3 * x * x)
    >>> import tinygrad_np as tg
    >>> tg.grad(tg.grad(cube))(2.0).item()
    12.0
    """
    return (lambda fun: Primitive(fun, name)) if fun is None else Primitive(fun, name)

"""vjp, jvp and what is made of them: a function runs once on tensors, and its tape is walked, to any order.

A transform runs the function once on tensors and then walks the tape. Inside another transform the walk records
itself, so transforms nest; outside, plain ndarrays come back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, overload

import numpy as np

from ..engine.modes import ORDINARY, TRANSFORMED, Mode, current, mode
from ..engine.operation import NotDifferentiable
from ..engine.recording import TENSORS, unwrap, wrap
from ..engine.rules import Row, Undetermined
from ..engine.seen import see_leaf
from ..engine.signatures import Parameters, Result
from ..engine.tape import SMALL, Const, Leaf, Node, Variable, new_node, pullback, pushforward, silent_pullback, together
from ..engine.tensor import Tensor, lift
from .arguments import Chosen, Names, Numbers, require_function
from .containers import LEAF_TYPES, first, flatten
from .labelled import require_array

IDENTITY = Row(lambda x: x, (lambda ct: ct,), name="input")


# ---- tracing ----------------------------------------------------------------------------------------------


def fresh(value: Any, where: str, caller: str) -> Tensor:
    """A new variable at the value of a primal: a leaf, or an identity on top of an outer variable."""
    if isinstance(value, Tensor) and value._node.tracked:
        node = new_node(IDENTITY, (value._node,), ((),), value.shape, value.dtype)
        return wrap(value._array, node)
    if type(value) not in LEAF_TYPES:
        require_array(value, f"argument{where}", caller)
        value = unwrap(value)
    array = np.array(value)
    if array.dtype.kind not in "fc":
        such = float(array.flat[0]) if array.size and array.dtype.kind in "iub" else "an array of floats"
        raise TypeError(
            f"{caller}: the argument{where} is {array.dtype} data; expected floating or complex numbers, such as {such}"
        )
    variable = wrap(array, Variable(array.shape, array.dtype))
    if array.size <= SMALL:
        variable._node.value = array  # a trace holds it, so that what f assigns to is a copy
    else:
        see_leaf(variable)
    return variable


derivatives_taken: ContextVar[int] = ContextVar("tinygrad_np.derivatives_taken", default=0)


class Trace:
    """One run of a function on fresh variables: its output, and whether walks over it must be recorded."""

    def __init__(self, f: Callable[..., Any], primals: tuple[Any, ...], caller: str, has_aux: bool = False) -> None:
        require_function(caller, f)
        now = current()
        leaves, paths, self.rebuild = flatten(primals, passing=True)
        self.outer = now.transforms > 0 or any([type(v) in TENSORS and v._node.tracked for v in leaves])
        before = derivatives_taken.set(0)
        outside = mode.set(TRANSFORMED if now is ORDINARY else Mode(True, now.watch, now.transforms + 1, now.order))
        try:
            self.variables = [fresh(v, path, caller) for v, path in zip(leaves, paths)]
            out = f(*self.rebuild([wrap(v._array, v._node) for v in self.variables]))  # which f may assign to
            self.order = derivatives_taken.get() + 1
        finally:
            mode.reset(outside)
            derivatives_taken.reset(before)
        self.aux = None
        if has_aux:
            if not isinstance(out, tuple) or len(out) != 2:
                raise TypeError(
                    f"{caller}: with has_aux the function returns (output, aux); found {type(out).__name__}"
                )
            out, aux = out
            self.aux = self.given_back(aux)
        self.rebuild_out: Callable[..., Any]
        self.outs, paths, self.rebuild_out = flatten(out) if type(out) not in TENSORS else ([out], [""], first)
        for value, path in zip(self.outs, paths):
            if type(value) in TENSORS:
                continue
            require_array(value, f"result{path}", caller)
            dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
            if dtype.kind not in "biufc":  # such as None, where a return was forgotten
                raise TypeError(
                    f"{caller}: the function returned a {type(value).__name__}{path and ' at ' + path}; "
                    "expected arrays or numbers"
                )

    def give(self, value: Any) -> Any:
        """A value as the caller gets it: a Tensor inside an outer transform, a plain ndarray otherwise."""
        if not isinstance(value, Tensor):
            return value
        return value if self.outer else np.array(value._array)

    def given_back(self, tree: Any) -> Any:
        leaves, _, rebuild = flatten(tree)
        return rebuild([self.give(v) for v in leaves])

    def output(self) -> Any:
        return self.rebuild_out([self.give(v) for v in self.outs])

    def pull(self, cts: list[Any]) -> list[Any]:
        """The cotangents of the variables for those of the outputs."""
        nodes = [v._node for v in self.variables]
        given = [
            (out._node, ct)
            for out, ct in zip(self.outs, cts)
            if ct is not None and type(out) in TENSORS and out._node.tracked
        ]
        root, total_ct = (
            given[0] if len(given) == 1 else (together(node for node, _ in given), tuple(ct for _, ct in given))
        )
        outside = self.differentiating(recording=self.outer)
        try:
            total = silent_pullback(root, total_ct, wanted=nodes, lift=lift if self.outer else None)
        finally:
            mode.reset(outside)
        return [self.owned(total[v._node]) if v._node in total else np.zeros(v.shape, v.dtype) for v in self.variables]

    def differentiating(self, recording: bool) -> Token[Mode | None]:
        """Enter the mode of a walk over the tape: what it records is of a higher order than what was computed."""
        if self.order > derivatives_taken.get():
            derivatives_taken.set(self.order)
        now = current()
        return mode.set(Mode(recording, now.watch, now.transforms, self.order))

    def owned(self, g: Any) -> Any:
        return self.give(g) if type(g) in TENSORS else np.array(g)

    def push(self, tangents: list[Any]) -> list[Any]:
        """The tangents of the outputs for those of the variables."""
        roots = [out._node if isinstance(out, Tensor) else Const() for out in self.outs]
        given = {v._node: t for v, t in zip(self.variables, tangents)}
        with np.errstate(all="ignore"):
            outside = self.differentiating(recording=True)
            try:
                dots = pushforward(roots, given, lift if self.outer else plain_arrays)
            except Undetermined:
                dots = [transposed(root, given) if root.tracked else None for root in roots]
            finally:
                mode.reset(outside)
        return [
            np.zeros(np.shape(unwrap(out)), getattr(out, "dtype", None)) if dot is None else self.owned(dot)
            for out, dot in zip(self.outs, dots)
        ]


def plain_arrays(array: Any, node: Node) -> Any:
    """A residual as it is: what is computed with it is of the first order, so that rules get plain arrays."""
    return array


plain_arrays.recorded = lift  # type: ignore[attr-defined] # for an operation that has no rule but its pullback's


def transposed(root: Node, given: dict[Any, Any]) -> Any:
    """The tangent of `root` as the transpose of its whole pullback, for where one operation alone cannot tell.

    A cotangent without symmetries stands for all: a rule that refuses some cotangents refuses this one.
    """
    generic = np.random.default_rng(0).normal(size=(2, *root.shape))
    slot = Leaf(root.shape, root.dtype)
    ct = lift(generic[0].astype(root.dtype) if root.dtype.kind != "c" else generic[0] + 1j * generic[1], slot)
    total = None
    for node, g in pullback(root, ct, wanted=list(given), lift=lift).items():
        if hasattr(g, "_node"):
            found = pullback(g._node, given[node], wanted=[slot], lift=lift).get(slot)
            total = found if total is None else total if found is None else total + found
    return total


def matched(trees: Any, like: list[Any], caller: str, what: str) -> list[Any]:
    """Flat tangents or cotangents, checked against the tensors they belong to."""
    leaves, paths, _ = flatten(trees, passing=True)
    if len(leaves) != len(like):
        raise ValueError(f"{caller}: found {len(leaves)} {what}; expected {len(like)}, one for each array")
    checked = []
    for value, path, x in zip(leaves, paths, like):
        value = value if isinstance(value, Tensor) else np.asarray(value)
        if value.shape != np.shape(unwrap(x)):
            raise ValueError(
                f"{caller}: found a {what.rstrip('s')}{path} of shape {value.shape}; expected {np.shape(unwrap(x))}"
            )
        dtype = getattr(x, "dtype", value.dtype)
        if value.dtype.kind == "c" and dtype.kind != "c":
            raise TypeError(f"{caller}: found a complex {what.rstrip('s')}{path} for {dtype} data")
        checked.append(value if value.dtype == dtype else value.astype(dtype))
    return checked


# ---- the transforms ---------------------------------------------------------------------------------------


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return f(*primals) and the pullback: a cotangent of the output -> a tuple of cotangents, one a primal.

    Shapes and dtypes of cotangents are those of what they belong to. The pullback may be called many times.

    >>> out, pullback = vjp(lambda x: x * x, np.array([1.0, 3.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 60.]),)
    """
    trace = Trace(f, primals, "vjp")

    def pull_back(ct: Any) -> tuple[Any, ...]:
        return trace.rebuild(trace.pull(matched(ct, trace.outs, "pullback", "cotangents")))

    return trace.output(), pull_back


def jvp(f: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return f(*primals) and its derivative along `tangents`: ẏ = J ẋ.

    >>> jvp(np.sin, (np.array(0.0),), (np.array(2.0),))
    (array(0.), array(2.))
    """
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"jvp: {what}: expected a tuple with one entry an argument, found {type(given).__name__}")
    trace = Trace(f, tuple(primals), "jvp")
    dots = trace.push(matched(tuple(tangents), trace.variables, "jvp", "tangents"))
    return trace.output(), trace.rebuild_out(dots)


@overload
def value_and_grad(f: np.ufunc, *choice: Any, **options: Any) -> Callable[..., Any]: ...
@overload
def value_and_grad(
    f: Callable[Parameters, Result],
    argnums: Numbers = None,
    has_aux: bool = False,
    *,
    argnum: Numbers = None,
    argnames: Names = None,
    holomorphic: bool = False,
) -> Callable[Parameters, tuple[Result, Any]]: ...
def value_and_grad(
    f: Callable[Parameters, Result],
    argnums: Numbers = None,
    has_aux: bool = False,
    *,
    argnum: Numbers = None,
    argnames: Names = None,
    holomorphic: bool = False,
) -> Callable[Parameters, tuple[Result, Any]]:
    """A function that returns f(...) and the gradient of that one number with respect to the chosen arguments.

    The arguments are chosen by `argnums` (or `argnum`) and `argnames`; the first, where neither is given. With
    `has_aux`, f returns (value, aux) and so does the first result. The gradient has the containers, shapes and dtypes
    of the arguments. With `holomorphic`, f is an analytic function of complex numbers, and its derivative f' comes
    back.

    >>> value_and_grad(lambda w: (w["a"] ** 2).sum())({"a": np.array([1.0, 2.0])})
    (array(5.), {'a': array([2., 4.])})
    >>> value_and_grad(lambda x, y: x * y, argnames="y")(2.0, y=3.0)[1]
    array(2.)
    """
    run = differentiated(f, (argnums, argnum, argnames), has_aux, holomorphic)

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        trace, g = run(args, kwargs)
        value = trace.output()
        return (value, trace.aux) if has_aux else value, g

    value_and_gradient.__wrapped__ = f  # type: ignore[attr-defined] # whose signature it has
    return value_and_gradient


FLOAT = np.dtype(float)


def differentiated(
    f: Callable[..., Any], choice: tuple[Numbers, Numbers, Names], has_aux: bool, holomorphic: bool
) -> Callable[[tuple[Any, ...], dict[str, Any]], tuple[Trace, Any]]:
    """A function of f's arguments that runs f, which returns one number, and pulls 1 back: the trace, the gradient."""
    if hasattr(f, "_node"):
        raise TypeError(
            "grad: found a tensor; expected a function, as in grad(f)(x); loss.backward() fills the grad of the leaves"
        )
    require_function("grad", f)
    chosen = Chosen("grad", *choice)

    def run(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Trace, Any]:
        g, primals, give = chosen.select(f, args, kwargs)
        trace = Trace(g, primals, "grad", has_aux)
        out: Any = trace.outs[0] if len(trace.outs) == 1 else None
        shape = out._array.shape if type(out) in TENSORS else np.shape(out) if out is not None else None
        if shape != () and (shape is None or math.prod(shape) != 1):
            found = [np.shape(unwrap(out)) for out in trace.outs]
            raise ValueError(
                f"grad: the function returned shape {found[0] if len(found) == 1 else found}; expected "
                "one number: reduce it, as with .sum(), or use jacobian or vjp"
            )
        dtype = getattr(out, "dtype", FLOAT if type(out) is not bool else np.dtype(bool))
        if dtype.kind == "b":
            raise TypeError("grad: the function returned True or False; expected a number")
        if holomorphic:
            gs = complex_derivative(trace, np.ones(np.shape(unwrap(out)), np.result_type(dtype, np.complex64)))
        elif dtype.kind == "c":
            raise TypeError(
                "grad: the function returned a complex number; take its real part or abs, use vjp, or pass "
                "holomorphic=True if it is analytic"
            )
        else:
            one = np.array(1, dtype)
            gs = trace.pull([one if shape == () else one.reshape(shape)])
        return trace, give(trace.rebuild(gs))

    return run


def complex_derivative(trace: Trace, one: np.ndarray) -> list[Any]:
    """f' of an analytic function of complex numbers: its pullback multiplies by the conjugate of it, i as well as 1."""
    if (
        any(v.dtype.kind != "c" for v in trace.variables)
        or getattr(trace.outs[0], "dtype", np.dtype(float)).kind != "c"
    ):
        raise TypeError("grad: holomorphic=True: expected complex arguments and a complex result, found real ones")
    gs, turned = trace.pull([one]), trace.pull([one * 1j])
    for g, h in zip(map(unwrap, gs), map(unwrap, turned)):
        tolerance = np.finfo(g.dtype).eps ** 0.4 * np.max(np.abs(g), initial=0)
        if np.max(np.abs(h - 1j * g), initial=0) > tolerance:
            raise NotDifferentiable(
                "grad: holomorphic=True, and the function is not: use vjp, or real and imaginary parts"
            )
    return [np.conjugate(g) for g in gs]


@overload
def grad(f: np.ufunc, *choice: Any, **options: Any) -> Callable[..., Any]: ...
@overload
def grad(
    f: Callable[Parameters, Any],
    argnums: Numbers = None,
    has_aux: bool = False,
    *,
    argnum: Numbers = None,
    argnames: Names = None,
    holomorphic: bool = False,
) -> Callable[Parameters, Any]: ...
def grad(
    f: Callable[Parameters, Any],
    argnums: Numbers = None,
    has_aux: bool = False,
    *,
    argnum: Numbers = None,
    argnames: Names = None,
    holomorphic: bool = False,
) -> Callable[Parameters, Any]:
    """A function that returns the gradient of f, which returns one number; with `has_aux`, (gradient, aux).

    >>> grad(grad(lambda x: x ** 3))(2.0)
    array(12.)
    >>> grad(lambda z: z ** 2, holomorphic=True)(1 + 2j).item()
    (2+4j)
    """
    run = differentiated(f, (argnums, argnum, argnames), has_aux, holomorphic)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        trace, g = run(args, kwargs)
        return (g, trace.aux) if has_aux else g

    gradient.__wrapped__ = f  # type: ignore[attr-defined]
    return gradient

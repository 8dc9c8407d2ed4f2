"""Whole Jacobians and Hessians, built from one pass a row or a column, whichever are fewer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from ..engine.operation import NotDifferentiable
from ..engine.recording import unwrap
from ..engine.signatures import Parameters
from .arguments import Chosen, Names, Numbers, require_function
from .trace import Trace, grad, jvp


@overload
def jacobian(f: np.ufunc, *choice: Any, **options: Any) -> Callable[..., Any]: ...
@overload
def jacobian(
    f: Callable[Parameters, Any],
    argnums: Numbers = None,
    *,
    argnum: Numbers = None,
    argnames: Names = None,
    mode: str | None = None,
    holomorphic: bool = False,
) -> Callable[Parameters, Any]: ...
def jacobian(
    f: Callable[Parameters, Any],
    argnums: Numbers = None,
    *,
    argnum: Numbers = None,
    argnames: Names = None,
    mode: str | None = None,
    holomorphic: bool = False,
) -> Callable[Parameters, Any]:
    """A function that returns ∂f/∂x of shape out.shape + x.shape, for arrays nested in containers on either side.

    For containers the result is the output's container, each array in it replaced by the argument's container.
    Reverse mode takes a pass an output element, forward mode a pass an input element: the fewer are taken, unless
    `mode` is "reverse" or "forward". Of complex arguments the Jacobian is that of an analytic function, and another is
    refused, with `holomorphic` or without; `holomorphic=True` also refuses real arguments, as in JAX.

    >>> jacobian(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """
    if mode not in (None, "forward", "reverse"):
        raise ValueError(f"jacobian: found mode={mode!r}; expected 'forward', 'reverse' or None")
    require_function("jacobian", f)
    chosen = Chosen("jacobian", argnums, argnum, argnames)

    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        g, primals, give = chosen.select(f, args, kwargs)
        trace = Trace(g, primals, "jacobian")
        shapes = [np.shape(unwrap(out)) for out in trace.outs]
        rows, columns = sum(map(size, shapes)), sum(v.size for v in trace.variables)
        are_complex = [getattr(a, "dtype", np.dtype(float)).kind == "c" for a in (*trace.outs, *trace.variables)]
        if holomorphic and not all(are_complex):
            raise TypeError("jacobian: holomorphic=True: expected complex arguments and results, found real ones")
        if any(are_complex):
            blocks = of_complex(trace, shapes)
        else:
            forward = columns < rows if mode is None else mode == "forward"
            blocks = by_columns(trace, shapes) if forward else by_rows(trace, shapes)
        return trace.rebuild_out([give(trace.rebuild(row)) for row in blocks])

    return jacobian_of_f


@overload
def jacfwd(f: np.ufunc, *choice: Any, **options: Any) -> Callable[..., Any]: ...
@overload
def jacfwd(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]: ...
def jacfwd(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]:
    """The Jacobian by forward mode, a pass an input element.

    >>> jacfwd(np.sin)(np.zeros(1))
    array([[1.]])
    """
    return jacobian(f, argnums, argnum=argnum, argnames=argnames, mode="forward")


@overload
def jacrev(f: np.ufunc, *choice: Any, **options: Any) -> Callable[..., Any]: ...
@overload
def jacrev(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]: ...
def jacrev(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]:
    """The Jacobian by reverse mode, a pass an output element.

    >>> jacrev(np.sin)(np.zeros(1))
    array([[1.]])
    """
    return jacobian(f, argnums, argnum=argnum, argnames=argnames, mode="reverse")


def size(shape: tuple[Any, ...]) -> int:
    return math.prod(shape)


def units(shape: tuple[Any, ...], dtype: Any) -> Any:
    """Each array of `shape` that is one at one place and zero elsewhere."""
    for i in range(size(shape)):
        unit = np.zeros(size(shape), dtype)
        unit[i] = 1
        yield unit.reshape(shape)


def by_rows(trace: Trace, shapes: list[Any]) -> list[list[Any]]:
    """The blocks [output][variable], a pullback an output element."""
    blocks = []
    for k, (out, shape) in enumerate(zip(trace.outs, shapes)):
        found = [
            trace.pull([unit if j == k else None for j in range(len(shapes))])
            for unit in units(shape, getattr(out, "dtype", float))
        ]
        blocks.append(
            [stacked([row[i] for row in found], shape + v.shape, v.dtype, 0) for i, v in enumerate(trace.variables)]
        )
    return blocks


def by_columns(trace: Trace, shapes: list[Any], direction: Any = 1) -> list[list[Any]]:
    """The blocks [output][variable], a pushforward an input element."""
    columns = []
    for k, variable in enumerate(trace.variables):
        columns.append(
            [
                trace.push(
                    [unit * direction if j == k else np.zeros(v.shape, v.dtype) for j, v in enumerate(trace.variables)]
                )
                for unit in units(variable.shape, variable.dtype)
            ]
        )
    return [
        [
            stacked([dots[j] for dots in columns[i]], shape + v.shape, getattr(out, "dtype", float), -1)
            for i, v in enumerate(trace.variables)
        ]
        for j, (out, shape) in enumerate(zip(trace.outs, shapes))
    ]


def of_complex(trace: Trace, shapes: list[Any]) -> list[list[Any]]:
    """The same where numbers are complex: a derivative in the complex sense, so J(i u) must be i J(u)."""
    blocks = by_columns(trace, shapes)
    if any(v.dtype.kind == "c" for v in trace.variables):
        if not all(v.dtype.kind == "c" for v in trace.variables):
            raise TypeError("jacobian: found real and complex arguments together; take them one by one with argnums")
        for row, turned in zip(blocks, by_columns(trace, shapes, 1j)):
            for block, other in zip(map(unwrap, row), map(unwrap, turned)):
                tolerance = np.finfo(block.dtype).eps ** 0.4  # rounding alone; what is not holomorphic is far off
                if np.max(np.abs(other - 1j * block), initial=0) > tolerance * np.max(np.abs(block), initial=0):
                    raise NotDifferentiable(
                        "jacobian: the function is not holomorphic, so it has no complex Jacobian; "
                        "write it in real and imaginary parts, or use vjp"
                    )
    return blocks


def stacked(parts: list[Any], shape: tuple[Any, ...], dtype: Any, axis: int) -> Any:
    """The parts along a new first or last axis, that axis then unfolded to give `shape`."""
    return np.reshape(np.stack(parts, axis), shape) if parts else np.zeros(shape, dtype)


def hessian(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]:
    """A function that returns ∂²f/∂x∂x of shape x.shape + x.shape for an f that returns one number.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    chosen: dict[str, Any] = {"argnum": argnum, "argnames": argnames}
    return jacobian(grad(f, argnums, **chosen), argnums, **chosen)


def hessian_diag(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]:
    """A function that returns the diagonal of the Hessian of f, in the shape of the argument: a pass an element.

    >>> hessian_diag(lambda x: (x ** 3).sum())(np.array([1.0, 3.0]))
    array([ 6., 18.])
    """
    chosen = Chosen("hessian_diag", argnums, argnum, argnames)

    def diagonal(*args: Any, **kwargs: Any) -> Any:
        g, primals, give = chosen.select(f, args, kwargs)
        many = tuple(range(len(primals)))
        trace = Trace(grad(g, many), primals, "hessian_diag")
        zeros = [np.zeros(v.shape, v.dtype) for v in trace.variables]
        found = []
        for i, v in enumerate(trace.variables):
            parts = [
                np.sum(trace.push([*zeros[:i], unit, *zeros[i + 1 :]])[i] * unit) for unit in units(v.shape, v.dtype)
            ]
            found.append(stacked(parts, v.shape, v.dtype, 0))
        return give(trace.rebuild(found))

    return diagonal


def hvp(f: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """The Hessian of f, which returns one number, times `tangents`, without the Hessian: forward over reverse.

    One primal gives one array (or container); several give a tuple.

    >>> hvp(lambda x: x[0] ** 2 * x[1], (np.array([1.0, 3.0]),), (np.array([1.0, 0.0]),))
    array([6., 2.])
    """
    if not isinstance(primals, (tuple, list)):
        raise TypeError(f"hvp: primals: expected a tuple with one entry an argument, found {type(primals).__name__}")
    numbers = tuple(range(len(primals)))
    return jvp(grad(f, numbers if len(numbers) > 1 else 0), tuple(primals), tuple(tangents))[1]

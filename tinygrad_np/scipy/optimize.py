"""scipy.optimize over nested parameters: derivatives come from the tape, and solutions are differentiable in `args`.

>>> import tinygrad_np as tg
>>> best = minimize(lambda p, a: (p["x"] - a) ** 2 + p["y"] ** 4, {"x": 0.0, "y": 0.1}, args=(3.0,))
>>> round(float(best.x["x"]), 6)
3.0
>>> round(float(tg.grad(lambda a: minimize(lambda x, a: (x - a**2) ** 2, 0.0, args=(a,)).x)(3.0)), 6)
6.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize as so

from ..engine.arrays import array_of
from ..engine.recording import is_tracked
from ..transforms.containers import flatten
from ..transforms.jacobians import hessian, hvp, jacobian
from ..transforms.ravel import ravel
from ..transforms.trace import grad, value_and_grad, vjp
from .implicit import fixed_point as fixed_point
from .implicit import implicit_root as implicit_root
from .implicit import refuse_captured

__all__ = ["minimize", "root", "least_squares", "implicit_root", "fixed_point"]

BY_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")  # methods that take H v
BY_MATRICES = ("dogleg", "trust-exact")  # and those that take H


def flat_start(x0: Any) -> tuple[np.ndarray, Callable]:
    """A start as a vector without history, of floating numbers, and what makes containers of vectors.

    A list of numbers is one vector, as for SciPy; nested parameters may be lists of arrays.
    """
    numbers = isinstance(x0, (list, tuple)) and all(isinstance(x, (int, float, complex, np.number)) for x in x0)
    flat, unravel = ravel(np.array(x0) if numbers else x0)
    flat = np.array(array_of(flat))
    return (flat if flat.dtype.kind in "fc" else flat.astype(float)), unravel


def solved(run: Callable, residual: Callable, args: tuple, linear_solve: Callable | None) -> Any:
    """The result of `run`, whose x is differentiable in `args`: there the residual is zero."""
    results: list = []

    def solve(*given):
        results.append(run(*given))
        return results[-1].x

    x = implicit_root(residual, solve, linear_solve)(*args)
    result = results[0]
    result.x = x
    return result


def minimize(
    fun: Callable,
    x0: Any,
    args: tuple = (),
    method: str | None = None,
    *,
    linear_solve: Callable | None = None,
    **options: Any,
) -> so.OptimizeResult:
    """scipy.optimize.minimize of fun(x, *args), which returns one number; x is nested as x0.

    The gradient, and what of the Hessian a method asks for, come from the tape. The result's x is differentiable in
    `args` where it is a stationary point: `bounds` and `constraints` are refused with a tracked argument.
    """
    args = args if isinstance(args, tuple) else (args,)
    start, unravel = flat_start(x0)
    name = (method or "").lower() if isinstance(method, str) or method is None else ""
    if any(options.get(word) is not None for word in ("bounds", "constraints")) and tracked(args):
        raise TypeError("minimize: a solution within bounds or constraints is not differentiable here")

    def run(*given):
        refuse_captured("minimize", fun(unravel(start), *given))

        def of_vector(v):
            return fun(unravel(v), *given)

        more = dict(options)
        if name in BY_PRODUCTS and "hess" not in more:
            more.setdefault("hessp", lambda v, p: hvp(of_vector, (v,), (np.asarray(p, v.dtype),)))
        if name in BY_MATRICES:
            more.setdefault("hess", hessian(of_vector))
        both = value_and_grad(of_vector)

        def value_and_slope(v):
            value, slope = both(v)
            return value.item(), np.asarray(slope, float)

        result = so.minimize(value_and_slope, start, method=method, jac=True, **more)
        result.x = unravel(result.x.astype(start.dtype, copy=False))
        return result

    return solved(run, lambda x, *given: grad(fun)(x, *given), args, linear_solve)


def root(
    fun: Callable,
    x0: Any,
    args: tuple = (),
    method: str = "hybr",
    *,
    linear_solve: Callable | None = None,
    **options: Any,
) -> so.OptimizeResult:
    """scipy.optimize.root of fun(x, *args) = 0, with its Jacobian; x is nested as x0, and differentiable in `args`.

    >>> import tinygrad_np as tg
    >>> round(float(tg.grad(lambda a: root(lambda x, a: x**3 - a, 1.0, args=(a,)).x)(8.0)), 6)
    0.083333
    """
    args = args if isinstance(args, tuple) else (args,)
    start, unravel = flat_start(x0)

    def run(*given):
        refuse_captured("root", fun(unravel(start), *given))

        def of_vector(v):
            return np.asarray(ravel(fun(unravel(v), *given))[0])

        jac = jacobian(lambda v: ravel(fun(unravel(v), *given))[0]) if method in ("hybr", "lm") else None
        result = so.root(of_vector, start, method=method, jac=jac, **options)
        result.x = unravel(result.x.astype(start.dtype, copy=False))
        return result

    return solved(run, fun, args, linear_solve)


def least_squares(
    fun: Callable, x0: Any, args: tuple = (), *, linear_solve: Callable | None = None, **options: Any
) -> so.OptimizeResult:
    """scipy.optimize.least_squares of the numbers fun(x, *args), with their Jacobian; x is nested as x0.

    The result's x is differentiable in `args`, where no `bounds` are given and `loss` is linear.

    >>> t, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    >>> fit = least_squares(lambda p: p["a"] + p["b"] * t - y, {"a": 0.0, "b": 0.0})
    >>> round(float(fit.x["b"]), 6)
    2.0
    """
    args = args if isinstance(args, tuple) else (args,)
    start, unravel = flat_start(x0)
    if (options.get("bounds") is not None or options.get("loss", "linear") != "linear") and tracked(args):
        raise TypeError("least_squares: a solution within bounds, or of another loss, is not differentiable here")

    def run(*given):
        refuse_captured("least_squares", fun(unravel(start), *given))

        def of_vector(v):
            return ravel(fun(unravel(v), *given))[0]

        result = so.least_squares(lambda v: np.asarray(of_vector(v)), start, jac=jacobian(of_vector), **options)
        result.x = unravel(result.x.astype(start.dtype, copy=False))
        return result

    def slope(x, *given):
        out, pullback = vjp(lambda x: fun(x, *given), x)
        return pullback(out)[0]

    return solved(run, slope, args, linear_solve)


def tracked(args: tuple) -> bool:
    """Whether a gradient flows through an argument."""
    return any(is_tracked(leaf) for leaf in flatten(args, passing=True)[0])


def __dir__() -> list[str]:
    return sorted(__all__)

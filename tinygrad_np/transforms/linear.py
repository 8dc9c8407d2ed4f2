"""A function's derivative at a point as a linear map that is applied many times, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from ..engine.recording import unwrap
from ..engine.signatures import Parameters
from .arguments import Chosen, Names, Numbers
from .ravel import ravel
from .trace import Trace, grad, jvp, matched, vjp


class LinearMap:
    """The derivative of a function at a point: `map(*tangents)`, and `map.transpose(cotangent)`.

    Over vectors of all numbers of the arguments and of the output it is a matrix, of `shape` and `dtype`, by which
    `map.matvec(u)` and `map.rmatvec(v)` (its conjugate transpose) multiply: SciPy takes it wherever it takes a
    LinearOperator, by scipy.sparse.linalg.aslinearoperator.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._sizes = [v.size for v in trace.variables], [np.size(unwrap(out)) for out in trace.outs]
        self.shape = sum(self._sizes[1]), sum(self._sizes[0])
        dtypes = [getattr(a, "dtype", np.dtype(float)) for a in (*trace.variables, *trace.outs)]
        self.dtype = np.result_type(*dtypes) if dtypes else np.dtype(float)

    def __call__(self, *tangents: Any) -> Any:
        """J u for tangents, one an argument: of the output's containers, shapes and dtypes."""
        trace = self._trace
        return trace.rebuild_out(trace.push(matched(tangents, trace.variables, "linearize", "tangents")))

    def transpose(self, ct: Any) -> tuple[Any, ...]:
        """Jᵀ v (the pullback) for a cotangent of the output: a tuple, one an argument."""
        trace = self._trace
        return trace.rebuild(trace.pull(matched(ct, trace.outs, "linearize", "cotangents")))

    def matvec(self, u: Any) -> Any:
        """The matrix times a vector."""
        trace = self._trace
        us = self._split(u, 0, trace.variables)
        return ravel(trace.push(us))[0]

    def rmatvec(self, v: Any) -> Any:
        """The conjugate transpose of the matrix times a vector."""
        trace = self._trace
        return ravel(trace.pull(self._split(v, 1, trace.outs)))[0]

    def _split(self, vector: Any, side: int, like: list[Any]) -> list[Any]:
        vector = vector if hasattr(vector, "_node") else np.asarray(vector)
        if vector.shape not in ((self.shape[1 - side],), (self.shape[1 - side], 1)):
            raise ValueError(f"linearize: found shape {vector.shape}; expected ({self.shape[1 - side]},)")
        ends = np.cumsum(self._sizes[side], dtype=int).tolist()
        parts = [np.ravel(vector)[end - n : end] for n, end in zip(self._sizes[side], ends)]
        return matched([np.reshape(p, np.shape(unwrap(x))) for p, x in zip(parts, like)], like, "linearize", "tangents")

    def __repr__(self) -> str:
        return f"<LinearMap of shape {self.shape}>"


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, LinearMap]:
    """Return f(*primals) and its derivative there, a `LinearMap`: f runs once, however often the map is applied.

    >>> value, J = linearize(lambda x: x[:2] * x[2], np.array([1.0, 2.0, 3.0]))
    >>> J(np.array([1.0, 0.0, 1.0]))
    array([4., 2.])
    >>> J.transpose(np.array([1.0, 1.0]))
    (array([3., 3., 3.]),)
    """
    trace = Trace(f, primals, "linearize")
    return trace.output(), LinearMap(trace)


@overload
def elementwise_grad(f: np.ufunc, *choice: Any, **options: Any) -> Callable[..., Any]: ...
@overload
def elementwise_grad(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]: ...
def elementwise_grad(
    f: Callable[Parameters, Any], argnums: Numbers = None, *, argnum: Numbers = None, argnames: Names = None
) -> Callable[Parameters, Any]:
    """A function that returns the derivative of f at every element, where each element of f(x) depends on that of x.

    It is the sum of the rows of the Jacobian, in one pass.

    >>> elementwise_grad(np.sin)(np.zeros(3))
    array([1., 1., 1.])
    """
    chosen = Chosen("elementwise_grad", argnums, argnum, argnames)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        g, primals, give = chosen.select(f, args, kwargs)
        trace = Trace(g, primals, "elementwise_grad")
        dtypes = [getattr(out, "dtype", np.dtype(float)) for out in trace.outs]
        if any(dtype.kind == "c" for dtype in dtypes):
            raise TypeError("elementwise_grad: the function returned complex numbers; use vjp")
        ones = [np.ones(np.shape(unwrap(out)), dtype) for out, dtype in zip(trace.outs, dtypes)]
        return give(trace.rebuild(trace.pull(ones)))

    derivative.__wrapped__ = f  # type: ignore[attr-defined]
    return derivative


def make_vjp(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function of f's arguments that returns (pullback, f(...)): the pullback gives one cotangent.

    >>> pullback, out = make_vjp(lambda x: x * x)(3.0)
    >>> pullback(1.0)
    array(6.)
    """
    chosen = Chosen("make_vjp", argnum)

    def at(*args: Any, **kwargs: Any) -> Any:
        g, primals, give = chosen.select(f, args, kwargs)
        out, pullback = vjp(g, *primals)
        return (lambda ct: give(pullback(ct))), out

    return at


def make_jvp(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function of f's arguments that returns a function of a tangent, which gives (f(...), its derivative along it).

    >>> make_jvp(lambda x: x * x)(3.0)(1.0)
    (array(9.), array(6.))
    """
    chosen = Chosen("make_jvp", argnum)

    def at(*args: Any, **kwargs: Any) -> Any:
        g, primals, _ = chosen.select(f, args, kwargs)
        return lambda tangent: jvp(g, primals, (tangent,))

    return at


def make_hvp(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function of f's arguments that returns (a function of a vector v, which returns H v; the gradient of f).

    >>> product, gradient = make_hvp(lambda x: x ** 3)(2.0)
    >>> product(1.0), gradient
    (array(12.), array(12.))
    """
    return make_vjp(grad(f, argnum), argnum)

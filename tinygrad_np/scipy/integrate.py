"""scipy.integrate's solvers of differential equations, differentiable in initial value, times and parameters.

The pullback solves the adjoint equation backwards (Chen et al. 2018, https://arxiv.org/abs/1806.07366, appendix B),
from each time to the one before, with the same solver and tolerances; it is an equation of the same kind, so that
every order follows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate as si
from scipy.optimize import OptimizeResult

from ..engine.arrays import array_of
from ..engine.modes import setting
from ..engine.table import primitive
from ..engine.tracing import whole
from ..transforms.containers import flatten
from ..transforms.trace import vjp
from .implicit import number_kind, refuse_captured

__all__ = ["odeint", "solve_ivp"]


class Flow:
    """dy/dt = fun(y, t, *parameters) for vectors y, and how it is integrated: (fun, y0, t) -> y at every t."""

    def __init__(self, fun: Callable, integrate: Callable):
        self.fun, self.integrate = fun, integrate

    def adjoint(self, n: int) -> Flow:
        """The flow of (y, ȳ, p̄), in which ȳ and p̄ follow from y: dȳ/dt = -(∂f/∂y)ᵀ ȳ, dp̄/dt = -(∂f/∂p)ᵀ ȳ."""

        def fun(s, t, *parameters):
            y, ct = s[:n], s[n : 2 * n]
            slope, pullback = vjp(lambda y, *ps: self.fun(y, t, *ps), y, *parameters)
            cts = pullback(-ct)
            return np.concatenate([slope, *[np.ravel(c) for c in cts]])

        return Flow(fun, self.integrate)


@whole
def trajectory_of(flow: Flow, y0, t, *parameters):
    """y at every time, for arrays."""
    with setting(transforms=0, recording=True, order=0):

        def fun(y, t):
            slope = flow.fun(y, t, *parameters)
            refuse_captured("odeint", slope)
            return np.asarray(slope)

        return np.asarray(flow.integrate(fun, np.asarray(y0), np.asarray(t)))


@primitive
def trajectory(operands: list, flow: Flow):
    """y at the times t, where operands are y0, t and the parameters."""
    return trajectory_of(flow, *operands)


def trajectory_ct(ct, operands, flow, out):
    y0, t, *parameters = operands
    n, times = int(y0.shape[0]), int(t.shape[0])
    shapes = [np.shape(array_of(p)) for p in parameters]
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]
    adjoint = flow.adjoint(n)
    a, g = np.zeros(n), np.zeros(sum(sizes))
    t_cts: list = [None] * times
    for i in range(times - 1, 0, -1):
        slope = flow.fun(out[i], t[i], *parameters)
        t_cts[i] = np.sum(ct[i] * slope)
        a = a + ct[i]
        start = np.concatenate([out[i], a, g])
        before = trajectory([start, t[i - 1 : i + 1][::-1], *parameters], adjoint)[-1]
        a, g = before[n : 2 * n], before[2 * n :]
    # Starting later from the same y0 is as starting where the flow would have been, that much earlier.
    t_cts[0] = -np.sum(a * flow.fun(out[0], t[0], *parameters)) if times > 1 else np.zeros(())
    a = a + ct[0]
    ends = np.cumsum(sizes, dtype=int).tolist()
    parts = [np.reshape(g[end - size : end], shape) for end, size, shape in zip(ends, sizes, shapes)]
    return [a, np.stack(t_cts), *parts]


trajectory.defvjp(
    trajectory_ct,
    diff=("operands",),
    joint=True,
    conj=False,
    cases=[lambda f, A: f([A(2), np.array([0.0, 0.3, 0.7]), A(2)], SWING)],
)


def by_odeint(fun: Callable, y0: np.ndarray, t: np.ndarray, **options: Any) -> np.ndarray:
    if t.size > 1 and t[0] == t[-1]:
        return np.stack([y0] * t.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", si.ODEintWarning)
        y, told = si.odeint(fun, y0, t, full_output=True, **options)
    if told["message"] != "Integration successful.":  # what was not reached is memory that nobody wrote
        raise RuntimeError(f"odeint: {told['message']}")
    return y


SWING: Flow = Flow(
    lambda y, t, p: np.stack([y[1] * p[0], -np.sin(y[0]) * p[1] + t]),
    lambda fun, y0, t: by_odeint(fun, y0, t, rtol=1e-11, atol=1e-12),
)


def run(caller: str, fun: Callable, y0: Any, t: Any, args: tuple, integrate: Callable) -> Any:
    """The trajectory of fun(y, t, *args), whose args may be nested, as an array (times, numbers of y0)."""
    leaves, _, rebuild = flatten(args, passing=True)
    places = [i for i, leaf in enumerate(leaves) if number_kind(leaf) in "fc"]

    def of_operands(y, t, *parameters):
        full = list(leaves)
        for place, value in zip(places, parameters):
            full[place] = value
        slope = fun(y, t, *rebuild(full))
        return np.stack(slope) if isinstance(slope, (list, tuple)) else np.reshape(slope, np.shape(y))

    def operand(x):
        x = x if hasattr(x, "_node") else np.asarray(x)
        if x.dtype.kind == "c":
            raise TypeError(f"{caller}: found complex numbers; write the equation in real and imaginary parts")
        return x if x.dtype == np.float64 else x.astype(float)

    operands = [operand(y0), operand(t), *[operand(leaves[i]) for i in places]]
    if operands[0].ndim != 1 or operands[1].ndim != 1:
        raise ValueError(
            f"{caller}: found y0 of shape {operands[0].shape} and times of shape {operands[1].shape}; expected vectors"
        )
    return trajectory(operands, Flow(of_operands, integrate))


def odeint(func: Callable, y0: Any, t: Any, args: Any = (), tfirst: bool = False, **options: Any) -> Any:
    """scipy.integrate.odeint: y at the times t, where dy/dt = func(y, t, *args); of shape (times, numbers of y0).

    Differentiable in y0, in t and in the floating numbers of `args`, which may be nested. What func closes over is no
    argument: a tracked tensor there is refused. Where the solver stops early, a RuntimeError says why.

    >>> import tinygrad_np as tg
    >>> f = lambda k: odeint(lambda y, t, k: -k * y, np.ones(1), np.array([0.0, 1.0]), (k,))[-1, 0]
    >>> round(float(tg.grad(f)(2.0)), 6), round(-float(np.exp(-2.0)), 6)
    (-0.135335, -0.135335)
    """
    args = args if isinstance(args, tuple) else (args,)
    y0 = y0 if hasattr(y0, "_node") else np.asarray(y0)
    y0 = np.reshape(y0, (1,)) if y0.ndim == 0 else y0
    fun = (lambda y, t, *more: func(t, y, *more)) if tfirst else func
    if options.get("full_output"):
        raise TypeError("odeint: full_output has no place beside a gradient; call scipy.integrate.odeint for it")
    return run("odeint", fun, y0, t, args, lambda f, y0, t: by_odeint(f, y0, t, **options))


def solve_ivp(
    fun: Callable,
    t_span: Any,
    y0: Any,
    method: str = "RK45",
    t_eval: Any = None,
    args: Any = None,
    rtol: float = 1e-3,
    atol: float = 1e-6,
    **options: Any,
) -> Any:
    """scipy.integrate.solve_ivp of dy/dt = fun(t, y, *args): its result, with y (numbers of y0, times) and t.

    Differentiable in y0, `t_span`, `t_eval` and `args`, as `odeint` is. The tolerances are those of the pullback too.
    """
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    refused = [word for word in ("events", "dense_output") if options.get(word)]
    if refused:
        raise TypeError(f"solve_ivp: {refused[0]} has no derivative here; call scipy.integrate.solve_ivp for it")
    results: list = []  # of the forward pass first

    def integrate(f, y0, t):
        first, last = float(t[0]), float(t[-1])
        if first == last:
            return np.stack([y0] * t.size)
        more = dict(options, method=method, rtol=rtol, atol=atol)
        result = si.solve_ivp(lambda t, y: f(y, t), (first, last), y0, t_eval=t, **more)
        results.append(result)
        if not result.success:
            raise RuntimeError(f"solve_ivp: {result.message}")
        return result.y.T

    start, end = t_span
    if t_eval is None:  # the solver's own steps
        plain_args = tuple(_plain(a) for a in args)

        def slope(t, y):
            found = fun(t, y, *plain_args)
            refuse_captured("solve_ivp", found)
            return np.asarray(found)

        with setting(transforms=0, recording=True, order=0):
            steps = si.solve_ivp(
                slope,
                (float(array_of(start)), float(array_of(end))),
                np.array(array_of(y0)),
                method=method,
                rtol=rtol,
                atol=atol,
                **options,
            ).t
        times = np.concatenate([np.reshape(start, (1,)), steps[1:-1], np.reshape(end, (1,))])
        keep = slice(None)
    else:
        inner = t_eval if hasattr(t_eval, "_node") else np.asarray(t_eval, float)
        times = np.concatenate([np.reshape(start, (1,)), inner])
        keep = slice(1, None)
    out = run("solve_ivp", lambda y, t, *more: fun(t, y, *more), y0, times, args, integrate)
    result = results[0] if results else OptimizeResult(success=True, status=0, message="no time passed")
    result.t, result.y = times[keep], np.transpose(out)[:, keep]
    return result


def _plain(tree: Any) -> Any:
    leaves, _, rebuild = flatten(tree, passing=True)
    return rebuild([array_of(leaf) if hasattr(leaf, "_node") else leaf for leaf in leaves])


def __dir__() -> list[str]:
    return sorted(__all__)

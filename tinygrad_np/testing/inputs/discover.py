"""How to call an operation that does not say so: its parameters, the shapes and domain that it accepts."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import partial
from itertools import chain, product

import numpy as np

from ... import no_grad
from ...engine.table import POSITIVE, REAL, UNIT
from ...engine.tensor import Tensor
from ..reference.patience import timed_call
from ..reference.problem import floating

DOMAINS = (POSITIVE, UNIT, (1.0, np.inf))
USUAL_SIGNATURES = {
    1: ("(m,n)", "(n,n)", "(m)", "(3,3)"),
    2: ("(m,k),(k,n)", "(n),(n)", "(m,k),(k)", "(m,n),(m,n)", "(n,n),(n)"),
    3: ("(m,n),(n),(n)", "(n,m),(k,m),(k)", "(m,k),(k,n),(n)", "(n),(n),(n)"),
}


def arity(op: Callable) -> int:
    """How many arrays an operation takes: its parameters that have no default."""
    nin = getattr(op, "nin", None)
    if isinstance(nin, int):
        return nin
    try:
        parameters = inspect.signature(op).parameters.values()
    except (TypeError, ValueError):
        return 1
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if not required and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2
    return max(len(required), 1)


def variadic(op: Callable) -> bool:
    """Whether an operation takes any number of arrays, as far as its parameters say."""
    try:
        parameters = inspect.signature(op).parameters.values()
    except (TypeError, ValueError):
        return False
    return {p.kind for p in parameters if p.default is p.empty} == {inspect.Parameter.VAR_POSITIONAL}


def accepts(op: Callable, shapes, domains, kwargs: dict) -> float:
    """The share of finite results for arrays of these shapes and domains; -1 where the operation raises."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(6):
        args = [np.asarray(spread_over(rng, shape, *domain), float) for shape, domain in zip(shapes, domains)]
        shares.append(finite_share(op, args, kwargs))
        if shares[-1] < 0:
            return -1.0
    return float(np.mean(shares))


def domains_of(domain, n: int) -> tuple:
    """The domains of n operands, from one for all or one for each."""
    return domain if isinstance(domain[0], tuple) else (domain,) * n


def spread_over(rng, shape, lo: float, hi: float) -> np.ndarray:
    """Numbers all over an open interval, as far as five from a finite end of it, or from zero."""
    eighths = rng.integers(1, 40, shape) / 8
    if np.isfinite(lo) and np.isfinite(hi):
        return lo + (hi - lo) * rng.integers(1, 64, shape) / 64
    if np.isfinite(lo):
        return lo + eighths
    if np.isfinite(hi):
        return hi - eighths
    return eighths * rng.choice([-1.0, 1.0], shape)


def finite_share(op: Callable, args: list, kwargs: dict) -> float:
    """The share of finite results; -1 where the operation raises."""
    try:
        with timed_call(), no_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outs = floating(op(*map(Tensor, args), **kwargs))
    except Exception:
        return -1.0
    values = np.concatenate([np.zeros(0), *(np.ravel(getattr(out, "_array", out)) for out in outs)])
    return float(np.isfinite(values).mean()) if values.size else 0.0


def find_domain(op: Callable, shapes, kwargs: dict) -> tuple:
    """An interval for each operand on which the results are finite: all numbers, what a search finds, or the
    best of the usual domains.
    """
    n = len(shapes)
    best: tuple
    best, most = (REAL,) * n, accepts(op, shapes, (REAL,) * n, kwargs)
    for usual in chain([None], ((d,) * n for d in DOMAINS)):
        if most == 1:
            return best
        domains: tuple | None = usual or finite_intervals(op, shapes, kwargs)
        share = accepts(op, shapes, domains, kwargs) if domains else -1
        if domains and share > most + 1e-9:
            best, most = domains, share
    return best


def finite_intervals(op: Callable, shapes, kwargs: dict) -> tuple | None:
    """The longest interval of each operand on which the results are finite, the others staying at a point."""
    n = len(shapes)

    def fine(start: list[float], i: int, t: float) -> bool:
        values = [t if k == i else s for k, s in enumerate(start)]
        return finite_share(op, [np.full(shape, v) for shape, v in zip(shapes, values)], kwargs) == 1

    for some in product((0.5, 1.5, -0.5, 3.0), repeat=min(n, 3)):
        start = [*some, *[0.5] * (n - 3)]
        if fine(start, 0, start[0]):
            return tuple(interval(partial(fine, start, i), start[i]) for i in range(n))
    return None


def interval(fine: Callable[[float], bool], start: float) -> tuple:
    """How far to both sides of a fine point the points are fine, to a bound that is a short number."""
    bounds = []
    for sign in (-1.0, 1.0):
        steps = [start + sign * 2.0**k for k in range(-6, 4)]
        bad = next((t for t in steps if not fine(t)), None)
        if bad is None:
            bounds.append(sign * np.inf)
            continue
        inside, outside = start, bad
        for _ in range(40):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if fine(middle) else (inside, middle)
        short = round(inside * 64) / 64
        bounds.append(short if abs(short - inside) < 1e-6 else inside)
    return tuple(bounds)

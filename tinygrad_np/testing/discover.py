"""How to call an operation that does not say so: its parameters, the shapes and domain that it accepts."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from .. import no_grad
from ..table import POSITIVE, REAL, UNIT
from ..tensor import Tensor
from .problem import floating

DOMAINS = (REAL, POSITIVE, UNIT, (1.0, np.inf))
SIGNATURES = {
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
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if not required and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2
    return max(len(required), 1)


def accepts(op: Callable, shapes, domains, kwargs: dict) -> float:
    """The share of finite results for arrays of these shapes and domains; -1 where the operation raises."""
    rng = np.random.default_rng(0)
    args = []
    for shape, (lo, hi) in zip(shapes, domains):
        unit = (
            rng.integers(1, 24, shape) / 8
            if not np.isfinite(hi)
            else lo + (hi - lo) * rng.integers(1, 64, shape) / 64
        )
        sign = rng.choice([-1.0, 1.0], shape) if not np.isfinite(lo) else 1
        args.append(
            Tensor(np.asarray(unit * sign if np.isinf(lo) or np.isfinite(hi) else lo + unit, float))
        )
    try:
        with no_grad(), np.errstate(all="ignore"):
            outs = floating(op(*args, **kwargs))
    except Exception:
        return -1.0
    values = [np.ravel(getattr(out, "array", out)) for out in outs]
    values = np.concatenate(values) if values else np.zeros(0)
    return float(np.isfinite(values).mean()) if values.size else 0.0


def find_domain(op: Callable, shapes, kwargs: dict) -> tuple:
    """The widest of the usual domains on which the results are finite."""
    n = len(shapes)
    best, most = (REAL,) * n, 0.0
    choices = [(d,) * n for d in DOMAINS] + ([(REAL, POSITIVE), (POSITIVE, REAL)] if n == 2 else [])
    for domains in choices:
        share = accepts(op, shapes, domains, kwargs)
        if share > most + 1e-9:
            best, most = domains, share
    return best


def guess(op: Callable, domain, dtype: str, kwargs: dict | None = None):
    """A strategy of (args, kwargs): elementwise shapes where the operation takes them, else a usual
    signature.
    """
    from . import strategies

    n, kwargs = arity(op), {k: v for k, v in (kwargs or {}).items() if not hasattr(v, "example")}
    wide = domain if domain is not None else REAL
    domains = wide if isinstance(wide[0], tuple) else (wide,) * n
    trial = [(2, 3)] * n
    mixed = [(3,), (2, 1), (2, 3), (1,)]
    pairs = [trial, [mixed[i % 4] for i in range(n)], [()] * n]
    if all(accepts(op, shapes, domains, kwargs) >= 0 for shapes in pairs):
        found = domains if domain is not None else find_domain(op, trial, kwargs)
        return strategies.elementwise_inputs(n, found, dtype)
    if n == 1 and accepts(op, trial, domains, kwargs) >= 0 and accepts(op, [(3,)], domains, kwargs) >= 0:
        found = domains if domain is not None else find_domain(op, trial, kwargs)
        return strategies.elementwise_inputs(n, found, dtype)
    working = []
    for signature in SIGNATURES.get(n, ("(n),(n)" + ",(n)" * (n - 2),)):
        sizes = {"m": 2, "n": 3, "k": 4}
        shapes = [
            tuple(int(d) if d.isdigit() else sizes[d] for d in part.strip("()").split(",") if d)
            for part in signature.split("),")
        ]
        if accepts(op, shapes, domains, kwargs) >= 0:
            working.append((signature, domains if domain is not None else find_domain(op, shapes, kwargs)))
    if not working:
        raise TypeError(
            f"check_op: found no arrays that {getattr(op, '__name__', op)} accepts ({n} tried); "
            "pass inputs=[(args...), ...] or signature='(m,k),(k,n)'"
        )
    chosen = [strategies.signature_inputs(signature, found, dtype) for signature, found in working]
    return strategies.st.one_of(*chosen)

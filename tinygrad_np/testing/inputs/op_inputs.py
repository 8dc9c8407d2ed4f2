"""Hypothesis strategies for the arguments of an operation: from its row of the table, a gufunc signature, or
by trying what it accepts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import hypothesis
import numpy as np
from hypothesis import strategies as st

from ...engine.table import REAL, TABLE
from ...engine.tensor import Tensor
from ...transforms.containers import flatten
from ..reference.problem import floating
from .discover import USUAL_SIGNATURES, accepts, arity, domains_of, find_domain, spread_over, variadic
from .kinks import declared, off_declared
from .source_text import short
from .values import arrays, axis_lengths, broadcastable


@st.composite
def elementwise_inputs(draw, n: int, domain=REAL, dtype="float64") -> tuple:
    """(args, kwargs) with n arrays that broadcast; two of one shape are sometimes one array."""
    domains = domains_of(domain, n)
    sides = draw(broadcastable(n))
    args = [draw(arrays(shape, d, dtype)) for shape, d in zip(sides, domains)]
    return tuple(args), {}


def apart(call: tuple, made: int) -> bool:
    """Whether the floating arrays among the arguments may vary independently: as many as were made, none a
    view of another.
    """
    found = [leaf for leaf in flatten(call)[0] if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc"]
    return len(found) <= made and not any(np.may_share_memory(a, b) for i, a in enumerate(found) for b in found[:i])


class CaseProgram:
    """A case that does more than call its function once: the arrays it asked for are its arguments."""

    def __init__(self, case: Callable, fun: Callable, name: str):
        self.case, self.fun, self.__name__ = case, fun, name
        self.__module__ = "numpy" if (getattr(fun, "__module__", "") or "").startswith("numpy") else "program"

    def __call__(self, *arrays):
        given = iter(arrays)
        return self.case(self.fun, lambda *dims: next(given))

    def operands(self, arrays) -> list[np.ndarray]:
        """The arrays that the function is called with."""
        given, found = iter(arrays), []

        def called(*args, **kwargs):
            found.extend(
                leaf.copy()
                for leaf in flatten((args, kwargs))[0]
                if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc"
            )
            return self.fun(*args, **kwargs)

        called.__name__ = self.__name__
        self.case(called, lambda *dims: next(given).copy())
        return found


@st.composite
def case_inputs(draw, fun: Callable, cases, name: str = "", domain=REAL, dtype="float64", max_side: int = 4) -> tuple:
    """(args, kwargs) of one of a row's cases, with drawn sizes and values; (args, {}, Program) for other
    programs.
    """
    case = draw(st.sampled_from(list(cases)))
    sizes: dict[str, int] = {}
    domains = iter(domain) if isinstance(domain[0], tuple) else None
    made: list[np.ndarray] = []
    calls: list[tuple] = []

    def array(*dims):
        for d in dims:
            if isinstance(d, str) and d not in sizes:
                sizes[d] = draw(axis_lengths(0, max_side))
        here = next(domains, REAL) if domains else domain
        made.append(draw(arrays(tuple(sizes.get(d, d) for d in dims), here, dtype)))
        return made[-1].copy()

    def called(*args, **kwargs):
        result = None
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = fun(*args, **kwargs)
        finally:
            calls.append((args, kwargs, result))
        return result

    called.__name__ = name
    try:
        result = case(called, array)
    except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
        hypothesis.reject()  # NumPy itself refuses these sizes
    if len(calls) == 1 and result is calls[0][2] and result is not None and apart(calls[0][:2], len(made)):
        return calls[0][:2]
    return tuple(made), {}, CaseProgram(case, fun, name)


@st.composite
def signature_inputs(draw, signature: str, domain=REAL, dtype="float64", max_side: int = 3) -> tuple:
    """(args, kwargs) for dimensions such as "(m,n),(n)"; "..." in front stands for any that broadcast."""
    parts = [part.strip("() ") for part in signature.split("->")[0].split("),")]
    cores = [tuple(d.strip() for d in part.split(",") if d.strip()) for part in parts]
    wide = [core[:1] == ("...",) for core in cores]
    cores = [core[1:] if more else core for core, more in zip(cores, wide)]
    sizes = {d: int(d) if d.isdigit() else draw(st.integers(1, max_side)) for core in cores for d in core}
    fronts = [front if more else () for front, more in zip(draw(broadcastable(len(cores), max_dims=1)), wide)]
    domains = domains_of(domain, len(cores))
    return tuple(
        draw(arrays(front + tuple(sizes[d] for d in core), d_, dtype))
        for front, core, d_ in zip(fronts, cores, domains)
    ), {}


class Drawn(NamedTuple):
    """How the arguments of an operation are drawn: a strategy of (args, kwargs), the domain, and the kinks left out."""

    strategy: st.SearchStrategy[tuple]
    domain: tuple | None
    kinks: list[Callable]


def op_inputs(op: Callable, **options) -> st.SearchStrategy[tuple]:
    """(args, kwargs) for an operation: from its row of the table, a gufunc signature, or its parameters.

    `kwargs` maps names to values or strategies. Inputs at a kink, of the row or given, are moved off it.
    """
    return drawn_for(op, **options).strategy


def drawn_for(
    op: Callable,
    *,
    domain=None,
    kwargs: dict | None = None,
    signature: str | None = None,
    kinks=(),
    dtype: str = "float64",
) -> Drawn:
    """The same, with what was found out on the way."""
    row = TABLE.get(op)
    if domain is None and row is not None and getattr(row, "domain", REAL) != REAL:
        domain = row.domain
    where = domain or REAL
    if signature:
        drawn = signature_inputs(signature, where, dtype)
    elif row is not None and row.kind == "elementwise":
        n = len(row.diff)
        domain = domain or find_domain(op, [(2, 3)] * n, fixed(kwargs))
        drawn = elementwise_inputs(n, domain, dtype)
    elif row is not None and getattr(row, "cases", None):
        drawn = case_inputs(op, row.cases, row.name, where, dtype)
    else:
        drawn, domain = guess(op, domain, dtype, fixed(kwargs))
    known = declared(kinks, row)
    if known:
        drawn = drawn.map(lambda found: off_kinks(known, *found)).filter(lambda found: found[0] is not None)
    if kwargs:
        drawn = st.builds(lambda found, extra: (found[0], {**found[1], **extra}, *found[2:]), drawn, options_of(kwargs))
    return Drawn(drawn, domain, known)


def off_kinks(kinks: list, args: tuple, kwargs: dict, *program: CaseProgram) -> tuple:
    """A drawn call, moved off the kinks."""
    return *off_declared(args, kwargs, kinks, *program), *program


def refusal(op: Callable, n: int, kwargs: dict) -> str:
    """What an operation raises for n small matrices."""
    try:
        op(*[np.full((2, 3), 0.5)] * n, **kwargs)
    except Exception as error:
        return f" (it raised {type(error).__name__}: {str(error)[:120]})"
    return ""


def runs_back(op: Callable, shapes: list, domains: tuple, kwargs: dict) -> bool:
    """Whether the derivative runs too, and gives gradients of the right shapes: a rule may be for matrices alone."""
    rng = np.random.default_rng(0)
    tensors = [Tensor(np.asarray(spread_over(rng, s, *d), float), requires_grad=True) for s, d in zip(shapes, domains)]
    try:
        with np.errstate(all="ignore"):
            for out in floating(op(*tensors, **kwargs)):
                out.backward(np.ones(out.shape, out.dtype), retain_graph=True)
    except Exception:
        return False
    return True


def guess(op: Callable, domain, dtype: str, kwargs: dict) -> tuple[st.SearchStrategy[tuple], tuple | None]:
    """A strategy of (args, kwargs): elementwise shapes where the operation takes them, else a usual
    signature; and the domain, if there is one.
    """
    n = arity(op)
    if variadic(op) and refusal(op, n, kwargs) and not refusal(op, 1, kwargs):
        n = 1

    def where(shapes) -> tuple:
        if domain is None:
            return find_domain(op, shapes, kwargs)
        return domains_of(domain, n)

    trial = [(2, 3)] * n
    mixed = [(3,), (2, 1), (2, 3), (1,)]
    pairs = [trial, [mixed[i % 4] for i in range(n)], [()] * n]
    domains = where(trial)
    if all(accepts(op, shapes, domains, kwargs) >= 0 for shapes in (pairs if n > 1 else pairs[:2])):
        return elementwise_inputs(n, domains, dtype), domains
    working = []
    for signature in USUAL_SIGNATURES.get(n, ("(n),(n)" + ",(n)" * (n - 2),)):
        sizes = {"m": 2, "n": 3, "k": 4}
        shapes = [
            tuple(int(d) if d.isdigit() else sizes[d] for d in part.strip("()").split(",") if d)
            for part in signature.split("),")
        ]
        domains = where(shapes)
        if accepts(op, shapes, domains, kwargs) >= 0:
            working.append((signature, domains, runs_back(op, shapes, domains, kwargs)))
    back = any(b for *_, b in working)
    working = [one for one in working if one[2] or not back]
    if not working:
        raise TypeError(
            f"check_op: found no arrays that {getattr(op, '__name__', op)} accepts{refusal(op, n, kwargs)}; "
            "pass inputs=[(args...), ...] or signature='(m,k),(k,n)'"
        )
    chosen = [signature_inputs(signature, found, dtype) for signature, found, _ in working]
    return st.one_of(*chosen), working[0][1] if len({found for _, found, _ in working}) == 1 else None


def with_options(inputs: st.SearchStrategy, kwargs: dict | None) -> st.SearchStrategy[tuple]:
    """(args, kwargs) from a strategy of argument tuples and of options."""
    return st.tuples(inputs.map(lambda args: args if isinstance(args, tuple) else (args,)), options_of(kwargs or {}))


def fixed(kwargs: dict | None) -> dict:
    """The options that are values, not strategies."""
    return {k: v for k, v in (kwargs or {}).items() if not isinstance(v, st.SearchStrategy)}


def options_of(kwargs: dict) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries({k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in kwargs.items()})


def example(op: Callable, signature: str | None = None) -> str:
    """The source text of arguments that an operation takes: the simplest that can be drawn with two
    elements or more.
    """
    found: list = []

    @hypothesis.settings(
        max_examples=100,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(op_inputs(op, signature=signature))
    def look(inputs):
        args, kwargs, *program = inputs
        size = sum(leaf.size for leaf in flatten(args)[0] if isinstance(leaf, np.ndarray))
        if not program and not kwargs and 2 <= size <= 8:
            found.append(args)

    look()
    if not found:
        raise LookupError("found no short arguments for it; write inputs=[(args...), ...] yourself")

    def plainness(args) -> tuple:
        leaves = [leaf for leaf in flatten(args)[0] if isinstance(leaf, np.ndarray)]
        values = np.concatenate([leaf.reshape(-1) for leaf in leaves])
        alone = any(leaf.size < 2 for leaf in leaves)
        return values.size - len(np.unique(np.abs(values))), alone, len(repr(args))

    return ", ".join(map(short, min(found, key=plainness)))

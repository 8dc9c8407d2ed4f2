"""Hypothesis strategies for gradients: arrays whose values finite differences like, tensors, layouts,
cotangents, inputs.

Values lie on a grid of eighths, or of 64ths of a bounded domain: x ± h is exact there, ties are exact ties,
and a failing case shrinks to short numbers. Import this module only where hypothesis is installed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import hypothesis
import numpy as np
from hypothesis import strategies as st

from ..table import REAL, TABLE
from ..tensor import Tensor
from ..transforms import flatten
from .kinks import declared, smooth
from .layouts import LAYOUTS

Domain = tuple[float, float]


def shapes(
    min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3
) -> st.SearchStrategy[tuple]:
    """Shapes; a side of length 0 is rare."""
    return st.integers(min_dims, max_dims).flatmap(lambda n: st.tuples(*[sides(min_side, max_side)] * n))


def sides(min_side: int = 0, max_side: int = 3) -> st.SearchStrategy[int]:
    """The length of an axis: mostly above one, rarely zero."""
    usual = list(range(max(min_side, 1), max_side + 1))
    return st.sampled_from(usual + usual[1:] * 5 + [0] * (min_side == 0))


def grid(domain: Domain = REAL, reach: int = 40) -> st.SearchStrategy[float]:
    """Numbers inside an open interval, on a grid; they shrink to 1/2, or to the simplest number there is."""
    lo, hi = domain
    if lo == -np.inf and hi == np.inf:
        return st.integers(-reach - 4, reach - 4).map(lambda k: (k + 4) / 8)
    if hi == np.inf:
        return st.integers(-3, reach).map(lambda k: lo + (k + 4) / 8)
    if lo == -np.inf:
        return st.integers(-3, reach).map(lambda k: hi - (k + 4) / 8)
    return st.integers(-31, 31).map(lambda k: lo + (hi - lo) * (k + 32) / 64)


@st.composite
def arrays(draw, shape=None, domain: Domain = REAL, dtype="float64") -> np.ndarray:
    """Arrays of a shape (or of any) with values from a domain."""
    shape = (
        draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    )
    n = int(np.prod(shape))
    dtype = np.dtype(dtype)
    values = draw(st.lists(grid(domain), min_size=n, max_size=n))
    if dtype.kind == "c":
        imaginary = draw(st.lists(grid(REAL), min_size=n, max_size=n))
        return (np.array(values, float) + 1j * np.array(imaginary, float)).reshape(shape).astype(dtype)
    return np.array(values, float).reshape(shape).astype(dtype)


def layouts() -> st.SearchStrategy[str]:
    """Names of memory layouts, "C" the simplest; `layouts.LAYOUTS[name](array)` gives the array in it."""
    return st.sampled_from(list(LAYOUTS))


@st.composite
def tensors(draw, shape=None, domain: Domain = REAL, dtype="float64", requires_grad: bool = True) -> Tensor:
    """Tensors, by default leaves that require a gradient. `st.from_type(Tensor)` draws these."""
    return Tensor(draw(arrays(shape, domain, dtype)), requires_grad=requires_grad)


@st.composite
def cotangents(draw, like, kinds=("dense", "dense", "onehot", "zero", "constant")) -> np.ndarray:
    """Cotangents of the shape and dtype of `like`: dense, with one entry, zero, or one number with zero
    strides.
    """
    like = like.array if isinstance(like, Tensor) else np.asarray(like)
    kind = draw(st.sampled_from(kinds))
    if kind == "constant":
        return np.broadcast_to(np.asarray(draw(grid()), like.dtype), like.shape)
    if kind == "zero" or (kind == "onehot" and not like.size):
        return np.zeros_like(like)
    if kind == "onehot":
        ct = np.zeros_like(like)
        ct.flat[draw(st.integers(0, like.size - 1))] = 1
        return ct
    return draw(arrays(like.shape, REAL, like.dtype))


@st.composite
def broadcastable(draw, n: int, max_dims: int = 3, max_side: int = 3) -> tuple:
    """n shapes that broadcast against each other: axes dropped in front, axes of length one."""
    full = draw(shapes(0, max_dims, 0, max_side))
    found = []
    for _ in range(n):
        start = draw(st.integers(0, len(full))) if n > 1 else 0
        ones = (
            draw(st.lists(st.sampled_from([False, False, True]), min_size=len(full), max_size=len(full)))
            if n > 1
            else [False] * len(full)
        )
        found.append(tuple(1 if one else side for one, side in zip(ones, full))[start:])
    return tuple(found)


# ---- the arguments of an operation ------------------------------------------------------------------------


@st.composite
def elementwise_inputs(draw, n: int, domain=REAL, dtype="float64") -> tuple:
    """(args, kwargs) with n arrays that broadcast; two of one shape are sometimes one array."""
    domains = domain if isinstance(domain[0], tuple) else (domain,) * n
    sides = draw(broadcastable(n))
    args = [draw(arrays(shape, d, dtype)) for shape, d in zip(sides, domains)]
    return tuple(args), {}


def apart(call: tuple, made: int) -> bool:
    """Whether the floating arrays among the arguments may vary independently: as many as were made, none a
    view of another.
    """
    found = [leaf for leaf in flatten(call)[0] if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc"]
    return len(found) <= made and not any(
        np.may_share_memory(a, b) for i, a in enumerate(found) for b in found[:i]
    )


class Program:
    """A case that does more than call its function once: the arrays it asked for are its arguments."""

    def __init__(self, case: Callable, fun: Callable, name: str):
        self.case, self.fun, self.__name__ = case, fun, name
        self.__module__ = (
            "numpy" if (getattr(fun, "__module__", "") or "").startswith("numpy") else "program"
        )

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
def case_inputs(
    draw, fun: Callable, cases, name: str = "", domain=REAL, dtype="float64", max_side: int = 4
) -> tuple:
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
                sizes[d] = draw(sides(0, max_side))
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
    return tuple(made), {}, Program(case, fun, name)


@st.composite
def signature_inputs(draw, signature: str, domain=REAL, dtype="float64", max_side: int = 3) -> tuple:
    """(args, kwargs) for dimensions such as "(m,n),(n)"; "..." in front stands for any that broadcast."""
    cores = [part.strip("() ") for part in signature.split("->")[0].split("),")]
    cores = [tuple(d.strip() for d in core.split(",") if d.strip()) for core in cores]
    wide = [core[:1] == ("...",) for core in cores]
    cores = [core[1:] if more else core for core, more in zip(cores, wide)]
    sizes = {d: int(d) if d.isdigit() else draw(st.integers(1, max_side)) for core in cores for d in core}
    fronts = [
        front if more else () for front, more in zip(draw(broadcastable(len(cores), max_dims=1)), wide)
    ]
    domains = domain if isinstance(domain[0], tuple) else (domain,) * len(cores)
    return tuple(
        draw(arrays(front + tuple(sizes[d] for d in core), d_, dtype))
        for front, core, d_ in zip(fronts, cores, domains)
    ), {}


def op_inputs(
    op: Callable,
    *,
    domain=None,
    kwargs: dict | None = None,
    signature: str | None = None,
    kinks=(),
    dtype: str = "float64",
) -> st.SearchStrategy[tuple]:
    """(args, kwargs) for an operation: from its row of the table, a gufunc signature, or its parameters.

    `kwargs` maps names to values or strategies. Inputs at a kink, of the row or given, are moved off it.
    """
    row = TABLE.get(op) if isinstance(op, (Callable,)) else None  # type: ignore[arg-type]
    domain_of_row = getattr(row, "domain", None)
    where = domain or domain_of_row or REAL
    if signature:
        drawn = signature_inputs(signature, where, dtype)
    elif row is not None and row.kind == "elementwise":
        drawn = elementwise_inputs(len(row.diff), where, dtype)
    elif row is not None and getattr(row, "cases", ()):
        drawn = case_inputs(op, row.cases, row.name, where, dtype)
    else:
        from .discover import guess

        drawn = guess(op, domain or domain_of_row, dtype, kwargs)
    known = declared(kinks, row)
    if known:
        drawn = drawn.map(lambda found: (*smooth(*found[:2], known, *found[2:]), *found[2:])).filter(
            lambda found: found[0] is not None
        )
    if not kwargs:
        return drawn
    return st.builds(
        lambda found, extra: (found[0], {**found[1], **extra}, *found[2:]), drawn, options_of(kwargs)
    )


def with_options(inputs: st.SearchStrategy, kwargs: dict | None) -> st.SearchStrategy[tuple]:
    """(args, kwargs) from a strategy of argument tuples and of options."""
    return st.tuples(
        inputs.map(lambda args: args if isinstance(args, tuple) else (args,)), options_of(kwargs or {})
    )


def options_of(kwargs: dict) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in kwargs.items()}
    )


def example(op: Callable, signature: str | None = None) -> str:
    """The source text of arguments that an operation takes: the simplest that can be drawn with two
    elements or more.
    """
    from .explain import short

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
        return any(len(np.unique(leaf)) < max(leaf.size, 2) for leaf in leaves), len(repr(args))

    return ", ".join(map(short, min(found, key=plainness)))

"""Dispatch: from NumPy's protocols to a row of the table, by the quickest way that fits the call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from .compiled import compiled_form
from .generated import call
from .operation import NotDifferentiable
from .recording import has_own_arithmetic, is_tracked, outputs, record_call, refuse_lost_labels, untracked, unwrap
from .rules import Row
from .signatures import signature_of
from .table import TABLE, Plain, Primitive
from .tape import CONST
from .ufuncs import UFUNC_METHODS, assign_out

if TYPE_CHECKING:
    pass


class Calls(dict[Callable[..., Any], "Callable[..., Any]"]):
    """The recorded forms of the ufuncs, each made when it is first asked for; None for one that has none."""

    def __missing__(self, ufunc: Any) -> Any:
        row = TABLE.get(ufunc)
        call: Any = compiled_form(row, len(row.names)) if isinstance(row, Row) else None
        if row is not None:  # a row may still be entered for a function that has none
            self[ufunc] = call
        return call


UFUNC_FORMS = Calls()


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """What `__array_ufunc__` does with a ufunc that has no closure, or is not simply called."""
    row = TABLE.get(ufunc)
    if any(has_own_arithmetic(type(a)) for a in inputs):
        refuse_lost_labels(ufunc.__name__, inputs)
        return NotImplemented
    if method == "__call__" and not kwargs and row is not None:
        return apply_row(row, inputs, kwargs)
    return unusual_call(ufunc, method, inputs, kwargs)


def unusual_call(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """A ufunc's options and methods, each said with ordinary calls."""
    row = TABLE.get(ufunc)
    unrecorded = not is_tracked(inputs) and not is_tracked(list(kwargs.values()))
    if isinstance(row, Plain) or unrecorded and "out" not in kwargs and method != "at":
        result = call(getattr(ufunc, method), tuple(map(unwrap, inputs)), {k: unwrap(v) for k, v in kwargs.items()})
        return result if isinstance(row, Plain) else outputs(result, CONST)
    if row is None:
        return unknown(ufunc, inputs, kwargs)
    return UFUNC_METHODS[method](ufunc, *inputs, **kwargs)


def call_function(fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """What `__array_function__` does."""
    try:
        row = TABLE[fun]  # quicker than TABLE.get
    except KeyError:
        row = None
    if isinstance(row, Row):
        spelling = (len(args), *kwargs) if kwargs else len(args)
        try:
            form = row.forms[spelling]
        except KeyError:
            direct = row.fun is fun or len(args) <= out_position(fun)
            form = row.forms[spelling] = compiled_form(row, len(args), *kwargs) if direct else None
        result = NotImplemented if form is None else form(*args, **kwargs)
        if result is not NotImplemented:
            return result
    if row is None:
        known = getattr(fun, "__wrapped__", None)  # a recording by `jit` puts others in the place of NumPy's creators
        return (
            call_function(known, args, kwargs)
            if known is not None and known in TABLE and not isinstance(fun, Primitive)
            else unknown(fun, args, kwargs)
        )
    if "out" in kwargs or len(args) > out_position(fun):
        args, kwargs, out = without_out(fun, args, kwargs)
        if out is not None:
            return assign_out(fun, call_function(fun, args, kwargs), out)
    return apply_row(row, args, kwargs)


def apply_row(row: Any, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """Call the function of a row on tensors, in the general way."""
    return record_call(row, args, kwargs) if isinstance(row, Row) else row.apply(args, kwargs)


@cache
def out_position(fun: Callable[..., Any]) -> int:
    """Where `out` stands among a function's positional arguments, or after all of them."""
    try:
        parameters = list(signature_of(fun).parameters.values())
    except (TypeError, ValueError):
        return sys.maxsize
    return next(
        (i for i, p in enumerate(parameters) if p.name == "out" and p.kind is p.POSITIONAL_OR_KEYWORD), sys.maxsize
    )


def without_out(
    fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[Any, Any]
) -> tuple[tuple[Any, ...], dict[Any, Any], object]:
    """The arguments with `out` taken out, wherever it stood; those after it are then named."""
    kwargs, at = dict(kwargs), out_position(fun)
    out = kwargs.pop("out", None)
    if len(args) > at:
        names = list(signature_of(fun).parameters)
        out = args[at]
        kwargs.update(zip(names[at + 1 :], args[at + 1 :]))
        args = args[:at]
    return args, kwargs, out


def unknown(fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[Any, Any]) -> Any:
    """A function without a row: NumPy's own on tensors without history, refused on the others."""
    if is_tracked(args) or is_tracked(list(kwargs.values())):
        homes = [m for m in ("numpy", "scipy.special") if getattr(sys.modules.get(m), fun.__name__, None) is fun]
        module = getattr(fun, "__module__", None) or next(iter(homes), None)
        name = f"{module}.{fun.__name__}" if module else f"the ufunc {fun.__name__!r}"
        if isinstance(fun, Primitive):
            raise NotDifferentiable(
                f"{name} is a primitive without a derivative; give it one rule for each "
                f"differentiable argument, as in {fun.__name__}.defvjp(lambda ct, x: ...)"
            )
        raise NotDifferentiable(
            f"{name} has no derivative here; write it with functions that have one, define it as a "
            "tinygrad_np.primitive, or call it on x.detach()"
        )
    return untracked(fun, args, kwargs)

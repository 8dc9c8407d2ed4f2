"""Which framework a thing was written for: by its type, or by what its code names."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import pairs, pytorch, transforms
from .adapter import Foreign

FRAMEWORKS = {
    "torch": pytorch.torch,
    "jax": transforms.jax,
    "autograd": transforms.autograd,
    "mygrad": transforms.mygrad,
}
DERIVATIVES = (("_forward", "_backward"), ("_fwd", "_bwd"), ("forward_", "backward_"), ("forward", "backward"))


def as_operation(thing: Any) -> Any:
    """The operation of whatever was given; what belongs to this library, and what is not known, stays as it is.

    A pair of functions, a `torch.autograd.Function` or module, a `jax.custom_vjp`, an autograd primitive, or a function
    that names one of the frameworks in its code.
    """
    if isinstance(thing, Foreign):
        return thing
    if isinstance(thing, tuple) and len(thing) == 2 and all(map(callable, thing)):
        return pairs.numpy(*thing)
    root = framework_of(thing)
    return FRAMEWORKS[root](thing) if root else thing


def framework_of(thing: Any) -> str:
    """The framework that a thing belongs to; "" if it is one of ours, or plain NumPy."""
    if getattr(thing, "row", None) is not None or not callable(thing):
        return ""
    torch = sys.modules.get("torch")
    if torch is not None:
        if isinstance(thing, torch.nn.Module) or isinstance(thing, type) and issubclass(thing, torch.autograd.Function):
            return "torch"
    for cls in type(thing).__mro__:
        root = (cls.__module__ or "").partition(".")[0]
        if root in ("jax", "jaxlib"):
            return "jax"
    if getattr(thing, "fun", None) is not None and getattr(thing, "_is_autograd_primitive", False):
        return "autograd"
    module = (getattr(thing, "__module__", None) or "").partition(".")[0]
    if module in FRAMEWORKS:
        return module
    return named_in(thing)


def named_in(f: Any) -> str:
    """The framework whose modules or functions the code of a function names."""
    f = inspect.unwrap(f) if callable(f) else f
    code, space = getattr(f, "__code__", None), getattr(f, "__globals__", {})
    if code is None:
        return ""
    cells = dict(zip(code.co_freevars, f.__closure__ or ()))
    for name in (*code.co_names, *code.co_freevars):
        try:
            value = cells[name].cell_contents if name in cells else space.get(name)
        except ValueError:
            continue
        if value is None or isinstance(value, np.ndarray):
            continue
        root = (getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", "")) or ""
        root = root.partition(".")[0]
        if root in FRAMEWORKS:
            return root
        if isinstance(value, type) and root and framework_of(value):
            return framework_of(value)
    return ""


def and_its_backward(module: Any, name: str, found: Callable) -> Any:
    """The operation of a function of a module, with the backward pass that stands beside it under a usual name."""
    for forward, backward in DERIVATIVES:
        other = name.replace(forward, backward) if forward in name else ""
        if other and callable(getattr(module, other, None)):
            return pairs.numpy(found, getattr(module, other))
    for ending in ("_der", "_grad", "_jac", "_prime"):
        jac = getattr(module, name + ending, None)
        if callable(jac):
            hess, hessp = (getattr(module, name + more, None) for more in ("_hess", "_hess_prod"))
            return pairs.scipy(found, jac, hess, None if hess else hessp)
    return as_operation(found)

"""Pairs of plain NumPy functions, as courses, scikit-learn and SciPy write them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .adapter import Adapter, Call, Foreign, float_arrays, foreign_operation, test_text

NOT_ASKED = {
    "forward_mode": "a pair of NumPy functions has no forward mode",
    "second": "the backward pass of a pair of NumPy functions is not differentiated",
}
SELF = ("self", "ctx", "cls")


class Pair(Adapter):
    """`forward(*inputs)` and `backward(ct, *inputs)`, or `out, cache = forward(*inputs)` and `backward(ct, cache)`."""

    framework = "NumPy"
    skips = NOT_ASKED

    def __init__(self, forward: Callable, backward: Callable, cached: bool | None = None):
        super().__init__(forward, backward)
        self.back = backward
        self.cached = cached
        self.takes = parameters(backward)

    def forward(self, args, kwargs, places):
        found = self.fun(*args, **kwargs)
        if self.cached is None:
            self.cached = self.looks_cached(found, len(args))
        if self.cached:
            *outs, cache = found
            out = outs[0] if len(outs) == 1 else tuple(outs)
            return output_arrays(out), (cache, None, args, places, kwargs)
        return output_arrays(found), (None, found, args, places, kwargs)

    def looks_cached(self, found: Any, n: int) -> bool:
        """Whether the last of what forward returned is for backward alone: that takes (ct, cache) and no input."""
        if not isinstance(found, tuple) or len(found) != 2 or self.takes is None or len(self.takes) != 2:
            return False
        return n != 1 or self.takes[1] not in (parameters(self.fun) or ())

    def backward(self, kept, cts, wanted):
        cache, out, args, places, kwargs = kept
        ct = cts[0] if len(cts) == 1 else tuple(cts)
        if self.cached:
            found = self.back(ct, cache)
        else:
            takes = self.takes or ()
            more = {k: v for k, v in kwargs.items() if k in takes or "**" in takes}
            found = self.back(ct, *args, **more) if "out" not in takes else self.back(ct, *args, out=out, **more)
        several = float_arrays(list(found.values()) if isinstance(found, dict) else found)
        if len(several) < len(places):
            raise TypeError(
                f"{name_of(self.back)} returned {len(several)} gradients; expected {len(places)}, one an input"
            )
        return several if len(several) == len(places) else [several[i] for i in places]

    def test(self, name, module, arguments, options):
        name, back = name_of(self.fun, "forward"), name_of(self.back)
        inside = f"from {module} import {name}, {back}" if module else f"{name} = ...\n{back} = ..."
        kind = "cached" if self.cached else "numpy"
        call = f"gradcheck(foreign.{kind}({name}, {back}), {', '.join([*arguments, *options])})"
        return test_text(name, call, "gradcheck", ["import numpy as np"], [inside])


class Minimized(Adapter):
    """What SciPy's optimizers take: f(x), jac(x), and perhaps hess(x) or hessp(x, p)."""

    framework = "SciPy"

    def __init__(self, f: Callable, jac: Callable | bool, hess: Callable | None, hessp: Callable | None):
        super().__init__(f, jac, hess, hessp)
        self.jac, self.hess, self.hessp = jac, hess, hessp
        self.skips = {} if hess or hessp else {"second": "no hess, and no hessp, was given"}
        self.skips |= {"forward_mode": "SciPy has none"}

    def forward(self, args, kwargs, places):
        found = self.fun(*args, **kwargs)
        if self.jac is True:
            return output_arrays(found[0]), (args, kwargs, places, np.asarray(found[1]))
        return output_arrays(found), (args, kwargs, places, None)

    def backward(self, kept, cts, wanted):
        args, kwargs, places, known = kept
        slopes = np.asarray(self.jac(*args, **kwargs)) if known is None else known
        ct, n = cts[0], args[places[0]].ndim
        first = np.tensordot(ct, slopes, ct.ndim) if slopes.ndim == ct.ndim + n else ct * slopes
        return [first, *[None] * (len(places) - 1)]

    def pulled(self, what: Call, n: int):
        return Curved(self, what)

    def test(self, name, module, arguments, options):
        given = [("jac", self.jac), ("hess", self.hess), ("hessp", self.hessp)]
        parts = [(k, v if v is True else name_of(v, k)) for k, v in given if v]
        names = ", ".join([name, *[v for _, v in parts if v is not True]])
        real = module and all(getattr(v, "__name__", "").isidentifier() for _, v in given if callable(v))
        inside = f"from {module} import {names}" if real else "\n".join(f"{v} = ..." for v in names.split(", "))
        spelled = ", ".join([name, *[f"{k}={v}" for k, v in parts]])
        call = f"gradcheck(foreign.scipy({spelled}), {', '.join([*arguments, *options])}, order=2)"
        return test_text(name, call, "gradcheck", ["import numpy as np"], [inside])


class Curved(Adapter):
    """The gradient ct * jac(x) as an operation of ct and x, whose derivative is the Hessian."""

    framework = "SciPy"

    def __init__(self, of: Minimized, what: Call):
        super().__init__(of.fun, *of.written)
        self.of, self.what = of, what

    def forward(self, args, kwargs, places):
        ct, x = args
        full = tuple(self.what.filled([x]))
        return output_arrays(self.of.backward((full, self.what.kwargs, self.what.places, None), [ct], (True,))[0]), (
            ct,
            full,
        )

    def backward(self, kept, cts, wanted):
        (ct, full), (v,) = kept, cts
        of, kwargs, x = self.of, self.what.kwargs, kept[1][self.what.places[0]]
        slopes = np.asarray(of.jac(*full, **kwargs)) if of.jac is not True else np.asarray(of.fun(*full, **kwargs)[1])
        if of.hess is not None:
            curve = np.asarray(of.hess(*full, **kwargs)).reshape(x.size, x.size) @ v.reshape(-1)
        else:
            i = self.what.places[0]
            curve = np.asarray(of.hessp(*full[: i + 1], v, *full[i + 1 :], **kwargs))
        return [np.sum(v * slopes), ct * curve.reshape(x.shape)]


def numpy(forward: Callable, backward: Callable) -> Foreign:
    """The operation of `forward(*inputs)` and `backward(ct, *inputs)`, which returns a gradient for each input.

    `backward` may also ask for `out`. A pair that hands on a cache is recognized; `cached` says it.

    >>> import numpy as np
    >>> square = numpy(lambda x: x * x, lambda ct, x: 2 * x * ct)
    >>> from tinygrad_np.testing import gradcheck
    >>> bool(gradcheck(square, np.array([0.5, 2.0])))
    True
    """
    return foreign_operation(Pair(forward, backward), drop=len(set((parameters(forward) or ())[:1]) & set(SELF[1:])))


def cached(forward: Callable, backward: Callable) -> Foreign:
    """The operation of `out, cache = forward(x, w, b)` and `dx, dw, db = backward(dout, cache)`."""
    return foreign_operation(Pair(forward, backward, cached=True))


def scipy(f: Callable, jac: Callable | bool = True, hess: Callable | None = None, hessp: Callable | None = None):
    """The operation of SciPy's `f(x)`, `jac(x)`, `hess(x)`, `hessp(x, p)`; with `jac=True`, f returns both."""
    if hess is not None and hessp is not None:
        return foreign_operation(Minimized(f, jac, hess, None)), foreign_operation(Minimized(f, jac, None, hessp))
    return foreign_operation(Minimized(f, jac, hess, hessp))


def parameters(f: Callable) -> tuple[str, ...] | None:
    """The names of a function's parameters; None where they cannot be read."""
    try:
        found = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    return tuple("**" if p.kind is p.VAR_KEYWORD else p.name for p in found)


def name_of(f: Any, otherwise: str = "backward") -> str:
    """The name of a function, where it has one."""
    name = getattr(f, "__name__", type(f).__name__)
    return name if name.isidentifier() else otherwise


def output_arrays(out: Any) -> Any:
    """What a function returned, numbers as arrays."""
    return tuple(np.asarray(o) for o in out) if isinstance(out, (list, tuple)) else np.asarray(out)

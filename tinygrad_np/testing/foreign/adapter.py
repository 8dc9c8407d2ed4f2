"""An operation from elsewhere as one of ours: recorded on the tape, pulled back by its own backward pass.

An adapter says how a framework is called: `forward` on arrays, `backward` with what forward kept. The tape keeps what
forward kept, so that a backward pass is the one that belongs to its call, whatever was called in between. Where the
framework can differentiate a backward pass, `pulled` is that pass as an operation of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.table import Primitive
from ...engine.tensor import Tensor
from ..failures import Skipped


class Adapter:
    """How one operation of a framework is called; the base is a refusal of everything."""

    framework = ""
    skips: dict[str, str] = {}  # checks that make no sense here, and why
    examples = 100  # inputs that are drawn, where the user does not say: some frameworks are slow
    options: tuple[str, ...] = ()  # parameters that are not arrays and have no default

    def __init__(self, fun: Callable, *written: Any):
        self.fun = fun
        self.written = (fun, *written)

    def forward(self, args: tuple, kwargs: dict, places: list[int]) -> tuple[Any, Any]:
        """(outputs as arrays, what backward needs) for arguments of which those at `places` are float arrays."""
        raise NotImplementedError

    def value(self, args: tuple, kwargs: dict, places: list[int]) -> Any:
        """The outputs alone."""
        return self.forward(args, kwargs, places)[0]

    def backward(self, kept: Any, cts: list[np.ndarray], wanted: tuple[bool, ...]) -> list:
        """The gradients of the arguments at `places`, None for zero, or where none is wanted."""
        raise NotImplementedError

    def pulled(self, what: Call, n: int) -> Adapter | None:
        """The backward pass as an operation of n cotangents and the operands; None if it has no derivative."""
        return None

    def pushforward(self, what: Call, arrays: list[np.ndarray], tangents: list[np.ndarray]) -> Any:
        """J u in the framework's own forward mode; None where it has none."""
        return None

    def test(self, name: str, module: str, arguments: list[str], options: list[str]) -> str:
        """A test to paste, for the framework's users."""
        raise NotImplementedError


class Call:
    """The arguments of one call around its arrays: what is at which place, and the options."""

    def __init__(self, adapter: Adapter, args: tuple, kwargs: dict, places: list[int]):
        self.adapter, self.args, self.kwargs, self.places = adapter, args, kwargs, places

    def filled(self, parts: Any) -> list:
        """The arguments with these at the places of the arrays."""
        args = list(self.args)
        for i, part in zip(self.places, parts):
            args[i] = part
        return args

    def run(self, parts: Any) -> tuple[Any, Any]:
        """(outputs, kept), the outputs as arrays whose memory may be the framework's."""
        out, kept = self.adapter.forward(tuple(self.filled(parts)), self.kwargs, self.places)
        self.shapes = [(o.shape, o.dtype) for o in (out if isinstance(out, tuple) else (out,))]
        return tuple(map(seen, out)) if isinstance(out, tuple) else seen(out), kept


def seen(a: np.ndarray) -> np.ndarray:
    """An array whose memory belongs to another framework, as a view of one of NumPy's."""
    return a if a.base is None or isinstance(a.base, np.ndarray) else a[...]


def run_foreign(parts, what):
    """The outputs alone."""
    return what.run(parts)[0]


run_foreign.__name__ = "call"  # which pictures and messages say


def pull(ct, parts, aux, what, tracked):
    """The gradients by the backward pass of the operation; of tensors, as an operation again."""
    cts = list(ct) if isinstance(ct, (list, tuple)) else [ct]
    cts = [c if c is None or isinstance(c, Tensor) else np.asarray(c) for c in cts]
    if any(c is None for c in cts):  # an output that is not used
        shapes = what.shapes
        cts = [np.zeros(*shape) if c is None else c for c, shape in zip(cts, shapes)]
    if not any(isinstance(a, Tensor) for a in (*cts, *parts)):
        found = what.adapter.backward(aux, cts, tracked)
        return [np.zeros(p.shape, p.dtype) if g is None else g for g, p in zip(found, parts)]
    pulled = what.adapter.pulled(what, len(cts))
    if pulled is None:
        raise Skipped(f"a backward pass of {what.adapter.framework} has no derivative")
    found = apply(pulled, [*cts, *parts], {})
    return list(found) if isinstance(found, (list, tuple)) else [found]


apply_call = Primitive(run_foreign)
apply_call.defvjp(
    pull, diff=("parts",), joint=True, conj=False, aux=(lambda parts, what: what.run(parts), lambda parts, what: None)
)


def apply(adapter: Adapter, args: list, kwargs: dict) -> Any:
    """Call an operation from elsewhere; floating arrays and tensors among the positional arguments are its operands."""
    places = [i for i, a in enumerate(args) if floating(a)]
    rest = tuple(None if i in places else a for i, a in enumerate(args))
    parts = [a if isinstance(a, Tensor) else np.asarray(a) for a in (args[i] for i in places)]
    what = Call(adapter, rest, kwargs, places)
    if any(isinstance(a, Tensor) for a in parts):
        return apply_call(parts, what)
    out = adapter.value(tuple(what.filled(parts)), kwargs, places)
    return tuple(map(seen, out)) if isinstance(out, tuple) else seen(out)


def floating(a: Any) -> bool:
    """Whether an argument may vary: a floating array, number of NumPy, or tensor."""
    return isinstance(a, (Tensor, np.ndarray, np.generic)) and np.dtype(a.dtype).kind in "fc"


class Foreign:
    """An operation of another framework: what `check_op`, `gradcheck`, the fixture and the command line take."""

    def __init__(self, adapter: Adapter, name: str, module: str, signature: inspect.Signature | None):
        self.adapter = adapter
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = adapter.fun.__doc__
        self.__wrapped__ = adapter.fun
        if signature is not None:
            self.__signature__ = signature

    @property
    def written_by_the_user(self) -> tuple:
        """The functions in which thresholds are looked for."""
        return self.adapter.written

    @property
    def skips(self) -> dict[str, str]:
        """Checks that make no sense for this framework, and why."""
        return self.adapter.skips

    def complete(self, args: tuple) -> tuple:
        """The arguments, with those that were left out."""
        return args

    def push(self, args: list, tangents: list) -> Any:
        """J u in the framework's own forward mode; None where it has none."""
        places = [i for i, a in enumerate(args) if floating(a)]
        if len(places) != len(tangents):
            return None
        rest = tuple(None if i in places else a for i, a in enumerate(args))
        return self.adapter.pushforward(Call(self.adapter, rest, {}, places), [args[i] for i in places], tangents)

    def __repr__(self) -> str:
        return f"<{self.adapter.framework} operation {self.__name__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return apply(self.adapter, list(args), kwargs)


def foreign_operation(adapter: Adapter, fun: Callable | None = None, drop: int = 0, name: str = "") -> Foreign:
    """The operation of an adapter, named after a function, whose first parameters may be dropped (ctx, self)."""
    fun = adapter.fun if fun is None else fun
    try:
        signature = inspect.signature(fun)
        signature = signature.replace(parameters=list(signature.parameters.values())[drop:])
    except (TypeError, ValueError):
        signature = None
    module = getattr(adapter.fun, "__module__", None) or "__main__"
    return Foreign(adapter, name or getattr(adapter.fun, "__name__", type(adapter.fun).__name__), module, signature)


def as_plain(a: Any) -> Any:
    """An array of another framework, alone or in a container, as one of NumPy."""
    if isinstance(a, (list, tuple)) and type(a) in (list, tuple):
        return type(a)(map(as_plain, a))
    root = type(a).__module__.partition(".")[0]
    if root in ("torch", "jax", "jaxlib", "mygrad") and hasattr(a, "shape"):
        if root == "torch":
            return np.array(a.detach().cpu().resolve_conj().resolve_neg().numpy())
        return np.array(a.data if root == "mygrad" else a)
    return a


def float_arrays(arrays: Any) -> list:
    """What a backward pass returned, one or several, as arrays; None stays."""
    several = arrays if isinstance(arrays, (list, tuple)) else (arrays,)
    return [None if a is None else np.asarray(a) for a in several]


def test_text(name: str, call: str, uses: str, imports: list[str], lines: list[str]) -> str:
    """A test of an operation from elsewhere, as source text."""
    head = "\n".join([*imports, f"from tinygrad_np.testing import {uses}, foreign", *lines])
    return f"{head}\n\n\ndef test_{name if name.isidentifier() else 'gradient'}():\n    {call}"

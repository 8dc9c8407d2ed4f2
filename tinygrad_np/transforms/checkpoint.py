"""Checkpointing: a function is recorded as one operation that keeps only its inputs and runs again for its pullback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.modes import current, mode, setting
from ..engine.operation import Operation
from ..engine.recording import selected, unwrap, watched_node, wrap
from ..engine.signatures import Parameters, Result
from ..engine.tape import Node, new_node, next_serial, oldest_first, pullback, pushforward, together
from ..engine.tensor import Tensor
from ..engine.tracing import concrete
from .arguments import require_function
from .containers import flatten


class Checkpointed(Operation):
    """One call: it knows how to compute the call again, on the same nodes."""

    kind = "checkpoint"

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[Any, Any], values: list[np.ndarray]
    ) -> None:
        self.f, self.args, self.kwargs, self.values = f, args, kwargs, values
        self.name = f"checkpoint({getattr(f, '__name__', 'function')})"

    def recompute(self) -> list[Any]:
        """The outputs, recorded this time; they must be what they were, or the gradient would be another function's."""
        with setting(recording=True):
            outs = [
                out
                for out in flatten(self.f(*self.args, **self.kwargs))[0]
                if isinstance(out, Tensor) and out._node.tracked
            ]
        for out, value in zip(outs, self.values):
            if not np.array_equal(concrete(unwrap(out)), concrete(value), equal_nan=value.dtype.kind in "fc"):
                raise RuntimeError(
                    f"{self.name}: the function gave another result when it was computed again; it must "
                    "not draw random numbers or depend on what changes"
                )
        return outs

    def pull_all(self, node: Node, ct: Any, lift: Any) -> list[Any]:
        cts = ct if isinstance(ct, tuple) else (ct,)
        outs = self.recompute()
        used = getattr(ct, "used", range(len(outs)))
        root = together(outs[i]._node for i in used)
        total = pullback(root, tuple(cts[i] for i in used), wanted=node.parents, lift=lift)
        return [total.get(parent) for parent in node.parents]

    def pushforward(self, node: Node, ts: list[Any], lift: Any) -> Any:
        outs = self.recompute()
        tangents = {parent: t for parent, t in zip(node.parents, ts) if t is not None}
        dots = pushforward([out._node for out in outs], tangents, lift)
        dots = [np.zeros(out.shape, out.dtype) if dot is None else dot for dot, out in zip(dots, outs)]
        return dots if isinstance(node.shape, list) else dots[0]


def checkpoint(f: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function with the values and derivatives of f that keeps nothing of its inside: its pullback computes f again.

    Memory for time: residuals of a long f live only while its own gradient is computed. f must give the same
    result each time it is called. Tensors that f closes over, such as parameters, get their gradients too.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: np.exp(np.sin(x)))(x).backward(np.ones(2))
    >>> np.allclose(x.grad, np.exp(np.sin([1, 2])) * np.cos([1, 2]))
    True
    """
    require_function("checkpoint", f)

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not current().recording:
            return f(*args, **kwargs)
        start = next_serial()
        outs, _, rebuild = flatten(f(*args, **kwargs))
        tracked = [out for out in outs if isinstance(out, Tensor) and out._node.serial > start]
        inside = oldest_first([out._node for out in tracked], start)
        parents = tuple(dict.fromkeys(p for node in inside for p in node.parents if 0 <= p.serial < start))
        if not parents:
            return rebuild(outs)
        row = Checkpointed(f, args, kwargs, [out._array for out in tracked])
        node = new_node(row, parents, (None,), [out.shape for out in tracked], [out.dtype for out in tracked])
        if mode.get() is not None:
            node = watched_node(node, [out._array for out in tracked])
        fresh = {id(out): wrap(out._array, selected(node, i, out._array)) for i, out in enumerate(tracked)}
        return rebuild([fresh.get(id(out), out) for out in outs])

    return checkpointed

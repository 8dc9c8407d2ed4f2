"""Debugging: every recorded operation and every pullback is looked at, and the first bad one is named with its line."""

from __future__ import annotations

import zlib
from weakref import WeakKeyDictionary

import numpy as np

from .aliasing import MutationError
from .modes import setting
from .notes import user_frame
from .tape import Node


class NonFiniteError(FloatingPointError):
    """An operation made the first NaN or infinity."""


def caller() -> str:
    """'file:line in function' of the innermost caller outside this package and NumPy."""
    frame = user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def non_finite(a, infinity: bool) -> str | None:
    """What is wrong with an array: 'NaN' or 'infinity' and where it is first, or None."""
    a = np.asarray(getattr(a, "array", a))
    if a.dtype.kind not in "fc":
        return None
    bad = ~np.isfinite(a) if infinity else np.isnan(a)
    if not bad.any():
        return None
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    kind = "NaN" if np.isnan(a[index]) else "infinity"
    return f"{kind} at {list(index)}" if index else kind


def digest(saved) -> int:
    """A checksum of all arrays among some residuals."""
    if isinstance(saved, np.ndarray):
        return zlib.crc32(np.ascontiguousarray(saved).data) if not saved.dtype.hasobject else 0
    return hash(tuple(map(digest, saved))) if isinstance(saved, (tuple, list)) else 0


class debug(setting):
    """Inside, the first operation to make a NaN or an infinity raises, forward or backward, and so does a pullback
    whose residuals were changed since they were recorded. The error names the operation, the shapes and your line.

    With `infinity=False` only NaN counts, as where masks are made of infinities. Costs a few times the arithmetic.

    >>> import tinygrad_np as tg
    >>> x = tg.Tensor([0.0, 1.0], requires_grad=True)
    >>> with np.errstate(all="ignore"), debug():
    ...     np.log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_np.engine.debugging.NonFiniteError: log of (2,) float64 made infinity at [0] in its result ...
    """

    def __init__(self, *, infinity: bool = True):
        super().__init__(watch=Watch(infinity))
        self._infinity = infinity

    def _recreate_cm(self):
        return debug(infinity=self._infinity)


class Watch:
    """What looks at each node while `debug` is on."""

    def __init__(self, infinity: bool):
        self.infinity = infinity
        self.known: WeakKeyDictionary[Node, tuple[str, int]] = WeakKeyDictionary()

    def forward(self, node: Node, out) -> None:
        """Look at what an operation made."""
        line = caller()
        self.known[node] = line, digest(node.saved)
        for result in out if isinstance(out, (list, tuple)) else (out,):
            wrong = non_finite(result, self.infinity)
            if wrong:
                operands = ", ".join("a constant" if p.dtype is None else f"{p.shape} {p.dtype}" for p in node.parents)
                raise NonFiniteError(
                    f"{node.op.name} of {operands} made {wrong} in its result {result.shape} {result.dtype}; {line}"
                )

    def before(self, node: Node) -> None:
        """Look at the residuals of a node that is about to be pulled back through."""
        line, recorded = self.known.get(node, ("", None))
        if recorded is not None and digest(node.saved) != recorded:
            raise MutationError(
                f"an array that {node.op.name} needs for its gradient was changed after it was "
                f"recorded; recorded at {line}"
            )

    def backward(self, node: Node, parent: Node, g) -> None:
        """Look at a cotangent."""
        wrong = non_finite(g, self.infinity)
        if wrong:
            line = self.known.get(node, ("an operation recorded outside debug()", 0))[0]
            raise NonFiniteError(
                f"the gradient of {node.op.name} made {wrong} in the cotangent {parent.shape} "
                f"{parent.dtype} of its operand {node.parents.index(parent)}; recorded at {line}"
            )

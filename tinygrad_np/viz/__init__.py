"""See the graph: one description of what was recorded, drawn in every format and proven equal to the tape.

schema.py what a graph is, labels.py says it in words, collapse.py what to show, writers/ one a format, check.py the
proof, cuts.py why no gradient arrives, view.py all of it as the methods of a view; residuals.py, gradients.py and
scopes.py read a tape's nodes, capture.py makes them a view; diff.py compares two, summary.py is a model's table.
This page imports none of them before it is used: `import tinygrad_np` pays nothing for pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.callers import user_frame

if TYPE_CHECKING:
    from .diff import GraphDiff
    from .view import GraphView


def graph(
    outputs: Any,
    *,
    model: Any = None,
    names: dict[str, Any] | None = None,
    values: bool | None = None,
    grads: bool | None = None,
    title: str | None = None,
) -> GraphView:
    """Describe the computation of a tensor, or of several, as a `GraphView`: names, shapes, bytes, no arrays.

    `model` names the parameters and modules; without it, the outermost module that was called does. `names` (such
    as `locals()`) names further tensors and arrays, and so do the variables of the code that calls this, where just
    one of them holds a tensor; {} for none. `values` shows every node's numbers, or range and distribution;
    `grads` its gradient, found by pulling ones back from the outputs once more; no `.grad` changes. By default both
    are shown for graphs of numbers and small arrays. Works before and after `backward`.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([[1.0, 2.0]], requires_grad=True, name="x")
    >>> print(tg.graph(np.tanh(x) @ np.ones((2, 3)), values=False, grads=False).collapse("none").to_text())
    %0 = x  (1, 2) float64, requires grad
    %1 = tanh(%0)  (1, 2) float64, keeps 16 B
    %2 = data  (2, 3) float64, no grad
    %3 = matmul(%1, %2)  (1, 3) float64, keeps 48 B
    2 operations, 2 leaves, 3 edges; backward keeps 64 B
    """
    from .capture import capture

    frame = user_frame() if names != {} else None
    return capture(outputs, model, names=names, frame=frame, values=values, grads=grads, title=title)


def graph_diff(a: GraphView, b: GraphView) -> GraphDiff:
    """What differs between two graphs: operations added, removed, reshaped, rewired. False when nothing does.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(graph_diff(np.sin(x).sum().graph(), np.sin(np.exp(x)).sum().graph()))
    + exp#0  (2,) float64
    """
    from .diff import graph_diff

    return graph_diff(a, b)


def named(tensor, name: str):
    """Give a tensor a name, for pictures and errors, and give it back: an intermediate is named where it is made.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor(0.5, requires_grad=True, name="x")
    >>> y = np.sin(tg.named(2 * x, "angle"))
    >>> y.graph()["angle"].op
    'multiply'
    """
    if isinstance(tensor, str):
        tensor, name = name, tensor
    if not hasattr(tensor, "node") or not isinstance(name, str):
        raise TypeError(f"named: found a {type(tensor).__name__} and a {type(name).__name__}; expected a Tensor, a str")
    tensor.name = name
    return tensor


def __getattr__(name: str):
    if name in ("Node", "Edge", "Scope", "GraphMismatch"):
        from . import schema

        return getattr(schema, name)
    if name == "GraphView":
        from .view import GraphView

        return GraphView
    if name == "GraphvizMissing":
        from .writers.svg import GraphvizMissing

        return GraphvizMissing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""See the graph: one description of what was recorded, drawn in every format and proven equal to the tape.

schema.py what a graph is, labels.py says it in words, collapse.py what to show, writers/ one a format, check.py the
proof, cuts.py why no gradient arrives, view.py all of it as the methods of a view; residuals.py, gradients.py and
scopes.py read a tape's nodes, capture.py makes them a view; diff.py compares two, summary.py is a model's table.
This page imports none of them before it is used: `import tinygrad_np` pays nothing for pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .diff import GraphDiff
    from .view import GraphView


def graph(
    outputs: Any,
    *,
    model: Any = None,
    names: dict[str, Any] | None = None,
    grads: bool = False,
    title: str | None = None,
) -> GraphView:
    """Describe the computation of a tensor, or of several, as a `GraphView`: names, shapes, bytes, no arrays.

    `model` names the parameters and modules; without it, the outermost module that was called does. `names` (such
    as `locals()`) names further tensors. With `grads=True` the norm of the cotangent at every node is found too, by
    pulling ones back from the outputs once more; no `.grad` changes. Works before and after `backward`.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([[1.0, 2.0]], requires_grad=True, name="x")
    >>> print(tg.graph(np.tanh(x) @ np.ones((2, 3))).collapse("none").to_text())
    %0 = x  (1, 2) float64, requires grad
    %1 = tanh(%0)  (1, 2) float64, keeps 16 B
    %2 = data  (2, 3) float64, no grad
    %3 = matmul(%1, %2)  (1, 3) float64, keeps 48 B
    2 operations, 2 leaves, 3 edges; backward keeps 64 B
    """
    from .capture import capture

    return capture(outputs, model, names=names, grads=grads, title=title)


def graph_diff(a: GraphView, b: GraphView) -> GraphDiff:
    """What differs between two graphs: operations added, removed, reshaped, rewired. False when nothing does.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(graph_diff(np.sin(x).sum().graph(), np.sin(np.exp(x)).sum().graph()))
    + exp#0  (2,) float64
    """
    from .diff import graph_diff

    return graph_diff(a, b)


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

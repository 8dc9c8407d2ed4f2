"""See the graph: one description of what was recorded, drawn in every format and proven equal to the tape.

schema.py what a graph is, values.py what is said of an array, labels.py says it in words, collapse.py what to show,
writers/ one a format, check.py the proof, cuts.py why no gradient arrives, view.py all of it as the methods of a view.
residuals.py, formulas.py, gradients.py and scopes.py read a tape's nodes, names.py and naming.py call them something,
capture.py makes them a view; building.py makes views of other graphs for traced.py, torch_graph.py and jax_graph.py;
diff.py compares two views, summary.py is a model's table.
This page imports none of them before it is used: `import tinygrad_np` pays nothing for pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.callers import user_frame
from ..engine.public import public_names

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
    >>> print(tg.graph(np.exp(x) @ np.ones((2, 3)), values=False, grads=False).collapse("none").to_text())
    %0 = x  (1, 2) float64, requires grad
    %1 = exp(%0)  (1, 2) float64, keeps 16 B
    %2 = data  (2, 3) float64, no grad
    %3 = matmul(%1, %2)  exp(x) @ …  (1, 3) float64, keeps 48 B
    2 operations, 2 leaves, 3 edges; backward keeps 64 B
    """
    from .capture import capture

    frame = user_frame() if names != {} else None
    return capture(outputs, model, names=names, frame=frame, values=values, grads=grads, title=title)


def trace(f: Callable, *arrays: Any, title: str | None = None) -> GraphView:
    """The graph of a plain NumPy function on some arrays: every call of NumPy it makes, no gradient needed.

    `f` gets stand-ins that behave as arrays of the same values, so a branch on a value is the branch that is taken.
    Parameters of `f` name its inputs. Raises TypeError where `f` needs an ndarray itself, as `np.asarray` makes one.

    >>> import numpy as np, tinygrad_np as tg
    >>> print(tg.trace(lambda x: (np.sort(x) > 1).sum(), np.array([3.0, 1.0])))
    %0 = x  (2,) float64, no grad, data [3.0000 1.0000]
    %1 = sort(%0)  (2,) float64, data [1.0000 3.0000]
    %2 = 1  () int64, no grad
    %3 = greater(%1, %2)  sort(x) > 1  (2,) bool, data [0 1]
    %4 = sum(%3)  () int64, data 1
    3 operations, 2 leaves, 4 edges; no gradient is recorded
    """
    from .traced import traced

    return traced(f, arrays, title)


def from_torch(outputs: Any, model: Any = None, *, title: str | None = None) -> GraphView:
    """PyTorch's autograd graph of a tensor, or of several: what backward will run, and what it keeps until then.

    Parameters have the names that `model` gives them, operations the module whose parameters they use.
    """
    from .torch_graph import of_torch

    return of_torch(outputs, model, title)


def from_jax(f: Callable, *args: Any, title: str | None = None) -> GraphView:
    """What JAX traces of `f(*args)`: the jaxpr, inner calls as modules; `f` may be a jaxpr that was made already."""
    from .jax_graph import of_jax

    return of_jax(f, args, title)


def graph_diff(a: GraphView, b: GraphView) -> GraphDiff:
    """What differs between two graphs: operations added, removed, reshaped, rewired. False when nothing does.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(graph_diff(np.sin(x).sum().graph(), np.sin(np.exp(x)).sum().graph()))
    + exp#0  (2,) float64
    """
    from .diff import graph_diff

    return graph_diff(a, b)


def named(tensor: Any, name: str):
    """Give a tensor a name, for pictures and errors, and give it back: an intermediate is named where it is made.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor(0.5, requires_grad=True, name="x")
    >>> y = np.sin(tg.named(2 * x, "angle"))
    >>> y.graph()["angle"].op
    'multiply'
    """
    if isinstance(tensor, str):
        tensor, name = name, tensor
    if not hasattr(tensor, "_node") or not isinstance(name, str):
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


def __dir__() -> list[str]:
    return public_names(globals())

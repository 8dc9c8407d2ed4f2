"""Why no gradient reaches a tensor: the step that took its values off the tape, as far as it was noted."""

from __future__ import annotations

from typing import Any

from ..engine.tape import oldest_first
from ..engine.watchers import CUTS
from .labels import plural
from .schema import Graph


def why_no_grad(view: Graph, x: Any) -> str:
    """See `GraphView.why_no_grad`."""
    node = getattr(x, "_node", None)
    if node is None:
        return (
            f"it is a plain {type(x).__name__}, not a Tensor: nothing that is done to it is recorded; "
            "make it with tg.Tensor(data, requires_grad=True)"
        )
    name = x.name or f"this tensor of shape {x.shape}"
    roots = [ref() for ref in (view.whole or view).tape]
    if not roots or None in roots:
        return "the tape of this graph is gone: keep its output tensor, and ask before it is deleted"
    if x.dtype.kind not in "fc":
        return (
            f"{name} has dtype {x.dtype}, and integer and boolean tensors cannot require a gradient; "
            "make it with dtype=float"
        )
    if not node.tracked:
        made = (
            "it is a leaf made without requires_grad=True"
            if x.is_leaf and node.dtype is not None
            else "it was computed from tensors without requires_grad=True, or inside no_grad"
        )
        return f"{name} does not require a gradient: {made}, or it was detached"
    if node in set(oldest_first(roots)):
        return f"a gradient does reach {name}: {ways(view, roots, node)}"
    steps = CUTS.get(node)
    if steps:
        one = "step" if len(steps) == 1 else f"{len(steps)} steps"
        return f"{name}, or what was computed from it, left the tape at the {one}: {'; '.join(steps)}"
    return (
        f"{name} requires a gradient, but nothing recorded leads from it to {view.title or 'the output'}; compute "
        "the output again inside `with tg.record():`, then this names the line that cut it off"
    )


def ways(view: Graph, roots: list, node) -> str:
    """How a node is used on the tape."""
    users = [other.op.name for other in oldest_first(roots) for parent in other.parents if parent is node]
    if not users:
        return "it is the output itself"
    return f"{plural(len(users), 'operation')} use{'s' * (len(users) == 1)} it ({', '.join(dict.fromkeys(users))})"

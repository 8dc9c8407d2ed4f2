"""The proof that a picture is the tape: both are walked anew, by other code than drew it, and compared edge by edge."""

from __future__ import annotations

import re
from collections import Counter

from .labels import plural
from .schema import Graph, GraphMismatch
from .writers.dot import to_dot
from .writers.quoting import short_id, unquote

EDGE = re.compile(r'^("(?:[^"\\]|\\.)*") -> ("(?:[^"\\]|\\.)*") \[id="e(\d+)"', re.DOTALL | re.MULTILINE)


def check(view: Graph) -> str:
    """See `GraphView.check`."""
    whole = view.whole or view
    against = "what was recorded (the tape is gone)"
    roots = [ref() for ref in whole.tape]
    if roots and all(root is not None for root in roots):
        require_same(recorded(whole), walked(roots), "the tape")
        against = "the tape"
    same_drawing(view)
    same_boxes(view, whole)
    return (
        f"{plural(len(view.nodes), 'node')} and {plural(len(view.edges), 'edge')} drawn: "
        f"{plural(len(whole.edges), 'edge')} equal to {against}"
    )


def walked(roots: list) -> Counter:
    """The edges of a tape, (operand, slot, operation) by their places in the order of creation, with what they join."""
    seen, stack = {}, list(roots)
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            stack.extend(parent for parent in node.parents if parent.tracked)
    places = {
        id(node): place for place, node in enumerate(sorted(seen.values(), key=lambda n: n.serial)) if node.tracked
    }
    edges: Counter = Counter()
    for node in seen.values():
        for slot, parent in enumerate(node.parents):
            edges[places.get(id(parent), "constant"), slot, places[id(node)], node.op.name, str(node.shape)] += 1
    return edges


def recorded(whole: Graph) -> Counter:
    """The same of a view, from its nodes and edges alone."""
    tracked = [n for n in whole.nodes if n.kind not in ("data", "const")]
    # Leaves and operations share one order on the tape; edges run forward in it, so it is found again from them.
    places = {n.id: place for place, n in enumerate(tracked)}
    by_id = {n.id: n for n in tracked}
    edges: Counter = Counter()
    for e in whole.edges:
        shape = by_id[e.dst].shape
        written = str(list(shape) if shape and isinstance(shape[0], tuple) else shape)
        edges[places.get(e.src, "constant"), e.slot, places[e.dst], by_id[e.dst].op, written] += 1
    return edges


def same_drawing(view: Graph) -> None:
    """The edges in the DOT text are the view's, each once."""
    drawn = Counter((unquote(src), unquote(dst), int(i)) for src, dst, i in EDGE.findall(to_dot(view, legend=False)))
    require_same(Counter((clean(e.src), clean(e.dst), i) for i, e in enumerate(view.edges)), drawn, "the DOT text")


def clean(name: str) -> str:
    """A name as DOT can hold it."""
    return short_id(name).replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def same_boxes(view: Graph, whole: Graph) -> None:
    """Every recorded node is in one box at most, and every edge between two boxes is counted in one drawn edge."""
    box: dict[str, str] = {}
    for node in view.nodes:
        for member in node.members or (node,):
            if member.id in box:
                raise GraphMismatch(f"{member.id} is in two boxes, {box[member.id]} and {node.id}")
            box[member.id] = node.id
    crossing: Counter = Counter()
    for e in whole.edges:
        if e.src in box and e.dst in box and box[e.src] != box[e.dst]:
            crossing[box[e.src], box[e.dst]] += 1
    drawn: Counter = Counter()
    for e in view.edges:
        drawn[e.src, e.dst] += e.times
    require_same(drawn, crossing, "the recorded edges between its boxes")


def require_same(a: Counter, b: Counter, what: str) -> None:
    """Raise with the first edge that only one of the two has."""
    if a != b:
        extra, missing = a - b, b - a
        edge = next(iter(extra or missing))
        raise GraphMismatch(
            f"the picture and {what} differ: {'only the picture' if extra else f'only {what}'} has "
            f"{edge}; {sum(extra.values())} too many, {sum(missing.values())} missing"
        )

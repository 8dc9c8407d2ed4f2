"""GraphView: what a tape recorded, as plain data: names, shapes, bytes, norms and edges; it keeps no array alive.

A view is never changed: `collapse`, `focus` and `path` return another view that remembers the whole one. Every
writer draws a view's `nodes` and `edges`, so one plan decides what all formats show.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

MAX_NODES = 150         # more boxes than this nobody reads


class Saved(NamedTuple):
    """One array that a node keeps for backward; `counted` marks the first holder of its buffer."""

    name: str
    shape: tuple
    dtype: str
    nbytes: int
    counted: bool


class Node(NamedTuple):
    """One recorded operation, one leaf, or (with `members`) a box that stands for several of them.

    `kind` is op, param, leaf (another tensor that requires a gradient), data (an array that does not), const (a
    number), or one of the collapsed kinds module, chain, block. `order` is 0 for the forward computation, 1 for
    what a derivative recorded, 2 for what a derivative of that did. `step` numbers the visits of a backward pass.
    `uses` counts the edges along which a gradient comes back and is added up.
    """

    id: str
    kind: str
    op: str
    shape: tuple | None = None
    dtype: str | None = None
    nbytes: int = 0
    scope: str | None = None
    args: str = ""
    order: int = 0
    step: int | None = None
    uses: int = 0
    saved: tuple[Saved, ...] = ()
    freed: bool = False
    grad_norm: float | None = None
    source: str | None = None
    time_ns: int | None = None
    elementwise: bool = False
    title: str = ""
    members: tuple[Node, ...] = ()

    @property
    def is_leaf(self) -> bool:
        """Whether the tape ends here."""
        return self.kind in LEAVES

    @property
    def color(self) -> str:
        """The name of its color in the palette: its kind, or derivative for what a derivative recorded."""
        return "derivative" if self.kind == "op" and self.order else self.kind

    @property
    def ops(self) -> int:
        """How many recorded operations this stands for."""
        return sum(m.ops for m in self.members) if self.members else int(not self.is_leaf)

    @property
    def saved_nbytes(self) -> int:
        """Bytes kept for backward, each buffer counted at its first holder."""
        if self.members:
            return sum(m.saved_nbytes for m in self.members)
        return sum(s.nbytes for s in self.saved if s.counted)

    @property
    def shared_nbytes(self) -> int:
        """Bytes kept for backward in buffers that an earlier node, or a parameter, holds as well."""
        if self.members:
            return sum(m.shared_nbytes for m in self.members)
        return sum(s.nbytes for s in self.saved if not s.counted)

    @property
    def leaves(self) -> tuple[Node, ...]:
        """The leaves that are drawn as rows of this box."""
        return tuple(m for m in self.members if m.is_leaf)


LEAVES = ("param", "leaf", "data", "const")


class Edge(NamedTuple):
    """Operand `slot` of `dst` is the value of `src`; `summed` are the axes of `dst` over which the gradient is summed.

    `operand` is the parameter's name in the operation. In a collapsed view `count` edges of the tape are one.
    `over_batch` says that the axes in `summed` are the batch's.
    """

    src: str
    dst: str
    slot: int
    operand: str = ""
    shape: tuple | None = None
    tracked: bool = True
    summed: tuple[tuple[int, int], ...] = ()
    grad_norm: float | None = None
    count: int = 1
    over_batch: bool = False


class Scope(NamedTuple):
    """One call of a module (or of a function that is made of others): its nodes are drawn together."""

    id: str
    name: str           # the qualified name, without the number of the call
    type: str           # what it is, such as Linear(64, 10)
    parent: str | None
    call: int = 1
    alike: str = ""     # equal for modules of the same class and parameter shapes

    @property
    def title(self) -> str:
        """The name and class of a module, as in 0: Linear, and which call of it this is."""
        kind = self.type.split("(")[0]
        name = self.name if kind in ("function", self.name) else f"{self.name}: {kind}"
        return name + (f" (call {self.call})" if self.call > 1 else "")


class GraphMismatch(AssertionError):
    """A picture's edges are not the tape's."""


@dataclass(frozen=True)
class GraphView:
    """A computation graph as data, and the writers that show it.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> g = (x * x).sum().graph()
    >>> print(g.to_text())
    %0 = x  (2,) float64, requires grad, gradient added up from 2 uses
    %1 = multiply(%0, %0)  (2,) float64, keeps 0 B
    %2 = sum(%1)  () float64, keeps 0 B
    2 operations, 1 leaf, 3 edges; backward keeps 0 B
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    scopes: tuple[Scope, ...] = ()
    outputs: tuple[str, ...] = ()
    title: str = ""
    notes: tuple[str, ...] = ()
    plan: Any = None
    whole: GraphView | None = None
    tape: tuple = field(default=(), compare=False, repr=False)

    # ---- reading ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, id: str) -> Node:
        """The node with this id."""
        for node in self.nodes:
            if node.id == id:
                return node
        raise KeyError(self._unknown(id))

    def find(self, pattern: str) -> tuple[Node, ...]:
        """The nodes whose id, operation or module matches a pattern, as in a shell: `find("*relu*")`."""
        return tuple(n for n in self.nodes if any(fnmatch.fnmatchcase(text, pattern) for text in
                                                  (n.id, n.op, n.scope or "")))

    def stats(self) -> dict[str, Any]:
        """Totals of the recorded graph: operations, leaves, edges, parameters, bytes."""
        nodes = (self.whole or self).nodes
        params = [n for n in nodes if n.kind in ("param", "leaf")]
        ops = [n for n in nodes if not n.is_leaf]
        return {"ops": len(ops), "leaves": len(nodes) - len(ops), "edges": len((self.whole or self).edges),
                "parameters": sum(_size(n.shape) for n in params), "parameter_nbytes": sum(n.nbytes for n in params),
                "saved_nbytes": sum(n.saved_nbytes for n in nodes), "freed": any(n.freed for n in nodes),
                "orders": dict(sorted(Counter(n.order for n in ops).items())),
                "time_ns": sum(n.time_ns or 0 for n in nodes)}

    # ---- other views of the same graph ----------------------------------------------------------------------

    def collapse(self, level: str = "auto", *, max_nodes: int = MAX_NODES, depth: int | None = None,
                 roll: bool | None = None, fuse: bool | None = None, params: str = "fold",
                 consts: str = "fold") -> GraphView:
        """The same graph in fewer boxes; every box knows its members, so totals still add up.

        `depth` draws modules nested deeper as one box each (0: the whole model); `roll` draws repeated modules
        once; `fuse` joins chains of elementwise operations; `params` and `consts` are "fold" (rows of the box
        that uses them) or "nodes". What is left open is chosen, for level "auto", so that at most `max_nodes`
        boxes remain; level "none" draws every node of the tape.
        """
        from .collapse import Plan, collapse
        return collapse(self.whole or self, Plan(level, max_nodes, depth, roll, fuse, params, consts))

    def focus(self, name: str, radius: int = 1) -> GraphView:
        """Only the nodes of `name` (an id, an operation, a module or a pattern) and those up to `radius` edges away."""
        view = self.planned()
        found = {n.id for n in view.nodes if _matches(n, name)}
        if not found and view is not self:
            return self.collapse("none").focus(name, radius)
        if not found:
            raise KeyError(self._unknown(name))
        around = defaultdict(set)
        for e in view.edges:
            around[e.src].add(e.dst)
            around[e.dst].add(e.src)
        ring = set(found)
        for _ in range(radius):
            ring = {far for near in ring for far in around[near]} - found
            found |= ring
        return view._only(found, f"only {name} and what is within {radius} edge{'s' * (radius != 1)}")

    def path(self, a: str, b: str) -> GraphView:
        """Only the nodes on a way from `a` to `b`; empty when there is none."""
        view = self.planned()
        down, up = view._reach(view._named(a), forward=True), view._reach(view._named(b), forward=False)
        return view._only(down & up, f"only what lies between {a} and {b}")

    def hide(self, kind: str) -> GraphView:
        """Without the nodes of one kind, such as "const"."""
        view = self.planned()
        return view._only({n.id for n in view.nodes if n.kind != kind}, f"without {kind} nodes")

    def planned(self) -> GraphView:
        """This view if it was collapsed by its user, else its automatic collapse: what the writers draw."""
        return self if self.plan is not None else self.collapse()

    def _named(self, name: str) -> set[str]:
        found = {n.id for n in self.nodes if _matches(n, name)}
        if not found:
            raise KeyError(self._unknown(name))
        return found

    def _unknown(self, name: str) -> str:
        names = list(dict.fromkeys([n.id for n in self.nodes] + [n.op for n in self.nodes] + [s.id for s in self.scopes]))
        near = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
        return f"no node, operation or module is called {name!r}; there are {', '.join(map(repr, near))}"

    def _reach(self, start: set[str], forward: bool) -> set[str]:
        follow = defaultdict(list)
        for e in self.edges:
            a, b = (e.src, e.dst) if forward else (e.dst, e.src)
            follow[a].append(b)
        found, stack = set(start), list(start)
        while stack:
            new = set(follow[stack.pop()]) - found
            found |= new
            stack.extend(new)
        return found

    def _only(self, kept: set[str], note: str) -> GraphView:
        return replace(self, nodes=tuple(n for n in self.nodes if n.id in kept),
                       edges=tuple(e for e in self.edges if e.src in kept and e.dst in kept),
                       outputs=tuple(o for o in self.outputs if o in kept), notes=(*self.notes, note),
                       whole=self.whole or self)

    # ---- asking -------------------------------------------------------------------------------------------

    def check(self) -> str:
        """Prove that every edge of the tape is in this view and in its DOT text once, slots included, and no other.

        The tape is walked anew, by other code than drew it; when it is gone, what was recorded stands for it.
        Raises GraphMismatch with the first difference; returns what was compared.
        """
        from .check import check
        return check(self)

    def why_no_grad(self, x: Any) -> str:
        """Why no gradient of this graph's output reaches a tensor, in a sentence that names the step that cut it."""
        from .why import why_no_grad
        return why_no_grad(self, x)

    # ---- writing ------------------------------------------------------------------------------------------

    def to_dot(self, *, rankdir: str | None = None, theme: str = "light", legend: bool = True) -> str:
        """The picture in Graphviz's language, laid out from left to right ("LR") or top to bottom ("TB")."""
        from .dot import to_dot
        return to_dot(self.planned(), rankdir=rankdir, theme=theme, legend=legend)

    def to_svg(self, path: str | Path | None = None, *, rankdir: str | None = None, theme: str = "auto",
               engine: str = "auto", timeout: float = 10.0) -> str:
        """The picture as SVG text, also written to `path`. Theme "auto" follows its reader's light or dark mode.

        `engine` is "dot" (the program), "pygraphviz", or "auto": the first of them that answers in `timeout` s.
        """
        from .svg import to_svg
        text = to_svg(self.planned(), rankdir=rankdir, theme=theme, engine=engine, timeout=timeout)
        return _written(path, text)

    def to_png(self, path: str | Path, **options: Any) -> None:
        """Write the picture as PNG; `dpi` is 144 unless given, the other options are those of `to_svg`."""
        self._image(path, "png", **options)

    def to_pdf(self, path: str | Path, **options: Any) -> None:
        """Write the picture as PDF; options are those of `to_svg`."""
        self._image(path, "pdf", **options)

    def _image(self, path, format: str, *, rankdir=None, theme="light", engine="auto", timeout=10.0, dpi=144) -> None:
        from .svg import image
        _written(path, image(self.planned(), format, rankdir=rankdir, theme=theme, engine=engine, timeout=timeout,
                             dpi=dpi))

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        """One page that needs no network: pan, zoom, search, hover, follow, step through the backward pass."""
        from .html import to_html
        return _written(path, to_html(self.planned(), **options))

    def to_mermaid(self, path: str | Path | None = None, *, max_edges: int = 250) -> str:
        """The picture in Mermaid's language, which GitHub and many notes programs draw; collapsed to `max_edges`."""
        from .mermaid import to_mermaid
        return _written(path, to_mermaid(self.planned(), max_edges))

    def to_text(self, path: str | Path | None = None) -> str:
        """A numbered listing of the recorded operations, one a line; a collapsed view lists its boxes."""
        from .text import to_text
        return _written(path, to_text(self))

    def to_json(self, path: str | Path | None = None) -> str:
        """The recorded graph as JSON, schema "tinygrad_np.graph/1"; `GraphView.from_json` reads it back."""
        from .json_format import to_json
        return _written(path, to_json(self))

    @classmethod
    def from_json(cls, text: str) -> GraphView:
        """The view that `to_json` wrote; raises ValueError when the text is something else."""
        from .json_format import from_json
        return from_json(text)

    def to_graphviz(self, **options: Any):
        """A `graphviz.Source` of the DOT text, for those who work with that package."""
        import graphviz
        return graphviz.Source(self.to_dot(**options))

    def save(self, path: str | Path, **options: Any) -> None:
        """Write in the format that the suffix names: .svg .html .png .pdf .dot .gv .mmd .json .txt"""
        write = {"svg": self.to_svg, "html": self.to_html, "png": self.to_png, "pdf": self.to_pdf, "mmd": self.to_mermaid,
                 "json": self.to_json, "txt": self.to_text, "dot": self._save_dot, "gv": self._save_dot}
        suffix = Path(path).suffix.lower().removeprefix(".")
        if suffix not in write:
            raise ValueError(f"save: found the suffix {Path(path).suffix!r}; expected one of .{' .'.join(write)}")
        write[suffix](path, **options)

    def _save_dot(self, path, **options) -> None:
        _written(path, self.to_dot(**options))

    def show(self) -> Any:
        """Show the picture: in a notebook as output, otherwise as a page in the browser, or as text without one."""
        from .notebook import show
        return show(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        from .notebook import mimebundle
        return mimebundle(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        from .labels import totals
        return f"<GraphView of {self.title or 'a tape'}: {totals(self)}>"


def _size(shape) -> int:
    size = 1
    for n in shape or ():
        size *= n
    return size


def _matches(node: Node, name: str) -> bool:
    """Whether a node, one of its members or its module goes by a name or a pattern."""
    texts = (node.id, node.op, node.scope or "")
    if name in texts or (node.scope or "").startswith(name + ".") or fnmatch.fnmatchcase(node.id, name):
        return True
    return any(_matches(m, name) for m in node.members)


def _written(path, data):
    """Give back a text, after putting it in place of the file at `path`, if any, in one step."""
    if path is not None:
        from ..io import atomic_write
        with atomic_write(path) as file:
            file.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)
    return data

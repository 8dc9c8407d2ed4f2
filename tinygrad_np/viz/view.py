"""GraphView: what a tape recorded, as plain data: names, shapes, bytes, norms and edges; it keeps no array alive.

A view is never changed: `collapse`, `focus` and `path` return another view that remembers the whole one. Every
writer draws a view's `nodes` and `edges`, so one plan decides what all formats show.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .parts import Edge, Node, Scope

MAX_NODES = 150  # more boxes than this nobody reads


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
        return tuple(
            n for n in self.nodes if any(fnmatch.fnmatchcase(text, pattern) for text in (n.id, n.op, n.scope or ""))
        )

    def stats(self) -> dict[str, Any]:
        """Totals of the recorded graph: operations, leaves, edges, parameters, bytes."""
        nodes = (self.whole or self).nodes
        params = [n for n in nodes if n.kind in ("param", "leaf")]
        ops = [n for n in nodes if not n.is_leaf]
        return {
            "ops": len(ops),
            "leaves": len(nodes) - len(ops),
            "edges": len((self.whole or self).edges),
            "parameters": sum(_size(n.shape) for n in params),
            "parameter_nbytes": sum(n.nbytes for n in params),
            "saved_nbytes": sum(n.saved_nbytes for n in nodes),
            "freed": any(n.freed for n in nodes),
            "orders": dict(sorted(Counter(n.order for n in ops).items())),
            "time_ns": sum(n.time_ns or 0 for n in nodes),
        }

    # ---- other views of the same graph ----------------------------------------------------------------------

    def collapse(
        self,
        level: str = "auto",
        *,
        max_nodes: int = MAX_NODES,
        depth: int | None = None,
        roll: bool | None = None,
        fuse: bool | None = None,
        params: str = "fold",
        consts: str = "fold",
    ) -> GraphView:
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
        ids, ops, scopes = ([n.id for n in self.nodes], [n.op for n in self.nodes], [s.id for s in self.scopes])
        names = list(dict.fromkeys(ids + ops + scopes))
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
        return replace(
            self,
            nodes=tuple(n for n in self.nodes if n.id in kept),
            edges=tuple(e for e in self.edges if e.src in kept and e.dst in kept),
            outputs=tuple(o for o in self.outputs if o in kept),
            notes=(*self.notes, note),
            whole=self.whole or self,
        )

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

    def to_svg(
        self,
        path: str | Path | None = None,
        *,
        rankdir: str | None = None,
        theme: str = "auto",
        engine: str = "auto",
        timeout: float = 10.0,
    ) -> str:
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

        _written(
            path, image(self.planned(), format, rankdir=rankdir, theme=theme, engine=engine, timeout=timeout, dpi=dpi)
        )

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
        import graphviz  # type: ignore[import-untyped]

        return graphviz.Source(self.to_dot(**options))

    def save(self, path: str | Path, **options: Any) -> None:
        """Write in the format that the suffix names: .svg .html .png .pdf .dot .gv .mmd .json .txt"""
        write: dict[str, Callable] = {
            "svg": self.to_svg,
            "html": self.to_html,
            "png": self.to_png,
            "pdf": self.to_pdf,
            "dot": self._save_dot,
            "gv": self._save_dot,
            "mmd": self.to_mermaid,
            "json": self.to_json,
            "txt": self.to_text,
        }
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

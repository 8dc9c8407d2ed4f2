"""GraphView: what a tape recorded, as plain data: names, shapes, bytes, norms and edges; it keeps no array alive.

A view is never changed: `collapse`, `focus` and `path` return another view that remembers the whole one. Every
writer draws a view's `nodes` and `edges`, so one plan decides what all formats show.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .check import check
from .collapse import MAX_NODES, Plan, collapse, planned
from .cuts import why_no_grad
from .labels import printable, totals
from .schema import Graph, matches
from .writers import written
from .writers.json_text import from_json
from .writers.notebook import mimebundle, show


@dataclass(frozen=True)
class GraphView(Graph):
    """A computation graph as data, and the writers that show it.

    >>> import numpy as np, tinygrad_np as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> g = (1 - np.exp(x)).sum().graph()
    >>> print(g.to_text())
    %0 = x  (2,) float64, requires grad, data [1.0000 2.0000] | grad [-2.7183 -7.3891]
    %1 = exp(%0)  (2,) float64, keeps 16 B, data [2.7183 7.3891] | grad [-1.0000 -1.0000]
    %2 = 1  () int64, no grad
    %3 = subtract(%2, %1)  1 - exp(x)  (2,) float64, keeps 0 B, data [-1.7183 -6.3891] | grad [1.0000 1.0000]
    %4 = sum(%3)  () float64, keeps 0 B, data -8.1073 | grad 1.0000
    3 operations, 2 leaves, 4 edges; backward keeps 16 B
    """

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
        layers: bool = True,
    ) -> GraphView:
        """The same graph in fewer boxes; every box knows its members, so totals still add up.

        `depth` draws modules nested deeper as one box each (0: the whole model); `roll` draws repeated modules
        once; `fuse` joins chains of elementwise operations; `params` and `consts` are "fold" (rows of the box
        that uses them) or "nodes". `layers` draws each layer of `nn`, and each function that is made of others, as
        one box, whatever it is made of. What is left open is chosen, for level "auto", so that at most `max_nodes`
        boxes remain; level "none" draws every node of the tape.
        """
        return collapse(self.whole or self, Plan(level, max_nodes, depth, roll, fuse, params, consts, layers))

    def focus(self, name: str, radius: int = 1) -> GraphView:
        """Only the nodes of `name` (an id, an operation, a module or a pattern) and those up to `radius` edges away."""
        view = self.planned()
        found = {n.id for n in view.nodes if matches(n, name)}
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
        return view.only(found, f"only {name} and what is within {radius} edge{'s' * (radius != 1)}")

    def path(self, a: str, b: str) -> GraphView:
        """Only the nodes on a way from `a` to `b`; empty when there is none."""
        view = self.planned()
        down, up = view._reach(view._named(a), forward=True), view._reach(view._named(b), forward=False)
        return view.only(down & up, f"only what lies between {a} and {b}")

    def hide(self, kind: str) -> GraphView:
        """Without the nodes of one kind, such as "const"."""
        view = self.planned()
        return view.only({n.id for n in view.nodes if n.kind != kind}, f"without {kind} nodes")

    def planned(self) -> GraphView:
        """This view if it was collapsed by its user, else its automatic collapse: what the writers draw."""
        return planned(self)

    def _named(self, name: str) -> set[str]:
        found = {n.id for n in self.nodes if matches(n, name)}
        if not found:
            raise KeyError(self._unknown(name))
        return found

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

    # ---- asking -------------------------------------------------------------------------------------------

    def check(self) -> str:
        """Prove that every edge of the tape is in this view and in its DOT text once, slots included, and no other.

        The tape is walked anew, by other code than drew it; when it is gone, what was recorded stands for it.
        Raises GraphMismatch with the first difference; returns what was compared.
        """
        return check(self)

    def why_no_grad(self, x: Any) -> str:
        """Why no gradient of this graph's output reaches a tensor, in a sentence that names the step that cut it."""
        return why_no_grad(self, x)

    # ---- writing ------------------------------------------------------------------------------------------

    def to_dot(self, *, rankdir: str | None = None, theme: str = "light", legend: bool = True) -> str:
        """The picture in Graphviz's language, laid out from left to right ("LR") or top to bottom ("TB")."""
        return written(self, None, ".dot", rankdir=rankdir, theme=theme, legend=legend)

    def to_svg(
        self,
        path: str | Path | None = None,
        *,
        rankdir: str | None = None,
        theme: str = "auto",
        engine: str = "auto",
        timeout: float = 10.0,
        legend: bool = True,
    ) -> str:
        """The picture as SVG text, also written to `path`. Theme "auto" follows its reader's light or dark mode.

        `engine` is "dot" (the program), "pygraphviz", or "auto": the first of them that answers in `timeout` s.
        """
        options = {"rankdir": rankdir, "theme": theme, "engine": engine, "timeout": timeout, "legend": legend}
        return written(self, path, ".svg", **options)

    def to_png(self, path: str | Path, **options: Any) -> None:
        """Write the picture as PNG; `dpi` is 144 unless given, the other options are those of `to_svg`."""
        written(self, path, ".png", **options)

    def to_pdf(self, path: str | Path, **options: Any) -> None:
        """Write the picture as PDF; options are those of `to_svg`."""
        written(self, path, ".pdf", **options)

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        """One page that needs no network: pan, zoom, search, hover, follow, step through forward and backward."""
        return written(self, path, ".html", **options)

    def to_mermaid(self, path: str | Path | None = None, *, max_edges: int = 250) -> str:
        """The picture in Mermaid's language, which GitHub and many notes programs draw; collapsed to `max_edges`."""
        return written(self, path, ".mmd", max_edges=max_edges)

    def to_text(self, path: str | Path | None = None) -> str:
        """A numbered listing of the recorded operations, one a line; a collapsed view lists its boxes."""
        return written(self, path, ".txt")

    def to_json(self, path: str | Path | None = None) -> str:
        """The recorded graph as JSON, schema "tinygrad_np.graph/1"; `GraphView.from_json` reads it back."""
        return written(self, path, ".json")

    @classmethod
    def from_json(cls, text: str) -> GraphView:
        """The view that `to_json` wrote; raises ValueError when the text is something else."""
        return from_json(text, cls)

    def to_graphviz(self, **options: Any):
        """A `graphviz.Source` of the DOT text, for those who work with that package."""
        import graphviz  # type: ignore[import-untyped]

        return graphviz.Source(self.to_dot(**options))

    def save(self, path: str | Path, **options: Any) -> None:
        """Write in the format that the suffix names: .svg .html .png .pdf .dot .gv .mmd .json .txt"""
        written(self, path, **options)

    def show(self) -> Any:
        """Show the picture: in a notebook as output, otherwise as a page in the browser, or as text without one."""
        return show(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return mimebundle(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<GraphView of {printable(self.title) or 'a tape'}: {totals(self)}>"

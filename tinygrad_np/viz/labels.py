"""What is said of a node, in words: one wording for every format."""

from __future__ import annotations

import math

from .schema import Edge, Graph, Value, ViewNode

KIND_WORDS = {
    "param": "parameter",
    "leaf": "tensor that requires a gradient",
    "data": "data, no gradient",
    "const": "number, no gradient",
    "op": "operation",
    "output": "output",
    "module": "module (collapsed)",
    "chain": "elementwise chain (fused)",
    "block": "operations (collapsed)",
}


def nbytes_text(n: int) -> str:
    """Bytes in units of a thousand, as in 13.6 kB.

    >>> nbytes_text(320), nbytes_text(16384)
    ('320 B', '16.4 kB')
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n} B"


def shape_text(shape) -> str:
    """A shape as NumPy prints it; several shapes for several outputs."""
    if shape is None:
        return ""
    if shape and isinstance(shape[0], (tuple, list)):
        return " ".join(map(shape_text, shape))
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def number_text(x) -> str:
    """A number as a picture has room for it.

    >>> number_text(2.0), number_text(-1.5e-7), number_text(3), number_text((0.0, 1.0))
    ('2.0000', '-1.500e-07', '3', '0.0000+1.0000j')
    """
    if isinstance(x, tuple):
        return f"{number_text(x[0])}{'' if x[1] < 0 or x[1] != x[1] else '+'}{number_text(x[1])}j"
    if isinstance(x, int):
        return str(x)
    return f"{x:.4f}" if x == 0 or 1e-3 <= abs(x) < 1e6 or x - x != 0 else f"{x:.3e}"


BARS = "▁▂▃▄▅▆▇█"


def value_text(value: Value | None, shape=None, most: int = 6) -> str:
    """An array in a few characters: its numbers, or its range and a sparkline of their distribution."""
    if value is None:
        return ""
    if value.numbers and len(value.numbers) <= most:
        words = [number_text(x) for x in value.numbers]
        return words[0] if len(words) == 1 and shape in (None, ()) else f"[{' '.join(words)}]"
    if value.low != value.low:
        return f"no finite number, {value.odd:,} others" if value.odd else "empty"
    odd = f", {value.odd:,} not finite" if value.odd else ""
    return f"{value.low:.3g} … {value.high:.3g}{odd} {sparkline(value)}".rstrip()


def sparkline(value: Value) -> str:
    """The distribution of the numbers as bars."""
    top = max(value.bins, default=0)
    return "".join(BARS[(n * 7 + top - 1) // top] for n in value.bins) if top else ""


def data_lines(node: ViewNode, bars: bool = True) -> list[str]:
    """The line of a box that shows numbers, as in data 2.0000 | grad -1.5000; two lines where one would be long."""
    if node.value is node.grad is None:
        return []
    parts = [("data", node.value), ("grad", node.grad)]
    said = [f"{what} {value_text(value, node.shape)}" for what, value in parts if value is not None]
    said = said if bars else [line.rstrip(BARS + " ") for line in said]
    line = " | ".join(said)
    return said if len(line) > 50 else [line] if line else []


def data_text(node: ViewNode) -> str:
    """The same on one line."""
    return " | ".join(data_lines(node))


ORDERED = {
    "subtract": ("", "subtracted"),
    "divide": ("", "divides by"),
    "power": ("base", "exponent"),
    "matmul": ("left", "right"),
    "remainder": ("", "modulus"),
}
BRANCHES = {"x": "if true", "y": "if false", "condition": "if"}
UNORDERED = frozenset(("add", "multiply", "maximum", "minimum", "fmax", "fmin", "hypot", "logaddexp", "logaddexp2"))
ORDINALS = ("1st", "2nd", "3rd")


def operand_text(edge: Edge, op: str, alike: int = 2) -> str:
    """Which operand an arrow is, where that matters: in words, not by the names of NumPy's parameters.

    `alike` counts the arrows to a box whose operands have no words of their own: one needs none.
    """
    if op == "where":
        return BRANCHES.get(edge.operand, edge.operand)
    if op in ORDERED and edge.slot < 2:
        return ORDERED[op][edge.slot]
    if not op or op in UNORDERED or op in ("select", "outputs") or not edge.operand:
        return ""
    if is_wordless(edge):
        return "" if alike < 2 else ORDINALS[edge.slot] if edge.slot < 3 else f"{edge.slot + 1}th"
    return edge.operand


def is_wordless(edge: Edge) -> bool:
    """Whether an operand has no word but a letter of NumPy's, or its place in a list."""
    return edge.operand.endswith("]") or len(edge.operand) <= 2


def array_text(node: ViewNode) -> str:
    """Shape and dtype, where they are known."""
    return f"{shape_text(node.shape)} {node.dtype or ''}".strip()


def plural(n: int, word: str) -> str:
    """A number and its noun: 1 edge, 2 edges, 2 leaves.

    >>> plural(1, "leaf"), plural(2, "leaf")
    ('1 leaf', '2 leaves')
    """
    plurals = {"leaf": "leaves", "box": "boxes", "number that requires a gradient": "numbers that require a gradient"}
    return f"{n:,} {word if n == 1 else plurals.get(word, word + 's')}"


def printable(text: str, limit: int = 60) -> str:
    """Text that every format can carry: control characters and lone surrogates spelled out, long names shortened.

    >>> printable("a" + chr(10) + "b"), len(printable("x" * 10_000))
    ('a\\\\nb', 60)
    """
    if len(text) > limit:
        text = text[: limit - 20] + "…" + text[-19:]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text


def heading(node: ViewNode) -> str:
    """The name of a box: the operation and what its result is called, or the leaf's own name."""
    if node.title:
        return node.title
    if node.name and not node.is_leaf:
        return f"{node.name} = {node.formula or node.op}"
    return node.op if node.kind != "const" or not node.args or node.op not in ("", "constant") else node.args


def short_name(leaf: ViewNode, box: ViewNode) -> str:
    """A leaf's name as a row of a box: without the path of the module that the box is, or is in."""
    name = leaf.id if leaf.kind in ("param", "leaf") else leaf.op
    for around in (box.id if box.kind == "module" else None, box.scope):
        if around and name.startswith(around.partition("@")[0] + "."):
            return name.removeprefix(around.partition("@")[0] + ".")
    return name


def summed_text(edge: Edge) -> str:
    """Where a gradient is summed, as in: summed over axis 0, the batch (×32); summed over axes 0, 2 (×60)."""
    axes = [str(axis) for axis, _ in edge.summed]
    if edge.over_batch and axes and axes[0] == "0":
        axes[0] = "0, the batch" if len(axes) == 1 else "0 (the batch)"
    times = math.prod(length for _, length in edge.summed)
    return f"summed over {'axis' if len(axes) == 1 else 'axes'} {', '.join(axes)} (×{times})"


def gradient_text(node: ViewNode, edge: Edge | None = None, norm: bool = True) -> str:
    """What happens to the gradient that comes back: where it is summed, and its norm once it is known (and wanted)."""
    parts = []
    if edge is not None and edge.summed:
        parts.append(summed_text(edge))
    if node.uses > 1:
        parts.append(f"added up from {node.uses} uses")
    if norm and node.grad_norm is not None:
        parts.append(f"norm {node.grad_norm:.3g}")
    return "gradient " + ", ".join(parts) if parts else ""


def keeps_text(node: ViewNode) -> str:
    """What a node holds for backward."""
    if node.is_leaf:
        return ""
    if node.freed if not node.members else any([n.freed for n in _all(node)]):
        return "kept for backward: freed"
    own = node.saved_nbytes
    if not own:
        shared = node.shared_nbytes
        return f"keeps nothing of its own, uses {nbytes_text(shared)} held by others" if shared else ""
    return f"keeps {nbytes_text(own)} for backward"


def _all(node: ViewNode):
    stack = [node]
    while stack:
        n = stack.pop()
        stack.extend(n.members)
        yield n


def details(node: ViewNode, view: Graph) -> list[tuple[str, str]]:
    """Everything known of a node, as (what, value) pairs: hover text, tooltips, the panel of a page."""
    rows = [
        ("kind", KIND_WORDS.get(node.kind, node.kind)),
        ("shape", array_text(node)),
        ("bytes", nbytes_text(node.nbytes) if node.nbytes else ""),
        ("name", node.name),
        ("computes", node.formula),
        ("arguments", node.args),
        ("data", value_text(node.value, node.shape, 64)),
        ("grad", value_text(node.grad, node.shape, 64)),
        ("module", node.scope or ""),
    ]
    if node.members:
        members = list(_all(node))
        leaves = [m for m in members if m.is_leaf]
        rows.append(
            (
                "stands for",
                ", ".join(filter(None, (plural(node.ops, "operation"), plural(len(leaves), "leaf") if leaves else ""))),
            )
        )
    if node.order:
        rows.append(("order", f"{node.order} (recorded by a derivative)"))
    folded = {leaf.id: leaf for leaf in node.leaves if leaf.kind in ("param", "leaf", "data") or leaf.args}
    for edge in (view.whole or view).edges if 0 < len(folded) <= 12 else ():
        leaf = folded.get(edge.src)
        if leaf is not None:
            said = leaf.args or ", ".join(filter(None, (array_text(leaf), gradient_text(leaf, edge))))
            rows.append((edge.operand if leaf.kind in ("const", "data") else leaf.id, said))
    if node.saved:
        rows.append(
            (
                "keeps",
                "; ".join(
                    f"{s.name} {shape_text(s.shape)} {s.dtype} {nbytes_text(s.nbytes)}"
                    + ("" if s.counted else " (shared)")
                    for s in node.saved
                ),
            )
        )
    if node.members or not node.is_leaf:
        freed = any(n.freed for n in _all(node))
        shared = f", {nbytes_text(node.shared_nbytes)} shared" if node.shared_nbytes else ""
        rows.append(("for backward", "freed" if freed else f"{nbytes_text(node.saved_nbytes)}{shared}"))
    if node.step is not None:
        rows.append(("backward", f"step {node.step}"))
    if node.kind in ("param", "leaf"):
        rows.append(("uses", str(node.uses)))
        rows.append(("gradient", "none yet" if node.grad_norm is None else f"norm {node.grad_norm:.6g}"))
    elif node.grad_norm is not None:
        rows.append(("gradient", f"norm {node.grad_norm:.6g}"))
    if node.time_ns is not None:
        rows.append(("time", f"{node.time_ns / 1000:.1f} µs"))
    if node.source:
        rows.append(("line", node.source))
    return [(what, value) for what, value in rows if value]


def totals(view: Graph) -> str:
    """The numbers of operations, leaves and edges of the whole graph."""
    s = view.stats()
    return f"{plural(s['ops'], 'operation')}, {plural(s['leaves'], 'leaf')}, {plural(s['edges'], 'edge')}"


def is_forward_only(view: Graph) -> bool:
    """Whether no gradient flows anywhere in the whole graph, as in a function that was only traced."""
    whole = view.whole or view
    return bool(whole.edges) and not any(e.tracked for e in whole.edges)


def held(view: Graph) -> str:
    """What backward keeps, over the whole graph."""
    if is_forward_only(view):
        return "no gradient is recorded"
    s = view.stats()
    return "freed by backward" if s["freed"] else f"backward keeps {nbytes_text(s['saved_nbytes'])}"


def caption(view: Graph) -> str:
    """One line of totals of the whole graph, and what this view leaves out of it."""
    s = view.stats()
    parts = [totals(view)]
    if s["parameters"]:
        named = any(n.kind == "param" for n in (view.whole or view).nodes)
        what = "parameter" if named else "number that requires a gradient"
        parts.append(f"{plural(s['parameters'], what)} ({nbytes_text(s['parameter_nbytes'])})")
    parts.append(held(view))
    if s["time_ns"]:
        parts.append(f"{s['time_ns'] / 1e6:.2f} ms forward")
    parts.extend(view.notes)
    return " · ".join(parts)

"""A graph as JSON and back: what a run folder keeps, what two machines compare, what another program reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from ..collapse import Plan, collapse
from ..schema import Edge, Graph, Saved, Scope, Value, ViewNode

SCHEMA = "tinygrad_np.graph/1"


def to_json(view: Graph) -> str:
    """The whole graph, one node or edge a line, defaults left out; then the plan and the nodes of this view."""
    whole = view.whole or view
    parts = {"schema": SCHEMA, "title": whole.title, "outputs": list(whole.outputs)}
    lines = [f"{dumps(key)}: {dumps(value)}" for key, value in parts.items()]
    for key, items in (("scopes", whole.scopes), ("nodes", whole.nodes), ("edges", whole.edges)):
        body = ",\n".join(dumps(packed(item)) for item in items)
        lines.append(f"{dumps(key)}: [{chr(10) + body + chr(10) if body else ''}]")
    if view.plan is not None:
        lines.append(f'"plan": {dumps(asdict(view.plan))}')
    planned = replanned(whole, view.plan)
    if (view.nodes, view.notes) != (planned.nodes, planned.notes):
        lines.append(f'"shown": {dumps([n.id for n in view.nodes])}')
        lines.append(f'"notes": {dumps(list(view.notes))}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_json(text: str, make: Callable[..., Any] = Graph) -> Any:
    """The view that a text describes; ValueError says what it lacks."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValueError(f"graph: not JSON ({error})") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise ValueError(f"graph: found the schema {found!r}; expected {SCHEMA!r}, as GraphView.to_json writes it")
    try:
        nodes = tuple(unpacked(ViewNode, node) for node in data["nodes"])
        edges = tuple(unpacked(Edge, edge) for edge in data["edges"])
        scopes = tuple(unpacked(Scope, scope) for scope in data["scopes"])
        whole = make(nodes, edges, scopes, tuple(data["outputs"]), data["title"])
        known = {node.id for node in nodes}
        if len(known) < len(nodes):
            raise ValueError("two nodes have one id")
        lost = next((e for e in edges if not {e.src, e.dst} <= known), None)
        if lost is not None:
            raise ValueError(f"the edge {lost.src!r} -> {lost.dst!r} joins no two of the nodes")
        plan = data.get("plan")
        if plan is not None:
            plan = Plan(**plan)
        view = replanned(whole, plan)
        if "shown" in data:
            view = replace(view.only(set(data["shown"]), ""), notes=tuple(data["notes"]))
        return view
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"graph: damaged ({type(error).__name__}: {error}); expected what GraphView.to_json writes"
        ) from None


def replanned(whole: Graph, plan) -> Graph:
    """The view of a whole graph that a plan gives; without one, the graph itself."""
    return whole if plan is None else collapse(whole, plan)


def dumps(value: Any) -> str:
    """JSON on one line, without NaN, which JSON has not."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ": "), allow_nan=False)


def packed(item) -> dict[str, Any]:
    """The fields of a named tuple that differ from their defaults."""
    defaults = item._field_defaults
    out = {}
    for name, value in item._asdict().items():
        if name in defaults and value == defaults[name]:
            continue
        if name == "saved":
            value = [list(s) for s in value]
        elif isinstance(value, Value):
            value = [finite(part) for part in value]
        elif isinstance(value, float) and value - value != 0:
            value = str(value)
        out[name] = value
    return out


def unpacked(kind: type, data: dict[str, Any]):
    """The named tuple of some fields."""
    for name in ("value", "grad", "local", "gives"):
        if data.get(name) is not None:
            data[name] = Value(*map(infinite, data[name]))
    for name in ("shape", "summed"):
        if data.get(name) is not None:
            data[name] = as_tuples(data[name])
    if isinstance(data.get("grad_norm"), str):
        data["grad_norm"] = infinite(data["grad_norm"])
    if "saved" in data:
        data["saved"] = tuple(Saved(name, as_tuples(shape), *rest) for name, shape, *rest in data["saved"])
    return kind(**data)


def finite(part):
    """A part of a Value as JSON has it: what is not finite as text."""
    if isinstance(part, tuple):
        return [finite(p) for p in part]
    return str(part) if isinstance(part, float) and part - part != 0 else part


def infinite(part):
    """The part that `finite` was given; nan is the one object that equals itself in tuples."""
    if isinstance(part, list):
        return tuple(map(infinite, part))
    return NUMBERS.get(part, part) if isinstance(part, str) else part


NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def as_tuples(value):
    """Lists as tuples, inside too."""
    return tuple(as_tuples(v) for v in value) if isinstance(value, list) else value

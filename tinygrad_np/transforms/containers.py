"""Nested containers and their leaves: dicts, lists, tuples, named tuples and dataclasses."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np


def flatten(tree, path: str = "") -> tuple[list, list[str], Callable]:
    """The leaves of nested containers, their paths, and a function that puts leaves back in their places.

    Containers are dicts, lists, tuples, named tuples and dataclasses.

    >>> leaves, paths, rebuild = flatten({"a": 1, "b": (2, 3)})
    >>> leaves, paths, rebuild([10, 20, 30])
    ([1, 2, 3], ["['a']", "['b'][0]", "['b'][1]"], {'a': 10, 'b': (20, 30)})
    """
    inside = opened(tree)
    if inside is None:
        return [tree], [path], lambda leaves: leaves[0]
    children, make = inside
    parts = [flatten(child, path + where) for where, child in children]
    sizes = [len(leaves) for leaves, _, _ in parts]

    def rebuild(leaves: list):
        ends = np.cumsum(sizes, dtype=int)
        return make([back(leaves[end - size : end]) for (_, _, back), size, end in zip(parts, sizes, ends)])

    return [x for leaves, _, _ in parts for x in leaves], [p for _, paths, _ in parts for p in paths], rebuild


def opened(tree) -> tuple[list[tuple[str, Any]], Callable[[list], Any]] | None:
    """What a container holds, as (how one writes it, child), and what makes a container like it; None for a leaf."""
    if isinstance(tree, dict):
        return [(f"[{key!r}]", child) for key, child in tree.items()], lambda parts: refilled(tree, parts)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return [(f".{name}", getattr(tree, name)) for name in tree._fields], lambda parts: type(tree)(*parts)
    if isinstance(tree, (list, tuple)):
        return [(f"[{i}]", child) for i, child in enumerate(tree)], type(tree)
    if hasattr(type(tree), "__dataclass_fields__"):
        import dataclasses  # its user has imported it already

        names = [f.name for f in dataclasses.fields(tree) if f.init]
        return (
            [(f".{name}", getattr(tree, name)) for name in names],
            lambda parts: dataclasses.replace(tree, **dict(zip(names, parts))),
        )
    return None


def refilled(tree: dict, parts: list) -> dict:
    """A dict of the same kind, whatever its constructor takes, with other values."""
    new = copy(tree)
    new.update(zip(tree, parts))
    return new

"""Nested containers and their leaves: dicts, lists, tuples, named tuples, dataclasses and what is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from itertools import islice
from typing import Any

import numpy as np

from .labelled import opened_labelled

REGISTERED: dict[
    type[Any], tuple[Callable[..., Any], Callable[..., Any]]
] = {}  # a user's container type -> how it is opened and made again
LEAF_TYPES = {np.ndarray, int, float, complex, np.float64, np.float32}  # what most leaves are, told without a search
PASSING = (type(None), str, bytes, bool, np.bool_)  # leaves that no derivative is asked of


def register_container(
    kind: type[Any], flatten: Callable[[Any], Iterable[Any]], unflatten: Callable[[Any, list[Any]], Any]
) -> None:
    """Let transforms look into a type: `flatten` gives the children of an instance, by name or in order, and
    `unflatten(instance, children)` makes one like it with others. Subclasses are looked into too.

    >>> class Line:
    ...     def __init__(self, slope, start):
    ...         self.slope, self.start = slope, start
    >>> register_container(Line, lambda line: vars(line), lambda line, children: Line(*children))
    >>> import tinygrad_np as tg
    >>> g = tg.grad(lambda line: line.slope * 3.0 + line.start)(Line(1.0, 2.0))
    >>> g.slope.item(), g.start.item()
    (3.0, 1.0)
    """
    if not isinstance(kind, type) or not callable(flatten) or not callable(unflatten):
        raise TypeError(
            "register_container: expected a type, a function from an instance to its children, and a function from an "
            f"instance and new children to another; found {kind!r}, {flatten!r}, {unflatten!r}"
        )
    REGISTERED[kind] = flatten, unflatten


def flatten(tree: Any, path: str = "", passing: bool = False) -> tuple[list[Any], list[str], Callable[..., Any]]:
    """The leaves of nested containers, their paths, and a function that puts leaves back in their places.

    Containers are dicts, lists, tuples, named tuples, dataclasses and registered types. With `passing`, None, strings
    and booleans are no leaves: they stay where they are.

    >>> leaves, paths, rebuild = flatten({"a": 1, "b": (2, 3)})
    >>> leaves, paths, rebuild([10, 20, 30])
    ([1, 2, 3], ["['a']", "['b'][0]", "['b'][1]"], {'a': 10, 'b': (20, 30)})
    >>> flatten([1.0, "relu", None], passing=True)[2]([5.0])
    [5.0, 'relu', None]
    """
    kind = type(tree)
    if kind in LEAF_TYPES:
        return [tree], [path], first
    if kind is tuple and LEAF_TYPES.issuperset(map(type, tree)):
        return list(tree), [f"{path}[{i}]" for i in range(len(tree))], tuple
    inside = opened(tree)
    if inside is None:
        if passing and isinstance(tree, PASSING):
            return [], [], lambda leaves: tree
        return [tree], [path], first
    children, make = inside
    parts = [flatten(child, path + where, passing) for where, child in children]
    if all(back is first for _, _, back in parts):
        return [leaves[0] for leaves, _, _ in parts], [paths[0] for _, paths, _ in parts], make

    def rebuild(leaves: list[Any]) -> Any:
        remaining = iter(leaves)
        return make([back(list(islice(remaining, len(own)))) for own, _, back in parts])

    return [x for leaves, _, _ in parts for x in leaves], [p for _, paths, _ in parts for p in paths], rebuild


def first(leaves: list[Any]) -> Any:
    """What puts a leaf back in its place: there is one."""
    return leaves[0]


def opened(tree: Any) -> tuple[list[tuple[str, Any]], Callable[[list[Any]], Any]] | None:
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
    return (registered(tree) if REGISTERED else None) or opened_labelled(tree)


def registered(tree: Any) -> tuple[list[tuple[str, Any]], Callable[[list[Any]], Any]] | None:
    """The same for an instance of a registered type."""
    kind = next((kind for kind in type(tree).__mro__ if kind in REGISTERED), None)
    if kind is None:
        return None
    children, make = REGISTERED[kind]
    found = children(tree)
    if isinstance(found, dict):
        named = [(f".{name}", child) for name, child in found.items()]
    else:
        named = [(f"[{i}]", child) for i, child in enumerate(found)]
    return named, lambda parts: make(tree, parts)


def refilled(tree: dict[Any, Any], parts: list[Any]) -> dict[Any, Any]:
    """A dict of the same kind, whatever its constructor takes, with other values."""
    new = copy(tree)
    new.update(zip(tree, parts))
    return new

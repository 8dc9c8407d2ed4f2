"""What a program depends on: whether what its code reached is still as it was."""

from __future__ import annotations

import gc
import sys
import weakref
from _abc import _get_dump  # type: ignore[import-not-found]
from abc import ABCMeta, get_cache_token
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter, is_, itemgetter
from typing import Any

import numpy as np

from ..engine.tape import Leaf
from .places import ABSENT, Spot, dict_of, inside_of, may_replace, namespace_of
from .reach import Reach, parts


def end_to_end(lists) -> list[Any]:
    return list(chain.from_iterable(lists))


def unzipped(pairs) -> tuple[list, list]:
    """The first entries of pairs, and the second."""
    pairs = list(pairs)
    return [a for a, _ in pairs], [b for _, b in pairs]


def names_in(known) -> Any:
    """What names mean in their namespaces now."""
    return chain.from_iterable([names(space) for names, space in known])


def values_of(variables) -> list[Any]:
    return [variable.get(ABSENT) for variable in variables]


def code_of(functions) -> Any:
    """The code and the defaults of functions."""
    return chain.from_iterable(map(parts, functions))


class State:
    """What was reached when the function had run, to be asked again before each replay."""

    def __init__(self, reach: Reach, arguments: list):
        self.reach, self.arguments = reach, arguments
        self.looks: list[tuple[Callable, list]] = []  # how to look at what, in the order of what is expected
        self.expected: list[Any] = []
        boxes = [(box, was) for box, was, _, hosted in reach.boxes if not hosted]
        both = [((box.keys(), box.values()), (was.keys(), was.values())) for box, was in boxes if isinstance(box, dict)]
        spaces = [(namespace_of(space), was) for space, _, was in reach.spaces.values()]
        having = [(value, own) for value, _, _, own in reach.instances if own is not None]
        usual = all(type(value).__getattribute__ is object.__getattribute__ for value, _ in having)
        self.classes = [cls for cls, _ in reach.classes]
        self.look(
            chain.from_iterable, [v for views, _ in both for v in views], end_to_end(w for _, was in both for w in was)
        )
        others = [(box, was) for box, was in boxes if not isinstance(box, dict)]
        self.look(chain.from_iterable, [box for box, _ in others], end_to_end(was for _, was in others))
        known = [(itemgetter(*was, *list(was)[:1]), space) for space, was in spaces if was]
        self.look(names_in, known, end_to_end([*was.values(), *list(was.values())[:1]] for _, was in spaces if was))
        self.look(partial(map, Spot.get), *unzipped(reach.slots))
        self.look(partial(map, attrgetter("cell_contents")), *unzipped((cell, was) for cell, _, was in reach.cells))
        self.look(values_of, *unzipped(reach.variables))
        self.look(code_of, [f for f, _ in reach.code], end_to_end(was for _, was in reach.code))
        self.look(partial(map, type), *unzipped((value, kind) for value, _, kind, _ in reach.instances))
        self.look(partial(map, attrgetter("__dict__") if usual else dict_of), *unzipped(having))
        self.look(partial(map, attrgetter("__mro__")), *unzipped(reach.classes))
        self.tensors = [tensor for tensor, _ in reach.tensors]
        self.appearing: list[tuple] = []  # for each namespace, how to ask at once whether it has a new name that counts
        self.look_again()
        if "__subclasses__" in reach.names:
            reach.asked += [(cls.__subclasses__, cls.__subclasses__()) for cls in self.classes]
        self.abstract = [cls for cls in self.classes if isinstance(cls, ABCMeta)]
        self.token, self.registered = get_cache_token(), self.registries()
        self.still = reach.still
        reach.clear()

    def keep(self, constants: list[tuple[weakref.ref, Any]]) -> None:
        """Compare arrays that f read past the recording, and that outlive it, at every call: they are from outside."""
        if any(get() is not None for get, _ in constants):
            gc.collect()  # f may have left circles behind
        self.still = self.still + [(get, was) for get, was in constants if get() is not None]

    def registries(self) -> list[set]:
        """What is registered with the abstract classes."""
        return [_get_dump(cls)[0] for cls in self.abstract]

    def look_again(self) -> None:
        """Take the names that namespaces have now as those that do not count, or that are known."""
        self.appearing = [self.reach.newcomers(space) for space, _, _ in self.reach.spaces.values()]

    def look(self, how: Callable, what: list, was: list) -> None:
        """Look at this too."""
        if what:
            self.looks.append((how, what))
            self.expected += was

    def watched(self) -> list[Any]:
        """Every entry that the function may have read, in a fixed order."""
        now: list[Any] = []
        for how, what in self.looks:
            now += how(what)
        return now

    def unchanged(self) -> bool:
        """Whether f would take the same way again: the same objects, equal numbers, gradients where they were."""
        try:
            now = self.watched()
        except (AttributeError, KeyError, ValueError, RuntimeError):
            return False
        expected = self.expected
        if len(now) != len(expected):
            return False
        if not all(map(is_, now, expected)):
            for a, b in zip(now, expected):
                if a is not b and not may_replace(a, b):
                    return False
            self.expected = now
        reach = self.reach
        if [tensor._node for tensor in self.tensors] != reach.nodes:
            for tensor, node in zip(self.tensors, reach.nodes):
                if tensor._node is not node and Leaf in (type(tensor._node), type(node)):
                    return False
        for leaf, had in zip(reach.grads, reach.had_grad):
            if (leaf.grad is not None) is not had:
                return False
        for value, _, was in reach.hidden:
            if inside_of(value) != was:
                return False
        if self.abstract and get_cache_token() != self.token:  # some class was registered with some abstract one
            if self.registries() != self.registered:
                return False
            self.token = get_cache_token()
        if any(ask() != was for ask, was in reach.asked):
            return False
        for host, structure in reach.hosts:
            if host.__jit_guard__() != structure:
                return False
        if not all([none_of(names) for none_of, names in self.appearing]):
            if self.has_new_names():
                return False
            self.look_again()
        if any((array := get()) is None or array.tobytes() != was for get, was in self.still):
            return False
        for host, _ in reach.hosts:
            host.__jit_ready__()
        return True

    def has_new_names(self) -> bool:
        """Whether a name that code mentions means something where it meant nothing."""
        for space, _, known in self.reach.spaces.values():
            if any(k not in known for k in self.reach.wanted(space, namespace_of(space))):
                return True
        return False

    def same_arguments(self, leaves: Sequence) -> bool:
        """Whether the arguments that f reaches besides are those that they were."""
        return self.reach.among(leaves) == self.arguments

    def grads_are_kept(self) -> bool:
        """Whether somebody besides its tensor has a gradient of the last call."""
        return any(leaf.grad is not None and grad_holders(leaf) > ONE_GRAD for leaf in self.reach.grads)


def grad_holders(leaf: Leaf) -> int:
    """How many references its gradient has."""
    return sys.getrefcount(leaf.grad)


def _one_grad() -> int:
    leaf = Leaf((), np.dtype(float))
    leaf.grad = np.empty(0)
    return grad_holders(leaf)


ONE_GRAD = _one_grad()

"""The state that a program relies on: before a replay, what its function branched on must be as it was."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Sequence
from itertools import chain
from operator import is_, itemgetter
from typing import Any

import numpy as np

from ..engine.aliasing import ALONE, refs
from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from .reach import SCALARS, Reach, inside_of, vars_of


class State(Reach):
    """What was reached, as it was then."""

    def __init__(self, roots: list[tuple[Any, str]], leaves: Sequence = ()):
        super().__init__(roots)
        self.tensor_ids = {id(tensor) for tensor, _ in self.tensors}
        self.arguments = self.among(leaves)
        self.snapshot = [(box, dict(box) if isinstance(box, dict) else list(box)) for box, _ in self.containers]
        self.views = [
            view
            for box, _ in self.containers
            if id(box) not in self.on_host
            for view in ((box.keys(), box.values()) if isinstance(box, dict) else (box,))
        ]
        self.cell_values = [cell.cell_contents for cell in self.cells]
        self.global_values = [(space, keys, [vars_of(space)[key] for key in keys]) for space, keys in self.names]
        self.getters = [(itemgetter(*keys, *keys[:1]), vars_of(space)) for space, keys in self.names]
        self.contents = [inside_of(value) for value, _ in self.hidden]
        self.expected = self.watched()
        self.nodes = [tensor.node for tensor, _ in self.tensors]
        self.grads = [tensor.node for tensor, _ in self.tensors if type(tensor.node) is Leaf]
        self.had_grad = [leaf.grad is not None for leaf in self.grads]
        self.dicts = [vars_of(space) for space, _ in self.spaces.values()]
        self.sizes = list(map(len, self.dicts))
        self.structure = [obj.__jit_guard__() for obj in self.hosts]

    def among(self, leaves: Sequence) -> list:
        """Which arguments are tensors that f reaches besides: it has those only once."""
        return [id(a) if id(a) in self.tensor_ids else None for a in leaves if type(a) in TENSORS]

    def same_arguments(self, leaves: Sequence) -> bool:
        """Whether the arguments that f reaches besides are those that they were."""
        return self.among(leaves) == self.arguments

    def watched(self) -> list:
        """Every entry that a function may have branched on, in a fixed order."""
        return [
            *chain.from_iterable(self.views),
            *chain.from_iterable([getter(space) for getter, space in self.getters]),
            *[getattr(*slot, None) for slot in self.slots],
            *[cell.cell_contents for cell in self.cells],
        ]

    def unchanged(self) -> bool:
        """Whether f would take the same way again: the same objects, equal numbers, gradients where they were."""
        try:
            now = self.watched()
        except (KeyError, ValueError, RuntimeError):
            return False
        expected = self.expected
        if len(now) != len(expected):
            return False
        if not all(map(is_, now, expected)):
            for a, b in zip(now, expected):
                if a is not b and not alike(a, b):
                    return False
            self.expected = now
        if [tensor.node for tensor, _ in self.tensors] != self.nodes:
            for (tensor, _), node in zip(self.tensors, self.nodes):
                if tensor.node is not node and Leaf in (type(tensor.node), type(node)):
                    return False
        for leaf, had in zip(self.grads, self.had_grad):
            if (leaf.grad is not None) is not had:
                return False
        if self.hidden and self.contents != [inside_of(value) for value, _ in self.hidden]:
            return False
        for obj, structure in zip(self.hosts, self.structure):
            if obj.__jit_guard__() != structure:
                return False
        if list(map(len, self.dicts)) != self.sizes:
            if any(self.unnoted(space, done) for space, done in self.spaces.values()):
                return False  # a name that f uses means something new
            self.sizes = list(map(len, self.dicts))
        if any((array := get()) is None or array.tobytes() != was for get, was in self.still):
            return False
        for obj in self.hosts:
            obj.__jit_ready__()
        return True

    def grads_are_kept(self) -> bool:
        """Whether somebody besides its tensor has a gradient of the last call."""
        for leaf in self.grads:
            if leaf.grad is not None and sys.getrefcount(leaf.grad) > 2:  # the leaf's and the call's
                return True
        return False

    def keep(self, constants: list[tuple[weakref.ref, bytes]]) -> None:
        """Compare arrays that f read past the recording, and that outlive it, at every call: they are from outside."""
        if any(get() is not None for get, _ in constants):
            gc.collect()  # f may have left circles behind
        self.still += [(get, was) for get, was in constants if get() is not None]


def alike(a, b) -> bool:
    """Whether one value may take the place of another: equal numbers, or arrays of one layout."""
    if isinstance(a, SCALARS):
        return type(a) is type(b) and (repr(a) == repr(b) if not a else a == b or a != a and b != b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides
    return False


def alone(tensor) -> bool:
    """Whether nothing but its tensor refers to an array, so that it may be written in place."""
    return refs(tensor) == ALONE

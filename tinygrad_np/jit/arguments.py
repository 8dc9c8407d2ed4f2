"""What f is given while it is recorded: stand-ins for the arrays and streams among its arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.recording import TENSORS
from ..engine.tape import Leaf
from ..transforms.containers import flatten, opened
from .errors import Differs
from .instruction import memory
from .places import PLAIN_ARRAYS
from .record import Tape
from .refusing import refuse
from .stand_in import RecordedGenerator, StandIn

ndarray = np.ndarray


def array_like(leaf) -> bool:
    """Whether a stand-in takes the place of an argument."""
    return isinstance(leaf, (ndarray, np.generic, np.random.Generator)) or type(leaf) in TENSORS


def borrowed(array: ndarray) -> ndarray:
    """The same memory as an array that has no base: an argument may be a piece of anything."""
    alias = np.ndarray(array.shape, array.dtype, memory(array))
    alias.flags.writeable = array.flags.writeable
    return alias


class GivenInputs:
    """What f is given: stand-ins for arrays; the caller's own Tensors, with stand-ins inside, while it runs."""

    def __init__(self, leaves: list, tape: Tape):
        self.tape = tape
        self.leaves = leaves
        self.inputs: list[tuple[int, str]] = []  # input number -> which leaf, and what of it
        self.keep: list[tuple[ndarray, ndarray, ndarray]] = []  # itself, in C order, and as it was
        self.tensors: dict[int, int] = {}  # a Tensor, by id -> its leaf
        self.saved: list[tuple] = []
        self.streams: list[tuple[np.random.Generator, Any]] = []  # and where they were
        self.stand_ins: list[Any] = list(leaves)
        self.placed: dict[int, Any] = {}  # the stand-ins in Tensors
        self.numbers: dict[int, int] = {}  # and which inputs they are

    def stand_in(self, array, leaf: int, what: str) -> Any:
        if isinstance(array, ndarray) and type(array) not in PLAIN_ARRAYS:
            refuse(f"argument {leaf} is a {type(array).__name__}, whose arithmetic is its own; pass an ndarray")
        if array.dtype.hasobject:
            refuse(f"argument {leaf} is an array of Python objects; pass one of numbers")
        scalar, array = isinstance(array, np.generic), np.asarray(array)
        dense = np.ascontiguousarray(array).reshape(array.shape)
        alias = borrowed(dense)
        self.keep.append((array, dense, dense.copy()))
        self.inputs.append((leaf, what))
        self.tape.view(alias, "input", len(self.inputs) - 1)
        return StandIn(alias, self.tape, scalar=scalar)

    def forth(self) -> None:
        """Put the stand-ins where f will find them."""
        for i, leaf in enumerate(self.leaves):
            if type(leaf) in TENSORS:
                if id(leaf) in self.tensors:
                    continue
                if type(leaf._array) is StandIn:  # also part of the state, see State.among
                    continue
                node = leaf._node
                self.tensors[id(leaf)] = i
                self.saved.append((leaf, leaf._array, node, node.exposed, node.grad if type(node) is Leaf else None))
                self.numbers[id(leaf)] = len(self.inputs)
                self.placed[id(leaf)] = leaf._array = self.stand_in(leaf._array, i, "array")
                if type(node) is Leaf:
                    node.exposed = None
                    if node.grad is not None:
                        node.grad = self.stand_in(node.grad, i, "grad")
            elif isinstance(leaf, np.random.Generator):
                self.stand_ins[i] = RecordedGenerator(leaf, self.tape)
                self.streams.append((leaf, leaf.bit_generator.state))
            elif array_like(leaf):
                self.stand_ins[i] = self.stand_in(leaf, i, "array")

    def lost(self) -> bool:
        """Whether f has written to an argument that is not in C order: to a copy of it."""
        pairs = (self.keep[n][:2] for n in self.tape.written_inputs())
        return any(not np.may_share_memory(array, dense) for array, dense in pairs)

    @staticmethod
    def containers(given) -> list:
        """Those that hold the arguments."""
        found, stack = [], list(given)
        while stack:
            tree = stack.pop()
            inside = opened(tree)
            if inside is not None:
                found.append(tree)
                stack += [child for _, child in inside[0]]
        return found

    def same(self, given) -> None:
        """Refuse writes to the containers that f was given, or to Tensors, for it was given copies."""
        leaves, paths, _ = flatten(given)
        if len(leaves) != len(self.stand_ins) or any(a is not b for a, b in zip(leaves, self.stand_ins)):
            refuse(
                "an entry of a container that the function was given was set, added or removed, which a replay would "
                "not repeat; return the new value instead"
            )
        for tensor, _, node, _, _ in self.saved:
            replaced = tensor._node is not node or tensor._array is not self.placed[id(tensor)]
            if replaced or type(node) is not Leaf and self.numbers[id(tensor)] in self.tape.written_inputs():
                refuse("a Tensor argument was assigned to; assign to a copy, and return it")

    def back(self) -> None:
        """The caller's Tensors have their own arrays again."""
        for tensor, array, node, exposed, grad in self.saved:
            tensor._array, tensor._node = array, node
            if type(node) is Leaf:
                node.exposed, node.grad = exposed, grad

    def undo(self) -> None:
        """The same, and what f wrote to arguments is undone."""
        self.back()
        for _, dense, was in self.keep:
            if dense.tobytes() != was.tobytes():
                np.copyto(dense, was)
        for stream, state in self.streams:
            stream.bit_generator.state = state

    def gather(self) -> None:
        """Note the gradients that f has left to the Tensors; those that it has cleared, it may clear only once."""
        self.grads = [(self.tensors[id(t)], t._node.grad) for t, _, node, _, _ in self.saved if type(node) is Leaf]
        for _, _, node, _, grad in self.saved:
            if type(node) is Leaf and node.grad is None and grad is not None:
                raise Differs

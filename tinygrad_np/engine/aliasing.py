"""An array that the graph still needs is not changed behind its back.

Everything a Tensor computes is private to it. Three doors lead outside, and each is watched here:
an ndarray used as an operand is copied when small and made read-only when large, for as long as a residual
needs it; `.data` of a leaf can be written, unless a graph holds the array; and an in-place update of a leaf leaves
its serial number, so that a pullback through an older use of it raises.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

import numpy as np

from .arrays import read_only
from .tape import SELECT, Leaf, Node, next_serial, oldest_first

COPY_BELOW = 16384  # bytes: up to here a copy costs less than the bookkeeping of a lock
_locks: dict[int, int] = {}  # id of a locked array -> how many residuals need it
_held: dict[int, tuple[Any, ...]] = {}  # id of a weak reference to a residual -> itself, what it locks
_waiting: dict[int, list[Any]] = {}  # id of a locked array -> views of it that nothing else locks
_mutex = threading.RLock()  # a residual may die, and unlock, while another one is made


class MutationError(RuntimeError):
    """An array was changed in place although a recorded operation still needs its old value."""


def protect(array: np.ndarray) -> np.ndarray:
    """An equal array that nobody else can write to: a copy, or a view whose original is locked while it lives."""
    if array.nbytes <= COPY_BELOW or array.dtype.hasobject:
        return array.copy()
    owners = [array]
    while type(owners[-1].base) is np.ndarray:
        owners.append(owners[-1].base)
    with _mutex:
        owners = [owner for owner in owners if owner.flags.writeable or id(owner) in _locks]
        if not owners:
            return array
        view = read_only(array)
        for owner in owners:
            _locks[id(owner)] = _locks.get(id(owner), 0) + 1
            owner.flags.writeable = False
        watcher = weakref.ref(view, _unlock)
        _held[id(watcher)] = watcher, owners
    return view


def _unlock(watcher: weakref.ref[Any]) -> None:
    """A residual is gone: whatever it was the last to need may be written again."""
    with _mutex:
        for owner in reversed(_held.pop(id(watcher))[1]):  # what views share before the views
            _locks[id(owner)] -= 1
            if not _locks[id(owner)]:
                _release(owner)


def _release(owner: np.ndarray) -> None:
    """Make an array writable that no residual needs; a view must wait for what it is a view of."""
    if type(owner.base) is np.ndarray and id(owner.base) in _locks:
        _waiting.setdefault(id(owner.base), []).append(owner)
        return
    del _locks[id(owner)]
    owner.flags.writeable = True
    for view in _waiting.pop(id(owner), ()):
        if _locks.get(id(view)) == 0:
            _release(view)


def refs(holder: Any) -> int:
    """How many references `holder._array` has: the count is the same expression at every place that compares."""
    return sys.getrefcount(holder._array)


class _Holder:
    __slots__ = ("_array",)
    _array: np.ndarray


def _alone() -> int:
    holder = _Holder()
    holder._array = np.empty(0)
    return refs(holder)


def _owned(array: Any) -> int:
    return sys.getrefcount(array)


ALONE = _alone()  # the count of an array that its Tensor alone refers to
for _, _array in {0: np.empty(0)}.items():
    OWNED = _owned(_array)  # the count, in a function, of an argument that a dict alone holds, and a loop over it


def expose(tensor: Any) -> np.ndarray:
    """A view of a leaf's array for its user: writable, unless something else holds the array."""
    leaf, view = tensor._node, None
    if leaf.exposed is not None:
        view = leaf.exposed()
    if refs(tensor) > ALONE + (view is not None):
        return read_only(tensor._array)
    if view is None:
        view = tensor._array.view()
        leaf.exposed = weakref.ref(view)
    return view


def residual(tensor: Any) -> np.ndarray:
    """The array of an exposed leaf as a graph may keep it: a copy while its user still holds a view."""
    leaf = tensor._node
    if leaf.exposed() is None and refs(tensor) == ALONE:
        leaf.exposed = None
        return tensor._array
    return tensor._array.copy()


def changed(leaf: Leaf) -> None:
    """Note that a leaf's array has just been changed in place."""
    leaf.changed = next_serial()


def check_unchanged(root: Node, leaves: Any) -> None:
    """Raise if an operation below `root` recorded the array of a leaf, or a view of it, that was changed since."""
    for leaf in leaves:
        if not leaf.changed:
            continue
        same = {leaf}  # nodes whose array may be the leaf's memory: linear functions may return views
        for node in oldest_first([root]):
            touched = [i for i, parent in enumerate(node.parents) if parent in same]
            if not touched or node.serial > leaf.changed:
                continue
            if node.op is SELECT or node.op.kind == "linear":
                same.add(node)
            elif any(node.op.keeps_operand(i) for i in touched):
                raise MutationError(
                    f"{leaf.name or 'a leaf'} of shape {leaf.shape} was changed in place after {node.op.name} "
                    "recorded it; call backward before the update, or compute the value again after it"
                )

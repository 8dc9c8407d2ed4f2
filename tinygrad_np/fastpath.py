"""The hot path: what `record` does, as a closure a row with as few instructions as possible.

An elementwise ufunc, and any function whose arguments come all in order, are recorded here; everything else by `record`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .guard import protect, residual
from .modes import current, cut, mode
from .recording import TENSORS, Traced, as_array, explained, finish, left, note_view, watched
from .rules import Row
from .tape import CONST, Node, next_serial

ndarray = np.ndarray
new = object.__new__


def unary(row: Row) -> Callable:
    """The recorded form of an elementwise function of one tensor."""
    fun, (keep,) = row.fun, row.keeps
    now = mode.get

    def apply(a):
        parent = a.node
        x = a.array if parent.exposed is None else residual(a)
        out = fun(x)
        if type(out) is not ndarray:
            out = as_array(out)
        tensor = new(Traced.public)
        tensor.array = out
        if parent.tracked:
            node = new(Node)
            node.serial = next_serial()
            node.row = row
            node.parents = (parent,)
            node.saved = (keep(x, out, None),)
            node.shape = out.shape
            node.dtype = out.dtype
            tensor.node = node if now() is None else watched(node, out)
        else:
            tensor.node = CONST
        return tensor
    return apply


def binary(row: Row) -> Callable:
    """The recorded form of an elementwise function of two operands, at least one of them a tensor."""
    fun, (keep_x, keep_y) = row.fun, row.keeps
    needs_y, needs_x = map(bool, row.residuals)
    now = mode.get

    def apply(a, b):
        if type(a) in TENSORS:
            pa = a.node
            x = a.array if pa.exposed is None else residual(a)
        else:
            pa = CONST
            x = protect(a) if type(a) is ndarray and needs_x else a
        if type(b) in TENSORS:
            pb = b.node
            y = b.array if pb.exposed is None else residual(b)
        else:
            pb = CONST
            y = protect(b) if type(b) is ndarray and needs_y else b
        try:
            out = fun(x, y)
        except (ValueError, TypeError) as error:
            raise explained(error, row, (x, y)) from None
        if type(out) is not ndarray:
            out = as_array(out)
        tensor = new(Traced.public)
        tensor.array = out
        if pa.tracked:
            saved = (keep_x(x, y, out, None), keep_y(x, y, out, None) if pb.tracked else None)
        elif pb.tracked:
            saved = (None, keep_y(x, y, out, None))
        else:
            tensor.node = CONST
            return tensor
        node = new(Node)
        node.serial = next_serial()
        node.row = row
        node.parents = (pa, pb)
        node.saved = saved
        node.shape = out.shape
        node.dtype = out.dtype
        tensor.node = node if now() is None else watched(node, out)
        return tensor
    return apply


def positional(row: Row) -> Callable | None:
    """The recorded form of a function that gets all its arguments in order, or None.

    It returns None itself where a call is of another form, and `record` takes that.
    """
    if row.joint or row.positions != tuple(sorted(row.positions)):
        return None
    fun, keeps, count = row.fun, row.keeps, len(row.names)
    plan = tuple(zip((i in row.positions for i in range(count)), row.kept))
    now = mode.get

    def apply(args):
        arrays, parents, foreign, tracked = [], [], [], False
        if len(args) != count:
            return None
        for a, (operand, keep) in zip(args, plan):
            kind = type(a)
            if kind in TENSORS:
                node = a.node
                arrays.append(a.array if node.exposed is None else residual(a))
                if operand:
                    parents.append(node)
                    tracked = tracked or node.tracked
                elif node.tracked:
                    return None
            elif kind is list or kind is tuple or kind is slice:
                return None
            else:
                if keep and kind is ndarray:
                    foreign.append(len(arrays))
                arrays.append(a)
                if operand:
                    parents.append(CONST)
        try:
            out = fun(*arrays)
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
            raise explained(error, row, arrays) from None
        if type(out) is not ndarray:
            if isinstance(out, (list, tuple)):
                return finish(row, args, [args[i] for i in row.positions], tuple(parents), out)
            out = as_array(out)
        tensor = new(Traced.public)
        tensor.array = out
        tensor.node = CONST
        if tracked and (now() is None or current().recording) and out.dtype.kind in "fc":
            for i in foreign:
                arrays[i] = protect(arrays[i])
            node = new(Node)
            node.serial = next_serial()
            node.row = row
            node.parents = tuple(parents)
            node.saved = tuple([keep(*arrays, out, None) if parent.tracked else None
                                for keep, parent in zip(keeps, parents)])
            node.shape = out.shape
            node.dtype = out.dtype
            tensor.node = node if now() is None else watched(node, out)
        elif tracked and now() is not None:
            cut(left(row, out), parents)
        if type(out) is ndarray and out.base is not None and type(args[row.positions[0]]) in TENSORS:
            note_view(tensor, args[row.positions[0]])
        return tensor
    return apply

"""The numbers are right and in the wrong places."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ...reference.problem import Problem
from .block import FIT, Part, nonzero, right, square, used


def exchanged_axes(b: Part):
    n = len(b.shape)
    for i, j in combinations(range(n), 2):
        if b.frame.lengths[i] == b.frame.lengths[j] > 1:
            yield (
                "TRANSPOSED",
                f"axes {i} and {j} of the gradient are exchanged",
                b.moved(lambda r, i=i, j=j: r.swapaxes(i, j)),
            )
    shape = b.out_shape
    for i, j in combinations(range(len(shape)), 2):
        if b.frame.lengths_out[i] == b.frame.lengths_out[j] > 1:
            turned = b.expected.reshape(shape + (-1,)).swapaxes(i, j).reshape(b.expected.shape)
            yield (
                "COTANGENT TRANSPOSED",
                f"axes {i} and {j} of the cotangent are exchanged: transpose ct, or the other factor",
                turned,
            )
    if square(b):
        yield (
            "JACOBIAN FOR ITS TRANSPOSE",
            "the operation itself was applied to ct: the transpose is needed (as a running sum "
            "from the other end, the inverse permutation, the adjoint matrix)",
            b.expected.T,
        )


def rolled(b: Part):
    yield from shifts(b, b.expected.reshape((-1,) + b.shape), 1, b.frame.places, b.frame.lengths, "gradient")


def cotangent_rolled(b: Part):
    """The same, along the axes of the output."""
    rows = b.expected.reshape(b.out_shape + (-1,))
    yield from shifts(b, rows, 0, b.frame.places_out, b.frame.lengths_out, "cotangent")


def shifts(b: Part, rows: np.ndarray, first: int, places: list, lengths: tuple, what: str):
    """Shifts by one along each axis; `first` is the number of axes in front of them."""
    for axis, (here, n) in enumerate(zip(places, lengths)):
        for shift in (1, -1) if n > 1 else ():
            said = f"the {what} is shifted by {shift if what == 'gradient' else -shift:+d} along axis {axis}"
            for how, come_from in (("", (here - shift) % n), (", zeros coming in", here - shift)):
                yield "OFF BY ONE", said + how, *fetched(b, rows, come_from, axis + first, here, n)


def fetched(b: Part, rows: np.ndarray, come_from: np.ndarray, axis: int, places: np.ndarray, n: int) -> tuple:
    """Rows that come from other places of an axis of length n, zeros from outside; and whether nothing can be told,
    for all of those places are outside the block.
    """
    k = np.clip(np.searchsorted(places, come_from), 0, len(places) - 1)
    factor = np.where((come_from < 0) | (come_from >= n), 0, np.where(places[k] == come_from, 1, np.nan))
    moved = np.take(rows, k, axis) * factor.reshape((-1,) + (1,) * (rows.ndim - axis - 1))
    moved = moved.reshape(b.expected.shape)
    unseen = np.isnan(moved)
    return np.where(unseen, b.yours, moved), bool(unseen.all())


def kernel_flipped(b: Part):
    """A convolution's derivative with the kernel the wrong way round."""
    if (used(b).sum(axis=0) > 1).any() and not used(b).all() and not b.frame.partial:
        for lines, of in ((b.expected, "output"), (b.expected.T, "input")):
            flipped = lines.copy()
            for row in flipped:
                places = np.flatnonzero(row)
                row[places] = row[places[::-1]]
            yield (
                "KERNEL NOT FLIPPED",
                f"the derivatives of each {of} are back to front: a correlation where a convolution belongs",
                flipped if of == "output" else flipped.T,
            )


def flipped(b: Part):
    rows = b.expected.reshape((-1,) + b.shape)
    for axis, (here, n) in enumerate(zip(b.frame.places, b.frame.lengths)):
        if n > 1:
            moved = fetched(b, rows, n - 1 - here, axis + 1, here, n)
            yield "REVERSED", f"axis {axis} of the gradient is back to front", *moved
    if len(b.shape) > 1 and not b.frame.partial:
        yield "REVERSED", "the gradient is back to front", b.moved(np.flip)


def reordered(b: Part):
    if len(b.shape) > 1 and b.expected.size and not b.frame.partial:
        yield (
            "WRONG MEMORY ORDER",
            "the elements are in column order: reshape or ravel with another order",
            b.moved(lambda r: r.ravel(order="F").reshape(r.shape)),
        )
        yield (
            "WRONG MEMORY ORDER",
            "the elements are in row order: reshape or ravel with order='F'",
            b.moved(lambda r: r.reshape(-1).reshape(r.shape, order="F")),
        )


def wrong_axis(b: Part):
    p = b.problem
    axis = p.kwargs.get("axis")
    if not isinstance(axis, int):
        return
    for other in range(-len(b.shape), len(b.shape)):
        if other % len(b.shape) != axis % len(b.shape):
            try:
                expected = right(Problem(p.f, p.args, {**p.kwargs, "axis": other}))
            except Exception:
                continue
            start, end = p.ends[b.slot : b.slot + 2]
            if expected.shape[0] == b.expected.shape[0]:
                yield "WRONG AXIS", "this is the gradient along another axis", expected[:, start:end]
            return


def other_axis(b: Part):
    """An operation along one axis whose gradient ties elements along another one."""
    shape = b.frame.lengths
    if len(shape) < 2 or not square(b):
        return
    index = np.array(np.unravel_index(b.frame.entries, shape))
    differ = index[:, :, None] != index[:, None, :]  # axis, row, column
    apart = differ.sum(axis=0)
    along = []
    for ties in (used(b), nonzero(b.yours)):
        mixed = ties & (apart > 0)
        along.append([k for k in range(len(shape)) if mixed.any() and (differ[k] & (apart == 1))[mixed].all()])
    right_axis, wrong = along
    if right_axis and wrong and right_axis != wrong:
        yield (
            "WRONG AXIS",
            f"the operation ties elements along axis {right_axis[0]}, the gradient along axis {wrong[0]}",
            b.yours,
        )


def permutation(b: Part):
    """Along an axis, each entry has the derivatives of another one, by one permutation for all outputs."""
    if max(b.expected.shape) > 36 or b.frame.partial:
        return
    for axis, n in enumerate(b.shape):
        yours, expected = (
            np.moveaxis(a.reshape((-1,) + b.shape), axis + 1, 0).reshape(n, -1) for a in (b.yours, b.expected)
        )
        order = order_of(yours, expected)
        if order is None:
            continue
        moved = b.moved(lambda r, axis=axis, order=order: np.take(r, order, axis))
        taken = order_of(expected, np.eye(n)) if len(b.shape) == 1 and b.expected.shape == (n, n) else None
        if taken is not None and not plain_permutation(taken) and (taken[taken] == np.argsort(order)).all():
            yield (
                "PERMUTED",
                f"the permutation p = {np.argsort(taken).tolist()} is applied to ct, as to the input: undo it, "
                "with ct[np.argsort(p)]",
                moved,
            )
        if plain_permutation(order):
            continue
        yield (
            "PERMUTED",
            f"along axis {axis} entry i of the gradient is that of entry p[i], p = {order.tolist()}: undo the "
            "permutation with np.argsort(p), or do not apply it",
            moved,
        )


def plain_permutation(order: np.ndarray) -> bool:
    """Whether a permutation is a shift or back to front, which have names of their own."""
    n = len(order)
    return bool(((order - np.arange(n)) % n == order[0]).all() or (order == np.arange(n)[::-1]).all())


def order_of(yours: np.ndarray, expected: np.ndarray) -> np.ndarray | None:
    """The permutation, other than none, by which rows of one are those of the other; None where it is not unique."""
    near = FIT * np.abs(expected).max(initial=0)
    same = np.abs(yours[:, None] - expected[None]).max(axis=2, initial=0) <= near
    if len(same) < 2 or not ((same.sum(axis=1) == 1).all() and (same.sum(axis=0) == 1).all()):
        return None
    order = same.argmax(axis=1)
    return order if (order != np.arange(len(order))).any() else None


WRONG_PLACES = (exchanged_axes, rolled, cotangent_rolled, flipped, kernel_flipped, reordered, wrong_axis, other_axis)

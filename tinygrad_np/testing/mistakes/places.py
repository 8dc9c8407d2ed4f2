"""The numbers are right and in the wrong places."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..problem import Problem
from .block import FIT, Block, estimated, used


def transposed(b: Block):
    n = len(b.shape)
    for i, j in combinations(range(n), 2):
        if b.shape[i] == b.shape[j] > 1:
            yield (
                "TRANSPOSED",
                f"axes {i} and {j} of the gradient are exchanged",
                b.moved(lambda r, i=i, j=j: r.swapaxes(i, j)),
            )
    shape = b.out_shape
    for i, j in combinations(range(len(shape)), 2):
        if shape[i] == shape[j] > 1:
            turned = b.expected.reshape(shape + (-1,)).swapaxes(i, j).reshape(b.expected.shape)
            yield (
                "COTANGENT TRANSPOSED",
                f"axes {i} and {j} of the cotangent are exchanged: transpose ct, or the other factor",
                turned,
            )
    if b.expected.shape[0] == b.expected.shape[1] > 1:
        yield (
            "JACOBIAN FOR ITS TRANSPOSE",
            "the operation itself was applied to ct: the transpose is needed (as a running sum "
            "from the other end, the inverse permutation, the adjoint matrix)",
            b.expected.T,
        )


def rolled(b: Block):
    for axis in range(len(b.shape)):
        for shift in (1, -1):
            if b.shape[axis] > 1:
                yield (
                    "OFF BY ONE",
                    f"the gradient is shifted by {shift:+d} along axis {axis}",
                    b.moved(lambda r, s=shift, a=axis: np.roll(r, s, a)),
                )
                yield (
                    "OFF BY ONE",
                    f"the gradient is shifted by {shift:+d} along axis {axis}, zeros coming in",
                    b.moved(lambda r, s=shift, a=axis: shifted(r, s, a)),
                )


def cotangent_rolled(b: Block):
    """The same, along the axes of the output."""
    rows = b.expected.reshape(b.out_shape + (-1,))
    for axis in range(len(b.out_shape)):
        for shift in (1, -1):
            if b.out_shape[axis] > 1:
                for how, moved in (("", np.roll(rows, shift, axis)), (", zeros coming in", shifted(rows, shift, axis))):
                    yield (
                        "OFF BY ONE",
                        f"the cotangent is shifted by {-shift:+d} along axis {axis}{how}",
                        moved.reshape(b.expected.shape),
                    )


def kernel_flipped(b: Block):
    """A convolution's derivative with the kernel the wrong way round."""
    if (used(b).sum(axis=0) > 1).any() and not used(b).all():
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


def shifted(row: np.ndarray, shift: int, axis: int) -> np.ndarray:
    out = np.roll(row, shift, axis)
    edge = [slice(None)] * row.ndim
    edge[axis] = slice(0, 1) if shift > 0 else slice(-1, None)
    out[tuple(edge)] = 0
    return out


def flipped(b: Block):
    for axis in range(len(b.shape)):
        if b.shape[axis] > 1:
            yield (
                "REVERSED",
                f"axis {axis} of the gradient is back to front",
                b.moved(lambda r, a=axis: np.flip(r, a)),
            )
    if len(b.shape) > 1:
        yield "REVERSED", "the gradient is back to front", b.moved(np.flip)


def reordered(b: Block):
    if len(b.shape) > 1 and b.expected.size:
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


def wrong_axis(b: Block):
    p = b.problem
    axis = p.kwargs.get("axis")
    if not isinstance(axis, int):
        return
    for other in range(-len(b.shape), len(b.shape)):
        if other % len(b.shape) != axis % len(b.shape):
            try:
                q = Problem(p.f, p.args, {**p.kwargs, "axis": other})
                expected = estimated(q)
            except Exception:
                continue
            start, end = p.ends[b.slot : b.slot + 2]
            if expected.shape[0] == b.expected.shape[0]:
                yield "WRONG AXIS", "this is the gradient along another axis", expected[:, start:end]
            return


def permuted(b: Block):
    if b.expected.shape[1] > 1:
        a, e = np.sort(b.yours, axis=1), np.sort(b.expected, axis=1)
        if np.abs(a - e).max(initial=0) <= FIT * np.abs(e).max(initial=0):
            yield (
                "RIGHT NUMBERS IN WRONG PLACES",
                "each row holds the right numbers in another order: an index or an order is wrong",
                b.yours,
            )


FAMILY = (transposed, rolled, cotangent_rolled, flipped, kernel_flipped, reordered, wrong_axis)

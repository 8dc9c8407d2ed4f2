"""Sums, means and duplicates: something is added up too often, or not at all."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .block import FIT, Part, square, used


def duplicates(b: Part):
    uses = used(b, everywhere=True)
    if not (uses.sum(axis=0) > 1).any():
        return
    every, rows = np.arange(len(uses))[:, None], b.frame.rows[:, None]
    last = np.where(uses, every, -1).max(axis=0)
    first = np.where(uses, every, len(uses)).min(axis=0)
    counts = uses.sum(axis=0)
    indexing = np.ptp(counts) or any(  # an axis that was broadcast uses all elements equally often
        isinstance(leaf, (list, int, np.integer)) or getattr(leaf, "dtype", np.dtype(float)).kind in "iu"
        for leaf in b.problem.leaves
    )
    what = (
        (
            "DUPLICATE INDEX OVERWRITTEN",
            "of each repeated index only the {} counts: accumulate with np.add.at(gx, idx, ct), not gx[idx] += ct",
        )
        if indexing
        else (
            "MISSING SUM",
            "an element that is used several times gets the cotangent of its {} use alone: sum over the "
            "axes along "
            "which it was broadcast (tinygrad_np.unbroadcast)",
        )
    )
    yield what[0], what[1].format("last"), np.where(rows == last, b.expected, 0)
    yield what[0], what[1].format("first"), np.where(rows == first, b.expected, 0)
    with np.errstate(all="ignore"):
        yield (
            "MEAN INSTEAD OF SUM",
            "the cotangents of an element that is used several times are averaged, not summed",
            np.where(counts > 0, b.expected / np.maximum(counts, 1), 0),
        )


def wrong_divisors(b: Part):
    uses = used(b, everywhere=True)
    if b.problem.slots[b.slot].is_complex:
        uses = uses[:, ::2] | uses[:, 1::2]  # one number
    if not ((uses.sum(axis=0) > 1).any() or (uses.sum(axis=1) > 1).any()):
        return  # elementwise: nothing is summed or averaged
    whole = b.frame.whole
    total, out = max(whole.sizes[b.frame.slot], 1), max(whole.size_out, 1)
    for n, what in (
        (total / out, "the number of elements that are reduced"),
        (total, "the number of elements"),
        (out, "the number of outputs"),
    ):
        if n > 1:
            yield "SUM FOR MEAN", f"the division by {what} is missing", b.expected * n
            yield "MEAN FOR SUM", f"there is a division by {what} too many", b.expected / n
    for n in {total / out, *map(float, b.frame.lengths)}:
        if n > 1:
            yield "DDOF", "the divisor is n where n - 1 is right (ddof)", b.expected * (n - 1) / n
            yield "DDOF", "the divisor is n - 1 where n is right (ddof)", b.expected * n / (n - 1)
    for axis, n in enumerate(b.frame.lengths):
        if n > 1:
            yield "SUM FOR MEAN", f"the division by the length of axis {axis} is missing", b.expected * n
            yield ("MEAN FOR SUM", f"there is a division by the length of axis {axis} too many", b.expected / n)


def diagonal(b: Part):
    if square(b) and not b.problem.slots[b.slot].is_complex:
        own = np.eye(len(b.expected), dtype=bool)
        if used(b)[~own].any() and used(b)[own].all() and np.diag(b.yours).all():
            text = "each element is treated by itself, as the operation does not: terms between elements are missing"
            yield "DIAGONAL ONLY", text, np.where(own, b.yours, 0)


def triangle(b: Part):
    if len(b.shape) >= 2:
        yield "ONE TRIANGLE", "only the lower triangle of the gradient is there", b.moved(np.tril)
        yield "ONE TRIANGLE", "only the upper triangle of the gradient is there", b.moved(np.triu)
        if b.frame.lengths[-1] == b.frame.lengths[-2] > 1:
            yield (
                "SYMMETRIZED",
                "the gradient is averaged with its transpose",
                b.moved(lambda r: (r + r.swapaxes(-1, -2)) / 2),
            )
            yield ("SYMMETRIZED", "the gradient is added to its transpose", b.moved(lambda r: r + r.swapaxes(-1, -2)))


def largest_only(b: Part):
    if b.expected.shape[1] > 1 and not b.frame.partial:
        top = np.argmax(np.abs(b.expected), axis=1)[:, None] == np.arange(b.expected.shape[1])
        yield "LARGEST ONLY", "only the largest entry of each row is there", np.where(top, b.expected, 0)


def one_term(b: Part):
    """An operand that occurs twice gets two terms, one the other with an axis of the output exchanged."""
    shape = b.out_shape
    for i, j in combinations(range(len(shape)), 2):
        if b.frame.lengths_out[i] == b.frame.lengths_out[j] > 1:
            other = b.yours.reshape(shape + (-1,)).swapaxes(i, j).reshape(b.yours.shape)
            if np.abs(b.yours + other - b.expected).max(initial=0) <= FIT * np.abs(b.expected).max(initial=0):
                yield (
                    "ONE OF TWO TERMS",
                    "the input is used twice and has the gradient of one use: add the other term",
                    b.expected - other,
                )


def unmasked(b: Part):
    zero = ~used(b)
    if zero.any() and not zero.all():
        yield (
            "MASK FORGOTTEN",
            "it is right where the output depends on the input, and not 0 where it does not",
            np.where(zero, b.yours, b.expected),
        )


def shared_equally(b: Part):
    if b.frame.partial:
        return
    support = np.abs(b.yours) > 0
    with np.errstate(all="ignore"):
        share = b.expected.sum(axis=1, keepdims=True) / support.sum(axis=1, keepdims=True)
    fewer, more = used(b).sum(axis=1), support.sum(axis=1)
    if (fewer <= more).all() and (fewer < more).any():
        yield (
            "SHARED EQUALLY",
            "every element gets the same share of the cotangent, not the one that was selected",
            np.where(support, share, 0),
        )


WRONG_SUMS = (diagonal, one_term, triangle, unmasked, shared_equally, largest_only)

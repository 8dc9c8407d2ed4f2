"""A term of a sum is missing, or is left in: what remains is right, and the difference has a simple form."""

from __future__ import annotations

import numpy as np

from .block import FIT, Block, off, used


def same(values: np.ndarray) -> bool:
    """Whether there are two numbers or more, all of them equal and none zero."""
    size = np.abs(values).max(initial=0)
    return values.size > 1 and size > 0 and bool(np.ptp(values) <= FIT * size)


def lost(b: Block):
    apart = b.yours - b.expected
    wrong = off(b)
    if b.x.size > 1 and np.isfinite(apart).all():
        along = [np.abs((b.yours - k * b.expected) @ b.x).max(initial=0) for k in (0.5, 0)]
        whole = np.abs(b.expected @ b.x).max(initial=0)
        if along[0] <= FIT * whole < along[1]:  # Euler: a term of a form of degree 2 is half of it along x
            yield (
                "ONE OF TWO TERMS",
                "along the input yours is half of the derivative: the input is used twice, as in x.T @ A @ x, and has "
                "the gradient of one use",
                b.yours,
            )
        astray = np.abs(apart @ b.x).max(initial=0)
        if astray <= FIT * whole < np.abs(apart).max() * np.abs(b.x).max():
            yield (
                "SYMMETRY ASSUMED",
                "along the input yours is right, beside it not: a matrix is taken to be symmetric, as A for "
                "(A + A.T) / 2 in x.T @ A @ x",
                b.yours,
            )
        if same(apart[wrong]) and (~wrong & used(b)).any():
            yield (
                "CONSTANT IN SOME ENTRIES",
                f"yours is off by {apart[wrong][0]:+.6g} in some entries and right in the others: a mask or the "
                "one-hot labels are not subtracted, or not added",
                b.yours,
            )


def projection(b: Block):
    """Softmax, and whatever is divided by its norm or its spread, subtracts out * sum(ct * out)."""
    wrong = off(b)
    if len(b.out) == b.x.size and wrong.any() and np.ptp(b.out):
        with np.errstate(all="ignore"):
            outer = (b.yours - b.expected) / (b.out[:, None] * b.out[None, :])
        rows = [row[w] for row, w in zip(outer, wrong) if w.sum() > 1]
        if rows and all(map(same, rows)):
            yield (
                "PROJECTION MISSING",
                "yours differs by a multiple of out_i out_j: a term out * sum(ct * out) is missing, as softmax has one "
                "and all that is divided by its norm or its spread",
                b.yours,
            )


def product(b: Block):
    """x g(x) is out; its derivative has the terms out / x and x g'(x)."""
    uses = used(b)
    if not np.array_equal(b.frame.rows, b.frame.entries) or (used(b, everywhere=True).sum(axis=0) > 1).any():
        return
    name = b.problem.slots[b.slot].name
    with np.errstate(all="ignore"):
        term = b.out[:, None] / b.x[None, :]
    unseen = ~uses | ~np.isfinite(term)
    for lost, there in (
        (f"{name}·g'({name}) is missing: yours is out / {name}", term),
        (f"g({name}), which is out / {name}, is missing", b.expected - term),
    ):
        yield (
            "ONE OF TWO TERMS",
            f"of the derivative of a product {name}·g({name}) the term {lost}",
            np.where(unseen, b.yours, there),
            not (off(b) & ~unseen).any(),
        )


def forgotten(b: Block):
    """A term that is proportional to an input, in all entries or in some: a penalty, the derivative of k x²/2."""
    apart = b.expected - b.yours
    if len(apart) != 1 or apart.size < 3 or not np.isfinite(apart).all():
        return
    name, x, lost = b.problem.slots[b.slot].name, b.x, off(b)[0]
    told = lost & (x != 0)
    if told.sum() < 2 or not np.ptp(np.abs(x[told])):
        return
    k = float(np.median(apart[0][told] / x[told]))
    entries = np.flatnonzero(~lost & (x != 0))
    where = f", in all entries but {', '.join(map(str, entries[:4].tolist()))}" if entries.size else ""
    kind = "is missing" if k > 0 else "too much is there"
    yield (
        "TERM FORGOTTEN" if k > 0 else "TERM TOO MANY",
        f"a term {abs(k):.6g}·{name} {kind}{where}: the derivative of a penalty, say",
        b.expected - np.where(lost, k * x, 0)[None],
    )

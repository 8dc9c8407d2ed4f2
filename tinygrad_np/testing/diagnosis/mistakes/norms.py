"""A term that a sum over an axis brings is missing or wrong: yours is off by multiples of one vector along that axis.

A mean is subtracted: the vector is constant. Something is divided by its spread, its norm, its sum: the vector is
x - mean(x), x, the output.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .block import FIT, Part


def vectors(b: Part) -> Iterator[tuple[str, str, np.ndarray, int]]:
    """What a term may be a multiple of along an axis: a name, a sentence, the vector, and its fewest elements."""
    name = b.problem.slots[b.slot].name
    yield (
        "MEAN NOT SUBTRACTED",
        "a constant along {}: a term that is subtracted for all (the mean, a sum of ct) is missing",
        np.ones(b.shape),
        2,
    )
    if b.out_shape != b.shape:
        return
    x, out = b.x.reshape(b.shape), b.out.reshape(b.shape)
    yield (
        "PROJECTION MISSING",
        "multiples of out along {}: a term out * sum(ct * out) is missing or wrong, as softmax has one, and all that "
        "is divided by its norm or its spread",
        out,
        2,
    )
    yield (
        "VARIANCE HELD CONSTANT",
        f"multiples of {name} - mean({name}) along {{}}: the derivative of the variance is missing or wrong",
        x,
        3,
    )
    yield (
        "NORM HELD CONSTANT",
        f"multiples of {name} along {{}}: the derivative of the norm, or of the sum, is missing or wrong",
        x,
        2,
    )
    with np.errstate(over="ignore"):
        yield (
            "PROJECTION MISSING",
            "multiples of exp(out) along {}: a term exp(out) * sum(ct) is missing or wrong, as log_softmax has one",
            np.exp(out),
            2,
        )


def along_an_axis(b: Part):
    """Every row of the difference is, along one axis, a multiple of one vector."""
    apart = (b.yours - b.expected).reshape((-1,) + b.shape)
    if not np.isfinite(apart).all():
        return
    axes = [None] if len(b.shape) > 1 else []
    for what, said, vector, fewest in vectors(b):
        for axis in (*range(len(b.shape)), *axes):
            n = b.x.size if axis is None else b.shape[axis]
            v = vector - vector.mean(axis, keepdims=True) if what.startswith("VARIANCE") else vector
            over = tuple(range(1, apart.ndim)) if axis is None else axis + 1
            size = (v * v).sum(axis, keepdims=True)
            with np.errstate(all="ignore"):
                fit = np.nan_to_num((apart * v).sum(over, keepdims=True) / size) * v
            if np.abs(fit).max(initial=0) > FIT * np.abs(apart).max(initial=0):
                where = "the whole input" if axis is None else f"axis {axis}"
                text = f"yours differs by {said.format(where)}"
                yield what, text, b.expected + fit.reshape(b.expected.shape), n < fewest


def of_the_cotangent(b: Part):
    """Softmax and its kind subtract a sum of ct: without it, or with its mean, all outputs are off alike."""
    apart = (b.yours - b.expected).reshape(b.out_shape + (-1,))
    for axis, n in enumerate(b.out_shape):
        if n > 1:
            same = np.broadcast_to(apart.mean(axis=axis, keepdims=True), apart.shape).reshape(b.expected.shape)
            yield (
                "SUM OF THE COTANGENT",
                f"yours differs by the same for all outputs along axis {axis}: a sum of ct is missing, or is a mean",
                b.expected + same,
            )


AXIS_TERMS = (along_an_axis, of_the_cotangent)

"""Only some entries are wrong: a branch, an edge, a batch, one entry."""

from __future__ import annotations

import numpy as np

from .block import Block, off


def branch(b: Block):
    x = b.x[None, :]
    regions = [
        ("x < 0", x < 0),
        ("x > 0", x > 0),
        ("x <= 0", x <= 0),
        ("x >= 0", x >= 0),
        ("|x| > 1", np.abs(x) > 1),
        ("|x| < 1", np.abs(x) < 1),
        ("|x| <= 1", np.abs(x) <= 1),
        ("|x| >= 1", np.abs(x) >= 1),
        ("x = 0", x == 0),
    ]
    for name, (value, _) in b.others.items():
        if value.size in (1, b.x.size):
            regions += [
                (f"x < {name}", x < value[None]),
                (f"x > {name}", x > value[None]),
                (f"{name} < 0", (value < 0)[None]),
            ]
    wrong = off(b)
    for name, region in regions:
        region = np.broadcast_to(region, b.expected.shape)
        name = name.replace("x", b.problem.slots[b.slot].name)
        weak = (
            not (~region & ~wrong & (b.expected != 0)).any() or (region & ~wrong & (b.expected != 0)).any()
        )
        yield (
            f"BRANCH FORGOTTEN ({name})",
            f"the gradient is wrong only where {name}",
            np.where(region & wrong, b.yours, b.expected),
            weak,
        )


def edges(b: Block):
    wrong = off(b)
    for axis, n in enumerate(b.shape):
        if n < 3:
            continue
        for name, index in (("first", 0), ("last", n - 1)):
            place = np.zeros(b.shape, bool)
            place[(slice(None),) * axis + (index,)] = True
            yield (
                "EDGE",
                f"only the {name} element along axis {axis} is wrong",
                np.where(place.reshape(1, -1) & wrong, b.yours, b.expected),
            )


def single(b: Block):
    wrong = off(b)
    if wrong.sum() == 1 and b.expected.size > 1:
        yield "ONE ENTRY", "one entry is wrong, all others are right", np.where(wrong, b.yours, b.expected)


FAMILY = (branch, edges, single)

"""What a wrong gradient looks like: the first known mistake that predicts it, at every failing input that
is known.
"""

from __future__ import annotations

import re

import numpy as np

from .mistakes import FIT, KNOWN, MISTAKES, Block, block_of, off
from .mistakes.block import right


def explained_by(b: Block) -> dict[str, bool]:
    """The mistakes that predict this block exactly, in order of preference, and whether this block is
    evidence for them.
    """
    found: dict[str, bool] = {}
    scale = np.abs(b.expected[np.isfinite(b.expected)]).max(initial=0) + np.abs(b.yours[np.isfinite(b.yours)]).max(
        initial=0
    )
    for rule in MISTAKES:
        with np.errstate(all="ignore"):
            for name, text, predicted, *weak in rule(b):
                close = FIT / 100 if name in ("LOW PRECISION", "INEXACT CONSTANT", "NEARLY RIGHT") else FIT
                fits = np.abs(predicted - b.yours) <= close * (scale * 1e-3 + np.abs(b.yours))
                if name == "NOT FINITE":
                    fits |= (predicted == b.yours) | (np.isnan(predicted) & np.isnan(b.yours))
                differs = ~(np.abs(predicted - b.expected) <= 1e-9 * scale)
                if fits.all() and differs.any():
                    found.setdefault(f"{name}: {text}", not any(weak))
    return found


def evidence(b: Block) -> list[Block]:
    """The same part of the Jacobian at other points: at one number every mistake is a constant factor."""
    p, found = b.problem, []
    rng = np.random.default_rng(5)
    signs = rng.choice([-1.0, 1.0], p.point.size)
    for point in (
        p.point * rng.uniform(0.5, 1.5, p.point.size),
        p.point * signs * rng.uniform(0.5, 1.5, p.point.size),
        rng.permutation(p.point) * rng.uniform(1, 3, p.point.size),
    ):
        q = p.at(point)
        try:
            with np.errstate(all="ignore"):
                yours, expected = np.array([q.pull(v) for v in np.eye(q.size_out)]), right(q)
        except Exception:  # outside the domain
            continue
        if yours.shape == expected.shape and np.isfinite(expected).all():
            found.append(block_of(q, yours, expected, b.slot))
    return found


def diagnose(blocks: list[Block]) -> tuple[list[str], int]:
    """The mistakes that fit every block, best first, and how many are known."""
    blocks = [b for b in blocks if b.expected.size and off(b).any()]
    if not blocks:
        return [], KNOWN
    fits = [explained_by(b) for b in blocks]
    every = list(dict.fromkeys(name for found in fits for name in found))
    best = [name for name in every if all(name in found for found in fits) and any(found[name] for found in fits)]
    if not best:  # the same mistake may read a little differently at each input
        kinds = list(dict.fromkeys(name.split(":")[0] for name in every if "FACTOR" not in name))
        shared = [
            kind
            for kind in kinds
            if all(any(name.startswith(kind + ":") for name in found) for found in fits)
            and any(sure and name.startswith(kind + ":") for found in fits for name, sure in found.items())
        ]
        best = [next(name for name in every if name.startswith(kind + ":")) for kind in shared]
    one_each: dict[str, str] = {}
    for name in best:
        one_each.setdefault(re.split(r" \(|:", name)[0], name)
    return list(one_each.values()), KNOWN

"""What a wrong gradient looks like: the known mistakes that predict it, also at inputs that they were not read from.

A reading is made from one input, and tested on all the others that are known to fail and on fresh ones: it must be made
of each of them too, or predict it. What is contradicted by one of them is not said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .mistakes import FIT, LAST, MISTAKES, Part, mistake_names, off, part_of
from .mistakes.block import right
from .repair import SAYS, repaired

KNOWN_MISTAKES = len(mistake_names((*MISTAKES, *SAYS)))  # how many mistakes are known, by name
STRICT = ("LOW PRECISION", "INEXACT CONSTANT", "NEARLY RIGHT")  # what differs little has to fit well


class Reading(NamedTuple):
    """What a mistake says of a block; `predict` gives its prediction of another one, where it can be told so."""

    says: str
    fits: bool
    sure: bool  # whether the block is evidence for it
    predict: Callable[[Part], np.ndarray] | None

    @property
    def kind(self) -> str:
        return self.says.split(":")[0]


def readings(b: Part, rules: tuple) -> tuple[dict[str, Reading], tuple]:
    """What rules say of a block, in order of preference, and those rules of which something fits."""
    found: dict[str, Reading] = {}
    fitting = []
    for rule in rules:
        with np.errstate(all="ignore"):
            for name, text, predicted, *weak in rule(b):
                predict = predicted if callable(predicted) else None
                says, fit = f"{name}: {text}", predicts(b, name, predict(b) if predict else predicted)
                if says not in found or fit and not found[says].fits:
                    found[says] = Reading(says, fit, not any(weak), predict)
                if fit and rule not in fitting:
                    fitting.append(rule)
    return found, tuple(fitting)


def predicts(b: Part, name: str, predicted: np.ndarray) -> bool:
    """Whether a prediction is what the block holds; of a block that is wrong, also not what it should hold."""
    with np.errstate(all="ignore"):
        scale = sum(np.abs(a[np.isfinite(a)]).max(initial=0) for a in (b.expected, b.yours))
        close = FIT / 100 if name in STRICT else FIT
        near = np.abs(predicted - b.yours) <= close * (scale * 1e-3 + np.abs(b.yours))
        if name == "NOT FINITE":
            near |= (predicted == b.yours) | (np.isnan(predicted) & np.isnan(b.yours))
        differs = ~(np.abs(predicted - b.expected) <= 1e-9 * scale)
        return bool(near.all() and (differs.any() or not off(b).any()))


def other_points(b: Part) -> list[Part]:
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
            found.append(part_of(q, yours, expected, b.slot))
    return found


def diagnose(blocks: list[Part], good: Iterable[Part] = ()) -> list[str]:
    """The mistakes that fit the first block and all the others, best first; one of them may be what is shown.

    What mends a rule leaves `good` blocks, of inputs that passed, as they are.
    """
    blocks = [b for b in blocks if b.expected.size and off(b).any()]
    if not blocks:
        return []
    largest = max(blocks, key=lambda b: b.expected.size)
    more = [c for b in {id(b): b for b in (blocks[0], largest)}.values() for c in other_points(b)]
    wrong = blocks + [b for b in more if off(b).any()]
    found, rules = [], MISTAKES
    for b in sorted(wrong, key=lambda b: -b.expected.size) + [b for b in more if not off(b).any()]:
        given, fitting = readings(b, rules)
        found.append((b, given))
        rules = fitting if b is largest else rules  # a mistake fits the first, which tells most, or it is none
    every = {r.says: r for _, given in reversed(found) for r in given.values() if r.fits}
    order = {says: None for _, given in found for says in given if says in every}
    told = [every[says] for says in order if true_of_all(every[says], found)]
    told = told or one_kind([(b, given) for b, given in found if off(b).any()], blocks[0])
    edit = repaired(largest, [b for b in wrong if b is not largest] + more + [*good])
    if not told and not edit:
        told = [r for r in readings(largest, LAST)[0].values() if true_of_all(r, [(b, {}) for b, _ in found])]
    said: dict[str, str] = {}
    texts = [r.says for r in told]
    if edit:  # a number alone says less than what it makes of the whole
        texts.insert(min(len(texts), edit.startswith("WRONG NUMBER")), edit)
    for text in texts:
        said.setdefault(re.split(r" \(|:", text)[0], text)
    return list(said.values())


def true_of_all(reading: Reading, found: list[tuple[Part, dict[str, Reading]]]) -> bool:
    """Whether a reading is true of all blocks, and one of them is evidence for it."""
    sure = reading.predict is not None and sum(bool(off(b).any()) for b, _ in found) > 1
    for b, given in found:
        there = given.get(reading.says)
        if reading.predict is not None:
            with np.errstate(all="ignore"):
                there = reading._replace(fits=predicts(b, reading.kind, reading.predict(b)))
        if there is None and off(b).any() or there is not None and not there.fits:
            return False
        sure |= there is not None and there.sure
    return sure


def one_kind(found: list[tuple[Part, dict[str, Reading]]], shown: Part) -> list[Reading]:
    """The same mistake may read a little differently at each input: the kinds that fit all, as the one shown reads."""
    here = next(given for b, given in found if b is shown)
    first = [r for r in here.values() if r.fits and "FACTOR" not in r.kind]
    kinds = {r.kind: r for r in reversed(first)}
    return [
        kinds[kind]._replace(says=f"{kinds[kind].says} (here; the same kind at other inputs)")
        for kind in dict.fromkeys(r.kind for r in first)
        if all(any(o.fits and o.kind == kind for o in given.values()) for _, given in found)
        and any(o.fits and o.sure and o.kind == kind for _, given in found for o in given.values())
    ]

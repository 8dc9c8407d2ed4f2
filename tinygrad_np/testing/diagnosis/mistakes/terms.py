"""A term of a sum is missing, or is left in: what remains is right, and the difference has a simple form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .block import FIT, Part, named_constant, off, used

SIMPLE_TERMS: dict[str, Callable] = {
    "{}": lambda x: x,
    "sign({})": np.sign,
    "1": np.ones_like,
    "{}²": np.square,
    "{}³": lambda x: x**3,
    "1/{}": lambda x: 1 / x,
    "exp({})": np.exp,
    "sin({})": np.sin,
    "cos({})": np.cos,
}


def forgotten(b: Part):
    """A term that is proportional to a plain function of the input, in all entries or in some: a penalty, say."""
    apart = b.expected - b.yours
    wrong = off(b)
    if not wrong.any() or not np.isfinite(apart).all() or not b.expected.any() or (wrong.sum(axis=0) > 1).any():
        return
    entries, lost = b.x, wrong.any(axis=0)
    found = apart.sum(axis=0, where=wrong)
    kept = np.flatnonzero(~lost & used(b).any(axis=0) & (entries != 0))
    where = f", in all entries but {', '.join(map(str, kept[:4].tolist()))}" if kept.size else ""
    if kept.size and len(apart) > 1:
        return  # of an elementwise operation, entries differ by their values alone
    name = b.problem.slots[b.slot].name
    for spelled, f in SIMPLE_TERMS.items():
        term = f(entries)
        told = lost & np.isfinite(term) & (term != 0)
        ratios = found[told] / term[told]
        if not told.any() or np.ptp(ratios) > FIT * np.abs(ratios).max():
            continue
        k, said = float(np.median(ratios)), spelled.format(name)
        size = named_constant(abs(k))
        said = size if spelled == "1" else said if abs(abs(k) - 1) < FIT else f"{size}·{said}"
        how = "is missing" if k > 0 else "too much is there"

        def predicted(b: Part, k=k, f=f, kept=kept, n=b.x.size) -> np.ndarray:
            there = used(b) | off(b) if not kept.size or b.x.size == n else off(b)
            if b.x.size == n:
                there[:, kept] = False
            return b.expected - np.where(there, k * f(b.x)[None], 0)

        yield (
            "TERM FORGOTTEN" if k > 0 else "TERM TOO MANY",
            f"a term {said} {how}{where}"
            + (": the derivative of a penalty, say" if len(apart) == 1 < b.x.size else ""),
            predicted,
            not (np.ptp(np.abs(term[told])) or spelled in ("1", "sign({})") and told.sum() > 2),
        )


def product(b: Part):
    """x g(x) is out; its derivative has the terms A = out / x and B = x g'(x), which may have wrong factors."""
    one = b.x.size == len(b.out) and np.array_equal(b.frame.rows, b.frame.entries)
    if not one or (used(b, everywhere=True).sum(axis=0) > 1).any():
        return
    name = b.problem.slots[b.slot].name
    wanted, yours = np.diag(b.expected), np.diag(b.yours)
    first = b.out / b.x
    told = np.isfinite(first) & np.isfinite(wanted)
    if told.sum() < 3:
        return
    terms = np.stack([first, wanted - first], 1)[told]
    a, c = map(float, np.linalg.lstsq(terms, yours[told], rcond=None)[0])
    kept = [f"{'-' * (k < 0)}{factor_in_words(k)}{term}" for k, term in ((a, "A"), (c, "B")) if abs(k) > FIT]
    alike = np.linalg.matrix_rank(terms, 1e-3 * np.abs(terms).max()) < 2
    if not kept or alike or abs(a - c) < FIT:
        return
    mine = " + ".join(kept).replace("+ -", "- ")
    kind = "WRONG SIGN" if factor_in_words(a) == factor_in_words(c) == "" else "WRONG COEFFICIENT"
    said = f"yours = {mine}, expected A + B"
    if len(kept) < 2:
        kind = "ONE OF TWO TERMS"
        gone = f"{name}·g'({name})" if abs(c) < FIT else f"g({name}), which is out / {name},"
        said = f"the term {gone} is missing: yours is {mine}"

    def predicted(b: Part) -> np.ndarray:
        first = b.out[:, None] / b.x[None, :]
        made = np.where(np.eye(len(b.out), dtype=bool), a * first + c * (b.expected - first), 0)
        return np.where(np.isfinite(made), made, b.yours)

    where = f"where A = out / {name} and B = {name}·g'({name}) are the terms of the product's derivative"
    yield kind, f"{said}, {where}", predicted


def factor_in_words(k: float) -> str:
    """A factor's size before a term; nothing for 1."""
    return "" if abs(abs(k) - 1) < FIT else f"{named_constant(abs(k))}·"


def lost(b: Part):
    apart = b.yours - b.expected
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

"""The local derivative is another function: a factor, an inverse, another argument, a constant, less precision."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np

from .block import Part, named_constant, right, used


def plain_features(b: Part) -> list[tuple[str, np.ndarray]]:
    """What a derivative may have for a factor: an input, the output."""
    name = b.problem.slots[b.slot].name
    named = [(name, b.x[None, :]), ("out", b.out[:, None])]
    shapes = {slot.name: slot.array.shape for slot in b.problem.slots}
    for other, (value, _) in b.others.items():
        for place, size, shape in ((0, b.x.size, b.shape), (1, len(b.out), b.out_shape)):
            full = across(value, shapes[other], shape) if size != 1 or place == 0 and b.x.size == value.size else None
            if full is not None:
                named.append((other, full[None, :] if place == 0 else full[:, None]))
    return [(what, v) for what, v in named if v.shape[0] in (1, len(b.expected)) and v.shape[1] in (1, b.x.size)]


def across(value: np.ndarray, shape: tuple, into: tuple) -> np.ndarray | None:
    """An operand laid flat, broadcast to another shape and laid flat; None where it does not go."""
    if value.size == np.prod(into, dtype=int):
        return value
    try:
        return np.broadcast_to(value.reshape(shape), into).reshape(-1)
    except ValueError:
        return None


def features(b: Part):
    """Factors: an input, the output, and plain functions of them."""
    plain = plain_features(b)
    made = [(spelled.format(what), f(v)) for what, v in plain for spelled, f in FUNCTIONS.items()]
    squares = [(f"({what})²", value * value) for what, value in made]
    for what, value in plain + made + squares:
        lost = np.broadcast_to(value == 0, b.expected.shape)  # there, nothing can be told
        weak = not (used(b) & ~lost).any()
        many, missing = b.expected * value, np.where(lost, b.yours, b.expected / value)
        yield "FACTOR TOO MANY", f"there is a factor {what} too many", many
        yield "FACTOR MISSING", f"a factor {what} is missing", missing, weak
        for kind, said, base, sign in (
            ("TOO MANY", "there is a factor {} too many", many, 1),
            ("MISSING", "a factor {} is missing", missing, -1),
        ):
            told = used(b) & ~lost
            k = ratio(b.yours, base, told)
            if k:
                times = f"{named_constant(k**sign)}·{what}"
                yield f"FACTOR {kind}", said.format(times), np.where(told, k * base, b.yours), told.sum() < 2
    for (there, w), (wanted, v) in permutations(plain + made, 2):
        yield "WRONG FACTOR", f"{there} stands where {wanted} belongs", b.expected * w / v


FUNCTIONS: dict[str, Callable] = {
    "{}²": np.square,
    "(1 - {})": lambda v: 1 - v,
    "{0}(1 - {0})": lambda v: v * (1 - v),
    "(1 + {})": lambda v: 1 + v,
    "(1 - {}²)": lambda v: 1 - v * v,
    "(1 + {}²)": lambda v: 1 + v * v,
    "exp({})": np.exp,
    "log({})": np.log,
    "sqrt({})": np.sqrt,
}


def functions(b: Part):
    e = b.expected
    with np.errstate(all="ignore"):
        for c in (1.0, -1.0):
            yield "ABSOLUTE VALUE", "the sign is lost: an abs, a square, or a square root", c * np.abs(e)
        yield "SQUARED", "the derivative is squared", e * e
        yield ("INVERTED", "the derivative stands in the denominator: 1 / f' for f'", np.where(e != 0, 1 / e, 0))
        yield "CLIPPED", "the gradient is limited to [-1, 1]", np.clip(e, -1, 1)
    for c in (1.0, -1.0):
        yield "CONSTANT TERM", f"{-c:+g} is missing in the derivative", np.where(used(b), e + c, b.yours * 0)


def elsewhere(b: Part):
    p = b.problem
    places = [("EVALUATED AT -x", "the derivative is taken at -x: a sign inside it is wrong", -p.point)]
    if b.x.size == len(b.out) == p.point.size and np.isfinite(b.out).all():
        places.append(
            (
                "EVALUATED AT THE OUTPUT",
                "the derivative is taken at out, not at x: a residual is mixed up",
                b.out.astype(float),
            )
        )
    for name, text, point in places:
        start, end = p.ends[b.slot : b.slot + 2]
        try:
            yield name, text, right(p.at(point))[:, start:end]
        except Exception:  # there is no derivative in that place, so it was not taken there
            continue


def low_precision(b: Part):
    """Relative errors of the size of another dtype's eps, all different, or all alike."""
    k, uses = factor(b), used(b)
    if k is None:
        return
    error = b.yours[uses] / b.expected[uses] - 1
    one_sided = len(error) > 3 and len(np.unique(np.sign(error[error != 0]))) < 2  # rounding goes up and down
    error = np.abs(error)
    for name, eps in (("float32", 2.0**-23), ("float16", 2.0**-10)) if not one_sided else ():
        if eps / 64 < error.max() < 4 * eps and (len(error) < 2 or np.ptp(error) > 0.01 * error.max()):
            kept = np.where(uses, b.yours, b.expected)
            yield "LOW PRECISION", f"the derivative is computed in {name}", kept, len(error) < 2
            break
    if 0 < abs(k - 1) < 0.02:
        yield (
            "INEXACT CONSTANT",
            f"yours is {k:.8g} times the right one everywhere: a constant is rounded, or eps is added",
            k * b.expected,
        )


def ratio(yours: np.ndarray, base: np.ndarray, told: np.ndarray) -> float:
    """The constant that takes base to yours, and is neither 0 nor 1; 0 if there is none."""
    found = yours[told] / base[told]
    if not found.size:
        return 0.0
    k = float(np.median(found))
    return k if np.isfinite(k) and abs(k - 1) > 1e-6 and np.ptp(found) <= 1e-6 * abs(k) else 0.0


def regularized(b: Part):
    """eps beside a denominator: the relative error falls off as the denominator grows."""
    uses = used(b)
    with np.errstate(all="ignore"):
        lack = b.expected / b.yours - 1
    if not uses.any() or not np.abs(lack[uses]).min() > 1e-9 or np.abs(lack[uses]).max() > 0.5:
        return
    for what, value in plain_features(b):
        for spelled, v in ((what, value), (f"{what}²", value * value)):
            eps = (lack * v)[uses]
            if np.ptp(eps) <= 0.05 * np.abs(eps).max():
                yield (
                    "EPS ADDED",
                    f"{np.median(eps):.1g} is added to {spelled} in a denominator, or a log",
                    np.where(uses, b.yours, b.expected),
                    uses.sum() < 2 or np.ptp(lack[uses]) <= 0.1 * np.abs(lack[uses]).max(),
                )


def nearly(b: Part):
    uses = used(b)
    with np.errstate(all="ignore"):
        error = np.abs(b.yours[uses] / b.expected[uses] - 1).max(initial=0)
    if 0 < error < 1e-3:
        yield (
            "NEARLY RIGHT",
            f"yours is off by {error:.1g} of itself or less: an eps, a constant with few digits, an iteration that "
            "ends early",
            np.where(uses, b.yours, b.expected),
        )


def constant_factor(b: Part):
    k = factor(b)
    if k is not None and abs(abs(k) - 1) > 0.02:
        yield "CONSTANT FACTOR", f"yours is {named_constant(k)} times the right one everywhere", k * b.expected


def factor(b: Part) -> float | None:
    """The constant that takes expected to yours, if there is one."""
    wanted = used(b)
    if not wanted.any():
        return None
    return float(np.median(b.yours[wanted] / b.expected[wanted]))


ANOTHER_DERIVATIVE = (functions, elsewhere, features)

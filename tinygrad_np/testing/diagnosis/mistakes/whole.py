"""A whole gradient is another one: it is missing, of another input, or takes the cotangent for another."""

from __future__ import annotations

import numpy as np

from ...reference.directions import generic
from .block import Part, used


def missing(b: Part):
    if b.frame.partial:
        whole, k = b.frame.whole, b.frame.slot
        pulled = whole.pull(generic(whole.size_out, np.random.default_rng(8)))
        if pulled[whole.ends[k] : whole.ends[k + 1]].any():
            return
    yield (
        "NO GRADIENT",
        "the gradient is zero: it is dropped, or the graph is cut (x.numpy(), x.detach(), a plain array)",
        0 * b.expected,
    )


def sign(b: Part):
    yield "SIGN", "the sign is flipped", -b.expected


def cotangent_summed(b: Part):
    if len(b.expected) > 1:
        total = np.broadcast_to(b.frame.columns.sum(axis=0), b.expected.shape)
        yield (
            "IGNORES THE COTANGENT",
            "every output's cotangent gives the same: multiply by ct elementwise, not by its sum",
            total,
        )


def swapped(b: Part):
    for name, (_, expected) in b.others.items():
        if expected.shape == b.expected.shape:
            yield ("ARGUMENTS SWAPPED", f"this is the gradient of {name}: the rules are in the wrong order", expected)


def passed_through(b: Part):
    yield (
        "LOCAL DERIVATIVE FORGOTTEN",
        "the cotangent is passed on unchanged: multiply by the derivative",
        used(b).astype(float),
    )


def conjugations(b: Part):
    """For complex inputs, whose real and imaginary parts are neighboring columns (and rows, of outputs)."""
    if not b.problem.slots[b.slot].is_complex:
        return
    turn = np.tile([1.0, -1.0], b.expected.shape[1] // 2)
    yield "CONJUGATE", "the gradient is conjugated", b.expected * turn
    if len(b.expected) % 2 == 0 and b.problem.outputs[0].dtype.kind == "c":
        turned = np.tile([1.0, -1.0], len(b.expected) // 2)[:, None]
        both = b.expected * turn * turned
        yield (
            "CONJUGATE",
            "the other factor has a conj too many, or too few: a rule is the plain transpose, ct * y, and the library "
            "conjugates around it (unless conj=False)",
            both,
        )
        yield "CONJUGATE", "the cotangent is conjugated", b.expected * turned
        linear, other = halves(b.expected)
        for wrong, right in ((other, linear), (linear, other)):
            for flip in (turn, turned):
                yield (
                    "CONJUGATE MISSING",
                    "one of two terms is not conjugated, or conjugated too often",
                    right + wrong * flip,
                )


def halves(jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a real Jacobian that is linear over the complex numbers, and the part that conjugates first."""
    m, n = (k // 2 for k in jacobian.shape)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # i, on pairs of a real and an imaginary part
    turned = np.kron(np.eye(m), turn) @ jacobian @ np.kron(np.eye(n), turn)
    return (jacobian - turned) / 2, (jacobian + turned) / 2


def straight_through(b: Part):
    """ct passed on, all of it or some, by a step function, as sign and round: an estimator, not the derivative."""
    if b.x.size == len(b.out) and not np.abs(b.expected).any():
        yield (
            "STRAIGHT THROUGH",
            "the cotangent is passed on unchanged where the function is a step, whose derivative is 0: a "
            "straight-through estimator is no derivative",
            np.eye(len(b.out)) * (b.yours != 0),
        )


def the_function(b: Part):
    if b.x.size == len(b.out):
        yield (
            "FUNCTION FOR ITS DERIVATIVE",
            "ct is multiplied by f(x), not by f'(x)",
            np.where(used(b), b.out[:, None], 0),
        )


ANOTHER_GRADIENT = (missing, straight_through, sign, cotangent_summed, swapped, conjugations)

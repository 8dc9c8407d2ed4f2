"""float32 is never differentiated numerically: its gradient is compared with the verified float64 one."""

from __future__ import annotations

import numpy as np

from ...transforms import vjp
from .. import failures
from ..reference.directions import generic
from ..reference.problem import Problem, flat_vector
from .identities import natural
from .user_code import as_failure


def precise(low: Problem, problem: Problem) -> None:
    """Compare a float32 (or narrower) run with the verified float64 one, where it can hold the numbers."""
    if not representable(np.concatenate([problem.point, flat_vector(problem.outputs)])):
        return
    rng = np.random.default_rng(1)
    dtype = min((slot.array.dtype for slot in low.slots), key=lambda d: np.finfo(d).bits)
    eps = float(np.finfo(dtype).eps)
    v = generic(problem.size_out, rng)
    outs, pullback = as_failure(low.traced)
    if [o.shape for o in outs] != [o.shape for o in problem.outputs]:
        raise failures.WrongDtype(
            f"in {dtype} the output has shape {outs[0].shape}; expected {problem.outputs[0].shape}"
        )
    gs = as_failure(lambda: pullback(low.cut(v)))
    for slot, g in zip(low.slots, gs):
        if g.dtype != slot.array.dtype:
            raise failures.WrongDtype(f"the gradient of {slot.name} is {g.dtype}; expected {slot.array.dtype}")
    found = np.concatenate([g.reshape(-1).view(g.real.dtype) for g in map(np.ascontiguousarray, gs)])
    expected = problem.pull(v)
    with np.errstate(all="ignore"):
        size = np.abs(expected).max(initial=0)
        off = np.abs(found - expected)
        near = 2**13 * eps * (size + 0.01 * natural(problem))
        near += 16 * input_wobble(problem, v, expected, eps)  # what rounding the inputs does
        # what 1 - tanh² loses where it saturates
        near += 64 * eps * max(1.0, np.abs(problem.point).max()) * min(1.0, usual(problem, rng))
        bad = off > near
        bad &= np.isfinite(expected) & (np.abs(expected) < np.finfo(dtype).max / 16) & np.isfinite(flat_of(outs).sum())
    if bad.any():
        j = int(np.argmax(np.where(bad, np.where(np.isfinite(off), off, np.inf), -1)))
        raise failures.WrongDtype(
            f"in {dtype} the gradient at {low.where(j)} is {found[j]:.7g}; the float64 gradient, which "
            f"is verified, is {expected[j]:.7g}"
        )


def flat_of(arrays) -> np.ndarray:
    return np.concatenate([np.abs(a).reshape(-1) for a in arrays]) if arrays else np.zeros(0)


def input_wobble(problem: Problem, v: np.ndarray, g: np.ndarray, eps: float) -> np.ndarray:
    """How far the gradient moves when the inputs change in the last digit of the narrow dtype."""
    moved = np.zeros(g.shape)
    for sign in (1, -1):
        there = vjp(problem, *problem.arrays(problem.point * (1 + sign * eps)))[1](problem.cut(v))
        apart = np.abs(flat_vector(there) - g)
        moved = np.maximum(moved, np.where(np.isnan(apart), np.inf, apart))
    return moved


def representable(numbers: np.ndarray) -> bool:
    """Whether numbers, their squares and their cubes fit into float32."""
    sizes = np.abs(numbers[numbers != 0])
    return bool(np.all((sizes > 2.0**-40) & (sizes < 2.0**40)))


def usual(problem: Problem, rng) -> float:
    """The size of the outputs here and at random points of the same size, where they may not cancel."""
    sizes = [np.abs(flat_vector(problem.outputs))]
    for _ in range(4):
        with np.errstate(all="ignore"):
            try:
                sizes.append(np.abs(problem.value(problem.point * rng.uniform(-1, 1, problem.point.size))))
            except (ValueError, ArithmeticError, IndexError):  # outside the domain
                continue
    return max(float(size[np.isfinite(size)].max(initial=0)) for size in sizes)

"""What holds of every derivative to rounding, with no step size: it is linear, and one mode is the adjoint
of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb

import numpy as np

from ...engine.rules import transpose
from .. import failures
from ..reference.directions import generic, input_rounding, rule_wobble
from ..reference.finite_differences import EPS
from ..reference.problem import Problem, flat_vector
from ..reference.verdict import Findings
from .user_code import as_failure, guilty

ADJOINT_TO = 1e-12
LINEAR_TO = 1e-11
FLOAT32 = 2.0**-18  # the rounding of a few operations in float32
FEW_TANGENTS = 4  # up to so many inputs, forward mode is also asked with one tangent alone


def linear(problem: Problem, rng) -> None:
    """Jᵀ(a v + b w) = a Jᵀv + b Jᵀw, and Jᵀ0 = 0."""
    m = problem.size_out
    v, w = generic(m, rng), generic(m, rng)
    pulls = as_failure(lambda: [problem.pull(c) for c in (v, w, 0 * v, 2 * v, v - 0.5 * w, -v)])
    with np.errstate(all="ignore"):
        largest = np.abs(pulls[0]).max(initial=0) + np.abs(pulls[1]).max(initial=0)
        size = largest + 1e-2 * natural(problem)
        if not np.isfinite(size):
            return
        near = LINEAR_TO * coarseness(problem) * size
        near += float(np.finfo(float).tiny) * max(1.0, largest)  # below it, numbers have fewer digits
        if nonlinear(problem, pulls, near):
            wobble = rule_wobble(problem, v[None], pulls[0][None]).max()
            wobble += stretched(problem.pull, v, pulls[0], pulls[2]).max(initial=0)
            found = nonlinear(problem, pulls, near + min(wobble, 1e-4 * largest))
            exact = coarseness(problem) == 1 and all((g == g.astype(np.float32)).all() for g in pulls)
            if found and exact and not nonlinear(problem, pulls, FLOAT32 * largest):
                raise failures.WrongDtype(
                    "the gradient of float64 inputs has only float32 numbers: a cast, or a float32 array, in the rule"
                )
            if found:
                raise failures.NotLinear(found)


def stretched(linear_map: Callable, v: np.ndarray, image: np.ndarray, none: float | np.ndarray = 0.0) -> np.ndarray:
    """The rounding within a linear map: how far its image of c v, over c, is from that of v. A map that is not
    linear but homogeneous, as |ct| is, adds nothing to it; nor does a constant, `none`.
    """
    apart = [(linear_map(c * v) - none) / c - (image - none) for c in (1.1, 0.7, 1.3)]
    return 8 * np.nan_to_num(np.abs(apart), posinf=0).max(axis=0)


def nonlinear(problem: Problem, pulls: list, near: float) -> str:
    """How the pullbacks of v, w, 0, 2v, v - w/2 and -v are not those of a linear map; "" where they are."""
    gv, gw, none, double, both, back = pulls

    def off(a, b) -> float:
        return float(np.abs(a - b).max(initial=0))

    def worst(a, b) -> int:
        return int(np.argmax(np.abs(a - b)))

    if off(gv, gw) <= near < off(gv, 0) and off(double, gv) <= near and off(none, gv) <= near:
        return "IGNORES THE COTANGENT: every cotangent gives the same gradient; multiply by ct"
    if off(none, 0) > near:
        return (
            f"a cotangent of zeros gives the gradient {none[worst(none, 0)]:.6g}, not 0: a term that is added "
            "is not multiplied by ct"
        )
    if off(double, 2 * gv) > near:
        j = worst(double, 2 * gv)
        ratio = float(double[j] / gv[j]) if gv[j] else np.inf
        known = {1.0: ": the cotangent counts only by its sign", 4.0: ": the cotangent is squared"}
        how = known.get(round(ratio, 6), "")
        return f"twice the cotangent gives {ratio:.6g} times the gradient at {problem.where(j)}{how}"
    if off(back, -gv) > near:
        j = worst(back, -gv)
        return (
            f"minus the cotangent gives {back[j]:.6g} at {problem.where(j)}, the cotangent {gv[j]:.6g}: its sign "
            "is lost, or counts twice, in an abs, a square or a sign"
        )
    if off(both, gv - 0.5 * gw) > near:
        j = worst(both, gv - 0.5 * gw)
        return (
            f"the gradient for v - w/2 is {both[j]:.10g} at {problem.where(j)}, those for v and w make "
            f"{gv[j] - 0.5 * gw[j]:.10g}: ct passes through abs, max, a comparison or a cast"
        )
    return ""


def natural(problem: Problem) -> float:
    """The size that a derivative here has if nothing cancels: outputs over inputs. Rounding is a part of
    this.
    """
    with np.errstate(all="ignore"):
        size = np.abs(flat_vector(problem.outputs)).max(initial=0) / (np.abs(problem.point).max(initial=0) + 1e-300)
    return float(np.nan_to_num(size, posinf=0))


def coarseness(problem: Problem) -> float:
    """How much coarser than float64 the outputs are: a function may return float32 whatever it is given."""
    return max((float(np.finfo(out.dtype).eps) for out in problem.outputs), default=0.0) / EPS


def adjoint(problem: Problem, rng, found: Findings) -> None:
    """<v, J u> = <Jᵀ v, u>, which needs no step: forward mode is as right as reverse mode."""
    n = len(problem.slots)
    for only in (None, None, *(range(n) if 1 < n <= FEW_TANGENTS else ())):
        u, v = generic(problem.point.size, rng), generic(problem.size_out, rng)
        if only is not None:  # a sum of tangents may hide that one of them is wrong
            start, end = problem.ends[only : only + 2]
            u[:start] = u[end:] = 0
        try:
            forward = problem.push(u, only)
        except failures.Skipped:
            raise
        except Exception as error:
            if transposing(error):
                return  # a rule that cannot be differentiated: of the second order, which asks for that
            raise failures.NotAdjoint(f"forward mode raised {type(error).__name__}: {error}{guilty(error)}") from error
        back = problem.pull(v)
        with np.errstate(all="ignore"):
            left, right = v * forward, back * u
            keep_left, keep_right = np.isfinite(left), np.isfinite(right)
        if not keep_left.all() or not keep_right.all():
            if (keep_left.all() or keep_right.all()) and not found.unknown:
                raise failures.NotAdjoint("one mode gives NaN or infinity where the other is finite")
            return
        size = np.abs(left).sum() + np.abs(right).sum() + 1e-2 * natural(problem)
        apart = abs(left.sum() - right.sum())
        near = ADJOINT_TO * coarseness(problem) * size * max(1.0, np.sqrt(problem.point.size) / 8) + 1e-300
        if apart > near:
            near += np.abs(v) @ input_rounding(problem, u[None])
            wobble = np.abs(u) @ stretched(problem.pull, v, back)
            wobble += np.abs(v) @ stretched(lambda t, only=only: problem.push(t, only), u, forward)
            near += min(wobble, 1e-4 * size)
        if apart > near:
            raise failures.NotAdjoint(
                f"<v, J u> = {left.sum():.10g} in forward mode, <Jᵀ v, u> = {right.sum():.10g} in "
                f"reverse mode, for random "
                "u and v; reverse mode agrees with finite differences, so look at the jvp rule; where there is none, "
                "at what the rule does to ct: forward mode differentiates the rule by ct"
            )


def transposing(error: BaseException) -> bool:
    """Whether an error comes from a rule that forward mode transposes, for want of a jvp rule."""
    return any(frame.f_code is transpose.__code__ for frame, _ in walk_tb(error.__traceback__))

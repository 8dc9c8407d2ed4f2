"""What must hold of every differentiable operation, as one small check each. All but two need no finite
differences.

The order matters: a check may assume what the ones above it have established, so that a failure is named
for its cause. A rule that writes into its input, say, would also look like a wrong gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations
from typing import Any

import numpy as np

from ...engine.recording import wrap
from ...engine.tape import Leaf
from .. import failures
from ..inputs.discover import domains_of
from ..reference.problem import Problem, floating
from .case import Case, differ
from .compare import first_order
from .identities import adjoint, linear
from .precision import precise
from .second_order import second_order
from .side_effects import any_layout, determinism, interleaving, mutation, own_memory
from .user_code import as_failure

SAME, ALIKE = 1e-5, 1e-2  # of values, and of gradients, that are computed in float32 in part
HALF = 1 + 2.0**-10  # the rounding of float16
FEW_OPERANDS = 4  # inputs, all subsets of which may need a gradient; of more, each alone


def value(case: Case) -> None:
    """The value is the reference's, on tensors as on arrays."""
    ref = case.ref
    if ref is None and not case.problem.slots[0].tensor and getattr(case.op, "__module__", "") == "numpy":
        ref = case.op
    if ref is None:
        return
    leaves = list(case.problem.leaves)
    for slot in case.problem.slots:
        if slot.index is not None and slot.tensor is None:
            leaves[slot.index] = slot.array
    args, kwargs = case.problem.rebuild(leaves)
    expected = [np.asarray(a) for a in floating(ref(*args, **kwargs))]
    if len(expected) != len(case.outputs):
        raise failures.ForwardMismatch(f"{len(case.outputs)} floating outputs; the reference has {len(expected)}")
    for out, e in zip(case.outputs, expected):
        if out.shape != e.shape:
            raise failures.ForwardMismatch(f"the output has shape {out.shape}; the reference's has {e.shape}")
        if case.ref is None and out.dtype != e.dtype:
            raise failures.WrongDtype(f"the output is {out.dtype}; the reference's is {e.dtype}")
    apart = case.values_differ(case.outputs, expected, 1e-10)
    if apart:
        raise failures.ForwardMismatch(f"the value and the reference's are {apart}")


def own_shapes(case: Case) -> None:
    """Each gradient has the shape and the dtype of its input, also where that is empty or has no axes."""
    outs, grads = as_failure(case.run)
    for slot, g in zip(case.problem.slots, grads):
        if g.shape != slot.array.shape:
            raise failures.WrongShape(f"the gradient of {slot.name} has shape {g.shape}; expected {slot.array.shape}")
        if g.dtype != slot.array.dtype:
            raise failures.WrongDtype(f"the gradient of {slot.name} is {g.dtype}; expected {slot.array.dtype}")


def linearity(case: Case) -> None:
    """The pullback is linear: twice the cotangent is twice the gradient, none is none."""
    if case.problem.size_out and case.problem.point.size and case.finite:
        linear(case.problem, case.rng)


def gradient(case: Case) -> None:
    """Reverse mode agrees with finite differences."""
    case.found = first_order(case.problem, np.random.default_rng(0), case.rtol, 0.0)


def forward_mode(case: Case) -> None:
    """Forward mode is the adjoint of reverse mode."""
    if case.problem.size_out and case.problem.point.size:
        adjoint(case.problem, case.rng, case.found)


def extremes(case: Case) -> None:
    """Where large and tiny inputs have a finite value and slope, the gradient is finite."""
    for factor in (2.0**10, 2.0**-30):
        far = Problem(case.op, *case.problem.with_arrays([factor * slot.array for slot in case.problem.slots]))
        if not inside(case.domain, far):
            continue  # what the operation does there is nobody's business: an iteration may not end
        try:
            if not np.isfinite(far.value(far.point)).all() or not far.size_out:
                continue
            g = far.pull(np.ones(far.size_out))
        except Exception:  # outside the domain
            continue
        if not np.isfinite(g).all():
            first_order(far, np.random.default_rng(0), 1e-3, 0.0)


def inside(domain: tuple | None, problem: Problem) -> bool:
    """Whether all inputs lie in a domain, an interval for all or one for each."""
    if domain is None:
        return True
    arrays = problem.arrays(problem.point)
    return all(np.all((a > lo) & (a < hi)) for a, (lo, hi) in zip(arrays, domains_of(domain, len(arrays))))


def subsets(case: Case) -> None:
    """Which inputs need a gradient, and which outputs are used, changes no gradient."""
    n = len(case.problem.slots)
    if n > 1:
        _, grads = case.run()
        sizes = range(1, n) if n <= FEW_OPERANDS else (1,)
        for some in chain.from_iterable(combinations(range(n), size) for size in sizes):
            case.run_others()  # what a rule left behind for another one is then another call's
            found = as_failure(lambda some=some: case.run(tracked=[k in some for k in range(n)])[1])
            for i in some:
                apart = case.gradients_differ([found[i]], [grads[i]], i)
                if apart:
                    names = " and ".join(case.problem.slots[k].name for k in some)
                    raise failures.GradientMismatch(
                        f"where only {names} need{'s' * (len(some) == 1)} a gradient, that of "
                        f"{case.problem.slots[i].name} changes: {apart}"
                    )
    if len(case.outputs) > 1:
        for i in range(len(case.outputs)):
            only = [ct if k == i else None for k, ct in enumerate(case.cts)]
            zeros = [ct if k == i else 0 * ct for k, ct in enumerate(case.cts)]
            apart = case.gradients_differ(case.run(cts=only)[1], case.run(cts=zeros)[1])
            if apart:
                raise failures.GradientMismatch(f"where only output {i} is used, the gradients change: {apart}")


def twice(case: Case) -> None:
    """One tensor passed as two arguments receives the sum of both gradients."""
    arrays = case.arrays
    for i in range(len(arrays)):
        for j in range(i + 1, len(arrays)):
            if arrays[i].shape != arrays[j].shape or arrays[i].dtype != arrays[j].dtype:
                continue
            same = [arrays[i].copy() if k == j else a for k, a in enumerate(arrays)]  # equal, not identical
            try:
                outs, grads = case.run(same)
            except Exception:  # outside the domain
                continue
            if [o.shape for o in outs] != [ct.shape for ct in case.cts] or not all(np.isfinite(o).all() for o in outs):
                continue
            tensors = [wrap(a, Leaf(a.shape, a.dtype)) for a in same]
            tensors[j] = tensors[i]
            found = case.backward(tensors, case.problem(*tensors), case.cts)
            apart = case.gradients_differ([found[i]], [grads[i] + grads[j]], i)
            if apart:
                raise failures.GradientMismatch(
                    f"with one tensor as {case.problem.slots[i].name} and {case.problem.slots[j].name} "
                    f"the gradient and the sum of both are {apart}"
                )


def dtypes(case: Case) -> None:
    """In float32 the gradient is near the one that is verified in float64, and has the dtype of its input."""
    if (
        case.found.kinks
        or case.found.unknown
        or not case.finite
        or not case.problem.point.size
        or not case.problem.size_out
    ):
        return
    for dtype in case.dtypes:
        if np.dtype(dtype).kind == "f" and np.finfo(dtype).bits < 64:
            precise(Problem(case.op, case.args, case.kwargs, dtype=dtype), case.problem)
    if "float32" in case.dtypes:
        mixed(case)


def mixed(case: Case) -> None:
    """With one operand in float32 beside float64, and all in float16, each gradient keeps its operand's dtype and is
    nearly that of float64, and that of a float64 operand is not rounded to float32 on its way.
    """
    slots = case.problem.slots
    if any(slot.array.dtype != np.float64 for slot in slots):
        return
    at32 = [a.astype(np.float32).astype(np.float64) for a in case.arrays]
    wide = None
    for k in range(len(slots) if len(slots) > 1 else 0):
        arrays = [a.astype(np.float32) if i == k else a for i, a in enumerate(at32)]
        try:
            outs, grads = case.run(arrays)
            wide = case.run(at32) if wide is None else wide
        except (TypeError, ValueError, RuntimeError):  # it takes one dtype only, and says so
            return
        if any(out.dtype != np.float64 for out in outs):
            continue
        same = not differ(outs, wide[0], SAME)
        for slot, a, g, w in zip(slots, arrays, grads, wide[1]):
            beside = f"with {slots[k].name} in float32 the gradient of {slot.name}, which is {a.dtype},"
            if g.dtype != a.dtype:
                raise failures.WrongDtype(f"{beside} is {g.dtype}")
            if a.dtype == np.float64 and narrowed(g) and not narrowed(w):
                raise failures.WrongDtype(f"{beside} has the digits of float32 alone: a cast to the narrower dtype")
            if same and far_apart(g, w, ALIKE * np.abs(w).max(initial=0) + SAME):
                raise failures.WrongDtype(f"{beside} is another one than where all are float64: {differ([g], [w])}")
    half([a.astype(np.float16) for a in case.arrays], case)


def half(arrays: list[np.ndarray], case: Case) -> None:
    """In float16 the gradients are float16, and no others than in float64, but for what so few digits make of them."""
    cts = [ct.astype(np.float16) for ct in case.cts]
    exact = [a.astype(np.float64) for a in arrays]
    try:
        outs, grads = case.run(arrays, cts)
        wide = [
            case.run([a * f for a in exact], [ct.astype(np.float64) for ct in cts])[1] for f in (1.0, HALF, 2 - HALF)
        ]
    except (TypeError, ValueError, RuntimeError):
        return
    size = max([1.0, *(float(np.abs(a).max(initial=0)) for a in exact)])
    for slot, g, *ws in zip(case.problem.slots, grads, *wide):
        if g.dtype != np.float16:
            raise failures.WrongDtype(f"in float16 the gradient of {slot.name} is {g.dtype}")
        with np.errstate(all="ignore"):
            moved = max(float(np.abs(w - ws[0]).max(initial=0)) for w in ws[1:])
            near = 0.2 * np.abs(ws[0]).max(initial=0) + 0.1 * size * max(1.0, len(ws[0].reshape(-1))) + 8 * moved
        if all(np.isfinite(o).all() for o in outs) and np.isfinite(ws[0]).all() and far_apart(g, ws[0], near):
            raise failures.WrongDtype(
                f"in float16 the gradient of {slot.name} and that in float64, which is verified, are "
                f"{differ([g.astype(np.float64)], [ws[0]], 0.1)}"
            )


def far_apart(g: np.ndarray, w: np.ndarray, near: float) -> bool:
    """Whether finite numbers are further apart than rounding makes them."""
    with np.errstate(all="ignore"):
        return bool((np.abs(g - w) > near)[np.isfinite(g) & np.isfinite(w)].any())


def narrowed(a: np.ndarray) -> bool:
    """Whether all numbers are those of float32."""
    return bool(np.array_equal(a, a.astype(np.float32), equal_nan=True))


def second(case: Case) -> None:
    """The gradient has a right derivative too, and the second derivative is symmetric."""
    if (
        case.order >= 2
        and not case.found.kinks
        and not case.found.unknown
        and case.finite
        and case.problem.point.size
        and case.problem.size_out
    ):
        case.second = second_order(case.problem, np.random.default_rng(0), case.rtol, 0.0, brief=True)


CHECKS: dict[str, Callable[[Case], Any]] = {
    "mutation": mutation,
    "shapes": own_shapes,
    "determinism": determinism,
    "value": value,
    "memory": own_memory,
    "interleaving": interleaving,
    "linearity": linearity,
    "gradient": gradient,
    "subsets": subsets,
    "twice": twice,
    "layouts": any_layout,
    "extremes": extremes,
    "dtypes": dtypes,
    "forward_mode": forward_mode,
    "second": second,
}

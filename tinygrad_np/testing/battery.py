"""What must hold of every differentiable operation, as one small check each. All but two need no finite
differences.

The order matters: a check may assume what the ones above it have established, so that a failure is named
for its cause. A rule that writes into its input, say, would also look like a wrong gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tape import Const, Leaf, pullback
from ..tensor import Tensor, wrap
from . import failures
from .compare import Findings
from .gradcheck import adjoint, attempt, dense, first_order, guilty, linear, narrow, second_order
from .layouts import LAYOUTS
from .problem import Problem, floating

CLOSE = 1e-11  # relative: sums may be taken in another order, nothing else may differ


class Case:
    """One call of an operation under check: its problem in float64, a cotangent, and what has been found."""

    def __init__(
        self,
        op: Callable,
        args: tuple,
        kwargs: dict,
        *,
        ref: Callable | None = None,
        order: int = 2,
        dtypes: tuple = ("float64", "float32"),
        rtol: float = 1e-8,
    ):
        self.op, self.args, self.kwargs = op, args, kwargs
        self.ref, self.order, self.dtypes, self.rtol = ref, order, dtypes, rtol
        self.problem = Problem(op, args, kwargs)
        self.rng = np.random.default_rng(7)
        self.found = Findings()
        self.second = Findings()
        self.finite = True

    @property
    def arrays(self) -> list[np.ndarray]:
        """Fresh copies of what varies."""
        return self.problem.arrays(self.problem.point)

    def start(self) -> bool:
        """Run the operation once. False if it refuses the input, or has nothing to differentiate there."""
        self.outputs, self.gradients, self.cts = [], [], []
        outs = self.forward(self.arrays)[1]
        self.outputs = [np.array(values_of(out)) for out in outs]
        if not self.problem.slots:
            return False
        self.finite = all(np.isfinite(out).all() for out in self.outputs)
        self.cts = [self.random(out) for out in self.outputs]
        return True

    def random(self, like: np.ndarray) -> np.ndarray:
        """A dense cotangent: no zeros, no two entries alike."""
        ct = dense(like.size, self.rng)
        if like.dtype.kind == "c":
            ct = ct + 1j * dense(like.size, self.rng)
        return ct.reshape(like.shape).astype(like.dtype)

    def forward(self, arrays: list[np.ndarray], tracked: list[bool] | None = None):
        """The tensors of a fresh call and its outputs, on the tape."""
        tensors = [
            wrap(a, (Leaf if tracked is None or tracked[i] else Const)(a.shape, a.dtype))
            for i, a in enumerate(arrays)
        ]
        return tensors, self.problem(*tensors)

    def backward(self, tensors: list[Tensor], outs: list, cts: list) -> list:
        """The gradients that `backward` leaves, zero where nothing arrives."""
        for out, ct in zip(outs, cts):
            if ct is not None and isinstance(out, Tensor) and out.node.tracked:
                out.backward(ct, retain_graph=True)
        return [t.node.grad if t.node.grad is not None else np.zeros(t.shape, t.dtype) for t in tensors]

    def run(self, arrays=None, cts=None, tracked=None) -> tuple[list, list]:
        """The outputs and gradients of a fresh call."""
        tensors, outs = self.forward(self.arrays if arrays is None else arrays, tracked)
        grads = self.backward(tensors, outs, [ct.copy() for ct in self.cts] if cts is None else cts)
        return [np.array(values_of(out)) for out in outs], grads


def values_of(out) -> np.ndarray:
    return out.array if isinstance(out, Tensor) else np.asarray(out)


def differ(found: list, expected: list, tolerance: float = CLOSE) -> str:
    """Where two lists of arrays differ by more than rounding; "" where they do not."""
    for k, (a, b) in enumerate(zip(found, expected)):
        if a.shape != b.shape:
            return f"shape {a.shape} and {b.shape}"
        with np.errstate(all="ignore"):
            size = np.abs(b[np.isfinite(b)]).max(initial=0)
            same = (
                (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance * (size + np.abs(b)))
            )
        if not same.all():
            i = np.unravel_index(int(np.argmin(same)), same.shape)
            return f"{a[i]:.10g} and {b[i]:.10g}" + (f" at {[int(n) for n in i]}" if i else "")
    return ""


# ---- the checks -------------------------------------------------------------------------------------------


def mutation(case: Case) -> None:
    """Neither the operation nor its derivative writes into what it was given."""
    arrays, cts = case.arrays, [ct.copy() for ct in case.cts]
    before = [a.tobytes() for a in arrays]
    tensors, outs = case.forward(arrays)
    for slot, a, was in zip(case.problem.slots, arrays, before):
        if a.tobytes() != was:
            raise failures.MutatedInput(
                f"calling the operation changed {slot.name}{where_written(case)}; work on a copy"
            )
    kept = [values_of(out).copy() for out in outs]
    given = [ct.tobytes() for ct in cts]
    attempt(lambda: case.backward(tensors, outs, cts))
    for ct, was in zip(cts, given):
        if ct.tobytes() != was:
            raise failures.MutatedCotangent(
                f"the derivative changed the cotangent that it was given{where_written(case, True)}; "
                "write `ct * 2`, not `ct *= 2`: others may still need it"
            )
    for slot, a, was in zip(case.problem.slots, arrays, before):
        if a.tobytes() != was:
            raise failures.MutatedInput(
                f"the derivative changed the input {slot.name}{where_written(case)}; work on a copy"
            )
    for out, was in zip(outs, kept):
        if values_of(out).tobytes() != was.tobytes():
            raise failures.MutatedInput(
                "the derivative changed the output that the graph keeps; work on a copy"
            )


def where_written(case: Case, cotangent: bool = False) -> str:
    """The line that writes into a frozen array."""
    arrays, cts = case.arrays, [ct.copy() for ct in case.cts]
    for a in cts if cotangent else arrays:
        a.flags.writeable = False
    try:
        tensors, outs = case.forward(arrays)
        case.backward(tensors, outs, cts)
    except Exception as error:
        return guilty(error)
    return ""


def determinism(case: Case) -> None:
    """The same call twice gives the same."""
    attempt(case.run)
    (out_a, grad_a), (out_b, grad_b) = case.run(), case.run()
    apart = differ(out_a, out_b)
    if apart:
        raise failures.NonDeterministic(
            f"two equal calls gave {apart}: is there a random number, or a counter, in it?"
        )
    apart = differ(grad_a, grad_b)
    if apart:
        raise failures.NonDeterministic(
            f"the gradients of two equal calls are {apart}: is there a random number in the rule?"
        )
    tensors, outs = case.forward(case.arrays)
    first = [g.copy() for g in case.backward(tensors, outs, case.cts)]
    for t in tensors:
        t.node.grad = None
    apart = differ(case.backward(tensors, outs, case.cts), first)
    if apart:
        raise failures.HiddenState(
            f"two backward passes over one graph gave {apart}: the rule changes what it keeps"
        )


def value(case: Case) -> None:
    """The value is the reference's, on tensors as on arrays."""
    ref = case.ref
    if ref is None and not case.problem.slots[0].tensor and getattr(case.op, "__module__", "") == "numpy":
        ref = case.op
    if ref is None:
        return
    args, kwargs = case.problem.rebuild([a for a in case.problem.leaves])
    expected = [np.asarray(a) for a in floating(ref(*args, **kwargs))]
    if len(expected) != len(case.outputs):
        raise failures.ForwardMismatch(
            f"{len(case.outputs)} floating outputs; the reference has {len(expected)}"
        )
    for out, e in zip(case.outputs, expected):
        if out.shape != e.shape:
            raise failures.ForwardMismatch(
                f"the output has shape {out.shape}; the reference's has {e.shape}"
            )
        if case.ref is None and out.dtype != e.dtype:
            raise failures.WrongDtype(f"the output is {out.dtype}; the reference's is {e.dtype}")
    apart = differ(case.outputs, expected, 1e-10)
    if apart:
        raise failures.ForwardMismatch(f"the value and the reference's are {apart}")


def shapes(case: Case) -> None:
    """Each gradient has the shape and the dtype of its input, also where that is empty or has no axes."""
    outs, grads = attempt(case.run)
    for slot, g in zip(case.problem.slots, grads):
        if g.shape != slot.array.shape:
            raise failures.WrongShape(
                f"the gradient of {slot.name} has shape {g.shape}; expected {slot.array.shape}"
            )
        if g.dtype != slot.array.dtype:
            raise failures.WrongDtype(
                f"the gradient of {slot.name} is {g.dtype}; expected {slot.array.dtype}"
            )


def memory(case: Case) -> None:
    """Results of different calls, and the gradients of different inputs, are different memory."""
    tensors, outs = case.forward(case.arrays)
    _, others = case.forward(case.arrays)
    for out in outs:
        if any(np.may_share_memory(values_of(out), values_of(o)) and out is not o for o in others):
            raise failures.SharedMemory(
                "the outputs of two calls are the same memory: the operation returns a buffer that it keeps"
            )
    grads = case.backward(tensors, outs, case.cts)
    for i, g in enumerate(grads):
        rest = [(f"the gradient of {case.problem.slots[j].name}", h) for j, h in enumerate(grads) if j > i]
        rest += [("the cotangent", ct) for ct in case.cts] + [("an input", t.array) for t in tensors]
        for what, other in rest:
            if np.may_share_memory(g, other):
                raise failures.SharedMemory(
                    f"the gradient of {case.problem.slots[i].name} is the same memory as {what}"
                )
    nodes = [t.node for t in tensors]
    for out, ct in zip(outs, case.cts):
        if isinstance(out, Tensor) and out.node.tracked:
            first = pullback(out.node, ct, wanted=nodes)
            kept = {node: np.array(g) for node, g in first.items()}
            pullback(out.node, -2 * ct, wanted=nodes)
            if any(differ([np.asarray(first[node])], [kept[node]]) for node in kept):
                raise failures.SharedMemory(
                    "a second backward pass overwrites the gradient of the first: the rule returns a "
                    "buffer that it keeps"
                )


def interleaving(case: Case) -> None:
    """Forward A, forward B, backward B, backward A: a call keeps what it needs in the graph and nowhere
    else.
    """
    here = case.arrays
    there = [
        np.ascontiguousarray(a[(slice(None, None, -1),) * a.ndim]).reshape(a.shape) * 1.0625 for a in here
    ]
    try:
        outs_b, expected_b = case.run(there)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return
    if [o.shape for o in outs_b] != [o.shape for o in case.outputs]:
        return
    outs_a, expected_a = case.run()
    a_in, a_out = case.forward(case.arrays)
    b_in, b_out = case.forward([b.copy() for b in there])
    apart = differ([values_of(o) for o in a_out], outs_a)
    if apart:
        raise failures.HiddenState(f"a second call changed the output of the first: {apart}")
    apart = differ(case.backward(b_in, b_out, case.cts), expected_b)
    if not apart:
        apart = differ(case.backward(a_in, a_out, case.cts), expected_a)
    if apart:
        raise failures.HiddenState(
            f"with two calls before the backward passes the gradients are {apart}: something is kept on "
            "the function, its class or a global, and the later call overwrites it"
        )


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
        far = Problem(case.op, *rescaled(case, factor))
        try:
            if not np.isfinite(far.value(far.point)).all() or not far.size_out:
                continue
            g = far.pull(np.ones(far.size_out))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            continue
        if not np.isfinite(g).all():
            first_order(far, np.random.default_rng(0), 1e-3, 0.0)


def rescaled(case: Case, factor: float) -> tuple:
    leaves = list(case.problem.leaves)
    for slot in case.problem.slots:
        if slot.index is not None and slot.tensor is None:
            leaves[slot.index] = slot.array * factor
        elif slot.index is not None:
            leaves[slot.index] = Tensor(slot.array * factor, requires_grad=slot.tensor.requires_grad)
    return case.problem.rebuild(leaves)


def layouts(case: Case) -> None:
    """The result does not depend on how inputs and cotangents lie in memory."""
    outs, grads = case.run()
    for name, layout in LAYOUTS.items():
        for who in ("the inputs", "the cotangent"):
            arrays = [layout(a) for a in case.arrays] if who == "the inputs" else None
            cts = [layout(ct) for ct in case.cts] if who == "the cotangent" else None
            laid_out(
                case,
                outs,
                grads,
                arrays,
                cts,
                f"{who} {'read-only' if name == 'read-only' else f'in {name} layout'}",
            )
    constant = [np.full(out.shape, 1.25, out.dtype) for out in case.outputs]
    expected = case.run(cts=constant)[1]
    laid_out(
        case,
        outs,
        expected,
        None,
        [np.broadcast_to(np.asarray(1.25, out.dtype), out.shape) for out in case.outputs],
        "a cotangent of zero strides, as sum().backward() passes",
    )


def laid_out(case: Case, outs, grads, arrays, cts, how: str) -> None:
    try:
        found, g = case.run(arrays, cts)
    except Exception as error:
        raise failures.LayoutDependence(
            f"with {how} it raised {type(error).__name__}: {error}{guilty(error)}"
        ) from error
    apart = differ(found, outs)
    if apart:
        raise failures.LayoutDependence(f"with {how} the value changes: {apart}")
    apart = differ(g, grads)
    if apart:
        raise failures.LayoutDependence(f"with {how} the gradients change: {apart}")


def subsets(case: Case) -> None:
    """Which inputs need a gradient, and which outputs are used, changes no gradient."""
    n = len(case.problem.slots)
    if n > 1:
        _, grads = case.run()
        for i in range(n):
            g = attempt(lambda i=i: case.run(tracked=[k == i for k in range(n)])[1])[i]
            apart = differ([g], [grads[i]])
            if apart:
                raise failures.GradientMismatch(
                    f"where only {case.problem.slots[i].name} needs a gradient, it changes: {apart}"
                )
    if len(case.outputs) > 1:
        for i in range(len(case.outputs)):
            only = [ct if k == i else None for k, ct in enumerate(case.cts)]
            zeros = [ct if k == i else 0 * ct for k, ct in enumerate(case.cts)]
            apart = differ(case.run(cts=only)[1], case.run(cts=zeros)[1])
            if apart:
                raise failures.GradientMismatch(
                    f"where only output {i} is used, the gradients change: {apart}"
                )


def twice(case: Case) -> None:
    """One tensor passed as two arguments receives the sum of both gradients."""
    arrays = case.arrays
    for i in range(len(arrays)):
        for j in range(i + 1, len(arrays)):
            if arrays[i].shape != arrays[j].shape or arrays[i].dtype != arrays[j].dtype:
                continue
            same = [arrays[i] if k == j else a for k, a in enumerate(arrays)]
            try:
                outs, grads = case.run(same)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                continue
            if [o.shape for o in outs] != [ct.shape for ct in case.cts] or not all(
                np.isfinite(o).all() for o in outs
            ):
                continue
            tensors = [wrap(a, Leaf(a.shape, a.dtype)) for a in same]
            tensors[j] = tensors[i]
            found = case.backward(tensors, case.problem(*tensors), case.cts)
            apart = differ([found[i]], [grads[i] + grads[j]])
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
            narrow(Problem(case.op, case.args, case.kwargs, dtype=dtype), case.problem)


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
    check.__name__: check
    for check in (
        mutation,
        shapes,
        determinism,
        value,
        memory,
        interleaving,
        linearity,
        gradient,
        forward_mode,
        subsets,
        twice,
        layouts,
        extremes,
        dtypes,
        second,
    )
}

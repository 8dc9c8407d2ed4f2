"""What a call must leave alone, and what must not matter to it: memory, chance, other calls, layouts."""

from __future__ import annotations

import numpy as np

from ...engine.tape import pullback
from ...engine.tensor import Tensor
from .. import failures
from ..inputs.layouts import MEMORY_LAYOUTS
from ..reference.directions import generic
from ..reference.problem import Problem
from .case import Case, differ, value_of
from .user_code import as_failure, guilty

CHANCES = 8  # equal calls, before what differs is not called chance
NOISE = 1e-4  # with less of it in its values, a function has a slope that can be measured


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
    kept = [value_of(out).copy() for out in outs]
    given = [ct.tobytes() for ct in cts]
    as_failure(lambda: case.backward(tensors, outs, cts))
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
    for out, value in zip(outs, kept):
        if value_of(out).tobytes() != value.tobytes():
            raise failures.MutatedInput("the derivative changed the output that the graph keeps; work on a copy")


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
    as_failure(case.run)
    again(case, 1)
    tensors, outs = case.forward(case.arrays)
    first = [g.copy() for g in case.backward(tensors, outs, case.cts)]
    for t in tensors:
        t._node.grad = None
    apart = case.gradients_differ(case.backward(tensors, outs, case.cts), first)
    if apart:
        again(case, CHANCES)  # chance may have made two calls alike
        raise failures.HiddenState(f"two backward passes over one graph gave {apart}: the rule changes what it keeps")


def again(case: Case, times: int) -> None:
    """Equal calls give the same, each time."""
    outs, grads = case.run()
    for _ in range(times):
        out, grad = case.run()
        apart = case.values_differ(outs, out)
        if apart:
            raise failures.NonDeterministic(
                f"two equal calls gave {apart}: is there a random number, or a counter, in it?"
            )
        apart = case.gradients_differ(grads, grad)
        if apart:
            raise failures.NonDeterministic(
                f"the gradients of two equal calls are {apart}: is there a random number in the rule?"
            )


def steady(problem: Problem, rng) -> None:
    """At a point: the same call twice gives the same, and another call in between changes no gradient."""
    v = generic(problem.size_out, rng)
    with np.errstate(all="ignore"):
        first, again = (as_failure(lambda: problem.value(problem.point)) for _ in range(2))
        before = as_failure(lambda: problem.pull(v))
        try:
            problem.value(problem.point * 1.0625)
        except Exception:  # outside the domain
            pass
        after = as_failure(lambda: problem.pull(v))
    apart = differ([first], [again], NOISE)
    if apart:
        raise failures.NonDeterministic(
            f"two equal calls gave {apart}: is there a random number in it, a dropout, or a counter?"
        )
    apart = differ([before], [after])
    if apart:
        raise failures.HiddenState(
            f"another call between two backward passes over one graph changes the gradient, {apart}: something is kept "
            "on the function, its class or a global, or is a random number"
        )


def own_memory(case: Case) -> None:
    """Results of different calls, and the gradients of different inputs, are different memory."""
    tensors, outs = case.forward(case.arrays)
    _, others = case.forward(case.arrays)
    for out in outs:
        if any(np.may_share_memory(value_of(out), value_of(o)) and out is not o for o in others):
            raise failures.SharedMemory(
                "the outputs of two calls are the same memory: the operation returns a buffer that it keeps"
            )
    grads = case.backward(tensors, outs, case.cts)
    for i, g in enumerate(grads):
        rest = [(f"the gradient of {case.problem.slots[j].name}", h) for j, h in enumerate(grads) if j > i]
        rest += [("the cotangent", ct) for ct in case.cts] + [("an input", t._array) for t in tensors]
        for what, other in rest:
            if np.may_share_memory(g, other):
                raise failures.SharedMemory(
                    f"the gradient of {case.problem.slots[i].name} is the same memory as {what}"
                )
    nodes = [t._node for t in tensors]
    for out, ct in zip(outs, case.cts):
        if isinstance(out, Tensor) and out._node.tracked:
            first = pullback(out._node, ct, wanted=nodes)
            kept = {node: np.array(g) for node, g in first.items()}
            pullback(out._node, -2 * ct, wanted=nodes)
            if any(differ([np.asarray(first[node])], [kept[node]]) for node in kept):
                raise failures.SharedMemory(
                    "a second backward pass overwrites the gradient of the first: the rule returns a "
                    "buffer that it keeps"
                )


def interleaving(case: Case) -> None:
    """Forward A, forward B, backward B, backward A: a call keeps what it needs in the graph and nowhere
    else.
    """
    there = case.others
    found = case.run_others()
    if found is None:
        return
    _, expected_b = found
    outs_a, expected_a = case.run()
    a_in, a_out = case.forward(case.arrays)
    b_in, b_out = case.forward([b.copy() for b in there])
    apart = case.values_differ([value_of(o) for o in a_out], outs_a)
    if apart:
        raise failures.HiddenState(f"a second call changed the output of the first: {apart}")
    apart = case.gradients_differ(case.backward(b_in, b_out, case.cts), expected_b)
    if not apart:
        apart = case.gradients_differ(case.backward(a_in, a_out, case.cts), expected_a)
    if apart:
        raise failures.HiddenState(
            f"with two calls before the backward passes the gradients are {apart}: something is kept on "
            "the function, its class or a global, and the later call overwrites it"
        )


def any_layout(case: Case) -> None:
    """The result does not depend on how inputs and cotangents lie in memory."""
    outs, grads = case.run()
    for name, layout in MEMORY_LAYOUTS.items():
        for who in ("the inputs", "the cotangent"):
            arrays = [layout(a) for a in case.arrays] if who == "the inputs" else None
            cts = [layout(ct) for ct in case.cts] if who == "the cotangent" else None
            same_laid_out(
                case, outs, grads, arrays, cts, f"{who} {'read-only' if name == 'read-only' else f'in {name} layout'}"
            )
    constant = [np.full(out.shape, 1.25, out.dtype) for out in case.outputs]
    expected = case.run(cts=constant)[1]
    same_laid_out(
        case,
        outs,
        expected,
        None,
        [np.broadcast_to(np.asarray(1.25, out.dtype), out.shape) for out in case.outputs],
        "a cotangent of zero strides, as sum().backward() passes",
    )


def same_laid_out(case: Case, outs, grads, arrays, cts, how: str) -> None:
    try:
        found, g = case.run(arrays, cts)
    except Exception as error:
        raise failures.LayoutDependence(
            f"with {how} it raised {type(error).__name__}: {error}{guilty(error)}"
        ) from error
    apart = case.values_differ(found, outs)
    if apart:
        raise failures.LayoutDependence(f"with {how} the value changes: {apart}")
    apart = case.gradients_differ(g, grads)
    if apart:
        raise failures.LayoutDependence(f"with {how} the gradients change: {apart}")

"""The mistakes that people make in derivatives, each as the Jacobian that it makes of the right one.

Blocks are (outputs × entries of one input). A mistake yields (NAME, sentence, predicted block), and True
where the block is no evidence for it. Their order is the order of preference where several fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .problem import Problem, flat

FIT = 1e-6


@dataclass
class Block:
    """The part of a Jacobian that belongs to one input, yours and expected."""

    yours: np.ndarray
    expected: np.ndarray
    slot: int
    problem: Problem
    others: dict[str, tuple[np.ndarray, np.ndarray]]  # of the other inputs: values, expected block

    @property
    def x(self) -> np.ndarray:
        start, end = self.problem.ends[self.slot : self.slot + 2]
        return self.problem.point[start:end]

    @property
    def shape(self) -> tuple:
        return self.problem.slots[self.slot].array.shape

    @property
    def out(self) -> np.ndarray:
        return flat(self.problem.outputs)

    @property
    def out_shape(self) -> tuple:
        return self.problem.outputs[0].shape if len(self.problem.outputs) == 1 else (len(self.out),)

    def moved(self, f: Callable) -> np.ndarray:
        """The expected block with f applied to the input axes of every row."""
        rows = self.expected.reshape((-1,) + self.shape)
        return np.array([f(row) for row in rows]).reshape(self.expected.shape)


def block_of(problem: Problem, yours: np.ndarray, expected: np.ndarray, slot: int) -> Block:
    cut = list(zip(problem.ends, problem.ends[1:]))
    start, end = cut[slot]
    others = {
        s.name: (problem.point[a:b], expected[:, a:b])
        for k, (s, (a, b)) in enumerate(zip(problem.slots, cut))
        if k != slot
    }
    return Block(yours[:, start:end], expected[:, start:end], slot, problem, others)


Candidate = tuple[str, str, np.ndarray]
MISTAKES: list[Callable[[Block], Iterator[Candidate]]] = []


def mistake(f: Callable[[Block], Iterator[Candidate]]):
    MISTAKES.append(f)
    return f


# ---- whole gradients --------------------------------------------------------------------------------------


@mistake
def missing(b: Block):
    yield (
        "NO GRADIENT",
        "the gradient is zero: it is dropped, or the graph is cut (x.numpy(), x.detach(), a plain array)",
        0 * b.expected,
    )


@mistake
def sign(b: Block):
    yield "SIGN", "the sign is flipped", -b.expected


@mistake
def cotangent_summed(b: Block):
    if len(b.expected) > 1:
        total = np.broadcast_to(b.expected.sum(axis=0), b.expected.shape)
        yield (
            "IGNORES THE COTANGENT",
            "every output's cotangent gives the same: multiply by ct elementwise, not by its sum",
            total,
        )
        yield (
            "COTANGENT AVERAGED",
            "the mean of the cotangent is used in place of each entry",
            total / len(b.expected),
        )
        first = np.zeros_like(b.expected)
        first[0] = b.expected.sum(axis=0)
        yield "ONE COTANGENT FOR ALL", "the first entry of the cotangent is used for all", first


@mistake
def swapped(b: Block):
    for name, (_, expected) in b.others.items():
        if expected.shape == b.expected.shape:
            yield (
                "ARGUMENTS SWAPPED",
                f"this is the gradient of {name}: the rules are in the wrong order",
                expected,
            )


@mistake
def passed_through(b: Block):
    support = (np.abs(b.expected) > 1e-9 * np.abs(b.expected).max(initial=0)).astype(float)
    yield (
        "LOCAL DERIVATIVE FORGOTTEN",
        "the cotangent is passed on unchanged: multiply by the derivative",
        support,
    )


# ---- places -----------------------------------------------------------------------------------------------


@mistake
def transposed(b: Block):
    n = len(b.shape)
    for i, j in combinations(range(n), 2):
        if b.shape[i] == b.shape[j] > 1:
            yield (
                "TRANSPOSED",
                f"axes {i} and {j} of the gradient are exchanged",
                b.moved(lambda r, i=i, j=j: r.swapaxes(i, j)),
            )
    shape = b.out_shape
    for i, j in combinations(range(len(shape)), 2):
        if shape[i] == shape[j] > 1:
            turned = b.expected.reshape(shape + (-1,)).swapaxes(i, j).reshape(b.expected.shape)
            yield (
                "COTANGENT TRANSPOSED",
                f"axes {i} and {j} of the cotangent are exchanged: transpose ct, or the other factor",
                turned,
            )
    if b.expected.shape[0] == b.expected.shape[1] > 1:
        yield (
            "JACOBIAN FOR ITS TRANSPOSE",
            "the operation itself was applied to ct: the transpose is needed (as a running sum "
            "from the other end, the inverse permutation, the adjoint matrix)",
            b.expected.T,
        )


@mistake
def rolled(b: Block):
    for axis in range(len(b.shape)):
        for shift in (1, -1):
            if b.shape[axis] > 1:
                yield (
                    "OFF BY ONE",
                    f"the gradient is shifted by {shift:+d} along axis {axis}",
                    b.moved(lambda r, s=shift, a=axis: np.roll(r, s, a)),
                )
                yield (
                    "OFF BY ONE",
                    f"the gradient is shifted by {shift:+d} along axis {axis}, zeros coming in",
                    b.moved(lambda r, s=shift, a=axis: shifted(r, s, a)),
                )


def shifted(row: np.ndarray, shift: int, axis: int) -> np.ndarray:
    out = np.roll(row, shift, axis)
    edge = [slice(None)] * row.ndim
    edge[axis] = slice(0, 1) if shift > 0 else slice(-1, None)
    out[tuple(edge)] = 0
    return out


@mistake
def flipped(b: Block):
    for axis in range(len(b.shape)):
        if b.shape[axis] > 1:
            yield (
                "REVERSED",
                f"axis {axis} of the gradient is back to front",
                b.moved(lambda r, a=axis: np.flip(r, a)),
            )
    if len(b.shape) > 1:
        yield "REVERSED", "the gradient is back to front", b.moved(np.flip)


@mistake
def reordered(b: Block):
    if len(b.shape) > 1 and b.expected.size:
        yield (
            "WRONG MEMORY ORDER",
            "the elements are in column order: reshape or ravel with another order",
            b.moved(lambda r: r.ravel(order="F").reshape(r.shape)),
        )
        yield (
            "WRONG MEMORY ORDER",
            "the elements are in row order: reshape or ravel with order='F'",
            b.moved(lambda r: r.reshape(-1).reshape(r.shape, order="F")),
        )


@mistake
def wrong_axis(b: Block):
    p = b.problem
    axis = p.kwargs.get("axis")
    if not isinstance(axis, int):
        return
    for other in range(-len(b.shape), len(b.shape)):
        if other % len(b.shape) != axis % len(b.shape):
            try:
                q = Problem(p.f, p.args, {**p.kwargs, "axis": other})
                expected = estimated(q)
            except Exception:
                continue
            start, end = p.ends[b.slot : b.slot + 2]
            if expected.shape[0] == b.expected.shape[0]:
                yield "WRONG AXIS", "this is the gradient along another axis", expected[:, start:end]
            return


def estimated(p: Problem) -> np.ndarray:
    from .finite_differences import reference, scales

    size = scales(p.point, True)
    return (reference(p.value, p.point, np.diag(size), p.size_out).value / size[:, None]).T


# ---- sums and duplicates ----------------------------------------------------------------------------------


@mistake
def duplicates(b: Block):
    used = np.abs(b.expected) > 1e-9 * np.abs(b.expected).max(initial=0)
    if not (used.sum(axis=0) > 1).any():
        return
    rows = np.arange(len(b.expected))[:, None]
    last = np.where(used, rows, -1).max(axis=0)
    first = np.where(used, rows, len(rows)).min(axis=0)
    indexing = any(
        isinstance(leaf, (list, int, np.integer)) or getattr(leaf, "dtype", np.dtype(float)).kind in "iu"
        for leaf in b.problem.leaves
    )
    what = (
        (
            "DUPLICATE INDEX OVERWRITTEN",
            "of each repeated index only the {} counts: accumulate with np.add.at(gx, idx, ct), "
            "not gx[idx] += ct",
        )
        if indexing
        else (
            "MISSING SUM",
            "an element that is used several times gets the cotangent of its {} use alone: sum over the "
            "axes along "
            "which it was broadcast (tinygrad_np.unbroadcast)",
        )
    )
    yield what[0], what[1].format("last"), np.where(rows == last, b.expected, 0)
    yield what[0], what[1].format("first"), np.where(rows == first, b.expected, 0)
    counts = used.sum(axis=0)
    with np.errstate(all="ignore"):
        yield (
            "MEAN INSTEAD OF SUM",
            "the cotangents of an element that is used several times are averaged, not summed",
            np.where(counts > 0, b.expected / np.maximum(counts, 1), 0),
        )


@mistake
def counted(b: Block):
    used = np.abs(b.expected) > 1e-9 * np.abs(b.expected).max(initial=0)
    if not ((used.sum(axis=0) > 1).any() or (used.sum(axis=1) > 1).any()):
        return  # elementwise: nothing is summed or averaged
    total, out = max(b.x.size, 1), max(len(b.out), 1)
    for n, what in (
        (total / out, "the number of elements that are reduced"),
        (total, "the number of elements"),
        (out, "the number of outputs"),
    ):
        if n > 1:
            yield "SUM FOR MEAN", f"the division by {what} is missing", b.expected * n
            yield "MEAN FOR SUM", f"there is a division by {what} too many", b.expected / n
    for n in {total / out, *map(float, b.shape)}:
        if n > 1:
            yield "DDOF", "the divisor is n where n - 1 is right (ddof)", b.expected * (n - 1) / n
            yield "DDOF", "the divisor is n - 1 where n is right (ddof)", b.expected * n / (n - 1)
    for axis, n in enumerate(b.shape):
        if n > 1:
            yield "SUM FOR MEAN", f"the division by the length of axis {axis} is missing", b.expected * n
            yield (
                "MEAN FOR SUM",
                f"there is a division by the length of axis {axis} too many",
                b.expected / n,
            )


@mistake
def uncentered(b: Block):
    if len(b.shape) and b.x.size > 1:
        apart = b.yours - b.expected
        for axis in (None, *range(len(b.shape))):
            spread = apart.reshape((-1,) + b.shape)
            mean = spread.mean(
                axis=tuple(range(1, spread.ndim)) if axis is None else axis + 1, keepdims=True
            )
            if np.abs(mean).max(initial=0) > 0 and (axis is None or b.shape[axis] > 1):
                yield (
                    "MEAN NOT SUBTRACTED",
                    "yours differs by a constant along the reduced axis: a term that is subtracted for all "
                    "(the mean, a sum of ct) is missing",
                    b.expected + np.broadcast_to(mean, spread.shape).reshape(apart.shape),
                )


@mistake
def diagonal(b: Block):
    if b.expected.shape[0] == b.expected.shape[1] > 1:
        only = np.diag(np.diag(b.expected))
        yield (
            "DIAGONAL ONLY",
            "the terms between different elements are missing: this operation is not elementwise",
            only,
        )
        yield (
            "DIAGONAL MISSING",
            "the derivative of each output with respect to its own input is missing",
            b.expected - only,
        )


@mistake
def triangle(b: Block):
    if len(b.shape) >= 2:
        yield "ONE TRIANGLE", "only the lower triangle of the gradient is there", b.moved(np.tril)
        yield "ONE TRIANGLE", "only the upper triangle of the gradient is there", b.moved(np.triu)
        if b.shape[-1] == b.shape[-2] > 1:
            yield (
                "SYMMETRIZED",
                "the gradient is averaged with its transpose",
                b.moved(lambda r: (r + r.swapaxes(-1, -2)) / 2),
            )
            yield (
                "SYMMETRIZED",
                "the gradient is added to its transpose",
                b.moved(lambda r: r + r.swapaxes(-1, -2)),
            )


@mistake
def accumulated(b: Block):
    for axis in range(len(b.shape)):
        if b.shape[axis] > 1:
            yield (
                "RUNNING SUM",
                f"the gradient is summed up along axis {axis}",
                b.moved(lambda r, a=axis: np.cumsum(r, a)),
            )
            yield (
                "SUMMED OVER THE INPUT",
                f"every element along axis {axis} has the sum of all their gradients",
                b.moved(lambda r, a=axis: np.broadcast_to(r.sum(a, keepdims=True), r.shape)),
            )


@mistake
def largest_only(b: Block):
    if b.expected.shape[1] > 1:
        top = np.argmax(np.abs(b.expected), axis=1)[:, None] == np.arange(b.expected.shape[1])
        yield "LARGEST ONLY", "only the largest entry of each row is there", np.where(top, b.expected, 0)


# ---- the local derivative ---------------------------------------------------------------------------------


@mistake
def features(b: Block):
    x, out = b.x[None, :], b.out[:, None]
    named = [("x", x), ("the output", out)]
    for name, (value, _) in b.others.items():
        if value.size == b.x.size:
            named.append((name, value[None, :]))
        if value.size == len(b.out) and value.size != 1:
            named.append((name, value[:, None]))
        elif value.size == 1 and b.x.size != 1:
            named.append((name, value.reshape(1, 1)))
    for name, value in named:
        if (
            not np.iscomplexobj(value)
            and np.broadcast_shapes(value.shape, b.expected.shape) == b.expected.shape
        ):
            name = b.problem.slots[b.slot].name if name == "x" else name
            yield "FACTOR TOO MANY", f"there is a factor {name} too many", b.expected * value
            with np.errstate(all="ignore"):
                yield "FACTOR MISSING", f"a factor {name} is missing", b.expected / value
                yield "FACTOR TOO MANY", f"there is a factor {name}² too many", b.expected * value**2
                yield "FACTOR MISSING", f"a factor {name}² is missing", b.expected / value**2
                yield (
                    "FACTOR WITHOUT SIGN",
                    f"|{name}| stands where {name} belongs",
                    b.expected * np.sign(value),
                )


@mistake
def functions(b: Block):
    e = b.expected
    with np.errstate(all="ignore"):
        yield "ABSOLUTE VALUE", "the sign is lost: an abs, a square, or a square root", np.abs(e)
        yield "SQUARED", "the derivative is squared", e * e
        yield (
            "INVERTED",
            "the derivative stands in the denominator: 1 / f' for f'",
            np.where(e != 0, 1 / e, 0),
        )
        yield "SQUARE ROOT", "the square root of the derivative", np.sqrt(np.abs(e)) * np.sign(e)
        norm = np.sqrt((e * e).sum(axis=1, keepdims=True))
        yield "NORMALIZED", "the gradient is divided by its norm", np.where(norm > 0, e / norm, 0)
        yield "CLIPPED", "the gradient is limited to [-1, 1]", np.clip(e, -1, 1)
        yield "INTEGERS", "the gradient is truncated to integers", np.trunc(e)
        yield "INTEGERS", "the gradient is rounded to integers", np.rint(e)
        yield "POSITIVE PART", "negative derivatives are dropped", np.maximum(e, 0)
    wanted = np.abs(e) > 1e-9 * np.abs(e).max(initial=0)
    for c in (1.0, -1.0):
        yield "CONSTANT TERM", f"{-c:+g} is missing in the derivative", np.where(wanted, e + c, b.yours * 0)


@mistake
def elsewhere(b: Block):
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
        q = Problem(p.f, p.args, p.kwargs)
        q.point = point
        start, end = p.ends[b.slot : b.slot + 2]
        try:
            yield name, text, estimated(q)[:, start:end]
        except Exception:  # there is no derivative in that place, so it was not taken there
            continue


CONSTANTS = {
    "2": 2,
    "1/2": 0.5,
    "3": 3,
    "1/3": 1 / 3,
    "4": 4,
    "1/4": 0.25,
    "log 2": np.log(2),
    "1/log 2": 1 / np.log(2),
    "log 10": np.log(10),
    "1/log 10": 1 / np.log(10),
    "π": np.pi,
    "1/π": 1 / np.pi,
    "2π": 2 * np.pi,
    "1/2π": 0.5 / np.pi,
    "π/180": np.pi / 180,
    "180/π": 180 / np.pi,
    "√2": np.sqrt(2),
    "1/√2": np.sqrt(0.5),
    "√π": np.sqrt(np.pi),
    "√(2/π)": np.sqrt(2 / np.pi),
    "2/√π": 2 / np.sqrt(np.pi),
    "10": 10,
    "1/10": 0.1,
}


@mistake
def rounded(b: Block):
    e = b.expected
    yield "LOW PRECISION", "the derivative is computed in float32", e.astype(np.float32).astype(float)
    with np.errstate(all="ignore"):
        yield "LOW PRECISION", "the derivative is computed in float16", e.astype(np.float16).astype(float)
    k = factor(b)
    if k is not None and 0 < abs(k - 1) < 0.02:
        yield (
            "INEXACT CONSTANT",
            f"yours is {k:.8g} times the right one everywhere: a constant is rounded, or eps is added",
            k * e,
        )


@mistake
def constant(b: Block):
    for name, k in CONSTANTS.items():
        yield "CONSTANT FACTOR", f"yours is {name} times the right one everywhere", k * b.expected
        yield "CONSTANT FACTOR", f"yours is -{name} times the right one everywhere", -k * b.expected
    k = factor(b)
    if k is not None:
        yield "CONSTANT FACTOR", f"yours is {k:.6g} times the right one everywhere", k * b.expected


def factor(b: Block) -> float | None:
    """The constant that takes expected to yours, if there is one."""
    wanted = np.abs(b.expected) > 1e-9 * np.abs(b.expected).max(initial=0)
    if not wanted.any():
        return None
    return float(np.median(b.yours[wanted] / b.expected[wanted]))


# ---- some entries only ------------------------------------------------------------------------------------


@mistake
def branch(b: Block):
    x = b.x[None, :]
    regions = [
        ("x < 0", x < 0),
        ("x > 0", x > 0),
        ("x <= 0", x <= 0),
        ("x >= 0", x >= 0),
        ("|x| > 1", np.abs(x) > 1),
        ("|x| < 1", np.abs(x) < 1),
        ("|x| <= 1", np.abs(x) <= 1),
        ("|x| >= 1", np.abs(x) >= 1),
        ("x = 0", x == 0),
    ]
    for name, (value, _) in b.others.items():
        if value.size in (1, b.x.size):
            regions += [
                (f"x < {name}", x < value[None]),
                (f"x > {name}", x > value[None]),
                (f"{name} < 0", (value < 0)[None]),
            ]
    wrong = off(b)
    for name, region in regions:
        region = np.broadcast_to(region, b.expected.shape)
        name = name.replace("x", b.problem.slots[b.slot].name)
        weak = (
            not (~region & ~wrong & (b.expected != 0)).any() or (region & ~wrong & (b.expected != 0)).any()
        )
        yield (
            f"BRANCH FORGOTTEN ({name})",
            f"the gradient is wrong only where {name}",
            np.where(region & wrong, b.yours, b.expected),
            weak,
        )


def off(b: Block) -> np.ndarray:
    with np.errstate(all="ignore"):
        return ~(
            np.abs(b.yours - b.expected)
            <= 1e-8 * (np.abs(b.expected) + 1e-3 * np.abs(b.expected).max(initial=0)) + 1e-12
        )


@mistake
def edges(b: Block):
    wrong = off(b)
    for axis, n in enumerate(b.shape):
        if n < 3:
            continue
        for name, index in (("first", 0), ("last", n - 1)):
            place = np.zeros(b.shape, bool)
            place[(slice(None),) * axis + (index,)] = True
            yield (
                "EDGE",
                f"only the {name} element along axis {axis} is wrong",
                np.where(place.reshape(1, -1) & wrong, b.yours, b.expected),
            )


@mistake
def single(b: Block):
    wrong = off(b)
    if wrong.sum() == 1 and b.expected.size > 1:
        yield "ONE ENTRY", "one entry is wrong, all others are right", np.where(wrong, b.yours, b.expected)


@mistake
def permuted(b: Block):
    if b.expected.shape[1] > 1:
        a, e = np.sort(b.yours, axis=1), np.sort(b.expected, axis=1)
        if np.abs(a - e).max(initial=0) <= FIT * np.abs(e).max(initial=0):
            yield (
                "RIGHT NUMBERS IN WRONG PLACES",
                "each row holds the right numbers in another order: an index or an order is wrong",
                b.yours,
            )

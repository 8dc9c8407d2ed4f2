"""One call of an operation under check, run as often as a check likes, and when two results are the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import chain, repeat

import numpy as np

from ...engine.recording import wrap
from ...engine.tape import Const, Leaf
from ...engine.tensor import Tensor
from ..reference.directions import generic
from ..reference.finite_differences import EPS
from ..reference.problem import Problem
from ..reference.verdict import Findings

NEARBY_INPUTS = 2.0**-10
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
        domain: tuple | None = None,
    ):
        self.op, self.args, self.kwargs = op, args, kwargs
        self.ref, self.order, self.dtypes, self.rtol, self.domain = ref, order, dtypes, rtol, domain
        self.problem = Problem(op, args, kwargs)
        self.rng = np.random.default_rng(7)
        self.found = Findings()
        self.second = Findings()
        self.finite = True

    @property
    def arrays(self) -> list[np.ndarray]:
        """Fresh copies of what varies."""
        return self.problem.arrays(self.problem.point)

    @property
    def others(self) -> list[np.ndarray]:
        """Inputs of another call of the same shapes: back to front, and larger by a sixteenth."""
        return [(np.flip(a) * 1.0625)[...] for a in self.arrays]  # without axes, a product is a number

    def run_others(self) -> tuple[list, list] | None:
        """That other call's outputs and gradients; None where it is outside the domain or of another shape."""
        try:
            outs, grads = self.run(self.others)
        except Exception:  # outside the domain
            return None
        return (outs, grads) if [o.shape for o in outs] == [o.shape for o in self.outputs] else None

    def start(self) -> bool:
        """Run the operation once. False if it refuses the input, or has nothing to differentiate there."""
        self.outputs: list[np.ndarray] = []
        self.cts: list[np.ndarray] = []
        outs = self.forward(self.arrays)[1]
        self.outputs = [np.array(value_of(out)) for out in outs]
        if not self.problem.slots:
            return False
        self.finite = all(np.isfinite(out).all() for out in self.outputs)
        self.cts = [self.random(out) for out in self.outputs]
        return True

    def random(self, like: np.ndarray) -> np.ndarray:
        """A generic cotangent: no zeros, no two entries alike."""
        ct = generic(like.size, self.rng)
        if like.dtype.kind == "c":
            ct = ct + 1j * generic(like.size, self.rng)
        return ct.reshape(like.shape).astype(like.dtype)

    def forward(self, arrays: list[np.ndarray], tracked: list[bool] | None = None):
        """The tensors of a fresh call and its outputs, on the tape."""
        tensors = [
            wrap(a, (Leaf if tracked is None or tracked[i] else Const)(a.shape, a.dtype)) for i, a in enumerate(arrays)
        ]
        return tensors, self.problem(*tensors)

    def backward(self, tensors: list[Tensor], outs: list, cts: list) -> list:
        """The gradients that `backward` leaves, zero where nothing arrives."""
        for out, ct in zip(outs, cts):
            if ct is not None and isinstance(out, Tensor) and out._node.tracked:
                out.backward(ct, retain_graph=True)
        return [np.zeros(t.shape, t.dtype) if t.grad is None else t.grad for t in tensors]

    @cached_property
    def rounding(self) -> tuple[list[float], list[float]]:
        """How far rounding the inputs moves each output and each gradient: by how much they differ nearby,
        times eps. Asked only where they are found to differ.
        """
        near = [a * (1 + NEARBY_INPUTS * self.rng.uniform(-2, 2, a.shape)) for a in self.arrays]
        try:
            found = zip(self.run(near), self.run())
        except Exception:  # outside the domain
            return [0.0] * len(self.outputs), [0.0] * len(self.problem.slots)
        with np.errstate(all="ignore"):
            outs, grads = ([rounding_between(a, b) for a, b in zip(*pair)] for pair in found)
        return outs, grads

    def values_differ(self, found: list, expected: list, tolerance: float = CLOSE) -> str:
        """Where outputs differ by more than rounding; "" where they do not."""
        return differ(found, expected, tolerance) and differ(found, expected, tolerance, self.rounding[0])

    def gradients_differ(self, found: list, expected: list, of: int | None = None) -> str:
        """Where gradients, or that of one input, differ by more than rounding; "" where they do not."""
        return differ(found, expected) and differ(found, expected, floors=self.rounding[1][of:])

    def run(self, arrays=None, cts=None, tracked=None) -> tuple[list, list]:
        """The outputs and gradients of a fresh call."""
        tensors, outs = self.forward(self.arrays if arrays is None else arrays, tracked)
        grads = self.backward(tensors, outs, [ct.copy() for ct in self.cts] if cts is None else cts)
        return [np.array(value_of(out)) for out in outs], grads


def value_of(out) -> np.ndarray:
    return out._array if isinstance(out, Tensor) else np.asarray(out)


def rounding_between(a: np.ndarray, b: np.ndarray) -> float:
    """The rounding that two results at points nearby stand for."""
    apart = float(np.abs(a - b).max(initial=0)) if a.shape == b.shape else 0.0
    return 256 * EPS / NEARBY_INPUTS * apart if np.isfinite(apart) else 0.0


def differ(found: list, expected: list, tolerance: float = CLOSE, floors=()) -> str:
    """Where two lists of arrays differ by more than a tolerance, and a floor for each; "" where they do not."""
    for a, b, floor in zip(found, expected, chain(floors, repeat(0.0))):
        if a.shape != b.shape:
            return f"shape {a.shape} and {b.shape}"
        with np.errstate(all="ignore"):
            size = np.abs(b[np.isfinite(b)]).max(initial=0)
            near = np.abs(a - b) <= tolerance * (size + np.abs(b)) + floor
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | near
        if not same.all():
            i = np.unravel_index(int(np.argmin(same)), same.shape)
            return told_apart(a[i], b[i]) + (f" at {[int(n) for n in i]}" if i else "")
    return ""


def told_apart(a, b) -> str:
    """Two numbers, with as many digits as they need to differ."""
    digits = next((n for n in (10, 12, 14, 16) if f"{a:.{n}g}" != f"{b:.{n}g}"), 17)
    return f"{a:.{digits}g} and {b:.{digits}g}"

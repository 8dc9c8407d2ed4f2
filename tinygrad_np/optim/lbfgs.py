"""L-BFGS (Liu & Nocedal, 1989): steps by an inverse Hessian that the last gradients tell, and a line search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..engine.modes import enable_grad
from ..engine.tracing import outside_only
from .optimizer import Optimizer
from .options import Group, Params, options_among


class LBFGS(Optimizer):
    """Minimizes `closure` for a few iterations a step: `optimizer.step(closure)`.

    The closure clears the gradients, computes the loss, calls backward and returns the loss; it is called once for each
    evaluation, about `max_eval` times a step at most. With line_search_fn="strong_wolfe" the length of each move
    satisfies the strong Wolfe conditions; without, it is lr. The iterations are those of PyTorch's `torch.optim.LBFGS`.
    There is one group of parameters. The closure may be a jitted function; the step itself cannot be recorded.

    >>> from tinygrad_np import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 3) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item(), w.data.round(4).tolist()
    (5.0, [3.0, 3.0])
    """

    def __init__(self, params: Params, lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:  # fmt: skip
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        line_search_fn = line_search_fn or "none"
        super().__init__(params, **options_among(locals()))
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS: expected one group of parameters, found {len(self.param_groups)}")

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS: expected one group of parameters")
        super().add_param_group(param_group)

    def shape(self, group: Group) -> tuple[Any, ...]:
        return ()

    def _cut(self, group: Group) -> list[Any]:
        return []  # its parameters stay where they are

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Iterate on the loss that `closure` computes; return what it gave at first."""
        outside_only("a step of LBFGS")
        if closure is None:
            raise TypeError("LBFGS: step: expected a closure, which computes the loss and its gradients")
        group = self.param_groups[0]
        state = self.state.setdefault(0, {"func_evals": 0, "n_iter": 0})
        with enable_grad():
            first = closure()
        evals = 1
        x, here = self._flat(), Point(0.0, float(first), self._flat_grad(), 0.0)
        state["func_evals"] += 1
        if not here.grad.size or np.abs(here.grad).max() <= group["tolerance_grad"]:
            return first
        before = Memory.of(state)
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            memory = Memory.start(here.grad) if state["n_iter"] == 1 or before is None else before
            memory = memory.moved(here.grad, group["history_size"])
            loss, d = here.loss, memory.direction
            slope = float(here.grad @ d)
            t = float(group["lr"])
            if state["n_iter"] == 1:
                t *= min(1.0, 1 / float(np.abs(here.grad).sum()))
            before = memory._replace(step=t, loss=loss)
            if slope > -group["tolerance_change"]:
                break

            def evaluate(t: float, x: np.ndarray = x, d: np.ndarray = d) -> Point:
                self._move(x + t * d)
                with enable_grad():
                    loss = float(closure())
                grad = self._flat_grad()
                return Point(t, loss, grad, float(grad @ d))

            used = int(iteration < group["max_iter"])  # without a search nobody would use the last one
            if group["line_search_fn"] == "strong_wolfe":
                start, longest = here._replace(step=0.0, slope=slope), float(np.abs(d).max())
                here, used = strong_wolfe(evaluate, start, t, longest, group["max_eval"] - evals)
                t = here.step
            elif used:
                here = evaluate(t)
            x = x + np.asarray(t, x.dtype) * d
            self._move(x)
            evals += used
            state["func_evals"] += used
            before = before._replace(step=t)
            if (
                evals >= group["max_eval"]
                or np.abs(here.grad).max() <= group["tolerance_grad"]
                or np.abs(d * t).max() <= group["tolerance_change"]
                or abs(here.loss - loss) < group["tolerance_change"]
            ):
                break
        if before is not None:
            state.update(before._asdict())
        return first

    def _loaded(self, position: int, entries: Mapping[str, Any], group: Group) -> Group:
        scalars = {"func_evals": int, "n_iter": int, "scale": float, "step": float, "loss": float}
        arrays = {"grad", "direction", "changes", "moves", "rates"}
        if not {"func_evals", "n_iter"} <= set(entries) <= {*scalars, *arrays} or position:
            self._refuse(f"parameter {position} has {sorted(entries)}")
        n, state = self._flat().size, dict[str, Any]()
        for name, value in entries.items():
            state[name] = scalars[name](value) if name in scalars else np.array(value)
            if name in arrays and name != "rates" and state[name].shape[-1] != n:
                self._refuse(f"{name!r} is for {state[name].shape[-1]} numbers, expected {n}")
        return state

    # ---- the parameters as one vector, complex ones as pairs --------------------------------------------------------

    def _flat(self) -> np.ndarray:
        return self._joined([p._array for p in self.params])

    def _flat_grad(self) -> np.ndarray:
        return self._joined([np.zeros(p.shape, p.dtype) if p.grad is None else p.grad for p in self.params])

    @staticmethod
    def _joined(arrays: list[np.ndarray]) -> np.ndarray:
        parts = [np.ascontiguousarray(a).reshape(-1).view(a.real.dtype) for a in arrays]
        whole = np.concatenate(parts)
        return whole if whole.dtype.itemsize >= 4 else whole.astype(np.float32)

    def _move(self, x: np.ndarray) -> None:
        begin = 0
        for p in self.params:
            real = np.zeros((), p.dtype).real.dtype
            end = begin + p.size * (p.dtype.itemsize // real.itemsize)
            p.data = np.ascontiguousarray(x[begin:end], real).view(p.dtype).reshape(p.shape)
            begin = end


class Memory(NamedTuple):
    """What the last iterations tell of the curvature."""

    grad: np.ndarray  # the last gradient
    direction: np.ndarray  # the last direction
    step: float  # how far the last move went along it
    loss: float
    changes: np.ndarray  # of the gradient, one a row, newest last
    moves: np.ndarray  # of the parameters
    rates: np.ndarray  # 1 / (change · move)
    scale: float  # of the inverse Hessian before these

    @classmethod
    def start(cls, grad: np.ndarray) -> Memory:
        """Nothing is known yet."""
        none = np.empty((0, grad.size), grad.dtype)
        return cls(grad, np.zeros_like(grad), 0.0, math.nan, none, none, none[:, 0], 1.0)

    @classmethod
    def of(cls, state: Group) -> Memory | None:
        """What a state holds."""
        return cls(**{name: state[name] for name in cls._fields}) if "moves" in state else None

    def moved(self, grad: np.ndarray, size: int) -> Memory:
        """With the last move in it, and the direction for a gradient by the two-loop recursion (Nocedal, 1980)."""
        changes, moves, rates, scale = self.changes, self.moves, self.rates, self.scale
        change, move = grad - self.grad, self.direction * np.asarray(self.step, grad.dtype)
        product = change @ move
        if product > 1e-10:
            changes, moves, rates = (
                np.concatenate([old[max(0, len(old) - size + 1) :], new])
                for old, new in ((changes, change[None]), (moves, move[None]), (rates, np.array([1 / product])))
            )
            rates, scale = rates.astype(grad.dtype), float(product / (change @ change))
        q, shares = -grad, np.empty(len(moves), grad.dtype)
        for i in reversed(range(len(moves))):
            shares[i] = (moves[i] @ q) * rates[i]
            q -= shares[i] * changes[i]
        q *= np.asarray(scale, q.dtype)
        for i in range(len(moves)):
            q += (shares[i] - (changes[i] @ q) * rates[i]) * moves[i]
        return Memory(grad, q, self.step, self.loss, changes, moves, rates, scale)


class Point(NamedTuple):
    """A point along the line: how far it is, the loss and the gradient there, and the loss's slope along the line."""

    step: float
    loss: float
    grad: np.ndarray
    slope: float


def strong_wolfe(evaluate: Callable[[float], Point], start: Point, step: float, longest: float, most: int,
                 tolerance: float = 1e-9, decrease: float = 1e-4,
                 curvature: float = 0.9) -> tuple[Point, int]:  # fmt: skip
    """A point where the loss has fallen enough and the slope is flat enough, and how many evaluations it took.

    Nocedal & Wright (2006), algorithms 3.5 and 3.6, with the cubic interpolation and the safeguards of minFunc
    (Schmidt, 2005), which PyTorch has too. `longest` is the largest component of the direction.
    """

    def high(point: Point) -> bool:
        return point.loss > start.loss + decrease * point.step * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -curvature * start.slope

    last, new, evals = start, evaluate(step), 1
    tries = 0
    found = None
    while tries < most:  # lengthen the step until a good point is passed
        if high(new) or (tries > 1 and new.loss >= last.loss) or (new.slope >= 0 and not flat(new)):
            ends = [last, new]
            break
        if flat(new):
            return new, evals
        within = new.step + 0.01 * (new.step - last.step), new.step * 10
        last, new = new, evaluate(cubic(last, new, *within))
        evals, tries = evals + 1, tries + 1
    else:
        ends = [start, new]

    stuck = False
    low = 0 if ends[0].loss <= ends[1].loss else 1
    while found is None and tries < most:  # narrow the bracket
        left, right = sorted(end.step for end in ends)
        if (right - left) * longest < tolerance:
            break
        step = cubic(ends[0], ends[1], left, right)
        edge = 0.1 * (right - left)
        if min(right - step, step - left) < edge:
            if stuck or step >= right or step <= left:
                step = right - edge if abs(step - right) < abs(step - left) else left + edge
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = evaluate(step)
        evals, tries = evals + 1, tries + 1
        if high(new) or new.loss >= ends[low].loss:
            ends[1 - low] = new
            low = 0 if ends[0].loss <= ends[1].loss else 1
        else:
            if flat(new):
                found = new
            elif new.slope * (ends[1 - low].step - ends[low].step) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = new
    return ends[low], evals


def cubic(a: Point, b: Point, least: float, most: float) -> float:
    """Where the cubic through two points with their slopes is lowest, within limits; their middle if it has no minimum.

    >>> cubic(Point(0.0, 1.0, None, -2.0), Point(3.0, 4.0, None, 4.0), 0.0, 3.0)
    1.0
    """
    if a.step > b.step:
        a, b = b, a
    first = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    square = first**2 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    root = math.sqrt(square)
    above, below = b.slope + root - first, b.slope - a.slope + 2 * root
    share = above / below if below else math.copysign(math.inf, above)  # along a line the loss falls without end
    return min(max(b.step - (b.step - a.step) * share, least), most)

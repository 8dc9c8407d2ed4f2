"""What every optimizer shares: a state a parameter, and updates in place, many parameters at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from ..engine.modes import enable_grad
from ..engine.tracing import host, outside_only, recorder
from .flat import Block
from .groups import Groups, as_arrays
from .options import Group, Params, Scalars, Shape, StateNames, Tile


class Optimizer(Groups):
    """Moves parameters against their gradients; a subclass gives `check`, `names`, `numbers` and `update`.

    `params` is a list of tensors, a module, or a list of dicts with "params" and options of their own. For all
    optimizers: `maximize` turns the gradient round, and `weight_decay` adds weight_decay · p to it, or shrinks the
    weights where it is decoupled. Complex parameters are updated as pairs of real numbers. A copy, shallow, deep or
    pickled, has parameters of its own; copied together with its model, those of the model's copy.

    `param_groups` is a list of dicts, each with its "params" and options such as "lr"; an option may be
    changed between steps. `state` maps the position of a parameter, once it has been updated, to its arrays and
    its "step" count.
    """

    def __init__(self, params: Params, **defaults: Any) -> None:
        outside_only("an optimizer")
        self.defaults = defaults
        self.param_groups = [self._group(i, group) for i, group in enumerate(self._groups(params))]
        self.state: dict[int, dict[str, Any]] = {}
        self._settle_in()

    def _settle_in(self) -> None:
        """Find the parameters of all groups, and lay them side by side."""
        self.params = [p for group in self.param_groups for p in group["params"]]
        for i, p in enumerate(self.params):
            self._check_parameter(i, p)
        if len({id(p) for p in self.params}) < len(self.params):
            raise ValueError(f"{self._name}: a parameter is given twice, so that it would be updated twice a step")
        self._blocks = [self._cut(group) for group in self.param_groups]
        self._settled: list[Group] = []  # what has been found in the buffers

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """One more group of parameters with options of its own, as when layers are thawed later."""
        outside_only("a parameter group")
        before = self.param_groups
        self.param_groups = [*before, self._group(len(before), param_group)]
        try:
            self._settle_in()
        except BaseException:
            self.param_groups = before
            self._settle_in()
            raise

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place.

        A `closure`, which computes the loss and its gradients, is called before, and what it gives is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            for block in blocks:
                self._step(block, group)
        return loss

    def _step(self, block: Block, group: Group) -> None:
        block.gather_values()
        names, shape = tuple(self.names(group)), self.shape(group)
        if not names and not self.scalars and block.is_small and recorder.get() is None:
            self._each(block, group, shape)
            return
        block.gather_grads()
        for first, last in self._runs(block, names):
            self._run(block, first, last, names, group, shape)
        block.return_values()

    def _run(self, block: Block, first: int, last: int, names: StateNames, group: Group, shape: Shape) -> None:
        """Update neighbors that are at the same step."""
        positions = block.positions[first : last + 1]
        new = self._begin(block, range(first, last + 1), names, group)
        numbers = host(lambda: self._count([self.state.setdefault(i, {}) for i in positions], group, new))
        block.update(lambda p, g, state, s, t: self._tile(p, g, state, numbers, shape, s, t), first, last, names)

    def _each(self, block: Block, group: Group, shape: tuple[Any, ...]) -> None:
        """Update from each gradient where it is: without state, laying few numbers side by side costs more."""
        decay, shrink, *numbers = self._count([{}], group, False)
        course, rest = shape[:3], shape[3:]
        for p, position, (s, t) in zip(block.params, block.positions, block.rooms, strict=True):
            g = p._node.grad
            if g is not None:
                if position not in self.state:
                    self.state[position] = {}
                if True in course:
                    g = self._against(p._array, g, decay, shrink, course, s, t)
                self.update(p._array, g, {}, numbers, rest, s, t)

    def _count(self, states: list[Group], group: Group, new: bool) -> tuple[float, ...]:
        """One step more, and the numbers that go with it."""
        for state in states:
            self.advance(state, group)
        decay = float(group["weight_decay"])
        return decay, 1 - float(group["lr"]) * decay, *self.numbers(group, states[0], new)

    def _tile(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        decay, shrink, *others = numbers
        self.update(p, self._against(p, g, decay, shrink, shape[:3], s, t), state, others, shape[3:], s, t)

    def _against(self, p: Tile, g: Tile, decay: float, shrink: float, course: Shape, s: Tile, t: Tile) -> Tile:
        """The gradient that an update goes against: turned round, and with the decay of the weights."""
        maximize, decays, shrinks = course
        if maximize:
            g = np.negative(g, out=t)
        if decays:
            g = np.add(g, np.multiply(p, decay, out=s), out=t)
        if shrinks:
            np.multiply(p, shrink, out=p)
        return g

    def _runs(self, block: Block, names: tuple[str, ...]) -> list[tuple[int, int]]:
        """(first, last) of neighbors that have gradients and are at the same step: mostly all of them."""
        runs: list[tuple[int, int]] = []
        at = None
        for i, (p, position) in enumerate(zip(block.params, block.positions, strict=True)):
            if p._node.grad is None:
                at = None
                continue
            state = self.state.setdefault(position, {})
            now = self._at(state), all(name in state for name in names)
            if now == at:
                runs[-1] = runs[-1][0], i
            else:
                runs.append((i, i))
            at = now
        return runs

    def _begin(self, block: Block, members: range, names: tuple[str, ...], group: Group) -> bool:
        """Give parameters of a block their state if they have none yet; whether it is new."""
        new = False
        for i in members:
            state = self.state[block.positions[i]]
            for name in names:
                if name not in state:
                    new, start = True, self.first(name, group)
                    state[name] = block.arrays(name, start).view(i)
                    state[name][...] = start if block.dtype.kind == "f" else complex(start, start)
            for name, count in self.scalars.items():
                state.setdefault(name, count)
        self._gather_state(block, names, group)
        return new

    def _gather_state(self, block: Block, names: Iterable[str], group: Group) -> None:
        """Have all state in the block's buffers: it may have been loaded since."""
        if recorder.get() is not None:  # done before recording, see __jit_settle__
            return
        for i, position in enumerate(block.positions):
            state = self.state.get(position, EMPTY)
            for name in names:
                flat = block.state.get(name)
                if name in state and (flat is None or state[name].base is not flat.memory):
                    home = block.arrays(name, self.first(name, group)).view(i)
                    home[...] = state[name]
                    state[name] = home

    def __jit_settle__(self) -> None:
        """Before a recording or a replay: whatever is outside the buffers that it works on returns to them."""
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            for block in blocks:
                block.gather_values(leaving=True)
                block.leave_kept_grads()
                self._gather_state(block, self.names(group), group)
        self._settled = self._states()

    def __jit_ready__(self) -> None:
        """Before a replay: the same, but for the arrays of a state, which are noticed as those of any place."""
        states = self._states()
        if len(states) != len(self._settled) or not all(map(is_, states, self._settled)):
            self.__jit_settle__()
            return
        for block in chain(*self._blocks):
            block.gather_values(leaving=True)
            block.leave_kept_grads()

    def __jit_mark__(self) -> Callable[[], Any]:
        """A call that puts the numbers of all states back as they are now, after a replay that failed."""
        marks = [(state, dict(state)) for state in self._states() if state]
        return lambda: [state.update(was) for state, was in marks]

    def __jit_guard__(self) -> list[Any]:
        """What the course of a step depends on besides numbers; a recording follows one course."""
        states = self._states()
        options = [(self.names(group), self.shape(group), len(group["params"])) for group in self.param_groups]
        return [options, list(map(len, states)), cohorts([self._at(state) for state in states])]

    def _at(self, state: Group) -> tuple[Any, ...]:
        """How far a parameter has come."""
        return tuple([state.get(name) for name in self.scalars])

    def _states(self) -> list[dict[str, Any]]:
        """The state of each parameter; EMPTY where there is none yet."""
        return [self.state.get(i, EMPTY) for i in range(len(self.params))]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, so that the next backward starts from nothing, or set them to zeros."""
        for p in self.params:
            p._node.grad = None if set_to_none or p.grad is None else np.zeros_like(p.grad)

    # ---- what a subclass gives ----------------------------------------------------------------------------

    scalars: Mapping[str, Any] = {}  # the numbers of a state that count the steps, and where they start

    def names(self, group: Group) -> list[str]:
        """The arrays that a parameter has as its state."""
        return []

    def first(self, name: str, group: Group) -> float:
        """What such an array is filled with before the first update."""
        return 0.0

    def advance(self, state: Group, group: Group) -> None:
        """Count a step."""
        if "step" in state:
            state["step"] += 1

    def numbers(self, group: Group, state: Group, new: bool) -> tuple[float, ...]:
        """The numbers that `update` reads, for this step: Python's, which leave an array's dtype as it is."""
        raise NotImplementedError

    def decoupled(self, group: Group) -> bool:
        """Whether weight decay bypasses the gradient: the weights shrink by 1 - lr · weight_decay before the update."""
        return bool(group.get("decoupled_weight_decay"))

    def shape(self, group: Group) -> tuple[Any, ...]:
        """The options that change which operations an update consists of; `update` gets those after the first three."""
        decays, apart = bool(group["weight_decay"]), self.decoupled(group)
        return bool(group["maximize"]), decays and not apart, decays and apart

    def update(self, p: Tile, g: Tile, state: Group, numbers: Scalars, shape: Shape, s: Tile, t: Tile) -> None:
        """Update some elements `p` in place from their gradient `g`, which must not be changed.

        `s` and `t` are arrays like `p` for what is temporary; `g` may be `t`.
        """
        raise NotImplementedError

    # ---- its state ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        """Copies of all state and options as nested dicts of arrays, fit for `tg.save`; parameters by position."""
        states = {str(i): as_arrays(state) for i, state in self.state.items() if state}
        return {
            "state": states,
            "param_groups": {str(i): as_arrays(group) for i, group in enumerate(self.param_groups)},
        }

    def load_state_dict(self, state: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Continue, bit for bit, from a `state_dict()` of an optimizer with the same groups of parameters.

        Raises ValueError, with nothing changed, where it does not fit.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"{self._name}: load_state_dict: expected a dict of arrays, found {type(state).__name__}")
        options, states = self._options(state.get("param_groups", {})), state.get("state", {})
        owners = [option for group, option in zip(self.param_groups, options, strict=True) for _ in group["params"]]
        fresh: dict[int, dict[str, Any]] = {}
        for key, entries in states.items():
            if not key.isdecimal() or int(key) >= len(self.params):
                self._refuse(f"it has a state for parameter {key!r}, expected 0 to {len(self.params) - 1}")
            fresh[int(key)] = self._loaded(int(key), entries, owners[int(key)])
        for group, option in zip(self.param_groups, options, strict=True):
            group.update(option)
        self.state = fresh

    def _loaded(self, position: int, entries: Mapping[str, Any], group: Group) -> dict[str, Any]:
        """The state of a parameter from its entries in a state dict."""
        p, names = self.params[position], {*self.names(group), *self.scalars}
        if set(entries) != names:
            self._refuse(f"parameter {position} has {sorted(entries)}, expected {sorted(names)}")
        state: dict[str, Any] = {}
        for name, value in entries.items():
            if name in self.scalars:
                state[name] = type(self.scalars[name])(value)
                continue
            state[name] = value = np.array(value)
            if (value.shape, value.dtype) != (p.shape, p.dtype):
                self._refuse(
                    f"{name!r} of parameter {position} is {value.dtype} of shape {value.shape}, "
                    f"expected {p.dtype} of shape {p.shape}"
                )
        return state

    def __getstate__(self) -> dict[str, Any]:
        """What a copy and a pickle hold: not the buffers, where a copy lays its own parameters side by side anew."""
        return {name: value for name, value in vars(self).items() if name not in ("params", "_blocks", "_settled")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._settle_in()

    def __copy__(self) -> Optimizer:
        return copy.deepcopy(self)  # two optimizers of the same parameters would move them out of each other's buffers

    def _cut(self, group: Group) -> list[Block]:
        """The blocks of a group: parameters of one dtype are updated together."""
        positions = {id(p): i for i, p in enumerate(self.params)}
        dtypes = dict.fromkeys(p.dtype for p in group["params"])
        chosen = ([p for p in group["params"] if p.dtype == dtype] for dtype in dtypes)
        return [Block(params, [positions[id(p)] for p in params]) for params in chosen]


EMPTY: dict[str, Any] = {}


def cohorts(steps: list[Any]) -> list[int]:
    """For each parameter the first one that is at the same step; nothing where all are.

    >>> cohorts([5, 5, 3, 5]), cohorts([5, 5])
    ([0, 0, 2, 0], [])
    """
    first: dict[Any, int] = {}
    return [first.setdefault(step, i) for i, step in enumerate(steps)] if len(set(steps)) > 1 else []

"""The options of optimizers and schedules are numbers in their range."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..nn.module import Module

Group = dict[str, Any]  # the options of a group, or the state of a parameter
Params = Module | Iterable[Any]  # what an optimizer is given
Tile = np.ndarray
Scalars = Sequence[float]  # what the formula of a step reads
StateNames = tuple[str, ...]  # of the arrays of a state
Shape = Sequence[Any]  # the options that decide which operations it consists of


def require(name: str, value: Any, condition: Callable[[Any], bool], expected: str) -> None:
    """Raise ValueError unless a hyper-parameter is a number for which the condition holds (NaN never does)."""
    try:
        good = condition(value)
    except TypeError:
        good = False
    if not good:
        raise ValueError(f"{name}: expected {expected}, found {value!r}")


NOT_NEGATIVE = (lambda v: 0 <= v < math.inf, "a finite number >= 0")
WHOLE = (lambda v: v >= 1 and v == int(v), "a whole number >= 1")
RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {  # of each option, whatever the optimizer
    **dict.fromkeys("lr eps weight_decay momentum lr_decay initial_accumulator_value alpha".split(), NOT_NEGATIVE),
    **dict.fromkeys("momentum_decay tolerance_grad tolerance_change".split(), NOT_NEGATIVE),
    **dict.fromkeys("max_iter max_eval history_size".split(), WHOLE),
    "betas": (lambda b: len(b) == 2 and all(0 <= v < 1 for v in b), "two numbers in [0, 1)"),
    "rho": (lambda v: 0 <= v <= 1, "a number in [0, 1]"),
    "ns_coefficients": (lambda c: len(c) == 3, "three numbers"),
    "ns_steps": (lambda n: 0 <= n < 100, "a number of steps below 100"),
    "adjust_lr_fn": (lambda v: v in ("original", "match_rms_adamw"), "'original' or 'match_rms_adamw'"),
    "line_search_fn": (lambda v: v in ("none", "strong_wolfe"), "'strong_wolfe' or None"),
}


def options_among(names: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an optimizer among the local names of its `__init__`."""
    return {name: value for name, value in names.items() if name not in ("self", "params", "__class__")}

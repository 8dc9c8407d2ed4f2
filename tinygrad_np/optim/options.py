"""The options of optimizers and schedules are numbers in their range."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..nn.module import Module

Group = dict[str, Any]  # the options of a group, or the state of a parameter
Params = Module | Iterable[Any]  # what an optimizer is given
Array = np.ndarray


def require(name: str, value: Any, condition: Callable[[Any], bool], expected: str) -> None:
    """Raise ValueError unless a hyper-parameter is a number for which the condition holds (NaN never does)."""
    try:
        good = condition(value)
    except TypeError:
        good = False
    if not good:
        raise ValueError(f"{name}: expected {expected}, found {value!r}")


def require_positive(group: Mapping[str, Any], *names: str) -> None:
    """Raise ValueError unless each of these options is a finite number >= 0."""
    for name in names:
        require(name, group[name], lambda v: 0 <= v < math.inf, "a finite number >= 0")


def require_betas(group: Mapping[str, Any]) -> None:
    """Raise ValueError unless "betas" are two numbers in [0, 1)."""
    require("betas", group["betas"], lambda b: len(b) == 2 and all(0 <= v < 1 for v in b), "two numbers in [0, 1)")

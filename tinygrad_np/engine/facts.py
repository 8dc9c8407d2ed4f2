"""What is known of a function besides its derivative: which writes, which tells of shapes, what a shape depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


class Facts:
    """What `jit`, pictures and the options of ufuncs read; a row states what differs from these."""

    name: str = "an operation"
    writes: bool = False  # into its first argument
    describes: bool = False  # tells of shapes, dtypes and memory, and reads no element
    shape_from: str | None = None  # the operand whose values the result's shape depends on, or ANY
    complex_by_values: bool = False  # whether the result is complex depends on values
    reduces: np.ufunc | None = None  # the ufunc that it applies along an axis
    accumulates: np.ufunc | None = None  # the same, keeping what it passes
    # the bound of the relative error of both derivatives in double precision, and for which sizes of the operands
    digits: tuple[float, float, float] = (1e-13, 0.0, np.inf)
    shared: Mapping[str, Callable[[int], Any]] = {}  # operand -> over which of so many axes its gradient is summed

    def state(self, facts: dict[str, Any]) -> None:
        """Take facts over, by their names."""
        for name, value in facts.items():
            if name == "name" or name not in Facts.__annotations__:
                known = ", ".join(sorted({*Facts.__annotations__} - {"name"}))
                raise TypeError(f"{self.name}: found the option {name!r}; expected one of {known}")
            setattr(self, name, value)


ANY = "any"
NOTHING = Facts()

"""What the engine is given from above, because it imports nothing of it: rows for its table, and doors to pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Each is asked for the row of a function that has none, and with None for all rows that it always has.
SUPPLIERS: list[Callable[[Callable[..., Any] | None], None]] = []

# What x.graph(), model.summary(), x.__array_namespace__() and A @ x of SciPy's sparse A call.
DOORS: dict[str, Callable[..., Any]] = {}


def supply(fun: Callable[..., Any] | None = None) -> None:
    """Let the suppliers enter the rows that they have."""
    for supplier in SUPPLIERS:
        supplier(fun)

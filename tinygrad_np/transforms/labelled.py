"""Arrays with labels as arguments and results: xarray's are containers of their data; what would lose its labels, or
its mask, is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

HOW = {
    "pandas": "pass its values, by to_numpy(), or an xarray DataArray, whose labels are kept",
    "dask": "pass its values, by compute()",
    "scipy": "pass its data, as in tinygrad_np.scipy.sparse, or toarray()",
}


def opened_labelled(tree: Any) -> tuple[list[tuple[str, Any]], Callable[[list[Any]], Any]] | None:
    """An xarray DataArray or Dataset as (what it holds, what makes one like it with other data); None for others."""
    xarray = sys.modules.get("xarray")
    if xarray is None:
        return None
    if isinstance(tree, xarray.DataArray):
        return [(".data", tree.data)], lambda parts: tree.copy(data=duck(parts[0]))
    if isinstance(tree, xarray.Dataset):
        names = list(tree.data_vars)
        return (
            [(f"[{name!r}]", tree[name].data) for name in names],
            lambda parts: tree.copy(data=dict(zip(names, map(duck, parts)))),
        )
    return None


def duck(data: Any) -> Any:
    """What xarray takes as data: arrays and tensors, of the shape that the labels have."""
    return data if hasattr(data, "_node") else np.asarray(data)


def require_array(value: Any, where: str, caller: str) -> None:
    """Refuse what NumPy would take for an array, losing its labels or its mask."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{caller}: the {where} is a masked array, whose mask would be lost; pass its filled() values")
    library = type(value).__module__.partition(".")[0]
    if library in HOW:
        raise TypeError(f"{caller}: the {where} is a {library} {type(value).__name__}; {HOW[library]}")

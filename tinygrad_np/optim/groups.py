"""Parameters in groups, each with options of its own: what an optimizer is given, checked, shown and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..nn.module import Module, Parameter
from .options import RANGES, Group, Params, require


class Groups:
    """What knows its parameters and their options: `param_groups` is a list of dicts, `defaults` has all options."""

    defaults: Group
    param_groups: list[Group]

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _check_parameter(self, i: int, p: Any) -> None:
        if not hasattr(p, "is_leaf"):
            raise TypeError(
                f"{self._name}: parameter {i}: expected a tensor, found {type(p).__name__}; pass "
                "model.parameters() or a list of tensors"
            )
        frozen = isinstance(p, Parameter) and not p.requires_grad  # it has no gradient, so no step moves it
        if not p.is_leaf or not (p.requires_grad or frozen):
            raise ValueError(
                f"{self._name}: parameter {i} of shape {p.shape} is not a leaf that requires a "
                "gradient; pass model.parameters() or Tensor(..., requires_grad=True)"
            )

    def _groups(self, params: Params) -> list[Any]:
        if isinstance(params, Module):
            params = params.parameters()
        if hasattr(params, "shape"):
            raise TypeError(f"{self._name}: params must be a list of tensors or of dicts, found a single tensor")
        if callable(params):
            raise TypeError(f"{self._name}: params: found a function; call it, as in model.parameters()")
        params = [p[1] if isinstance(p, tuple) and len(p) == 2 and isinstance(p[0], str) else p for p in params]
        if not params:
            raise ValueError(f"{self._name}: there are no parameters to optimize")
        return params if isinstance(params[0], dict) else [{"params": params}]

    def _group(self, i: int, given: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(given, Mapping) or "params" not in given:
            raise TypeError(
                f"{self._name}: parameter group {i} must be a dict with 'params', found {type(given).__name__}"
            )
        unknown = set(given) - set(self.defaults) - {"params"}
        if unknown:
            raise ValueError(
                f"{self._name}: unknown options {sorted(unknown)} in parameter group {i}; "
                f"expected some of {sorted(self.defaults)}"
            )
        params = given["params"].parameters() if isinstance(given["params"], Module) else given["params"]
        params = [params] if hasattr(params, "shape") else list(params)
        group = {**self.defaults, **given, "params": params}
        self.check(group)
        return group

    def check(self, group: Group) -> None:
        """Raise ValueError for options of a group outside their range."""
        for name, value in group.items():
            if name in RANGES:
                require(name, value, *RANGES[name])

    def _options(self, groups: Mapping[str, Mapping[str, Any]]) -> list[Group]:
        """The options of every group from a state dict, checked."""
        if set(groups) != {str(i) for i in range(len(self.param_groups))}:
            self._refuse(f"it has {len(groups)} parameter groups, expected {len(self.param_groups)}")
        options = []
        for i, group in enumerate(self.param_groups):
            found, wanted = set(groups[str(i)]) | {"initial_lr"}, set(group) - {"params"} | {"initial_lr"}
            if found != wanted:
                self._refuse(f"group {i} has the options {sorted(found)}, expected {sorted(wanted)}")
            options.append({name: _plain(value) for name, value in groups[str(i)].items()})
            self.check(options[-1])
        return options

    def _refuse(self, why: str) -> None:
        raise ValueError(f"load_state_dict: the state does not fit this {self._name}: {why}")

    def __repr__(self) -> str:
        lines = (
            ", ".join([*(f"{k}={v}" for k, v in group.items() if k != "params"), f"{len(group['params'])} parameters"])
            for group in self.param_groups
        )
        return f"{self._name}({'; '.join(lines)})"


def as_arrays(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Values as arrays of numbers, but for the parameters: a string as its bytes."""
    arrays = {name: np.array(value) for name, value in values.items() if name != "params"}
    return {name: np.frombuffer(str(a).encode(), np.uint8) if a.dtype.kind == "U" else a for name, a in arrays.items()}


def _plain(value: Any) -> Any:
    """A stored option as the Python number, string, or tuple of numbers, that it was."""
    value = np.asarray(value)
    if value.dtype == np.uint8 and value.ndim:
        return value.tobytes().decode()
    value = value.tolist()
    return tuple(value) if isinstance(value, list) else value

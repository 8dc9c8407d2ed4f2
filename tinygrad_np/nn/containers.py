"""Modules and parameters in a sequence, a list or a dict: attributes named by their places or keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any

from .module import Layer, Module, Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class _Entries(Module):
    """Attributes named by keys, in the order in which they were set."""

    def _keys(self) -> list[str]:
        return [name for name, value in vars(self).items() if isinstance(value, (Module, Parameter))]

    def _taken(self, key: str, value: Any) -> Any:
        if not isinstance(value, Module):
            raise TypeError(f"{type(self).__name__}: module {key}: expected a Module, found {type(value).__name__}")
        return value

    def __len__(self) -> int:
        return len(self._keys())

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class _List(_Entries, MutableSequence):
    """Entries named "0", "1", ..."""

    def __init__(self, entries: Iterable[Any] = ()) -> None:
        self._fill(entries)

    def _fill(self, entries: Iterable[Any]) -> None:
        taken = [self._taken(str(i), entry) for i, entry in enumerate(entries)]
        for key in self._keys():
            delattr(self, key)
        for i, entry in enumerate(taken):
            setattr(self, str(i), entry)

    def __getitem__(self, index: Any) -> Any:
        entries = [vars(self)[key] for key in self._keys()]
        return type(self)(entries[index]) if isinstance(index, slice) else entries[index]

    def __setitem__(self, index: Any, entry: Any) -> None:
        key = self._keys()[index]
        setattr(self, key, self._taken(key, entry))

    def __delitem__(self, index: Any) -> None:
        entries = list(self)
        del entries[index]
        self._fill(entries)

    def insert(self, index: int, value: Any) -> None:
        """Add an entry before the one at `index`."""
        entries = list(self)
        entries.insert(index, value)
        self._fill(entries)

    def append(self, value: Any) -> Any:
        """Add an entry at the end; return self."""
        key = str(len(self))
        setattr(self, key, self._taken(key, value))
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Add entries at the end; return self."""
        for value in list(values):
            self.append(value)
        return self

    def __add__(self, other: Iterable[Any]) -> Any:
        return type(self)([*self, *other])


class _Dict(_Entries, MutableMapping):
    """Entries named by their keys."""

    def __init__(self, entries: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        self.update(entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys():
            raise KeyError(key)
        return vars(self)[key]

    def __setitem__(self, key: str, entry: Any) -> None:
        if not isinstance(key, str) or hasattr(type(self), key) or "." in key or not key:
            raise ValueError(f"{type(self).__name__}: found the key {key!r}; expected a name that is no method's")
        setattr(self, key, self._taken(key, entry))

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)


class ModuleList(_List):
    """A list of modules.

    >>> from tinygrad_np import nn
    >>> list(ModuleList([nn.Linear(2, 2), nn.Linear(2, 2, bias=False)]).state_dict())
    ['0.weight', '0.bias', '1.weight']
    """


class ModuleDict(_Dict):
    """A dict of modules.

    >>> from tinygrad_np import nn
    >>> list(ModuleDict({"head": nn.Linear(2, 2, bias=False)}).state_dict())
    ['head.weight']
    """


class _Parameters(_Entries):
    def _taken(self, key: str, value: Any) -> Any:
        return value if isinstance(value, Parameter) else Parameter(value)


class ParameterList(_Parameters, _List):
    """A list of parameters; arrays become parameters.

    >>> list(ParameterList([[1.0], [2.0]]).state_dict())
    ['0', '1']
    """


class ParameterDict(_Parameters, _Dict):
    """A dict of parameters; arrays become parameters.

    >>> list(ParameterDict({"scale": [1.0]}).state_dict())
    ['scale']
    """


class Sequential(_List, Layer):
    """Modules, each applied to what the one before it returned; their names are "0", "1", ..., or a dict's keys.

    >>> from tinygrad_np import nn
    >>> model = Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Any) -> None:
        given = modules[0] if len(modules) == 1 else None
        if isinstance(given, Mapping) and not isinstance(given, Module):
            for key, module in given.items():
                setattr(self, key, self._taken(key, module))
        else:  # one list of modules is as good
            self._fill(given if isinstance(given, (list, tuple)) else modules)

    def forward(self, input: Any) -> Any:
        for key in self._keys():
            input = vars(self)[key](input)
        return input

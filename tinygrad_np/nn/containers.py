"""Modules and parameters in a sequence, a list or a dict, whose entries are named by their places or keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from .module import Layer, Module, Parameter

T = TypeVar("T")


class _Entries(Module, Generic[T]):
    """Attributes named by keys, in the order in which they were set."""

    def _keys(self) -> list[str]:
        return [name for name, value in vars(self).items() if isinstance(value, (Module, Parameter))]

    def __len__(self) -> int:
        return len(self._keys())

    def _values(self) -> list[T]:
        return [vars(self)[key] for key in self._keys()]

    def _put(self, key: str, value: Any) -> None:
        setattr(self, key, self._taken(key, value))

    def _taken(self, key: str, value: Any) -> Any:
        if not isinstance(value, Module):
            kind = type(self).__name__
            raise TypeError(f"{kind}: module {key}: expected a Module, found {type(value).__name__}")
        return value


class _List(_Entries[T]):
    """Entries named "0", "1", ..."""

    def __init__(self, entries: Iterable[T] = ()):
        self.extend(entries)

    def append(self, entry: T) -> Any:
        """Add an entry at the end; return self."""
        self._put(str(len(self)), entry)
        return self

    def extend(self, entries: Iterable[T]) -> Any:
        """Add entries at the end; return self."""
        for entry in list(entries):
            self.append(entry)
        return self

    def insert(self, index: int, entry: T) -> Any:
        """Add an entry before the one at `index`; return self."""
        entries = self._values()
        entries.insert(index, entry)
        return self._refill(entries)

    def pop(self, index: int = -1) -> T:
        """Take an entry out."""
        entries = self._values()
        entry = entries.pop(index)
        self._refill(entries)
        return entry

    def _refill(self, entries: list[T]) -> Any:
        entries = [self._taken(str(i), entry) for i, entry in enumerate(entries)]
        for key in self._keys():
            delattr(self, key)
        return self.extend(entries)

    def __iter__(self) -> Iterator[T]:
        return iter(self._values())

    def __getitem__(self, index: Any) -> Any:
        return type(self)(self._values()[index]) if isinstance(index, slice) else self._values()[index]

    def __setitem__(self, index: int, entry: T) -> None:
        self._put(self._keys()[index], entry)

    def __delitem__(self, index: Any) -> None:
        entries = self._values()
        del entries[index]
        self._refill(entries)

    def __add__(self, other: Iterable[T]) -> Any:
        return type(self)([*self, *other])

    def __iadd__(self, other: Iterable[T]) -> Any:
        return self.extend(other)


class _Dict(_Entries[T]):
    """Entries named by their keys."""

    def __init__(self, entries: Mapping[str, T] | Iterable[tuple[str, T]] = ()):
        self.update(entries)

    def update(self, entries: Mapping[str, T] | Iterable[tuple[str, T]]) -> None:
        """Add entries, or set them anew."""
        for key, entry in entries.items() if isinstance(entries, Mapping) else entries:
            self[key] = entry

    def keys(self) -> list[str]:
        """The keys, in the order in which they were first set."""
        return self._keys()

    def values(self) -> list[T]:
        """The entries."""
        return self._values()

    def items(self) -> list[tuple[str, T]]:
        """(key, entry)."""
        return list(zip(self._keys(), self._values()))

    def pop(self, key: str) -> T:
        """Take an entry out."""
        entry = self[key]
        del self[key]
        return entry

    def clear(self) -> None:
        """Take all entries out."""
        for key in self._keys():
            delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __contains__(self, key: object) -> bool:
        return key in self._keys()

    def __getitem__(self, key: str) -> T:
        if key not in self:
            raise KeyError(key)
        return vars(self)[key]

    def __setitem__(self, key: str, entry: T) -> None:
        if not isinstance(key, str) or hasattr(type(self), key) or "." in key or not key:
            raise ValueError(f"{type(self).__name__}: found the key {key!r}; expected a name that is no method's")
        self._put(key, entry)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)


class ModuleList(_List[Module]):
    """A list of modules.

    >>> from tinygrad_np import nn
    >>> list(ModuleList([nn.Linear(2, 2), nn.Linear(2, 2, bias=False)]).state_dict())
    ['0.weight', '0.bias', '1.weight']
    """


class ModuleDict(_Dict[Module]):
    """A dict of modules.

    >>> from tinygrad_np import nn
    >>> list(ModuleDict({"head": nn.Linear(2, 2, bias=False)}).state_dict())
    ['head.weight']
    """


class _Parameters(_Entries[Any]):
    def _taken(self, key: str, value: Any) -> Any:
        return value if isinstance(value, Parameter) else Parameter(value)


class ParameterList(_Parameters, _List[Any]):
    """A list of parameters; arrays become parameters.

    >>> list(ParameterList([[1.0], [2.0]]).state_dict())
    ['0', '1']
    """


class ParameterDict(_Parameters, _Dict[Any]):
    """A dict of parameters; arrays become parameters.

    >>> list(ParameterDict({"scale": [1.0]}).state_dict())
    ['scale']
    """


class Sequential(_List[Module], Layer):
    """Modules, each applied to what the one before it returned; their names are "0", "1", ..., or a dict's keys.

    >>> from tinygrad_np import nn
    >>> model = Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for key, module in modules[0].items():
                self._put(key, module)
        else:  # one list of modules is as good
            self.extend(modules[0] if len(modules) == 1 and isinstance(modules[0], (list, tuple)) else modules)

    def forward(self, input):
        for module in self._values():
            input = module(input)
        return input

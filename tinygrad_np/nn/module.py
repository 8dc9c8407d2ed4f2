"""A module is an object whose attributes hold parameters, buffers and other modules; their paths are the names.

Nothing is registered: the attributes themselves, in the order in which they were first set, are the record.
Lists, tuples and dicts of modules or parameters are searched too, so `self.layers = [...]` works.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.seen import note_origin
from ..engine.tape import next_serial
from ..engine.tensor import Tensor

if TYPE_CHECKING:
    from ..viz.summary import Summary


class Parameter(Tensor):
    """A tensor that a module trains: it requires a gradient, and assigning it to an attribute names it.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data, *, dtype=None, requires_grad: bool = True, name: str | None = None):
        super().__init__(data, dtype=dtype, requires_grad=requires_grad, name=name)


class LoadResult(NamedTuple):
    """The names that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """The base of layers and models: define `forward`, assign parameters and modules to attributes, call it.

    >>> class Affine(Module):
    ...     def __init__(self):
    ...         self.weight = Parameter(np.ones(3))
    ...     def forward(self, x):
    ...         return (x * self.weight).sum()
    >>> model = Affine()
    >>> model(np.array([1.0, 2.0, 3.0])).item()
    6.0
    >>> [name for name, _ in model.named_parameters()]
    ['weight']
    """

    training = True
    _buffers: tuple[str, ...] = ()

    def forward(self, *args, **kwargs):
        """Compute the output from the inputs; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = next_serial()
        out = self.forward(*args, **kwargs)
        note_origin(weakref.ref(self), start, out)  # a module that keeps an output would be a cycle otherwise
        return out

    # ---- what it holds ------------------------------------------------------------------------------------

    def register_buffer(self, name: str, array: np.ndarray) -> None:
        """Set an attribute to an array that is part of the state but is not trained (a running mean)."""
        array = np.asarray(array)
        if array.dtype.kind not in "biufc" or not name.isidentifier():
            raise ValueError(
                f"register_buffer: found {name!r} of dtype {array.dtype}; expected the name of an "
                "attribute and an array of numbers"
            )
        setattr(self, name, array)
        if name not in self._buffers:
            self._buffers += (name,)

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """(path, module) of this module, at path "", and of all below it, each module once."""
        seen = set()
        for name, module in self._paths():
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules held directly."""
        return ((name, value) for name, value in _members(vars(self)) if isinstance(value, Module))

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter) in definition order, each parameter once, by its first path."""
        seen = set()
        for name, value in self._entries():
            if isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def parameters(self) -> Iterator[Parameter]:
        """The parameters, in definition order, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """(path, array) of the registered buffers."""
        return ((name, value) for name, value in self._entries() if not isinstance(value, Parameter))

    def buffers(self) -> Iterator[np.ndarray]:
        """The registered buffers."""
        return (array for _, array in self.named_buffers())

    def _paths(self, prefix: str = "", above: tuple = ()) -> Iterator[tuple[str, Module]]:
        """Every path to a module: a shared module has several, a cycle is cut where it closes."""
        yield prefix, self
        for name, child in self.named_children():
            if child is not self and child not in above:
                yield from child._paths(_join(prefix, name), (*above, self))

    def _entries(self) -> Iterator[tuple[str, Parameter | np.ndarray]]:
        """Every path to a parameter or buffer, module by module: the layout of a state dict."""
        for prefix, module in self._paths():
            for name, value in _members(vars(module)):
                if isinstance(value, Parameter):
                    yield _join(prefix, name), value
            for name in module._buffers:
                yield _join(prefix, name), getattr(module, name)

    # ---- its state ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """{path: copy of the array} of every parameter and buffer; the names and layouts are PyTorch's."""
        return {name: np.array(_array(value)) for name, value in self._entries()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy arrays (or tensors) into the parameters and buffers of the same names, keeping their dtypes.

        Raises ValueError, with nothing changed, where a shape or kind of number differs, and unless
        `strict=False` where an entry is missing or unexpected.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: expected a dict of arrays, found {type(state).__name__}; "
                "model.state_dict() makes one, and load reads one from a file"
            )
        own = dict(self._entries())
        given = {name: _array(value) for name, value in state.items()}
        missing = [name for name in own if name not in given]
        unexpected = [name for name in given if name not in own]
        faults = [f"missing {name!r} {own[name].shape}" for name in missing] if strict else []
        faults += [f"unexpected {name!r} {given[name].shape}" for name in unexpected] if strict else []
        for name in own:
            if name in given and given[name].shape != own[name].shape:
                faults.append(f"{name!r} has shape {given[name].shape}, expected {own[name].shape}")
            elif name in given and not np.can_cast(given[name].dtype, own[name].dtype, "same_kind"):
                faults.append(f"{name!r} has dtype {given[name].dtype}, expected {own[name].dtype}")
        if faults:
            more = f"; and {len(faults) - 8} more" if len(faults) > 8 else ""
            raise ValueError(
                f"load_state_dict: the state does not fit this {type(self).__name__}: " + "; ".join(faults[:8]) + more
            )
        for name, value in own.items():
            if name in given and isinstance(value, Tensor):
                value.data = given[name]
            elif name in given:
                value[...] = given[name]
        return LoadResult(missing, unexpected)

    def train(self, mode: bool = True) -> Module:
        """Set training mode here and below (dropout drops, batch norm learns its statistics); return self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Set evaluation mode here and below; return self."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def summary(self, x: Any = None) -> Summary:
        """A table of the modules: output shape, parameters, bytes, operations and what backward keeps.

        `x`, an input or a tuple of inputs, is run once in evaluation mode; without it only parameters are counted.
        The table prints itself.

        >>> from tinygrad_np import nn
        >>> print(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).summary(np.ones((2, 4), np.float32)))
        layer       type        output  parameters  bytes  operations  kept for backward
        --------------------------------------------------------------------------------
        Sequential  Sequential  (2, 3)           0    0 B           0                0 B
          0         Linear      (2, 3)          15   60 B           1               32 B
          1         ReLU        (2, 3)           0    0 B           1               24 B
        --------------------------------------------------------------------------------
        total                                   15   60 B           2               56 B
        """
        from ..viz.summary import summary

        return summary(self, x)

    # ---- how it reads -------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses of a layer's repr; subclasses define it."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n  ".join([f"{type(self).__name__}({self.extra_repr()}", *children]) + "\n)"


class Layer(Module):
    """A module that returns one tensor, as a type checker may know of those of this package."""

    if TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...


def _members(values: Mapping) -> Iterator[tuple[str, Any]]:
    """(name, value) of the modules and parameters among some values and in the containers among them."""
    for name, value in values.items():
        if isinstance(value, (Module, Parameter)):
            yield str(name), value
        elif isinstance(value, (list, tuple)):
            yield from ((_join(str(name), n), v) for n, v in _members(dict(enumerate(value))))
        elif isinstance(value, dict):
            yield from ((_join(str(name), n), v) for n, v in _members(value))


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _array(value: Any) -> np.ndarray:
    return value.data if isinstance(value, Tensor) else np.asarray(value)

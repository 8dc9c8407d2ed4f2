"""A module is an object whose attributes hold parameters, buffers and other modules; their paths are the names.

Nothing is registered: the attributes themselves, in the order in which they were first set, are the record.
Lists, tuples and dicts of modules or parameters are searched too, so `self.layers = [...]` works.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ..engine.above import DOORS
from ..engine.habits import Instead
from ..engine.seen import note_origin
from ..engine.tape import Leaf, next_serial
from ..engine.tensor import Tensor
from ..transforms.containers import register_container

__all__ = ["Module", "Parameter", "functional_call"]

T = TypeVar("T")

if TYPE_CHECKING:
    from ..viz.summary import Summary


class Parameter(Tensor):
    """A tensor that a module trains: it requires a gradient, and assigning it to an attribute names it.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, *, dtype: Any = None, requires_grad: bool = True, name: str | None = None) -> None:
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

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output from the inputs; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = next_serial()
        for hook in self._before:
            args, kwargs = hook.before(self, args, kwargs)
        out = self.forward(*args, **kwargs)
        for hook in self._after:
            out = hook.after(self, args, kwargs, out)
        note_origin(weakref.ref(self), start, out)  # a module that keeps an output would be a cycle otherwise
        return out

    _before: tuple[Hook, ...] = ()
    _after: tuple[Hook, ...] = ()

    def register_forward_pre_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False) -> Hook:
        """Call hook(module, args) before each forward; what it returns, unless None, are the arguments instead.

        With `with_kwargs` it is hook(module, args, kwargs), and returns both. Gives a handle whose `remove()` ends it.
        """
        return Hook(self, "_before", hook, prepend, with_kwargs)

    def register_forward_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False) -> Hook:
        """Call hook(module, args, output) after each forward; what it returns, unless None, is the output instead.

        With `with_kwargs` it is hook(module, args, kwargs, output). Gives a handle whose `remove()` ends it.

        >>> from tinygrad_np import nn
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_hook(lambda module, args, out: out * 10)
        >>> layer(np.array([2.0])), handle.remove(), layer(np.array([2.0]))
        (array([20.]), None, array([2.]))
        """
        return Hook(self, "_after", hook, prepend, with_kwargs)

    # ---- what it holds ------------------------------------------------------------------------------------

    def register_buffer(self, name: str, array: Any, persistent: bool = True) -> None:
        """Set an attribute to an array that is not trained (a running mean); if `persistent`, part of the state."""
        array = None if array is None else np.asarray(_array(array))
        if array is not None and array.dtype.kind not in "biufc" or not name.isidentifier():
            raise ValueError(
                f"register_buffer: found {name!r} of dtype {getattr(array, 'dtype', None)}; expected the name of an "
                "attribute and an array of numbers"
            )
        setattr(self, name, array)
        if name not in self._buffers:
            self._buffers += (name,)
        if not persistent:
            self._passing += (name,)

    _passing: tuple[str, ...] = ()  # buffers that are no part of the state

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set an attribute to a parameter."""
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set an attribute to a module."""
        setattr(self, name, module)

    register_module = add_module

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(path, module) of this module, at path "", and of all below it, each module once."""
        return _once(self._paths(prefix), remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules held directly."""
        return ((name, value) for name, value in _members(vars(self)) if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The modules held directly."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter) in definition order, each parameter once, by its first path; without those below if
        not `recurse`."""
        entries = self._entries(prefix, recurse)
        found = ((name, value) for name, value in entries if isinstance(value, Parameter))
        return _once(found, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, in definition order, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, np.ndarray]]:
        """(path, array) of the registered buffers."""
        entries = self._entries(prefix, recurse)
        found = ((name, value) for name, value in entries if not isinstance(value, Parameter))
        return _once(found, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        """The registered buffers."""
        return (array for _, array in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a path."""
        return _found(target, dict(self._paths()), Module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path."""
        return _found(target, dict(self._entries()), Parameter)

    def get_buffer(self, target: str) -> np.ndarray:
        """The buffer at a path."""
        return _found(target, dict(self._entries()), np.ndarray)

    def _paths(self, prefix: str = "", above: tuple = ()) -> Iterator[tuple[str, Module]]:
        """Every path to a module: a shared module has several, a cycle is cut where it closes."""
        yield prefix, self
        for name, child in self.named_children():
            if child is not self and child not in above:
                yield from child._paths(_join(prefix, name), (*above, self))

    def _entries(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter | np.ndarray]]:
        """Every path to a parameter or buffer, module by module: the layout of a state dict."""
        for path, module in self._paths(prefix) if recurse else ((prefix, self),):
            for name, value in _members(vars(module)):
                if isinstance(value, Parameter):
                    yield _join(path, name), value
            for name in module._buffers:
                if getattr(module, name) is not None:
                    yield _join(path, name), getattr(module, name)

    def _state(self) -> Iterator[tuple[str, Parameter | np.ndarray]]:
        """The entries that are saved."""
        passing = {_join(path, name) for path, module in self._paths() for name in module._passing}
        return ((name, value) for name, value in self._entries() if name not in passing)

    # ---- its state ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """{path: copy of the array} of every parameter and buffer; the names and layouts are PyTorch's."""
        return {name: np.array(_array(value)) for name, value in self._state()}

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
        own = dict(self._state())
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

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call fn with every module below, then with this one; return self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def astype(self, dtype: Any) -> Module:
        """Change floating parameters and buffers to another dtype, in place and without their gradients; return self.

        >>> from tinygrad_np import nn
        >>> nn.Linear(2, 2).astype(np.float16).weight.dtype
        dtype('float16')
        """
        for parameter in self.parameters():
            if parameter.dtype.kind == np.dtype(dtype).kind:
                twin = Parameter(
                    parameter.data, dtype=dtype, requires_grad=parameter.requires_grad, name=parameter.name
                )
                parameter._array, parameter._node = twin._array, twin._node
        for module in self.modules():
            for name in module._buffers:
                value = getattr(module, name)
                if value is not None and value.dtype.kind == np.dtype(dtype).kind:
                    setattr(module, name, value.astype(dtype))
        return self

    def half(self) -> Module:
        """`astype` float16."""
        return self.astype(np.float16)

    def float(self) -> Module:
        """`astype` float32."""
        return self.astype(np.float32)

    def double(self) -> Module:
        """`astype` float64."""
        return self.astype(np.float64)

    def to(self, target: Any = None, *, device: Any = None, dtype: Any = None) -> Module:
        """`astype` a dtype; "cpu" is where everything is."""
        for place in (target, device):
            if str(place).startswith(("cuda", "mps", "xpu")):
                raise ValueError(f"{type(self).__name__}.to: found {place!r}; everything is on the CPU: leave it out")
        dtype = target if dtype is None and not str(target).startswith("cpu") else dtype
        return self if dtype is None else self.astype(dtype)

    type = astype

    def cpu(self) -> Module:
        """Itself: everything is on the CPU."""
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Set whether the parameters are trained; return self."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad = np.zeros_like(parameter.grad)

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
        return DOORS["summary"](self, x)

    def __copy__(self) -> Module:
        return copy.deepcopy(self)  # with parameters of its own: a copy that is trained leaves the original as it is

    # ---- how it reads -------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses of a layer's repr; subclasses define it."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n  ".join([f"{type(self).__name__}({self.extra_repr()}", *children]) + "\n)"


INSTEAD = {
    "cuda": "nothing: everything is on the CPU",
    "bfloat16": "half() or float(): NumPy has no bfloat16",
    "compile": "tg.jit(step), which records a whole step and replays it",
    "share_memory": "a step for several processes with tinygrad_np.parallel",
    "register_full_backward_hook": "tg.vjp(f, x), which gives the gradient on its way",
}
for _name, _text in INSTEAD.items():
    setattr(Module, _name, Instead(_name, _text, "a Module"))


class Hook:
    """A function that is called around each forward, until `remove()`."""

    def __init__(self, module: Module, where: str, function: Callable, first: bool, with_kwargs: bool):
        self.module, self.where, self.function, self.with_kwargs = weakref.ref(module), where, function, with_kwargs
        hooks = getattr(module, where)
        setattr(module, where, (self, *hooks) if first else (*hooks, self))

    def __deepcopy__(self, memo: dict) -> Hook:
        """The same function around the copied module."""
        twin = copy.copy(self)
        module: Any = self.module()
        twin.module = weakref.ref(memo.get(id(module), module))
        return twin

    def __reduce__(self):
        raise TypeError(f"a module with a forward hook cannot be pickled: {self.function!r}; remove the hook first")

    def remove(self) -> None:
        """End the calls."""
        module = self.module()
        if module is not None:
            setattr(module, self.where, tuple(hook for hook in getattr(module, self.where) if hook is not self))

    def before(self, module: Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments that the forward gets."""
        if self.with_kwargs:
            return self.function(module, args, kwargs) or (args, kwargs)
        found = self.function(module, args)
        return args if found is None else found if isinstance(found, tuple) else (found,), kwargs

    def after(self, module: Module, args: tuple, kwargs: dict, out: Any) -> Any:
        """The output that the caller gets."""
        found = self.function(module, args, kwargs, out) if self.with_kwargs else self.function(module, args, out)
        return out if found is None else found


def functional_call(module: Module, state: Mapping[str, Any], args: Any = (), kwargs: Mapping | None = None) -> Any:
    """Call a module with other values in the place of the parameters and buffers whose paths `state` names.

    The module is as it was afterwards; gradients flow to the values.

    >>> from tinygrad_np import nn
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> functional_call(layer, {"weight": np.array([[3.0]])}, np.array([2.0])).item()
    6.0
    """
    own = dict(module._entries())
    places = [place for name, value in state.items() for place in _places(module, _found(name, own, object), value)]
    before = [holder[key] for holder, key, _ in places]
    try:
        for holder, key, value in places:
            holder[key] = value
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for (holder, key, _), value in zip(places, before):
            holder[key] = value


def _places(module: Module, old: Any, new: Any) -> Iterator[tuple[Any, Any, Any]]:
    """(container, key, new value) wherever a module or one below holds a parameter or buffer."""

    def within(holder: Any) -> Iterator[tuple[Any, Any, Any]]:
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if value is old:
                yield holder, key, new
            elif isinstance(value, (list, dict)):
                yield from within(value)

    for one in module.modules():
        yield from within(vars(one))


class Layer(Module):
    """A module that returns one tensor, as a type checker may know of those of this package."""

    if TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...


def _once(found: Iterator[tuple[str, T]], once: bool) -> Iterator[tuple[str, T]]:
    """(path, value), each value by its first path alone."""
    seen = set()
    for name, value in found:
        if not once or id(value) not in seen:
            seen.add(id(value))
            yield name, value


def _found(path: str, among: Mapping[str, Any], kind: type) -> Any:
    if path not in among or not isinstance(among[path], kind):
        raise AttributeError(f"found no {kind.__name__} at {path!r}; expected one of {', '.join(among) or 'none'}")
    return among[path]


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


def _arrays(module: Module) -> dict[str, Any]:
    """The parameters by name as a transform sees them: arrays, or what a transform has put in their places."""
    return {n: p._array if type(p._node) is Leaf else p for n, p in module.named_parameters()}


def _remade(module: Module, values: list) -> Module:
    """A copy of a module with other parameters, each of which may be a tensor of a transform."""
    memo: dict[int, Any] = {}
    for parameter, value in zip(module.parameters(), values):
        tracked = isinstance(value, Tensor) and value._node.tracked
        memo[id(parameter)] = value if tracked else type(parameter)(value, requires_grad=parameter.requires_grad)
    return copy.deepcopy(module, memo)


register_container(Module, _arrays, _remade)

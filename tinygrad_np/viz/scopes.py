"""Which call of which module made each node: the calls leave on their outputs since which serial number they ran."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

from .schema import Scope

LAYERS = f"{__package__.partition('.')[0]}.nn"


def scopes_of(tape: list, model=None) -> tuple[tuple[Scope, ...], dict[int, str | None], dict[int, int], list]:
    """The scopes of a tape, each node's innermost one and order of derivative, and the (name, parameter) pairs."""
    calls: dict[int, tuple[int, int, Any]] = {}
    order: dict[int, int] = {}
    for node in tape:
        order[id(node)] = 0
        note = getattr(node, "origin", None)
        while note is not None:
            maker, start, note = note
            if type(maker) is weakref.ref:
                maker = maker()
            if type(maker) is int:
                order[id(node)] = maker
            elif maker is not None:  # else a module that is gone, and its name with it
                calls[start] = start, node.serial, maker  # of several outputs the newest ends the call
    waiting = [calls[start] for start in sorted(calls, reverse=True)]
    names = ModuleNames(model)
    numbers: Counter = Counter()
    scopes: list[Scope] = []
    inside: list[tuple[int, str]] = []  # the calls around the present node: (end, scope)
    innermost: dict[int, str | None] = {}
    for node in tape:
        inside = [call for call in inside if call[0] >= node.serial]
        while waiting and waiting[-1][0] < node.serial:
            _, end, maker = waiting.pop()
            if end < node.serial:
                continue
            parent = inside[-1][1] if inside else None
            name, kind, same = names.of(maker, parent)
            numbers[name] += 1
            call = numbers[name]
            id_ = name if call == 1 else f"{name}@{call}"
            scopes.append(Scope(id_, name, kind, parent, call, same, is_layer(maker)))
            inside.append((end, scopes[-1].id))
        innermost[id(node)] = inside[-1][1] if inside else None
    return tuple(scopes), innermost, order, list(names.parameters())


class ModuleNames:
    """The names of modules and parameters: those that `model` gives, else those of the outermost modules called."""

    def __init__(self, model: Any = None) -> None:
        self.paths: dict[int, str] = {}
        self.models: list[tuple[str, Any]] = []
        self.taken: Counter = Counter()
        self.kinds: dict[int, tuple[str, str]] = {}
        if model is not None:
            self.adopt(model, "")

    def adopt(self, model, prefix: str) -> None:
        self.models.append((prefix, model))
        for path, module in model.named_modules():
            self.paths.setdefault(id(module), ".".join(filter(None, (prefix, path))) or type(module).__name__)

    def of(self, maker, parent: str | None) -> tuple[str, str, str]:
        """(name, description, key that equal structures share) of what made some nodes."""
        if not hasattr(maker, "named_modules"):
            return (f"{parent}/{maker.name}" if parent else maker.name), "function", ""
        if id(maker) not in self.paths:
            name = type(maker).__name__
            self.taken[name] += 1
            again = name if self.taken[name] == 1 else f"{name}_{self.taken[name]}"
            self.adopt(maker, again if self.models else "")
        if id(maker) not in self.kinds:
            self.kinds[id(maker)] = describe(maker), alike(maker)
        return self.paths[id(maker)], *self.kinds[id(maker)]

    def parameters(self):
        """(name, parameter) of all models, each parameter once."""
        seen = set()
        for prefix, model in self.models:
            for name, parameter in model.named_parameters():
                if id(parameter._node) not in seen:
                    seen.add(id(parameter._node))
                    yield f"{prefix}.{name}" if prefix else name, parameter


def is_layer(maker) -> bool:
    """Whether a module or function is drawn as one box: a layer of `nn`, not a container of its user's modules."""
    if not hasattr(maker, "named_modules"):
        return True
    ours = type(maker).__module__.startswith(LAYERS)
    return ours and (not any(True for _ in maker.named_children()) or "Attention" in type(maker).__name__)


def describe(module) -> str:
    """A module's class and what its repr says of it, on one line."""
    return f"{type(module).__name__}({' '.join(module.extra_repr().split())})"


def alike(module) -> str:
    """Equal for modules that compute the same on other parameters: class, settings, shapes."""
    shapes = ",".join(f"{name}{tuple(p.shape)}{p.dtype}" for name, p in module.named_parameters())
    inner = ";".join(f"{name}:{describe(m)}" for name, m in module.named_modules())
    return f"{inner}|{shapes}"

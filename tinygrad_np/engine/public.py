"""What a package shows and answers: its public names alone, and for others what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


def public_names(namespace: dict[str, Any], *modules: str) -> list[str]:
    """The functions and classes that a package or its files define, and those of its modules that users name.

    Args:
        namespace: the package's `globals()`.
        modules: names of modules in it that are public.
    """
    home = namespace["__name__"]
    here = {
        name for name, value in namespace.items() if f"{getattr(value, '__module__', None)}.".startswith(f"{home}.")
    }
    return sorted({*(name for name in here if name[0] != "_"), *modules})


def absent(home: str, name: str, written_as: Mapping[str, str], names: Iterable[str]) -> AttributeError:
    """What to raise for a name that a module does not have: what to write instead, or which name is near.

    >>> absent("optim", "Adma", {}, ["Adam"])
    AttributeError('optim has no Adma; is Adam meant?')
    """
    text = written_as.get(name)
    if text is None and name[:1] != "_":
        known = {known.lower().replace("_", ""): known for known in names}
        near = difflib.get_close_matches(name.lower().replace("_", ""), known, 1, 0.75)
        text = f"is {known[near[0]]} meant?" if near else None
    return AttributeError(f"{home} has no {name}" + f"; {text}" * (text is not None), name=name)

"""What `dir()` of a package shows: its public names alone, found and not listed."""

from __future__ import annotations

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

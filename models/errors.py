"""What a person did wrong, in one line: the two failures that the command line reports, and their wording."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class Failure(Exception):
    """The work cannot be done (a bad file, a run that exists, a server that does not answer): exit code 1."""


class BadUsage(Failure):
    """The command asks for something that does not exist or cannot be: exit code 2."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of an "unknown word" sentence: the nearest known word, then all of them.

    >>> nearest("lerning_rate", ["learning_rate", "epochs"])
    "did you mean 'learning_rate'? Known: learning_rate, epochs"
    >>> nearest("xyz", ["learning_rate", "epochs"])
    'known: learning_rate, epochs'
    """
    known = list(known)
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.55)
    listing = ", ".join(known)
    return f"did you mean {match[0]!r}? Known: {listing}" if match else f"known: {listing}"


def need(module: str, extra: str = "models") -> ModuleType:
    """Import an optional dependency, or fail with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        raise Failure(f'models needs {missing}, which is not installed: pip install "tinygrad_np[{extra}]"') from error

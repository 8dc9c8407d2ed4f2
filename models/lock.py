"""One process a run folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import Failure

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Locked(Failure):
    """Another process works in the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: another process is training there; wait for it, or choose another folder with --out"
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder, made where it is not there, for this process alone; what was made and stays empty goes again."""
    made = []
    try:
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir(exist_ok=True)
                made.append(path)
        with _held(folder):
            yield
    finally:
        for path in reversed(made):
            with suppress(OSError):  # it is not empty
                path.rmdir()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """On POSIX the folder itself is locked, so that no file is left; Windows deletes a file with its process."""
    if fcntl is None:
        try:
            handle = os.open(folder / ".lock", os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_TEMPORARY", 0))
        except (FileExistsError, PermissionError):
            raise Locked(folder) from None
    else:
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise Locked(folder) from None
        except OSError:  # a file system that knows no locks: as it was before there were any
            pass
    try:
        yield
    finally:
        os.close(handle)

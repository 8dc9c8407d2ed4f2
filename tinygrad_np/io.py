"""Arrays on disk: nested dicts of arrays as .safetensors or .npz files, replaced atomically, never pickled."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from .engine.tensor import Tensor

CHECKSUM = "tinygrad_np.sha256"  # of the arrays: in a .safetensors file's metadata, a .npz file's first comment
LEVEL = "/"  # between the levels of a nested dict; a dot belongs to the names themselves ("0.weight"), as in PyTorch


def save(path: str | os.PathLike[str], state: Mapping[str, Any], *, sync: bool = True) -> None:
    """Write a dict of arrays, tensors and numbers, nested to any depth, to a .safetensors or .npz file.

    The file is replaced in one step: whatever happens, `path` holds the old state or the new one. `sync=False`
    does not wait for the disk: the promise then covers a process that is killed, not a machine that loses power.
    A model's `state_dict()` is stored under the names that PyTorch gives, so files travel both ways;
    the levels of a nested dict are joined by "/". Numbers come back as arrays of shape (); empty dicts
    are not kept. `save(state, path)` is the same.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> save(path, {"model": {"0.bias": np.zeros(2)}, "epoch": 3})
    >>> load(path)
    {'model': {'0.bias': array([0., 0.])}, 'epoch': array(3)}
    """
    if isinstance(state, (str, os.PathLike)) and not isinstance(path, (str, os.PathLike)):  # as torch.save has it
        path, state = state, path
    path = Path(path)
    write = _format(path)[0]
    if not isinstance(state, Mapping):
        raise TypeError(
            f"save: expected a dict of arrays, found {type(state).__name__}; pass model.state_dict() for a model"
        )
    arrays = dict(_flat(state))
    with atomic_write(path, sync=sync) as file:
        write(file, arrays)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save` wrote, or any .safetensors or .npz file of plain arrays, as a (nested) dict of arrays.

    Raises FileNotFoundError, or ValueError with one line where the file is truncated, foreign or damaged in any bit:
    `save` writes a checksum.

    >>> import os, tempfile, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.npz")
    >>> save(path, {"layer": {"bias": np.zeros(2)}})
    >>> load(path)
    {'layer': {'bias': array([0., 0.])}}
    """
    path = Path(path)
    read = _format(path)[1]
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: found a folder, expected a file")
    return _nested(path, read(path))


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its place, all at once, when the block ends well.

    The temporary file is new, has a name of its own and is readable by its owner alone; a link is never followed to it.
    The file that takes the place has the mode of the one that was there. Errors name `path`.
    """
    path = Path(os.path.realpath(path))
    temporary, file = _temporary(path)
    try:
        with file:
            mode = os.fstat(file.fileno()).st_mode & 0o7777  # what the umask leaves of a new file's
            with suppress(FileNotFoundError):
                mode = path.stat().st_mode & 0o7777
            if hasattr(os, "fchmod"):  # Windows has none before Python 3.13
                os.fchmod(file.fileno(), 0o600)
            yield file
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, os.fspath(temporary)):
            raise
        raise _about(path, error) from None  # nobody asked for the other file, and a full disk names none
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> tuple[Path, IO[bytes]]:
    """Create and open a file beside `path` that was not there; its name begins with a dot and ends with .tmp."""
    stem = path.name
    while len(os.fsencode(stem)) > 200:  # a name may have 255 bytes, and ours is longer
        stem = stem[:-1]
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        temporary = path.with_name(f".{stem}.{secrets.token_hex(6)}.tmp")
        try:
            return temporary, open(os.open(temporary, flags, 0o666), "wb")
        except FileExistsError:
            continue
        except OSError as error:
            raise _about(path, error) from None


def _about(path: Path, error: OSError) -> OSError:
    """The same error about `path`; without a number (a library's own) it keeps its words."""
    return OSError(error.errno or 0, error.strerror or str(error), os.fspath(path))


# ---- names ------------------------------------------------------------------------------------------------


def _flat(state: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for key, value in state.items():
        if not isinstance(key, str) or not key or LEVEL in key:
            raise ValueError(f"save: {key!r} cannot name an entry; expected a non-empty string without {LEVEL!r}")
        if isinstance(value, Mapping):
            yield from _flat(value, prefix + key + LEVEL)
        else:
            yield prefix + key, _array(prefix + key, value)


def _array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.data
    if not isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)):
        raise TypeError(f"save: {name!r} is a {type(value).__name__}; expected an array, a tensor, a number or a dict")
    array = np.asarray(value, order="C")
    if array.dtype.kind not in "biufc":
        raise TypeError(f"save: {name!r} has dtype {array.dtype}; expected numbers or booleans")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _nested(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for name, array in arrays.items():
        *levels, last = name.split(LEVEL)
        inner = state
        for level in levels:
            inner = inner.setdefault(level, {})
            if not isinstance(inner, dict):
                break
        if not isinstance(inner, dict) or last in inner:
            raise ValueError(
                f"{path}: {name!r} is both an array and a group of arrays; the file was not written by save"
            )
        inner[last] = array
    return state


# ---- formats ----------------------------------------------------------------------------------------------


def _write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    import zipfile  # here and below: too slow to import for those who only compute

    # Not np.savez: it takes the names as keyword arguments, where an entry called "file" would clash.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
        for info in archive.infolist()[:1]:
            info.comment = f"{CHECKSUM}={_checksum(arrays)}".encode()


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    import zipfile

    # Reading runs other people's bytes through zipfile and NumPy's header parser: whatever they object to,
    # the file is at fault.
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for info in archive.infolist():
                with archive.open(info) as entry:
                    arrays[info.filename.removesuffix(".npy")] = np.lib.format.read_array(entry, allow_pickle=False)
            comment = b"".join(entry.comment for entry in archive.infolist()[:1])
    except Exception as error:  # an OSError too: a damaged archive sends zipfile to places before the file's start
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the file cannot be opened
        raise ValueError(f"{path}: not a readable .npz file of plain arrays ({_reason(error)})") from error
    mark, _, expected = comment.decode(errors="replace").partition("=")
    if mark == CHECKSUM:
        _compare(path, arrays, expected)
    return arrays


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            '.safetensors files need the safetensors package: pip install "tinygrad_np[models]" '
            "(or use the suffix .npz)"
        ) from None
    return safetensors.numpy


def _write_safetensors(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.itemsize > 8:
            raise TypeError(
                f"save: {name!r} has dtype {array.dtype}, which .safetensors cannot hold; use the suffix .npz"
            )
    file.write(_safetensors().save(dict(arrays), {CHECKSUM: _checksum(arrays)}))


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    parse = _safetensors().load
    content = path.read_bytes()
    try:
        arrays: dict[str, np.ndarray] = parse(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        expected = (header.get("__metadata__") or {}).get(CHECKSUM)
    except Exception as error:
        raise ValueError(f"{path}: not a readable .safetensors file ({_reason(error)})") from error
    if expected is not None:
        _compare(path, arrays, expected)
    return arrays


def _compare(path: Path, arrays: Mapping[str, np.ndarray], expected: str) -> None:
    """Refuse arrays that are not those of the checksum in their file; files of others have none."""
    if _checksum(arrays) != expected:
        raise ValueError(
            f"{path}: not a readable {path.suffix} file (damaged: its SHA-256 is not the one written in it)"
        )


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 of all that the arrays are: names, dtypes, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


FORMATS = {".safetensors": (_write_safetensors, _read_safetensors), ".npz": (_write_npz, _read_npz)}


def _format(path: Path) -> tuple[Any, Any]:
    try:
        return FORMATS[path.suffix]
    except KeyError:
        raise ValueError(f"{path}: unknown suffix {path.suffix!r}; expected one of {', '.join(FORMATS)}") from None

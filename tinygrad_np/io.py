"""Arrays on disk: nested dicts of arrays as .safetensors or .npz files, replaced atomically, never pickled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from .engine.tensor import Tensor

LEVEL = "/"  # between the levels of a nested dict; a dot belongs to the names themselves ("0.weight"), as in PyTorch


def save(path: str | os.PathLike, state: Mapping[str, Any], *, sync: bool = True) -> None:
    """Write a dict of arrays, tensors and numbers, nested to any depth, to a .safetensors or .npz file.

    The file is replaced in one step: whatever happens, `path` holds the old state or the new one. `sync=False`
    does not wait for the disk: the promise then covers a process that is killed, not a machine that loses power.
    A model's `state_dict()` is stored under the names that PyTorch gives, so files travel both ways;
    the levels of a nested dict are joined by "/". Numbers come back as arrays of shape (); empty dicts
    are not kept.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> save(path, {"model": {"0.bias": np.zeros(2)}, "epoch": 3})
    >>> load(path)
    {'model': {'0.bias': array([0., 0.])}, 'epoch': array(3)}
    """
    path = Path(path)
    write = _format(path)[0]
    if not isinstance(state, Mapping):
        raise TypeError(
            f"save: expected a dict of arrays, found {type(state).__name__}; pass model.state_dict() for a model"
        )
    arrays = dict(_flat(state))
    with atomic_write(path, sync=sync) as file:
        write(file, arrays)


def load(path: str | os.PathLike) -> dict[str, Any]:
    """Read what `save` wrote, or any .safetensors or .npz file of plain arrays, as a (nested) dict of arrays.

    Raises FileNotFoundError, or ValueError with one line where the file is truncated, foreign or corrupt.
    """
    path = Path(path)
    read = _format(path)[1]
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: found a folder, expected a file")
    return _nested(path, read(path))


@contextmanager
def atomic_write(path: str | os.PathLike, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its place, all at once, when the block ends well."""
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename != os.fspath(temporary):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # nobody asked for the other file
    finally:
        temporary.unlink(missing_ok=True)


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
            return arrays
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path}: not a readable .npz file of plain arrays ({_reason(error)})") from error


def _safetensors():
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
    file.write(_safetensors().save(dict(arrays)))


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    load_file = _safetensors().load_file
    try:
        return load_file(path)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path}: not a readable .safetensors file ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


FORMATS = {".safetensors": (_write_safetensors, _read_safetensors), ".npz": (_write_npz, _read_npz)}


def _format(path: Path):
    try:
        return FORMATS[path.suffix]
    except KeyError:
        raise ValueError(f"{path}: unknown suffix {path.suffix!r}; expected one of {', '.join(FORMATS)}") from None

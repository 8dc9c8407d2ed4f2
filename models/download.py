"""MNIST from a public mirror into a cache folder: checked by SHA-256, each file in place only when it is right."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tinygrad_np.io import atomic_write

from .errors import BadUsage, Failure

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist", "https://ossci-datasets.s3.amazonaws.com/mnist")
TIMEOUT = 30  # seconds without a byte before the next mirror is tried


class File(NamedTuple):
    """A file as it is kept: unpacked, so that the checksum holds for every mirror's own compression."""

    name: str
    size: int
    sha256: str


MNIST = (
    File("train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    File("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    File("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    File("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)


def mnist_folder() -> Path:
    """Return where MNIST is kept: $TINYGRAD_NP_CACHE, else $XDG_CACHE_HOME/tinygrad_np, else ~/.cache/tinygrad_np."""
    cache = os.environ.get("TINYGRAD_NP_CACHE")
    base = Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "tinygrad_np"
    return base.expanduser() / "mnist"


def download(
    folder: Path,
    mirrors: tuple[str, ...] = MIRRORS,
    files: tuple[File, ...] = MNIST,
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Bring the files that are not yet in `folder`, from the first mirror that has each right; return their paths."""
    for mirror in mirrors:
        if not mirror.startswith(("http://", "https://")):
            raise BadUsage(f"mirror {mirror!r}: expected an address that begins with http:// or https://")
    paths = []
    for file in files:
        path = folder / file.name
        paths.append(path)
        if path.is_file() and _sha256(path) == file.sha256:
            say(f"{file.name}: in the cache")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as target:
            target.write(_fetch(file, mirrors))
        say(f"{file.name}: {file.size:,} bytes, SHA-256 as expected")
    return paths


def _fetch(file: File, mirrors: tuple[str, ...]) -> bytes:
    """Return the file's unpacked bytes from the first mirror whose copy has the right checksum."""
    problems = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file.name}.gz"
        try:
            content = _get(url, file.size)
        except (OSError, http.client.HTTPException, zlib.error) as error:
            reason = getattr(error, "reason", None) or error
            problems.append(f"{url}: {getattr(reason, 'strerror', None) or reason}")
            continue
        found = hashlib.sha256(content).hexdigest()
        if found == file.sha256:
            return content
        problems.append(f"{url}: found SHA-256 {found} ({len(content):,} bytes unpacked), expected {file.sha256}")
    raise Failure("; ".join(problems))


def _get(url: str, size: int) -> bytes:
    """Return at most a little more than `size` unpacked bytes of a gzip file, however large it claims to be."""
    unpack = zlib.decompressobj(wbits=31)
    content = bytearray()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        while len(content) <= size and (block := response.read(1 << 16)):
            content += unpack.decompress(block, size + 1 - len(content))
    return bytes(content)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

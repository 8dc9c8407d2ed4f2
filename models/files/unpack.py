"""The bytes of a file, whether plain, gzip, xz, bzip2 or in a zip archive: block by block, and never without bound."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Failure

BLOCK = 1 << 16  # small enough for its arrays to stay in the cache, and for malloc to keep their pages
LEAST, TIMES = 64_000_000, 100  # packed data may unpack to so many bytes, or so many times their size
DEPTH = 3  # a zip archive of gzip files is common; more than this is not
PACKED: dict[bytes, tuple[str, Any]] = {
    b"\x1f\x8b": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    b"\xfd7zXZ\0": ("xz", lzma.LZMAFile),
    b"BZh": ("bzip2", bz2.BZ2File),
}
UNKNOWN = {  # by (place, mark)
    (0, b"\x28\xb5\x2f\xfd"): "a Zstandard file",
    (0, b"7z\xbc\xaf"): "a 7-Zip archive",
    (0, b"Rar!"): "a RAR archive",
    (257, b"ustar"): "a tar archive",
}
SUFFIXES = ("", ".gz", ".xz", ".bz2")  # that packing adds to a name
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


class File(NamedTuple):
    """A file on the disk, or the member of a zip archive."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        return self.member.rpartition("/")[2] or self.path.name

    def sha256(self) -> str:
        """The checksum of the file on the disk (of the whole archive for a member), as `sha256sum` gives it."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def blocks(file: File) -> Generator[bytes, None, None]:
    """Yield the unpacked bytes of a file; Failure where they are damaged, or more than is plausible."""
    what = "file"
    try:
        with ExitStack() as stack:
            stream: Any = stack.enter_context(file.path.open("rb"))
            if file.member:
                what = "zip archive"
                stream = stack.enter_context(stack.enter_context(zipfile.ZipFile(stream)).open(file.member))
            packed, limit, total = bool(file.member), max(LEAST, TIMES * file.path.stat().st_size), 0
            for _ in range(DEPTH):
                stream = stack.enter_context(io.BufferedReader(stream))
                found = next((mark for mark in PACKED if stream.peek(8).startswith(mark)), None)
                if found is None:
                    break
                what, packed = f"{PACKED[found][0]} file", True
                stream = stack.enter_context(PACKED[found][1](stream))
            while block := stream.read(BLOCK):
                total += len(block)
                if packed and total > limit:
                    raise Failure(
                        f"{file}: found more than {limit:,} bytes when unpacked from {file.path.stat().st_size:,}, "
                        "expected at most that; if it is right, unpack it and give the unpacked file"
                    )
                yield block
    except DAMAGE as error:
        raise Failure(f"{file}: truncated or damaged {what} ({error})") from None
    except OSError as error:  # so bz2 says it
        if error.errno is not None:
            raise
        raise Failure(f"{file}: truncated or damaged {what} ({error})") from None


def start(file: File) -> bytes:
    """Return the first unpacked bytes of a file."""
    with closing(blocks(file)) as stream:
        return next(stream, b"")


def whole(file: File) -> bytes:
    """Return all unpacked bytes of a file."""
    return b"".join(blocks(file))


def members(path: Path) -> list[str]:
    """Return the names of the files in a zip archive, but for what macOS adds; Failure where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except DAMAGE as error:
        raise Failure(f"{path}: truncated or damaged zip archive ({error})") from None
    return [name for name in names if "__MACOSX" not in name and not name.rpartition("/")[2].startswith(".")]


def is_zip(path: Path) -> bool:
    """Say whether a file begins as a zip archive does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\3\4", b"PK\5\6")

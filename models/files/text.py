"""Text in any encoding and with any line ends, as blocks of whole lines in UTF-8 that end with a newline."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from ..errors import Failure

BOMS = {
    codecs.BOM_UTF8: ("utf-8", ""),
    codecs.BOM_UTF32_LE: ("utf-32-le", "UTF-32"),  # before UTF-16, whose mark begins alike
    codecs.BOM_UTF32_BE: ("utf-32-be", "UTF-32"),
    codecs.BOM_UTF16_LE: ("utf-16-le", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16-be", "UTF-16"),
}
LONGEST = 1_000_000  # bytes of a line; one of 785 numbers has some thousand


def encoding(start: bytes) -> tuple[bytes, str, str] | None:
    """Return (byte order mark, codec, its name where it is not UTF-8) of text that begins so, or None for no text."""
    for mark, (codec, name) in BOMS.items():
        if start.startswith(mark):
            return mark, codec, name
    sample = start[:400]
    for codec, letters, zeros in (("utf-16-le", sample[::2], sample[1::2]), ("utf-16-be", sample[1::2], sample[::2])):
        if zeros and not any(zeros) and 0 not in letters:
            return b"", codec, "UTF-16"
    return None if b"\0" in start[:4096] else (b"", "utf-8", "")


def line_blocks(blocks: Iterable[bytes], mark: bytes, codec: str, where: str) -> Iterator[tuple[int, bytes]]:
    """Yield (number of its first line, whole lines) of text whose byte order mark is `mark`."""
    number, rest, skip = 1, b"", len(mark)
    for block in _with_newlines(_in_utf8(blocks, skip, codec)):
        head, newline, tail = block.rpartition(b"\n")
        if not newline:
            rest += block
            if len(rest) > LONGEST:
                raise Failure(f"{where}: line {number}: found a line of more than {LONGEST:,} bytes, expected a row")
            continue
        lines = rest + head + b"\n"
        yield number, lines
        number, rest = number + lines.count(b"\n"), tail
    if rest:
        yield number, rest + b"\n"


def _in_utf8(blocks: Iterable[bytes], skip: int, codec: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    for block in blocks:
        block, skip = block[skip:], 0
        yield block if codec == "utf-8" else decoder.decode(block).encode()
    if codec != "utf-8":
        yield decoder.decode(b"", final=True).encode()


def _with_newlines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Carriage returns, alone or before a newline, become newlines."""
    held = b""
    for block in blocks:
        if held or b"\r" in block:
            block = held + block
            held = b"\r" if block.endswith(b"\r") else b""
            block = (block[:-1] if held else block).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
    if held:
        yield b"\n"

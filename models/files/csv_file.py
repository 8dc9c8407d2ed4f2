"""Digits as CSV, in whatever layout: whole numbers are read by NumPy, others by pandas, some thousand lines at a time.

Only when something is wrong are the lines walked one by one, to name the first that is at fault.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain

import numpy as np

from ..errors import Failure, need
from .columns import label_column
from .digits import whole_numbers
from .layout import EXPECTED, NAMES, Layout, fields_of, layout, number, pixel_order
from .table import CLASSES, Table
from .text import encoding, line_blocks
from .unpack import File, blocks

MANY = 1 << 22  # bytes that pandas reads at once
FIRST = 1 << 19  # bytes among which the first rows are


def read(file: File) -> Table:
    """Read images, and labels where there are any; Failure names the line that is at fault."""
    with closing(blocks(file)) as stream:
        return _read(file, stream)


def _read(file: File, stream: Iterator[bytes]) -> Table:
    lines, name = _lines(file, stream)
    start: list[tuple[int, bytes]] = []
    for item in lines:
        start.append(item)
        if sum(len(block) for _, block in start) > FIRST:
            break
    found = layout(b"".join(block for _, block in start), file)
    parts = list(_parts(chain(start, lines), found))
    if not parts:
        raise Failure(f"{file}: found a header and no rows, expected at least one row")
    label, said = _label(parts, found, file)
    columns = [i for i in range(len(found.names)) if i != label and i not in found.ids]
    order = pixel_order([found.names[i] for i in columns]) if found.header == NAMES else None
    labels = None if label is None else np.concatenate([part[:, label] for part in parts]).astype(np.int64)
    pixels = _joined(parts, [columns[i] for i in order] if order else columns)
    said += [f"{name}"] * bool(name) + ["pixels sorted by their names"] * bool(order)
    return Table(pixels, labels, ", ".join([found.form, *said]))


def _lines(file: File, stream: Iterator[bytes]) -> tuple[Iterator[tuple[int, bytes]], str]:
    """Return the numbered blocks of lines, and the name of an encoding other than UTF-8."""
    first = next(stream, b"")
    text = encoding(first)
    if text is None:
        raise Failure(f"{file}: found binary data that begins with {first[:4].hex(' ')}, expected CSV or IDX")
    mark, codec, name = text
    return line_blocks(chain([first], stream), mark, codec, str(file)), name


def _parts(lines: Iterable[tuple[int, bytes]], found: Layout) -> Iterator[np.ndarray]:
    """Yield the rows as arrays of bytes, or float32 where a number is not whole."""
    waiting: list[bytes] = []  # for pandas, which is slow to start
    since, size = 0, 0
    for at, block in lines:
        if at <= found.first_row:
            skipped = block.split(b"\n", found.first_row - at + 1)
            at, block = found.first_row + 1, skipped[-1] if len(skipped) > found.first_row - at + 1 else b""
        if found.trailing:
            block = block.replace(found.separator.encode() + b"\n", b"\n")
        if not waiting:
            if not block.strip():
                continue
            part = whole_numbers(block, found.separator.encode(), len(found.names), found.ids)
            if part is not None and (found.label is None or part[:, found.label].max() < CLASSES):
                yield part
                continue
            since = at
        waiting.append(block)
        size += len(block)
        if size > MANY:
            yield _numbers(b"".join(waiting), since, found)
            waiting, size = [], 0
    if b"".join(waiting).strip():
        yield _numbers(b"".join(waiting), since, found)


def _numbers(lines: bytes, at: int, found: Layout) -> np.ndarray:
    """Read any numbers by pandas: with fractions, quotes, spaces, blank lines; fail with the line that is at fault."""
    pandas = need("pandas")
    kinds = {i: np.float32 for i in range(len(found.names)) if i not in found.ids}
    try:
        part = pandas.read_csv(
            io.BytesIO(lines),
            sep=r"\s+" if found.separator == " " else found.separator,
            decimal=found.decimal,
            quotechar="'" if b"'" in lines and b'"' not in lines else '"',
            header=None,
            index_col=False,
            dtype=kinds if found.ids else np.float32,
            converters=dict.fromkeys(found.ids, lambda text: 0),  # whatever they are
        ).to_numpy(np.float32)
    except ValueError as error:  # a ragged row, a word, bytes that are not UTF-8
        raise _fault(lines, at, found, " ".join(str(error).split())) from None
    if part.shape[1] != len(found.names):
        raise _fault(lines, at, found)
    if not (part.min() >= 0 and part.max() <= 255):  # false for NaN as well
        raise _fault(lines, at, found)
    if found.label is not None and not np.isin(part[:, found.label], np.arange(CLASSES)).all():
        raise _fault(lines, at, found)
    whole = part.astype(np.uint8)
    return whole if (whole == part).all() else part


def _label(parts: list[np.ndarray], found: Layout, file: File) -> tuple[int | None, list[str]]:
    """Return the label's column, and the words for it; where no header names it, the numbers tell."""
    if not found.unnamed:
        if found.label is None:
            return None, ["no label"]
        return found.label, [f"label in column {found.label + 1} ({found.names[found.label]})"]
    outer = [i for i in range(len(found.names)) if i not in found.ids]
    first, last = (np.concatenate([part[:, i] for part in parts]) for i in (outer[0], outer[-1]))
    which = label_column(first, last)
    if which is None:
        raise Failure(
            f"{file}: found no header, and the first and the last column do not tell which of them is the label, "
            "expected a first line of names such as label,pixel0,pixel1"
        )
    label = outer[0] if which == "first" else outer[-1]
    wrong = ~np.isin(first if which == "first" else last, np.arange(CLASSES))
    if wrong.any():
        raise _fault_at_row(file, int(np.argmax(wrong)), found._replace(label=label))
    return label, [f"label in the {which} column"]


def _joined(parts: list[np.ndarray], columns: list[int]) -> np.ndarray:
    """Return these columns of all parts in one array; the parts are given up on the way."""
    together = np.empty((sum(map(len, parts)), len(columns)), np.result_type(*{part.dtype for part in parts}))
    chosen = columns if np.any(np.diff(columns) != 1) else slice(columns[0], columns[-1] + 1)
    start = 0
    while parts:
        part = parts.pop(0)
        together[start : start + len(part)] = part[:, chosen]
        start += len(part)
    return together


# ---- what is wrong ----------------------------------------------------------------------------------------


def _fault(lines: bytes, at: int, found: Layout, otherwise: str = "found something else than numbers") -> Failure:
    """Return what is wrong with the first bad row; `otherwise` is said where no single row is."""
    for i, line in enumerate(lines.split(b"\n"), start=at):
        if line.strip() and (wrong := _wrong(line, found)):
            return Failure(f"{found.where}: line {i}: {wrong}")
    last = at + lines.count(b"\n") - 1
    return Failure(f"{found.where}: line {at} to {last}: {otherwise}, expected {EXPECTED}")


def _fault_at_row(file: File, row: int, found: Layout) -> Failure:
    """Return what is wrong with a row, by reading the file again up to its line."""
    passed = 0
    with closing(blocks(file)) as stream:
        for at, block in _lines(file, stream)[0]:
            for i, line in enumerate(block.split(b"\n"), start=at):
                passed += i > found.first_row and bool(line.strip())
                if passed > row:
                    return Failure(f"{file}: line {i}: {_wrong(line, found)}")
    return Failure(f"{file}: row {row + 1}: found no label, expected a whole number 0..9")


def _wrong(line: bytes, found: Layout) -> str | None:
    """Return what is wrong with one row, or None."""
    if line.count(b'"') % 2:
        return "found a quote that is not closed, expected a pair"
    fields = fields_of(line, found.separator)
    if found.trailing and fields[-1:] == [""]:
        fields.pop()
    if len(fields) != len(found.names):
        return f"found {len(fields)} columns, expected {len(found.names)}"
    for i, (name, field) in enumerate(zip(found.names, fields, strict=True)):
        if i in found.ids:
            continue
        value = number(field, found.decimal)
        if i == found.label and (value is None or value not in range(CLASSES)):
            return f"found label {field!r}, expected a whole number 0..9"
        if value is None or not 0 <= value <= 255:
            return f"found {field!r} in {name}, expected a pixel 0..255"
    return None

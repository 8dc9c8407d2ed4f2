"""What the first lines of a CSV file tell: separator, decimal mark, header or none, and which column is what."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import NamedTuple

from ..errors import Failure
from .table import CLASSES, PIXELS
from .unpack import File

EXPECTED = f"{PIXELS} columns (28x28 pixels), or {PIXELS + 1} with the label"
SEPARATORS = (";", "\t", "|", ",", " ")  # a space stands for any number of them; the first that makes such a row
WORDS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
NAMES, NUMBERS = "header", "header of numbers"
COUNTS = range(PIXELS, PIXELS + 4)  # pixels, label, id, and nothing after a separator at the end of each line
LABELS = frozenset({"label", "labels", "class", "target", "y"})
IDS = frozenset({"id", "ids", "imageid", "image_id", "index", "idx", "row", "rowid", "row_id", "", "unnamed: 0"})


class Layout(NamedTuple):
    """How a CSV file is laid out; `label` is None where there is none, or where only the numbers can tell."""

    where: str
    separator: str
    decimal: str
    header: str  # "", or what kind of header there is
    first_row: int  # lines before the first row
    names: list[str]  # a name for each column
    trailing: bool  # whether each line ends with a separator
    ids: tuple[int, ...]
    label: int | None
    unnamed: bool  # whether the label is in the first or the last of the other columns: columns.py finds which

    @property
    def form(self) -> str:
        """The layout in words, but for the label's place."""
        parts = ["CSV", f"{self.header or 'no header'}"]
        parts += [word for mark, word in WORDS.items() if mark == self.separator]
        parts += ["decimal commas"] * (self.decimal == ",") + ["a column of ids left out"] * bool(self.ids)
        return ", ".join(parts)


def fields_of(line: bytes, separator: str) -> list[str]:
    """Return the fields of a line without spaces and quotes around them."""
    text = line.decode(errors="replace").strip(" \n")
    if separator == " ":
        return [field.strip("\"'") for field in text.split()]
    fields = next(csv.reader([text], delimiter=separator), []) if '"' in text else text.split(separator)
    return [field.strip(" \"'") for field in fields]


def number(field: str, decimal: str = ".") -> float | None:
    """Return the number that pandas would read too: Python alone takes 1_0 and the digits of every script."""
    if decimal != ".":
        field = field.replace(decimal, ".")
    try:
        return float(field) if field.isascii() and "_" not in field else None
    except ValueError:
        return None


def layout(lines: bytes, file: File) -> Layout:
    """Read the layout off the first lines of a file; Failure where no 28x28 images can lie so."""
    numbered = [(i, line) for i, line in enumerate(lines.split(b"\n"), start=1) if line.strip()]
    if not numbered:
        raise Failure(f"{file}: empty file, expected CSV or IDX images")
    separator = _separator(numbered[0][1])
    at, (names, *rows) = numbered[0][0], [fields_of(line, separator) for _, line in numbered]
    comma = any(
        re.fullmatch(r"\d+,\d+", field) for row in [names, *rows[:1]] for field in row
    )  # after ";", or in quotes
    decimal = "," if comma else "."
    header = _header(names, rows[:1], decimal)
    rows = rows if header else [names, *rows]
    trailing = len(names) > PIXELS and names[-1] == "" and all(row[-1:] == [""] for row in rows[:1])
    names = names[:-1] if trailing else names

    where, label = f"{file}: line {at}", None
    if header == NAMES:
        ids, label, unnamed = _named(names, where)
    else:
        least = CLASSES if len(names) == PIXELS + 1 else 0  # fewer may be labels, where no label follows
        counted = len(names) > PIXELS and _counted([row[0] for row in rows if row], decimal, least)
        ids = (0,) if counted else ()
        unnamed = len(names) - len(ids) == PIXELS + 1
    pixels = len(names) - len(ids) - (label is not None or unnamed)
    if pixels != PIXELS:
        among = f", {pixels} of them for pixels" if pixels != len(names) else ""
        raise Failure(f"{where}: found {len(names)} columns{among}, expected {EXPECTED}")
    if header != NAMES:
        names = [f"column {i + 1}" for i in range(len(names))]
    first_row = at if header else at - 1
    return Layout(str(file), separator, decimal, header, first_row, names, trailing, ids, label, unnamed)


def _counted(column: list[str], decimal: str, least: int) -> bool:
    """Say whether a column counts the rows: each number is one more than the last, which is not below `least`."""
    values = [number(field, decimal) for field in column[:-1] or column]  # the last line may be a part of one
    whole = [value for value in values if value is not None]
    steps = all(b - a == 1 for a, b in zip(whole, whole[1:], strict=False))
    return len(whole) == len(values) > 1 and steps and whole[-1] >= least


def _separator(first: bytes) -> str:
    for separator in SEPARATORS:
        if len(fields_of(first, separator)) in COUNTS:
            return separator
    return max(SEPARATORS[:4], key=lambda mark: first.count(mark.encode()))


def _header(names: list[str], rows: list[list[str]], decimal: str) -> str:
    """Say what header the first line is: of names, or of numbers that cannot be a row of pixels; "" for none."""
    values = [number(name, decimal) for name in names]
    numbers = [value for value in values if value is not None]
    if not numbers:
        return NAMES
    if len(numbers) >= PIXELS - 1 and all(b - a == 1 for a, b in zip(numbers, numbers[1:], strict=False)):
        return NUMBERS if len(numbers) == len(names) else NAMES  # label,0,1,...,783
    if (
        len(numbers) == len(names)
        and _made_unique(names)
        and all(re.fullmatch(r"\d+", field) for row in rows for field in row)
    ):
        return NUMBERS
    return ""


def _made_unique(names: list[str]) -> bool:
    """Say whether names are a row of numbers that pandas took for a header: 0, 0.1, 0.2 where 0 was there thrice."""
    seen: Counter[str] = Counter()
    for name in names:
        base = name.partition(".")[0]
        if name != (f"{base}.{seen[base]}" if seen[base] else base):
            return False
        seen[base] += 1
    return max(seen.values()) > 1


def _named(names: list[str], where: str) -> tuple[tuple[int, ...], int | None, bool]:
    """Return (columns of ids, column of the label, whether it may be one without a name) by a header's names."""
    lowered = [name.lower() for name in names]
    labels = [i for i, name in enumerate(lowered) if name in LABELS]
    ids = tuple(i for i, name in enumerate(lowered) if name in IDS)
    if len(labels) > 1:
        both = " and ".join(repr(names[i]) for i in labels)
        raise Failure(f"{where}: found {both}, of which each may be the label; expected one")
    others = [name for i, name in enumerate(names) if i not in ids and i not in labels]
    unnamed = not labels and len(others) == PIXELS + 1
    if unnamed and not all(number(name) is not None for name in others):
        raise Failure(
            f"{where}: found no column named label among {len(names)}, expected {EXPECTED}, "
            f"named {', '.join(sorted(LABELS))}"
        )
    return ids, labels[0] if labels else None, unnamed


def pixel_order(names: list[str]) -> list[int] | None:
    """Return the order that sorts pixel columns by the numbers in their names, or None where they are in order.

    >>> pixel_order(["pixel0", "pixel1", "pixel10", "pixel2"])
    [0, 1, 3, 2]
    >>> pixel_order(["1x1", "1x2", "2x1"])
    """
    keys = [tuple(map(int, re.findall(r"\d+", name))) for name in names]
    if len(set(keys)) < len(keys) or len(set(map(len, keys))) > 1 or not keys[0] or keys == sorted(keys):
        return None
    return sorted(range(len(keys)), key=keys.__getitem__)

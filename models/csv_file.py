"""Digits as CSV: Kaggle's, `label,1x1..28x28`, and headerless; told apart by looking at the first line.

pandas reads the numbers in one go and NumPy checks them in one go; only when something is wrong are the lines
walked one by one, to name the first that is at fault.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from models.errors import Failure, need

PIXELS = 28 * 28
EXPECTED = f"{PIXELS} columns (28x28 pixels), or {PIXELS + 1} with the label"


def read(raw: bytes, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (pixels 0..255 as float32 of shape (n, 784), labels 0..9 of shape (n,) or None)."""
    layout = _Layout(raw.removeprefix(b"\xef\xbb\xbf"), path)
    pandas = need("pandas")
    try:
        table = pandas.read_csv(
            io.BytesIO(layout.text),
            sep=layout.separator,
            header=None,
            index_col=False,
            skiprows=layout.first_row,
            dtype=np.float32,
        ).to_numpy()
    except pandas.errors.EmptyDataError:
        raise Failure(f"{path}: found a header and no rows, expected at least one row") from None
    except ValueError as error:  # a ragged row, a word, bytes that are not UTF-8
        raise layout.fault(str(error)) from None
    if table.shape[1] != len(layout.names):
        raise layout.fault()
    labels = None
    if layout.label is not None:
        labels = table[:, layout.label]
        if not np.isin(labels, np.arange(10)).all():
            raise layout.fault()
        labels = labels.astype(np.int64)
        table = np.delete(table, layout.label, axis=1)
    if not (table.min() >= 0 and table.max() <= 255):  # false for NaN as well
        raise layout.fault()
    if table.max() <= 1 and (table % 1).any():
        raise Failure(f"{path}: found pixels between 0 and 1, expected 0..255 (not divided by 255)")
    return np.ascontiguousarray(table), labels


class _Layout:
    """What the first line tells: separator, header or none, where the label is; and what is wrong with a row."""

    def __init__(self, text: bytes, path: Path) -> None:
        self.text, self.path = text, path
        start = len(text) - len(text.lstrip())
        end = text.find(b"\n", start)
        first = text[start : end if end >= 0 else len(text)]
        self.separator = max(",;\t", key=lambda mark: first.count(mark.encode()))
        fields = self._fields(first)
        header = not any(_number(name) is not None for name in fields)
        self.first_row = text[:start].count(b"\n") + header  # lines before the first row of numbers
        if len(fields) not in (PIXELS, PIXELS + 1):
            raise Failure(f"{path}: line {self.first_row or 1}: found {len(fields)} columns, expected {EXPECTED}")
        self.label = 0 if len(fields) == PIXELS + 1 else None
        self.names = fields if header else [f"column {i + 1}" for i in range(len(fields))]
        if header and self.label is not None:
            lowered = [name.lower() for name in fields]
            if "label" not in lowered:
                raise Failure(
                    f"{path}: line {self.first_row}: found no column named label among {len(fields)}, "
                    f"expected {EXPECTED}"
                )
            self.label = lowered.index("label")

    def fault(self, otherwise: str = "found something else than rows of numbers") -> Failure:
        """Return what is wrong with the first bad row; `otherwise` is said where no single row is."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if number > self.first_row and line.strip() and (wrong := self._wrong(line)):
                return Failure(f"{self.path}: line {number}: {wrong}")
        return Failure(f"{self.path}: {otherwise}, expected {EXPECTED}")

    def _wrong(self, line: bytes) -> str | None:
        if line.count(b'"') % 2:
            return "found a quote that is not closed, expected a pair"
        fields = self._fields(line)
        if len(fields) != len(self.names):
            return f"found {len(fields)} columns, expected {len(self.names)}"
        if not line.translate(None, b'0123456789 ",;\t\r'):  # digits alone: quick to check as one array
            values = np.array([field or "-1" for field in fields], np.float64)
            if values.min() >= 0 and values.max() <= 255 and (self.label is None or values[self.label] <= 9):
                return None
        for i, (name, field) in enumerate(zip(self.names, fields, strict=True)):
            value = _number(field)
            if i == self.label and (value is None or value not in range(10)):
                return f"found label {field!r}, expected a whole number 0..9"
            if value is None or not 0 <= value <= 255:
                return f"found {field!r} in {name}, expected a pixel 0..255"
        return None

    def _fields(self, line: bytes) -> list[str]:
        return [field.strip(' "\r') for field in line.decode(errors="replace").split(self.separator)]


def _number(field: str) -> float | None:
    """Return the number that pandas would read too: Python alone takes 1_0 and the digits of every script."""
    try:
        return float(field) if field.isascii() and "_" not in field else None
    except ValueError:
        return None

"""Parquet: a column of pictures (as bytes, as Hugging Face keeps MNIST) or one of each pixel, with a label."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import Failure, need
from .layout import IDS, LABELS, pixel_order
from .pictures import decoded
from .table import PIXELS, Table, flat_images, whole_labels
from .unpack import LEAST, TIMES, File

MAGIC = b"PAR1"
ROWS = 2000  # read at once


def read(file: File) -> Table:
    """Read images and labels; Failure names the row that is at fault."""
    parquet = need("pyarrow.parquet", "parquet")
    if file.member:
        raise Failure(f"{file}: found a Parquet file in an archive, expected it unpacked")
    try:
        with parquet.ParquetFile(file.path) as opened:
            size = sum(opened.metadata.row_group(i).total_byte_size for i in range(opened.metadata.num_row_groups))
            limit = max(LEAST, TIMES * file.path.stat().st_size)
            if size > limit:
                raise Failure(f"{file}: found {size:,} bytes when unpacked, expected at most {limit:,}")
            names = opened.schema_arrow.names
            label = _label(names, file)
            parts: list[Any] = []
            labels: list[Any] = []
            for batch in opened.iter_batches(ROWS):
                if label is not None:
                    labels.append(_numbers(batch.column(label), f"{file}: {label}"))
                parts.append(_pixels(batch, [name for name in names if name != label], file, sum(map(len, parts))))
    except Failure:
        raise
    except Exception as error:  # whatever the parser objects to, the file is at fault
        raise Failure(f"{file}: not a readable Parquet file ({type(error).__name__}: {error})") from None
    if not parts:
        raise Failure(f"{file}: found no rows, expected at least one")
    pixels = np.concatenate(parts)
    if label is None:
        return Table(pixels, None, "Parquet, no label")
    return Table(pixels, whole_labels(np.concatenate(labels), str(file)), f"Parquet, label in column {label}")


def _label(names: list[str], file: File) -> str | None:
    found = [name for name in names if name.lower() in LABELS]
    if len(found) > 1:
        raise Failure(f"{file}: found columns {' and '.join(found)}, of which each may be the label; expected one")
    return found[0] if found else None


def _pixels(batch: Any, names: list[str], file: File, before: int) -> np.ndarray:
    """Return the images of some rows: pictures in a column, lists of pixels in a column, or a column a pixel."""
    for name in names:
        column = batch.column(name)
        kind = str(column.type)
        if kind.startswith("struct") and "bytes" in kind or kind in ("binary", "large_binary"):
            return np.stack(
                [
                    decoded(value["bytes"] if isinstance(value, dict) else value, f"{file}: row {before + i + 1}")
                    for i, value in enumerate(column.to_pylist())
                ]
            )
        if kind.startswith(("list", "large_list", "fixed_size_list")):
            return flat_images(np.array(column.to_pylist()), f"{file}: {name}")
    names = [name for name in names if name.lower() not in IDS and not name.startswith("__index")]
    if len(names) != PIXELS:
        raise Failure(f"{file}: found {len(names)} columns beside the label, expected {PIXELS} pixels or a picture")
    names = [names[i] for i in pixel_order(names) or range(PIXELS)]
    return np.stack([_numbers(batch.column(name), f"{file}: {name}") for name in names], axis=1)


def _numbers(column: Any, where: str) -> np.ndarray:
    if column.null_count:
        raise Failure(f"{where}: found an empty place, expected a number")
    values = np.asarray(column.to_numpy(zero_copy_only=False))
    if values.dtype.kind == "O" and all(str(value).isdigit() for value in values):  # digits as text
        values = values.astype(np.int64)
    return values.astype(np.float32) if values.dtype.kind in "f" else values

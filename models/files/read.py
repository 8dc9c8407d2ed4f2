"""A place becomes a table: its format is told by its first bytes, its labels are looked for, its checksum is taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import Failure
from . import arrays, csv_file, idx_file, parquet_file, pictures
from .places import Place, labels_beside
from .table import PIXELS, SIDE, Table, flat_images, scaled, whole_labels
from .unpack import UNKNOWN, File, is_zip, start, whole


class Read(NamedTuple):
    """Float32 images in 0..1 as rows, their labels or None, the form they had, and the SHA-256 of each file."""

    images: np.ndarray
    labels: np.ndarray | None
    form: str
    files: dict[str, str]


def read(place: Place) -> Read:
    """Read a file, or a folder of pictures, of whatever format; Failure says where, what was found, and expected."""
    file, files = place.file, {}
    if place.pictures:
        table, files[str(file)] = pictures.read(file.path)
    else:
        table = _table(place)
        if table.labels is None and (beside := _labels(file, table)) is not None:
            files[str(beside)] = beside.sha256()
            table = table._replace(labels=_labels_of(beside), form=f"{table.form}, labels in {beside.name}")
        files = {str(file): file.sha256(), **files}
    if table.labels is not None and len(table.labels) != len(table.pixels):
        raise Failure(
            f"{file}: found {len(table.pixels):,} images, expected {len(table.labels):,}, "
            "as many as there are labels for them"
        )
    pixels, said = table.pixels, []
    if "emnist" in file.name.lower():  # each of its images lies with rows and columns exchanged
        pixels = np.ascontiguousarray(pixels.reshape(-1, SIDE, SIDE).swapaxes(1, 2)).reshape(-1, PIXELS)
        said.append("EMNIST's images turned upright")
    images, scale = scaled(pixels, str(file))
    return Read(images, table.labels, ", ".join([table.form, scale, *said]), files)


def _table(place: Place) -> Table:
    """Read the images of a file, and the labels that are in it."""
    file = place.file
    if not file.member and is_zip(file.path):  # of arrays alone, as it was located
        return arrays.read_npz(file, place.part)
    begin = start(file)
    if not begin:
        raise Failure(f"{file}: empty file, expected CSV or IDX images")
    if idx_file.magic(begin) is not None:
        return Table(idx_file.read_images(whole(file), file), None, "IDX")
    if begin.startswith(arrays.NPY):
        return Table(flat_images(arrays.read_npy(file), str(file)), None, "NumPy's .npy")
    if begin.startswith(b"PK\3\4"):
        raise Failure(f"{file}: found an archive in an archive, expected CSV or IDX; unpack it once")
    if begin.startswith(parquet_file.MAGIC):
        return parquet_file.read(file)
    for (at, mark), what in UNKNOWN.items():
        if begin.startswith(mark, at):
            raise Failure(f"{file}: found {what}, expected CSV or IDX: unpack it first")
    return csv_file.read(file)


def _labels(file: File, table: Table) -> File | None:
    """Return the file of labels beside images whose format keeps them apart."""
    return labels_beside(file) if table.form.startswith(("IDX", "NumPy")) else None


def _labels_of(file: File) -> np.ndarray:
    begin = b"PK" if not file.member and is_zip(file.path) else start(file)
    if begin.startswith(b"PK"):
        names = arrays.names(file)
        if len(names) != 1:
            raise Failure(f"{file}: found arrays {', '.join(names)}, expected one of labels")
        return whole_labels(arrays.array(file, names[0]), str(file))
    if begin.startswith(arrays.NPY):
        return whole_labels(arrays.read_npy(file), str(file))
    if not begin:
        raise Failure(f"{file}: empty file, expected IDX labels")
    return idx_file.read_labels(whole(file), file)

"""NumPy's files: .npy of images with labels beside them, .npz that hold several arrays, as Keras's mnist.npz does."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np

from ..errors import Failure
from .table import Table, flat_images, whole_labels
from .unpack import DAMAGE, File, whole

NPY = b"\x93NUMPY"
IMAGES = re.compile(r"(^|_)x(_|$)|imag|img|data|^arr_0$", re.I)
LABELS = re.compile(r"(^|_)y(_|$)|label|target|class|^arr_1$", re.I)
TEST, ASIDE = re.compile("test|t10k", re.I), re.compile("val|dev", re.I)


def names(file: File) -> list[str]:
    """Return the names of the arrays of an .npz file."""
    with zipfile.ZipFile(file.path) as archive:
        return [member.removesuffix(".npy") for member in archive.namelist() if member.endswith(".npy")]


def array(file: File, name: str) -> np.ndarray:
    """Read one array of an .npz file."""
    return read_npy(File(file.path, f"{name}.npy"))


def is_npz(members: list[str]) -> bool:
    """Say whether a zip archive is an .npz file: of arrays alone."""
    return bool(members) and all(member.endswith(".npy") for member in members)


def has_part(file: File, part: str) -> bool:
    """Say whether an .npz file has images of a part, "train" or "test"."""
    return bool(_of_part(names(file), part)[0])


def _of_part(found: list[str], part: str) -> tuple[list[str], list[str]]:
    """Return the names of images and those of labels that belong to a part, "train" or "test"."""
    mine = [name for name in found if not ASIDE.search(name) and bool(TEST.search(name)) == (part == "test")]
    labels = [name for name in mine if LABELS.search(name)]
    return [name for name in mine if IMAGES.search(name) and name not in labels], labels


def read_npz(file: File, part: str) -> Table:
    """Read one part of an .npz file, "train" or "test"; its labels are in the same file, or not known."""
    try:
        found = names(file)
    except DAMAGE as error:
        raise Failure(f"{file}: truncated or damaged .npz file ({error})") from None
    images, labels = _of_part(found, part)
    if len(images) != 1 or len(labels) > 1:
        raise Failure(
            f"{file}: found arrays {', '.join(found)}, expected one of images and one of labels "
            "that are named so, as x_train and y_train"
        )
    pixels = flat_images(array(file, images[0]), f"{file}: {images[0]}")
    form = f"NumPy's .npz, images {images[0]}"
    if not labels:
        return Table(pixels, None, f"{form}, no labels")
    numbers = whole_labels(array(file, labels[0]), f"{file}: {labels[0]}")
    return Table(pixels, numbers, f"{form}, labels {labels[0]}")


def read_npy(file: File) -> np.ndarray:
    """Read one array, after checking that the file is as long as its header promises; nothing is unpickled."""
    content = io.BytesIO(whole(file))
    try:
        version = np.lib.format.read_magic(content)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(content)
        promised, found = dtype.itemsize * int(np.prod(shape, dtype=object)), len(content.getbuffer()) - content.tell()
        if dtype.hasobject:
            raise Failure(f"{file}: found Python objects, expected numbers: objects are never unpickled")
        if promised != found:
            raise Failure(f"{file}: found {found:,} bytes of data, expected {promised:,} for shape {shape}, {dtype}")
        content.seek(0)
        return np.lib.format.read_array(content, allow_pickle=False)
    except Failure:
        raise
    except Exception as error:  # whatever NumPy's parser objects to, the file is at fault
        raise Failure(f"{file}: not a readable .npy file ({type(error).__name__}: {error})") from None

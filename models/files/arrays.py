"""NumPy's files: .npy of images with labels beside them, .npz that hold several arrays, as Keras's mnist.npz does."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from ..errors import Failure
from .table import Table, flat_images, whole_labels
from .unpack import DAMAGE, File, whole

NPY = b"\x93NUMPY"
IMAGES = {
    "train": ("x_train", "train_images", "train_x", "images_train", "x", "images", "data", "arr_0"),
    "test": ("x_test", "test_images", "test_x", "images_test"),
}
LABELS = {
    "train": ("y_train", "train_labels", "train_y", "labels_train", "y", "labels", "target", "label"),
    "test": ("y_test", "test_labels", "test_y", "labels_test"),
}


def names(file: File) -> dict[str, str]:
    """Return the arrays of an .npz file: their names, lower case, and those of their members in the archive."""
    with zipfile.ZipFile(file.path) as archive:
        members = archive.namelist()
    return {member.removesuffix(".npy").lower(): member for member in members if member.endswith(".npy")}


def is_npz(members: list[str]) -> bool:
    """Say whether a zip archive is an .npz file: of arrays alone."""
    return bool(members) and all(member.endswith(".npy") for member in members)


def has_part(file: File, part: str) -> bool:
    """Say whether an .npz file has images of a part, "train" or "test"."""
    return any(name in names(file) for name in IMAGES[part])


def read_npz(file: File, part: str) -> Table:
    """Read one part of an .npz file, "train" or "test"; its labels are in the same file, or not known."""
    try:
        found = names(file)
    except DAMAGE as error:
        raise Failure(f"{file}: truncated or damaged .npz file ({error})") from None
    images = next((name for name in IMAGES[part] if name in found), None)
    labels = next((name for name in LABELS[part] if name in found), None)
    if images is None:
        raise Failure(f"{file}: found arrays {', '.join(found)}, expected images named {', '.join(IMAGES[part])}")
    pixels = flat_images(read_npy(File(file.path, found[images])), f"{file}: {images}")
    form = f"NumPy's .npz, images {images}"
    if labels is None:
        return Table(pixels, None, f"{form}, no labels")
    numbers = whole_labels(read_npy(File(file.path, found[labels])), f"{file}: {labels}")
    return Table(pixels, numbers, f"{form}, labels {labels}")


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

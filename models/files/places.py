"""Which file is meant by a path, and which lie beside it: its labels, its test file; in a folder or a zip archive."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ..errors import Failure
from . import arrays, pictures
from .unpack import SUFFIXES, File, is_zip, members

TRAINING_FILES = (
    "train.csv",
    "mnist_train.csv",
    "mnist_train_small.csv",
    "train-images-idx3-ubyte",
    "train-images.idx3-ubyte",
    "mnist.npz",
)
TRAINING = re.compile(
    r"train.*(imag|img).*(idx3|\.np[yz]$)|train.*\.(csv|parquet|npz)$|^x_train\.npy$|^x_.*train\.npz$", re.I
)
DATA = re.compile(r"\.(csv|tsv|txt|parquet|np[yz])$|imag.*idx3", re.I)
OTHER = re.compile(r"labels|^y_|submission|readme|license|mapping", re.I)
TEST_NAMES = (  # each is tried
    ("train-images", "t10k-images"),
    ("train_small", "test"),
    ("training", "testing"),
    ("train", "test"),
    ("train", "t10k"),
    ("Train", "Test"),
    ("TRAIN", "TEST"),
)
LABEL_NAMES = (("images", "labels"), ("imgs", "labels"), ("x_", "y_"), ("X_", "y_"), ("Images", "Labels"))


class Place(NamedTuple):
    """Where images lie: a file, and which part of it where it has both, or a folder of pictures."""

    file: File
    part: str = "train"
    pictures: bool = False

    def __str__(self) -> str:
        return str(self.file)


def locate(path: Path) -> Place:
    """Return the place that a path stands for: a file, or the training data in a folder or a zip archive."""
    if path.is_dir():
        found = _chosen({entry.name: File(entry) for entry in sorted(path.iterdir()) if entry.is_file()})
        if found is None:
            folder = pictures.training_folder(path) or (path if pictures.holds_pictures(path) else None)
            if folder is not None:
                return Place(File(folder), pictures=True)
            raise Failure(
                f"{path}: found a folder without training data, expected one of {', '.join(TRAINING_FILES)} "
                "(or packed: .gz, .xz, .bz2, .zip) in it, or a folder of pictures for each digit"
            )
        return locate(found.path) if is_zip(found.path) else Place(found)
    if not path.exists():
        raise Failure(f"{path}: no such file or folder")
    if not path.is_file():
        raise Failure(f"{path}: found a pipe or a device, expected a file, which can be read twice")
    if is_zip(path) and not arrays.is_npz(names := members(path)):
        found = _chosen({name.rpartition("/")[2]: File(path, name) for name in names})
        if found is None:
            raise Failure(
                f"{path}: found a zip archive of {len(names)} files without training data, expected one of "
                f"{', '.join(TRAINING_FILES)} in it; pictures have to be unpacked"
            )
        return Place(found)
    return Place(File(path))


def _chosen(files: dict[str, File]) -> File | None:
    """Return the one that holds training data, by the names; Failure where several may."""
    plain = {_plain(name): file for name, file in reversed(files.items())}
    for name in TRAINING_FILES:
        if name in plain:
            return plain[name]
    for pattern in (TRAINING, DATA):
        found = [name for name in plain if pattern.search(name) and not OTHER.search(name)]
        if len(found) > 1 and pattern is TRAINING:
            raise Failure(
                f"{next(iter(files.values())).path.parent}: found several training files, expected one; "
                f"name one of them: {', '.join(sorted(plain[name].name for name in found))}"
            )
        if len(found) == 1:
            return plain[found[0]]
    return None


def test_beside(place: Place) -> Place | None:
    """Return where the test images lie that belong to training images, or None."""
    if place.pictures:
        folder = pictures.test_folder(place.file.path)
        return None if folder is None else Place(File(folder), "test", pictures=True)
    if place.file.name.endswith(".npz") and not place.file.member and arrays.has_part(place.file, "test"):
        return Place(place.file, "test")
    for training, test in TEST_NAMES:
        found = _beside(place.file, training, test)
        if found is not None:
            return locate(found.path) if not found.member and is_zip(found.path) else Place(found)
    return None


def labels_beside(file: File) -> File | None:
    """Return the file of the labels that belong to images: train-images-idx3-ubyte has train-labels-idx1-ubyte."""
    for images, labels in LABEL_NAMES:
        found = _beside(file, images, labels, ("idx3", "idx1"))
        if found is not None:
            return found
    return None


def _beside(file: File, old: str, new: str, also: tuple[str, str] = ("", "")) -> File | None:
    """Return the file beside another, whose name has `new` where the other's has `old`, packed or not."""
    name = _plain(file.name)
    if old not in name:
        return None
    name = name.replace(old, new).replace(*also) if also[0] else name.replace(old, new)
    folder, slash, _ = file.member.rpartition("/")
    there = members(file.path) if file.member else []
    for suffix in (*SUFFIXES, ".zip"):
        if file.member:
            found = File(file.path, f"{folder}{slash}{name}{suffix}")
            if found.member in there and found != file:
                return found
        elif (path := file.path.with_name(name + suffix)).is_file() and path != file.path:
            return File(path)
    return None


def _plain(name: str) -> str:
    """The name without what packing added to it."""
    for suffix in (*SUFFIXES[1:], ".zip"):
        name = name.removesuffix(suffix)
    return name

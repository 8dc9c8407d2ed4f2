"""Labeled images from wherever they are: scikit-learn's digits, the MNIST cache, or a file or folder of the user's.

A file is recognized by its bytes, never by its name; names matter only to find the labels beside images, the
training file in a folder, and the test file beside the training file. `models.files` reads them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from .download import mnist_folder
from .errors import BadUsage, Failure, need
from .files import places
from .files.places import Place
from .files.read import read
from .files.table import PIXELS

SIDES = {"digits": 8, "kaggle": 28, "mnist": 28}  # the sources that a recipe may name, and their images' side
KAGGLE = "https://www.kaggle.com/competitions/digit-recognizer/data"


@dataclass(frozen=True)
class Dataset:
    """Images as float32 rows in 0..1, shape (n, side * side), with labels 0..9 of shape (n,) or None; and whence."""

    images: np.ndarray
    labels: np.ndarray | None
    origin: str
    form: str = ""  # how they lay in the file
    files: dict[str, str] = field(default_factory=dict)  # the SHA-256 of each file that was read

    def __len__(self) -> int:
        return len(self.images)

    @property
    def side(self) -> int:
        return int(self.images.shape[1] ** 0.5)

    def take(self, rows: np.ndarray | slice) -> Self:
        """Return the dataset of these rows."""
        return replace(self, images=self.images[rows], labels=None if self.labels is None else self.labels[rows])

    def labeled(self) -> Labeled | None:
        """Return the same as a dataset that is known to have labels, or None where it has none."""
        return None if self.labels is None else Labeled(**vars(self))

    def facts(self) -> dict[str, Any]:
        """Return what was used, as JSON can hold it and a reader wants to know it."""
        return {
            "file": self.origin,
            "rows": len(self),
            "pixels": self.images.shape[1],
            "form": self.form,
            "files": self.files,
        }

    def __str__(self) -> str:
        sums = ", ".join(f"SHA-256 {digest[:12]}..." for digest in self.files.values())
        return f"{self.origin}: {len(self):,} images" + "".join(f", {part}" for part in (self.form, sums) if part)

    def fingerprint(self) -> str:
        """Return the SHA-256 of everything that training sees, so that a resumed run can tell the data apart."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(b"" if self.labels is None else np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Labeled(Dataset):
    """A dataset with labels, to train on or to be measured against."""

    labels: np.ndarray


def load(where: str) -> Dataset:
    """Read a dataset: the name of a source (`digits`, `mnist`), or the path of a file or of a folder that holds one."""
    if is_source(where, "digits"):
        return _digits()
    return _load(locate(where))


def load_labeled(where: str) -> Labeled:
    """Read a dataset that must have labels."""
    dataset = load(where)
    labeled = dataset.labeled()
    if labeled is None:
        raise Failure(
            f"{dataset.origin}: found no labels, expected {PIXELS + 1} columns with a label, "
            "or images with their labels file beside them"
        )
    return labeled


def load_test(where: str) -> Dataset | None:
    """Read the test file that lies beside the training file, labeled or not; None where there is none."""
    place = None if is_source(where, "digits") else places.test_beside(locate(where))
    return None if place is None else _load(place)


def is_source(where: str, *names: str) -> bool:
    """Say whether this names a source (one of `names`, or any) and not a file or folder that is there."""
    return where in (names or SIDES) and not Path(where).exists()


def locate(where: str) -> Place:
    """Return the place of the images that a source or a path stands for."""
    path = Path(where)
    if is_source(where, "mnist"):
        path = mnist_folder()
        if not path.is_dir():
            raise Failure("MNIST is not in the cache: `python -m models download mnist` brings it, or give --data PATH")
    elif is_source(where, "kaggle"):
        raise BadUsage(
            f"this recipe needs --data PATH/TO/train.csv, Kaggle's file from {KAGGLE}; "
            "any labeled file of 28x28 digits will do, and so will --data mnist"
        )
    return places.locate(path)


def split(dataset: Labeled, held_out: int | float, rows: int | None, seed: int) -> tuple[Labeled, Labeled]:
    """Shuffle by the seed and return (training part, held-out part); `rows` limits how many are used in all."""
    total = len(dataset) if rows is None else rows
    if total > len(dataset):
        raise Failure(f"{dataset.origin}: rows={total:,} asks for more rows than there are ({len(dataset):,})")
    count = round(held_out * total) if isinstance(held_out, float) else held_out
    if not 0 < count < total:
        raise Failure(
            f"{dataset.origin}: held_out={held_out:,} of {total:,} rows leaves nothing to train on or to "
            f"measure; expected 1..{total - 1:,} rows or a share such as 0.2"
        )
    order = np.random.default_rng([seed, 0]).permutation(len(dataset))[:total]
    return dataset.take(order[count:]), dataset.take(order[:count])


def _digits() -> Dataset:
    """Scikit-learn's 1,797 digits of 8x8 (UCI "Optical Recognition of Handwritten Digits"), pixels 0..16.

    They are read from the installed package, whose import alone would take as long as the training of a small network.
    """
    found = importlib.util.find_spec("sklearn")
    path = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz" if found and found.origin else None
    if path is not None and path.is_file():
        table = np.loadtxt(path, np.float32, delimiter=",")
        pixels, labels = table[:, :-1], table[:, -1]
    else:
        pixels, labels = need("sklearn.datasets").load_digits(return_X_y=True)
    return Dataset(
        np.ascontiguousarray(pixels, np.float32) / 16,
        labels.astype(np.int64),
        "scikit-learn digits",
        "8x8 pixels 0..16",
    )


def _load(place: Place) -> Dataset:
    found = read(place)
    return Dataset(found.images, found.labels, str(place), found.form, found.files)

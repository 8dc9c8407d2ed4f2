"""Labeled images from wherever they are: scikit-learn's digits, the MNIST cache, or a file or folder of the user's.

A file is recognized by its bytes (gzip, IDX, CSV), never by its name; names matter only to find the labels beside
IDX images, the training file in a folder, and the test file beside the training file.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from models import csv_file, idx_file
from models.download import mnist_folder
from models.errors import BadUsage, Failure, need

TRAINING_FILES = (
    "train.csv",
    "mnist_train.csv",
    "mnist_train_small.csv",
    "train-images-idx3-ubyte",
    "train-images.idx3-ubyte",
)
TEST_NAMES = (("train-images", "t10k-images"), ("train_small", "test"), ("train", "test"))  # first that fits
SIDES = {"digits": 8, "kaggle": 28, "mnist": 28}  # the sources that a recipe may name, and their images' side
KAGGLE = "https://www.kaggle.com/competitions/digit-recognizer/data"


@dataclass(frozen=True)
class Dataset:
    """Images as float32 rows in 0..1, shape (n, side * side), with labels 0..9 of shape (n,) or None; and whence."""

    images: np.ndarray
    labels: np.ndarray | None
    origin: str

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
        return None if self.labels is None else Labeled(self.images, self.labels, self.origin)

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
    path = locate(where)
    raw = _bytes(path)
    if idx_file.magic(raw) is not None:
        pixels, labels = idx_file.read_images(raw, path), _labels_beside(path)
        if labels is not None and len(labels) != len(pixels):
            raise Failure(
                f"{path}: found {len(pixels):,} images, expected {len(labels):,}, "
                "as many as the labels file beside it has"
            )
        pixels = pixels.astype(np.float32)
    elif raw.startswith(b"PK\3\4"):
        raise Failure(f"{path}: found a zip archive, expected CSV or IDX: unpack it first")
    elif b"\0" in raw[:4096]:
        raise Failure(f"{path}: found binary data that begins with {raw[:4].hex(' ')}, expected CSV or IDX")
    else:
        pixels, labels = csv_file.read(raw, path)
    pixels /= 255
    return Dataset(pixels, labels, str(path))


def load_labeled(where: str) -> Labeled:
    """Read a dataset that must have labels."""
    dataset = load(where)
    labeled = dataset.labeled()
    if labeled is None:
        raise Failure(
            f"{dataset.origin}: found no labels, expected {csv_file.PIXELS + 1} columns with a label, "
            "or IDX images with their labels file beside them"
        )
    return labeled


def load_test(where: str) -> Dataset | None:
    """Read the test file that lies beside the training file, labeled or not; None where there is none."""
    path = None if is_source(where, "digits") else _test_beside(locate(where))
    return None if path is None else load(str(path))


def is_source(where: str, *names: str) -> bool:
    """Say whether this names a source (one of `names`, or any) and not a file or folder that is there."""
    return where in (names or SIDES) and not Path(where).exists()


def locate(where: str) -> Path:
    """Return the path of the file that a source or a path stands for."""
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
    if path.is_dir():
        for name in TRAINING_FILES:
            for candidate in (path / name, path / f"{name}.gz"):
                if candidate.is_file():
                    return candidate
        raise Failure(
            f"{path}: found a folder without training data, expected one of {', '.join(TRAINING_FILES)} (or .gz) in it"
        )
    if not path.exists():
        raise Failure(f"{path}: no such file or folder")
    return path


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
    """Scikit-learn's 1,797 digits of 8x8 (UCI "Optical Recognition of Handwritten Digits"), pixels 0..16."""
    digits = need("sklearn.datasets").load_digits()
    return Dataset(digits.data.astype(np.float32) / 16, digits.target.astype(np.int64), "scikit-learn digits")


def _bytes(path: Path) -> bytes:
    """Return the file's bytes, unpacked where it is gzip."""
    try:
        raw = path.read_bytes()
        if raw.startswith(b"\x1f\x8b"):
            raw = gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Failure(f"{path}: truncated or damaged gzip file ({error})") from None
    if not raw.strip():
        raise Failure(f"{path}: empty file, expected CSV or IDX images")
    return raw


def _labels_beside(path: Path) -> np.ndarray | None:
    """Return the labels that belong to IDX images: train-images-idx3-ubyte has train-labels-idx1-ubyte."""
    name = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for candidate in (path.with_name(name), path.with_name(f"{name}.gz")):
        if candidate != path and candidate.is_file():
            return idx_file.read_labels(_bytes(candidate), candidate)
    return None


def _test_beside(path: Path) -> Path | None:
    for training, test in TEST_NAMES:
        if training in path.name:
            name = path.name.removesuffix(".gz").replace(training, test)
            return next((p for p in (path.with_name(name), path.with_name(f"{name}.gz")) if p.is_file()), None)
    return None

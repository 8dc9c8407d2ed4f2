"""Pictures (PNG and what else Pillow reads): a folder for each digit, or a folder of pictures without labels."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np

from ..errors import Failure, need
from .table import CLASSES, PIXELS, SIDE, Table

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".webp")
TRAINING, TEST = ("train", "training", "trainingset"), ("test", "testing", "testset")


def class_folders(folder: Path) -> dict[int, Path]:
    """Return the folders in a folder that are named after digits."""
    try:
        inside = [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return {}
    digits = {int(path.name): path for path in inside if re.fullmatch(r"[0-9]", path.name)}
    other = next((path for path in inside if re.fullmatch(r"[0-9]{2,}", path.name)), None)
    if len(digits) > 1 and other is not None:
        raise Failure(f"{other}: found a folder beside those of the digits, expected folders 0..9 alone")
    return digits


def training_folder(folder: Path) -> Path | None:
    """Return the folder, itself or one named for training in it, that has a folder for each digit."""
    inside = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    for candidate in (folder, *(inside[name] for name in TRAINING if name in inside)):
        if len(class_folders(candidate)) > 1:
            return candidate
    return None


def test_folder(folder: Path) -> Path | None:
    """Return the folder for testing beside one for training."""
    if folder.name.lower() not in TRAINING:
        return None
    beside = {path.name.lower(): path for path in folder.parent.iterdir() if path.is_dir()}
    return next((beside[name] for name in TEST if name in beside and holds_pictures(beside[name])), None)


def holds_pictures(folder: Path) -> bool:
    """Say whether a folder has pictures, or folders named after digits, in it."""
    return bool(class_folders(folder)) or any(_pictures(folder))


def read(folder: Path) -> tuple[Table, str]:
    """Return the images, with labels where a folder for each digit holds them, and the SHA-256 of names and bytes."""
    classes = class_folders(folder)
    chosen: list[tuple[Path, int | None]] = [
        (path, label) for label, inside in sorted(classes.items()) for path in _pictures(inside)
    ] or [(path, None) for path in _pictures(folder)]
    if not chosen:
        raise Failure(f"{folder}: found no pictures, expected {', '.join(SUFFIXES)} files of {SIDE}x{SIDE}")
    pixels, digest = np.empty((len(chosen), PIXELS), np.uint8), hashlib.sha256()
    for row, (path, label) in zip(pixels, chosen, strict=True):
        content = path.read_bytes()
        digest.update(f"{label}/{path.name}\0{len(content)}\0".encode(errors="surrogateescape"))
        digest.update(content)
        row[:] = decoded(content, str(path))
    labels = None if chosen[0][1] is None else np.array([label for _, label in chosen], np.int64)
    form = "pictures, no labels" if labels is None else f"pictures, labels by {len(classes)} folders of {CLASSES}"
    return Table(pixels, labels, form), digest.hexdigest()


def decoded(content: bytes, where: str) -> np.ndarray:
    """Return the pixels of one picture of 28x28, in shades of gray; the size is checked before it is unpacked."""
    pillow = need("PIL.Image")
    try:
        with pillow.open(io.BytesIO(content)) as picture:
            if picture.size != (SIDE, SIDE):
                width, height = picture.size
                raise Failure(f"{where}: found a picture of {width}x{height}, expected {SIDE}x{SIDE}")
            if picture.has_transparency_data and picture.convert("RGBA").getextrema()[3] != (255, 255):
                raise Failure(f"{where}: found a picture that one can see through, expected shades of gray")
            deep = picture.mode.startswith(("I", "F"))
            pixels = np.asarray(picture if deep else picture.convert("L")).reshape(-1)
    except Failure:
        raise
    except Exception as error:  # whatever Pillow objects to, the file is at fault
        why = f": {error}" if " at 0x" not in str(error) else ""
        raise Failure(f"{where}: not a readable picture ({type(error).__name__}{why})") from None
    return (pixels // 257 if pixels.max() > 255 else pixels).astype(np.uint8)  # 16 bits a pixel


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order that people count: 2.png before 10.png."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    return sorted(found, key=lambda path: [int(part) if part.isdigit() else part for part in _pieces(path.name)])


def _pieces(name: str) -> list[str]:
    return re.split(r"([0-9]+)", name)

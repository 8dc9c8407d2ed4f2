"""Any file that people have reads to the same images and labels, or is refused; never is a label read wrongly."""

import bz2
import gzip
import hashlib
import io
import itertools
import lzma
import os
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from models import data
from models.errors import Failure
from models.files import unpack
from models.files.digits import whole_numbers
from models.files.layout import LABELS
from tests.models.conftest import csv_bytes, idx_bytes

PIXELS = [f"pixel{i}" for i in range(784)]


@pytest.fixture
def table(rng) -> np.ndarray:
    """Sixty rows as MNIST has them: a label, then an image whose border is blank."""
    images = np.zeros((60, 28, 28), int)
    images[:, 4:24, 4:24] = rng.integers(0, 256, (60, 20, 20)) * (rng.random((60, 20, 20)) < 0.4)
    return np.column_stack([rng.permutation(np.arange(60) % 10), images.reshape(60, 784)])


def text(columns, names=None, separator=",", end="\n", write=str) -> str:
    lines = [] if names is None else [separator.join(names)]
    return "".join(line + end for line in lines + [separator.join(map(write, row)) for row in columns])


def loaded(folder, content: bytes | str, name: str = "train.csv") -> data.Dataset:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return data.load(str(path))


def the_same(read: data.Dataset, table: np.ndarray) -> None:
    np.testing.assert_array_equal(read.images, table[:, 1:].astype(np.float32) / 255)
    np.testing.assert_array_equal(read.labels, table[:, 0])
    assert read.images.dtype == np.float32 and read.labels.dtype == np.int64 and read.images.flags.c_contiguous


def place(table: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """The table and its header with the label first, last, in the middle, or first after a column of ids."""
    label, images = table[:, :1], table[:, 1:]
    if where == "last":
        return np.hstack([images, label]), [*PIXELS, "label"]
    if where == "middle":
        return np.hstack([images[:, :300], label, images[:, 300:]]), [*PIXELS[:300], "label", *PIXELS[300:]]
    if where == "after ids":
        return np.hstack([np.arange(len(table))[:, None] + 1, label, images]), ["id", "label", *PIXELS]
    return table, ["label", *PIXELS]


ENCODINGS = {
    "UTF-8": lambda words: words.encode(),
    "BOM": lambda words: words.encode("utf-8-sig"),
    "UTF-16": lambda words: words.encode("utf-16"),
    "UTF-16 BE": lambda words: b"\xfe\xff" + words.encode("utf-16-be"),
    "UTF-16 without mark": lambda words: words.encode("utf-16-le"),
    "UTF-32": lambda words: words.encode("utf-32"),
}
PACKING = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}
NUMBERS = {
    "whole": str,
    "fractions": lambda value: f"{float(value)}",
    "exponents": lambda value: f"{value:.18e}",
    "decimal commas": lambda value: f"{float(value)}".replace(".", ","),
    "quotes": lambda value: f'"{value}"',
}
AXES = {
    "label": ("first", "last", "middle", "after ids"),
    "separator": (",", ";", "\t", "|", " "),
    "end": ("\n", "\r\n", "\r"),
    "encoding": tuple(ENCODINGS),
    "packing": tuple(PACKING),
    "numbers": tuple(NUMBERS),
    "header": (True, False),
}


def layouts():
    """Layouts in which each pair of values of two axes occurs."""
    axes = list(AXES)
    seen, rng = set(), np.random.default_rng(0)
    for one, other in itertools.combinations(axes, 2):
        for pair in itertools.product(AXES[one], AXES[other]):
            if (one, other, pair) in seen:
                continue
            choice = {axis: AXES[axis][rng.integers(len(AXES[axis]))] for axis in axes} | dict(zip((one, other), pair))
            if choice["numbers"] == "decimal commas" and choice["separator"] == ",":
                choice["numbers"] = "fractions" if other != "numbers" else choice["numbers"]
                choice["separator"] = ";" if choice["numbers"] == "decimal commas" else choice["separator"]
            if choice["label"] == "middle":
                choice["header"] = True
            seen |= {(a, b, (choice[a], choice[b])) for a, b in itertools.combinations(axes, 2)}
            yield choice


@pytest.mark.parametrize("layout", list(layouts()), ids=lambda layout: ", ".join(repr(v) for v in layout.values()))
def test_pairs_of_all_that_may_differ(tmp_path, table, layout):
    columns, names = place(table, layout["label"])
    words = text(
        columns, names if layout["header"] else None, layout["separator"], layout["end"], NUMBERS[layout["numbers"]]
    )
    the_same(loaded(tmp_path, PACKING[layout["packing"]](ENCODINGS[layout["encoding"]](words))), table)


# ---- where the label is -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*sorted(LABELS), "Label", "TARGET", '"class"', " label "])
@pytest.mark.parametrize("where", ["first", "last", "middle"])
def test_the_label_by_its_name(tmp_path, table, name, where):
    columns, names = place(table, where)
    read = loaded(tmp_path, text(columns, [name if n == "label" else n for n in names]))
    the_same(read, table)
    assert "label in column" in read.form


@pytest.mark.parametrize("id_name", ["id", "ImageId", "", "index", "Unnamed: 0"])
def test_ids_are_left_out(tmp_path, table, id_name):
    ids = np.arange(len(table))[:, None]
    the_same(loaded(tmp_path, text(np.hstack([ids, table]), [id_name, "label", *PIXELS])), table)
    read = loaded(tmp_path, text(np.hstack([ids, table[:, 1:]]), [id_name, *PIXELS]))
    assert read.labels is None and (read.images * 255).round().astype(int).tolist() == table[:, 1:].tolist()
    words = [[f"row_{row[0]}", *row[1:]] for row in np.hstack([ids, table]).tolist()]
    the_same(loaded(tmp_path, text(words, [id_name, "label", *PIXELS])), table)


@pytest.mark.parametrize("start", [0, 1, 1000])
def test_counted_rows_without_a_header_are_no_labels(tmp_path, table, start):
    ids = np.arange(start, start + len(table))[:, None]
    read = loaded(tmp_path, text(np.hstack([ids, table[:, 1:]])))
    assert read.labels is None and read.images.shape == (60, 784)
    the_same(loaded(tmp_path, text(np.hstack([ids, table]))), table)


HEADERS = {
    "label and numbers": ["label", *map(str, range(784))],
    "label and numbers from 1": ["label", *map(str, range(1, 785))],
    "numbers alone": [*map(str, range(785))],
    "numbers that a row became": None,
    "an index and numbers": ["", *map(str, range(785))],
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("where", ["first", "last"])
def test_headers_that_are_numbers(tmp_path, table, case, where):
    if where == "last" and "label" in case:
        return
    columns, names = place(table, where)[0], HEADERS[case]
    if case == "an index and numbers":
        columns = np.hstack([np.arange(60)[:, None], columns])
    if names is None:  # as pandas makes them unique
        seen: dict[int, int] = {}
        names = []
        for value in columns[7]:
            names.append(f"{value}.{seen[value]}" if seen.setdefault(value, 0) else str(value))
            seen[value] += 1
    the_same(loaded(tmp_path, text(columns, names)), table)


def test_pixels_that_were_sorted_by_their_names_are_put_in_order(tmp_path, table):
    order = sorted(range(784), key=lambda i: PIXELS[i])
    columns = np.hstack([table[:, 1:][:, order], table[:, :1]])
    read = loaded(tmp_path, text(columns, [*(PIXELS[i] for i in order), "label"]))
    the_same(read, table)
    assert "sorted by their names" in read.form


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_separator_at_the_end_of_each_line(tmp_path, table, separator):
    for names in (["label", *PIXELS], None):
        the_same(loaded(tmp_path, text(table, names, separator, separator + "\n")), table)


def test_a_label_that_cannot_be_told_is_refused(tmp_path, table):
    table[:, -1] = table[::-1, 0]
    with pytest.raises(
        Failure, match="found no header, and the first and the last column do not tell .* expected a first line"
    ):
        loaded(tmp_path, text(table))
    the_same(loaded(tmp_path, text(table, ["label", *PIXELS])), table)


@pytest.mark.parametrize("images", ["ink on blank", "ink with a stray dot", "blank on ink", "blank on ink, 0..1"])
def test_a_label_in_the_middle_without_a_header_is_refused(tmp_path, table, images):
    if images == "ink with a stray dot":
        table[5, 1] = 3
    elif images != "ink on blank":
        table[:, 1:] = 255 - table[:, 1:]
    columns = place(table, "middle")[0] / (255 if "0..1" in images else 1)
    columns[:, 300] = table[:, 0]
    with pytest.raises(Failure, match="do not tell which of them is the label"):
        loaded(tmp_path, text(columns))


def test_a_wrong_label_is_not_a_reason_to_take_a_pixel_for_one(tmp_path, table):
    table[40, 0] = 77
    table[3, -1] = 3
    for where, at in (("first", 41), ("last", 41)):
        with pytest.raises(Failure, match=f"line {at}: found label '77'"):
            loaded(tmp_path, text(place(table, where)[0]))


@pytest.mark.parametrize("labels", [[7], [7, 7], [0, 1], [3, 0, 0], [0, 0]])
def test_few_rows(tmp_path, table, labels):
    few = table[: len(labels)]
    few[:, 0] = labels
    if not any(labels):  # as blank as a corner
        with pytest.raises(Failure, match="do not tell which of them is the label"):
            loaded(tmp_path, text(few))
        return
    for where in ("first", "last"):
        the_same(loaded(tmp_path, text(place(few, where)[0])), few)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["label", "class", *PIXELS[:783]], "found 'label' and 'class', of which each may be the label; expected one"),
        (["answer", *PIXELS], "found no column named label among 785, expected 784 columns"),
        (["id", "answer", *PIXELS], "found no column named label among 786"),
    ],
)
def test_headers_that_name_no_label_are_refused(tmp_path, table, names, message):
    columns = np.hstack([np.zeros((60, len(names) - 785), int), table])
    with pytest.raises(Failure, match=f"line 1: {message}"):
        loaded(tmp_path, text(columns, names))


@pytest.mark.parametrize(
    "field", ["1;5", "1 5", '1""5', "1\t5", "0x1F", "1e", "--1", "٣", "1_0", "1,5", "256", "nan", ""]
)
@pytest.mark.parametrize("header", [True, False])
def test_a_field_that_is_no_pixel_is_named_with_its_line(tmp_path, table, field, header):
    words = [list(map(str, row)) for row in table]
    words[20][301] = f'"{field}"' if "," in field else field
    line, name = (22, "pixel300") if header else (21, "column 302")
    with pytest.raises(Failure) as error:
        loaded(tmp_path, text(words, ["label", *PIXELS] if header else None))
    assert f"train.csv: line {line}: found {field!r} in {name}, expected a pixel 0..255" in str(error.value)


@pytest.mark.parametrize("size", [1, 100, 1 << 16, 1 << 22])
def test_blocks_of_any_size_give_the_same(tmp_path, table, monkeypatch, size):
    monkeypatch.setattr(unpack, "BLOCK", size if size > 1 else 37)
    for end in ("\n", "\r\n", "\r"):
        the_same(loaded(tmp_path, text(table, ["label", *PIXELS], end=end).encode("utf-16")), table)
    table[33, 5] = 300
    with pytest.raises(Failure, match="line 35: found '300' in pixel4"):
        loaded(tmp_path, text(table, ["label", *PIXELS], end="\r"))


def test_whole_numbers_agree_with_python_on_anything(rng):
    for _ in range(300):
        alphabet = "0123456789,\n" if rng.random() < 0.7 else "0123456789,\n.- ;"
        made = "".join(rng.choice(list(alphabet), int(rng.integers(1, 40)))) + "\n"
        rows = [line.split(",") for line in made.split("\n")[:-1]]
        columns = len(rows[0])
        good = all(
            len(row) == columns and all(f.isdigit() and len(f) <= 3 and int(f) < 256 for f in row) for row in rows
        )
        read = whole_numbers(made.encode(), b",", columns)
        assert (read is not None) == good, made
        if good:
            assert read.tolist() == [[int(field) for field in row] for row in rows]


# ---- packed -------------------------------------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_zip_archive_is_as_a_folder(tmp_path, table):
    csv = csv_bytes(table)
    files = {"sample_submission.csv": b"ImageId,Label\n1,0\n", "in/train.csv": csv, "in/test.csv": csv_bytes(table[:5])}
    read = loaded(tmp_path, zipped(files | {"__MACOSX/in/._train.csv": b"\0"}), "archive.zip")
    the_same(read, table)
    assert read.origin == str(tmp_path / "archive.zip" / "in" / "train.csv")
    the_same(data.load_test(str(tmp_path / "archive.zip")), table[:5])
    the_same(loaded(tmp_path, zipped({"digits.csv": csv}), "one.zip"), table)
    (tmp_path / "one.zip").rename(tmp_path / "train.csv.zip")
    (tmp_path / "archive.zip").unlink()
    the_same(data.load(str(tmp_path)), table)
    idx = {
        "gzip/emnist-digits-train-images-idx3-ubyte.gz": gzip.compress(idx_bytes(table[:, 1:].reshape(-1, 28, 28))),
        "gzip/emnist-digits-train-labels-idx1-ubyte.gz": gzip.compress(idx_bytes(table[:, 0])),
    }
    assert loaded(tmp_path, zipped(idx), "gzip.zip").labels.tolist() == table[:, 0].tolist()
    with pytest.raises(Failure, match="found several training files, expected one; name one of them: a_train.csv, b_"):
        loaded(tmp_path, zipped({"a_train.csv": csv, "b_train.csv": csv}), "two.zip")
    with pytest.raises(Failure, match="found a zip archive of 1 files without training data"):
        loaded(tmp_path, zipped({"readme.md": b""}), "none.zip")


BOMBS = {
    "zeros": bytes(1 << 20),
    "one endless line": b"1,2," * (1 << 18),
    "good rows": (b"3" + b",0" * 784 + b"\n") * 700,
    "digits": b"1" * (1 << 20),
    "IDX": bytes([0, 0, 8, 3, 0, 0x20, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes((1 << 20) - 16),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("packing", ["gzip", "xz", "bzip2", "zip"])
def test_what_unpacks_to_no_end_is_refused_within_bounds(tmp_path, monkeypatch, bomb, packing):
    monkeypatch.setattr(unpack, "LEAST", 3_000_000)
    content = BOMBS[bomb] * (20 if bomb != "IDX" else 1) + (bytes(20 << 20) if bomb == "IDX" else b"")
    packed = zipped({"train.csv": content}) if packing == "zip" else PACKING[packing](content)
    path = tmp_path / "train.csv.packed"
    path.write_bytes(packed)
    tracemalloc.start()
    try:
        with pytest.raises(Failure, match="packed.*: ") as error:
            data.load(str(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000, (peak, str(error.value))
    if bomb in ("good rows", "IDX"):
        assert "bytes when unpacked from" in str(error.value) and "unpack it and give" in str(error.value)


@pytest.mark.parametrize("packing", ["gzip", "xz", "bzip2", "zip"])
def test_damaged_packing_names_the_file(tmp_path, table, packing):
    content = csv_bytes(table)
    packed = zipped({"train.csv": content}) if packing == "zip" else PACKING[packing](content)
    for damaged in (packed[: len(packed) // 2], packed[:90] + b"damage" * 9 + packed[144:]):
        with pytest.raises(Failure, match=rf"train.csv: truncated or damaged {packing}"):
            loaded(tmp_path, damaged)


def test_archives_that_are_not_read_are_named(tmp_path):
    for start, name in ((b"7z\xbc\xaf'\x1c", "7-Zip"), (b"Rar!\x1a\x07", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")):
        with pytest.raises(Failure, match=f"found a {name} .*unpack it first"):
            loaded(tmp_path, start + bytes(9))


# ---- other formats ------------------------------------------------------------------------------------------


def npz(**arrays) -> bytes:
    np.savez_compressed(buffer := io.BytesIO(), **arrays)
    return buffer.getvalue()


def test_keras_npz_holds_both_parts(tmp_path, table):
    images, labels = table[:, 1:].reshape(-1, 28, 28).astype(np.uint8), table[:, 0].astype(np.uint8)
    content = npz(x_train=images, y_train=labels, x_test=images[:7], y_test=labels[:7])
    read = loaded(tmp_path, content, "mnist.npz")
    the_same(read, table)
    assert "x_train" in read.form and "y_train" in read.form
    the_same(data.load_test(str(tmp_path / "mnist.npz")), table[:7])
    the_same(data.load(str(tmp_path)), table)
    for names in (
        ("train_images", "train_labels"),
        ("training_images", "training_labels"),
        ("X", "y"),
        ("arr_0", "arr_1"),
    ):
        arrays = dict(zip(names, (images, labels), strict=True)) | {"val_images": images[:3], "val_labels": labels[:3]}
        the_same(loaded(tmp_path, npz(**arrays), "named.npz"), table)
    one_hot = npz(x_train=images[..., None], y_train=np.eye(10)[labels])
    the_same(loaded(tmp_path, one_hot, "other.npz"), table)
    assert data.load_test(str(tmp_path / "other.npz")) is None


@pytest.mark.parametrize(
    ("images", "labels", "test"),
    [
        ("kmnist-train-imgs.npz", "kmnist-train-labels.npz", "kmnist-test-imgs.npz"),
        ("X_kannada_MNIST_train.npz", "y_kannada_MNIST_train.npz", "X_kannada_MNIST_test.npz"),
        ("x_train.npy", "y_train.npy", "x_test.npy"),
    ],
)
def test_arrays_find_their_labels_and_their_test_file(tmp_path, table, images, labels, test):
    for name, values in ((images, table[:, 1:].reshape(-1, 28, 28)), (labels, table[:, 0])):
        for part in (name, name.replace("train", "test")):
            if name.endswith("npz"):
                (tmp_path / part).write_bytes(npz(arr_0=values.astype(np.uint8)))
            else:
                np.save(tmp_path / part, values.astype(np.uint8))
    the_same(data.load(str(tmp_path)), table)
    found = data.load_test(str(tmp_path / images))
    the_same(found, table)
    assert found.origin == str(tmp_path / test)


BAD_ARRAYS = {
    "objects": (lambda: npz(x_train=np.array([{}, 3], object)), "objects are never unpickled"),
    "a wrong shape": (lambda: npz(x_train=np.zeros((3, 20, 20))), r"array of shape \(3, 20, 20\)"),
    "a label of 12": (lambda: npz(x_train=np.zeros((3, 784)), y_train=[1, 12, 3]), "row 2: found label 12"),
    "two of images": (lambda: npz(x_train=np.zeros((3, 784)), images=np.zeros((3, 784))), "expected one of images"),
    "other names": (lambda: npz(weights=np.zeros(3)), "found arrays weights, expected one of images"),
    "fewer labels": (lambda: npz(x_train=np.zeros((3, 784)), y_train=[1, 2]), "found 3 images, expected 2"),
    "a pixel of 300": (lambda: npz(x_train=np.full((2, 784), 300)), "found pixels outside 0..255"),
    "not a number": (lambda: npz(x_train=np.full((2, 784), np.nan)), "found pixels outside 0..255"),
}


@pytest.mark.parametrize("fault", BAD_ARRAYS)
def test_bad_arrays_are_named(tmp_path, fault):
    content, message = BAD_ARRAYS[fault]
    with pytest.raises(Failure, match=f"mnist.npz.*{message}"):
        loaded(tmp_path, content(), "mnist.npz")


def test_an_array_that_promises_more_than_there_is_takes_no_memory(tmp_path):
    np.lib.format.write_array_header_1_0(
        buffer := io.BytesIO(), {"descr": "<f8", "fortran_order": False, "shape": (10**9, 784)}
    )
    with pytest.raises(Failure, match=r"x.npy: found 8 bytes of data, expected 6,272,000,000,000"):
        loaded(tmp_path, buffer.getvalue() + bytes(8), "x.npy")


def emnist(folder, table, part, start="emnist-digits-"):
    turned = table[:, 1:].reshape(-1, 28, 28).swapaxes(1, 2)
    (folder / f"{start}{part}-images-idx3-ubyte").write_bytes(idx_bytes(turned))
    (folder / f"{start}{part}-labels-idx1-ubyte").write_bytes(idx_bytes(table[:, 0]))


def test_emnist_is_turned_upright_and_its_test_file_found(tmp_path, table):
    emnist(tmp_path, table, "train")
    emnist(tmp_path, table[:9], "test")
    read = data.load(str(tmp_path))
    the_same(read, table)
    assert "EMNIST's images turned upright" in read.form
    the_same(data.load_test(str(tmp_path)), table[:9])
    turned = np.column_stack([table[:, 0], table[:, 1:].reshape(-1, 28, 28).swapaxes(1, 2).reshape(-1, 784)])
    the_same(loaded(tmp_path, csv_bytes(turned, None), "emnist-mnist-train.csv"), table)
    emnist(tmp_path, table, "train", "emnist-mnist-")
    with pytest.raises(Failure, match="found several training files"):
        data.load(str(tmp_path))


def png(pixels) -> bytes:
    image = pytest.importorskip("PIL.Image", reason="Pillow comes with the extra `models`")
    image.fromarray(pixels.reshape(28, 28).astype(np.uint8)).save(buffer := io.BytesIO(), "PNG")
    return buffer.getvalue()


def test_folders_of_pictures(tmp_path, table):
    for part in ("training", "testing"):
        for i, row in enumerate(table[: 12 if part == "testing" else None]):
            folder = tmp_path / part / str(row[0])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{i}.png").write_bytes(png(row[1:]))
    order = np.argsort(table[:, 0], kind="stable")
    read = data.load(str(tmp_path))
    the_same(read, table[order])
    assert "pictures, labels by 10 folders" in read.form
    few = table[:12]
    the_same(data.load_test(str(tmp_path)), few[np.argsort(few[:, 0], kind="stable")])
    flat = data.load(str(tmp_path / "training" / "3"))
    assert flat.labels is None and len(flat) == 6
    (tmp_path / "training" / "3" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnot")
    with pytest.raises(Failure, match=r"3/bad.png: not a readable picture"):
        data.load(str(tmp_path))


def test_pictures_that_may_mean_something_else_are_refused(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    for digit in "03":
        (tmp_path / digit).mkdir()
        pillow.new("L", (28, 28), int(digit)).save(tmp_path / digit / "one.png")
    (tmp_path / "12").mkdir()
    with pytest.raises(Failure, match="12: found a folder beside those of the digits, expected folders 0..9 alone"):
        data.load(str(tmp_path))
    (tmp_path / "12").rmdir()
    assert data.load_labeled(str(tmp_path)).labels.tolist() == [0, 3]
    pillow.new("RGBA", (28, 28), (0, 0, 0, 90)).save(tmp_path / "3" / "glass.png")  # its ink is in what shines through
    with pytest.raises(Failure, match="3/glass.png: found a picture that one can see through"):
        data.load(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train.csv")
    with pytest.raises(Failure, match="train.csv: found a pipe or a device, expected a file"):
        data.load(str(tmp_path / "train.csv"))


@pytest.mark.parametrize("shape", ["pictures", "columns", "lists"])
def test_parquet(tmp_path, table, shape):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    pyarrow = pytest.importorskip("pyarrow")
    labels = table[:, 0]
    if shape == "pictures":
        columns = {"image": [{"bytes": png(row[1:]), "path": None} for row in table], "label": labels}
    elif shape == "columns":
        columns = {"class": labels, **{name: table[:, 1 + i] for i, name in enumerate(PIXELS)}}
    else:
        columns = {"image": [row.tolist() for row in table[:, 1:].reshape(-1, 28, 28)], "label": labels}
    for part, rows in (("train", 60), ("test", 9)):
        cut = pyarrow.table({name: list(values)[:rows] for name, values in columns.items()})
        parquet.write_table(cut, tmp_path / f"{part}-00000-of-00001.parquet")
    the_same(data.load(str(tmp_path)), table)
    the_same(data.load_test(str(tmp_path)), table[:9])
    path = tmp_path / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Failure, match="not a readable Parquet file"):
        data.load(str(path))


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(Failure, match=r'pip install "tinygrad_np\[parquet\]"'):
        loaded(tmp_path, b"PAR1" + bytes(30), "train.parquet")


# ---- what was used ------------------------------------------------------------------------------------------


def test_what_was_used_is_said(tmp_path, table):
    read = loaded(tmp_path, csv_bytes(table))
    (digest,) = read.files.values()
    assert str(read) == (
        f"{tmp_path / 'train.csv'}: 60 images, CSV, header, label in column 1 (label), pixels 0..255, "
        f"SHA-256 {digest[:12]}..."
    )
    assert digest == hashlib.sha256(csv_bytes(table)).hexdigest()
    facts = {"file": read.origin, "rows": 60, "form": read.form, "pixels": 784, "files": read.files}
    assert read.facts() == facts


def test_a_csv_takes_at_most_three_times_its_images(tmp_path, table):
    large = np.tile(table, (40, 1))
    for content in (csv_bytes(large), csv_bytes(np.column_stack([large[:, 0], np.round(large[:, 1:] / 255, 4)]))):
        (tmp_path / "train.csv").write_bytes(content)
        data.load(str(tmp_path / "train.csv"))  # what is imported on the way is not counted
        tracemalloc.start()
        try:
            images = data.load(str(tmp_path / "train.csv")).images
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 3 * images.nbytes + 8_000_000, peak / images.nbytes

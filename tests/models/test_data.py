"""Every layout reads to the same arrays, told by the bytes; every bad file gets its line: where, found, expected."""

import gzip

import numpy as np
import pytest

from models import data
from models.errors import BadUsage, Failure
from tests.models.conftest import csv_bytes, idx_bytes


def written(tmp_path, content: bytes, name: str = "train.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


LAYOUTS = {
    "Kaggle": lambda rows: csv_bytes(rows),
    "grid header": lambda rows: csv_bytes(rows, "grid"),
    "headerless": lambda rows: csv_bytes(rows, None),
    "CRLF": lambda rows: csv_bytes(rows, end="\r\n"),
    "headerless CRLF": lambda rows: csv_bytes(rows, None, end="\r\n"),
    "BOM": lambda rows: b"\xef\xbb\xbf" + csv_bytes(rows),
    "headerless BOM": lambda rows: b"\xef\xbb\xbf" + csv_bytes(rows, None),
    "gzip": lambda rows: gzip.compress(csv_bytes(rows)),
    "BOM, CRLF and gzip": lambda rows: gzip.compress(b"\xef\xbb\xbf" + csv_bytes(rows, end="\r\n")),
    "no newline at the end": lambda rows: csv_bytes(rows).rstrip(b"\n"),
    "blank lines": lambda rows: b"\n" + csv_bytes(rows).replace(b"\n", b"\n\n") + b"\n \n",
    "semicolons": lambda rows: csv_bytes(rows, separator=";"),
    "tabs": lambda rows: csv_bytes(rows, separator="\t"),
    "quoted header": lambda rows: csv_bytes(rows).replace(b"label", b'"label"').replace(b"pixel7,", b'"pixel7",'),
    "quoted numbers": lambda rows: csv_bytes(rows, None).replace(b",255,", b',"255",'),
    "floats": lambda rows: csv_bytes(rows.astype(float)),
    "label last": lambda rows: b"".join(
        line.partition(b",")[2] + b"," + line.partition(b",")[0] + b"\n" for line in csv_bytes(rows).splitlines()
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_reads_to_the_same_arrays(tmp_path, rows, layout):
    read = data.load(written(tmp_path, LAYOUTS[layout](rows), "anything"))
    assert read.images.dtype == np.float32 and read.images.flags.c_contiguous
    np.testing.assert_array_equal(read.images, rows[:, 1:].astype(np.float32) / 255)
    np.testing.assert_array_equal(read.labels, rows[:, 0])


@pytest.mark.parametrize("header", ["test", None])
def test_pixels_alone_have_no_labels(tmp_path, rows, header):
    path = written(tmp_path, csv_bytes(rows[:, 1:], header), "test.csv")
    read = data.load(path)
    np.testing.assert_array_equal(read.images, rows[:, 1:].astype(np.float32) / 255)
    assert read.labels is None
    with pytest.raises(Failure, match=f"{path}: found no labels, expected 785 columns"):
        data.load_labeled(path)


def _at(line: int, column: int, text: str):
    """Change one field of Kaggle's file; line 1 is the header, column 0 the label."""

    def change(rows):
        lines = [line.split(b",") for line in csv_bytes(rows).splitlines()]
        lines[line - 1][column] = text.encode()
        return b"\n".join(b",".join(fields) for fields in lines)

    return change


def _cut(line: int, fields: int):
    def change(rows):
        lines = csv_bytes(rows).splitlines()
        parts = lines[line - 1].split(b",")
        lines[line - 1] = b",".join((parts + [b"0"] * 9)[:fields])
        return b"\n".join(lines)

    return change


BAD_CSV = {
    "a label of 10": (_at(5, 0, "10"), "line 5: found label '10', expected a whole number 0..9"),
    "a label of -1": (_at(5, 0, "-1"), "line 5: found label '-1', expected a whole number 0..9"),
    "a label of 2.5": (_at(41, 0, "2.5"), "line 41: found label '2.5', expected a whole number 0..9"),
    "no label": (_at(5, 0, ""), "line 5: found label '', expected a whole number 0..9"),
    "a word as label": (_at(5, 0, "seven"), "line 5: found label 'seven', expected a whole number 0..9"),
    "a pixel of 256": (_at(7, 784, "256"), "line 7: found '256' in pixel783, expected a pixel 0..255"),
    "a pixel of -1": (_at(2, 1, "-1"), "line 2: found '-1' in pixel0, expected a pixel 0..255"),
    "a word as pixel": (_at(9, 400, "black"), "line 9: found 'black' in pixel399, expected a pixel 0..255"),
    "no pixel": (_at(9, 400, ""), "line 9: found '' in pixel399, expected a pixel 0..255"),
    "nan": (_at(9, 400, "nan"), "line 9: found 'nan' in pixel399, expected a pixel 0..255"),
    "grouped digits": (_at(9, 400, "1_0"), "line 9: found '1_0' in pixel399, expected a pixel 0..255"),
    "other digits": (_at(9, 400, "\uff11"), "line 9: found '\uff11' in pixel399, expected a pixel 0..255"),
    "a quote that never ends": (_at(9, 400, '"1'), "line 9: found a quote that is not closed, expected a pair"),
    "inf": (_at(9, 400, "inf"), "line 9: found 'inf' in pixel399, expected a pixel 0..255"),
    "a word in the last row": (_at(41, 784, "x"), "line 41: found 'x' in pixel783, expected a pixel 0..255"),
    "a short row": (_cut(12, 784), "line 12: found 784 columns, expected 785"),
    "a long row": (_cut(12, 786), "line 12: found 786 columns, expected 785"),
    "a cut last row": (_cut(41, 3), "line 41: found 3 columns, expected 785"),
    "bytes that are not UTF-8": (lambda rows: csv_bytes(rows).replace(b"\n3,", b"\n\xff3,", 1), "found label"),
    "a header and no rows": (lambda rows: csv_bytes(rows[:0]), "found a header and no rows, expected at least one row"),
    "an index column": (
        lambda rows: b"\n".join(b"0," + line for line in csv_bytes(rows).splitlines()),
        "line 1: found 786 columns, expected 784 columns",
    ),
    "no column named label": (lambda rows: csv_bytes(rows).replace(b"label", b"digit"), "found no column named label"),
    "a pixel's column is missing": (
        lambda rows: b"\n".join(line.rpartition(b",")[0] for line in csv_bytes(rows).splitlines()),
        "line 1: found 784 columns, 783 of them for pixels, expected 784 columns",
    ),
    "prose": (lambda rows: b"<!DOCTYPE html>\n<p>Sign in\n", "line 1: found 1 columns, expected 784 columns"),
    "binary": (lambda rows: b"\x89PNG\r\n\x1a\n\0\0\0", "found binary data that begins with 89 50 4e 47"),
    "a zip archive": (lambda rows: b"PK\3\4\x14\0\0\0", "truncated or damaged zip archive"),
    "empty": (lambda rows: b"", "empty file"),
    "white space": (lambda rows: b"\n \r\n", "empty file"),
    "an empty gzip file": (lambda rows: gzip.compress(b""), "empty file"),
    "a cut gzip file": (lambda rows: gzip.compress(csv_bytes(rows))[:-20], "truncated or damaged gzip file"),
    "a damaged gzip file": (lambda rows: gzip.compress(csv_bytes(rows))[:40] + b"damage" * 9, "damaged gzip file"),
}


@pytest.mark.parametrize("fault", BAD_CSV)
def test_a_bad_file_is_named_with_its_line_what_was_found_and_expected(tmp_path, rows, fault):
    change, message = BAD_CSV[fault]
    path = written(tmp_path, change(rows))
    with pytest.raises(Failure) as error:
        data.load(path)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_line_of_a_fault_counts_blank_lines_and_headerless_files_from_one(tmp_path, rows):
    rows[2, 0] = 11
    with pytest.raises(Failure, match="line 3: found label '11'"):
        data.load(written(tmp_path, csv_bytes(rows, None)))
    with pytest.raises(Failure, match="line 6: found label '11'"):
        data.load(written(tmp_path, b"\n\n" + csv_bytes(rows)))


def test_pixels_that_were_divided_already_are_read_as_they_are(tmp_path, rows):
    for name, pixels in (("shares", np.round(rows[:, 1:] / 255, 3)), ("0 and 1", rows[:, 1:] // 128)):
        read = data.load(written(tmp_path, csv_bytes(np.column_stack([rows[:, 0], pixels]))))
        np.testing.assert_array_equal(read.images, pixels.astype(np.float32))
        np.testing.assert_array_equal(read.labels, rows[:, 0])
        assert read.form.endswith("pixels 0..1" if name == "shares" else "pixels 0 and 1")


def test_a_first_row_with_one_bad_field_is_not_taken_for_a_header(tmp_path, rows):
    content = csv_bytes(rows, None)
    first = content.index(b",") + 1
    with pytest.raises(Failure, match="line 1: found 'x.*' in column 2, expected a pixel"):
        data.load(written(tmp_path, content[:first] + b"x" + content[first:]))


# ---- IDX --------------------------------------------------------------------------------------------------


@pytest.fixture
def idx(tmp_path, rows):
    """IDX files as MNIST has them, in a folder."""
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(rows[:, 1:].reshape(-1, 28, 28)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(rows[:, 0]))
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("style", ["-idx", ".idx"])
def test_idx_images_find_their_labels_and_their_test_file(idx, rows, packed, style):
    for path in [*idx.iterdir()]:
        content = path.read_bytes()
        path.unlink()
        for start in ("train", "t10k"):
            name = path.name.replace("-idx", style).replace("train", start) + ".gz" * packed
            (idx / name).write_bytes(gzip.compress(content) if packed else content)
    for read in (data.load_labeled(str(idx)), data.load_test(str(idx))):
        np.testing.assert_array_equal(read.images, rows[:, 1:].astype(np.float32) / 255)
        np.testing.assert_array_equal(read.labels, rows[:, 0])
    assert "t10k-images" in data.load_test(str(idx)).origin


BAD_IDX = {
    "truncated images": (
        "images",
        lambda raw: raw[:-1],
        "truncated: found 31,375 bytes, expected 31,376 for 40 images",
    ),
    "a header cut short": ("images", lambda raw: raw[:10], "truncated: found 10 bytes, expected an IDX header of 16"),
    "bytes after the images": ("images", lambda raw: raw + b"x", "too long: found 31,377 bytes, expected 31,376"),
    "truncated labels": ("labels", lambda raw: raw[:-3], "truncated: found 45 bytes, expected 48 for 40 labels"),
    "labels named images": (
        "images",
        lambda raw: bytes([0, 0, 8, 1, 0, 0, 0, 1, 5]),
        "found a file of labels (magic number 2049), expected an IDX file of images",
    ),
    "images named labels": (
        "labels",
        lambda raw: bytes([0, 0, 8, 3, 0, 0, 0, 0]),
        "found a file of images (magic number 2051), expected an IDX file of labels",
    ),
    "another magic number": (
        "labels",
        lambda raw: b"\0\0\x0d\x01" + raw[4:],
        "found magic number 3329, expected an IDX",
    ),
    "another size": ("images", lambda raw: idx_bytes(np.zeros((2, 32, 32))), "found images of 32x32, expected 28x28"),
    "no images": ("images", lambda raw: idx_bytes(np.zeros((0, 28, 28))), "found no images, expected at least one"),
    "a huge promise": (
        "images",
        lambda raw: raw[:4] + b"\xff" * 12 + raw[16:],
        "truncated: found 31,376 bytes, expected 79,228",
    ),
    "a label of 12": ("labels", lambda raw: raw[:20] + b"\x0c" + raw[21:], "row 13: found label 12, expected 0..9"),
    "fewer labels": ("labels", lambda raw: idx_bytes(np.zeros(39)), "found 40 images, expected 39"),
    "empty labels": ("labels", lambda raw: b"", "empty file"),
}


@pytest.mark.parametrize("fault", BAD_IDX)
def test_a_bad_idx_file_is_named_with_what_was_found_and_expected(idx, fault):
    kind, change, message = BAD_IDX[fault]
    path = next(idx.glob(f"*{kind}*"))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Failure) as error:
        data.load_labeled(str(idx))
    assert message in str(error.value) and str(error.value).startswith(str(idx)) and "\n" not in str(error.value)


# ---- places -----------------------------------------------------------------------------------------------


def test_missing_files_and_folders_without_data_are_named(tmp_path):
    with pytest.raises(Failure, match="nowhere.csv: no such file or folder"):
        data.load(str(tmp_path / "nowhere.csv"))
    with pytest.raises(Failure, match="found a folder without training data, expected one of train.csv"):
        data.load(str(tmp_path))


def test_sources_that_are_not_there_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TINYGRAD_NP_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Failure, match="python -m models download mnist"):
        data.load("mnist")
    with pytest.raises(BadUsage, match="needs --data PATH/TO/train.csv, Kaggle's file"):
        data.load("kaggle")


def test_the_digits_are_scikit_learns():
    digits = data.load("digits")
    assert digits.images.shape == (1797, 64) and digits.images.max() == 1 and digits.images.dtype == np.float32
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


# ---- split ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_out", "rows_", "expected"), [(0.2, None, (32, 8)), (5, None, (35, 5)), (5, 20, (15, 5))]
)
def test_a_split_is_a_partition_that_the_seed_decides(rows, held_out, rows_, expected):
    dataset = data.Dataset(np.arange(40.0)[:, None], np.arange(40), "numbers")
    parts = data.split(dataset, held_out, rows_, seed=3)
    assert tuple(map(len, parts)) == expected
    together = np.concatenate([part.labels for part in parts])
    assert len(set(together)) == sum(expected)
    np.testing.assert_array_equal(parts[1].labels, data.split(dataset, held_out, rows_, seed=3)[1].labels)
    assert list(parts[1].labels) != list(data.split(dataset, held_out, rows_, seed=4)[1].labels)


@pytest.mark.parametrize(
    ("held_out", "rows_", "message"),
    [
        (5, 41, r"numbers: rows=41 asks for more rows than there are \(40\)"),
        (40, None, r"numbers: held_out=40 of 40 rows leaves nothing .* expected 1..39 rows"),
        (50, None, r"held_out=50 of 40 rows"),
        (0.001, None, r"held_out=0.001 of 40 rows"),
    ],
)
def test_more_rows_than_there_are_is_refused(held_out, rows_, message):
    with pytest.raises(Failure, match=message):
        data.split(data.Dataset(np.zeros((40, 1)), np.zeros(40), "numbers"), held_out, rows_, 0)


def test_the_fingerprint_sees_one_bit_of_a_pixel_a_label_and_the_order(rows):
    images, labels = rows[:, 1:].astype(np.float32), rows[:, 0]
    prints = {data.Dataset(images, labels, "a").fingerprint(), data.Dataset(images, labels, "b").fingerprint()}
    assert len(prints) == 1
    pixel, label = images.copy(), labels.copy()
    pixel[3, 5] = np.nextafter(pixel[3, 5], np.float32(300))
    label[3] += 1
    for other in ((pixel, labels), (images, label), (images[::-1], labels)):
        prints.add(data.Dataset(*other, "").fingerprint())
    assert len(prints) == 4


def test_the_real_files_agree_whatever_their_layout(mnist, tmp_path):
    read = data.load_labeled(str(mnist))
    assert read.images.shape == (60000, 784) and read.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    table = np.column_stack([read.labels, np.round(read.images * 255).astype(int)])[:3000]
    (tmp_path / "t").write_bytes(csv_bytes(table, None))
    small = data.load(str(tmp_path / "t"))
    np.testing.assert_array_equal(small.images, read.images[:3000])
    np.testing.assert_array_equal(small.labels, read.labels[:3000])
    assert len(data.load_test(str(mnist))) == 10000

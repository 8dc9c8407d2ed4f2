"""Small files in the layouts that people have, drawn from a seed; and where the real MNIST is, if it is anywhere."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from models.cli import main
from models.download import mnist_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mnist() -> Path:
    """The folder of the four IDX files; the test is skipped, by name, where they are not."""
    folder = Path(os.environ.get("TINYGRAD_NP_MNIST") or mnist_folder())
    if not any(folder.glob("train-images-idx3-ubyte*")):
        pytest.skip(
            "the real MNIST is not here: run `python -m models download mnist`, or set TINYGRAD_NP_MNIST "
            "to the folder of its IDX files"
        )
    return folder


@pytest.fixture
def plain(monkeypatch):
    """Runs without pictures, which take longer than a small training and have tests of their own."""
    for name in ("curves", "confusion"):
        monkeypatch.setattr(f"models.plots.{name}", lambda figures, path, title: path.write_bytes(b"a picture"))
    monkeypatch.setattr("models.plots.samples", lambda *parts: parts[4].write_bytes(b"a picture"))
    monkeypatch.setattr("models.finish.draw_graph", lambda *parts: parts[4].write_bytes(b"a picture"))


@pytest.fixture
def rows() -> np.ndarray:
    """Forty rows of a label and 784 pixels; the first pixels tell the label, so that they can be learned."""
    rng = np.random.default_rng(7)
    table = rng.integers(0, 256, (40, 785))
    table[:, 0] = np.arange(40) % 10
    for row in table:
        row[1:301] = 0
        row[1 + 30 * row[0] : 31 + 30 * row[0]] = 255
    return table


def csv_bytes(table: np.ndarray, header: str | None = "kaggle", end: str = "\n", separator: str = ",") -> bytes:
    """The bytes of a CSV file: header `kaggle`, `grid` (1x1..28x28), `test` (no label) or None."""
    names = {
        "kaggle": ["label", *(f"pixel{i}" for i in range(784))],
        "test": [f"pixel{i}" for i in range(784)],
        "grid": ["label", *(f"{r}x{c}" for r in range(1, 29) for c in range(1, 29))],
        None: None,
    }[header]
    lines = [names] if names else []
    lines += [[str(value) for value in row] for row in table]
    return "".join(separator.join(line) + end for line in lines).encode()


def idx_bytes(array: np.ndarray) -> bytes:
    """The bytes of an IDX file of unsigned bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def models(*arguments: object, encoding: str = "utf-8", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `python -m models` in this process, into streams that are no terminal."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding, newline="") for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]), mock.patch.dict(os.environ, environment):
        code = main(list(map(str, arguments)))
    written = []
    for stream in streams:
        stream.flush()
        written.append(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(arguments, code, *written)


def program(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m models` as a user does: a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "models", *map(str, arguments)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=600,
        env=os.environ | environment,
    )


def the_error(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The error of a command that failed as it should: that exit code and one line on stderr, no result."""
    assert (done.returncode, done.stdout) == (code, ""), done
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
    return lines[0]

"""A run folder: all that a training leaves behind, written so that a kill at any moment loses one epoch at most.

`run.json` says what was asked, `checkpoint.safetensors` where training stands, `history.csv` how each epoch went. After
an epoch a line is appended to the history and then the checkpoint is replaced, in one step: lines beyond the
checkpoint's epoch are from the epoch that was cut short, and are dropped on resuming. A training that fails before it
has saved an epoch leaves everything as it was.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_np.io import atomic_write, load, save

from .errors import BadUsage, Failure
from .recipes import Recipe

COLUMNS = ("epoch", "train_loss", "train_accuracy", "held_out_loss", "held_out_accuracy", "seconds")
FILES = {
    "run.json": "what was asked: recipe, settings, data, versions",
    "weights.safetensors": "the trained weights",
    "metrics.json": "the figures above",
    "history.csv": "loss and accuracy of every epoch",
    "curves.png": "the same, drawn",
    "confusion.png": "what is taken for what, on the held-out images",
    "samples.png": "held-out images with their predictions",
    "graph.svg": "the computation graph that was differentiated",
    "submission.csv": "predictions for the test file, in Kaggle's form",
    "checkpoint.safetensors": "where training stands, for --resume",
}


class Run:
    """The folder of one run and what its run.json says; `with run:` undoes what an error leaves before an epoch."""

    def __init__(self, folder: Path, asked: dict[str, Any]) -> None:
        self.folder, self.asked = folder, asked
        self.replaced: Path | None = None
        self.undo = ExitStack()  # what an error takes back, until an epoch is saved
        self.recipe: Recipe = Recipe.from_settings(asked["recipe"], asked["settings"])

    @classmethod
    def start(cls, folder: Path, asked: dict[str, Any], force: bool = False) -> Run:
        """Claim an empty place for a run, or fail and leave it alone; `force` replaces the run that is there.

        What is replaced lies in a folder of its own, and comes back, until the new run has saved an epoch.
        """
        check_free(folder, force)
        run = cls(folder, asked)
        with run:
            if force and folder.exists():
                run.put_aside()
            for path in (*reversed(folder.parents), folder):
                if not path.exists():
                    path.mkdir(exist_ok=True)
                    run.undo.callback(_remove_if_empty, path)
            write_json(folder / "run.json", asked)
            run.undo.callback((folder / "run.json").unlink, missing_ok=True)
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Return the run in a folder."""
        path = folder / "run.json"
        try:
            return cls(folder, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise Failure(f"{folder}: found no run (no run.json), expected a folder that `train` wrote") from None
        except (ValueError, KeyError, TypeError, AttributeError, BadUsage) as error:
            raise Failure(f"{path}: not a run's description ({type(error).__name__}: {error})") from None

    def put_aside(self) -> None:
        """Move the files of the run that is there out of the way."""
        there = [name for name in FILES if (self.folder / name).exists()]
        if there:
            self.replaced = aside = Path(tempfile.mkdtemp(prefix=".replaced-", dir=self.folder))
            self.undo.callback(aside.rmdir)
            for name in there:
                os.replace(self.folder / name, aside / name)
                self.undo.callback(os.replace, aside / name, self.folder / name)

    def resume(self, asked: dict[str, Any]) -> Run:
        """Return the run to go on with, or fail where what is asked now is not what was asked then.

        Only the number of epochs may change, and where the data lie.
        """
        old, new = _facts(self.asked), _facts(asked)
        for key in new:
            if old.get(key) != new[key] and key != "epochs":
                raise Failure(
                    f"{self.folder}: the run has {key}={_short(old.get(key))}, found {_short(new[key])}; "
                    "--resume goes on with the same settings and data, and only epochs may differ"
                )
        stands = self.checkpoint()
        if stands is not None and int(stands["epoch"]) > new["epochs"]:
            raise Failure(
                f"{self.folder}: the run has {int(stands['epoch'])} epochs behind it, found "
                f"epochs={new['epochs']}, expected at least as many"
            )
        if new["epochs"] != old["epochs"] and new["schedule"] != "constant":
            print(
                f"note: {self.folder}: {new['schedule']} was laid out for {old['epochs']} epochs, so that going on to "
                f"{new['epochs']} does not end as {new['epochs']} at once would",
                file=sys.stderr,
            )
        for name in FILES:  # what a kill left of files half written
            for leftover in self.folder.glob(f".{name}.*.tmp"):
                leftover.unlink(missing_ok=True)
        run, path = Run(self.folder, asked), self.folder / "run.json"
        run.undo.callback(write_text, path, [path.read_text(encoding="utf-8")])
        write_json(path, asked)
        return run

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            self.undo.close()

    # ---- where training stands ----------------------------------------------------------------------------

    def checkpoint(self) -> dict[str, Any] | None:
        """Return the state after the last whole epoch, or None before the first; the history is cut to fit it.

        Failure names the file that is damaged.
        """
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return None
        state = read_state(path)
        for name in ("epoch", "model", "optimizer", "best"):
            if name not in state:
                raise Failure(f"{path}: found no {name!r}, expected a checkpoint that `train` wrote")
        history, epoch = self.folder / "history.csv", int(state["epoch"])
        lines = self._history(history)
        if len(lines) < epoch:
            raise Failure(f"{history}: found {len(lines)} epochs, expected {epoch}, as many as the checkpoint has")
        write_text(history, [",".join(line) + "\n" for line in [list(COLUMNS), *lines[:epoch]]])
        return state

    @staticmethod
    def _history(path: Path) -> list[list[str]]:
        """Return the fields of each epoch's line up to the first that is not whole; Failure without a header."""
        try:
            header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
        except FileNotFoundError:
            raise Failure(f"{path}: no such file, expected the history that belongs to the checkpoint") from None
        if header != ",".join(COLUMNS):
            raise Failure(f"{path}: line 1: found {header[:60]!r}, expected {','.join(COLUMNS)}")
        table = [line.split(",") for line in lines]
        good = [_is_epoch(fields, number) for number, fields in enumerate(table, start=1)]
        return table[: good.index(False)] if False in good else table

    def begin_history(self) -> None:
        """Write the history's header."""
        path = self.folder / "history.csv"
        if not path.exists():
            self.undo.callback(path.unlink, missing_ok=True)
        write_text(path, [",".join(COLUMNS) + "\n"])

    def save_epoch(self, figures: Mapping[str, float], state: Mapping[str, Any]) -> None:
        """Record a whole epoch: its line in the history, then the state it ended with."""
        with (self.folder / "history.csv").open("a", newline="\n") as file:
            file.write(",".join(f"{figures[name]:.6g}" for name in COLUMNS) + "\n")
        # Thousands of epochs may pass in a few seconds: waiting for the disk each time would take longer than they do.
        save(self.folder / "checkpoint.safetensors", state, sync=False)
        self.undo.pop_all()
        if self.replaced is not None:
            shutil.rmtree(self.replaced, ignore_errors=True)
            self.replaced = None

    def history(self) -> dict[str, np.ndarray]:
        """Return the history's columns by name."""
        lines = np.array(self._history(self.folder / "history.csv"), float).reshape(-1, len(COLUMNS))
        return dict(zip(COLUMNS, lines.T, strict=True))

    # ---- what it ended with -------------------------------------------------------------------------------

    def keep(self, weights: Mapping[str, np.ndarray]) -> None:
        """Write the trained weights."""
        save(self.folder / "weights.safetensors", weights)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the trained weights by name."""
        path = self.folder / "weights.safetensors"
        if not path.exists():
            raise Failure(
                f"{path}: no such file: the training did not end; "
                f"go on with `train {self.recipe.name} --out {self.folder} --resume`"
            )
        return read_state(path)

    def fill(self, model: Any, weights: Mapping[str, np.ndarray]) -> None:
        """Load the weights into a model, or fail with the name of each entry that does not fit."""
        try:
            model.load_state_dict(weights)
        except (ValueError, TypeError) as error:
            raise Failure(f"{self.folder / 'weights.safetensors'}: {error}") from None


def free_name(recipe: str) -> Path:
    """Return the first folder of runs/RECIPE, runs/RECIPE-2, ... that holds no run yet."""
    return next(folder for folder in _names(recipe) if not any((folder / name).exists() for name in FILES))


def newest(recipe: str) -> Path:
    """Return the last folder of runs/RECIPE, runs/RECIPE-2, ... before the first free one; or that one."""
    held = list(itertools.takewhile(holds_run, _names(recipe)))
    return held[-1] if held else free_name(recipe)


def _names(recipe: str) -> Iterator[Path]:
    yield Path("runs") / recipe
    for number in itertools.count(2):
        yield Path("runs") / f"{recipe}-{number}"


def check_free(folder: Path, force: bool = False) -> None:
    """Fail where a folder already holds a run, or files that a run would replace; `force` allows that."""
    if folder.exists() and not folder.is_dir():
        raise Failure(f"{folder}: found a file, expected a folder or a free name")
    if force:
        return
    if holds_run(folder):
        raise Failure(
            f"{folder}: already holds a run; go on with it by --resume, replace it by --force, "
            "or choose another folder with --out"
        )
    for name in FILES:
        if (folder / name).exists():
            raise Failure(f"{folder / name}: exists already and would be replaced; choose another folder with --out")


def holds_run(folder: Path) -> bool:
    """Say whether a run was started in this folder."""
    return (folder / "run.json").exists()


def _is_epoch(fields: list[str], number: int) -> bool:
    """Say whether these are the figures of that epoch."""
    try:
        return len([float(field) for field in fields]) == len(COLUMNS) and float(fields[0]) == number
    except ValueError:
        return False


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # somebody else's file came into it
        folder.rmdir()


def read_state(path: Path) -> dict[str, Any]:
    """Read a safetensors file, or fail with its name."""
    try:
        return load(path)
    except ValueError as error:
        raise Failure(str(error)) from None


def write_text(path: Path, lines: Iterable[str]) -> None:
    """Replace a text file in one step."""
    with atomic_write(path) as file:
        file.writelines(line.encode("utf-8", "surrogateescape") for line in lines)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_text(path, [json.dumps(value, indent=2) + "\n"])


def write_submission(path: Path, labels: np.ndarray) -> None:
    """Write predictions in Kaggle's form: the header `ImageId,Label`, ids from 1."""
    write_text(path, ["ImageId,Label\n", *(f"{i},{label}\n" for i, label in enumerate(labels, start=1))])


def _facts(asked: dict[str, Any]) -> dict[str, Any]:
    """What decides the weights: the recipe, its settings and the data; not where the data lie, nor versions."""
    return {"recipe": asked["recipe"], **asked["settings"], "data SHA-256": asked["data"]["sha256"]}


def _short(value: Any) -> str:
    return f"{value[:12]}..." if isinstance(value, str) and len(value) > 20 else str(value)

"""One loop, the same bits: whether stopped, killed or not; whatever the optimizer; and no memory that grows."""

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from models import data, recipes, train
from models.commands import describe
from models.errors import Failure
from models.run import Run
from tests.models.conftest import ROOT, csv_bytes, models, program, the_error
from tinygrad_np.io import load

SMALL = {"rows": "300", "epochs": "4", "hidden": "12,8", "batch_size": "32", "lr": "0.5"} | {
    "batch_norm": "no",
    "momentum": "0",
    "schedule": "constant",
    "smoothing": "0",
    "noise": "0",
    "average": "0",
}


def trained(folder, epochs: int, stop_after: int | None = None, name: str = "digits-relu10", **changes: str) -> Run:
    """Train a small network on the digits; `stop_after` breaks it off between two epochs, as an interrupt would."""
    recipe = recipes.find(name).with_options(SMALL | changes | {"epochs": str(epochs)})
    whole = data.load("digits")
    training, held_out = data.split(whole, recipe.held_out, recipe.rows, recipe.seed)
    asked = describe(recipe, "digits", whole)
    if (folder / "run.json").exists():
        run = Run.open(folder).resume(asked)
    else:
        run = Run.start(folder, asked)

    def after_epoch(figures):
        if figures["epoch"] == stop_after:
            raise KeyboardInterrupt

    try:
        train.train(run, training, held_out, after_epoch)
    except KeyboardInterrupt:
        pass
    return run


def weights(folder) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in load(folder / "weights.safetensors").items()}


def history(folder) -> list[str]:
    """The lines of the history without their last column, the time each epoch took."""
    return [line.rpartition(",")[0] for line in (folder / "history.csv").read_text().splitlines()]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(changes, id=",".join(f"{key}={value}" for key, value in changes.items()), marks=marks)
        for changes, marks in (
            ({"optimizer": "sgd", "dropout": "0.2"}, ()),
            ({"optimizer": "adam", "l2": "1e-3", "dropout": "0.2", "lr": "0.01"}, pytest.mark.slow),
            ({"optimizer": "adamw", "lr": "0.01"}, pytest.mark.slow),
            ({"optimizer": "rmsprop", "lr": "0.01"}, pytest.mark.slow),
            ({"optimizer": "adagrad", "lr": "0.01"}, pytest.mark.slow),
            ({"batch_size": "full"}, ()),
            ({"targets": "one-hot", "keep": "best"}, pytest.mark.slow),
            ({"hidden": "none"}, pytest.mark.slow),
        )
    ],
)
def test_a_stopped_training_ends_with_the_same_bits(tmp_path, changes):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trained(whole, 4, **changes)
    for stop in (1, 3, None):
        trained(parts, 4, stop, **changes)
    assert weights(parts) == weights(whole) and len(weights(whole)) == (2 if "hidden" in changes else 6)
    assert history(parts) == history(whole) and len(history(whole)) == 5


def test_another_seed_ends_with_other_weights(tmp_path):
    trained(tmp_path / "a", 1)
    trained(tmp_path / "b", 1, seed="1")
    assert weights(tmp_path / "a") != weights(tmp_path / "b")


def test_more_epochs_continue_a_finished_run(tmp_path):
    trained(tmp_path / "a", 3, dropout="0.2")
    trained(tmp_path / "a", 6, dropout="0.2")
    trained(tmp_path / "b", 6, dropout="0.2")
    assert weights(tmp_path / "a") == weights(tmp_path / "b") and history(tmp_path / "a") == history(tmp_path / "b")
    with pytest.raises(Failure, match="the run has 6 epochs behind it, found epochs=5, expected at least as many"):
        trained(tmp_path / "a", 5, dropout="0.2")


@pytest.mark.parametrize("name", [r.name for r in recipes.RECIPES.values() if r.schedule == "constant"])
def test_more_epochs_are_the_same_bits_as_all_at_once(tmp_path, monkeypatch, name):
    recipe = recipes.find(name)
    monkeypatch.setattr(train, "COMPILED", 10)  # steps: those of full-batch descent, only where there are 12
    kept = {key: str(getattr(recipe, key)) for key in ("lr", "batch_norm", "momentum", "smoothing", "noise", "average")}
    kept |= {"batch_norm": "yes" if recipe.batch_norm else "no", "held_out": "0.2", "rows": "200"}
    for folder, *epochs in ("a", 3, 12), ("b", 12):
        for number in epochs:
            trained(tmp_path / folder, number, name=name, **kept | {"batch_size": str(recipe.batch_size or "full")})
    assert weights(tmp_path / "a") == weights(tmp_path / "b") and history(tmp_path / "a") == history(tmp_path / "b")


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_a_schedule_of_all_epochs_says_that_more_of_them_are_not_those_at_once(tmp_path, capsys, schedule):
    trained(tmp_path, 1, schedule=schedule)
    assert not capsys.readouterr().err
    trained(tmp_path, 2, schedule=schedule)
    said = capsys.readouterr().err
    assert f"note: {tmp_path}: {schedule} was laid out for 1 epochs" in said and said.count("\n") == 1


def test_an_epoch_that_was_cut_short_leaves_no_line_in_the_history(tmp_path):
    trained(tmp_path / "a", 5, stop_after=3)
    with (tmp_path / "a" / "history.csv").open("a") as file:
        file.write("4,0.1,0.9,0.1")  # killed between the history's line and the checkpoint
    (tmp_path / "a" / ".checkpoint.safetensors.99.tmp").write_bytes(b"half a checkpoint")
    trained(tmp_path / "a", 5)
    trained(tmp_path / "b", 5)
    assert history(tmp_path / "a") == history(tmp_path / "b")
    assert not list((tmp_path / "a").glob(".*"))


def test_best_keeps_the_weights_of_the_best_epoch_and_patience_stops(tmp_path):
    run = trained(tmp_path / "best", 40, keep="best", patience="4", lr="0.3")
    figures = run.history()["held_out_accuracy"]
    best = int(np.argmax(figures))
    assert len(figures) == best + 1 + 4 < 40
    trained(tmp_path / "last", best + 1, lr="0.3")
    assert weights(tmp_path / "best") == weights(tmp_path / "last")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": "0.25"}, "the run has lr=0.5, found 0.25"),
        ({"seed": "9"}, "the run has seed=0, found 9"),
        ({"hidden": "5"}, r"the run has hidden=\[12, 8\], found \[5\]"),
        (
            {"name": "mnist-relu10", "lr": "0.5", "held_out": "0.2"},
            "the run has recipe=digits-relu10, found mnist-relu10",
        ),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(tmp_path, change, message):
    trained(tmp_path / "run", 2)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(Failure, match=message):
        trained(tmp_path / "run", 2, **change)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_a_run_is_not_resumed_with_other_data(tmp_path, rows):
    for name, table in (("a.csv", rows), ("b.csv", rows[::-1])):
        (tmp_path / name).write_bytes(csv_bytes(table))
    common = ("train", "mnist-relu10", "--set", "held_out=8", "--epochs", 2, "--out", tmp_path / "run")
    assert models(*common, "--data", tmp_path / "a.csv").returncode == 0
    assert "the run has data SHA-256=" in the_error(models(*common, "--data", tmp_path / "b.csv", "--resume"))


def test_a_diverging_training_says_so_and_keeps_its_last_checkpoint(tmp_path):
    with pytest.raises(Failure, match=r"epoch \d: the loss became (nan|inf), .* try a smaller lr \(--set lr=1e\+19\)"):
        trained(tmp_path / "run", 5, lr="1e20")
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_training_holds_no_more_memory_after_epoch_50_than_after_epoch_2(tmp_path):
    held, cycles, recipe = {}, [], recipes.find("digits-relu10").with_options({"epochs": "50", "hidden": "12,8"})
    whole = data.load("digits")
    parts = data.split(whole, recipe.held_out, recipe.rows, recipe.seed)
    run = Run.start(tmp_path / "run", describe(recipe, "digits", whole))

    def after_epoch(figures):
        if figures["epoch"] in (1, 2, 50):
            cycles.append(gc.collect())  # it empties Python's free lists as well, which are no leak
            held[figures["epoch"]] = tracemalloc.get_traced_memory()[0]

    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        train.train(run, *parts, after_epoch)
    finally:
        tracemalloc.stop()
        gc.enable()
    scores_of_an_epoch = 4 * 10 * len(parts[0])  # what is held of each epoch, if anything, is more than this
    assert held[50] - held[2] < scores_of_an_epoch, held
    assert not any(cycles[1:]), cycles  # graphs die without the cyclic collector


# ---- kill -9 ----------------------------------------------------------------------------------------------


SETTINGS = {
    "perceptron": ["rows=500", "batch_size=100", "dropout=0.1", "optimizer=adam", "lr=0.01"],
    "convolutions": [
        "rows=200",
        "conv=4x3p,6x3",
        "hidden=none",
        "batch_size=64",
        "dropout=0.1",
        "average=0.9",
        "shift=1",
        "turn=10",
        "zoom=0.1",
        "elastic=5",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(("network", "number"), [("perceptron", 2), *((network, 40) for network in SETTINGS)])
def test_a_killed_training_resumes_to_the_same_bits(tmp_path, network, number):
    """Killed between two epochs and within them, early and late; each time it goes on, and ends as if nothing was."""
    options = ["train", "digits-relu10", "--epochs", str((12 if network == "convolutions" else 30) * number)]
    options += [word for setting in SETTINGS[network] for word in ("--set", setting)]
    assert program(*options, "--out", tmp_path / "whole").returncode == 0
    killed, folder = 0, tmp_path / "killed"
    for pause in np.random.default_rng(number).uniform(0, 0.15, number):
        process = subprocess.Popen(
            [sys.executable, "-m", "models", *options, "--out", folder, "--resume"],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        before = epochs(folder)
        deadline = time.monotonic() + 120
        while epochs(folder) <= before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if (folder / "history.csv").exists() and (folder / "checkpoint.safetensors").exists():
            lines, stands = epochs(folder), int(load(folder / "checkpoint.safetensors")["epoch"])
            assert 0 <= lines - stands <= 1  # at most the epoch under way is lost
    assert killed >= number // 2 and 0 < epochs(folder)
    done = program(*options, "--out", folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert weights(folder) == weights(tmp_path / "whole") and history(folder) == history(tmp_path / "whole")
    assert {path.name for path in folder.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


def epochs(folder) -> int:
    """How many lines of epochs the history has."""
    path = folder / "history.csv"
    return path.read_text().count("\n") - 1 if path.exists() else 0

"""Runs in any surroundings: repeated, resumed by folder alone, replaced, locked, compared, reported, damaged."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from models import data, recipes, train
from models.batches import batches
from models.cli import main
from models.lock import Locked, locked
from models.networks import build
from models.run import Run
from tests.models.conftest import ROOT, csv_bytes, models, program
from tests.models.test_train import history, trained, weights
from tinygrad_np.io import load

SET = ("rows=200", "hidden=4", "batch_norm=no", "schedule=constant", "lr=0.5", "noise=0")
QUICK = [word for setting in SET for word in ("--set", setting)] + ["--no-jit"]
CNN = {
    "conv": "4x3p,6x3",
    "hidden": "none",
    "batch_norm": "yes",
    "momentum": "0.9",
    "schedule": "one-cycle",
    "average": "0.9",
    "shift": "1",
    "turn": "10",
    "zoom": "0.1",
    "elastic": "5",
    "smoothing": "0.1",
    "dropout": "0.1",
    "l2": "1e-4",
    "rows": "150",
}


def quick(*arguments: object) -> int:
    return main(["train", *map(str, arguments)])


def test_train_may_be_repeated_and_each_run_has_a_folder_of_its_own(tmp_path, monkeypatch, capsys, plain):
    monkeypatch.chdir(tmp_path)
    for name in ("digits-relu10", "digits-relu10-2", "digits-relu10-3"):
        assert quick("digits-relu10", "--epochs", 1, *QUICK) == 0
        assert Run.open(tmp_path / "runs" / name).recipe.epochs == 1
    assert quick("digits-relu10", "--epochs", 2, *QUICK, "--resume") == 0  # the newest
    assert [len(Run.open(p).history()["epoch"]) for p in sorted((tmp_path / "runs").iterdir())] == [1, 1, 2]
    capsys.readouterr()


def test_a_run_is_resumed_by_its_folder_alone(tmp_path, capsys, plain):
    assert quick("digits-relu10", "--epochs", 2, *QUICK, "--out", tmp_path / "a") == 0
    assert quick("--resume", tmp_path / "a", "--epochs", 4, "--no-jit") == 0
    assert quick("digits-relu10", "--epochs", 4, *QUICK, "--out", tmp_path / "b") == 0
    assert weights(tmp_path / "a") == weights(tmp_path / "b") and history(tmp_path / "a") == history(tmp_path / "b")
    (tmp_path / "a" / "weights.safetensors").unlink()
    assert quick("--resume", tmp_path / "a", "--no-jit") == 0 and weights(tmp_path / "a") == weights(tmp_path / "b")
    said = capsys.readouterr()
    for arguments, message in (
        (["--resume", tmp_path / "a", "--set", "lr=0.1"], "the run has lr=0.5, found 0.1"),
        (["--resume", tmp_path / "none"], "found no run"),
        (["mnist-relu10", "--resume", tmp_path / "a"], "is a run of digits-relu10, found the recipe mnist-relu10"),
        (["--resume", tmp_path / "a", "--force"], "found both, expected one"),
        (["--resume", tmp_path / "a", "--out", tmp_path / "b"], "found two folders, expected one"),
        ([], "expected a recipe, or --resume RUN"),
    ):
        assert quick(*arguments) in (1, 2)
        said = capsys.readouterr()
        assert message in said.err and said.out == "" and said.err.count("\n") == 1


def test_force_replaces_a_run_and_gives_it_back_where_nothing_came_of_it(tmp_path, capsys, plain):
    common = ["digits-relu10", *QUICK, "--out", tmp_path]
    assert quick(*common, "--epochs", 3) == 0
    (tmp_path / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert quick(*common, "--epochs", 1) == 1 and "--force" in capsys.readouterr().err
    assert quick(*common, "--epochs", 1, "--force", "--set", "lr=1e30") == 1
    assert "diverged" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert quick(*common, "--epochs", 1, "--force") == 0
    assert len(Run.open(tmp_path).history()["epoch"]) == 1 and before.keys() == {p.name for p in tmp_path.iterdir()}


def test_a_folder_is_one_process_own(tmp_path, capsys, plain):
    with locked(tmp_path / "new" / "run"):
        with pytest.raises(Locked, match="another process is training there"):
            with locked(tmp_path / "new" / "run"):
                pass
        assert quick("digits-relu10", *QUICK, "--epochs", 1, "--out", tmp_path / "new" / "run") == 1
        assert "another process is training there" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "nothing was put there"
    program = (
        "import sys, os, pathlib, models.lock as l\nwith l.locked(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run")], cwd=ROOT)
    assert quick("digits-relu10", *QUICK, "--epochs", 1, "--out", tmp_path / "run") == 0, "a kill leaves no lock"


def test_what_was_used_is_said_and_kept(tmp_path, rows, capsys, plain):
    (tmp_path / "train.csv").write_bytes(csv_bytes(rows))
    (tmp_path / "test.csv").write_bytes(csv_bytes(np.column_stack([np.arange(40), rows[:, 1:]]), None))
    common = ["mnist-relu10", "--data", tmp_path / "train.csv", "--set", "held_out=8", "--epochs", 1, "--no-jit"]
    assert quick(*common, "--out", tmp_path / "a") == 0
    said = capsys.readouterr().out
    assert f"data: {tmp_path / 'train.csv'}: 40 images, CSV, header, label in column 1 (label)" in said
    assert f"test: {tmp_path / 'test.csv'}: 40 images, CSV, no header, a column of ids left out, no label" in said
    kept = json.loads((tmp_path / "a" / "run.json").read_text())["data"]
    assert kept["rows"] == 40 and len(kept["files"][str(tmp_path / "train.csv")]) == 64
    assert kept["test"]["file"] == str(tmp_path / "test.csv")
    (tmp_path / "test.csv").write_text("nothing of use\n")
    assert quick(*common, "--out", tmp_path / "b") == 0
    assert "test: left aside: " in capsys.readouterr().out
    assert "line 1: found 1 columns" in json.loads((tmp_path / "b" / "run.json").read_text())["data"]["test"]


def test_compare_and_report(tmp_path, capsys):
    for name, lr in (("a", "0.5"), ("b", "0.2")):
        assert quick("digits-relu10", *QUICK, "--epochs", 3, "--set", f"lr={lr}", "--out", tmp_path / name) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(tmp_path / "c.svg")]) == 0
    said = capsys.readouterr().out
    assert "  lr: 0.5, 0.2\n" in said and "epochs: " not in said and said.count("digits-relu10") == 2
    assert (tmp_path / "c.svg").read_text().count("<svg") == 1
    assert main(["compare", str(tmp_path / "a"), "--json", "-o", str(tmp_path / "c.png")]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == {}
    assert main(["report", str(tmp_path / "a")]) == 0
    page = (tmp_path / "a" / "report.html").read_text()
    for part in ("Curves", "Confusion", "Calibration", "Worst mistakes", "First-layer weights", "Saliency", "Graph"):
        assert f"<h2>{part}</h2>" in page
    assert page.count("data:image/png;base64,") == 6 and "<svg" in page and "http-equiv" not in page


# ---- surroundings -------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="a shell's redirections are POSIX's")
@pytest.mark.parametrize(
    "redirect",
    [pytest.param("2>&-", marks=pytest.mark.slow), pytest.param(">&-", marks=pytest.mark.slow), "<&- >&- 2>&-"],
)
def test_without_standard_streams(tmp_path, redirect):
    command = f'"{sys.executable}" -m models train digits-relu10 --epochs 1 --no-jit --out "{tmp_path}/run" {redirect}'
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done
    assert load(tmp_path / "run" / "weights.safetensors")


NAMES = ["цифры", "a b", "[x]*?", "-x", "ü\u0301", "💥", "a'b\"c", "line\nbreak"]


@pytest.mark.parametrize("name", ["\udcff", " ".join(NAMES), *(pytest.param(n, marks=pytest.mark.slow) for n in NAMES)])
def test_any_folder_name_in_any_console(tmp_path, name):
    folder = tmp_path / name / "run"
    done = models("train", "digits-relu10", *QUICK, "--epochs", 1, f"--out={folder}", encoding="cp1252")
    assert done.returncode == 0, done.stderr
    assert main(["report", str(folder)]) == 0
    error = models("train", "digits-relu10", "--epochs", 1, f"--out={folder}", encoding="ascii")
    assert error.returncode == 1 and error.stderr.count("\n") == 1 and "already holds a run" in error.stderr


def test_a_process_of_its_own_in_an_old_console(tmp_path):
    folder = tmp_path / "💥\udcff"
    done = program("train", "digits-relu10", *QUICK, "--epochs", 1, f"--out={folder}", PYTHONIOENCODING="cp1252")
    assert done.returncode == 0 and str(tmp_path) in done.stdout, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_output_that_cannot_be_written_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "models", "list"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and "No space left on device" in done.stderr and done.stderr.count("\n") == 1


# ---- damage -------------------------------------------------------------------------------------------------

DAMAGE = {
    "checkpoint cut": ("checkpoint.safetensors", lambda raw: raw[:-3]),
    "checkpoint flipped": ("checkpoint.safetensors", lambda raw: raw[:-3] + bytes([raw[-3] ^ 4]) + raw[-2:]),
    "checkpoint empty": ("checkpoint.safetensors", lambda raw: b""),
    "history empty": ("history.csv", lambda raw: b""),
    "history short": ("history.csv", lambda raw: raw[: raw.rindex(b"\n2,")]),
    "history of another": ("history.csv", lambda raw: raw.replace(b"\n1,", b"\n9,")),
    "history binary": ("history.csv", lambda raw: b"\xff\0" + raw),
    "run.json cut": ("run.json", lambda raw: raw[:40]),
    "run.json of another": ("run.json", lambda raw: b'{"recipe": "mnist-relu"}'),
    "run.json a list": ("run.json", lambda raw: b"[1]"),
    "run.json not text": ("run.json", lambda raw: b"\xff\xfe\0"),
}


@pytest.mark.parametrize("fault", DAMAGE)
def test_damage_is_one_line_that_names_the_file(tmp_path, capsys, fault, plain):
    name, change = DAMAGE[fault]
    assert quick("digits-relu10", *QUICK, "--epochs", 2, "--out", tmp_path) == 0
    (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    capsys.readouterr()
    assert quick("--resume", tmp_path, "--epochs", 3, "--no-jit") == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {tmp_path / name}: ") and said.err.count("\n") == 1 and said.out == "", said.err
    assert "unexpected" not in said.err


def test_a_disk_that_is_full_is_one_line_and_the_run_goes_on_when_there_is_room(tmp_path, capsys, plain):
    resource = pytest.importorskip("resource", reason="limits of the size of files are POSIX's")
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert quick("digits-relu10", *QUICK, "--epochs", 4, "--out", tmp_path / "whole") == 0
    large = (tmp_path / "whole" / "checkpoint.safetensors").stat().st_size
    assert quick("digits-relu10", *QUICK, "--epochs", 2, "--out", tmp_path / "run") == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    capsys.readouterr()
    resource.setrlimit(resource.RLIMIT_FSIZE, (large - 1, most))
    try:
        stopped = quick("--resume", tmp_path / "run", "--epochs", 4, "--no-jit")
        refused = quick("digits-relu10", *QUICK, "--epochs", 1, "--out", tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = capsys.readouterr().err.splitlines()
    assert (stopped, refused, len(said)) == (1, 1, 2) and not (tmp_path / "new").exists()
    for folder, line in zip(("run", "new"), said, strict=True):
        assert line.startswith(f"error: {tmp_path / folder / 'checkpoint.safetensors'}: ")
    kept = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert kept | {"history.csv": b""} == before | {"history.csv": b""}
    assert quick("--resume", tmp_path / "run", "--epochs", 4, "--no-jit") == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    assert history(tmp_path / "run") == history(tmp_path / "whole")


# ---- recipes with all that there is -------------------------------------------------------------------------


def test_a_stopped_convolutional_training_ends_with_the_same_bits_under_jit(tmp_path):
    trained(tmp_path / "whole", 3, **CNN)
    for stop in (1, None):
        trained(tmp_path / "parts", 3, stop, **CNN)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert history(tmp_path / "parts") == history(tmp_path / "whole")


def test_jit_gives_the_figures_of_no_jit(tmp_path):
    recipe = recipes.find("digits-relu10").with_options(CNN | {"epochs": "2", "batch_size": "32"})
    whole = data.load_labeled("digits")
    training, held_out = data.split(whole, recipe.held_out, recipe.rows, recipe.seed)
    figures = []
    for jit in (True, False):
        run = Run.start(tmp_path / str(jit), train_asked(recipe, whole))
        train.train(run, training, held_out, lambda line: None, jit=jit)
        figures.append(run.history()["train_loss"])
    np.testing.assert_allclose(*figures, rtol=1e-4)


def train_asked(recipe, whole):
    from models.finish import describe

    return describe(recipe, "digits", whole)


def test_augmented_batches_depend_on_the_seed_and_the_epoch_alone():
    whole = data.load_labeled("digits")
    recipe = recipes.find("digits-best").with_options({"batch_size": "500"})

    def first(changes, epoch):
        return next(iter(batches(whole, recipe.with_options(changes), epoch)))[0]

    np.testing.assert_array_equal(first({}, 3), first({}, 3))
    for other in (first({}, 4), first({"seed": "1"}, 3), first({"turn": "0"}, 3)):
        assert not np.array_equal(first({}, 3), other)
    assert first({}, 3).dtype == np.float32 and first({}, 3).shape == (500, 64)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_builds_its_network(name):
    recipe = recipes.find(name)
    pixels = data.SIDES[recipe.data] ** 2
    model = build(recipe, pixels).eval()
    assert model(np.zeros((2, pixels), np.float32)).shape == (2, 10)

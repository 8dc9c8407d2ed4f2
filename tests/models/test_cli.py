"""The commands as their user types them: what they print, what they leave, and one line for each mistake."""

import csv
import json
import shutil
import sys

import numpy as np
import pytest

from models.cli import main
from models.recipes import RECIPES
from tests.models.conftest import csv_bytes, models, program, the_error
from tinygrad_np.io import load, save
from tinygrad_np.viz import GraphvizMissing

FILES = {
    "run.json",
    "weights.safetensors",
    "metrics.json",
    "history.csv",
    "curves.png",
    "confusion.png",
    "samples.png",
    "graph.svg",
    "checkpoint.safetensors",
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The run of the README's first command, with what it printed."""
    folder = tmp_path_factory.mktemp("cli") / "digits"
    done = models("train", "digits-relu10", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory):
    """A run on a small train.csv with a test.csv beside it; its figures come as JSON."""
    folder = tmp_path_factory.mktemp("kaggle")
    rng = np.random.default_rng(3)
    table = rng.integers(0, 40, (300, 785))
    table[:, 0] = np.arange(300) % 10
    for row in table:
        row[1 + 70 * row[0] : 71 + 70 * row[0]] = 255
    (folder / "train.csv").write_bytes(csv_bytes(table))
    (folder / "test.csv").write_bytes(csv_bytes(table[:25, 1:], "test"))
    done = models(
        "train",
        "kaggle-adam",
        "--data",
        folder,
        "--epochs",
        8,
        "--set",
        "hidden=16,12",
        "--json",
        "--set",
        "lr=0.01",
        "--set",
        "batch_size=20",
        "--out",
        folder / "run",
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder, json.loads(done.stdout), table


def test_the_first_command_learns_the_digits_and_leaves_all_its_files(digits):
    folder, done = digits
    assert {path.name for path in folder.iterdir()} == FILES
    figures = json.loads((folder / "metrics.json").read_text())
    assert figures["held_out_accuracy"] >= 0.954 and figures["train_accuracy"] > 0.97
    assert f"held-out accuracy {figures['held_out_accuracy']:.2%} on 359 images" in done.stdout
    assert f"training accuracy {figures['train_accuracy']:.2%} on 1,438 images" in done.stdout
    lines = done.stderr.splitlines()  # plain lines: there is no terminal
    assert 5 < len(lines) < 20 and "\r" not in done.stderr and lines[-1].startswith("epoch 300/300: loss 0.")
    assert {name: array.shape for name, array in load(folder / "weights.safetensors").items()} == {
        "0.weight": (10, 64),
        "1.weight": (10,),
        "1.bias": (10,),
        "1.running_mean": (10,),
        "1.running_var": (10,),
        "1.num_batches_tracked": (),
        "3.weight": (10, 10),
        "3.bias": (10,),
    }
    with (folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in history] == list(range(1, 301))
    assert float(history[-1]["held_out_accuracy"]) == pytest.approx(figures["held_out_accuracy"], abs=1e-6)
    for picture in folder.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000, picture
    svg = (folder / "graph.svg").read_text()
    assert "<svg" in svg and "cross_entropy" in svg and "weight (10, 64)" in svg


def test_the_same_seed_gives_the_same_files_in_another_process(tmp_path):
    common = ("train", "digits-relu10", "--epochs", 4, "--out")
    for folder in "ab":  # as users run it: the command chooses the threads of BLAS before NumPy is there
        assert program(*common, tmp_path / folder).returncode == 0
    for name in FILES - {"history.csv"}:  # the history has the seconds that each epoch took
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_a_folder_that_holds_a_run_is_refused_and_kept_as_it_was(digits):
    folder, _ = digits
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    error = the_error(models("train", "digits-relu10", "--out", folder))
    assert f"{folder}: already holds a run; go on with it by --resume" in error
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    done = models("train", "digits-relu10", "--out", folder, "--resume")  # ended already: only looked at again
    assert done.returncode == 0 and "held-out accuracy" in done.stdout
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_with_other_files_of_these_names_is_refused(tmp_path):
    (tmp_path / "history.csv").write_text("mine")
    error = the_error(models("train", "digits-relu10", "--out", tmp_path))
    assert f"{tmp_path / 'history.csv'}: exists already" in error
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_evaluate_repeats_the_figures_of_the_training(digits):
    folder, _ = digits
    figures = json.loads((folder / "metrics.json").read_text())
    done = models("evaluate", folder, "--json")
    held_out = json.loads(done.stdout)["held-out"]
    assert held_out["accuracy"] == figures["held_out_accuracy"] and held_out["loss"] == figures["held_out_loss"]
    counts = np.array(held_out["confusion"])
    assert counts.shape == (10, 10) and counts.sum() == held_out["images"] == 359
    assert np.trace(counts) / 359 == pytest.approx(held_out["accuracy"])
    text = models("evaluate", folder).stdout
    assert f"held-out: accuracy {held_out['accuracy']:.2%}" in text and text.count("\n") == 11
    whole = json.loads(models("evaluate", folder, "--data", "digits", "--json").stdout)["given"]
    assert whole["images"] == 1797 and whole["accuracy"] > 0.95


def test_show_prints_the_image_the_prediction_and_the_truth(digits, tmp_path):
    folder, _ = digits
    done = models("show", folder, "--index", 3, "-o", tmp_path / "three.png")
    *picture, said = done.stdout.splitlines()
    assert len(picture) == 8 and all(len(line) <= 16 for line in picture) and any("@" in line for line in picture)
    assert said.startswith("image 3: predicted ") and ", actual " in said
    assert (tmp_path / "three.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(models("show", folder, "--index", 3, "--json").stdout)
    assert f"predicted {found['predicted']} " in said and said.endswith(f"actual {found['actual']}")
    assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert np.argmax(found["probabilities"]) == found["predicted"]
    for index in ("x", "-1"):
        assert f"--index {index}: expected a whole number, 0 or more" in the_error(
            models("show", folder, "--index", index), 2
        )
    assert "--index 359: expected 0..358, there are 359 images" in the_error(models("show", folder, "--index", 359), 2)


def test_kaggles_files_train_and_predict_in_kaggles_form(kaggle, tmp_path):
    folder, figures, table = kaggle
    assert figures["held_out_accuracy"] > 0.8 and figures["folder"] == str(folder / "run")
    assert {path.name for path in (folder / "run").iterdir()} == FILES | {"submission.csv"}
    done = models("predict", folder / "run", "--data", folder / "test.csv", "--out", tmp_path / "submission.csv")
    assert done.returncode == 0 and "25 predictions" in done.stdout, done.stderr
    content = (tmp_path / "submission.csv").read_bytes()
    assert content == (folder / "run" / "submission.csv").read_bytes()
    lines = content.decode().split("\n")
    assert (
        lines[0] == "ImageId,Label"
        and lines[-1] == ""
        and [int(line.split(",")[0]) for line in lines[1:-1]] == [*range(1, 26)]
    )
    right = [int(line.split(",")[1]) == label for line, label in zip(lines[1:-1], table[:, 0], strict=False)]
    assert sum(right) > 20  # the first rows of the training file, without their labels


def test_predictions_that_cannot_be_written_leave_nothing(kaggle, tmp_path):
    folder, _, table = kaggle
    common = ("predict", folder / "run", "--data", folder / "test.csv", "--out")
    path = tmp_path / "no" / "s.csv"
    assert f"{path}: No such file or directory" in the_error(models(*common, path))
    before = (folder / "test.csv").read_bytes()
    assert "is the file that is read; choose another" in the_error(models(*common, folder / "test.csv"), 2)
    assert (folder / "test.csv").read_bytes() == before and not any(tmp_path.iterdir())


def test_data_that_changed_since_the_training_are_not_measured_as_held_out(kaggle, tmp_path):
    folder, _, table = kaggle
    shutil.copytree(folder, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    asked = json.loads((run / "run.json").read_text())
    asked["data"]["from"] = str(tmp_path / "copy" / "train.csv")
    (run / "run.json").write_text(json.dumps(asked))
    assert models("evaluate", run).returncode == 0
    (tmp_path / "copy" / "train.csv").write_bytes(csv_bytes(table[::-1]))
    assert "not the data that" in the_error(models("evaluate", run))


WEIGHTS = {
    "missing": (lambda w: w.pop("3.bias"), "missing '3.bias' (10,)"),
    "unexpected": (lambda w: w.update({"4.bias": np.zeros(3, np.float32)}), "unexpected '4.bias' (3,)"),
    "misshaped": (lambda w: w.update({"3.bias": np.zeros(9, np.float32)}), "'3.bias' has shape (9,), expected (10,)"),
    "of another network": (
        lambda w: w.update({"0.weight": np.zeros((10, 784), np.float32)}),
        "found images of 8x8, expected 28x28",
    ),
}


@pytest.mark.parametrize("fault", WEIGHTS)
def test_weights_that_do_not_fit_are_named(digits, tmp_path, fault):
    change, message = WEIGHTS[fault]
    run = tmp_path / "run"
    shutil.copytree(digits[0], run)
    state = load(run / "weights.safetensors")
    change(state)
    save(run / "weights.safetensors", state)
    error = the_error(models("evaluate", run))
    assert message in error and (fault == "of another network" or f"{run / 'weights.safetensors'}: " in error)


def test_damaged_or_missing_parts_of_a_run_are_named(digits, tmp_path):
    run = tmp_path / "run"
    assert f"{run}: found no run" in the_error(models("evaluate", run))
    shutil.copytree(digits[0], run)
    content = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(content[:-9])
    assert f"{run / 'weights.safetensors'}: not a readable .safetensors file" in the_error(models("show", run))
    (run / "weights.safetensors").unlink()
    assert "the training did not end; go on with `train digits-relu10 --out" in the_error(models("show", run))
    (run / "run.json").write_text("{")
    assert f"{run / 'run.json'}: not a run's description" in the_error(models("show", run))


USAGE = {
    "no command": ((), "the following arguments are required: command"),
    "unknown command": (("trian",), "unknown command 'trian': did you mean 'train'?"),
    "unknown recipe": (("train", "digits-relu"), "unknown recipe 'digits-relu': did you mean 'digits-relu10'?"),
    "unknown option": (("train", "digits-relu10", "--sed", "1"), "unknown option '--sed': did you mean '--seed'?"),
    "unknown key": (
        ("train", "digits-relu10", "--set", "dropuot=0.1"),
        "unknown option 'dropuot': did you mean 'dropout'?",
    ),
    "bad value": (("train", "digits-relu10", "--set", "lr=big"), "option lr: found 'big', expected a number above 0"),
    "bad epochs": (("train", "digits-relu10", "--epochs", "0"), "option epochs: found '0', expected a whole number"),
    "no value": (("train", "digits-relu10", "--set", "lr"), "--set lr: expected KEY=VALUE"),
    "no data": (("train", "kaggle-adam"), "this recipe needs --data PATH/TO/train.csv, Kaggle's file from https://"),
    "unknown dataset": (("download", "mnits"), "unknown dataset 'mnits': did you mean 'mnist'?"),
    "unknown suffix": (
        ("graph", "digits-relu10", "-o", "a.doc"),
        "-o a.doc: found suffix '.doc', expected one of .svg",
    ),
}


@pytest.mark.parametrize("case", USAGE)
def test_bad_usage_is_one_line_and_exit_code_2(case, tmp_path):
    arguments, message = USAGE[case]
    out = ("--out", tmp_path / "run") if arguments[:1] == ("train",) else ()
    assert message in the_error(models(*arguments, *out, TINYGRAD_NP_CACHE=str(tmp_path)), 2)
    assert not any(tmp_path.iterdir())


def test_more_rows_than_there_are_and_a_missing_file_leave_nothing(tmp_path):
    common = ("train", "digits-relu10", "--out", tmp_path / "run")
    assert "rows=2,000 asks for more rows than there are (1,797)" in the_error(models(*common, "--set", "rows=2000"))
    assert f"{tmp_path / 'no.csv'}: no such file" in the_error(models(*common, "--data", tmp_path / "no.csv"))
    assert not any(tmp_path.iterdir())


def test_what_cannot_be_written_is_named_and_not_its_temporary_file(tmp_path):
    (tmp_path / "a.svg").mkdir()
    assert f"error: {tmp_path / 'a.svg'}: Is a directory" == the_error(
        models("graph", "digits-relu10", "-o", tmp_path / "a.svg")
    )
    (tmp_path / "file").write_text("in the way")
    said = the_error(models("train", "digits-relu10", "--out", tmp_path / "file" / "run"))
    assert said == f"error: {tmp_path / 'file' / 'run'}: Not a directory"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "file"]


def test_a_training_that_diverges_is_one_line_without_warnings(tmp_path):
    wild = ["train", "digits-relu10", "--set", "lr=1e30", "--set", "batch_norm=no", "--epochs", "1", "--out"]
    said = the_error(models(*wild, tmp_path / "new" / "run"))
    assert "epoch 1: the loss became" in said and said.endswith("training diverged; try a smaller lr (--set lr=1e+29)")
    assert not list(tmp_path.iterdir()), "what failed before its first epoch left nothing"

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    the_error(models(*wild, tmp_path / "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_resumed_training_that_fails_at_once_leaves_everything_as_it_was(tmp_path):
    def files():
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    settings = ["train", "digits-relu10", "--set", "rows=200", "--set", "batch_norm=no", "--out", tmp_path]
    assert models(*settings, "--epochs", "1").returncode == 0
    weights = tmp_path / "checkpoint.safetensors"
    state = load(weights)
    state["model"] = {name: array * np.float32(np.nan) for name, array in state["model"].items()}
    save(weights, state)
    before = files()
    assert "epoch 2: the loss became nan" in the_error(models(*settings, "--epochs", "3", "--resume"))
    assert files() == before


def test_where_there_is_no_graphviz_a_run_is_whole_without_its_picture(tmp_path, monkeypatch, capsys):
    def missing(*args, **kwargs):
        raise GraphvizMissing("a layout needs Graphviz")

    monkeypatch.setattr("tinygrad_np.viz.view.GraphView.save", missing)
    assert main(["train", "digits-relu10", "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    assert "held-out accuracy" in said.out and "graph.svg" not in said.out
    assert f"note: {tmp_path / 'run' / 'graph.svg'}: not drawn: a layout needs Graphviz" in said.err
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {"graph.svg"}
    assert main(["graph", "digits-relu10", "-o", str(tmp_path / "a.svg")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'a.svg'}: not drawn: a layout needs Graphviz\n"


@pytest.mark.parametrize("package", ["matplotlib", "safetensors"])
def test_a_missing_package_is_named_before_training(tmp_path, monkeypatch, capsys, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["train", "digits-relu10", "--epochs", "1", "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err == (
        f'error: models needs {package}, which is not installed: pip install "tinygrad_np[models]"\n'
    )
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback_before_the_line(tmp_path):
    done = models("train", "digits-relu10", "--data", tmp_path / "no.csv", "--out", tmp_path / "run", "--debug")
    assert done.returncode == 1 and "Traceback" in done.stderr and "locate" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_list_names_every_recipe():
    text, listed = models("list").stdout, json.loads(models("list", "--json").stdout)
    assert [recipe["name"] for recipe in listed] == list(RECIPES) == [line.split()[0] for line in text.splitlines()]
    assert "784-64-64-10" in text and listed[0]["epochs"] == 300


def test_graph_draws_what_a_recipe_differentiates(tmp_path):
    done = models("graph", "kaggle-relu64x2", "-o", tmp_path / "graph.svg", "--set", "hidden=7")
    assert done.returncode == 0 and done.stdout == f"{tmp_path / 'graph.svg'}\n", done.stderr
    svg = (tmp_path / "graph.svg").read_text()
    assert "cross_entropy" in svg and "64" in svg and svg.count("<svg") == 1

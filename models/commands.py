"""What each command of `python -m models` does; every function's arguments are the command's own."""

from __future__ import annotations

import json as json_
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import compare as compare_
from . import data as data_
from . import download as download_
from . import ensemble as ensemble_
from . import plots, recipes
from . import report as report_
from . import run as run_
from . import train as train_
from .data import Dataset
from .errors import BadUsage, Failure, need
from .finish import describe, draw_graph, finish, held_out_rows, trained
from .lock import locked
from .networks import build
from .progress import Progress
from .recipes import Recipe
from .run import FILES, Run
from .team import OTHER_DATA, Alone, Follower, joined, wait_for_the_end

SHADES = " .:-=+*#%@"  # from paper to ink


def list_recipes(json: bool) -> None:
    """List the recipes."""
    if json:
        _print_json(
            [{"name": r.name, "about": r.about, "data": r.data, **r.settings()} for r in recipes.RECIPES.values()]
        )
        return
    for recipe in recipes.RECIPES.values():
        method = f"{recipe.optimizer} lr {recipe.lr:g}, batch {recipe.batch_size or 'full'}, {recipe.epochs} epochs"
        print(f"{recipe.name:16} {_widths(recipe):14} {method:40} {recipe.about}")


def train(
    recipe: str | None,
    data: str | None,
    changes: list[str],
    epochs: str | None,
    seed: str | None,
    out: str | None,
    resume: str | bool,
    force: bool,
    no_jit: bool,
    json: bool,
) -> None:
    """Train a recipe and leave a run folder."""
    began, told = time.perf_counter(), False
    with joined() as team:
        if team.rank:
            _follow(team, jit=not no_jit)
            return
        try:
            for module in ("safetensors", "matplotlib"):  # before minutes are spent on training
                need(module)
            wanted, where, folder = _wanted(recipe, data, changes, epochs, seed, out, resume, force)
            with locked(folder):
                if not (resume and run_.holds_run(folder)):
                    run_.check_free(folder, force)  # before minutes are spent on reading
                whole, test, left_aside = data_.load_labeled(where), *_test(where)
                training, held_out = data_.split(whole, wanted.held_out, wanted.rows, wanted.seed)
                asked = describe(wanted, where, whole, test, left_aside)
                if resume and run_.holds_run(folder):
                    run = Run.open(folder).resume(asked)
                else:
                    run = Run.start(folder, asked, force)
                used = f"data: {whole}\ntest: {test or left_aside or 'no test file beside it'}"
                del whole
                with run:
                    state = run.checkpoint()
                    team.told((wanted, where, asked["data"]["sha256"], state))
                    told = True
                    team.watch(folder)
                    with Progress(wanted.epochs, int(state["epoch"]) if state else 0, quiet=json) as progress:
                        kept = train_.train(run, training, held_out, progress, jit=not no_jit, team=team)
                figures = finish(run, training, held_out, test)
        except Failure:
            if not told:
                team.dissolve()
            raise
    if json:
        _print_json({"folder": str(folder), "epoch": kept, **figures, "data": run.asked["data"]})
        return
    epoch = "" if wanted.keep == "last" else f" with the weights of epoch {kept}, the best on these"
    print(used)
    print(f"held-out accuracy {figures['held_out_accuracy']:.2%} on {len(held_out):,} images{epoch}")
    print(f"training accuracy {figures['train_accuracy']:.2%} on {len(training):,} images")
    if test is not None and "test_accuracy" in figures:
        print(f"test accuracy {figures['test_accuracy']:.2%} on {len(test):,} images")
    print(f"{folder}/ ({time.perf_counter() - began:.1f} s)")
    for name, what in FILES.items():
        if (folder / name).exists():
            print(f"  {name:22} {what}")


def _wanted(
    recipe: str | None,
    data: str | None,
    changes: list[str],
    epochs: str | None,
    seed: str | None,
    out: str | None,
    resume: str | bool,
    force: bool,
) -> tuple[Recipe, str, Path]:
    """Return the recipe, where its data lie, and the run folder that `train` is asked for."""
    if resume and force:
        raise BadUsage("--resume --force: found both, expected one: go on with a run, or replace it")
    if recipe is None and resume in recipes.RECIPES and out is not None:  # train --resume RECIPE --out RUN
        recipe, resume = str(resume), True
    if isinstance(resume, str):  # the run says what is asked
        if out is not None:
            raise BadUsage(f"--resume {resume} --out {out}: found two folders, expected one")
        folder = Path(resume)
        run = Run.open(folder)
        if recipe not in (None, run.recipe.name):
            raise BadUsage(f"--resume {resume}: is a run of {run.recipe.name}, found the recipe {recipe}")
        return _changed(run.recipe, changes, epochs=epochs, seed=seed), data or run.asked["data"]["from"], folder
    if recipe is None:
        raise BadUsage("expected a recipe, or --resume RUN (see python -m models train --help)")
    wanted = _changed(recipes.find(recipe), changes, epochs=epochs, seed=seed)
    folder = Path(out) if out else run_.newest(wanted.name) if resume else run_.free_name(wanted.name)
    return wanted, data or wanted.data, folder


def _follow(team: Alone, jit: bool) -> None:
    """Train as process 0 says; what all processes find wrong, it says alone."""
    told = team.told()
    if told is None:  # process 0 says why
        return
    wanted, where, sha256, state = told
    whole = data_.load_labeled(where)
    if whole.fingerprint() != sha256:
        raise Failure(f"{whole.origin}: {OTHER_DATA}")
    training, held_out = data_.split(whole, wanted.held_out, wanted.rows, wanted.seed)
    del whole
    try:
        train_.train(Follower(wanted, state), training, held_out, lambda figures: None, jit=jit, team=team)
    except Failure:
        wait_for_the_end(team)


def evaluate(runs: list[str], data: str | None, views: str, json: bool) -> None:
    """Measure a run, or the mean of several, on its held-out images and test file, or on other data."""
    opened = [Run.open(Path(run)) for run in runs]
    if data is None:
        test, left_aside = _test(opened[0].asked["data"]["from"])
        if left_aside:
            print(f"note: test file {left_aside}", file=sys.stderr)
        labeled = test.labeled() if test is not None else None
        parts = {} if labeled is None else {"test": labeled}
        try:
            ensemble_.check_held_out(opened)
            parts = {"held-out": held_out_rows(opened[0]), **parts}
        except Failure:
            if not parts:
                raise
    else:
        parts = {"given": data_.load_labeled(data)}
    results = {}
    for name, part in parts.items():
        logits = ensemble_.scores(ensemble_.members(opened, part), part, int(views))
        measured, counts = train_.judge(logits, part.labels), train_.confusion(part.labels, logits.argmax(axis=1))
        results[name] = {"images": len(part), **measured._asdict(), "confusion": counts.tolist()}
        if not json:
            print(
                f"{name}: accuracy {measured.accuracy:.2%}, loss {measured.loss:.4f} on {len(part):,} images "
                f"({part.origin})"
            )
            for digit, row in enumerate(counts):
                if row.sum():
                    print(f"  {digit}: {row[digit] / row.sum():7.2%} of {row.sum():,}" + _mistakes(row, digit))
    if json:
        _print_json(results)


def predict(runs: list[str], data: str, out: str, views: str, json: bool) -> None:
    """Write the predictions of a run, or of the mean of several, for a file of images, in Kaggle's form."""
    opened, images, path = [Run.open(Path(run)) for run in runs], data_.load(data), Path(out)
    if path.exists() and Path(images.origin).exists() and path.samefile(images.origin):
        raise BadUsage(f"--out {out}: is the file that is read; choose another")
    predicted = ensemble_.scores(ensemble_.members(opened, images), images, int(views)).argmax(axis=1)
    run_.write_submission(path, predicted)
    if json:
        _print_json({"file": str(path), "images": len(images)})
    else:
        print(f"{path}: {len(images):,} predictions")


def show(run: str, index: str, data: str | None, out: str | None, json: bool) -> None:
    """Show an image with what the run takes it for and what it is."""
    if not index.isdecimal():
        raise BadUsage(f"--index {index}: expected a whole number, 0 or more")
    opened, place = Run.open(Path(run)), int(index)
    images = held_out_rows(opened) if data is None else data_.load(data)
    if place >= len(images):
        raise BadUsage(
            f"--index {index}: expected 0..{len(images) - 1}, there are {len(images):,} images "
            f"({images.origin}{', held-out rows' if data is None else ''})"
        )
    one = images.take(slice(place, place + 1))
    chances = train_.probabilities(train_.scores(trained(opened, one), one.images))[0]
    predicted, actual = int(chances.argmax()), None if one.labels is None else int(one.labels[0])
    if out is not None:
        path = _with_suffix(out, ".png", ".svg", ".pdf")
        title = f"{opened.recipe.name}, image {index}"
        plots.samples(one.images, np.array([predicted]), one.labels, chances.max(keepdims=True), path, title)
    if json:
        _print_json(
            {
                "index": place,
                "predicted": predicted,
                "actual": actual,
                "probabilities": [round(float(chance), 6) for chance in chances],
            }
        )
        return
    for row in one.images.reshape(one.side, one.side):
        print("".join(SHADES[round(float(ink) * (len(SHADES) - 1))] * 2 for ink in row).rstrip())
    print(
        f"image {index}: predicted {predicted} ({chances.max():.1%}), actual {'unknown' if actual is None else actual}"
    )


def compare(runs: list[str], out: str, json: bool) -> None:
    """Put runs side by side: a table, what differed in what was asked, and a picture of their curves."""
    path, opened = _with_suffix(out, ".png", ".svg", ".pdf"), [Run.open(Path(run)) for run in runs]
    rows, differences = [compare_.row(run) for run in opened], compare_.differences(opened)
    compare_.draw(opened, path)
    if json:
        _print_json({"runs": rows, "differences": differences, "file": str(path)})
        return
    print(compare_.table(rows))
    print("\ndiffering:" if differences else "\nnothing differs in what was asked")
    for name, values in differences.items():
        print(f"  {name}: {', '.join(map(str, values))}")
    print(path)


def report(run: str, out: str | None, json: bool) -> None:
    """Write a run's report: one HTML page."""
    opened = Run.open(Path(run))
    path = Path(out) if out else opened.folder / "report.html"
    held_out = held_out_rows(opened)
    report_.write(opened, trained(opened, held_out), held_out, path)
    if json:
        _print_json({"file": str(path)})
    else:
        print(path)


def serve(run: str, port: str, json: bool) -> None:
    """Serve a page to draw a digit on, until interrupted."""
    from .serve.answer import Recognizer  # nothing else needs a server
    from .serve.server import Server

    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise BadUsage(f"--port: found {port!r}, expected a number from 0 to 65535")
    opened = Run.open(Path(run))
    known = data_.load_labeled(opened.asked["data"]["from"])
    model = trained(opened, known)
    recognizer = Recognizer(model, known.images, known.labels, f"{opened.recipe.name}, {opened.folder.name}")
    with Server(recognizer, int(port)) as server:
        host, bound = server.socket.getsockname()[:2]
        where = f"http://{host}:{bound}/"
        if json:
            print(json_.dumps({"url": where}), flush=True)
        else:
            print(f"{where} (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(file=sys.stderr)


def graph(recipe: str, changes: list[str], out: str, json: bool) -> None:
    """Draw the computation graph that a recipe differentiates, on a batch of noise."""
    wanted = _changed(recipes.find(recipe), changes)
    path = _with_suffix(out, ".svg", ".png", ".pdf", ".dot")
    noise, count = np.random.default_rng(wanted.seed), wanted.batch_size or 1000
    images = noise.random((count, data_.SIDES[wanted.data] ** 2), np.float32)
    model = build(wanted, images.shape[1])
    draw_graph(model, wanted, images, noise.integers(10, size=count), path)
    if json:
        _print_json({"file": str(path)})
    else:
        print(path)


def download(dataset: str, mirror: str | None, json: bool) -> None:
    """Bring a public dataset into the cache folder."""
    given = mirror or os.environ.get("TINYGRAD_NP_MNIST_MIRROR")
    folder = download_.mnist_folder()
    mirrors = (given,) if given else download_.MIRRORS
    paths = download_.download(folder, mirrors, say=(lambda line: None) if json else print)
    if json:
        _print_json({"dataset": dataset, "files": [str(path) for path in paths]})
    else:
        print(folder)


# ---- what they share --------------------------------------------------------------------------------------


def _changed(recipe: Recipe, changes: list[str], **flags: str | None) -> Recipe:
    """Return the recipe with the options of --set and of their own flags."""
    texts: dict[str, str] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise BadUsage(f"--set {change}: expected KEY=VALUE")
        texts[key.strip()] = text
    texts |= {key: text for key, text in flags.items() if text is not None}
    return recipe.with_options(texts)


def _test(where: str) -> tuple[Dataset | None, str | None]:
    """Return the test data beside the training data, or None and why they are left aside."""
    try:
        return data_.load_test(where), None
    except Failure as error:
        return None, f"left aside: {error}"


def _with_suffix(out: str, *known: str) -> Path:
    path = Path(out)
    if path.suffix not in known:
        raise BadUsage(f"-o {out}: found suffix {path.suffix!r}, expected one of {', '.join(known)}")
    if not path.parent.is_dir():
        raise Failure(f"{path.parent}: no such folder")
    return path


def _widths(recipe: Recipe) -> str:
    return "-".join(map(str, (data_.SIDES[recipe.data] ** 2, *recipe.hidden, 10)))


def _mistakes(row: np.ndarray, digit: int) -> str:
    """Name the digits that this one is taken for most."""
    others = [(int(count), other) for other, count in enumerate(row) if count and other != digit]
    return (
        "; taken for " + ", ".join(f"{other} ({count})" for count, other in sorted(others, reverse=True)[:3])
        if others
        else ""
    )


def _print_json(value: Any) -> None:
    print(json_.dumps(value, indent=2))

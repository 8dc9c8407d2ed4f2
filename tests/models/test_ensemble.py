"""The mean of several runs and views: their probabilities' mean, on rows that none was trained on."""

import json
import shutil

import numpy as np

from models import data, ensemble, train
from models.run import Run
from tests.models.conftest import models, the_error

SMALL = ("--epochs", 20, "--set", "rows=300", "--set", "lr=0.5", "--no-jit")


def test_views_are_moved_by_a_pixel_and_lose_what_leaves(rng):
    images = rng.random((3, 64)).astype(np.float32)
    for down, right in ensemble.MOVES:
        padded = np.pad(images.reshape(3, 8, 8), ((0, 0), (1, 1), (1, 1)))
        expected = padded[:, 1 - down : 9 - down, 1 - right : 9 - right]
        np.testing.assert_array_equal(ensemble.moved(images, 8, down, right).reshape(3, 8, 8), expected)
    assert len(set(ensemble.MOVES)) == max(ensemble.VIEWS)


def test_several_runs_and_views_answer_by_the_mean_of_their_probabilities(tmp_path, plain):
    for name, changes in {"a": (), "b": ("--set", "hidden=12"), "other": ("--seed", 1)}.items():
        assert models("train", "digits-relu10", *SMALL, *changes, "--out", tmp_path / name).returncode == 0
    a, b = (Run.open(tmp_path / name) for name in "ab")
    whole = data.load("digits")
    networks = ensemble.members([a, b], whole)
    chances = [train.probabilities(train.scores(network, whole.images)) for network in networks]
    np.testing.assert_allclose(np.exp(ensemble.scores(networks, whole)), np.mean(chances, axis=0), rtol=1e-5)
    many = ensemble.scores(networks[:1], whole, views=5)
    parts = [ensemble.moved(whole.images, 8, *move) for move in ensemble.MOVES[:5]]
    chances = [train.probabilities(train.scores(networks[0], part)) for part in parts]
    np.testing.assert_allclose(np.exp(many), np.mean(chances, axis=0), rtol=1e-5)

    done = models("evaluate", tmp_path / "a", tmp_path / "b", "--views", 9, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["held-out"]["images"] == 60, done.stderr
    assert "was trained on other rows than" in the_error(models("evaluate", tmp_path / "a", tmp_path / "other"))
    assert models("evaluate", tmp_path / "a", tmp_path / "other", "--data", "digits").returncode == 0
    assert "unknown N '2': known: 1, 5, 9" in the_error(models("evaluate", tmp_path / "a", "--views", 2), 2)
    shutil.rmtree(tmp_path / "b")
    assert "found no run" in the_error(models("evaluate", tmp_path / "a", tmp_path / "b"))

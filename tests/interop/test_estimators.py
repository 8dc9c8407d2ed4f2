"""scikit-learn's door: its own checks, its pipelines and searches, and what the parameters say."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is an extra")
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tinygrad_np import nn, optim
from tinygrad_np.interop.estimators import NeuralClassifier, NeuralRegressor


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([NeuralClassifier(max_epochs=20), NeuralRegressor(max_epochs=20)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, test_size=500, random_state=0)


def test_as_good_as_scikit_learns_own_network(digits):
    X, X_test, y, y_test = digits
    ours = NeuralClassifier(max_epochs=30, random_state=0).fit(X, y)
    theirs = MLPClassifier(max_iter=30, random_state=0)
    with pytest.warns(UserWarning, match="iterations"):
        theirs.fit(X, y)
    assert ours.score(X_test, y_test) >= theirs.score(X_test, y_test) - 0.01
    probabilities = ours.predict_proba(X_test)
    assert probabilities.dtype == np.float32 and np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_in_a_pipeline_and_a_search_over_processes(digits):
    X, _, y, _ = digits
    pipeline = make_pipeline(StandardScaler(), NeuralClassifier(max_epochs=5, random_state=0)).set_output()
    grid = {"neuralclassifier__hidden": [(8,), (32,)], "neuralclassifier__optimizer": [optim.Adam]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X[:400], y[:400])
    assert search.best_params_["neuralclassifier__hidden"] == (32,)
    assert len(cross_val_score(pipeline, X[:300], y[:300], cv=3)) == 3


def test_a_module_a_schedule_early_stopping_and_callbacks(digits):
    X, X_test, y, y_test = digits
    seen = []

    def network(features: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(features, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, outputs))

    model = NeuralClassifier(
        network,
        learning_rate=0.01,
        schedule=lambda optimizer: optim.lr_scheduler.StepLR(optimizer, 5),
        early_stopping=True,
        patience=3,
        batch_size=64,
        max_epochs=40,
        callbacks=[lambda estimator, figures: seen.append(figures)],
        random_state=1,
    ).fit(X, y)
    assert model.score(X_test, y_test) > 0.9
    assert len(seen) == model.n_epochs_ == len(model.validation_scores_) <= 40
    stops = NeuralClassifier(max_epochs=9, callbacks=[lambda estimator, figures: figures["epoch"] == 2]).fit(X, y)
    assert stops.n_epochs_ == 2


def test_partial_fit_goes_on_and_is_told_all_classes(digits):
    X, X_test, y, y_test = digits
    model = NeuralClassifier(learning_rate=0.01, random_state=0)
    with pytest.raises(ValueError, match="the first call has to be told them all"):
        model.partial_fit(X, y)
    for _ in range(8):
        model.partial_fit(X, y, classes=range(10))
    assert model.score(X_test, y_test) > 0.85
    with pytest.raises(ValueError, match="found the class 11"):
        model.partial_fit(X, y + 2)


def test_a_pickled_one_goes_on_as_the_original(digits):
    X, _, y, _ = digits
    model = NeuralClassifier(max_epochs=2, random_state=0).fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), twin.predict_proba(X))


def test_weights_of_rows_count_as_repetitions():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), rng.integers(0, 2, 30)
    weights = rng.integers(0, 4, 30)
    one = NeuralClassifier(max_epochs=10, random_state=0).fit(X, y, sample_weight=weights)
    other = NeuralClassifier(max_epochs=10, random_state=0).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_epochs": 0}, "max_epochs: found 0"),
        ({"batch_size": 2.5}, "batch_size: found 2.5"),
        ({"validation_fraction": 1.0}, "validation_fraction: found 1.0"),
    ],
)
def test_bad_options_are_said(options, message):
    with pytest.raises(ValueError, match=message):
        NeuralClassifier(**options).fit([[0.0], [1.0]], [0, 1])


def test_several_numbers_a_row():
    X = np.linspace(-1, 1, 80)[:, None]
    y = np.hstack([X**2, np.abs(X)])
    model = NeuralRegressor(learning_rate=0.01, random_state=0).fit(X, y)
    assert model.predict(X).shape == (80, 2) and model.score(X, y) > 0.97


@pytest.mark.parametrize("jit", [False, True])
def test_the_penalty_is_that_of_the_whole_training_set(jit, monkeypatch):
    """α/2 Σw² over all rows adds α/n w to the gradient of each batch; biases have none, unused weights shrink."""

    class Spare(nn.Linear):
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)
            self.spare = nn.Parameter(np.ones((2, 2)))

    monkeypatch.setattr("tinygrad_np.interop.estimators.MANY_STEPS", 1)
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    made = {}
    for alpha in (0.0, 2.0):
        nn.init.manual_seed(0)
        fit = NeuralClassifier(
            Spare(4, 2), optimizer=optim.SGD, learning_rate=0.1, alpha=alpha, max_epochs=1, jit=jit
        ).fit(X, y)
        made[alpha] = {name: p.numpy().copy() for name, p in fit.module_.named_parameters()}
    np.testing.assert_allclose(made[2.0]["bias"], made[0.0]["bias"])
    np.testing.assert_allclose(made[0.0]["spare"], 1.0)
    np.testing.assert_allclose(made[2.0]["spare"], 1 - 0.1 * 2.0 / 4)

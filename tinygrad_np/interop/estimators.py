"""scikit-learn's door: any network as a classifier or a regressor, for pipelines, searches and cross-validation.

    from tinygrad_np.interop.estimators import NeuralClassifier

    make_pipeline(StandardScaler(), NeuralClassifier(hidden=(64, 64))).fit(X, y).score(X_test, y_test)

The defaults are those of scikit-learn's own MLPClassifier and MLPRegressor.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from .. import nn, optim
from ..engine.arrays import array_of
from ..engine.modes import no_grad
from ..jit import jit as jitted
from ..nn import functional as F

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ModuleNotFoundError(
        'tinygrad_np.interop.estimators needs scikit-learn 1.6 or newer: pip install "tinygrad_np[models]"'
    ) from error

MANY_STEPS = 400  # from here on recording a step pays
MANY_WEIGHTS = 50_000  # from here on products take the time of a step, and recording it saves nothing


class NeuralEstimator(BaseEstimator):
    """What a neural classifier and a regressor share.

    `module` makes the network: a function of the numbers of features and of outputs, or a Module, which is copied; by
    default a perceptron with `hidden` layers and rectifiers. `optimizer` is a class of `tinygrad_np.optim`, `schedule`
    a function of an optimizer that makes a scheduler, stepped once an epoch. `alpha` is the weight of the squared
    parameters, as MLPClassifier's. Training ends after `max_epochs`, or when the loss (with `early_stopping` the
    score of a `validation_fraction` held out, whose best weights are kept) has not improved by `tol` for `patience`
    epochs. Each of `callbacks` is called with the estimator and a dict of the epoch's figures; one that returns True
    ends the training. float32 data are computed in float32, all others in float64.

    After `fit`: `module_`, `n_epochs_`, `loss_curve_`, and with early stopping `validation_scores_`.
    """

    def __init__(
        self,
        module: Callable[[int, int], nn.Module] | nn.Module | None = None,
        *,
        hidden: Sequence[int] = (100,),
        optimizer: Callable[..., optim.Optimizer] = optim.Adam,
        learning_rate: float = 1e-3,
        schedule: Callable[[optim.Optimizer], Any] | None = None,
        alpha: float = 1e-4,
        batch_size: int | None = None,
        max_epochs: int = 200,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        tol: float = 1e-4,
        callbacks: Sequence[Callable[[Any, dict[str, float]], Any]] = (),
        warm_start: bool = False,
        jit: bool = True,
        random_state: Any = None,
    ):
        self.module = module
        self.hidden = hidden
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.tol = tol
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.jit = jit
        self.random_state = random_state

    # ---- what a subclass says -----------------------------------------------------------------------------

    def _targets(self, y: Any, dtype: Any, classes: Any = None) -> np.ndarray:
        """The targets as the loss takes them; remembers what they were."""
        raise NotImplementedError

    @staticmethod
    def _losses(out: Any, y: Any) -> Any:
        """The loss of each row."""
        raise NotImplementedError

    # ---- training -----------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train on the rows of X, each weighted by `sample_weight`; from new weights unless `warm_start`."""
        again = self.warm_start and hasattr(self, "module_")
        X, y, weights = self._data(X, y, sample_weight, reset=not again)
        if not again:
            self._begin(X)
        return self._train(X, y, weights, self.max_epochs)

    def _one_epoch(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        """Train for one epoch, from where the last call ended; a classifier is told all `classes` at the first."""
        first = not hasattr(self, "module_")
        X, y, weights = self._data(X, y, sample_weight, reset=first, classes=classes)
        if first:
            self._begin(X)
        return self._train(X, y, weights, 1, partial=True)

    def _data(self, X: Any, y: Any, sample_weight: Any, reset: bool, classes: Any = None) -> tuple:
        self._check()
        X, y = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=self._numeric, reset=reset
        )
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if weights is not None and (weights < 0).any():
            raise ValueError(f"{type(self).__name__}: sample_weight: found negative weights; expected none")
        y = self._targets(y, X.dtype, classes)
        if weights is not None:
            counts = weights > 0
            X, y, weights = X[counts], y[counts], weights[counts]
            if not len(X):
                raise ValueError(f"{type(self).__name__}: sample_weight: found zeros alone; expected a positive weight")
        return X, y, weights

    _numeric = False

    def _check(self) -> None:
        for name, least in (("max_epochs", 1), ("patience", 1), ("batch_size", 1)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, numbers.Integral) or value < least):
                raise ValueError(
                    f"{type(self).__name__}: {name}: found {value!r}; expected a whole number from {least}"
                )
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"{type(self).__name__}: validation_fraction: found {self.validation_fraction!r}; expected 0 to 1"
            )

    def _begin(self, X: np.ndarray) -> None:
        """New weights, a new optimizer and stream of random numbers."""
        seed = check_random_state(self.random_state).randint(2**31)
        self.generator_ = np.random.default_rng(seed)
        features, outputs = X.shape[1], self._outputs
        if self.module is None:
            self.module_: Any = perceptron([features, *self.hidden, outputs], X.dtype, self.generator_)
        elif isinstance(self.module, nn.Module):
            self.module_ = deepcopy(self.module)
        else:
            self.module_ = self.module(features, outputs)
        self.module_.astype(X.dtype)
        self.optimizer_ = self.optimizer(self.module_.parameters(), lr=self.learning_rate)
        self.schedule_ = None if self.schedule is None else self.schedule(self.optimizer_)
        self.loss_curve_: list[float] = []
        self.n_epochs_ = 0

    def _train(self, X: np.ndarray, y: np.ndarray, weights: Any, epochs: int, partial: bool = False) -> Any:
        held_out = None
        if self.early_stopping and not partial:
            X, y, weights, held_out = self._split(X, y, weights)
            self.validation_scores_: list[float] = []
        n = len(X)
        size = min(200, n) if self.batch_size is None else min(self.batch_size, n)
        total = n if weights is None else float(weights.sum())
        step = self._step(total)
        small = sum(p.size for p in self.module_.parameters()) < MANY_WEIGHTS
        if self.jit and small and -(-n // size) * epochs >= MANY_STEPS:
            step = jitted(step)
        best, waited, kept = np.inf, 0, None
        for _ in range(epochs):
            self.module_.train()
            order = self.generator_.permutation(n) if size < n else np.arange(n)
            sums = []
            for start in range(0, n, size):
                rows = order[start : start + size] if size < n else slice(None)
                sums.append(step(X[rows], y[rows], None if weights is None else weights[rows]))
            loss = float(np.sum([s.item() for s in sums])) / total
            self.module_.eval()
            self.loss_curve_.append(loss)
            self.n_epochs_ += 1
            if self.schedule_ is not None:
                self.schedule_.step()
            figures = {"epoch": self.n_epochs_, "loss": loss}
            measure = loss
            if held_out is not None:
                figures["validation_score"] = self._score_of(*held_out)
                self.validation_scores_.append(figures["validation_score"])
                measure = -figures["validation_score"]
            if not np.isfinite(loss):
                raise ValueError(
                    f"{type(self).__name__}: the loss is {loss}; lower the learning_rate, or scale the data"
                )
            improved = measure < best - self.tol
            waited = 0 if improved else waited + 1
            if measure < best:
                best = measure
                kept = deepcopy(self.module_.state_dict()) if held_out is not None else None
            if any([callback(self, figures) is True for callback in self.callbacks]) or waited >= self.patience:
                break
        if kept is not None:
            self.module_.load_state_dict(kept)
        return self

    def _step(self, total: float) -> Callable:
        """One step on a batch: returns the sum of its losses, weighted."""
        module, optimizer, losses_of = self.module_, self.optimizer_, self._losses  # not self, which changes
        decayed = [p for p in module.parameters() if p.ndim > 1] if self.alpha else []
        decay = self.alpha / total  # what the penalty α/2 Σp² / total adds to the gradient

        def step(x: np.ndarray, y: np.ndarray, w: np.ndarray | None) -> Any:
            losses = losses_of(module(x), y)
            weighted = losses.sum() if w is None else (losses * w).sum()
            optimizer.zero_grad()
            (weighted / (len(x) if w is None else w.sum())).backward()
            for p in decayed:
                if p.grad is None:  # a weight that the network did not use
                    p.grad = np.zeros_like(array_of(p))
                p.grad += decay * array_of(p)
            optimizer.step()
            return weighted.detach()

        return step

    def _split(self, X: np.ndarray, y: np.ndarray, weights: Any) -> tuple:
        n = len(X)
        held = max(1, int(self.validation_fraction * n))
        if held >= n:
            raise ValueError(f"{type(self).__name__}: early_stopping: found {n} rows; expected at least 2")
        order = self.generator_.permutation(n)
        out, rest = order[:held], order[held:]
        return X[rest], y[rest], None if weights is None else weights[rest], (X[out], y[out])

    def _score_of(self, X: np.ndarray, y: np.ndarray) -> float:
        """How good the network is on rows that it was not trained on."""
        return -float(np.mean(self._losses(self._outputs_of(X), y).numpy()))

    def _outputs_of(self, X: np.ndarray) -> Any:
        with no_grad():
            return self.module_(X)

    def _forward(self, X: Any) -> np.ndarray:
        """What the network makes of checked rows, in pieces."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        first = next(iter(self.module_.parameters()), None)
        X = X.astype(X.dtype if first is None else first.dtype, copy=False)
        return np.concatenate([self._outputs_of(X[k : k + 4096]).numpy() for k in range(0, max(len(X), 1), 4096)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags


class NeuralClassifier(ClassifierMixin, NeuralEstimator):
    """A network that tells classes apart, by cross entropy: see NeuralEstimator for its parameters.

    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> NeuralClassifier(learning_rate=0.05, random_state=0).fit(X, ["same", "other", "other", "same"]).predict(X)
    array(['same', 'other', 'other', 'same'], dtype='<U5')
    """

    def _targets(self, y: Any, dtype: Any, classes: Any = None) -> np.ndarray:
        from sklearn.utils.validation import column_or_1d

        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if not hasattr(self, "module_") or not self.warm_start and classes is None and not self._partial:
            self.classes_ = np.unique(y) if classes is None else np.unique(classes)
        numbers_of = np.searchsorted(self.classes_, y)
        known = np.isin(y, self.classes_)
        if not known.all():
            raise ValueError(
                f"NeuralClassifier: y: found the class {y[~known].tolist()[0]!r}; expected {self.classes_.tolist()}"
            )
        self._outputs = len(self.classes_)
        return numbers_of

    _partial = False

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train for one epoch, from where the last call ended; the first is told all `classes`."""
        if not hasattr(self, "module_") and classes is None:
            raise ValueError(
                "NeuralClassifier.partial_fit: classes: found None; the first call has to be told them all"
            )
        self._partial = True
        try:
            return self._one_epoch(X, y, sample_weight, classes)
        finally:
            del self._partial

    @staticmethod
    def _losses(out: Any, y: Any) -> Any:
        return F.cross_entropy(out, y, reduction="none")

    def _score_of(self, X: np.ndarray, y: np.ndarray) -> float:
        return float(np.mean(self._outputs_of(X).numpy().argmax(1) == y))

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, in the order of `classes_`: (rows, classes)."""
        return F.softmax(self._forward(X), dim=1)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self._forward(X).argmax(1)
        return self.classes_[best]


class NeuralRegressor(RegressorMixin, NeuralEstimator):
    """A network that predicts numbers, one or several a row, by their squared errors: see NeuralEstimator.

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = NeuralRegressor(learning_rate=0.01, tol=1e-6, random_state=0).fit(X, X[:, 0] ** 2)
    >>> model.score(X, X[:, 0] ** 2) > 0.99
    True
    """

    _numeric = True

    def _targets(self, y: Any, dtype: Any, classes: Any = None) -> np.ndarray:
        y = np.asarray(y, dtype)
        self._flat = y.ndim == 1
        y = y[:, None] if self._flat else y
        self._outputs = y.shape[1]
        return y

    @staticmethod
    def _losses(out: Any, y: Any) -> Any:
        return 0.5 * ((out - y) ** 2).mean(axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """The numbers of each row: (rows,) or, where it was trained on several, (rows, outputs)."""
        out = self._forward(X)
        return out[:, 0] if self._flat else out

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for one epoch, from where the last call ended."""
        return self._one_epoch(X, y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


def perceptron(sizes: list[int], dtype: Any, generator: np.random.Generator) -> nn.Sequential:
    """Linear layers with rectifiers between, from weights as MLPClassifier draws them (Glorot and Bengio, 2010)."""
    layers: list[Any] = []
    for i, o in zip(sizes, sizes[1:], strict=False):
        layer: Any = nn.Linear(i, o, dtype=dtype, generator=generator)
        bound = np.sqrt(6 / (i + o))
        layer.weight.data = generator.uniform(-bound, bound, (o, i)).astype(dtype)
        layer.bias.data = generator.uniform(-bound, bound, o).astype(dtype)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])

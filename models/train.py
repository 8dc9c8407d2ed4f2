"""The one training loop: from a recipe and data to trained weights, the same bits whether it was stopped or not.

Everything random in an epoch is drawn from streams made of the seed and the epoch's number, so that a checkpoint
needs no random state: weights, optimizer and epoch say it all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from models.data import Labeled
from models.errors import Failure
from models.mlp import mlp
from models.recipes import Recipe
from models.run import Run
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.io import save

WEIGHTS, SHUFFLE, DROPOUT = 1, 2, 3  # the random streams of a seed; 0 is the split of the data
ROWS = 4096  # images measured at once

OPTIMIZERS = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}


class Measured(NamedTuple):
    """How well a model does on a dataset: mean cross-entropy in nats, share of right answers."""

    loss: float
    accuracy: float


def build(recipe: Recipe, inputs: int) -> nn.Sequential:
    """Return the recipe's network with the weights that its seed draws."""
    return mlp(inputs, recipe.hidden, dropout=recipe.dropout, generator=np.random.default_rng([recipe.seed, WEIGHTS]))


def loss_of(model: nn.Module, recipe: Recipe, images: np.ndarray | Tensor, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return (mean cross-entropy, scores): what is differentiated, and what is drawn as the graph."""
    scores = model(images)
    targets = np.eye(10, dtype=scores.dtype)[labels] if recipe.targets == "one-hot" else labels
    return F.cross_entropy(scores, targets), scores


def train(
    run: Run,
    training: Labeled,
    held_out: Labeled,
    after_epoch: Callable[[dict[str, float]], None],
    jit: bool = True,
) -> int:
    """Train until the recipe's last epoch, from the run's checkpoint where there is one; return the epoch kept.

    `after_epoch` is given the figures of each epoch once they are on disk. Ends with the weights in the run folder.
    """
    recipe = run.recipe
    model = build(recipe, training.images.shape[1])
    optimizer = OPTIMIZERS[recipe.optimizer](model.parameters(), lr=recipe.lr, weight_decay=recipe.l2)
    state = run.checkpoint()
    if state is None:
        run.begin_history()
        epoch = 0
        best: dict[str, Any] = {"epoch": 0, "accuracy": -1.0, "model": model.state_dict()}
    else:
        epoch, best = int(state["epoch"]), state["best"]
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except (ValueError, TypeError, KeyError) as error:
            raise Failure(f"{run.folder / 'checkpoint.safetensors'}: {error}") from None

    while epoch < recipe.epochs and not _stalled(recipe, epoch, best):
        began = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging loss is reported once, by its value
            fitted = train_epoch(model, optimizer, recipe, training, epoch)
            held = measure(model, held_out)
        epoch += 1
        if not math.isfinite(fitted.loss + held.loss):
            elsewhere = " and another folder (--out)" if epoch > 1 else ""
            raise Failure(
                f"epoch {epoch}: the loss became {fitted.loss}, held-out {held.loss}: training diverged; "
                f"try a smaller lr (--set lr={recipe.lr / 10:g}){elsewhere}"
            )
        if held.accuracy > float(best["accuracy"]):
            best = {"epoch": epoch, "accuracy": held.accuracy, "model": model.state_dict()}
        figures = {
            "epoch": epoch,
            "train_loss": fitted.loss,
            "train_accuracy": fitted.accuracy,
            "held_out_loss": held.loss,
            "held_out_accuracy": held.accuracy,
            "seconds": time.perf_counter() - began,
        }
        run.save_epoch(
            figures, {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "best": best}
        )
        after_epoch(figures)
    if recipe.keep == "last":
        best = {"epoch": epoch, "model": model.state_dict()}
    save(run.folder / "weights.safetensors", best["model"])
    return int(best["epoch"])


def train_epoch(model: nn.Module, optimizer: optim.Optimizer, recipe: Recipe, data: Labeled, epoch: int) -> Measured:
    """Take one step for each batch; return the loss and accuracy met on the way (with dropout, before each step)."""
    masks = np.random.default_rng([recipe.seed, DROPOUT, epoch])
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.generator = masks
    model.train()
    loss_sum, right = 0.0, 0
    for images, labels in batches(data, recipe, epoch):
        loss, scores = loss_of(model, recipe, images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(labels)
        right += int(np.count_nonzero(scores.data.argmax(axis=1) == labels))
    return Measured(loss_sum / len(data), right / len(data))


def batches(data: Labeled, recipe: Recipe, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield every row once, shuffled anew each epoch; the whole dataset at once for full-batch descent."""
    if recipe.batch_size is None:
        yield data.images, data.labels
        return
    order = np.random.default_rng([recipe.seed, SHUFFLE, epoch]).permutation(len(data))
    for start in range(0, len(order), recipe.batch_size):
        rows = order[start : start + recipe.batch_size]
        yield data.images[rows], data.labels[rows]


def scores(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Return the model's scores (logits) for each image, shape (n, 10), in evaluation mode."""
    model.eval()
    with tg.no_grad():
        return np.concatenate([model(images[start : start + ROWS]).data for start in range(0, len(images), ROWS)])


def measure(model: nn.Module, data: Labeled) -> Measured:
    """Return the loss and accuracy on a dataset."""
    return judge(scores(model, data.images), data.labels)


def judge(logits: np.ndarray, labels: np.ndarray) -> Measured:
    """Return the loss and accuracy of scores, shape (n, 10), against the labels."""
    with tg.no_grad():
        loss = F.cross_entropy(Tensor(logits), labels).item()
    return Measured(loss, float(np.mean(logits.argmax(axis=1) == labels)))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of each row."""
    return np.asarray(F.softmax(logits, dim=1))


def confusion(actual: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the 10x10 counts of (actual, predicted)."""
    counts = np.zeros((10, 10), np.int64)
    np.add.at(counts, (actual, predicted), 1)
    return counts


def _stalled(recipe: Recipe, epoch: int, best: dict[str, Any]) -> bool:
    return recipe.patience is not None and epoch - int(best["epoch"]) >= recipe.patience

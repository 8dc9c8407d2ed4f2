"""The one training loop: from a recipe and data to trained weights, the same bits whether it was stopped or not.

Everything random in an epoch is drawn from streams made of the seed and the epoch's number, so that a checkpoint
needs no random state: weights, optimizer and epoch say it all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn
from tinygrad_np.jit import kernels

from .batches import batches
from .data import Labeled
from .errors import Failure
from .files.table import CLASSES
from .method import Method, steps_an_epoch
from .networks import build
from .recipes import Recipe
from .run import Run
from .team import Alone, Follower

DROPOUT = 3  # the random stream of a seed; 0 is the split of the data, 1 the weights, 2 the order of the rows
ROWS = 4096  # images measured at once; fewer where a convolution makes many numbers of each
ROWS_OF_CONVOLUTIONS = 512
COMPILED = 4000  # steps, from which compiled loops, some percent quicker, save more than the seconds they cost
SEEN = 2  # calls: what is there at the second one alone, as momentum, is recorded as well
ALONE = Alone()

Step = Callable[[np.ndarray, np.ndarray], tuple[Tensor, Tensor]]


class Measured(NamedTuple):
    """How well a model does on a dataset: mean cross-entropy in nats, share of right answers."""

    loss: float
    accuracy: float


def loss_of(model: nn.Module, recipe: Recipe, images: np.ndarray | Tensor, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return (mean cross-entropy, scores): what is differentiated, and what is drawn as the graph."""
    scores = model(images)
    targets = F.one_hot(labels, CLASSES).astype(scores.dtype) if recipe.targets == "one-hot" else labels
    return F.cross_entropy(scores, targets, label_smoothing=recipe.smoothing), scores


def train(
    run: Run | Follower,
    training: Labeled,
    held_out: Labeled,
    after_epoch: Callable[[dict[str, float]], None],
    jit: bool = True,
    team: Alone = ALONE,
) -> int:
    """Train until the recipe's last epoch, from the run's checkpoint where there is one; return the epoch kept.

    `after_epoch` is given the figures of each epoch once they are on disk. Ends with the weights in the run folder.
    Each process of a `team` has its rows of every batch; the first has the run, the others follow.
    """
    recipe = run.recipe
    model = build(recipe, training.images.shape[1])
    masks = _masks(recipe, 0, team)  # one generator for all epochs: another object would be recorded anew
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.generator = masks
    steps = steps_an_epoch(recipe, len(training))
    method = Method(recipe, model, steps, team)
    with _compiled(steps * recipe.epochs >= COMPILED):
        step = step_of(model, method, recipe, jit)
        state = run.checkpoint()
        if jit and (state is None or int(state["epoch"]) < recipe.epochs):
            _record(step, model, method, recipe, training)  # from the first weights: the same programs after a stop
        if state is None:
            run.begin_history()
            epoch = 0
            best: dict[str, Any] = {"epoch": 0, "accuracy": -1.0, "model": model.state_dict()}
        else:
            epoch, best = int(state["epoch"]), state["best"]
            try:
                model.load_state_dict(state["model"])
                method.load_state_dict(state)
            except (ValueError, TypeError, KeyError) as error:
                raise Failure(f"{run.folder / 'checkpoint.safetensors'}: {error}") from None
        measured = build(recipe, training.images.shape[1]) if method.average else model  # what is measured and kept

        while epoch < recipe.epochs and not _stalled(recipe, epoch, best):
            began = time.perf_counter()
            with np.errstate(over="ignore", invalid="ignore"):  # a diverging loss is reported once, by its value
                masks.bit_generator.state = _masks(recipe, epoch, team).bit_generator.state
                fitted = train_epoch(model, method, recipe, training, epoch, step)
                if method.average is not None:
                    measured.load_state_dict(method.average.values)
                held = team.told(measure(measured, held_out) if team.rank == 0 else None)
            epoch += 1
            if not math.isfinite(fitted.loss + held.loss):
                elsewhere = " and another folder (--out)" if epoch > 1 else ""
                raise Failure(
                    f"epoch {epoch}: the loss became {fitted.loss}, held-out {held.loss}: training diverged; "
                    f"try a smaller lr (--set lr={recipe.lr / 10:g}){elsewhere}"
                )
            if held.accuracy > float(best["accuracy"]):
                best = {"epoch": epoch, "accuracy": held.accuracy, "model": measured.state_dict()}
            figures = {
                "epoch": epoch,
                "train_loss": fitted.loss,
                "train_accuracy": fitted.accuracy,
                "held_out_loss": held.loss,
                "held_out_accuracy": held.accuracy,
                "seconds": time.perf_counter() - began,
            }
            run.save_epoch(figures, {"epoch": epoch, "model": model.state_dict(), "best": best, **method.state_dict()})
            after_epoch(figures)
    if recipe.keep == "last":
        if method.average is not None:
            measured.load_state_dict(method.average.values)
        best = {"epoch": epoch, "model": measured.state_dict()}
    run.keep(best["model"])
    return int(best["epoch"])


@contextmanager
def _compiled(worth: bool) -> Iterator[None]:
    """Leave all loops to NumPy unless it is worth to compile them: the bits are the same."""
    installed, kernels.INSTALLED = kernels.INSTALLED, kernels.INSTALLED and worth
    try:
        yield
    finally:
        kernels.INSTALLED = installed


def step_of(model: nn.Module, method: Method, recipe: Recipe, jit: bool) -> Step:
    """Return the function of one step: forward, backward and update, recorded once and replayed with `jit`."""
    optimizer, together = method.optimizer, method.together

    def gradients(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
        loss, scores = loss_of(model, recipe, images, labels)
        optimizer.zero_grad()
        loss.backward()
        return loss, scores

    def step(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
        found = gradients(images, labels)
        optimizer.step()
        return found

    if together is None:
        return tg.jit(step) if jit else step
    own = tg.jit(gradients) if jit else gradients

    def step_together(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
        if not len(labels):  # more processes than rows: nothing to add to the sum
            optimizer.zero_grad()
            together.step(0)
            return Tensor(0.0), Tensor(np.empty((0, CLASSES)))
        found = own(images, labels)
        together.step(len(labels))
        return found

    return step_together


def _record(step: Step, model: nn.Module, method: Method, recipe: Recipe, data: Labeled) -> None:
    """Let a jitted step see the sizes of batches that an epoch has, and put back what that changed.

    The calls before a program is recorded, and compiled, may differ from later ones in the last bit: a training that
    was stopped must not have other such calls than one that was not.
    """
    before = {"model": _copied(model.state_dict()), **_copied(method.state_dict())}
    size = min(recipe.batch_size or len(data), len(data))
    whole, rest = divmod(len(data), size)
    model.train()
    with np.errstate(over="ignore", invalid="ignore"):
        for rows, number in ((size, whole), (rest, min(rest, 1))):
            compiled = kernels.INSTALLED and number * recipe.epochs > kernels.AFTER - SEEN
            for _ in range((SEEN + kernels.AFTER + 2 if compiled else SEEN) if number else 0):
                step(method.team.mine(data.images[:rows]), method.team.mine(data.labels[:rows]))
    model.load_state_dict(before["model"])
    method.load_state_dict(before)


def _masks(recipe: Recipe, epoch: int, team: Alone) -> np.random.Generator:
    return np.random.default_rng([recipe.seed, DROPOUT, epoch, *range(1, team.rank + 1)])  # of another process, others


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    return {k: _copied(v) if isinstance(v, dict) else np.array(v, copy=True) for k, v in state.items()}


def train_epoch(model: nn.Module, method: Method, recipe: Recipe, data: Labeled, epoch: int, step: Step) -> Measured:
    """Take one step for each batch; return the loss and accuracy met on the way (with dropout, before each step)."""
    model.train()
    loss_sum, right = 0.0, 0.0
    team = method.team
    for images, labels in batches(data, recipe, epoch):
        mine = team.mine(labels)
        loss, scores = step(team.mine(images), mine)
        method.after_step()
        loss_sum += loss.item() * len(mine)
        right += int(np.count_nonzero(scores.data.argmax(axis=1) == mine))
    team.agree(model)
    loss_sum, right = team.total(loss_sum, right)
    return Measured(loss_sum / len(data), right / len(data))


def scores(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Return the model's scores (logits) for each image, shape (n, 10), in evaluation mode."""
    model.eval()
    rows = ROWS_OF_CONVOLUTIONS if any(isinstance(layer, nn.Conv2d) for layer in model.modules()) else ROWS
    with tg.no_grad():
        return np.concatenate([model(images[start : start + rows]).data for start in range(0, len(images), rows)])


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

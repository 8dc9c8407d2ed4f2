"""A recipe is data: everything that decides what is learned, from what, and how. No recipe has code of its own.

The same fields are the options of `--set key=value`; each says how its text is read and what is expected of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from .errors import BadUsage, nearest

SCHEDULES = ("constant", "one-cycle", "cosine")
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad")


def _integer(least: int) -> Callable[[str], int]:
    return lambda text: _checked(int(text), int(text) >= least)


def _real(accept: Callable[[float], bool]) -> Callable[[str], float]:
    return lambda text: _checked(float(text), math.isfinite(float(text)) and accept(float(text)))


def _choice(*words: str) -> Callable[[str], str]:
    return lambda text: _checked(text, text in words)


def _or(word: str, value: Any, otherwise: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: value if text == word else otherwise(text)


def _widths(text: str) -> tuple[int, ...]:
    return tuple(_integer(1)(width) for width in text.split(","))


def _part(text: str) -> int | float:
    """A count of rows (`1000`) or a share of them (`0.2`)."""
    return _integer(1)(text) if text.isdigit() else _real(lambda share: 0 < share < 1)(text)


def _convolutions(text: str) -> tuple[str, ...]:
    """Blocks such as `24x5p`: 24 kernels of 5x5, then max-pooling; `s` keeps the size of the images."""
    return tuple(_checked(block, bool(re.fullmatch(r"[1-9]\d*x[1-9]s?p?", block))) for block in text.split(","))


def _flag(text: str) -> bool:
    return {"yes": True, "no": False, "true": True, "false": False}[
        _checked(text, text in ("yes", "no", "true", "false"))
    ]


def _checked(value: Any, good: bool) -> Any:
    if not good:
        raise ValueError
    return value


def option(default: Any, read: Callable[[str], Any], expected: str) -> Any:
    """A recipe's field that `--set` may change: how its text is read, and the words for an error."""
    return field(default=default, metadata={"read": read, "expected": expected})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to train: convolutions and a perceptron with ReLU and softmax, its data, split and method.

    `batch_size=None` is full-batch gradient descent (an epoch is one step); `keep="best"` keeps the weights
    of the epoch that did best on the held-out rows instead of the last epoch's.
    """

    name: str
    about: str
    data: str
    hidden: tuple[int, ...] = option((10,), _or("none", (), _widths), "widths of the hidden layers, as 64,32, or none")
    conv: tuple[str, ...] = option(
        (),
        _or("none", (), _convolutions),
        "convolutions before them, as 24x5p,48x3 (p pools, s keeps the size), or none",
    )
    batch_norm: bool = option(False, _flag, "yes or no: batch norm after each layer")
    optimizer: str = option("sgd", _choice(*OPTIMIZERS), "one of " + ", ".join(OPTIMIZERS))
    lr: float = option(0.1, _real(lambda x: x > 0), "a number above 0")
    momentum: float = option(0.0, _real(lambda x: 0 <= x < 1), "of sgd, Nesterov's: from 0 up to, not including, 1")
    schedule: str = option("constant", _choice(*SCHEDULES), "of the learning rate: one of " + ", ".join(SCHEDULES))
    warmup: float = option(0.3, _real(lambda x: 0 < x < 1), "the share of the steps in which one-cycle rises, as 0.3")
    epochs: int = option(1, _integer(1), "a whole number, 1 or more")
    batch_size: int | None = option(None, _or("full", None, _integer(1)), "a whole number, 1 or more, or full")
    l2: float = option(0.0, _real(lambda x: x >= 0), "a number, 0 or more")
    dropout: float = option(0.0, _real(lambda x: 0 <= x < 1), "a number from 0 up to, not including, 1")
    smoothing: float = option(0.0, _real(lambda x: 0 <= x < 1), "of the labels, from 0 up to, not including, 1")
    average: float = option(
        0.0, _real(lambda x: 0 <= x < 1), "decay of a mean of the weights, which is kept, as 0.99; 0 for none"
    )
    shift: float = option(0.0, _real(lambda x: 0 <= x <= 14), "images are moved by up to so many pixels, 0 to 14")
    turn: float = option(0.0, _real(lambda x: 0 <= x <= 180), "images are turned by up to so many degrees, 0 to 180")
    zoom: float = option(0.0, _real(lambda x: 0 <= x < 1), "images are made smaller or larger by up to a share, as 0.1")
    elastic: float = option(0.0, _real(lambda x: 0 <= x <= 1000), "images are bent: strength, 0 to 1000, as 30")
    noise: float = option(
        0.0,
        _real(lambda x: 0 <= x <= 1),
        "normal noise is added to the pixels, which are 0 to 1: its deviation, as 0.1",
    )
    targets: str = option("index", _choice("index", "one-hot"), "index or one-hot")
    rows: int | None = option(None, _or("all", None, _integer(1)), "a number of rows, 1 or more, or all")
    held_out: int | float = option(0.2, _part, "a number of rows (1000) or a share of them (0.2)")
    keep: str = option("last", _choice("last", "best"), "last or best")
    patience: int | None = option(
        None, _or("none", None, _integer(1)), "epochs without a better held-out accuracy before stopping, or none"
    )
    seed: int = option(0, _integer(0), "a whole number, 0 or more")

    def with_options(self, texts: dict[str, str]) -> Recipe:
        """Return this recipe with options changed, as texts from a command line; BadUsage says what is wrong."""
        values = {}
        for key, text in texts.items():
            if key not in OPTIONS:
                raise BadUsage(f"unknown option {key!r}: {nearest(key, OPTIONS)}")
            try:
                values[key] = OPTIONS[key].metadata["read"](text.strip())
            except ValueError:
                raise BadUsage(f"option {key}: found {text!r}, expected {OPTIONS[key].metadata['expected']}") from None
        return replace(self, **values)

    @staticmethod
    def from_settings(name: str, settings: dict[str, Any]) -> Recipe:
        """Return the recipe that `settings()` described."""
        lists = {key: tuple(value) for key, value in settings.items() if isinstance(value, list)}
        return replace(find(name), **settings | lists)

    def settings(self) -> dict[str, Any]:
        """Return the options alone, as a dict that JSON can hold."""
        values = {name: getattr(self, name) for name in OPTIONS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


OPTIONS: dict[str, Field] = {f.name: f for f in fields(Recipe) if "read" in f.metadata}

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="digits-relu10",
            data="digits",
            about="scikit-learn's 8x8 digits, full-batch descent with batch norm, noise, a mean of the weights",
            hidden=(10,),
            batch_norm=True,
            lr=0.3,
            momentum=0.9,
            epochs=300,
            smoothing=0.1,
            average=0.98,
            noise=0.12,
            held_out=0.2,
        ),
        Recipe(
            name="kaggle-relu10",
            data="kaggle",
            about="Kaggle's train.csv, full-batch gradient descent",
            hidden=(10,),
            lr=0.5,
            epochs=500,
            targets="one-hot",
            held_out=1000,
        ),
        Recipe(
            name="mnist-relu10",
            data="mnist",
            about="MNIST, full-batch gradient descent, then its test set",
            hidden=(10,),
            lr=0.1,
            epochs=500,
            held_out=1000,
        ),
        Recipe(
            name="kaggle-adam",
            data="kaggle",
            about="Kaggle's train.csv, mini-batch Adam with L2, submission.csv",
            hidden=(256, 128),
            optimizer="adam",
            lr=1e-3,
            epochs=20,
            batch_size=128,
            l2=1e-5,
            dropout=0.2,
            held_out=0.2,
        ),
        Recipe(
            name="kaggle-relu64x2",
            data="kaggle",
            about="Kaggle's train.csv, mini-batch gradient descent, best epoch",
            hidden=(64, 64),
            lr=0.1,
            epochs=1000,
            batch_size=64,
            l2=1e-4,
            dropout=0.1,
            held_out=1000,
            keep="best",
            patience=100,
        ),
        Recipe(
            name="digits-best",
            data="digits",
            about="scikit-learn's digits: convolutions, augmentation, a mean of the weights",
            conv=("16x3s", "32x3sp", "64x3"),
            hidden=(),
            batch_norm=True,
            optimizer="sgd",
            momentum=0.9,
            lr=0.1,
            l2=5e-4,
            schedule="one-cycle",
            epochs=30,
            batch_size=64,
            dropout=0.2,
            average=0.99,
            shift=1.0,
            turn=10.0,
            zoom=0.1,
            held_out=0.2,
        ),
        Recipe(
            name="mnist-mlp",
            data="mnist",
            about="MNIST: a perceptron with batch norm, one cycle of the learning rate, small shifts",
            hidden=(256, 128),
            batch_norm=True,
            optimizer="adam",
            lr=5e-3,
            schedule="one-cycle",
            epochs=6,
            batch_size=128,
            average=0.99,
            shift=1.5,
            turn=6.0,
            zoom=0.05,
            held_out=1000,
        ),
        Recipe(
            name="mnist-mlp-best",
            data="mnist",
            about="MNIST: a wide perceptron, images turned and bent, labels smoothed, a mean of the weights",
            hidden=(800, 400),
            batch_norm=True,
            optimizer="adam",
            lr=3e-3,
            schedule="one-cycle",
            epochs=30,
            batch_size=256,
            smoothing=0.1,
            average=0.999,
            shift=2.0,
            turn=12.0,
            zoom=0.12,
            elastic=30.0,
            held_out=1000,
        ),
        Recipe(
            name="mnist-cnn",
            data="mnist",
            about="MNIST: three convolutions with batch norm, shifts and turns, one cycle, a mean of the weights",
            conv=("12x5p", "48x3p", "96x3"),
            hidden=(),
            batch_norm=True,
            optimizer="sgd",
            momentum=0.9,
            lr=0.1,
            l2=5e-4,
            schedule="one-cycle",
            epochs=4,
            batch_size=128,
            smoothing=0.05,
            average=0.99,
            shift=2.0,
            turn=10.0,
            zoom=0.1,
            held_out=1000,
        ),
        Recipe(
            name="mnist-cnn-best",
            data="mnist",
            about="MNIST: five convolutions in two blocks, labels smoothed, dropout, a mean of the weights",
            conv=("32x3", "32x3p", "64x3", "64x3p", "128x3"),
            hidden=(),
            batch_norm=True,
            optimizer="sgd",
            momentum=0.9,
            lr=0.1,
            l2=5e-4,
            schedule="one-cycle",
            epochs=8,
            batch_size=128,
            dropout=0.2,
            smoothing=0.05,
            average=0.99,
            shift=2.0,
            turn=10.0,
            zoom=0.1,
            held_out=1000,
        ),
    )
}


def find(name: str) -> Recipe:
    """Return the recipe of that name, or fail with the nearest one."""
    if name not in RECIPES:
        raise BadUsage(f"unknown recipe {name!r}: {nearest(name, RECIPES)}")
    return RECIPES[name]

"""Pictures of a run: how it learned, what it confuses, and what it says about single images."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_np.io import atomic_write

from .errors import need

PLAIN = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # the same bytes each time
BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe & Ito: told apart by every kind of eye
PARTS = (("train", "training, while learning", BLUE), ("held_out", "held-out", ORANGE))


def curves(history: dict[str, np.ndarray], path: Path | BytesIO, title: str) -> None:
    """Draw loss and accuracy over the epochs, training and held-out."""
    figure = new_figure(9, 3.6)
    panels = (("loss", 1, "cross-entropy (nats)", "4f"), ("accuracy", 100, "accuracy (%)", "2f"))
    for axes, (quantity, scale, unit, digits) in zip(figure.subplots(1, 2), panels, strict=True):
        for part, name, color in PARTS:
            values = scale * history[f"{part}_{quantity}"]
            axes.plot(
                history["epoch"],
                values,
                color=color,
                linewidth=1.5,
                marker="." if len(values) < 30 else "",
                label=f"{name}: {values[-1]:.{digits}}",
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel(unit)
        axes.grid(alpha=0.3)
        axes.legend(title="at the end")
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title)
    save(figure, path)


def confusion(counts: np.ndarray, path: Path | BytesIO, title: str) -> None:
    """Draw the 10x10 counts of (actual, predicted); the shade is the share of the actual digit's images."""
    figure = new_figure(6.8, 5.6)
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(
                column,
                row,
                f"{count}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share[row, column] > 0.5 else "black",
            )
    axes.set(xlabel="predicted", ylabel="actual", xticks=range(10), yticks=range(10), title=title)
    figure.colorbar(picture, ax=axes, label="share of the actual digit", shrink=0.9)
    save(figure, path)


def samples(
    images: np.ndarray,
    predicted: np.ndarray,
    actual: np.ndarray | None,
    sure: np.ndarray,
    path: Path | BytesIO,
    title: str,
) -> None:
    """Draw images with what was predicted and how surely; a wrong one also says what it is."""
    side = int(images.shape[1] ** 0.5)
    columns = min(len(images), 10)
    rows = -(-len(images) // columns)
    width, height = 1.4 * side, 1.75 * side  # of an image with its margin, and the words above it
    figure = new_figure(max(1.15 * columns, 3.4), 1.44 * rows + 0.5)
    axes = figure.subplots()
    for i, image in enumerate(images):
        left, top = i % columns * width, i // columns * height
        truth = predicted[i] if actual is None else actual[i]
        wrong = predicted[i] != truth
        axes.imshow(
            image.reshape(side, side), cmap="gray_r", vmin=0, vmax=1, extent=(left, left + side, top + side, top)
        )
        axes.text(
            left + side / 2,
            top - 0.06 * side,
            f"{predicted[i]} ({sure[i]:.0%})" + (f"\nis {truth}" if wrong else ""),
            ha="center",
            va="bottom",
            fontsize=8,
            color=ORANGE if wrong else "black",
            fontweight="bold" if wrong else "normal",
        )
    axes.set(xlim=(side - width, columns * width), ylim=(rows * height - 0.7 * side, -0.6 * side), aspect="equal")
    axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of its own: no window, no global state."""
    need("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path | BytesIO) -> None:
    """Write a figure to a file of its suffix, or as PNG into memory."""
    if isinstance(path, BytesIO):
        figure.savefig(path, format="png", dpi=110, metadata={"Software": None})
        return
    with atomic_write(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=120, metadata=PLAIN.get(path.suffix, {}))

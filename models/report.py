"""A run on one HTML page: how it learned, what it confuses, how sure it is, what its weights and gradients look at."""

from __future__ import annotations

import base64
import html
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_np import Tensor, nn
from tinygrad_np.io import atomic_write

from . import plots
from . import train as train_
from .data import Labeled
from .run import Run

MISTAKES, KERNELS, BINS = 30, 32, 10
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;
background:#fff}img,svg{max-width:100%;height:auto}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top}td{overflow-wrap:anywhere}pre{white-space:pre-wrap}
h2{border-top:1px solid #ddd;padding-top:1rem}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#111}img,svg{background:#fff}h2{border-color:#444}}"""


def write(run: Run, model: nn.Module, held_out: Labeled, path: Path) -> None:
    """Write the page: one file that needs no other."""
    logits = train_.scores(model, held_out.images)
    chances = train_.probabilities(logits)
    predicted, sure = logits.argmax(axis=1), chances.max(axis=1)
    measured = train_.judge(logits, held_out.labels)
    wrong = np.flatnonzero(predicted != held_out.labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    title = f"{run.recipe.name}: {measured.accuracy:.2%} of {len(held_out):,} held-out images right"

    parts = [f"<h1>{html.escape(title)}</h1>", _facts(run)]
    parts += ["<h2>Curves</h2>", _drawn(plots.curves, run.history(), title="")]
    counts = train_.confusion(held_out.labels, predicted)
    parts += ["<h2>Confusion</h2>", _drawn(plots.confusion, counts, title="")]
    gap, picture = _calibration(sure, predicted == held_out.labels)
    parts += ["<h2>Calibration</h2>", f"<p>Expected calibration error {gap:.2%}.</p>", picture]
    parts.append(f"<h2>Worst mistakes</h2><p>{len(wrong):,} mistakes; the surest first.</p>")
    if len(worst):
        parts.append(
            _drawn(
                plots.samples, held_out.images[worst], predicted[worst], held_out.labels[worst], sure[worst], title=""
            )
        )
    parts += ["<h2>First-layer weights</h2>", _weights(model, held_out.side)]
    shown = np.concatenate([worst[:5], np.flatnonzero(predicted == held_out.labels)[: 10 - len(worst[:5])]])
    parts += [
        "<h2>Saliency</h2><p>The gradient of the predicted digit's score by each pixel: orange where more ink speaks "
        "for it, blue where it speaks against it.</p>",
        _saliency(model, held_out.images[shown], predicted[shown], held_out.side),
    ]
    graph = run.folder / "graph.svg"
    if graph.exists():
        svg = graph.read_text(encoding="utf-8")
        parts += ["<h2>Graph</h2>", svg[max(svg.find("<svg"), 0) :]]
    page = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
    with atomic_write(path) as file:
        text = page + f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
        file.write(text.encode("utf-8", "surrogateescape"))


def _facts(run: Run) -> str:
    """What was asked and what was reached, as a table."""
    metrics = run.folder / "metrics.json"
    figures = json.loads(metrics.read_text(encoding="utf-8")) if metrics.exists() else {}
    data = {f"data: {name}": value for name, value in run.asked["data"].items()}
    rows = {"folder": run.folder, **data, **run.recipe.settings(), **figures, **run.asked["versions"]}
    cells = (f"<tr><th>{html.escape(str(k))}</th><td>{html.escape(_said(v))}</td></tr>" for k, v in rows.items())
    return f"<details open><summary>What was asked and reached</summary><table>{''.join(cells)}</table></details>"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_said(inner)}" for name, inner in value.items())
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.encode("utf-8", "backslashreplace").decode()  # a folder's name may have any bytes


def _drawn(draw: Any, *arguments: Any, title: str) -> str:
    """A picture of plots.py as an element of the page."""
    buffer = BytesIO()
    draw(*arguments, buffer, title)
    return f'<img alt="{draw.__name__}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _shown(figure: Any, name: str) -> str:
    def draw(path: BytesIO, title: str) -> None:
        plots.save(figure, path)

    draw.__name__ = name
    return _drawn(draw, title="")


def _calibration(sure: np.ndarray, right: np.ndarray) -> tuple[float, str]:
    """How often it is right where it is so sure; the mean distance of the two (Guo et al., 2017), and the picture."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    mean_sure = np.bincount(bins, sure, BINS) / np.maximum(counts, 1)
    mean_right = np.bincount(bins, right, BINS) / np.maximum(counts, 1)
    gap = float((np.abs(mean_sure - mean_right) * counts).sum() / len(sure))
    figure = plots.new_figure(5.5, 4)
    axes, there = figure.subplots(), counts > 0
    axes.plot([0, 1], [0, 1], color="gray", linewidth=1, linestyle=":")
    axes.plot(mean_sure[there], mean_right[there], color=plots.BLUE, marker="o")
    for x, y, count in zip(mean_sure[there], mean_right[there], counts[there], strict=True):
        axes.annotate(f"{count:,}", (x, y), textcoords="offset points", xytext=(4, -12), fontsize=8)
    axes.set(xlabel="how sure", ylabel="how often right", xlim=(0, 1.02), ylim=(0, 1.05))
    return gap, _shown(figure, "calibration")


def _grid(images: np.ndarray, titles: list[str], name: str) -> str:
    """Signed pictures side by side: orange above zero, blue below, each by its own largest value."""
    columns = min(len(images), 10)
    rows = -(-len(images) // columns)
    figure = plots.new_figure(1.1 * columns + 0.2, (1.35 if any(titles) else 1.1) * rows + 0.2)
    for axes in (grid := figure.subplots(rows, columns, squeeze=False)).flat:
        axes.set_axis_off()
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        top = float(np.abs(image).max()) or 1.0
        axes.imshow(image, cmap="PuOr_r", vmin=-top, vmax=top)
        axes.set_title(title, fontsize=8)
    return _shown(figure, name)


def _weights(model: nn.Module, side: int) -> str:
    """The weights of the first layer: what each unit, or each kernel, looks for."""
    first = next(layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d)))
    weight = np.asarray(first.weight.data)[:KERNELS]
    pictures = weight[:, 0] if weight.ndim == 4 else weight.reshape(-1, side, side)
    return _grid(pictures, [""] * len(pictures), "first-layer weights")


def _saliency(model: nn.Module, images: np.ndarray, predicted: np.ndarray, side: int) -> str:
    """The gradient of each image's highest score by its pixels, beside the image."""
    model.eval()
    pixels = Tensor(images, requires_grad=True)
    model(pixels)[np.arange(len(images)), predicted].sum().backward()
    assert pixels.grad is not None
    both = np.concatenate([images, pixels.grad.reshape(images.shape)]).reshape(-1, side, side)
    order = [
        i + row
        for start in range(0, len(images), 10)
        for row in (0, len(images))
        for i in range(start, min(start + 10, len(images)))
    ]
    titles = [f"as {digit}" for digit in predicted] + [""] * len(images)
    return _grid(both[order], [titles[i] for i in order], "saliency")

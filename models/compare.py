"""Runs side by side: a table of what they reached, what differed in what was asked, and their curves in one picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import plots
from .run import Run

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")  # Okabe & Ito


def row(run: Run) -> dict[str, Any]:
    """Return what a run reached, as far as it came."""
    history = run.history()
    metrics = run.folder / "metrics.json"
    figures = json.loads(metrics.read_text(encoding="utf-8")) if metrics.exists() else {}
    return {
        "run": str(run.folder),
        "recipe": run.recipe.name,
        "epochs": len(history["epoch"]),
        "seconds": round(float(history["seconds"].sum()), 1),
        "best_held_out_accuracy": float(history["held_out_accuracy"].max(initial=0)),
        **{name: figures.get(name) for name in ("held_out_accuracy", "test_accuracy", "train_accuracy")},
    }


def differences(runs: list[Run]) -> dict[str, list[Any]]:
    """Return what was asked differently: for each setting the value of each run."""
    asked = [{"recipe": run.recipe.name, **run.recipe.settings(), "data": run.asked["data"]["sha256"]} for run in runs]
    together = {name: [one[name] for one in asked] for name in asked[0]}
    return {name: values for name, values in together.items() if any(value != values[0] for value in values)}


def draw(runs: list[Run], path: Path) -> None:
    """Draw loss and accuracy on the held-out images over the epochs, a color a run, training dotted."""
    figure = plots.new_figure(10, 4)
    panels = (("loss", 1, "cross-entropy (nats)"), ("accuracy", 100, "accuracy (%)"))
    for axes, (quantity, scale, unit) in zip(figure.subplots(1, 2), panels, strict=True):
        for i, run in enumerate(runs):
            history, color = run.history(), COLORS[i % len(COLORS)]
            axes.plot(history["epoch"], scale * history[f"train_{quantity}"], color=color, linewidth=1, linestyle=":")
            axes.plot(history["epoch"], scale * history[f"held_out_{quantity}"], color=color, label=run.folder.name)
        axes.set_xlabel("epoch")
        axes.set_ylabel(unit)
        axes.grid(alpha=0.3)
        axes.legend(title="held-out; dotted: training")
        axes.spines[["top", "right"]].set_visible(False)
    plots.save(figure, path)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text, a line a run."""
    heads = ("run", "recipe", "epochs", "held-out", "best", "test", "training", "seconds")
    lines = [heads]
    for one in rows:
        shares = [one[f"{name}_accuracy"] for name in ("held_out", "best_held_out", "test", "train")]
        words = ["-" if share is None else f"{share:.2%}" for share in shares]
        lines.append((one["run"], one["recipe"], str(one["epochs"]), *words, f"{one['seconds']:.1f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in lines)

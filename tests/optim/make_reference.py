"""Write reference.npz: where PyTorch's optimizers and schedulers take the same problem. Needs PyTorch, once.

python -m tests.optim.make_reference
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from .problem import (
    ARRANGEMENTS,
    CASES,
    METRICS,
    SCHEDULE_STEPS,
    SCHEDULES,
    STEPS,
    arranged,
    first_parameters,
    gradients,
)

REFERENCE = Path(__file__).with_name("reference.npz")


def trajectory(torch, name: str, options: dict, dtype: str = "float32", arrangement: str = "plain") -> np.ndarray:
    """All parameters, side by side, after STEPS steps of an optimizer of PyTorch."""
    params = [torch.nn.Parameter(torch.from_numpy(p)) for p in first_parameters(dtype)]
    if arrangement == "frozen":
        params[1].requires_grad = False
    optimizer = getattr(torch.optim, name)(arranged(params, arrangement, options), **options)
    for t in range(STEPS):
        for p, g in zip(params, gradients(t, [p.detach().numpy() for p in params]), strict=True):
            p.grad = torch.from_numpy(g) if p.requires_grad else None
        optimizer.step()
    return side_by_side([p.detach().numpy() for p in params])


def side_by_side(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([a.ravel() for a in arrays])


def rates(torch, label: str) -> np.ndarray:
    """What a schedule sets, before the first step and after each, for two groups of parameters."""
    build, (name, options) = SCHEDULES[label]
    params = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = getattr(torch.optim, name)([{"params": params[:1]}, {"params": params[1:], "lr": 0.3}], **options)
    return follow(optimizer, build(torch.optim.lr_scheduler, torch.optim.swa_utils, optimizer), label)


def follow(optimizer, schedulers: list, label: str, start: int = 0, stop: int = SCHEDULE_STEPS) -> np.ndarray:
    """(learning rate and momentum or first beta of each group) at the start and after each step, of either library."""
    rows = [row(optimizer)]
    for t in range(start, stop):
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step(*([METRICS[t]] if label.startswith("plateau") else []))
        rows.append(row(optimizer))
    return np.array(rows)


def row(optimizer) -> list[float]:
    return [v for g in optimizer.param_groups for v in (g["lr"], g["betas"][0] if "betas" in g else g["momentum"])]


def main() -> None:
    import torch

    arrays = {}
    for label, (name, options) in CASES.items():
        for dtype, arrangement in product(("float32", "float64"), ARRANGEMENTS):
            arrays[f"{label}/{dtype}/{arrangement}"] = trajectory(torch, name, options, dtype, arrangement)
    for label in SCHEDULES:
        arrays[label] = rates(torch, label)
    arrays["torch_version"] = np.array([int(part) for part in torch.__version__.split("+")[0].split(".")])
    np.savez_compressed(REFERENCE, **arrays)
    print(f"{REFERENCE.name}: {len(arrays)} arrays from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

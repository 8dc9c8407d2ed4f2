"""Write reference.npz: where PyTorch's optimizers and schedulers take the same problem. Needs PyTorch, once.

python -m tests.optim.make_reference
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .problem import CASES, METRICS, SCHEDULE_STEPS, SCHEDULES, STEPS, first_parameters, gradients

REFERENCE = Path(__file__).with_name("reference.npz")


def trajectory(torch, name: str, options: dict) -> list[np.ndarray]:
    """The parameters after STEPS steps of an optimizer of PyTorch."""
    params = [torch.nn.Parameter(torch.from_numpy(p)) for p in first_parameters()]
    optimizer = getattr(torch.optim, name)(params, **options)
    for t in range(STEPS):
        for p, g in zip(params, gradients(t, [p.detach().numpy() for p in params]), strict=True):
            p.grad = torch.from_numpy(g)
        optimizer.step()
    return [p.detach().numpy() for p in params]


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
        for i, p in enumerate(trajectory(torch, name, options)):
            arrays[f"{label}/{i}"] = p
    for label in SCHEDULES:
        arrays[label] = rates(torch, label)
    arrays["torch_version"] = np.array([int(part) for part in torch.__version__.split("+")[0].split(".")])
    np.savez_compressed(REFERENCE, **arrays)
    print(f"{REFERENCE.name}: {len(arrays)} arrays from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

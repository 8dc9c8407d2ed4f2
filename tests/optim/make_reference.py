"""Write reference.npz: where PyTorch's optimizers and schedulers take the same problem. Needs PyTorch, once.

python -m tests.optim.make_reference
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .problem import CASES, SCHEDULES, STEPS, first_parameters, gradients

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


def rates(torch, name: str, options: dict, optimizer_name: str, optimizer_options: dict) -> np.ndarray:
    """(learning rate, momentum or first beta) before the first step and after each of 40."""
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = getattr(torch.optim, optimizer_name)([p], **optimizer_options)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    rows = []
    for _ in range(41):
        group = optimizer.param_groups[0]
        rows.append((group["lr"], group["betas"][0] if "betas" in group else group["momentum"]))
        if len(rows) < 41:
            optimizer.step()
            scheduler.step()
    return np.array(rows)


def main() -> None:
    import torch

    arrays = {}
    for label, (name, options) in CASES.items():
        for i, p in enumerate(trajectory(torch, name, options)):
            arrays[f"{label}/{i}"] = p
    for label, case in SCHEDULES.items():
        arrays[label] = rates(torch, *case)
    arrays["torch_version"] = np.array([int(part) for part in torch.__version__.split("+")[0].split(".")])
    np.savez_compressed(REFERENCE, **arrays)
    print(f"{REFERENCE.name}: {len(arrays)} arrays from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

"""Write reference.npz: values and gradients of `torch.nn.functional` for every case. Needs PyTorch, once.

python -m tests.nn.make_reference
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from .cases import CASES, Case, cotangent

REFERENCE = Path(__file__).with_name("reference.npz")


def evaluate(torch, case: Case) -> list[np.ndarray]:
    """The output of a case in PyTorch and the gradient of each differentiated argument, in float64."""
    args = [torch.from_numpy(np.array(a)) if isinstance(a, np.ndarray) else a for a in case.args]
    kwargs = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in case.kwargs.items()}
    for i in case.positions:
        args[i].requires_grad_()
    with warnings.catch_warnings(action="ignore"):  # of kl_div, that its mean is not the mathematical one
        out = getattr(torch.nn.functional, case.fun)(*args, **kwargs)
    out.backward(torch.tensor(cotangent(tuple(out.shape)), dtype=out.dtype))
    return [out.detach().numpy(), *(args[i].grad.numpy() for i in case.positions)]


def main() -> None:
    import torch

    arrays = {f"{label}/{i}": a for label, case in CASES.items() for i, a in enumerate(evaluate(torch, case))}
    arrays["torch_version"] = np.array([int(part) for part in torch.__version__.split("+")[0].split(".")])
    np.savez_compressed(REFERENCE, **arrays)
    print(f"{REFERENCE.name}: {len(arrays)} arrays from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

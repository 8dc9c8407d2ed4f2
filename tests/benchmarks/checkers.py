"""Verdicts of three gradient checkers on one corpus: python tests/benchmarks/checkers.py

Right operations and mutants of them, as PyTorch Functions, JAX custom_vjp functions and pairs of NumPy functions, each
checked at the same points: by `gradcheck` here, by `torch.autograd.gradcheck` and by `jax.test_util.check_grads`, with
the defaults of each. A checker whose framework is not installed is left out.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tinygrad_np.testing import foreign, gradcheck  # noqa: E402

SMALL, PLAIN, LARGE = np.array([1e-3, -2e-3, 5e-4]), np.array([0.5, -1.5, 2.0]), np.array([1e4, -3e4, 12345.0])
TIED = np.array([1.0, 1.0, -2.0])

# name: (forward, backward, points), for any module of array functions
RIGHT = {
    "sin": (lambda xp, x: xp.sin(x), lambda xp, ct, x: ct * xp.cos(x), [SMALL, PLAIN]),
    "cube": (lambda xp, x: x * x * x, lambda xp, ct, x: 3 * ct * x * x, [SMALL, PLAIN, LARGE]),
    "identity": (lambda xp, x: 1 * x, lambda xp, ct, x: 1 * ct, [SMALL, PLAIN, 1e6 * LARGE]),
    "reciprocal": (lambda xp, x: 1 / x, lambda xp, ct, x: -ct / (x * x), [SMALL, PLAIN, LARGE]),
    "tanh": (lambda xp, x: xp.tanh(x), lambda xp, ct, x: ct * (1 - xp.tanh(x) ** 2), [SMALL, PLAIN]),
    "softplus": (lambda xp, x: xp.log1p(xp.exp(x)), lambda xp, ct, x: ct / (1 + xp.exp(-x)), [SMALL, PLAIN]),
    "square sum": (lambda xp, x: (x * x).sum(), lambda xp, ct, x: 2 * ct * x, [SMALL, PLAIN, LARGE]),
    "leaky": (lambda xp, x: xp.where(x > 0, x, 0.1 * x), lambda xp, ct, x: xp.where(x > 0, ct, 0.1 * ct), [PLAIN]),
    "abs": (lambda xp, x: xp.abs(x), lambda xp, ct, x: ct * xp.sign(x), [PLAIN, np.array([0.0, 1.0, -1.0])]),
    "mean of squares": (lambda xp, x: (x * x).mean(), lambda xp, ct, x: 2 * ct * x / 3, [SMALL, PLAIN]),
}

# what a mutant makes of the right gradient
MUTANTS = {
    "sign": lambda xp, g, ct, x: -g,
    "twice": lambda xp, g, ct, x: 2 * g,
    "nothing": lambda xp, g, ct, x: 0 * g,
    "a thousandth off": lambda xp, g, ct, x: 1.001 * g,
    "a factor x": lambda xp, g, ct, x: g * x,
    "cotangent squared": lambda xp, g, ct, x: g * ct,
    "one branch": lambda xp, g, ct, x: xp.where(x < 0, 0 * g, g),
    "shifted": lambda xp, g, ct, x: xp.roll(g, 1) if hasattr(xp, "roll") else g,
}


def ours_numpy(forward, backward, x) -> bool:
    pair = foreign.numpy(lambda x: forward(np, x), lambda ct, x: backward(np, ct, x))
    return bool(gradcheck(pair, x, raise_on_fail=False))


def function_of(forward, backward):
    import torch

    class Made(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(torch, x)

        @staticmethod
        def backward(ctx, ct):
            return backward(torch, ct, *ctx.saved_tensors)

    return Made


def ours_torch(forward, backward, x) -> bool:
    return bool(gradcheck(foreign.torch(function_of(forward, backward)), x, raise_on_fail=False))


def theirs_torch(forward, backward, x) -> bool:
    import torch

    given = torch.tensor(x, requires_grad=True)
    try:
        return torch.autograd.gradcheck(function_of(forward, backward).apply, (given,), raise_exception=False)
    except Exception:
        return False


def theirs_jax(forward, backward, x) -> bool:
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    with jax.enable_x64(True):
        made = jax.custom_vjp(lambda x: forward(jnp, x))
        made.defvjp(lambda x: (forward(jnp, x), x), lambda x, ct: (backward(jnp, ct, x),))
        try:
            check_grads(made, (jnp.asarray(x),), order=1, modes=["rev"])
        except Exception:
            return False
    return True


CHECKERS = {
    "gradcheck, of NumPy pairs": ours_numpy,
    "gradcheck, of PyTorch Functions": ours_torch,
    "torch.autograd.gradcheck": theirs_torch,
    "jax.test_util.check_grads": theirs_jax,
}


def cases():
    """(backward, forward, point, whether it is right) of every operation and mutant that differs at the point."""
    for forward, backward, points in RIGHT.values():
        for x in points:
            yield forward, backward, x, True
            for broken in MUTANTS.values():

                def wrong(xp, ct, x, broken=broken, backward=backward):
                    return broken(xp, backward(xp, ct, x), ct, x)

                ct = np.linspace(1.25, 2, 3) if np.ndim(forward(np, x)) else 1.25
                if not np.allclose(wrong(np, ct, x), backward(np, ct, x), rtol=1e-6, atol=0):
                    yield forward, wrong, x, False


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    found = list(cases())
    right = sum(ok for *_, ok in found)
    print(
        f"| checker | of {len(found) - right} wrong ones refused | of {right} right ones refused |\n|---|---|---|",
        flush=True,
    )
    for name, passes in CHECKERS.items():
        try:
            verdicts = [(passes(forward, backward, x), ok) for forward, backward, x, ok in found]
        except ModuleNotFoundError:
            continue
        refused = [sum(not v for v, ok in verdicts if ok == wanted) for wanted in (False, True)]
        print(f"| {name} | {refused[0]} | {refused[1]} |", flush=True)


if __name__ == "__main__":
    main()

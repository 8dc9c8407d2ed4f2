"""How long the gradient checker takes: python tests/benchmarks/gradient_checker.py

Seconds of one core, with the bounds that the project holds itself to.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import tinygrad_np as tg  # noqa: E402
from tinygrad_np import nn  # noqa: E402
from tinygrad_np.testing import (
    check_op,  # noqa: E402
    gradcheck,
)


def elementwise() -> None:
    """check_op on np.tanh, 100 drawn inputs."""
    assert check_op(np.tanh).inputs == 100


def wrong_entry() -> None:
    """One wrong entry of a 1000 by 1000 Jacobian, found and named."""
    matrix = np.random.default_rng(0).normal(size=(1000, 1000))
    wrong = matrix.copy()
    wrong[123, 456] *= -1

    @tg.primitive
    def product(x):
        return matrix @ x

    product.defvjp(lambda ct: wrong.T @ ct)
    report = gradcheck(product, np.random.default_rng(1).normal(size=1000), raise_on_fail=False)
    assert (report.entry.row, report.entry.column) == (123, 456)


def classifier() -> None:
    """The loss of a 784-64-64-10 classifier with respect to all 55,050 parameters."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    images, labels = tg.Tensor(rng.random((64, 784))), rng.integers(0, 10, 64)
    assert gradcheck(lambda m: nn.functional.cross_entropy(m(images), labels), model).compared


BOUNDS = {elementwise: 2.0, wrong_entry: 5.0, classifier: 10.0}


def main() -> int:
    slow = 0
    elementwise()  # imports, and what hypothesis does once
    for task, bound in BOUNDS.items():
        start = time.process_time()
        task()
        seconds = time.process_time() - start
        slow += seconds > bound
        print(f"{seconds:6.2f} s of {bound:4.1f}   {task.__doc__}")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Every row of the table, as the checker calls it, is captured, stored and drawn: no operation is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import ROWS, cases_of
from tinygrad_np.viz import GraphView


class Drawn:
    """Stands for the arrays of a case: positive numbers that require a gradient."""

    def __init__(self, rng):
        self.rng, self.lengths = rng, {}

    def __call__(self, *shape, **options):
        shape = tuple(self.lengths.setdefault(n, 3) if isinstance(n, str) else n for n in shape)
        array = self.rng.uniform(0.2, 0.8, shape)
        if len(shape) >= 2 and shape[-1] == shape[-2]:
            array = array @ np.swapaxes(array, -1, -2) + np.eye(shape[-1])  # what a decomposition accepts
        return tg.Tensor(array, requires_grad=True)


def tensors(value) -> list:
    if isinstance(value, tg.Tensor):
        return [value] if value.requires_grad else []
    return [t for part in value for t in tensors(part)] if isinstance(value, (list, tuple)) else []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_is_drawn_and_stored(name, rng):
    drawn = 0
    for case in cases_of(ROWS[name])[:4]:
        try:
            outs = tensors(case(ROWS[name], Drawn(rng)))
        except (ValueError, TypeError, np.linalg.LinAlgError):  # numbers that this case does not accept
            continue
        if not outs:
            continue
        view = tg.graph(outs)
        assert GraphView.from_json(view.to_json()) == view
        assert "equal to the tape" in view.check()
        assert view.to_text() and view.to_dot() and view.to_mermaid()
        drawn += 1
    assert drawn, f"{name} was not drawn"

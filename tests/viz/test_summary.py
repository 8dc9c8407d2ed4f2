"""model.summary: totals equal to the parameters, shapes equal to a real forward, the model left as it was."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import Deep, Recurrent, digits
from tinygrad_np import nn


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self):
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.scale = nn.Parameter(np.ones(4))

    def forward(self, x):
        return self.b(self.a(x)) * self.scale


@pytest.mark.parametrize(
    "model, x",
    [
        (digits()[0], np.ones((3, 64), np.float32)),
        (Deep(3), np.ones((2, 8), np.float32)),
        (Tied(), np.ones((2, 4))),
        (Recurrent(), ([np.ones((4, 8), np.float32)] * 3,)),
    ],
    ids=["digits", "deep", "tied", "recurrent"],
)
def test_totals_are_those_of_the_parameters(model, x):
    for table in (model.summary(), model.summary(x)):
        assert table.parameters == sum(p.size for _, p in model.named_parameters())
        assert table.nbytes == sum(p.nbytes for _, p in model.named_parameters())
    out = model(*x) if isinstance(x, tuple) else model(x)
    view = out.graph(model)
    assert table.operations == view.stats()["ops"]
    assert table.saved_nbytes == view.stats()["saved_nbytes"]
    assert table.rows[0].output == str(out.shape)
    assert table.rows[0].layer == type(model).__name__


def test_a_shared_weight_is_counted_once_and_marked():
    table = Tied().summary()
    assert [row.parameters for row in table.rows] == [4, 20, 4] and [row.shared for row in table.rows] == [
        False,
        False,
        True,
    ]
    assert "4*" in str(table) and "shares parameters" in str(table)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.ReLU())
    state, generator = model.state_dict(), model[1].generator.bit_generator.state
    model[2].training = False
    table = model.summary(np.ones((2, 4), np.float32))
    assert [row.output for row in table.rows] == ["(2, 3)"] * 4
    assert [m.training for m in model.modules()] == [True, True, True, False]
    assert all("forward" not in vars(m) for m in model.modules())
    assert model[1].generator.bit_generator.state == generator
    assert all(np.array_equal(v, model.state_dict()[k]) for k, v in state.items())
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError):
        model.summary(np.ones((2, 5), np.float32))
    assert all("forward" not in vars(m) for m in model.modules()) and model.training


def test_it_works_inside_no_grad():
    with tg.no_grad():
        assert digits()[0].summary(np.ones((1, 64), np.float32)).operations == 3

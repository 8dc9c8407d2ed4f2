"""Each species of bug is found, by the failure that names it, and the report says what it looks like."""

import numpy as np
import pytest
from species import SPECIES, V, op

from tinygrad_np.engine.places import scatter
from tinygrad_np.testing import CheckFailed, check_op, gradcheck
from tinygrad_np.testing import failures as F

DRAWN = [name for name, (_, inputs, *_) in SPECIES.items() if inputs is None]  # these take a second each
SAMPLE = [
    pytest.param(name, marks=pytest.mark.slow if name in DRAWN and DRAWN.index(name) % 3 else ()) for name in SPECIES
]


@pytest.mark.parametrize("name", SAMPLE)
def test_is_found_and_named(name):
    make, inputs, kind, says, options = SPECIES[name]
    with pytest.raises(CheckFailed) as caught:
        check_op(make(), inputs, max_examples=30, **options)
    assert isinstance(caught.value, kind), caught.value
    assert says in str(caught.value), caught.value


def test_a_function_cut_off_the_graph_has_no_gradient():
    with pytest.raises(F.GradientMismatch, match="NO GRADIENT"):
        gradcheck(lambda x: np.sin(getattr(x, "_array", x)), V)


def test_scatter_is_not_a_getitem():
    made = op(lambda x: x[[0, 0, 1]], lambda ct: scatter(ct, ([0, 0, 1],), (4,)) * 0.5)
    with pytest.raises(F.GradientMismatch, match="1/2"):
        check_op(made, [(V,)])

"""What a call is specialized to: shapes, dtypes, numbers and modes record anew, up to a limit."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn

from .examples import normal, same


def test_new_shapes_dtypes_and_numbers_record_anew_up_to_the_limit():
    f = tg.jit(lambda x, n=1: x * n, max_programs=3)
    for n in range(1, 6):
        same(f(np.ones(n)), np.ones(n))
    assert f.recordings == 5 and len(f.programs) == 3
    f(np.ones(5))
    f(np.ones(5, np.float32))
    assert f.recordings == 6
    with pytest.warns(UserWarning, match="6 programs have been recorded and 3 are kept"):
        same(f(np.ones(5), n=3), np.full(5, 3.0))
    same(f(np.ones(1)), np.ones(1))  # forgotten, and run as it is without another word
    same(f(np.ones(5)), np.ones(5))
    assert f.recordings == 6 and len(f.programs) == 3


def test_a_global_or_closure_number_that_changes_is_seen():
    scale = [2.0]
    f = tg.jit(lambda x: x * scale[0])
    x = normal(3)
    same(f(x), x * 2)
    scale[0] = 5.0
    same(f(x), x * 5)
    same(f(x), x * 5)
    scale[0] = 2.0
    same(f(x), x * 2)
    assert f.recordings == 2


def test_train_and_eval_are_two_programs():
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    f = tg.jit(lambda x: model(x))
    x = normal(5, 4)
    trained = [f(x).numpy() for _ in range(3)]
    assert not np.array_equal(trained[0], trained[1])
    model.eval()
    for _ in range(2):
        same(f(x).numpy(), model(x).numpy())

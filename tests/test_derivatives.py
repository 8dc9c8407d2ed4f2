"""Every row of the table is checked by existing: a row that says nothing of how it is called fails here."""

import gc
import weakref

import hypothesis
import numpy as np
import pytest

from tinygrad_np import Tensor
from tinygrad_np.table import TABLE, Plain
from tinygrad_np.testing import strategies
from tinygrad_np.testing.gradcheck import verify
from tinygrad_np.testing.problem import Problem
from tinygrad_np.testing.report import GradReport

ROWS = sorted(((row.name, fun) for fun, row in TABLE.items() if not isinstance(row, Plain)), key=lambda pair: pair[0])


@pytest.mark.parametrize("fun", [pytest.param(fun, id=name) for name, fun in ROWS])
def test_row(fun):
    row = TABLE[fun]
    assert row.kind == "elementwise" or row.cases, f"{row.name} has no cases: say how it is called"

    @hypothesis.settings(max_examples=20, deadline=None, derandomize=True, database=None,
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(strategies.op_inputs(fun))
    def check(inputs):
        args, kwargs = inputs
        try:
            expected = fun(*args, **kwargs)
        except (ValueError, IndexError):
            hypothesis.reject()
        p = Problem(fun, args, kwargs)
        report = GradReport(row.name)
        from tinygrad_np.testing import VacuousCheck
        try:
            verify(p, 2, 1e-8, 0.0, report)
        except VacuousCheck:
            pass
    check()

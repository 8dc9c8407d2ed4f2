"""Every row of the table is checked by existing: a row that says nothing of how it is called fails here."""

import gc
import weakref

import numpy as np
import pytest

from tinygrad_np import Tensor
from tinygrad_np.table import TABLE, Plain
from tinygrad_np.testing import check_op
from tinygrad_np.testing.problem import Problem, floating

ROWS = {f"{row.name}" if fun is not row.fun else row.name: fun for fun, row in TABLE.items() if not isinstance(row, Plain)}
EXAMPLES = 20


@pytest.mark.parametrize("name", sorted(ROWS))
def test_row(name):
    row = TABLE[ROWS[name]]
    assert row.kind == "elementwise" or row.cases, f"{name} has no cases: say how it is called"
    report = check_op(ROWS[name], max_examples=EXAMPLES)
    assert report.inputs >= EXAMPLES // 2, f"{name}: only {report.inputs} inputs were accepted; {report.refusals[-3:]}"

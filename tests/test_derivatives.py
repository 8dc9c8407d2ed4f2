"""Every row of the table is checked by existing: a row that says nothing of how it is called fails here."""

import gc
import weakref

import numpy as np
import pytest

from tinygrad_np import NotDifferentiable, Tensor, nn  # noqa: F401 - whose rows are checked here too
from tinygrad_np.table import TABLE, Plain
from tinygrad_np.testing import check_op, strategies
from tinygrad_np.testing.problem import Problem

EXAMPLES = 8


def of_scipy(fun) -> bool:
    """Whether a function is SciPy's, or one that our SciPy module defines."""
    module = getattr(fun, "__module__", None) or ("numpy" if getattr(np, fun.__name__, None) is fun else "scipy")
    return module.startswith(("scipy", "tinygrad_np.scipy"))


def rows() -> dict:
    """The rows by name; of two functions of one name, the second is told by its module."""
    found: dict = {}
    for fun, row in TABLE.items():
        # SciPy's rows appear with the first function of SciPy that is met; tests/derivatives/test_special.py checks them
        if not isinstance(row, Plain) and not of_scipy(fun):
            module = getattr(fun, "__module__", None) or type(fun).__name__
            found[row.name if row.name not in found else f"{module}.{row.name}-{len(found)}"] = fun
    return found


ROWS = rows()
COMPLEX_ONLY = {"imag"}  # on real numbers it is 0 with all its derivatives
SKIP = {
    "cofactors": {"second": "it is the second derivative of det already; the third is refused"},
}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_row(name):
    row = TABLE[ROWS[name]]
    assert row.kind == "elementwise" or row.cases, f"{name} has no cases: say how it is called"
    dtypes = ("complex128",) if name in COMPLEX_ONLY else ("float64", "float32")
    report = check_op(ROWS[name], max_examples=EXAMPLES, dtypes=dtypes, skip=SKIP.get(name))
    assert report.inputs >= EXAMPLES // 2, (
        f"{name}: only {report.inputs} inputs were accepted; {report.refusals[-3:]}"
    )


@pytest.mark.parametrize("name", sorted(ROWS))
@np.errstate(all="ignore")
def test_graph_dies_without_the_cyclic_collector(name):
    fun = ROWS[name]
    args, kwargs, *program = first_accepted(fun)
    gc.collect()
    gc.disable()
    try:
        p = Problem(program[0] if program else fun, args, kwargs)
        tensors = [Tensor(a, requires_grad=True) for a in p.arrays(p.point)]
        outs = [out for out in p(*tensors) if isinstance(out, Tensor)]
        alive = [weakref.ref(out.node) for out in outs if not out.is_leaf]
        for out in outs:
            if out.requires_grad:
                out.backward(np.ones(out.shape, out.dtype), retain_graph=True)
        out = None
        del outs, tensors, p
        assert not any(ref() for ref in alive)
    finally:
        gc.enable()


def first_accepted(fun):
    """One input of the row that the function takes."""
    import hypothesis

    found = []

    @hypothesis.settings(
        max_examples=30,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategies.op_inputs(fun))
    def draw(inputs):
        if found:
            return
        args, kwargs, *program = inputs
        p = Problem(program[0] if program else fun, args, kwargs)
        try:
            with np.errstate(all="ignore"):
                p(*[Tensor(a, requires_grad=True) for a in p.arrays(p.point)])
        except (ValueError, IndexError, NotDifferentiable):
            return
        found.append(inputs)

    draw()
    return found[0]


def test_every_function_has_one_row():
    assert len({id(row) for row in TABLE.values()}) == len(TABLE)

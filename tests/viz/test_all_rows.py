"""Every row of the table, as the checker calls it, is captured, stored and drawn: no operation is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import ROWS, cases_of
from tinygrad_np.engine.seen import Given, given_to
from tinygrad_np.engine.tape import oldest_first
from tinygrad_np.testing.foreign.adapter import apply
from tinygrad_np.testing.foreign.pairs import Pair
from tinygrad_np.viz import GraphView
from tinygrad_np.viz.formulas import defaults_of


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


def drawings(name: str, rng):
    """What each case of a row makes of such arrays, as a view, with the tape that it is of."""
    for case in cases_of(ROWS[name])[:4]:
        try:
            outs = tensors(case(ROWS[name], Drawn(rng)))
        except (ValueError, TypeError, np.linalg.LinAlgError):  # numbers that this case does not accept
            continue
        if outs:
            yield tg.graph(outs, names={}), oldest_first(dict.fromkeys(out._node for out in outs))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_is_drawn_and_stored_and_shows_its_constants(name, rng):
    drawn = 0
    for view, tape in drawings(name, rng):
        assert GraphView.from_json(view.to_json()) == view
        assert "equal to the tape" in view.check()
        assert view.to_text() and view.to_dot() and view.to_mermaid()
        assert_constants(view, [node for node in tape if node.op is not None])
        drawn += 1
    assert drawn, f"{name} was not drawn"


def assert_constants(view, tape) -> None:
    """Every number and array that an operation was given is said in its box, or is a box with an arrow to it."""
    boxes = {n.id: n for n in view.nodes}
    operations = [n for n in view.nodes if not n.is_leaf]
    for edge in view.edges:
        source = boxes[edge.src]
        assert source.kind != "const" or source.args, f"{edge.dst}: the number {edge.operand} is not told"
        assert source.kind != "data" or source.shape is not None, f"{edge.dst}: the array {edge.operand} is not told"
    for box, node in zip(operations, tape, strict=True):
        if getattr(node, "given", None) is None:
            continue  # of a call with nothing but tensors
        defaults = defaults_of(node.op)
        for parameter, given in zip(node.op.names, given_to(node), strict=True):
            if parameter in node.op.diff or given is defaults.get(parameter, node):
                continue
            for word in words_of_argument(given):
                assert word in f"{box.formula} {box.args}", f"{box.id}: {parameter} = {given}"


def words_of_argument(given) -> list[str]:
    """What must be read of an argument that is not at its default: its numbers, an array's numbers or its shape."""
    if isinstance(given, Given):
        few = given.copy is not None and given.copy.size <= 6 and given.copy.ndim == 1
        return [f"[{' '.join(str(v) for v in given.copy.tolist())}]"] if few else [str(given.shape)]
    if isinstance(given, list) or isinstance(given, tuple) and type(given).__str__ is tuple.__str__:
        return [word for part in given for word in words_of_argument(part)]
    if isinstance(given, slice):
        return words_of_argument((given.start, given.stop, given.step))
    plain = type(given) in (int, float) and given not in (0, 1) or isinstance(given, tuple)
    return [f"{given:.6g}" if isinstance(given, float) else str(given)] if plain else []


def test_an_operation_of_another_framework_is_drawn():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    double = Pair(lambda x: 2 * x, lambda ct, x: 2 * ct)
    out = apply(double, [x], {}).sum()
    view = out.graph(names={})
    assert "equal to the tape" in view.check() and [n.op for n in view.nodes] == ["x", "call", "sum"]
    assert view["x"].grad.numbers == (2, 2)

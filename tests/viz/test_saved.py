"""What backward keeps, counted once per buffer, and what came back: norms and numbers of contributions."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import chain, deep, digits, recurrent, tangle
from tinygrad_np import nn
from tinygrad_np.engine.tape import oldest_first, pullback


def arrays_below(value):
    """Every ndarray inside some residuals."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from arrays_below(part)


def base(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def unique_nbytes(loss, model=None) -> int:
    """The bytes of the distinct buffers that the residuals of a tape hold, without the parameters' own."""
    found = {id(base(a)): base(a) for node in oldest_first([loss._node]) for a in arrays_below(node.saved)}
    for parameter in model.parameters() if model else ():
        found.pop(id(base(parameter._array)), None)
    return sum(a.nbytes for a in found.values())


@pytest.mark.parametrize("make", [digits, deep, lambda: recurrent(20)], ids=["digits", "deep", "recurrent"])
def test_saved_bytes_are_the_unique_buffers_of_the_tape(make):
    model, loss = make()
    view = loss.graph(model)
    assert view.stats()["saved_nbytes"] == unique_nbytes(loss, model) > 0


def test_a_buffer_is_counted_once_however_often_it_is_used():
    x = tg.Tensor(np.random.default_rng(0).random((50, 40)), requires_grad=True, name="x")
    y = np.exp(x)  # keeps its output
    z = y * y + np.sin(y) * y.T.reshape(50, 40)  # four more residuals look at the same memory or make their own
    view = z.sum().graph()
    assert view["exp#0"].saved_nbytes == 50 * 40 * 8
    assert view["multiply#0"].saved_nbytes == 0 and view["multiply#0"].shared_nbytes == 2 * 50 * 40 * 8
    kept = {id(base(a)): base(a).nbytes for n in oldest_first([z._node]) for a in arrays_below(n.saved)}
    assert view.stats()["saved_nbytes"] == sum(kept.values())


def test_a_leaf_of_its_user_is_not_counted():
    x = tg.Tensor(np.ones(1000), requires_grad=True, name="x")
    view = np.sin(x).sum().graph()
    assert view["sin#0"].saved_nbytes == 0 and view["sin#0"].shared_nbytes == 8000


def test_saved_bytes_agree_with_the_allocator():
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.random((400, 300)), requires_grad=True)
    tracemalloc.start()
    try:
        loss = (np.exp(np.sin(x)) * np.tanh(x)).sum()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    saved = loss.graph().stats()["saved_nbytes"]
    assert abs(held - saved) <= 0.01 * saved


def test_drawing_works_after_the_buffers_are_freed():
    model, loss = digits()
    loss.backward()
    view = loss.graph(model)
    assert view.stats()["freed"] and view.stats()["saved_nbytes"] == 0
    assert "freed by backward" in view.to_text() and "freed by backward" in view.to_svg() and view.to_html()
    assert "equal to the tape" in view.check()
    with pytest.raises(ValueError, match="retain_graph=True"):
        loss.graph(model, grads=True)


def test_a_view_keeps_no_array_and_no_node_alive():
    x = tg.Tensor(np.ones((30, 30)), requires_grad=True)
    hidden = np.exp(x)
    loss = (hidden * hidden).sum()
    array, node = weakref.ref(hidden._array), weakref.ref(loss._node)
    view = loss.graph(grads=True)
    view.to_json()
    del hidden, loss
    assert array() is None and node() is None
    assert view.to_text()


def test_a_graph_keeps_no_module_alive_and_is_drawn_without_its_name():
    class Remembers(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(3, 2)

        def forward(self, x):
            self.last = self.inner(x)  # with a strong reference back this would be a cycle
            return self.last

    model = Remembers()
    gone = weakref.ref(model), weakref.ref(model.inner)
    out = model(np.ones((4, 3), np.float32))
    assert "inner: Linear" in out.graph().to_text()
    gc.disable()
    try:
        del model
        assert gone[0]() is None and gone[1]() is None
    finally:
        gc.enable()
    view = out.graph()
    assert not view.scopes and view["linear#0"] and "equal to the tape" in view.check()


def test_norms_are_those_of_the_gradients():
    model, loss = digits()
    before = loss.graph(model)
    assert before["0.weight"].grad_norm is None
    assert "none yet" in dict_of(before, "0.weight")["gradient"]
    ahead = loss.graph(model, grads=True)
    assert all(p.grad is None for p in model.parameters())
    loss.backward(retain_graph=True)
    after = loss.graph(model)
    for name, parameter in model.named_parameters():
        expected = np.linalg.norm(parameter.grad)
        assert after[name].grad_norm == pytest.approx(expected, rel=1e-12)
        assert ahead[name].grad_norm == pytest.approx(expected, rel=1e-6)


def dict_of(view, id_: str) -> dict:
    from tinygrad_np.viz.labels import details

    return dict(details(view[id_], view))


@pytest.mark.parametrize("make", [lambda: tangle(60), lambda: chain(10).sum()], ids=["tangle", "chain"])
def test_the_norm_at_every_node_is_that_of_its_cotangent(make):
    loss = make()
    view = loss.graph(grads=True)
    nodes = oldest_first([loss._node])
    norms = [n.grad_norm for n in view.nodes if n.kind not in ("data", "const")]
    for node, found in zip(nodes, norms, strict=True):
        expected = pullback(loss._node, np.ones(loss.shape), wanted=[node])[node]  # the engine's own pass
        assert found == pytest.approx(np.linalg.norm(expected), rel=1e-12)


def test_uses_count_the_contributions():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    w = tg.Tensor(3.0, requires_grad=True, name="w")
    y = np.sin(x)
    view = (x * x + y * w + y).sum().graph()
    assert (view["x"].uses, view["w"].uses, view["sin#0"].uses) == (3, 1, 2)
    assert "gradient added up from 3 uses" in view.to_dot()


def test_the_steps_are_the_order_of_the_backward_pass():
    visited = []

    @tg.primitive
    def noted(x, y, number):
        return x + y

    def visit(ct, number):
        visited.append(number)
        return ct

    noted.defvjp(visit, lambda ct: ct)
    rng = np.random.default_rng(0)
    values = [tg.Tensor(np.ones(2), requires_grad=True, name="x")]
    for number in range(60):
        a, b = (values[int(i)] for i in rng.integers(max(0, len(values) - 8), len(values), 2))
        values.append(noted(a, b, number))
    view = values[-1].graph(grads=False)
    values[-1].backward(np.ones(2))
    shown = sorted((n for n in view.nodes if n.kind == "op"), key=lambda n: n.step)
    assert [f"number={number}" for number in visited] == [n.args for n in shown] and len(visited) > 30


def test_where_a_gradient_is_summed():
    x = tg.Tensor(np.ones((5, 3)), requires_grad=True, name="x")
    row = tg.Tensor(np.ones(3), requires_grad=True, name="row")
    column = tg.Tensor(np.ones((5, 1)), requires_grad=True, name="column")
    number = tg.Tensor(2.0, requires_grad=True, name="number")
    view = ((x + row) * column - number).sum().graph()
    summed = {e.src: e.summed for e in view.edges}
    assert summed["x"] == () and summed["row"] == ((0, 5),) and summed["column"] == ((1, 3),)
    assert summed["number"] == ((0, 5), (1, 3))
    model, loss = digits(batch=32)
    view = loss.graph(model)
    assert {e.src: (e.summed, e.over_batch) for e in view.edges if e.src.startswith("0.")} == {
        "0.weight": (((0, 32),), True),
        "0.bias": (((0, 32),), True),
    }
    assert "gradient summed over axis 0, the batch (×32)" in view.to_dot()


def test_where_the_gradient_of_a_product_is_summed():
    rng = np.random.default_rng(0)
    a, b = (
        tg.Tensor(rng.random(shape), requires_grad=True, name=name)
        for name, shape in (("a", (4, 1, 3, 5)), ("b", (2, 5, 6)))
    )
    view = (a @ b).graph()
    assert {e.src: e.summed for e in view.edges} == {"a": ((1, 2), (3, 6)), "b": ((0, 4), (2, 3))}

    conv = nn.Conv2d(1, 4, 3, generator=0)
    view = conv(np.ones((16, 1, 8, 8), np.float32)).graph(conv)
    assert "window=3×3, groups=1" in view.to_text()
    weight = next(e for e in view.edges if e.src == "weight")
    assert weight.summed == ((0, 16), (2, 6), (3, 6)) and weight.over_batch
    assert "gradient summed over axes 0 (the batch), 2, 3 (×576)" in view.to_dot()

    @tg.primitive
    def linear(x, weight):
        return x * weight.sum()

    linear.defvjp(
        lambda ct, weight: ct * weight.sum(),
        lambda ct, x, weight_shape: np.full(weight_shape, (ct * x).sum()),
    )
    mine = linear(np.ones((3, 2)), tg.Tensor(np.ones((2, 2)), requires_grad=True)).graph()
    assert all(e.summed == () and not e.over_batch for e in mine.edges)  # nothing is claimed for a user's operation


def test_graphs_of_gradients_have_orders():
    def f(x):
        return np.sum(np.sin(x) * x * x)

    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    first = tg.grad(f)(x)
    second = tg.grad(lambda x: tg.grad(f)(x).sum())(x)
    for gradient, orders in ((first, {0, 1}), (second, {0, 1, 2})):
        view = gradient.graph()
        assert set(view.stats()["orders"]) == orders
        assert "equal to the tape" in view.check()
        assert "operation of a derivative" in view.to_dot()
    assert f(x).graph().stats()["orders"] == {0: 4}

"""Plain NumPy functions, PyTorch's graphs and JAX's: the same view, checked against what the frameworks say."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import viz
from tinygrad_np.viz import GraphView
from tinygrad_np.viz.__main__ import main


def same_everywhere(view) -> None:
    """Every writer takes the view, JSON gives it back, and its drawing is checked."""
    assert GraphView.from_json(view.to_json()) == view
    assert "equal to what was recorded" in view.check()
    for text in (view.to_text(), view.to_dot(), view.to_mermaid()):
        assert text
    assert not viz.graph_diff(view, view)


def test_a_numpy_function_is_traced_with_its_values():
    def f(x, w):
        h = np.maximum(0, x @ w)
        q, r = np.linalg.qr(h)
        picked = h[np.argsort(h[:, 0])]
        return (picked.mean(axis=0) - r.sum() > 0) * np.ones(3)

    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    view = tg.trace(f, x, w)
    assert [n.op for n in view.nodes if n.kind == "op"] == [
        "matmul",
        "maximum",
        "qr",
        "select",
        "select",
        "getitem",
        "argsort",
        "getitem",
        "mean",
        "sum",
        "subtract",
        "greater",
        "multiply",
    ]
    h = np.maximum(0, x @ w)
    assert np.allclose(np.reshape(view["maximum#0"].value.numbers, (3, 3)), h)
    assert np.allclose(view["multiply#0"].value.numbers, f(x, w))
    assert [n.id for n in view.nodes[:2]] == ["x", "w"] and view.title == "f"
    same_everywhere(view)


def test_what_cannot_be_traced_is_refused():
    with pytest.raises(TypeError, match="ndarray was made"):
        tg.trace(lambda x: np.asarray(x) * 2, np.ones(3))
    with pytest.raises(TypeError, match="in place"):
        tg.trace(lambda x: x.__setitem__(0, 1), np.ones(3))
    with pytest.raises(TypeError, match="not computed from its arguments"):
        tg.trace(lambda x: np.ones(3), np.ones(3))
    with pytest.raises(TypeError, match="expected a function"):
        tg.trace(np.ones(3))


def test_pytorchs_graph_has_names_modules_and_bytes():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 3)
    )
    loss = torch.nn.functional.cross_entropy(net(torch.ones(5, 1, 8, 8)), torch.arange(5) % 3)
    view = viz.from_torch(loss, net)
    assert {n.id for n in view.nodes if n.kind == "param"} == {name for name, _ in net.named_parameters()}
    assert {n.op: n.scope for n in view.nodes if n.scope} == {
        "convolution": "0",
        "native_batch_norm": "1",
        "t": "4",
        "addmm": "4",
    }
    counted = 0
    stack, seen = [loss.grad_fn], set()
    while stack:  # edges, counted by PyTorch's own words
        fn = stack.pop()
        if fn not in seen:
            seen.add(fn)
            counted += len([p for p, _ in fn.next_functions if p is not None])
            stack += [p for p, _ in fn.next_functions if p is not None]
    assert len(view.edges) == counted and view.stats()["saved_nbytes"] > 5 * 1 * 8 * 8 * 4
    same_everywhere(view)
    loss.backward()
    view = viz.from_torch(loss, net)
    assert view.stats()["freed"]
    assert view["0.bias"].grad.numbers == pytest.approx(net[0].bias.grad.tolist())
    with pytest.raises(ValueError, match="requires no gradient"):
        viz.from_torch(torch.ones(3))
    with pytest.raises(TypeError, match="expected a torch.Tensor"):
        viz.from_torch(np.ones(3))


def test_pytorchs_operations_have_shapes_in_every_dtype():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for dtype in (torch.bfloat16, torch.float16, torch.float64, torch.complex64):
        x = torch.ones(2, 3, dtype=dtype, requires_grad=True)
        view = viz.from_torch((x * 2).T.abs().sum())
        assert [n.shape for n in view.nodes] == [(2, 3), (2, 3), (3, 2), (3, 2), ()] and view.nodes[0].value.low in (
            0,
            1,
        )
        same_everywhere(view)
    w, v = torch.linalg.eigh(torch.eye(3, requires_grad=True))
    view = viz.from_torch([w, v])
    assert [n.shape for n in view.nodes if n.op == "linalg_eigh"] == [((3,), (3, 3))]
    same_everywhere(view)


def test_a_trace_tells_which_operand_is_which():
    view = tg.trace(lambda x: np.where(x[1:] > 1, 0, -x[1:]), np.array([1.0, 2.0, 3.0]))
    dot = view.to_dot()
    assert "if false" in dot and "if true" not in dot and "style" not in dot.split("->")[1]
    assert "x[1:] > 1" in dot.replace("&gt;", ">") and "where(x[1:] > 1, 0, -x[1:])" in view.to_text()
    assert "no gradient is recorded" in view.to_text()


def test_a_jaxpr_is_drawn_with_its_calls():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jnp = jax.numpy

    def f(params, x):
        return jax.nn.relu(x @ params["w"] + params["b"]).sum() * 2

    params, x = {"w": jnp.ones((3, 2)), "b": jnp.zeros(2)}, jnp.ones((4, 3))
    view = viz.from_jax(f, params, x)
    assert {"params['b']", "params['w']", "x"} <= {n.id for n in view.nodes}
    assert "… * 2" in view.to_text() and any("relu" in scope.id for scope in view.scopes)
    same_everywhere(view)
    closed = jax.make_jaxpr(jax.grad(lambda x: jnp.tanh(x).sum()))(jnp.ones(3))
    view = viz.from_jax(closed)
    assert len([n for n in view.nodes if n.kind == "op"]) == len(closed.jaxpr.eqns)
    same_everywhere(viz.from_jax(lambda x: jax.lax.scan(lambda c, a: (c + a, c * a), 0.0, x), jnp.ones(3)))
    with pytest.raises(TypeError, match="expected a function"):
        viz.from_jax(3)


@pytest.mark.parametrize(
    ("package", "script"),
    [
        ("torch", "import torch\nnet = torch.nn.Linear(3, 2)\nloss = net(torch.ones(4, 3)).sum()\n"),
        ("jax", "import jax, jax.numpy as jnp\nloss = jax.make_jaxpr(lambda x: jnp.sin(x).sum())(jnp.ones(3))\n"),
        ("numpy", "import numpy as np, tinygrad_np as tg\nloss = tg.trace(lambda x: np.sort(x), np.ones(3))\n"),
    ],
)
def test_the_command_knows_which_it_has(tmp_path, capsys, package, script):
    pytest.importorskip(package, reason=f"{package} is not installed")
    path = tmp_path / "script.py"
    path.write_text(script)
    assert main([f"{path}:loss"]) == 0
    assert "1 leaf" in capsys.readouterr().out or package == "torch"
    path.write_text(script + "loss = 'a text'\n")
    assert main([f"{path}:loss"]) == 1
    assert "found a str; expected a tensor of this package or of PyTorch" in capsys.readouterr().err

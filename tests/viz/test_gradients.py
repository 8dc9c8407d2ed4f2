"""The norms in a picture are those of the cotangents that backward pulls: to leaves, through outputs used twice."""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor

FIRST = {
    "elementwise": lambda x: (np.exp(x) * x).sum(),
    "qr": lambda x: (np.linalg.qr(x)[0] ** 3).sum() + (np.linalg.qr(x)[1] ** 2).sum(),
    "eigh": lambda x: (np.linalg.eigh(x)[1][0] ** 3).sum() + (np.linalg.eigh(x)[0] ** 3).sum(),
    "svd": lambda x: (np.linalg.svd(x)[0] ** 3).sum() * np.linalg.svd(x)[1].sum(),
    "slogdet": lambda x: np.linalg.slogdet(x)[1] ** 2,
    "checkpoint": lambda x: sum(tg.checkpoint(lambda x: (np.sin(x), np.cos(x)))(x)).sum(),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", FIRST)
def test_the_norm_of_a_leaf_is_that_of_its_gradient(name, order):
    x = Tensor(rng.normal(size=(3, 3)), requires_grad=True, name="x")
    y = FIRST[name](x) if order == 1 else (tg.grad(FIRST[name])(x) ** 2).sum()
    (leaf,) = [node for node in tg.graph(y, grads=True).nodes if node.kind == "leaf"]
    y.backward()
    assert leaf.grad_norm == pytest.approx(np.linalg.norm(x.grad), rel=1e-12)


@pytest.mark.parametrize("name", FIRST)
def test_the_norm_of_an_operation_is_that_of_its_whole_cotangent(name):
    x = Tensor(rng.normal(size=(3, 3)), requires_grad=True, name="x")
    inside = np.sin(x)
    y = (tg.grad(FIRST[name])(inside) ** 2).sum()
    (sine,) = [node for node in tg.graph(y, grads=True).nodes if node.id == "sin#0"]
    start = Tensor(inside.numpy(), requires_grad=True)
    (tg.grad(FIRST[name])(start) ** 2).sum().backward()
    assert sine.grad_norm == pytest.approx(np.linalg.norm(start.grad), rel=1e-12)


def test_a_gradient_passes_through_a_checkpoint_to_what_was_before_it():
    x = Tensor(rng.normal(size=3), requires_grad=True, name="x")
    inside = np.tanh(x)
    y = (tg.checkpoint(lambda h: (np.sin(h) * x, np.cos(h)))(inside)[0] ** 2).sum()
    g = tg.graph(y)  # a small graph: its gradients are shown without being asked for
    y.backward()
    assert np.allclose(g["x"].grad.numbers, x.grad)
    assert g["inside"].grad is not None and g.check()


def test_several_outputs_and_one_output_twice():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    y, z = x * x, np.sin(x)
    (leaf,) = [node for node in tg.graph([y, z, y, np.ones(2) + Tensor(1.0)], grads=True).nodes if node.kind == "leaf"]
    np.sum(2 * y + z).backward()
    assert leaf.grad_norm == pytest.approx(np.linalg.norm(x.grad))

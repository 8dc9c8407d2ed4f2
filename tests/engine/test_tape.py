"""The tape: order, memory, reuse; deep and wide graphs; no cycles."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.tape import oldest_first, pullback
from tinygrad_np.engine.tracing import whole


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chain(x, n):
    y = x
    for _ in range(n):
        y = y * 1.00001
    return y


def test_a_function_taken_down_whole_has_no_parameter_that_a_recording_takes_for_the_result():
    with pytest.raises(TypeError, match="a parameter of f is called out"):

        @whole
        def f(ct, out): ...


def test_a_chain_of_100_000_operations_is_built_differentiated_and_freed_without_recursion(no_gc):
    x = Tensor(np.ones(2), requires_grad=True)
    y = chain(x, 100_000)
    node = weakref.ref(y._node)
    y.backward(np.ones(2))
    np.testing.assert_allclose(x.grad, 1.00001**100_000, rtol=1e-9)
    repr(y)
    del y
    assert node() is None


def test_an_unused_long_chain_is_freed_without_recursion(no_gc):
    node = weakref.ref(chain(Tensor(np.ones(2), requires_grad=True), 100_000)._node)
    assert node() is None


def test_jvp_and_higher_orders_on_a_long_chain():
    f = lambda x: chain(x * x, 20_000)  # noqa: E731
    factor = 1.00001**20_000
    np.testing.assert_allclose(tg.jvp(f, (np.array(3.0),), (np.array(1.0),))[1], 6 * factor)
    np.testing.assert_allclose(tg.grad(tg.grad(f))(3.0), 2 * factor)


def test_sixty_doublings_take_sixty_steps():
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_graphs_die_by_reference_counting_alone(no_gc):
    def step():
        w = Tensor(np.ones((3, 4)), requires_grad=True)
        h = np.tanh(np.ones((2, 3)) @ w)
        loss = (h[:, 1:] * np.concatenate([h, h])[:2, :3]).sum() + np.linalg.norm(h) + np.sort(h, axis=None)[2]
        refs = [weakref.ref(node) for node in oldest_first([loss._node])]
        loss.backward()
        return refs

    assert all(ref() is None for ref in step())
    gc.collect()  # what the first use of a row leaves
    for _ in range(20):
        step()
        tg.grad(tg.grad(lambda x: np.exp(np.sin(x)) * x))(0.5)
        tg.jvp(lambda x: np.cumprod(x), (np.ones(3),), (np.ones(3),))
        tg.checkpoint(np.sin)(Tensor(1.0, requires_grad=True)).backward()
    assert gc.collect() == 0


def test_training_holds_no_more_memory_late_than_early():
    w = Tensor(np.ones((50, 50)), requires_grad=True)
    arrays = [tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)]
    sizes = []
    tracemalloc.start()
    for epoch in range(51):
        for _ in range(4):
            (np.tanh(np.ones((10, 50)) @ w) ** 2).sum().backward()
            w.data -= 1e-3 * w.grad
            w.grad = None
        if epoch in (2, 50):
            sizes.append(sum(t.size for t in tracemalloc.take_snapshot().filter_traces(arrays).traces))
    tracemalloc.stop()
    assert sizes[1] <= sizes[0]


def test_residuals_are_those_that_the_rules_name():
    x = Tensor(np.ones(3), requires_grad=True)
    assert (x + x)._node.saved == ((), ())
    out = np.exp(x)
    (residuals,) = out._node.saved
    assert [r is out._array for r in residuals] == [True]
    assert (x * 2.0)._node.saved[1] is None  # nothing for an operand without a gradient


def test_backward_releases_the_residuals_and_a_second_one_says_so():
    x = Tensor(np.ones(3), requires_grad=True)
    y = np.exp(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, np.exp(np.ones(3)) * 2)
    with pytest.raises(tg.FreedGraphError, match="retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(x.grad, np.exp(np.ones(3)) * 2)  # and nothing was added


def test_only_leaves_receive_a_gradient_and_share_no_memory():
    x, y = (Tensor(np.ones(3), requires_grad=True) for _ in range(2))
    z = x + y
    ct = np.array([1.0, 2.0, 3.0])
    z.backward(ct)
    assert z.grad is None
    for a, b in ((x.grad, y.grad), (x.grad, ct), (y.grad, ct)):
        assert not np.shares_memory(a, b)
    x.grad[0] = 9
    np.testing.assert_array_equal(y.grad, [1, 2, 3])


def test_a_broadcast_cotangent_becomes_a_writable_gradient():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    x.sum().backward()
    x.grad += 1
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 2.0))


@pytest.mark.parametrize(
    "build",
    [
        lambda x: x * x,
        lambda x: np.multiply(x, x) + x * x,
        lambda x: np.concatenate([x, x])[:3] + x,
        lambda x: (lambda a, b: a * b + a)(np.sin(x), np.cos(x)),
        lambda x: np.where(x > 0, x, x * x),
    ],
)
def test_diamonds_and_the_same_operand_twice(build):
    rng = np.random.default_rng(0)
    a, ct = rng.normal(size=3), rng.normal(size=3)
    _, pull = tg.vjp(build, a)
    step = 1e-6
    columns = [(tg.vjp(build, a + step * e)[0] - tg.vjp(build, a - step * e)[0]) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(pull(ct)[0], [ct @ c for c in columns], rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(pull(ct)[0], pull(ct)[0])


def test_outputs_that_nothing_uses_count_as_zero():
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    f = lambda m: np.linalg.eigh(m)[0][1]  # noqa: E731
    v = np.linalg.eigh(a)[1][:, 1]
    np.testing.assert_allclose(tg.grad(f)(a), np.tril(np.outer(v, v)) * (2 - np.eye(2)), atol=1e-12)


def test_a_pass_stops_at_the_nodes_that_are_wanted():
    x = Tensor(2.0, requires_grad=True)
    middle = np.sin(x)
    out = middle * middle
    found = pullback(out._node, np.ones(()), wanted=[middle._node])
    assert list(found) == [middle._node] and found[middle._node] == 2 * np.sin(2.0)


def test_a_number_is_an_array_of_its_own():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for y in (x.sum(), np.sum(x), x[0], x[0] * x[1], np.max(x)):
        assert y._array.base is None and y._array.flags.owndata and y.shape == () and not getattr(y, "_views", ())


def test_a_zero_cotangent_wins_where_only_one_of_several_leaves_meets_an_infinite_partial():
    """One NaN among the gradients is enough for the careful pass, and one operation with partials among linear ones."""
    x, y = tg.Tensor([0.0, 4.0], requires_grad=True), tg.Tensor([1.0, 2.0], requires_grad=True)
    (np.where(x.numpy() > 0, np.sqrt(x), 0).sum() + y.sum()).backward()
    assert x.grad.tolist() == [0, 0.25] and y.grad.tolist() == [1, 1]

"""Changing an array that a graph still needs raises, or the value at call time is used; it is never silently wrong."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor

SMALL, LARGE = 5, 20_000


@pytest.mark.parametrize("n", [SMALL, LARGE])
@pytest.mark.parametrize(
    "use",
    [
        lambda x, a: x * a,
        lambda x, a: a * x,
        lambda x, a: x / a,
        lambda x, a: np.maximum(x, a),
        lambda x, a: x @ a,
        lambda x, a: np.where(a > 0, x, x * a),
        lambda x, a: np.einsum("i,i->i", x, a),
        lambda x, a: np.dot(a, x),
        lambda x, a: np.convolve(x, a[:3]),
        lambda x, a: x[a.astype(int) % 3],
        lambda x, a: np.interp(x, np.sort(a), a),
    ],
)
def test_an_operand_that_changes_before_backward(n, use):
    rng = np.random.default_rng(1)
    a, start = rng.normal(size=n) + 3, rng.normal(size=n)
    x = Tensor(start, requires_grad=True)
    y = use(x, a)
    ct = rng.normal(size=y.shape)
    (expected,) = tg.vjp(lambda t: use(t, a.copy()), start)[1](ct)
    try:
        a[:] = 7
    except ValueError as error:
        assert "read-only" in str(error)
    y.backward(ct)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12)
    a[:] = 7  # and afterwards it may be changed


def test_a_lock_ends_with_its_graph_also_without_backward():
    a = np.ones(LARGE)
    y = Tensor(np.ones(LARGE), requires_grad=True) * a
    z = Tensor(np.ones(LARGE), requires_grad=True) * a[:LARGE]
    with pytest.raises(ValueError):
        a[0] = 2
    del y
    with pytest.raises(ValueError):
        a[0] = 2
    del z
    a[0] = 2


def test_the_array_a_tensor_was_made_of_is_not_its_own():
    a = np.ones(3)
    x = Tensor(a, requires_grad=True)
    y = x * x
    a[:] = 9
    y.backward(np.ones(3))
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


def test_data_of_a_leaf_can_be_written_unless_a_graph_holds_it():
    w = Tensor([1.0, 2.0], requires_grad=True)
    w.data[0] = 3
    w.data -= 1
    np.testing.assert_array_equal(w.data, [2, 1])
    y = (w * w).sum()
    with pytest.raises(ValueError, match="read-only"):
        w.data[0] = 0
    y.backward()
    np.testing.assert_array_equal(w.grad, [4, 2])
    w.data -= 0.5 * w.grad
    np.testing.assert_array_equal(w.data, [0, 0])


def test_a_view_of_data_held_before_the_graph_does_not_reach_into_it():
    w = Tensor([1.0, 2.0], requires_grad=True)
    alias = w.data
    for use in (lambda: w * w, lambda: np.reshape(w, (2, 1)) @ np.reshape(w, (1, 2)), lambda: np.transpose(w) * w):
        alias[:] = [1, 2]
        y = use()
        ct = np.arange(1.0, y.size + 1).reshape(y.shape)
        (expected,) = tg.vjp(lambda t, use=use: use_with(use, w, t), np.array([1.0, 2.0]))[1](ct)
        alias[:] = 100
        w.grad = None
        y.backward(ct)
        np.testing.assert_allclose(w.grad, expected)
    np.testing.assert_array_equal(w.data, [100, 100])  # and the alias is still the tensor's own memory


def use_with(use, w, t):
    """The same expression on another tensor."""
    saved = w._array, w._node
    w._array, w._node = t._array, t._node
    try:
        return use()
    finally:
        w._array, w._node = saved


def test_interior_and_constant_data_are_read_only():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for array in (np.exp(x).data, np.exp(x).numpy(), Tensor([1.0]).data, x.numpy()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


@pytest.mark.parametrize(
    "use", [lambda w: w * w, lambda w: np.reshape(w, (2, 1)) * 3.0 @ np.reshape(w, (1, 2)), lambda w: np.exp(w.T * w)]
)
def test_an_update_between_forward_and_backward_raises(use):
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    y = use(w)
    with tg.no_grad():
        w -= 0.1
    with pytest.raises(tg.MutationError, match="w of shape"):
        y.backward(np.ones(y.shape))
    assert w.grad is None


def test_an_update_that_no_residual_sees_is_fine():
    w = Tensor([1.0, 2.0], requires_grad=True)
    y = w + 1
    with tg.no_grad():
        w -= 0.1
    y.backward(np.ones(2))
    np.testing.assert_array_equal(w.grad, [1, 1])


def test_an_optimizer_step_before_backward_is_not_silent():
    w = tg.nn.Parameter([1.0, 2.0])
    optimizer = tg.optim.SGD([w], lr=0.5)
    w.grad = np.ones(2)
    y = (w * w).sum()
    optimizer.step()
    try:
        y.backward()
    except tg.MutationError:
        return
    np.testing.assert_array_equal(w.grad, np.ones(2) + [2, 4])  # or the value at call time


def test_debug_finds_a_change_through_a_view_that_existed_before():
    a = np.ones(LARGE)
    view = a[:10]
    x = Tensor(np.ones(LARGE), requires_grad=True)
    with tg.debug():
        y = x * a
        view[3] = 5
        with pytest.raises(tg.MutationError, match=r"multiply.*test_aliasing.py:\d+"):
            y.backward(np.ones(LARGE))


def test_two_views_of_one_array_are_unlocked_whichever_residual_dies_first():
    base = np.zeros((100, 100))
    left, top = base[:, :90], base[:90]
    a = Tensor(np.ones((100, 90)), requires_grad=True) * left
    b = Tensor(np.ones((90, 100)), requires_grad=True) * top
    del a
    assert not left.flags.writeable and not base.flags.writeable
    del b
    assert left.flags.writeable and top.flags.writeable and base.flags.writeable

"""Assignment is differentiable at any order, and never changes what was computed; views have test_views.py."""

import operator

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor

X, C = rng.normal(size=4), rng.normal(size=4)


def whole(x):
    y = x * 2
    z = y * y
    y[1] = x[0] * 3
    y[2:] += x[:2] ** 2
    return y * y + z


def filled(x):
    out = np.zeros_like(x)
    for i in range(len(x)):
        out[i] = np.sin(x[i]) * x[i - 1]
    return out


def masked(x):
    y = x.copy()
    y[np.array([True, False, True, False])] += x[0] * x[1:3]
    return y * y


def repeated(x):
    y = x * 1
    y[[0, 0, 1]] = x[1:]
    return y * y


def add_at(x):
    y = np.zeros_like(x)
    np.add.at(y, [0, 0, 2], x[:3] ** 2)
    np.subtract.at(y, ([1, 1],), x[3])
    return y * x


def multiply_at(x):
    y = x * 1
    np.multiply.at(y, [0, 0, 2], x[:3])
    np.negative.at(y, [3, 3, 3])
    return y * x


def out_argument(x):
    y = x * 1
    np.exp(x, out=y)
    return np.add(y, 1, where=C > 0, out=y * 1) * x


def along_axis(x):
    y = np.reshape(x * 1, (2, 2)).copy()
    np.put_along_axis(y, np.array([[1], [0]]), x[:2, None] ** 2, axis=1)
    np.fill_diagonal(y, x[3])
    return np.ravel(y) * x


def operators(x):
    y = np.exp(x)
    y += x
    y *= x
    y -= 1
    y /= x * x + 1
    y **= 2
    return y


def by_flat(x):
    y = np.reshape(x * 1, (2, 2)).copy(order="F")
    y.flat[1] = 5 * x[0]
    y.flat[::3] *= x[3]
    y.flat[[0, 2]] += x[1]
    y.T.copy().flat[:] = 9.0
    z = np.zeros_like(x, shape=(4, 4))
    z.flat[::5] = y.flat
    y.flat = y.flat[::-1] ** 2
    return y.flat[:] * x + np.sum(z, axis=0)


def full(x):
    y = np.full_like(x, 0.5)
    y[1:] = x[1:] ** 2
    return y * x


def boundary(x):
    """What NumPy rearranges into an array of its own is written to, while the operand lives."""
    r, (g, _), t = np.roll(x, 1), np.meshgrid(x, x), np.tile(x, 2)
    r[0], g[1], t[:2] = x[3] ** 2, 0.5, x[2:]
    return r * g[0] * t[:4] + x


@pytest.mark.parametrize(
    "f",
    [
        whole,
        filled,
        masked,
        repeated,
        add_at,
        multiply_at,
        out_argument,
        along_axis,
        operators,
        by_flat,
        full,
        boundary,
    ],
)
def test_first_and_second_derivatives_against_finite_differences(f):
    jacobian, step = tg.jacobian(f)(X), 1e-6
    value = lambda x: tg.vjp(f, x)[0]  # noqa: E731
    numeric = np.stack([(value(X + step * e) - value(X - step * e)) / (2 * step) for e in np.eye(4)], axis=-1)
    np.testing.assert_allclose(jacobian, numeric, rtol=1e-6, atol=1e-8)
    loss = lambda x: (f(x) * C).sum()  # noqa: E731
    hessian, g = tg.hessian(loss)(X), tg.grad(loss)
    numeric = np.stack([(g(X + step * e) - g(X - step * e)) / (2 * step) for e in np.eye(4)], axis=-1)
    np.testing.assert_allclose(hessian, numeric, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tg.jvp(f, (X,), (C,))[1], jacobian @ C, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "index", [0, -1, slice(1, None), [2, 0], np.array([True, False, True]), (slice(None), None), ...]
)
def test_values_are_numpys(index):
    a, value = np.arange(3.0), 7.0
    x = Tensor(a) * 1
    x[index] = value
    a[index] = value
    np.testing.assert_array_equal(x.numpy(), a)


def test_earlier_reads_keep_their_values_and_gradients():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    before = y[1:]
    square = y * y
    y[1] = 10.0
    np.testing.assert_array_equal(before.numpy(), [2, 3])
    square.backward(np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(x.grad, [2, 40, 600])


def test_everyone_who_holds_the_tensor_sees_the_assignment():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    alias = y
    y += 1
    y[0] = x[1]
    assert alias is y
    (alias * np.array([1.0, 10.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 11])


def newton(a):
    """The square root, until a step changes nothing."""
    x = a / 2
    for _ in range(50):
        old = x
        x -= (x * x - a) / (2 * x)
        if abs(x - old) < 1e-14:
            break
    return x


def argument_kept(a):
    x = a
    x *= 2
    return a * x


def reads_kept(a):
    v = a * np.arange(1.0, 4.0)
    total, last = np.sum(v), v[0]
    first, entry = total, last
    total += v[1]
    for e in v:
        last *= e
    return first * total + entry * last


@pytest.mark.parametrize("f", [newton, argument_kept, reads_kept])
def test_numbers_are_not_changed_by_augmented_assignment(f):
    """What np.sum(v) and v[0] give is a number in NumPy, and x += 1 makes another."""
    for a in (9.0, np.float64(9)):
        value, slope = tg.value_and_grad(f)(a)
        np.testing.assert_allclose(value, f(9.0), rtol=1e-12)
        np.testing.assert_allclose(slope, (f(9 + 1e-5) - f(9 - 1e-5)) / 2e-5, rtol=1e-8)
        np.testing.assert_allclose(tg.jvp(f, (a,), (2.0,))[1], 2 * slope, rtol=1e-12)


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize(
    "same", [np.atleast_1d, lambda x: np.nan_to_num(x, copy=False), lambda x: x.astype(float, copy=False)]
)
def test_what_numpy_returns_as_it_is_stays_the_tensor(same, tracked):
    x = Tensor([1.0, 2.0], requires_grad=tracked) * 1
    assert same(x) is x


@pytest.mark.parametrize(
    "fill",
    [
        lambda a, v: np.put(a, [0], v),
        lambda a, v: np.putmask(a, a > 0, v),
        lambda a, v: np.place(a, a > 9, v),
        lambda a, v: setattr(a, "flat", v),
    ],
)
def test_filling_from_nothing_changes_nothing(fill):
    a, x = np.arange(3.0), Tensor(np.arange(3.0), requires_grad=True) * 1
    fill(a, np.zeros(0))
    fill(x, x[:0])
    np.testing.assert_array_equal(x.numpy(), a)
    with pytest.raises(ValueError, match="place"):
        np.place(x, x > 0, x[:0])


def test_an_array_made_of_a_number_is_its_own():
    def f(x):
        y = np.atleast_1d(x)
        y[0] *= x
        y += 1
        return np.sum(y) * x

    assert f(2.0) == 10 and tg.value_and_grad(f)(2.0) == (10, 13)


def test_a_view_without_axes_is_no_number():
    """np.squeeze(y) += 1 changes y in NumPy."""
    y = Tensor([3.0], requires_grad=True) * 1
    z = np.squeeze(y)
    z += 1
    np.testing.assert_array_equal((y.numpy(), z.numpy()[None]), [[4], [4]])


def test_a_number_is_changed_where_that_is_said():
    x = Tensor(3.0, requires_grad=True)
    y = x * 2
    alias = y
    y[...] = x * x
    np.multiply(y, x, out=y)
    assert alias is y
    y.backward()
    assert float(y.numpy()) == 27 and x.grad == 27
    with tg.no_grad():
        x -= 1.0
    assert x.is_leaf and x.data == 2


def test_filling_in_place_does_not_copy_the_array_each_time():
    out = Tensor(np.zeros(1000)) * 1
    place = out._array.ctypes.data
    for i in range(10):
        out[i] = 1.0
    assert out._array.ctypes.data == place


def write(y):
    y[0] = 5.0


def add_to(y):
    y += 1


def test_a_part_is_added_to_in_a_call_too():
    """operator.iadd(y[:1], 1) changes y, without an assignment after it."""
    y = Tensor([1.0, 2.0]) * 1
    operator.iadd(y[:1], 1)
    y[:1] += 1
    np.testing.assert_array_equal(y.numpy(), [3, 2])


def test_a_view_of_a_tensor_that_is_gone_may_be_written():
    y = (Tensor([1.0, 2.0]) * 2).reshape(2, 1)
    y[0] = 5.0
    np.testing.assert_array_equal(y.numpy(), [[5], [4]])


def test_leaves_are_changed_under_no_grad_only():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    for change in (write, add_to):
        with pytest.raises(RuntimeError, match="w is a leaf"):
            change(w)
    np.testing.assert_array_equal(w.data, [1, 2])
    with tg.no_grad():
        w -= np.array([0.5, 0.5])
        w[0] = 9.0
    np.testing.assert_array_equal(w.data, [9, 1.5])
    assert w.is_leaf and w.requires_grad


def write_into(array, tensor):
    array[0] = tensor


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda: Tensor([1, 2]).__setitem__(0, Tensor(1.5, requires_grad=True)), TypeError),
        (lambda: (Tensor([1.0]) * 1).__setitem__(0, Tensor(1j, requires_grad=True)), TypeError),
        (lambda: write_into(np.zeros(2), Tensor(1.5, requires_grad=True)), ValueError),  # the cause names the way
        (lambda: write_into(np.zeros(2), Tensor([1.5], requires_grad=True)), ValueError),
        (lambda: np.add.at(np.zeros(2), [0], Tensor([1.5], requires_grad=True)), tg.NotDifferentiable),
        (lambda: np.copyto(np.zeros(2), Tensor([1.5, 1.0], requires_grad=True)), tg.NotDifferentiable),
        (lambda: np.exp(Tensor([1.5], requires_grad=True), out=np.zeros(1)), tg.NotDifferentiable),
        (lambda: np.interp(np.zeros(2), [1, 2], [1, 2], left=Tensor(1.5, requires_grad=True)), TypeError),
        (lambda: np.prod(np.ones(2), initial=Tensor(1.5, requires_grad=True)), ValueError),
        (lambda: np.ones(2).sum(initial=Tensor(1.5, requires_grad=True)), ValueError),
        (lambda: (Tensor([1.0]) * 1).__iadd__(np.ones((2, 1))), ValueError),
        (lambda: (Tensor([1, 2]) * 1).__iadd__(1.5), TypeError),
    ],
)
def test_what_would_lose_a_gradient_or_a_number_is_refused(make, error):
    with pytest.raises(error):
        make()


def test_a_function_may_assign_to_its_argument():
    def f(x):
        x[0] = x[1] * 2
        x *= x
        x[2:] += 1
        return (x * C).sum()

    before = X.copy()
    expected = tg.grad(lambda x: (np.concatenate([x[1:2] * 2, x[1:]]) ** 2 * C).sum())(X)
    np.testing.assert_allclose(tg.grad(f)(X), expected)
    np.testing.assert_allclose(tg.grad(lambda y: f(y * 1) + y[0])(X), expected + np.eye(4)[0])
    np.testing.assert_allclose(tg.hessian(f)(X), tg.jacobian(tg.grad(f))(X))
    np.testing.assert_allclose(tg.jvp(f, (X,), (C,))[1], expected @ C)
    np.testing.assert_array_equal(X, before)

"""Writing through a view: values are NumPy's, derivatives are right in both modes and at second order, jitted too."""

import operator

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.views import elements, place_of

VIEWS = {
    "inside": lambda x: x[1:-1, 1:-1],
    "row": lambda x: x[1],
    "column": lambda x: x[:, -2],
    "steps": lambda x: x[::2, ::-2],
    "reversed": lambda x: x[::-1],
    "transposed": lambda x: x.T,
    "part transposed": lambda x: x[1:3].T,
    "raveled": lambda x: x.ravel(),
    "np.ravel": lambda x: np.ravel(x),
    "reshaped": lambda x: x.reshape(2, 2, 5),
    "reshaped and transposed": lambda x: x.reshape(5, 4).T,
    "swapped": lambda x: np.swapaxes(x, 0, 1),
    "moved": lambda x: np.moveaxis(x, 0, -1),
    "new axis": lambda x: x[:, None],
    "expanded": lambda x: np.expand_dims(x, 0),
    "squeezed": lambda x: x[1:2].squeeze(),
    "flipped": lambda x: np.flip(x),
    "turned": lambda x: np.rot90(x),
    "all": lambda x: x[...],
    "view of a view": lambda x: x[1:][:, 1:][::2],
}


def set_all(u, v):
    u[...] = v * u


def set_part(u, v):
    u[0] = v


def set_mask(u, v):
    u[u > 0.5] = v


def add(u, v):
    u += v


def multiply(u, v):
    u *= v * u


def divide(u, v):
    u /= v


def call(u, v):
    operator.iadd(u, v)


def out(u, v):
    np.multiply(u, v, out=u)


def at(u, v):
    np.add.at(u, [0], v)


def filled(u, v):
    u.fill(v)


WRITES = [set_all, set_part, set_mask, add, multiply, divide, call, out, at, filled]
ONE_WRITE = {"new axis"}  # after which the view has to be taken again


def program(view, write, name):
    """A state, written through a view of it, read whole, written through the same view again."""

    def run(x, v):
        y = x * 2
        u = view(y)
        before = (y * y).sum()
        write(u, v)
        middle = (y * y * y).sum() + (u * u).sum()
        if name not in ONE_WRITE:
            write(u, v * v)
        return y * np.arange(1.0, 21).reshape(4, 5) + before * v + middle

    return run


@pytest.mark.parametrize("write", WRITES, ids=lambda w: w.__name__)
@pytest.mark.parametrize("name", VIEWS)
def test_values_and_derivatives(name, write, rng):
    run = program(VIEWS[name], write, name)
    x, v = rng.uniform(0.1, 1, (4, 5)), np.array(0.7)
    out = run(x.copy(), v.copy())
    ct = rng.standard_normal(out.shape)
    loss = lambda x, v: np.sum(run(x, v) * ct)  # noqa: E731
    value, (gx, gv) = tg.value_and_grad(loss, (0, 1))(x, v)
    assert value == pytest.approx(np.sum(out * ct), rel=1e-12)
    d, dv, h = rng.standard_normal(x.shape), 0.3, 1e-6
    slope = (loss(x + h * d, v + h * dv) - loss(x - h * d, v - h * dv)) / (2 * h)
    assert np.sum(gx * d) + gv * dv == pytest.approx(slope, rel=1e-6, abs=1e-6)
    assert tg.jvp(loss, (x, v), (d, np.array(dv)))[1] == pytest.approx(slope, rel=1e-6, abs=1e-6)
    second = (tg.grad(loss)(x + h * d, v) - tg.grad(loss)(x - h * d, v)) / (2 * h)
    np.testing.assert_allclose(tg.hvp(lambda x: loss(x, v), (x,), (d,)), second, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", VIEWS)
def test_jitted(name, rng):
    run = program(VIEWS[name], add, name)
    both = tg.value_and_grad(lambda x, v: np.sum(run(x, v) ** 2), (0, 1))
    jitted = tg.jit(both)
    for _ in range(3):
        x, v = rng.uniform(0.1, 1, (4, 5)), rng.uniform(0.1, 1, ())
        (found, of_found), (value, of_value) = jitted(x, v), both(x, v)
        for a, b in zip((found, *of_found), (value, *of_value), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    assert jitted.programs


def test_a_stencil_in_views_alone(rng):
    def steps(x):
        u = x * 1
        inside, left, right = u[1:-1, 1:-1], None, None
        for _ in range(4):
            left, right = u[1:-1, :-2], u[1:-1, 2:]
            inside += 0.1 * (left + right - 2 * inside)
        return np.sum(u**2)

    x = rng.standard_normal((6, 7))
    d = rng.standard_normal((6, 7))
    h = 1e-6
    assert tg.value_and_grad(steps)(x)[0] == pytest.approx(steps(x))
    assert np.sum(tg.grad(steps)(x) * d) == pytest.approx((steps(x + h * d) - steps(x - h * d)) / (2 * h), rel=1e-6)


def test_what_was_computed_before_stays_as_it_was():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    u, other = y[1:], y[:2]
    square = y * y
    u += 10.0
    np.testing.assert_array_equal(y.numpy(), [1, 12, 13])
    np.testing.assert_array_equal(other.numpy(), [1, 2])
    square.backward(np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(x.grad, [2, 40, 600])


@pytest.mark.parametrize("change", [lambda y, u, w: y.__setitem__(0, 5.0), lambda y, u, w: w.__iadd__(1.0)])
def test_a_view_that_was_taken_before_a_change_is_refused_and_all_stays_as_it_was(change):
    y = Tensor(np.arange(4.0), requires_grad=True) * 1
    u, w = y[1:], y[:2]
    change(y, u, w)
    before = y.numpy().copy()
    for write in (set_part, add):
        with pytest.raises(tg.ViewError, match="take the view again"):
            write(u, 1.0)
    np.testing.assert_array_equal(y.numpy(), before)
    np.testing.assert_array_equal(u.numpy(), [1, 2, 3])


def test_a_view_of_a_leaf_is_written_under_no_grad_only():
    w = Tensor(np.arange(3.0), requires_grad=True, name="w")
    part = w[1:]
    with pytest.raises(RuntimeError, match="w is a leaf"):
        part += 1.0
    np.testing.assert_array_equal(w.data, [0, 1, 2])
    with tg.no_grad():
        part = w[1:]
        part *= 2.0
    np.testing.assert_array_equal(w.data, [0, 2, 4])


def test_places_of_random_views_are_found(rng):
    for _ in range(300):
        x = np.zeros(rng.integers(1, 5, rng.integers(1, 4)))
        view = x.T if rng.integers(2) else x
        for _ in range(rng.integers(1, 3)):
            index = tuple(slice(*sorted(rng.integers(0, n + 1, 2)), int(rng.integers(1, 3))) for n in view.shape)
            view = view[index]
            view = view[::-1] if rng.integers(2) else view
            view = view.transpose(rng.permutation(view.ndim)) if rng.integers(2) else view
        if view.size:
            view[...] = np.arange(1, view.size + 1).reshape(view.shape)
            np.testing.assert_array_equal(place_of(view, x).of(x), view)
            np.testing.assert_array_equal(x.ravel()[elements(view, x)], view)


READ_ONLY = {
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "sliding_window_view": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 1),
    "diagonal": lambda x: np.diagonal(x),
}


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_numpy_shows_read_only_is_not_written_to(name):
    """An element of a broadcast array is many places: what was written to one was lost without a word."""

    def assign(x):
        y = READ_ONLY[name](x)
        y[0] = 5.0
        return x.sum()

    def add(x):
        y = READ_ONLY[name](x)
        y += 5.0
        return x.sum()

    for write in (assign, add):
        for given in (np.ones((2, 3)), Tensor(np.ones((2, 3)))):
            with pytest.raises(ValueError, match="read-only"):
                write(given)
        with pytest.raises(ValueError, match="read-only"):
            tg.grad(lambda x, write=write: write(x * 1.0))(np.ones((2, 3)))

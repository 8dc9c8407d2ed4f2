"""Arrays that a function makes without its arguments: it asks their values, indexes them, and writes into them."""

import numpy as np
import pytest
import scipy.linalg

import tinygrad_np as tg
from tinygrad_np import Tensor

TABLE = np.arange(30.0).reshape(10, 3)
LABELS = {
    "one hot": lambda labels: np.eye(10, dtype=np.float32)[labels],
    "a column of it": lambda labels: np.identity(10)[labels, 0],
    "a captured table": lambda labels: TABLE[labels],
    "what follows from it": lambda labels: (TABLE * 2)[labels][..., None] + TABLE[None][0, labels, :1],
    "numbers": lambda labels: np.linspace(0, 1, 10)[labels] + np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])[labels],
}


@pytest.mark.parametrize("make", [np.array, lambda v: Tensor(np.array(v))], ids=["array", "tensor"])
@pytest.mark.parametrize("name", LABELS)
def test_an_array_argument_is_an_index(name, make):
    f, jitted = LABELS[name], tg.jit(LABELS[name])
    for labels in ([1, 2, 3], [4, 5, 6], [-1, 0, 2]):
        np.testing.assert_array_equal(*[getattr(g(make(labels)), "array", g(make(labels))) for g in (jitted, f)])
    assert jitted.recordings == 1


def entries(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[i % 3] * i
    return y


def numbers_and_entries(x):
    y = np.zeros(5)
    y[0], y[1] = 2.0, 3.0
    if y[0] > 1 and float(y[:2].sum()) == 5:
        y[2] = 5
    z = y * x[0]
    y[3] = 7  # z was made before
    w = y + x[1]
    y += x[2]
    return z, w, y, np.eye(3), y.size


def counted(x):
    total = 0
    for i in np.arange(3):
        total = total + x[i] * np.linspace(0, 1, 3)[i]
    mask = np.array([True, False, True])
    return total, x[mask], np.where(mask, x, 0), np.array([1.0, x[0]]), np.repeat(x, np.array([1, 2, 1]))


def shaped(x):
    return x.reshape(np.array([1, 3])), np.ones(2).tolist(), list(np.arange(2)), 3 in np.arange(4), str(np.ones(1))


def views(x):
    a = np.arange(6.0).reshape(2, 3)
    b = a.T
    b[0, 0] = 9
    s = b.sum()
    np.fill_diagonal(a, x[0])
    a[:, 1] += 1
    np.add.at(a, (0, 0), 1.0)
    return a, s, b, a.copy(), a[1] * x


def view_written(x):
    y = np.ones(3)
    v = y[1:]
    a = y * x
    v[0] = x[0]
    return a, y, v


def copies(x):
    y = np.zeros(3)
    z = np.zeros_like(y)
    z[0], z[1:] = 1, x[1:]
    c, d = y.copy(), y.astype(np.float32)
    c[0], d[1] = x[0], x[1]
    np.copyto(y, x)
    return y, z, c, d


def out_given(x):
    y = np.empty(3)
    np.multiply(x, 2, out=y)
    return y.sum() * x


def installed(x):
    return scipy.linalg.expm(np.zeros((3, 3))) @ x, np.linalg.inv(np.eye(3) * 2) @ x


WRITTEN = [entries, numbers_and_entries, counted, shaped, views, view_written, copies, out_given, installed]


@pytest.mark.parametrize("f", WRITTEN)
def test_what_is_written_there_is_written_anew(f):
    if f is installed:
        f(np.ones(3))  # SciPy 1.14 completes its compiled modules when they are first called
    jitted = tg.jit(f)
    for x in np.array([[1.0, 2, 3], [4, 5, 6], [-1, 0, 2], [7, 7, 7]]):
        for a, b in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(a, b)
            assert type(a) is type(b) and getattr(a, "dtype", 0) == getattr(b, "dtype", 0)
    assert len(jitted.programs) == 1


def test_its_values_are_not_asked_once_it_depends_on_arguments():
    def f(x):
        y = np.zeros(3)
        y[0] = x[0]
        return x if y[0] > 0 else -x

    with pytest.raises(tg.NotReplayable, match="branch on the value"):
        tg.jit(f)(np.ones(3))

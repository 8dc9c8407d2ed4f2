"""tg.jit gives what the function of arrays gives: values, gradients of every order, containers, memory of its own."""

import collections
import inspect

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.derivatives.library import ROWS, cases_of
from tests.derivatives.test_rows import Draws
from tinygrad_np import Tensor
from tinygrad_np.engine.table import REAL, TABLE
from tinygrad_np.jit.functions import takes_out

from .examples import normal, same

FUNCTIONS = {
    "scalar": lambda x: (np.sin(x) * x + 2).sum(),
    "product": lambda x: (x @ x.T).mean(axis=0).sum(),
    "softmax": lambda x: (F.log_softmax(x) * np.arange(x.shape[-1])).mean(),
    "where": lambda x: np.where(x > 0, np.sqrt(np.abs(x)), x * 0.1).sum(),
    "views": lambda x: (x[1:, ::2] * x[:-1, ::2] + x.T[::2, 1:].T).sum(),
    "fancy": lambda x: (x[[0, 2, 0]] ** 2 * x[:1]).sum(),
    "concatenate": lambda x: np.tanh(np.concatenate([x, x * 2], axis=1)).std(),
    "maximum": lambda x: np.maximum(x, 0.0).max(axis=1).sum() + np.minimum(x, x.T[:1, :1]).prod(axis=0).sum(),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x).trace(),
    "cumsum": lambda x: np.cumsum(x, axis=0).var(),
    "gelu": lambda x: F.gelu(x).sum() + F.gelu(x, "tanh").sum() + F.sigmoid(x).sum() + F.silu(x).mean(),
    "sort": lambda x: (np.sort(x, axis=1) * np.arange(x.shape[1])).sum(),
    "norm": lambda x: np.linalg.norm(x, axis=1).sum() + np.linalg.norm(x * 0),
    "pad": lambda x: (np.pad(x, ((1, 0), (2, 1)), mode="edge") ** 3).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_gradients_of_every_order_are_those_of_the_function(name, dtype):
    f = FUNCTIONS[name]
    jitted, gradient = tg.jit(f), tg.jit(tg.grad(f))
    v = normal(4, 6, dtype=dtype)

    def second(x):
        return tg.grad(lambda x: (tg.grad(f)(x) * v).sum())(x)

    jitted_second = tg.jit(second)
    for _ in range(3):
        x = normal(4, 6, dtype=dtype)
        same(jitted(x), f(x))
        same(gradient(x), tg.grad(f)(x))
        same(jitted_second(x), second(x))
    assert jitted.recordings == gradient.recordings == jitted_second.recordings == 1


def test_containers_go_in_and_come_out():
    Point = collections.namedtuple("Point", "x y")

    def f(p, *, scale):
        return {"sum": p.x + p.y["b"], "list": [p.x * scale, None, 3], "point": p}

    jitted = tg.jit(f)
    for _ in range(3):
        p = Point(normal(3), {"b": normal(3)})
        out, expected = jitted(p, scale=2.0), f(p, scale=2.0)
        same(out["sum"], expected["sum"])
        same(out["list"][0], expected["list"][0])
        assert out["list"][1:] == [None, 3] and isinstance(out["point"], Point)
        same(out["point"].y["b"], p.y["b"])


def test_value_and_grad_over_a_dict_of_parameters():
    def loss(params, x):
        return (np.tanh(x @ params["w"] + params["b"]) ** 2).mean()

    both, expected = tg.jit(tg.value_and_grad(loss)), tg.value_and_grad(loss)
    for _ in range(3):
        params, x = {"w": normal(5, 3), "b": normal(3)}, normal(7, 5)
        (value, grads), (value_, grads_) = both(params, x), expected(params, x)
        same(value, value_)
        for k in grads_:
            same(grads[k], grads_[k])


def test_results_are_the_callers_own():
    f = tg.jit(lambda x: (x * 2, x[1:]))
    x = normal(3)
    first, part = f(x)
    kept = first.copy()
    f(normal(3))
    f(normal(3))
    assert np.array_equal(first, kept) and not np.shares_memory(part, x)


def test_infinite_partials_do_not_spoil_unused_branches():
    f = tg.grad(lambda x: np.where(x > 0, np.sqrt(x), 0).sum())
    jitted = tg.jit(f)
    for x in (np.array([1.0, 0.0, 4.0]), np.array([0.0, 0.0, 2.0])):
        same(jitted(x), f(x))
        assert np.isfinite(jitted(x)).all()


def test_inside_a_transform_the_function_itself_is_seen():
    f = tg.jit(lambda x: np.sin(x).sum())
    x = normal(3)
    f(x)
    same(tg.grad(f)(x), np.cos(x))
    same(tg.jit(tg.grad(f))(x), np.cos(x))


# ---- what functions do with memory ------------------------------------------------------------------------


def local_buffer(x):
    b = np.zeros(3)
    b += x[0]
    b[1] = 7
    return b * x


def other_name(x):
    b = np.zeros(3)
    c = b
    b += x[0]
    c[1] = 7  # by the array's other name, past the recording
    return b * x


def views_written(x):
    b = np.empty_like(x)
    b[:] = x
    b[0, :2] = 5
    np.multiply(b, 2, out=b)
    return b.T @ x


def made_inside(x):
    return np.arange(3), x + np.random.default_rng(3).normal(size=x.shape)


def test_arrays_made_inside_start_afresh_at_each_call():
    for f in (local_buffer, views_written, made_inside, other_name):
        jitted = tg.jit(f)
        for _ in range(3):
            x = normal(2, 3, dtype=np.float64)
            for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (jitted(x), f(x)))):
                same(a, b)
                a += 1  # the caller's own


def test_a_checkpoint_is_recorded():
    def build():
        w = Tensor(np.random.default_rng(0).standard_normal((3, 3)), requires_grad=True)

        def f(x):
            w.grad = None
            h = tg.checkpoint(lambda a: np.tanh(a @ w) * a)(Tensor(x))
            (h**2).sum().backward()
            return h.detach(), w.grad

        return f

    eager, jitted = build(), tg.jit(build())
    for _ in range(4):
        x = normal(2, 3, dtype=np.float64)
        for a, b in zip(jitted(x), eager(x), strict=True):
            np.testing.assert_allclose(*[t.numpy() if isinstance(t, Tensor) else t for t in (a, b)], rtol=1e-13)
    assert jitted.recordings <= 2


def test_conversions_that_have_no_protocol():
    def f(x):
        i = x[0].argmax()
        return (
            np.array([v * 2 for v in x]),
            np.asarray([[x[0, 0], 3], [x[1, 1], np.float32(2)]], dtype=np.float64),
            np.asanyarray(x),
            np.asfortranarray(x),
            np.full((2, 2), x[0, 1]),
            np.full(3, x[0]),
            x[0, i],
            np.take(x, i, axis=1),
        )

    jitted = tg.jit(f)
    for _ in range(3):
        x = normal(3, 3)
        for a, b in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype and type(a) is type(b)
    assert jitted.recordings == 1


FILLING = sorted(name for name, fun in ROWS.items() if takes_out(fun) and not isinstance(fun, np.ufunc))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILLING)
def test_what_is_said_to_fill_a_given_array_does(name, rng):
    """A replay puts results there: some of NumPy's functions have a parameter `out` and pay no heed to it."""
    seen = []

    def probe(*args, **kwargs):
        result = fun(*args, **kwargs)
        if type(result) is np.ndarray and "out" not in kwargs:
            out = np.full_like(result, 7)
            fun(*args, **kwargs, out=out)
            seen.append((out, result))
        return result

    fun = ROWS[name]
    for case in cases_of(fun):
        domain = TABLE[fun].domain
        case(probe, Draws(domain=REAL if domain is None else domain, rng=rng))
    for out, result in seen:
        np.testing.assert_allclose(out, result, rtol=1e-12, atol=1e-12)


def test_no_row_that_fills_an_array_is_forgotten():
    assert {"take", "clip", "cumsum"} <= set(FILLING)
    assert not {"ifft2", "irfft2", "hfft", "fftn"} & set(FILLING)
    try:
        inspect.signature(np.concatenate)
    except ValueError:  # NumPy 2.1 does not say what its compiled functions take
        return
    assert {"concatenate", "dot"} <= set(FILLING)

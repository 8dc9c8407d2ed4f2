"""tinygrad_np.numpy: what programs build of the numbers they differentiate keeps its history; the rest is NumPy's."""

import numpy
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np import numpy as np
from tinygrad_np.testing import gradcheck

X = numpy.array([0.7, -1.3, 2.1])

BYTES = X.tobytes()

CREATED = {
    "zeros": lambda: np.zeros((2, 3)),
    "ones": lambda: np.ones((2, 3), dtype=numpy.float32),
    "empty": lambda: np.empty((2, 3)),
    "full": lambda: np.full((2, 3), 1.5),
    "eye": lambda: np.eye(2, 3),
    "identity": lambda: np.identity(3),
    "tri": lambda: np.tri(3),
    "array": lambda: np.array([[1.0, 2.0, 3.0]]),
    "array of an array": lambda: np.array(X),
    "asarray": lambda: np.asarray(X),
    "asarray of lists": lambda: np.asarray([[1.0, 2.0, 3.0]]),
    "ascontiguousarray": lambda: np.ascontiguousarray(X),
    "asfortranarray": lambda: np.asfortranarray(numpy.ones((2, 3))),
    "arange": lambda: np.arange(3.0),
    "linspace": lambda: np.linspace(0, 1, 3),
    "logspace": lambda: np.logspace(0, 1, 3),
    "geomspace": lambda: np.geomspace(1, 4, 3),
    "zeros_like": lambda: np.zeros_like(X),
    "ones_like": lambda: np.ones_like(X),
    "empty_like": lambda: np.empty_like(X),
    "full_like": lambda: np.full_like(X, 2.0),
    "r_": lambda: np.r_[X, 1.0],
    "c_": lambda: np.c_[X, X],
    "mgrid": lambda: np.mgrid[0:1:3j],
    "copy": lambda: np.copy(X),
    "diag": lambda: np.diag(X),
    "tile": lambda: np.tile(X, 2),
    "concatenate": lambda: np.concatenate([X, X]),
    "fromfunction": lambda: np.fromfunction(lambda i: i * 2.0, (3,)),
    "fromiter": lambda: np.fromiter((n for n in range(3)), float),
    "frombuffer": lambda: np.frombuffer(BYTES),
    "ndarray": lambda: np.ndarray((3,)),
    "vander": lambda: np.vander(X),
}


@pytest.mark.parametrize("name", CREATED)
def test_what_is_created_may_be_written_into(name):
    def written(x):
        y = CREATED[name]()
        assert isinstance(y, Tensor) and isinstance(y, np.ndarray)
        y[...] = 0
        y[(0,) * (y.ndim - 1) + (slice(0, 1),)] = x[0] * x[1]
        y += x[2]
        return y

    def by_hand(x):
        y = numpy.zeros(CREATED[name]().shape)
        y.ravel()[0] = x[0] * x[1]
        return y + x[2]

    numpy.testing.assert_allclose(written(Tensor(X)).numpy(), by_hand(X), rtol=1e-6)
    out, pullback = tg.vjp(written, X)
    ct = numpy.cos(numpy.arange(out.size)).reshape(out.shape).astype(out.dtype)
    first = ct.ravel()[0]
    numpy.testing.assert_allclose(pullback(ct)[0], [first * X[1], first * X[0], ct.sum()], rtol=1e-6)
    jitted = tg.jit(tg.grad(lambda x: np.sum(written(x) ** 2)))
    for x in (X, X + 1, X):
        numpy.testing.assert_allclose(jitted(x), tg.grad(lambda x: np.sum(written(x) ** 2))(x), rtol=1e-6)


def test_memory_of_the_caller_is_never_written():
    for make in (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.copy, np.require, np.diag):
        given = numpy.eye(3)
        y = make(given)
        y[...] = Tensor(7.0)
        numpy.testing.assert_array_equal(given, numpy.eye(3))


# Each as it is said with arrays, where `a` makes an array of what is a list or generator in the namespace.
LOOKED_INTO = {
    "sum": lambda np, a, x: np.sum(a([x[0], x[1] * 2])),
    "sum of a generator": lambda np, a, x: np.sum(a(xi**2 for xi in x)),
    "mean": lambda np, a, x: np.mean(a([[x[0], 1.0], [x[1], x[2]]]), axis=0),
    "max": lambda np, a, x: np.max(a([x[0], x[1], x[2]])),
    "prod": lambda np, a, x: np.prod(a((x[0], x[1]))),
    "std": lambda np, a, x: np.std(a([x[0], x[1], 3.0])),
    "diag": lambda np, a, x: np.diag(a([x[0], x[1]])),
    "norm": lambda np, a, x: np.linalg.norm(a([x[0], x[1]])),
    "det": lambda np, a, x: np.linalg.det(a([[x[0], x[1]], [1.0, x[2]]])),
    "solve": lambda np, a, x: np.linalg.solve(a([[x[0], x[1]], [1.0, x[2]]]), a([x[0], 2.0])),
    "dot": lambda np, a, x: np.dot(a([x[0], x[1]]), a([1.0, x[2]])),
    "outer": lambda np, a, x: np.outer(a([x[0], x[1]]), [1.0, 2.0]),
    "cross": lambda np, a, x: np.cross(a([x[0], x[1], 1.0]), x),
    "einsum": lambda np, a, x: np.einsum("i,i->", a([x[0], x[1]]), a([x[1], x[2]])),
    "stack of values": lambda np, a, x: np.stack(a({"a": x, "b": x * x}.values())),
    "stack of lists": lambda np, a, x: np.stack([a([x[0], x[1]]), a([x[2], 1.0])]),
    "vstack": lambda np, a, x: np.vstack([a([x[0], x[1]]), a([x[2], 1.0])]),
    "concatenate": lambda np, a, x: np.concatenate([a([x[0]]), x, a([1.0, x[1]])]),
    "concatenate of a generator": lambda np, a, x: np.concatenate(list(x * n for n in range(3))),
    "block": lambda np, a, x: np.block([[np.reshape(x[0], (1, 1)), np.ones((1, 1))]]),
    "exp": lambda np, a, x: np.exp(a([x[0], x[1]])),
    "add": lambda np, a, x: np.add(a([x[0], x[1]]), a([1.0, x[2]])),
    "add.reduce": lambda np, a, x: np.add.reduce(a([x[0], x[1]])),
    "multiply.outer": lambda np, a, x: np.multiply.outer(a([x[0], x[1]]), x),
    "where": lambda np, a, x: np.where([True, False], a([x[0], x[1]]), a([x[2], x[2]])),
    "reshape": lambda np, a, x: np.reshape(a([x[0], x[1], x[2], 4.0]), (2, 2)),
    "interp": lambda np, a, x: np.interp(a([0.3, 0.6]), [0.0, 1.0], a([x[0], x[1]])),
    "cumsum": lambda np, a, x: np.cumsum(a([x[0], x[1]])),
    "select": lambda np, a, x: np.select([[True, False]], [a([x[0], x[1]])], 0.0),
    "fft": lambda np, a, x: np.abs(np.fft.fft(a([x[0], x[1], 0.5]))),
    "polyval": lambda np, a, x: np.polyval(a([x[0], x[1]]), x[2]),
    "emath": lambda np, a, x: np.emath.sqrt(a([x[0] ** 2, x[2]])),
    "append": lambda np, a, x: np.append(a([x[0]]), a([x[1], x[2]])),
    "array": lambda np, a, x: a([[x[0], x[1]], [1.0, x[2]]]),
    "full": lambda np, a, x: np.full((2, 2), x[0]),
    "clip": lambda np, a, x: np.clip(a([x[0], x[1]]), -1.0, 1.0),
    "broadcast_to": lambda np, a, x: np.broadcast_to(a([x[0], x[1]]), (2, 2)),
    "c_": lambda np, a, x: np.c_[a([x[0], x[1]]), a([x[2], 1.0])],
    "r_": lambda np, a, x: np.r_[x[0], x, 1:3],
}


@pytest.mark.parametrize("name", LOOKED_INTO)
def test_lists_and_generators_are_looked_into(name):
    f = LOOKED_INTO[name]

    def plain(x):
        return f(numpy, lambda parts: numpy.array(list(parts)), x)

    def ours(x):
        return f(np, lambda parts: parts, x) if name != "array" else f(np, np.array, x)

    numpy.testing.assert_allclose(ours(Tensor(X)).numpy(), plain(X), rtol=1e-13)
    assert gradcheck(ours, X, order=2)
    ct = numpy.cos(numpy.arange(numpy.size(plain(X)))).reshape(numpy.shape(plain(X)))
    eager = tg.grad(lambda x: np.sum(ct * ours(x)))
    jitted = tg.jit(eager)
    for x in (X, X / 2, X):
        numpy.testing.assert_allclose(jitted(x), eager(x), rtol=1e-12)


def test_outside_of_a_gradient_the_values_are_numpys():
    for name in ("sin", "sum", "max", "cumsum", "sort", "unique", "median"):
        theirs, ours = getattr(numpy, name)(X), getattr(np, name)(X)
        assert type(ours) is type(theirs) or isinstance(ours, Tensor)
        numpy.testing.assert_array_equal(ours, theirs)
    assert np.float32 is numpy.float32 and np.pi == numpy.pi and np.newaxis is None
    assert np.array(["a", "b"]).dtype.kind == "U" and np.array([None, 1]).dtype == object
    assert np.arange(3).dtype == int and [10, 20, 30][np.arange(3)[1]] == 20
    assert np.zeros(np.arange(3)[2]).shape == (2,)
    with pytest.raises(AttributeError, match="nowhere"):
        _ = np.nowhere
    assert set(numpy.__all__) - {"test"} <= set(dir(np))
    for name in np.__all__:
        getattr(np, name)


def test_modules_below_can_be_imported():
    import tinygrad_np.numpy.fft as fft
    import tinygrad_np.numpy.linalg as la
    import tinygrad_np.numpy.random as npr

    assert la.norm([3.0, 4.0]) == 5 and npr.RandomState(0).randn(2).shape == (2,) and fft.fft([1.0]).shape == (1,)


@pytest.mark.parametrize("make", [numpy.array, numpy.asarray, numpy.asanyarray, numpy.ascontiguousarray])
def test_numpys_own_creators_take_a_tensor_by_like(make):
    f = tg.grad(lambda x: numpy.sum(make([x[0] * x[1], 2.0 * x[2]], like=x) ** 2))
    numpy.testing.assert_allclose(f(X), [2 * X[0] * X[1] ** 2, 2 * X[0] ** 2 * X[1], 8 * X[2]])


def test_numpys_full_and_arange_take_a_tensor_by_like():
    assert tg.grad(lambda x: numpy.full(3, x * x, like=x).sum())(2.0) == 12
    assert tg.grad(lambda x: numpy.arange(x, x + 2.5, like=x).sum())(2.0) == 3
    for name in ("zeros", "ones", "empty"):
        assert isinstance(getattr(numpy, name)(2, like=Tensor(1.0)), Tensor)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: numpy.array([x[0], x[1]]),
        lambda x: numpy.array([x[0], 1.0], dtype=float),
        lambda x: numpy.asarray([[x[0]], [x[1]]]),
        lambda x: numpy.array((x[0], x[1])),
        lambda x: numpy.array([x, x]),
        lambda x: numpy.asarray(x),
        lambda x: numpy.full(3, x[0]),
        lambda x: numpy.sum([x[0], x[1]]),
        lambda x: numpy.mean([x[0], x[1]]),
        lambda x: numpy.stack([[x[0], x[1]], [x[2], x[2]]]),
        lambda x: numpy.linalg.norm([x[0], x[1]]),
        lambda x: numpy.diag([x[0], x[1]]),
    ],
)
def test_without_like_the_refusal_names_both_ways_first(call):
    for run in (lambda: call(Tensor(X, requires_grad=True)), lambda: tg.grad(lambda x: numpy.sum(call(x)))(X)):
        with pytest.raises(TypeError) as refused:
            run()
        said = str(refused.value)
        assert "like=x" in said and "from tinygrad_np import numpy as np" in said and "\n" not in said
        assert refused.value.__cause__ is None


def test_vectorize_keeps_history():
    f = np.vectorize(lambda a, b: a * b if a > 0 else b)
    numpy.testing.assert_allclose(tg.grad(lambda x: np.sum(f(x, [1.0, 2.0, 3.0])))(X), [1.0, 0.0, 3.0])
    numpy.testing.assert_allclose(f(X, 2.0), [1.4, 2.0, 4.2])


def test_rows_of_like_work_in_a_recording():
    f = tg.grad(lambda x: numpy.sum(numpy.array([x[0] * x[1], 2.0 * x[2]], like=x) ** 2))
    numpy.testing.assert_allclose([tg.jit(f)(x) for x in (X, X + 1)], [f(X), f(X + 1)])


PLACES = {
    "frompyfunc": lambda np, x: np.frompyfunc(lambda a, b: a * b + a, 2, 1)(x, x[::-1]).sum(),
    "reduce": lambda np, x: np.frompyfunc(lambda a, b: a * b + a, 2, 1).reduce(x),
    "outer": lambda np, x: np.frompyfunc(lambda a, b: a * b, 2, 1).outer(x, x[:2]).sum(),
    "two results": lambda np, x: sum(
        r.sum() * (i + 1) for i, r in enumerate(np.frompyfunc(lambda a: (a * a, a), 1, 2)(x))
    ),
    "ndenumerate": lambda np, x: sum(v ** (i + j + 1) for (i, j), v in np.ndenumerate(x.reshape(3, 1) * x)),
    "as_strided": lambda np, x: (np.lib.stride_tricks.as_strided(x, (2, 2), (8, 8)) ** 2 @ np.array([1.0, 2.0])).sum(),
    "of a view": lambda np, x: np.lib.stride_tricks.as_strided(x[::-1], (2, 2), (-8, -8))[0] @ np.array([1.0, 2.0]),
}


@pytest.mark.parametrize("name", PLACES)
def test_functions_called_at_places(name):
    body, h = PLACES[name], 1e-6
    slope = [(body(numpy, X + h * e) - body(numpy, X - h * e)) / (2 * h) for e in numpy.eye(3)]
    value, g = tg.value_and_grad(lambda x: body(np, x))(X)
    numpy.testing.assert_allclose(value, body(numpy, X))
    numpy.testing.assert_allclose(g, slope, rtol=1e-6)
    assert numpy.array_equal(body(np, X), body(numpy, X))  # without a gradient, NumPy's own


def test_as_strided_of_a_tensor_is_not_written_to():
    """Its elements are selected: what was written to it would be lost."""
    x = np.zeros((3, 3))
    with pytest.raises(ValueError, match="beyond the elements"):
        np.lib.stride_tricks.as_strided(x, (4,), (32,))
    diagonal = np.lib.stride_tricks.as_strided(x, (3,), (32,))
    with pytest.raises(ValueError, match="read-only"):
        diagonal[:] = 1.0
    array = numpy.zeros((3, 3))  # NumPy's own may be
    np.lib.stride_tricks.as_strided(array, (3,), (32,))[:] = 1.0
    numpy.testing.assert_array_equal(array, numpy.eye(3))


def test_nditer_gives_the_values_and_refuses_what_it_would_lose():
    assert [float(v) for v in np.nditer(np.array(X))] == X.tolist()
    array = X.copy()
    for v in np.nditer(array, op_flags=["readwrite"]):
        v[...] = 2 * v
    numpy.testing.assert_array_equal(array, 2 * X)
    for use in (lambda x: np.nditer(x), lambda x: np.nditer(np.array(X), op_flags=["readwrite"])):
        with pytest.raises(TypeError, match="nditer.*ndindex"):
            tg.grad(use)(X)


def test_numpys_assertions_compare_tensors():
    def f(x):
        numpy.testing.assert_allclose(x * 2, 2 * X)
        numpy.testing.assert_array_less(x, x + 1)
        return x.sum()

    numpy.testing.assert_array_equal(tg.grad(f)(X), 1)
    with pytest.raises(AssertionError, match="Mismatched"):
        tg.grad(lambda x: numpy.testing.assert_array_equal(x, 2 * x))(X)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda x: numpy.ma.masked_where(X > 0, x), "^np.ma.masked_where would cut .*np.where"),
        (lambda x: numpy.asmatrix(x), "^np.asmatrix would cut .*@"),
        (lambda x: list(numpy.ndenumerate(x)), "^np.ndenumerate would cut .*tinygrad_np import numpy"),
        (lambda x: numpy.ones((2, 3)).dot(x), r"np.dot\(a, x\) for a.dot\(x\)"),
        (lambda x: float(x[0]), r"^float would cut .*np.sin\(x\) for math.sin"),
        (lambda x: numpy.frompyfunc(lambda a: a, 1, 1)(x), "^the ufunc '<lambda> .vectorized.' has no derivative"),
    ],
)
def test_a_refusal_names_what_was_called(use, said):
    with pytest.raises(TypeError, match=said):
        tg.grad(use)(X)

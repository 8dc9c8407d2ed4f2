"""Every row's value, not only its derivative, is that of the function itself: on arrays, tensors, in every spelling."""

import warnings
from copy import deepcopy

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import COMPLEX_ONLY, ROWS, cases_of
from tests.derivatives.oracle import floating
from tests.stream import rng
from tinygrad_np import NotDifferentiable, Tensor
from tinygrad_np.engine.rules import Row
from tinygrad_np.engine.table import TABLE, Composed, Plain, facts_of
from tinygrad_np.engine.ufuncs import named_as

NUMPY = {name: fun for name, fun in ROWS.items() if not hasattr(fun, "defvjp")}  # those that NumPy or SciPy computes


class Drawn:
    """The arrays of a case, positive and below one so that they lie in nearly every domain; tensors if asked."""

    def __init__(self, dtype, make):
        self.dtype, self.make, self.lengths = dtype, make, {}
        rng.begin("values")

    def __call__(self, *shape):
        shape = tuple(self.lengths.setdefault(n, 3) if isinstance(n, str) else n for n in shape)
        x = rng.uniform(0.1, 0.9, shape)
        return self.make(
            (x + 1j * rng.uniform(0.1, 0.9, shape) if self.dtype == "complex128" else x).astype(self.dtype)
        )


def outputs(out):
    """The results as plain arrays, in whatever container."""
    if isinstance(out, (list, tuple)):
        return [r for o in out for r in outputs(o)]
    return [np.asarray(out.numpy() if isinstance(out, Tensor) else out)] if out is not None else []


MAKERS = {
    "tracked": lambda a: Tensor(a, requires_grad=True) * 1,
    "without history": Tensor,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", MAKERS)
@pytest.mark.parametrize("name", sorted(NUMPY))
def test_the_value_of_a_row_is_its_functions_own(name, how):
    row, fun, compared = TABLE[ROWS[name]], ROWS[name], 0
    for dtype in ("complex128",) if name in COMPLEX_ONLY else ("float64", "float32"):
        for case in cases_of(fun):
            try:
                expected = outputs(case(fun, Drawn(dtype, lambda a: a)))
            except (TypeError, ValueError, NotDifferentiable):
                continue  # functions that answer for tensors alone
            try:
                found = outputs(case(fun, Drawn(dtype, MAKERS[how])))
            except NotDifferentiable as refusal:
                assert how == "tracked", refusal
                continue
            assert [(o.shape, o.dtype) for o in found] == [(o.shape, o.dtype) for o in expected]
            exact = isinstance(row, Row)  # a definition in other words may round in another order
            tolerance = {} if exact else {"rtol": 100 * np.finfo(dtype).eps, "atol": 100 * np.finfo(dtype).eps}
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, **(tolerance or {"rtol": 0, "atol": 0}))
            compared += 1
    assert compared or isinstance(row, Composed) and row.always or row.kind != "elementwise"


# ---- the methods and options of ufuncs --------------------------------------------------------------------

# SciPy's have the same rows and options; NumPy's suffice for what does not depend on the function.
UFUNCS = [f for f in ROWS.values() if isinstance(f, np.ufunc) and getattr(np, f.__name__, None) is f]
BINARY = [f for f in UFUNCS if f.nin == 2 and f.nout == 1 and f.signature is None and isinstance(TABLE[f], Row)]
UNARY = [f for f in UFUNCS if f.nin == f.nout == 1 and isinstance(TABLE[f], Row)]


def numbers(*shape):
    return rng.uniform(0.2, 0.8, shape)


def same(found, expected):
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(outputs(found)[0], expected, rtol=1e-12, atol=1e-14)


SPELLINGS = {
    "call": lambda f, a, b: f(a, b),
    "a list": lambda f, a, b: f(a, [0.2, 0.3, 0.4]),
    "a number": lambda f, a, b: f(0.5, a),
    "reduce": lambda f, a, b: f.reduce(a),
    "reduce, an axis": lambda f, a, b: f.reduce(a, axis=-1, keepdims=True),
    "reduce, initial": lambda f, a, b: f.reduce(a, axis=0, initial=0.5),
    "accumulate": lambda f, a, b: f.accumulate(a, axis=1),
    "reduceat": lambda f, a, b: f.reduceat(a, [0, 2, 1], axis=0),
    "outer": lambda f, a, b: f.outer(a, b[0]),
    "where and out": lambda f, a, b: f(a, b, where=np.array([True, False, True]), out=a * 1),
    "dtype": lambda f, a, b: f(a, b, dtype=np.float64),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", SPELLINGS)
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
def test_every_spelling_of_a_ufunc(ufunc, how):
    a, b = numbers(4, 3), numbers(4, 3)
    try:
        expected = SPELLINGS[how](ufunc, a, b)
    except (TypeError, ValueError) as refusal:
        pytest.skip(f"NumPy refuses: {refusal}")
    for make in MAKERS.values():
        same(SPELLINGS[how](ufunc, make(a), make(b)), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ufunc", BINARY + UNARY, ids=lambda f: f.__name__)
def test_ufunc_at_changes_its_array(ufunc):
    index, values = [0, 2, 0], [] if ufunc.nin == 1 else [numbers(3)]
    if ufunc.types and not any(t.startswith("d" * ufunc.nin + "->d") for t in ufunc.types):
        pytest.skip(f"{ufunc.__name__} takes no float64")
    x = numbers(4)
    a, b = x.copy(), Tensor(x, requires_grad=True) * 1
    ufunc.at(a, index, *values)
    assert ufunc.at(b, index, *values) is None
    same(b, a)
    if ufunc.__name__ not in ("positive", "absolute", "conjugate", "fabs", "maximum", "minimum", "fmax", "fmin"):
        assert not np.array_equal(a, x) or ufunc.__name__ in ("heaviside", "copysign", "fmod", "remainder", "deg2rad")


def test_the_ufuncs_that_have_a_name_as_a_reduction_are_these():
    names = {f.__name__: g.__name__ for f, g in named_as("reduces").items()}
    assert names == {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
    assert {f.__name__ for f in named_as("accumulates")} == {"add", "multiply"}


# ---- the plain case beside the combined, and several scales ------------------------------------------------


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_singular_matrix_has_the_gradient_of_its_determinant_at_every_scale(scale):
    m = np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]]) * scale
    cofactors = np.array([[np.linalg.det(np.delete(np.delete(m, i, 0), j, 1)) * (-1) ** (i + j) for j in range(3)]
                          for i in range(3)])  # fmt: skip
    np.testing.assert_allclose(tg.grad(np.linalg.det)(m), cofactors, atol=1e-9 * scale**2)


def test_variance_of_complex_numbers_about_a_tracked_mean():
    z, m = numbers(5) + 1j * numbers(5), np.array([0.3 + 0.4j])
    value = tg.vjp(lambda z, m: np.var(z, mean=m), z, m)[0]
    np.testing.assert_allclose(value, np.var(z, mean=m))
    np.testing.assert_allclose(value, np.mean(np.abs(z - m) ** 2))
    g = tg.grad(lambda m: np.var(z, mean=m))(m)
    np.testing.assert_allclose(g, [2 * np.mean(m - z)])


@pytest.mark.parametrize("other", [2.0, np.array(2.0), np.float32(2)])
def test_inner_with_a_number(other):
    x = numbers(2, 3)
    same(np.inner(Tensor(x, requires_grad=True), other), np.inner(x, other))
    same(np.inner(other, Tensor(x, requires_grad=True)), np.inner(other, x))
    np.testing.assert_array_equal(tg.grad(lambda x: np.inner(x, other).sum())(x), np.full((2, 3), 2.0))


@pytest.mark.parametrize("bins", [3, [0.0, 1.0, 2.0]])
def test_a_histogram_of_nothing(bins):
    empty = Tensor(np.zeros(0), requires_grad=True)
    for found, expected in zip(np.histogram(empty, bins), np.histogram(np.zeros(0), bins), strict=True):
        np.testing.assert_array_equal(outputs(found)[0], expected)


WRITERS = [fun for fun in ROWS.values() if TABLE[fun].writes]


@pytest.mark.parametrize("fun", WRITERS, ids=lambda f: f.__name__)
def test_what_writes_changes_its_first_argument_and_refuses_to_lose_a_gradient(fun):
    """The cases of such a row return the changed copy; the array itself stays an ndarray's, where a tensor is given."""
    (case, *_) = TABLE[fun].cases
    drawn = []

    def kept(*shape):
        drawn.append(numbers(*(3 if isinstance(n, str) else n for n in shape)))
        return drawn[-1]

    before = rng.begin("writers") and None
    changed = case(fun, kept)
    assert before is None and not np.array_equal(changed, drawn[0])
    value = Tensor(1.5, requires_grad=True)
    array, index = np.ones((2, 2)), {"put": [0], "place": [[True, False], [False, True]]}
    index |= {"putmask": index["place"], "put_along_axis": np.array([[0]])}
    arguments = {
        "fill_diagonal": (value,),
        "copyto": (value,),
        "put_along_axis": (index.get("put_along_axis"), value, 0),
    }
    with pytest.raises(TypeError, match="gradient"):
        fun(array, *arguments.get(fun.__name__, (index.get(fun.__name__), value)))
    assert np.array_equal(array, np.ones((2, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, "float16", int])
def test_conversions_take_a_dtype(dtype):
    x = Tensor([1.5, 2.5])
    assert x.__array__(dtype).dtype == np.dtype(dtype) and np.asarray(x, dtype).dtype == np.dtype(dtype)
    assert np.array_equal(x.__array__(dtype), np.array([1.5, 2.5]).astype(dtype))


PLAIN = [
    fun
    for fun, row in TABLE.items()
    if isinstance(row, Plain) and getattr(np, row.name, None) is fun and isinstance(fun, np.ufunc)
]


@pytest.mark.parametrize("fun", PLAIN, ids=lambda f: f.__name__)
def test_functions_without_a_derivative_answer_as_numpy_does(fun):
    integers = all("d" not in t for t in fun.types)
    args = [np.array([1, 2, 3]) if integers else np.array([0.5, np.nan, -1.0]) for _ in range(fun.nin)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, expected = fun(*map(Tensor, deepcopy(args))), fun(*args)
    assert type(found) is np.ndarray and found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_the_tests_see_every_row():
    assert len(NUMPY) > 250 and len(BINARY) > 15 and len(UNARY) > 30 and floating([np.ones(1)])


TELLING = [np.diag([3.0, 2.0, 1.0]), np.roll(np.eye(3), 1, 0), -2 * np.eye(3), np.full((3, 3), 0.5)]
TELLING += [
    np.array([1.0, -3.0, 2.0]),
    np.array([1.0, 0.0, 1.0]),
    np.array([-2.0, 0.5, 3.0]),
    np.array([2.0, 0.5, 3.0]),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(NUMPY))
def test_whether_values_decide_that_a_result_is_complex(name):
    """What the row says of it, and what the function does with real arrays of one shape, are the same."""
    fun, kinds, moved = NUMPY[name], {}, False
    for x in TELLING:
        for call in (lambda x: fun(x), lambda x: fun(2.0, x), lambda x: fun(x, 0.5)):
            try:
                found = tuple(out.dtype.kind for out in outputs(call(x.copy())))
            except Exception:  # it takes other arguments
                continue
            moved |= kinds.setdefault((call.__code__.co_code, x.shape), found) != found
    z = np.array([1.0 + 0j, 2.0])
    moved |= name == "real_if_close" and np.real_if_close(z).dtype != np.real_if_close(z + 1j).dtype
    assert facts_of(fun).complex_by_values is moved


@pytest.mark.parametrize("widths, pairs", [
    ({0: 1}, [(1, 1), (0, 0)]),
    ({-1: (2, 0)}, [(0, 0), (2, 0)]),
    ({0: (1, 2), 1: 3}, [(1, 2), (3, 3)]),
    ({1: 1, -2: (0, 2)}, [(0, 2), (1, 1)]),
    (2, [(2, 2), (2, 2)]),
    ((1, 2), [(1, 2), (1, 2)]),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["constant", "reflect", "wrap", "edge", "linear_ramp", "mean", "maximum"])
def test_borders_in_every_spelling(widths, pairs, mode):
    a = np.random.default_rng(0).normal(size=(4, 5))
    x = Tensor(a, requires_grad=True)
    y = np.pad(x, widths, mode)
    np.testing.assert_allclose(y.numpy(), np.pad(a, pairs, mode))
    (y * y).sum().backward()
    wanted = tg.grad(lambda a: (np.pad(a, pairs, mode) ** 2).sum())(a)
    np.testing.assert_allclose(x.grad, wanted)

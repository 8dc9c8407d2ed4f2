"""grad, vjp, jvp and what is made of them: containers, nesting, orders, modes, errors."""

import dataclasses
import itertools
import re
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest

import tinygrad_np as tg
from tests.stream import rng
from tinygrad_np import Tensor
from tinygrad_np.transforms.containers import flatten

Point = namedtuple("Point", "x y")


@dataclasses.dataclass(frozen=True)
class Pair:
    left: object
    right: object


@dataclasses.dataclass
class Counted:
    left: object
    right: object
    count: int = dataclasses.field(init=False)

    def __post_init__(self):
        self.count = 2


CONTAINERS = {
    "dict": lambda a, b: {"a": a, "b": [b]},
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, (b,)),
    "namedtuple": Point,
    "dataclass": Pair,
    "nested": lambda a, b: {"p": Point(a, {"q": Pair(b, ())}), "none": []},
    "ordered": lambda a, b: OrderedDict(a=a, b=b),
    "default": lambda a, b: defaultdict(list, {"a": a, "b": [b]}),
    "computed": Counted,
}


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_gradients_have_the_containers_of_the_arguments(make):
    a, b = rng.normal(size=3), np.array(2.0, np.float32)
    leaves = lambda tree: flatten(tree)[0]  # noqa: E731
    f = lambda tree: (np.sin(leaves(tree)[0]) * leaves(tree)[1]).sum()  # noqa: E731
    value, g = tg.value_and_grad(f)(make(a, b))
    assert type(g) is type(make(a, b))
    ga, gb = leaves(g)
    assert type(ga) is type(gb) is type(value) is np.ndarray
    np.testing.assert_allclose(ga, np.cos(a) * 2)
    np.testing.assert_allclose(gb, np.sin(a).sum(), rtol=1e-6)
    assert (ga.dtype, gb.dtype) == (np.float64, np.float32)
    doubled = tg.vjp(lambda tree: tree, make(a, b))[1](make(2 * a, 2 * b))[0]
    np.testing.assert_array_equal(leaves(doubled)[0], 2 * a)


def test_argnums_and_aux():
    f = lambda x, y, scale=1.0: x * y**2 * scale  # noqa: E731
    assert tg.grad(f, 1)(2.0, 3.0, scale=2.0) == 24
    assert tg.grad(f, (0, -1))(2.0, 3.0) == (9, 12)
    g, aux = tg.grad(lambda x: (x**2, {"twice": 2 * x, "label": "a"}), has_aux=True)(3.0)
    assert (g, aux["twice"], aux["label"]) == (6, 6, "a") and type(aux["twice"]) is np.ndarray
    (value, aux), g = tg.value_and_grad(lambda x: (x**2, x), has_aux=True)(3.0)
    assert (value, aux, g) == (9, 3, 6)


ORDERS = [
    lambda x: np.tanh(x) ** 2 * np.exp(x),
    lambda x: np.sqrt(x) / (1 + np.log(x + 2)),
    lambda x: (x[None] ** 3).prod() * x,
    lambda x: np.linalg.det(np.stack([np.stack([x, np.sin(x)]), np.stack([x * x, np.cos(x)])])),
]


def forward(f):
    return lambda x: tg.jvp(f, (x,), (np.array(1.0),))[1]


@pytest.mark.parametrize("f", ORDERS)
def test_every_nesting_of_the_two_modes_to_third_order_agrees(f):
    def numeric(x):  # of the analytic second derivative
        g, h = tg.grad(tg.grad(f)), 1e-5
        return (g(x + h) - g(x - h)) / (2 * h)

    found = []
    for modes in itertools.product((tg.grad, forward), repeat=3):
        g = f
        for mode in modes:
            g = mode(g)
        found.append(g(0.7))
    np.testing.assert_allclose(found, found[0], rtol=1e-10)
    np.testing.assert_allclose(found[0], numeric(0.7), rtol=1e-6)


def test_perturbations_are_not_confused():
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(1.0))(2.0) == 1
    assert tg.grad(lambda x: x * forward(lambda y: x * y)(np.array(1.0)))(3.0) == 6
    assert forward(lambda x: x * forward(lambda y: x + y)(np.array(1.0)))(np.array(2.0)) == 1
    assert forward(lambda x: x * tg.grad(lambda y: x * y * y)(1.0))(np.array(3.0)) == 12


def test_a_closure_over_a_leaf_gets_no_part_in_a_transform():
    w = Tensor(3.0, requires_grad=True)
    assert type(tg.grad(lambda x: w * x)(2.0)) is np.ndarray
    assert w.grad is None


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((2,), (5,)), ((2, 2), (3, 1)), ((), (4,)), ((0,), (2,)), ((3,), ())])
def test_jacobian_either_way(shapes):
    shape_in, shape_out = shapes
    m = rng.normal(size=shape_out + shape_in)
    x = rng.normal(size=shape_in)
    f = lambda x: np.sin(np.tensordot(m, x, len(shape_in)))  # noqa: E731
    expected = np.cos(np.tensordot(m, x, len(shape_in)))[(...,) + (None,) * len(shape_in)] * m
    np.testing.assert_allclose(tg.jacobian(f)(x), expected)


def test_jacobian_over_containers():
    f = tg.jacobian(lambda d, z: {"u": d["a"] * d["b"], "v": (z.sum(),)}, argnums=(0, 1))
    j = f({"a": np.ones(2), "b": np.array(3.0)}, np.ones(3))
    np.testing.assert_array_equal(j["u"][0]["a"], 3 * np.eye(2))
    np.testing.assert_array_equal(j["u"][0]["b"], [1, 1])
    np.testing.assert_array_equal(j["v"][0][1], [1, 1, 1])
    np.testing.assert_array_equal(j["v"][0][0]["a"], [0, 0])


def test_jacobian_of_a_holomorphic_function_and_refusal_of_others():
    z = np.array([1 + 2j, 0.5j, -1.0])
    expected = np.diag(np.exp(z) * z[0]) + np.outer(np.exp(z), [1, 0, 0])
    np.testing.assert_allclose(tg.jacobian(lambda z: np.exp(z) * z[0])(z), expected)
    single = tg.jacobian(lambda z: np.exp(z) * z[0])(z.astype(np.complex64))
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, expected, rtol=1e-5)
    np.testing.assert_allclose(tg.jacobian(lambda z: (z * z).sum(), holomorphic=True)(z), 2 * z)
    with pytest.raises(TypeError, match="holomorphic=True: expected complex"):
        tg.jacobian(np.abs, holomorphic=True)(z.real)
    for f in (np.conj, np.abs, lambda z: z * np.real(z)):
        with pytest.raises(tg.NotDifferentiable, match="holomorphic"):
            tg.jacobian(f)(z)


def test_hessian_and_hvp():
    f = lambda x: np.log(np.exp(x).sum()) + x[0] * x[1] ** 2  # noqa: E731
    x, v = rng.normal(size=3), rng.normal(size=3)
    h, step = tg.hessian(f)(x), 1e-5
    numeric = [(tg.grad(f)(x + step * e) - tg.grad(f)(x - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(h, numeric, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(tg.hvp(f, (x,), (v,)), h @ v)
    two = tg.hvp(lambda x, y: (x * y * y).sum(), (x, v), (np.ones(3), np.zeros(3)))
    np.testing.assert_allclose(two[0], np.zeros(3))
    np.testing.assert_allclose(two[1], 2 * v)


def test_checkpoint_equals_the_function_and_keeps_nothing_of_its_inside():
    w = Tensor(rng.normal(size=(3, 3)), requires_grad=True)
    calls = []

    def block(x):
        calls.append(1)
        return np.tanh(x @ w), {"sum": x.sum()}

    x = Tensor(rng.normal(size=(2, 3)), requires_grad=True)
    ct = rng.normal(size=(2, 3))
    results = []
    for f in (block, tg.checkpoint(block)):
        y, aux = f(x)
        ((y * ct).sum() * aux["sum"]).backward()
        results.append((y.numpy(), x.grad, w.grad))
        x.grad = w.grad = None
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    y, _ = tg.checkpoint(block)(x)
    assert y._node.parents[0].saved == (None,) and len(calls) == 4
    f = lambda x: (np.exp(np.sin(x)) * x[0]).sum()  # noqa: E731
    a, u = np.array([0.3, 1.0]), np.array([1.0, -2.0])
    np.testing.assert_allclose(tg.hessian(tg.checkpoint(f))(a), tg.hessian(f)(a))
    np.testing.assert_allclose(tg.jvp(tg.checkpoint(f), (a,), (u,))[1], tg.jvp(f, (a,), (u,))[1])


def test_checkpoint_of_a_random_function_is_refused():
    rng = np.random.default_rng(0)
    y = tg.checkpoint(lambda x: x * rng.normal())(Tensor(1.0, requires_grad=True))
    with pytest.raises(RuntimeError, match="random"):
        y.backward()


def test_complex_gradient_is_the_direction_of_steepest_ascent():
    z = rng.normal(size=3) + 1j * rng.normal(size=3)
    f = lambda z: np.abs(z**2 * np.exp(z) + np.conj(z)).sum() + np.angle(z).sum() + np.real(z[0] * z[1])  # noqa: E731
    g, step = tg.grad(f)(z), 1e-6
    value = lambda z: tg.vjp(f, z)[0]  # noqa: E731
    slope = lambda e: (value(z + step * e) - value(z - step * e)) / (2 * step)  # noqa: E731
    numeric = [slope(e) + 1j * slope(1j * e) for e in np.eye(3)]
    np.testing.assert_allclose(g, numeric, rtol=1e-7)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: tg.grad(np.sin)(np.ones(3)), ValueError, r"shape \(3,\).*jacobian or vjp"),
        (lambda: tg.grad(lambda x: x * 1j)(2.0), TypeError, "complex"),
        (lambda: tg.grad(np.sin)(3), TypeError, "int64"),
        (lambda: tg.grad(lambda d: d["a"] * 1.0)({"a": 1.0, "n": 3}), TypeError, r"\['n'\]"),
        (lambda: tg.grad(lambda x: x, 1)(2.0), ValueError, "argument 1.*1 positional"),
        (lambda: tg.grad(lambda x: x, "x")(2.0), TypeError, "argnums: expected the number of an argument.*found 'x'"),
        (lambda: tg.grad(lambda x, y: x * y, (0, -2))(2.0, 3.0), ValueError, "names argument 0 more than once"),
        (lambda: tg.grad(lambda x: None)(2.0), TypeError, "grad: the function returned a NoneType; expected arrays"),
        (lambda: tg.grad(lambda x: np.allclose(x, x))(2.0), TypeError, "grad: the function returned True or False"),
        (lambda: tg.grad(lambda x: x > 1)(2.0), TypeError, "grad: the function returned True or False"),
        (lambda: tg.jacobian(lambda x: {"a": x, "b": "c"})(2.0), TypeError, r"returned a str at \['b'\]"),
        (lambda: tg.jvp(np.sin, np.ones(3), (np.ones(3),)), TypeError, "primals: expected a tuple.*found ndarray"),
        (lambda: tg.jvp(np.sin, (1.0,), 1.0), TypeError, "tangents: expected a tuple.*found float"),
        (lambda: tg.hvp(np.sum, np.ones(2), (np.ones(2),)), TypeError, "hvp: primals: expected a tuple"),
        (lambda: tg.grad(lambda x: x, has_aux=True)(2.0), TypeError, "aux"),
        (lambda: tg.vjp(np.sin, np.ones(3))[1](np.ones(2)), ValueError, r"shape \(2,\); expected \(3,\)"),
        (lambda: tg.vjp(np.sin, np.ones(3))[1](np.ones(3) * 1j), TypeError, "complex"),
        (lambda: tg.jvp(np.sin, (np.ones(3),), (np.ones(2),)), ValueError, "tangent"),
        (lambda: tg.jvp(np.sin, (np.ones(3),), (np.ones(3), 1.0)), ValueError, "found 2 tangents; expected 1"),
        (lambda: tg.grad(lambda x: float(x) * x)(2.0), TypeError, r"x.numpy\(\) or x.detach\(\)"),
        (lambda: tg.grad(lambda x: np.asarray(x).sum())(np.ones(2)), TypeError, "x.detach"),
        (lambda: tg.grad(lambda x: np.array([x, x]).sum())(2.0), TypeError, "np.stack"),
    ],
)
def test_errors_say_what_was_found_and_expected(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_function_that_raises_leaves_the_state_as_it_was():
    def fails(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tg.grad(fails)(1.0)
    assert tg.is_grad_enabled()
    assert float(Tensor(1.0, requires_grad=True) * 2) == 2  # no transform is thought to be running


def test_a_single_number_may_have_axes_of_length_one():
    assert tg.grad(lambda x: (x * x).sum(keepdims=True))(np.array([[2.0]])) == 4


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: tg.grad(f)(1.0),
        lambda f: tg.value_and_grad(f)(1.0),
        lambda f: tg.vjp(f, 1.0),
        lambda f: tg.jvp(f, (1.0,), (1.0,)),
        lambda f: tg.jacobian(f)(np.ones(2)),
        lambda f: tg.hessian(f)(np.ones(2)),
        lambda f: tg.hvp(f, (np.ones(2),), (np.ones(2),)),
        tg.checkpoint,
    ],
)
def test_what_is_no_function_is_refused(transform):
    with pytest.raises(TypeError, match=r"^\w+: expected a function, found int$"):
        transform(5)


def test_an_error_shows_shapes_where_an_operand_is_a_list():
    x = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    with pytest.raises(ValueError, match=r"^concatenate\(\[\(2, 2\) float64, \(1, 3\) float64\], 0\): all the input"):
        np.concatenate([x, np.ones((1, 3))])


@pytest.mark.parametrize("n", [2, 4, 5, 9])
def test_an_error_shows_at_most_four_of_a_list(n):
    x = tg.Tensor(np.ones(2), requires_grad=True)
    shown = ", ".join(["(2,) float64"] * min(n - 1, 4)) + (", (3,) float64" if n <= 4 else ", ...")
    with pytest.raises(ValueError, match=rf"^stack\(\[{re.escape(shown)}\], 0\): "):
        np.stack([x] * (n - 1) + [np.ones(3)])

"""What programs wrote by hand: parameters as vectors, derivatives by other names, one's own containers and rules."""

import dataclasses
from collections import namedtuple
from functools import partial

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import NotDifferentiable, Tensor, nn
from tinygrad_np.testing import gradcheck

X = np.array([0.7, -1.3, 2.1])
Pair = namedtuple("Pair", "a b")


@dataclasses.dataclass
class Model:
    w: object
    act: str = "tanh"
    bias: object = None
    on: bool = True


TREES = {
    "dict": {"w": X, "b": 2.0},
    "list": [X, [1.0, np.ones((2, 2))]],
    "tuple": (X, (), 3.0),
    "named tuple": Pair(X, 1.0),
    "dataclass": Model(X),
    "passing": {"w": X, "name": "n", "none": None, "flag": True},
    "array": X,
}


@pytest.mark.parametrize("name", TREES)
def test_ravel_and_back(name):
    tree = TREES[name]
    flat, unravel = tg.ravel(tree)
    assert isinstance(flat, np.ndarray) and flat.ndim == 1
    again = tg.ravel(unravel(flat))[0]
    np.testing.assert_array_equal(again, flat)
    assert type(unravel(flat)) is type(tree)
    np.testing.assert_array_equal(tg.ravel(tg.unravel(flat * 2, tree))[0], flat * 2)

    def f(v):
        return np.sum(np.sin(tg.ravel(unravel(v * v))[0]))

    assert gradcheck(f, flat, order=2)
    g = tg.grad(lambda tree: np.sum(tg.ravel(tree)[0] ** 3))(tree)
    np.testing.assert_allclose(tg.ravel(g)[0], 3 * flat**2)
    np.testing.assert_allclose(tg.jit(tg.grad(f))(flat), tg.grad(f)(flat))
    with pytest.raises(ValueError, match="unravel: found shape"):
        unravel(np.zeros(flat.size + 1))


def test_leaves_that_pass_through():
    def f(p):
        assert p["name"] == "n" and p["none"] is None and p["flag"] is True
        return np.sum(p["w"] ** 2)

    g = tg.grad(f)(TREES["passing"])
    np.testing.assert_allclose(g["w"], 2 * X)
    assert g["name"] == "n" and g["none"] is None and g["flag"] is True


def test_modules_are_containers():
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    flat, unravel = tg.ravel(model)
    assert flat.size == 3 * 2 + 2 + 2 + 1
    x = np.ones((4, 3), np.float32)
    other = unravel(flat * 0.5)
    np.testing.assert_allclose(tg.ravel(other)[0], flat * 0.5)
    g = tg.grad(lambda m: np.mean(m(x) ** 2))(model)
    loss = np.mean(model(x) ** 2)
    loss.backward()
    for p, q in zip(model.parameters(), g.parameters()):
        np.testing.assert_allclose(q.data, p.grad, rtol=1e-5, atol=1e-7)
    v = tg.grad(lambda v: np.mean(unravel(v)(x) ** 2))(flat)
    np.testing.assert_allclose(v, tg.ravel(g)[0], rtol=1e-5, atol=1e-7)


class Circle:
    def __init__(self, center, radius):
        self.center, self.radius = center, radius


def test_a_container_of_ones_own():
    tg.register_container(Circle, lambda c: (c.center, c.radius), lambda c, parts: Circle(*parts))
    g = tg.grad(lambda c: np.sum(c.center**2) * c.radius)(Circle(X, 2.0))
    np.testing.assert_allclose(g.center, 4 * X)
    np.testing.assert_allclose(g.radius, np.sum(X**2))
    with pytest.raises(TypeError, match="register_container"):
        tg.register_container("Circle", list, list)


def test_arguments_by_number_and_name():
    def f(x, y, *, z=1.0):
        return np.sum(x * y) * z

    assert tg.grad(f, argnum=1)(2.0, 3.0) == 2 and tg.grad(f, argnums=1)(2.0, 3.0) == 2
    assert tg.grad(f, argnames="z")(2.0, 3.0, z=1.0) == 6
    assert tg.grad(f, argnames=("y", "x"))(2.0, 3.0) == (2, 3)
    assert tg.grad(f, 0, argnames="z")(2.0, 3.0, z=2.0) == (6, 6)
    assert tg.hessian(lambda x, y: x**2 * y, argnames="x")(2.0, 3.0) == 6
    assert tg.value_and_grad(f, argnum=(0, 1))(2.0, 3.0)[1] == (3, 2)
    with pytest.raises(ValueError, match="argnames names 'q'"):
        tg.grad(f, argnames="q")(2.0, 3.0)
    with pytest.raises(TypeError, match="argnum and argnums"):
        tg.grad(f, 0, argnum=0)
    with pytest.raises(TypeError, match="argnames"):
        tg.grad(f, argnames=1)


def test_derivatives_by_other_names():
    f = lambda x: np.tanh(x) * x[::-1]  # noqa: E731
    np.testing.assert_allclose(tg.elementwise_grad(np.tanh)(X), 1 - np.tanh(X) ** 2)
    np.testing.assert_allclose(tg.elementwise_grad(tg.elementwise_grad(np.sin))(X), -np.sin(X))
    J = tg.jacobian(f)(X)
    np.testing.assert_allclose(tg.jacfwd(f)(X), J)
    np.testing.assert_allclose(tg.jacrev(f)(X), J)
    np.testing.assert_allclose(tg.jacfwd(tg.jacrev(f))(X), tg.jacobian(tg.jacobian(f))(X))
    ct = np.array([1.0, 2.0, -1.0])
    pullback, out = tg.make_vjp(f)(X)
    np.testing.assert_allclose(out, f(X))
    np.testing.assert_allclose(pullback(ct), ct @ J)
    out, dot = tg.make_jvp(f)(X)(ct)
    np.testing.assert_allclose(dot, J @ ct)
    g = lambda x: np.sum(f(x) ** 2)  # noqa: E731
    product, gradient = tg.make_hvp(g)(X)
    np.testing.assert_allclose(product(ct), tg.hessian(g)(X) @ ct)
    np.testing.assert_allclose(gradient, tg.grad(g)(X))
    np.testing.assert_allclose(tg.hessian_diag(g)(X), np.diag(tg.hessian(g)(X)), rtol=1e-12)
    tree = tg.hessian_diag(lambda p: p["a"] ** 2 * np.sum(p["b"] ** 3))({"a": 2.0, "b": X})
    np.testing.assert_allclose(tree["b"], 24 * X)
    np.testing.assert_allclose(tg.jit(tg.hessian_diag(g))(X), tg.hessian_diag(g)(X))


def test_holomorphic():
    z = 0.3 - 0.8j
    np.testing.assert_allclose(tg.grad(lambda z: np.exp(z) * z, holomorphic=True)(z), np.exp(z) * (1 + z))
    second = tg.grad(tg.grad(np.sin, holomorphic=True), holomorphic=True)
    np.testing.assert_allclose(second(z), -np.sin(z))
    with pytest.raises(NotDifferentiable, match="holomorphic"):
        tg.grad(np.conj, holomorphic=True)(z)
    with pytest.raises(TypeError, match="holomorphic"):
        tg.grad(np.sin, holomorphic=True)(1.0)
    with pytest.raises(TypeError, match="holomorphic=True"):
        tg.grad(np.sin)(z)


def test_linearize_in_both_directions():
    f = lambda p: {"out": np.tanh(p["a"]) * p["b"], "sum": np.sum(p["b"])}  # noqa: E731
    p = {"a": X, "b": X + 1}
    value, J = tg.linearize(f, p)
    np.testing.assert_allclose(value["sum"], f(p)["sum"])
    t = {"a": np.array([1.0, 0.0, 2.0]), "b": np.array([0.5, 1.0, -1.0])}
    expected = tg.jvp(f, (p,), (t,))[1]
    for _ in range(2):  # as often as one likes
        np.testing.assert_allclose(J(t)["out"], expected["out"])
    ct = {"out": X, "sum": 2.0}
    np.testing.assert_allclose(J.transpose(ct)[0]["a"], tg.vjp(f, p)[1](ct)[0]["a"])
    dense = np.stack([J.matvec(e) for e in np.eye(6)], axis=1)
    assert J.shape == dense.shape == (4, 6)
    np.testing.assert_allclose(np.stack([J.rmatvec(e) for e in np.eye(4)]), dense, atol=1e-15)


def test_linearize_as_scipys_operator():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    A = np.diag([2.0, 3.0, 4.0]) + 0.1
    _, J = tg.linearize(lambda x: A @ x + 0 * x**2, np.zeros(3))
    np.testing.assert_allclose(linalg.cg(J, X, rtol=1e-12)[0], np.linalg.solve(A, X))
    operator = linalg.aslinearoperator(J)
    np.testing.assert_allclose((operator.T @ operator) @ X, A.T @ A @ X)
    assert linalg.gmres(operator, X)[1] == 0


class Thing:
    scale = 2.0

    def loss(self, x):
        return np.sum(np.sin(x)) * self.scale

    @tg.primitive
    def cube(self, x):
        return x**3


Thing.cube.defvjp(None, lambda ct, x: ct * 3 * x**2)


def test_transforms_of_methods():
    thing = Thing()
    for transform in (tg.grad, tg.jacobian, tg.hessian, tg.elementwise_grad, tg.hessian_diag):
        np.testing.assert_allclose(transform(thing.loss)(X), transform(lambda x: thing.loss(x))(X))
        np.testing.assert_allclose(tg.jit(transform(thing.loss))(X), transform(thing.loss)(X))
    np.testing.assert_allclose(tg.checkpoint(thing.loss)(X), thing.loss(X))
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(thing.cube(x)))(X), 3 * X**2)


def test_primitives_of_ufuncs_and_partials():
    sine = tg.primitive(np.sin)
    sine.defvjp(lambda ct, x: ct * np.cos(x))
    assert gradcheck(sine, X, order=2)
    product = tg.primitive(np.multiply)
    product.defvjp(lambda ct, y: ct * y, lambda ct, x: ct * x)
    assert gradcheck(product, X, X + 1)

    def power(x, n):
        return x**n

    square = tg.primitive(partial(power, n=2))
    square.defvjp(lambda ct, x, n: ct * n * x ** (n - 1))
    assert square.__name__ == "power" and gradcheck(square, X, order=2)
    with pytest.raises(TypeError, match="primitive: expected a function"):
        tg.primitive(3)


def test_a_rule_for_the_second_argument_alone():
    @tg.primitive
    def scaled(label, x):
        return x * len(label)

    scaled.defvjp(None, lambda ct, label: ct * len(label))
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(scaled("abc", x)))(X), [3.0, 3.0, 3.0])
    assert gradcheck(lambda x: scaled("ab", x), X)


def test_an_operation_with_a_forward_rule_only():
    @tg.primitive
    def softplus(x):
        return np.logaddexp(x, 0)

    softplus.defjvp(lambda t, x: t / (1 + np.exp(-x)))
    assert gradcheck(softplus, X, order=2)
    np.testing.assert_allclose(tg.jvp(softplus, (X,), (X,))[1], X / (1 + np.exp(-X)))
    np.testing.assert_allclose(
        tg.jit(tg.grad(lambda x: np.sum(softplus(x) ** 2)))(X), tg.grad(lambda x: np.sum(softplus(x) ** 2))(X)
    )


def test_a_forward_rule_that_leaves_numpy():
    @tg.primitive
    def cosine(x):
        return np.asarray(np.cos(np.asarray(x)))

    def rule(t, x):
        kinds.append((type(t), type(x)))
        return np.asarray([-a * b for a, b in zip(t.tolist(), np.sin(np.asarray(x)).tolist())])

    kinds: list = []
    cosine.defjvp(rule)
    np.testing.assert_allclose(tg.jvp(lambda x: cosine(x * 2), (X,), (np.ones(3),))[1], -2 * np.sin(2 * X))
    np.testing.assert_allclose(tg.jacfwd(cosine)(X), np.diag(-np.sin(X)))
    assert {*kinds} == {(np.ndarray, np.ndarray)}
    with pytest.raises(NotDifferentiable, match="its forward rule leaves NumPy"):
        tg.grad(lambda x: np.sum(cosine(x)))(X)


def test_data_of_a_tracked_tensor_is_refused_in_a_transform():
    for f in (lambda x: np.sum(x.data), lambda x: np.sum((x * 2).data), lambda x: np.sum(Tensor(x).data)):
        with pytest.raises(TypeError, match="would cut"):
            tg.grad(f)(X)
    y = Tensor(X, requires_grad=True) * 2
    np.testing.assert_array_equal(y.data, 2 * X)


def test_an_argument_that_there_is_not_is_named():
    for argnums in (1, -2):
        with pytest.raises(ValueError, match=rf"argnums names argument {argnums if argnums > 0 else -1}; found 1"):
            tg.grad(lambda x: x * x, argnums)(2.0)
    assert tg.grad(lambda x: x * x, -1)(2.0) == 4.0 and tg.grad(lambda x, y: x * x * y, 0)(2.0, 3.0) == 12.0
    assert tg.grad(lambda x, y: x * x * y)(2.0, y=3.0) == 12.0
    (g,) = tg.grad(lambda x: x * x, (0,))(2.0)
    assert g == 4.0


def test_nothing_is_a_vector_of_no_numbers():
    flat, unravel = tg.ravel({"a": None, "b": []})
    assert flat.shape == (0,) and unravel(flat) == {"a": None, "b": []}
    with pytest.raises(ValueError, match=r"found shape \(1,\); expected \(0,\)"):
        unravel(np.ones(1))


def test_what_is_refused_says_such_a_number_and_results_keep_their_masks():
    with pytest.raises(TypeError, match="is int64 data; expected floating or complex numbers, such as 3.0"):
        tg.grad(lambda x: x * x)(3)
    with pytest.raises(TypeError, match="the result.* is a masked array, whose mask would be lost"):
        tg.vjp(lambda x: np.ma.masked_array([1.0, 2.0], [True, False]), 1.0)


@pytest.mark.parametrize(
    "leaves",
    [
        [np.arange(3), np.ones(2)],
        [np.ones(2, np.float32), np.ones(2), np.arange(2)],
        [np.ones(2, np.complex64), np.ones(2), np.ones(1, complex)],
        [np.float16(2), np.arange(2)],
    ],
)
def test_a_part_has_its_precision_again(leaves):
    """Where it is of the vector's kind; whole numbers among real ones stay real, as the vector may have moved."""
    flat, unravel = tg.ravel(leaves)
    assert flat.dtype == np.result_type(*leaves)
    for a, b in zip(unravel(flat), leaves, strict=True):
        assert a.dtype == (b.dtype if b.dtype.kind == flat.dtype.kind else flat.dtype)
        np.testing.assert_array_equal(a, b)


def directed(forward: bool, reverse: bool):
    """x², whose derivative is there in some modes alone."""

    @tg.primitive
    def square(x):
        return x * x

    def refuse(*given):
        raise AssertionError("this direction was not asked for")

    square.defvjp((lambda ct, x: 2 * ct * x) if reverse else refuse)
    square.defjvp((lambda t, x: 2 * t * x) if forward else refuse)
    return square


@pytest.mark.parametrize("transform, options, forward", [
    (tg.jacrev, {}, False),
    (tg.jacfwd, {}, True),
    (tg.jacobian, {"mode": "forward"}, True),
    (tg.jacobian, {"mode": "reverse"}, False),
])  # fmt: skip
@pytest.mark.parametrize("shapes", [(2, 5), (5, 2), (3, 3)])
def test_a_jacobian_is_taken_in_the_direction_that_was_asked_for(transform, options, forward, shapes):
    """Also where the other takes fewer passes."""
    n, m = shapes
    f = directed(forward, not forward)
    A = np.arange(1.0, 1 + n * m).reshape(m, n)
    x = np.linspace(1, 2, n)
    np.testing.assert_allclose(transform(lambda x: A @ f(x), **options)(x), A * (2 * x))


@pytest.mark.parametrize("shapes", [(2, 5), (5, 2)])
def test_a_jacobian_takes_the_direction_of_fewer_passes(shapes):
    n, m = shapes
    f = directed(n < m, n > m)
    A = np.ones((m, n))
    np.testing.assert_allclose(tg.jacobian(lambda x: A @ f(x))(np.ones(n)), 2 * A)


@pytest.mark.parametrize("scale", [1e-12, 1e-5, 1.0, 1e8])
def test_what_is_not_holomorphic_is_found_at_every_scale(scale):
    z = np.array([1 + 2j, 0.5j])
    with pytest.raises(NotDifferentiable, match="not holomorphic"):
        tg.jacobian(lambda z: scale * np.conj(z))(z)
    np.testing.assert_allclose(tg.jacobian(lambda z: scale * z * z)(z), np.diag(2 * scale * z))


def test_a_checkpoint_gives_more_than_derivatives():
    """An output without history stays one; a tangent of one argument alone leaves other outputs at rest."""
    constant = Tensor([5.0])
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0], requires_grad=True)
    pair = tg.checkpoint(lambda a, b: (a * a, constant, b * 3))
    first, same, second = pair(a, b)
    assert same.numpy().tolist() == [5.0] and not same.requires_grad
    (first.sum() + second.sum()).backward()
    assert a.grad.tolist() == [2.0, 4.0] and b.grad.tolist() == [3.0]
    outs, moved = tg.jvp(lambda a: tg.checkpoint(lambda a, b: (a * a, b * 3))(a, np.array([3.0])), (X,), (np.ones(3),))
    np.testing.assert_allclose(moved[0], 2 * X)
    assert np.asarray(moved[1]).tolist() == [0.0] and np.asarray(outs[1]).tolist() == [9.0]
    _, moved = tg.jvp(tg.checkpoint(lambda a, b: (a * a, b * 3)), (X, np.ones(2)), (np.zeros(3), np.ones(2)))
    np.testing.assert_allclose(moved[0], 0 * X)
    np.testing.assert_allclose(moved[1], [3.0, 3.0])

    def moved_in_one(b):
        _, moved = tg.jvp(lambda a: tg.checkpoint(lambda a, b: (a * a, b * 3))(a, b), (X,), (np.ones(3),))
        return moved[0].sum() + moved[1].sum() + b.sum()

    value, slope = tg.value_and_grad(moved_in_one)(np.array([4.0]))  # b moves outside alone
    np.testing.assert_allclose(value, 2 * X.sum() + 4)
    np.testing.assert_allclose(slope, [1.0])

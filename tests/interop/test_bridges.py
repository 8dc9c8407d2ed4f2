"""Functions of ours inside PyTorch and JAX: checked by their own checkers, to second order; memory is shared."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import interop


def product(x, y):
    return np.sum(np.sin(x) * y**2, axis=0)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_a_function_inside_pytorch(torch):
    f = interop.to_torch(product)
    x, y = (torch.randn(3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(f, (x, y), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(f, (x, y))
    (g,) = torch.autograd.grad(f(x, y).sum(), x)
    np.testing.assert_allclose(g.numpy(), tg.grad(lambda x: np.sum(product(x, y.detach().numpy())))(x.detach().numpy()))
    several = interop.to_torch(lambda x: (np.cos(x), x * x))
    assert torch.autograd.gradcheck(several, (x,)) and torch.autograd.gradgradcheck(several, (x,))
    arrays = x.detach().numpy(), y.detach().numpy()
    dot = torch.func.jvp(f, (x, y), (y, x))[1]
    np.testing.assert_allclose(dot.detach().numpy(), tg.jvp(product, arrays, arrays[::-1])[1])
    assert interop.to_torch(np.exp)(torch.ones(2)).dtype == torch.float32
    np.testing.assert_allclose(torch.func.grad(lambda x: f(x, y).sum())(x).detach().numpy(), g.numpy())


def test_a_function_inside_pytorchs_transforms(torch):
    def theirs(x, y):
        return torch.tanh(x) * torch.sum(y**3) + x[0] * y

    ours = interop.to_torch(lambda x, y: np.tanh(x) * np.sum(y**3) + x[0] * y)
    x, y = torch.linspace(0.1, 0.6, 6, dtype=torch.float64).reshape(3, 2), torch.tensor([1.0, -2.0]).double()
    for of in (
        lambda f: torch.func.vmap(f, (0, None))(x, y),
        lambda f: torch.func.vmap(f, (1, 1))(x.T, x.T),
        lambda f: torch.func.jacrev(f, 1)(x[0], y),
        lambda f: torch.func.hessian(lambda x: f(x, y).sum())(x[0]),
        lambda f: torch.func.vmap(torch.func.grad(lambda x: f(x, y).sum()))(x),
    ):
        torch.testing.assert_close(of(ours), of(theirs))
    several = interop.to_torch(lambda x: (np.sin(x), np.sum(x * x)))
    torch.testing.assert_close(torch.func.vmap(several)(x), (torch.sin(x), (x * x).sum(1)))


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


def test_a_function_inside_jax(jax, rng):
    f = interop.to_jax(product)
    a, b, many = rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2))

    def theirs(a, b):
        return (jax.numpy.sin(a) * b**2).sum(0)

    def mixed(f):
        return jax.grad(lambda a, b: jax.grad(lambda a, b: f(a, b).sum())(a, b).sum(), 1)

    np.testing.assert_allclose(jax.jit(f)(a, b), product(a, b))
    for ours, expected in zip(jax.jacobian(f, (0, 1))(a, b), jax.jacobian(theirs, (0, 1))(a, b)):
        np.testing.assert_allclose(ours, expected)
    np.testing.assert_allclose(jax.jit(mixed(f))(a, b), mixed(theirs)(a, b))
    np.testing.assert_allclose(jax.jit(jax.vmap(f, (0, None)))(many, b), jax.vmap(theirs, (0, None))(many, b))
    slope = jax.vmap(jax.grad(lambda a: f(a, b).sum()))
    np.testing.assert_allclose(slope(many), jax.vmap(jax.grad(lambda a: theirs(a, b).sum()))(many))
    nested = interop.to_jax(lambda x: {"a": np.sin(x), "b": (x.sum(),)})
    np.testing.assert_allclose(jax.grad(lambda x: nested(x)["b"][0] + nested(x)["a"].sum())(a), 1 + np.cos(a))


def test_memory_is_shared_by_dlpack(torch):
    theirs = torch.ones(3, dtype=torch.float64)
    ours = interop.from_dlpack(theirs)
    assert np.shares_memory(ours.numpy(), theirs.numpy())
    ours[0] = 5.0  # which makes a copy
    assert theirs.tolist() == [1.0, 1.0, 1.0]
    x = tg.Tensor([1.0, 2.0])
    assert np.shares_memory(torch.from_dlpack(x).numpy(), x.numpy())
    with pytest.raises(TypeError, match="from_dlpack would cut"):
        torch.from_dlpack(tg.Tensor([1.0], requires_grad=True))

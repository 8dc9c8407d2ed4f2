"""What somebody used to PyTorch writes of a tensor works where that is harmless; else one line says what to write."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.engine.habits import OTHER_NAMES, UNARY, WRITTEN_AS

X = np.array([[0.5, 0.25, 0.75], [0.1, 0.2, 0.9]])


@pytest.mark.parametrize("name", [*UNARY, *OTHER_NAMES])
def test_a_function_is_a_method_too(name):
    function = getattr(np, OTHER_NAMES.get(name, name))
    x = tg.Tensor(X + (name in ("arccosh", "acosh")), requires_grad=True)
    found = getattr(x, name)()
    np.testing.assert_array_equal(np.asarray(found.numpy() if hasattr(found, "_node") else found), function(x.numpy()))
    if hasattr(found, "_node"):
        found.backward(np.ones(X.shape))
        np.testing.assert_allclose(x.grad, tg.grad(lambda v: function(v).sum())(x.numpy()))


@pytest.mark.parametrize("name", "sum prod mean all any argmax argmin cumsum cumprod argsort amax amin".split())
def test_axis_may_be_called_dim(name):
    x = tg.Tensor(X)
    np.testing.assert_array_equal(getattr(x, name)(dim=0), getattr(x, name)(axis=0))
    if name.startswith("am"):
        return
    if name != "argsort" and not name.startswith("cum"):
        np.testing.assert_array_equal(getattr(x, name)(dim=1, keepdim=True), getattr(x, name)(axis=1, keepdims=True))
    with pytest.raises(TypeError, match=rf"x.{name}: found dim=0; expected axis and keepdims, or dim and keepdim"):
        getattr(x, name)(0, dim=0)
    with pytest.raises(TypeError, match="dims=0"):
        getattr(x, name)(dims=0)


@pytest.mark.parametrize(
    "name, words",
    [("max", "x.argmax"), ("min", "x.argmin"), ("var", "ddof=1"), ("std", "ddof=1"), ("sort", "np.sort.*x.argsort")],
)
def test_dim_is_refused_where_it_means_something_else(name, words):
    with pytest.raises(TypeError, match=rf"x.{name}: found dim; .*{words}"):
        getattr(tg.Tensor(X), name)(dim=0)


def test_shapes_and_dtypes():
    x = tg.Tensor(X, requires_grad=True)
    assert x.view(3, 2).shape == x.view((3, -1)).shape == (3, 2) and x.permute(1, 0).shape == x.t().shape == (3, 2)
    assert x.unsqueeze(-1).shape == (2, 3, 1) and x.contiguous() is x.cpu() is x
    assert (x.numel(), x.dim(), x.half().dtype, x.float().dtype) == (6, 2, np.float16, np.float32)
    np.testing.assert_array_equal(x.clamp(max=0.5).numpy(), np.minimum(X, 0.5))
    np.testing.assert_array_equal(x.add(1).mul(2).pow(2).sub(1).div(2).numpy(), ((X + 1) * 2) ** 2 / 2 - 0.5)
    assert x.flatten(0).shape == x.flatten(start_dim=0).shape == (6,) and x.view(2, 3, 1).flatten(1).shape == (2, 3)
    assert x.view(2, 3, 1).squeeze(dim=-1).shape == (2, 3) and x.nelement() == 6 and x.ndimension() == 2
    assert x.to("cpu") is x.to(device="cpu") is x and x.to(np.float32).dtype == x.to("cpu", dtype=np.float32).dtype
    assert (x.int().dtype, x.bool().dtype, x.type(np.float16).dtype) == (np.int32, np.bool_, np.float16)
    with pytest.raises(ValueError, match="x.to: found 'cuda'; everything is on the CPU: leave it out"):
        x.to("cuda")
    with pytest.raises(TypeError, match="x.view: .*astype"):
        x.view(np.float32)


@pytest.mark.parametrize("name", WRITTEN_AS)
def test_what_is_not_there_says_what_to_write(name):
    x = tg.Tensor(X)
    assert not hasattr(x, name)
    with pytest.raises(AttributeError, match=f"a Tensor has no {name}; write ") as caught:
        getattr(x, name)
    assert "\n" not in str(caught.value) and name not in dir(tg.Tensor(X))


def test_a_tensor_looks_attributes_up_as_any_object_does():
    """A `__getattr__` would cost a tenth of every recorded operation."""
    assert not hasattr(tg.Tensor, "__getattr__") and tg.Tensor.__getattribute__ is object.__getattribute__


def test_names_beside_tensors(tmp_path):
    assert tg.tensor([1.0], requires_grad=True).requires_grad and tg.tensor([1], dtype=float).dtype == float
    tg.save({"a": X}, tmp_path / "x.npz")
    np.testing.assert_array_equal(tg.load(tmp_path / "x.npz")["a"], X)
    x = tg.tensor(X, requires_grad=True)
    with pytest.raises(TypeError, match=r"grad: found a tensor; expected a function, as in grad\(f\)\(x\)"):
        tg.grad((x * x).sum(), x)


def test_what_moves_elements_takes_dims():
    x = tg.Tensor(X, requires_grad=True)
    for found, expected in (
        (x.roll(1, dims=0), np.roll(X, 1, 0)),
        (x.flip(dims=(0, 1)), np.flip(X, (0, 1))),
        (x.tile(2), np.tile(X, 2)),
        (x.tril(), np.tril(X)),
        (x.movedim(0, 1), X.T),
        (x.amax(dim=1, keepdim=True), X.max(1, keepdims=True)),
        (x.eq(0.5), X == 0.5),
        (x.ge(0.5), X >= 0.5),
        (x.clone(), X),
        (x.rsqrt(), 1 / np.sqrt(X)),
    ):
        np.testing.assert_allclose(np.asarray(found.numpy() if hasattr(found, "numpy") else found), expected)
    x.clone().sum().backward()
    assert x.grad.tolist() == np.ones(X.shape).tolist()
    assert not x.requires_grad_(False).requires_grad


@pytest.mark.parametrize("name", ["gradient", "percentile", "svd", "exp_", "stft", "random_"])
def test_names_of_functions_and_of_pytorch_get_one_line(name):
    with pytest.raises(AttributeError, match=f"a Tensor has no {name}; write ") as caught:
        getattr(tg.Tensor(X), name)
    assert "\n" not in str(caught.value)


def test_every_name_of_a_pytorch_tensor_works_or_is_answered():
    torch = pytest.importorskip("torch", reason="asks PyTorch for its names where it is installed")
    x, unanswered = tg.Tensor(X), []
    for name in dir(torch.Tensor):
        if name[0] != "_" and not hasattr(x, name):
            try:
                getattr(x, name)
            except AttributeError as error:
                unanswered += [] if f"no {name}; write " in str(error) else [name]
    assert unanswered == []


def test_flatten_takes_an_order_or_axes():
    a = np.arange(24.0).reshape(2, 3, 4)
    x = tg.Tensor(a, requires_grad=True)
    assert x.flatten(1).shape == x.flatten(start_dim=1).shape == (2, 12) and x.flatten(end_dim=1).shape == (6, 4)
    np.testing.assert_array_equal(x.flatten("F").numpy(), a.flatten("F"))
    assert x.flatten().shape == (24,)

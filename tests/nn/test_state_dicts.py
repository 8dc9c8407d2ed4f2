"""Every module's state travels to PyTorch and back through a file, and both compute the same from it."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinygrad_np as tg
from tests.nn.modules import CONTAINERS, IMAGES, MODULES, RANDOM, STACKS, x
from tinygrad_np import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
pytest.importorskip("safetensors", reason="the extra `models` is not installed")
from safetensors.numpy import load_file, save_file  # noqa: E402


def as_torch(value):
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value


def flat(out):
    parts = out if isinstance(out, (tuple, list)) else (out,)
    return [array for part in parts for array in (flat(part) if isinstance(part, (tuple, list)) else [part])]


def outputs(module, args) -> list[np.ndarray]:
    return [np.asarray(out.numpy() if hasattr(out, "numpy") else out) for out in flat(module(*args)) if out is not None]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_pytorchs(name, tmp_path):
    positional, options, args = MODULES[name]
    torch.manual_seed(0)
    ours = getattr(nn, name)(*positional, **options)
    theirs = getattr(torch.nn, name)(*positional, **{k: as_torch(v) for k, v in options.items()})
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in state.items()}
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]

    save_file(state, tmp_path / "theirs.safetensors")
    ours.load_state_dict(tg.load(tmp_path / "theirs.safetensors"))
    inputs = [torch.from_numpy(a.copy()) for a in args]
    with torch.no_grad():
        for training in (True, False):
            expected = [out.numpy() for out in flat(theirs.train(training)(*inputs)) if out is not None]
            found = outputs(ours.train(training), args)
            assert [a.shape for a in found] == [a.shape for a in expected]
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)

    for k, v in theirs.state_dict().items():  # running means and counts have moved alike
        np.testing.assert_allclose(ours.state_dict()[k], v.numpy(), rtol=1e-4, atol=1e-6)

    tg.save(tmp_path / "ours.safetensors", ours.state_dict())
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in load_file(tmp_path / "ours.safetensors").items()})
    for k, v in theirs.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), ours.state_dict()[k])


@pytest.mark.parametrize("d, shape", [("1d", (0, 3)), ("1d", (0, 3, 4)), ("2d", (0, 3, 4, 4)), ("3d", (0, 3, 4, 4, 4))])
def test_a_batch_norm_of_no_batch_learns_nothing(d, shape):
    ours, theirs = (getattr(lib, f"BatchNorm{d}")(3) for lib in (nn, torch.nn))
    out = ours(tg.Tensor(np.zeros(shape, np.float32), requires_grad=True))
    assert out.shape == tuple(theirs(torch.zeros(shape)).shape)
    out.sum().backward()
    assert ours.weight.grad.tolist() == [0.0] * 3
    for k, v in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[k], v.numpy())


def test_constants_are_part_of_a_loss_as_in_pytorch():
    weight = np.array(2.0, np.float32)
    for name in ("BCELoss", "BCEWithLogitsLoss"):
        assert set(getattr(nn, name)(weight=weight).state_dict()) == {"weight"}
    assert set(nn.FractionalMaxPool2d(2, 2, _random_samples=np.ones((1, 3, 2))).state_dict()) == {"_random_samples"}


def test_every_module_is_here():
    assert {name for name in dir(nn) if inspect.isclass(getattr(nn, name))} == set(
        MODULES
    ) | RANDOM | CONTAINERS | STACKS


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_random_layers_take_pytorchs_arguments_and_rest_in_evaluation(name):
    positional, options = ((2,), dict(output_size=3)) if name.startswith("Frac") else ((), {})
    images = x(2, 6, 6, 6, 6) if name.endswith("3d") else IMAGES
    ours, theirs = (getattr(lib, name)(*positional, **options).eval() for lib in (nn, torch.nn))
    if name.startswith("Frac"):
        assert np.asarray(ours(images)).shape == tuple(theirs(torch.from_numpy(images)).shape)
    else:
        np.testing.assert_allclose(np.asarray(ours(images)), theirs(torch.from_numpy(images)).numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_signatures_begin_as_pytorchs(name):
    """What may be given by position, or by name, to PyTorch's module may be given to ours."""
    ours = list(inspect.signature(getattr(nn, name)).parameters)
    theirs = [
        p for p in inspect.signature(getattr(torch.nn, name)).parameters if p not in ("device", "dtype", "_freeze")
    ]
    if theirs in (["args", "kwargs"], ["embed_dim"]) or name in ("RNN", "LSTM", "GRU", "Identity"):
        return
    theirs = [p for p in theirs if p not in ("_weight", "min_value", "max_value")]
    assert ours[: len(theirs)] == theirs

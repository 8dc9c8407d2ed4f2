"""Containers, hooks, casts and functional calls: what a PyTorch user does with modules."""

from collections import OrderedDict

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import nn


def test_sequential_takes_a_list_or_an_ordered_dict():
    named = nn.Sequential(OrderedDict(first=nn.Linear(4, 3), second=nn.ReLU()))
    assert list(named.state_dict()) == ["first.weight", "first.bias"] and named[0] is named.first
    listed = nn.Sequential([nn.Linear(4, 3), nn.ReLU()])
    assert len(listed) == 2 and listed(np.ones((2, 4), np.float32)).shape == (2, 3)
    assert isinstance(named[:1], nn.Sequential) and len(listed + named) == 4


def test_module_list_is_a_list():
    layers = nn.ModuleList(nn.Linear(i, i) for i in (1, 2, 3))
    layers.insert(0, nn.Linear(9, 9))
    layers.append(nn.Linear(4, 4)).extend([nn.Linear(5, 5)])
    assert [layer.in_features for layer in layers] == [9, 1, 2, 3, 4, 5]
    del layers[1]
    layers[0] = nn.Linear(7, 7)
    assert layers.pop().in_features == 5 and [layer.in_features for layer in layers] == [7, 2, 3, 4]
    assert [name for name, _ in layers.named_children()] == ["0", "1", "2", "3"] and layers[1] in layers
    with pytest.raises(TypeError, match="ModuleList: module 4: expected a Module, found function"):
        layers.append(lambda x: x)
    assert len(layers) == 4


def test_module_dict_is_a_dict():
    heads = nn.ModuleDict({"a": nn.Linear(1, 1)})
    heads["b"] = nn.Linear(2, 2)
    heads.update(c=nn.Linear(3, 3))
    assert list(heads) == list(heads.keys()) == ["a", "b", "c"] and heads.pop("b").in_features == 2
    assert "b" not in heads and [name for name, _ in heads.items()] == ["a", "c"]
    with pytest.raises(ValueError, match="found the key 'train'; expected a name that is no method's"):
        heads["train"] = nn.Linear(1, 1)
    with pytest.raises(KeyError):
        heads["b"]


def test_lists_and_dicts_of_parameters_are_trained():
    class Net(nn.Module):
        def __init__(self):
            self.scales = nn.ParameterList([np.ones(2), nn.Parameter(np.ones(2))])
            self.shifts = nn.ParameterDict({"a": np.zeros(2)})

        def forward(self, x):
            for scale in self.scales:
                x = x * scale
            return x + self.shifts["a"]

    net = Net()
    net(np.array([2.0, 3.0])).sum().backward()
    assert {name: p.grad.tolist() for name, p in net.named_parameters()} == {
        "scales.0": [2, 3],
        "scales.1": [2, 3],
        "shifts.a": [1, 1],
    }


def test_hooks_change_what_goes_in_and_comes_out_until_they_are_removed():
    layer, seen = nn.Linear(2, 2, bias=False), []
    layer.weight.data = np.eye(2)
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    after = layer.register_forward_hook(lambda module, args, out: seen.append((module, args, out)))
    named = layer.register_forward_hook(lambda module, args, kwargs, out: out * 10, with_kwargs=True, prepend=True)
    assert layer(np.array([1.0, 2.0])).numpy().tolist() == [20, 30]
    assert seen[0][0] is layer and seen[0][1][0].tolist() == [2, 3] and seen[0][2].numpy().tolist() == [20, 30]
    for handle in (before, after, named, named):
        handle.remove()
    assert layer(np.array([1.0, 2.0])).numpy().tolist() == [1, 2] and len(seen) == 1


def test_casts_freezing_and_visits():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    assert {p.dtype for p in model.half().parameters()} == {np.dtype(np.float16)}
    assert model[1].running_mean.dtype == np.float16 and model[1].num_batches_tracked.dtype == np.int64
    assert model.to(np.float64)[0].weight.dtype == model.double()[1].running_var.dtype == np.float64
    assert model.to("cpu") is model.float() is model and model[0].weight.dtype == np.float32
    model.requires_grad_(False)
    assert not any(p.requires_grad for p in model.parameters())
    visited = []
    assert model.requires_grad_().apply(lambda module: visited.append(type(module).__name__)) is model
    assert visited == ["Linear", "BatchNorm1d", "Sequential"]
    assert model.get_parameter("0.weight") is model[0].weight and model.get_submodule("1") is model[1]
    with pytest.raises(AttributeError, match="found no Parameter at '2.weight'; expected one of 0.weight"):
        model.get_parameter("2.weight")


def test_a_functional_call_leaves_the_module_as_it_was():
    model = nn.Sequential(nn.Linear(3, 2, generator=0), nn.Tanh())
    x, before = np.ones((1, 3), np.float32), model.state_dict()
    values = {"0.weight": tg.Tensor(np.ones((2, 3)), requires_grad=True), "0.bias": np.zeros(2)}
    out = nn.functional_call(model, values, x)
    out.sum().backward()
    np.testing.assert_allclose(out.numpy(), np.tanh([[3.0, 3.0]]))
    assert values["0.weight"].grad.shape == (2, 3) and model[0].weight.grad is None
    assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())
    with pytest.raises(AttributeError, match="1.weight"):
        nn.functional_call(model, {"1.weight": x}, x)


def test_buffers_that_pass_are_not_saved():
    module = nn.Module()
    module.register_buffer("kept", np.ones(2))
    module.register_buffer("passing", np.ones(2), persistent=False)
    module.register_buffer("absent", None)
    assert list(module.state_dict()) == ["kept"] and [n for n, _ in module.named_buffers()] == ["kept", "passing"]


@pytest.mark.parametrize("name", ["ctc_loss", "embedding_bag", "max_unpool1d", "max_unpool2d", "max_unpool3d"])
def test_what_is_left_out_says_what_to_write(name):
    with pytest.raises(AttributeError, match=f"nn.functional has no {name}; ") as caught:
        getattr(F, name)
    assert "\n" not in str(caught.value)


def test_public_names_alone():
    assert {"functional", "init", "utils"} <= set(dir(nn)) and "np" not in dir(nn) and "layers" not in dir(nn)
    assert "conv2d" in dir(F) and not {"Any", "annotations", "np"} & set(dir(F))

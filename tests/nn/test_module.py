"""Modules: attributes are the record, state dicts travel and never half-load, PyTorch's names and values."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor, nn
from tinygrad_np.io import load, save


class Block(nn.Module):
    def __init__(self, size: int):
        self.scale = nn.Parameter(np.ones(size))
        self.inner = nn.Linear(size, size, dtype=float, generator=0)
        self.register_buffer("count", np.zeros((), int))

    def forward(self, x):
        return self.inner(x) * self.scale


class Net(nn.Module):
    def __init__(self):
        self.first = Block(3)
        self.blocks = [Block(3), Block(3)]
        self.heads = {"a": nn.Linear(3, 2, dtype=float, generator=1), "b": nn.Parameter(np.zeros(2))}
        self.title = "net"

    def forward(self, x):
        for block in [self.first, *self.blocks]:
            x = block(x)
        return self.heads["a"](x) + self.heads["b"]


NAMES = [
    "first.scale",
    "first.inner.weight",
    "first.inner.bias",
    "blocks.0.scale",
    "blocks.0.inner.weight",
    "blocks.0.inner.bias",
    "blocks.1.scale",
    "blocks.1.inner.weight",
    "blocks.1.inner.bias",
    "heads.b",
    "heads.a.weight",
    "heads.a.bias",
]


def mlp(seed=0):
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(4, 5, generator=rng), nn.ReLU(), nn.Linear(5, 3, generator=rng))


def test_parameters_come_in_definition_order_from_attributes_and_containers():
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert sorted(names) == sorted(NAMES)
    assert [name for name, _ in mlp().named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [name for name, _ in net.named_buffers()] == ["first.count", "blocks.0.count", "blocks.1.count"]
    assert [name for name, _ in net.named_modules()] == [
        "",
        "first",
        "first.inner",
        "blocks.0",
        "blocks.0.inner",
        "blocks.1",
        "blocks.1.inner",
        "heads.a",
    ]
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in net.parameters())


def test_every_parameter_of_a_nested_model_gets_a_gradient():
    net = Net()
    net(np.random.default_rng(0).normal(size=(4, 3))).backward(np.random.default_rng(1).normal(size=(4, 2)))
    assert all(np.abs(p.grad).sum() > 0 for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_reassigned_and_deleted_attributes_are_what_counts():
    model = mlp()
    model.extra = nn.Parameter(np.zeros(2))
    assert "extra" in model.state_dict()
    model.extra = None
    assert "extra" not in model.state_dict()
    del model.extra
    setattr(model, "0", nn.Linear(4, 5, bias=False))
    assert list(model.state_dict()) == ["0.weight", "2.weight", "2.bias"]


def test_shared_parameters_and_modules_count_once_and_save_under_every_name():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    assert len(list(model.parameters())) == 2 and len(list(model.modules())) == 3
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    model.load_state_dict(model.state_dict())


def test_a_module_that_knows_its_parent_is_no_endless_path():
    class Child(nn.Module):
        def __init__(self, parent):
            self.parent = parent
            self.weight = nn.Parameter([1.0])

    class Parent(nn.Module):
        def __init__(self):
            self.child = Child(self)

    assert list(Parent().state_dict()) == ["child.weight"]
    assert len(list(Parent().modules())) == 2


def test_train_and_eval_reach_every_module():
    net = Net()
    assert net.training
    assert net.eval() is net and not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())


def test_repr_shows_the_tree():
    assert repr(nn.Sequential(nn.Linear(4, 5), nn.Sequential(nn.ReLU(), nn.Dropout(0.1)))) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=5, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Dropout(p=0.1)\n"
        "  )\n"
        ")"
    )


def test_forward_has_to_be_defined():
    with pytest.raises(NotImplementedError, match="Hollow does not define forward"):
        type("Hollow", (nn.Module,), {})()(1)


def test_models_are_copied_and_pickled_whole():
    model = mlp()
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin(x).numpy().tobytes() == model(x).numpy().tobytes()
        next(twin.parameters()).data = np.zeros((5, 4))
        assert next(model.parameters()).numpy().any()


# ---- state dicts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_state_travels_through_a_file_bit_for_bit(suffix, tmp_path):
    if suffix == "safetensors":
        pytest.importorskip("safetensors", reason="the extra `models` is not installed")
    model, other = mlp(0), mlp(1)
    save(tmp_path / f"w.{suffix}", model.state_dict())
    other.load_state_dict(load(tmp_path / f"w.{suffix}"))
    for (name, p), (_, q) in zip(model.named_parameters(), other.named_parameters(), strict=True):
        assert p.numpy().tobytes() == q.numpy().tobytes() and p.dtype == q.dtype, name


def test_a_state_dict_is_a_copy_and_buffers_are_part_of_it():
    block = Block(3)
    state = block.state_dict()
    block.scale.data = np.zeros(3)
    block.count[...] = 7
    assert state["scale"].tolist() == [1, 1, 1] and state["count"] == 0
    block.load_state_dict(state)
    assert block.scale.numpy().tolist() == [1, 1, 1] and block.count == 0


def test_loading_keeps_the_tensors_and_their_dtype():
    model = mlp()
    before = list(model.parameters())
    model.load_state_dict({name: array.astype(np.float64) for name, array in mlp(3).state_dict().items()})
    assert all(p is q for p, q in zip(before, model.parameters(), strict=True))
    assert all(p.dtype == np.float32 and p.requires_grad for p in before)


def test_loading_takes_tensors():
    model = mlp()
    model.load_state_dict({name: Tensor(np.ones(p.shape), requires_grad=True) for name, p in model.named_parameters()})
    assert all((p.numpy() == 1).all() for p in model.parameters())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda s: s.pop("0.bias"), r"missing '0.bias' \(5,\)"),
        (lambda s: s.update(more=np.zeros(2)), r"unexpected 'more' \(2,\)"),
        (lambda s: s.update({"2.weight": np.zeros((3, 4))}), r"'2.weight' has shape \(3, 4\), expected \(3, 5\)"),
        (lambda s: s.update({"2.bias": np.zeros(3, complex)}), "'2.bias' has dtype complex128, expected float32"),
        (lambda s: s.update({"2.bias": np.array(["a", "b", "c"])}), "'2.bias' has dtype <U1, expected float32"),
        (lambda s: (s.pop("0.bias"), s.update(more=np.zeros(2))), "missing '0.bias'.*unexpected 'more'"),
    ],
)
def test_a_state_that_does_not_fit_is_one_line_and_changes_nothing(change, words):
    model, state = mlp(0), mlp(1).state_dict()
    before = model.state_dict()
    change(state)
    with pytest.raises(ValueError, match=words) as caught:
        model.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert all(before[name].tobytes() == array.tobytes() for name, array in model.state_dict().items())


def test_not_strict_says_what_it_passed_over():
    model, state = mlp(0), mlp(1).state_dict()
    del state["0.bias"]
    state["more"] = np.zeros(2)
    result = model.load_state_dict(state, strict=False)
    assert result.missing_keys == ["0.bias"] and result.unexpected_keys == ["more"]
    assert model.state_dict()["0.weight"].tobytes() == mlp(1).state_dict()["0.weight"].tobytes()
    state["0.weight"] = np.zeros((1, 1))
    with pytest.raises(ValueError, match="'0.weight' has shape"):
        model.load_state_dict(state, strict=False)


def test_a_graph_that_is_still_alive_keeps_the_values_it_was_computed_from():
    layer = nn.Linear(3, 1, bias=False, dtype=float)
    x = Tensor(np.ones((1, 3)), requires_grad=True)
    out, old = layer(x).sum(), layer.weight.numpy().copy()
    layer.load_state_dict({"weight": np.zeros((1, 3))})
    out.backward()
    assert x.grad.tolist() == old.tolist()


def test_state_dicts_travel_to_and_from_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    ours = mlp()
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    np.testing.assert_allclose(ours(x).numpy(), theirs(torch.from_numpy(x)).detach().numpy(), rtol=1e-6, atol=1e-6)
    theirs.load_state_dict({name: torch.from_numpy(a) for name, a in mlp(5).state_dict().items()})


def test_no_grad_predicts_without_a_tape():
    with tg.no_grad():
        assert not mlp()(np.zeros((2, 4), np.float32)).requires_grad


def test_what_is_registered_is_found_by_its_path():
    model, inner, w = nn.Module(), nn.BatchNorm1d(2), nn.Parameter(np.ones(2))
    model.register_parameter("w", w)
    model.register_parameter("none", None)
    model.register_module("inner", inner)
    model.add_module("again", inner)
    model.register_buffer("seen", np.zeros(3))
    model.register_buffer("passing", np.zeros(1), persistent=False)
    assert model.get_parameter("w") is w and model.none is None and model.get_submodule("again") is inner
    assert model.get_buffer("inner.running_mean") is inner.running_mean and model.get_buffer("seen") is model.seen
    assert {"seen", "inner.running_mean"} <= model.state_dict().keys() and "passing" not in model.state_dict()
    for get, path in ((model.get_buffer, "w"), (model.get_parameter, "seen"), (model.get_submodule, "w")):
        with pytest.raises((AttributeError, KeyError, TypeError)):
            get(path)
    names = [name for name, _ in model.named_parameters("m")]
    assert names == ["m.w", "m.inner.weight", "m.inner.bias"]
    every = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    assert every == ["w", "inner.weight", "inner.bias", "again.weight", "again.bias"]
    assert [name for name, _ in model.named_parameters(recurse=False)] == ["w"]
    assert [name for name, _ in model.named_buffers(recurse=False)] == ["seen", "passing"]
    assert [name for name, _ in model.named_modules("m")] == ["m", "m.inner"]
    assert [name for name, _ in model.named_children()] == ["inner", "again"]

"""Every optimizer takes PyTorch's path, resumes bit for bit, and refuses what it cannot use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn, optim
from tinygrad_np.engine.tensor import Tensor
from tinygrad_np.io import load, save

from .make_reference import side_by_side, trajectory
from .problem import ARRANGEMENTS, CASES, SHAPES, STEPS, arranged, first_parameters, gradients, moving, noise

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))


TOLERANCE = {"float32": dict(rtol=1e-5, atol=1e-5), "float64": dict(rtol=1e-10, atol=1e-10)}


def make(label: str, arrays=None, arrangement="plain"):
    name, options = CASES[label]
    params = [nn.Parameter(p) for p in (first_parameters() if arrays is None else arrays)]
    if arrangement == "frozen":
        params[1].requires_grad = False
    return params, getattr(optim, name)(arranged(params, arrangement, options), **options)


def take(params, optimizer, steps) -> None:
    for t in steps:
        for p, g in zip(params, gradients(t, [p.numpy() for p in params]), strict=True):
            p.grad = g if p.requires_grad else None
        optimizer.step()


@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("dtype, arrangement", [("float32", "plain"), ("float64", "groups"), ("float64", "frozen")])
def test_equals_pytorch_for_200_steps(label, dtype, arrangement):
    params, optimizer = make(label, first_parameters(dtype), arrangement)
    take(params, optimizer, range(STEPS))
    assert all(p.dtype == dtype and p.shape == shape for p, shape in zip(params, SHAPES, strict=True))
    found, expected = side_by_side([p.numpy() for p in params]), REFERENCE[f"{label}/{dtype}/{arrangement}"]
    np.testing.assert_allclose(found, expected, **TOLERANCE[dtype])
    moved = [not np.array_equal(p.numpy(), q) for p, q in zip(params, first_parameters(dtype), strict=True)]
    assert moved == [True, arrangement != "frozen", True, False]


RECORDED = [(label, *how) for how in (("float32", "groups"), ("float64", "frozen")) for label in CASES]
SAMPLE = {(CASES[label][0], len(CASES[label][1])): (label, *how) for label, *how in RECORDED}
SAMPLE = {name: SAMPLE[name, options] for name, options in sorted(SAMPLE)}.values()  # of each the one with most options


@pytest.mark.parametrize(
    "label, dtype, arrangement",
    [case if case in SAMPLE else pytest.param(*case, marks=pytest.mark.slow) for case in RECORDED],
)
def test_recorded_steps_equal_pytorch_too(label, dtype, arrangement):
    params, optimizer = make(label, first_parameters(dtype), arrangement)

    @tg.jit
    def step(kept, a, b, c, d):
        optimizer.zero_grad()
        p, q, r, s = params
        loss = (0.15 * p * p + a * p).sum() + (0.15 * r * r + c * r).sum() + (0.15 * s * s + d * s).sum()
        loss = loss + (kept * (0.15 * q * q + b * q)).sum()
        loss.backward()
        optimizer.step()

    for t in range(STEPS):
        step(moving(t, dtype), *noise(t, dtype))
    found, expected = side_by_side([p.numpy() for p in params]), REFERENCE[f"{label}/{dtype}/{arrangement}"]
    np.testing.assert_allclose(found, expected, **TOLERANCE[dtype])


@pytest.mark.slow
@pytest.mark.parametrize("label", CASES)
def test_the_references_are_pytorchs(label):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    k = list(CASES).index(label)
    dtype, arrangement = list(TOLERANCE)[k % 2], ARRANGEMENTS[k % 3]
    found = trajectory(torch, *CASES[label], dtype, arrangement)
    np.testing.assert_allclose(found, REFERENCE[f"{label}/{dtype}/{arrangement}"], **TOLERANCE[dtype])


@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_parameters_are_pairs_of_real_ones(label, dtype):
    name, options = CASES[label]
    rng = np.random.default_rng(4)
    first = (rng.normal(size=6) + 1j * rng.normal(size=6)).astype(dtype)
    whole = nn.Parameter(first)
    pairs = nn.Parameter(first.view(first.real.dtype))
    one, other = (getattr(optim, name)([p], **options) for p in (whole, pairs))
    for _ in range(20):
        g = (rng.normal(size=6) + 1j * rng.normal(size=6)).astype(dtype)
        whole.grad, pairs.grad = g, g.view(g.real.dtype)
        one.step()
        other.step()
    np.testing.assert_allclose(whole.numpy().view(pairs.dtype), pairs.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("label", CASES)
def test_resumes_bit_for_bit_through_a_file(label, tmp_path):
    params, optimizer = make(label)
    take(params, optimizer, range(30))
    save(tmp_path / "state.npz", optimizer.state_dict())
    other_params, other = make(label, [p.numpy() for p in params])
    other.load_state_dict(load(tmp_path / "state.npz"))
    assert other.param_groups[0].keys() == optimizer.param_groups[0].keys()
    for key in CASES[label][1]:
        assert other.param_groups[0][key] == optimizer.param_groups[0][key]
    take(params, optimizer, range(30, 60))
    take(other_params, other, range(30, 60))
    for p, q in zip(params, other_params, strict=True):
        assert p.numpy().tobytes() == q.numpy().tobytes()


@pytest.mark.parametrize("label", CASES)
def test_a_loaded_state_is_all_that_is_left_of_the_past(label):
    params, optimizer = make(label)
    blank = optimizer.state_dict()
    take(params, optimizer, range(3))
    other_params, other = make(label)
    for p, q in zip(params, other_params, strict=True):
        q.data = p.numpy()
    optimizer.load_state_dict(blank)
    for ps, o in ((params, optimizer), (other_params, other)):
        take(ps, o, range(3, 6))
    for p, q in zip(params, other_params, strict=True):
        assert p.numpy().tobytes() == q.numpy().tobytes()


def test_state_dict_is_a_copy():
    params, optimizer = make("adam")
    take(params, optimizer, range(2))
    before = optimizer.state_dict()["state"]["0"]["exp_avg"]
    kept = before.copy()
    take(params, optimizer, range(2, 4))
    assert np.array_equal(before, kept)


def test_updates_in_place_and_leaves_gradients_alone():
    for label in CASES:
        params, optimizer = make(label)
        places = [p.data.ctypes.data for p in params]
        for t in range(3):
            grads = gradients(t, [p.numpy() for p in params])
            for p, g in zip(params, grads, strict=True):
                p.grad = g.copy()
                p.grad.flags.writeable = False
            optimizer.step()
            for p, g in zip(params, grads, strict=True):
                assert np.array_equal(p.grad, g)
        assert [p.data.ctypes.data for p in params] == places, label


def test_parameters_without_a_gradient_stay():
    params, optimizer = make("adam")
    before = [p.numpy().copy() for p in params]
    params[1].grad = np.ones(5, np.float32)
    optimizer.step()
    assert [np.array_equal(p.numpy(), b) for p, b in zip(params, before, strict=True)] == [True, False, True, True]


def test_a_graph_that_is_still_alive_keeps_its_values():
    w = Tensor([2.0], requires_grad=True)
    first = (w * w * w).sum()
    (w * w).sum().backward()
    optim.SGD([w], lr=0.25).step()
    assert w.numpy() == [1.0]
    w.grad = None
    first.backward()
    assert w.grad == [12.0], "3w² at the value that `first` was computed from"


def test_zero_grad_forgets():
    params, optimizer = make("sgd")
    take(params, optimizer, range(1))
    params[0].requires_grad = False
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)


def test_groups_have_their_own_options():
    a, b = (Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    a.grad, b.grad = np.ones(2), np.ones(2)
    optimizer.step()
    np.testing.assert_allclose([a.numpy(), b.numpy()], [[0.9, 0.9], [0.5, 0.5]])


def test_float64_stays_float64_and_numpy_numbers_do_not_widen():
    for dtype in (np.float32, np.float64):
        for name in dict.fromkeys(name for name, _ in CASES.values()):
            p = Tensor(np.ones(3), dtype=dtype, requires_grad=True)
            optimizer = getattr(optim, name)([p], lr=np.float64(0.1), weight_decay=np.float64(0.1))
            p.grad = np.ones(3, dtype)
            optimizer.step()
            assert p.dtype == dtype
            assert all(v.dtype == dtype for v in optimizer.state[0].values() if isinstance(v, np.ndarray))


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("SGD", dict(lr=-0.1), "lr: expected a finite number >= 0, found -0.1"),
        ("SGD", dict(lr=float("nan")), "lr: expected"),
        ("SGD", dict(lr="fast"), "lr: expected a finite number >= 0, found 'fast'"),
        ("SGD", dict(momentum=-1), "momentum: expected"),
        ("SGD", dict(nesterov=True), "nesterov: expected momentum > 0"),
        ("SGD", dict(nesterov=True, momentum=0.9, dampening=0.1), "nesterov: expected"),
        ("Adam", dict(betas=(0.9, 1.0)), r"betas: expected two numbers in \[0, 1\)"),
        ("Adam", dict(betas=0.9), "betas: expected two numbers"),
        ("AdamW", dict(weight_decay=-1), "weight_decay: expected"),
        ("RMSprop", dict(alpha=-1), "alpha: expected"),
        ("Adagrad", dict(eps=-1), "eps: expected"),
    ],
)
def test_bad_options_are_refused(name, options, words):
    with pytest.raises(ValueError, match=words):
        getattr(optim, name)([Tensor([1.0], requires_grad=True)], **options)


def test_bad_parameters_are_refused():
    w = Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="list of tensors"):
        optim.SGD(w)
    with pytest.raises(ValueError, match="no parameters"):
        optim.SGD([])
    with pytest.raises(ValueError, match="given twice"):
        optim.SGD([w, w])
    with pytest.raises(ValueError, match="parameter 1 of shape"):
        optim.SGD([w, Tensor([1.0])])
    with pytest.raises(ValueError, match="not a leaf"):
        optim.SGD([w * 2])
    with pytest.raises(ValueError, match="unknown options"):
        optim.SGD([{"params": [w], "rate": 1}])
    with pytest.raises(TypeError, match="^SGD: load_state_dict: expected a dict of arrays, found int"):
        optim.SGD([w]).load_state_dict(3)
    with pytest.raises(TypeError, match=r"expected a tensor, found ndarray; pass model.parameters\(\)"):
        optim.SGD([np.ones(2)])


def bad_state(change):
    params, optimizer = make("adam")
    take(params, optimizer, range(3))
    state = optimizer.state_dict()
    change(state)
    return params, optimizer, state


@pytest.mark.parametrize(
    "change, words",
    [
        (
            lambda s: s["state"]["0"].update(exp_avg=np.zeros((9, 9), np.float32)),
            r"'exp_avg' of parameter 0 .* \(9, 9\)",
        ),
        (lambda s: s["state"]["1"].update(exp_avg=np.zeros(5)), "'exp_avg' of parameter 1 is float64"),
        (lambda s: s["state"]["1"].pop("exp_avg"), "parameter 1 has"),
        (lambda s: s["state"].update({"7": {}}), "parameter '7', expected 0 to 3"),
        (lambda s: s["param_groups"].update({"1": {}}), "2 parameter groups, expected 1"),
        (lambda s: s["param_groups"]["0"].pop("eps"), "options"),
        (lambda s: s["param_groups"]["0"].update(lr=np.array(-1.0)), "lr: expected"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, words):
    params, optimizer, state = bad_state(change)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=words):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    for i in before["state"]:
        assert all(np.array_equal(before["state"][i][k], after["state"][i][k]) for k in before["state"][i])
    assert before["param_groups"]["0"].keys() == after["param_groups"]["0"].keys()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Muon", "RMSprop"])
@pytest.mark.parametrize("second", [{"lr": 0.1}, {}, [1.0], 3, None])
def test_a_group_is_a_dict_with_params(kind, second):
    w = Tensor([[1.0]], requires_grad=True)
    with pytest.raises(TypeError, match=rf"^{kind}: parameter group 1 must be a dict with 'params', found "):
        getattr(optim, kind)([{"params": [w]}, second])

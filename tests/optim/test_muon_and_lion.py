"""Muon makes PyTorch's steps, in full precision; Lion its paper's; both recorded or not."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn, optim
from tinygrad_np.optim.muon import orthogonal

SHAPES = (3, 4), (5, 2), (1, 6)
MUON = [
    dict(),
    dict(lr=0.02, weight_decay=0.0),
    dict(lr=0.02, nesterov=False, adjust_lr_fn="match_rms_adamw"),
    dict(momentum=0.5, ns_steps=3, maximize=True),
]


def targets(t, dtype):
    rng = np.random.default_rng(100 + t)
    return [rng.normal(size=shape).astype(dtype) for shape in SHAPES]


def first(dtype):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape).astype(dtype) for shape in SHAPES]


def ours(name, options, dtype, steps, wrap=lambda f: f):
    params = [nn.Parameter(p) for p in first(dtype)]
    optimizer = getattr(optim, name)([{"params": params[:2]}, {"params": params[2:], "lr": 0.005}], **options)

    @wrap
    def step(*noise):
        optimizer.zero_grad()
        sum((0.15 * p * p + 0.5 * n * p).sum() for p, n in zip(params, noise, strict=True)).backward()
        optimizer.step()

    for t in range(steps):
        step(*targets(t, dtype))
    return [p.numpy() for p in params]


def newton_schulz(grad, coefficients, steps, eps):
    """PyTorch's iteration without its rounding to bfloat16."""
    a, b, c = coefficients
    tall = grad.size(0) > grad.size(1)
    x = grad.T if tall else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


@pytest.mark.parametrize("options", MUON)
@pytest.mark.parametrize("dtype, atol", [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("rounded", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_muon_equals_pytorch(options, dtype, atol, rounded, monkeypatch):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    if not rounded:
        monkeypatch.setattr(torch.optim._muon, "_zeropower_via_newtonschulz", newton_schulz)
    sign = -1 if options.get("maximize") else 1
    params = [torch.nn.Parameter(torch.from_numpy(p)) for p in first(dtype)]
    kept = {name: value for name, value in options.items() if name != "maximize"}
    optimizer = torch.optim.Muon([{"params": params[:2]}, {"params": params[2:], "lr": 0.005}], **kept)
    for t in range(200):
        for p, n in zip(params, targets(t, dtype), strict=True):
            p.grad = sign * (0.3 * p.detach() + 0.5 * torch.from_numpy(n))
        optimizer.step()
    for a, b in zip(ours("Muon", options, dtype, 200), params, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), atol=1e-2 if rounded else atol)


@pytest.mark.parametrize("name, options", [*[("Muon", o) for o in MUON], ("Lion", dict(lr=0.01, weight_decay=0.1))])
@pytest.mark.parametrize("dtype, atol", [pytest.param("float32", 1e-5, marks=pytest.mark.slow), ("float64", 1e-12)])
def test_recorded_steps_are_the_same(name, options, dtype, atol):
    for a, b in zip(ours(name, options, dtype, 30), ours(name, options, dtype, 30, tg.jit), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize(
    "options", [dict(lr=0.01), dict(lr=0.01, betas=(0.5, 0.9), weight_decay=0.2), dict(maximize=True)]
)
def test_lion_is_its_paper(options):
    lr, (beta1, beta2) = options.get("lr", 1e-4), options.get("betas", (0.9, 0.99))
    sign = -1 if options.get("maximize") else 1
    params, m = first("float64"), [np.zeros(shape) for shape in SHAPES]
    for t in range(200):
        for i, n in enumerate(targets(t, "float64")):
            g, rate = sign * (0.3 * params[i] + 0.5 * n), lr if i < 2 else 0.005
            c = beta1 * m[i] + (1 - beta1) * g
            params[i] = params[i] - rate * (np.sign(c) + options.get("weight_decay", 0) * params[i])
            m[i] = beta2 * m[i] + (1 - beta2) * g
    for a, b in zip(ours("Lion", options, "float64", 200), params, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_orthogonal_keeps_the_singular_vectors(rng):
    for shape in ((4, 4), (3, 7), (7, 3), (1, 5)):
        matrix = rng.normal(size=shape)
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        found = u.T @ orthogonal(matrix, steps=8) @ v.T
        np.testing.assert_allclose(found, np.diag(np.diag(found)), atol=1e-9)
        assert (np.abs(np.diag(found)[s > 0.1 * s[0]] - 1) < 0.35).all()
    assert np.array_equal(orthogonal(np.zeros((2, 3))), np.zeros((2, 3)))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"Muon: parameter 1 is float64 of shape \(2,\), expected a real matrix"):
        optim.Muon([nn.Parameter(np.ones((2, 2))), nn.Parameter(np.ones(2))])
    with pytest.raises(ValueError, match="adjust_lr_fn: expected"):
        optim.Muon([nn.Parameter(np.ones((2, 2)))], adjust_lr_fn="mine")
    with pytest.raises(ValueError, match="betas"):
        optim.Lion([nn.Parameter(np.ones(2))], betas=(1.0, 0.5))


@pytest.mark.parametrize("adjust, ratio", [(None, lambda n, m: max(1, n / m) ** 0.5),
                                           ("match_rms_adamw", lambda n, m: 0.2 * max(n, m) ** 0.5)])  # fmt: skip
@pytest.mark.parametrize("shape", [(2, 2), (8, 2), (2, 8), (3, 1)])
def test_the_length_of_muons_step_depends_on_the_shape(adjust, ratio, shape, rng):
    """A first step is lr · ratio · about U Vᵀ of the gradient, whose singular values the formula brings near 1."""
    w = tg.Tensor(np.zeros(shape), requires_grad=True)
    g = rng.normal(size=shape)
    for nesterov in (True, False):
        w.data, w.grad = np.zeros(shape), g.copy()
        optim.Muon([w], lr=0.5, weight_decay=0, nesterov=nesterov, adjust_lr_fn=adjust).step()
        np.testing.assert_allclose(w.data, -0.5 * ratio(*shape) * orthogonal(g), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("nesterov", [True, False])
def test_muons_momentum_is_a_mean_of_gradients(nesterov, rng):
    first, second = rng.normal(size=(2, 3, 3))
    w = tg.Tensor(np.zeros((3, 3)), requires_grad=True)
    optimizer = optim.Muon([w], lr=1.0, weight_decay=0, momentum=0.9, nesterov=nesterov)
    w.grad = first.copy()
    optimizer.step()
    before, w.grad = w.data.copy(), second.copy()
    optimizer.step()
    b = 0.9 * (0.1 * first) + 0.1 * second
    np.testing.assert_allclose(w.data - before, -orthogonal(0.1 * second + 0.9 * b if nesterov else b), rtol=1e-6)

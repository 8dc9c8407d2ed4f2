"""Each function equals PyTorch's in value and gradient, to second order equals finite differences, keeps float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor

from .cases import CASES, EDGES, HUGE, Case, cotangent, draw, labels

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))
SMOOTH = [
    label
    for label, case in CASES.items()
    if not {"huge", "empty", "kink"} & set(label.split("_")) and case.args[0] is not EDGES
]


SAMPLE = {case.fun: label for label, case in reversed(CASES.items())}.values()  # the first case of each function
RECORDED = [label if label in SAMPLE else pytest.param(label, marks=pytest.mark.slow) for label in CASES]


def call(case: Case, args):
    return getattr(F, case.fun)(*args, **case.kwargs)


def evaluate(case: Case, dtype=np.float64):
    """The output of a case and the gradients of its differentiated arguments, as arrays."""

    def cast(a):
        return a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

    case = case._replace(kwargs={k: cast(v) for k, v in case.kwargs.items()})
    args = [Tensor(a, requires_grad=True) if i in case.positions else a for i, a in enumerate(map(cast, case.args))]
    out = call(case, args)
    out.backward(cotangent(out.shape).astype(dtype))
    grads = [args[i].grad for i in case.positions]
    return [
        out.numpy(),
        *(np.zeros_like(args[i].numpy()) if g is None else g for i, g in zip(case.positions, grads, strict=True)),
    ]


@pytest.mark.parametrize("label", CASES)
def test_equals_pytorch(label):
    for i, found in enumerate(evaluate(CASES[label])):
        expected = REFERENCE[f"{label}/{i}"]
        assert found.dtype == np.float64 and found.shape == expected.shape
        # PyTorch's 1/6 and its least probability, 1e-12, are in single precision
        rtol = 1e-7 if any(word in label for word in ("hardsi", "hardsw", "entropy_huge")) else 1e-10
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("label", CASES)
def test_float32_stays_float32(label):
    for i, found in enumerate(evaluate(CASES[label], np.float32)):
        assert found.dtype == np.float32
        expected = REFERENCE[f"{label}/{i}"]
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6 * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("label", CASES)
def test_arrays_in_give_the_same_value(label):
    case = CASES[label]
    np.testing.assert_array_equal(np.asarray(call(case, case.args)), evaluate(case)[0])


@pytest.mark.parametrize("label", SMOOTH)
def test_second_order_equals_finite_differences(label):
    """d/dx <v, grad <ct, f>> by the tape twice, and by a central difference of the tape once, in random directions."""
    case = CASES[label]
    rng = np.random.default_rng(7)
    x, argnums = case.primals(), tuple(range(len(case.positions)))
    u, v = ([rng.normal(size=a.shape) for a in x] for _ in range(2))
    ct = cotangent(np.shape(call(case, case.args)))

    def value(*diff):
        return (call(case, case.with_primals(diff)) * ct).sum()

    def slope(*diff):
        grads = tg.grad(value, argnums=argnums)(*diff)
        return sum((g * w).sum() for g, w in zip(grads, v, strict=True))

    found = sum((g * w).sum() for g, w in zip(tg.grad(slope, argnums=argnums)(*x), u, strict=True))
    h = 1e-5
    up, down = (float(slope(*(a + s * h * w for a, w in zip(x, u, strict=True)))) for s in (1, -1))
    np.testing.assert_allclose(found, (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("label", SMOOTH)
def test_jvp_is_the_transpose_of_vjp(label):
    case = CASES[label]
    rng = np.random.default_rng(8)
    x = case.primals()
    t = [rng.normal(size=a.shape) for a in x]
    out, dot = tg.jvp(lambda *diff: call(case, case.with_primals(diff)), x, t)
    ct = cotangent(np.shape(out))
    grads = evaluate(case)[1:]
    np.testing.assert_allclose((ct * dot).sum(), sum((g * w).sum() for g, w in zip(grads, t, strict=True)), rtol=1e-10)


@pytest.mark.parametrize("label", RECORDED)
def test_a_recording_gives_what_the_function_gives(label):
    case = CASES[label]
    ct = cotangent(np.shape(call(case, case.args)))
    both = tg.value_and_grad(
        lambda *diff: (call(case, case.with_primals(diff)) * ct).sum(), argnums=tuple(range(len(case.positions)))
    )
    recorded, others = tg.jit(both), [a + 1e-3 * abs(a) for a in case.primals()]
    for primals in (case.primals(), others, case.primals()):
        with np.errstate(all="ignore"):
            (found, gs), (expected, hs) = recorded(*primals), both(*primals)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        for g, h in zip(gs, hs, strict=True):
            np.testing.assert_allclose(g, h, rtol=1e-11, atol=1e-12)


EXACT = "pad unfold fold shuffle grid sample interpolate max_pool affine avg_pool lp_pool embedding".split()
HALF = [label for label in SMOOTH if not any(word in label for word in EXACT)]


@pytest.mark.parametrize("label", HALF)
def test_half_precision_is_rounded_once(label):
    """The value in float16 is that of the rounded arguments in float64, rounded: sums were made in single precision."""
    case = CASES[label]

    def cast(a, dtype):
        return a.astype(np.float16).astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

    def value(dtype):
        kwargs = {k: cast(v, dtype) for k, v in case.kwargs.items()}
        return np.asarray(getattr(F, case.fun)(*[cast(a, dtype) for a in case.args], **kwargs))

    found, exact = value(np.float16), value(np.float64)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found.astype(float), exact, rtol=4e-3, atol=4e-3)


NORMS = {
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1]),
    "rms_norm": lambda x: F.rms_norm(x, x.shape[-1], eps=1e-5),
    "group_norm": lambda x: F.group_norm(x, 1),
    "instance_norm": lambda x: F.instance_norm(x[None]),
    "batch_norm": lambda x: F.batch_norm(x.T, None, None, training=True),
    "normalize": F.normalize,
    "softmax": F.softmax,
    "mse_loss": lambda x: F.mse_loss(x, 0 * x, reduction="mean") / 1000,
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("size", [3, 3000])
def test_statistics_of_half_precision_neither_overflow_nor_stop_growing(name, size, rng):
    x = rng.normal(scale=300, size=(2, size)).astype(np.float16)
    if name == "mse_loss":
        x = x / 10
    found, exact = np.asarray(NORMS[name](x)), np.asarray(NORMS[name](x.astype(float)))
    assert found.dtype == np.float16 and np.isfinite(found).all()
    np.testing.assert_allclose(found.astype(float), exact, rtol=2e-3, atol=1e-4)
    g = tg.grad(lambda v: (NORMS[name](v) * exact).sum())
    np.testing.assert_allclose(g(x).astype(float), g(x.astype(float)), rtol=2e-2, atol=1e-2)


@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu", "elu", "celu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_worked_on_in_pieces_is_the_same_in_any_layout(name, dtype, rng):
    """More numbers than a piece, in another order, and cotangents in a third, give what they give one row at a time."""
    function = getattr(F, name)
    x, ct = (rng.normal(scale=4, size=(40, 3, 30, 31)).astype(dtype) for _ in range(2))
    for layout in (x, np.asfortranarray(x), np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)):
        t = Tensor(layout, requires_grad=True)
        function(t).backward(np.broadcast_to(ct[:1], ct.shape) if layout is x else ct)
        for k in (0, 23, 39):
            row = Tensor(x[k], requires_grad=True)
            function(row).backward(ct[0 if layout is x else k])
            np.testing.assert_array_equal(function(t).numpy()[k], function(row).numpy())
            np.testing.assert_array_equal(t.grad[k], row.grad)


def test_relu_has_no_slope_at_zero():
    x = Tensor([-1.0, -0.0, 0.0, 2.0], requires_grad=True)
    F.relu(x).backward(np.array([3.0, 5.0, 7.0, 11.0]))
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 11.0]


def test_losses_of_nothing():
    x = Tensor(np.zeros((0, 5)), requires_grad=True)
    assert F.cross_entropy(x, np.zeros(0, int), reduction="sum").item() == 0
    with np.errstate(all="ignore"):
        loss = F.cross_entropy(x, np.zeros(0, int))
    assert np.isnan(loss.item()), "the mean of nothing, as in NumPy and PyTorch"
    loss.backward()
    assert x.grad.shape == (0, 5)


def test_huge_logits_have_finite_losses_and_gradients():
    for target in (np.array([1, 0, 2]), np.eye(3)):
        x = Tensor(HUGE, dtype=np.float32, requires_grad=True)
        loss = F.cross_entropy(x, target if target.ndim == 1 else target.astype(np.float32))
        loss.backward()
        assert np.isfinite(loss.item()) and np.isfinite(x.grad).all()


def test_targets_are_not_changed_and_gradients_are_fresh():
    x, y = Tensor(draw(6, 5), requires_grad=True), labels(6, classes=5)
    y.flags.writeable = False
    first = F.cross_entropy(x, y)
    first.backward(retain_graph=True)
    once = x.grad.copy()
    first.backward()
    np.testing.assert_allclose(x.grad, 2 * once, rtol=1e-14)
    assert x.grad.flags.c_contiguous and x.grad.base is None


def test_weight_gradient_is_contiguous():
    w = Tensor(draw(3, 4), requires_grad=True)
    F.linear(draw(6, 4), w).backward(draw(6, 3))
    assert w.grad.flags.c_contiguous and w.grad.base is None


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_labels_of_any_integer_type(dtype):
    y = labels(6, classes=5)
    assert F.cross_entropy(draw(6, 5), y.astype(dtype)) == F.cross_entropy(draw(6, 5), y)
    assert F.cross_entropy(draw(6, 5), Tensor(y.astype(dtype))).item() == F.cross_entropy(draw(6, 5), y)


@pytest.mark.parametrize(
    "target, words",
    [
        (np.array([0, 5]), "found the label 5; expected 0 to 4"),
        (np.array([0, -1]), "found the label -1; expected 0 to 4"),
        (np.array([0, 1, 2]), r"target of shape \(3,\) int64; expected integer class indices of shape \(2,\)"),
        (np.array([0.0, 1.0]), "float64; expected integer class indices"),
    ],
)
def test_bad_targets_are_refused(target, words):
    for loss in (F.cross_entropy, F.nll_loss):
        with pytest.raises(ValueError, match=words):
            loss(draw(2, 5), target)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="reduction: expected 'mean', 'sum' or 'none', found 'avg'"):
        F.cross_entropy(draw(2, 5), np.array([0, 1]), reduction="avg")
    with pytest.raises(ValueError, match="reduction"):
        F.mse_loss(draw(2), draw(2), reduction="avg")
    with pytest.raises(ValueError, match=r"input of shape \(3, 1\) and target of shape \(3,\)"):
        F.mse_loss(draw(3, 1), draw(3))
    with pytest.raises(ValueError, match=r"weights of shape \(4,\); expected \(5,\)"):
        F.cross_entropy(draw(2, 5), np.array([0, 1]), weight=np.ones(4))
    with pytest.raises(ValueError, match=r"linear.*\(2, 3\).*\(4, 5\)"):
        F.linear(Tensor(draw(2, 3)), Tensor(draw(4, 5)), Tensor(draw(4)))
    with pytest.raises(ValueError, match="approximate"):
        F.gelu(draw(2), approximate="rough")
    with pytest.raises(ValueError, match="probability"):
        F.dropout(draw(2), 1.5)


def test_one_hot():
    assert F.one_hot(np.array([[1], [0]]), 3).tolist() == [[[0, 1, 0]], [[1, 0, 0]]]
    assert F.one_hot(np.array([2, 0])).shape == (2, 3)
    with pytest.raises(ValueError, match="labels from 0 to 3; expected 0 to 2"):
        F.one_hot(np.array([0, 3]), 3)
    with pytest.raises(TypeError, match="integer labels"):
        F.one_hot(np.array([0.5]))


def test_dropout_keeps_the_mean_and_masks_the_gradient():
    x = Tensor(np.ones((200, 50), np.float32), requires_grad=True)
    y = F.dropout(x, 0.3, generator=5)
    kept = y.numpy() != 0
    assert y.dtype == np.float32 and np.unique(y.numpy()).tolist() == [0.0, np.float32(1 / 0.7)]
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / kept.size)
    ct = draw(200, 50).astype(np.float32)
    y.backward(ct)
    np.testing.assert_allclose(x.grad, np.where(kept, ct / np.float32(0.7), 0), rtol=1e-6)
    assert F.dropout(x, 0.3, training=False) is x and F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).numpy().any()


def test_against_pytorch_itself():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    from .make_reference import evaluate as evaluate_in_torch

    for label, case in CASES.items():
        for i, found in enumerate(evaluate_in_torch(torch, case)):
            np.testing.assert_allclose(found, REFERENCE[f"{label}/{i}"], rtol=1e-12, atol=1e-15, err_msg=label)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("way", [lambda f: f, tg.jit], ids=["eager", "jitted"])
def test_above_0_elu_has_the_slope_1_to_the_last_bit(dtype, way):
    """Whatever it is below, in every dtype, in one piece of memory and in many."""
    for x in (np.array([-1.0, 0.0, 0.5, 3.0], dtype), np.linspace(-2, 2, 70_000).astype(dtype)):
        g = way(lambda x: tg.grad(lambda x: F.elu(x, 1.6732632).sum())(x))(x)
        assert g.dtype == dtype and (g[x > 0] == 1).all()
        np.testing.assert_allclose(g[x <= 0], 1.6732632 * np.exp(x[x <= 0]), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("way", [lambda f: f, tg.jit], ids=["eager", "jitted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("some", [True, False])
def test_rows_that_are_ignored_get_no_gradient_also_where_all_are(some, reduction, smoothing, way):
    """The mean of no rows is NaN, but a step along its gradient, which is 0, leaves the weights as they are."""
    y = np.array([-100, 2, -100]) if some else np.full(3, -100)
    options = dict(reduction=reduction) | (dict(label_smoothing=smoothing) if smoothing else {})
    for loss in [F.cross_entropy] + [F.nll_loss] * (not smoothing):
        g = way(tg.grad(lambda x, loss=loss: loss(x, y, **options).sum(), argnums=0))(draw(3, 4))
        assert np.flatnonzero(g.any(axis=1)).tolist() == [1] * some and np.isfinite(g).all()


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_adaptive_and_moving_windows_agree_on_which_special_number_wins(n, special, rng):
    x = rng.normal(size=(2, 2, *(6,) * n))
    x.flat[::5] = special
    moving = tg.grad(lambda x: getattr(F, f"max_pool{n}d")(x, 3).sum())(x)
    adaptive = tg.grad(lambda x: getattr(F, f"adaptive_max_pool{n}d")(x, 2).sum())(x)
    np.testing.assert_array_equal(moving, adaptive)

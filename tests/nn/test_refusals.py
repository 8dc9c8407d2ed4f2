"""Bad input gets one line that says where, what was found and what is expected, and leaves everything as it was."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.nn import init

from .cases import draw, labels

X, Y = draw(4, 3), labels(4, classes=3)
ELEMENTWISE = [F.relu, F.leaky_relu, F.sigmoid, F.mish, F.softplus, F.gelu, F.softmax, F.log_softmax]


@pytest.mark.parametrize("fun", ELEMENTWISE, ids=lambda f: f.__name__)
def test_functions_of_real_numbers_refuse_others_and_take_integers_as_floats(fun):
    for values in (draw(3) + 1j, Tensor(draw(3) + 1j, requires_grad=True), np.array([True, False]), ["a", "b"]):
        with pytest.raises(TypeError, match=rf"{fun.__name__}\(\(.,\) .*\): expected real numbers"):
            fun(values)
    small = np.array([1, 3, 250], np.uint8)  # of which 1 - 3 would wrap around
    expected = fun(small.astype(float))
    for values in (small, small.tolist(), Tensor(small), small.astype(np.int64)):
        np.testing.assert_array_equal(np.asarray(fun(values)), expected)


@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.huber_loss, F.binary_cross_entropy_with_logits], ids=lambda f: f.__name__
)
def test_losses_of_numbers_refuse_others_and_take_labels(loss):
    for x, y in ((draw(3) + 1j, draw(3)), (draw(3), draw(3) + 1j), (draw(3) > 0, draw(3))):
        with pytest.raises(TypeError, match="expected real numbers"):
            loss(x, y)
    x, y = draw(3).astype(np.float32), np.array([0, 1, 1], np.uint8)
    expected = loss(x, y.astype(np.float32))
    for target in (y, y > 0, y.astype(np.int64)):
        found = loss(x, target)
        assert found == expected and found.dtype == np.float32, "labels do not widen a float32 model"
    assert loss(y, y[::-1].copy()) == loss(y.astype(float), y[::-1].astype(float)), "1 - 2 does not wrap around"


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: F.linear(X, draw(2, 4)), r"linear\(\(4, 3\), \(2, 4\)\): expected an input of shape \(..., in\)"),
        (lambda: F.linear(Tensor(X, requires_grad=True), draw(2, 4)), r"^linear\(\(4, 3\), \(2, 4\)\): expected"),
        (lambda: F.linear(X, draw(3)), r"a weight of shape \(out, in\)"),
        (lambda: F.linear(X, draw(2, 3), draw(1)), r"expected a bias of shape \(2,\)"),
        (lambda: F.linear(X, draw(2, 3), draw(4, 2)), r"expected a bias of shape \(2,\)"),
        (lambda: F.softmax(X, 2), r"softmax: dim: found 2; expected an axis of an array of shape \(4, 3\)"),
        (lambda: F.cross_entropy(X, Y, weight=np.ones(4)), r"weights of shape \(4,\); expected \(3,\)"),
        (lambda: F.cross_entropy(X, np.eye(3)[Y], weight=np.ones(4)), r"weights of shape \(4,\); expected \(3,\)"),
        (lambda: F.cross_entropy(X, Y, label_smoothing=1.5), "label_smoothing: expected a probability, from 0 to 1"),
        (lambda: F.cross_entropy(X, Y, label_smoothing=np.nan), "label_smoothing: expected a probability"),
        (lambda: F.cross_entropy(X, np.eye(3, dtype=int)[Y]), "or floating probabilities of the shape of the input"),
        (lambda: F.cross_entropy(draw(4, 0), Y), r"cross_entropy: found input of shape \(4, 0\)"),
        (lambda: F.nll_loss(np.float64(1), 0), r"nll_loss: found input of shape \(\)"),
        (lambda: F.layer_norm(X, ()), "at least one axis"),
        (
            lambda: F.layer_norm(X, 3, weight=draw(4, 3)),
            r"weight: found shape \(4, 3\); expected an array of shape \(3,\)",
        ),
        (lambda: F.batch_norm(X, np.zeros(3), None), "only one of running_mean and running_var"),
        (lambda: F.batch_norm(X, [0.0] * 3, [1.0] * 3), "running_mean: found a list; expected an array"),
        (lambda: F.embedding([0], draw(3)), r"expected \(number, dim\)"),
        (lambda: F.one_hot([0], -2), "num_classes: expected a whole number, 0 or more, found -2"),
        (lambda: F.dropout(X, "half"), "p: expected a probability, from 0 to 1, found 'half'"),
        (lambda: F.dropout(X, generator=-1), "generator: expected a NumPy generator or a whole number"),
        (lambda: nn.Linear(2.5, 1), "Linear: in_features: expected a whole number, 0 or more, found 2.5"),
        (lambda: nn.Embedding(3, -1), "Embedding: embedding_dim: expected a whole number"),
        (lambda: nn.LayerNorm("3"), "normalized_shape: expected a whole number, 0 or more, found '3'"),
        (lambda: nn.Conv2d(0, 4, 3), "Conv2d: in_channels: expected a whole number, 1 or more, found 0"),
        (lambda: nn.BatchNorm1d(3)(draw(2, 3, 4, 4)), r"expected \(N, C\) or \(N, C, L\) with C = 3"),
        (lambda: nn.BatchNorm2d(3, eps="a"), "^BatchNorm2d: eps: expected a finite number, 0 or more, found 'a'"),
        (lambda: nn.BatchNorm1d(3, momentum=np.nan), "^BatchNorm1d: momentum: expected a finite number, found nan"),
        (lambda: nn.LayerNorm(3, eps=-1), "^LayerNorm: eps: expected a finite number, 0 or more, found -1"),
        (lambda: nn.LeakyReLU("0.1"), "^LeakyReLU: negative_slope: expected a finite number, found '0.1'"),
        (lambda: nn.Flatten(1.5), "^Flatten: start_dim: expected the number of an axis, found 1.5"),
        (lambda: nn.Flatten()(draw(3)), r"Flatten: found shape \(3,\), which has no axes from 1 to -1"),
        (lambda: nn.Flatten(2, 1)(draw(2, 3, 4)), "no axes from 2 to 1"),
        (lambda: nn.Module().register_buffer("a.b", X), "expected the name of an attribute and an array of numbers"),
        (lambda: init.uniform_(np.zeros(3), 1, 0), "the interval from 1 to 0; expected finite a <= b"),
        (lambda: init.normal_(np.zeros(3), std=-1), "std: expected 0 or more, found -1"),
        (lambda: init.trunc_normal_(np.zeros(3), std=0), "almost nothing"),
        (lambda: init.zeros_(Tensor(X, requires_grad=True) * 2), "no leaf but was computed"),
    ],
)
def test_values_and_shapes(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


IMAGES, KERNELS = draw(2, 3, 5, 4), draw(4, 3, 3, 3)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: F.conv2d(IMAGES[0, 0], KERNELS), r"^conv2d: found shape \(5, 4\); expected .* or \(C, H, W\)"),
        (lambda: F.conv2d(IMAGES, KERNELS[0]), r"^conv2d: weight: found shape \(3, 3, 3\); expected \(O, C / groups"),
        (
            lambda: F.conv2d(IMAGES, KERNELS[:, :, :0]),
            r"^conv2d: weight: found shape \(4, 3, 0, 3\); expected .* none 0",
        ),
        (lambda: F.conv2d(IMAGES[:, :2], KERNELS), r"^conv2d: found 2 channels .*\(2, 2, 5, 4\); expected 3"),
        (lambda: F.conv2d(IMAGES, KERNELS, groups=2), "^conv2d: found 3 channels .* expected 6, .* in 2 group"),
        (lambda: F.conv2d(IMAGES, KERNELS, groups=3), "^conv2d: groups: found 3, which does not divide the 4 kernels"),
        (lambda: F.conv2d(IMAGES, KERNELS, groups=0), "^conv2d: groups: expected a whole number, 1 or more, found 0"),
        (lambda: F.conv2d(IMAGES, KERNELS, np.ones(3)), r"^conv2d: bias: found shape \(3,\); expected .* shape \(4,\)"),
        (
            lambda: F.conv2d(IMAGES, KERNELS, stride=0),
            r"^conv2d: stride: expected .* or two of them \(down, .* found 0",
        ),
        (lambda: F.conv2d(IMAGES, KERNELS, padding=-1), "^conv2d: padding: expected a whole number, 0 or .* found -1"),
        (
            lambda: F.conv2d(IMAGES, KERNELS, padding="full"),
            "^conv2d: padding: expected numbers, 'same' or 'valid', found",
        ),
        (lambda: F.conv2d(IMAGES, KERNELS, [0.0] * 4, 2, "same"), r"padding='same' needs stride 1, found .*\(2, 2\)"),
        (
            lambda: F.conv2d(IMAGES, KERNELS, dilation=(1, 2)),
            r"^conv2d: the kernel spans \(3, 5\), which does not fit on .*"
            r"\(5, 4\), with padding \(5, 4\); use",
        ),
        (
            lambda: F.conv2d([[1.0], [1.0, 2.0]], KERNELS),
            "^conv2d: expected an array of numbers, found lists of unequal",
        ),
        (lambda: F.max_pool2d(IMAGES, (2, 2, 2)), r"^max_pool2d: kernel_size: .* found \(2, 2, 2\)"),
        (lambda: F.max_pool2d(IMAGES, 0), "^max_pool2d: kernel_size: expected a whole number, 1 or more, .* found 0"),
        (lambda: F.max_pool2d(IMAGES, 1.5), "^max_pool2d: kernel_size: .* found 1.5"),
        (lambda: F.max_pool2d(IMAGES, 5), r"^max_pool2d: the kernel spans \(5, 5\), which does not fit on .*\(5, 4\)"),
        (
            lambda: F.max_pool2d(IMAGES, 2, padding=2),
            r"^max_pool2d: padding: found \(2, 2\); .* most half of .* \(2, 2\)",
        ),
        (lambda: F.avg_pool2d(IMAGES[0, 0], 2), r"^avg_pool2d: found shape \(5, 4\)"),
        (lambda: F.avg_pool2d(IMAGES, 2, -1), "^avg_pool2d: stride: .* found -1"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"^Conv2d: kernel_size: .* found \(3, 3, 3\)"),
        (lambda: nn.Conv2d(3, 4, 3, 2, "same"), "^Conv2d: padding='same' needs stride 1"),
        (lambda: nn.MaxPool2d(2, 0), "^MaxPool2d: stride: .* found 0"),
        (lambda: nn.AvgPool2d(2, padding=-1), "^AvgPool2d: padding: .* found -1"),
    ],
)
def test_windows(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_lists_and_integers_are_images_too():
    expected = F.conv2d(IMAGES, KERNELS, np.ones(4))
    np.testing.assert_array_equal(F.conv2d(IMAGES.tolist(), KERNELS.tolist(), [1] * 4), expected)
    np.testing.assert_array_equal(F.max_pool2d(IMAGES.tolist(), 2), F.max_pool2d(IMAGES, 2))
    shades = np.random.default_rng(0).integers(0, 256, IMAGES.shape, np.uint8)
    found = F.conv2d(shades, KERNELS.astype(np.float32))
    assert found.dtype == np.float32, "bytes do not widen a float32 model"
    np.testing.assert_array_equal(found, F.conv2d(shades.astype(np.float32), KERNELS.astype(np.float32)))
    np.testing.assert_array_equal(F.avg_pool2d(shades, 2), F.avg_pool2d(shades.astype(float), 2), "200 + 200 fits")
    np.testing.assert_array_equal(F.max_pool2d(shades, 2, padding=1), F.max_pool2d(shades.astype(float), 2, padding=1))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: F.max_pool2d(IMAGES + 1j, 2), r"^max_pool2d\(\(2, 3, 5, 4\) complex128\): expected real numbers"),
        (lambda: F.max_pool2d(IMAGES > 0, 2), "^max_pool2d.* bool.: expected real numbers"),
        (lambda: F.conv2d(None, KERNELS), "^conv2d.* object.: expected real numbers"),
        (lambda: F.conv2d(IMAGES, KERNELS > 0), "^conv2d: weight.* bool.: expected real numbers"),
        (lambda: F.cross_entropy(X + 0j, Y), r"cross_entropy\(\(4, 3\) complex128\): expected real numbers"),
        (lambda: F.cross_entropy(X, Y, weight=np.ones(3) * 1j), r"weight\(\(3,\) complex128\): expected real numbers"),
        (lambda: F.cross_entropy(X, Y, weight=Tensor(np.ones(3), requires_grad=True)), "pass weight.detach()"),
        (lambda: F.layer_norm(X + 0j, 3), r"layer_norm\(\(4, 3\) complex128\): expected real numbers"),
        (lambda: F.batch_norm(Tensor(X + 0j, requires_grad=True), None, None), "batch_norm.* expected real numbers"),
        (lambda: F.dropout(Y), "dropout.*int64.*expected floating numbers"),
        (lambda: nn.ReLU().load_state_dict([1]), "expected a dict of arrays, found list"),
        (lambda: init.normal_(np.zeros(3, int)), "dtype int64; expected one of floats"),
        (lambda: init.zeros_([0.0]), "expected a tensor or an array to fill, found list"),
    ],
)
def test_types(call, words):
    with pytest.raises(TypeError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_refusal_changes_nothing():
    mean, variance = np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match="weight"):
        F.batch_norm(X, mean, variance, weight=np.ones(4), training=True)
    assert not mean.any() and (variance == 1).all()

    nn.manual_seed(5)
    expected = init.normal_(np.zeros(3))
    nn.manual_seed(5)
    with pytest.raises(TypeError):
        init.normal_(np.zeros(3, int))
    np.testing.assert_array_equal(init.normal_(np.zeros(3)), expected, "the stream is where it was")


def test_not_a_number_passes_through():
    with np.errstate(invalid="ignore"):
        for fun in ELEMENTWISE:
            assert np.isnan(np.asarray(fun(np.array([np.nan, 1.0])))[0]), fun.__name__
        assert np.isnan(F.cross_entropy(np.array([[np.nan, 1.0]]), [0]))


@pytest.mark.parametrize(
    "where, name, words",
    [
        (F, "ctc_loss", "np.logaddexp"),
        (F, "embedding_bag", "embedding"),
        (F, "max_unpool3d", "np.put_along_axis"),
        (F, "relu_", "x = relu"),
        (F, "cross_entropy_loss", "is cross_entropy meant?"),
        (nn, "CTCLoss", "np.logaddexp"),
        (nn, "MaxUnpool2d", "np.put_along_axis"),
        (nn, "LazyConv2d", "Conv2d with its sizes"),
        (nn, "Relu", "is ReLU meant?"),
        (optim, "StepLR", "lr_scheduler.StepLR"),
        (optim, "adamw", "is AdamW meant?"),
        (optim.lr_scheduler, "CyclicLR", "LambdaLR"),
        (tg, "zeros", "np.zeros"),
        (tg, "relu", "nn.functional.relu"),
        (tg, "cat", "np.concatenate"),
        (nn.ReLU(), "cuda", "nothing: everything is on the CPU"),
        (nn.ReLU(), "compile", "tg.jit"),
    ],
)
def test_what_is_not_there_says_what_to_write(where, name, words):
    assert not hasattr(where, name)
    with pytest.raises(AttributeError, match=f"{name}.*; .*{words.replace('?', '.')}") as caught:
        getattr(where, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fun", [F.glu, F.softmin, F.normalize, F.softmax, F.log_softmax], ids=lambda f: f.__name__)
def test_dim_may_be_called_axis(fun):
    x = draw(4, 6)
    np.testing.assert_array_equal(fun(x, axis=0), fun(x, dim=0))
    with pytest.raises(TypeError):
        fun(x, axes=0)


def test_dim_may_be_called_axis_of_two():
    np.testing.assert_array_equal(F.cosine_similarity(X, X[::-1], axis=0), F.cosine_similarity(X, X[::-1], dim=0))
    assert F.gumbel_softmax(X, axis=0, generator=0).sum(axis=0).round(6).tolist() == [1.0] * 3


def test_modules_and_optimizers_take_what_pytorchs_take():
    layer = nn.Linear(2, 2)
    assert layer.to("cpu") is layer.to(device="cpu") is layer.cpu() is layer
    assert layer.to(dtype=np.float64).weight.dtype == np.float64 and layer.type(np.float32).weight.dtype == np.float32
    with pytest.raises(ValueError, match="Linear.to: found 'cuda'; everything is on the CPU"):
        layer.to("cuda")
    assert optim.Adam(layer.named_parameters()).params == list(layer.parameters())
    with pytest.raises(TypeError, match="call it, as in model.parameters"):
        optim.Adam(layer.parameters)
    with pytest.raises(TypeError, match="save: expected a dict of arrays, found Linear; pass model.state_dict"):
        tg.save(layer, "a.safetensors")

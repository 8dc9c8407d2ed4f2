"""Convolution, pooling, normalization and embedding as layers: shapes, running statistics, names, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.nn import convolution
from tinygrad_np.parallel import cores
from tinygrad_np.testing import gradcheck


def x(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def by_hand_conv(images, kernels, stride, border, dilation, groups):
    """Convolution as its definition says, one output at a time; the border is np.pad's."""
    padded = np.pad(images, [(0, 0), (0, 0), *border])
    n, o, c, (kh, kw) = len(images), len(kernels), kernels.shape[1], kernels.shape[2:]
    oh, ow = ((s - dilation * (k - 1) - 1) // stride + 1 for s, k in zip(padded.shape[2:], (kh, kw), strict=True))
    out = np.empty((n, o, oh, ow))
    for i in np.ndindex(*out.shape):
        first = i[1] // (o // groups) * c
        seen = padded[i[0], first : first + c, i[2] * stride :, i[3] * stride :][:, ::dilation, ::dilation][:, :kh, :kw]
        out[i] = (seen * kernels[i[1]]).sum()
    return out


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    "stride, padding, border",
    [
        (1, 0, [(0, 0), (0, 0)]),
        (2, 1, [(1, 1), (1, 1)]),
        (3, (2, 0), [(2, 2), (0, 0)]),
        (2, "valid", [(0, 0), (0, 0)]),
        (1, "same", {1: [(1, 1), (0, 1)], 2: [(2, 2), (1, 1)]}),
    ],
)
def test_convolution_is_its_definition(stride, padding, border, groups, dilation):
    border = border[dilation] if isinstance(border, dict) else border
    images, kernels = x(2, 4, 8, 7, dtype=float), x(4, 4 // groups, 3, 2, dtype=float, seed=1)
    found = F.conv2d(images, kernels, None, stride, padding, dilation, groups)
    np.testing.assert_allclose(
        found, by_hand_conv(images, kernels, stride, border, dilation, groups), rtol=1e-12, atol=1e-12
    )
    assert padding != "same" or found.shape == images.shape


@pytest.mark.parametrize("groups", [1, 2])
def test_a_large_convolution_gives_the_same_bits_on_one_core_and_on_two(groups, rng, monkeypatch):
    images, kernels = rng.normal(size=(60, 8, 18, 18)), rng.normal(size=(6, 8 // groups, 3, 3))
    ct = rng.normal(size=(60, 6, 16, 16))

    def gradients(rows=slice(None)):
        a, b = Tensor(images[rows], requires_grad=True), Tensor(kernels, requires_grad=True)
        out = F.conv2d(a, b, groups=groups)
        out.backward(ct[rows])
        return out.data, np.asarray(a.grad), np.asarray(b.grad)

    found, shared = [], []
    for two in (0, 1):
        monkeypatch.setattr(convolution, "_CORES", {})
        monkeypatch.setattr(cores, "CORES", 2)
        monkeypatch.setattr(cores.Choice, "pick", lambda self, way=two: shared.append(way) or way)
        found.append(gradients())
    assert shared.count(0) == shared.count(1) == (3 if groups == 1 else 2)  # groups share no cotangent of images
    for one, two in zip(*found):
        np.testing.assert_array_equal(one, two)
    small = [gradients(slice(k, k + 6)) for k in range(0, 60, 6)]  # too little to be cut
    assert len(shared) == 2 * shared.count(0)
    np.testing.assert_allclose(found[0][0], np.concatenate([s[0] for s in small]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[0][1], np.concatenate([s[1] for s in small]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[0][2], sum(s[2] for s in small), rtol=1e-10)


def test_convolution_of_complex_numbers_is_that_of_their_parts():
    a, b, v, w = (x(*shape, dtype=float, seed=i) for i, shape in enumerate([(2, 3, 5, 4)] * 2 + [(4, 3, 2, 2)] * 2))
    parts = F.conv2d(a, v) - F.conv2d(b, w), F.conv2d(a, w) + F.conv2d(b, v)
    np.testing.assert_allclose(F.conv2d(a + 1j * b, v + 1j * w), parts[0] + 1j * parts[1], rtol=1e-12, atol=1e-12)
    gradcheck(lambda x, w: F.conv2d(x, w, stride=2, padding=1), a + 1j * b, v + 1j * w)


def test_images_of_an_empty_batch():
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.MaxPool2d(2), nn.AvgPool2d(2))
    images = Tensor(np.zeros((0, 3, 8, 8), np.float32), requires_grad=True)
    out = layers(images)
    out.backward(np.zeros(out.shape, np.float32))
    assert out.shape == (0, 4, 2, 2) and images.grad.shape == images.shape
    assert not layers[0].weight.grad.any() and layers[0].weight.grad.shape == (4, 3, 3, 3)


def test_shapes_dtypes_and_repr():
    layer = nn.Conv2d(3, 8, (3, 5), stride=2, padding=1, generator=0)
    out = layer(x(2, 3, 9, 11))
    assert out.shape == (2, 8, 5, 5) and out.dtype == np.float32
    assert list(layer.state_dict()) == ["weight", "bias"] and layer.weight.shape == (8, 3, 3, 5)
    assert np.abs(layer.weight.numpy()).max() <= 1 / np.sqrt(45)
    assert repr(layer) == "Conv2d(3, 8, kernel_size=(3, 5), stride=(2, 2), padding=(1, 1))"
    assert repr(nn.Conv2d(4, 4, 3, dilation=2, groups=2, bias=False)) == (
        "Conv2d(4, 4, kernel_size=(3, 3), stride=(1, 1), padding=(0, 0), dilation=(2, 2), groups=2, bias=False)"
    )
    same = nn.Conv2d(3, 8, 4, padding="same")
    assert repr(same) == "Conv2d(3, 8, kernel_size=(4, 4), stride=(1, 1), padding='same')"
    assert same(x(2, 3, 9, 11)).shape == (2, 8, 9, 11)
    assert nn.MaxPool2d(2)(x(2, 3, 9, 11)).shape == (2, 3, 4, 5)
    assert nn.AvgPool2d(3, stride=1)(x(2, 3, 9, 11)).shape == (2, 3, 7, 9)
    assert nn.Conv2d(4, 4, 3, groups=4, bias=False)(x(1, 4, 5, 5)).shape == (1, 4, 3, 3)
    assert nn.Embedding(10, 4)(np.array([[1, 2, 3]])).shape == (1, 3, 4)
    assert nn.LayerNorm(11)(x(2, 3, 9, 11)).dtype == np.float32


def test_batch_norm_learns_statistics_in_training_and_uses_them_after():
    layer = nn.BatchNorm2d(3)
    means, variances = np.zeros(3), np.ones(3)
    for step in range(4):
        batch = x(5, 3, 4, 4, seed=step) * 2 + 1
        out = layer(batch)
        np.testing.assert_allclose(out.numpy().mean(axis=(0, 2, 3)), 0, atol=1e-6)
        np.testing.assert_allclose(out.numpy().var(axis=(0, 2, 3)), 1, rtol=1e-4)
        means = 0.9 * means + 0.1 * batch.mean(axis=(0, 2, 3))
        variances = 0.9 * variances + 0.1 * batch.var(axis=(0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean, means, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, variances, rtol=1e-5)
    assert layer.num_batches_tracked == 4 and layer.running_mean.dtype == np.float32
    layer.eval()
    before = layer.state_dict()
    out = layer(batch)
    np.testing.assert_allclose(
        out.numpy(), (batch - means[:, None, None]) / np.sqrt(variances[:, None, None] + 1e-5), rtol=1e-4, atol=1e-5
    )
    assert all(np.array_equal(before[k], v) for k, v in layer.state_dict().items())


def test_without_momentum_the_statistics_are_means_over_all_batches():
    layer, batches = nn.BatchNorm1d(3, momentum=None), [x(8, 3, seed=i) for i in range(4)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean, np.mean([b.mean(axis=0) for b in batches], axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, np.mean([b.var(axis=0, ddof=1) for b in batches], axis=0), rtol=1e-5)
    untracked = nn.BatchNorm1d(3, momentum=None, track_running_stats=False)
    np.testing.assert_array_equal(untracked(batch).numpy(), untracked.eval()(batch).numpy())


def test_the_running_statistics_travel_with_the_state():
    first, second = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    first(x(8, 3))
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first.eval()(x(4, 3)).numpy(), second.eval()(x(4, 3)).numpy())
    assert list(first.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


def test_repeated_rows_of_an_embedding_add_up():
    layer = nn.Embedding(5, 2, generator=0)
    ct = x(3, 2)
    layer(np.array([4, 1, 4])).backward(ct)
    np.testing.assert_allclose(layer.weight.grad[4], ct[0] + ct[2], rtol=1e-6)
    assert not layer.weight.grad[[0, 2, 3]].any()


def test_a_small_convolutional_network_tells_bars_apart():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 64)
    images = rng.normal(0, 0.3, (64, 1, 8, 8)).astype(np.float32)
    for image, label, k in zip(images, labels, rng.integers(0, 8, 64), strict=True):
        image[0, k if label else slice(None), slice(None) if label else k] += 1
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, generator=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 2, generator=2),
    )
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model(images).numpy().argmax(axis=1) == labels).mean() == 1.0
    assert all(p.dtype == np.float32 for p in model.parameters())


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "2 does not divide 3"),
        (lambda: F.layer_norm(x(2, 3), 4), ValueError, r"expected it to end in \(4,\)"),
        (lambda: nn.BatchNorm2d(3)(x(2, 3)), ValueError, "BatchNorm2d: found shape"),
        (lambda: nn.BatchNorm1d(3)(x(1, 3)), ValueError, "more than one value a channel"),
        (lambda: nn.Embedding(4, 2)(np.array([4])), ValueError, "rows from 4 to 4; expected 0 to 3"),
        (lambda: nn.Embedding(4, 2)(np.array([0.5])), TypeError, "expected integer row numbers"),
    ],
)
def test_bad_input_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_image_states_travel_to_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    ours = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3), nn.LayerNorm(3))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(144, 3),
        torch.nn.LayerNorm(3),
    )
    ours(x(5, 1, 8, 8))
    theirs.load_state_dict({name: torch.from_numpy(a) for name, a in ours.state_dict().items()})
    for mode in (True, False):
        np.testing.assert_allclose(
            ours.train(mode)(x(5, 1, 8, 8)).numpy(),
            theirs.train(mode)(torch.from_numpy(x(5, 1, 8, 8))).detach().numpy(),
            rtol=1e-4,
            atol=1e-5,
        )


def test_padding_never_wins_a_maximum():
    images = Tensor(-np.ones((1, 1, 2, 2)), requires_grad=True)
    out = F.max_pool2d(images, 2, stride=1, padding=1)
    assert (out.numpy() == -1).all()


def test_channels_that_do_not_fit_into_one_block_give_what_each_gives_alone(rng):
    """Depthwise convolution and normalization work on some channels at a time: more than a block, in two layouts."""
    x, ct = rng.normal(size=(40, 6, 62, 60)), rng.normal(size=(40, 6, 62, 60))
    kernels = rng.normal(size=(6, 1, 3, 3))
    for layout in (x, np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)):
        whole = [tg.Tensor(a, requires_grad=True) for a in (layout, kernels)]
        out = F.conv2d(*whole, padding=1, groups=6)
        out.backward(ct)
        normal = tg.Tensor(layout, requires_grad=True)
        normed = F.batch_norm(normal, None, None, training=True)
        normed.backward(ct)
        for c in (0, 3, 5):
            alone = [tg.Tensor(a, requires_grad=True) for a in (x[:, c : c + 1], kernels[c : c + 1])]
            part = F.conv2d(*alone, padding=1)
            part.backward(ct[:, c : c + 1])
            np.testing.assert_allclose(out.numpy()[:, c], part.numpy()[:, 0], rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(whole[0].grad[:, c], alone[0].grad[:, 0], rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(whole[1].grad[c], alone[1].grad[0], rtol=1e-10, atol=1e-10)
            one = tg.Tensor(x[:, c : c + 1], requires_grad=True)
            part = F.batch_norm(one, None, None, training=True)
            part.backward(ct[:, c : c + 1])
            np.testing.assert_allclose(normed.numpy()[:, c], part.numpy()[:, 0], rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(normal.grad[:, c], one.grad[:, 0], rtol=1e-10, atol=1e-12)

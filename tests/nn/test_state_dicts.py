"""Every module's state travels to PyTorch and back through a file, and both compute the same from it."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
pytest.importorskip("safetensors", reason="the extra `models` is not installed")
from safetensors.numpy import load_file, save_file  # noqa: E402


def x(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


ROWS, SEQUENCE, IMAGES, VOLUME, STEPS = x(4, 6), x(2, 6, 9), x(2, 6, 8, 8), x(2, 6, 4, 5, 6), x(5, 2, 6)
LABELS, NUMBERS = np.array([0, 3, 5, 1]), np.array([[1, 4], [0, 4]])
SIGNS = np.array([1.0, -1.0, 1.0, -1.0], np.float32)
MODULES = {
    "Linear": ((6, 3), {}, (ROWS,)),
    "Bilinear": ((6, 6, 3), {}, (ROWS, ROWS)),
    "Embedding": ((5, 3), dict(padding_idx=1), (NUMBERS,)),
    "PReLU": ((6,), {}, (ROWS,)),
    "LayerNorm": ((6,), {}, (ROWS,)),
    "RMSNorm": ((6,), {}, (ROWS,)),
    "GroupNorm": ((3, 6), {}, (IMAGES,)),
    "RNN": ((6, 4, 2), dict(nonlinearity="relu", bidirectional=True), (STEPS,)),
    "LSTM": ((6, 4, 2), dict(proj_size=3, bidirectional=True), (STEPS,)),
    "GRU": ((6, 4, 2), dict(batch_first=True), (STEPS,)),
    "RNNCell": ((6, 4), {}, (ROWS,)),
    "LSTMCell": ((6, 4), {}, (ROWS,)),
    "GRUCell": ((6, 4), {}, (ROWS,)),
    "MultiheadAttention": ((6, 2), dict(add_bias_kv=True, add_zero_attn=True), (STEPS, STEPS, STEPS)),
    "TransformerEncoderLayer": ((6, 2, 8), dict(dropout=0.0), (STEPS,)),
    "TransformerDecoderLayer": ((6, 2, 8), dict(dropout=0.0, norm_first=True, activation="gelu"), (STEPS, STEPS)),
    "Transformer": ((6, 2, 1, 1, 8), dict(dropout=0.0), (STEPS, STEPS)),
    "Softmax2d": ((), {}, (IMAGES,)),
    "Softmax": ((1,), {}, (ROWS,)),
    "LogSoftmax": ((1,), {}, (ROWS,)),
    "Softmin": ((1,), {}, (ROWS,)),
    "Threshold": ((0.1, 2.0), {}, (ROWS,)),
    "Flatten": ((), {}, (IMAGES,)),
    "Unflatten": ((1, (2, 3)), {}, (ROWS,)),
    "Identity": ((), {}, (ROWS,)),
    "Upsample": ((), dict(scale_factor=2, mode="bilinear"), (IMAGES,)),
    "UpsamplingNearest2d": ((), dict(scale_factor=2), (IMAGES,)),
    "UpsamplingBilinear2d": ((), dict(scale_factor=2), (IMAGES,)),
    "LocalResponseNorm": ((2,), {}, (IMAGES,)),
    "PixelShuffle": ((2,), {}, (x(2, 4, 3, 3),)),
    "PixelUnshuffle": ((2,), {}, (IMAGES,)),
    "ChannelShuffle": ((2,), {}, (IMAGES,)),
    "Unfold": ((3,), {}, (IMAGES,)),
    "Fold": (((4, 4), 2), {}, (x(2, 8, 9),)),
    "CosineSimilarity": ((), {}, (ROWS, ROWS[::-1].copy())),
    "PairwiseDistance": ((), {}, (ROWS, ROWS[::-1].copy())),
    "CrossEntropyLoss": ((), dict(weight=np.arange(1.0, 7, dtype=np.float32)), (ROWS, LABELS)),
    "NLLLoss": ((), dict(weight=np.arange(1.0, 7, dtype=np.float32)), (ROWS, LABELS)),
    "MultiMarginLoss": ((), {}, (ROWS, LABELS)),
    "MultiLabelMarginLoss": ((), {}, (ROWS, np.array([[1, -1, 0, 0, 0, 0]] * 4))),
    "MultiLabelSoftMarginLoss": ((), {}, (ROWS, (ROWS > 0).astype(np.float32))),
    "BCELoss": ((), {}, (np.full((4, 6), 0.3, np.float32), (ROWS > 0).astype(np.float32))),
    "BCEWithLogitsLoss": ((), dict(pos_weight=np.full(6, 2, np.float32)), (ROWS, (ROWS > 0).astype(np.float32))),
    "GaussianNLLLoss": ((), {}, (ROWS, ROWS * 2, np.abs(ROWS) + 0.1)),
    "MarginRankingLoss": ((), {}, (ROWS[:, 0].copy(), ROWS[:, 1].copy(), SIGNS)),
    "CosineEmbeddingLoss": ((), {}, (ROWS, ROWS[::-1].copy(), SIGNS)),
    "HingeEmbeddingLoss": ((), {}, (ROWS[:, 0].copy(), SIGNS)),
    "SoftMarginLoss": ((), {}, (ROWS[:, 0].copy(), SIGNS)),
    "TripletMarginLoss": ((), {}, (ROWS, ROWS[::-1].copy(), ROWS * 2)),
    "TripletMarginWithDistanceLoss": ((), {}, (ROWS, ROWS[::-1].copy(), ROWS * 2)),
}
for loss in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss"):
    MODULES[loss] = ((), {}, (ROWS, np.abs(ROWS[::-1])))
MODULES["KLDivLoss"] = ((), dict(reduction="batchmean"), (ROWS, np.abs(ROWS[::-1])))
for d, grids in (("1d", SEQUENCE), ("2d", IMAGES), ("3d", VOLUME)):
    MODULES[f"Conv{d}"] = ((6, 4, 3), dict(padding=1, groups=2, padding_mode="replicate"), (grids,))
    MODULES[f"ConvTranspose{d}"] = ((6, 4, 3), dict(stride=2, padding=1, output_padding=1, groups=2), (grids,))
    MODULES[f"BatchNorm{d}"] = ((6,), {}, (grids,))
    MODULES[f"InstanceNorm{d}"] = ((6,), dict(affine=True, track_running_stats=True), (grids,))
    MODULES[f"MaxPool{d}"] = ((2, 2, 1, 1, False, True), {}, (grids,))
    MODULES[f"AvgPool{d}"] = ((3, 2, 1, True, False), {}, (grids,))
    MODULES[f"LPPool{d}"] = ((2.0, 2), {}, (np.abs(grids),))
    MODULES[f"AdaptiveAvgPool{d}"] = ((3,), {}, (grids,))
    MODULES[f"AdaptiveMaxPool{d}"] = ((3,), {}, (grids,))
    MODULES[f"ConstantPad{d}"] = ((1, 0.5), {}, (grids,))
    for pad in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad"):
        MODULES[pad + d] = ((1,), {}, (grids,))
    MODULES[f"Dropout{d}"] = ((0.0,), {}, (grids,))
RANDOM = {"Dropout", "AlphaDropout", "FeatureAlphaDropout", "RReLU", "FractionalMaxPool2d", "FractionalMaxPool3d"}
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList", "Sequential"}
STACKS = {"TransformerEncoder", "TransformerDecoder"}
ELEMENTWISE = [
    name
    for name in dir(nn)
    if name not in MODULES and inspect.isclass(getattr(nn, name)) and name not in RANDOM | CONTAINERS | STACKS
]
for name in ELEMENTWISE:
    MODULES[name] = ((), {}, (ROWS,))


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

"""Every module of nn: what it is made with, and what it is called with; elementwise ones by being there."""

import inspect

import numpy as np

from tinygrad_np import nn


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

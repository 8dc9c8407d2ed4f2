"""Layers, losses and initial weights, with PyTorch's names and meanings.

Functions: arguments.py what they are given, init.py what is drawn, erf.py, pieces.py and constants.py what makes them
quick, window.py how a window moves; linear.py, cross_entropy.py, activations.py, lookup.py, masks.py, convolution.py,
resampling.py, pooling.py, normalization.py, losses.py and attention.py what they compute; functional.py has them all.
Modules: module.py what one is, containers.py several of them; layers.py those without parameters, dense_layers.py,
conv_layers.py, norm_layers.py, recurrent.py and transformer.py the others. utils.py bounds gradients.
"""

# ruff: noqa: I001 - a table
from typing import Any

from ..engine.public import absent

# fmt: off
from . import functional as functional, init as init, utils as utils
from .containers import (
    ModuleDict as ModuleDict, ModuleList as ModuleList, ParameterDict as ParameterDict,
    ParameterList as ParameterList, Sequential as Sequential,
)
from .conv_layers import (
    Conv1d as Conv1d, Conv2d as Conv2d, Conv3d as Conv3d, ConvTranspose1d as ConvTranspose1d,
    ConvTranspose2d as ConvTranspose2d, ConvTranspose3d as ConvTranspose3d,
)
from .dense_layers import Bilinear as Bilinear, Embedding as Embedding, Linear as Linear, PReLU as PReLU
from .init import manual_seed as manual_seed
from .layers import (
    CELU as CELU, ELU as ELU, GELU as GELU, GLU as GLU, SELU as SELU, AdaptiveAvgPool1d as AdaptiveAvgPool1d,
    AdaptiveAvgPool2d as AdaptiveAvgPool2d, AdaptiveAvgPool3d as AdaptiveAvgPool3d,
    AdaptiveMaxPool1d as AdaptiveMaxPool1d, AdaptiveMaxPool2d as AdaptiveMaxPool2d,
    AdaptiveMaxPool3d as AdaptiveMaxPool3d, AlphaDropout as AlphaDropout, AvgPool1d as AvgPool1d,
    AvgPool2d as AvgPool2d, AvgPool3d as AvgPool3d, BCELoss as BCELoss, BCEWithLogitsLoss as BCEWithLogitsLoss,
    ChannelShuffle as ChannelShuffle, CircularPad1d as CircularPad1d, CircularPad2d as CircularPad2d,
    CircularPad3d as CircularPad3d, ConstantPad1d as ConstantPad1d, ConstantPad2d as ConstantPad2d,
    ConstantPad3d as ConstantPad3d, CosineEmbeddingLoss as CosineEmbeddingLoss, CosineSimilarity as CosineSimilarity,
    CrossEntropyLoss as CrossEntropyLoss, Dropout as Dropout, Dropout1d as Dropout1d, Dropout2d as Dropout2d,
    Dropout3d as Dropout3d, FeatureAlphaDropout as FeatureAlphaDropout, Flatten as Flatten, Fold as Fold,
    FractionalMaxPool2d as FractionalMaxPool2d, FractionalMaxPool3d as FractionalMaxPool3d,
    GaussianNLLLoss as GaussianNLLLoss, Hardshrink as Hardshrink, Hardsigmoid as Hardsigmoid, Hardswish as Hardswish,
    Hardtanh as Hardtanh, HingeEmbeddingLoss as HingeEmbeddingLoss, HuberLoss as HuberLoss, Identity as Identity,
    KLDivLoss as KLDivLoss, L1Loss as L1Loss, LeakyReLU as LeakyReLU, LocalResponseNorm as LocalResponseNorm,
    LogSigmoid as LogSigmoid, LogSoftmax as LogSoftmax, LPPool1d as LPPool1d, LPPool2d as LPPool2d,
    LPPool3d as LPPool3d, MarginRankingLoss as MarginRankingLoss, MaxPool1d as MaxPool1d, MaxPool2d as MaxPool2d,
    MaxPool3d as MaxPool3d, Mish as Mish, MSELoss as MSELoss, MultiLabelMarginLoss as MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss, MultiMarginLoss as MultiMarginLoss, NLLLoss as NLLLoss,
    PairwiseDistance as PairwiseDistance, PixelShuffle as PixelShuffle, PixelUnshuffle as PixelUnshuffle,
    PoissonNLLLoss as PoissonNLLLoss, ReflectionPad1d as ReflectionPad1d, ReflectionPad2d as ReflectionPad2d,
    ReflectionPad3d as ReflectionPad3d, ReLU as ReLU, ReLU6 as ReLU6, ReplicationPad1d as ReplicationPad1d,
    ReplicationPad2d as ReplicationPad2d, ReplicationPad3d as ReplicationPad3d, RReLU as RReLU, Sigmoid as Sigmoid,
    SiLU as SiLU, SmoothL1Loss as SmoothL1Loss, SoftMarginLoss as SoftMarginLoss, Softmax as Softmax,
    Softmax2d as Softmax2d, Softmin as Softmin, Softplus as Softplus, Softshrink as Softshrink, Softsign as Softsign,
    Tanh as Tanh, Tanhshrink as Tanhshrink, Threshold as Threshold, TripletMarginLoss as TripletMarginLoss,
    TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss, Unflatten as Unflatten, Unfold as Unfold,
    Upsample as Upsample, UpsamplingBilinear2d as UpsamplingBilinear2d, UpsamplingNearest2d as UpsamplingNearest2d,
    ZeroPad1d as ZeroPad1d, ZeroPad2d as ZeroPad2d, ZeroPad3d as ZeroPad3d,
)
from .module import Module as Module, Parameter as Parameter, functional_call as functional_call
from .norm_layers import (
    BatchNorm1d as BatchNorm1d, BatchNorm2d as BatchNorm2d, BatchNorm3d as BatchNorm3d, GroupNorm as GroupNorm,
    InstanceNorm1d as InstanceNorm1d, InstanceNorm2d as InstanceNorm2d, InstanceNorm3d as InstanceNorm3d,
    LayerNorm as LayerNorm, RMSNorm as RMSNorm,
)
from .recurrent import (
    GRU as GRU, LSTM as LSTM, RNN as RNN, GRUCell as GRUCell, LSTMCell as LSTMCell, RNNCell as RNNCell,
)
from .transformer import (
    MultiheadAttention as MultiheadAttention, Transformer as Transformer, TransformerDecoder as TransformerDecoder,
    TransformerDecoderLayer as TransformerDecoderLayer, TransformerEncoder as TransformerEncoder,
    TransformerEncoderLayer as TransformerEncoderLayer,
)
# fmt: on


WRITTEN_AS = {
    "CTCLoss": functional.WRITTEN_AS["ctc_loss"],
    "EmbeddingBag": "nn.Embedding, then " + functional.WRITTEN_AS["embedding_bag"],
    **{f"MaxUnpool{n}d": functional.WRITTEN_AS[f"max_unpool{n}d"] for n in (1, 2, 3)},
    "LinearCrossEntropyLoss": "Linear, then CrossEntropyLoss; nn.functional.linear_cross_entropy does both",
    "Swish": "it is called SiLU",
    "SyncBatchNorm": "BatchNorm1d, BatchNorm2d or BatchNorm3d",
    "DataParallel": "a process has one device; tinygrad_np.parallel shares a step among processes",
}


def __getattr__(name: str) -> Any:
    lazy = f"{name[4:]} with its sizes, which are not found by themselves" if name.startswith("Lazy") else None
    raise absent("nn", name, WRITTEN_AS if lazy is None else {name: lazy}, __dir__())


def __dir__() -> list[str]:
    public = {"functional", "functional_call", "init", "manual_seed", "utils"}
    return sorted(public | {name for name, value in globals().items() if isinstance(value, type)} - {"Any"})

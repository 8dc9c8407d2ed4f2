"""What the layers compute, as functions of tensors or arrays; PyTorch's names, arguments and meanings."""

from __future__ import annotations

from typing import Any

from .activations import celu as celu
from .activations import elu as elu
from .activations import gelu as gelu
from .activations import glu as glu
from .activations import gumbel_softmax as gumbel_softmax
from .activations import hardshrink as hardshrink
from .activations import hardsigmoid as hardsigmoid
from .activations import hardswish as hardswish
from .activations import hardtanh as hardtanh
from .activations import leaky_relu as leaky_relu
from .activations import logsigmoid as logsigmoid
from .activations import mish as mish
from .activations import prelu as prelu
from .activations import relu as relu
from .activations import relu6 as relu6
from .activations import rrelu as rrelu
from .activations import selu as selu
from .activations import sigmoid as sigmoid
from .activations import silu as silu
from .activations import softmin as softmin
from .activations import softplus as softplus
from .activations import softshrink as softshrink
from .activations import softsign as softsign
from .activations import tanh as tanh
from .activations import tanhshrink as tanhshrink
from .activations import threshold as threshold
from .attention import multi_head_attention_forward as multi_head_attention_forward
from .attention import scaled_dot_product_attention as scaled_dot_product_attention
from .convolution import conv1d as conv1d
from .convolution import conv2d as conv2d
from .convolution import conv3d as conv3d
from .convolution import conv_transpose1d as conv_transpose1d
from .convolution import conv_transpose2d as conv_transpose2d
from .convolution import conv_transpose3d as conv_transpose3d
from .convolution import fold as fold
from .convolution import unfold as unfold
from .cross_entropy import cross_entropy as cross_entropy
from .cross_entropy import linear_cross_entropy as linear_cross_entropy
from .cross_entropy import log_softmax as log_softmax
from .cross_entropy import nll_loss as nll_loss
from .cross_entropy import softmax as softmax
from .linear import bilinear as bilinear
from .linear import linear as linear
from .lookup import embedding as embedding
from .lookup import one_hot as one_hot
from .losses import binary_cross_entropy as binary_cross_entropy
from .losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .losses import cosine_embedding_loss as cosine_embedding_loss
from .losses import cosine_similarity as cosine_similarity
from .losses import gaussian_nll_loss as gaussian_nll_loss
from .losses import hinge_embedding_loss as hinge_embedding_loss
from .losses import huber_loss as huber_loss
from .losses import kl_div as kl_div
from .losses import l1_loss as l1_loss
from .losses import margin_ranking_loss as margin_ranking_loss
from .losses import mse_loss as mse_loss
from .losses import multi_margin_loss as multi_margin_loss
from .losses import multilabel_margin_loss as multilabel_margin_loss
from .losses import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .losses import normalize as normalize
from .losses import pairwise_distance as pairwise_distance
from .losses import pdist as pdist
from .losses import poisson_nll_loss as poisson_nll_loss
from .losses import smooth_l1_loss as smooth_l1_loss
from .losses import soft_margin_loss as soft_margin_loss
from .losses import triplet_margin_loss as triplet_margin_loss
from .losses import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from .masks import alpha_dropout as alpha_dropout
from .masks import dropout as dropout
from .masks import dropout1d as dropout1d
from .masks import dropout2d as dropout2d
from .masks import dropout3d as dropout3d
from .masks import feature_alpha_dropout as feature_alpha_dropout
from .normalization import batch_norm as batch_norm
from .normalization import group_norm as group_norm
from .normalization import instance_norm as instance_norm
from .normalization import layer_norm as layer_norm
from .normalization import local_response_norm as local_response_norm
from .normalization import rms_norm as rms_norm
from .pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from .pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from .pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from .pooling import adaptive_max_pool1d as adaptive_max_pool1d
from .pooling import adaptive_max_pool2d as adaptive_max_pool2d
from .pooling import adaptive_max_pool3d as adaptive_max_pool3d
from .pooling import avg_pool1d as avg_pool1d
from .pooling import avg_pool2d as avg_pool2d
from .pooling import avg_pool3d as avg_pool3d
from .pooling import fractional_max_pool2d as fractional_max_pool2d
from .pooling import fractional_max_pool3d as fractional_max_pool3d
from .pooling import lp_pool1d as lp_pool1d
from .pooling import lp_pool2d as lp_pool2d
from .pooling import lp_pool3d as lp_pool3d
from .pooling import max_pool1d as max_pool1d
from .pooling import max_pool2d as max_pool2d
from .pooling import max_pool3d as max_pool3d
from .resampling import affine_grid as affine_grid
from .resampling import channel_shuffle as channel_shuffle
from .resampling import grid_sample as grid_sample
from .resampling import interpolate as interpolate
from .resampling import pad as pad
from .resampling import pixel_shuffle as pixel_shuffle
from .resampling import pixel_unshuffle as pixel_unshuffle
from .resampling import upsample as upsample
from .resampling import upsample_bilinear as upsample_bilinear
from .resampling import upsample_nearest as upsample_nearest

ABSENT = {
    "ctc_loss": "sum over alignments with np.logaddexp, a step a frame",
    "embedding_bag": "embedding(input, weight).sum(axis=-2), or .mean or .max",
    "max_unpool1d": "put x at the indices that max_pool1d gives: np.put_along_axis of zeros, flattened, on axis -1",
    "max_unpool2d": "put x at the indices that max_pool2d gives: np.put_along_axis of zeros, flattened, on axis -1",
    "max_unpool3d": "put x at the indices that max_pool3d gives: np.put_along_axis of zeros, flattened, on axis -1",
}


def __getattr__(name: str) -> Any:
    """What is left out on purpose says what to write instead."""
    if name in ABSENT:
        raise AttributeError(f"nn.functional has no {name}; {ABSENT[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(name for name, value in globals().items() if callable(value) and name[0] != "_" and name != "Any")

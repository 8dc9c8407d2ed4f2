"""What the layers compute, as functions of tensors or arrays; PyTorch's names, arguments and meanings."""
# ruff: noqa: I001 - a table

from __future__ import annotations

from typing import Any

from ..engine.public import absent

# fmt: off
from .activations import (
    celu as celu, elu as elu, gelu as gelu, glu as glu, gumbel_softmax as gumbel_softmax, hardshrink as hardshrink,
    hardsigmoid as hardsigmoid, hardswish as hardswish, hardtanh as hardtanh, leaky_relu as leaky_relu,
    logsigmoid as logsigmoid, mish as mish, prelu as prelu, relu as relu, relu6 as relu6, rrelu as rrelu,
    selu as selu, sigmoid as sigmoid, silu as silu, softmin as softmin, softplus as softplus,
    softshrink as softshrink, softsign as softsign, tanh as tanh, tanhshrink as tanhshrink, threshold as threshold,
)
from .attention import (
    multi_head_attention_forward as multi_head_attention_forward,
    scaled_dot_product_attention as scaled_dot_product_attention,
)
from .convolution import (
    conv1d as conv1d, conv2d as conv2d, conv3d as conv3d, conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d, conv_transpose3d as conv_transpose3d, fold as fold, unfold as unfold,
)
from .cross_entropy import (
    cross_entropy as cross_entropy, linear_cross_entropy as linear_cross_entropy, log_softmax as log_softmax,
    nll_loss as nll_loss, softmax as softmax,
)
from .linear import bilinear as bilinear, linear as linear
from .lookup import embedding as embedding, one_hot as one_hot
from .losses import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    cosine_embedding_loss as cosine_embedding_loss, cosine_similarity as cosine_similarity,
    gaussian_nll_loss as gaussian_nll_loss, hinge_embedding_loss as hinge_embedding_loss, huber_loss as huber_loss,
    kl_div as kl_div, l1_loss as l1_loss, margin_ranking_loss as margin_ranking_loss, mse_loss as mse_loss,
    multi_margin_loss as multi_margin_loss, multilabel_margin_loss as multilabel_margin_loss,
    multilabel_soft_margin_loss as multilabel_soft_margin_loss, normalize as normalize,
    pairwise_distance as pairwise_distance, pdist as pdist, poisson_nll_loss as poisson_nll_loss,
    smooth_l1_loss as smooth_l1_loss, soft_margin_loss as soft_margin_loss,
    triplet_margin_loss as triplet_margin_loss,
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from .masks import (
    alpha_dropout as alpha_dropout, dropout as dropout, dropout1d as dropout1d, dropout2d as dropout2d,
    dropout3d as dropout3d, feature_alpha_dropout as feature_alpha_dropout,
)
from .normalization import (
    batch_norm as batch_norm, group_norm as group_norm, instance_norm as instance_norm, layer_norm as layer_norm,
    local_response_norm as local_response_norm, rms_norm as rms_norm,
)
from .pooling import (
    adaptive_avg_pool1d as adaptive_avg_pool1d, adaptive_avg_pool2d as adaptive_avg_pool2d,
    adaptive_avg_pool3d as adaptive_avg_pool3d, adaptive_max_pool1d as adaptive_max_pool1d,
    adaptive_max_pool2d as adaptive_max_pool2d, adaptive_max_pool3d as adaptive_max_pool3d, avg_pool1d as avg_pool1d,
    avg_pool2d as avg_pool2d, avg_pool3d as avg_pool3d, fractional_max_pool2d as fractional_max_pool2d,
    fractional_max_pool3d as fractional_max_pool3d, lp_pool1d as lp_pool1d, lp_pool2d as lp_pool2d,
    lp_pool3d as lp_pool3d, max_pool1d as max_pool1d, max_pool2d as max_pool2d, max_pool3d as max_pool3d,
)
from .resampling import (
    affine_grid as affine_grid, channel_shuffle as channel_shuffle, grid_sample as grid_sample,
    interpolate as interpolate, pad as pad, pixel_shuffle as pixel_shuffle, pixel_unshuffle as pixel_unshuffle,
    upsample as upsample, upsample_bilinear as upsample_bilinear, upsample_nearest as upsample_nearest,
)
# fmt: on

WRITTEN_AS = {
    "ctc_loss": "sum over alignments with np.logaddexp, a step a frame",
    "embedding_bag": "embedding(input, weight).sum(axis=-2), or .mean or .max",
    "max_unpool1d": "put x at the indices that max_pool1d gives: np.put_along_axis of zeros, flattened, on axis -1",
    "max_unpool2d": "put x at the indices that max_pool2d gives: np.put_along_axis of zeros, flattened, on axis -1",
    "max_unpool3d": "put x at the indices that max_pool3d gives: np.put_along_axis of zeros, flattened, on axis -1",
    "swish": "it is called silu",
}


def __getattr__(name: str) -> Any:
    """What is left out on purpose says what to write instead."""
    if name.endswith("_") and name[:-1] in __dir__():
        raise AttributeError(f"nn.functional has no {name}; write x = {name[:-1]}(x), which makes a new tensor")
    raise absent("nn.functional", name, WRITTEN_AS, __dir__())


def __dir__() -> list[str]:
    mine = (name for name, value in globals().items() if callable(value) and name[0] != "_")
    return sorted({*mine} - {"Any", "absent"})

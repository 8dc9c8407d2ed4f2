"""Normalization as layers: what is learned is a scale and a shift, and for evaluation the statistics of training."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from . import functional as F
from .arguments import array, real_number, whole_number
from .module import Layer, Parameter
from .normalization import as_shape


class LayerNorm(Layer):
    """The last axes, of shape `normalized_shape`, with mean 0 and variance 1, then scaled and shifted.

    >>> LayerNorm(2)(np.array([[1.0, 3.0], [5.0, 5.0]])).numpy().round(3)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """

    def __init__(self, normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, *, dtype=np.float32) -> None:
        self.normalized_shape = as_shape(normalized_shape)
        self.eps = real_number("LayerNorm", "eps", eps, least=0)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}"


class RMSNorm(Layer):
    """The last axes, of shape `normalized_shape`, with mean square 1, then scaled.

    >>> RMSNorm(2)(np.array([[3.0, -3.0]])).numpy().round(3)
    array([[ 1., -1.]])
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, *, dtype=np.float32) -> None:
        self.normalized_shape = as_shape(normalized_shape)
        self.eps = None if eps is None else real_number("RMSNorm", "eps", eps, least=0)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def forward(self, input):
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}"


class GroupNorm(Layer):
    """Groups of the channels of each of (N, C, ...) with mean 0 and variance 1, then channels scaled and shifted.

    >>> GroupNorm(1, 2)(np.array([[1.0, 3.0]])).numpy().round(3)
    array([[-1.,  1.]])
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine=True, bias=True, *, dtype=np.float32
    ):
        self.num_groups = whole_number("GroupNorm", "num_groups", num_groups, 1)
        self.num_channels = whole_number("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups: {num_groups} does not divide {num_channels} channels")
        self.eps = real_number("GroupNorm", "eps", eps, least=0)
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine and bias else None

    def forward(self, input):
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


class _ChannelNorm(Layer):
    """What the batch and instance norms share: a scale and a shift a channel, and running statistics for evaluation.

    With `momentum=None` the running statistics are the means over all batches so far.
    """

    layouts: ClassVar[tuple[str, ...]] = ()
    channels: ClassVar[int] = 1

    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, bias=True, *,
                 dtype=np.float32) -> None:  # fmt: skip
        name = type(self).__name__
        self.num_features = whole_number(name, "num_features", num_features)
        self.eps = real_number(name, "eps", eps, least=0)
        self.momentum = None if momentum is None else real_number(name, "momentum", momentum)
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine and bias else None
        self.running_mean = self.running_var = None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))

    def forward(self, input):
        input = array(input)
        layout = next((one for one in self.layouts if len(one) == len(input.shape)), "")
        if "C" not in layout or input.shape[layout.index("C")] != self.num_features:
            expected = " or ".join(f"({', '.join(layout)})" for layout in self.layouts)
            raise ValueError(
                f"{type(self).__name__}: found shape {input.shape}; expected {expected} with C = {self.num_features}"
            )
        learns = self.training and self.running_mean is not None
        momentum = 1 / (self.num_batches_tracked + 1) if learns and self.momentum is None else self.momentum
        out = self.normalized(input if layout[0] == "N" else input[None], momentum)
        if learns:
            self.num_batches_tracked += 1
        return out if layout[0] == "N" else out[0]

    def normalized(self, input, momentum):
        raise NotImplementedError

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class _BatchNorm(_ChannelNorm):
    def normalized(self, input, momentum):
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, self.training, momentum, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """Each channel of (N, C) or (N, C, L) with mean 0 and variance 1, then scaled and shifted.

    >>> layer = BatchNorm1d(1)
    >>> layer(np.array([[1.0], [3.0]])).numpy().round(3).tolist(), layer.running_mean
    ([[-1.0], [1.0]], array([0.2], dtype=float32))
    """

    layouts = ("NC", "NCL")


class BatchNorm2d(_BatchNorm):
    """Each channel of (N, C, H, W) with mean 0 and variance 1, then scaled and shifted.

    >>> BatchNorm2d(1)(np.array([[[[1.0, 3.0]]]])).numpy().round(3).tolist()
    [[[[-1.0, 1.0]]]]
    """

    layouts = ("NCHW",)


class BatchNorm3d(_BatchNorm):
    """Each channel of (N, C, D, H, W) with mean 0 and variance 1, then scaled and shifted.

    >>> BatchNorm3d(1)(np.array([[[[[1.0, 3.0]]]]])).numpy().round(3).tolist()
    [[[[[-1.0, 1.0]]]]]
    """

    layouts = ("NCDHW",)


class _InstanceNorm(_ChannelNorm):
    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False, bias=True, *,
                 dtype=np.float32) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype=dtype)

    def normalized(self, input, momentum):
        own = self.training or self.running_mean is None
        return F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, own, momentum, self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each of (N, C, L) with mean 0 and variance 1; learns nothing unless `affine`.

    >>> InstanceNorm1d(1)(np.array([[[1.0, 3.0]]])).round(3).tolist()
    [[[-1.0, 1.0]]]
    """

    layouts = ("NCL", "CL")


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each of (N, C, H, W) with mean 0 and variance 1; learns nothing unless `affine`.

    >>> InstanceNorm2d(1)(np.array([[[[1.0, 3.0]]]])).round(3).tolist()
    [[[[-1.0, 1.0]]]]
    """

    layouts = ("NCHW", "CHW")


class InstanceNorm3d(_InstanceNorm):
    """Each channel of each of (N, C, D, H, W) with mean 0 and variance 1; learns nothing unless `affine`.

    >>> InstanceNorm3d(1)(np.array([[[[[1.0, 3.0]]]]])).round(3).tolist()
    [[[[[-1.0, 1.0]]]]]
    """

    layouts = ("NCDHW", "CDHW")

"""The layers of networks for images: convolution, pooling and batch normalization."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from . import functional as F
from . import init
from .arguments import array, real_number, whole_number
from .module import Layer, Parameter
from .window import border, kernel_and_stride, pair

if TYPE_CHECKING:
    from .init import Seed
    from .window import Pair


class Conv2d(Layer):
    """Cross-correlation with `out_channels` kernels, (N, C, H, W) to (N, O, oh, ow); weights start as in PyTorch.

    `weight` is (out_channels, in_channels / groups, kh, kw). `padding` may be "same" or "valid", as in `F.conv2d`.

    >>> Conv2d(1, 8, 3, padding=1)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 8, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        dtype=np.float32,
        generator: Seed = None,
    ):
        for what, n in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            whole_number("Conv2d", what, n, least=1)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"Conv2d: groups: {groups} does not divide {in_channels} and {out_channels} channels")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = pair("Conv2d", "kernel_size", kernel_size), pair("Conv2d", "stride", stride)
        self.dilation = pair("Conv2d", "dilation", dilation)
        border("Conv2d", padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else pair("Conv2d", "padding", padding, least=0)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        generator = init.as_generator(generator)
        bound = 1 / math.sqrt(max(math.prod(shape[1:]), 1))
        self.weight = init.uniform_(Parameter(np.empty(shape, dtype)), -bound, bound, generator)
        self.bias = init.uniform_(Parameter(np.empty(out_channels, dtype)), -bound, bound, generator) if bias else None

    def forward(self, input):
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self):
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding!r}"
            + (f", dilation={self.dilation}" if self.dilation != (1, 1) else "")
            + (f", groups={self.groups}" if self.groups > 1 else "")
            + ("" if self.bias is not None else ", bias=False")
        )


class MaxPool2d(Layer):
    """The largest element in each window of (N, C, H, W); the stride is the window unless given.

    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1):
        self.kernel_size, self.stride = kernel_and_stride("MaxPool2d", kernel_size, stride)
        self.padding = pair("MaxPool2d", "padding", padding, least=0)
        self.dilation = pair("MaxPool2d", "dilation", dilation)

    def forward(self, input):
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Layer):
    """The mean of each window of (N, C, H, W); the stride is the window unless given.

    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0):
        self.kernel_size, self.stride = kernel_and_stride("AvgPool2d", kernel_size, stride)
        self.padding = pair("AvgPool2d", "padding", padding, least=0)

    def forward(self, input):
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _BatchNorm(Layer):
    """What the batch norms share: a scale and a shift a channel, and running statistics for evaluation.

    With `momentum=None` the running statistics are the means over all batches so far.
    """

    layouts: tuple[str, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype=np.float32,
    ):
        name = type(self).__name__
        self.num_features = whole_number(name, "num_features", num_features)
        self.eps = real_number(name, "eps", eps, least=0)
        self.momentum = None if momentum is None else real_number(name, "momentum", momentum)
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean = self.running_var = None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))

    def forward(self, input):
        input = array(input)
        if len(input.shape) not in map(len, self.layouts) or input.shape[1] != self.num_features:
            expected = " or ".join(f"({', '.join(layout)})" for layout in self.layouts)
            raise ValueError(
                f"{type(self).__name__}: found shape {input.shape}; expected {expected} with C = {self.num_features}"
            )
        learns = self.training and self.running_mean is not None
        momentum = 1 / (self.num_batches_tracked + 1) if learns and self.momentum is None else self.momentum
        out = F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, self.training, momentum, self.eps
        )
        if learns:
            self.num_batches_tracked += 1
        return out

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


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

"""Normalization as layers: what is learned is a scale and a shift, and for evaluation the statistics of training."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from . import functional as F
from .arguments import array, real_number, whole_number
from .module import Layer, Parameter
from .normalization import lengths_of

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d",
    "InstanceNorm3d", "LayerNorm", "RMSNorm"]  # fmt: skip


class _Norm(Layer):
    def _learn(self, shape, scale: bool, shift: bool, dtype) -> None:
        """A scale that starts from ones and a shift that starts from zeros, or None."""
        self.weight = Parameter(np.ones(shape, dtype)) if scale else None
        self.bias = Parameter(np.zeros(shape, dtype)) if scale and shift else None

    def _positive(self, eps):
        return real_number(type(self).__name__, "eps", eps, least=0)


class _LastAxesNorm(_Norm):
    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"

    normalized_shape: tuple[int, ...]
    eps: Any


class LayerNorm(_LastAxesNorm):
    """The last axes, of shape `normalized_shape`, with mean 0 and variance 1, then scaled and shifted.

    >>> LayerNorm(2)(np.array([[1.0, 3.0], [5.0, 5.0]])).numpy().round(3)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """

    def __init__(self, normalized_shape: Any, eps: float = 1e-05, elementwise_affine: bool = True, bias: bool = True, *,
                 dtype: Any = np.float32) -> None:  # fmt: skip
        self.normalized_shape, self.eps = lengths_of(normalized_shape), self._positive(eps)
        self._learn(self.normalized_shape, elementwise_affine, bias, dtype)

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(_LastAxesNorm):
    """The last axes, of shape `normalized_shape`, with mean square 1, then scaled.

    >>> RMSNorm(2)(np.array([[3.0, -3.0]])).numpy().round(3)
    array([[ 1., -1.]])
    """

    def __init__(
        self, normalized_shape: Any, eps: Any = None, elementwise_affine: bool = True, *, dtype: Any = np.float32
    ) -> None:
        self.normalized_shape, self.eps = lengths_of(normalized_shape), None if eps is None else self._positive(eps)
        self._learn(self.normalized_shape, elementwise_affine, False, dtype)

    def forward(self, input: Any) -> Any:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)


class GroupNorm(_Norm):
    """Groups of the channels of each of (N, C, ...) with mean 0 and variance 1, then channels scaled and shifted.

    >>> GroupNorm(1, 2)(np.array([[1.0, 3.0]])).numpy().round(3)
    array([[-1.,  1.]])
    """

    def __init__(self, num_groups: Any, num_channels: Any, eps: float = 1e-5, affine: bool = True, bias: bool = True, *,
                 dtype: Any = np.float32) -> None:  # fmt: skip
        self.num_groups = whole_number("GroupNorm", "num_groups", num_groups, 1)
        self.num_channels = whole_number("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups: {num_groups} does not divide {num_channels} channels")
        self.eps = self._positive(eps)
        self._learn(num_channels, affine, bias, dtype)

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


class _ChannelNorm(_Norm):
    """What the batch and instance norms share: a scale and a shift a channel, and running statistics for evaluation."""

    layouts: ClassVar[tuple[str, ...]] = ()
    num_batches_tracked: Any

    def __init_subclass__(cls, layouts: str = "") -> None:
        cls.layouts = tuple(layouts.split())

    def __init__(self, num_features: Any, eps: float = 1e-05, momentum: float = 0.1, affine: bool = True,
                 track_running_stats: bool = True, bias: bool = True, *,
                 dtype: Any = np.float32) -> None:  # fmt: skip
        name = type(self).__name__
        self.num_features, self.eps = whole_number(name, "num_features", num_features), self._positive(eps)
        self.momentum = None if momentum is None else real_number(name, "momentum", momentum)
        self._learn(num_features, affine, bias, dtype)
        self.running_mean = self.running_var = None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))

    def _batch(self, input):
        """The input with the axis N, and whether it came with it."""
        input = array(input)
        layout = next((one for one in self.layouts if len(one) == len(input.shape)), "")
        if "C" not in layout or input.shape[layout.index("C")] != self.num_features:
            expected = " or ".join(f"({', '.join(layout)})" for layout in self.layouts)
            raise ValueError(
                f"{type(self).__name__}: found shape {input.shape}; expected {expected} with C = {self.num_features}"
            )
        return (input, True) if layout[0] == "N" else (input[None], False)

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class _BatchNorm(_ChannelNorm):
    """With `momentum=None` the running statistics are the means over all batches so far."""

    def forward(self, input: Any) -> Any:
        input, _ = self._batch(input)
        learns = self.training and self.running_mean is not None
        momentum = 1 / (self.num_batches_tracked + 1) if learns and self.momentum is None else self.momentum
        out = F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, self.training, momentum, self.eps
        )
        if learns:
            self.num_batches_tracked += 1
        return out


class BatchNorm1d(_BatchNorm, layouts="NC NCL"):
    """Each channel of (N, C) or (N, C, L) with mean 0 and variance 1, then scaled and shifted.

    >>> layer = BatchNorm1d(1)
    >>> layer(np.array([[1.0], [3.0]])).numpy().round(3).tolist(), layer.running_mean
    ([[-1.0], [1.0]], array([0.2], dtype=float32))
    """


class BatchNorm2d(_BatchNorm, layouts="NCHW"):
    """`BatchNorm1d` of images (N, C, H, W)."""


class BatchNorm3d(_BatchNorm, layouts="NCDHW"):
    """`BatchNorm1d` of volumes (N, C, D, H, W)."""


class _InstanceNorm(_ChannelNorm):
    """It counts no batches, as in PyTorch: with `momentum=None` the running statistics stay."""

    def __init__(self, num_features: Any, eps: float = 1e-05, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, bias: bool = True, *,
                 dtype: Any = np.float32) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype=dtype)

    def forward(self, input: Any) -> Any:
        (input, batch), own = self._batch(input), self.training or self.running_mean is None
        out = F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum or 0.0, self.eps
        )
        return out if batch else out[0]


class InstanceNorm1d(_InstanceNorm, layouts="NCL CL"):
    """Each channel of each of (N, C, L) with mean 0 and variance 1; learns nothing unless `affine`.

    >>> InstanceNorm1d(1)(np.array([[[1.0, 3.0]]])).round(3).tolist()
    [[[-1.0, 1.0]]]
    """


class InstanceNorm2d(_InstanceNorm, layouts="NCHW CHW"):
    """`InstanceNorm1d` of images (N, C, H, W)."""


class InstanceNorm3d(_InstanceNorm, layouts="NCDHW CDHW"):
    """`InstanceNorm1d` of volumes (N, C, D, H, W)."""

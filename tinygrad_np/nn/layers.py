"""Layers without parameters: each is a function of `nn.functional` with its options set.

Its arguments are made from the function's signature; what it does, and an example, stands there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from . import functional as F
from . import init
from .arguments import array, probability, real_number
from .module import Layer
from .window import numbers_of, pooling_window

__all__ = ["CELU", "ELU", "GELU", "GLU", "SELU", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AlphaDropout", "AvgPool1d", "AvgPool2d",
    "AvgPool3d", "BCELoss", "BCEWithLogitsLoss", "ChannelShuffle", "CircularPad1d", "CircularPad2d", "CircularPad3d",
    "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "CosineEmbeddingLoss", "CosineSimilarity", "CrossEntropyLoss",
    "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout", "Flatten", "Fold", "FractionalMaxPool2d",
    "FractionalMaxPool3d", "GaussianNLLLoss", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
    "HingeEmbeddingLoss", "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LeakyReLU", "LocalResponseNorm",
    "LogSigmoid", "LogSoftmax", "LPPool1d", "LPPool2d", "LPPool3d", "MarginRankingLoss", "MaxPool1d", "MaxPool2d",
    "MaxPool3d", "Mish", "MSELoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss",
    "PairwiseDistance", "PixelShuffle", "PixelUnshuffle", "PoissonNLLLoss", "ReflectionPad1d", "ReflectionPad2d",
    "ReflectionPad3d", "ReLU", "ReLU6", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "RReLU",
    "Sigmoid", "SiLU", "SmoothL1Loss", "SoftMarginLoss", "Softmax", "Softmax2d", "Softmin", "Softplus", "Softshrink",
    "Softsign", "Tanh", "Tanhshrink", "Threshold", "TripletMarginLoss", "TripletMarginWithDistanceLoss", "Unflatten",
    "Unfold", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad1d", "ZeroPad2d",
    "ZeroPad3d"]  # fmt: skip

NOT_OPTIONS = {"training", "_stacklevel", "out", "generator"}  # given by the layer itself, or by nobody


class Applied(Layer):
    """A function with its options set; the first `inputs` of its arguments come when the layer is called.

    >>> layer = ELU(alpha=2.0)
    >>> layer, layer(np.array([-800.0, 1.0]))
    (ELU(alpha=2.0), array([-2.,  1.]))
    """

    function: ClassVar[Callable]
    options: ClassVar[inspect.Signature]
    __signature__: ClassVar[inspect.Signature]
    more: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(
        cls, function: Callable | None = None, inputs: int = 1, order: str = "", **given: Any
    ) -> None:
        """`order` names options in another order than the function's; `given` are options that are set for good."""
        if function is None:
            return
        cls.function = staticmethod(function)
        parameters = inspect.signature(function).parameters
        cls.more = frozenset(parameters) & {"training", "generator"}
        options = {name: p for name, p in list(parameters.items())[inputs:] if name not in NOT_OPTIONS}
        options = {name: options[name] for name in order.split()} | options
        cls.given = given
        cls.options = inspect.Signature([p for name, p in options.items() if name not in given])
        cls.__signature__ = cls.options
        cls.passed = (*(name for name in cls.options.parameters if name != "inplace"), *cls.more)
        first, _, _ = (function.__doc__ or "").partition("\n")
        cls.__doc__ = cls.__doc__ if "__doc__" in vars(cls) else f"{first} See `nn.functional.{function.__name__}`."

    given: ClassVar[dict[str, Any]] = {}
    passed: ClassVar[tuple[str, ...]] = ()  # the options that change what the function does

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        generator = kwargs.pop("generator", None) if "generator" in self.more else None
        try:
            bound = self.options.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}{self.options}: {error}") from None
        bound.apply_defaults()
        for option, value in bound.arguments.items():
            if isinstance(self.options.parameters[option].default, float):
                real_number(name, option, value)
            if option in ("weight", "pos_weight", "_random_samples") and isinstance(value, (np.ndarray, list)):
                self.register_buffer(option, value)
            else:
                setattr(self, option, value)
        if "generator" in self.more:  # a stream of its own, so that a run repeats
            self.generator = init.as_generator().spawn(1)[0] if generator is None else init.as_generator(generator)

    def forward(self, *inputs: Any) -> Any:
        if not self.passed and not self.given:
            return self.function(*inputs)
        return self.function(*inputs, **{name: getattr(self, name) for name in self.passed}, **self.given)

    def extra_repr(self) -> str:
        options = {name: getattr(self, name) for name in self.options.parameters}
        return ", ".join(f"{k}={v!r}" for k, v in options.items() if v is not None and v is not False)


# ---- activations ------------------------------------------------------------------------------------------


# fmt: off
class CELU(Applied, function=F.celu): ...
class ELU(Applied, function=F.elu): ...
class GELU(Applied, function=F.gelu): ...
class GLU(Applied, function=F.glu): ...
class Hardshrink(Applied, function=F.hardshrink): ...
class Hardsigmoid(Applied, function=F.hardsigmoid): ...
class Hardswish(Applied, function=F.hardswish): ...
class Hardtanh(Applied, function=F.hardtanh): ...
class LeakyReLU(Applied, function=F.leaky_relu): ...
class LogSigmoid(Applied, function=F.logsigmoid): ...
class LogSoftmax(Applied, function=F.log_softmax, dtype=None): ...
class Mish(Applied, function=F.mish): ...
class RReLU(Applied, function=F.rrelu): ...
class ReLU(Applied, function=F.relu): ...
class ReLU6(Applied, function=F.relu6): ...
class SELU(Applied, function=F.selu): ...
class SiLU(Applied, function=F.silu): ...
class Sigmoid(Applied, function=F.sigmoid): ...
class Softmax(Applied, function=F.softmax, dtype=None): ...
class Softmin(Applied, function=F.softmin, dtype=None): ...
class Softplus(Applied, function=F.softplus): ...
class Softshrink(Applied, function=F.softshrink): ...
class Softsign(Applied, function=F.softsign): ...
class Tanh(Applied, function=F.tanh): ...
class Tanhshrink(Applied, function=F.tanhshrink): ...
class Threshold(Applied, function=F.threshold): ...
# fmt: on


class Softmax2d(Applied, function=F.softmax, dim=-3, dtype=None):
    """`Softmax` over the channels of images (N, C, H, W) or (C, H, W)."""


# ---- dropout ----------------------------------------------------------------------------------------------


class _Dropout(Applied):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        probability(type(self).__name__, "p", self.p)

    p: float


class Dropout(_Dropout, function=F.dropout):
    """Zero each element with probability p and scale the others by 1 / (1 - p) in training; else the identity.

    Masks come from a stream of its own, `generator`, so that a run repeats; set it anew to continue a run.

    >>> Dropout(0.5, generator=0)(np.ones(6)), Dropout(0.5).eval()(np.ones(2))
    (array([2., 0., 0., 0., 2., 2.]), array([1., 1.]))
    """


# fmt: off
class Dropout1d(_Dropout, function=F.dropout1d): ...
class Dropout2d(_Dropout, function=F.dropout2d): ...
class Dropout3d(_Dropout, function=F.dropout3d): ...
class AlphaDropout(_Dropout, function=F.alpha_dropout): ...
class FeatureAlphaDropout(_Dropout, function=F.feature_alpha_dropout): ...
# fmt: on


# ---- losses and distances ---------------------------------------------------------------------------------


# fmt: off
class BCELoss(Applied, function=F.binary_cross_entropy, inputs=2): ...
class BCEWithLogitsLoss(Applied, function=F.binary_cross_entropy_with_logits, inputs=2): ...
class CosineEmbeddingLoss(Applied, function=F.cosine_embedding_loss, inputs=3): ...
class CosineSimilarity(Applied, function=F.cosine_similarity, inputs=2): ...
class CrossEntropyLoss(Applied, function=F.cross_entropy, inputs=2): ...
class GaussianNLLLoss(Applied, function=F.gaussian_nll_loss, inputs=3): ...
class HingeEmbeddingLoss(Applied, function=F.hinge_embedding_loss, inputs=2): ...
class HuberLoss(Applied, function=F.huber_loss, inputs=2): ...
class KLDivLoss(Applied, function=F.kl_div, inputs=2): ...
class L1Loss(Applied, function=F.l1_loss, inputs=2): ...
class MSELoss(Applied, function=F.mse_loss, inputs=2): ...
class MarginRankingLoss(Applied, function=F.margin_ranking_loss, inputs=3): ...
class MultiLabelMarginLoss(Applied, function=F.multilabel_margin_loss, inputs=2): ...
class MultiLabelSoftMarginLoss(Applied, function=F.multilabel_soft_margin_loss, inputs=2): ...
class MultiMarginLoss(Applied, function=F.multi_margin_loss, inputs=2): ...
class NLLLoss(Applied, function=F.nll_loss, inputs=2): ...
class PairwiseDistance(Applied, function=F.pairwise_distance, inputs=2): ...
class PoissonNLLLoss(Applied, function=F.poisson_nll_loss, inputs=2): ...
class SmoothL1Loss(Applied, function=F.smooth_l1_loss, inputs=2): ...
class SoftMarginLoss(Applied, function=F.soft_margin_loss, inputs=2): ...
class TripletMarginLoss(Applied, function=F.triplet_margin_loss, inputs=3): ...
class TripletMarginWithDistanceLoss(Applied, function=F.triplet_margin_with_distance_loss, inputs=3): ...
# fmt: on


# ---- pooling ----------------------------------------------------------------------------------------------


class _Pool(Applied):
    """What the function of the same name makes of every window of (N, C, ...) or (C, ...), such as `F.avg_pool2d`.

    The sizes of the window are checked, and kept as one number a dimension.

    >>> from tinygrad_np import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 4, 4)).tolist()
    [[[2.5, 4.5], [10.5, 12.5]]]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, n = type(self).__name__, int(type(self).__name__[-2])
        own = {what: getattr(self, what, usual) for what, usual in (("padding", 0), ("dilation", 1))}
        window = pooling_window(name, n, self.kernel_size, self.stride, **own)
        self.kernel_size, self.stride = window.kernel, window.stride
        for what in own:
            if hasattr(self, what):
                setattr(self, what, numbers_of(name, what, own[what], n, least=0))

    kernel_size: Any
    stride: Any


# fmt: off
class AvgPool1d(_Pool, function=F.avg_pool1d): ...
class AvgPool2d(_Pool, function=F.avg_pool2d): ...
class AvgPool3d(_Pool, function=F.avg_pool3d): ...
class LPPool1d(_Pool, function=F.lp_pool1d): ...
class LPPool2d(_Pool, function=F.lp_pool2d): ...
class LPPool3d(_Pool, function=F.lp_pool3d): ...
class MaxPool1d(_Pool, function=F.max_pool1d, order="kernel_size stride padding dilation return_indices"): ...
class MaxPool2d(_Pool, function=F.max_pool2d, order="kernel_size stride padding dilation return_indices"): ...
class MaxPool3d(_Pool, function=F.max_pool3d, order="kernel_size stride padding dilation return_indices"): ...
class AdaptiveAvgPool1d(Applied, function=F.adaptive_avg_pool1d): ...
class AdaptiveAvgPool2d(Applied, function=F.adaptive_avg_pool2d): ...
class AdaptiveAvgPool3d(Applied, function=F.adaptive_avg_pool3d): ...
class AdaptiveMaxPool1d(Applied, function=F.adaptive_max_pool1d): ...
class AdaptiveMaxPool2d(Applied, function=F.adaptive_max_pool2d): ...
class AdaptiveMaxPool3d(Applied, function=F.adaptive_max_pool3d): ...
class FractionalMaxPool2d(Applied, function=F.fractional_max_pool2d): ...
class FractionalMaxPool3d(Applied, function=F.fractional_max_pool3d): ...
# fmt: on


# ---- places -----------------------------------------------------------------------------------------------


# fmt: off
class ChannelShuffle(Applied, function=F.channel_shuffle): ...
class Fold(Applied, function=F.fold): ...
class Unfold(Applied, function=F.unfold): ...
class PixelShuffle(Applied, function=F.pixel_shuffle): ...
class PixelUnshuffle(Applied, function=F.pixel_unshuffle): ...
class Upsample(Applied, function=F.interpolate, antialias=False): ...
class UpsamplingBilinear2d(Applied, function=F.upsample_bilinear): ...
class UpsamplingNearest2d(Applied, function=F.upsample_nearest): ...
class LocalResponseNorm(Applied, function=F.local_response_norm): ...
# fmt: on


class _Pad(Layer):
    """Elements around the last n axes: one number, or (before, after) of the last axis, then of the one before it.

    >>> from tinygrad_np import nn
    >>> nn.ReflectionPad1d((2, 0))(np.array([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 2.0, 1.0, 2.0, 3.0]]
    """

    mode = "constant"
    value: float | None = None

    def __init_subclass__(cls, mode: str = "constant") -> None:
        cls.mode = mode

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        n = int(type(self).__name__[-2])
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * n)
        if len(self.padding) != 2 * n or not all(isinstance(p, (int, np.integer)) for p in self.padding):
            raise ValueError(f"{type(self).__name__}: padding: expected one number or {2 * n}, found {padding!r}")

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}" + (f", value={self.value}" if self.value else "")


class _ConstantPad(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value


# fmt: off
class ConstantPad1d(_ConstantPad): ...
class ConstantPad2d(_ConstantPad): ...
class ConstantPad3d(_ConstantPad): ...
class ZeroPad1d(_Pad): ...
class ZeroPad2d(_Pad): ...
class ZeroPad3d(_Pad): ...
class CircularPad1d(_Pad, mode="circular"): ...
class CircularPad2d(_Pad, mode="circular"): ...
class CircularPad3d(_Pad, mode="circular"): ...
class ReflectionPad1d(_Pad, mode="reflect"): ...
class ReflectionPad2d(_Pad, mode="reflect"): ...
class ReflectionPad3d(_Pad, mode="reflect"): ...
class ReplicationPad1d(_Pad, mode="replicate"): ...
class ReplicationPad2d(_Pad, mode="replicate"): ...
class ReplicationPad3d(_Pad, mode="replicate"): ...
# fmt: on


class Flatten(Layer):
    """The axes from start_dim to end_dim as one: images (N, C, H, W) become rows (N, C·H·W).

    >>> Flatten()(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        for what, dim in (("start_dim", start_dim), ("end_dim", end_dim)):
            if not isinstance(dim, int):
                raise ValueError(f"Flatten: {what}: expected the number of an axis, found {dim!r}")
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        input = array(input)
        shape = input.shape
        start, end = (dim + len(shape) if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if not 0 <= start <= end < len(shape):
            raise ValueError(f"Flatten: found shape {shape}, which has no axes from {self.start_dim} to {self.end_dim}")
        return input.reshape(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Layer):
    """One axis as several, the inverse of `Flatten`; one length may be -1.

    >>> Unflatten(1, (3, -1))(np.zeros((2, 60))).shape
    (2, 3, 20)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: Any) -> Any:
        input = array(input)
        dim = self.dim % len(input.shape)
        return input.reshape(*input.shape[:dim], *self.unflattened_size, *input.shape[dim + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Identity(Layer):
    """What it is given; arguments at construction are taken and forgotten."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Any) -> Any:
        return input

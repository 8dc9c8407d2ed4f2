"""Convolution and its transpose as layers, in one, two and three dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import functional as F
from . import init
from .arguments import whole_number
from .dense_layers import drawn
from .module import Layer
from .window import border, numbers_of

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class _Convolution(Layer):
    """What convolutions and their transposes share; the number of dimensions is in the name."""

    transposed = False

    padding: Any

    def _make(
        self, channels, out, kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype, generator
    ) -> None:
        name, n = type(self).__name__, int(type(self).__name__[-2])
        self.in_channels = whole_number(name, "in_channels", channels, least=1)
        self.out_channels = whole_number(name, "out_channels", out)
        self.groups = whole_number(name, "groups", groups, least=1)
        if channels % groups or out % groups:
            raise ValueError(f"{name}: groups: {groups} does not divide {channels} channels and {out} channels")
        if padding_mode not in (["zeros"] if self.transposed else ["zeros", "reflect", "replicate", "circular"]):
            modes = "'zeros'" if self.transposed else "'zeros', 'reflect', 'replicate' or 'circular'"
            raise ValueError(f"{name}: padding_mode: expected {modes}, found {padding_mode!r}")
        self.kernel_size = numbers_of(name, "kernel_size", kernel_size, n)
        self.stride, self.dilation = numbers_of(name, "stride", stride, n), numbers_of(name, "dilation", dilation, n)
        self.around = border(name, padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else numbers_of(name, "padding", padding, n, least=0)
        self.padding_mode = padding_mode
        first, second = (channels, out) if self.transposed else (out, channels)
        shape = (first, second // groups, *self.kernel_size)
        generator = init.as_generator(generator)
        bound = 1 / math.sqrt(max(math.prod(shape[1:]), 1))
        self.weight = drawn(shape, bound, dtype, generator)
        self.bias = drawn(out, bound, dtype, generator) if bias else None

    def extra_repr(self) -> str:
        more = getattr(self, "output_padding", ())
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding!r}"
            + (f", output_padding={more}" if any(more) else "")
            + (f", dilation={self.dilation}" if set(self.dilation) != {1} else "")
            + (f", groups={self.groups}" if self.groups > 1 else "")
            + ("" if self.bias is not None else ", bias=False")
            + ("" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode!r}")
        )


class _Conv(_Convolution):
    def __init__(self, in_channels: Any, out_channels: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: Any = 1, bias: bool = True, padding_mode: str = "zeros", *,
                 dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        self._make(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
            dtype, generator
        )  # fmt: skip

    def forward(self, input: Any) -> Any:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, [p for pair in self.around[::-1] for p in pair], self.padding_mode)
            padding = 0
        function = getattr(F, f"conv{len(self.kernel_size)}d")
        return function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Cross-correlation with `out_channels` kernels, (N, C, H, W) to (N, O, oh, ow); weights start as in PyTorch.

    `weight` is (out_channels, in_channels / groups, kh, kw). `padding` may be "same" or "valid", as in `F.conv2d`;
    `padding_mode` is "zeros", "reflect", "replicate" or "circular".

    >>> Conv2d(1, 8, 3, padding=1)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 8, 28, 28)
    """


class Conv1d(_Conv):
    """`Conv2d` of sequences, (N, C, L) to (N, O, ol)."""


class Conv3d(_Conv):
    """`Conv2d` of volumes, (N, C, D, H, W) to (N, O, od, oh, ow)."""


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(self, in_channels: Any, out_channels: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: Any = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", *, dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        name, n = type(self).__name__, int(type(self).__name__[-2])
        self.output_padding = numbers_of(name, "output_padding", output_padding, n, least=0)
        numbers_of(name, "padding", padding, n, least=0)
        self._make(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
            dtype, generator
        )  # fmt: skip

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """The output; `output_size` chooses among the sizes that the convolution maps to the input's."""
        n, more = len(self.kernel_size), self.output_padding
        if output_size is not None:
            least = [
                (i - 1) * s - 2 * p + d * (k - 1) + 1
                for i, s, p, d, k in zip(input.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size)
            ]
            more = tuple(int(asked) - size for asked, size in zip(tuple(output_size)[-n:], least))
        function = getattr(F, f"conv_transpose{n}d")
        return function(input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of a `Conv2d` from `out_channels` to `in_channels`; `weight` is (in, out / groups, kh, kw).

    >>> ConvTranspose2d(4, 2, 2, stride=2)(np.zeros((1, 4, 5, 6), np.float32)).shape
    (1, 2, 10, 12)
    """


class ConvTranspose1d(_ConvTranspose):
    """The transpose of a `Conv1d`, as `ConvTranspose2d` of a `Conv2d`."""


class ConvTranspose3d(_ConvTranspose):
    """The transpose of a `Conv3d`, as `ConvTranspose2d` of a `Conv2d`."""

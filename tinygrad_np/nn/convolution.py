"""Convolution: one product of the kernels with all patches, and the two transposes of that.

The three functions are bilinear and each one's derivatives are the other two, so they hold to any order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import whole
from ..parallel.cores import PIECES, Choice, cut
from .arguments import AnyArray, array, numbers, same_shapes, whole_number
from .pieces import PIECE
from .window import PerAxis, Window, batch_first, batch_last, batched, border, fitting, in_dimensions, numbers_of

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "unfold"]

PATCHES = 1 << 23  # bytes of patches that are made, and multiplied, at a time: fewer cost more calls, more more memory
SHARED = 1 << 22  # bytes of patches from which on two cores may be quicker than one
_CORES: dict[tuple, Choice] = {}  # for each function and shape, whether two are quicker than one


@in_dimensions(1, 2, 3)
def conv(n, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor:
    """Cross-correlation of images (N, C, H, W) with kernels (O, C / groups, kh, kw); gives (N, O, oh, ow).

    oh = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1. A pair stands for (down, across). `bias` has shape
    (O,). `padding` is zeros around the images: numbers, "valid" for none, or "same" for an output as large as the
    images, which needs stride 1. Integer images, such as bytes, take the dtype of the kernels. One image may come
    without the axis N. Sequences (N, C, L) and volumes (N, C, D, H, W) the same.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding=1)[0, 0, 0]
    array([1., 2., 2., 1.])
    >>> conv2d(np.ones((2, 3, 9, 7)), np.ones((8, 3, 4, 3)), padding="same").shape
    (2, 8, 9, 7)
    """
    name = f"conv{n}d"
    x, weight = _operands(name, n, input, weight, "(O, C / groups, {})", groups)
    if x.shape[1] != weight.shape[1] * groups:
        raise ValueError(
            f"{name}: found {x.shape[1]} channels in an input of shape {x.shape}; expected "
            f"{weight.shape[1] * groups}, which kernels of shape {weight.shape} in {groups} group(s) take"
        )
    kernel, stride = weight.shape[2:], numbers_of(name, "stride", stride, n)
    dilation = numbers_of(name, "dilation", dilation, n)
    window = Window(kernel, stride, border(name, padding, kernel, stride, dilation), dilation)
    out = _conv(x, weight, fitting(name, window, x.shape), groups)
    return _finished(name, out, bias, np.ndim(input) == n + 1)


@in_dimensions(1, 2, 3)
def conv_transpose(n, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1) -> Tensor:
    """The transpose of the convolution that maps (N, O, oh, ow) to images (N, C, H, W), for weights (C, O / groups,
    kh, kw).

    oh = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1; `output_padding`, less than the stride or
    the dilation, chooses among the sizes that the convolution maps to H. `bias` has shape (O,).

    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    name = f"conv_transpose{n}d"
    x, weight = _operands(name, n, input, weight, "(C, O / groups, {})", groups)
    if x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"{name}: found {x.shape[1]} channels in an input of shape {x.shape}; expected {weight.shape[0]}, "
            f"as many as there are kernels in weights of shape {weight.shape}"
        )
    stride, dilation = numbers_of(name, "stride", stride, n), numbers_of(name, "dilation", dilation, n)
    padding = numbers_of(name, "padding", padding, n, least=0)
    more = numbers_of(name, "output_padding", output_padding, n, least=0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation)):
        raise ValueError(f"{name}: output_padding: found {more}; expected less than stride {stride} or {dilation}")
    window = Window(weight.shape[2:], stride, tuple((p, p - m) for p, m in zip(padding, more)), dilation)
    size = window.size(x.shape[2:])
    if min(size) < 1:
        raise ValueError(f"{name}: padding: found {padding}, which leaves an output of {size}; expected less")
    return _finished(name, _conv_input(x, weight, window, groups), bias, np.ndim(input) == n + 1)


conv1d, conv2d, conv3d = conv
conv_transpose1d, conv_transpose2d, conv_transpose3d = conv_transpose


def _operands(name: str, n: int, input, weight, layout: str, groups: int):
    """The grids (N, C, *size) and the kernels, of fitting dtypes."""
    input, weight = array(input, name), numbers(f"{name}: weight", weight)
    input = input.astype(weight.dtype) if input.dtype.kind in "iu" else numbers(name, input)
    if len(weight.shape) != n + 2 or 0 in weight.shape[1:]:
        kernel = {1: "k", 2: "kh, kw", 3: "kd, kh, kw"}[n]
        raise ValueError(f"{name}: weight: found shape {weight.shape}; expected {layout.format(kernel)}, none 0")
    whole_number(name, "groups", groups, least=1)
    if weight.shape[0] % groups:
        raise ValueError(f"{name}: groups: found {groups}, which does not divide the {weight.shape[0]} kernels")
    return batched(name, input, n), weight


def _finished(name: str, out, bias, alone: bool):
    if bias is not None:
        bias = numbers(f"{name}: bias", bias)
        same_shapes(name, out.shape[1:2], bias=bias)
        out = out + bias.reshape(-1, *(1,) * (len(out.shape) - 2))
    return out[0] if alone else out


# ---- the product, a few places at a time ------------------------------------------------------------------


def _parts(wide, window: Window, places: tuple[int, ...]):
    """What some places see of padded grids (C, *size, N), about PATCHES bytes in patches; how many they are; their run
    among all."""
    n = wide.shape[-1]
    work = math.prod(window.kernel) * len(wide) * n * wide.itemsize
    d = next((d for d in range(len(places)) if math.prod(places[d + 1 :]) * work <= PATCHES), len(places) - 1)
    run = math.prod(places[d + 1 :]) * work
    count = -(-places[d] * max(run, 1) // PATCHES)
    if places[d] * run > SHARED:
        count = max(count, 2)  # for two cores
    count = min(count, places[d])
    for lead in np.ndindex(*places[:d]):
        for k in range(count):
            start, stop = k * places[d] // count, (k + 1) * places[d] // count
            first = (*lead, start, *(0,) * (len(places) - d - 1))
            near = (*(1,) * d, stop - start, *places[d + 1 :])
            box = (slice(f * s, f * s + end) for f, s, end in zip(first, window.stride, window.ends(near)))
            begin = int(np.ravel_multi_index(first, places)) * n
            yield wide[:, *box], near, slice(begin, begin + math.prod(near) * n)


def _each(part, pieces: list, key: tuple, work: int) -> None:
    """Do the same pieces however many cores there are, so that the bits are the same; on two where that is quicker."""
    if len(pieces) > 1 and work > SHARED:
        _CORES.setdefault(key, Choice()).run(part, pieces)
    else:
        for piece in pieces:
            part(piece)


def _work(wide, window: Window, places: tuple[int, ...]) -> int:
    """Bytes of all patches of padded grids (C, *size, N)."""
    return math.prod((*window.kernel, *places, len(wide), wide.shape[-1])) * wide.itemsize


def _unfolded(wide, window: Window, places: tuple[int, ...]) -> np.ndarray:
    """What each entry of a kernel meets in padded grids (C, *size, N), as (C, *kernel, *places, N)."""
    out = np.empty((len(wide), *window.kernel, *places, wide.shape[-1]), wide.dtype)
    for entry, seen in window.slices(places):
        place: Any = (slice(None), *entry)
        out[place] = wide[seen]
    return out


def _fold(patches, wide, window: Window, places: tuple[int, ...]) -> None:
    """The transpose: add to each element of padded grids what came of it at each place."""
    for entry, seen in window.slices(places):
        view = wide[seen]
        np.add(view, patches[:, *entry], out=view)


def _matrices(a, groups: int):
    """(O, ...) as (groups, O / groups, all else)."""
    return a.reshape(groups, len(a) // groups, math.prod(a.shape[1:]))


def _times(a, b, out=None):
    """A product of matrices a group; one group needs no loop."""
    return np.matmul(a, b, out=out) if len(a) > 1 else np.matmul(a[0], b[0], out=None if out is None else out[0])[None]


# ---- a kernel a channel: no sum for a product to make, so entry by entry of the kernels, some channels at a time ----


def _alone(weight_shape: tuple[int, ...], groups: int) -> bool:
    return weight_shape[1] == 1 < groups == weight_shape[0]


def _entries(wide, window: Window, places: tuple[int, ...], dtype):
    """(some channels, entry, what it meets, numbers to write to) for each entry of the kernels."""
    size = math.prod(places) * wide.shape[-1]
    step = max(1, 4 * PIECE // max(size, 1))
    scratch = np.empty((step, *places, wide.shape[-1]), dtype)
    for start in range(0, len(wide) if size else 0, step):
        channels = slice(start, min(start + step, len(wide)))
        for entry, seen in window.slices(places):
            yield channels, (channels, 0, *entry), wide[channels][seen], scratch[: channels.stop - start]


def _tall(factors, ndim: int):
    return factors.reshape(-1, *(1,) * (ndim - 1))


# ---- the three functions ----------------------------------------------------------------------------------


@primitive(name="conv")
@whole
def _conv(x, weight, window, groups):
    """The kernels times the patches: a few patches at a time."""
    wide, places, n = window.padded(x), window.places(x.shape), len(x)
    alone = _alone(weight.shape, groups)
    out = (np.zeros if alone else np.empty)((len(weight), *places, n), np.result_type(x, weight))
    if alone:
        for channels, entry, seen, scratch in _entries(wide, window, places, out.dtype):
            np.multiply(seen, _tall(weight[entry], out.ndim), out=scratch)
            np.add(out[channels], scratch, out=out[channels])
        return batch_first(out)
    kernels, flat = _matrices(weight, groups), _matrices(out, groups)

    def part(piece):
        seen, near, run = piece
        _times(kernels, _unfolded(seen, window, near).reshape(groups, kernels.shape[2], -1), flat[:, :, run])

    pieces = list(_parts(wide, window, places)) if out.size else []
    _each(part, pieces, ("conv", x.shape, weight.shape), _work(wide, window, places))
    return batch_first(out)


@primitive(name="conv_weight")
@whole
def _conv_weight(ct, x, window, groups):
    """What the kernels of a convolution get of a cotangent: its product with the patches."""
    wide, places, ct = window.padded(x), window.places(x.shape), np.ascontiguousarray(batch_last(ct))
    taken = len(wide) // groups
    out = np.zeros((groups, len(ct) // groups, taken * math.prod(window.kernel)), np.result_type(ct, x))
    if _alone((len(ct), taken), groups):
        out, axes = out.reshape(len(ct), 1, *window.kernel), list(range(ct.ndim))
        for channels, entry, seen, _ in _entries(wide, window, places, out.dtype):
            out[entry] = np.einsum(ct[channels], axes, seen, axes, [0])
        return out
    flat = _matrices(ct, groups)

    def part(piece):
        seen, near, run = piece
        columns = _unfolded(seen, window, near).reshape(groups, out.shape[2], -1)
        products[run.start] = _times(flat[:, :, run], columns.swapaxes(1, 2))

    pieces = list(_parts(wide, window, places)) if ct.size else []
    for start in range(0, len(pieces), PIECES):  # few products at a time, added in their order
        products: dict[int, np.ndarray] = {}
        some = pieces[start : start + PIECES]
        _each(part, some, ("conv_weight", x.shape, ct.shape, len(some)), _work(wide, window, places))
        for _, _, run in some:
            out += products[run.start]
    return out.reshape(len(ct), taken, *window.kernel)


@primitive(name="conv_input")
@whole
def _conv_input(ct, weight, window, groups):
    """What the grids of a convolution get of a cotangent: its product with the kernels, put where it came from."""
    places, n, channels = ct.shape[2:], len(ct), weight.shape[1] * groups
    wide = np.zeros((channels, *window.ends(places), n), np.result_type(ct, weight))
    ct = np.ascontiguousarray(batch_last(ct))
    if _alone(weight.shape, groups):
        for channels, entry, seen, scratch in _entries(wide, window, places, wide.dtype):
            np.multiply(ct[channels], _tall(weight[entry], ct.ndim), out=scratch)
            np.add(seen, scratch, out=seen)
        return window.inside(wide)
    flat, kernels = _matrices(ct, groups), _matrices(weight, groups).swapaxes(1, 2)
    entries = math.prod(window.kernel)

    def part(piece):  # some channels of the one group, or all of all groups
        own = kernels if groups > 1 else kernels[:, piece.start * entries : piece.stop * entries]
        for seen, near, run in _parts(wide[piece], window, places):
            patches = _times(own, flat[:, :, run])
            _fold(patches.reshape(-1, *window.kernel, *near, n), seen, window, near)

    work = _work(wide, window, places)
    pieces = cut(channels) if groups == 1 and work > SHARED else [slice(0, channels)]
    _each(part, pieces if ct.size else [], ("conv_input", ct.shape, weight.shape), work)
    return window.inside(wide)


_CASE = Window((2, 2), (2, 1), ((1, 0), (0, 1)), (1, 1))  # an uneven window: what is checked of every row
_CUT = Window((2,), (3,), ((1, -1),), (2,))  # on six elements, of which it leaves one out
_conv.defvjp(
    lambda ct, weight, window, groups: _conv_input(ct, weight, window, groups),
    lambda ct, x, window, groups: _conv_weight(ct, x, window, groups),
    shared={"weight": lambda ndim: (0, *range(2, ndim))},
    cases=[
        lambda f, A: f(A(2, 2, 3, 3), A(4, 1, 2, 2), _CASE, 2),
        lambda f, A: f(A(1, 2, 3, 3), A(1, 2, 2, 2), _CASE, 1),
        lambda f, A: f(A(2, 1, 6), A(1, 1, 2), _CUT, 1),
    ],
)
_conv_input.defvjp(
    lambda ct, weight, window, groups: _conv(ct, weight, window, groups),
    lambda u, ct, window, groups: _conv_weight(ct, u, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 3), A(4, 1, 2, 2), _CASE, 2), lambda f, A: f(A(2, 1, 2), A(1, 1, 2), _CUT, 1)],
)
_conv_weight.defvjp(
    lambda v, x, window, groups: _conv(x, v, window, groups),
    lambda v, ct, window, groups: _conv_input(ct, v, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 3), A(2, 2, 3, 3), _CASE, 2)],
)


# ---- unfold and fold --------------------------------------------------------------------------------------


@primitive(name="unfold")
@whole
def _patches(x, window):
    """What a window sees on grids (N, C, *size), as (N, C · kernel, places)."""
    places = window.places(x.shape)
    columns = _unfolded(window.padded(x), window, places)
    return np.moveaxis(columns.reshape(x.shape[1] * math.prod(window.kernel), math.prod(places), len(x)), -1, 0)


@primitive(name="fold")
@whole
def _summed(patches, window, places):
    """The transpose: grids from patches (N, C · kernel, places)."""
    n, channels = len(patches), patches.shape[1] // math.prod(window.kernel)
    wide = np.zeros((channels, *window.ends(places), n), patches.dtype)
    _fold(np.moveaxis(patches, 0, -1).reshape(channels, *window.kernel, *places, n), wide, window, places)
    return window.inside(wide)


_patches.defvjp(
    lambda ct, x_shape, window: _summed(ct, window, window.places(x_shape)),
    cases=[lambda f, A: f(A(2, 2, 3, 3), _CASE)],
)
_summed.defvjp(lambda ct, window: _patches(ct, window), cases=[lambda f, A: f(A(2, 8, 6), _CASE, (2, 3))])


def unfold(
    input: AnyArray, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1
) -> Tensor:
    """What a window sees of images (N, C, H, W), a column each place: (N, C kh kw, places); zeros are the border.

    >>> unfold(np.arange(6.0).reshape(1, 1, 2, 3), 2).tolist()
    [[[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]]
    """
    x = batched("unfold", numbers("unfold", input), 2)
    window = fitting("unfold", _sliding("unfold", kernel_size, dilation, padding, stride), x.shape)
    out = _patches(x, window)
    return out[0] if np.ndim(input) == 3 else out


def fold(
    input: AnyArray,
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Tensor:
    """The transpose of `unfold`: images (N, C, *output_size) from columns, each pixel the sum of what came from it.

    >>> fold(np.ones((1, 4, 2)), (2, 3), 2).tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    """
    patches, size = numbers("fold", input), numbers_of("fold", "output_size", output_size)
    alone = len(patches.shape) == 2
    patches = patches[None] if alone else patches
    window = fitting("fold", _sliding("fold", kernel_size, dilation, padding, stride), (1, 1, *size))
    entries, places = math.prod(window.kernel), window.places((1, 1, *size))
    if len(patches.shape) != 3 or patches.shape[1] % entries or patches.shape[2] != math.prod(places):
        raise ValueError(
            f"fold: found shape {input.shape}; expected (N, C · {entries}, {math.prod(places)}), a column for each "
            f"of the {places} places of the window on images of {size}"
        )
    out = _summed(patches, window, places)
    return out[0] if alone else out


def _sliding(name: str, kernel_size, dilation, padding, stride) -> Window:
    kernel, around = numbers_of(name, "kernel_size", kernel_size), numbers_of(name, "padding", padding, least=0)
    dilation, stride = numbers_of(name, "dilation", dilation), numbers_of(name, "stride", stride)
    return Window(kernel, stride, tuple((p, p) for p in around), dilation)

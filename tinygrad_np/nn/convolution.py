"""Convolution: one product of the kernels with all patches, and the two transposes of that.

The three functions are bilinear and each one's derivatives are the other two, so they hold to any order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import whole
from ..parallel.cores import Choice
from .arguments import array, numbers, same_shapes, whole_number
from .window import Window, batch_first, batch_last, batched, border, fitting, numbers_of

if TYPE_CHECKING:
    from .window import Pair

    Array = Tensor | np.ndarray

CACHE = 1 << 18  # bytes of images that are worked on at a time
KEPT = 1 << 24  # bytes of patches that wait for the pullback; more are computed again there
CORES: dict[tuple, Choice] = {}  # for each shape, whether two are quicker than one


def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of sequences (N, C, L) with kernels (O, C / groups, k); see `conv2d`.

    >>> conv1d(np.arange(5.0)[None], np.array([[[-1.0, 1.0]]]))
    array([[1., 1., 1., 1.]])
    """
    return _convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of images (N, C, H, W) with kernels (O, C / groups, kh, kw); gives (N, O, oh, ow).

    oh = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1. A pair stands for (down, across). `bias` has shape
    (O,). `padding` is zeros around the images: numbers, "valid" for none, or "same" for an output as large as the
    images, which needs stride 1. Integer images, such as bytes, take the dtype of the kernels. One image may come
    without the axis N.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding=1)[0, 0, 0]
    array([1., 2., 2., 1.])
    >>> conv2d(np.ones((2, 3, 9, 7)), np.ones((8, 3, 4, 3)), padding="same").shape
    (2, 8, 9, 7)
    """
    return _convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of volumes (N, C, D, H, W) with kernels (O, C / groups, kd, kh, kw); see `conv2d`.

    >>> conv3d(np.ones((1, 1, 3, 3, 3)), np.ones((1, 1, 2, 2, 2))).shape
    (1, 1, 2, 2, 2)
    """
    return _convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:
    """The transpose of `conv1d`, for weights (C, O / groups, k); see `conv_transpose2d`.

    >>> conv_transpose1d(np.array([[1.0, 2.0]]), np.ones((1, 1, 2)), stride=2)
    array([[1., 1., 2., 2.]])
    """
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:
    """The transpose of the convolution that maps (N, O, oh, ow) to images (N, C, H, W), for weights (C, O / groups,
    kh, kw).

    oh = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1; `output_padding`, less than the stride or
    the dilation, chooses among the sizes that the convolution maps to H. `bias` has shape (O,).

    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:
    """The transpose of `conv3d`, for weights (C, O / groups, kd, kh, kw); see `conv_transpose2d`.

    >>> conv_transpose3d(np.ones((1, 1, 2, 2, 2)), np.ones((1, 3, 2, 2, 2)), stride=2).shape
    (1, 3, 4, 4, 4)
    """
    return _transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolution(name: str, n: int, input, weight, bias, stride, padding, dilation, groups) -> Tensor:
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


def _transposed(name: str, n: int, input, weight, bias, stride, padding, more, groups, dilation) -> Tensor:
    x, weight = _operands(name, n, input, weight, "(C, O / groups, {})", groups)
    if x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"{name}: found {x.shape[1]} channels in an input of shape {x.shape}; expected {weight.shape[0]}, "
            f"as many as there are kernels in weights of shape {weight.shape}"
        )
    stride, dilation = numbers_of(name, "stride", stride, n), numbers_of(name, "dilation", dilation, n)
    padding = numbers_of(name, "padding", padding, n, least=0)
    more = numbers_of(name, "output_padding", more, n, least=0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation)):
        raise ValueError(f"{name}: output_padding: found {more}; expected less than stride {stride} or {dilation}")
    window = Window(weight.shape[2:], stride, tuple((p, p - m) for p, m in zip(padding, more)), dilation)
    size = window.size(x.shape[2:])
    if min(size) < 1:
        raise ValueError(f"{name}: padding: found {padding}, which leaves an output of {size}; expected less")
    return _finished(name, _conv_input(x, weight, window, groups), bias, np.ndim(input) == n + 1)


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


# ---- patches ----------------------------------------------------------------------------------------------


def _columns(x, window: Window, groups: int) -> np.ndarray:
    """The patches as a matrix a group: a column each place, a row each entry of a kernel."""
    columns = unfolded(window.padded(x), window, window.places(x.shape))
    return columns.reshape(groups, x.shape[1] // groups * math.prod(window.kernel), -1)


@whole
def unfolded(x, window: Window, places: tuple[int, ...], out=None) -> np.ndarray:
    """What each entry of a kernel meets in padded grids (C, *size, N), as (C, *kernel, *places, N)."""
    shape = (x.shape[0], *window.kernel, *places, x.shape[-1])
    out = np.empty(shape, x.dtype) if out is None else out.reshape(shape)

    def part(block):
        source, target = x[block], out[block]
        for entry, seen in window.slices(places):
            target[:, *entry] = source[seen]

    _in_blocks(part, x, out.nbytes)
    return out


@whole
def folded(patches, window: Window, shape: tuple, out=None) -> np.ndarray:
    """The transpose of `unfolded`: padded grids of `shape`, each element the sum over the places that saw it."""
    out = np.empty(shape, patches.dtype) if out is None else out

    def part(block):
        source, target = patches[block], out[block]
        target.fill(0)
        for entry, seen in window.slices(patches.shape[len(shape) - 1 : -1]):
            view = target[seen]
            np.add(view, source[:, *entry], out=view)

    _in_blocks(part, out, patches.nbytes)
    return out


def _grids(patches, window: Window) -> np.ndarray:
    """Grids (N, C, *size) from patches (C, *kernel, *places, N), overlaps summed."""
    places = patches.shape[len(window.kernel) + 1 : -1]
    wide = tuple((p - 1) * stride + span for p, stride, span in zip(places, window.stride, window.spans()))
    return window.inside(folded(patches, window, (len(patches), *wide, patches.shape[-1])))


def _in_blocks(part, images, work: int) -> None:
    """A loop over channels, as many at a time as stay in the cache, on both cores if there is much to do."""
    n = len(images)
    threads = 2 if n > 1 and work > 1 << 20 else 1
    size = max(1, min(-(-n // threads), CACHE * n // max(images.nbytes, 1)))
    blocks = [slice(start, start + size) for start in range(0, n, size)]
    if threads == 2:
        CORES.setdefault((part.__qualname__, images.shape, work), Choice()).run(part, blocks)
    else:
        for block in blocks:
            part(block)


def _by_group(out, groups: int) -> np.ndarray:
    """(N, O, oh, ow) as (groups, O / groups, oh ow N)."""
    return batch_last(out).reshape(groups, out.shape[1] // groups, -1)


def _product(a, b):
    """A product of matrices a group; one group needs no loop."""
    return (a[0] @ b[0])[None] if len(a) == 1 else a @ b


@primitive(name="conv")
def _conv(x, weight, window, groups):
    return _conv_and_columns(x, weight, window, groups)[0]


def _conv_and_columns(x, weight, window, groups):
    """The convolution, and the patches for the kernels' gradient unless they are large."""
    columns = _columns(x, window, groups)
    out = _product(weight.reshape(groups, weight.shape[0] // groups, -1), columns)
    out = batch_first(out.reshape(weight.shape[0], *window.places(x.shape), x.shape[0]))
    return out, columns if columns.nbytes <= KEPT else None


@primitive(name="conv_input")
def _conv_input(ct, weight, window, groups):
    """Where each output came from: the images' share."""
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    patches = _product(kernels.swapaxes(1, 2), _by_group(ct, groups))
    return _grids(patches.reshape(weight.shape[1] * groups, *window.kernel, *ct.shape[2:], ct.shape[0]), window)


@primitive(name="conv_weight")
def _conv_weight(ct, x, window, groups, columns=None):
    """Where each output came from: the kernels' share; `columns` are the patches of x, if they are at hand."""
    columns = _columns(x, window, groups) if columns is None else columns
    kernels = _product(_by_group(ct, groups), columns.swapaxes(1, 2))
    return kernels.reshape(ct.shape[1], x.shape[1] // groups, *window.kernel)


CASE = Window((2, 2), (2, 1), ((1, 0), (0, 1)), (1, 1))  # an uneven window: what is checked of every row
CUT = Window((2,), (3,), ((1, -1),), (2,))  # on six elements, of which it leaves one out
_conv.defvjp(
    lambda ct, weight, window, groups: _conv_input(ct, weight, window, groups),
    lambda ct, x, aux, window, groups: _conv_weight(ct, x, window, groups, aux),
    aux=(_conv_and_columns, lambda: None),
    shared={"weight": lambda ndim: (0, *range(2, ndim))},
    cases=[
        lambda f, A: f(A(2, 2, 3, 3), A(4, 1, 2, 2), CASE, 2),
        lambda f, A: f(A(1, 2, 3, 3), A(1, 2, 2, 2), CASE, 1),
        lambda f, A: f(A(2, 1, 6), A(1, 1, 2), CUT, 1),
    ],
)
_conv_input.defvjp(
    lambda ct, weight, window, groups: _conv(ct, weight, window, groups),
    lambda u, ct, window, groups: _conv_weight(ct, u, window, groups),
    cases=[
        lambda f, A: f(A(2, 4, 2, 3), A(4, 1, 2, 2), CASE, 2),
        lambda f, A: f(A(2, 1, 2), A(1, 1, 2), CUT, 1),
    ],
)
_conv_weight.defvjp(
    lambda v, x, window, groups: _conv(x, v, window, groups),
    lambda v, ct, window, groups: _conv_input(ct, v, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 3), A(2, 2, 3, 3), CASE, 2)],
)


# ---- unfold and fold --------------------------------------------------------------------------------------


@primitive(name="unfold")
def _patches(x, window):
    """What a window sees on grids (N, C, *size), as (N, C · kernel, places)."""
    columns = _columns(x, window, 1)[0]
    return np.moveaxis(columns.reshape(len(columns), math.prod(window.places(x.shape)), len(x)), -1, 0)


@primitive(name="fold")
def _summed(patches, window, places):
    """The transpose: grids from patches (N, C · kernel, places)."""
    patches = np.ascontiguousarray(np.moveaxis(patches, 0, -1))
    channels = len(patches) // math.prod(window.kernel)
    return _grids(patches.reshape(channels, *window.kernel, *places, patches.shape[-1]), window)


_patches.defvjp(
    lambda ct, x_shape, window: _summed(ct, window, window.places(x_shape)),
    cases=[lambda f, A: f(A(2, 2, 3, 3), CASE)],
)
_summed.defvjp(lambda ct, window: _patches(ct, window), cases=[lambda f, A: f(A(2, 8, 6), CASE, (2, 3))])


def unfold(input: Array, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1) -> Tensor:
    """What a window sees of images (N, C, H, W), a column each place: (N, C kh kw, places); zeros are the border.

    >>> unfold(np.arange(6.0).reshape(1, 1, 2, 3), 2).tolist()
    [[[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]]
    """
    x = batched("unfold", numbers("unfold", input), 2)
    window = fitting("unfold", _sliding("unfold", kernel_size, dilation, padding, stride), x.shape)
    out = _patches(x, window)
    return out[0] if np.ndim(input) == 3 else out


def fold(
    input: Array, output_size: Pair, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1
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

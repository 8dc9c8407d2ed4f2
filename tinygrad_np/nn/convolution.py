"""Convolution: one product of the kernels with all patches, and the two transposes of that.

The three functions are bilinear and each one's derivatives are the other two, so they hold to any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..engine.table import primitive
from ..engine.tensor import Tensor
from ..engine.tracing import whole
from ..parallel.cores import Choice
from .arguments import array, numbers, same_shapes, whole_number
from .window import Window, batch_first, batch_last, border, fitting, images, pair

if TYPE_CHECKING:
    from .window import Pair

    Array = Tensor | np.ndarray

CACHE = 1 << 18  # bytes of images that are worked on at a time
KEPT = 1 << 24  # bytes of patches that wait for the pullback; more are computed again there
CORES: dict[tuple, Choice] = {}  # for each shape, whether two are quicker than one


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
    images, which needs stride 1. Integer images, such as bytes, take the dtype of the kernels.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding=1)[0, 0, 0]
    array([1., 2., 2., 1.])
    >>> conv2d(np.ones((2, 3, 9, 7)), np.ones((8, 3, 4, 3)), padding="same").shape
    (2, 8, 9, 7)
    """
    input, weight = array(input, "conv2d"), numbers("conv2d: weight", weight)
    input = input.astype(weight.dtype) if input.dtype.kind in "iu" else numbers("conv2d", input)
    images("conv2d", input.shape)
    if len(weight.shape) != 4 or 0 in weight.shape:
        raise ValueError(f"conv2d: weight: found shape {weight.shape}; expected (O, C / groups, kh, kw), none 0")
    whole_number("conv2d", "groups", groups, least=1)
    if weight.shape[0] % groups:
        raise ValueError(f"conv2d: groups: found {groups}, which does not divide the {weight.shape[0]} kernels")
    if input.shape[1] != weight.shape[1] * groups:
        raise ValueError(
            f"conv2d: found {input.shape[1]} channels in images of shape {input.shape}; expected "
            f"{weight.shape[1] * groups}, which kernels of shape {weight.shape} in {groups} group(s) take"
        )
    if bias is not None:
        bias = numbers("conv2d: bias", bias)
        same_shapes("conv2d", weight.shape[:1], bias=bias)
    kernel, stride, dilation = weight.shape[2:], pair("conv2d", "stride", stride), pair("conv2d", "dilation", dilation)
    window = Window(kernel, stride, border("conv2d", padding, kernel, stride, dilation), dilation)
    out = _conv(input, weight, fitting("conv2d", window, input.shape), groups)
    return out if bias is None else out + bias[:, None, None]


def _columns(x, window: Window, groups: int) -> np.ndarray:
    """The patches as a matrix a group: a column each place, a row each entry of a kernel."""
    columns = unfold(window.padded(x), window, window.places(x.shape))
    return columns.reshape(groups, x.shape[1] // groups * window.kernel[0] * window.kernel[1], -1)


@whole
def unfold(x, window: Window, places: tuple[int, int], out=None) -> np.ndarray:
    """What each entry of a kernel meets in padded images (C, H, W, N), as (C, kh, kw, oh, ow, N)."""
    if out is None:
        out = np.empty((x.shape[0], *window.kernel, *places, x.shape[3]), x.dtype)
    out = out.reshape(x.shape[0], *window.kernel, *places, x.shape[3])

    def part(block):
        source, target = x[block], out[block]
        for i, j, seen in window.slices(places):
            target[:, i, j] = source[seen]

    _in_blocks(part, x, out.nbytes)
    return out


@whole
def fold(patches, window: Window, shape: tuple, out=None) -> np.ndarray:
    """The transpose of `unfold`: padded images of `shape`, each pixel the sum over the places that saw it."""
    out = np.empty(shape, patches.dtype) if out is None else out

    def part(block):
        source, target = patches[block], out[block]
        target.fill(0)
        for i, j, seen in window.slices(patches.shape[3:5]):
            view = target[seen]
            np.add(view, source[:, i, j], out=view)

    _in_blocks(part, out, patches.nbytes)
    return out


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


@primitive
def _conv(x, weight, window, groups):
    return _conv_and_columns(x, weight, window, groups)[0]


def _conv_and_columns(x, weight, window, groups):
    """The convolution, and the patches for the kernels' gradient unless they are large."""
    columns = _columns(x, window, groups)
    out = _product(weight.reshape(groups, weight.shape[0] // groups, -1), columns)
    out = batch_first(out.reshape(weight.shape[0], *window.places(x.shape), x.shape[0]))
    return out, columns if columns.nbytes <= KEPT else None


@primitive
def _conv_input(ct, weight, shape, window, groups):
    """Where each output came from: the images' share."""
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    patches = _product(kernels.swapaxes(1, 2), _by_group(ct, groups))
    patches = patches.reshape(shape[1], *window.kernel, *ct.shape[2:], shape[0])
    return window.inside(fold(patches, window, window.wide(shape)))


@primitive
def _conv_weight(ct, x, window, groups, columns=None):
    """Where each output came from: the kernels' share; `columns` are the patches of x, if they are at hand."""
    columns = _columns(x, window, groups) if columns is None else columns
    kernels = _product(_by_group(ct, groups), columns.swapaxes(1, 2))
    return kernels.reshape(ct.shape[1], x.shape[1] // groups, *window.kernel)


_conv.__name__, _conv_input.__name__, _conv_weight.__name__ = "conv2d", "conv2d_input", "conv2d_weight"
CASE = Window((2, 2), (2, 1), ((1, 1), (0, 1)), (1, 1))  # an uneven window: what is checked of every row
_conv.defvjp(
    lambda ct, weight, x_shape, window, groups: _conv_input(ct, weight, x_shape, window, groups),
    lambda ct, x, aux, window, groups: _conv_weight(ct, x, window, groups, aux),
    aux=(_conv_and_columns, lambda: None),
    cases=[
        lambda f, A: f(A(2, 2, 3, 3), A(4, 1, 2, 2), CASE, 2),
        lambda f, A: f(A(1, 2, 4, 3), A(1, 2, 2, 2), CASE, 1),
    ],
)
_conv_input.defvjp(
    lambda ct, weight, window, groups: _conv(ct, weight, window, groups),
    lambda u, ct, window, groups: _conv_weight(ct, u, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 3), A(4, 1, 2, 2), (2, 2, 3, 3), CASE, 2)],
)
_conv_weight.defvjp(
    lambda v, x, window, groups: _conv(x, v, window, groups),
    lambda v, ct, x_shape, window, groups: _conv_input(ct, v, x_shape, window, groups),
    cases=[lambda f, A: f(A(2, 4, 2, 3), A(2, 2, 3, 3), CASE, 2)],
)

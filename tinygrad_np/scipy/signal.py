"""scipy.signal for arrays and tensors: convolution and correlation in any number of dimensions.

Each is a part of the full convolution, which is bilinear; its transposes are convolutions with the flipped operand.

>>> import tinygrad_np as tg
>>> tg.grad(lambda x: convolve(x, np.array([1.0, 2.0]))[1])(np.array([3.0, 4.0]))
array([2., 1.])
"""

import numpy as np
import scipy.signal as ss
from scipy.fft import next_fast_len

from ..derivatives.joining import as_operand
from ..engine.signatures import axes_of
from ..engine.table import primitive
from ..engine.tracing import whole

__all__ = ["convolve", "correlate", "fftconvolve", "convolve2d", "correlate2d"]

PADDING = {"fill": "constant", "wrap": "wrap", "symm": "symmetric"}


@whole
def convolved(in1, in2, method):
    return np.asarray(ss.convolve(in1, in2, "full", method))


@primitive
def full(in1, in2, method="auto"):
    """Every place where the two overlap: lengths m and n give m + n - 1."""
    return convolved(in1, in2, method)


def part(a, start, shape):
    """The block of this shape from these positions on; axes before the last ones stay whole."""
    return a[(..., *(slice(i, i + n) for i, n in zip(start, shape, strict=True)))]


def less_one(shape):
    return [n - 1 for n in shape]


full.defvjp(
    lambda ct, in2, in1_shape, method: part(full(ct, np.flip(in2), method), less_one(in2.shape), in1_shape),
    lambda ct, in1, in2_shape, method: part(full(ct, np.flip(in1), method), less_one(in1.shape), in2_shape),
    diff=("in1", "in2"),
    kind="bilinear",
    cases=[lambda f, A: f(A("m"), A("n")), lambda f, A: f(A("m", 3), A(2, "n")), lambda f, A: f(A(), A(), "direct")],
)


def part_of_full(name, out, m, n, mode):
    """The part of the full convolution of shapes m and n that a mode names."""
    if mode == "full":
        return out
    if mode == "same":
        return part(out, [(k - 1) // 2 for k in n], m)
    if mode != "valid":
        raise ValueError(f"{name}: found mode={mode!r}; expected 'full', 'same' or 'valid'")
    if not (all(i >= k for i, k in zip(m, n)) or all(i <= k for i, k in zip(m, n))):
        raise ValueError(f"{name}: found shapes {m} and {n}; for mode='valid' one must fit into the other")
    return part(out, less_one(map(min, m, n)), [abs(i - k) + 1 for i, k in zip(m, n)])


def two_signals(name, in1, in2):
    """Both as tensors or arrays, of as many axes, none of them empty."""
    in1, in2 = as_operand(in1), as_operand(in2)
    if in1.ndim != in2.ndim or not in1.size or not in2.size:
        raise ValueError(f"{name}: found shapes {in1.shape} and {in2.shape}; expected as many axes, and elements")
    return in1, in2


def convolve(in1, in2, mode="full", method="auto", *, axes=None, dot_axes=None):
    """The convolution of two arrays of any number of axes: all of it, as much as `in1`, or where neither ends.

    With `axes`, a list of axes for each, along these alone; with `dot_axes`, summed over others, as np.tensordot does.
    The axes left of `in1`, those left of `in2` and `axes` follow each other in what comes out: HIPS autograd's way.

    >>> images, kernels = np.ones((8, 3, 28, 28)), np.ones((3, 16, 5, 5))
    >>> convolve(images, kernels, "valid", axes=([2, 3], [2, 3]), dot_axes=([1], [0])).shape
    (8, 16, 24, 24)
    """
    if axes is not None or dot_axes is not None:
        return contracted(as_operand(in1), as_operand(in2), axes, dot_axes or ([], []), mode)
    in1, in2 = two_signals("convolve", in1, in2)
    return part_of_full("convolve", full(in1, in2, method), in1.shape, in2.shape, mode)


def contracted(in1, in2, axes, dot_axes, mode):
    """The convolution along some axes, summed over others, with every pair of what is left."""
    axes = axes or [[i for i in range(x.ndim) if i not in dot] for x, dot in zip((in1, in2), dot_axes)]
    moved = []
    for x, along, dot in zip((in1, in2), axes, dot_axes):
        order = [axes_of(list(some), x.ndim) for some in (dot, along)]
        moved.append(
            np.transpose(x, [*(i for i in range(x.ndim) if i not in {*order[0], *order[1]}), *order[0], *order[1]])
        )
    d, k = len(dot_axes[0]), len(axes[0])
    (in1, in2), (m, n) = moved, [x.shape[x.ndim - k :] for x in moved]
    inside = mode == "valid" and all(i >= j for i, j in zip(m, n))
    wide = in1 if inside else np.pad(in1, [(0, 0)] * (in1.ndim - k) + [(j - 1, j - 1) for j in n])
    windows = np.lib.stride_tricks.sliding_window_view(wide, n, tuple(range(in1.ndim - k, in1.ndim)))
    flipped = np.flip(in2, tuple(range(in2.ndim - k, in2.ndim)))
    left, right = in1.ndim - d - k, in2.ndim - d - k
    summed = ([*range(left, left + d), *range(left + d + k, windows.ndim)], list(range(right, in2.ndim)))
    out = np.tensordot(windows, flipped, summed)  # left of in1, along, left of in2
    out = np.moveaxis(out, list(range(left, left + k)), list(range(-k, 0)))
    return out if inside else part_of_full("convolve", out, m, n, mode)


def correlate(in1, in2, mode="full", method="auto"):
    """The cross-correlation: the convolution with `in2` flipped and conjugated."""
    return convolve(in1, np.flip(np.conjugate(as_operand(in2))), mode, method)


def fftconvolve(in1, in2, mode="full", axes=None):
    """The convolution along `axes`, by default all, as a product of Fourier transforms; the other axes broadcast."""
    in1, in2 = two_signals("fftconvolve", in1, in2)
    axes = axes_of(axes, in1.ndim)
    last = list(range(in1.ndim - len(axes), in1.ndim))
    in1, in2 = np.moveaxis(in1, axes, last), np.moveaxis(in2, axes, last)
    m, n = in1.shape[last[0] :] if last else (), in2.shape[last[0] :] if last else ()
    whole = [i + k - 1 for i, k in zip(m, n)]
    real = in1.dtype.kind != "c" and in2.dtype.kind != "c"
    there, back = (np.fft.rfftn, np.fft.irfftn) if real else (np.fft.fftn, np.fft.ifftn)
    fast = [next_fast_len(k, real) for k in whole]
    out = back(there(in1, fast, last) * there(in2, fast, last), fast, last) if last else in1 * in2
    out = part_of_full("fftconvolve", part(out, [0] * len(m), whole), m, n, mode)
    return np.moveaxis(out, last, axes)


def convolve2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """The convolution of two matrices, `in1` going on beyond its edges as `boundary` says: fill, wrap or symm."""
    in1, in2 = two_signals("convolve2d", in1, in2)
    middle = [(k - 1) // 2 for k in in2.shape]
    return bounded(in1, in2, mode, boundary, fillvalue, middle)


def bounded(in1, in2, mode, boundary, fillvalue, middle):
    """The convolution of `in1` and what is beyond its edges; mode "same" begins at `middle`."""
    if boundary not in PADDING:
        raise ValueError(f"convolve2d: found boundary={boundary!r}; expected 'fill', 'wrap' or 'symm'")
    if mode == "valid":
        return convolve(in1, in2, mode)
    value = {"constant_values": fillvalue} if boundary == "fill" else {}
    wide = np.pad(in1, [(n - 1, n - 1) for n in in2.shape], PADDING[boundary], **value)
    out = part(full(wide, in2), less_one(in2.shape), [m + n - 1 for m, n in zip(in1.shape, in2.shape)])
    return (
        part(out, middle, in1.shape) if mode == "same" else part_of_full("convolve2d", out, in1.shape, in2.shape, mode)
    )


def correlate2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """The cross-correlation of two matrices; boundaries as in `convolve2d`."""
    in1, in2 = two_signals("correlate2d", in1, in2)
    middle = [k // 2 for k in in2.shape]  # of an even length, the other middle than a convolution has
    return bounded(in1, np.flip(np.conjugate(in2)), mode, boundary, fillvalue, middle)


def __dir__() -> list[str]:
    return sorted(__all__)

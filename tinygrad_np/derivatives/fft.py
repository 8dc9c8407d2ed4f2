"""Fourier transforms: the adjoint of each is its inverse with the other normalization.

A transform of length n first pads or crops its axis to n, so its adjoint crops or pads back. The real transforms keep
half of a spectrum that is symmetric: their weights count each frequency as often as the whole spectrum has it.
"""

import numpy as np

from ..engine.operation import NotDifferentiable
from ..engine.table import composed, function, linear, plain
from .joining import as_operand

OTHER = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def fitted(a, shape):
    """Cropped or padded with zeros at the end of each axis."""
    a = a[tuple(slice(min(m, n)) for m, n in zip(a.shape, shape))]
    after = [(0, n - m) for m, n in zip(a.shape, shape)]
    return np.pad(a, after) if any(n for _, n in after) else a


def transformed(a_shape, axes, s):
    """The axes that a transform works along, each once."""
    axes = tuple(range(len(a_shape)))[-len(s) if s is not None else 0 :] if axes is None else axes
    axes = tuple(i % len(a_shape) for i in axes)
    if len(set(axes)) < len(axes):
        raise NotDifferentiable(f"fft: axes {axes} name an axis twice; transform it in two calls")
    return axes


def weights(n, half, axis, ndim):
    """How often the whole spectrum of n frequencies has each of the half: once or twice, along the axis."""
    k = np.arange(half)
    return np.where((k == 0) | (2 * k == n), 1, 2).reshape((-1,) + (1,) * (ndim - axis % ndim - 1))


def fftn_ct(ct, a_shape, s, axes, norm):
    axes = transformed(a_shape, axes, s)
    return fitted(np.fft.ifftn(ct, axes=axes, norm=OTHER[norm]), a_shape)


def ifftn_ct(ct, a_shape, s, axes, norm):
    axes = transformed(a_shape, axes, s)
    return fitted(np.fft.fftn(ct, axes=axes, norm=OTHER[norm]), a_shape)


def rfftn_ct(ct, a_shape, s, axes, norm):
    axes = transformed(a_shape, axes, s)
    last = axes[-1]
    n = a_shape[last] if s is None or s[-1] in (None, -1) else s[-1]
    ct = ct / weights(n, ct.shape[last], last, ct.ndim).astype(ct.real.dtype)
    return fitted(np.fft.irfftn(ct, [ct.shape[i] for i in axes[:-1]] + [n], axes, OTHER[norm]), a_shape)


def irfftn_ct(ct, a_shape, s, axes, norm):
    axes = transformed(a_shape, axes, s)
    last = axes[-1]
    g = np.fft.rfftn(ct, axes=axes, norm=OTHER[norm])
    return fitted(g * weights(ct.shape[last], g.shape[last], last, g.ndim).astype(ct.dtype), a_shape)


SIZES = [
    lambda f, A: f(A("m", 3)),
    lambda f, A: f(A(4, "n"), (3, 5), norm="ortho"),
    lambda f, A: f(A(3, 4, 2), None, (1, 0)),
    lambda f, A: f(A(5, 4), (2, 3), (-1, 0), "forward"),
]
SPECTRA = [
    lambda f, A: f(A("m", 3)),
    lambda f, A: f(A(4, 3), (3, 5), (0, 1), norm="ortho"),
    lambda f, A: f(A(3, 4, 2), None, (1, 0)),
    lambda f, A: f(A(5, 4), (2, 3), (-1, 0), "forward"),
]
function(np.fft.fftn, fftn_ct, conj=False, kind="linear", cases=SIZES)
function(np.fft.ifftn, ifftn_ct, conj=False, kind="linear", cases=SIZES)
function(np.fft.rfftn, rfftn_ct, conj=False, kind="linear", cases=SIZES)
function(np.fft.irfftn, irfftn_ct, conj=False, kind="linear", cases=SPECTRA)

# ---- one and two axes: the same transforms ----------------------------------------------------------------

ONE_AXIS = [
    lambda f, A: f(A("m", 5)),
    lambda f, A: f(A(4, "n"), 3, 0, "ortho"),
    lambda f, A: f(A(3, 4), n=7, norm="forward"),
]


def one_axis(transform):
    """A transform of one axis by the one of many."""
    return lambda a, n=None, axis=-1, norm=None: transform(a, None if n is None else (n,), (axis,), norm)


def two_axes(transform):
    return lambda a, s=None, axes=(-2, -1), norm=None: transform(a, s, axes, norm)


for name in ("fft", "ifft", "rfft", "irfft"):
    transform = getattr(np.fft, name + "n")
    composed(getattr(np.fft, name), cases=ONE_AXIS)(one_axis(transform))
    composed(
        getattr(np.fft, name + "2"),
        cases=[lambda f, A: f(A(2, 3, 4)), lambda f, A: f(A(3, 4, 2), (3, 3), (0, 1))],
    )(two_axes(transform))


@composed(np.fft.hfft, cases=ONE_AXIS)
def hfft(a, n=None, axis=-1, norm=None):
    return np.fft.irfft(as_operand(a).conjugate(), n, axis, OTHER[norm])


@composed(np.fft.ihfft, cases=ONE_AXIS)
def ihfft(a, n=None, axis=-1, norm=None):
    return np.fft.rfft(a, n, axis, OTHER[norm]).conjugate()


linear(
    np.fft.fftshift,
    lambda ct, axes: np.fft.ifftshift(ct, axes),
    cases=[lambda f, A: f(A("m", 3)), lambda f, A: f(A(5, 2), 0)],
)
linear(
    np.fft.ifftshift,
    lambda ct, axes: np.fft.fftshift(ct, axes),
    cases=[lambda f, A: f(A("m", 3)), lambda f, A: f(A(5, 2), 0)],
)

plain("frequencies of a count", np.fft.fftfreq, np.fft.rfftfreq)

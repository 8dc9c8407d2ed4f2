"""scipy.ndimage's filters: the borders by np.pad, and a window about every element, so that every derivative follows.

Values, defaults, modes and origins are SciPy's; without a tracked tensor SciPy's own functions run.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import scipy.ndimage as sn

from ..derivatives.joining import as_operand
from ..engine.arrays import array_of
from ..engine.recording import is_tracked

PADDED: dict[str, Any] = {  # SciPy's modes of borders, by np.pad's names for them
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "nearest": "edge",
    "mirror": "reflect",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "constant",
    "grid-constant": "constant",
}
__all__: list[str] = []


def filter_of(definition: Callable) -> Callable:
    """Decorate the definition of one of SciPy's filters on tensors; on arrays SciPy's own runs."""
    name = definition.__name__
    theirs = getattr(sn, name)
    signature = inspect.signature(theirs)
    __all__.append(name)

    @wraps(theirs)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not is_tracked(args) and not is_tracked(list(kwargs.values())):
            return theirs(*map(without_tape, args), **{key: without_tape(value) for key, value in kwargs.items()})
        given = dict(signature.bind(*args, **kwargs).arguments)
        if given.pop("output", None) is not None:
            raise TypeError(f"{name}: output= would lose the gradient; use the returned tensor")
        if given.get("axes") is not None:
            raise TypeError(
                f"{name}: axes= has no derivative here; move the axes, or filter each by its own 1-d filter"
            )
        given.pop("axes", None)
        given.update(given.pop("kwargs", {}))
        return definition(**given)

    call.__doc__ = f"scipy.ndimage.{name} for arrays and tensors."
    return call


def without_tape(value: Any) -> Any:
    return array_of(value) if hasattr(value, "_node") else value


def an_axis(value: Any, ndim: int) -> list:
    """One of something an axis."""
    return list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value] * ndim


def windows(x: Any, size: list[int], mode: Any, cval: float, origin: Any) -> Any:
    """The elements about every element: the shape of x, and then the sizes of the window."""
    x = as_operand(x)
    modes, origins = an_axis(mode, x.ndim), an_axis(origin, x.ndim)
    for axis, (n, m, o) in enumerate(zip(size, modes, origins)):
        if n == 1 and o == 0:
            continue
        if m not in PADDED:
            raise ValueError(f"mode: found {m!r}; expected one of {', '.join(PADDED)}")
        if not -(n // 2) <= o <= (n - 1) // 2:
            raise ValueError(f"origin: found {o} for a window of {n}; it reaches outside of it")
        before = n // 2 + o
        widths = [(0, 0)] * axis + [(before, n - 1 - before)] + [(0, 0)] * (x.ndim - axis - 1)
        more: dict[str, Any] = {"constant_values": cval} if PADDED[m] == "constant" else {}
        x = np.pad(x, widths, PADDED[m], **more)
    return np.lib.stride_tricks.sliding_window_view(x, tuple(size))


@filter_of
def correlate(input, weights, mode="reflect", cval=0.0, origin=0):
    weights = as_operand(weights)
    size = list(weights.shape)
    wide = windows(input, size, mode, cval, origin)
    return np.tensordot(wide, weights, axes=len(size))


@filter_of
def convolve(input, weights, mode="reflect", cval=0.0, origin=0):
    weights = as_operand(weights)
    origins = [-o - (n % 2 == 0) for o, n in zip(an_axis(origin, weights.ndim), weights.shape)]
    return correlate_(input, np.flip(weights), mode, cval, origins)


def correlate_(input, weights, mode, cval, origin):
    return np.tensordot(windows(input, list(weights.shape), mode, cval, origin), weights, axes=weights.ndim)


def correlated_along(input, weights, axis, mode, cval, origin):
    """Correlation with weights along one axis."""
    input, weights = as_operand(input), as_operand(weights)
    axis %= input.ndim
    size, origins = [1] * input.ndim, [0] * input.ndim
    size[axis], origins[axis] = weights.shape[0], origin
    return correlate_(input, np.reshape(weights, size), mode, cval, origins)


@filter_of
def correlate1d(input, weights, axis=-1, mode="reflect", cval=0.0, origin=0):
    return correlated_along(input, weights, axis, mode, cval, origin)


@filter_of
def convolve1d(input, weights, axis=-1, mode="reflect", cval=0.0, origin=0):
    weights = as_operand(weights)
    return correlated_along(input, np.flip(weights), axis, mode, cval, -origin - (weights.shape[0] % 2 == 0))


def gaussian_weights(sigma: Any, order: int, radius: int) -> Any:
    """Samples of a Gaussian of unit sum, or of its derivative, differentiable in sigma."""
    x = np.arange(-radius, radius + 1)
    phi = np.exp(-0.5 * (x / sigma) ** 2)
    phi = phi / np.sum(phi)
    q = [1.0]  # the derivative of order n is a polynomial times phi: q' - q x / sigma²
    for _ in range(order):
        derived = [(i + 1) * q[i + 1] for i in range(len(q) - 1)] + [0.0, 0.0]
        times = [0.0] + [-c / sigma**2 for c in q]
        q = [a + b for a, b in zip(derived, times)]
    return sum(c * x**i for i, c in enumerate(q)) * phi


@filter_of
def gaussian_filter1d(input, sigma, axis=-1, order=0, mode="reflect", cval=0.0, truncate=4.0, *, radius=None):
    radius = int(truncate * float(array_of(sigma)) + 0.5) if radius is None else radius
    return correlated_along(input, np.flip(gaussian_weights(sigma, order, radius)), axis, mode, cval, 0)


@filter_of
def gaussian_filter(input, sigma, order=0, mode="reflect", cval=0.0, truncate=4.0, *, radius=None):
    x = as_operand(input)
    sigmas = [sigma[i] for i in range(x.ndim)] if np.ndim(array_of(as_operand(sigma))) else [sigma] * x.ndim
    for axis, (s, o, m, r) in enumerate(
        zip(sigmas, an_axis(order, x.ndim), an_axis(mode, x.ndim), an_axis(radius, x.ndim))
    ):
        if float(array_of(s)) > 1e-15:
            x = gaussian_filter1d(x, s, axis, o, mode=m, cval=cval, truncate=truncate, radius=r)
    return as_operand(x)


@filter_of
def uniform_filter1d(input, size, axis=-1, mode="reflect", cval=0.0, origin=0):
    return correlated_along(input, np.full(size, 1 / size), axis, mode, cval, origin)


@filter_of
def uniform_filter(input, size=3, mode="reflect", cval=0.0, origin=0):
    x = as_operand(input)
    for axis, (n, m, o) in enumerate(zip(an_axis(size, x.ndim), an_axis(mode, x.ndim), an_axis(origin, x.ndim))):
        x = uniform_filter1d(x, n, axis, mode=m, cval=cval, origin=o) if n > 1 else x
    return x


def edges(smoothing: list[float]) -> Callable:
    """The derivative along an axis, smoothed along the others."""

    def definition(input, axis=-1, mode="reflect", cval=0.0):
        x = as_operand(input)
        modes = an_axis(mode, x.ndim)
        axis %= x.ndim
        out = correlated_along(x, np.array([-1.0, 0.0, 1.0]), axis, modes[axis], cval, 0)
        for other in range(x.ndim):
            if other != axis:
                out = correlated_along(out, np.array(smoothing), other, modes[other], cval, 0)
        return out

    return definition


sobel = edges([1.0, 2.0, 1.0])
sobel.__name__ = "sobel"
sobel = filter_of(sobel)
prewitt = edges([1.0, 1.0, 1.0])
prewitt.__name__ = "prewitt"
prewitt = filter_of(prewitt)


@filter_of
def laplace(input, mode="reflect", cval=0.0):
    x = as_operand(input)
    return sum(
        correlated_along(x, np.array([1.0, -2.0, 1.0]), axis, m, cval, 0)
        for axis, m in enumerate(an_axis(mode, x.ndim))
    )


def second_derivatives(x, sigma, mode, cval, options):
    sigmas = an_axis(sigma, x.ndim)
    for axis in range(x.ndim):
        order = [2 * (i == axis) for i in range(x.ndim)]
        yield gaussian_filter(x, sigmas, order, mode=mode, cval=cval, **options)


@filter_of
def gaussian_laplace(input, sigma, mode="reflect", cval=0.0, **options):
    return sum(second_derivatives(as_operand(input), sigma, mode, cval, options))


@filter_of
def gaussian_gradient_magnitude(input, sigma, mode="reflect", cval=0.0, **options):
    x = as_operand(input)
    sigmas = an_axis(sigma, x.ndim)
    parts = [
        gaussian_filter(x, sigmas, [int(i == axis) for i in range(x.ndim)], mode=mode, cval=cval, **options)
        for axis in range(x.ndim)
    ]
    return np.sqrt(sum(part * part for part in parts))


def chosen(input, size, footprint, mode, cval, origin):
    """The elements of the footprint about every element, along a last axis."""
    x = as_operand(input)
    if footprint is None:
        if size is None:
            raise RuntimeError("no footprint or filter size provided")
        footprint = np.ones(an_axis(size, x.ndim), bool)
    footprint = np.asarray(footprint, bool)
    wide = windows(x, list(footprint.shape), mode, cval, origin)
    return np.reshape(wide, (*x.shape, footprint.size))[..., np.flatnonzero(footprint)]


@filter_of
def maximum_filter(input, size=None, footprint=None, mode="reflect", cval=0.0, origin=0):
    return np.max(chosen(input, size, footprint, mode, cval, origin), axis=-1)


@filter_of
def minimum_filter(input, size=None, footprint=None, mode="reflect", cval=0.0, origin=0):
    return np.min(chosen(input, size, footprint, mode, cval, origin), axis=-1)


@filter_of
def rank_filter(input, rank, size=None, footprint=None, mode="reflect", cval=0.0, origin=0):
    return np.sort(chosen(input, size, footprint, mode, cval, origin), axis=-1)[..., rank]


@filter_of
def median_filter(input, size=None, footprint=None, mode="reflect", cval=0.0, origin=0):
    found = chosen(input, size, footprint, mode, cval, origin)
    return np.sort(found, axis=-1)[..., found.shape[-1] // 2]


@filter_of
def percentile_filter(input, percentile, size=None, footprint=None, mode="reflect", cval=0.0, origin=0):
    found = chosen(input, size, footprint, mode, cval, origin)
    count, share = found.shape[-1], percentile + 100 if percentile < 0 else percentile
    rank = count - 1 if share == 100 else int(math.floor(count * share / 100))
    return np.sort(found, axis=-1)[..., rank]


@filter_of
def maximum_filter1d(input, size, axis=-1, mode="reflect", cval=0.0, origin=0):
    return np.max(correlate_line(input, size, axis, mode, cval, origin), axis=-1)


@filter_of
def minimum_filter1d(input, size, axis=-1, mode="reflect", cval=0.0, origin=0):
    return np.min(correlate_line(input, size, axis, mode, cval, origin), axis=-1)


def correlate_line(input, size, axis, mode, cval, origin):
    x = as_operand(input)
    sizes, origins = [1] * x.ndim, [0] * x.ndim
    sizes[axis], origins[axis] = size, origin
    return chosen(x, sizes, None, mode, cval, origins)


def __dir__() -> list[str]:
    return sorted(__all__)

"""How a window moves over a grid of any number of dimensions: its places, and what each of its entries meets there.

In memory the grids of a batch lie innermost, as (C, *size, N): then a row of patches is a few long runs, and a window
moves over whole arrays at a time. What callers see is (N, C, *size), by strides.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from operator import index
from typing import Any, NamedTuple

import numpy as np

from .arguments import whole_number

Sizes = tuple[int, ...]
PerAxis = int | Sizes
_LETTERS = {1: "L", 2: "H, W", 3: "D, H, W"}
_SEVERAL = {1: "", 2: ", or two of them (down, across)", 3: ", or three of them (deep, down, across)"}


class Window(NamedTuple):
    """What moves: a number a dimension of each. A border is (before, after) the grid; a negative one cuts it."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    def __str__(self) -> str:
        """In pictures, without what is as usual.

        >>> str(Window((3, 3), (2, 2), ((0, 1), (1, 1)), (1, 1)))
        '3×3 stride 2 padding 0+1×1'
        """
        borders = [before if before == after else f"{before}+{after}" for before, after in self.padding]
        parts = [("stride", self.stride, 1), ("padding", borders, 0), ("dilation", self.dilation, 1)]
        said = [
            ("", self.kernel),
            *((f"{what} ", n if len({*n}) > 1 else n[:1]) for what, n, usual in parts if {*n} != {usual}),
        ]
        return " ".join(what + "×".join(map(str, numbers)) for what, numbers in said)

    def spans(self) -> tuple[int, ...]:
        """The size of what the window sees, gaps included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation))

    def places(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The number of positions a dimension, on grids of shape (N, C, *size)."""
        return tuple(
            (n + sum(border) - span) // stride + 1
            for n, border, span, stride in zip(shape[2:], self.padding, self.spans(), self.stride)
        )

    def ends(self, places: tuple[int, ...]) -> tuple[int, ...]:
        """The size of what some places in a row see together."""
        return tuple((p - 1) * stride + span for p, stride, span in zip(places, self.stride, self.spans()))

    def exact(self, size: tuple[int, ...], places: tuple[int, ...]) -> Window:
        """The window with the border after the grid that these places need, so that none is left over."""
        borders = zip(self.padding, self.ends(places), size)
        return self._replace(padding=tuple((before, end - before - n) for (before, _), end, n in borders))

    def size(self, places: tuple[int, ...]) -> tuple[int, ...]:
        """The size of the grids on which an exact window has these places."""
        return tuple(end - sum(border) for end, border in zip(self.ends(places), self.padding))

    def slices(self, places: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple]]:
        """(entry, index) of what each entry of the window meets in padded grids (C, *size, N)."""
        for entry in np.ndindex(*self.kernel):
            along = zip(entry, self.dilation, self.stride, places)
            yield entry, (slice(None), *(slice(i * d, i * d + s * (p - 1) + 1, s) for i, d, s, p in along))

    def padded(self, x: np.ndarray, fill: float = 0) -> np.ndarray:
        """Grids (N, C, *size) as (C, *size, N) with their border."""
        x = batch_last(x)
        if not any(map(any, self.padding)):
            return np.ascontiguousarray(x)
        size = tuple(n + sum(border) for n, border in zip(x.shape[1:], self.padding))
        kept = tuple(min(n, max(end - before, 0)) for n, end, (before, _) in zip(x.shape[1:], size, self.padding))
        wide = np.full_like(x, fill, order="C", shape=(len(x), *size, x.shape[-1]))
        wide[:, *(slice(before, before + n) for n, (before, _) in zip(kept, self.padding))] = x[:, *map(slice, kept)]
        return wide

    def inside(self, x: np.ndarray) -> np.ndarray:
        """The transpose of `padded`: the grids without their border, zeros where it cut, as (N, C, *size)."""
        size = tuple(n - sum(border) for n, border in zip(x.shape[1:], self.padding))
        x = x[:, *(slice(before, before + n) for n, (before, _) in zip(size, self.padding))]
        if x.shape[1:-1] != size:
            wide = np.zeros_like(x, order="C", shape=(len(x), *size, x.shape[-1]))
            wide[:, *map(slice, x.shape[1:-1])] = x
            x = wide
        return batch_first(x)


def batch_last(x):
    """(N, C, *size) as (C, *size, N)."""
    return x.transpose(*range(1, x.ndim), 0)


def batch_first(x):
    """(C, *size, N) as (N, C, *size)."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))


def in_dimensions(*dimensions: int, name: str = "") -> Callable[[Callable], list[Callable[..., Any]]]:
    """Decorate a function of n dimensions: it becomes a list of functions, named after it, or `name`, and each n.

    >>> (double1d, double2d) = in_dimensions(1, 2)(lambda n, x: x * 2**n)
    >>> double2d(1), inspect.signature(double2d)
    (4, <Signature (x)>)
    """

    def decorate(function: Callable) -> list[Callable[..., Any]]:
        signature = inspect.signature(function)
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])

        def of(n: int) -> Callable[..., Any]:
            def call(*args, **kwargs):
                return function(n, *args, **kwargs)

            call.__name__ = call.__qualname__ = f"{name or function.__name__}{n}d"
            call.__doc__, call.__module__ = function.__doc__, function.__module__
            call.__signature__ = signature  # type: ignore[attr-defined]
            return call

        return [of(n) for n in dimensions]

    return decorate


# ---- what it is made of -----------------------------------------------------------------------------------


def numbers_of(name: str, what: str, value: Any, n: int = 2, least: int = 1) -> tuple[int, ...]:
    """One whole number for all dimensions, or one for each of the n.

    >>> numbers_of("conv2d", "stride", 2)
    (2, 2)
    >>> numbers_of("conv2d", "stride", (2, 0))
    Traceback (most recent call last):
    ValueError: conv2d: stride: expected a whole number, 1 or more, or two of them (down, across), found (2, 0)
    """
    try:
        found = tuple(map(index, value)) if isinstance(value, (tuple, list)) else (index(value),) * n
    except TypeError:
        found = ()
    found = found * n if len(found) == 1 else found
    if len(found) != n or min(found, default=least) < least:
        raise ValueError(
            f"{name}: {what}: expected a whole number, {least} or more{_SEVERAL.get(n, '')}, found {value!r}"
        )
    return found


def border(name: str, value: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> tuple[tuple[int, int], ...]:
    """The border that `padding` asks for: numbers, "valid" for none, "same" for as many places as pixels.

    An even kernel needs an odd border for that: the greater half comes after the grid, as in PyTorch.

    >>> border("conv2d", "same", (4, 3), (1, 1), (1, 1))
    ((1, 2), (1, 1))
    """
    if not isinstance(value, str):
        return tuple((n, n) for n in numbers_of(name, "padding", value, len(kernel), least=0))
    if value == "valid":
        return ((0, 0),) * len(kernel)
    if value != "same":
        raise ValueError(f"{name}: padding: expected numbers, 'same' or 'valid', found {value!r}")
    if set(stride) != {1}:
        raise ValueError(f"{name}: padding='same' needs stride 1, found stride {stride}; give the padding in numbers")
    both = [d * (k - 1) for k, d in zip(kernel, dilation)]
    return tuple((n // 2, n - n // 2) for n in both)


def batched(name: str, x: Any, n: int) -> Any:
    """Grids (N, C, *size) of n dimensions, also of one without the axis N."""
    if len(x.shape) not in (n + 1, n + 2):
        raise ValueError(f"{name}: found shape {x.shape}; expected (N, C, {_LETTERS[n]}) or (C, {_LETTERS[n]})")
    return x[None] if len(x.shape) == n + 1 else x


def fitting(name: str, window: Window, shape: tuple[int, ...], ceil: bool = False) -> Window:
    """The exact window for grids of shape (N, C, *size), if it finds a place there.

    With `ceil` a last place that hangs over the border counts, if it starts before it, as in PyTorch.
    """
    size, places = shape[2:], window.places(shape)
    if ceil:
        rests = zip(places, size, window.padding, window.spans(), window.stride)
        places = tuple(p + (p * s < n + b[0] and (n + sum(b) - span) % s > 0) for p, n, b, span, s in rests)
    if min(places) < 1:
        wide = tuple(n + sum(b) for n, b in zip(size, window.padding))
        raise ValueError(
            f"{name}: the kernel spans {window.spans()}, which does not fit on a grid of "
            f"{tuple(size)}, with padding {wide}; use a smaller kernel or dilation, or more padding"
        )
    return window.exact(size, places)


def pooling_window(name: str, n: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1) -> Window:
    """The window of a pooling, whose stride is its size unless given, or one line that says what is wrong with it."""
    kernel = numbers_of(name, "kernel_size", kernel_size, n)
    stride = kernel if stride is None or stride == () or stride == [] else numbers_of(name, "stride", stride, n)
    around = numbers_of(name, "padding", padding, n, least=0)
    window = Window(kernel, stride, tuple((p, p) for p in around), numbers_of(name, "dilation", dilation, n))
    if any(2 * p > k for p, k in zip(around, kernel)):
        raise ValueError(f"{name}: padding: found {around}; expected at most half of the kernel_size {kernel}")
    return window


def sizes(name: str, what: str, value: Any, given: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes that a caller asks for, None where a size stays as it is."""
    asked = tuple(value) if isinstance(value, (tuple, list)) else (value,) * len(given)
    if len(asked) == 1:
        asked *= len(given)
    if len(asked) != len(given):
        raise ValueError(f"{name}: {what}: found {value!r}; expected one number or {len(given)} of them")
    return tuple(n if a is None else whole_number(name, what, a) for a, n in zip(asked, given))

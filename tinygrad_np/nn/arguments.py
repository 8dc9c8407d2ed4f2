"""What functions and layers are given: made arrays where that is safe, refused in one line where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from operator import index
from typing import Any, TypeVar

import numpy as np

from ..engine.tensor import Tensor

AnyArray = Tensor | np.ndarray
Function = TypeVar("Function", bound=Callable)


def in_single(function: Function) -> Function:
    """Decorate a function so that half precision is computed in single: its sums would overflow, or stop growing.

    >>> in_single(np.mean)(np.full(3, 60000, np.float16))
    np.float16(6e+04)
    """

    @wraps(function)
    def call(input, *args, **kwargs):
        if getattr(input, "dtype", None) != np.float16:
            return function(input, *args, **kwargs)
        options = {name: _single(value) for name, value in kwargs.items()}
        return function(_single(input), *map(_single, args), **options).astype(np.float16)

    return call  # type: ignore[return-value]


def _single(value: Any) -> Any:
    return value.astype(np.float32) if getattr(value, "dtype", None) == np.float16 else value


def along_axis(function: Function) -> Function:
    """Decorate a function of `dim`, which may be called `axis` too, as NumPy does."""

    @wraps(function)
    def call(*args, **kwargs):
        if "axis" in kwargs and "dim" not in kwargs:
            kwargs["dim"] = kwargs.pop("axis")
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def array(x: Any, name: str = "") -> Any:
    """Arrays and tensors as they are, anything else as NumPy reads it."""
    if hasattr(x, "dtype"):
        return x
    try:
        return np.asarray(x)
    except ValueError as error:  # NumPy tells at length of lists that differ in their lengths
        raise ValueError(
            f"{name + ': ' * bool(name)}expected an array of numbers, found lists of unequal lengths"
        ) from error


def floating(name: str, x: Any) -> Any:
    """`x` with floating numbers: integers, which would overflow or wrap around, become float64.

    >>> floating("softmax", [1, 2])
    array([1., 2.])
    >>> floating("softmax", np.array([1j]))
    Traceback (most recent call last):
    TypeError: softmax((1,) complex128): expected real numbers
    """
    x = array(x, name)
    kind = x.dtype.kind
    if kind == "f":
        return x
    if kind not in "iu":
        raise TypeError(f"{name}({x.shape} {x.dtype}): expected real numbers")
    return x.astype(np.float64)


def numbers(name: str, x: Any) -> Any:
    """`x` with floating or complex numbers: integers become float64, as in `floating`.

    >>> numbers("avg_pool2d", [1j]).dtype
    dtype('complex128')
    """
    x = array(x, name)
    return x if x.dtype.kind == "c" else floating(name, x)


def whole_number(name: str, what: str, value: Any, least: int = 0) -> int:
    """A size, such as the number of a layer's features."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name}: {what}: expected a whole number, {least} or more, found {value!r}")
    return number


def real_number(name: str, what: str, value: Any, least: float = -math.inf) -> Any:
    """A finite number, such as the eps of a normalization.

    >>> real_number("BatchNorm2d", "eps", -1.0, least=0)
    Traceback (most recent call last):
    ValueError: BatchNorm2d: eps: expected a finite number, 0 or more, found -1.0
    """
    if not isinstance(value, (int, float, np.floating, np.integer)) or not least <= value < math.inf:
        raise ValueError(
            f"{name}: {what}: expected a finite number{f', {least} or more' * math.isfinite(least)}, found {value!r}"
        )
    return value


def probability(name: str, what: str, value: Any) -> float:
    """A number from 0 to 1."""
    if not isinstance(value, (int, float, np.floating, np.integer)) or not 0 <= value <= 1:
        raise ValueError(f"{name}: {what}: expected a probability, from 0 to 1, found {value!r}")
    return float(value)


def same_shapes(name: str, expected: tuple[int, ...], **arrays: Any) -> None:
    """Arrays that have to be of one shape, those that are None left out."""
    for what, a in arrays.items():
        if a is not None and getattr(a, "shape", None) != expected:
            found = f"shape {a.shape}" if hasattr(a, "shape") else f"a {type(a).__name__}"
            raise ValueError(f"{name}: {what}: found {found}; expected an array of shape {expected}")


REDUCTIONS = ("mean", "sum", "none")


def how_reduced(name: str, size_average: Any, reduce: bool | None, reduction: str, more: tuple[str, ...] = ()) -> str:
    """Which reduction is meant; `size_average` and `reduce` are PyTorch's old way to say it.

    >>> how_reduced("mse_loss", None, None, "sum"), how_reduced("mse_loss", False, None, "mean")
    ('sum', 'sum')
    """
    if isinstance(size_average, str):  # the third argument, as the name of a reduction
        reduction = size_average
    elif size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
    if reduction not in REDUCTIONS + more:
        choices = ", ".join(map(repr, REDUCTIONS[:-1] + more))
        raise ValueError(f"{name}: reduction: expected {choices} or 'none', found {reduction!r}")
    return reduction

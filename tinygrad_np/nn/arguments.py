"""What functions and layers are given: made arrays where that is safe, refused in one line where it is not."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np


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

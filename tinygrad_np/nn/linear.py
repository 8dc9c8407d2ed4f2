"""The linear map of a layer, one operation with the bias, and the bilinear one."""

from __future__ import annotations

import math

import numpy as np

from ..engine.table import primitive
from ..engine.tensor import Tensor
from .arguments import AnyArray, array, numbers
from .constants import ones

__all__ = ["bilinear", "linear"]


def linear(input: AnyArray, weight: AnyArray, bias: AnyArray | None = None) -> Tensor:
    """x Wᵀ + b for x of shape (..., in), W of shape (out, in), b of shape (out,); gives shape (..., out).

    >>> linear(np.ones((2, 3)), np.ones((4, 3)), np.zeros(4)).shape
    (2, 4)
    """
    return _product(input, weight) if bias is None else _affine(input, weight, bias)


@primitive(name="linear")
def _affine(x, weight, bias):
    if bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear({x.shape}, {weight.shape}, {bias.shape}): expected a bias of shape {weight.shape[:1]}"
        )
    y = _product.fun(x, weight)
    return np.add(y, bias, out=y) if bias.dtype == y.dtype else y + bias


@primitive(name="linear")
def _product(x, weight):
    x = array(x)
    if weight.ndim != 2 or x.shape[-1:] != weight.shape[1:]:
        raise ValueError(
            f"linear({x.shape}, {weight.shape}): expected an input of shape (..., in) and a weight of shape (out, in)"
        )
    return np.dot(x, weight.T) if x.ndim < 3 else x @ weight.T


def _rows(a):
    """A matrix with the last axis of `a` as its rows' axis."""
    return a if a.ndim == 2 else a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


def _d_input(ct, weight):
    return np.dot(ct, weight) if ct.ndim < 3 else ct @ weight


def _d_weight(ct, x):
    return np.dot(_rows(ct).T, _rows(x))  # of two vectors a dot product is ten times faster than @


def _d_bias(ct):
    ct = _rows(ct)  # its sum over rows, as a product: BLAS is several times faster than a reduction
    return np.dot(ones((ct.shape[0],), ct.dtype), ct)


def _all_but_last(ndim: int) -> range:
    return range(ndim - 1)


_affine.defvjp(
    _d_input,
    _d_weight,
    _d_bias,
    kind="bilinear",
    shared={"weight": _all_but_last, "bias": _all_but_last},
    cases=[lambda f, A: f(A("m", "k"), A("n", "k"), A("n")), lambda f, A: f(A(2, "m", 3), A("n", 3), A("n"))],
)
_product.defvjp(_d_input, _d_weight, kind="bilinear", shared={"weight": _all_but_last},
                cases=[lambda f, A: f(A("m", "k"), A("n", "k")), lambda f, A: f(A(2, "m", 3), A("n", 3))])  # fmt: skip


def bilinear(input1: AnyArray, input2: AnyArray, weight: AnyArray, bias: AnyArray | None = None) -> Tensor:
    """x W[o] y + b[o] for x (..., in1), y (..., in2), W (out, in1, in2); gives (..., out).

    >>> bilinear(np.ones(2), np.ones(3), np.ones((1, 2, 3))).tolist()
    [6.0]
    """
    x, y, weight = (numbers("bilinear", a) for a in (input1, input2, weight))
    if x.shape[:-1] != y.shape[:-1] or weight.shape[1:] != (*x.shape[-1:], *y.shape[-1:]):
        raise ValueError(
            f"bilinear: found inputs of shape {x.shape} and {y.shape} and a weight of shape {weight.shape}; expected "
            "(..., in1), (..., in2) and (out, in1, in2)"
        )
    out = np.einsum("...i,oij,...j->...o", x, weight, y)
    return out if bias is None else out + bias

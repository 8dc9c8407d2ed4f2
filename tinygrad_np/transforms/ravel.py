"""Nested parameters as one vector, and back: what optimizers and samplers that know vectors alone ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .containers import flatten


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers of nested containers in one vector, and the function that puts a vector's back in their places.

    Containers are those of the transforms: dicts, lists, tuples, named tuples, dataclasses, modules and registered
    types; None, strings and booleans stay as they are. Tensors keep their history both ways. The vector has the common
    dtype of its parts; back come parts of their own precision, but of the vector's kind: complex, real or whole.

    >>> flat, unravel = ravel({"w": np.ones((2, 2)), "b": 0.5})
    >>> flat
    array([1. , 1. , 1. , 1. , 0.5])
    >>> unravel(flat * 2)["b"]
    array(1.)
    """
    leaves, paths, rebuild = flatten(tree, passing=True)
    arrays = [leaf if isinstance(leaf, Tensor) else np.asarray(leaf) for leaf in leaves]
    for array, path in zip(arrays, paths):
        if array.dtype.kind not in "biufc":
            raise TypeError(f"ravel: found {array.dtype} data{path and ' at ' + path}; expected numbers")
    shapes, dtypes = [a.shape for a in arrays], [a.dtype for a in arrays]
    ends = np.cumsum([a.size for a in arrays], dtype=int).tolist()
    flat = np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.zeros(0)

    def unravel(vector: Any) -> Any:
        vector = vector if isinstance(vector, Tensor) else np.asarray(vector)
        count = ends[-1] if ends else 0
        if vector.shape != (count,):
            raise ValueError(f"unravel: found shape {vector.shape}; expected ({count},)")
        parts = []
        for shape, dtype, end in zip(shapes, dtypes, ends):
            part = np.reshape(vector[end - math.prod(shape) : end], shape)
            same = part.dtype == dtype or part.dtype.kind != dtype.kind
            parts.append(part if same else part.astype(dtype))
        return rebuild(parts)

    return flat, unravel


def unravel(vector: Any, like: Any) -> Any:
    """The numbers of a vector in containers like others.

    >>> unravel(np.arange(3.0), {"a": 0.0, "b": [0.0, 0.0]})
    {'a': array(0.), 'b': [array(1.), array(2.)]}
    """
    return ravel(like)[1](vector)

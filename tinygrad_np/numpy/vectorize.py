"""Functions called at every place, np.vectorize and np.frompyfunc, and loops over places: what comes out is joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..derivatives.joining import as_operand
from ..engine.arrays import array_of
from ..engine.recording import TENSORS, is_tracked
from .looking import holds_numbers, one_tensor


class vectorize(np.vectorize):
    """NumPy's vectorize; tensors among the arguments, or that come out, keep their history.

    >>> import tinygrad_np as tg
    >>> tg.grad(lambda x: vectorize(lambda a, b: a * b if a > 1 else b)(x, 3.0).sum())(np.array([1.0, 2.0]))
    array([0., 3.])
    """

    pyfunc: Callable

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.signature is not None:
            if is_tracked(args) or is_tracked(list(kwargs.values())):
                raise TypeError("vectorize: signature= works on plain arrays; write the loop over the tensors")
            return super().__call__(*args, **kwargs)
        args = tuple([one_tensor(a) for a in args])
        names = [name for name in kwargs if name not in (self.excluded or ())]
        arrays = np.broadcast_arrays(*args, *[one_tensor(kwargs[name]) for name in names])
        rest = {name: value for name, value in kwargs.items() if name not in names}
        if not arrays or not arrays[0].size or any(i in (self.excluded or ()) for i in range(len(args))):
            return super().__call__(*args, **kwargs)
        shape = arrays[0].shape
        rows = [np.ravel(a) for a in arrays]
        outs = []
        for i in range(rows[0].size):
            values = [row[i] for row in rows]
            outs.append(self.pyfunc(*values[: len(args)], **dict(zip(names, values[len(args) :])), **rest))
        if isinstance(outs[0], tuple):
            return tuple([np.reshape(one_tensor([out[k] for out in outs]), shape) for k in range(len(outs[0]))])
        return np.reshape(one_tensor(outs), shape)


def frompyfunc(func: Callable, /, nin: int, nout: int, **identity: Any) -> Any:
    """NumPy's frompyfunc, whose ufunc takes tensors element by element, and joins what comes out.

    >>> import tinygrad_np as tg
    >>> tg.grad(lambda x: frompyfunc(lambda a, b: a * b, 2, 1).reduce(x))(np.array([2.0, 3.0, 4.0]))
    array([12.,  8.,  6.])
    """
    made = np.frompyfunc(func, nin, nout, **identity)

    def over(method: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            out = method(*[as_elements(one_tensor(a)) for a in args], **kwargs)
            made = out if isinstance(out, tuple) else (out,)
            parts = [p.tolist() if isinstance(p, np.ndarray) and holds_numbers(p.tolist()) else p for p in made]
            return tuple(map(one_tensor, parts)) if isinstance(out, tuple) else one_tensor(parts[0])

        call.__name__ = getattr(method, "__name__", "call")
        return call

    for_tensors: Any = over(made)
    for name in ("reduce", "accumulate", "reduceat", "outer"):
        setattr(for_tensors, name, over(getattr(made, name)))
    return for_tensors


def as_elements(value: Any) -> Any:
    """A tensor as an array of its elements, each a tensor; anything else as it is."""
    if type(value) not in TENSORS or not is_tracked(value):
        return value
    array = np.empty(value.shape, object)
    for i, element in ndenumerate(value):
        array[i] = element
    return array


def ndenumerate(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Pairs of an index and the element there; elements of tensors keep their history."""
    arr = as_operand(one_tensor(arr))
    return ((i, arr[i]) for i in np.ndindex(*np.shape(arr)))


def nditer(op: Any, flags: Any = None, op_flags: Any = None, **options: Any) -> np.nditer:
    """NumPy's nditer over the values of tensors without history; refused where a gradient or a write would be lost."""
    operands = list(op) if isinstance(op, (list, tuple)) else [op]
    written = any("write" in str(flag) for flag in (op_flags or ())) and any(type(o) in TENSORS for o in operands)
    if written or is_tracked(operands):
        raise TypeError("np.nditer knows no tensors: loop over np.ndindex(x.shape), np.ndenumerate(x) or x.flat")
    arrays: Any = [o if o is None else array_of(o) for o in operands]
    return np.nditer(arrays if isinstance(op, (list, tuple)) else arrays[0], flags or [], op_flags or None, **options)

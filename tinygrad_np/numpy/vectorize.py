"""np.vectorize for functions of tensors: the function is called at every place, and what it gives is joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.recording import is_tracked
from .looking import joined


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
        args = tuple([joined(a) for a in args])
        names = [name for name in kwargs if name not in (self.excluded or ())]
        arrays = np.broadcast_arrays(*args, *[joined(kwargs[name]) for name in names])
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
            return tuple([np.reshape(joined([out[k] for out in outs]), shape) for k in range(len(outs[0]))])
        return np.reshape(joined(outs), shape)

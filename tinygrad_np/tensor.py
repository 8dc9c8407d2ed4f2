"""`tinygrad_np.tensor(data)`, as PyTorch spells it: a function in the place of this module.

Files that were pickled when Tensor lay in a module of this name look for `_restore` and `Tensor` here.
"""

from __future__ import annotations

import sys
from typing import Any

from .engine.tensor import Tensor, _restore


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`Tensor`, as PyTorch spells it.

    >>> import tinygrad_np as tg
    >>> tg.tensor([1.0, 2.0], requires_grad=True)
    Tensor([1., 2.], requires_grad=True)
    """
    return Tensor(data, dtype=dtype, requires_grad=requires_grad)


found: Any = tensor
found.Tensor, found._restore, found.tensor, found.__file__ = Tensor, _restore, tensor, __file__
sys.modules[__name__] = found

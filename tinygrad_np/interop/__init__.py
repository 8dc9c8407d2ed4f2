"""Doors to other libraries, each a file that nothing else imports: what it costs when unused is nothing.

estimators.py scikit-learn's classifiers and regressors; torch.py a function as an operation of PyTorch; jax.py as a
function of JAX; commands/ what `python -m` runs, such as `python -m tinygrad_np.migrate`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..engine.public import public_names
from ..engine.recording import wrap
from ..engine.tape import CONST
from ..engine.tensor import Tensor


def to_torch(f: Any) -> Any:
    """The function as a PyTorch operation: tensors in, tensors out, with backward, double backward and forward mode."""
    from .torch import to_torch as made

    return made(f)


def to_jax(f: Any) -> Any:
    """The function as a JAX function: under grad of any order, jit and vmap."""
    from .jax import to_jax as made

    return made(f)


def from_dlpack(array: Any) -> Tensor:
    """A tensor of another library's array on the CPU, which shares its memory until the tensor is written to.

    The other way any library takes a tensor without history: torch.from_dlpack(x), jax.dlpack.from_dlpack(x).

    >>> import numpy as np
    >>> from_dlpack(np.ones(2))
    Tensor([1., 1.])
    """
    if isinstance(array, Tensor):
        return array
    return wrap(np.from_dlpack(array), CONST)


def __getattr__(name: str) -> Any:
    """`estimators` needs scikit-learn, and is imported when it is first asked for."""
    if name == "estimators":
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return public_names(globals(), "estimators")

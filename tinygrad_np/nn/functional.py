"""What the layers compute, as functions of tensors or arrays; PyTorch's names, arguments and meanings."""
# ruff: noqa: F403 - each file says what of it is public

from __future__ import annotations

from typing import Any

from ..engine.public import absent
from .activations import *
from .attention import *
from .convolution import *
from .cross_entropy import *
from .linear import *
from .lookup import *
from .losses import *
from .masks import *
from .normalization import *
from .pooling import *
from .resampling import *

WRITTEN_AS = {
    "ctc_loss": "sum over alignments with np.logaddexp, a step a frame",
    "embedding_bag": "embedding(input, weight).sum(axis=-2), or .mean or .max",
    "swish": "it is called silu",
}
for _n in (1, 2, 3):
    _put = "np.put_along_axis of zeros, flattened, on axis -1"
    WRITTEN_AS[f"max_unpool{_n}d"] = f"put x at the indices that max_pool{_n}d gives: {_put}"


def __getattr__(name: str) -> Any:
    """What is left out on purpose says what to write instead."""
    if name.endswith("_") and name[:-1] in __dir__():
        raise AttributeError(f"nn.functional has no {name}; write x = {name[:-1]}(x), which makes a new tensor")
    raise absent("nn.functional", name, WRITTEN_AS, __dir__())


def __dir__() -> list[str]:
    mine = (name for name, value in globals().items() if callable(value) and name[0] != "_")
    return sorted({*mine} - {"Any", "absent"})

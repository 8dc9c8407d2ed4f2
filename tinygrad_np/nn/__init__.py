"""Layers, losses and initial weights, with PyTorch's names and meanings.

Functions: arguments.py what they are given, init.py what is drawn, erf.py, pieces.py and constants.py what makes them
quick, window.py how a window moves; linear.py, cross_entropy.py, activations.py, lookup.py, masks.py, convolution.py,
resampling.py, pooling.py, normalization.py, losses.py and attention.py what they compute; functional.py has them all.
Modules: module.py what one is, containers.py several of them; layers.py those without parameters, dense_layers.py,
conv_layers.py, norm_layers.py, recurrent.py and transformer.py the others. utils.py bounds gradients.
"""

# ruff: noqa: F403 - each file says what of it is public
from typing import Any

from ..engine.public import absent
from . import functional as functional
from . import init as init
from . import utils as utils
from .containers import *
from .conv_layers import *
from .dense_layers import *
from .init import manual_seed as manual_seed
from .layers import *
from .module import *
from .norm_layers import *
from .recurrent import *
from .transformer import *

WRITTEN_AS = {
    "CTCLoss": functional.WRITTEN_AS["ctc_loss"],
    "EmbeddingBag": "nn.Embedding, then " + functional.WRITTEN_AS["embedding_bag"],
    **{f"MaxUnpool{n}d": functional.WRITTEN_AS[f"max_unpool{n}d"] for n in (1, 2, 3)},
    "LinearCrossEntropyLoss": "Linear, then CrossEntropyLoss; nn.functional.linear_cross_entropy does both",
    "Swish": "it is called SiLU",
    "SyncBatchNorm": "BatchNorm1d, BatchNorm2d or BatchNorm3d",
    "DataParallel": "a process has one device; tinygrad_np.parallel shares a step among processes",
}


def __getattr__(name: str) -> Any:
    lazy = f"{name[4:]} with its sizes, which are not found by themselves" if name.startswith("Lazy") else None
    raise absent("nn", name, WRITTEN_AS if lazy is None else {name: lazy}, __dir__())


def __dir__() -> list[str]:
    public = {"functional", "functional_call", "init", "manual_seed", "utils"}
    return sorted(public | {name for name, value in globals().items() if isinstance(value, type)} - {"Any"})

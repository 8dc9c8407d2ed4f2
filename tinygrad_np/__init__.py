"""Gradients of NumPy code: one table states the calculus; one graph is differentiated, checked, drawn and replayed.

tape.py the tape, rules.py and table.py what a row is, derivatives/ the rows, recording.py how a call becomes a node,
tensor.py a Tensor, transforms.py functions of functions; nn/ and optim/ models, data/ batches, io.py files, viz/
pictures, testing/ the gradient checker, jit/ a step recorded once and replayed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engine.aliasing import MutationError as MutationError
from .engine.assignment import ViewError as ViewError
from .engine.cotangents import unbroadcast as unbroadcast
from .engine.modes import enable_grad as enable_grad
from .engine.modes import is_grad_enabled as is_grad_enabled
from .engine.modes import no_grad as no_grad
from .engine.rules import NotDifferentiable as NotDifferentiable
from .engine.table import primitive as primitive
from .engine.tape import FreedGraphError as FreedGraphError
from .engine.tensor import Tensor as Tensor
from .engine.watchers import NonFiniteError as NonFiniteError
from .engine.watchers import debug as debug
from .engine.watchers import record as record
from .jit import NotReplayable as NotReplayable
from .jit import jit as jit
from .transforms import grad as grad
from .transforms import jvp as jvp
from .transforms import value_and_grad as value_and_grad
from .transforms import vjp as vjp
from .transforms.checkpoint import checkpoint as checkpoint
from .transforms.jacobians import hessian as hessian
from .transforms.jacobians import hvp as hvp
from .transforms.jacobians import jacobian as jacobian
from .viz import graph as graph
from .viz import graph_diff as graph_diff
from .viz import named as named

if TYPE_CHECKING:
    from . import data as data
    from . import nn as nn
    from . import numpy as array_api
    from . import numpy as numpy
    from . import optim as optim
    from .io import load as load
    from .io import save as save

__version__ = "0.1.0"

# public name -> the module that it is in, or else is
LATER = {"load": "io", "save": "io", "array_api": "numpy"}
LATER |= {name: name for name in ("data", "nn", "numpy", "optim")}


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`Tensor`, as PyTorch spells it."""
    return Tensor(data, dtype=dtype, requires_grad=requires_grad)


def __getattr__(name: str):
    """Models and files are imported when they are first asked for: the import costs little more than NumPy's."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{LATER[name]}")
    globals()[name] = found = module if name in (LATER[name], "array_api") else getattr(module, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})

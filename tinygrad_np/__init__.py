"""Gradients of NumPy code: one table states the calculus; one graph is differentiated, checked, drawn and replayed.

In reading order, each built on those before: engine/ from a NumPy call to a gradient; derivatives/ the rows of the
table; transforms/ functions of functions; numpy/ NumPy's namespace for tensors; scipy/ rows for SciPy; tensor.py
PyTorch's spelling of a tensor; parallel/ more than one core or machine; io.py arrays in files; viz/ the graph in
pictures; nn/ models; optim/ their training; data/ batches; jit/ a step recorded once and replayed; testing/ the
gradient checker; interop/ doors to other libraries.

Everything is imported when it is first asked for: the import of this page costs little more than NumPy's.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engine import above
from .jit import NotReplayable as NotReplayable
from .jit import jit as jit  # here, because the package of that name would take its place when it is imported later

if TYPE_CHECKING:
    from . import data as data
    from . import interop as interop
    from . import io as io
    from . import nn as nn
    from . import numpy as array_api
    from . import numpy as numpy
    from . import optim as optim
    from . import scipy as scipy
    from . import testing as testing
    from . import transforms as transforms
    from . import viz as viz
    from .derivatives.coverage import coverage as coverage
    from .engine.aliasing import MutationError as MutationError
    from .engine.assignment import ViewError as ViewError
    from .engine.cotangents import unbroadcast as unbroadcast
    from .engine.modes import enable_grad as enable_grad
    from .engine.modes import is_grad_enabled as is_grad_enabled
    from .engine.modes import no_grad as no_grad
    from .engine.operation import NotDifferentiable as NotDifferentiable
    from .engine.table import primitive as primitive
    from .engine.tape import FreedGraphError as FreedGraphError
    from .engine.tensor import Tensor as Tensor
    from .engine.watchers import NonFiniteError as NonFiniteError
    from .engine.watchers import debug as debug
    from .engine.watchers import record as record
    from .io import load as load
    from .io import save as save
    from .tensor import tensor as tensor
    from .transforms.checkpoint import checkpoint as checkpoint
    from .transforms.containers import register_container as register_container
    from .transforms.jacobians import hessian as hessian
    from .transforms.jacobians import hessian_diag as hessian_diag
    from .transforms.jacobians import hvp as hvp
    from .transforms.jacobians import jacfwd as jacfwd
    from .transforms.jacobians import jacobian as jacobian
    from .transforms.jacobians import jacrev as jacrev
    from .transforms.linear import elementwise_grad as elementwise_grad
    from .transforms.linear import linearize as linearize
    from .transforms.linear import make_hvp as make_hvp
    from .transforms.linear import make_jvp as make_jvp
    from .transforms.linear import make_vjp as make_vjp
    from .transforms.ravel import ravel as ravel
    from .transforms.ravel import unravel as unravel
    from .transforms.trace import grad as grad
    from .transforms.trace import jvp as jvp
    from .transforms.trace import value_and_grad as value_and_grad
    from .transforms.trace import vjp as vjp
    from .viz import graph as graph
    from .viz import graph_diff as graph_diff
    from .viz import named as named
    from .viz import trace as trace

__version__ = "0.1.0"

__path__.append(os.path.join(os.path.dirname(__file__), "interop", "commands"))  # python -m tinygrad_np.migrate

WHERE = {  # the module of each public name; a module that is public itself is in none
    "derivatives.coverage": "coverage",
    "engine.aliasing": "MutationError",
    "engine.assignment": "ViewError",
    "engine.cotangents": "unbroadcast",
    "engine.modes": "enable_grad is_grad_enabled no_grad",
    "engine.operation": "NotDifferentiable",
    "engine.table": "primitive",
    "engine.tape": "FreedGraphError",
    "engine.tensor": "Tensor",
    "engine.watchers": "NonFiniteError debug record",
    "io": "load save",
    "transforms.checkpoint": "checkpoint",
    "transforms.containers": "register_container",
    "transforms.jacobians": "hessian hessian_diag hvp jacfwd jacobian jacrev",
    "transforms.linear": "elementwise_grad linearize make_hvp make_jvp make_vjp",
    "transforms.ravel": "ravel unravel",
    "transforms.trace": "grad jvp value_and_grad vjp",
    "viz": "graph graph_diff named trace",
    "": "data interop io nn numpy optim scipy tensor testing transforms viz",
}
LATER = {name: module for module, names in WHERE.items() for name in names.split()}
ALIASES = {"array_api": "numpy"}

# `from tinygrad_np import *` takes no name of a module that its user may have imported.
__all__ = sorted({*LATER, "NotReplayable", "jit"} - {*WHERE[""].split()} | {"nn", "optim", "tensor"})


def __getattr__(name: str) -> Any:
    """Import what is first asked for."""
    module = LATER.get(ALIASES.get(name, name))
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}" + _elsewhere(name), name=name)
    if module:
        found = getattr(import_module(f"{__name__}.{module}"), name)
    else:
        found = import_module(f"{__name__}.{ALIASES.get(name, name)}")
    globals()[name] = found
    return found


def _elsewhere(name: str) -> str:
    """Where NumPy or this package has a name that PyTorch has on its first page."""
    if name[:1] == "_":
        return ""
    import numpy as np

    known = {"cat": "np.concatenate", "from_numpy": "tinygrad_np.tensor", "manual_seed": "nn.manual_seed"}
    known |= {"vmap": "np.stack of the results, or write for all at once", "compile": "tinygrad_np.jit"}
    known |= {"rand": "rng.random(shape)", "randn": "rng.normal(size=shape)", "inference_mode": "tinygrad_np.no_grad"}
    known |= {"device": "nothing: everything is on the CPU", "cuda": "nothing: everything is on the CPU"}
    known |= {"utils": "tinygrad_np.data, as in data.DataLoader", "is_tensor": "isinstance(x, tinygrad_np.Tensor)"}
    known |= {"autograd": "tinygrad_np.grad, or loss.backward()", "long": "np.int64", "double": "np.float64"}
    if name in known or hasattr(np, name):
        return f"; write {known.get(name, f'np.{name}')}"
    return f"; write nn.functional.{name}" if name in dir(import_module(f"{__name__}.nn.functional")) else ""


def __dir__() -> list[str]:
    return sorted({*LATER, *ALIASES, "NotReplayable", "__version__", "jit"})


def derivatives_of(fun: Callable | None) -> None:
    """The rows of NumPy's functions, entered when the table is first looked into; other threads wait."""
    import_module(f"{__name__}.derivatives")


def special_functions(fun: Callable | None) -> None:
    """The rows of SciPy's ufuncs, entered when the first of them is met: whoever met it has imported SciPy."""
    if fun is not None and getattr(sys.modules.get("scipy.special"), getattr(fun, "__name__", ""), None) is fun:
        import_module(f"{__name__}.scipy.ufuncs")


def painted(*outputs: Any, **options: Any) -> Any:
    """What `x.graph()` returns."""
    return import_module(f"{__name__}.viz").graph(*outputs, **options)


def summarized(*given: Any) -> Any:
    """What `model.summary()` returns."""
    return import_module(f"{__name__}.viz.summary").summary(*given)


def sparse_product(name: str, *operands: Any) -> Any:
    """A matrix of scipy.sparse times a tensor, or a tensor times one; for SciPy's older class * is @."""
    sparse = import_module(f"{__name__}.scipy.sparse")
    older = any(map(sparse.ss.isspmatrix, operands)) and all(getattr(a, "ndim", 0) for a in operands)
    return (sparse.matmul if name == "matmul" or older else sparse.multiply)(*operands)


def namespace() -> Any:
    """What `x.__array_namespace__()` returns."""
    return import_module(f"{__name__}.numpy")


above.SUPPLIERS[:] = [derivatives_of, special_functions]
above.DOORS.update(graph=painted, summary=summarized, namespace=namespace, sparse=sparse_product)

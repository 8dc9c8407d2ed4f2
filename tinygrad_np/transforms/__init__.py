"""Functions of functions, as in JAX: they take and return plain arrays, over nested containers, and nest.

labelled.py arrays of other libraries; containers.py what arguments and results may be nested in; arguments.py which
of them a derivative is taken in; trace.py vjp, jvp, grad and value_and_grad; ravel.py parameters as a vector;
linear.py a derivative as a linear map; jacobians.py jacobian, hessian and hvp; checkpoint.py recomputation.
"""

from ..engine.public import public_names
from .trace import grad as grad
from .trace import jvp as jvp
from .trace import value_and_grad as value_and_grad
from .trace import vjp as vjp


def __dir__() -> list[str]:
    return public_names(globals())

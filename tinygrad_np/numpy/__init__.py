"""NumPy's whole namespace for programs that build arrays of what they differentiate; also the Array API namespace.

`from tinygrad_np import numpy as np` in the place of `import numpy as np`: creators make tensors, which may be written
into with others, and every function looks into lists and generators for tensors and joins them. All else is NumPy's
own: values, dtypes, errors. Libraries written against the standard (https://data-apis.org/array-api) find this
namespace through `x.__array_namespace__()`.

looking.py how a function looks into its arguments, creators.py the functions that make tensors, ndarray.py the class,
vectorize.py a function called at every place, standard.py what the standard spells in another way; linalg.py, fft.py,
random.py, lib.py and polynomial.py the namespaces below.

>>> import tinygrad_np as tg
>>> from tinygrad_np import numpy as np
>>> def f(x):
...     y = np.zeros(3)
...     y[0], y[1] = x[0] * x[1], np.max([x[0], x[1], 0.5])
...     return np.sum([y[0], y[1] ** 2])
>>> tg.grad(f)(np.array([1.0, 3.0]))
array([3., 7.])
"""

from __future__ import annotations

from importlib import import_module as _import_module

import numpy as _np

from . import fft as fft
from . import linalg as linalg
from . import random as random
from .creators import CREATORS as _CREATORS
from .creators import array as array
from .creators import asarray as asarray
from .creators import c_ as c_
from .creators import copy as copy
from .creators import creator as _creator
from .creators import mgrid as mgrid
from .creators import ogrid as ogrid
from .creators import r_ as r_
from .looking import looking as _looking
from .looking import namespace as _namespace
from .ndarray import ndarray as ndarray
from .standard import OF_THE_STANDARD as _OF_THE_STANDARD
from .standard import make_diagonal as make_diagonal
from .vectorize import frompyfunc as frompyfunc
from .vectorize import ndenumerate as ndenumerate
from .vectorize import nditer as nditer
from .vectorize import vectorize as vectorize

__array_api_version__ = _np.__array_api_version__
__array_namespace_info__ = _np.__array_namespace_info__
__version__ = _np.__version__
emath = _namespace(_np.emath, "tinygrad_np.numpy.emath")


def __getattr__(name: str):
    """NumPy's own name, as it is found here: made when it is first asked for."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in ("lib", "polynomial"):
        return _import_module(f"{__name__}.{name}")
    try:
        found = getattr(_np, name)
    except AttributeError:
        raise AttributeError(f"neither {__name__!r} nor numpy has an attribute {name!r}") from None
    if name in _OF_THE_STANDARD:
        found = _OF_THE_STANDARD[name]
    elif name in _CREATORS:
        found = _creator(found)
    else:
        found = _looking(found)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__} | {name for name in {*dir(_np), *globals()} if not name.startswith("_")})


__all__ = sorted({*_np.__all__, "emath", "vectorize"} - {"test"})

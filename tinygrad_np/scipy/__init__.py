"""SciPy's functions on tensors, by SciPy's own names.

`scipy.special.erf(t)` and every other ufunc of the table work on a Tensor as they are; the functions of SciPy that
are not ufuncs convert their arguments, so this package offers them again, for arrays and tensors alike. As in SciPy,
a module is imported when it is first asked for.

In reading order: in_last.py functions of the last argument; scaled.py derivatives that keep their digits; gamma.py,
bessel.py, orthogonal.py, cumulative.py and rarer.py the families of ufuncs.py, the rows of scipy.special; special.py,
linalg.py, multivariate.py, stats.py, signal.py, ndimage.py; implicit.py solutions of equations, for optimize.py and
integrate.py; sparse.py matrices with few entries.
"""

from importlib import import_module
from typing import Any

try:
    import scipy as scipy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('tinygrad_np.scipy needs SciPy: pip install "tinygrad_np[all]"') from error

PUBLIC = "integrate linalg ndimage optimize signal sparse special stats".split()


def __getattr__(name: str) -> Any:
    if name in PUBLIC:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(PUBLIC)}")


def __dir__() -> list[str]:
    return list(PUBLIC)

"""SciPy's functions on tensors, by SciPy's own names: special linalg stats signal optimize integrate ndimage sparse.

`scipy.special.erf(t)` and every other ufunc of the table work on a Tensor as they are; the functions of SciPy that
are not ufuncs convert their arguments, so this package offers them again, for arrays and tensors alike.
"""

try:
    import scipy as scipy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('tinygrad_np.scipy needs SciPy: pip install "tinygrad_np[all]"') from error

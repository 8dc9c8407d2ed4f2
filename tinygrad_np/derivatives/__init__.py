"""The calculus, a row a function, in NumPy's own families. Importing the package fills the table."""

from . import (  # noqa: F401
    calculus,
    decompositions,
    elementwise,
    fft,
    filling,
    histograms,
    indexing,
    joining,
    linalg,
    padding,
    pieces,
    plain,
    products,
    reductions,
    shape,
    singular_values,
    statistics,
)

"""The calculus, a row a function, in NumPy's own families. Importing the package fills the table."""

from . import calculus, decompositions, elementwise, fft, filling, indexing, joining, padding, linalg, pieces, plain, products, reductions, shape, statistics  # noqa: F401

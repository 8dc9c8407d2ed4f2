"""The calculus, a row a function, in NumPy's own families. Importing the package fills the table."""

from . import elementwise, indexing, joining, plain, products, reductions, shape  # noqa: F401

"""The calculus, a row a function, in NumPy's own families. Importing the package fills the table.

In reading order: elementwise.py numbers, reductions.py sums, shape.py other shapes, joining.py arrays joined and
split, emath.py np.emath, pieces.py functions made of pieces, differences.py differences, histograms.py histograms,
products.py products, polynomials.py products of polynomials, interpolation.py between points, fft.py Fourier
transforms, indexing.py places, statistics.py means and quantiles, filling.py assignments by other names, padding.py
borders, creation.py new arrays, matrices.py the words of these, linalg.py matrices, norms.py norms, determinants.py
determinants, coincidence.py where eigenvalues coincide, decompositions.py decompositions, singular_values.py singular
values, plain.py what has no derivative, coverage.py all of it as data.
"""

from . import (
    creation,
    decompositions,
    determinants,
    differences,
    elementwise,
    emath,
    fft,
    filling,
    histograms,
    indexing,
    interpolation,
    joining,
    linalg,
    norms,
    padding,
    pieces,
    plain,
    polynomials,
    products,
    reductions,
    shape,
    singular_values,
    statistics,
)

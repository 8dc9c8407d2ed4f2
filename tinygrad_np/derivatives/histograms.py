"""Histograms: a count is a step in the data, and linear in the weights, which fall where the data are."""

import numpy as np

from ..table import composed, scatter, values_of

BINS = np.array([0, 2, 2, 5])
DATA = np.array([[0.1, 0.5, 0.5, 2.0], [0.7, 0.2, 0.3, 0.9]])


@composed(np.bincount, cases=[lambda f, A: f(BINS, A(4)), lambda f, A: f(BINS, weights=A(4), minlength=8)])
def bincount(x, weights=None, minlength=0):
    x = values_of(x)
    if not hasattr(weights, "node"):
        return np.bincount(x, weights, minlength)
    return scatter(np.astype(weights, float), x, (max(minlength, np.max(x, initial=-1) + 1),))


def gathered(columns, edges, weights, density):
    """The weights summed over the bins between the edges of each column; the last bin is closed."""
    inside = np.all([(e[0] <= c) & (c <= e[-1]) for c, e in zip(columns, edges)], axis=0)
    places = tuple(np.where(c == e[-1], len(e) - 2, np.searchsorted(e, c, "right") - 1)[inside]
                   for c, e in zip(columns, edges))
    counts = scatter(np.ravel(weights)[inside], places, tuple(len(e) - 1 for e in edges))
    if not density:
        return counts
    for axis, e in enumerate(edges):
        counts = counts / np.reshape(np.diff(e), [-1 if i == axis else 1 for i in range(len(edges))])
    return counts / np.sum(np.ravel(weights)[inside])


@composed(np.histogram, cases=[lambda f, A: f(DATA[0], 3, weights=A(4))[0],
                               lambda f, A: f(DATA[0], [0, 0.5, 1], None, True, A(4) ** 2 + 1)[0]])
def histogram(a, bins=10, range=None, density=None, weights=None):
    if not hasattr(weights, "node"):
        return np.histogram(values_of(a), bins, range, density, weights)
    edges = np.histogram_bin_edges(values_of(a), bins, range, values_of(weights))
    return gathered([np.ravel(values_of(a))], [edges], weights, density), edges


@composed(np.histogramdd, cases=[lambda f, A: f(DATA.T, (2, 3), None, True, A(4) ** 2 + 1)[0]])
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    sample = tuple(map(values_of, sample)) if isinstance(sample, (list, tuple)) else values_of(sample)
    if not hasattr(weights, "node"):
        return np.histogramdd(sample, bins, range, density, weights)
    _, edges = np.histogramdd(sample, bins, range)
    columns = [np.ravel(c) for c in (sample if isinstance(sample, tuple) else np.atleast_2d(sample.T))]
    return gathered(columns, edges, np.astype(weights, float), density), edges


@composed(np.histogram2d, cases=[lambda f, A: f(DATA[0], DATA[1], 2, weights=A(4))[0]])
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    x, y = values_of(x), values_of(y)
    if not hasattr(weights, "node"):
        return np.histogram2d(x, y, bins, range, density, weights)
    _, *edges = np.histogram2d(x, y, bins, range)
    return gathered([x, y], edges, np.astype(weights, float), density), *edges

"""Histograms: a count is a step in the data and linear in the weights; edges move with the ends of what they divide."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.facts import ANY
from ..engine.operation import NotDifferentiable
from ..engine.places import scatter
from ..engine.table import composed
from .joining import as_operand

BINS = np.array([0, 2, 2, 5])
DATA = np.array([[0.1, 0.5, 0.5, 2.0], [0.7, 0.2, 0.3, 0.9]])
SPOTS = np.array([0.0, 0.5, 0.6, 2.4, 3.0])


def inside_bins(x):
    """Data none of which is near an inner edge, where a count jumps."""
    return SPOTS + 0.05 * np.tanh(x)


@composed(np.bincount, cases=[lambda f, A: f(BINS, A(4)), lambda f, A: f(BINS, weights=A(4), minlength=8)])
def bincount(x, weights=None, minlength=0):
    x = array_of(x)
    if not hasattr(weights, "_node"):
        return np.bincount(x, weights, minlength)
    return scatter(np.astype(weights, float), x, (max(minlength, np.max(x, initial=-1) + 1),))


@composed(np.histogram_bin_edges, shape_from=ANY, cases=[
    lambda f, A: f(inside_bins(A(5)), 3), lambda f, A: f(inside_bins(A(5)), "sqrt"),
    lambda f, A: f(SPOTS, 2, (A(), 9.0))])
def histogram_bin_edges(a, bins=10, range=None, weights=None):
    span = None if range is None else [array_of(end) if hasattr(end, "_node") else end for end in range]
    edges = np.histogram_bin_edges(array_of(a), array_of(bins) if np.ndim(bins) else bins, span,
                                   None if weights is None else array_of(weights))
    if np.ndim(bins):       # edges that were given
        return bins if hasattr(bins, "_node") else edges
    a = as_operand(a)
    if a.dtype.kind == "c":
        raise NotDifferentiable("histogram: the data are complex, of which NumPy drops the imaginary part; pass x.real")
    first, last = range if range is not None else (np.min(a), np.max(a)) if a.size else (0, 1)
    if array_of(first) == array_of(last):
        first, last = first - 0.5, last + 0.5
    moving = np.astype(np.linspace(first, last, len(edges)), edges.dtype)
    return moving + (edges - array_of(moving))     # to the last digit, which decides where data at an edge belong


def gathered(columns, edges, weights, density):
    """The weights summed over the bins between the edges of each column; the last bin is closed."""
    ends = [array_of(e) for e in edges]
    inside = np.all([(e[0] <= c) & (c <= e[-1]) for c, e in zip(columns, ends)], axis=0)
    places = tuple(np.where(c == e[-1], len(e) - 2, np.searchsorted(e, c, "right") - 1)[inside]
                   for c, e in zip(columns, ends))
    counts = scatter(np.ravel(weights)[inside], places, tuple(len(e) - 1 for e in ends))
    if not density:
        return counts
    total = np.sum(counts)
    for axis, e in enumerate(edges):
        counts = counts / np.reshape(np.diff(e), [-1 if i == axis else 1 for i in range(len(edges))])
    return counts / total


@composed(np.histogram, cases=[lambda f, A: f(DATA[0], 3, weights=A(4))[0],
                               lambda f, A: f(inside_bins(A(5)), 3, density=True),
                               lambda f, A: f(DATA[0], [0, 0.5, 1], None, True, A(4) ** 2 + 1)[0]])
def histogram(a, bins=10, range=None, density=None, weights=None):
    edges = as_operand(np.histogram_bin_edges(a, bins, range, weights))
    if weights is None and not density:
        return np.histogram(array_of(a), array_of(edges))[0], edges
    weights = np.ones(np.shape(a)) if weights is None else weights
    return gathered([np.ravel(array_of(a))], [edges], weights, density), edges


def several(bins) -> bool:
    """Whether there is more than a number of bins; lists of edges may differ in their lengths."""
    return isinstance(bins, (list, tuple)) or np.ndim(bins) > 0


def edges_of(columns, bins, ranges):
    """The edges of each column, from one number of bins, or from a number or edges for each."""
    n = len(columns)
    bins = list(bins) if several(bins) else [bins] * n
    ranges = [None] * n if ranges is None else list(ranges)
    for what, found in (("numbers of bins or edges", bins), ("ranges", ranges)):
        if len(found) != n:
            raise ValueError(f"histogramdd: found {len(found)} {what}; expected {n}, one a column")
    return [as_operand(np.histogram_bin_edges(as_operand(column), b, r))
            for column, b, r in zip(columns, bins, ranges)]


@composed(np.histogramdd, cases=[lambda f, A: f(DATA.T, (2, 3), None, True, A(4) ** 2 + 1)[0],
                                lambda f, A: f([inside_bins(A(5)), SPOTS], (3, 2), density=True)[0]])
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    columns = list(sample) if isinstance(sample, (list, tuple)) else list(np.atleast_2d(sample.T))
    columns = [np.ravel(c) for c in columns]
    edges = edges_of(columns, bins, range)
    weights = np.ones(columns[0].shape) if weights is None else np.astype(weights, float)
    return gathered([array_of(c) for c in columns], edges, weights, density), edges


@composed(np.histogram2d, cases=[lambda f, A: f(DATA[0], DATA[1], 2, weights=A(4))[0],
                               lambda f, A: f(inside_bins(A(5)), SPOTS, [3, 2], density=True)[0],
                               lambda f, A: f(DATA[0], DATA[1], [2, [0, 0.3, 0.8, 1]], DATA[:, ::3], weights=A(4))[0]])
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    bins = [bins, bins] if several(bins) and len(bins) > 2 else bins
    counts, edges = np.histogramdd([x, y], bins, range, density, weights)
    return counts, *edges

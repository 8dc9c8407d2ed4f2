"""One example of each species of bug that people write, and the sentence by which the report names it."""

from . import arrays, calls, inputs, orders, places, reductions, values
from .entry import SPECIES, A, B, V, op

__all__ = ["SPECIES", "A", "B", "V", "op", "arrays", "calls", "inputs", "orders", "places", "reductions", "values"]

"""How a species is entered: a wrong operation, its inputs, the failure, and a word of the report."""

import numpy as np

from tinygrad_np import primitive

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.625]])
B = np.array([[1.25, 0.5, -0.5], [-1.0, 2.0, 0.75], [0.25, -1.5, 1.75]])
V = np.array([0.5, -1.5, 2.0, 1.25])
SPECIES = {}


def species(inputs, kind, says="", **options):
    """A wrong operation, the inputs that it is checked on (None: drawn), the failure, and a word of the
    report.
    """

    def enter(make):
        SPECIES[make.__name__] = make, inputs, kind, says, options
        return make

    return enter


def op(forward, *rules, **options):
    made = primitive(forward)
    made.__name__ = "op"
    made.defvjp(*rules, **options)
    return made


def rows_of(*parts):
    return np.concatenate(parts)
